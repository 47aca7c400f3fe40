//! An [`Engine`] made of an embedded library's [`Tables`] and a journal in front of them.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::disk::Disk;
use crate::engine::{Batch, Direction, Engine, EngineError, KeyRange, MAX_KEY, Scan, SubmitError, Ticket, Told};
use crate::journal::{Journal, JournalOptions, recover};
use crate::slice::Slice;
use crate::space::Space;
use crate::tables::Tables;

/// The most bytes of keys and values in a batch: 1 GiB.
const MAX_BATCH: usize = 1 << 30;

/// An engine over embedded tables. Dropping it waits for a checkpoint in progress; nothing acknowledged is lost by not dropping it.
pub struct Embedded {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    tables: Box<dyn Tables>,
    journal: Option<Journal>,
    writer: Mutex<Writer>,
    /// Asks for a checkpoint.
    checkpoints: Mutex<Option<Sender<()>>>,
}

struct Writer {
    /// The last batch given its place.
    last: u64,
    stopped: Option<String>,
}

impl Embedded {
    /// Over tables that need no durability: a batch is where it belongs when it is applied.
    pub fn without_journal(tables: Box<dyn Tables>) -> Embedded {
        let writer = Mutex::new(Writer { last: 0, stopped: None });
        let shared = Arc::new(Shared { tables, journal: None, writer, checkpoints: Mutex::new(None) });
        Embedded { shared, threads: Vec::new() }
    }

    /// Over tables with a journal on `disk`: verifies the journal, and brings the tables up to its last batch.
    ///
    /// # Errors
    /// [`EngineError::Damaged`]: acknowledged batches are gone or cannot be trusted. The journal is as it was.
    pub fn open(
        tables: Box<dyn Tables>,
        disk: Box<dyn Disk>,
        options: JournalOptions,
    ) -> Result<Embedded, EngineError> {
        let (journal, last) = recover(disk, options, &*tables)?;
        let writer = Mutex::new(Writer { last, stopped: None });
        let (checkpoints, due) = channel::<()>();
        let checkpoints = Mutex::new(Some(checkpoints));
        let shared = Arc::new(Shared { tables, journal: Some(journal), writer, checkpoints });
        let for_thread = shared.clone();
        let thread = std::thread::Builder::new().name("checkpoint".to_owned()).spawn(move || {
            while due.recv().is_ok() {
                // One checkpoint serves all that have become due meanwhile.
                while due.try_recv().is_ok() {}
                if let Err(error) = for_thread.checkpoint() {
                    for_thread.stop(&error);
                }
            }
        });
        let failed = |e| EngineError::io("starting a thread", e);
        let mut embedded = Embedded { shared, threads: vec![thread.map_err(failed)?] };
        let for_thread = embedded.shared.clone();
        let thread = std::thread::Builder::new().name("journal".to_owned()).spawn(move || {
            let Some(journal) = &for_thread.journal else { return };
            while let Some(written) = journal.write_when_asked() {
                // Whoever waits is told the same by the journal.
                let _ = for_thread.written(written);
            }
        });
        embedded.threads.push(thread.map_err(failed)?);
        Ok(embedded)
    }
}

impl Shared {
    fn checkpoint(&self) -> Result<(), EngineError> {
        match &self.journal {
            Some(journal) => journal.checkpoint(&*self.tables),
            None => self.tables.sync(),
        }
    }

    /// Takes what the journal says of a frame: whether a checkpoint is due, or nothing can be committed any more.
    fn written(&self, written: Result<bool, EngineError>) -> Result<(), EngineError> {
        match written {
            Ok(false) => Ok(()),
            Ok(true) => {
                let checkpoints = self.checkpoints.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(checkpoints) = checkpoints.as_ref() {
                    // The thread ends only with the engine.
                    let _ = checkpoints.send(());
                }
                Ok(())
            }
            Err(error) => {
                self.stop(&error);
                Err(error)
            }
        }
    }

    fn stop(&self, error: &EngineError) {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.stopped.get_or_insert_with(|| error.to_string());
    }
}

impl Engine for Embedded {
    fn name(&self) -> &'static str {
        self.shared.tables.name()
    }

    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Slice>, EngineError> {
        self.shared.tables.get(space, key)
    }

    fn scan<'a>(&'a self, space: Space, range: KeyRange, direction: Direction) -> Scan<'a> {
        self.shared.tables.scan(space, range, direction)
    }

    fn submit(&self, batch: &Batch) -> Result<Ticket, SubmitError> {
        let mut bytes = 0usize;
        for op in batch.ops() {
            let value = op.value.as_ref().map_or(0, Vec::len);
            bytes = bytes.saturating_add(op.key.len()).saturating_add(value);
            if op.key.is_empty() || op.key.len() > MAX_KEY || bytes > MAX_BATCH {
                return Err(EngineError::TooLarge(op.key.len()).into());
            }
        }
        let mut writer = self.shared.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reason) = &writer.stopped {
            return Err(EngineError::Stopped { reason: reason.clone() }.into());
        }
        for condition in batch.conditions() {
            let found = self.shared.tables.get(condition.space, &condition.key)?;
            if found.as_deref() != condition.value.as_deref() {
                return Err(SubmitError::Conflict { space: condition.space, key: condition.key.clone() });
            }
        }
        let next = writer.last + 1;
        if let Err(error) = self.shared.tables.apply(batch.ops(), next) {
            writer.stopped = Some(error.to_string());
            return Err(error.into());
        }
        if let Some(journal) = &self.shared.journal {
            journal.append(next, batch.ops());
        }
        writer.last = next;
        Ok(Ticket(next))
    }

    fn wait(&self, ticket: Ticket) -> Result<(), EngineError> {
        let Some(journal) = &self.shared.journal else {
            return Ok(());
        };
        self.shared.written(journal.wait(ticket.0))
    }

    fn when_durable(&self, ticket: Ticket, told: Told) {
        match &self.shared.journal {
            Some(journal) => journal.when_durable(ticket.0, told),
            None => told(Ok(())),
        }
    }

    fn compact(&self) -> Result<(), EngineError> {
        self.shared.tables.compact()?;
        self.checkpoint()
    }

    fn checkpoint(&self) -> Result<(), EngineError> {
        self.shared.tables.flush()?;
        if let Some(journal) = &self.shared.journal {
            journal.close_segment()?;
        }
        self.shared.checkpoint()
    }

    fn disk_bytes(&self) -> Result<u64, EngineError> {
        self.shared.tables.disk_bytes()
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        drop(self.shared.checkpoints.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(journal) = &self.shared.journal {
            journal.close();
        }
        for thread in self.threads.drain(..) {
            // Who was told last may be the last that holds the engine: then this is the journal's thread itself.
            if thread.thread().id() != std::thread::current().id() {
                // A panic of the thread was a failure to checkpoint, which loses nothing.
                let _ = thread.join();
            }
        }
    }
}
