//! `$reindex`: what was stored before a search parameter came is indexed by it, while the server goes on.
//!
//! `POST [base]/$reindex` or `[base]/[type]/$reindex` begins it (202; where it is at work already, what it has not yet been through is
//! joined to it), `GET` of the same tells how far it is. The place is kept in the store with each step: a process that stops goes on where
//! it was when it starts again. Each resource is taken in its current version; one that is written meanwhile has its rows from the
//! writer. It repeats nothing: a resource that already has its rows is not written.
//!
//! It does not: index versions that are no longer current.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use access::Released;
use model::{Issue, IssueType, Limits, Tree};
use search::Index;
use storage::{CommitError, Number, Reindex, Store, Transaction, ViewError};

use crate::answer::Answer;
use crate::refusal::{Class, Refusal};
use crate::render;
use crate::request::Request;
use crate::rules::RuleBook;

/// The row of the store with the place.
const JOB: &[u8] = b"search/reindex";
/// What the rows of the store begin with that say which parameter a type is indexed by.
const INDEXED: &str = "search/indexed/";
/// Resources looked at in one step.
const STEP: usize = 100;

/// How far it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Job {
    /// Types that are not yet done; the first is at work.
    types: Vec<String>,
    /// The number of the last resource of it that is done.
    after: u64,
    /// Resources looked at.
    done: u64,
    /// Resources that had other rows.
    changed: u64,
    /// Resources that there were at the beginning.
    total: u64,
    /// Of the parameters that the type at work is indexed by: where they are others meanwhile, it begins anew.
    definitions: u64,
}

impl Job {
    fn encode(&self) -> Vec<u8> {
        let numbers = format!("{} {} {} {} {}", self.after, self.done, self.changed, self.total, self.definitions);
        format!("{numbers}\n{}", self.types.join(" ")).into_bytes()
    }

    fn decode(row: &[u8]) -> Option<Job> {
        let (numbers, types) = std::str::from_utf8(row).ok()?.split_once('\n')?;
        let mut numbers = numbers.split(' ');
        let mut next = || numbers.next()?.parse::<u64>().ok();
        let (after, done, changed, total, definitions) = (next()?, next()?, next()?, next()?, next()?);
        let types = types.split(' ').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        Some(Job { types, after, done, changed, total, definitions })
    }

    fn read(store: &Store) -> Result<Option<Job>, Stop> {
        Ok(store.view(None)?.state(JOB)?.and_then(|row| Job::decode(&row)))
    }
}

/// Why the work ends early.
#[derive(Debug, thiserror::Error)]
enum Stop {
    #[error(transparent)]
    View(#[from] ViewError),
    #[error(transparent)]
    Engine(#[from] storage::EngineError),
    #[error(transparent)]
    Commit(#[from] CommitError),
}

/// The rows that say which parameters a type is indexed by.
pub(crate) struct Kept {
    pub(crate) store: Store,
    pub(crate) earlier: Arc<Earlier>,
}

/// The indexes that were in force before: while a write still holds one, its rows may be those of that one.
#[derive(Default)]
pub(crate) struct Earlier(Mutex<Vec<Weak<Index>>>);

impl Earlier {
    /// Adds one that is replaced.
    pub(crate) fn add(&self, index: &Arc<Index>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|index| index.strong_count() > 0);
        all.push(Arc::downgrade(index));
    }

    /// Waits until nobody holds one, at most about two seconds; whether so.
    fn are_gone(&self) -> bool {
        for _ in 0..2_000 {
            let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if all.iter().all(|index| index.strong_count() == 0) {
                return true;
            }
            drop(all);
            std::thread::sleep(Duration::from_millis(1));
        }
        false
    }
}

fn row(type_name: &str, url: &str) -> Vec<u8> {
    format!("{INDEXED}{type_name} {url}").into_bytes()
}

impl search::Indexed for Kept {
    fn is_indexed(&self, type_name: &str, url: &str, digest: [u8; 8]) -> bool {
        let known = || -> Result<bool, Stop> {
            let view = self.store.view(None)?;
            let key = row(type_name, url);
            let kept = view.state(&key)?;
            if kept.as_deref() == Some(digest.as_slice()) {
                return Ok(true);
            }
            // Nothing was stored without it where nothing was stored; under another definition nothing is indexed from now on.
            let empty = self.earlier.are_gone() && self.store.view(None)?.count(type_name)? == 0;
            let value = empty.then(|| digest.to_vec());
            if kept.is_some() || empty {
                let mut transaction = Transaction::new(storage::Instant(0));
                transaction.set_state(key, value);
                self.store.commit(transaction)?;
            }
            Ok(empty)
        };
        known().unwrap_or(false)
    }
}

/// Forgets what types are indexed by parameters that there are no more: should they come again, what was stored meanwhile lacks their rows.
pub(crate) fn forget(store: &Store, is_known: impl Fn(&str) -> bool) {
    let Ok(view) = store.view(None) else { return };
    let mut transaction = Transaction::new(storage::Instant(0));
    for key in view.states(INDEXED.as_bytes()).map_while(Result::ok).map(|(key, _)| key) {
        let url = std::str::from_utf8(&key).ok().and_then(|key| key.split_once(' ')).map(|(_, url)| url.to_owned());
        if url.is_none_or(|url| !is_known(&url)) {
            transaction.set_state(key, None);
        }
    }
    if !transaction.is_empty() {
        // What is left although it should go is found again at the next start.
        let _ = store.commit(transaction);
    }
}

/// The thread that does the work, where there is some.
#[derive(Default)]
pub(crate) struct Worker {
    stop: Arc<AtomicBool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Worker {
    /// Begins or goes on, where there is something left to do and nobody does it.
    pub(crate) fn begin(&self, store: &Store, rules: &Arc<RuleBook>) {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        let left = Job::read(store).ok().flatten().is_some_and(|job| !job.types.is_empty());
        if !left || thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
            return;
        }
        let (store, rules, stop) = (store.clone(), rules.clone(), self.stop.clone());
        // An error leaves the place as it is: the next request or start goes on from there.
        *thread = Some(std::thread::spawn(move || while matches!(step(&store, &rules, &stop), Ok(true)) {}));
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

/// Some resources further; whether there is more to do.
fn step(store: &Store, rules: &RuleBook, stop: &AtomicBool) -> Result<bool, Stop> {
    if stop.load(Ordering::Relaxed) {
        return Ok(false);
    }
    let index = rules.now().index;
    if !rules.earlier().are_gone() {
        return Ok(true);
    }
    let view = store.view(None)?;
    let Some(before) = view.state(JOB)? else { return Ok(false) };
    let Some(mut job) = Job::decode(&before) else { return Ok(false) };
    let Some(type_name) = job.types.first().cloned() else { return Ok(false) };
    let added = index.added(&type_name);
    let definitions = added.iter().fold(1, |sum: u64, (_, digest)| sum.wrapping_mul(31) ^ u64::from_be_bytes(*digest));
    if definitions != job.definitions {
        (job.definitions, job.after) = (definitions, 0);
    }
    let numbers = index.of_type(&view, &type_name, Number::from_bits(job.after), STEP)?;
    let mut transaction = Transaction::new(storage::Instant(0));
    let resources = view.resources(&numbers)?;
    let known = view.index_keys(&numbers)?;
    for ((identity, version), known) in resources.into_iter().zip(known).filter_map(|(one, known)| Some((one?, known)))
    {
        let Some(body) = version.body()? else { continue };
        let Ok(tree) = model::json::read(&body, &Limits::default()) else { continue };
        let keys = index.keys(tree.root());
        if known.is_none_or(|known| !known.are(&keys)) {
            job.changed += 1;
            let type_name = identity.type_name.to_string();
            transaction.reindex(Reindex { type_name, id: identity.id, version: version.version, index: keys });
        }
    }
    job.done += numbers.len() as u64;
    let finished = numbers.len() < STEP;
    match numbers.last() {
        Some(last) if !finished => job.after = last.get(),
        _ => {
            job.types.remove(0);
            (job.after, job.definitions) = (0, 0);
            for (url, digest) in &added {
                transaction.set_state(row(&type_name, url), Some(digest.to_vec()));
            }
        }
    }
    // Parameters that came meanwhile: what was written by them must not be made undone.
    if !Arc::ptr_eq(&index, &rules.now().index) {
        return Ok(true);
    }
    transaction.require_state(JOB, Some(before.to_vec())).set_state(JOB, Some(job.encode()));
    match store.commit(transaction) {
        Ok(_) if finished => {
            drop(index);
            rules.renew();
        }
        Ok(_) | Err(CommitError::StateChanged { .. } | CommitError::Busy) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(true)
}

/// `POST`: begins, or adds to what is being done.
pub(crate) fn run(request: &Request<'_>) -> Result<Answer, Refusal> {
    let service = request.service;
    let store = service.store();
    for _ in 0..100 {
        let view = store.view(None).map_err(Refusal::fault)?;
        let asked = match request.target.resource_type.as_str() {
            "" => service.rules().index.stored_types(&view),
            name => vec![name.to_owned()],
        };
        let before = view.state(JOB).map_err(Refusal::fault)?.map(|row| row.to_vec());
        let at_work = before.as_deref().and_then(Job::decode).filter(|job| !job.types.is_empty());
        let mut job = at_work.unwrap_or_default();
        for type_name in asked {
            if !job.types.contains(&type_name) {
                job.total += view.count(&type_name).map_err(Refusal::fault)?;
                job.types.push(type_name);
            }
        }
        let mut transaction = Transaction::new(storage::Instant(request.call.now.0));
        transaction.require_state(JOB, before).set_state(JOB, Some(job.encode()));
        match store.commit(transaction) {
            Ok(_) => {
                service.reindex();
                let text = format!("{} resources are indexed again.", job.total);
                let outcome = model::operation_outcome(&[Issue::information(IssueType::Informational, "", text)]);
                let body = Released::statement(render::tree(outcome.root(), &request.media, request.shapes()));
                let mut answer = Answer::with_body(202, request.media.content_type(), body);
                answer.content_location = Some(format!("{}/$reindex", request.call.base));
                return Ok(answer);
            }
            Err(CommitError::StateChanged { .. } | CommitError::Busy) => {}
            Err(error) => return Err(Refusal::fault(error)),
        }
    }
    Err(Refusal::new(Class::Busy, "The work goes on faster than it can be added to; try again."))
}

/// `GET`: how far it is.
pub(crate) fn progress(request: &Request<'_>) -> Result<Answer, Refusal> {
    let job = Job::read(request.service.store()).map_err(Refusal::fault)?;
    let mut tree = Tree::new("Parameters");
    let mut root = tree.edit();
    let status = match &job {
        None => "never-begun",
        Some(job) if job.types.is_empty() => "completed",
        Some(_) => "in-progress",
    };
    root.item("parameter").set("name", "status").set("valueCode", status);
    let job = job.unwrap_or_default();
    for (name, value) in [("total", job.total), ("done", job.done), ("changed", job.changed)] {
        root.item("parameter").set("name", name).set("valueUnsignedInt", i64::try_from(value).unwrap_or(i64::MAX));
    }
    for type_name in &job.types {
        root.item("parameter").set("name", "type").set("valueCode", type_name.as_str());
    }
    let body = Released::statement(render::tree(tree.root(), &request.media, request.shapes()));
    Ok(Answer::with_body(200, request.media.content_type(), body))
}
