//! Writers, deleters, readers and pagers together on the real program, which is killed again and again: no acknowledged write
//! is lost, no page is torn, and in a quiet half without kills memory stays flat.
//!
//! Two Basic resources are always written in one transaction, so wherever both are seen as of one `t` (on the pages of one
//! search, or after a restart) they have the same version, or both are gone.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use conformance::connection::{Answer, Connection, request};
use conformance::program::Program;
use serde_json::Value;
use storage::{EngineOptions, Store};

use crate::documents::{mix, observation};
use crate::options::Options;
use crate::transactions::post;

/// Its options: how long all of it takes.
pub(crate) const OPTIONS: &[&str] = &["minutes", "seconds"];
const WRITERS: u64 = 4;
/// Pairs of each writer.
const PAIRS: u64 = 40;

/// One pair, as its writer knows it.
#[derive(Clone, Copy, Debug, Default)]
struct Pair {
    /// The last version that was acknowledged.
    version: u64,
    deleted: bool,
    /// A request was sent and not answered: it may have been done.
    unknown: bool,
}

/// What was acknowledged, and how much was done.
#[derive(Default)]
struct Known {
    pairs: Mutex<HashMap<u64, Pair>>,
    created: Mutex<Vec<String>>,
    writes: AtomicU64,
    reads: AtomicU64,
    walks: AtomicU64,
}

impl Known {
    fn pair(&self, pair: u64) -> Pair {
        self.pairs.lock().unwrap_or_else(PoisonError::into_inner).get(&pair).copied().unwrap_or_default()
    }

    fn set(&self, pair: u64, state: Pair) {
        self.pairs.lock().unwrap_or_else(PoisonError::into_inner).insert(pair, state);
    }
}

/// `soak [--minutes N]`: the first half with kills, the second in one process.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let time = options.seconds("seconds", options.number("minutes", 10.0) * 60.0);
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let (known, begun) = (Known::default(), Instant::now());
    let (mut kills, mut round) = (0u64, 0u64);
    while begun.elapsed() < time / 2 {
        let program = Program::start(folder.path(), &[])?;
        check(&program, &known)?;
        let lasts = Duration::from_millis(800 + mix(kills) % 4_000).min(time / 8);
        let address = program.address.clone();
        together(&address, &known, round, true, || std::thread::sleep(lasts), || program.kill())?;
        (kills, round) = (kills + 1, round + 1);
    }
    let program = Program::start(folder.path(), &[])?;
    check(&program, &known)?;
    let mut resident = Vec::new();
    let watch = || {
        while begun.elapsed() < time {
            std::thread::sleep(Duration::from_millis(250));
            resident.push(program.resident());
        }
    };
    together(&program.address, &known, round, false, watch, || ())?;
    check(&program, &known)?;
    program.stop(Duration::from_secs(60))?;
    let created = known.created.lock().unwrap_or_else(PoisonError::into_inner).len();
    println!(
        "{kills} kills; {} writes acknowledged ({created} creates), {} reads, {} walks over all pages: nothing lost, no page torn",
        known.writes.load(Ordering::Relaxed),
        known.reads.load(Ordering::Relaxed),
        known.walks.load(Ordering::Relaxed)
    );
    flat(&resident)?;
    verify(folder.path())
}

/// The last quarter of the time against the second one: what is kept for ever grows without end.
fn flat(resident: &[u64]) -> Result<(), String> {
    let quarter = |number: usize| {
        let mut part: Vec<u64> =
            resident.iter().skip(resident.len() * number / 4).take(resident.len().div_ceil(4)).copied().collect();
        part.sort_unstable();
        part.get(part.len() / 2).copied().unwrap_or_default() / 1_000_000
    };
    let (second, last) = (quarter(1), quarter(3));
    println!("resident, median: {second} MB in the second quarter without kills, {last} MB in the last");
    if last > second * 5 / 4 + 32 { Err("memory is not flat".into()) } else { Ok(()) }
}

fn verify(folder: &Path) -> Result<(), String> {
    let engine = storage::fjall::open(folder, &EngineOptions::default()).map_err(|error| error.to_string())?;
    let store = Store::open(engine, storage::Options::default()).map_err(|error| error.to_string())?;
    let found = store.verify().map_err(|error| error.to_string())?;
    println!("verified: {} commits, {} resources, {} index rows", found.commits, found.resources, found.index_rows);
    if found.findings.is_empty() { Ok(()) } else { Err(format!("{:?}", found.findings)) }
}

/// All clients at once for as long as `lasts` takes, then `end`. Where the program is killed at the end, a connection that breaks is no
/// failure.
fn together(
    address: &str,
    known: &Known,
    round: u64,
    is_killed: bool,
    lasts: impl FnOnce(),
    end: impl FnOnce(),
) -> Result<(), String> {
    let (ended, stop) = (AtomicBool::new(false), AtomicBool::new(false));
    let client = |work: &(dyn Fn(&mut Connection, u64) -> Result<(), Failure> + Sync)| {
        let mut connection = Connection::open(address)?;
        for number in 0.. {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            match work(&mut connection, number) {
                Err(Failure::Broken(_)) if is_killed && ended.load(Ordering::Relaxed) => break,
                Err(Failure::Broken(text) | Failure::Wrong(text)) => return Err(text),
                Ok(()) => {}
            }
        }
        Ok(())
    };
    let results: Vec<Result<(), String>> = std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for writer in 0..WRITERS {
            let work = move |connection: &mut Connection, number| write(connection, known, writer, round, number);
            threads.push(scope.spawn(move || client(&work)));
        }
        for reader in 0..2u64 {
            let seed = mix(reader + round);
            threads.push(scope.spawn(move || client(&|connection, number| read(connection, known, seed ^ number))));
            threads.push(scope.spawn(move || client(&|connection, _| walk(connection, known))));
        }
        lasts();
        ended.store(true, Ordering::Relaxed);
        end();
        stop.store(true, Ordering::Relaxed);
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err("a client panicked".into()))).collect()
    });
    results.into_iter().collect()
}

/// Why a client stops.
enum Failure {
    /// The connection.
    Broken(String),
    /// What must never happen.
    Wrong(String),
}

fn wrong(what: &str, answer: &Answer) -> Failure {
    Failure::Wrong(format!("{what}: {} {}", answer.status, String::from_utf8_lossy(&answer.body)))
}

fn ask(connection: &mut Connection, bytes: &[u8]) -> Result<Answer, Failure> {
    connection.exchange(bytes).map_err(Failure::Broken)
}

fn get(path: &str) -> Vec<u8> {
    request("GET", path, "", "")
}

/// One write: mostly a new version of a pair, at times its deletion, at times a create.
fn write(connection: &mut Connection, known: &Known, writer: u64, round: u64, number: u64) -> Result<(), Failure> {
    let chance = mix(writer << 48 ^ round << 32 ^ number);
    if chance.is_multiple_of(4) {
        let answer = ask(connection, &request("POST", "/fhir/Observation", "", &observation(chance)))?;
        let place = answer.header("location").and_then(|url| url.split_once("/fhir/")).filter(|_| answer.status == 201);
        let (_, place) = place.ok_or_else(|| wrong("create", &answer))?;
        let path = format!("/fhir/{}", place.split("/_history").next().unwrap_or_default());
        known.created.lock().unwrap_or_else(PoisonError::into_inner).push(path);
        known.writes.fetch_add(1, Ordering::Relaxed);
        return Ok(());
    }
    let pair = writer * PAIRS + (chance >> 8) % PAIRS;
    let before = known.pair(pair);
    let delete = chance % 4 == 1 && !before.deleted && before.version > 0;
    let entry = |half: &str| {
        let id = format!("p{pair}-{half}");
        if delete {
            return format!(r#"{{"request":{{"method":"DELETE","url":"Basic/{id}"}}}}"#);
        }
        format!(
            r#"{{"resource":{{"resourceType":"Basic","id":"{id}","code":{{"coding":[{{"system":"http://example.org/soak","code":"all"}}],"text":"{chance}"}}}},"request":{{"method":"PUT","url":"Basic/{id}"}}}}"#
        )
    };
    let body =
        format!(r#"{{"resourceType":"Bundle","type":"transaction","entry":[{},{}]}}"#, entry("left"), entry("right"));
    known.set(pair, Pair { unknown: true, ..before });
    let answer = ask(connection, &post(body.as_bytes()))?;
    if answer.status != 200 {
        return Err(wrong("transaction", &answer));
    }
    known.set(pair, Pair { version: before.version + 1, deleted: delete, unknown: false });
    known.writes.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

/// What a read finds of one half: version, and whether it is deleted (then the version is not told). 0: never there.
fn half(connection: &mut Connection, path: &str) -> Result<(u64, bool), Failure> {
    let answer = ask(connection, &get(path))?;
    match answer.status {
        404 => return Ok((0, false)),
        200 | 410 => {}
        _ => return Err(wrong(path, &answer)),
    }
    let tag = answer.header("etag").map(|tag| tag.trim_start_matches("W/").trim_matches('"'));
    let version = tag.and_then(|tag| tag.parse().ok());
    match (version, answer.status) {
        (_, 410) => Ok((u64::MAX, true)),
        (Some(version), _) => Ok((version, false)),
        (None, _) => Err(wrong("no version", &answer)),
    }
}

/// A read sees at least what was acknowledged before it was asked.
fn read(connection: &mut Connection, known: &Known, chance: u64) -> Result<(), Failure> {
    let pair = mix(chance) % (WRITERS * PAIRS);
    let before = known.pair(pair);
    let (version, _) = half(connection, &format!("/fhir/Basic/p{pair}-left"))?;
    known.reads.fetch_add(1, Ordering::Relaxed);
    if version < before.version {
        return Err(Failure::Wrong(format!("p{pair}: version {} was acknowledged, {version} is read", before.version)));
    }
    Ok(())
}

/// All pages of one search: no resource twice, and of each pair both halves in one version or neither.
fn walk(connection: &mut Connection, known: &Known) -> Result<(), Failure> {
    let mut seen: HashMap<String, String> = HashMap::new();
    let mut next = Some("/fhir/Basic?code=http://example.org/soak%7Call&_count=17".to_owned());
    while let Some(path) = next.take() {
        let answer = ask(connection, &get(&path))?;
        if answer.status != 200 {
            return Err(wrong(&path, &answer));
        }
        let page: Value = serde_json::from_slice(&answer.body).map_err(|error| Failure::Wrong(error.to_string()))?;
        let all = |name: &str| page.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
        for entry in all("entry") {
            let text = |path: &str| entry.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
            let (id, version) = (text("/resource/id"), text("/resource/meta/versionId"));
            if seen.insert(id.clone(), version).is_some() {
                return Err(Failure::Wrong(format!("{id} stands twice on the pages of one search")));
            }
        }
        let link = all("link").into_iter().find(|link| link.get("relation").and_then(Value::as_str) == Some("next"));
        let url = link.and_then(|link| link.get("url").and_then(Value::as_str).map(str::to_owned));
        next = url.and_then(|url| url.find("/fhir").and_then(|at| url.get(at..).map(str::to_owned)));
    }
    known.walks.fetch_add(1, Ordering::Relaxed);
    for (id, version) in &seen {
        let (pair, side) = id.split_once('-').unwrap_or((id, ""));
        let other = if side == "left" { "right" } else { "left" };
        if seen.get(&format!("{pair}-{other}")) != Some(version) {
            return Err(Failure::Wrong(format!("a torn page: {id} has version {version}, its other half has not")));
        }
    }
    Ok(())
}

/// After a start: every pair as it was acknowledged, and whole; every create that was acknowledged.
fn check(program: &Program, known: &Known) -> Result<(), String> {
    let mut connection = Connection::open(&program.address)?;
    let told = |failure| match failure {
        Failure::Broken(text) | Failure::Wrong(text) => text,
    };
    let pairs: Vec<(u64, Pair)> = known
        .pairs
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .iter()
        .map(|(pair, state)| (*pair, *state))
        .collect();
    for (pair, state) in pairs {
        let left = half(&mut connection, &format!("/fhir/Basic/p{pair}-left")).map_err(told)?;
        let right = half(&mut connection, &format!("/fhir/Basic/p{pair}-right")).map_err(told)?;
        let (version, deleted) = left;
        if left != right {
            return Err(format!("p{pair}: half a transaction: {left:?}, {right:?}"));
        }
        // A deletion is answered without its version.
        let version = if deleted { state.version + u64::from(!state.deleted) } else { version };
        let as_told = (version, deleted) == (state.version, state.deleted);
        let may_be_done = state.unknown && version == state.version + 1;
        if !as_told && !may_be_done {
            return Err(format!("p{pair}: {state:?} was acknowledged, {left:?} is there"));
        }
        known.set(pair, Pair { version, deleted, unknown: false });
    }
    let created = known.created.lock().unwrap_or_else(PoisonError::into_inner).clone();
    for path in created {
        if half(&mut connection, &path).map_err(told)? != (1, false) {
            return Err(format!("{path} was acknowledged and is gone"));
        }
    }
    Ok(())
}
