//! Commits that nobody waits for in a thread: told when they are durable, in order, also when the disk fails.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod every_engine;
mod faulty;
mod resources;

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use faulty::{FaultyDisk, ForgetfulTables, Tail};
use resources::{put, store, transaction};
use storage::{CommitError, Embedded, EngineError, Expect, JournalOptions, Options, Store, Write};

/// What was said of which `t`.
type Told = Vec<(u64, Result<(), EngineError>)>;

fn slow() -> (ForgetfulTables, FaultyDisk) {
    let disk = FaultyDisk::default();
    disk.sync_slowly();
    (ForgetfulTables::default(), disk)
}

fn open(tables: &ForgetfulTables, disk: &FaultyDisk) -> Store {
    let options = JournalOptions { segment_bytes: 4_000 };
    let engine = Embedded::open(Box::new(tables.clone()), Box::new(disk.clone()), options).unwrap();
    Store::open(Arc::new(engine), Options::default()).unwrap()
}

#[test]
fn a_commit_is_seen_when_it_is_told_and_not_before() {
    every_engine::each(|name, engine| {
        let store = store(engine);
        let (tell, told) = channel();
        for n in 1..=200u64 {
            let (committed, pending) =
                store.submit(transaction([put("Patient", &n.to_string(), "{}", &["all|"])])).unwrap();
            assert_eq!(committed.t, n, "{name}");
            let (tell, seen) = (tell.clone(), store.clone());
            pending.when_durable(move |durable| tell.send((n, durable, seen.t())).unwrap());
        }
        for _ in 1..=200 {
            let (n, durable, t) = told.recv().unwrap();
            durable.unwrap();
            assert!(t >= n, "{name}: {n} was told of, and {t} is seen");
        }
        assert_eq!(store.t(), 200, "{name}");
    });
}

#[test]
fn what_is_pending_is_not_seen_and_what_nobody_waits_for_becomes_seen() {
    let (tables, disk) = slow();
    let store = open(&tables, &disk);
    let (_, first) = store.submit(transaction([put("Patient", "1", "{}", &[])])).unwrap();
    assert_eq!(store.t(), 0);
    assert!(store.view(None).unwrap().read("Patient", "1").unwrap().is_none());
    drop(first);
    let (_, second) = store.submit(transaction([put("Patient", "2", "{}", &[])])).unwrap();
    second.wait().unwrap();
    assert_eq!(store.t(), 2);
    let (_, last) = store.submit(transaction([put("Patient", "3", "{}", &[])])).unwrap();
    drop(last);
    while store.t() < 3 {
        std::thread::yield_now();
    }
    assert_eq!(store.verify().unwrap().findings, Vec::<String>::new());
}

#[test]
fn what_a_refused_commit_has_met_is_seen_by_who_looks_again() {
    let (tables, disk) = slow();
    let store = open(&tables, &disk);
    let absent = || transaction([Write { expect: Expect::Absent, ..put("Patient", "1", "{}", &[]) }]);
    let (_, pending) = store.submit(absent()).unwrap();
    assert!(matches!(store.submit(absent()), Err(CommitError::Conflict { .. })));
    assert!(store.view(None).unwrap().read("Patient", "1").unwrap().is_some());
    pending.wait().unwrap();
}

#[test]
fn whoever_waits_is_told_when_the_disk_fails_and_nothing_told_is_lost() {
    for calls in [3, 10, 21, 40] {
        let (tables, disk) = slow();
        let store = open(&tables, &disk);
        disk.fail_after(calls);
        let told: Arc<Mutex<Told>> = Arc::default();
        let mut submitted = 0;
        for n in 0..300 {
            let write = put("Patient", &n.to_string(), "{}", &["all|"]);
            let Ok((committed, pending)) = store.submit(transaction([write])) else { break };
            submitted += 1;
            if n % 3 == 0 {
                let done = pending.wait();
                told.lock().unwrap().push((committed.t, done));
            } else {
                let told = told.clone();
                pending.when_durable(move |done| told.lock().unwrap().push((committed.t, done)));
            }
        }
        // Dropping the store waits for the journal's thread, which tells everybody first.
        drop(store);
        while told.lock().unwrap().len() < submitted {
            std::thread::yield_now();
        }
        let told = told.lock().unwrap();
        assert!(told.iter().any(|(_, done)| done.is_err()), "call {calls}: the disk failed and nobody was told");
        let last = told.iter().filter(|(_, done)| done.is_ok()).map(|(t, _)| *t).max().unwrap_or(0);
        let store = open(&tables.after_power_failure(false), &disk.after_power_failure(Tail::Lost));
        assert!(store.t() >= last, "call {calls}: {last} was told of, {} is there", store.t());
    }
}
