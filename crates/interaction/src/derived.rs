//! Ids that follow from what they name, so that the same document pushed twice is the same resource.

use model::uuid_text;
use sha2::{Digest, Sha256};

/// A UUID of version 8 (RFC 9562, section 5.8) made of the SHA-256 of the parts, each ended by a zero byte.
pub(crate) fn id(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    let hash = hasher.finalize();
    let bits = hash.iter().take(16).fold(0u128, |bits, byte| bits << 8 | u128::from(*byte));
    uuid_text(bits & !(0xf << 76) & !(3 << 62) | 8 << 76 | 2 << 62)
}

#[cfg(test)]
mod tests {
    use super::id;

    #[test]
    fn parts_are_told_apart_and_give_a_uuid() {
        let one = id(&["Patient", "urn:oid:2.999", "1"]);
        assert_eq!(one, id(&["Patient", "urn:oid:2.999", "1"]));
        assert_ne!(one, id(&["Patient", "urn:oid:2.9991", ""]));
        assert_eq!((one.len(), one.as_bytes()[14], crate::target::is_id(&one)), (36, b'8', true));
    }
}
