//! The real program from empty to full: a set loaded, transactions, creates, reads, a mix, one large transaction; then
//! memory, disk, and how long it takes to start with that store. Each step is also a measurement of its own.
//!
//! Every step prints the processor time of the server beside the rate: on a busy machine only that means anything.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use conformance::connection::{Connection, request};
use conformance::program::Program;
use storage::{Engine, EngineOptions};

use crate::documents::{mix, observation};
use crate::load::{Load, exchange, load};
use crate::options::Options;
use crate::transactions::{created, files, joined, made_up, post};

/// The options of all steps.
pub(crate) const OPTIONS: &[&str] = &["clients", "seconds", "entries"];
const MINIMAL: &str = "Prefer: return=minimal\r\n";
/// Transactions that are made up, each of another patient.
const MADE_UP: u64 = 512;
const STOPPED: Duration = Duration::from_secs(120);

/// A program over a folder of its own.
pub(crate) struct Served {
    /// Where its store is.
    pub(crate) folder: PathBuf,
    /// The program.
    pub(crate) program: Program,
    /// Removes the folder of a store that was made for this.
    _temporary: Option<tempfile::TempDir>,
}

impl Served {
    /// Over an empty store.
    pub(crate) fn fresh() -> Result<Served, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let served = Served::over(folder.path())?;
        Ok(Served { _temporary: Some(folder), ..served })
    }

    /// Over a store that is there, and grows.
    fn over(folder: &Path) -> Result<Served, String> {
        let program = Program::start(folder, &["--static-probe", "1900"])?;
        Ok(Served { folder: folder.to_owned(), program, _temporary: None })
    }

    /// Over the store that the options name, else over an empty one.
    fn named(options: &Options) -> Result<Served, String> {
        options.paths.first().map_or_else(Served::fresh, |folder| Served::over(folder))
    }

    /// Does a step and prints what it came to, with the server's processor time for each of `count` things.
    fn step(
        &self,
        name: &str,
        what: &str,
        work: impl FnOnce(&str) -> Result<(Load, u64), String>,
    ) -> Result<Load, String> {
        let (before, begun) = (self.program.processor(), Instant::now());
        let (load, count) = work(&self.program.address)?;
        let (used, took) = (self.program.processor() - before, begun.elapsed());
        let rate = count as f64 / took.as_secs_f64();
        let each = used.as_secs_f64() * 1e6 / count.max(1) as f64;
        println!(
            "{name}: {rate:.0} {what}/s ({count} in {:.1} s), {each:.0} µs of the server's CPU each; requests {load}; resident {} MB, peak {} MB",
            took.as_secs_f64(),
            self.program.resident() / 1_000_000,
            self.program.peak() / 1_000_000
        );
        Ok(load)
    }
}

/// `load DIR`: every transaction of a folder.
pub(crate) fn load_set(options: &Options) -> Result<(), String> {
    let [folder] = options.paths.as_slice() else { return Err("one folder of transactions is expected".into()) };
    loaded(&Served::fresh()?, folder, options).map(drop)
}

fn loaded(served: &Served, folder: &Path, options: &Options) -> Result<u64, String> {
    let files = files(folder)?;
    let resources = AtomicU64::new(0);
    served.step("load", "resources", |address| {
        let read = |path: &PathBuf| std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
        let check = |number: u64, answer: &conformance::connection::Answer| {
            if answer.status != 200 {
                let text = String::from_utf8_lossy(&answer.body).chars().take(500).collect::<String>();
                return Err(format!("transaction {number}: {} {text}", answer.status));
            }
            resources.fetch_add(created(&answer.body), Ordering::Relaxed);
            Ok(())
        };
        let send = |number: u64| {
            let path = files.get(usize::try_from(number).ok()?)?;
            // A file that cannot be read is sent as nothing, and refused.
            Some(post(&read(path).unwrap_or_default()))
        };
        let load = exchange(address, options.count("clients", 4), send, check)?;
        Ok((load, resources.load(Ordering::Relaxed)))
    })?;
    Ok(resources.into_inner())
}

/// `transactions`: made-up ones of 100 entries.
pub(crate) fn transactions(options: &Options) -> Result<(), String> {
    made_up_transactions(&Served::fresh()?, options).map(drop)
}

fn made_up_transactions(served: &Served, options: &Options) -> Result<u64, String> {
    let entries = options.count("entries", 100);
    let (clients, time) = (options.count("clients", 8), options.seconds("seconds", 10.0));
    // Made before: the clients share the processors with the server.
    let bodies: Vec<Vec<u8>> = (0..MADE_UP).map(|number| post(&made_up(number, entries))).collect();
    let load = served.step(&format!("transactions of {entries}, {clients} clients"), "transactions", |address| {
        let body = |number: u64| bodies.get(number as usize % bodies.len()).cloned().unwrap_or_default();
        load(address, clients, time, 200, body).map(|load| (load, load.answers))
    })?;
    Ok(load.answers * entries as u64)
}

/// `creates [STORE]`: single ones.
pub(crate) fn single_creates(options: &Options) -> Result<(), String> {
    creates(&Served::named(options)?, options).map(drop)
}

fn creates(served: &Served, options: &Options) -> Result<u64, String> {
    let (clients, time) = (options.count("clients", 32), options.seconds("seconds", 10.0));
    let load = served.step(&format!("creates, {clients} clients"), "creates", |address| {
        let body = |number| request("POST", "/fhir/Observation", MINIMAL, &observation(number));
        load(address, clients, time, 201, body).map(|load| (load, load.answers))
    })?;
    Ok(load.answers)
}

pub(crate) fn get(path: &str) -> Vec<u8> {
    request("GET", path, "", "")
}

/// The paths of a thousand Observations.
pub(crate) fn paths(address: &str) -> Result<Vec<String>, String> {
    let answer = Connection::open(address)?.exchange(&get("/fhir/Observation?_count=1000"))?;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let found = text.split("\"fullUrl\":\"").skip(1).filter_map(|rest| rest.split('"').next());
    let paths: Vec<String> =
        found.filter_map(|url| url.find("/fhir/").and_then(|at| url.get(at..))).map(str::to_owned).collect();
    if paths.is_empty() { Err(format!("no Observation is found: {}", answer.status)) } else { Ok(paths) }
}

fn reads(served: &Served, options: &Options) -> Result<(), String> {
    let paths = paths(&served.program.address)?;
    let (clients, time) = (32, options.seconds("seconds", 10.0) / 2);
    let path = |number: u64| paths.get(mix(number) as usize % paths.len()).cloned().unwrap_or_default();
    let mut rates = [0.0; 2];
    for (rate, is_read) in rates.iter_mut().zip([true, false]) {
        let name = if is_read { "reads by id" } else { "static bytes" };
        *rate = served
            .step(&format!("{name}, {clients} clients"), "answers", |address| {
                let send = |number| if is_read { get(&path(number)) } else { get("/static-probe") };
                load(address, clients, time, 200, send).map(|load| (load, load.answers))
            })?
            .rate;
    }
    println!("reads by id / static bytes: {:.2}", rates[0] / rates[1]);
    Ok(())
}

/// `mix`: reads, searches and writes of eight clients, over a store of made-up transactions.
pub(crate) fn mixed(options: &Options) -> Result<(), String> {
    let served = Served::fresh()?;
    made_up_transactions(&served, options)?;
    mixture(&served, options)
}

fn mixture(served: &Served, options: &Options) -> Result<(), String> {
    let (clients, time) = (options.count("clients", 8), options.seconds("seconds", 10.0));
    let name = format!("mix (50 % reads, 30 % searches, 20 % creates), {clients} clients");
    served
        .step(&name, "requests", |address| mix_of(address, clients, time, MADE_UP).map(|load| (load, load.answers)))?;
    Ok(())
}

/// Reads, searches by code and by identifier, and creates, over a store that holds so many made-up patients.
pub(crate) fn mix_of(address: &str, clients: usize, time: Duration, patients: u64) -> Result<Load, String> {
    let paths = paths(address)?;
    let send = |number: u64| {
        let mixed = mix(number);
        let (code, patient) = (mixed >> 8 & 0xff, mixed >> 16);
        match mixed % 10 {
            0..5 => get(&paths.get(patient as usize % paths.len()).cloned().unwrap_or_default()),
            5..7 => get(&format!("/fhir/Observation?code=http://example.org/codes%7Cc{code}&_count=20")),
            7 => get(&format!("/fhir/Patient?identifier=http://example.org/patients%7C{}", patient % patients.max(1))),
            _ => request("POST", "/fhir/Observation", MINIMAL, &observation(mixed)),
        }
    };
    let begun = Instant::now();
    let next = |number| (begun.elapsed() < time).then(|| send(number));
    let check = |_, answer: &conformance::connection::Answer| match answer.status {
        200 | 201 => Ok(()),
        status => Err(format!("status {status}: {}", String::from_utf8_lossy(&answer.body))),
    };
    exchange(address, clients, next, check)
}

/// `big-transaction [DIR]`: one of 27,000 entries, out of a folder's or made up.
pub(crate) fn big_transaction(options: &Options) -> Result<(), String> {
    big(&Served::fresh()?, options).map(drop)
}

fn big(served: &Served, options: &Options) -> Result<u64, String> {
    let entries = options.count("entries", 27_000);
    let body = match options.paths.first() {
        Some(folder) => joined(folder, entries)?,
        None => made_up(1 << 40, entries),
    };
    let bytes = post(&body);
    drop(body);
    served.step(
        &format!("one transaction of {entries} entries, {} MB", bytes.len() / 1_000_000),
        "entries",
        |address| {
            let check = |_, answer: &conformance::connection::Answer| match (answer.status, created(&answer.body)) {
                (200, count) if count == entries as u64 => Ok(()),
                (status, count) => Err(format!("{status}, {count} created")),
            };
            let load = exchange(address, 1, |number| (number == 0).then(|| bytes.clone()), check)?;
            Ok((load, entries as u64))
        },
    )?;
    Ok(entries as u64)
}

/// `whole DIR`: all of it, one after the other, on one store.
pub(crate) fn whole(options: &Options) -> Result<(), String> {
    let [folder] = options.paths.as_slice() else { return Err("one folder of transactions is expected".into()) };
    let served = Served::fresh()?;
    let mut defaults = Options::default();
    let mut resources = loaded(&served, folder, &defaults)?;
    resources += made_up_transactions(&served, options)?;
    resources += creates(&served, options)?;
    reads(&served, options)?;
    mixture(&served, options)?;
    defaults.paths = options.paths.clone();
    resources += big(&served, &defaults)?;
    // The engine still writes its memory tables to the disk for some seconds.
    for seconds in [2, 13] {
        std::thread::sleep(Duration::from_secs(seconds));
        load(&served.program.address, 1, Duration::from_millis(100), 200, |_| get("/fhir/Patient?_count=1"))?;
        println!("resident {seconds} seconds later: {} MB", served.program.resident() / 1_000_000);
    }
    let Served { folder, program, _temporary } = served;
    starts(&folder, program)?;
    let engine = storage::fjall::open(&folder, &EngineOptions::default()).map_err(|error| error.to_string())?;
    let before = engine.disk_bytes().map_err(|error| error.to_string())?;
    engine.compact().map_err(|error| error.to_string())?;
    let after = engine.disk_bytes().map_err(|error| error.to_string())?;
    println!(
        "disk: {} MB, {} MB after compaction: {} bytes for each of about {resources} resources",
        before / 1_000_000,
        after / 1_000_000,
        after / resources.max(1)
    );
    Ok(())
}

/// Kills the program, starts it again, stops it in order, starts it again: how long each start takes until it answers.
fn starts(folder: &Path, program: Program) -> Result<(), String> {
    program.kill();
    let started = || -> Result<(Program, Duration), String> {
        let begun = Instant::now();
        let program = Program::start(folder, &[])?;
        let answer = Connection::open(&program.address)?.exchange(&get("/health"))?;
        if answer.status == 200 { Ok((program, begun.elapsed())) } else { Err(format!("health: {}", answer.status)) }
    };
    let (program, killed) = started()?;
    program.stop(STOPPED)?;
    let (program, stopped) = started()?;
    println!(
        "start until it answers: {} ms after it was killed, {} ms after it was stopped; resident then {} MB",
        killed.as_millis(),
        stopped.as_millis(),
        program.resident() / 1_000_000
    );
    program.stop(STOPPED)
}
