//! Where the next page goes on: in the link itself, signed, tied to the `t` of the first page.
//!
//! Shape of a token: base64url of the byte 1, t (8 bytes), a hash of the query (8), the kind of position (1), the position, and the
//! first 16 bytes of an HMAC-SHA-256 of all that. Positions: 1, a number (8) and the place of its type (2); 2, how many matches lie before
//! (8); 3, an index row; 4, a number (8) among the matches without a row; 5, the t (8) of a
//! change and its place in the transaction (8); 6, a text.

use sha2::{Digest, Sha256};
use storage::T;

/// A place between two pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Continuation {
    /// The transaction as of which all pages answer.
    pub t: T,
    /// Where to go on.
    pub(crate) position: Position,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    /// Behind this number, of the type at this place.
    Number(u16, u64),
    /// Behind so many matches.
    Place(u64),
    /// Behind this row, in the order of the rows.
    Row(Vec<u8>),
    /// Behind this change: its t, and its place in the transaction.
    Change(u64, u64),
    /// Behind this number, among those without a row: all rows are behind.
    Rest(u64),
    /// Whatever this text means to who wrote it: of pages that no search makes.
    Told(String),
}

/// Why a token leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContinuationError {
    /// It was not made here, or was changed.
    #[error("the link was not made by this server")]
    Forged,
    /// It belongs to another query.
    #[error("the link belongs to another search")]
    OtherQuery,
}

const FORM: u8 = 1;
const SIGNED: usize = 16;

impl Continuation {
    /// A place that a text names, in pages that no search makes: a history, an operation.
    pub fn told(t: T, place: String) -> Continuation {
        Continuation { t, position: Position::Told(place) }
    }

    /// The text of such a place.
    pub fn place(&self) -> Option<&str> {
        match &self.position {
            Position::Told(place) => Some(place),
            _ => None,
        }
    }

    /// The text of the token. `key`: the server's secret; `query`: the whole search, as far as it decides about matches and their order.
    pub fn encode(&self, key: &[u8], query: &str) -> String {
        let mut bytes = vec![FORM];
        bytes.extend_from_slice(&self.t.to_be_bytes());
        bytes.extend_from_slice(&crate::key::hash::<8>(query.as_bytes()));
        match &self.position {
            Position::Number(of_type, number) => {
                bytes.push(1);
                bytes.extend_from_slice(&number.to_be_bytes());
                bytes.extend_from_slice(&of_type.to_be_bytes());
            }
            Position::Place(place) => {
                bytes.push(2);
                bytes.extend_from_slice(&place.to_be_bytes());
            }
            Position::Row(row) => {
                bytes.push(3);
                bytes.extend_from_slice(row);
            }
            Position::Rest(number) => {
                bytes.push(4);
                bytes.extend_from_slice(&number.to_be_bytes());
            }
            Position::Change(t, ordinal) => {
                bytes.push(5);
                bytes.extend_from_slice(&t.to_be_bytes());
                bytes.extend_from_slice(&ordinal.to_be_bytes());
            }
            Position::Told(text) => {
                bytes.push(6);
                bytes.extend_from_slice(text.as_bytes());
            }
        }
        let signature = hmac(key, &bytes);
        bytes.extend_from_slice(signature.get(..SIGNED).unwrap_or(&[]));
        base64(&bytes)
    }

    /// Reads a token.
    ///
    /// # Errors
    /// See [`ContinuationError`].
    pub fn decode(text: &str, key: &[u8], query: &str) -> Result<Continuation, ContinuationError> {
        let bytes = unbase64(text).ok_or(ContinuationError::Forged)?;
        let signed = bytes.len().checked_sub(SIGNED).and_then(|at| bytes.split_at_checked(at));
        let (signed, signature) = signed.ok_or(ContinuationError::Forged)?;
        // Every byte is compared, so that the time tells nothing.
        let difference = hmac(key, signed).iter().zip(signature).fold(0, |found, (a, b)| found | (a ^ b));
        if difference != 0 {
            return Err(ContinuationError::Forged);
        }
        let (t, hash, position) = fields(signed).ok_or(ContinuationError::Forged)?;
        if hash != crate::key::hash::<8>(query.as_bytes()) {
            return Err(ContinuationError::OtherQuery);
        }
        Ok(Continuation { t, position })
    }
}

fn fields(signed: &[u8]) -> Option<(T, [u8; 8], Position)> {
    let (form, rest) = signed.split_first()?;
    let (t, rest) = rest.split_first_chunk::<8>()?;
    let (hash, rest) = rest.split_first_chunk::<8>()?;
    let (mode, rest) = rest.split_first()?;
    let number = || rest.first_chunk::<8>().copied().map(u64::from_be_bytes);
    let position = match (form, mode) {
        (&FORM, 1) => Position::Number(u16::from_be_bytes(*rest.get(8..)?.first_chunk::<2>()?), number()?),
        (&FORM, 2) => Position::Place(number()?),
        (&FORM, 3) => Position::Row(rest.to_vec()),
        (&FORM, 4) => Position::Rest(number()?),
        (&FORM, 5) => Position::Change(number()?, u64::from_be_bytes(*rest.get(8..)?.first_chunk::<8>()?)),
        (&FORM, 6) => Position::Told(String::from_utf8(rest.to_vec()).ok()?),
        _ => return None,
    };
    Some((u64::from_be_bytes(*t), *hash, position))
}

/// <https://www.rfc-editor.org/rfc/rfc2104>
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0u8; 64];
    let hashed;
    let key = if key.len() > block.len() {
        hashed = Sha256::digest(key);
        hashed.as_slice()
    } else {
        key
    };
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    let keyed = |pad: u8, message: &[u8]| -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update(block.map(|byte| byte ^ pad));
        hasher.update(message);
        hasher.finalize().into()
    };
    keyed(0x5c, &keyed(0x36, message))
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..=chunk.len() {
            let digit = (bits >> (18 - 6 * at)) & 63;
            text.push(ALPHABET.get(digit as usize).map_or('A', |byte| char::from(*byte)));
        }
    }
    text
}

fn unbase64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let (mut bits, mut count) = (0u32, 0);
    for byte in text.bytes() {
        let digit = ALPHABET.iter().position(|known| *known == byte)?;
        bits = bits << 6 | u32::try_from(digit).ok()?;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_only_as_it_was_made() {
        for position in [
            Position::Number(3, 1 << 47),
            Position::Place(40),
            Position::Row(vec![9; 30]),
            Position::Rest(5),
            Position::Change(3, 9),
            Position::Told("3.9".to_owned()),
        ] {
            let made = Continuation { t: 7, position };
            let text = made.encode(b"secret", "Patient?name=x");
            assert_eq!(Continuation::decode(&text, b"secret", "Patient?name=x"), Ok(made.clone()));
            assert_eq!(Continuation::decode(&text, b"other", "Patient?name=x"), Err(ContinuationError::Forged));
            assert_eq!(Continuation::decode(&text, b"secret", "Patient?name=y"), Err(ContinuationError::OtherQuery));
            for at in 0..text.len() {
                let mut changed = text.clone().into_bytes();
                changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
                let changed = String::from_utf8(changed).unwrap();
                let read = Continuation::decode(&changed, b"secret", "Patient?name=x");
                // The last digit may carry bits that mean nothing.
                assert!(read.is_err() || at == text.len() - 1, "{at}");
            }
        }
        assert_eq!(Continuation::decode("", b"secret", ""), Err(ContinuationError::Forged));
        assert_eq!(Continuation::decode("é", b"secret", ""), Err(ContinuationError::Forged));
    }

    #[test]
    fn the_signature_is_hmac_sha_256() {
        // RFC 4231, test case 2.
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let found: String =
            hmac(b"Jefe", b"what do ya want for nothing?").iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(found, expected);
    }
}
