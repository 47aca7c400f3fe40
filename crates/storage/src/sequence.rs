//! The one place where transactions get their order: checks what they expect, gives out `t`, versions and numbers, and makes
//! one batch of each. Runs under one lock; compression and hashing are done before it, waiting for the disk after it.
//!
//! Nothing here assumes to be the only process: every batch depends on the head of the commits being the one it was made for.

use std::collections::HashMap;

use crate::commit::{CommitError, Committed, Effect, Expect, Found, Guard, Outcome};
use crate::commit_row::{CommitRow, HeadOfCommits, changes_key};
use crate::engine::{Batch, Direction, KeyRange, SubmitError, Ticket};
use crate::head::{IdRow, ids_key};
use crate::intervals;
use crate::number::Number;
use crate::ordered::{put_varint, take_varint};
use crate::prepared::{Prepared, PreparedWrite};
use crate::reindex;
use crate::rows::{self, New};
use crate::space::Space;
use crate::store::{Inner, Point, damaged, read_head};
use crate::version::{Packing, VersionHeader, version_key};

/// How often a transaction is tried again when other processes commit in between.
const ATTEMPTS: usize = 64;

/// The state of the order of commits.
pub(crate) struct Sequencer {
    head: HeadOfCommits,
    /// Live resources by type code, as of `head`; read when first needed.
    counts: HashMap<u16, u64>,
    last_ticket: Option<Ticket>,
}

/// A transaction with its place, before it is submitted.
pub(crate) struct Draft {
    pub(crate) batch: Batch,
    pub(crate) head: HeadOfCommits,
    pub(crate) row: CommitRow,
    pub(crate) outcomes: Vec<Outcome>,
    new_names: Vec<(u16, String)>,
    counts: HashMap<u16, u64>,
}

impl Sequencer {
    pub(crate) fn new(head: HeadOfCommits) -> Sequencer {
        Sequencer { head, counts: HashMap::new(), last_ticket: None }
    }

    /// The state after the last submitted commit.
    pub(crate) fn point(&self) -> Point {
        Point { t: self.head.t, sequence: self.head.sequence, instant: self.head.instant }
    }

    /// The ticket of the last submitted commit.
    pub(crate) fn last_ticket(&self) -> Option<Ticket> {
        self.last_ticket
    }

    /// Gives the transaction its place and submits it. It is durable when the engine has waited for the ticket.
    pub(crate) fn submit(
        &mut self,
        inner: &Inner,
        prepared: &Prepared,
    ) -> Result<(Committed, Option<Ticket>), CommitError> {
        for _ in 0..ATTEMPTS {
            let Some(mut draft) = self.draft(inner, prepared)? else {
                return Ok((self.unchanged(inner, prepared)?, self.last_ticket));
            };
            self.finish(inner, prepared, &mut draft)?;
            match inner.engine.submit(&draft.batch) {
                Ok(ticket) => {
                    for (code, name) in &draft.new_names {
                        inner.names.insert(*code, name);
                    }
                    self.counts.extend(draft.counts);
                    self.head = draft.head;
                    self.last_ticket = Some(ticket);
                    let committed = Committed { t: self.head.t, instant: self.head.instant, outcomes: draft.outcomes };
                    return Ok((committed, Some(ticket)));
                }
                Err(SubmitError::Conflict { .. }) => {
                    self.head = read_head(&*inner.engine)?;
                    self.counts.clear();
                    inner.names.reload(&*inner.engine)?;
                }
                Err(SubmitError::Engine(error)) => return Err(error.into()),
            }
        }
        Err(CommitError::Busy)
    }

    /// Checks all conditions and drafts the rows; `None` when nothing would change.
    fn draft(&mut self, inner: &Inner, prepared: &Prepared) -> Result<Option<Draft>, CommitError> {
        self.check_conditions(inner, prepared)?;
        let current = current_rows(inner, prepared)?;
        for (position, (write, row)) in prepared.writes.iter().zip(&current).enumerate() {
            check_expectation(position, write.expect, row.as_ref())?;
        }
        let mut head = self.head.clone();
        head.t += 1;
        head.instant = head.instant.max(prepared.instant);
        let mut draft = Draft {
            row: CommitRow {
                chain: [0; 16],
                instant: head.instant,
                sequence: 0,
                events: prepared.events.len() as u64,
                content: [0; 16],
                changes: Vec::with_capacity(prepared.writes.len()),
            },
            head,
            batch: Batch::new(),
            outcomes: Vec::with_capacity(prepared.writes.len()),
            new_names: Vec::new(),
            counts: HashMap::new(),
        };
        draft.batch.require(Space::Meta, HeadOfCommits::KEY, Some(self.head.encode()));
        for (position, (write, row)) in prepared.writes.iter().zip(current).enumerate() {
            let outcome = self.draft_write(inner, &mut draft, position, write, row)?;
            draft.outcomes.push(outcome);
        }
        for reindex in &prepared.reindexed {
            reindex::put(inner, &mut draft, reindex)?;
        }
        let nothing = draft.row.changes.is_empty() && !prepared.writes_rows();
        Ok((!nothing).then_some(draft))
    }

    fn draft_write(
        &self,
        inner: &Inner,
        draft: &mut Draft,
        position: usize,
        write: &PreparedWrite,
        current: Option<IdRow>,
    ) -> Result<Outcome, CommitError> {
        let live = current.as_ref().is_some_and(|row| !row.deleted);
        let same = match (&write.content, &current) {
            (None, _) => !live,
            (Some(_), Some(row)) if write.unless_same && live => is_same(inner, write, row)?,
            _ => false,
        };
        if same {
            return Ok(Outcome {
                effect: Effect::Unchanged,
                version: current.as_ref().map_or(0, |row| row.version),
                number: current.map(|row| row.number),
            });
        }
        let effect = match (live, &write.content) {
            (_, None) => Effect::Deleted,
            (true, Some(_)) => Effect::Updated,
            (false, Some(_)) => Effect::Created,
        };
        let numbers_left = || CommitError::Unacceptable { write: position, reason: crate::commit::Refusal::Numbers };
        let type_code = draft.type_code(inner, write).ok_or_else(numbers_left)?;
        // A deletion stays in the bucket of what it deletes.
        let stays = current.as_ref().filter(|row| write.content.is_none() || row.number.bucket() == write.bucket);
        let (number, new) = match stays {
            Some(row) => (row.number, New::No),
            None => {
                draft.head.sequence += 1;
                if draft.head.sequence >= Number::SEQUENCE_END {
                    return Err(numbers_left());
                }
                (Number::new(write.bucket, draft.head.sequence), New::Yes)
            }
        };
        let version = current.as_ref().map_or(1, |row| row.version + 1);
        rows::put_version(inner, draft, write, type_code, current, (number, version, new))?;
        self.count(inner, draft, type_code, effect)?;
        Ok(Outcome { effect, version, number: Some(number) })
    }

    /// Counts the live resources of a type, exactly.
    fn count(&self, inner: &Inner, draft: &mut Draft, type_code: u16, effect: Effect) -> Result<(), CommitError> {
        let before = match draft.counts.get(&type_code).or_else(|| self.counts.get(&type_code)) {
            Some(count) => *count,
            None => count_at(inner, type_code, self.head.t)?,
        };
        let after = match effect {
            Effect::Created => before + 1,
            Effect::Deleted => before.saturating_sub(1),
            Effect::Updated | Effect::Unchanged => before,
        };
        draft.counts.insert(type_code, after);
        Ok(())
    }

    /// Adds the rows that are not a resource's.
    fn finish(&self, inner: &Inner, prepared: &Prepared, draft: &mut Draft) -> Result<(), CommitError> {
        let t = draft.head.t;
        draft.row.sequence = draft.head.sequence;
        draft.row.content = prepared.content_of(&draft.outcomes);
        let row = draft.row.encode(&self.head.chain, t);
        draft.head.chain = draft.row.chain;
        draft.batch.put(Space::Commits, crate::commit_row::commit_key(t), row);
        for (type_code, count) in &draft.counts {
            let mut value = Vec::new();
            put_varint(&mut value, *count);
            draft.batch.put(Space::Changes, changes_key(*type_code, t), value);
        }
        for (ordinal, event) in (0u64..).zip(&prepared.events) {
            draft.batch.put(Space::Log, crate::commit_row::log_key(t, ordinal), event.clone());
        }
        for (key, value) in &prepared.blobs {
            draft.batch.put(Space::Blobs, key.clone(), value.clone());
        }
        for (key, value) in &prepared.state {
            match value {
                Some(value) => draft.batch.put(Space::State, key.clone(), value.clone()),
                None => draft.batch.remove(Space::State, key.clone()),
            }
        }
        let mut counters: HashMap<&[u8], i64> = HashMap::new();
        for (key, delta) in &prepared.added {
            let sum = counters.entry(key).or_insert(0);
            *sum = sum.saturating_add(*delta);
        }
        for (key, delta) in counters {
            let sum = read_counter(inner, key)?.saturating_add(delta);
            draft.batch.put(Space::State, key, sum.to_be_bytes());
        }
        draft.batch.put(Space::Meta, HeadOfCommits::KEY, draft.head.encode());
        draft.batch.ops.sort_by(|a, b| (appearance(a.space), &a.key).cmp(&(appearance(b.space), &b.key)));
        Ok(())
    }

    fn check_conditions(&self, inner: &Inner, prepared: &Prepared) -> Result<(), CommitError> {
        for (required, (key, value)) in prepared.required_state.iter().enumerate() {
            let found = inner.engine.get(Space::State, key)?;
            if found.as_deref() != value.as_deref() {
                return Err(CommitError::StateChanged { required });
            }
        }
        for (guard, Guard { prefix, t, sequence }) in prepared.guards.iter().enumerate() {
            let range = KeyRange::prefix(prefix);
            for row in inner.engine.scan(Space::Index, range, Direction::Forward) {
                let (key, value) = row?;
                let (_, number) = Number::split_row(&key).ok_or_else(|| damaged("an index row's key".to_owned()))?;
                let changed = intervals::changed_after(&value, *t);
                let changed = changed.ok_or_else(|| damaged(format!("the intervals of an index row of {number:?}")))?;
                if changed || number.sequence() > *sequence {
                    return Err(CommitError::GuardChanged { guard });
                }
            }
        }
        Ok(())
    }

    /// The answer to a transaction that changes nothing: the last `t`.
    fn unchanged(&self, inner: &Inner, prepared: &Prepared) -> Result<Committed, CommitError> {
        let mut outcomes = Vec::with_capacity(prepared.writes.len());
        for row in current_rows(inner, prepared)? {
            outcomes.push(Outcome {
                effect: Effect::Unchanged,
                version: row.as_ref().map_or(0, |row| row.version),
                number: row.map(|row| row.number),
            });
        }
        Ok(Committed {
            t: self.head.t,
            instant: if self.head.t == 0 { prepared.instant } else { self.head.instant },
            outcomes,
        })
    }
}

impl Draft {
    /// The number of the write's type name, given out now if the name is new; `None` when there is none left.
    fn type_code(&mut self, inner: &Inner, write: &PreparedWrite) -> Option<u16> {
        if let Some(code) = inner.names.code(&write.type_name) {
            return Some(code);
        }
        let new = self.new_names.iter().find(|(_, name)| *name == write.type_name);
        if let Some((code, _)) = new {
            return Some(*code);
        }
        let code = self.head.type_code.checked_add(1)?;
        self.head.type_code = code;
        self.batch.put(Space::Meta, crate::names::Names::key(code), write.type_name.as_bytes());
        self.new_names.push((code, write.type_name.clone()));
        Some(code)
    }
}

/// The order in which the rows of a batch appear to concurrent reads: what points after what it points to, the head of the commits
/// last. Within a space by key (stable: of two writes to a key the later holds): neighbours take the same path through a tree.
fn appearance(space: Space) -> u8 {
    match space {
        Space::Heads => 0x10,
        Space::Ids => 0x11,
        Space::Meta => 0x12,
        other => other.number(),
    }
}

/// The number of live resources of a type after `t`.
pub(crate) fn count_at(inner: &Inner, type_code: u16, t: u64) -> Result<u64, crate::EngineError> {
    let mut range = KeyRange::prefix(&type_code.to_be_bytes());
    range.end = std::ops::Bound::Included(changes_key(type_code, t));
    match inner.engine.scan(Space::Changes, range, Direction::Backward).next() {
        None => Ok(0),
        Some(row) => take_varint(&mut &*row?.1).ok_or_else(|| damaged("a count of resources".to_owned())),
    }
}

/// The value of a counter of the caller, by its whole key.
pub(crate) fn read_counter(inner: &Inner, key: &[u8]) -> Result<i64, crate::EngineError> {
    match inner.engine.get(Space::State, key)? {
        None => Ok(0),
        Some(value) => {
            <[u8; 8]>::try_from(&*value).map(i64::from_be_bytes).map_err(|_| damaged("a counter".to_owned()))
        }
    }
}

/// The rows in `ids` of all writes.
fn current_rows(inner: &Inner, prepared: &Prepared) -> Result<Vec<Option<IdRow>>, CommitError> {
    let mut keys = Vec::with_capacity(prepared.writes.len());
    let mut known = Vec::with_capacity(prepared.writes.len());
    for write in &prepared.writes {
        let code = inner.names.code(&write.type_name);
        known.push(code.is_some());
        if let Some(code) = code {
            keys.push(ids_key(code, &write.id));
        }
    }
    let mut found = inner.engine.get_many(Space::Ids, &keys)?.into_iter();
    let mut rows = Vec::with_capacity(known.len());
    for known in known {
        let row = if known { found.next().flatten() } else { None };
        let row = row.map(|row| IdRow::decode(&row).ok_or_else(|| damaged("a row of ids".to_owned())));
        rows.push(row.transpose()?);
    }
    Ok(rows)
}

fn check_expectation(write: usize, expected: Expect, current: Option<&IdRow>) -> Result<(), CommitError> {
    let found = match current {
        None => Found::Never,
        Some(row) if row.deleted => Found::Deleted(row.version),
        Some(row) => Found::Live(row.version),
    };
    let holds = match expected {
        Expect::Any => true,
        Expect::Never => found == Found::Never,
        Expect::Absent => !matches!(found, Found::Live(_)),
        Expect::Present => matches!(found, Found::Live(_)),
        Expect::Version(version) => found == Found::Live(version),
    };
    if holds {
        return Ok(());
    }
    Err(CommitError::Conflict { write, expected, found })
}

/// Whether the current version has the content of the write.
fn is_same(inner: &Inner, write: &PreparedWrite, row: &IdRow) -> Result<bool, CommitError> {
    let stored = inner.engine.get(Space::Versions, &version_key(row.number, row.version))?;
    let header = stored.as_deref().and_then(VersionHeader::read);
    let (header, _) = header.ok_or_else(|| damaged(format!("version {} of {:?}", row.version, row.number)))?;
    let content = write.content.as_ref();
    Ok(header.packing != Packing::Absent
        && content.is_some_and(|content| content.hash == header.hash && content.mark == header.mark))
}
