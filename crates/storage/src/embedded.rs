//! An [`Engine`] made of an embedded library's [`Tables`].

use std::sync::{Mutex, PoisonError};

use crate::engine::{Batch, Direction, Engine, EngineError, KeyRange, MAX_KEY, Scan, SubmitError, Ticket};
use crate::slice::Slice;
use crate::space::Space;
use crate::tables::Tables;

/// An engine over embedded tables.
pub struct Embedded {
    tables: Box<dyn Tables>,
    writer: Mutex<Writer>,
}

struct Writer {
    /// The last batch given its place.
    last: u64,
    stopped: Option<String>,
}

impl Embedded {
    /// Over tables that need no durability: a batch is where it belongs when it is applied.
    pub fn without_journal(tables: Box<dyn Tables>) -> Embedded {
        Embedded { tables, writer: Mutex::new(Writer { last: 0, stopped: None }) }
    }
}

impl Engine for Embedded {
    fn name(&self) -> &'static str {
        self.tables.name()
    }

    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Slice>, EngineError> {
        self.tables.get(space, key)
    }

    fn scan<'a>(&'a self, space: Space, range: KeyRange, direction: Direction) -> Scan<'a> {
        self.tables.scan(space, range, direction)
    }

    fn submit(&self, batch: &Batch) -> Result<Ticket, SubmitError> {
        if let Some(op) = batch.ops().iter().find(|op| op.key.is_empty() || op.key.len() > MAX_KEY) {
            return Err(EngineError::TooLarge(op.key.len()).into());
        }
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reason) = &writer.stopped {
            return Err(EngineError::Stopped { reason: reason.clone() }.into());
        }
        for condition in batch.conditions() {
            let found = self.tables.get(condition.space, &condition.key)?;
            if found.as_deref() != condition.value.as_deref() {
                return Err(SubmitError::Conflict { space: condition.space, key: condition.key.clone() });
            }
        }
        let next = writer.last + 1;
        if let Err(error) = self.tables.apply(batch.ops(), next) {
            writer.stopped = Some(error.to_string());
            return Err(error.into());
        }
        writer.last = next;
        Ok(Ticket(next))
    }

    fn wait(&self, _ticket: Ticket) -> Result<(), EngineError> {
        Ok(())
    }

    fn compact(&self) -> Result<(), EngineError> {
        self.tables.compact()
    }

    fn checkpoint(&self) -> Result<(), EngineError> {
        self.tables.flush()
    }

    fn disk_bytes(&self) -> Result<u64, EngineError> {
        self.tables.disk_bytes()
    }
}
