//! Verification: that the commits follow each other without a gap, and that what they wrote is there and unchanged.

use sha2::{Digest, Sha256};

use crate::commit_row::{CommitRow, commit_key, continues, first_16, log_key};
use crate::engine::{Direction, EngineError, KeyRange};
use crate::space::Space;
use crate::store::{Store, T, damaged, read_head};
use crate::version::{VersionHeader, version_key};

/// Verifies the last `count` commits, at most all.
pub(crate) fn last_commits(store: &Store, count: u64) -> Result<(), EngineError> {
    let head = read_head(&*store.inner.engine)?;
    let from = head.t.saturating_sub(count.saturating_sub(1)).max(1);
    if head.t == 0 || count == 0 {
        return Ok(());
    }
    let last = commits(store, from, head.t)?;
    if last != head.chain {
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
        if header.t != t || (header.packing != crate::version::Packing::Absent && hash != header.hash) {
            return Err(what());
        }
        digest.update(header.hash);
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
