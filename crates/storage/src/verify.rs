//! Verification: that the commits follow each other without a gap, and that what they wrote is there and unchanged.

use std::sync::PoisonError;

use sha2::{Digest, Sha256};

use crate::commit_row::{CommitRow, commit_key, continues, first_16, log_key};
use crate::engine::{Direction, EngineError, KeyRange};
use crate::head::{HeadRow, HeadState, IdRow, ids_key};
use crate::intervals;
use crate::number::Number;
use crate::rows::row_key;
use crate::space::Space;
use crate::store::{Store, T, damaged, read_head};
use crate::version::{VersionHeader, version_key};

/// What a verification of everything has seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// Commits, all of them in a chain without a gap.
    pub commits: u64,
    /// Resources, deleted ones included.
    pub resources: u64,
    /// Index rows, those that no longer hold included.
    pub index_rows: u64,
    /// What does not agree, in words, at most 1,000; empty: everything does.
    pub findings: Vec<String>,
}

impl Verification {
    fn find(&mut self, what: String) {
        if self.findings.len() < 1_000 {
            self.findings.push(what);
        }
    }
}

/// Verifies the last commits, until they have changed at least `versions`; 0: none.
pub(crate) fn last_commits(store: &Store, versions: u64) -> Result<(), EngineError> {
    let engine = &store.inner.engine;
    let head = read_head(&**engine)?;
    let mut seen = 0;
    let mut from = head.t + 1;
    let rows = engine.scan(Space::Commits, KeyRange::all(), Direction::Backward);
    for row in rows {
        if seen >= versions {
            break;
        }
        let (_, row) = row?;
        let decoded = CommitRow::decode_without_changes(&row);
        seen += 1 + decoded.ok_or_else(|| missing(from - 1))?.1;
        from = from.saturating_sub(1);
    }
    if from > head.t {
        return if head.t == 0 || versions == 0 { Ok(()) } else { Err(missing(head.t)) };
    }
    if commits(store, from.max(1), head.t)? != head.chain {
        return Err(damaged(format!("the head of the commits is not that of t {}", head.t)));
    }
    Ok(())
}

/// Verifies the commits from `from` (at least 1) to `to`, both included, and returns the chain of the last.
fn commits(store: &Store, from: T, to: T) -> Result<[u8; 16], EngineError> {
    let engine = &store.inner.engine;
    let mut before = [0; 16];
    if from > 1 {
        let row = engine.get(Space::Commits, &commit_key(from - 1))?;
        let row = row.as_deref().and_then(CommitRow::decode_without_changes);
        before = row.ok_or_else(|| missing(from - 1))?.0.chain;
    }
    let range = KeyRange::between(&commit_key(from), &commit_key(to + 1));
    let mut t = from;
    for row in engine.scan(Space::Commits, range, Direction::Forward) {
        let (key, value) = row?;
        if *key != *commit_key(t) {
            return Err(missing(t));
        }
        if !continues(&before, t, &value) {
            return Err(damaged(format!("the commit row of t {t} does not continue the chain")));
        }
        let row = CommitRow::decode(&value).ok_or_else(|| missing(t))?;
        content(store, t, &row)?;
        before = row.chain;
        t += 1;
    }
    if t != to + 1 {
        return Err(missing(t));
    }
    Ok(before)
}

/// Verifies that what a commit wrote has the content that its row tells.
fn content(store: &Store, t: T, row: &CommitRow) -> Result<(), EngineError> {
    let engine = &store.inner.engine;
    let mut digest = Sha256::new();
    let keys: Vec<Vec<u8>> = row.changes.iter().map(|change| version_key(change.number, change.version)).collect();
    for (change, version) in row.changes.iter().zip(engine.get_many(Space::Versions, &keys)?) {
        let what = || damaged(format!("t {t}: version {} of {:?}", change.version, change.number));
        let version = version.ok_or_else(what)?;
        let (header, body_at) = VersionHeader::read(&version).ok_or_else(what)?;
        let mut body = Vec::new();
        let stored = version.get(body_at..).unwrap_or(&[]);
        let dictionaries = &store.inner.dictionaries;
        dictionaries.unpack(&**engine, header.packing, stored, header.length, &mut body)?;
        let hash: [u8; 32] = Sha256::digest(&body).into();
        let agrees = (header.t, header.instant, header.method) == (t, row.instant, change.method);
        if !agrees || (header.packing != crate::version::Packing::Absent && hash != header.hash) {
            return Err(what());
        }
        digest.update(header.hash);
        digest.update(header.mark.to_be_bytes());
    }
    for ordinal in 0..row.events {
        let event = engine.get(Space::Log, &log_key(t, ordinal))?;
        let event = event.ok_or_else(|| damaged(format!("t {t}: event {ordinal} is missing")))?;
        digest.update(Sha256::digest(&*event));
    }
    if first_16(digest) != row.content {
        return Err(damaged(format!("t {t}: the content is not what was committed")));
    }
    Ok(())
}

fn missing(t: T) -> EngineError {
    damaged(format!("the commit row of t {t} is missing or damaged"))
}

/// Verifies everything.
pub(crate) fn everything(store: &Store) -> Result<Verification, EngineError> {
    let mut seen = Verification::default();
    // Between two submissions no commit is half applied.
    let between = store.inner.sequencer.lock().unwrap_or_else(PoisonError::into_inner);
    let head = read_head(&*store.inner.engine)?;
    drop(between);
    seen.commits = head.t;
    if head.t > 0 {
        match commits(store, 1, head.t) {
            Ok(chain) if chain == head.chain => {}
            Ok(_) => seen.find(format!("the head of the commits is not that of t {}", head.t)),
            Err(EngineError::Damaged(what)) => seen.find(what.to_string()),
            Err(error) => return Err(error),
        }
    }
    heads(store, &mut seen)?;
    index_rows(store, &mut seen)?;
    Ok(seen)
}

/// Every head: its row in ids, its current version, its index rows.
fn heads(store: &Store, seen: &mut Verification) -> Result<(), EngineError> {
    let engine = &*store.inner.engine;
    for row in engine.scan(Space::Heads, KeyRange::all(), Direction::Forward) {
        let (key, value) = row?;
        let number = <[u8; Number::LENGTH]>::try_from(&*key).map(Number::from_bytes);
        let (Ok(number), Some(head)) = (number, HeadRow::decode(&value)) else {
            seen.find(format!("a head is damaged: {key:?}"));
            continue;
        };
        if wrong_with_head(store, number, &head)?.is_some() {
            // A commit may have come in between: look again while none is half applied.
            let _between = store.inner.sequencer.lock().unwrap_or_else(PoisonError::into_inner);
            let again = engine.get(Space::Heads, &key)?;
            let what = match again.as_deref().and_then(HeadRow::decode) {
                Some(head) => wrong_with_head(store, number, &head)?,
                None => Some("the head is gone or damaged".to_owned()),
            };
            if let Some(what) = what {
                seen.find(format!("{number:?}: {what}"));
            }
        }
        seen.resources += u64::from(head.state != HeadState::Moved);
    }
    Ok(())
}

fn wrong_with_head(store: &Store, number: Number, head: &HeadRow) -> Result<Option<String>, EngineError> {
    let engine = &*store.inner.engine;
    let id = engine.get(Space::Ids, &ids_key(head.type_code, &head.id))?;
    let Some(id) = id.as_deref().and_then(IdRow::decode) else {
        return Ok(Some("no row in ids".to_owned()));
    };
    let agrees = match head.state {
        HeadState::Moved => id.number != number && id.number_of(head.version) == number,
        state => {
            id.number == number && (id.version, id.t, id.deleted) == (head.version, head.t, state == HeadState::Deleted)
        }
    };
    if !agrees {
        return Ok(Some("the row in ids tells something else".to_owned()));
    }
    if engine.get(Space::Versions, &version_key(number, head.version))?.is_none() {
        return Ok(Some(format!("version {} is missing", head.version)));
    }
    if head.state != HeadState::Live && !head.keys.is_empty() {
        return Ok(Some("it is not live, but has index keys".to_owned()));
    }
    let rows: Vec<Vec<u8>> = head.keys.iter().map(|key| row_key(key, number)).collect();
    for (key, row) in head.keys.iter().zip(engine.get_many(Space::Index, &rows)?) {
        if row.is_none_or(|row| intervals::is_open(&row) != Some(true)) {
            return Ok(Some(format!("the index row of key {key:02x?} is missing or closed")));
        }
    }
    Ok(None)
}

/// Every index row that holds: the head knows it.
fn index_rows(store: &Store, seen: &mut Verification) -> Result<(), EngineError> {
    let engine = &*store.inner.engine;
    for row in engine.scan(Space::Index, KeyRange::all(), Direction::Forward) {
        let (row, value) = row?;
        seen.index_rows += 1;
        let (Some((key, number)), Some(open)) = (Number::split_row(&row), intervals::is_open(&value)) else {
            seen.find(format!("an index row is damaged: {row:?}"));
            continue;
        };
        if !open {
            continue;
        }
        if !is_known(store, number, key)? {
            let _between = store.inner.sequencer.lock().unwrap_or_else(PoisonError::into_inner);
            let open = engine.get(Space::Index, &row)?.is_some_and(|value| intervals::is_open(&value) != Some(false));
            if open && !is_known(store, number, key)? {
                seen.find(format!("{number:?}: an index row that its head does not know: {key:02x?}"));
            }
        }
    }
    Ok(())
}

/// Whether the head of the number has this index key.
fn is_known(store: &Store, number: Number, key: &[u8]) -> Result<bool, EngineError> {
    let head = store.inner.engine.get(Space::Heads, &number.to_bytes())?;
    let head = head.as_deref().and_then(HeadRow::decode);
    Ok(head.is_some_and(|head| head.keys.binary_search_by(|known| known.as_slice().cmp(key)).is_ok()))
}
