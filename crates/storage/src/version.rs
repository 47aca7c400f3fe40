//! Rows of the space `versions`: the header of a resource version and its compressed body.

use crate::commit::Method;
use crate::number::Number;
use crate::ordered::{put_ordered, put_signed, put_varint, take, take_byte, take_signed, take_varint};
use crate::store::Instant;

/// The key in `versions`: the number (6 bytes), then the version as an ordered number.
pub(crate) fn version_key(number: Number, version: u64) -> Vec<u8> {
    let mut key = Vec::with_capacity(10);
    key.extend_from_slice(&number.to_bytes());
    put_ordered(&mut key, version);
    key
}

/// What lies before the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VersionHeader {
    pub(crate) method: Method,
    pub(crate) t: u64,
    pub(crate) instant: Instant,
    pub(crate) mark: u64,
    /// SHA-256 of the body; zeros for a deletion.
    pub(crate) hash: [u8; 32],
    pub(crate) packing: Packing,
    /// Bytes of the body before compression.
    pub(crate) length: u64,
}

/// How the body is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    /// There is none: a deletion.
    Absent,
    /// As it is.
    Plain,
    /// zstd; 0: without a dictionary, else the id of the dictionary.
    Zstd(u32),
}

impl VersionHeader {
    /// Appends the header; the packed body follows directly.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        let packing = match self.packing {
            Packing::Absent => 0,
            Packing::Plain => 1,
            Packing::Zstd(_) => 2,
        };
        out.push(packing << 4 | self.method.number());
        put_varint(out, self.t);
        put_signed(out, self.instant.0);
        if self.packing == Packing::Absent {
            return;
        }
        put_varint(out, self.mark);
        out.extend_from_slice(&self.hash);
        put_varint(out, self.length);
        if let Packing::Zstd(dictionary) = self.packing {
            put_varint(out, u64::from(dictionary));
        }
    }

    /// The header at the start of `row`, and the length of the header in bytes.
    pub(crate) fn read(row: &[u8]) -> Option<(VersionHeader, usize)> {
        let mut rest = row;
        let first = take_byte(&mut rest)?;
        let mut header = VersionHeader {
            method: Method::from_number(first & 15)?,
            t: take_varint(&mut rest)?,
            instant: Instant(take_signed(&mut rest)?),
            mark: 0,
            hash: [0; 32],
            packing: Packing::Absent,
            length: 0,
        };
        if first >> 4 != 0 {
            header.mark = take_varint(&mut rest)?;
            header.hash = take(&mut rest, 32)?.try_into().ok()?;
            header.length = take_varint(&mut rest)?;
            header.packing = match first >> 4 {
                1 => Packing::Plain,
                2 => Packing::Zstd(u32::try_from(take_varint(&mut rest)?).ok()?),
                _ => return None,
            };
        }
        Some((header, row.len() - rest.len()))
    }
}
