//! The program itself under SIGKILL: what it has acknowledged stays, a transaction is whole or not there, and the index
//! finds exactly what a walk over all records finds.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use model::{Element, Tree};
use reqwest::blocking::Client;

const SYSTEM: &str = "urn:oid:2.16.840.1.113883.19.5";
const ROUNDS: u64 = 6;
const WRITERS: usize = 6;

/// The program, serving; killed when dropped.
struct Program {
    child: Child,
    base: String,
}

impl Program {
    fn start(data: &Path, engine: &str) -> Program {
        let mut child = Command::new(env!("CARGO_BIN_EXE_passerelle"))
            .args(["serve", "--listen", "127.0.0.1:0", "--engine", engine, "--log-level", "error", "--data"])
            .arg(data)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let base = lines
            .find_map(|line| line.ok()?.split_once("serves ").map(|(_, base)| base.trim().to_owned()))
            .unwrap_or_else(|| panic!("{engine}: it does not serve"));
        // What it prints later must not block it.
        std::thread::spawn(move || lines.for_each(drop));
        Program { child, base }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the program has acknowledged: identifiers of creates and of pairs, and the latest version of each updated one.
#[derive(Default)]
struct Acknowledged {
    identifiers: Vec<String>,
    versions: BTreeMap<usize, u64>,
}

fn patient(identifier: &str) -> String {
    format!(r#"{{"resourceType":"Patient","identifier":[{{"system":"{SYSTEM}","value":"{identifier}"}}]}}"#)
}

fn pair(name: &str) -> String {
    let entry = |half: &str| {
        let resource = patient(&format!("{name}-{half}"));
        format!(r#"{{"resource":{resource},"request":{{"method":"POST","url":"Patient"}}}}"#)
    };
    format!(r#"{{"resourceType":"Bundle","type":"transaction","entry":[{},{}]}}"#, entry("left"), entry("right"))
}

fn write_until_it_dies(base: &str, round: u64, writer: usize, told: &Mutex<Acknowledged>, stop: &AtomicBool) {
    let client = Client::new();
    let json = "application/fhir+json";
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let name = format!("{round}-{writer}-{number}");
        let single = client.post(format!("{base}/Patient")).header("Content-Type", json).body(patient(&name)).send();
        match single {
            Ok(answer) if answer.status() == 201 => told.lock().unwrap().identifiers.push(name.clone()),
            Ok(answer) => panic!("create: {}", answer.status()),
            Err(_) => return,
        }
        let both = client.post(base).header("Content-Type", json).body(pair(&name)).send();
        match both {
            Ok(answer) if answer.status() == 200 => {
                let halves = ["left", "right"].map(|half| format!("{name}-{half}"));
                told.lock().unwrap().identifiers.extend(halves);
            }
            Ok(answer) => panic!("transaction: {}", answer.status()),
            Err(_) => return,
        }
        let body = format!(r#"{{"resourceType":"Basic","id":"w{writer}","code":{{"text":"{name}"}}}}"#);
        let update = client.put(format!("{base}/Basic/w{writer}")).header("Content-Type", json).body(body).send();
        let Ok(answer) = update else { return };
        let tag = answer.headers().get("etag").map_or("", |tag| tag.to_str().unwrap());
        let version = tag.trim_start_matches("W/").trim_matches('"').parse().unwrap();
        told.lock().unwrap().versions.insert(writer, version);
    }
}

/// Every resource of all pages.
fn pages(client: &Client, first: String) -> Vec<Tree> {
    let (mut found, mut next) = (Vec::new(), Some(first));
    while let Some(url) = next.take() {
        let answer = client.get(url).send().unwrap();
        assert_eq!(answer.status(), 200);
        let tree = model::json::read(&answer.bytes().unwrap(), &Default::default()).unwrap();
        let link = tree.root().all("link").find(|link| link.text_at("relation") == Some("next"));
        next = link.and_then(|link| link.text_at("url")).map(str::to_owned);
        found.push(tree);
    }
    found
}

fn identifiers(pages: &[Tree]) -> Vec<String> {
    let text = |element: Element<'_>| element.text().map(str::to_owned);
    let mut found: Vec<String> =
        pages.iter().flat_map(|page| page.root().every("entry.resource.identifier.value")).filter_map(text).collect();
    found.sort();
    found
}

fn check(base: &str, told: &Acknowledged) {
    let client = Client::new();
    let walked = identifiers(&pages(&client, format!("{base}/Patient/_history?_count=1000")));
    let indexed = identifiers(&pages(&client, format!("{base}/Patient?identifier={SYSTEM}|&_count=1000")));
    assert_eq!(walked, indexed, "the index finds what a walk over all records finds");
    for identifier in &told.identifiers {
        assert!(walked.binary_search(identifier).is_ok(), "{identifier} was acknowledged and is gone");
    }
    for left in walked.iter().filter(|identifier| identifier.ends_with("-left")) {
        let right = left.replace("-left", "-right");
        assert!(walked.binary_search(&right).is_ok(), "half a transaction: {left} without {right}");
    }
    assert_eq!(walked.iter().filter(|identifier| identifier.ends_with("-right")).count() * 2, {
        walked.iter().filter(|identifier| identifier.ends_with("t")).count()
    });
    for (writer, version) in &told.versions {
        let answer = client.get(format!("{base}/Basic/w{writer}")).send().unwrap();
        let tree = model::json::read(&answer.bytes().unwrap(), &Default::default()).unwrap();
        let current: u64 = tree.root().text_at("meta.versionId").unwrap().parse().unwrap();
        assert!(current >= *version, "version {version} of Basic/w{writer} was acknowledged, {current} is there");
    }
}

fn killed_again_and_again(engine: &str) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let told = Mutex::new(Acknowledged::default());
    for round in 0..ROUNDS {
        let mut program = Program::start(folder.path(), engine);
        check(&program.base, &told.lock().unwrap());
        let before = told.lock().unwrap().identifiers.len();
        let stop = AtomicBool::new(false);
        let base = program.base.clone();
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let (base, told, stop) = (&base, &told, &stop);
                scope.spawn(move || write_until_it_dies(base, round, writer, told, stop));
            }
            while told.lock().unwrap().identifiers.len() < before + 20 {
                std::thread::sleep(Duration::from_millis(5));
            }
            std::thread::sleep(Duration::from_millis(round * 37 % 100));
            program.child.kill().unwrap();
            stop.store(true, Ordering::Relaxed);
        });
    }
    let program = Program::start(folder.path(), engine);
    check(&program.base, &told.lock().unwrap());
}

#[test]
fn fjall_loses_nothing_that_was_acknowledged() {
    killed_again_and_again("fjall");
}

#[test]
fn sled_loses_nothing_that_was_acknowledged() {
    killed_again_and_again("sled");
}
