//! Reading index rows as of the view's `t`.

use std::ops::Bound;

use crate::engine::{Direction, EngineError, KeyRange, Scan};
use crate::intervals;
use crate::number::{Bucket, Number};
use crate::rows::row_key;
use crate::slice::Slice;
use crate::space::Space;
use crate::store::damaged;
use crate::view::View;

/// An index row that holds at the view's `t`.
#[derive(Clone, Debug)]
pub struct IndexRow {
    /// The resource that is found by it.
    pub number: Number,
    row: Slice,
}

impl IndexRow {
    /// The search key, as it was written.
    pub fn key(&self) -> &[u8] {
        self.row.get(..self.row.len().saturating_sub(Number::LENGTH)).unwrap_or(&[])
    }

    /// The whole row: search key, then number. A scan can go on after it ([`IndexScan::seek`]).
    pub fn row(&self) -> &[u8] {
        &self.row
    }
}

/// Index rows in order, only those that hold at the view's `t`.
pub struct IndexScan<'a> {
    view: &'a View,
    rows: Scan<'a>,
    range: KeyRange,
    direction: Direction,
    read: u64,
}

impl View {
    /// The index rows whose whole key (search key, then number) lies in `range`, in the order of `direction`.
    pub fn index(&self, range: KeyRange, direction: Direction) -> IndexScan<'_> {
        IndexScan {
            view: self,
            rows: self.store.inner.engine.scan(Space::Index, range.clone(), direction),
            range,
            direction,
            read: 0,
        }
    }

    /// The index rows whose search key begins with `prefix`.
    pub fn index_prefix(&self, prefix: &[u8], direction: Direction) -> IndexScan<'_> {
        self.index(KeyRange::prefix(prefix), direction)
    }

    /// The index rows of resources in one bucket whose search key is exactly `key`, in the order of their creation.
    pub fn index_bucket(&self, key: &[u8], bucket: Bucket, direction: Direction) -> IndexScan<'_> {
        let first = Number::new(bucket, 0);
        let last = Number::new(bucket, Number::SEQUENCE_END - 1);
        let range = KeyRange { start: Bound::Included(row_key(key, first)), end: Bound::Included(row_key(key, last)) };
        self.index(range, direction)
    }

    /// Whether the resource is found by exactly this search key. One point read.
    ///
    /// # Errors
    /// When the engine cannot read, or the row is damaged.
    pub fn index_has(&self, key: &[u8], number: Number) -> Result<bool, EngineError> {
        Ok(self.index_has_many(&[(key, number)])?.first() == Some(&true))
    }

    /// As [`View::index_has`], for many rows, in their order: one batched read.
    ///
    /// # Errors
    /// When the engine cannot read, or a row is damaged.
    pub fn index_has_many(&self, rows: &[(&[u8], Number)]) -> Result<Vec<bool>, EngineError> {
        let keys: Vec<Vec<u8>> = rows.iter().map(|(key, number)| row_key(key, *number)).collect();
        let values = self.store.inner.engine.get_many(Space::Index, &keys)?;
        let mut has = Vec::with_capacity(rows.len());
        for ((_, number), value) in rows.iter().zip(values) {
            has.push(match value {
                None => false,
                Some(value) => self.holds(*number, &value)?,
            });
        }
        Ok(has)
    }

    fn holds(&self, number: Number, value: &[u8]) -> Result<bool, EngineError> {
        if number.sequence() > self.sequence() {
            return Ok(false);
        }
        intervals::holds_at(value, self.t())
            .ok_or_else(|| damaged(format!("the intervals of an index row of {number:?}")))
    }
}

impl IndexScan<'_> {
    /// Goes on at the first row at or beyond `row` (search key, then number) in the direction of the scan; a row behind stays
    /// behind only if it is outside the scan's range, so seeks may also go back.
    pub fn seek(&mut self, row: &[u8]) {
        let mut range = self.range.clone();
        match self.direction {
            Direction::Forward if self.range.contains(row) => range.start = Bound::Included(row.to_vec()),
            Direction::Backward if self.range.contains(row) => range.end = Bound::Included(row.to_vec()),
            Direction::Forward if is_beyond_end(row, &self.range.end) => range.start = Bound::Excluded(row.to_vec()),
            Direction::Backward if is_before_start(row, &self.range.start) => range.end = Bound::Excluded(row.to_vec()),
            _ => {}
        }
        self.rows = self.view.store.inner.engine.scan(Space::Index, range, self.direction);
    }

    /// How many rows were read so far, those that do not hold included: the cost of the scan.
    pub fn read(&self) -> u64 {
        self.read
    }
}

impl Iterator for IndexScan<'_> {
    type Item = Result<IndexRow, EngineError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (row, value) = match self.rows.next()? {
                Ok(row) => row,
                Err(error) => return Some(Err(error)),
            };
            self.read += 1;
            let Some((_, number)) = Number::split_row(&row) else {
                return Some(Err(damaged("an index row's key".to_owned())));
            };
            match self.view.holds(number, &value) {
                Ok(true) => return Some(Ok(IndexRow { number, row })),
                Ok(false) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

fn is_beyond_end(row: &[u8], end: &Bound<Vec<u8>>) -> bool {
    match end {
        Bound::Included(end) => row > end.as_slice(),
        Bound::Excluded(end) => row >= end.as_slice(),
        Bound::Unbounded => false,
    }
}

fn is_before_start(row: &[u8], start: &Bound<Vec<u8>>) -> bool {
    match start {
        Bound::Included(start) => row < start.as_slice(),
        Bound::Excluded(start) => row <= start.as_slice(),
        Bound::Unbounded => false,
    }
}
