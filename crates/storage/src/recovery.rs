//! Opening a journal: verify every frame and the chain, cut a torn tail, bring the tables up to the last durable batch.

use std::collections::VecDeque;
use std::io::{self, Read};

use crate::disk::Disk;
use crate::engine::{Damage, EngineError};
use crate::frame::{Chain, FRAME_HEADER, FRAME_MAGIC, FrameHeader, SEGMENT_HEADER, SegmentHeader, take_batch};
use crate::journal::{Active, Journal, JournalOptions, begin_segment};
use crate::tables::Tables;

/// Verifies the journal, applies to the tables what they lack, and returns the journal ready for more, with the last batch.
///
/// # Errors
/// [`EngineError::Damaged`]: nothing was changed, the tables have at most gained intact batches.
pub(crate) fn recover(
    disk: Box<dyn Disk>,
    options: JournalOptions,
    tables: &dyn Tables,
) -> Result<(Journal, u64), EngineError> {
    let mut names = disk.list().map_err(|e| EngineError::io("listing the journal", e))?;
    names.retain(|name| name.ends_with(".journal"));
    names.sort_unstable();
    let mut state = State { disk: &*disk, tables, applied: tables.applied()?, last: None, chain: [0; 16] };
    let mut closed = VecDeque::new();
    let mut end = None;
    for (position, name) in names.iter().enumerate() {
        let is_last = position + 1 == names.len();
        let length = state.read_segment(name, is_last)?;
        let last = state.last.unwrap_or(0);
        match length {
            // The crash came while the segment was being created: it never held a batch.
            None => disk.remove(name).map_err(|e| EngineError::io("removing an unfinished journal segment", e))?,
            Some(length) if is_last => end = Some((name.clone(), length)),
            Some(_) => closed.push_back((name.clone(), last)),
        }
    }
    let (applied, last, chain) = (state.applied, state.last, state.chain);
    let active = match (last, end) {
        (Some(last), Some((name, length))) if applied <= last => Active {
            file: disk.append(&name, length).map_err(|e| EngineError::io("opening the journal", e))?,
            name,
            length,
            chain,
            last,
        },
        (last, end) => {
            // A new folder; or the tables kept a batch that was never acknowledged and is not in the journal.
            tables.sync()?;
            if let Some((name, length)) = end {
                disk.append(&name, length).map_err(|e| EngineError::io("cutting a torn tail off the journal", e))?;
                closed.push_back((name, last.unwrap_or(0)));
            }
            let header = SegmentHeader { base: applied, chain: [0; 16], restart: true };
            begin_segment(&*disk, &header)?
        }
    };
    let last = applied.max(last.unwrap_or(0));
    Ok((Journal::new(disk, options, active, closed, last), last))
}

struct State<'a> {
    disk: &'a dyn Disk,
    tables: &'a dyn Tables,
    applied: u64,
    /// The last batch read so far.
    last: Option<u64>,
    chain: Chain,
}

impl State<'_> {
    /// Reads a segment and applies what the tables lack. Returns the length of its intact part; `None`: it has no header.
    fn read_segment(&mut self, name: &str, is_last: bool) -> Result<Option<u64>, EngineError> {
        let read_error = |e| EngineError::io("reading the journal", e);
        let mut file = io::BufReader::with_capacity(1 << 16, self.disk.read(name).map_err(read_error)?);
        let mut header = Vec::new();
        (&mut file).take(SEGMENT_HEADER as u64).read_to_end(&mut header).map_err(read_error)?;
        let decoded = header.as_slice().try_into().ok();
        let Some(header) = decoded.and_then(SegmentHeader::decode) else {
            let mut rest = Vec::new();
            file.read_to_end(&mut rest).map_err(read_error)?;
            return match is_last && rest.iter().all(|byte| *byte == 0) {
                true => Ok(None),
                false => Err(self.middle(name, 0, SEGMENT_HEADER as u64)),
            };
        };
        self.begin(name, &header)?;
        let mut offset = SEGMENT_HEADER as u64;
        loop {
            let mut bytes = Vec::new();
            (&mut file).take(FRAME_HEADER as u64).read_to_end(&mut bytes).map_err(read_error)?;
            if bytes.is_empty() {
                return Ok(Some(offset));
            }
            let frame = FrameHeader::decode(&bytes);
            if let Some(frame) = &frame {
                (&mut file).take(u64::from(frame.length)).read_to_end(&mut bytes).map_err(read_error)?;
            }
            let batches = bytes.get(FRAME_HEADER..).unwrap_or(&[]);
            match frame.filter(|frame| frame.is_intact(batches)) {
                Some(frame) => self.apply(name, offset, &frame, batches)?,
                None => {
                    file.read_to_end(&mut bytes).map_err(read_error)?;
                    return match next_intact(&bytes) {
                        None if is_last => Ok(Some(offset)),
                        None => Err(self.middle(name, offset, offset)),
                        Some(next) => Err(self.middle(name, offset, offset + next)),
                    };
                }
            }
            offset += bytes.len() as u64;
        }
    }

    /// Checks that a segment follows what was read, or that the tables make what is missing unnecessary.
    fn begin(&mut self, name: &str, header: &SegmentHeader) -> Result<(), EngineError> {
        let follows = self.last == Some(header.base) && self.chain == header.chain;
        if !follows {
            if self.applied < header.base {
                return Err(EngineError::Damaged(Damage::Gap { tables: self.applied, journal: header.base }));
            }
            if self.last.is_some() && !header.restart {
                return Err(self.broken(name, 0));
            }
        }
        self.last = Some(header.base);
        self.chain = header.chain;
        Ok(())
    }

    fn apply(&mut self, name: &str, offset: u64, frame: &FrameHeader, mut batches: &[u8]) -> Result<(), EngineError> {
        if frame.before != self.chain || Some(frame.first) != self.last.map(|last| last + 1) {
            return Err(self.broken(name, offset));
        }
        for number in frame.first..=frame.last {
            let ops = take_batch(&mut batches).ok_or_else(|| self.broken(name, offset))?;
            if number > self.applied {
                self.tables.apply(&ops, number)?;
                self.applied = number;
            }
        }
        self.last = Some(frame.last);
        self.chain = frame.checksum;
        Ok(())
    }

    fn middle(&self, name: &str, offset: u64, next_intact: u64) -> EngineError {
        EngineError::Damaged(Damage::JournalMiddle { file: self.disk.path(name), offset, next_intact })
    }

    fn broken(&self, name: &str, offset: u64) -> EngineError {
        EngineError::Damaged(Damage::BrokenChain { file: self.disk.path(name), offset })
    }
}

/// Where the first intact frame begins behind a damaged one that begins at 0.
fn next_intact(bytes: &[u8]) -> Option<u64> {
    (1..bytes.len()).find_map(|start| {
        let rest = bytes.get(start..)?;
        if !rest.starts_with(FRAME_MAGIC) {
            return None;
        }
        let header = FrameHeader::decode(rest)?;
        let end = FRAME_HEADER.checked_add(usize::try_from(header.length).ok()?)?;
        let intact = header.is_intact(rest.get(FRAME_HEADER..end)?);
        intact.then(|| u64::try_from(start).ok()).flatten()
    })
}
