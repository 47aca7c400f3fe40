//! The data folder of an embedded engine: one engine, one process at a time.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::{Folder, bytes_below, sync_folder};
use crate::embedded::Embedded;
use crate::engine::EngineError;
use crate::journal::JournalOptions;
use crate::tables::Tables;

/// How to open an engine on disk.
#[derive(Clone, Copy, Debug)]
pub struct EngineOptions {
    /// Memory for blocks that were read, in bytes.
    pub cache_bytes: u64,
    /// Memory for rows that are not yet in final files, in bytes, roughly.
    pub write_buffer_bytes: u64,
    /// How the journal is kept.
    pub journal: JournalOptions,
}

impl Default for EngineOptions {
    /// Suits a server of at most 300 MiB in all.
    fn default() -> EngineOptions {
        EngineOptions { cache_bytes: 64 << 20, write_buffer_bytes: 32 << 20, journal: JournalOptions::default() }
    }
}

/// The folder, locked against other processes until it is dropped.
pub(crate) struct DataFolder {
    path: PathBuf,
    /// Unlocked when closed.
    _lock: File,
}

impl DataFolder {
    /// Bytes that all its files take on disk.
    pub(crate) fn bytes(&self) -> Result<u64, EngineError> {
        bytes_below(&self.path).map_err(|e| EngineError::io("measuring the data folder", e))
    }
}

/// Opens an engine in `path`, which is created if it is not there: takes the lock, checks that the folder belongs to the engine
/// `name`, opens the tables in `tables/`, and brings them up to date from `journal/`.
pub(crate) fn open(
    path: &Path,
    name: &'static str,
    options: &EngineOptions,
    tables: impl FnOnce(&Path, DataFolder) -> Result<Box<dyn Tables>, EngineError>,
) -> Result<Arc<Embedded>, EngineError> {
    let folder = lock(path, name)?;
    let tables = tables(&path.join("tables"), folder)?;
    let disk = Folder::open(&path.join("journal")).map_err(|e| EngineError::io("opening the journal", e))?;
    Embedded::open(tables, Box::new(disk), options.journal).map(Arc::new)
}

fn lock(path: &Path, name: &str) -> Result<DataFolder, EngineError> {
    let io = |e| EngineError::io("opening the data folder", e);
    fs::create_dir_all(path).map_err(io)?;
    let lock = File::create(path.join("lock")).map_err(io)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(EngineError::Unusable("another process has it open".to_owned()));
        }
        Err(TryLockError::Error(e)) => return Err(io(e)),
    }
    let owner = path.join("engine");
    match fs::read_to_string(&owner).as_deref().map(str::trim) {
        Ok(found) if found == name => {}
        // Empty: the power failed before the first open was done.
        Err(_) | Ok("") => {
            let write = || {
                let mut file = File::create(&owner)?;
                file.write_all(name.as_bytes())?;
                file.sync_all()?;
                sync_folder(path)
            };
            write().map_err(io)?;
        }
        Ok(found) => {
            return Err(EngineError::Unusable(format!("it belongs to the engine {found:?}, not {name:?}")));
        }
    }
    Ok(DataFolder { path: path.to_owned(), _lock: lock })
}
