//! A transaction made ready by the thread that brings it: checked, hashed, compressed, its index keys sorted.

use std::collections::HashSet;

use sha2::{Digest, Sha256};

use crate::commit::{
    CommitError, Effect, Expect, Given, Guard, Method, Outcome, PackedWrite, Refusal, Transaction, Write,
};
use crate::commit_row::{Chain, first_16};
use crate::dictionary::MAX_BODY;
use crate::engine::MAX_KEY;
use crate::number::Bucket;
use crate::reindex::Reindex;
use crate::store::{Inner, Instant};
use crate::version::Packing;

/// The longest index key in bytes, without the number that the store adds.
pub const MAX_INDEX_KEY: usize = 4_096;

/// See the module.
pub(crate) struct Prepared {
    pub(crate) instant: Instant,
    pub(crate) writes: Vec<PreparedWrite>,
    /// Keys ascending, each once; none of a resource that is written.
    pub(crate) reindexed: Vec<Reindex>,
    pub(crate) events: Vec<Vec<u8>>,
    /// With the prefix of state rows.
    pub(crate) state: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// With the prefix of counters.
    pub(crate) added: Vec<(Vec<u8>, i64)>,
    pub(crate) required_state: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    pub(crate) guards: Vec<Guard>,
    pub(crate) blobs: Vec<(Vec<u8>, Vec<u8>)>,
}

/// A [`Write`] made ready.
#[derive(Debug)]
pub(crate) struct PreparedWrite {
    pub(crate) type_name: String,
    pub(crate) id: String,
    pub(crate) bucket: Bucket,
    pub(crate) expect: Expect,
    pub(crate) method: Method,
    pub(crate) unless_same: bool,
    pub(crate) content: Option<PreparedContent>,
}

/// A [`crate::Content`] made ready.
#[derive(Debug)]
pub(crate) struct PreparedContent {
    pub(crate) hash: [u8; 32],
    pub(crate) mark: u64,
    pub(crate) length: u64,
    pub(crate) packing: Packing,
    pub(crate) stored: Vec<u8>,
    /// Ascending, each once.
    pub(crate) index: Vec<Vec<u8>>,
}

impl Prepared {
    /// Checks what can be checked without the store's state, and does what takes time.
    pub(crate) fn new(inner: &Inner, transaction: Transaction) -> Result<Prepared, CommitError> {
        let mut seen = HashSet::with_capacity(transaction.writes.len());
        for (position, write) in transaction.writes.iter().enumerate() {
            let name = match write {
                Given::Plain(write) => {
                    check(position, write)?;
                    (write.type_name.as_str(), write.id.as_str())
                }
                Given::Packed(write) => (write.type_name.as_str(), write.id.as_str()),
            };
            if !seen.insert(name) {
                return Err(refuse(position, Refusal::Twice));
            }
        }
        let mut reindexed = transaction.reindexed;
        reindexed.retain(|reindex| seen_not(&seen, reindex));
        for reindex in &mut reindexed {
            reindex.index.sort_unstable();
            reindex.index.dedup();
            if reindex.index.iter().any(|key| key.len() > MAX_INDEX_KEY) {
                return Err(refuse(0, Refusal::IndexKey));
            }
        }
        drop(seen);
        let state_keys = transaction.state.iter().map(|(key, _)| key);
        let counter_keys = transaction.added.iter().map(|(key, _)| key);
        for (position, key) in state_keys.chain(counter_keys).enumerate() {
            if key.is_empty() || key.len() >= MAX_KEY {
                return Err(refuse(position, Refusal::StateKey));
            }
        }
        let mut writes = Vec::with_capacity(transaction.writes.len());
        for write in transaction.writes {
            writes.push(match write {
                Given::Plain(write) => prepare(inner, write)?,
                Given::Packed(write) => write,
            });
        }
        let state = transaction.state.into_iter();
        let added = transaction.added.into_iter();
        let required = transaction.required_state.into_iter();
        Ok(Prepared {
            instant: transaction.instant,
            writes,
            reindexed,
            events: transaction.events,
            state: state.map(|(key, value)| (state_key(&key), value)).collect(),
            added: added.map(|(key, delta)| (counter_key(&key), delta)).collect(),
            required_state: required.map(|(key, value)| (state_key(&key), value)).collect(),
            guards: transaction.guards,
            blobs: transaction.blobs,
        })
    }

    /// Whether it writes rows besides resources.
    pub(crate) fn writes_rows(&self) -> bool {
        !(self.reindexed.is_empty()
            && self.events.is_empty()
            && self.state.is_empty()
            && self.added.is_empty()
            && self.blobs.is_empty())
    }

    /// The digest of everything that the commit writes once: of each change the content hash (zeros for a deletion) and the
    /// mark (8 bytes), then the SHA-256 of each event.
    pub(crate) fn content_of(&self, outcomes: &[Outcome]) -> Chain {
        let mut digest = Sha256::new();
        for (write, outcome) in self.writes.iter().zip(outcomes) {
            if outcome.effect != Effect::Unchanged {
                digest.update(write.content.as_ref().map_or([0; 32], |content| content.hash));
                digest.update(write.content.as_ref().map_or(0, |content| content.mark).to_be_bytes());
            }
        }
        for event in &self.events {
            digest.update(Sha256::digest(event));
        }
        first_16(digest)
    }
}

fn seen_not(seen: &HashSet<(&str, &str)>, reindex: &Reindex) -> bool {
    !seen.contains(&(reindex.type_name.as_str(), reindex.id.as_str()))
}

/// The key in `state` of a row of the caller.
pub(crate) fn state_key(key: &[u8]) -> Vec<u8> {
    [b"s", key].concat()
}

/// The key in `state` of a counter of the caller.
pub(crate) fn counter_key(key: &[u8]) -> Vec<u8> {
    [b"n", key].concat()
}

fn check(position: usize, write: &Write) -> Result<(), CommitError> {
    let named = |name: &str| (1..=255).contains(&name.len());
    if !named(&write.type_name) || !named(&write.id) {
        return Err(refuse(position, Refusal::Name));
    }
    if let Some(content) = &write.content {
        if content.body.len() > MAX_BODY {
            return Err(refuse(position, Refusal::Body));
        }
        if content.index.iter().any(|key| key.len() > MAX_INDEX_KEY) {
            return Err(refuse(position, Refusal::IndexKey));
        }
    }
    Ok(())
}

impl PackedWrite {
    pub(crate) fn new(inner: &Inner, write: Write) -> Result<PackedWrite, CommitError> {
        check(0, &write)?;
        prepare(inner, write).map(PackedWrite)
    }
}

fn prepare(inner: &Inner, write: Write) -> Result<PreparedWrite, CommitError> {
    let content = match write.content {
        None => None,
        Some(mut content) => {
            content.index.sort_unstable();
            content.index.dedup();
            let type_code = inner.names.code(&write.type_name).unwrap_or(0);
            let (packing, stored) = inner.dictionaries.pack(&*inner.engine, type_code, &content.body)?;
            Some(PreparedContent {
                hash: Sha256::digest(&*content.body).into(),
                mark: content.mark,
                length: content.body.len() as u64,
                packing,
                stored,
                index: content.index,
            })
        }
    };
    Ok(PreparedWrite {
        type_name: write.type_name,
        id: write.id,
        bucket: write.bucket,
        expect: write.expect,
        method: write.method,
        unless_same: write.unless_same,
        content,
    })
}

fn refuse(write: usize, reason: Refusal) -> CommitError {
    CommitError::Unacceptable { write, reason }
}
