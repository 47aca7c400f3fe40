//! Search through the one door: links, pages, parts of resources, what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::atomic::{AtomicU64, Ordering};

use access::Caller;
use catalog::Catalog;
use interaction::{Answer, Call, Headers, Ids, Method, Service, Settings};
use model::{Instant, Tree};
use storage::{Options, Store};

const BASE: &str = "https://here.example/fhir";

struct Counting(AtomicU64);

impl Ids for Counting {
    fn next(&self, _: Instant) -> String {
        format!("id-{}", self.0.fetch_add(1, Ordering::Relaxed))
    }
}

struct Server {
    service: Service,
    ids: Counting,
}

impl Server {
    fn new() -> Server {
        let store = Store::open(storage::memory::open(), Options::default()).unwrap();
        let settings = Settings { bases: vec![BASE.to_owned()], ..Settings::default() };
        Server { service: Service::new(store, Catalog::built_in(), settings), ids: Counting(AtomicU64::new(0)) }
    }

    fn call(&self, method: Method, target: &str, headers: Headers<'_>, body: &str) -> Answer {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        self.service.answer(&Call {
            caller: &Caller::operator(),
            method,
            path,
            query,
            headers,
            body: body.as_bytes(),
            base: BASE,
            now: Instant(1_795_435_200_000),
            ids: &self.ids,
        })
    }

    fn put(&self, resource: &str) {
        let tree = read(resource.as_bytes());
        let path = format!("{}/{}", tree.resource_type(), tree.root().text_at("id").unwrap());
        let headers = Headers { content_type: Some("application/fhir+json"), ..Headers::default() };
        let answer = self.call(Method::Put, &path, headers, resource);
        assert!(answer.status < 300, "{}", String::from_utf8_lossy(answer.body.unwrap().bytes()));
    }

    fn get(&self, target: &str) -> Tree {
        let answer = self.call(Method::Get, target, Headers::default(), "");
        let text = answer.body.unwrap();
        assert_eq!(answer.status, 200, "{target}: {}", String::from_utf8_lossy(text.bytes()));
        read(text.bytes())
    }
}

fn read(text: &[u8]) -> Tree {
    model::json::read(text, &Default::default()).unwrap()
}

fn link<'t>(bundle: &'t Tree, relation: &str) -> Option<&'t str> {
    bundle.root().all("link").find(|link| link.text_at("relation") == Some(relation))?.text_at("url")
}

fn ids(bundle: &Tree) -> Vec<String> {
    bundle.root().every("entry.resource.id").iter().map(|id| id.text().unwrap().to_owned()).collect()
}

fn people() -> Server {
    let server = Server::new();
    for number in 0..5 {
        server.put(&format!(
            r#"{{"resourceType":"Patient","id":"p{number}","active":true,"name":[{{"family":"Rossi","given":["N{number}"]}}],"birthDate":"198{number}"}}"#
        ));
    }
    server.put(r#"{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p1"}}"#);
    server
}

#[test]
fn pages_hold_together_while_others_write() {
    let server = people();
    for sort in ["", "&_sort=birthdate", "&_sort=-given"] {
        let mut found = Vec::new();
        let mut target = format!("Patient?family=rossi&active=true&_count=2{sort}");
        loop {
            let bundle = server.get(&target);
            found.extend(ids(&bundle));
            server.put(&format!(
                r#"{{"resourceType":"Patient","id":"new{}","active":true,"name":[{{"family":"Rossi"}}]}}"#,
                found.len()
            ));
            match link(&bundle, "next") {
                Some(next) => target = next.strip_prefix(&format!("{BASE}/")).unwrap().to_owned(),
                None => break,
            }
        }
        for added in [2, 4, 5, 6, 8] {
            server.call(Method::Delete, &format!("Patient/new{added}"), Headers::default(), "");
        }
        found.sort();
        assert_eq!(found, ["p0", "p1", "p2", "p3", "p4"], "{sort}");
    }
}

#[test]
fn a_link_that_was_changed_is_refused() {
    let server = people();
    let bundle = server.get("Patient?_count=2");
    let next = link(&bundle, "next").unwrap().strip_prefix(&format!("{BASE}/")).unwrap().to_owned();
    let status = |target: &str| server.call(Method::Get, target, Headers::default(), "").status;
    assert_eq!(status(&next), 200);
    assert_eq!(status(&next.replace("_count=2", "_count=3")), 400);
    assert_eq!(status(&format!("{next}x")), 400);
    assert_eq!(status("Patient?_page=AQ"), 400);
}

#[test]
fn a_form_is_a_search_too() {
    let server = people();
    let headers = Headers { content_type: Some("application/x-www-form-urlencoded"), ..Headers::default() };
    let answer = server.call(Method::Post, "Patient/_search?family=rossi", headers, "birthdate=1983&_pretty=true");
    assert_eq!(ids(&read(answer.body.unwrap().bytes())), ["p3"]);
    let headers = Headers { content_type: Some("application/fhir+json"), ..Headers::default() };
    assert_eq!(server.call(Method::Post, "Patient/_search", headers, "{}").status, 415);
}

#[test]
fn unknown_parameters_are_refused_or_ignored_and_told() {
    let server = people();
    let answer = server.call(Method::Get, "Patient?famly=rossi", Headers::default(), "");
    assert_eq!(answer.status, 400);
    let outcome = read(answer.body.unwrap().bytes());
    assert!(
        outcome
            .root()
            .every("issue.diagnostics")
            .iter()
            .chain(&outcome.root().every("issue.details.text"))
            .any(|it| { it.text().is_some_and(|text| text.contains("did you mean family?")) })
    );
    let headers = Headers { prefer: Some("handling=lenient"), ..Headers::default() };
    let answer = server.call(Method::Get, "Patient?famly=rossi&birthdate=1983", headers, "");
    let bundle = read(answer.body.unwrap().bytes());
    assert_eq!(link(&bundle, "self"), Some("https://here.example/fhir/Patient?birthdate=1983"));
    let modes: Vec<_> = bundle.root().every("entry.search.mode").iter().map(|mode| mode.text().unwrap()).collect();
    assert_eq!(modes, ["match", "outcome"]);
}

#[test]
fn what_is_ignored_is_as_if_it_had_not_been_there() {
    let server = people();
    let lenient = || Headers { prefer: Some("handling=lenient"), ..Headers::default() };
    let get = |target: &str| {
        let answer = server.call(Method::Get, target, lenient(), "");
        assert_eq!(answer.status, 200, "{target}");
        read(answer.body.unwrap().bytes())
    };
    let check = |asked: &str, understood: &str| {
        let (lenient, plain) = (get(asked), server.get(understood));
        let matches = |bundle: &Tree| ids(bundle).into_iter().filter(|id| id.starts_with('p')).collect::<Vec<_>>();
        assert_eq!(matches(&lenient), matches(&plain), "{asked}");
        assert_eq!(link(&lenient, "self"), Some(format!("{BASE}/{understood}").replace("/?", "?").as_str()));
    };
    check("Patient?birthdate=never&birthdate=1983", "Patient?birthdate=1983");
    check("Patient?_sort=size,-birthdate&_include=Patient:nobody", "Patient?_sort=-birthdate");
    check("?_type=Nothing,Patient&family=rossi", "?_type=Patient&family=rossi");
    check("Patient?famly=x&_count=never&_total=all", "Patient");
    // A page leads to the next one, with and without the preference.
    let mut page = get("Patient?_sort=size,-given&famly=x&_count=2");
    let mut seen = ids(&page);
    while let Some(next) = link(&page, "next").map(|url| url.strip_prefix(&format!("{BASE}/")).unwrap().to_owned()) {
        assert!(!next.contains("famly") && !next.contains("size"), "{next}");
        page = server.get(&next);
        seen.extend(ids(&page));
        assert_eq!(ids(&get(&next)), ids(&page));
    }
    assert_eq!(seen.iter().filter(|id| id.starts_with('p')).collect::<Vec<_>>(), ["p4", "p3", "p2", "p1", "p0"]);
}

#[test]
fn parts_of_resources_say_that_they_are_parts() {
    let server = people();
    let bundle = server.get("Patient?_id=p1&_elements=name,active");
    let patient = bundle.root().at("entry.resource").unwrap();
    assert!(patient.get("birthDate").is_none() && patient.get("name").is_some());
    assert_eq!(patient.text_at("meta.tag.code"), Some("SUBSETTED"));
    assert_eq!(patient.text_at("meta.versionId"), Some("1"));
    let bundle = server.get("Observation?_elements=subject");
    let observation = bundle.root().at("entry.resource").unwrap();
    assert!(observation.get("status").is_some() && observation.get("code").is_some(), "what is mandatory stays");
    let bundle = server.get("Patient?_summary=count");
    assert_eq!((bundle.root().text_at("total"), bundle.root().all("entry").count()), (Some("5"), 0));
}

#[test]
fn the_system_and_compartments_are_searched() {
    let server = people();
    assert_eq!(ids(&server.get("?_type=Observation,Patient&_id=o,p2")).len(), 2);
    assert_eq!(ids(&server.get("Patient/p1/Observation?status=final")), ["o"]);
    assert!(ids(&server.get("Patient/p2/Observation")).is_empty());
    assert_eq!(ids(&server.get("Patient/p1/*")).len(), 2);
    assert_eq!(ids(&server.get("Patient/p1/Patient")), ["p1"]);
    for none in ["Organization/o/Patient", "Patient/p1/Organization", "Patient/p1/Nothing"] {
        assert_eq!(server.call(Method::Get, none, Headers::default(), "").status, 404, "{none}");
    }
}

#[test]
fn the_plan_is_told_when_asked_for() {
    let server = people();
    let bundle = server.get("Patient?family=rossi&birthdate=1983&_explain=true");
    let outcome =
        bundle.root().every("entry.resource").into_iter().find(|it| it.resource_type() == Some("OperationOutcome"));
    let text = model::json::to_string(outcome.unwrap());
    assert!(text.contains("index family") && text.contains("index rows"), "{text}");
}

#[test]
fn value_sets_with_any_filter_are_searched_by() {
    let server = Server::new();
    server.put(
        r#"{"resourceType":"CodeSystem","id":"colours","url":"http://example.org/colours","status":"active","content":"complete",
        "property":[{"code":"warm","type":"boolean"}],
        "concept":[{"code":"red","property":[{"code":"warm","valueBoolean":true}]},{"code":"orange","property":[{"code":"warm","valueBoolean":true}]},{"code":"blue"}]}"#,
    );
    let set = |id: &str, property: &str, op: &str, value: &str| {
        format!(
            r#"{{"resourceType":"ValueSet","id":"{id}","url":"http://example.org/{id}","status":"active","compose":{{"include":[{{"system":"http://example.org/colours",
            "filter":[{{"property":"{property}","op":"{op}","value":"{value}"}}]}}]}}}}"#
        )
    };
    server.put(&set("short", "code", "regex", "r.*|b.*"));
    server.put(&set("warm", "warm", "=", "true"));
    for code in ["red", "orange", "blue"] {
        server.put(&format!(
            r#"{{"resourceType":"Observation","id":"{code}","status":"final","code":{{"coding":[{{"system":"http://example.org/colours","code":"{code}"}}]}}}}"#
        ));
    }
    let found = |query: &str| {
        let mut found = ids(&server.get(query));
        found.sort();
        found
    };
    assert_eq!(found("Observation?code:in=http://example.org/short"), ["blue", "red"]);
    assert_eq!(found("Observation?code:not-in=http://example.org/short"), ["orange"]);
    assert_eq!(found("Observation?code:in=http://example.org/warm&status=final"), ["orange", "red"]);
    assert_eq!(found("Observation?_filter=code in http://example.org/warm"), ["orange", "red"]);
    for (url, address) in [("warm", "ValueSet/warm"), ("short", "https://here.example/fhir/ValueSet/short")] {
        for modifier in ["in", "not-in"] {
            let by_url = found(&format!("Observation?code:{modifier}=http://example.org/{url}"));
            assert_eq!(found(&format!("Observation?code:{modifier}={address}")), by_url, "{address}");
        }
    }
    for unknown in ["http://example.org/none", "ValueSet/none"] {
        let target = format!("Observation?code:in={unknown}");
        assert_eq!(server.call(Method::Get, &target, Headers::default(), "").status, 400, "{unknown}");
    }
}
