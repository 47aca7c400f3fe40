//! Compression of bodies: zstd with trained dictionaries that lie in the store itself.
//!
//! A dictionary is never changed or removed: values name the dictionary they need by id, so old values stay readable whatever is
//! used for new ones. Frames are stored without their 4 magic bytes. See `docs/storage.md`, "Compression".

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use zstd::dict::{DecoderDictionary, EncoderDictionary};
use zstd::zstd_safe::{CCtx, DCtx, compress_bound};

use crate::engine::{Batch, Damage, Engine, EngineError, KeyRange};
use crate::space::Space;
use crate::version::Packing;

/// The largest body in bytes: 256 MiB. A length beyond it in a header is damage, not a reason to allocate.
pub(crate) const MAX_BODY: usize = 256 << 20;

/// The first bytes of every zstd frame, left out on disk.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Why a dictionary could not be trained or added.
#[derive(Debug, thiserror::Error)]
pub enum DictionaryError {
    /// Too few or too small samples: zstd wants at least some hundred, together ten times the dictionary.
    #[error("the samples do not make a dictionary: {0}")]
    Samples(String),
    /// The bytes are not a dictionary.
    #[error("not a zstd dictionary")]
    NotADictionary,
    /// The store refused the commit.
    #[error(transparent)]
    Submit(#[from] crate::engine::SubmitError),
    /// The store could not be read.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Trains a dictionary of at most `size` bytes from samples of the values it shall shorten.
///
/// # Errors
/// [`DictionaryError::Samples`].
pub fn train(samples: &[Vec<u8>], size: usize) -> Result<Vec<u8>, DictionaryError> {
    zstd::dict::from_samples(samples, size).map_err(|e| DictionaryError::Samples(e.to_string()))
}

/// The dictionaries of a store: those loaded so far, and which one new values of a type use.
pub(crate) struct Dictionaries {
    loaded: RwLock<HashMap<u32, Arc<Dictionary>>>,
    /// By type code; 0: every type that has none of its own.
    current: RwLock<HashMap<u16, u32>>,
    level: i32,
}

struct Dictionary {
    encoder: EncoderDictionary<'static>,
    decoder: DecoderDictionary<'static>,
}

thread_local! {
    static COMPRESS: RefCell<(CCtx<'static>, Vec<u8>)> = RefCell::new((CCtx::create(), Vec::new()));
    static DECOMPRESS: RefCell<(DCtx<'static>, Vec<u8>)> = RefCell::new((DCtx::create(), Vec::new()));
}

impl Dictionaries {
    /// Reads which dictionaries are in use; their bytes are loaded when first needed.
    pub(crate) fn open(engine: &dyn Engine, level: i32) -> Result<Dictionaries, EngineError> {
        let dictionaries = Dictionaries { loaded: RwLock::default(), current: RwLock::default(), level };
        dictionaries.reload(engine)?;
        Ok(dictionaries)
    }

    fn reload(&self, engine: &dyn Engine) -> Result<(), EngineError> {
        let mut current = HashMap::new();
        for row in engine.scan(Space::Meta, KeyRange::prefix(b"use"), crate::Direction::Forward) {
            let (key, value) = row?;
            let code = key.get(3..).and_then(|code| <[u8; 2]>::try_from(code).ok());
            let id = <[u8; 4]>::try_from(&*value).ok();
            let (Some(code), Some(id)) = (code, id) else {
                return Err(damaged("a row that assigns a dictionary to a type".to_owned()));
            };
            current.insert(u16::from_be_bytes(code), u32::from_be_bytes(id));
        }
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = current;
        Ok(())
    }

    /// Stores a dictionary and uses it for new values of a type (0: of every type without one of its own). Returns its id.
    pub(crate) fn add(&self, engine: &dyn Engine, type_code: u16, dictionary: &[u8]) -> Result<u32, DictionaryError> {
        let last =
            engine.scan(Space::Meta, KeyRange::prefix(b"dict"), crate::Direction::Backward).next().transpose()?;
        let last = last.and_then(|(key, _)| Some(u32::from_be_bytes(key.get(4..)?.try_into().ok()?)));
        let id = last.unwrap_or(0) + 1;
        let mut bytes = dictionary.to_vec();
        // A trained dictionary carries an id that zstd repeats in every frame, in 1 byte when it is small: it gets ours.
        if let (Some(b"\x37\xa4\x30\xec"), Some(own)) = (dictionary.get(..4), bytes.get_mut(4..8)) {
            own.copy_from_slice(&id.to_le_bytes());
        }
        Dictionary::new(&bytes, self.level).ok_or(DictionaryError::NotADictionary)?;
        let mut batch = Batch::new();
        let key = dictionary_key(id);
        batch.require(Space::Meta, key.clone(), None);
        batch.put(Space::Meta, key, bytes);
        batch.put(Space::Meta, [b"use".as_slice(), &type_code.to_be_bytes()].concat(), id.to_be_bytes());
        engine.commit(&batch)?;
        self.reload(engine)?;
        Ok(id)
    }

    /// Whether the type has a dictionary of its own.
    pub(crate) fn has_own(&self, type_code: u16) -> bool {
        self.current.read().unwrap_or_else(PoisonError::into_inner).contains_key(&type_code)
    }

    /// The body as it is stored, and how: compressed when that is shorter.
    pub(crate) fn pack(
        &self,
        engine: &dyn Engine,
        type_code: u16,
        body: &[u8],
    ) -> Result<(Packing, Vec<u8>), EngineError> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        let id = current.get(&type_code).or_else(|| current.get(&0)).copied();
        drop(current);
        let packed = match id {
            Some(id) => compress(Some(&*self.get(engine, id)?), self.level, body),
            None => compress(None, self.level, body),
        };
        Ok(match packed.as_deref().and_then(|frame| frame.strip_prefix(&MAGIC)) {
            Some(frame) if frame.len() < body.len() => (Packing::Zstd(id.unwrap_or(0)), frame.to_vec()),
            _ => (Packing::Plain, body.to_vec()),
        })
    }

    /// The body of a stored value, appended to `out`.
    pub(crate) fn unpack(
        &self,
        engine: &dyn Engine,
        packing: Packing,
        stored: &[u8],
        length: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), EngineError> {
        let length = usize::try_from(length).ok().filter(|length| *length <= MAX_BODY);
        let length = length.ok_or_else(|| damaged("a body's length".to_owned()))?;
        match packing {
            Packing::Absent => {}
            Packing::Plain if stored.len() == length => out.extend_from_slice(stored),
            Packing::Plain => return Err(damaged("a body's length".to_owned())),
            Packing::Zstd(id) => {
                let dictionary = match id {
                    0 => None,
                    id => Some(self.get(engine, id)?),
                };
                decompress(dictionary.as_deref(), stored, length, out)
                    .ok_or_else(|| damaged(format!("a compressed body of {} bytes", stored.len())))?;
            }
        }
        Ok(())
    }

    fn get(&self, engine: &dyn Engine, id: u32) -> Result<Arc<Dictionary>, EngineError> {
        let loaded = self.loaded.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(dictionary) = loaded.get(&id) {
            return Ok(dictionary.clone());
        }
        drop(loaded);
        let bytes = engine.get(Space::Meta, &dictionary_key(id))?;
        let dictionary = bytes
            .and_then(|bytes| Dictionary::new(&bytes, self.level))
            .ok_or_else(|| damaged(format!("dictionary {id} is missing or is no dictionary")))?;
        let dictionary = Arc::new(dictionary);
        let mut loaded = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
        loaded.insert(id, dictionary.clone());
        Ok(dictionary)
    }
}

impl Dictionary {
    fn new(bytes: &[u8], level: i32) -> Option<Dictionary> {
        Some(Dictionary {
            encoder: EncoderDictionary::try_copy(bytes, level).ok()?,
            decoder: DecoderDictionary::try_copy(bytes).ok()?,
        })
    }
}

fn compress(dictionary: Option<&Dictionary>, level: i32, body: &[u8]) -> Option<Vec<u8>> {
    COMPRESS.with_borrow_mut(|(context, scratch)| {
        scratch.clear();
        scratch.reserve(compress_bound(body.len()));
        match dictionary {
            Some(dictionary) => context.compress_using_cdict(scratch, body, dictionary.encoder.as_cdict()),
            None => context.compress(scratch, body, level),
        }
        .ok()?;
        let frame = scratch.clone();
        scratch.shrink_to(1 << 20);
        Some(frame)
    })
}

fn decompress(dictionary: Option<&Dictionary>, stored: &[u8], length: usize, out: &mut Vec<u8>) -> Option<()> {
    DECOMPRESS.with_borrow_mut(|(context, frame)| {
        frame.clear();
        frame.extend_from_slice(&MAGIC);
        frame.extend_from_slice(stored);
        let mut body = Vec::with_capacity(length);
        match dictionary {
            Some(dictionary) => context.decompress_using_ddict(&mut body, frame, dictionary.decoder.as_ddict()),
            None => context.decompress(&mut body, frame),
        }
        .ok()?;
        frame.shrink_to(1 << 20);
        if body.len() != length {
            return None;
        }
        if out.is_empty() {
            *out = body;
        } else {
            out.append(&mut body);
        }
        Some(())
    })
}

fn dictionary_key(id: u32) -> Vec<u8> {
    [b"dict".as_slice(), &id.to_be_bytes()].concat()
}

fn damaged(what: String) -> EngineError {
    EngineError::Damaged(Damage::Row(what))
}
