//! Everything at once: writers, deleters, readers, pagers, verification, compaction, forgetting, training, on engines on disk.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod every_engine;
mod resources;

use std::sync::atomic::{AtomicBool, Ordering};

use every_engine::each_durable;
use resources::{put, remove, transaction};
use storage::{Bounds, Bucket, Direction, Position, Scope, Store, Write};

fn write(store: &Store, thread: u64) {
    for n in 0..150u64 {
        let id = format!("{}", (n * 7 + thread) % 40);
        let text = format!("{{\"thread\":{thread},\"n\":{n},\"text\":\"{}\"}}", "y".repeat((n % 300) as usize));
        let key = format!("by={thread}|");
        let mut moving = put("Observation", &format!("m{}", n % 5), &text, &["moving|", &key]);
        moving.bucket = Bucket::from_number((n % 3) as u16).unwrap();
        let own = match n % 4 {
            3 => remove("Patient", &id),
            _ => put("Patient", &id, &text, &["all|", &key, &format!("n={n}|")]),
        };
        let fresh = put("Basic", &format!("{thread}-{n}"), &text, &["all|"]);
        store.commit(transaction([own, moving, Write { unless_same: true, ..fresh }])).unwrap();
    }
}

/// Pages of one view, asked for one by one, are the parts of one answer.
fn page(store: &Store) {
    let t = store.t();
    let whole: Vec<_> =
        store.view(Some(t)).unwrap().index_prefix(b"all|", Direction::Forward).map(|row| row.unwrap().number).collect();
    let mut paged = Vec::new();
    let mut last: Option<Vec<u8>> = None;
    loop {
        let view = store.view(Some(t)).unwrap();
        let mut rows = view.index_prefix(b"all|", Direction::Forward);
        if let Some(last) = &last {
            rows.seek(&[last.as_slice(), &[0]].concat());
        }
        let page: Vec<_> = rows.take(20).map(|row| row.unwrap()).collect();
        for (identity, version) in
            view.resources(&page.iter().map(|row| row.number).collect::<Vec<_>>()).unwrap().into_iter().flatten()
        {
            assert!(version.t <= t && !version.is_deleted(), "{}/{}", identity.type_name, identity.id);
            version.body().unwrap().unwrap();
        }
        let Some(end) = page.last() else { break };
        last = Some(end.row().to_vec());
        paged.extend(page.iter().map(|row| row.number));
    }
    assert_eq!(paged, whole);
    let mut changes = 0;
    let mut after: Option<Position> = None;
    loop {
        let view = store.view(Some(t)).unwrap();
        let bounds = Bounds { after, ..Bounds::default() };
        let page: Vec<_> =
            view.history(&Scope::System, bounds).unwrap().take(50).map(|change| change.unwrap()).collect();
        let Some(end) = page.last() else { break };
        after = Some(end.position);
        changes += page.len();
    }
    let all = store.view(Some(t)).unwrap().history(&Scope::System, Bounds::default()).unwrap().count();
    assert_eq!(changes, all);
}

#[test]
fn writers_readers_pagers_and_compaction_do_not_disturb_each_other() {
    each_durable(|name, folder| {
        let store = resources::store(every_engine::open(name, folder).unwrap());
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let writers: Vec<_> = (0..4)
                .map(|thread| {
                    let store = &store;
                    scope.spawn(move || write(store, thread))
                })
                .collect();
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    page(&store);
                }
            });
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    store.engine().compact().unwrap();
                    assert_eq!(store.verify().unwrap().findings, Vec::<String>::new(), "{name}");
                    let _ = store.train_dictionaries(200).unwrap();
                }
            });
            for writer in writers {
                writer.join().unwrap();
            }
            done.store(true, Ordering::Relaxed);
        });
        assert_eq!(store.t(), 600, "{name}");
        let rows = store.verify().unwrap().index_rows;
        store.forget_before(store.t()).unwrap();
        let before = store.verify().unwrap();
        assert!(before.index_rows < rows, "{name}");
        drop(store);
        let store = resources::store(every_engine::open(name, folder).unwrap());
        assert_eq!(store.verify().unwrap(), before, "{name}");
        assert_eq!(store.view(None).unwrap().count("Basic").unwrap(), 600, "{name}");
    });
}
