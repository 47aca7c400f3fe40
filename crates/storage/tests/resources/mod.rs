#![allow(dead_code, reason = "not every test file needs all")]
//! Short ways to write resources in tests.

use std::sync::Arc;

use storage::{Bucket, Content, Engine, Expect, Instant, Method, Options, Store, Transaction, Write};

/// A store over the engine.
pub(crate) fn store(engine: Arc<dyn Engine>) -> Store {
    Store::open(engine, Options::default()).unwrap()
}

/// An unconditional update of a resource in the bucket of its id.
pub(crate) fn put(type_name: &str, id: &str, body: &str, index: &[&str]) -> Write {
    Write {
        type_name: type_name.to_owned(),
        id: id.to_owned(),
        bucket: Bucket::of_patient(id),
        expect: Expect::Any,
        method: Method::Update,
        content: Some(Content {
            body: body.as_bytes().to_vec().into(),
            mark: 0,
            index: index.iter().map(|key| key.as_bytes().to_vec()).collect(),
        }),
        unless_same: false,
    }
}

/// An unconditional deletion.
pub(crate) fn remove(type_name: &str, id: &str) -> Write {
    Write { content: None, method: Method::Delete, ..put(type_name, id, "", &[]) }
}

/// A transaction of these writes, at an instant of no importance.
pub(crate) fn transaction(writes: impl IntoIterator<Item = Write>) -> Transaction {
    let mut transaction = Transaction::new(Instant(1_767_225_600_000));
    for write in writes {
        transaction.write(write);
    }
    transaction
}
