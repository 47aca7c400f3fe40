//! The real server over HTTP, each against what bounds it, in turns within one run: reads by id against bytes of the same
//! size from its memory, durable creates against the engine alone committing the same bytes and keys.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use access::Caller;
use catalog::Catalog;
use conformance::connection::{Connection, request};
use conformance::program::Program;
use interaction::{Call, Headers, Ids, Method, Service, Settings};
use storage::{
    Batch, Direction, Engine, EngineError, EngineOptions, KeyRange, Scan, Slice, Space, Store, SubmitError, Ticket,
};

use crate::documents::{mix, observation};
use crate::load::{Load, load};

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(3);
const READERS: usize = 32;
const WRITERS: usize = 64;
const MINIMAL: &str = "Prefer: return=minimal\r\n";
/// Resources that are read.
const RESOURCES: u64 = 2_000;

/// Both measures; no path is taken.
pub(crate) fn run(paths: &[PathBuf]) -> Result<(), String> {
    if !paths.is_empty() {
        return Err("no path is expected".into());
    }
    reads()?;
    creates()
}

fn reads() -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let (ids, size) = fill(&Program::start(folder.path(), &[])?)?;
    let program = Program::start(folder.path(), &["--static-probe", &size.to_string()])?;
    let probe = get("/static-probe");
    let path = |number: u64| ids.get(mix(number) as usize % ids.len()).cloned().unwrap_or_default();
    let (mut read, mut fixed, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let one = load(&program.address, READERS, ROUND, 200, |number| get(&path(number)))?;
        let other = load(&program.address, READERS, ROUND, 200, |_| probe.clone())?;
        ratios.push(one.rate / other.rate);
        read.push(one);
        fixed.push(other);
    }
    println!("reads by id, {READERS} clients, {size} bytes: {}", median(read));
    println!("static bytes of that size:            {}", median(fixed));
    println!("ratio, median of {ROUNDS} rounds: {:.2}", middle(ratios));
    println!("resident afterwards: {} MB", program.resident() / 1_000_000);
    Ok(())
}

/// Creates resources of one size; their paths and that size, as read.
fn fill(program: &Program) -> Result<(Vec<String>, usize), String> {
    let mut connection = Connection::open(&program.address)?;
    let (mut ids, mut size) = (Vec::new(), 0);
    for number in 0..RESOURCES {
        let id = format!("o{number:08}");
        let body = observation(number).replacen(
            r#"{"resourceType":"Observation","#,
            &format!(r#"{{"resourceType":"Observation","id":"{id}","#),
            1,
        );
        let path = format!("/fhir/Observation/{id}");
        let answer = connection.exchange(&request("PUT", &path, MINIMAL, &body))?;
        if answer.status != 201 {
            return Err(format!("PUT: {} {}", answer.status, String::from_utf8_lossy(&answer.body)));
        }
        ids.push(path);
    }
    for path in ids.iter().take(50) {
        size = size.max(connection.exchange(&get(path))?.body.len());
    }
    Ok((ids, size))
}

fn get(path: &str) -> Vec<u8> {
    request("GET", path, "", "")
}

fn creates() -> Result<(), String> {
    let batches = recorded(30_000)?;
    let rows: usize = batches.iter().map(|batch| batch.ops().len()).sum();
    let bytes = |batch: &Batch| -> usize {
        batch.ops().iter().map(|op| op.key.len() + op.value.as_ref().map_or(0, Vec::len)).sum()
    };
    let total: usize = batches.iter().map(bytes).sum();
    let (mut http, mut raw, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let count = AtomicU64::new(0);
    for _ in 0..ROUNDS {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let program = Program::start(folder.path(), &[])?;
        let body =
            |_| request("POST", "/fhir/Observation", MINIMAL, &observation(count.fetch_add(1, Ordering::Relaxed)));
        let one = load(&program.address, WRITERS, ROUND, 201, body)?;
        drop(program);
        let other = engine_alone(&batches)?;
        ratios.push(one.rate / other.rate);
        http.push(one);
        raw.push(other);
    }
    println!("durable creates over HTTP, {WRITERS} clients:  {}", median(http));
    println!(
        "the engine alone, {WRITERS} threads, {} rows and {} bytes a commit: {}",
        rows / batches.len().max(1),
        total / batches.len().max(1),
        median(raw)
    );
    println!("ratio, median of {ROUNDS} rounds: {:.2}", middle(ratios));
    Ok(())
}

fn engine_alone(batches: &[Batch]) -> Result<Load, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let engine = storage::fjall::open(folder.path(), &EngineOptions::default()).map_err(|error| error.to_string())?;
    let next = AtomicU64::new(0);
    let begun = Instant::now();
    let thread = || -> Result<Vec<Duration>, String> {
        let mut times = Vec::new();
        while begun.elapsed() < ROUND {
            // Past the end the same batches are written again: the same bytes, over old keys.
            let number = next.fetch_add(1, Ordering::Relaxed) as usize % batches.len().max(1);
            let Some(batch) = batches.get(number) else { break };
            let sent = Instant::now();
            engine.commit(batch).map_err(|error| error.to_string())?;
            times.push(sent.elapsed());
        }
        Ok(times)
    };
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..WRITERS).map(|_| scope.spawn(thread)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err("a thread panicked".into()))).collect()
    });
    let elapsed = begun.elapsed();
    let times: Vec<Duration> = results.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
    Ok(Load::of(times, elapsed))
}

/// The writes that so many creates make, without their conditions: taken from the service over an engine in memory.
fn recorded(count: u64) -> Result<Vec<Batch>, String> {
    let recorder = Arc::new(Recorder { engine: storage::memory::open(), batches: Mutex::default() });
    let store = Store::open(recorder.clone(), storage::Options::default()).map_err(|error| error.to_string())?;
    recorder.batches.lock().unwrap_or_else(PoisonError::into_inner).clear();
    let service = Service::new(store, Catalog::built_in(), Settings::default());
    let caller = Caller::operator();
    let ids = Counted(AtomicU64::new(0));
    for number in 0..count {
        let body = observation(number).into_bytes();
        let headers = Headers {
            content_type: Some("application/fhir+json"),
            prefer: Some("return=minimal"),
            ..Headers::default()
        };
        let answer = service.answer(&Call {
            caller: &caller,
            method: Method::Post,
            path: "Observation",
            query: "",
            headers,
            body: &body,
            base: "http://bench/fhir",
            now: model::Instant(1_767_225_600_000 + number as i64),
            ids: &ids,
        });
        if answer.status != 201 {
            return Err(format!("a create was answered {}", answer.status));
        }
    }
    let batches = std::mem::take(&mut *recorder.batches.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(batches)
}

struct Counted(AtomicU64);

impl Ids for Counted {
    fn next(&self, _: model::Instant) -> String {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        format!("{number:08x}-0000-7000-8000-{:012x}", mix(number) & 0xffff_ffff_ffff)
    }
}

/// An engine that keeps the writes of every batch.
struct Recorder {
    engine: Arc<dyn Engine>,
    batches: Mutex<Vec<Batch>>,
}

impl Engine for Recorder {
    fn name(&self) -> &'static str {
        self.engine.name()
    }

    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Slice>, EngineError> {
        self.engine.get(space, key)
    }

    fn scan<'a>(&'a self, space: Space, range: KeyRange, direction: Direction) -> Scan<'a> {
        self.engine.scan(space, range, direction)
    }

    fn submit(&self, batch: &Batch) -> Result<Ticket, SubmitError> {
        let mut writes = Batch::new();
        for op in batch.ops() {
            match &op.value {
                Some(value) => writes.put(op.space, op.key.clone(), value.clone()),
                None => writes.remove(op.space, op.key.clone()),
            }
        }
        self.batches.lock().unwrap_or_else(PoisonError::into_inner).push(writes);
        self.engine.submit(batch)
    }

    fn wait(&self, ticket: Ticket) -> Result<(), EngineError> {
        self.engine.wait(ticket)
    }

    fn compact(&self) -> Result<(), EngineError> {
        self.engine.compact()
    }

    fn checkpoint(&self) -> Result<(), EngineError> {
        self.engine.checkpoint()
    }

    fn disk_bytes(&self) -> Result<u64, EngineError> {
        self.engine.disk_bytes()
    }
}

fn middle(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or_default()
}

fn median(loads: Vec<Load>) -> String {
    let rate = middle(loads.iter().map(|load| load.rate).collect());
    let p99 = middle(loads.iter().map(|load| load.p99.as_secs_f64() * 1e3).collect());
    format!("{rate:>7.0}/s, p99 {p99:.1} ms")
}
