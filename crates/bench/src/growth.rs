//! How cost grows with the store: ten times as much again and again, and after each step the same reads, searches and creates.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use conformance::connection::{Answer, request};

use crate::documents::{mix, observation};
use crate::load::{Load, exchange, load};
use crate::options::Options;
use crate::transactions::{made_up, post};
use crate::whole::{Served, get, mix_of, paths};

/// Its options: the number of resources at the end.
pub(crate) const OPTIONS: &[&str] = &["to", "seconds"];
const CLIENTS: usize = 8;
const ENTRIES: u64 = 100;

/// `growth [--to 1000000]`: 1,000 resources, 10,000 … in transactions of 100.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let served = Served::fresh()?;
    let (most, time) = (options.count("to", 1_000_000) as u64, options.seconds("seconds", 3.0));
    let (mut there, mut goal) = (0, 1_000);
    println!(
        "| resources | written, CPU each | creates | reads by id | by code | by patient and code | the mix | resident | disk each |"
    );
    println!("{}", "|---".repeat(9) + "|");
    let (mut before_mix, mut grown) = (None, Vec::new());
    while goal <= most {
        let (before, begun) = (served.program.processor(), Instant::now());
        fill(&served.program.address, there / ENTRIES, goal / ENTRIES)?;
        let written = goal - there;
        let rate = written as f64 / begun.elapsed().as_secs_f64();
        let each = (served.program.processor() - before).as_secs_f64() * 1e6 / written as f64;
        let disk = bytes_below(&served.folder) / goal;
        let resident = served.program.resident() / 1_000_000;
        let loads = asked(&served.program.address, goal / ENTRIES, time)?;
        let cells: Vec<String> = loads
            .iter()
            .map(|load| format!("{:.0}/s, p99 {:.1} ms", load.rate, load.p99.as_secs_f64() * 1e3))
            .collect();
        println!("| {goal} | {rate:.0}/s, {each:.0} µs | {} | {resident} MB | {disk} B |", cells.join(" | "));
        let [.., mix] = loads;
        if let Some(before) = before_mix.replace(mix.p99) {
            grown.push(format!("{:.2} at {goal}", mix.p99.as_secs_f64() / before.as_secs_f64().max(f64::EPSILON)));
        }
        (there, goal) = (goal, goal * 10);
    }
    println!("p99 of the mix after loading ten times as much, against before: {}", grown.join(", "));
    Ok(())
}

fn fill(address: &str, from: u64, to: u64) -> Result<(), String> {
    let send = |number: u64| (from + number < to).then(|| post(&made_up(from + number, ENTRIES as usize)));
    let check = |_, answer: &Answer| match answer.status {
        200 => Ok(()),
        status => Err(format!("{status}: {}", String::from_utf8_lossy(&answer.body))),
    };
    exchange(address, CLIENTS, send, check).map(drop)
}

/// Creates, reads by id, searches by code, by patient and code, and the mix that [`mix_of`] makes.
fn asked(address: &str, patients: u64, time: Duration) -> Result<[Load; 5], String> {
    let paths = paths(address)?;
    let patients = patients.max(1);
    let counted = AtomicU64::new(0);
    let create = |_| {
        let number = 1 << 60 | patients << 30 | counted.fetch_add(1, Ordering::Relaxed);
        request("POST", "/fhir/Observation", "Prefer: return=minimal\r\n", &observation(number))
    };
    let read = |number: u64| get(&paths.get(mix(number) as usize % paths.len()).cloned().unwrap_or_default());
    let code = |number: u64| format!("code=http://example.org/codes%7Cc{}&_count=20", mix(number) & 0xff);
    let by_code = |number: u64| get(&format!("/fhir/Observation?{}", code(number)));
    let by_patient = |number: u64| {
        let patient = mix(number) >> 8;
        let whose = format!("patient.identifier=http://example.org/patients%7C{}", patient % patients);
        get(&format!("/fhir/Observation?{whose}&{}", code(number)))
    };
    Ok([
        load(address, CLIENTS, time, 201, create)?,
        load(address, CLIENTS, time, 200, read)?,
        load(address, CLIENTS, time, 200, by_code)?,
        load(address, CLIENTS, time, 200, by_patient)?,
        mix_of(address, CLIENTS, time, patients)?,
    ])
}

/// Bytes of all files below a folder, by their blocks.
fn bytes_below(path: &Path) -> u64 {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let bytes = entries.map(|entry| match entry.metadata() {
        Ok(about) if about.is_dir() => bytes_below(&entry.path()),
        Ok(about) => allocated(&about),
        Err(_) => 0,
    });
    bytes.sum()
}

#[cfg(unix)]
fn allocated(about: &std::fs::Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt;
    about.blocks() * 512
}

#[cfg(not(unix))]
fn allocated(about: &std::fs::Metadata) -> u64 {
    about.len()
}
