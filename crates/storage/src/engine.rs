//! What the data model asks of a storage engine: ordered key spaces and atomic, durable, conditional commits.
//!
//! The contract suits an embedded library as well as a remote transactional database: reads are single calls (point, batch,
//! bounded scan), there is no engine snapshot to hold, and "as of `t`" comes from the data model above ([`crate::Store`]).
//!
//! It does not: know what rows mean, retry, or compress records (an engine may compress blocks).

use std::ops::Bound;
use std::path::PathBuf;

use crate::slice::Slice;
use crate::space::Space;

/// A scan in progress: rows in key order of the asked direction. Dropping it ends it.
///
/// It sees at least what was committed before it began. Rows committed later may or may not appear.
pub type Scan<'a> = Box<dyn Iterator<Item = Result<(Slice, Slice), EngineError>> + Send + 'a>;

/// An engine: ordered key spaces and atomic, durable, conditional commits. Shared as `Arc<dyn Engine>`.
///
/// Every implementation passes the suite in `tests/engine.rs`.
pub trait Engine: Send + Sync {
    /// The name by which an operator chooses it: `fjall`, `sled`, `memory`.
    fn name(&self) -> &'static str;

    /// Whether other processes may commit to the same data meanwhile. Then a store asks for the last `t` each time, and a batch
    /// must be durable when [`Engine::submit`] returns, and must become visible all at once.
    fn is_shared(&self) -> bool {
        false
    }

    /// The value of `key`, or `None`.
    ///
    /// # Errors
    /// When the engine cannot read; nothing changed.
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Slice>, EngineError>;

    /// The values of `keys`, in their order: one round trip where the engine has one to save.
    ///
    /// # Errors
    /// When the engine cannot read; nothing changed.
    fn get_many(&self, space: Space, keys: &[Vec<u8>]) -> Result<Vec<Option<Slice>>, EngineError> {
        keys.iter().map(|key| self.get(space, key)).collect()
    }

    /// The rows of `range` in key order, or in reverse. The caller stops by dropping it; errors come as items.
    fn scan<'a>(&'a self, space: Space, range: KeyRange, direction: Direction) -> Scan<'a>;

    /// Checks the batch's conditions, gives it its place in the order of commits, and makes it visible to reads of this
    /// engine. It is **not durable** before [`Engine::wait`] returns for its ticket.
    ///
    /// On disk a batch is all or nothing, and batches survive in the order of their tickets: a later one never without an
    /// earlier one. A concurrent read may see the rows of a batch appear one by one, in the order of the batch.
    ///
    /// # Errors
    /// [`SubmitError::Conflict`]: a condition does not hold, nothing was written. [`SubmitError::Engine`]: the engine takes no
    /// more commits until it is opened again; whether this batch survives is known only then.
    fn submit(&self, batch: &Batch) -> Result<Ticket, SubmitError>;

    /// Returns when the batch of `ticket` and all before it are on stable storage. Concurrent waiters share one fsync.
    ///
    /// # Errors
    /// The batch must not be acknowledged: it may or may not be there after the next open, and the engine takes no more
    /// commits until then.
    fn wait(&self, ticket: Ticket) -> Result<(), EngineError>;

    /// Calls `told` once, where [`Engine::wait`] would return; at once or later, in whatever thread. Then no thread has to wait
    /// for each commit.
    fn when_durable(&self, ticket: Ticket, told: Told) {
        told(self.wait(ticket));
    }

    /// [`Engine::submit`] and [`Engine::wait`]: durable when it returns.
    ///
    /// # Errors
    /// As the two.
    fn commit(&self, batch: &Batch) -> Result<(), SubmitError> {
        let ticket = self.submit(batch)?;
        Ok(self.wait(ticket)?)
    }

    /// Brings all that was committed into the engine's final files and gives back space that is no longer needed. May take
    /// minutes; reads and commits go on.
    ///
    /// # Errors
    /// When the engine cannot write; nothing committed is lost.
    fn compact(&self) -> Result<(), EngineError>;

    /// Makes the next open quick: flushes what lies in memory and shortens the journals.
    ///
    /// # Errors
    /// When the engine cannot write; nothing committed is lost.
    fn checkpoint(&self) -> Result<(), EngineError>;

    /// Bytes on disk now, journals included; 0 for an engine in memory.
    ///
    /// # Errors
    /// When the folder cannot be read.
    fn disk_bytes(&self) -> Result<u64, EngineError>;
}

/// Takes what [`Engine::wait`] would return. Must be quick, and must not commit.
pub type Told = Box<dyn FnOnce(Result<(), EngineError>) + Send>;

/// The place of a batch in the order of commits of one engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// Which way a scan goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Ascending keys.
    Forward,
    /// Descending keys.
    Backward,
}

/// The keys of a scan, from `start` to `end` in ascending order whatever the direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    /// The lower bound.
    pub start: Bound<Vec<u8>>,
    /// The upper bound.
    pub end: Bound<Vec<u8>>,
}

impl KeyRange {
    /// Every key.
    pub fn all() -> KeyRange {
        KeyRange { start: Bound::Unbounded, end: Bound::Unbounded }
    }

    /// The keys that begin with `prefix`.
    pub fn prefix(prefix: &[u8]) -> KeyRange {
        KeyRange {
            start: Bound::Included(prefix.to_vec()),
            end: match prefix_end(prefix) {
                Some(end) => Bound::Excluded(end),
                None => Bound::Unbounded,
            },
        }
    }

    /// The keys from `start` on, but before `end`.
    pub fn between(start: &[u8], end: &[u8]) -> KeyRange {
        KeyRange { start: Bound::Included(start.to_vec()), end: Bound::Excluded(end.to_vec()) }
    }

    /// Whether no key can be inside. Engines answer such a scan with nothing (`BTreeMap` would panic).
    pub fn is_empty(&self) -> bool {
        match (&self.start, &self.end) {
            (Bound::Included(start), Bound::Included(end)) => start > end,
            (Bound::Included(start), Bound::Excluded(end))
            | (Bound::Excluded(start), Bound::Included(end))
            | (Bound::Excluded(start), Bound::Excluded(end)) => start >= end,
            _ => false,
        }
    }

    /// Whether `key` is inside.
    pub fn contains(&self, key: &[u8]) -> bool {
        let above = match &self.start {
            Bound::Included(start) => key >= start.as_slice(),
            Bound::Excluded(start) => key > start.as_slice(),
            Bound::Unbounded => true,
        };
        let below = match &self.end {
            Bound::Included(end) => key <= end.as_slice(),
            Bound::Excluded(end) => key < end.as_slice(),
            Bound::Unbounded => true,
        };
        above && below
    }
}

/// The smallest key above every key that begins with `prefix`; `None` when there is none (all bytes are 255).
pub fn prefix_end(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return Some(end);
        }
    }
    None
}

/// Writes that stand or fall together, and the conditions under which they may be made.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub(crate) require: Vec<Require>,
    pub(crate) ops: Vec<Op>,
}

/// A condition: `key` has exactly this value, or (`None`) no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Require {
    /// The space of the key.
    pub space: Space,
    /// The key.
    pub key: Vec<u8>,
    /// Its value at commit; `None`: the key must be absent.
    pub value: Option<Vec<u8>>,
}

/// One write: put (`Some`) or remove (`None`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Op {
    /// The space of the key.
    pub space: Space,
    /// The key: 1 to [`MAX_KEY`] bytes.
    pub key: Vec<u8>,
    /// The new value, or `None` to remove the key.
    pub value: Option<Vec<u8>>,
}

/// The longest key, in bytes.
pub const MAX_KEY: usize = 16_384;

impl Batch {
    /// Nothing to write, no condition.
    pub fn new() -> Batch {
        Batch::default()
    }

    /// Sets `key` to `value`. The last write to a key in a batch is the one that holds.
    pub fn put(&mut self, space: Space, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.ops.push(Op { space, key: key.into(), value: Some(value.into()) });
    }

    /// Removes `key`, if it is there.
    pub fn remove(&mut self, space: Space, key: impl Into<Vec<u8>>) {
        self.ops.push(Op { space, key: key.into(), value: None });
    }

    /// Makes the commit depend on `key` having exactly this value (`None`: being absent) just before it.
    pub fn require(&mut self, space: Space, key: impl Into<Vec<u8>>, value: Option<Vec<u8>>) {
        self.require.push(Require { space, key: key.into(), value });
    }

    /// The writes, in order.
    pub fn ops(&self) -> &[Op] {
        &self.ops
    }

    /// The conditions.
    pub fn conditions(&self) -> &[Require] {
        &self.require
    }
}

/// Why a batch was not submitted.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// A condition of the batch does not hold. Nothing was written.
    #[error("a condition on a key in space {} does not hold", .space.name())]
    Conflict {
        /// The space of the first condition that does not hold.
        space: Space,
        /// Its key.
        key: Vec<u8>,
    },
    /// The engine failed: see [`Engine::submit`] for what is on disk.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Why an engine could not do what was asked. Clonable, because all who share an fsync share its failure.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EngineError {
    /// Reading or writing failed.
    #[error("{doing}: {reason}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// What the operating system or the engine said.
        reason: String,
    },
    /// What is on disk is not what was written. Nothing was changed; see `docs/storage.md`, "Damage".
    #[error("damaged: {}", .0)]
    Damaged(Damage),
    /// An earlier commit failed: the engine must be opened again.
    #[error("stopped by an earlier failure, open the store again: {reason}")]
    Stopped {
        /// The earlier failure.
        reason: String,
    },
    /// A key is empty or longer than [`MAX_KEY`], or a batch larger than 4 GiB. Nothing was written.
    #[error("a key of {0} bytes or a batch beyond 4 GiB cannot be stored")]
    TooLarge(usize),
    /// The folder cannot be used: another engine's, a newer format, or in use by another process.
    #[error("cannot use the folder: {0}")]
    Unusable(String),
}

impl EngineError {
    /// An I/O failure while `doing`.
    pub fn io(doing: &'static str, reason: impl std::fmt::Display) -> EngineError {
        EngineError::Io { doing, reason: reason.to_string() }
    }
}

/// What an open found damaged, as far as it can be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// A journal frame does not match its checksum although later frames are intact: it is not a torn tail.
    #[error("journal {file:?}: the frame at byte {offset} is damaged, and intact frames follow at byte {next_intact}")]
    JournalMiddle {
        /// The journal file.
        file: PathBuf,
        /// Where the damaged frame begins.
        offset: u64,
        /// Where the next intact frame begins.
        next_intact: u64,
    },
    /// The tables end before the journal begins: commits between were acknowledged and are gone.
    #[error(
        "the tables end at batch {tables}, but the journal begins after batch {journal}: what lies between is lost"
    )]
    Gap {
        /// The last batch in the tables.
        tables: u64,
        /// The batch before the first one of the journal.
        journal: u64,
    },
    /// The journal's chain of checksums is broken between two intact frames or files.
    #[error("journal {file:?}: the frame at byte {offset} does not continue the chain")]
    BrokenChain {
        /// The journal file.
        file: PathBuf,
        /// Where the frame begins.
        offset: u64,
    },
    /// A row cannot be what was written: what and where, in words.
    #[error("{0}")]
    Row(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_prefix_is_the_next_prefix_of_its_length_or_shorter() {
        assert_eq!(prefix_end(b"a"), Some(b"b".to_vec()));
        assert_eq!(prefix_end(&[1, 255]), Some(vec![2]));
        assert_eq!(prefix_end(&[255, 255]), None);
        assert_eq!(prefix_end(b""), None);
        assert!(KeyRange::prefix(&[1, 255]).contains(&[1, 255, 255]));
        assert!(!KeyRange::prefix(&[1, 255]).contains(&[2]));
    }

    #[test]
    fn an_inverted_range_is_empty() {
        assert!(KeyRange::between(b"b", b"a").is_empty());
        assert!(KeyRange::between(b"a", b"a").is_empty());
        assert!(!KeyRange::between(b"a", b"b").is_empty());
        assert!(!KeyRange::all().is_empty());
    }
}
