//! The suite that every engine passes: the contract of `storage::Engine`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod every_engine;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use every_engine::{each, each_durable, open};
use storage::{Batch, Direction, Engine, EngineError, KeyRange, MAX_KEY, Space, SubmitError};

fn put(engine: &dyn Engine, space: Space, rows: &[(&[u8], &[u8])]) {
    let mut batch = Batch::new();
    for (key, value) in rows {
        batch.put(space, *key, *value);
    }
    engine.commit(&batch).unwrap();
}

fn keys(engine: &dyn Engine, space: Space, range: KeyRange, direction: Direction) -> Vec<Vec<u8>> {
    engine.scan(space, range, direction).map(|row| row.unwrap().0.to_vec()).collect()
}

#[test]
fn what_was_put_is_read_and_what_was_removed_is_not() {
    each(|name, engine| {
        put(&*engine, Space::State, &[(b"a", b"1"), (b"b", b""), (&[0], b"zero"), (&[255; 300], b"long")]);
        assert_eq!(engine.get(Space::State, b"a").unwrap().as_deref(), Some(&b"1"[..]), "{name}");
        assert_eq!(engine.get(Space::State, b"b").unwrap().as_deref(), Some(&b""[..]), "{name}");
        assert_eq!(engine.get(Space::State, b"c").unwrap().as_deref(), None, "{name}");
        assert_eq!(engine.get(Space::State, &[255; 300]).unwrap().as_deref(), Some(&b"long"[..]), "{name}");
        let mut batch = Batch::new();
        batch.remove(Space::State, b"a");
        batch.remove(Space::State, b"never there");
        batch.put(Space::State, b"b", b"first");
        batch.put(Space::State, b"b", b"second");
        engine.commit(&batch).unwrap();
        assert_eq!(engine.get(Space::State, b"a").unwrap().as_deref(), None, "{name}");
        assert_eq!(engine.get(Space::State, b"b").unwrap().as_deref(), Some(&b"second"[..]), "{name}");
        let many = engine.get_many(Space::State, &[b"b".to_vec(), b"a".to_vec(), vec![0]]).unwrap();
        let many: Vec<Option<&[u8]>> = many.iter().map(|value| value.as_deref()).collect();
        assert_eq!(many, [Some(&b"second"[..]), None, Some(&b"zero"[..])], "{name}");
    });
}

#[test]
fn spaces_do_not_see_each_other() {
    each(|name, engine| {
        for space in Space::ALL {
            put(&*engine, space, &[(b"key", space.name().as_bytes())]);
        }
        for space in Space::ALL {
            let value = engine.get(space, b"key").unwrap();
            assert_eq!(value.as_deref(), Some(space.name().as_bytes()), "{name}");
            let mut found = keys(&*engine, space, KeyRange::all(), Direction::Backward);
            // The engine's own mark lies in `meta`.
            found.retain(|key| key != storage::APPLIED);
            assert_eq!(found, [b"key".to_vec()], "{name} {}", space.name());
        }
    });
}

#[test]
fn scans_go_both_ways_within_any_bounds() {
    each(|name, engine| {
        let mut model = BTreeMap::new();
        let mut batch = Batch::new();
        for n in 0u32..1_000 {
            let key = n.wrapping_mul(2_654_435_761).to_be_bytes()[..2 + (n % 3) as usize].to_vec();
            batch.put(Space::Index, key.clone(), n.to_be_bytes());
            model.insert(key, n.to_be_bytes());
        }
        engine.commit(&batch).unwrap();
        let bound = |n: u16, kind: u8| match kind {
            0 => Bound::Included(n.to_be_bytes().to_vec()),
            1 => Bound::Excluded(n.to_be_bytes().to_vec()),
            _ => Bound::Unbounded,
        };
        for n in 0..200u16 {
            let range = KeyRange {
                start: bound(n.wrapping_mul(331), (n % 3) as u8),
                end: bound(n.wrapping_mul(977), (n / 3 % 3) as u8),
            };
            let expected: Vec<Vec<u8>> = model.keys().filter(|key| range.contains(key)).cloned().collect();
            assert_eq!(keys(&*engine, Space::Index, range.clone(), Direction::Forward), expected, "{name} {range:?}");
            let mut backward = keys(&*engine, Space::Index, range.clone(), Direction::Backward);
            backward.reverse();
            assert_eq!(backward, expected, "{name} {range:?}");
        }
        let mut scan = engine.scan(Space::Index, KeyRange::all(), Direction::Forward);
        let first = scan.next().unwrap().unwrap();
        drop(scan);
        let smallest = model.iter().next().unwrap();
        assert_eq!((first.0.to_vec(), first.1.to_vec()), (smallest.0.clone(), smallest.1.to_vec()), "{name}");
    });
}

#[test]
fn a_scan_of_an_empty_range_ends_at_once() {
    each(|name, engine| {
        put(&*engine, Space::Index, &[(b"b", b"")]);
        for range in [KeyRange::between(b"z", b"a"), KeyRange::between(b"b", b"b"), KeyRange::prefix(b"c")] {
            assert!(keys(&*engine, Space::Index, range.clone(), Direction::Forward).is_empty(), "{name}");
            assert!(keys(&*engine, Space::Index, range, Direction::Backward).is_empty(), "{name}");
        }
    });
}

#[test]
fn a_condition_that_does_not_hold_writes_nothing() {
    each(|name, engine| {
        put(&*engine, Space::State, &[(b"a", b"1")]);
        let attempt = |key: &[u8], value: Option<&[u8]>| {
            let mut batch = Batch::new();
            batch.require(Space::State, key, value.map(<[u8]>::to_vec));
            batch.put(Space::State, b"written", b"yes");
            batch.put(Space::Log, b"written", b"yes");
            engine.commit(&batch)
        };
        for (key, value) in [(&b"a"[..], Some(&b"2"[..])), (b"a", None), (b"b", Some(b"")), (b"b", Some(b"1"))] {
            let refused = attempt(key, value);
            assert!(
                matches!(&refused, Err(SubmitError::Conflict { space: Space::State, key: at }) if at == key),
                "{name}: {refused:?}"
            );
            assert!(engine.get(Space::Log, b"written").unwrap().is_none(), "{name}");
        }
        attempt(b"a", Some(b"1")).unwrap();
        attempt(b"b", None).unwrap();
        assert!(engine.get(Space::Log, b"written").unwrap().is_some(), "{name}");
    });
}

#[test]
fn of_many_conditional_writers_one_wins_each_round() {
    each(|name, engine| {
        put(&*engine, Space::State, &[(b"n", &0u64.to_be_bytes())]);
        let won: u64 = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        let mut won = 0;
                        for _ in 0..100 {
                            let value = engine.get(Space::State, b"n").unwrap().unwrap().to_vec();
                            let next = u64::from_be_bytes(value.as_slice().try_into().unwrap()) + 1;
                            let mut batch = Batch::new();
                            batch.require(Space::State, b"n", Some(value));
                            batch.put(Space::State, b"n", next.to_be_bytes());
                            match engine.commit(&batch) {
                                Ok(()) => won += 1,
                                Err(SubmitError::Conflict { .. }) => {}
                                Err(error) => panic!("{error}"),
                            }
                        }
                        won
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        let value = engine.get(Space::State, b"n").unwrap().unwrap();
        assert_eq!(*value, won.to_be_bytes(), "{name}");
    });
}

#[test]
fn keys_that_cannot_be_stored_are_refused_and_the_engine_goes_on() {
    each(|name, engine| {
        for key in [vec![], vec![1; MAX_KEY + 1]] {
            let mut batch = Batch::new();
            batch.put(Space::State, key, b"");
            let refused = engine.commit(&batch);
            assert!(matches!(refused, Err(SubmitError::Engine(EngineError::TooLarge(_)))), "{name}");
        }
        put(&*engine, Space::State, &[(&[1; MAX_KEY], b"longest")]);
        assert!(engine.get(Space::State, &[1; MAX_KEY]).unwrap().is_some(), "{name}");
    });
}

#[test]
fn everything_committed_is_there_after_reopening_and_nothing_else() {
    each_durable(|name, folder| {
        let mut model = BTreeMap::new();
        for round in 0u32..4 {
            let engine = open(name, folder).unwrap();
            for n in 0u32..200 {
                let key = (n * 7919 % 331).to_be_bytes();
                let mut batch = Batch::new();
                if (n + round) % 5 == 0 {
                    batch.remove(Space::Heads, key);
                    model.remove(&key);
                } else {
                    batch.put(Space::Heads, key, (n + round).to_be_bytes());
                    model.insert(key, (n + round).to_be_bytes());
                }
                engine.commit(&batch).unwrap();
            }
            match round {
                1 => engine.checkpoint().unwrap(),
                2 => engine.compact().unwrap(),
                _ => {}
            }
        }
        let engine = open(name, folder).unwrap();
        let found: Vec<_> = engine
            .scan(Space::Heads, KeyRange::all(), Direction::Forward)
            .map(|row| row.map(|(key, value)| (key.to_vec(), value.to_vec())).unwrap())
            .collect();
        let expected: Vec<_> = model.iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect();
        assert_eq!(found, expected, "{name}");
        assert!(engine.disk_bytes().unwrap() > 0, "{name}");
    });
}

#[test]
fn a_folder_serves_one_process_and_one_engine() {
    each_durable(|name, folder| {
        let engine = open(name, folder).unwrap();
        assert!(matches!(open(name, folder).err(), Some(EngineError::Unusable(_))), "{name} opened twice");
        drop(engine);
        let other = if name == "sled" { "fjall" } else { "sled" };
        assert!(
            matches!(open(other, folder).err(), Some(EngineError::Unusable(_))),
            "{other} opened a folder of {name}"
        );
        open(name, folder).unwrap();
    });
}

#[test]
fn many_threads_commit_at_once_and_every_row_is_there() {
    each_durable(|name, folder| {
        let engine = open(name, folder).unwrap();
        commit_from_threads(&engine, 16, 50);
        drop(engine);
        let engine = open(name, folder).unwrap();
        assert_eq!(engine.scan(Space::Log, KeyRange::all(), Direction::Forward).count(), 16 * 50, "{name}");
    });
}

fn commit_from_threads(engine: &Arc<dyn Engine>, threads: u16, each: u16) {
    std::thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || {
                for n in 0..each {
                    let key = [thread.to_be_bytes(), n.to_be_bytes()].concat();
                    put(&**engine, Space::Log, &[(&key, &[7; 100])]);
                    assert!(engine.get(Space::Log, &key).unwrap().is_some());
                }
            });
        }
    });
}
