//! The rows of one new version: its own, the current state by id and by number, and the index rows that begin or cease to hold.

use crate::commit::CommitError;
use crate::commit_row::ChangeRow;
use crate::head::{HeadRow, HeadState, IdRow, ids_key};
use crate::intervals;
use crate::number::Number;
use crate::prepared::PreparedWrite;
use crate::sequence::Draft;
use crate::space::Space;
use crate::store::{Inner, damaged};
use crate::version::{Packing, VersionHeader, version_key};

/// Whether the number is given out with this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum New {
    Yes,
    No,
}

/// Adds all rows of a new version to the draft.
pub(crate) fn put_version(
    inner: &Inner,
    draft: &mut Draft,
    write: &PreparedWrite,
    type_code: u16,
    current: Option<IdRow>,
    (number, version, new): (Number, u64, New),
) -> Result<(), CommitError> {
    let t = draft.head.t;
    let content = write.content.as_ref();
    let header = VersionHeader {
        method: write.method,
        t,
        instant: draft.head.instant,
        mark: content.map_or(0, |content| content.mark),
        hash: content.map_or([0; 32], |content| content.hash),
        packing: content.map_or(Packing::Absent, |content| content.packing),
        length: content.map_or(0, |content| content.length),
    };
    let stored = content.map_or(&[][..], |content| &content.stored);
    let mut row = Vec::with_capacity(stored.len() + 64);
    header.put(&mut row);
    row.extend_from_slice(stored);
    draft.batch.put(Space::Versions, version_key(number, version), row);
    draft.row.changes.push(ChangeRow { type_code, method: write.method, number, version });

    let new_keys = content.map_or(&[][..], |content| &content.index);
    let old = match &current {
        None => None,
        Some(row) => Some(read_head(inner, row.number)?),
    };
    if let Some(old) = old.as_ref().filter(|_| new == New::No) {
        change_keys(inner, draft, number, &old.keys, new_keys)?;
    } else {
        for key in new_keys {
            open_row(inner, draft, number, key, New::Yes)?;
        }
        if let (Some(old), Some(row)) = (&old, &current) {
            leave_number(inner, draft, row, old)?;
        }
    }

    let state = if content.is_some() { HeadState::Live } else { HeadState::Deleted };
    let head = HeadRow { type_code, id: write.id.clone(), version, t, state, keys: new_keys.to_vec() };
    draft.batch.put(Space::Heads, number.to_bytes(), head.encode());
    let mut earlier = Vec::new();
    if let Some(row) = current {
        earlier = row.earlier;
        if row.number != number {
            earlier.push((row.number, row.version));
        }
    }
    let id_row = IdRow { version, t, deleted: content.is_none(), number, earlier };
    draft.batch.put(Space::Ids, ids_key(type_code, &write.id), id_row.encode());
    Ok(())
}

/// Closes everything that holds under the number that a resource leaves.
fn leave_number(inner: &Inner, draft: &mut Draft, row: &IdRow, old: &HeadRow) -> Result<(), CommitError> {
    change_keys(inner, draft, row.number, &old.keys, &[])?;
    let left = HeadRow { t: draft.head.t, state: HeadState::Moved, keys: Vec::new(), id: old.id.clone(), ..*old };
    draft.batch.put(Space::Heads, row.number.to_bytes(), left.encode());
    Ok(())
}

/// Index rows of `old` but not of `new` cease to hold; those of `new` but not of `old` begin. Both ascend.
pub(crate) fn change_keys(
    inner: &Inner,
    draft: &mut Draft,
    number: Number,
    old: &[Vec<u8>],
    new: &[Vec<u8>],
) -> Result<(), CommitError> {
    for key in old.iter().filter(|key| new.binary_search(key).is_err()) {
        let row = row_key(key, number);
        let value = inner.engine.get(Space::Index, &row)?;
        let closed = value.and_then(|value| intervals::closed(&value, draft.head.t));
        let closed = closed.ok_or_else(|| damaged(format!("an index row of {number:?} is missing or damaged")))?;
        draft.batch.put(Space::Index, row, closed);
    }
    for key in new.iter().filter(|key| old.binary_search(key).is_err()) {
        open_row(inner, draft, number, key, New::No)?;
    }
    Ok(())
}

fn open_row(inner: &Inner, draft: &mut Draft, number: Number, key: &[u8], new: New) -> Result<(), CommitError> {
    let row = row_key(key, number);
    let old = match new {
        New::Yes => None,
        New::No => inner.engine.get(Space::Index, &row)?,
    };
    let opened = intervals::opened(old.as_deref(), draft.head.t, new == New::Yes);
    let opened = opened.ok_or_else(|| damaged(format!("an index row of {number:?}")))?;
    draft.batch.put(Space::Index, row, opened);
    Ok(())
}

/// The key of an index row: the search key, then the number.
pub(crate) fn row_key(key: &[u8], number: Number) -> Vec<u8> {
    let mut row = Vec::with_capacity(key.len() + Number::LENGTH);
    row.extend_from_slice(key);
    row.extend_from_slice(&number.to_bytes());
    row
}

/// The row in `heads` of a number.
pub(crate) fn read_head(inner: &Inner, number: Number) -> Result<HeadRow, crate::EngineError> {
    let row = inner.engine.get(Space::Heads, &number.to_bytes())?;
    row.as_deref()
        .and_then(HeadRow::decode)
        .ok_or_else(|| damaged(format!("the head of {number:?} is missing or damaged")))
}
