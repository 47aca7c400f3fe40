//! Rows of the spaces `commits` and `changes`: what each transaction changed, chained by checksum.

use sha2::{Digest, Sha256};

use crate::commit::Method;
use crate::number::Number;
use crate::ordered::{put_ordered, put_signed, put_varint, take, take_ordered, take_signed, take_varint};
use crate::store::Instant;

/// The checksum that a commit hands to the next: the first 16 bytes of a SHA-256.
pub(crate) type Chain = [u8; 16];

/// The key in `commits`: `t` as an ordered number.
pub(crate) fn commit_key(t: u64) -> Vec<u8> {
    let mut key = Vec::with_capacity(8);
    put_ordered(&mut key, t);
    key
}

/// The `t` of a key in `commits`.
pub(crate) fn read_commit_key(mut key: &[u8]) -> Option<u64> {
    let t = take_ordered(&mut key)?;
    key.is_empty().then_some(t)
}

/// The key in `changes`: the type code (2 bytes), then `t` as an ordered number. The value: the number of live resources of the
/// type after `t`, as a varint.
pub(crate) fn changes_key(type_code: u16, t: u64) -> Vec<u8> {
    let mut key = Vec::with_capacity(10);
    key.extend_from_slice(&type_code.to_be_bytes());
    put_ordered(&mut key, t);
    key
}

/// One change in a commit row: which version of which number came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChangeRow {
    pub(crate) type_code: u16,
    pub(crate) method: Method,
    pub(crate) number: Number,
    pub(crate) version: u64,
}

/// The value in `commits`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CommitRow {
    pub(crate) chain: Chain,
    pub(crate) instant: Instant,
    /// The sequence of the last number given out up to and including this commit.
    pub(crate) sequence: u64,
    /// How many events this commit wrote to `log`.
    pub(crate) events: u64,
    /// The first 16 bytes of the SHA-256 over the content hashes of all changes and over the events.
    pub(crate) content: Chain,
    pub(crate) changes: Vec<ChangeRow>,
}

impl CommitRow {
    /// The row, with its chain computed from the one before.
    pub(crate) fn encode(&mut self, before: &Chain, t: u64) -> Vec<u8> {
        let mut rest = Vec::with_capacity(40 + self.changes.len() * 12);
        put_signed(&mut rest, self.instant.0);
        put_varint(&mut rest, self.sequence);
        put_varint(&mut rest, self.events);
        rest.extend_from_slice(&self.content);
        put_varint(&mut rest, self.changes.len() as u64);
        for change in &self.changes {
            put_varint(&mut rest, u64::from(change.type_code) << 4 | u64::from(change.method.number()));
            rest.extend_from_slice(&change.number.to_bytes());
            put_varint(&mut rest, change.version);
        }
        self.chain = next_chain(before, t, &rest);
        let mut row = Vec::with_capacity(rest.len() + 16);
        row.extend_from_slice(&self.chain);
        row.extend_from_slice(&rest);
        row
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<CommitRow> {
        let (mut row, count, mut rest) = CommitRow::decode_without_changes(bytes)?;
        row.changes.reserve(usize::try_from(count).ok()?.min(rest.len()));
        for _ in 0..count {
            let type_and_method = take_varint(&mut rest)?;
            row.changes.push(ChangeRow {
                type_code: u16::try_from(type_and_method >> 4).ok()?,
                method: Method::from_number((type_and_method & 15) as u8)?,
                number: Number::take(&mut rest)?,
                version: take_varint(&mut rest)?,
            });
        }
        rest.is_empty().then_some(row)
    }

    /// The row with `changes` left empty, their count, and the undecoded rest.
    pub(crate) fn decode_without_changes(mut bytes: &[u8]) -> Option<(CommitRow, u64, &[u8])> {
        let row = CommitRow {
            chain: take(&mut bytes, 16)?.try_into().ok()?,
            instant: Instant(take_signed(&mut bytes)?),
            sequence: take_varint(&mut bytes)?,
            events: take_varint(&mut bytes)?,
            content: take(&mut bytes, 16)?.try_into().ok()?,
            changes: Vec::new(),
        };
        let count = take_varint(&mut bytes)?;
        Some((row, count, bytes))
    }
}

/// Whether `row`, the value at `t`, follows a commit whose chain is `before`.
pub(crate) fn continues(before: &Chain, t: u64, row: &[u8]) -> bool {
    row.split_at_checked(16).is_some_and(|(chain, rest)| chain == next_chain(before, t, rest))
}

/// The checksum of a commit: the first 16 bytes of SHA-256(chain before, `t` in 8 bytes, the row without its chain).
fn next_chain(before: &Chain, t: u64, rest: &[u8]) -> Chain {
    let mut hasher = Sha256::new();
    hasher.update(before);
    hasher.update(t.to_be_bytes());
    hasher.update(rest);
    first_16(hasher)
}

/// The first 16 bytes of a finished SHA-256.
pub(crate) fn first_16(hasher: Sha256) -> Chain {
    let digest: [u8; 32] = hasher.finalize().into();
    digest.first_chunk::<16>().copied().unwrap_or_default()
}

/// The value of `head` in `meta`: where the sequence of commits stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HeadOfCommits {
    pub(crate) t: u64,
    /// The sequence of the last number given out.
    pub(crate) sequence: u64,
    pub(crate) instant: Instant,
    pub(crate) chain: Chain,
    /// The last type code given out.
    pub(crate) type_code: u16,
}

impl HeadOfCommits {
    /// Its key in `meta`.
    pub(crate) const KEY: &'static [u8] = b"head";

    /// The head of a store without commits.
    pub(crate) const EMPTY: HeadOfCommits =
        HeadOfCommits { t: 0, sequence: 0, instant: Instant(i64::MIN), chain: [0; 16], type_code: 0 };

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(40);
        put_varint(&mut out, self.t);
        put_varint(&mut out, self.sequence);
        put_signed(&mut out, self.instant.0);
        put_varint(&mut out, u64::from(self.type_code));
        out.extend_from_slice(&self.chain);
        out
    }

    pub(crate) fn decode(mut bytes: &[u8]) -> Option<HeadOfCommits> {
        let head = HeadOfCommits {
            t: take_varint(&mut bytes)?,
            sequence: take_varint(&mut bytes)?,
            instant: Instant(take_signed(&mut bytes)?),
            type_code: u16::try_from(take_varint(&mut bytes)?).ok()?,
            chain: take(&mut bytes, 16)?.try_into().ok()?,
        };
        bytes.is_empty().then_some(head)
    }
}

/// A key in `log`: `t`, then the ordinal of the event in its commit, both as ordered numbers.
pub(crate) fn log_key(t: u64, ordinal: u64) -> Vec<u8> {
    let mut key = commit_key(t);
    put_ordered(&mut key, ordinal);
    key
}

/// The `t` and ordinal of a key in `log`.
pub(crate) fn read_log_key(mut key: &[u8]) -> Option<(u64, u64)> {
    let t = take_ordered(&mut key)?;
    let ordinal = take_ordered(&mut key)?;
    key.is_empty().then_some((t, ordinal))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::Bucket;

    #[test]
    fn rows_come_back_and_a_changed_byte_breaks_the_chain() {
        let mut row = CommitRow {
            chain: [0; 16],
            instant: Instant(-5),
            sequence: 77,
            events: 1,
            content: [3; 16],
            changes: vec![ChangeRow {
                type_code: 900,
                method: Method::Delete,
                number: Number::new(Bucket::of_patient("p"), 70),
                version: 130,
            }],
        };
        let bytes = row.encode(&[9; 16], 12);
        assert_eq!(CommitRow::decode(&bytes), Some(row));
        assert!(continues(&[9; 16], 12, &bytes));
        assert!(!continues(&[8; 16], 12, &bytes));
        assert!(!continues(&[9; 16], 13, &bytes));
        for position in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[position] ^= 1;
            assert!(!continues(&[9; 16], 12, &changed), "byte {position}");
        }
        let head = HeadOfCommits { t: 12, ..HeadOfCommits::EMPTY };
        assert_eq!(HeadOfCommits::decode(&head.encode()), Some(head));
    }
}
