//! A code system of 100,000 codes and value sets over it, measured: time to read, memory, look-ups, membership, expansion of
//! a page: `cargo run --release -p validation --example large_sets`. Times are CPU-bound and of one thread.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::fmt::Write;
use std::sync::Arc;
use std::time::Instant;

use catalog::Catalog;
use model::{Limits, Tree, json};
use validation::Terminology;
use validation::terminology::service::{Expanding, Service};
use validation::terminology::{Coding, Membership};

const CODES: usize = 100_000;
const SYSTEM: &str = "http://large.invalid/cs";

/// Kilobytes resident.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn read(text: &str) -> Tree {
    json::read(text.as_bytes(), &Limits::default()).unwrap()
}

fn texts() -> (String, String, String) {
    let mut concepts = String::new();
    let mut listed = String::new();
    for number in 0..CODES {
        let comma = if number == 0 { "" } else { "," };
        let parent = number / 10;
        let property = match number {
            0 => String::new(),
            _ => format!(r#","property":[{{"code":"parent","valueCode":"C{parent:06}"}}]"#),
        };
        write!(concepts, r#"{comma}{{"code":"C{number:06}","display":"Concept number {number}"{property}}}"#).unwrap();
        write!(listed, r#"{comma}{{"code":"C{number:06}"}}"#).unwrap();
    }
    let system = format!(
        r#"{{"resourceType":"CodeSystem","url":"{SYSTEM}","status":"active","content":"complete","concept":[{concepts}]}}"#
    );
    let set = |id: &str, include: &str| {
        format!(
            r#"{{"resourceType":"ValueSet","url":"http://large.invalid/{id}","status":"active","compose":{{"include":[{{"system":"{SYSTEM}"{include}}}]}}}}"#
        )
    };
    let filter = r#","filter":[{"property":"concept","op":"is-a","value":"C000001"}]"#;
    (system, set("listed", &format!(r#","concept":[{listed}]"#)), set("below", filter))
}

fn expand(terms: &Terminology, set: &str, more: &str) -> f64 {
    let request = format!(
        r#"{{"resourceType":"Parameters","parameter":[{{"name":"url","valueUri":"http://large.invalid/{set}"}}{more}]}}"#
    );
    let request = read(&request);
    let expanding = Expanding { now: model::Instant(0), identifier: "urn:uuid:0".into(), most: 1000 };
    let started = Instant::now();
    let mut service = Service::new(terms, request.root(), None).unwrap();
    service.expand(request.root(), &expanding).unwrap();
    started.elapsed().as_secs_f64() * 1000.0
}

fn main() {
    let (system, listed, below) = texts();
    println!("{} bytes of JSON for {CODES} codes", system.len());
    let trees = [read(&system), read(&listed), read(&below)];
    drop((system, listed, below));
    let before = resident();
    let terms = Terminology::new(Arc::new(Catalog::built_in().with(trees)));
    let started = Instant::now();
    let found = terms.code_system(SYSTEM, None).unwrap();
    println!(
        "first use: {:.0} ms, {} bytes a code more resident (tree released or not by the catalog)",
        started.elapsed().as_secs_f64() * 1000.0,
        resident().saturating_sub(before) * 1024 / found.len()
    );
    let codes: Vec<String> = (0..CODES).map(|number| format!("C{:06}", number * 7919 % CODES)).collect();
    let started = Instant::now();
    let hits = codes.iter().filter(|code| found.find(code).is_some()).count();
    println!("{:.0} look-ups/s, {hits} found", CODES as f64 / started.elapsed().as_secs_f64());
    for set in ["listed", "below"] {
        let started = Instant::now();
        let canonical = format!("http://large.invalid/{set}");
        let is_in = |code: &&String| {
            let coding = Coding { system: Some(SYSTEM), code, ..Coding::default() };
            terms.contains(&canonical, &coding) == Membership::In
        };
        let hits = codes.iter().filter(is_in).count();
        println!("{set}: {:.0} memberships/s, {hits} in", CODES as f64 / started.elapsed().as_secs_f64());
        let page = r#",{"name":"count","valueInteger":50},{"name":"offset","valueInteger":5000}"#;
        println!("{set}: a page of 50 from 5,000 in {:.1} ms", expand(&terms, set, page));
    }
    let page = r#",{"name":"count","valueInteger":20},{"name":"filter","valueString":"number 777"}"#;
    println!("listed: filtered by text, 20 of them in {:.1} ms", expand(&terms, "listed", page));
    println!("{} KB resident in all", resident());
}
