//! Where conformance resources come from: the built-in facts, FHIR packages, loose files, trees.

mod built_in;
mod cache;
mod header;
mod loader;
mod package;

use std::io::Read;
use std::sync::{Arc, OnceLock};

use flate2::read::DeflateDecoder;
use model::{Limits, SyntaxError, Tree};

pub(crate) use built_in::built_in;
pub use header::Header;
pub(crate) use loader::Loaded;
pub use loader::{LoadError, Loader};
pub use package::Package;

/// Texts compressed together, unpacked at first use and then kept.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) packed: &'static [u8],
    pub(crate) length: usize,
    pub(crate) raw: OnceLock<Vec<u8>>,
}

impl Chunk {
    fn raw(&self) -> &[u8] {
        self.raw.get_or_init(|| inflate(self.packed, self.length).unwrap_or_default())
    }
}

pub(crate) fn inflate(packed: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut raw = Vec::with_capacity(length);
    DeflateDecoder::new(packed).read_to_end(&mut raw).ok()?;
    Some(raw)
}

/// The text of a resource, wherever it is.
#[derive(Debug)]
pub(crate) enum Text {
    /// A part of a built-in chunk.
    Chunk { chunk: Arc<Chunk>, start: u32, end: u32 },
    /// Compressed by itself.
    Packed { packed: Box<[u8]>, length: u32 },
    /// Already a tree.
    Tree(Arc<Tree>),
}

impl Text {
    pub(crate) fn pack(raw: &[u8]) -> Text {
        let packed = zstd::bulk::compress(raw, 1).unwrap_or_default();
        Text::Packed { packed: packed.into(), length: raw.len() as u32 }
    }

    pub(crate) fn tree(&self) -> Result<Arc<Tree>, SyntaxError> {
        let limits = Limits::default();
        match self {
            Text::Tree(tree) => Ok(tree.clone()),
            Text::Chunk { chunk, start, end } => {
                let raw = chunk.raw().get(*start as usize..*end as usize).unwrap_or_default();
                model::json::read(raw, &limits).map(Arc::new)
            }
            Text::Packed { packed, length } => {
                let raw = zstd::bulk::decompress(packed, *length as usize).unwrap_or_default();
                model::json::read(&raw, &limits).map(Arc::new)
            }
        }
    }
}
