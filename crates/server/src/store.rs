//! Opening the store that the configuration names.

use std::path::Path;
use std::sync::Arc;

use storage::{Engine, EngineError, EngineOptions, OpenError, Options, Store};

/// Why the store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The engine or the store refuses.
    #[error("the store in {folder} cannot be opened: {source}")]
    Open {
        /// Where.
        folder: String,
        /// Why.
        source: OpenError,
    },
    /// The engine is not built in.
    #[error("the engine {0} is not built into this program")]
    Engine(String),
}

/// Opens the store in a folder, which is made when it is not there.
///
/// # Errors
/// See [`StoreError`].
pub fn open(engine: &str, folder: &Path) -> Result<Store, StoreError> {
    let named = |source: OpenError| StoreError::Open { folder: folder.display().to_string(), source };
    let engine = engine_of(engine, folder).map_err(|error| match error {
        Some(error) => named(error.into()),
        None => StoreError::Engine(engine.to_owned()),
    })?;
    Store::open(engine, Options::default()).map_err(named)
}

fn engine_of(engine: &str, folder: &Path) -> Result<Arc<dyn Engine>, Option<EngineError>> {
    let options = EngineOptions::default();
    match engine {
        "memory" => Ok(storage::memory::open()),
        "fjall" => Ok(storage::fjall::open(folder, &options)?),
        "sled" => Ok(storage::sled::open(folder, &options)?),
        _ => Err(None),
    }
}
