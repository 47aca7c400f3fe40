//! The engine sled 0.34: the named alternative. Its last stable release is of 2021, and its flush issues `sync_file_range`,
//! which is no fsync: the journal in front is what makes its commits durable.
//!
//! Why, and what it costs: `docs/adr/0002-storage-engines.md`.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::sled::{Batch, Config, Db, Mode};

use crate::disk::sync_folder;
use crate::embedded::Embedded;
use crate::engine::{Direction, EngineError, KeyRange, Op, Scan};
use crate::folder::{self, DataFolder, EngineOptions};
use crate::memory::{end_in, start_in, with_space};
use crate::slice::Slice;
use crate::space::Space;
use crate::tables::{APPLIED, Tables, read_applied};

/// Opens the engine in `path`, which is created if it is not there.
///
/// # Errors
/// [`EngineError::Unusable`]: another engine's folder, or open in another process. [`EngineError::Damaged`]: see `docs/storage.md`,
/// "Damage"; nothing acknowledged was changed.
pub fn open(path: &Path, options: &EngineOptions) -> Result<Arc<Embedded>, EngineError> {
    folder::open(path, "sled", options, |tables, folder| Ok(Box::new(Sled::open(tables, folder, options)?)))
}

/// How long sled's threads may take to let go of a folder after it was closed: they finish what they write.
const LET_GO: Duration = Duration::from_secs(30);

const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// sled tells of a lock that is held only in words.
fn is_locked(error: &::sled::Error) -> bool {
    matches!(error, ::sled::Error::Io(error) if error.to_string().contains("could not acquire lock"))
}

/// One tree for all spaces, because sled's batches are atomic within a tree: the first key byte is the number of the space.
struct Sled {
    db: Db,
    path: std::path::PathBuf,
    folder: DataFolder,
}

impl Sled {
    fn open(path: &Path, folder: DataFolder, options: &EngineOptions) -> Result<Sled, EngineError> {
        let config = Config::new()
            .path(path)
            .cache_capacity(options.cache_bytes)
            .mode(Mode::HighThroughput)
            .flush_every_ms(Some(1_000));
        let asked = Instant::now();
        loop {
            match config.open() {
                Ok(db) => return Ok(Sled { db, path: path.to_owned(), folder }),
                // We hold the folder: only threads that an engine closed before has left in this process still hold sled's own lock.
                Err(error) if is_locked(&error) && asked.elapsed() < LET_GO => std::thread::sleep(LOOK_AGAIN),
                Err(error) => return Err(EngineError::io("opening sled", error)),
            }
        }
    }
}

impl Tables for Sled {
    fn name(&self) -> &'static str {
        "sled"
    }

    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Slice>, EngineError> {
        let value = self.db.get(with_space(space, key)).map_err(|e| EngineError::io("reading from sled", e))?;
        Ok(value.map(|value| Slice::of_sled(value, 0)))
    }

    fn scan<'a>(&'a self, space: Space, range: KeyRange, direction: Direction) -> Scan<'a> {
        if range.is_empty() {
            return Box::new(std::iter::empty());
        }
        let rows = self.db.range::<Vec<u8>, _>((start_in(space, range.start), end_in(space, range.end)));
        let row = |row: ::sled::Result<(::sled::IVec, ::sled::IVec)>| match row {
            Ok((key, value)) => Ok((Slice::of_sled(key, 1), Slice::of_sled(value, 0))),
            Err(e) => Err(EngineError::io("scanning sled", e)),
        };
        match direction {
            Direction::Forward => Box::new(rows.map(row)),
            Direction::Backward => Box::new(rows.rev().map(row)),
        }
    }

    fn apply(&self, ops: &[Op], applied: u64) -> Result<(), EngineError> {
        let mut batch = Batch::default();
        for op in ops {
            let key = with_space(op.space, &op.key);
            match &op.value {
                Some(value) => batch.insert(key, value.as_slice()),
                None => batch.remove(key),
            }
        }
        batch.insert(with_space(Space::Meta, APPLIED), &applied.to_be_bytes());
        self.db.apply_batch(batch).map_err(|e| EngineError::io("writing to sled", e))
    }

    fn applied(&self) -> Result<u64, EngineError> {
        read_applied(self.get(Space::Meta, APPLIED)?.as_deref())
    }

    fn sync(&self) -> Result<(), EngineError> {
        self.db.flush().map_err(|e| EngineError::io("flushing sled", e))?;
        // What sled calls a flush does not reach through the drive's cache: sync its files and folders ourselves.
        sync_files(&self.path).map_err(|e| EngineError::io("syncing the files of sled", e))
    }

    fn flush(&self) -> Result<(), EngineError> {
        self.sync()
    }

    fn compact(&self) -> Result<(), EngineError> {
        // sled moves what is live out of mostly empty segments as it writes; there is nothing to ask for.
        self.sync()
    }

    fn disk_bytes(&self) -> Result<u64, EngineError> {
        self.folder.bytes()
    }
}

fn sync_files(path: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_files(&entry.path())?;
            continue;
        }
        match std::fs::File::open(entry.path()) {
            Ok(file) => file.sync_all()?,
            // sled replaces its snapshot files as it goes.
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
    }
    sync_folder(path)
}
