//! What can go wrong, simulated: power failures at every call to the disk, torn tails, damage, lost files, wrong formats, writers in
//! conflict. After each: nothing acknowledged is lost, nothing half is there, and damage is told.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod every_engine;
mod faulty;
mod resources;

use std::sync::Arc;

use faulty::{FaultyDisk, ForgetfulTables, TAILS, Tail};
use resources::{put, remove, transaction};
use storage::{
    Batch, CommitError, Damage, Direction, Embedded, Engine, EngineError, Expect, Found, JournalOptions, KeyRange,
    OpenError, Options, Space, Store, Tables, Write,
};

/// Segments so short that a few commits close one.
const SHORT: JournalOptions = JournalOptions { segment_bytes: 4_000 };

fn engine(tables: &ForgetfulTables, disk: &FaultyDisk) -> Result<Arc<dyn Engine>, EngineError> {
    let options = JournalOptions::default();
    Ok(Arc::new(Embedded::open(Box::new(tables.clone()), Box::new(disk.clone()), options)?))
}

fn open_short(tables: &ForgetfulTables, disk: &FaultyDisk) -> Result<Store, OpenError> {
    let engine = Embedded::open(Box::new(tables.clone()), Box::new(disk.clone()), SHORT)?;
    Store::open(Arc::new(engine), Options::default())
}

fn open(tables: &ForgetfulTables, disk: &FaultyDisk) -> Result<Store, OpenError> {
    Store::open(engine(tables, disk)?, Options::default())
}

/// Commits until the disk fails; returns how many commits were acknowledged.
fn commit_until_failure(store: &Store, most: u64) -> u64 {
    for n in 0..most {
        let text = format!("{n} {}", "x".repeat((n % 7 * 100) as usize));
        let writes = [
            put("Patient", "a", &text, &[&format!("n={n}|")]),
            put("Observation", &format!("{n}"), &text, &["all|"]),
            if n % 2 == 0 { put("Flag", "f", &text, &["flag|"]) } else { remove("Flag", "f") },
        ];
        if let Err(error) = store.commit(transaction(writes)) {
            assert!(matches!(error, CommitError::Engine(_)), "{error}");
            // It does not go on as if nothing had happened.
            assert!(store.commit(transaction([put("Patient", "later", "", &[])])).is_err());
            return n;
        }
    }
    most
}

/// At least `acknowledged` commits are there, whole, in order; at most one more.
fn check(store: &Store, acknowledged: u64, what: &str) {
    let t = store.t();
    assert!(t == acknowledged || t == acknowledged + 1, "{what}: {t} commits, {acknowledged} acknowledged");
    let view = store.view(None).unwrap();
    assert_eq!(view.count("Observation").unwrap(), t, "{what}");
    assert_eq!(view.index_prefix(b"all|", Direction::Forward).count() as u64, t, "{what}");
    if t > 0 {
        let patient = view.read("Patient", "a").unwrap().unwrap();
        assert_eq!((patient.version, patient.t), (t, t), "{what}");
        assert!(patient.body().unwrap().unwrap().starts_with(format!("{} ", t - 1).as_bytes()), "{what}");
    }
    assert_eq!(store.verify().unwrap().findings, Vec::<String>::new(), "{what}");
}

#[test]
fn power_fails_at_the_nth_call_and_nothing_acknowledged_is_lost() {
    let calls = {
        let (tables, disk) = (ForgetfulTables::default(), FaultyDisk::default());
        let store = open_short(&tables, &disk).unwrap();
        assert_eq!(commit_until_failure(&store, 40), 40);
        drop(store);
        disk.calls()
    };
    let mut reopened = 0;
    for n in (0..calls + 10).step_by(3) {
        let (tables, disk) = (ForgetfulTables::default(), FaultyDisk::default());
        disk.fail_after(n);
        let acknowledged = match open_short(&tables, &disk) {
            Ok(store) => commit_until_failure(&store, 40),
            Err(_) => 0,
        };
        for tail in TAILS {
            for lucky in [false, true] {
                let what = format!("call {n}, tail {tail:?}, tables {lucky}");
                let tables = tables.after_power_failure(lucky);
                let disk = disk.after_power_failure(tail);
                let store = open_short(&tables, &disk).unwrap_or_else(|error| panic!("{what}: {error}"));
                check(&store, acknowledged, &what);
                // And it goes on, through another power failure.
                store.commit(transaction([put("Basic", "more", "", &[])])).unwrap();
                let t = store.t();
                drop(store);
                let (tables, disk) = (tables.after_power_failure(false), disk.after_power_failure(Tail::Lost));
                let store = open_short(&tables, &disk).unwrap_or_else(|error| panic!("{what}, again: {error}"));
                assert_eq!(store.t(), t, "{what}");
                reopened += 1;
            }
        }
    }
    assert!(reopened > 300);
}

#[test]
fn a_torn_tail_is_cut_and_the_journal_goes_on_behind_it() {
    let (tables, disk) = (ForgetfulTables::default(), FaultyDisk::default());
    let store = open(&tables, &disk).unwrap();
    assert_eq!(commit_until_failure(&store, 3), 3);
    drop(store);
    let (name, length) = disk.files().pop().unwrap();
    for cut in 1..120 {
        let (tables, disk) = (tables.after_power_failure(false), disk.after_power_failure(Tail::Kept));
        disk.damage(&name, |bytes| bytes.truncate(length - cut));
        let store = open(&tables, &disk).unwrap();
        assert_eq!(store.t(), 2, "cut {cut}");
        check(&store, 2, "cut");
    }
}

#[test]
fn damage_in_the_middle_of_the_journal_is_reported_not_taken_for_the_tail() {
    let (tables, disk) = (ForgetfulTables::default(), FaultyDisk::default());
    let store = open(&tables, &disk).unwrap();
    assert_eq!(commit_until_failure(&store, 8), 8);
    drop(store);
    let (name, length) = disk.files().pop().unwrap();
    let mut reported = 0;
    for at in (0..length - 700).step_by(13) {
        let (tables, disk) = (tables.after_power_failure(false), disk.after_power_failure(Tail::Kept));
        disk.damage(&name, |bytes| bytes[at] ^= 0x10);
        let before = disk.files();
        match engine(&tables, &disk) {
            Err(EngineError::Damaged(Damage::JournalMiddle { offset, .. })) => {
                assert!(offset <= at as u64, "byte {at}");
                reported += 1;
            }
            other => panic!("byte {at}: {:?}", other.err()),
        }
        assert_eq!(disk.files(), before, "the journal was changed");
    }
    assert!(reported > 50);
}

#[test]
fn a_missing_journal_file_is_reported() {
    let (tables, disk) = (ForgetfulTables::default(), FaultyDisk::default());
    let store = open_short(&tables, &disk).unwrap();
    assert_eq!(commit_until_failure(&store, 40), 40);
    drop(store);
    // The tables as they were in the beginning, and a journal that begins later.
    let found = engine(&ForgetfulTables::default(), &disk.after_power_failure(Tail::Kept)).err();
    assert!(matches!(found, Some(EngineError::Damaged(Damage::Gap { tables: 0, journal: 1.. }))), "{found:?}");
}

#[test]
fn checkpoints_between_commits_leave_a_journal_that_opens() {
    for _ in 0..20 {
        let (tables, disk) = (ForgetfulTables::default(), FaultyDisk::default());
        let store = open(&tables, &disk).unwrap();
        disk.sync_slowly();
        std::thread::scope(|scope| {
            let writers: Vec<_> = (0..4)
                .map(|thread| {
                    let store = &store;
                    scope.spawn(move || {
                        for n in 0..25 {
                            store.commit(transaction([put("Basic", &format!("{thread}-{n}"), "", &[])])).unwrap();
                        }
                    })
                })
                .collect();
            while writers.iter().any(|writer| !writer.is_finished()) {
                store.engine().checkpoint().unwrap();
            }
        });
        drop(store);
        for lucky in [false, true] {
            let store = open(&tables.after_power_failure(lucky), &disk.after_power_failure(Tail::Lost)).unwrap();
            assert_eq!((store.t(), store.verify().unwrap().findings), (100, vec![]));
        }
    }
}

#[test]
fn frames_out_of_order_break_the_chain() {
    let (tables, disk) = (ForgetfulTables::default(), FaultyDisk::default());
    let engine = engine(&tables, &disk).unwrap();
    for value in [b"first", b"other", b"third"] {
        let mut batch = Batch::new();
        batch.put(Space::State, b"key", *value);
        engine.commit(&batch).unwrap();
    }
    drop(engine);
    let (name, length) = disk.files().pop().unwrap();
    let frame = (length - 64) / 3;
    disk.damage(&name, |bytes| {
        bytes.drain(64 + frame..64 + 2 * frame);
    });
    let found = self::engine(&ForgetfulTables::default(), &disk).err();
    assert!(matches!(found, Some(EngineError::Damaged(Damage::BrokenChain { .. }))), "{found:?}");
}

#[test]
fn a_changed_row_is_told_by_reads_by_open_and_by_verification() {
    let tables = ForgetfulTables::default();
    let disk = FaultyDisk::default();
    let store = open(&tables, &disk).unwrap();
    store.commit(transaction([put("Patient", "a", "{\"active\":true}", &["k|"])])).unwrap();
    let (key, value) = tables.scan(Space::Versions, KeyRange::all(), Direction::Forward).next().unwrap().unwrap();
    for at in 0..value.len() {
        let mut changed = value.to_vec();
        changed[at] ^= 1;
        let op = storage::Op { space: Space::Versions, key: key.to_vec(), value: Some(changed) };
        tables.apply(&[op], tables.applied().unwrap()).unwrap();
        assert!(!store.verify().unwrap().findings.is_empty(), "byte {at}");
        let again = open(&tables.after_power_failure(true), &disk.after_power_failure(Tail::Kept));
        assert!(matches!(again.err(), Some(OpenError::Engine(EngineError::Damaged(_)))), "byte {at}");
        // A read compares the content with its hash; the header before it is verified with the commit.
        if at >= 9 {
            let read = store.view(None).unwrap().read("Patient", "a").and_then(|version| version.unwrap().body());
            assert!(matches!(read, Err(EngineError::Damaged(_))), "byte {at}");
        }
    }
}

#[test]
fn a_lost_commit_row_is_told_by_open() {
    let (tables, disk) = (ForgetfulTables::default(), FaultyDisk::default());
    let store = open(&tables, &disk).unwrap();
    assert_eq!(commit_until_failure(&store, 5), 5);
    drop(store);
    for t in 1..=5u8 {
        let tables = tables.after_power_failure(true);
        let op = storage::Op { space: Space::Commits, key: vec![t], value: None };
        tables.apply(&[op], tables.applied().unwrap()).unwrap();
        let found = open(&tables, &disk.after_power_failure(Tail::Kept)).err();
        assert!(matches!(found, Some(OpenError::Engine(EngineError::Damaged(Damage::Row(_))))), "{t}: {found:?}");
    }
}

#[test]
fn a_newer_format_is_refused() {
    let (tables, disk) = (ForgetfulTables::default(), FaultyDisk::default());
    drop(open(&tables, &disk).unwrap());
    let op = storage::Op { space: Space::Meta, key: b"format".to_vec(), value: Some(vec![0, 0, 0, 2]) };
    tables.apply(&[op], tables.applied().unwrap()).unwrap();
    assert!(matches!(open(&tables, &disk), Err(OpenError::Format { found: 2 })));
}

#[test]
fn of_writers_in_conflict_one_wins_each_version() {
    every_engine::each(|name, engine| {
        let store = resources::store(engine);
        store.commit(transaction([put("Patient", "a", "0", &["k|"])])).unwrap();
        let won: u64 = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|thread| {
                    let store = &store;
                    scope.spawn(move || {
                        let mut won = 0;
                        for n in 0..50 {
                            let version = store.view(None).unwrap().read("Patient", "a").unwrap().unwrap().version;
                            let write = Write {
                                expect: Expect::Version(version),
                                ..put("Patient", "a", &format!("{thread} {n}"), &["k|", &format!("by={thread}|")])
                            };
                            match store.commit(transaction([write, put("Basic", &format!("{thread}-{n}"), "", &[])])) {
                                Ok(_) => won += 1,
                                Err(CommitError::Conflict { write: 0, found: Found::Live(found), .. }) => {
                                    assert!(found > version, "{name}");
                                }
                                Err(error) => panic!("{name}: {error}"),
                            }
                        }
                        won
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        let view = store.view(None).unwrap();
        assert_eq!(view.read("Patient", "a").unwrap().unwrap().version, won + 1, "{name}");
        assert_eq!(view.count("Basic").unwrap(), won, "{name}");
        assert_eq!(store.verify().unwrap().findings, Vec::<String>::new(), "{name}");
    });
}

/// An engine as several processes share it: nothing of it may be taken from memory, and a batch becomes visible all at once.
struct Shared {
    engine: Arc<dyn Engine>,
    /// Held for writing while a batch is submitted.
    whole: std::sync::RwLock<()>,
}

impl Engine for Shared {
    fn name(&self) -> &'static str {
        self.engine.name()
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn get(&self, space: Space, key: &[u8]) -> Result<Option<storage::Slice>, EngineError> {
        let _whole = self.whole.read().unwrap();
        self.engine.get(space, key)
    }

    fn scan<'a>(&'a self, space: Space, range: KeyRange, direction: Direction) -> storage::Scan<'a> {
        let _whole = self.whole.read().unwrap();
        Box::new(self.engine.scan(space, range, direction).collect::<Vec<_>>().into_iter())
    }

    fn submit(&self, batch: &Batch) -> Result<storage::Ticket, storage::SubmitError> {
        let _whole = self.whole.write().unwrap();
        let ticket = self.engine.submit(batch)?;
        self.engine.wait(ticket)?;
        Ok(ticket)
    }

    fn wait(&self, _ticket: storage::Ticket) -> Result<(), EngineError> {
        Ok(())
    }

    fn compact(&self) -> Result<(), EngineError> {
        self.engine.compact()
    }

    fn checkpoint(&self) -> Result<(), EngineError> {
        self.engine.checkpoint()
    }

    fn disk_bytes(&self) -> Result<u64, EngineError> {
        self.engine.disk_bytes()
    }
}

#[test]
fn two_processes_on_one_engine_share_one_order() {
    every_engine::each(|name, engine| {
        let engine = Arc::new(Shared { engine, whole: Default::default() });
        // Two stores know nothing of each other, like two processes on one remote engine.
        let stores = [resources::store(engine.clone()), resources::store(engine.clone())];
        std::thread::scope(|scope| {
            for (process, store) in stores.iter().enumerate() {
                for thread in 0..2 {
                    let other = &stores[1 - process];
                    scope.spawn(move || {
                        for n in 0..40 {
                            let (type_name, id) = (format!("Type{}", n % 5), format!("{process}-{thread}-{n}"));
                            let own = put(&type_name, &id, "x", &["all|"]);
                            store.commit(transaction([own, put("Patient", "shared", &format!("{n}"), &[])])).unwrap();
                            let seen = other.view(None).unwrap().read(&type_name, &id).unwrap();
                            assert!(seen.is_some(), "{name}: what was acknowledged there is not seen here");
                        }
                    });
                }
            }
        });
        for store in stores {
            let view = store.view(None).unwrap();
            assert_eq!(view.t(), 160, "{name}");
            assert_eq!(view.read("Patient", "shared").unwrap().unwrap().version, 160, "{name}");
            assert_eq!(view.index_prefix(b"all|", Direction::Forward).count(), 160, "{name}");
            let live: u64 = (0..5).map(|n| view.count(&format!("Type{n}")).unwrap()).sum();
            assert_eq!(live, 160, "{name}");
            assert_eq!(store.verify().unwrap().findings, Vec::<String>::new(), "{name}");
        }
    });
}

#[test]
fn readers_never_see_half_a_transaction_while_writers_write() {
    every_engine::each(|name, engine| {
        let store = resources::store(engine);
        let done = std::sync::atomic::AtomicBool::new(false);
        let (store, done) = (&store, &done);
        std::thread::scope(|scope| {
            let writers: Vec<_> = (0..2)
                .map(|thread| {
                    scope.spawn(move || {
                        for n in 0..60 {
                            let text = format!("{thread} {n}");
                            let key = format!("at={n}|");
                            let writes = (0..5).map(|part| put("Patient", &format!("{part}"), &text, &[&key, "all|"]));
                            let fresh = put("Basic", &format!("{thread}-{n}"), &text, &["all|"]);
                            store.commit(transaction(writes.chain([fresh]))).unwrap();
                        }
                    })
                })
                .collect();
            for _ in 0..2 {
                scope.spawn(move || {
                    while !done.load(std::sync::atomic::Ordering::Relaxed) {
                        let view = store.view(None).unwrap();
                        let bodies: Vec<_> = (0..5)
                            .map(|part| {
                                view.read("Patient", &format!("{part}")).unwrap().map(|v| (v.t, v.body().unwrap()))
                            })
                            .collect();
                        assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "{name}: {bodies:?}");
                        let numbers: Vec<_> =
                            view.index_prefix(b"at=", Direction::Forward).map(|row| row.unwrap().number).collect();
                        for found in view.resources(&numbers).unwrap() {
                            assert!(found.unwrap().1.t <= view.t(), "{name}");
                        }
                        for part in 0..5 {
                            let part = format!("{part}");
                            let bounds = storage::Bounds::default();
                            let scope = storage::Scope::Instance("Patient", &part);
                            let newest = view.history(&scope, bounds).unwrap().next().map(|change| change.unwrap());
                            assert_eq!(newest.map_or(0, |change| change.position.t), view.t(), "{name}");
                            assert!(view.vread("Patient", &part, view.t() + 1).unwrap().is_none(), "{name}");
                        }
                        let rows = view.index_prefix(b"all|", Direction::Forward).count() as u64;
                        assert_eq!(rows, view.t() + if view.t() > 0 { 5 } else { 0 }, "{name}");
                        let at = view.index_prefix(b"at=", Direction::Backward).count();
                        assert_eq!(at, if view.t() > 0 { 5 } else { 0 }, "{name}");
                    }
                });
            }
            for writer in writers {
                writer.join().unwrap();
            }
            done.store(true, std::sync::atomic::Ordering::Relaxed);
        });
        assert_eq!(store.t(), 120, "{name}");
    });
}
