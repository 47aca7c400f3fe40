//! The data model on every engine: what is written is read, as of any `t`, and nothing else.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod every_engine;
mod resources;

use every_engine::each;
use resources::{put, remove, store, transaction};
use storage::{
    Bounds, Bucket, CommitError, Content, Direction, Effect, Expect, Found, Instant, Method, Position, Refusal, Scope,
    Store, Transaction, View, ViewError, Write,
};

fn latest(store: &Store) -> View {
    store.view(None).unwrap()
}

fn body(view: &View, id: &str) -> Option<Vec<u8>> {
    view.read("Patient", id).unwrap()?.body().unwrap()
}

fn found(view: &View, prefix: &[u8]) -> Vec<String> {
    let rows = view.index_prefix(prefix, Direction::Forward);
    let numbers: Vec<_> = rows.map(|row| row.unwrap().number).collect();
    let mut ids: Vec<_> = view.identities(&numbers).unwrap().into_iter().map(|identity| identity.unwrap().id).collect();
    ids.sort();
    ids
}

#[test]
fn a_version_is_read_as_it_was_written() {
    each(|name, engine| {
        let store = store(engine);
        let mut write = put("Patient", "a", "{\"resourceType\":\"Patient\"}", &["k"]);
        write.method = Method::Create;
        write.content.as_mut().unwrap().mark = 25;
        let committed = store.commit(transaction([write])).unwrap();
        assert_eq!(committed.outcomes[0].effect, Effect::Created, "{name}");
        let view = latest(&store);
        let version = view.read("Patient", "a").unwrap().unwrap();
        assert_eq!((version.version, version.t, version.mark), (1, committed.t, 25), "{name}");
        assert_eq!((version.instant, version.method), (committed.instant, Method::Create), "{name}");
        assert_eq!(version.body().unwrap().unwrap(), b"{\"resourceType\":\"Patient\"}", "{name}");
        assert!(view.read("Patient", "b").unwrap().is_none(), "{name}");
        assert!(view.read("Observation", "a").unwrap().is_none(), "{name}");
        let number = view.number("Patient", "a").unwrap().unwrap();
        let (identity, same) = view.resource(number).unwrap().unwrap();
        assert_eq!((&*identity.type_name, identity.id.as_str(), same.version), ("Patient", "a", 1), "{name}");
    });
}

#[test]
fn a_write_that_was_packed_before_is_the_same_write() {
    each(|name, engine| {
        let store = store(engine);
        let packed = |write: Write| {
            let mut transaction = transaction([]);
            transaction.packed(store.pack(write).unwrap());
            store.commit(transaction)
        };
        let first = packed(put("Patient", "a", "{\"resourceType\":\"Patient\"}", &["y", "x", "x"])).unwrap();
        assert_eq!((first.outcomes[0].effect, first.outcomes[0].version), (Effect::Created, 1), "{name}");
        let mut never = put("Patient", "a", "2", &[]);
        never.expect = Expect::Never;
        assert!(matches!(packed(never), Err(CommitError::Conflict { write: 0, .. })), "{name}");
        let mut twice = transaction([put("Patient", "a", "2", &[])]);
        twice.packed(store.pack(put("Patient", "a", "3", &[])).unwrap());
        let refused = store.commit(twice);
        assert!(matches!(refused, Err(CommitError::Unacceptable { write: 1, reason: Refusal::Twice })), "{name}");
        let long = put("Patient", &"a".repeat(256), "2", &[]);
        assert!(matches!(store.pack(long), Err(CommitError::Unacceptable { reason: Refusal::Name, .. })), "{name}");
        let view = latest(&store);
        assert_eq!(body(&view, "a").unwrap(), b"{\"resourceType\":\"Patient\"}", "{name}");
        assert_eq!((found(&view, b"x"), found(&view, b"y")), (vec!["a".to_owned()], vec!["a".to_owned()]), "{name}");
        assert!(store.verify().unwrap().findings.is_empty(), "{name}");
    });
}

#[test]
fn an_older_view_sees_what_it_saw() {
    each(|name, engine| {
        let store = store(engine);
        let empty = latest(&store);
        store.commit(transaction([put("Patient", "a", "1", &["x", "y"])])).unwrap();
        let first = latest(&store);
        store.commit(transaction([put("Patient", "a", "2", &["y", "z"]), put("Patient", "b", "1", &["x"])])).unwrap();
        let second = latest(&store);
        store.commit(transaction([remove("Patient", "a")])).unwrap();
        let third = latest(&store);
        store.commit(transaction([put("Patient", "a", "4", &["x"])])).unwrap();
        let fourth = latest(&store);
        for view in [empty, first, second, third, fourth] {
            let again = store.view(Some(view.t())).unwrap();
            for view in [view, again] {
                let (bodies, x, y, z): (_, &[&str], &[&str], &[&str]) = match view.t() {
                    0 => ([None, None], &[], &[], &[]),
                    1 => ([Some("1"), None], &["a"], &["a"], &[]),
                    2 => ([Some("2"), Some("1")], &["b"], &["a"], &["a"]),
                    3 => ([None, Some("1")], &["b"], &[], &[]),
                    _ => ([Some("4"), Some("1")], &["a", "b"], &[], &[]),
                };
                let read = [body(&view, "a"), body(&view, "b")];
                assert_eq!(read, bodies.map(|body| body.map(|body| body.as_bytes().to_vec())), "{name} {}", view.t());
                assert_eq!(found(&view, b"x"), x, "{name} {}", view.t());
                assert_eq!(found(&view, b"y"), y, "{name} {}", view.t());
                assert_eq!(found(&view, b"z"), z, "{name} {}", view.t());
                let live = bodies.iter().flatten().count() as u64;
                assert_eq!(view.count("Patient").unwrap(), live, "{name} {}", view.t());
                for version in 1..=4 {
                    let read = view.vread("Patient", "a", version).unwrap();
                    let t = read.as_ref().map(|version| version.t);
                    assert_eq!(t, (version <= view.t()).then_some(version), "{name}");
                    assert_eq!(read.is_some_and(|read| read.is_deleted()), version == 3 && view.t() >= 3, "{name}");
                }
            }
        }
        assert!(matches!(store.view(Some(5)), Err(ViewError::Future { asked: 5, last: 4 })), "{name}");
    });
}

#[test]
fn expectations_hold_or_nothing_is_written() {
    each(|name, engine| {
        let store = store(engine);
        let attempt = |expect: Expect, id: &str| {
            let mut write = put("Patient", id, "new", &[]);
            write.expect = expect;
            store.commit(transaction([put("Patient", "other", "new", &[]), write]))
        };
        let refused = |expect: Expect, id: &str, expected_found: Found| {
            let before = store.t();
            let error = attempt(expect, id).unwrap_err();
            assert!(
                matches!(error, CommitError::Conflict { write: 1, expected, found } if expected == expect && found == expected_found),
                "{name}: {error}"
            );
            assert_eq!(store.t(), before, "{name}");
        };
        refused(Expect::Present, "a", Found::Never);
        refused(Expect::Version(1), "a", Found::Never);
        attempt(Expect::Never, "a").unwrap();
        refused(Expect::Never, "a", Found::Live(1));
        refused(Expect::Absent, "a", Found::Live(1));
        refused(Expect::Version(2), "a", Found::Live(1));
        attempt(Expect::Version(1), "a").unwrap();
        attempt(Expect::Present, "a").unwrap();
        store.commit(transaction([remove("Patient", "a")])).unwrap();
        refused(Expect::Version(4), "a", Found::Deleted(4));
        refused(Expect::Present, "a", Found::Deleted(4));
        refused(Expect::Never, "a", Found::Deleted(4));
        attempt(Expect::Absent, "a").unwrap();
        assert_eq!(latest(&store).read("Patient", "a").unwrap().unwrap().version, 5, "{name}");
        assert_eq!(store.verify().unwrap().findings, Vec::<String>::new(), "{name}");
    });
}

#[test]
fn what_changes_nothing_writes_nothing() {
    each(|name, engine| {
        let store = store(engine);
        let same = || Write { unless_same: true, ..put("Patient", "a", "1", &["k"]) };
        store.commit(transaction([same()])).unwrap();
        for write in [same(), remove("Patient", "never")] {
            let committed = store.commit(transaction([write])).unwrap();
            assert_eq!((committed.t, committed.outcomes[0].effect), (1, Effect::Unchanged), "{name}");
        }
        let other = Write { unless_same: true, ..put("Patient", "a", "2", &["k"]) };
        assert_eq!(store.commit(transaction([other])).unwrap().outcomes[0].effect, Effect::Updated, "{name}");
        store.commit(transaction([remove("Patient", "a")])).unwrap();
        let again = store.commit(transaction([remove("Patient", "a")])).unwrap();
        assert_eq!((again.t, again.outcomes[0].effect, again.outcomes[0].version), (3, Effect::Unchanged, 3), "{name}");
        assert_eq!(store.commit(transaction([same()])).unwrap().outcomes[0].effect, Effect::Created, "{name}");
    });
}

#[test]
fn a_resource_that_changes_its_patient_moves_with_its_history() {
    each(|name, engine| {
        let store = store(engine);
        let in_bucket = |patient: &str, body: &str| Write {
            bucket: Bucket::of_patient(patient),
            ..put("Observation", "o", body, &["code"])
        };
        for (patient, body) in [("alice", "1"), ("alice", "2"), ("bob", "3"), ("bob", "4"), ("alice", "5")] {
            store.commit(transaction([in_bucket(patient, body)])).unwrap();
        }
        for (t, body, patient) in
            [(1, "1", "alice"), (2, "2", "alice"), (3, "3", "bob"), (4, "4", "bob"), (5, "5", "alice")]
        {
            let view = store.view(Some(t)).unwrap();
            let version = view.read("Observation", "o").unwrap().unwrap();
            assert_eq!((version.version, version.body().unwrap().unwrap().as_slice()), (t, body.as_bytes()), "{name}");
            let rows: Vec<_> = view.index_prefix(b"code", Direction::Forward).map(|row| row.unwrap().number).collect();
            assert_eq!(rows, [version.number], "{name} {t}");
            assert_eq!(view.number("Observation", "o").unwrap(), Some(version.number), "{name} {t}");
            assert_eq!(version.number.bucket(), Bucket::of_patient(patient), "{name} {t}");
            assert_eq!(view.resource(version.number).unwrap().unwrap().1.version, t, "{name} {t}");
            let in_bucket = view.index_bucket(b"code", Bucket::of_patient(patient), Direction::Backward);
            assert_eq!(in_bucket.count(), 1, "{name} {t}");
            assert_eq!(view.count("Observation").unwrap(), 1, "{name}");
        }
        let view = latest(&store);
        let first = view.vread("Observation", "o", 1).unwrap().unwrap();
        assert!(view.resource(first.number).unwrap().is_none(), "{name}: found under the number it left");
        let history = view.history(&Scope::Instance("Observation", "o"), Bounds::default()).unwrap();
        let versions: Vec<u64> = history.map(|change| change.unwrap().version).collect();
        assert_eq!(versions, [5, 4, 3, 2, 1], "{name}");
        assert_eq!(store.verify().unwrap().findings, Vec::<String>::new(), "{name}");
    });
}

#[test]
fn history_pages_agree_while_others_write() {
    each(|name, engine| {
        let store = store(engine);
        for round in 0..7 {
            let writes = (0..5).map(|n| {
                put(if n % 2 == 0 { "Patient" } else { "Practitioner" }, &format!("r{n}"), &format!("{round}"), &[])
            });
            store.commit(transaction(writes)).unwrap();
        }
        let view = latest(&store);
        for (scope, all) in
            [(Scope::System, 35), (Scope::Type("Patient"), 21), (Scope::Instance("Practitioner", "r1"), 7)]
        {
            for direction in [Direction::Forward, Direction::Backward] {
                let whole: Vec<_> = view
                    .history(&scope, Bounds { direction, ..Bounds::default() })
                    .unwrap()
                    .map(|change| change.unwrap())
                    .collect();
                assert_eq!(whole.len(), all, "{name} {scope:?}");
                let ordered = match direction {
                    Direction::Forward => whole.is_sorted_by(|a, b| a.position < b.position),
                    Direction::Backward => whole.is_sorted_by(|a, b| a.position > b.position),
                };
                assert!(ordered, "{name} {scope:?} {direction:?}");
                let mut paged = Vec::new();
                let mut after: Option<Position> = None;
                loop {
                    store.commit(transaction([put("Patient", "r0", "meanwhile", &[])])).unwrap();
                    let view = store.view(Some(view.t())).unwrap();
                    let bounds = Bounds { direction, after, ..Bounds::default() };
                    let page: Vec<_> =
                        view.history(&scope, bounds).unwrap().take(3).map(|change| change.unwrap()).collect();
                    let Some(last) = page.last() else { break };
                    after = Some(last.position);
                    paged.extend(page);
                }
                assert_eq!(paged, whole, "{name} {scope:?} {direction:?}");
                let bounds = Bounds { from: 3, to: 5, after: None, direction };
                let part = view.history(&scope, bounds).unwrap().map(|change| change.unwrap().position.t);
                let expected: Vec<_> =
                    whole.iter().map(|change| change.position.t).filter(|t| (3..=5).contains(t)).collect();
                assert_eq!(part.collect::<Vec<_>>(), expected, "{name} {scope:?} {direction:?}");
            }
        }
    });
}

#[test]
fn the_clock_may_go_back_but_the_order_does_not() {
    each(|name, engine| {
        let store = store(engine);
        let instants: Vec<i64> = [1_000, 3_000, 2_000, 5_000]
            .into_iter()
            .map(|instant| {
                let mut transaction = Transaction::new(Instant(instant));
                transaction.event("tick");
                store.commit(transaction).unwrap().instant.0
            })
            .collect();
        assert_eq!(instants, [1_000, 3_000, 3_000, 5_000], "{name}");
        let view = latest(&store);
        for (instant, t) in [(999, 0), (1_000, 1), (2_999, 1), (3_000, 3), (4_999, 3), (5_000, 4), (i64::MAX, 4)] {
            assert_eq!(view.t_at(Instant(instant)).unwrap(), t, "{name} {instant}");
        }
        let events: Vec<_> = view.log(2, 3, Direction::Backward).map(|event| event.unwrap().0).collect();
        assert_eq!(events, [3, 2], "{name}");
    });
}

#[test]
fn what_a_search_saw_is_guarded_until_the_commit() {
    each(|name, engine| {
        let store = store(engine);
        store.commit(transaction([put("Patient", "a", "1", &["identifier=1|", "other"])])).unwrap();
        let attempt = |view: &View| {
            let mut transaction = transaction([put("Patient", "new", "1", &["identifier=2|"])]);
            transaction.guard(view, "identifier=2|");
            store.commit(transaction)
        };
        let view = latest(&store);
        store.commit(transaction([put("Patient", "a", "2", &["identifier=1|"])])).unwrap();
        attempt(&view).unwrap();
        let refused = attempt(&view).unwrap_err();
        assert!(matches!(refused, CommitError::GuardChanged { guard: 0 }), "{name}: {refused}");
        let view = latest(&store);
        store.commit(transaction([remove("Patient", "new")])).unwrap();
        assert!(matches!(attempt(&view), Err(CommitError::GuardChanged { guard: 0 })), "{name}");
        attempt(&latest(&store)).unwrap();
    });
}

#[test]
fn state_counters_and_blobs_commit_with_the_rest() {
    each(|name, engine| {
        let store = store(engine);
        let long: Vec<u8> =
            (0..3_000_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).take(2_500_000).collect();
        let mut transaction = Transaction::new(Instant(0));
        transaction.set_state("job/1", Some(b"running".to_vec())).add("jobs", 2).add("jobs", 3);
        let bucket = Bucket::of_patient("a");
        let ids = [transaction.blob(bucket, &long), transaction.blob(bucket, b""), transaction.blob(bucket, b"<xml/>")];
        store.commit(transaction).unwrap();
        let view = latest(&store);
        assert_eq!(view.state(b"job/1").unwrap().as_deref(), Some(&b"running"[..]), "{name}");
        assert_eq!(view.counter(b"jobs").unwrap(), 5, "{name}");
        assert_eq!(view.blob(ids[0]).unwrap().unwrap(), long, "{name}");
        assert_eq!(view.blob(ids[1]).unwrap().unwrap(), b"", "{name}");
        assert_eq!(view.blob(ids[2]).unwrap().unwrap(), b"<xml/>", "{name}");
        let mut transaction = Transaction::new(Instant(0));
        transaction.require_state("job/1", Some(b"done".to_vec())).set_state("job/2", Some(Vec::new()));
        assert!(matches!(store.commit(transaction), Err(CommitError::StateChanged { required: 0 })), "{name}");
        let mut transaction = Transaction::new(Instant(0));
        transaction.require_state("job/1", Some(b"running".to_vec())).require_state("job/2", None);
        transaction.set_state("job/1", None).set_state("job/3", Some(Vec::new())).add("jobs", -1);
        store.commit(transaction).unwrap();
        let keys: Vec<_> = view.states(b"job/").map(|row| row.unwrap().0).collect();
        assert_eq!(keys, [b"job/3".to_vec()], "{name}");
        assert_eq!(view.counter(b"jobs").unwrap(), 4, "{name}");
    });
}

#[test]
fn what_cannot_be_stored_is_refused_before_anything_is_written() {
    each(|name, engine| {
        let store = store(engine);
        let long = "x".repeat(256);
        let long_key = Content { index: vec![vec![0; storage::MAX_INDEX_KEY + 1]], ..Content::default() };
        for (writes, at, expected) in [
            (vec![put("Patient", "a", "", &[]), put("Patient", "a", "", &[])], 1, Refusal::Twice),
            (vec![put("Patient", "", "", &[])], 0, Refusal::Name),
            (vec![put("", "a", "", &[])], 0, Refusal::Name),
            (vec![put("Patient", &long, "", &[])], 0, Refusal::Name),
            (vec![Write { content: Some(long_key), ..put("Patient", "a", "", &[]) }], 0, Refusal::IndexKey),
        ] {
            let refused = store.commit(transaction(writes)).unwrap_err();
            assert!(
                matches!(refused, CommitError::Unacceptable { write, reason } if write == at && reason == expected),
                "{name}: {refused}"
            );
        }
        assert_eq!(store.t(), 0, "{name}");
    });
}

#[test]
fn what_is_before_the_horizon_is_forgotten_and_the_rest_is_not() {
    each(|name, engine| {
        let store = store(engine);
        for n in 0..6 {
            store
                .commit(transaction([put("Patient", "a", &format!("{n}"), &[&format!("k{}", n % 3), "always"])]))
                .unwrap();
        }
        let rows = store.verify().unwrap().index_rows;
        assert!(store.forget_before(5).unwrap() > 0, "{name}");
        assert!(matches!(store.view(Some(4)), Err(ViewError::Forgotten { asked: 4, horizon: 5 })), "{name}");
        for (t, keys) in [(5, [0, 1, 0]), (6, [0, 0, 1])] {
            let view = store.view(Some(t)).unwrap();
            for (n, count) in keys.into_iter().enumerate() {
                assert_eq!(found(&view, format!("k{n}").as_bytes()).len(), count, "{name} t {t} k{n}");
            }
            assert_eq!(found(&view, b"always"), ["a"], "{name}");
        }
        let seen = store.verify().unwrap();
        assert_eq!((seen.index_rows, seen.findings), (rows - 1, vec![]), "{name}");
        assert_eq!(latest(&store).vread("Patient", "a", 1).unwrap().unwrap().body().unwrap().unwrap(), b"0", "{name}");
        assert_eq!(store.forget_before(5).unwrap(), 0, "{name}");
    });
}

#[test]
fn a_dictionary_shortens_new_values_and_old_ones_stay_readable() {
    each(|name, engine| {
        let store = store(engine.clone());
        let text = |n: u32| {
            let code = n.wrapping_mul(2_654_435_761);
            format!(
                "{{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{{\"text\":\"weight {code}\"}},\"valueQuantity\":{{\"value\":{n},\"unit\":\"kg\"}}}}"
            )
        };
        for n in 0..400 {
            store.commit(transaction([put("Observation", &format!("{n}"), &text(n), &[])])).unwrap();
        }
        assert!(store.train_dictionaries(401).unwrap().is_empty(), "{name}");
        assert_eq!(store.train_dictionaries(400).unwrap(), ["Observation".into()], "{name}");
        assert!(store.train_dictionaries(400).unwrap().is_empty(), "{name}");
        let id = store.train_dictionary("Observation").unwrap();
        assert!(store.train_dictionary("Nothing").is_err(), "{name}");
        store.commit(transaction([put("Observation", "new", &text(400), &[])])).unwrap();
        drop(store);
        let store = resources::store(engine);
        let view = latest(&store);
        for n in 0..400 {
            let version = view.read("Observation", &format!("{n}")).unwrap().unwrap();
            assert_eq!(version.body().unwrap().unwrap(), text(n).as_bytes(), "{name}");
        }
        let new = view.read("Observation", "new").unwrap().unwrap();
        assert_eq!(new.body().unwrap().unwrap(), text(400).as_bytes(), "{name}");
        let old = view.read("Observation", "399").unwrap().unwrap();
        assert!(
            new.stored_length() + 20 < old.stored_length(),
            "{name}: {} {}",
            new.stored_length(),
            old.stored_length()
        );
        assert_eq!(
            store
                .add_dictionary(
                    None,
                    &storage::train(&(0..400).map(|n| text(n).into_bytes()).collect::<Vec<_>>(), 4096).unwrap()
                )
                .unwrap(),
            id + 1,
            "{name}"
        );
    });
}
