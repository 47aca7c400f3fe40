//! The journal in front of embedded tables: what makes a batch durable, for many waiters with one fsync.
//!
//! The tables' own logs are not relied on for it: their write order and recovery differ from library to library (sled's flush is
//! no fsync; fjall may take a damaged batch for the end of its log). Every batch lies here, checksummed and chained, until the
//! tables have been synced behind it.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::disk::{Disk, DiskFile};
use crate::engine::{EngineError, Op, Told};
use crate::frame::{Chain, FRAME_HEADER, FrameHeader, SEGMENT_HEADER, SegmentHeader, put_batch};
use crate::tables::Tables;

pub(crate) use crate::recovery::recover;

/// How the journal is kept.
#[derive(Clone, Copy, Debug)]
pub struct JournalOptions {
    /// A segment that has grown beyond this is closed; bytes. The journal takes about twice that on disk.
    pub segment_bytes: u64,
}

impl Default for JournalOptions {
    fn default() -> JournalOptions {
        JournalOptions { segment_bytes: 32 << 20 }
    }
}

/// The journal, ready for batches.
pub(crate) struct Journal {
    disk: Box<dyn Disk>,
    options: JournalOptions,
    queue: Mutex<Queue>,
    synced: Condvar,
    /// Wakes [`Journal::write_when_asked`].
    asked: Condvar,
    /// Held by the one thread that writes a frame.
    file: Mutex<Active>,
    /// Closed segments, oldest first: name and last batch.
    closed: Mutex<VecDeque<(String, u64)>>,
}

/// Batches that wait for the next frame.
struct Queue {
    batches: Vec<u8>,
    /// The last batch that waits or is being written.
    last: u64,
    /// The first batch that waits.
    first: u64,
    /// The last durable batch.
    synced: u64,
    writing: bool,
    failed: Option<EngineError>,
    /// Who is to be told, and of which batch; in no order.
    told: Vec<(u64, Told)>,
    closing: bool,
}

/// The segment that is written to.
pub(crate) struct Active {
    pub(crate) name: String,
    pub(crate) file: Box<dyn DiskFile>,
    pub(crate) length: u64,
    pub(crate) chain: Chain,
    /// The last batch written to it, or before it.
    pub(crate) last: u64,
}

impl Journal {
    /// Goes on behind what recovery found.
    pub(crate) fn new(
        disk: Box<dyn Disk>,
        options: JournalOptions,
        active: Active,
        closed: VecDeque<(String, u64)>,
        last: u64,
    ) -> Journal {
        Journal {
            disk,
            options,
            queue: Mutex::new(Queue {
                batches: Vec::new(),
                last,
                first: last + 1,
                synced: last,
                writing: false,
                failed: None,
                told: Vec::new(),
                closing: false,
            }),
            synced: Condvar::new(),
            asked: Condvar::new(),
            file: Mutex::new(active),
            closed: Mutex::new(closed),
        }
    }

    /// Puts a batch in line for the next frame. Batches come in the order of their numbers.
    pub(crate) fn append(&self, number: u64, ops: &[Op]) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        // What grows by doubling would take twice of it.
        queue.batches.reserve(ops.iter().map(room).sum());
        put_batch(&mut queue.batches, ops);
        queue.last = number;
    }

    /// Returns when the batch is durable. `Ok(true)`: a segment was closed, and a checkpoint is due.
    pub(crate) fn wait(&self, number: u64) -> Result<bool, EngineError> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if queue.synced >= number {
                return Ok(false);
            }
            if let Some(error) = &queue.failed {
                return Err(error.clone());
            }
            if !queue.writing && number <= queue.last {
                break;
            }
            if number > queue.last {
                let reason = format!("batch {number} was never submitted");
                return Err(EngineError::Stopped { reason });
            }
            queue = self.synced.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        self.write_waiting(queue)
    }

    /// Has `told` called when the batch is durable, or never will be known to be: by whoever writes the frame.
    pub(crate) fn when_durable(&self, number: u64, told: Told) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let known = match &queue.failed {
            _ if queue.synced >= number => Ok(()),
            Some(error) => Err(error.clone()),
            None if number > queue.last => {
                Err(EngineError::Stopped { reason: format!("batch {number} was never submitted") })
            }
            None => {
                queue.told.push((number, told));
                if !queue.writing {
                    self.asked.notify_one();
                }
                return;
            }
        };
        drop(queue);
        told(known);
    }

    /// Waits until somebody is to be told and nobody writes, then writes a frame; `None` when it shall end
    /// ([`Journal::close`]). For a thread of its own.
    pub(crate) fn write_when_asked(&self) -> Option<Result<bool, EngineError>> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        while queue.writing || queue.told.is_empty() {
            if queue.closing && queue.told.is_empty() {
                return None;
            }
            queue = self.asked.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        Some(self.write_waiting(queue))
    }

    /// Ends [`Journal::write_when_asked`] once all are told.
    pub(crate) fn close(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).closing = true;
        self.asked.notify_all();
    }

    /// Writes all that waits as one frame, and tells everybody. Nobody else may be writing.
    fn write_waiting(&self, mut queue: MutexGuard<'_, Queue>) -> Result<bool, EngineError> {
        queue.writing = true;
        let batches = std::mem::take(&mut queue.batches);
        let (first, last) = (queue.first, queue.last);
        queue.first = last + 1;
        drop(queue);

        let written = self.write_frame(&batches, first, last);
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.writing = false;
        match &written {
            Ok(_) => queue.synced = last,
            // What an fsync that failed has left on disk is unknown, and a second one would not tell: no more commits.
            Err(error) => queue.failed = Some(error.clone()),
        }
        if queue.batches.is_empty() && batches.capacity() <= 4 << 20 {
            queue.batches = batches;
            queue.batches.clear();
        }
        let failed = queue.failed.is_some();
        let (told, wait): (Vec<_>, Vec<_>) =
            std::mem::take(&mut queue.told).into_iter().partition(|(number, _)| failed || *number <= last);
        queue.told = wait;
        if queue.closing || !queue.told.is_empty() {
            self.asked.notify_one();
        }
        drop(queue);
        self.synced.notify_all();
        for (_, told) in told {
            told(written.as_ref().map(|_| ()).map_err(Clone::clone));
        }
        written
    }

    /// The last durable batch.
    pub(crate) fn synced(&self) -> u64 {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).synced
    }

    /// Syncs the tables and removes the segments that are no longer needed.
    pub(crate) fn checkpoint(&self, tables: &dyn Tables) -> Result<(), EngineError> {
        let durable = self.synced();
        tables.sync()?;
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((name, _)) = closed.front().filter(|(_, last)| *last <= durable) {
            self.disk.remove(name).map_err(|e| EngineError::io("removing a journal segment", e))?;
            closed.pop_front();
        }
        Ok(())
    }

    /// Closes the segment in use, so that a checkpoint can remove it.
    pub(crate) fn close_segment(&self) -> Result<(), EngineError> {
        let mut active = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if active.length > SEGMENT_HEADER as u64 {
            self.rotate(&mut active)?;
        }
        Ok(())
    }

    fn write_frame(&self, batches: &[u8], first: u64, last: u64) -> Result<bool, EngineError> {
        let mut active = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let header = FrameHeader::new(batches, first, last, active.chain);
        let header = header.ok_or(EngineError::TooLarge(batches.len()))?;
        let write = |file: &mut dyn DiskFile| {
            // One write for small frames: one system call, and mostly one block.
            if batches.len() <= 1 << 20 {
                file.write(&[&header.encode(), batches].concat())?;
            } else {
                file.write(&header.encode())?;
                file.write(batches)?;
            }
            file.sync()
        };
        write(&mut *active.file).map_err(|e| EngineError::io("writing the journal", e))?;
        active.chain = header.checksum;
        active.length += (FRAME_HEADER + batches.len()) as u64;
        active.last = last;
        if active.length < self.options.segment_bytes {
            return Ok(false);
        }
        self.rotate(&mut active)?;
        Ok(true)
    }

    fn rotate(&self, active: &mut Active) -> Result<(), EngineError> {
        let header = SegmentHeader { base: active.last, chain: active.chain, restart: false };
        let next = begin_segment(&*self.disk, &header)?;
        let before = std::mem::replace(active, next);
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        closed.push_back((before.name, before.last));
        Ok(())
    }
}

/// The most bytes that a write takes in a batch.
fn room(op: &Op) -> usize {
    op.key.len() + op.value.as_ref().map_or(0, Vec::len) + 16
}

/// Creates a segment with this header, durable when it returns.
pub(crate) fn begin_segment(disk: &dyn Disk, header: &SegmentHeader) -> Result<Active, EngineError> {
    let name = segment_name(header.base, header.restart);
    let create = || {
        let mut file = disk.create(&name)?;
        file.write(&header.encode())?;
        file.sync()?;
        Ok(file)
    };
    let file = create().map_err(|e: std::io::Error| EngineError::io("beginning a journal segment", e))?;
    Ok(Active { name, file, length: SEGMENT_HEADER as u64, chain: header.chain, last: header.base })
}

/// The name of a segment: names ascend with the batches inside; one that restarts stands behind one that does not.
pub(crate) fn segment_name(base: u64, restart: bool) -> String {
    format!("{base:016x}{}.journal", if restart { "r" } else { "" })
}
