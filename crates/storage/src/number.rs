//! The internal number of a resource, and the bucket inside it.
//!
//! Index rows and versions carry numbers instead of ids: 6 bytes instead of some 40. The bucket comes first, so that all rows of
//! a bucket lie together under one search key and can move to another shard together.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::ordered::take;

/// Where a resource belongs: 0–255 by its patient compartment, 256–511 when it belongs to no patient. 9 bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bucket(u16);

impl Bucket {
    /// The bucket of a patient compartment: the first byte of the SHA-256 of the patient's logical id, as UTF-8.
    pub fn of_patient(id: &str) -> Bucket {
        Bucket(u16::from(first_byte(&[id])))
    }

    /// The bucket of a resource in no patient compartment: 256 + the first byte of the SHA-256 of `type/id`.
    pub fn of_no_patient(type_name: &str, id: &str) -> Bucket {
        Bucket(256 + u16::from(first_byte(&[type_name, "/", id])))
    }

    /// The bucket with this number; `None` from 512 on.
    pub fn from_number(number: u16) -> Option<Bucket> {
        (number < 512).then_some(Bucket(number))
    }

    /// 0–255: by patient compartment; 256–511: no patient.
    pub fn number(self) -> u16 {
        self.0
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bucket {}", self.0)
    }
}

fn first_byte(parts: &[&str]) -> u8 {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.as_bytes());
    }
    hasher.finalize().first().copied().unwrap_or(0)
}

/// The internal number of a resource: 48 bits, the bucket (9) and a sequence (39) that counts the resources of a store in the
/// order of their creation. It never changes, except that a resource whose bucket changes gets another one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number(u64);

/// Bits of the sequence in a [`Number`].
const SEQUENCE_BITS: u32 = 39;

impl Number {
    /// Bytes of a number in keys.
    pub const LENGTH: usize = 6;

    /// The first sequence that does not fit: 2^39 resources per store.
    pub(crate) const SEQUENCE_END: u64 = 1 << SEQUENCE_BITS;

    pub(crate) fn new(bucket: Bucket, sequence: u64) -> Number {
        Number(u64::from(bucket.0) << SEQUENCE_BITS | (sequence & (Number::SEQUENCE_END - 1)))
    }

    /// The bucket in the high bits.
    pub fn bucket(self) -> Bucket {
        Bucket((self.0 >> SEQUENCE_BITS) as u16)
    }

    /// The order of creation in this store, from 1.
    pub fn sequence(self) -> u64 {
        self.0 & (Number::SEQUENCE_END - 1)
    }

    /// All 48 bits, for compact sets of numbers.
    pub fn get(self) -> u64 {
        self.0
    }

    /// The number with these bits; `None` when it has more than 48.
    pub fn from_bits(bits: u64) -> Option<Number> {
        (bits >> 48 == 0).then_some(Number(bits))
    }

    /// 6 bytes, most significant first: byte order is number order.
    pub fn to_bytes(self) -> [u8; Number::LENGTH] {
        let [_, _, a, b, c, d, e, f] = self.0.to_be_bytes();
        [a, b, c, d, e, f]
    }

    /// The number at the end of an index row's key, and the search key before it.
    pub fn split_row(row: &[u8]) -> Option<(&[u8], Number)> {
        let (key, number) = row.split_last_chunk::<{ Number::LENGTH }>()?;
        Some((key, Number::from_bytes(*number)))
    }

    /// The number of these 6 bytes.
    pub fn from_bytes(bytes: [u8; Number::LENGTH]) -> Number {
        let [a, b, c, d, e, f] = bytes;
        Number(u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
    }

    pub(crate) fn take(bytes: &mut &[u8]) -> Option<Number> {
        let taken = take(bytes, Number::LENGTH)?;
        Some(Number::from_bytes(taken.try_into().ok()?))
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.bucket().0, self.sequence())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_and_sequence_share_six_bytes() {
        let bucket = Bucket::from_number(511).unwrap();
        let number = Number::new(bucket, Number::SEQUENCE_END - 1);
        assert_eq!(number.bucket(), bucket);
        assert_eq!(number.sequence(), Number::SEQUENCE_END - 1);
        assert_eq!(number.to_bytes(), [255; 6]);
        assert_eq!(Number::from_bytes(number.to_bytes()), number);
        assert_eq!(Number::split_row(b"key\xff\xff\xff\xff\xff\xff"), Some((b"key".as_slice(), number)));
        assert_eq!(Bucket::from_number(512), None);
    }

    #[test]
    fn buckets_are_hashes_that_anybody_can_compute() {
        // printf 'alice' | sha256sum begins with 2b, printf 'Organization/1' | sha256sum with b9.
        assert_eq!(Bucket::of_patient("alice").number(), 0x2b);
        assert_eq!(Bucket::of_no_patient("Organization", "1").number(), 256 + 0xb9);
        assert_ne!(Bucket::of_patient("alice"), Bucket::of_no_patient("Patient", "alice"));
    }
}
