//! SIGKILL: a child process commits from many threads and prints what was acknowledged; it is killed, again and again, over the
//! same folder. Nothing acknowledged is lost, no half transaction is there, and indexes agree with what they index.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod every_engine;
mod resources;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use resources::{put, remove, transaction};
use storage::{Direction, Engine, EngineOptions, JournalOptions, Store};

const FOLDER: &str = "STORAGE_KILL_FOLDER";
const ENGINE: &str = "STORAGE_KILL_ENGINE";
const ROUND: &str = "STORAGE_KILL_ROUND";

/// Small files, so that segments are closed, tables synced and trees compacted many times while the child lives.
fn open(name: &str, folder: &Path) -> Arc<dyn Engine> {
    let options = EngineOptions {
        cache_bytes: 4 << 20,
        write_buffer_bytes: 4 << 20,
        journal: JournalOptions { segment_bytes: 200_000 },
    };
    match name {
        "fjall" => storage::fjall::open(folder, &options).unwrap(),
        _ => storage::sled::open(folder, &options).unwrap(),
    }
}

/// The transactions of a thread: three new resources, one updated each time, one deleted again.
fn commit(store: &Store, round: &str, thread: u32, n: u32) -> u64 {
    let text = format!("{round} {thread} {n} {}", "x".repeat(500));
    let key = format!("by={thread}|");
    let mut writes: Vec<_> =
        (0..3).map(|part| put("Observation", &format!("{round}-{thread}-{n}-{part}"), &text, &[&key])).collect();
    writes.push(put("Patient", &format!("{round}-{thread}"), &text, &[&key, &format!("n={n}|")]));
    writes.push(match n % 2 {
        0 => put("Flag", &format!("{round}-{thread}"), &text, &[&key]),
        _ => remove("Flag", &format!("{round}-{thread}")),
    });
    let mut transaction = transaction(writes);
    transaction.event(text).add("commits", 1);
    store.commit(transaction).unwrap().t
}

/// Not a test of its own: the child process.
#[test]
#[ignore = "runs as the child of the tests below"]
fn child_that_commits_until_it_is_killed() {
    let (Ok(folder), Ok(engine)) = (std::env::var(FOLDER), std::env::var(ENGINE)) else { return };
    let round = std::env::var(ROUND).unwrap();
    let store = resources::store(open(&engine, Path::new(&folder)));
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (store, round) = (&store, &round);
            scope.spawn(move || {
                for n in 0.. {
                    let t = commit(store, round, thread, n);
                    // One call per line: what the parent reads whole was acknowledged.
                    std::io::stderr().write_all(format!("acknowledged {thread} {n} {t}\n").as_bytes()).unwrap();
                }
            });
        }
    });
}

fn kill_again_and_again(name: &str) {
    let folder = tempfile::tempdir().unwrap();
    let mut last_t = 0;
    for (round, lines) in [1, 40, 600, 7].into_iter().enumerate() {
        let round = format!("r{round}");
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "child_that_commits_until_it_is_killed", "--nocapture"])
            .env(FOLDER, folder.path())
            .env(ENGINE, name)
            .env(ROUND, &round)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stderr.take().unwrap());
        let mut acknowledged = BTreeMap::new();
        let mut line = String::new();
        while output.read_line(&mut line).unwrap() > 0 {
            if let Some(rest) = line.strip_prefix("acknowledged ").and_then(|rest| rest.strip_suffix('\n')) {
                let mut numbers = rest.split(' ').map(|number| number.parse::<u64>().unwrap());
                let (thread, n, t) = (numbers.next().unwrap(), numbers.next().unwrap(), numbers.next().unwrap());
                acknowledged.insert((thread as u32, n as u32), t);
                if acknowledged.len() == lines {
                    // SIGKILL; what was acknowledged before it is still in the pipe, and is read.
                    child.kill().unwrap();
                }
            } else {
                assert!(line.trim().is_empty() || !line.contains("panicked"), "{name}: {line}");
            }
            line.clear();
        }
        child.wait().unwrap();
        assert!(acknowledged.len() >= lines, "{name}: the child ended by itself");
        last_t = check(name, folder.path(), &round, &acknowledged, last_t);
    }
}

/// Everything acknowledged is there, whole, and everything that is there agrees.
fn check(name: &str, folder: &Path, round: &str, acknowledged: &BTreeMap<(u32, u32), u64>, last_t: u64) -> u64 {
    let store = resources::store(open(name, folder));
    let view = store.view(None).unwrap();
    assert!(view.t() >= last_t + acknowledged.len() as u64, "{name}: {} commits", view.t());
    for ((thread, n), t) in acknowledged {
        let at = store.view(Some(*t)).unwrap();
        let text = format!("{round} {thread} {n} {}", "x".repeat(500)).into_bytes();
        for part in 0..3 {
            let version = at.read("Observation", &format!("{round}-{thread}-{n}-{part}")).unwrap();
            assert_eq!(version.expect("an acknowledged write is lost").body().unwrap().as_ref(), Some(&text), "{name}");
        }
        let patient = at.read("Patient", &format!("{round}-{thread}")).unwrap().unwrap();
        assert_eq!(
            (patient.version, patient.t, patient.body().unwrap()),
            (u64::from(*n) + 1, *t, Some(text)),
            "{name}"
        );
        let flag = at.read("Flag", &format!("{round}-{thread}")).unwrap().unwrap();
        assert_eq!((flag.is_deleted(), flag.t), (n % 2 == 1, *t), "{name}");
        assert!(at.index_prefix(format!("n={n}|").as_bytes(), Direction::Forward).next().is_some(), "{name}");
    }
    assert_eq!(view.count("Observation").unwrap(), view.t() * 3, "{name}: half a transaction");
    assert_eq!(view.counter(b"commits").unwrap().cast_unsigned(), view.t(), "{name}");
    assert_eq!(view.log(0, u64::MAX, Direction::Forward).count() as u64, view.t(), "{name}");
    let seen = store.verify().unwrap();
    assert_eq!((seen.commits, seen.findings), (view.t(), vec![]), "{name}");
    view.t()
}

#[test]
fn fjall_killed_again_and_again_loses_nothing_acknowledged() {
    kill_again_and_again("fjall");
}

#[test]
fn sled_killed_again_and_again_loses_nothing_acknowledged() {
    kill_again_and_again("sled");
}
