//! A store in memory with resources in it, and searches over it.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::OnceLock;

use catalog::Catalog;
use model::{Limits, Tree};
use search::{Answer, Continuation, Index, Query, Search, SearchError};
use storage::{Bucket, Content, Expect, Instant, Method, Options, Store, Transaction, View, Write};

/// Of the server in these tests.
pub(crate) const BASE: &str = "https://here.example/fhir";
/// 2026-11-23T12:00:00Z
pub(crate) const NOW: i64 = 1_795_435_200_000;

/// The parameters that are built in.
pub(crate) fn index() -> &'static Index {
    static INDEX: OnceLock<Index> = OnceLock::new();
    INDEX.get_or_init(|| Index::new(Catalog::built_in(), vec![BASE.to_owned()]))
}

pub(crate) fn read(text: &str) -> Tree {
    model::json::read(text.as_bytes(), &Limits::default()).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A store.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) clock: i64,
}

impl World {
    pub(crate) fn new() -> World {
        let options = Options { dictionary: None, ..Options::default() };
        World { store: Store::open(storage::memory::open(), options).unwrap(), clock: NOW }
    }

    /// Stores resources in one transaction, a second after the one before.
    pub(crate) fn put(&mut self, resources: &[&str]) {
        let trees: Vec<Tree> = resources.iter().map(|text| read(text)).collect();
        self.put_trees(&trees);
    }

    pub(crate) fn put_trees(&mut self, trees: &[Tree]) {
        self.clock += 1_000;
        let mut transaction = Transaction::new(Instant(self.clock));
        for tree in trees {
            let type_name = tree.resource_type().to_owned();
            let id = tree.root().text_at("id").unwrap().to_owned();
            let patient = tree.root().text_at("subject.reference").or(tree.root().text_at("patient.reference"));
            let bucket = match patient.and_then(|text| text.strip_prefix("Patient/")) {
                _ if type_name == "Patient" => Bucket::of_patient(&id),
                Some(patient) => Bucket::of_patient(patient),
                None => Bucket::of_no_patient(&type_name, &id),
            };
            let index = index().keys(tree.root());
            let body = model::json::to_string(tree.root()).into_bytes().into();
            let content = Some(Content { body, mark: 0, index });
            let (expect, method) = (Expect::Any, Method::Update);
            transaction.write(Write { type_name, id, bucket, expect, method, content, unless_same: false });
        }
        self.store.commit(transaction).unwrap();
    }

    pub(crate) fn delete(&mut self, type_name: &str, id: &str) {
        self.clock += 1_000;
        let mut transaction = Transaction::new(Instant(self.clock));
        transaction.write(Write {
            type_name: type_name.to_owned(),
            id: id.to_owned(),
            bucket: Bucket::of_no_patient(type_name, id),
            expect: Expect::Any,
            method: Method::Delete,
            content: None,
            unless_same: false,
        });
        self.store.commit(transaction).unwrap();
    }

    pub(crate) fn view(&self) -> View {
        self.store.view(None).unwrap()
    }

    /// Searches: `Patient?name=x&_count=2`.
    pub(crate) fn search(&self, text: &str) -> Result<Answer, SearchError> {
        search_in(&self.view(), text, None)
    }

    /// The ids of all matches, sorted, through all pages.
    pub(crate) fn ids(&self, text: &str) -> Vec<String> {
        let mut ids = self.in_order(text);
        ids.sort();
        ids
    }

    /// The ids of all matches in the order of the answer, through all pages.
    pub(crate) fn in_order(&self, text: &str) -> Vec<String> {
        let view = self.view();
        let mut ids = Vec::new();
        let mut after = None;
        loop {
            let answer = search_in(&view, text, after).unwrap_or_else(|error| panic!("{text}: {}", told(&error)));
            ids.extend(answer.matches.iter().map(|hit| hit.identity.id.clone()));
            match answer.next {
                Some(next) => after = Some(next),
                None => return ids,
            }
        }
    }

    /// What is wrong with a search.
    pub(crate) fn refusal(&self, text: &str) -> String {
        match self.search(text) {
            Ok(_) => panic!("{text} is answered"),
            Err(error) => told(&error),
        }
    }
}

pub(crate) fn told(error: &SearchError) -> String {
    match error {
        SearchError::Query(errors) => errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        other => other.to_string(),
    }
}

/// Searches a view. `&` and `=` cannot be part of a value here.
pub(crate) fn search_in(view: &View, text: &str, after: Option<Continuation>) -> Result<Answer, SearchError> {
    search_as(view, text, after, &())
}

/// The same as a caller who may not see everything.
pub(crate) fn search_as(
    view: &View,
    text: &str,
    after: Option<Continuation>,
    sight: &dyn search::Sight,
) -> Result<Answer, SearchError> {
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    let pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let mut path: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
    let types = path.pop().into_iter().collect();
    let compartment = match path.as_slice() {
        [of, id] => Some((of.clone(), id.clone())),
        _ => None,
    };
    let (query, errors) = Query::parse(&pairs);
    let search = Search {
        index: index(),
        view,
        now: model::Instant(NOW),
        sight,
        limits: search::Limits::default(),
        types,
        compartment,
        lenient: false,
    };
    search.run(&query, errors, after)
}
