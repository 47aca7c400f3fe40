//! The bytes of the journal: the header of a segment, frames, batches. See `docs/storage.md`, "Journal".
//!
//! A frame is what one fsync makes durable: the batches of all who wait for it. A frame is begun only after the fsync of the one
//! before has succeeded. So an intact frame behind a damaged one proves that the damage is not a torn tail.

use sha2::{Digest, Sha256};

use crate::commit_row::first_16;
use crate::engine::Op;
use crate::ordered::{put_bytes, put_varint, take, take_byte, take_bytes, take_varint};
use crate::space::Space;

/// The checksum that a frame hands to the next.
pub(crate) type Chain = [u8; 16];

/// Bytes of a segment's header.
pub(crate) const SEGMENT_HEADER: usize = 64;

/// Bytes of a frame before its batches.
pub(crate) const FRAME_HEADER: usize = 56;

/// The first bytes of a segment; the last is the format.
const SEGMENT_MAGIC: &[u8; 8] = b"PSRLJNL\x01";

/// The first bytes of a frame.
pub(crate) const FRAME_MAGIC: &[u8; 4] = b"PJF\x01";

/// The header of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    /// The last batch before this segment.
    pub(crate) base: u64,
    /// The checksum of the frame before this segment.
    pub(crate) chain: Chain,
    /// The tables were durable up to `base` when this segment began: what was before it is no longer needed.
    pub(crate) restart: bool,
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> [u8; SEGMENT_HEADER] {
        let mut bytes = Vec::with_capacity(SEGMENT_HEADER);
        bytes.extend_from_slice(SEGMENT_MAGIC);
        bytes.extend_from_slice(&self.base.to_be_bytes());
        bytes.extend_from_slice(&self.chain);
        bytes.push(u8::from(self.restart));
        bytes.resize(48, 0);
        let mut digest = Sha256::new();
        digest.update(&bytes);
        bytes.extend_from_slice(&first_16(digest));
        bytes.try_into().unwrap_or([0; SEGMENT_HEADER])
    }

    /// `None`: not the header of a segment in this format, or damaged.
    pub(crate) fn decode(bytes: &[u8; SEGMENT_HEADER]) -> Option<SegmentHeader> {
        let (mut fields, checksum) = bytes.split_at_checked(48)?;
        let mut digest = Sha256::new();
        digest.update(fields);
        if checksum != first_16(digest) || take(&mut fields, 8)? != SEGMENT_MAGIC {
            return None;
        }
        Some(SegmentHeader {
            base: take_u64(&mut fields)?,
            chain: take(&mut fields, 16)?.try_into().ok()?,
            restart: take_byte(&mut fields)? == 1,
        })
    }
}

/// What lies before the batches of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    /// Bytes of the batches.
    pub(crate) length: u32,
    /// The first batch.
    pub(crate) first: u64,
    /// The last batch.
    pub(crate) last: u64,
    /// The checksum of the frame before.
    pub(crate) before: Chain,
    /// The first 16 bytes of the SHA-256 of the header up to here and the batches.
    pub(crate) checksum: Chain,
}

impl FrameHeader {
    /// The header of a frame with these batches.
    pub(crate) fn new(batches: &[u8], first: u64, last: u64, before: Chain) -> Option<FrameHeader> {
        let mut header =
            FrameHeader { length: u32::try_from(batches.len()).ok()?, first, last, before, checksum: [0; 16] };
        header.checksum = header.checksum_of(batches);
        Some(header)
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(FRAME_HEADER);
        bytes.extend_from_slice(FRAME_MAGIC);
        bytes.extend_from_slice(&self.length.to_be_bytes());
        bytes.extend_from_slice(&self.first.to_be_bytes());
        bytes.extend_from_slice(&self.last.to_be_bytes());
        bytes.extend_from_slice(&self.before);
        bytes.extend_from_slice(&self.checksum);
        bytes
    }

    /// `None`: no frame begins here.
    pub(crate) fn decode(mut bytes: &[u8]) -> Option<FrameHeader> {
        if take(&mut bytes, 4)? != FRAME_MAGIC {
            return None;
        }
        Some(FrameHeader {
            length: u32::from_be_bytes(take(&mut bytes, 4)?.try_into().ok()?),
            first: take_u64(&mut bytes)?,
            last: take_u64(&mut bytes)?,
            before: take(&mut bytes, 16)?.try_into().ok()?,
            checksum: take(&mut bytes, 16)?.try_into().ok()?,
        })
    }

    /// Whether the batches are those that were written with this header.
    pub(crate) fn is_intact(&self, batches: &[u8]) -> bool {
        u32::try_from(batches.len()) == Ok(self.length) && self.checksum == self.checksum_of(batches)
    }

    fn checksum_of(&self, batches: &[u8]) -> Chain {
        let mut digest = Sha256::new();
        digest.update(self.encode().get(..FRAME_HEADER - 16).unwrap_or(&[]));
        digest.update(batches);
        first_16(digest)
    }
}

/// Appends a batch: the number of writes, then each: the space (+ 128 for a removal), key, value.
pub(crate) fn put_batch(out: &mut Vec<u8>, ops: &[Op]) {
    put_varint(out, ops.len() as u64);
    for op in ops {
        match &op.value {
            Some(value) => {
                out.push(op.space.number());
                put_bytes(out, &op.key);
                put_bytes(out, value);
            }
            None => {
                out.push(op.space.number() | 0x80);
                put_bytes(out, &op.key);
            }
        }
    }
}

/// Reads what [`put_batch`] wrote, and moves `bytes` behind it.
pub(crate) fn take_batch(bytes: &mut &[u8]) -> Option<Vec<Op>> {
    let count = take_varint(bytes)?;
    let mut ops = Vec::with_capacity(usize::try_from(count).ok()?.min(bytes.len()));
    for _ in 0..count {
        let first = take_byte(bytes)?;
        let space = Space::from_number(first & 0x7f)?;
        let key = take_bytes(bytes)?.to_vec();
        let value = match first & 0x80 {
            0 => Some(take_bytes(bytes)?.to_vec()),
            _ => None,
        };
        ops.push(Op { space, key, value });
    }
    Some(ops)
}

fn take_u64(bytes: &mut &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(take(bytes, 8)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_comes_back_and_any_changed_bit_is_seen() {
        let ops = vec![
            Op { space: Space::Index, key: b"k".to_vec(), value: Some(Vec::new()) },
            Op { space: Space::State, key: b"gone".to_vec(), value: None },
        ];
        let mut batches = Vec::new();
        put_batch(&mut batches, &ops);
        let header = FrameHeader::new(&batches, 7, 7, [1; 16]).unwrap();
        let bytes = [header.encode(), batches.clone()].concat();
        assert_eq!(FrameHeader::decode(&bytes), Some(header));
        assert!(header.is_intact(&batches));
        assert_eq!(take_batch(&mut batches.as_slice()), Some(ops));
        for position in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[position] ^= 1 << bit;
                let intact = FrameHeader::decode(&changed).is_some_and(|h| h.is_intact(&changed[FRAME_HEADER..]));
                assert!(!intact, "byte {position}, bit {bit}");
            }
        }
    }

    #[test]
    fn a_segment_header_comes_back() {
        let header = SegmentHeader { base: 12, chain: [4; 16], restart: true };
        let mut bytes = header.encode();
        assert_eq!(SegmentHeader::decode(&bytes), Some(header));
        bytes[40] ^= 1;
        assert_eq!(SegmentHeader::decode(&bytes), None);
    }
}
