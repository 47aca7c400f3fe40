//! What a caller asks of one atomic commit, and what it gets back.

use std::sync::Arc;

use crate::blob::{self, BlobId};
use crate::engine::EngineError;
use crate::number::{Bucket, Number};
use crate::prepared::PreparedWrite;
use crate::reindex::Reindex;
use crate::store::{Instant, T};
use crate::view::View;

/// Everything that shall be committed together under one `t`: all of it becomes visible and durable, or nothing.
#[derive(Debug, Default)]
pub struct Transaction {
    pub(crate) instant: Instant,
    pub(crate) writes: Vec<Given>,
    pub(crate) reindexed: Vec<Reindex>,
    pub(crate) events: Vec<Vec<u8>>,
    pub(crate) state: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    pub(crate) added: Vec<(Vec<u8>, i64)>,
    pub(crate) required_state: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    pub(crate) guards: Vec<Guard>,
    pub(crate) blobs: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Transaction {
    /// Nothing yet. `instant`: the wall clock of the caller; the commit gets a later one when the clock has gone backwards.
    pub fn new(instant: Instant) -> Transaction {
        Transaction { instant, ..Transaction::default() }
    }

    /// Adds a new version of a resource. At most one write per resource in a transaction.
    pub fn write(&mut self, write: Write) -> &mut Transaction {
        self.writes.push(Given::Plain(write));
        self
    }

    /// The same, of a write that was packed before.
    pub fn packed(&mut self, write: PackedWrite) -> &mut Transaction {
        self.writes.push(Given::Packed(write.0));
        self
    }

    /// Adds an event to the log: opaque bytes, found again by `t` and order ([`View::log`]). Never changed, never removed.
    pub fn event(&mut self, event: impl Into<Vec<u8>>) -> &mut Transaction {
        self.events.push(event.into());
        self
    }

    /// Adds an original document or other large bytes, found again by what is returned ([`View::blob`]). The same bytes in the
    /// same bucket are stored once.
    pub fn blob(&mut self, bucket: Bucket, bytes: &[u8]) -> BlobId {
        blob::store(bucket, bytes, &mut self.blobs)
    }

    /// Sets (`Some`) or removes (`None`) a mutable row of the caller, 1 to [`crate::MAX_KEY`] − 1 bytes of key. Such rows have no
    /// history: reads see the last commit, whatever their `t`.
    pub fn set_state(&mut self, key: impl Into<Vec<u8>>, value: Option<Vec<u8>>) -> &mut Transaction {
        self.state.push((key.into(), value));
        self
    }

    /// Adds to a counter of the caller: exact under concurrency, 0 before the first time ([`View::counter`]).
    pub fn add(&mut self, counter: impl Into<Vec<u8>>, delta: i64) -> &mut Transaction {
        self.added.push((counter.into(), delta));
        self
    }

    /// Makes the commit depend on a mutable row having exactly this value just before it (`None`: being absent).
    pub fn require_state(&mut self, key: impl Into<Vec<u8>>, value: Option<Vec<u8>>) -> &mut Transaction {
        self.required_state.push((key.into(), value));
        self
    }

    /// Makes the commit depend on no index row that begins with `prefix` having begun or ceased to hold since `view`: what a
    /// search found there is still true. For conditional creates, updates and deletes.
    pub fn guard(&mut self, view: &View, prefix: impl Into<Vec<u8>>) -> &mut Transaction {
        self.guards.push(Guard { prefix: prefix.into(), t: view.t(), sequence: view.sequence() });
        self
    }

    /// How many resources it writes.
    pub fn len(&self) -> usize {
        self.writes.len()
    }

    /// Whether it writes nothing at all.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
            && self.reindexed.is_empty()
            && self.events.is_empty()
            && self.state.is_empty()
            && self.added.is_empty()
            && self.blobs.is_empty()
    }
}

/// One resource in a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// The resource type, 1 to 255 bytes. Any name: the store numbers names as they come.
    pub type_name: String,
    /// The logical id, 1 to 255 bytes.
    pub id: String,
    /// Where it belongs. When it differs from the bucket of the current version, the resource moves and gets a new number.
    pub bucket: Bucket,
    /// What must hold before.
    pub expect: Expect,
    /// How the version came to be; told again by history.
    pub method: Method,
    /// The new content; `None`: delete it. Deleting what is not there changes nothing ([`Effect::Unchanged`]).
    pub content: Option<Content>,
    /// When the current version has exactly the same body and mark, write no new version ([`Effect::Unchanged`]).
    pub unless_same: bool,
}

/// A [`Write`] that is checked, its body compressed and no longer held ([`crate::Store::pack`]): a transaction of many holds less.
#[derive(Debug)]
pub struct PackedWrite(pub(crate) PreparedWrite);

/// A write as a transaction was given it.
#[derive(Debug)]
pub(crate) enum Given {
    Plain(Write),
    Packed(PreparedWrite),
}

/// The content of a resource version.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Content {
    /// The bytes, as they shall be read again: FHIR JSON, in practice without what is known only after the commit.
    /// Shared, so that the caller can answer with them without a copy.
    pub body: Arc<Vec<u8>>,
    /// A number of the caller, handed back with the version: the offset in `body` at which it inserts version and instant.
    pub mark: u64,
    /// Search keys, in any order, at most [`crate::MAX_INDEX_KEY`] bytes each; the number of the resource is added behind each.
    /// All that the version is found by: those of the version before that are missing here cease to hold.
    pub index: Vec<Vec<u8>>,
}

/// What must hold before a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Expect {
    /// Anything.
    #[default]
    Any,
    /// There has never been a resource of this type and id, deleted ones included.
    Never,
    /// There is no live resource of this type and id: never one, or a deleted one.
    Absent,
    /// There is a live one.
    Present,
    /// It is live and this is its current version (`If-Match`).
    Version(u64),
}

/// How a version came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// `POST`: created under an id of the server's.
    Create,
    /// `PUT`: updated, or created under an id of the client's.
    Update,
    /// `PATCH`.
    Patch,
    /// `DELETE`.
    Delete,
}

impl Method {
    /// The number on disk.
    pub(crate) fn number(self) -> u8 {
        match self {
            Method::Create => 1,
            Method::Update => 2,
            Method::Patch => 3,
            Method::Delete => 4,
        }
    }

    pub(crate) fn from_number(number: u8) -> Option<Method> {
        match number {
            1 => Some(Method::Create),
            2 => Some(Method::Update),
            3 => Some(Method::Patch),
            4 => Some(Method::Delete),
            _ => None,
        }
    }
}

/// See [`Transaction::guard`].
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    pub(crate) prefix: Vec<u8>,
    pub(crate) t: T,
    pub(crate) sequence: u64,
}

/// A commit that is durable and visible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Its place in the one order of all transactions.
    pub t: T,
    /// Its wall-clock time: what the caller gave, or the instant of the commit before when that is later.
    pub instant: Instant,
    /// What became of each write, in the order of the transaction.
    pub outcomes: Vec<Outcome>,
}

/// What became of one write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What happened.
    pub effect: Effect,
    /// The version now current; 0 when there is no resource and never was one.
    pub version: u64,
    /// The resource's number; `None` when there is no resource and never was one.
    pub number: Option<Number>,
}

/// What happened to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It came to be, or came back after a deletion.
    Created,
    /// It has a new version.
    Updated,
    /// It is deleted by a new version.
    Deleted,
    /// Nothing: it was deleted already, was never there, or already has this content.
    Unchanged,
}

/// Why a transaction was not committed.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// What a write expects does not hold. Nothing was written.
    #[error("write {write}: expected {expected:?}, found {found:?}")]
    Conflict {
        /// The position of the write in the transaction.
        write: usize,
        /// What it expects.
        expected: Expect,
        /// What is there.
        found: Found,
    },
    /// Rows under the prefix of this guard changed since its view. Nothing was written; search again and decide anew.
    #[error("what guard {guard} has seen has changed")]
    GuardChanged {
        /// The position of the guard in the transaction.
        guard: usize,
    },
    /// A required row of state has another value. Nothing was written.
    #[error("required state {required} does not hold")]
    StateChanged {
        /// The position of the requirement in the transaction.
        required: usize,
    },
    /// The transaction itself cannot be stored. Nothing was written.
    #[error("write {write}: {reason}")]
    Unacceptable {
        /// The position of the write in the transaction.
        write: usize,
        /// Why.
        reason: Refusal,
    },
    /// Other processes committed in between again and again. Nothing was written; try again.
    #[error("other writers were faster")]
    Busy,
    /// The engine failed. Whether the transaction survives is known only after the store is opened again: do not acknowledge it.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl CommitError {
    /// Whether other commits are the reason.
    pub(crate) fn is_of_others(&self) -> bool {
        matches!(
            self,
            CommitError::Conflict { .. } | CommitError::GuardChanged { .. } | CommitError::StateChanged { .. }
        )
    }
}

/// Why a transaction cannot be stored, whatever the store holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Another write of the transaction has the same type and id.
    #[error("the resource is written twice in one transaction")]
    Twice,
    /// The type name or the id is empty or longer than 255 bytes.
    #[error("type and id must have 1 to 255 bytes")]
    Name,
    /// An index key is too long.
    #[error("an index key is longer than {} bytes", crate::MAX_INDEX_KEY)]
    IndexKey,
    /// The body is too long.
    #[error("a body has at most 256 MiB")]
    Body,
    /// A key of state or of a counter is empty or too long.
    #[error("a key of state must have 1 to {} bytes", crate::MAX_KEY - 1)]
    StateKey,
    /// 65,535 type names or 2^39 resources.
    #[error("the store has no numbers left")]
    Numbers,
}

/// What was found where something else was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// There has never been such a resource.
    Never,
    /// It is live, in this version.
    Live(u64),
    /// It is deleted, by this version.
    Deleted(u64),
}
