//! The store: versions that are never overwritten, one total order of transactions, reads "as of `t`".

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::commit::{CommitError, Committed, PackedWrite, Transaction, Write};
use crate::commit_row::{CommitRow, HeadOfCommits, commit_key};
use crate::dictionary::{Dictionaries, DictionaryError, train};
use crate::engine::{Batch, Damage, Engine, EngineError, SubmitError};
use crate::forget;
use crate::history::{Bounds, Scope};
use crate::names::Names;
use crate::pending::Pending;
use crate::prepared::Prepared;
use crate::sequence::Sequencer;
use crate::space::Space;
use crate::verify::{self, Verification};
use crate::view::View;

/// A place in the one order of all transactions of a store: 1, 2, 3 … without gaps. 0: before the first.
pub type T = u64;

/// Milliseconds since 1970-01-01T00:00:00Z (a FHIR `instant` at its usual precision). Before that: negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub i64);

/// The format of the rows that this program writes, and the newest it can read.
pub const FORMAT: u32 = 1;

/// How to open a store.
#[derive(Clone, Debug)]
pub struct Options {
    /// The zstd level of new bodies, 1 to 19.
    pub level: i32,
    /// On open, the last commits are verified with the content of what they wrote, until about this many versions were seen; all
    /// of them: [`Store::verify`].
    pub verify_on_open: u64,
    /// Whether a read compares the body with its content hash (about 1 µs per 2 KiB).
    pub verify_reads: bool,
    /// The dictionary a new store begins with: trained over FHIR JSON. `None`: no dictionary.
    pub dictionary: Option<Vec<u8>>,
}

impl Default for Options {
    fn default() -> Options {
        Options { level: 3, verify_on_open: 2_000, verify_reads: true, dictionary: None }
    }
}

/// Why a store could not be opened. Nothing on disk was changed, except that a torn tail may have been cut off.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The rows have a newer format than this program knows.
    #[error("the store has format {found}, this program knows formats up to {FORMAT}")]
    Format {
        /// The format on disk.
        found: u32,
    },
    /// The engine failed, or found damage.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A new store could not be begun.
    #[error(transparent)]
    Begin(#[from] SubmitError),
    /// The first dictionary was refused.
    #[error(transparent)]
    Dictionary(#[from] DictionaryError),
}

/// Why there is no view of that `t`.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// No such transaction yet.
    #[error("t {asked} is in the future, the last is {last}")]
    Future {
        /// What was asked for.
        asked: T,
        /// The last published `t`.
        last: T,
    },
    /// Index rows that held only before `horizon` are gone ([`Store::forget_before`]): searches as of `asked` would be wrong.
    #[error("t {asked} is before the horizon {horizon}")]
    Forgotten {
        /// What was asked for.
        asked: T,
        /// The first `t` that can be viewed.
        horizon: T,
    },
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// A store. Clones share it; every method may be called by many threads at once. Calls block: an async server makes them from
/// threads for blocking work.
#[derive(Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) options: Options,
    pub(crate) names: Names,
    pub(crate) dictionaries: Dictionaries,
    pub(crate) sequencer: Mutex<Sequencer>,
    pub(crate) published: RwLock<Point>,
}

/// A `t` and what must be known to see the store as of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Point {
    pub(crate) t: T,
    /// The sequence of the last number given out at `t`.
    pub(crate) sequence: u64,
    pub(crate) instant: Instant,
}

impl Store {
    /// Opens what the engine holds, or begins a new store when it is empty, and verifies the last commits.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(engine: Arc<dyn Engine>, options: Options) -> Result<Store, OpenError> {
        let head = match engine.get(Space::Meta, b"format")? {
            None => begin(&*engine, &options)?,
            Some(format) => {
                let found = <[u8; 4]>::try_from(&*format).map_or(u32::MAX, u32::from_be_bytes);
                if found != FORMAT {
                    return Err(OpenError::Format { found });
                }
                read_head(&*engine)?
            }
        };
        let names = Names::default();
        names.reload(&*engine)?;
        let dictionaries = Dictionaries::open(&*engine, options.level)?;
        let published = RwLock::new(Point { t: head.t, sequence: head.sequence, instant: head.instant });
        let store = Store {
            inner: Arc::new(Inner {
                engine,
                names,
                dictionaries,
                sequencer: Mutex::new(Sequencer::new(head)),
                published,
                options,
            }),
        };
        verify::last_commits(&store, store.inner.options.verify_on_open)?;
        Ok(store)
    }

    /// Commits all of a transaction or nothing. When it returns, the transaction is on stable storage and visible to new views.
    /// Concurrent commits share an fsync.
    ///
    /// # Errors
    /// See [`CommitError`]; each kind says what is stored after it.
    pub fn commit(&self, transaction: Transaction) -> Result<Committed, CommitError> {
        let (committed, pending) = self.submit(transaction)?;
        pending.wait()?;
        Ok(committed)
    }

    /// The first half of [`Store::commit`]: the transaction has its place, and its outcome is known, but it is neither durable nor
    /// visible. Nobody may be told of it before [`Pending`] says so.
    ///
    /// # Errors
    /// See [`CommitError`]; each kind says what is stored after it.
    pub fn submit(&self, transaction: Transaction) -> Result<(Committed, Pending), CommitError> {
        let inner = &*self.inner;
        let prepared = Prepared::new(inner, transaction)?;
        let mut sequencer = inner.sequencer.lock().unwrap_or_else(PoisonError::into_inner);
        let submitted = sequencer.submit(inner, &prepared);
        let (last, point) = (sequencer.last_ticket(), sequencer.point());
        drop(sequencer);
        let pending = |ticket| Pending::new(self.inner.clone(), ticket, point);
        match submitted {
            Ok((committed, ticket)) => Ok((committed, pending(ticket))),
            Err(error) => {
                // Who looks again sees what came between, though it was not yet durable when it was met.
                if error.is_of_others() {
                    pending(last).wait()?;
                }
                Err(error)
            }
        }
    }

    /// Does what a commit does of one write before it has its place: to be handed to [`Transaction::packed`].
    ///
    /// # Errors
    /// [`CommitError::Unacceptable`] of write 0, and failures of the engine.
    pub fn pack(&self, write: Write) -> Result<PackedWrite, CommitError> {
        PackedWrite::new(&self.inner, write)
    }

    /// The store as of `t`, or as of the last transaction. Cheap; holds nothing back.
    ///
    /// # Errors
    /// See [`ViewError`].
    pub fn view(&self, t: Option<T>) -> Result<View, ViewError> {
        let published = self.last_point()?;
        let point = match t {
            None => published,
            Some(t) if t == published.t => published,
            Some(asked) if asked > published.t => {
                return Err(ViewError::Future { asked, last: published.t });
            }
            Some(asked) => {
                let horizon = self.horizon()?;
                if asked < horizon {
                    return Err(ViewError::Forgotten { asked, horizon });
                }
                self.point_at(asked)?
            }
        };
        Ok(View::new(self.clone(), point))
    }

    /// The last `t` that this process has published or seen.
    pub fn t(&self) -> T {
        self.published().t
    }

    /// The names of all resource types that were ever written, sorted.
    pub fn type_names(&self) -> Vec<Arc<str>> {
        let mut names = self.inner.names.all();
        names.sort_unstable();
        names
    }

    /// Adds a dictionary and uses it for new bodies of a type (`None`: of every type without one of its own). A type must have
    /// been written before. Returns the id of the dictionary.
    ///
    /// # Errors
    /// See [`DictionaryError`]; nothing was written.
    pub fn add_dictionary(&self, type_name: Option<&str>, dictionary: &[u8]) -> Result<u32, DictionaryError> {
        let code = match type_name {
            None => 0,
            Some(name) => self
                .inner
                .names
                .code(name)
                .ok_or_else(|| DictionaryError::Samples(format!("no resource of type {name} was ever written")))?,
        };
        self.inner.dictionaries.add(&*self.inner.engine, code, dictionary)
    }

    /// Trains a dictionary of 32 KiB from stored bodies of a type, old and new ones, and uses it for new ones; values that are
    /// stored stay as they are. Such a dictionary holds fragments of what it was trained from: `docs/storage.md`, "Compression",
    /// says when not to. Takes a second or so; reads and commits go on.
    ///
    /// # Errors
    /// See [`DictionaryError`]: a few hundred resources of the type are needed. Nothing was written.
    pub fn train_dictionary(&self, type_name: &str) -> Result<u32, DictionaryError> {
        const SIZE: usize = 32 << 10;
        const SAMPLES: u64 = 3_000;
        let view = View::new(self.clone(), self.published());
        let step = usize::try_from(view.count(type_name)? / SAMPLES).unwrap_or(0).max(1);
        let mut samples = Vec::new();
        let mut bytes = 0;
        for change in view.history(&Scope::Type(type_name), Bounds::default())?.step_by(step) {
            if let Some(body) = view.version_of(&change?)?.body()? {
                bytes += body.len();
                samples.push(body);
            }
            if bytes > 200 * SIZE {
                break;
            }
        }
        self.add_dictionary(Some(type_name), &train(&samples, SIZE)?)
    }

    /// [`Store::train_dictionary`] for every type that has at least `least` live resources and no dictionary of its own. Returns
    /// the names of the types that got one.
    ///
    /// # Errors
    /// When the engine fails; types before have their dictionaries.
    pub fn train_dictionaries(&self, least: u64) -> Result<Vec<Arc<str>>, DictionaryError> {
        let view = View::new(self.clone(), self.published());
        let mut trained = Vec::new();
        for name in self.type_names() {
            let code = self.inner.names.code(&name).unwrap_or(0);
            if self.inner.dictionaries.has_own(code) || view.count(&name)? < least {
                continue;
            }
            match self.train_dictionary(&name) {
                Ok(_) => trained.push(name),
                // Too little to learn from: the type goes on with the common dictionary.
                Err(DictionaryError::Samples(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(trained)
    }

    /// Removes what index rows tell about the time before `horizon`, so that superseded keys take no space for ever. Afterwards
    /// there are no views before it; history and versions stay. Goes in small commits beside other work; may be stopped
    /// and called again. Returns how many rows it shortened or removed.
    ///
    /// # Errors
    /// When the engine fails, or a row is damaged; what was done stays done.
    pub fn forget_before(&self, horizon: T) -> Result<u64, CommitError> {
        let horizon = horizon.min(self.t()).max(self.horizon()?);
        let engine = &*self.inner.engine;
        let mut batch = Batch::new();
        batch.put(Space::Meta, b"horizon", horizon.to_be_bytes());
        submit(engine, &batch)?;
        forget::index_rows_before(engine, horizon)
    }

    /// Verifies everything: every commit with what it wrote, and that ids, heads, index rows and counts agree. Reads the whole
    /// store. Finds in step with concurrent writers what is current then.
    ///
    /// # Errors
    /// When the engine cannot read. What does not agree is told in the result.
    pub fn verify(&self) -> Result<Verification, EngineError> {
        verify::everything(self)
    }

    /// The engine below: for its name, its size on disk, compaction and checkpoints.
    pub fn engine(&self) -> &Arc<dyn Engine> {
        &self.inner.engine
    }

    /// The last point that may be seen: of this process, or of all that share the engine.
    fn last_point(&self) -> Result<Point, EngineError> {
        if !self.inner.engine.is_shared() {
            return Ok(self.published());
        }
        let head = read_head(&*self.inner.engine)?;
        let point = Point { t: head.t, sequence: head.sequence, instant: head.instant };
        let mut published = self.inner.published.write().unwrap_or_else(PoisonError::into_inner);
        if published.t < point.t {
            *published = point;
        }
        Ok(*published)
    }

    fn published(&self) -> Point {
        *self.inner.published.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn point_at(&self, t: T) -> Result<Point, EngineError> {
        if t == 0 {
            return Ok(Point { t, sequence: 0, instant: HeadOfCommits::EMPTY.instant });
        }
        let row = self.inner.engine.get(Space::Commits, &commit_key(t))?;
        let row = row.as_deref().and_then(CommitRow::decode_without_changes);
        let (row, _, _) = row.ok_or_else(|| damaged(format!("the commit row of t {t}")))?;
        Ok(Point { t, sequence: row.sequence, instant: row.instant })
    }

    /// The first `t` for which index rows are complete: 0 until [`Store::forget_before`] was called.
    pub(crate) fn horizon(&self) -> Result<T, EngineError> {
        match self.inner.engine.get(Space::Meta, b"horizon")? {
            None => Ok(0),
            Some(row) => {
                <[u8; 8]>::try_from(&*row).map(u64::from_be_bytes).map_err(|_| damaged("the horizon".to_owned()))
            }
        }
    }
}

/// Commits a batch that depends on nothing.
fn submit(engine: &dyn Engine, batch: &Batch) -> Result<(), CommitError> {
    engine.commit(batch).map_err(|error| match error {
        SubmitError::Conflict { .. } => CommitError::Busy,
        SubmitError::Engine(error) => CommitError::Engine(error),
    })
}

/// Reads the head of the commit sequence.
pub(crate) fn read_head(engine: &dyn Engine) -> Result<HeadOfCommits, EngineError> {
    let row = engine.get(Space::Meta, HeadOfCommits::KEY)?;
    row.as_deref().and_then(HeadOfCommits::decode).ok_or_else(|| damaged("the head of the commits".to_owned()))
}

/// An error that names a row which cannot be what was written.
pub(crate) fn damaged(what: String) -> EngineError {
    EngineError::Damaged(Damage::Row(what))
}

fn begin(engine: &dyn Engine, options: &Options) -> Result<HeadOfCommits, OpenError> {
    let head = HeadOfCommits::EMPTY;
    let mut batch = Batch::new();
    batch.require(Space::Meta, b"format", None);
    batch.put(Space::Meta, HeadOfCommits::KEY, head.encode());
    batch.put(Space::Meta, b"format", FORMAT.to_be_bytes());
    engine.commit(&batch)?;
    if let Some(dictionary) = &options.dictionary {
        Dictionaries::open(engine, options.level)?.add(engine, 0, dictionary)?;
    }
    Ok(head)
}
