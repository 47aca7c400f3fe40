//! A file written by an earlier program of the same format opens, and reads as it was written.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod faulty;
mod resources;

use std::sync::Arc;

use faulty::{FaultyDisk, ForgetfulTables};
use resources::{put, remove, transaction};
use storage::{Direction, Embedded, Engine, JournalOptions, Options, Store};

fn engine(tables: &ForgetfulTables, disk: &FaultyDisk) -> Arc<dyn Engine> {
    let options = JournalOptions::default();
    Arc::new(Embedded::open(Box::new(tables.clone()), Box::new(disk.clone()), options).unwrap())
}

#[test]
fn an_old_file_opens_and_reads_as_it_was_written() {
    let disk = FaultyDisk::default();
    let name = format!("{:016x}r.journal", 0);
    disk.put(&name, &from_hex(include_str!("fixtures/journal-format-1.hex")));
    let store = Store::open(engine(&ForgetfulTables::default(), &disk), Options::default()).unwrap();
    assert_old_store(&store);
    assert_eq!(disk.files().len(), 1);
    store.commit(transaction([put("Patient", "new", "{}", &[])])).unwrap();
}

/// Writes the fixture of the test above; run it when a new format is made, under a new name.
#[test]
#[ignore = "makes a fixture"]
fn make_the_old_file() {
    let (tables, disk) = (ForgetfulTables::default(), FaultyDisk::default());
    let store = Store::open(engine(&tables, &disk), Options { dictionary: None, ..Options::default() }).unwrap();
    let samples: Vec<Vec<u8>> = (0..2_000u32).map(|n| old_body(n).into_bytes()).collect();
    store.add_dictionary(None, &storage::train(&samples, 512).unwrap()).unwrap();
    let mut write = put("Observation", "o-1", &old_body(7), &["code=1|", "all|"]);
    write.content.as_mut().unwrap().mark = 20;
    store
        .commit(transaction([write, put("Patient", "0f8fad5b-d9cb-469f-a165-70867728950e", "{}", &["all|"])]))
        .unwrap();
    let mut last = transaction([
        put("Observation", "o-1", &old_body(8), &["code=2|", "all|"]),
        remove("Patient", "0f8fad5b-d9cb-469f-a165-70867728950e"),
    ]);
    last.event("read by nobody").set_state("job", Some(b"done".to_vec())).add("jobs", 3);
    last.blob(storage::Bucket::of_patient("o-1"), b"<ClinicalDocument/>");
    store.commit(last).unwrap();
    assert_old_store(&store);
    let bytes = disk.bytes(&disk.files()[0].0);
    let lines: Vec<String> =
        bytes.chunks(60).map(|line| line.iter().map(|byte| format!("{byte:02x}")).collect()).collect();
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/journal-format-1.hex");
    std::fs::write(path, lines.join("\n") + "\n").unwrap();
}

fn old_body(n: u32) -> String {
    let code = n.wrapping_mul(2_654_435_761);
    format!(
        "{{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{{\"text\":\"weight {code}\"}},\"valueInteger\":{n}}}"
    )
}

fn assert_old_store(store: &Store) {
    let id = "0f8fad5b-d9cb-469f-a165-70867728950e";
    let (first, last) = (store.view(Some(1)).unwrap(), store.view(None).unwrap());
    assert_eq!(last.t(), 2);
    let version = first.read("Observation", "o-1").unwrap().unwrap();
    assert_eq!((version.version, version.mark, version.instant.0), (1, 20, 1_767_225_600_000));
    assert_eq!(version.body().unwrap().unwrap(), old_body(7).as_bytes());
    assert_eq!(last.read("Observation", "o-1").unwrap().unwrap().body().unwrap().unwrap(), old_body(8).as_bytes());
    assert_eq!(first.read("Patient", id).unwrap().unwrap().body().unwrap().unwrap(), b"{}");
    assert!(last.read("Patient", id).unwrap().unwrap().is_deleted());
    for (view, counts) in [(first, [1, 0, 2]), (last.clone(), [0, 1, 1])] {
        let found =
            ["code=1|", "code=2|", "all|"].map(|key| view.index_prefix(key.as_bytes(), Direction::Forward).count());
        assert_eq!(found, counts);
    }
    let event = last.log(0, 9, Direction::Forward).next().unwrap().unwrap();
    assert_eq!((event.0, &*event.2), (2, &b"read by nobody"[..]));
    assert_eq!((last.state(b"job").unwrap().as_deref(), last.counter(b"jobs").unwrap()), (Some(&b"done"[..]), 3));
    let blob = storage::BlobId {
        bucket: storage::Bucket::of_patient("o-1"),
        hash: from_hex("e51087e000325adba51f8b8c70dd2359b18c939b11b212a0461c2952882895a0").try_into().unwrap(),
    };
    assert_eq!(last.blob(blob).unwrap().as_deref(), Some(&b"<ClinicalDocument/>"[..]));
    assert_eq!(store.verify().unwrap().findings, Vec::<String>::new());
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.bytes().filter_map(|digit| char::from(digit).to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}
