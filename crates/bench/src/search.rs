//! Searches over a store that was filled before (`passerelle load --data DIR …`): what each kind costs the processor inside the
//! service, and how many of each the real program answers over HTTP to 8 clients.
//!
//! What is asked for (patients, codes, names) is taken from the store itself, so that any store of Patients and Observations serves.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use access::Caller;
use catalog::Catalog;
use conformance::connection::{Connection, request};
use conformance::program::Program;
use interaction::{Call, Headers, Ids, Method, Service, Settings};
use model::{Limits, Tree};
use storage::{EngineOptions, Options, Store};

use crate::documents::mix;
use crate::load::{Load, load};

const CLIENTS: usize = 8;
const ROUND: Duration = Duration::from_secs(5);
/// Processor time that each kind is measured for.
const INSIDE: Duration = Duration::from_millis(600);

/// What stands in searches.
#[derive(Default)]
struct Facts {
    patients: Vec<String>,
    families: Vec<String>,
    codes: Vec<String>,
}

/// A kind of search: its name, and the n-th of it.
struct Kind {
    name: &'static str,
    path: fn(&Facts, u64) -> String,
}

fn pick(from: &[String], number: u64) -> &str {
    from.get(mix(number) as usize % from.len().max(1)).map_or("", String::as_str)
}

/// The kinds that issue 4 sets figures for.
const KINDS: &[Kind] = &[
    Kind { name: "code, 20 a page", path: |facts, n| format!("Observation?code={}", pick(&facts.codes, n)) },
    Kind {
        name: "patient + code",
        path: |facts, n| {
            format!("Observation?patient={}&code={}", pick(&facts.patients, n), pick(&facts.codes, mix(n)))
        },
    },
    Kind {
        name: "patient + date, sorted",
        path: |facts, n| format!("Observation?patient={}&date=ge2010&_sort=-date", pick(&facts.patients, n)),
    },
    Kind {
        name: "chained by name",
        path: |facts, n| format!("Observation?patient.family={}", pick(&facts.families, n)),
    },
    Kind {
        name: "$everything of 100",
        path: |facts, n| format!("Patient/{}/$everything?_count=100", pick(&facts.patients, n)),
    },
];

/// Kinds beside those, measured inside only.
const MORE: &[Kind] = &[
    Kind { name: "read by id", path: |facts, n| format!("Patient/{}", pick(&facts.patients, n)) },
    Kind { name: "all, sorted by date", path: |_, _| "Observation?_sort=-date".to_owned() },
    Kind { name: "code, sorted", path: |facts, n| format!("Observation?code={}&_sort=-date", pick(&facts.codes, n)) },
    Kind {
        name: "chained name + code",
        path: |facts, n| {
            format!("Observation?patient.name={}&code={}", pick(&facts.families, n), pick(&facts.codes, mix(n)))
        },
    },
    Kind {
        name: "_include",
        path: |facts, n| {
            format!(
                "Observation?patient={}&_include=Observation:encounter&_include=Observation:subject",
                pick(&facts.patients, n)
            )
        },
    },
    Kind {
        name: "_has",
        path: |facts, n| format!("Patient?_has:Observation:patient:code={}&gender=female", pick(&facts.codes, n)),
    },
    Kind {
        name: "accurate total",
        path: |facts, n| format!("Observation?code={}&_total=accurate&_count=1", pick(&facts.codes, n)),
    },
    Kind { name: "compartment", path: |facts, n| format!("Patient/{}/*?_count=100", pick(&facts.patients, n)) },
];

/// `search DIR [KIND]`: processor time of each kind inside the service, or of those whose name begins so.
pub(crate) fn inside(paths: &[PathBuf]) -> Result<(), String> {
    let (folder, only) = match paths {
        [folder, only] => (one(std::slice::from_ref(folder))?, only.to_string_lossy().into_owned()),
        _ => (one(paths)?, String::new()),
    };
    let engine = storage::fjall::open(folder, &EngineOptions::default()).map_err(|error| error.to_string())?;
    let store = Store::open(engine, Options::default()).map_err(|error| error.to_string())?;
    let service = Service::new(store, Catalog::built_in(), Settings::default());
    let facts = facts(|path| {
        let (status, body) = answer(&service, path);
        if status == 200 { Ok(body) } else { Err(format!("{path}: {status}")) }
    })?;
    println!("{} patients, {} codes; µs of processor time each", facts.patients.len(), facts.codes.len());
    for kind in KINDS.iter().chain(MORE).filter(|kind| kind.name.starts_with(&only)) {
        let first = answer(&service, &(kind.path)(&facts, 0));
        if first.0 != 200 {
            println!("{:<24} answered {}", kind.name, first.0);
            continue;
        }
        let mut bytes = 0;
        let rounds = |count: u64, bytes: &mut usize| {
            for number in 0..count {
                *bytes += answer(&service, &(kind.path)(&facts, number)).1.len();
            }
        };
        rounds(50, &mut bytes);
        let (begun, mut count) = (processor(), 0);
        bytes = 0;
        while processor() - begun < INSIDE {
            rounds(20, &mut bytes);
            count += 20;
        }
        let micros = (processor() - begun).as_secs_f64() * 1e6 / count as f64;
        println!("{:<24} {micros:>8.0} µs, {:>7} bytes", kind.name, bytes / count);
    }
    Ok(())
}

/// `searches DIR`: each kind alone and all in turns, over HTTP.
pub(crate) fn http(paths: &[PathBuf]) -> Result<(), String> {
    let begun = Instant::now();
    let program = Program::start(one(paths)?, &[])?;
    println!("start until it answers: {:.3} s", begun.elapsed().as_secs_f64());
    let connection = Mutex::new(Connection::open(&program.address)?);
    let facts = facts(|path| {
        let mut connection = connection.lock().map_err(|error| error.to_string())?;
        let answer = connection.exchange(&get(path))?;
        if answer.status == 200 { Ok(answer.body) } else { Err(format!("{path}: {}", answer.status)) }
    })?;
    let served = |kind: &&Kind| {
        let mut connection = connection.lock().ok()?;
        let answer = connection.exchange(&get(&(kind.path)(&facts, 0))).ok()?;
        (answer.status == 200).then_some(())
    };
    let kinds: Vec<&Kind> = KINDS.iter().filter(|kind| served(kind).is_some()).collect();
    for kind in &kinds {
        let load = load(&program.address, CLIENTS, ROUND, 200, |number| get(&(kind.path)(&facts, number)))?;
        say(kind.name, load);
    }
    let all = load(&program.address, CLIENTS, ROUND, 200, |number| {
        let kind = kinds.get(number as usize % kinds.len().max(1));
        kind.map_or_else(Vec::new, |kind| get(&(kind.path)(&facts, mix(number))))
    })?;
    say("the mix of these", all);
    println!("resident afterwards: {} MB", program.resident() / 1_000_000);
    Ok(())
}

fn say(name: &str, load: Load) {
    println!("{name:<24} {:>7.0}/s, p99 {:.1} ms", load.rate, load.p99.as_secs_f64() * 1e3);
}

fn one(paths: &[PathBuf]) -> Result<&Path, String> {
    match paths {
        [folder] if folder.is_dir() => Ok(folder),
        _ => Err("the folder of a store is expected: passerelle load --data DIR …".into()),
    }
}

fn get(path: &str) -> Vec<u8> {
    request("GET", &format!("/fhir/{path}"), "", "")
}

/// Patients, family names and codes of the store.
fn facts(get: impl Fn(&str) -> Result<Vec<u8>, String>) -> Result<Facts, String> {
    let mut facts = Facts::default();
    let read = |path: &str| -> Result<Tree, String> {
        model::json::read(&get(path)?, &Limits::default()).map_err(|error| error.to_string())
    };
    for patient in read("Patient?_count=1000")?.root().every("entry.resource") {
        facts.patients.extend(patient.text_at("id").map(str::to_owned));
        facts.families.extend(patient.text_at("name.family").map(encoded));
    }
    for observation in read("Observation?_count=1000")?.root().every("entry.resource") {
        let coding = observation.at("code.coding");
        let coding = coding.and_then(|coding| Some((coding.text_at("system")?, coding.text_at("code")?)));
        facts.codes.extend(coding.map(|(system, code)| encoded(&format!("{system}|{code}"))));
    }
    facts.codes.sort();
    facts.codes.dedup();
    if facts.patients.is_empty() || facts.families.is_empty() || facts.codes.is_empty() {
        return Err("the store has no Patients with names, or no Observations with codes".into());
    }
    Ok(facts)
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:/".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

struct NoIds;

impl Ids for NoIds {
    fn next(&self, _: model::Instant) -> String {
        String::new()
    }
}

fn answer(service: &Service, path: &str) -> (u16, Vec<u8>) {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let answer = service.answer(&Call {
        caller: &Caller::operator(),
        method: Method::Get,
        path,
        query,
        headers: Headers::default(),
        body: b"",
        base: "http://bench/fhir",
        now: model::Instant(1_795_435_200_000),
        ids: &NoIds,
    });
    (answer.status, answer.body.map(|body| body.into_bytes()).unwrap_or_default())
}

/// The processor time of this process where the system tells it, in steps of 10 ms; else the time since the first call.
fn processor() -> Duration {
    static BEGIN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let begin = BEGIN.get_or_init(Instant::now);
    let ticks = std::fs::read_to_string("/proc/self/stat").ok().and_then(|text| {
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
    });
    ticks.map_or_else(|| begin.elapsed(), |ticks| Duration::from_millis(ticks * 10))
}
