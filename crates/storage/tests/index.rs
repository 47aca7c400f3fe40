//! Index rows as of `t`: ranges, buckets, seeks, checked against a naive scan of everything.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod every_engine;
mod resources;

use std::collections::BTreeMap;

use every_engine::each;
use resources::{put, remove, transaction};
use storage::{Bucket, Direction, KeyRange, Number, Reindex, Store, View, Write};

/// What is live as of each `t`: id → (bucket, keys).
type Model = Vec<BTreeMap<String, (Bucket, Vec<String>)>>;

/// Many versions of few resources: keys come and go, resources are deleted, come back and move.
fn written(store: &Store) -> Model {
    let mut model: Model = vec![BTreeMap::new()];
    let mut dice = 7u64;
    let mut roll = |end: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % end
    };
    for _ in 0..60 {
        let mut now = model.last().unwrap().clone();
        let mut writes = Vec::new();
        for id in 0..12 {
            let id = format!("{id}");
            match roll(5) {
                0 if now.contains_key(&id) => {
                    now.remove(&id);
                    writes.push(remove("Patient", &id));
                }
                1 | 2 => {
                    let keys: Vec<String> = (0..roll(5)).map(|_| format!("k{}|", roll(6))).collect();
                    let bucket = Bucket::from_number(roll(2) as u16).unwrap();
                    let key_texts: Vec<&str> = keys.iter().map(String::as_str).collect();
                    writes.push(Write { bucket, ..put("Patient", &id, &format!("{}", roll(1_000)), &key_texts) });
                    now.insert(id, (bucket, keys));
                }
                _ => {}
            }
        }
        // An empty transaction would not get a t.
        writes.push(put("Basic", "tick", &format!("{}", model.len()), &[]));
        store.commit(transaction(writes)).unwrap();
        model.push(now);
    }
    model
}

fn rows(view: &View, now: &BTreeMap<String, (Bucket, Vec<String>)>) -> Vec<Vec<u8>> {
    let mut rows = Vec::new();
    for (id, (_, keys)) in now {
        let number = view.number("Patient", id).unwrap().unwrap();
        rows.extend(keys.iter().map(|key| [key.as_bytes(), &number.to_bytes()].concat()));
    }
    rows.sort();
    rows.dedup();
    rows
}

#[test]
fn scans_tell_what_held_at_each_t_and_nothing_else() {
    each(|name, engine| {
        let store = resources::store(engine);
        let model = written(&store);
        for (t, now) in (0u64..).zip(&model) {
            let view = store.view(Some(t)).unwrap();
            let expected = rows(&view, now);
            for direction in [Direction::Forward, Direction::Backward] {
                let mut found: Vec<_> =
                    view.index(KeyRange::all(), direction).map(|row| row.unwrap().row().to_vec()).collect();
                if direction == Direction::Backward {
                    found.reverse();
                }
                assert_eq!(found, expected, "{name} t {t}");
                for bucket in [0, 1].map(|bucket| Bucket::from_number(bucket).unwrap()) {
                    let mut found: Vec<_> =
                        view.index_bucket(b"k3|", bucket, direction).map(|row| row.unwrap().row().to_vec()).collect();
                    if direction == Direction::Backward {
                        found.reverse();
                    }
                    let in_bucket = |row: &&Vec<u8>| {
                        let (key, number) = Number::split_row(row).unwrap();
                        key == b"k3|" && number.bucket() == bucket
                    };
                    let expected: Vec<_> = expected.iter().filter(in_bucket).cloned().collect();
                    assert_eq!(found, expected, "{name} t {t} {bucket:?}");
                }
            }
            for row in &expected {
                let (key, number) = Number::split_row(row).unwrap();
                assert!(view.index_has(key, number).unwrap(), "{name} t {t}");
                assert!(!view.index_has(b"k9|", number).unwrap(), "{name} t {t}");
            }
            for (id, (_, keys)) in now {
                let number = view.number("Patient", id).unwrap().unwrap();
                let Some(known) = view.index_keys(&[number]).unwrap().remove(0) else {
                    let version = view.read("Patient", id).unwrap().unwrap();
                    let last = store.view(None).unwrap().read("Patient", id).unwrap().unwrap();
                    assert!(version.t < last.t, "{name} t {t}: only what was written later is not known");
                    continue;
                };
                let mut expected: Vec<Vec<u8>> = keys.iter().map(|key| key.clone().into_bytes()).collect();
                expected.sort();
                expected.dedup();
                let mut found = Vec::new();
                let walked = known.walk(|key| {
                    found.push(key.to_vec());
                    std::ops::ControlFlow::Continue(())
                });
                assert_eq!((walked, found), (Some(()), expected), "{name} t {t}");
            }
            assert_eq!(view.count("Patient").unwrap(), now.len() as u64, "{name} t {t}");
        }
        assert_eq!(store.verify().unwrap().findings, Vec::<String>::new(), "{name}");
    });
}

#[test]
fn a_seek_goes_on_at_the_first_row_at_or_beyond() {
    each(|name, engine| {
        let store = resources::store(engine);
        let model = written(&store);
        let view = store.view(None).unwrap();
        let all = rows(&view, model.last().unwrap());
        assert!(all.len() > 5, "{name}");
        let inside = KeyRange::between(&all[1], &all[all.len() - 1]);
        for target in &all {
            for target in [target.clone(), [target.as_slice(), &[0]].concat(), b"k2|".to_vec(), vec![0], vec![255]] {
                let mut forward = view.index(inside.clone(), Direction::Forward);
                forward.seek(&target);
                let found = forward.next().map(|row| row.unwrap().row().to_vec());
                let expected = all.iter().find(|row| **row >= target && inside.contains(row)).cloned();
                assert_eq!(found, expected, "{name} forward {target:?}");
                let mut backward = view.index(inside.clone(), Direction::Backward);
                backward.seek(&target);
                let found = backward.next().map(|row| row.unwrap().row().to_vec());
                let expected = all.iter().rev().find(|row| **row <= target && inside.contains(row)).cloned();
                assert_eq!(found, expected, "{name} backward {target:?}");
            }
        }
    });
}

#[test]
fn other_keys_for_a_version_that_is_there_make_no_version_and_leave_earlier_views_as_they_were() {
    each(|name, engine| {
        let store = resources::store(engine);
        store
            .commit(transaction([put("Patient", "a", "1", &["k1", "k2"]), put("Patient", "b", "1", &["k1"])]))
            .unwrap();
        let before = store.view(None).unwrap();
        let reindex = |id: &str, version, keys: &[&str]| {
            let mut transaction = transaction([]);
            let index = keys.iter().map(|key| key.as_bytes().to_vec()).collect();
            transaction.reindex(Reindex { type_name: "Patient".to_owned(), id: id.to_owned(), version, index });
            store.commit(transaction).unwrap().t
        };
        reindex("a", 1, &["k3", "k2", "k3"]);
        reindex("b", 2, &["k9"]);
        reindex("none", 1, &["k9"]);
        store.commit(transaction([put("Patient", "b", "2", &["k1", "k4"])])).unwrap();
        reindex("b", 1, &["k9"]);
        let after = store.view(None).unwrap();
        let found = |view: &View, key: &[u8]| view.index_prefix(key, Direction::Forward).count();
        assert_eq!([b"k1", b"k2", b"k3", b"k4", b"k9"].map(|key| found(&after, key)), [1, 1, 1, 1, 0], "{name}");
        assert_eq!([b"k1", b"k2", b"k3", b"k4", b"k9"].map(|key| found(&before, key)), [2, 1, 0, 0, 0], "{name}");
        assert_eq!(after.read("Patient", "a").unwrap().unwrap().version, 1, "{name}");
        store.commit(transaction([put("Patient", "a", "2", &["k2"])])).unwrap();
        assert_eq!(found(&store.view(None).unwrap(), b"k3"), 0, "{name}: a next version closes them");
        assert_eq!(store.verify().unwrap().findings, Vec::<String>::new(), "{name}");
    });
}
