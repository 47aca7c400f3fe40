//! Runs a test on every engine.

use std::path::Path;
use std::sync::Arc;

use storage::{Engine, EngineError, EngineOptions};

/// The engines by the name by which an operator chooses them.
#[allow(dead_code, reason = "not every test file needs it")]
pub(crate) const NAMES: [&str; 3] = ["memory", "fjall", "sled"];

/// Small caches: tests open many.
#[allow(dead_code, reason = "not every test file needs it")]
pub(crate) fn options() -> EngineOptions {
    EngineOptions { cache_bytes: 8 << 20, write_buffer_bytes: 16 << 20, ..EngineOptions::default() }
}

/// Opens an engine in a folder; the one in memory is always empty.
pub(crate) fn open(name: &str, folder: &Path) -> Result<Arc<dyn Engine>, EngineError> {
    let options = options();
    Ok(match name {
        "memory" => storage::memory::open(),
        "fjall" => storage::fjall::open(folder, &options)?,
        "sled" => storage::sled::open(folder, &options)?,
        _ => panic!("no engine {name}"),
    })
}

/// Calls `test` with each engine, in a fresh folder.
#[allow(dead_code, reason = "not every test file needs it")]
pub(crate) fn each(test: impl Fn(&str, Arc<dyn Engine>)) {
    for name in NAMES {
        let folder = tempfile::tempdir().unwrap();
        test(name, open(name, folder.path()).unwrap());
    }
}

/// Calls `test` with the engines that keep what they are given, and a fresh folder.
#[allow(dead_code, reason = "not every test file needs it")]
pub(crate) fn each_durable(test: impl Fn(&str, &Path)) {
    for name in ["fjall", "sled"] {
        let folder = tempfile::tempdir().unwrap();
        test(name, folder.path());
    }
}
