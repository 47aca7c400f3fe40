//! Tables in memory: for tests, and for looking at documents without keeping them. Nothing survives the process, unless a
//! journal lies in front (as crash tests do, to show that the journal alone restores everything).

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock};

use crate::embedded::Embedded;
use crate::engine::{Direction, EngineError, KeyRange, Op, Scan};
use crate::slice::Slice;
use crate::space::Space;
use crate::tables::{APPLIED, Tables, read_applied};

/// An empty engine in memory, without a journal: [`crate::Engine::wait`] returns at once.
pub fn open() -> Arc<Embedded> {
    Arc::new(Embedded::without_journal(Box::new(Memory::default())))
}

/// One `BTreeMap` for all spaces; the first key byte is the number of the space.
#[derive(Default)]
pub struct Memory {
    rows: RwLock<BTreeMap<Vec<u8>, Arc<[u8]>>>,
}

impl Tables for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Slice>, EngineError> {
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        Ok(rows.get(&with_space(space, key)).cloned().map(Slice::from))
    }

    fn scan<'a>(&'a self, space: Space, range: KeyRange, direction: Direction) -> Scan<'a> {
        Box::new(MemoryScan {
            memory: self,
            range: (start_in(space, range.start.clone()), end_in(space, range.end.clone())),
            direction,
            ready: Vec::new().into_iter(),
            done: range.is_empty(),
        })
    }

    fn apply(&self, ops: &[Op], applied: u64) -> Result<(), EngineError> {
        let mut rows = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        for op in ops {
            let key = with_space(op.space, &op.key);
            match &op.value {
                Some(value) => rows.insert(key, value.as_slice().into()),
                None => rows.remove(&key),
            };
        }
        rows.insert(with_space(Space::Meta, APPLIED), applied.to_be_bytes().as_slice().into());
        Ok(())
    }

    fn applied(&self) -> Result<u64, EngineError> {
        read_applied(self.get(Space::Meta, APPLIED)?.as_deref())
    }

    fn sync(&self) -> Result<(), EngineError> {
        Ok(())
    }

    fn flush(&self) -> Result<(), EngineError> {
        Ok(())
    }

    fn compact(&self) -> Result<(), EngineError> {
        Ok(())
    }

    fn disk_bytes(&self) -> Result<u64, EngineError> {
        Ok(0)
    }
}

/// Rows taken from the map at once, so that a scan holds no lock between items.
const ROWS_AT_ONCE: usize = 128;

struct MemoryScan<'a> {
    memory: &'a Memory,
    range: (Bound<Vec<u8>>, Bound<Vec<u8>>),
    direction: Direction,
    ready: std::vec::IntoIter<(Slice, Slice)>,
    done: bool,
}

impl Iterator for MemoryScan<'_> {
    type Item = Result<(Slice, Slice), EngineError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(row) = self.ready.next() {
            return Some(Ok(row));
        }
        if self.done {
            return None;
        }
        let rows = self.memory.rows.read().unwrap_or_else(PoisonError::into_inner);
        let found = rows.range::<Vec<u8>, _>((self.range.0.as_ref(), self.range.1.as_ref()));
        let taken: Vec<(Vec<u8>, Slice)> = match self.direction {
            Direction::Forward => found.take(ROWS_AT_ONCE).map(owned).collect(),
            Direction::Backward => found.rev().take(ROWS_AT_ONCE).map(owned).collect(),
        };
        drop(rows);
        self.done = taken.len() < ROWS_AT_ONCE;
        if let Some((last, _)) = taken.last() {
            match self.direction {
                Direction::Forward => self.range.0 = Bound::Excluded(last.clone()),
                Direction::Backward => self.range.1 = Bound::Excluded(last.clone()),
            }
            // An exhausted range must not be asked for again: equal excluded bounds are refused by `BTreeMap`.
            self.done |= self.range.0 == self.range.1;
        }
        let rows: Vec<(Slice, Slice)> =
            taken.into_iter().map(|(key, value)| (Slice::from(key.get(1..).unwrap_or(&[])), value)).collect();
        self.ready = rows.into_iter();
        self.ready.next().map(Ok)
    }
}

fn owned((key, value): (&Vec<u8>, &Arc<[u8]>)) -> (Vec<u8>, Slice) {
    (key.clone(), Slice::from(value.clone()))
}

/// The key of one tree that holds all spaces: the number of the space, then the key.
pub(crate) fn with_space(space: Space, key: &[u8]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(key.len() + 1);
    whole.push(space.number());
    whole.extend_from_slice(key);
    whole
}

/// The lower bound of a range of `space` in one tree that holds all spaces.
pub(crate) fn start_in(space: Space, start: Bound<Vec<u8>>) -> Bound<Vec<u8>> {
    match start {
        Bound::Included(key) => Bound::Included(with_space(space, &key)),
        Bound::Excluded(key) => Bound::Excluded(with_space(space, &key)),
        Bound::Unbounded => Bound::Included(vec![space.number()]),
    }
}

/// The upper bound of a range of `space` in one tree that holds all spaces.
pub(crate) fn end_in(space: Space, end: Bound<Vec<u8>>) -> Bound<Vec<u8>> {
    match end {
        Bound::Included(key) => Bound::Included(with_space(space, &key)),
        Bound::Excluded(key) => Bound::Excluded(with_space(space, &key)),
        Bound::Unbounded => Bound::Excluded(vec![space.number() + 1]),
    }
}
