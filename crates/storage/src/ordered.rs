//! Numbers as bytes: in keys so that byte order is number order, in values as short as possible.

/// The first number too large for [`put_ordered`]: 2^61.
pub(crate) const ORDERED_END: u64 = 1 << 61;

/// Appends `n` (below 2^61) so that the byte order of the results is the order of the numbers, and no result is a prefix of
/// another: the three high bits of the first byte count the bytes that follow, the rest is the number, most significant first.
/// 1 byte below 32, 2 below 8,192, 3 below 2,097,152, 4 below 536,870,912.
pub(crate) fn put_ordered(out: &mut Vec<u8>, n: u64) {
    let n = n.min(ORDERED_END - 1);
    let mut more = 0usize;
    while more < 7 && n >> (5 + 8 * more) != 0 {
        more += 1;
    }
    let tag = u64::try_from(more).unwrap_or(7) << 5;
    let bytes = n.to_be_bytes();
    let first = tag | (n >> (8 * more));
    out.push(u8::try_from(first & 0xff).unwrap_or(0));
    out.extend_from_slice(bytes.get(8 - more..).unwrap_or(&[]));
}

/// Reads what [`put_ordered`] wrote at the start of `bytes`, and moves `bytes` behind it.
pub(crate) fn take_ordered(bytes: &mut &[u8]) -> Option<u64> {
    let (first, rest) = bytes.split_first()?;
    let more = usize::from(first >> 5);
    let (low, rest) = rest.split_at_checked(more)?;
    let mut n = u64::from(first & 0x1f);
    for byte in low {
        n = n << 8 | u64::from(*byte);
    }
    *bytes = rest;
    Some(n)
}

/// Appends `n` in groups of 7 bits, least significant first; the high bit of a byte says that more follow (LEB128).
pub(crate) fn put_varint(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push((n & 0x7f) as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// Reads what [`put_varint`] wrote, and moves `bytes` behind it; `None` when it ends early or does not fit 64 bits.
pub(crate) fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut n = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let part = u64::from(byte & 0x7f);
        if part << shift >> shift != part {
            return None;
        }
        n |= part << shift;
        if byte & 0x80 == 0 {
            return Some(n);
        }
    }
    None
}

/// Appends a signed number: 0, -1, 1, -2 … become 0, 1, 2, 3 …, then as [`put_varint`].
pub(crate) fn put_signed(out: &mut Vec<u8>, n: i64) {
    put_varint(out, ((n << 1) ^ (n >> 63)).cast_unsigned());
}

/// Reads what [`put_signed`] wrote.
pub(crate) fn take_signed(bytes: &mut &[u8]) -> Option<i64> {
    let n = take_varint(bytes)?;
    Some((n >> 1).cast_signed() ^ -((n & 1).cast_signed()))
}

/// Appends a length and the bytes.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Reads what [`put_bytes`] wrote.
pub(crate) fn take_bytes<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(take_varint(bytes)?).ok()?;
    take(bytes, length)
}

/// Takes `length` bytes from the front.
pub(crate) fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

/// Takes one byte from the front.
pub(crate) fn take_byte(bytes: &mut &[u8]) -> Option<u8> {
    let (first, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(*first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers() -> Vec<u64> {
        let mut numbers: Vec<u64> = (0..61)
            .flat_map(|bit| {
                let n = 1u64 << bit;
                [n - 1, n, n + 1]
            })
            .chain([ORDERED_END - 1])
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    #[test]
    fn byte_order_is_number_order() {
        let encoded: Vec<Vec<u8>> = numbers()
            .into_iter()
            .map(|n| {
                let mut out = Vec::new();
                put_ordered(&mut out, n);
                out
            })
            .collect();
        assert!(encoded.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(encoded[3].len(), 1);
        for (n, bytes) in numbers().into_iter().zip(&encoded) {
            let mut rest = bytes.as_slice();
            assert_eq!(take_ordered(&mut rest), Some(n));
            assert!(rest.is_empty());
        }
        let mut short: &[u8] = &[0x20];
        assert_eq!(take_ordered(&mut short), None);
    }

    #[test]
    fn varints_come_back_and_overflow_is_refused() {
        for n in numbers().into_iter().chain([u64::MAX]) {
            let mut out = Vec::new();
            put_varint(&mut out, n);
            put_signed(&mut out, n.cast_signed());
            put_signed(&mut out, n.cast_signed().wrapping_neg());
            let mut rest = out.as_slice();
            assert_eq!(take_varint(&mut rest), Some(n));
            assert_eq!(take_signed(&mut rest), Some(n.cast_signed()));
            assert_eq!(take_signed(&mut rest), Some(n.cast_signed().wrapping_neg()));
            assert!(rest.is_empty());
        }
        assert_eq!(take_varint(&mut [0xff; 10].as_slice()), None);
        assert_eq!(take_varint(&mut [0xff; 3].as_slice()), None);
    }
}
