//! Ids that follow from content: the same source gives the same ids, on every machine and at any time.

use sha2::{Digest, Sha256};

/// SHA-256 of bytes.
pub(crate) fn hash(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// A UUID (RFC 9562, version 8) from a seed and a name within it, in lower case.
pub(crate) fn uuid(seed: &[u8; 32], name: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(seed);
    hasher.update(name.as_bytes());
    let digest: [u8; 32] = hasher.finalize().into();
    let mut text = String::with_capacity(36);
    for (index, byte) in digest.iter().take(16).enumerate() {
        let byte = match index {
            6 => (byte & 0x0f) | 0x80,
            8 => (byte & 0x3f) | 0x80,
            _ => *byte,
        };
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push(char::from(HEX[usize::from(byte >> 4)]));
        text.push(char::from(HEX[usize::from(byte & 15)]));
    }
    text
}

/// Bytes in hexadecimal, lower case.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
    digits.map(char::from).collect()
}

const HEX: &[u8; 16] = b"0123456789abcdef";

#[cfg(test)]
mod tests {
    use super::{hash, hex, uuid};

    #[test]
    fn ids_depend_on_seed_and_name_only() {
        let seed = hash(b"document");
        let id = uuid(&seed, "/a");
        assert_eq!(id, uuid(&seed, "/a"));
        assert_ne!(id, uuid(&seed, "/b"));
        assert_ne!(id, uuid(&hash(b"other"), "/a"));
        assert_eq!(id.len(), 36);
        assert_eq!(id.as_bytes()[14], b'8');
        assert!(matches!(id.as_bytes()[19], b'8' | b'9' | b'a' | b'b'));
        assert_eq!(hex(&[0, 0xaf]), "00af");
    }
}
