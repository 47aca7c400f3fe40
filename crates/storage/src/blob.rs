//! Original documents and other large bytes: addressed by their content, in parts of 1 MiB.

use sha2::{Digest, Sha256};

use crate::engine::{Damage, Engine, EngineError};
use crate::number::Bucket;
use crate::ordered::{put_varint, take_byte, take_varint};
use crate::space::Space;

/// The name of a blob: where it belongs, and the SHA-256 of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BlobId {
    /// The bucket of the resource it belongs to.
    pub bucket: Bucket,
    /// SHA-256 of the bytes.
    pub hash: [u8; 32],
}

/// Bytes of a part before compression.
const PART: usize = 1 << 20;

/// The rows of a blob, appended to `rows`.
pub(crate) fn store(bucket: Bucket, bytes: &[u8], rows: &mut Vec<(Vec<u8>, Vec<u8>)>) -> BlobId {
    let id = BlobId { bucket, hash: Sha256::digest(bytes).into() };
    let empty: &[u8] = &[];
    let parts = bytes.chunks(PART).chain(bytes.is_empty().then_some(empty));
    for (part, bytes_of_part) in (0u32..).zip(parts) {
        let mut value = Vec::new();
        if part == 0 {
            put_varint(&mut value, bytes.len() as u64);
        }
        match zstd::bulk::compress(bytes_of_part, 3) {
            Ok(packed) if packed.len() < bytes_of_part.len() => {
                value.push(1);
                value.extend_from_slice(&packed);
            }
            _ => {
                value.push(0);
                value.extend_from_slice(bytes_of_part);
            }
        }
        rows.push((key(id, part), value));
    }
    id
}

/// The bytes of a blob, verified against its hash; `None` when there is none.
pub(crate) fn read(engine: &dyn Engine, id: BlobId) -> Result<Option<Vec<u8>>, EngineError> {
    let Some(first) = engine.get(Space::Blobs, &key(id, 0))? else {
        return Ok(None);
    };
    let mut rest: &[u8] = &first;
    let length = take_varint(&mut rest).and_then(|length| usize::try_from(length).ok());
    let length = length.ok_or_else(|| damaged(id))?;
    let mut bytes = Vec::new();
    unpack(rest, &mut bytes).ok_or_else(|| damaged(id))?;
    let mut part = 1;
    while bytes.len() < length {
        let value = engine.get(Space::Blobs, &key(id, part))?;
        value.and_then(|value| unpack(&value, &mut bytes)).ok_or_else(|| damaged(id))?;
        part += 1;
    }
    let hash: [u8; 32] = Sha256::digest(&bytes).into();
    if hash != id.hash || bytes.len() != length {
        return Err(damaged(id));
    }
    Ok(Some(bytes))
}

/// The key in `blobs`: bucket (2 bytes), hash (32 bytes), part (4 bytes, from 0), most significant byte first.
fn key(id: BlobId, part: u32) -> Vec<u8> {
    let mut key = Vec::with_capacity(38);
    key.extend_from_slice(&id.bucket.number().to_be_bytes());
    key.extend_from_slice(&id.hash);
    key.extend_from_slice(&part.to_be_bytes());
    key
}

fn unpack(mut value: &[u8], out: &mut Vec<u8>) -> Option<()> {
    match take_byte(&mut value)? {
        0 if value.len() <= PART => out.extend_from_slice(value),
        1 => out.append(&mut zstd::bulk::decompress(value, PART).ok()?),
        _ => return None,
    }
    Some(())
}

fn damaged(id: BlobId) -> EngineError {
    let [a, b, c, d, ..] = id.hash;
    EngineError::Damaged(Damage::Row(format!(
        "blob {a:02x}{b:02x}{c:02x}{d:02x}… in {:?} is not what was stored",
        id.bucket
    )))
}
