//! What an embedded library must give so that [`crate::Embedded`] makes an [`crate::Engine`] of it: ordered trees and atomic
//! batches. Durability of each batch, group commit and recovery are the journal's (`crate::journal`).

use crate::engine::{Direction, EngineError, KeyRange, Op, Scan};
use crate::slice::Slice;
use crate::space::Space;

/// The ordered trees of an embedded library. One file per library implements it.
pub trait Tables: Send + Sync {
    /// The name by which an operator chooses the engine.
    fn name(&self) -> &'static str;

    /// The value of `key`, or `None`.
    ///
    /// # Errors
    /// When the library cannot read.
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Slice>, EngineError>;

    /// The rows of `range`, in the order of `direction`. Must not keep writers waiting while it is held.
    fn scan<'a>(&'a self, space: Space, range: KeyRange, direction: Direction) -> Scan<'a>;

    /// Makes all of `ops` and the mark `applied` visible, and on disk **all or nothing and in the order of the calls**; when
    /// they reach the disk is left to the library until [`Tables::sync`]. Called by one thread at a time.
    ///
    /// # Errors
    /// When the library cannot write. The caller stops committing.
    fn apply(&self, ops: &[Op], applied: u64) -> Result<(), EngineError>;

    /// The mark of the last applied batch; 0 in a new folder.
    ///
    /// # Errors
    /// When the library cannot read.
    fn applied(&self) -> Result<u64, EngineError>;

    /// Returns when everything applied before the call is on stable storage.
    ///
    /// # Errors
    /// When that cannot be said.
    fn sync(&self) -> Result<(), EngineError>;

    /// Flushes memory into final files, so that the next open has little to replay.
    ///
    /// # Errors
    /// When the library cannot write.
    fn flush(&self) -> Result<(), EngineError>;

    /// Gives back space that is no longer needed.
    ///
    /// # Errors
    /// When the library cannot write.
    fn compact(&self) -> Result<(), EngineError>;

    /// Bytes on disk now.
    ///
    /// # Errors
    /// When the folder cannot be read.
    fn disk_bytes(&self) -> Result<u64, EngineError>;
}

/// The key in [`Space::Meta`] under which tables keep the mark of the last applied batch, 8 bytes, most significant first.
pub const APPLIED: &[u8] = b"applied";

/// Reads the value of [`APPLIED`].
///
/// # Errors
/// When it is not 8 bytes.
pub fn read_applied(value: Option<&[u8]>) -> Result<u64, EngineError> {
    match value {
        None => Ok(0),
        Some(bytes) => <[u8; 8]>::try_from(bytes).map(u64::from_be_bytes).map_err(|_| {
            EngineError::Damaged(crate::engine::Damage::Row(
                "the mark of the last applied batch is not 8 bytes".to_owned(),
            ))
        }),
    }
}
