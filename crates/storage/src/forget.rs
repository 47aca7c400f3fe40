//! Removing from index rows what they tell about a time that nobody asks for any more.

use std::ops::Bound;

use crate::commit::CommitError;
use crate::engine::{Batch, Direction, Engine, KeyRange, SubmitError};
use crate::intervals;
use crate::space::Space;
use crate::store::damaged;

/// Rows looked at for one commit.
const ROWS: usize = 4_000;

/// How often rows are looked at again when writers change them meanwhile.
const ATTEMPTS: usize = 64;

/// Shortens or removes all index rows with intervals that end at or before `horizon`; returns how many.
pub(crate) fn index_rows_before(engine: &dyn Engine, horizon: u64) -> Result<u64, CommitError> {
    let mut changed = 0;
    let mut from = Bound::Unbounded;
    let mut attempt = 0;
    loop {
        let (batch, last) = page(engine, horizon, from.clone())?;
        let rows = batch.ops().len() as u64;
        if rows > 0 {
            match engine.commit(&batch) {
                Ok(()) => changed += rows,
                Err(SubmitError::Conflict { .. }) if attempt < ATTEMPTS => {
                    attempt += 1;
                    continue;
                }
                Err(SubmitError::Conflict { .. }) => return Err(CommitError::Busy),
                Err(SubmitError::Engine(error)) => return Err(error.into()),
            }
        }
        attempt = 0;
        match last {
            Some(last) => from = Bound::Excluded(last),
            None => return Ok(changed),
        }
    }
}

/// The writes for the next rows, each depending on the row being as it was read, and the last row looked at; `None`: the end.
fn page(engine: &dyn Engine, horizon: u64, from: Bound<Vec<u8>>) -> Result<(Batch, Option<Vec<u8>>), CommitError> {
    let mut batch = Batch::new();
    let mut last = None;
    let mut seen = 0;
    let range = KeyRange { start: from, end: Bound::Unbounded };
    for row in engine.scan(Space::Index, range, Direction::Forward).take(ROWS) {
        let (key, value) = row?;
        let left = intervals::forget_before(&value, horizon);
        let left = left.ok_or_else(|| damaged("the intervals of an index row".to_owned()))?;
        if left.as_deref() != Some(&*value) {
            batch.require(Space::Index, key.to_vec(), Some(value.to_vec()));
            match left {
                Some(left) => batch.put(Space::Index, key.to_vec(), left),
                None => batch.remove(Space::Index, key.to_vec()),
            }
        }
        last = Some(key.to_vec());
        seen += 1;
    }
    Ok((batch, last.filter(|_| seen == ROWS)))
}
