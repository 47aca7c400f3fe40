//! The rows on disk, as `docs/storage.md` describes them: format 1. A change here is a new format.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod resources;

use resources::{put, remove, transaction};
use storage::{Bucket, Direction, Engine, KeyRange, Options, Space, Store, Write};

const UUID: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

/// Two transactions: an observation in the bucket of alice (2b) and an organization; then the observation moves to bob (81) and the organization goes.
fn written() -> Vec<String> {
    let engine = storage::memory::open();
    let store = Store::open(engine.clone(), Options { dictionary: None, ..Options::default() }).unwrap();
    let observation = |patient: &str, body: &str, index: &[&str]| Write {
        bucket: Bucket::of_patient(patient),
        ..put("Observation", UUID, body, index)
    };
    let organization =
        Write { bucket: Bucket::of_no_patient("Organization", "1"), ..put("Organization", "1", "{}", &["ab", "abc"]) };
    let mut first = transaction([observation("alice", "{\"a\":1}", &["code"]), organization.clone()]);
    first.event("seen");
    store.commit(first).unwrap();
    let mut second = transaction([
        observation("bob", "{\"a\":2}", &["code", "new"]),
        Write { bucket: organization.bucket, ..remove("Organization", "1") },
    ]);
    second.set_state("job", Some(b"x".to_vec())).add("jobs", -1);
    second.blob(Bucket::of_patient("alice"), b"<a/>");
    store.commit(second).unwrap();
    let mut rows = Vec::new();
    for space in Space::ALL {
        for row in engine.scan(space, KeyRange::all(), Direction::Forward) {
            let (key, value) = row.unwrap();
            rows.push(format!("{} {} {}", space.name(), hex(&key), hex(&value)));
        }
    }
    rows
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn rows_are_what_the_documentation_says() {
    let expected = include_str!("fixtures/layout-format-1.txt");
    let rows = written();
    let expected: Vec<&str> = expected.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
    for (row, expected) in rows.iter().zip(&expected) {
        assert_eq!(row, expected);
    }
    assert_eq!(rows.len(), expected.len());
}
