//! How fast resources are indexed and searched, and how large the index is.
//!
//! `cargo run --release -p search --example searches -- FOLDER [DATA]`: FOLDER holds transaction Bundles (JSON files) whose entries refer to
//! each other by `urn:uuid:`; with DATA the store is a fjall store in that new folder, else one in memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use catalog::Catalog;
use model::{Limits, Tree};
use search::{Index, Query, Search};
use storage::{Bucket, Content, EngineOptions, Expect, Method, Options, Store, Transaction, Write};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().expect("a folder of transaction Bundles");
    let index = Index::new(Catalog::built_in(), Vec::new());
    let store = match arguments.next() {
        Some(data) => {
            Store::open(storage::fjall::open(Path::new(&data), &EngineOptions::default()).unwrap(), Options::default())
        }
        None => Store::open(storage::memory::open(), Options::default()),
    }
    .unwrap();
    load(&index, &store, Path::new(&folder));
    search(&index, &store);
}

fn load(index: &Index, store: &Store, folder: &Path) {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let (mut resources, mut keys, mut bytes) = (0usize, 0usize, 0usize);
    let (mut indexing, mut storing) = (Duration::ZERO, Duration::ZERO);
    let begin = Instant::now();
    for (clock, file) in files.iter().enumerate() {
        let text = local(&std::fs::read_to_string(file).unwrap());
        let bundle = model::json::read(text.as_bytes(), &Limits::default()).unwrap();
        let mut transaction = Transaction::new(storage::Instant(clock as i64 * 1000));
        for entry in bundle.root().all("entry") {
            let resource = entry.get("resource").unwrap();
            let start = Instant::now();
            let found = index.keys(resource);
            indexing += start.elapsed();
            resources += 1;
            keys += found.len();
            bytes += found.iter().map(Vec::len).sum::<usize>();
            transaction.write(write(resource, found));
        }
        let start = Instant::now();
        store.commit(transaction).unwrap();
        storing += start.elapsed();
    }
    let micros = |time: Duration| time.as_secs_f64() * 1e6 / resources as f64;
    println!("{resources} resources in {:.1} s", begin.elapsed().as_secs_f64());
    println!("indexing {:.1} µs, storing {:.1} µs per resource by the clock", micros(indexing), micros(storing));
    println!("all of it, parsing included: {:.1} µs of processor per resource", micros(processor()));
    println!("{:.1} keys of {:.1} bytes per resource", keys as f64 / resources as f64, bytes as f64 / keys as f64);
    store.engine().compact().unwrap();
    println!("{} bytes of disk per resource", store.engine().disk_bytes().unwrap() / resources as u64);
}

/// The processor time of this process, where the system tells it in clock ticks of 10 ms; else the time since the first call. So that
/// figures mean something on a busy machine.
fn processor() -> Duration {
    static BEGIN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let begin = BEGIN.get_or_init(Instant::now);
    let ticks = std::fs::read_to_string("/proc/self/stat").ok().and_then(|text| {
        let rest = text.rsplit_once(')')?.1.to_owned();
        let fields: Vec<&str> = rest.split_whitespace().collect();
        Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
    });
    ticks.map_or_else(|| begin.elapsed(), |ticks| Duration::from_millis(ticks * 10))
}

/// References by `urn:uuid:` as references here.
fn local(text: &str) -> String {
    let bundle = model::json::read(text.as_bytes(), &Limits::default()).unwrap();
    let mut names = HashMap::new();
    for entry in bundle.root().all("entry") {
        if let (Some(url), Some(type_name)) =
            (entry.text_at("fullUrl"), entry.get("resource").and_then(|it| it.resource_type()))
        {
            names.insert(url.to_owned(), type_name.to_owned());
        }
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\"reference\": \"urn:uuid:") {
        let (before, after) = rest.split_at(at + 14);
        out.push_str(before);
        let (url, after) = after.split_at(45);
        match names.get(url) {
            Some(name) => out.push_str(&format!("{name}/{}", url.trim_start_matches("urn:uuid:"))),
            None => out.push_str(url),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

fn write(resource: model::Element<'_>, index: Vec<Vec<u8>>) -> Write {
    let type_name = resource.resource_type().unwrap().to_owned();
    let id = resource.text_at("id").unwrap().to_owned();
    let patient = resource.text_at("subject.reference").or(resource.text_at("patient.reference"));
    let bucket = match patient.and_then(|text| text.strip_prefix("Patient/")) {
        _ if type_name == "Patient" => Bucket::of_patient(&id),
        Some(patient) => Bucket::of_patient(patient),
        None => Bucket::of_no_patient(&type_name, &id),
    };
    let body = model::json::to_string(Tree::from_element(resource).root()).into_bytes().into();
    let content = Some(Content { body, mark: 0, index });
    Write { type_name, id, bucket, expect: Expect::Any, method: Method::Update, content, unless_same: false }
}

fn search(index: &Index, store: &Store) {
    let patient = first(index, store, "Patient", &[]);
    let family = {
        let view = store.view(None).unwrap();
        let body = view.read("Patient", &patient).unwrap().unwrap().body().unwrap().unwrap();
        let tree = model::json::read(&body, &Limits::default()).unwrap();
        tree.root().text_at("name.family").unwrap().to_owned()
    };
    let loinc = "http://loinc.org|8302-2";
    for (name, type_name, pairs) in [
        ("all", "Observation", vec![]),
        ("code", "Observation", vec![("code", loinc)]),
        ("patient + code", "Observation", vec![("patient", patient.as_str()), ("code", loinc)]),
        ("patient + date sorted", "Observation", vec![("patient", &patient), ("date", "ge2000"), ("_sort", "-date")]),
        ("patient, sorted", "Observation", vec![("patient", &patient), ("_sort", "-date")]),
        ("chained by name", "Observation", vec![("patient.name", &family), ("code", loinc)]),
        ("date", "Observation", vec![("date", "2015-03")]),
        ("code, sorted", "Observation", vec![("code", loinc), ("_sort", "-date")]),
        ("status and category", "Observation", vec![("status", "final"), ("category", "vital-signs")]),
        ("quantity", "Observation", vec![("code", loinc), ("value-quantity", "gt170")]),
        ("name", "Patient", vec![("name", &family)]),
        ("_has", "Patient", vec![("_has:Observation:patient:code", "http://loinc.org|72166-2"), ("gender", "female")]),
        ("include", "Observation", vec![("patient", &patient), ("code", loinc), ("_include", "Observation:encounter")]),
        ("total", "Observation", vec![("code", loinc), ("_total", "accurate"), ("_count", "1")]),
    ] {
        let pairs: Vec<(String, String)> = pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        let mut found = run(index, store, type_name, &pairs);
        let start = processor();
        let mut rounds = 0;
        while processor() - start < Duration::from_millis(300) {
            found = run(index, store, type_name, &pairs);
            rounds += 1;
        }
        let micros = (processor() - start).as_secs_f64() * 1e6 / f64::from(rounds);
        println!(
            "{name:24} {micros:9.0} µs of processor  {:4} found, total {:?}, {} rows, {} resources, {} contents",
            found.matches.len(),
            found.total,
            found.explained.rows,
            found.explained.resources,
            found.explained.bodies
        );
    }
}

fn run(index: &Index, store: &Store, type_name: &str, pairs: &[(String, String)]) -> search::Answer {
    let view = store.view(None).unwrap();
    let (query, errors) = Query::parse(pairs);
    let search = Search {
        index,
        view: &view,
        now: model::Instant(1_795_435_200_000),
        sight: &(),
        limits: search::Limits::default(),
        types: vec![type_name.to_owned()],
        compartment: None,
        lenient: false,
    };
    let answer = search.run(&query, errors, None).unwrap();
    for hit in &answer.matches {
        std::hint::black_box(hit.version.body().unwrap());
    }
    answer
}

fn first(index: &Index, store: &Store, type_name: &str, pairs: &[(String, String)]) -> String {
    run(index, store, type_name, pairs).matches[0].identity.id.clone()
}
