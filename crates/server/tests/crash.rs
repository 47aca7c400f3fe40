//! The real program, killed under concurrent writes: what was acknowledged is there, a transaction is whole or not there,
//! and search finds exactly what is there.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use model::Tree;
use reqwest::blocking::Client;

const ROUNDS: u64 = 4;
const WRITERS: u64 = 8;
/// Resources of one transaction.
const TOGETHER: usize = 3;

struct Program {
    child: Child,
    base: String,
}

impl Program {
    fn start(engine: &str, folder: &Path) -> Program {
        let mut child = Command::new(env!("CARGO_BIN_EXE_passerelle"))
            .args(["serve", "--listen", "127.0.0.1:0", "--log-level", "error", "--engine", engine, "--data"])
            .arg(folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let base = line.trim().strip_prefix("Passerelle serves ").unwrap_or_else(|| panic!("{line:?}")).to_owned();
        Program { child, base }
    }

    /// SIGKILL: nothing is flushed, nothing is closed.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn transaction(number: u64) -> String {
    let entries: Vec<String> = (0..TOGETHER)
        .map(|part| {
            format!(
                r#"{{"resource":{{"resourceType":"Basic","id":"n{number}-{part}","code":{{"text":"x"}},
                "identifier":[{{"system":"urn:oid:2.16.840.1.113883.19.5","value":"{number}"}}]}},
                "request":{{"method":"PUT","url":"Basic/n{number}-{part}"}}}}"#
            )
        })
        .collect();
    format!(r#"{{"resourceType":"Bundle","type":"transaction","entry":[{}]}}"#, entries.join(","))
}

/// Writes until the program is gone; the numbers of the transactions that were sent, with those that were acknowledged.
fn write(client: &Client, base: &str, next: &AtomicU64, acknowledged: &Mutex<Vec<u64>>) {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let request = client.post(base).header("Content-Type", "application/fhir+json").body(transaction(number));
        match request.send() {
            Ok(answer) if answer.status() == 200 => acknowledged.lock().unwrap().push(number),
            Ok(answer) => panic!("{}: {}", answer.status(), answer.text().unwrap_or_default()),
            Err(_) => return,
        }
    }
}

fn read(client: &Client, url: &str) -> Option<Tree> {
    let answer = client.get(url).send().unwrap();
    let found = answer.status() == 200;
    let body = answer.bytes().unwrap();
    found.then(|| model::json::read(&body, &Default::default()).unwrap())
}

fn check(client: &Client, base: &str, sent: u64, acknowledged: &[u64]) {
    for number in 0..sent {
        let there = (0..TOGETHER).filter(|part| read(client, &format!("{base}/Basic/n{number}-{part}")).is_some()).count();
        assert!(there == 0 || there == TOGETHER, "transaction {number} is there by half");
        assert!(there == TOGETHER || !acknowledged.contains(&number), "transaction {number} was acknowledged and is lost");
        let found = read(client, &format!("{base}/Basic?identifier=urn:oid:2.16.840.1.113883.19.5|{number}")).unwrap();
        assert_eq!(found.root().all("entry").count(), there, "the index differs for transaction {number}");
    }
}

fn killed_again_and_again(engine: &str) {
    let folder = tempfile::tempdir().unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().timeout(Duration::from_secs(60)).build().unwrap();
    let (next, acknowledged) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    for round in 0..ROUNDS {
        let program = Program::start(engine, folder.path());
        let base = program.base.clone();
        std::thread::scope(|scope| {
            for _ in 0..WRITERS {
                scope.spawn(|| write(&client, &base, &next, &acknowledged));
            }
            let before = acknowledged.lock().unwrap().len();
            // The kill comes in mid-write, after at least a few acknowledgements.
            while acknowledged.lock().unwrap().len() < before + 20 + 7 * round as usize {
                std::thread::sleep(Duration::from_millis(1));
            }
            program.kill();
        });
    }
    let program = Program::start(engine, folder.path());
    check(&client, &program.base, next.load(Ordering::Relaxed), &acknowledged.lock().unwrap());
    program.kill();
}

#[test]
fn killed_under_writes_fjall_keeps_what_was_acknowledged() {
    killed_again_and_again("fjall");
}

#[test]
fn killed_under_writes_sled_keeps_what_was_acknowledged() {
    killed_again_and_again("sled");
}
