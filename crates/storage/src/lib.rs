//! Storage: ordered key spaces, atomic durable commits, versions that are never overwritten, history, reads "as of `t`".
//!
//! Two layers. Below, an [`Engine`]: named ordered key spaces ([`Space`]), scans both ways, conditional commits that are durable
//! before they are acknowledged. Above, the [`Store`]: resources by type and id, versions, one total order of transactions
//! ([`T`]), index rows, log, blobs. Every byte on disk is described in `docs/storage.md`.
//!
//! Bytes only: this crate knows no FHIR, no clock, no randomness, and no async.
//!
//! ```
//! use storage::{Bucket, Content, Expect, Instant, Method, Options, Store, Transaction, Write};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = Store::open(storage::memory::open(), Options::default())?;
//! let mut transaction = Transaction::new(Instant(1_767_225_600_000));
//! transaction.write(Write {
//!     type_name: "Patient".into(),
//!     id: "example".into(),
//!     bucket: Bucket::of_patient("example"),
//!     expect: Expect::Absent,
//!     method: Method::Update,
//!     content: Some(Content {
//!         body: br#"{"resourceType":"Patient","id":"example"}"#.to_vec().into(),
//!         mark: 0,
//!         index: vec![b"Patient.family=rossi\0".to_vec()],
//!     }),
//!     unless_same: false,
//! });
//! let committed = store.commit(transaction)?;
//!
//! let view = store.view(None)?;
//! let found = view.index_prefix(b"Patient.family=ro", storage::Direction::Forward).next();
//! let number = found.ok_or("not found")??.number;
//! let (identity, version) = view.resource(number)?.ok_or("not there")?;
//! assert_eq!((identity.id.as_str(), version.version, version.t), ("example", 1, committed.t));
//! # Ok(())
//! # }
//! ```

/// A zstd dictionary for FHIR R4 JSON, trained from shapes written for it (`examples/train.rs`): new stores begin with it.
pub const FHIR_DICTIONARY: &[u8] = include_bytes!("../dictionary/fhir-r4.zdict");

mod blob;
mod commit;
mod commit_row;
mod dictionary;
mod disk;
mod embedded;
mod engine;
#[cfg(feature = "fjall")]
pub mod fjall;
#[cfg(any(feature = "fjall", feature = "sled"))]
mod folder;
mod forget;
mod frame;
mod head;
mod history;
mod index;
mod index_keys;
mod intervals;
mod journal;
pub mod memory;
mod names;
mod number;
mod ordered;
mod pending;
mod prepared;
mod recovery;
mod reindex;
mod rows;
mod sequence;
#[cfg(feature = "sled")]
pub mod sled;
mod slice;
mod space;
mod store;
mod tables;
mod verify;
mod version;
mod view;

pub use blob::BlobId;
pub use commit::{
    CommitError, Committed, Content, Effect, Expect, Found, Method, Outcome, PackedWrite, Refusal, Transaction, Write,
};
pub use dictionary::{DictionaryError, train};
pub use disk::{Disk, DiskFile, Folder};
pub use embedded::Embedded;
pub use engine::{
    Batch, Damage, Direction, Engine, EngineError, KeyRange, MAX_KEY, Op, Require, Scan, SubmitError, Ticket, Told,
    prefix_end,
};
#[cfg(any(feature = "fjall", feature = "sled"))]
pub use folder::EngineOptions;
pub use history::{Bounds, Change, History, Position, Scope};
pub use index::{IndexRow, IndexScan};
pub use index_keys::IndexKeys;
pub use journal::JournalOptions;
pub use number::{Bucket, Number};
pub use pending::Pending;
pub use prepared::MAX_INDEX_KEY;
pub use reindex::Reindex;
pub use slice::Slice;
pub use space::Space;
pub use store::{FORMAT, Instant, OpenError, Options, Store, T, ViewError};
pub use tables::{APPLIED, Tables, read_applied};
pub use verify::Verification;
pub use view::{Identity, Version, View};
