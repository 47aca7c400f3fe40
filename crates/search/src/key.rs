//! The pieces of an index key: encodings whose byte order is the order of the values, and which tell where they end.
//!
//! A key is the prefix of a parameter ([`crate::Parameter::prefix`]) and a value; `docs/search.md` shows each kind of value
//! byte by byte. The crate `storage` puts the resource's number behind it.

use model::Decimal;
use sha2::{Digest, Sha256};

/// Behind a text that is here as a whole.
pub(crate) const WHOLE: u8 = 0;
/// Behind a text that goes on.
pub(crate) const CUT: u8 = 1;

/// The most significant bytes of a SHA-256.
pub(crate) fn hash<const N: usize>(text: &[u8]) -> [u8; N] {
    let digest = Sha256::digest(text);
    let mut out = [0; N];
    for (to, from) in out.iter_mut().zip(digest) {
        *to = from;
    }
    out
}

/// At most `most` bytes of `text`, cut between characters.
pub(crate) fn head(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or(text)
}

/// Appends a text that must be found again exactly: up to `most` bytes as they are and 0; a longer one cut, with 1 and 16
/// bytes of its SHA-256. A byte below 2 inside the text is written as 2.
pub(crate) fn put_exact(out: &mut Vec<u8>, text: &str, most: usize) {
    put_text(out, head(text, most));
    if text.len() <= most {
        out.push(WHOLE);
    } else {
        out.push(CUT);
        out.extend_from_slice(&hash::<16>(text.as_bytes()));
    }
}

/// Appends the bytes of a text; what could be taken for its end is written as 2.
pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend(text.bytes().map(|byte| byte.max(2)));
}

/// What a text in a key is followed by: whether all of it was there, and the rest of the key.
pub(crate) struct Taken<'k> {
    /// The text, as far as the key has it.
    pub(crate) text: &'k [u8],
    /// Whether that is all of it.
    pub(crate) whole: bool,
    /// What follows its end, the hash of a cut text included.
    pub(crate) rest: &'k [u8],
}

/// Reads a text up to its end mark.
pub(crate) fn take_text(key: &[u8]) -> Option<Taken<'_>> {
    let end = key.iter().position(|byte| *byte < 2)?;
    let (text, rest) = key.split_at_checked(end)?;
    let (mark, rest) = rest.split_first()?;
    Some(Taken { text, whole: *mark == WHOLE, rest })
}

/// Reads what [`put_exact`] wrote: the text, whether it is whole, and what follows its hash.
pub(crate) fn take_exact(key: &[u8]) -> Option<Taken<'_>> {
    let taken = take_text(key)?;
    match taken.whole {
        true => Some(taken),
        false => Some(Taken { rest: taken.rest.get(16..)?, ..taken }),
    }
}

/// The 16 bytes of a UUID in its canonical lower-case text.
pub(crate) fn uuid(text: &str) -> Option<[u8; 16]> {
    let text = text.as_bytes();
    if text.len() != 36 {
        return None;
    }
    let mut bytes = [0u8; 16];
    let mut digits = 0;
    for (at, byte) in text.iter().enumerate() {
        let digit = match byte {
            b'-' if matches!(at, 8 | 13 | 18 | 23) => continue,
            _ if matches!(at, 8 | 13 | 18 | 23) => return None,
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        let place = bytes.get_mut(digits / 2)?;
        *place = *place << 4 | digit;
        digits += 1;
    }
    Some(bytes)
}

/// The canonical text of a UUID.
pub(crate) fn uuid_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
    }
    text
}

/// Exponents that share the first byte with the sign.
const NEAR: i32 = 50;

/// Appends a decimal so that byte order is the order of values, whatever their precision: `1.50` and `1.5` are the same bytes.
///
/// Zero is 80. A positive number `0.d₁d₂d₃… × 10^e` is a byte 82+50+e (81 or E8 and two bytes of e, where |e| > 50), then its
/// digits in pairs, each pair plus 1 in a byte, then 0. A negative number is the complement of all bytes of its opposite.
pub(crate) fn put_decimal(out: &mut Vec<u8>, value: Decimal) {
    let value = value.normalized();
    if value.coefficient() == 0 {
        out.push(0x80);
        return;
    }
    let start = out.len();
    let digits = value.coefficient().unsigned_abs().to_string();
    let exponent = i32::try_from(digits.len()).unwrap_or(0) - value.scale();
    if !(-NEAR..=NEAR).contains(&exponent) {
        out.push(if exponent < 0 { 0x81 } else { 0xE8 });
        let biased = u16::try_from(exponent + 0x4000).unwrap_or(0);
        out.extend_from_slice(&biased.to_be_bytes());
    } else {
        out.push(u8::try_from(0x82 + NEAR + exponent).unwrap_or(0x82));
    }
    for pair in digits.as_bytes().chunks(2) {
        let high = pair.first().map_or(0, |digit| digit - b'0');
        let low = pair.get(1).map_or(0, |digit| digit - b'0');
        out.push(high * 10 + low + 1);
    }
    out.push(0);
    if value.coefficient() < 0 {
        for byte in out.iter_mut().skip(start) {
            *byte = !*byte;
        }
    }
}

/// Reads what [`put_decimal`] wrote at the start of `key`, and what follows.
pub(crate) fn take_decimal(key: &[u8]) -> Option<(Decimal, &[u8])> {
    let (first, mut rest) = key.split_first()?;
    if *first == 0x80 {
        return Some((Decimal::new(0, 0)?, rest));
    }
    let negative = *first < 0x80;
    let plain = |byte: u8| if negative { !byte } else { byte };
    let exponent = match plain(*first) {
        0x81 | 0xE8 => {
            let (biased, after) = rest.split_first_chunk::<2>()?;
            rest = after;
            i32::from(u16::from_be_bytes(biased.map(plain))) - 0x4000
        }
        byte => i32::from(byte) - 0x82 - NEAR,
    };
    let mut coefficient: i128 = 0;
    let mut digits = 0;
    loop {
        let (byte, after) = rest.split_first()?;
        rest = after;
        let pair = match plain(*byte) {
            0 => break,
            pair => i128::from(pair) - 1,
        };
        coefficient = coefficient.checked_mul(100)?.checked_add(pair)?;
        digits += 2;
    }
    let coefficient = if negative { -coefficient } else { coefficient };
    Some((Decimal::new(coefficient, digits - exponent)?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        put_decimal(&mut out, Decimal::parse(text).unwrap());
        out
    }

    #[test]
    fn byte_order_of_decimals_is_their_order() {
        let order = [
            "-1e300", "-1e51", "-1000", "-999.99", "-10", "-9.5", "-1", "-0.1", "-1e-60", "0", "1e-300", "1e-60",
            "0.001", "0.0011", "0.1", "0.99", "1", "1.01", "5.4", "9", "9.99", "10", "11", "99", "100", "101", "1e49",
            "1e50", "1e51", "1e300",
        ];
        for pair in order.windows(2) {
            assert!(encoded(pair[0]) < encoded(pair[1]), "{pair:?}");
        }
        for text in order {
            let mut bytes = encoded(text);
            bytes.extend_from_slice(b"xy");
            let (value, rest) = take_decimal(&bytes).unwrap();
            assert_eq!(value, Decimal::parse(text).unwrap(), "{text}");
            assert_eq!(rest, b"xy");
        }
        assert_eq!(encoded("1.50"), encoded("1.5"));
        assert_eq!(encoded("-0.0"), encoded("0"));
        assert!(take_decimal(&[0x90]).is_none());
    }

    #[test]
    fn long_texts_are_cut_and_told_apart_by_their_hash() {
        let (mut a, mut b) = (Vec::new(), Vec::new());
        put_exact(&mut a, &("x".repeat(30) + "1"), 20);
        put_exact(&mut b, &("x".repeat(30) + "2"), 20);
        assert_ne!(a, b);
        assert_eq!(a.len(), 20 + 1 + 16);
        let taken = take_exact(&a).unwrap();
        assert!(!taken.whole && taken.rest.is_empty());
        let mut c = Vec::new();
        put_exact(&mut c, "é", 1);
        assert_eq!(take_exact(&c).unwrap().text, b"");
    }

    #[test]
    fn uuids_take_sixteen_bytes() {
        let text = "0d1b5c9a-0000-4f00-8abc-00ff00ff00ff";
        assert_eq!(uuid_text(&uuid(text).unwrap()), text);
        assert_eq!(uuid("0D1b5c9a-0000-4f00-8abc-00ff00ff00ff"), None);
        assert_eq!(uuid("0d1b5c9a000004f0008abc000ff00ff00ff0"), None);
    }
}
