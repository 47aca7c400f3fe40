//! History of one resource, of a type, of everything: from the log of commits, both ways, by pages.

use std::collections::VecDeque;
use std::ops::Bound;
use std::sync::Arc;

use crate::commit::Method;
use crate::commit_row::{CommitRow, changes_key, commit_key, read_commit_key};
use crate::engine::{Direction, EngineError, KeyRange, Scan};
use crate::number::Number;
use crate::space::Space;
use crate::store::{Instant, T, damaged};
use crate::view::{Version, View};

/// Whose history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope<'a> {
    /// Every resource.
    System,
    /// The resources of one type.
    Type(&'a str),
    /// One resource: type and id.
    Instance(&'a str, &'a str),
}

/// Which part of it, and in what order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The first `t`, included.
    pub from: T,
    /// The last `t`, included; beyond the view's own `t` there is nothing.
    pub to: T,
    /// Go on behind this change: the last of the page before.
    pub after: Option<Position>,
    /// [`Direction::Backward`]: newest first, as FHIR wants it.
    pub direction: Direction,
}

impl Default for Bounds {
    /// Everything, newest first.
    fn default() -> Bounds {
        Bounds { from: 0, to: T::MAX, after: None, direction: Direction::Backward }
    }
}

/// A change's place in the order of all changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The transaction.
    pub t: T,
    /// The place of the change in the transaction, from 0.
    pub ordinal: u64,
}

/// One change: a version came to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its place in the order of all changes.
    pub position: Position,
    /// The wall-clock time of the transaction.
    pub instant: Instant,
    /// The resource type.
    pub type_name: Arc<str>,
    /// The resource's number; [`View::identity`] tells the id.
    pub number: Number,
    /// The version that came to be.
    pub version: u64,
    /// How.
    pub method: Method,
}

/// Changes in order; take as many as fit the page.
pub struct History<'a> {
    view: &'a View,
    bounds: Bounds,
    source: Source<'a>,
    /// Changes of the transaction in hand, in the order of the answer.
    ready: VecDeque<Change>,
}

enum Source<'a> {
    Commits(Scan<'a>),
    /// Transactions that changed the type; its code.
    Type(Scan<'a>, u16),
    /// Versions still to come, in the order of the answer: the next one, and the last one.
    Instance {
        next: u64,
        last: u64,
        row: crate::head::IdRow,
    },
    Nothing,
}

impl View {
    /// The changes of a scope within bounds. What is after the view's `t` does not exist.
    ///
    /// # Errors
    /// When the engine cannot read, or a row is damaged; later errors come as items.
    pub fn history(&self, scope: &Scope<'_>, bounds: Bounds) -> Result<History<'_>, EngineError> {
        let mut bounds = bounds;
        bounds.to = bounds.to.min(self.t());
        if let Some(after) = bounds.after {
            // Behind a change come the rest of its transaction and other transactions.
            match bounds.direction {
                Direction::Forward => bounds.from = bounds.from.max(after.t),
                Direction::Backward => bounds.to = bounds.to.min(after.t),
            }
        }
        Ok(History { view: self, source: self.source(scope, bounds)?, bounds, ready: VecDeque::new() })
    }

    /// The version that a change brought.
    ///
    /// # Errors
    /// When the engine cannot read, or the row is damaged.
    pub fn version_of(&self, change: &Change) -> Result<Version, EngineError> {
        self.get_version(change.number, change.version)
    }

    fn source(&self, scope: &Scope<'_>, bounds: Bounds) -> Result<Source<'_>, EngineError> {
        let engine = &self.store.inner.engine;
        if bounds.from > bounds.to {
            return Ok(Source::Nothing);
        }
        Ok(match scope {
            Scope::System => {
                let range = KeyRange {
                    start: Bound::Included(commit_key(bounds.from)),
                    end: Bound::Included(commit_key(bounds.to)),
                };
                Source::Commits(engine.scan(Space::Commits, range, bounds.direction))
            }
            Scope::Type(type_name) => match self.type_code(type_name)? {
                None => Source::Nothing,
                Some(code) => {
                    let range = KeyRange {
                        start: Bound::Included(changes_key(code, bounds.from)),
                        end: Bound::Included(changes_key(code, bounds.to)),
                    };
                    Source::Type(engine.scan(Space::Changes, range, bounds.direction), code)
                }
            },
            Scope::Instance(type_name, id) => {
                let Some(row) = self.id_row(type_name, id)? else { return Ok(Source::Nothing) };
                // Versions of commits after the view's `t` may still be on their way.
                let Some(newest) = self.version_at(&row, row.version, row.t)? else { return Ok(Source::Nothing) };
                match bounds.direction {
                    Direction::Backward => Source::Instance { next: newest.version, last: 1, row },
                    Direction::Forward => Source::Instance { next: 1, last: newest.version, row },
                }
            }
        })
    }
}

impl History<'_> {
    /// Brings the changes of the next transaction into `ready`; `false`: there is none.
    fn fill(&mut self) -> Result<bool, EngineError> {
        let engine = &self.view.store.inner.engine;
        let (t, row, only) = match &mut self.source {
            Source::Nothing | Source::Instance { .. } => return Ok(false),
            Source::Commits(rows) => match rows.next().transpose()? {
                None => return Ok(false),
                Some((key, row)) => (read_commit_key(&key), Some(row), None),
            },
            Source::Type(rows, code) => match rows.next().transpose()? {
                None => return Ok(false),
                Some((key, _)) => {
                    let t = key.get(2..).and_then(read_commit_key);
                    let row = engine.get(Space::Commits, key.get(2..).unwrap_or(&[]))?;
                    (t, row, Some(*code))
                }
            },
        };
        let t = t.ok_or_else(|| damaged("a key of the commits".to_owned()))?;
        let row = row.as_deref().and_then(CommitRow::decode);
        let row = row.ok_or_else(|| damaged(format!("the commit row of t {t}")))?;
        for (ordinal, change) in (0u64..).zip(row.changes) {
            let position = Position { t, ordinal };
            if only.is_some_and(|code| code != change.type_code) || self.is_before_page(position) {
                continue;
            }
            let names = &self.view.store.inner.names;
            let change = Change {
                position,
                instant: row.instant,
                type_name: names.name(&**engine, change.type_code)?,
                number: change.number,
                version: change.version,
                method: change.method,
            };
            match self.bounds.direction {
                Direction::Forward => self.ready.push_back(change),
                Direction::Backward => self.ready.push_front(change),
            }
        }
        Ok(true)
    }

    fn is_before_page(&self, position: Position) -> bool {
        match (self.bounds.after, self.bounds.direction) {
            (None, _) => false,
            (Some(after), Direction::Forward) => position <= after,
            (Some(after), Direction::Backward) => position >= after,
        }
    }

    /// The next version of one resource within the bounds.
    fn next_version(&mut self) -> Result<Option<Change>, EngineError> {
        loop {
            let Source::Instance { next, last, row } = &mut self.source else {
                return Ok(None);
            };
            let version = *next;
            let end = version == *last;
            match self.bounds.direction {
                Direction::Forward => *next += 1,
                Direction::Backward => *next = next.saturating_sub(1),
            }
            let number = row.number_of(version);
            if end {
                self.source = Source::Nothing;
            }
            let version = self.view.get_version(number, version)?;
            let position = self.position_of(&version)?;
            let past = match self.bounds.direction {
                Direction::Forward => version.t > self.bounds.to,
                Direction::Backward => version.t < self.bounds.from,
            };
            if past {
                self.source = Source::Nothing;
                return Ok(None);
            }
            if (self.bounds.from..=self.bounds.to).contains(&version.t) && !self.is_before_page(position.0) {
                return Ok(Some(Change {
                    position: position.0,
                    instant: version.instant,
                    type_name: position.1,
                    number,
                    version: version.version,
                    method: version.method,
                }));
            }
        }
    }

    /// The place of a version in its transaction, and its type's name.
    fn position_of(&self, version: &Version) -> Result<(Position, Arc<str>), EngineError> {
        let inner = &self.view.store.inner;
        let row = inner.engine.get(Space::Commits, &commit_key(version.t))?;
        let row = row.as_deref().and_then(CommitRow::decode);
        let found = row.as_ref().and_then(|row| {
            let mut changes = (0u64..).zip(&row.changes);
            changes.find(|(_, change)| change.number == version.number && change.version == version.version)
        });
        let (ordinal, change) = found.ok_or_else(|| damaged(format!("the commit row of {version:?}")))?;
        let type_name = inner.names.name(&*inner.engine, change.type_code)?;
        Ok((Position { t: version.t, ordinal }, type_name))
    }
}

impl Iterator for History<'_> {
    type Item = Result<Change, EngineError>;

    fn next(&mut self) -> Option<Self::Item> {
        if matches!(self.source, Source::Instance { .. }) {
            return self.next_version().transpose();
        }
        loop {
            if let Some(change) = self.ready.pop_front() {
                return Some(Ok(change));
            }
            match self.fill() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
