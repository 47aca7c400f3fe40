//! The engine fjall 3: log-structured merge trees in Rust. The default.
//!
//! Why, and what it costs: `docs/adr/0002-storage-engines.md`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::fjall::config::{
    BlockSizePolicy, BloomConstructionPolicy, CompressionPolicy, FilterPolicy, FilterPolicyEntry, PinningPolicy,
};
use ::fjall::{
    CompressionType, Database, Keyspace, KeyspaceCreateOptions, KvSeparationOptions, OwnedWriteBatch, PersistMode,
};

use crate::disk::bytes_of_files;
use crate::embedded::Embedded;
use crate::engine::{Direction, EngineError, KeyRange, Op, Scan};
use crate::folder::{self, DataFolder, EngineOptions};
use crate::slice::Slice;
use crate::space::Space;
use crate::tables::{APPLIED, Tables, read_applied};

/// Opens the engine in `path`, which is created if it is not there.
///
/// # Errors
/// [`EngineError::Unusable`]: another engine's folder, or open in another process. [`EngineError::Damaged`]: see `docs/storage.md`,
/// "Damage"; nothing acknowledged was changed.
pub fn open(path: &Path, options: &EngineOptions) -> Result<Arc<Embedded>, EngineError> {
    folder::open(path, "fjall", options, |tables, folder| Ok(Box::new(Fjall::open(tables, folder, options)?)))
}

/// One keyspace per space, named like it.
struct Fjall {
    database: Database,
    /// In the order of [`Space::ALL`].
    keyspaces: Vec<Keyspace>,
    path: PathBuf,
    folder: DataFolder,
}

impl Fjall {
    fn open(path: &Path, folder: DataFolder, options: &EngineOptions) -> Result<Fjall, EngineError> {
        let database = Database::builder(path)
            .cache_size(options.cache_bytes)
            // The journal in front makes batches durable; fjall's own is synced at checkpoints.
            .manual_journal_persist(true)
            .max_journaling_size(64 << 20)
            .journal_compression(CompressionType::None)
            // With one alone, memory tables grow for as long as a compaction takes. The first of several only flushes: it hands on
            // what is to be compacted, and takes it out of the queue again at once until another is free to do it. With two that
            // burns a processor during each long compaction; a third empties the queue.
            .worker_threads(3)
            .open()
            .map_err(|e| EngineError::io("opening fjall", e))?;
        let mut keyspaces = Vec::with_capacity(Space::ALL.len());
        for space in Space::ALL {
            let keyspace = database.keyspace(space.name(), || settings(space, options.write_buffer_bytes));
            keyspaces.push(keyspace.map_err(|e| EngineError::io("opening a keyspace of fjall", e))?);
        }
        Ok(Fjall { database, keyspaces, path: path.to_owned(), folder })
    }

    fn keyspace(&self, space: Space) -> Result<&Keyspace, EngineError> {
        let found = self.keyspaces.get(usize::from(space.number()));
        found.ok_or_else(|| EngineError::Unusable(format!("it has no keyspace {}", space.name())))
    }
}

impl Fjall {
    /// Brings everything that lies in memory into final files.
    fn flush_memory(&self) -> Result<(), EngineError> {
        for keyspace in &self.keyspaces {
            keyspace.rotate_memtable_and_wait().map_err(|e| EngineError::io("flushing fjall", e))?;
        }
        Ok(())
    }

    /// Bytes that fjall's own journals take on disk.
    fn journal_bytes(&self) -> Result<u64, EngineError> {
        bytes_of_files(&self.path, ".jnl").map_err(|e| EngineError::io("measuring the journals of fjall", e))
    }

    /// Makes fjall begin a new journal. It reads its whole journal on open, flushed or not, and begins a new one only when it
    /// flushes with more than 64 MB in the one in use; so that much is written to a key that nobody reads, and removed.
    fn turn_journal_over(&self) -> Result<(), EngineError> {
        let keyspace = self.keyspace(Space::Changes)?;
        let error = |e| EngineError::io("turning over the journal of fjall", e);
        let before = self.database.journal_count();
        let filler = vec![0u8; FILLER];
        for _ in 0..=(64 << 20) / FILLER {
            keyspace.insert(UNUSED_KEY, filler.as_slice()).map_err(error)?;
            if self.database.journal_count() > before {
                break;
            }
        }
        keyspace.remove(UNUSED_KEY).map_err(error)?;
        self.flush_memory()?;
        // Its files would hold the filler until the next compaction.
        keyspace.major_compact().map_err(error)?;
        keyspace.remove(UNUSED_KEY).map_err(error)?;
        self.flush_memory()
    }
}

/// Up to this many bytes, fjall's journals are read fast enough on open: about 10 ms per MB.
const SHORT_JOURNAL: u64 = 2 << 20;

/// Bytes of one write that only lengthens fjall's journal.
const FILLER: usize = 4 << 20;

/// A key of `changes` that no row has: rows there have at least 3 bytes.
const UNUSED_KEY: [u8; 1] = [0];

/// How the tree of a space is laid out.
fn settings(space: Space, write_buffer: u64) -> KeyspaceCreateOptions {
    let kib = 1024;
    // Bodies and blobs are compressed already, ids are random: nothing to gain from a second compression.
    let (block, compression) = match space {
        Space::Versions => (8 * kib, CompressionType::None),
        Space::Ids => (4 * kib, CompressionType::None),
        Space::Blobs => (16 * kib, CompressionType::None),
        Space::Index => (16 * kib, CompressionType::Lz4),
        _ => (8 * kib, CompressionType::Lz4),
    };
    // By what a record puts there: about twenty index rows, one compressed body, one head with all its keys.
    let share = match space {
        Space::Index => 3,
        Space::Versions => 4,
        Space::Heads => 8,
        _ => 16,
    };
    let filter = FilterPolicyEntry::Bloom(BloomConstructionPolicy::BitsPerKey(10.0));
    let options = KeyspaceCreateOptions::default()
        .manual_journal_persist(true)
        .max_memtable_size((write_buffer / share).max(1 << 20))
        .data_block_size_policy(BlockSizePolicy::all(block))
        .data_block_compression_policy(CompressionPolicy::all(compression))
        .index_block_compression_policy(CompressionPolicy::all(CompressionType::Lz4))
        .index_block_pinning_policy(PinningPolicy::all(false))
        .filter_block_pinning_policy(PinningPolicy::all(false))
        .filter_policy(match space {
            // Read by scans, or by keys that are there.
            Space::Commits | Space::Changes | Space::Log => FilterPolicy::disabled(),
            _ => FilterPolicy::all(filter),
        })
        .expect_point_read_hits(matches!(space, Space::Versions | Space::Heads | Space::Index));
    match space {
        Space::Blobs => options.with_kv_separation(Some(KvSeparationOptions::default())),
        _ => options,
    }
}

impl Tables for Fjall {
    fn name(&self) -> &'static str {
        "fjall"
    }

    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Slice>, EngineError> {
        let value = self.keyspace(space)?.get(key).map_err(|e| EngineError::io("reading from fjall", e))?;
        Ok(value.map(Slice::from))
    }

    fn scan<'a>(&'a self, space: Space, range: KeyRange, direction: Direction) -> Scan<'a> {
        let keyspace = match self.keyspace(space) {
            _ if range.is_empty() => return Box::new(std::iter::empty()),
            Ok(keyspace) => keyspace,
            Err(error) => return Box::new(std::iter::once(Err(error))),
        };
        let rows = keyspace.range::<Vec<u8>, _>((range.start, range.end));
        let row = |guard: ::fjall::Guard| match guard.into_inner() {
            Ok((key, value)) => Ok((Slice::from(key), Slice::from(value))),
            Err(e) => Err(EngineError::io("scanning fjall", e)),
        };
        match direction {
            Direction::Forward => Box::new(rows.map(row)),
            Direction::Backward => Box::new(rows.rev().map(row)),
        }
    }

    fn apply(&self, ops: &[Op], applied: u64) -> Result<(), EngineError> {
        let mut batch = OwnedWriteBatch::with_capacity(self.database.clone(), ops.len() + 1);
        for op in ops {
            let keyspace = self.keyspace(op.space)?;
            match &op.value {
                Some(value) => batch.insert(keyspace, op.key.as_slice(), value.as_slice()),
                None => batch.remove(keyspace, op.key.as_slice()),
            }
        }
        batch.insert(self.keyspace(Space::Meta)?, APPLIED, applied.to_be_bytes());
        batch.commit().map_err(|e| EngineError::io("writing to fjall", e))
    }

    fn applied(&self) -> Result<u64, EngineError> {
        read_applied(self.get(Space::Meta, APPLIED)?.as_deref())
    }

    fn sync(&self) -> Result<(), EngineError> {
        let synced = self.database.persist(PersistMode::SyncAll);
        synced.map_err(|e| EngineError::io("syncing fjall", e))
    }

    fn flush(&self) -> Result<(), EngineError> {
        self.flush_memory()?;
        if self.journal_bytes()? > SHORT_JOURNAL {
            self.turn_journal_over()?;
        }
        self.sync()
    }

    fn compact(&self) -> Result<(), EngineError> {
        self.flush_memory()?;
        for keyspace in &self.keyspaces {
            keyspace.major_compact().map_err(|e| EngineError::io("compacting fjall", e))?;
        }
        // Files that compaction has replaced are removed when some tree flushes next: make the smallest flush there is.
        self.keyspace(Space::Changes)?.remove(UNUSED_KEY).map_err(|e| EngineError::io("writing to fjall", e))?;
        self.flush()
    }

    fn disk_bytes(&self) -> Result<u64, EngineError> {
        self.folder.bytes()
    }
}
