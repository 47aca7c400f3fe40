//! A remote terminology server that answers, is slow, fails, and says nonsense.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use interaction::{Service, Settings, TerminologyServer};
use model::Instant;
use server::terminology_server::{Patience, RemoteTerminology};
use validation::Options;
use validation::terminology::{Question, Told};

/// A server of one thread that gives every request the same answer.
struct Stub {
    base: String,
    answer: Arc<Mutex<(u16, String, Duration)>>,
    requests: Arc<AtomicUsize>,
    last: Arc<Mutex<String>>,
}

fn read(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    loop {
        let count = stream.read(&mut part).unwrap_or(0);
        bytes.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            if count == 0 {
                return text;
            }
            continue;
        };
        let head = head.to_lowercase();
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.trim().parse().ok());
        if body.len() >= length.unwrap_or(0) || count == 0 {
            return text;
        }
    }
}

fn stub() -> Stub {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/fhir", listener.local_addr().unwrap());
    let answer = Arc::new(Mutex::new((200, result("true"), Duration::ZERO)));
    let (requests, last) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(String::new())));
    let stub = Stub { base, answer: answer.clone(), requests: requests.clone(), last: last.clone() };
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let (answer, requests, last) = (answer.clone(), requests.clone(), last.clone());
            std::thread::spawn(move || {
                *last.lock().unwrap() = read(&mut stream);
                requests.fetch_add(1, Ordering::SeqCst);
                let (status, body, delay) = answer.lock().unwrap().clone();
                std::thread::sleep(delay);
                let head = format!(
                    "HTTP/1.1 {status} X\r\nContent-Type: application/fhir+json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
            });
        }
    });
    stub
}

impl Stub {
    fn says(&self, status: u16, body: &str) {
        *self.answer.lock().unwrap() = (status, body.to_owned(), Duration::ZERO);
    }

    fn count(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

fn result(word: &str) -> String {
    format!(r#"{{"resourceType":"Parameters","parameter":[{{"name":"result","valueBoolean":{word}}}]}}"#)
}

fn patience() -> Patience {
    Patience {
        request: Duration::from_millis(700),
        failures: 2,
        rest: Duration::from_millis(400),
        ..Patience::default()
    }
}

fn question(code: &str) -> Question {
    Question {
        value_set: "http://terms.invalid/vs|1".to_owned(),
        system: Some("http://snomed.info/sct".to_owned()),
        version: None,
        code: code.to_owned(),
    }
}

fn ask(server: &RemoteTerminology, code: &str) -> Told {
    let question = question(code);
    server.ask(std::slice::from_ref(&question)).remove(&question).unwrap()
}

#[test]
fn answers_are_understood_and_kept() {
    let stub = stub();
    let server = RemoteTerminology::new(&stub.base, patience());
    assert_eq!(ask(&server, "1"), Told::In);
    assert_eq!(ask(&server, "1"), Told::In);
    assert_eq!(stub.count(), 1, "the second answer was kept");
    let asked = stub.last.lock().unwrap().clone();
    assert!(asked.starts_with("POST /fhir/ValueSet/$validate-code"), "{asked}");
    assert!(asked.contains("\"valueSetVersion\"") && asked.contains("http://snomed.info/sct"), "{asked}");
    stub.says(200, &result("false"));
    assert_eq!(ask(&server, "2"), Told::Out);
    let lacks =
        result("false").replace("]}", r#",{"name":"x-unknown-system","valueCanonical":"http://snomed.info/sct"}]}"#);
    stub.says(200, &lacks);
    assert!(matches!(ask(&server, "3"), Told::Silent(_)));
    stub.says(404, r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"not-found"}]}"#);
    assert!(matches!(ask(&server, "4"), Told::Silent(_)));
    stub.says(200, &result("true"));
    assert_eq!(ask(&server, "5"), Told::In, "what it cannot tell is no failure");
}

#[test]
fn a_server_that_fails_is_left_alone_and_tried_again() {
    let stub = stub();
    let server = RemoteTerminology::new(&stub.base, patience());
    for (code, status, body) in [("1", 500, "{}"), ("2", 200, "nonsense")] {
        stub.says(status, body);
        assert!(matches!(ask(&server, code), Told::Silent(_)), "{status} {body}");
    }
    assert_eq!(stub.count(), 2);
    stub.says(200, &result("true"));
    assert!(matches!(ask(&server, "3"), Told::Silent(_)), "the circuit is open");
    assert_eq!(stub.count(), 2, "and nothing was asked");
    std::thread::sleep(Duration::from_millis(500));
    stub.says(503, "{}");
    assert!(matches!(ask(&server, "3"), Told::Silent(_)), "half open: one request, which fails");
    assert!(matches!(ask(&server, "4"), Told::Silent(_)), "and open again");
    assert_eq!(stub.count(), 3);
    std::thread::sleep(Duration::from_millis(500));
    stub.says(200, &result("true"));
    assert_eq!(ask(&server, "3"), Told::In);
    assert_eq!(ask(&server, "4"), Told::In, "closed");
}

#[test]
fn a_server_that_is_slow_or_not_there_is_not_waited_for() {
    let stub = stub();
    let server = RemoteTerminology::new(&stub.base, patience());
    *stub.answer.lock().unwrap() = (200, result("true"), Duration::from_secs(3));
    assert!(matches!(ask(&server, "1"), Told::Silent(_)));
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = RemoteTerminology::new(&format!("http://{free}/fhir"), patience());
    assert!(matches!(ask(&nobody, "1"), Told::Silent(_)));
}

/// What validation says of a code of a value set that is not here.
fn judged(server: Option<Arc<dyn TerminologyServer>>) -> Vec<(String, String)> {
    let store = server::store::open("memory", std::path::Path::new("")).unwrap();
    let profile = br#"{"resourceType":"StructureDefinition","url":"http://terms.invalid/p","name":"P","status":"active",
        "kind":"resource","abstract":false,"type":"Basic","baseDefinition":"http://hl7.org/fhir/StructureDefinition/Basic",
        "derivation":"constraint","differential":{"element":[{"id":"Basic.code","path":"Basic.code",
        "binding":{"strength":"required","valueSet":"http://terms.invalid/vs"}}]}}"#;
    let profile = model::json::read(profile, &Default::default()).unwrap();
    let settings = Settings { terminology: server, ..Settings::default() };
    let service = Service::new(store, catalog::Catalog::built_in().with([profile]), settings);
    let basic =
        br#"{"resourceType":"Basic","code":{"coding":[{"system":"http://snomed.info/sct","code":"138875005"}]}}"#;
    let basic = model::json::read(basic, &Default::default()).unwrap();
    let options =
        Options { profiles: vec!["http://terms.invalid/p".to_owned()], now: Instant(0), ..Options::default() };
    let issues = service.validate(&basic, &options).into_iter().filter(|issue| issue.path == "Basic.code");
    issues.map(|issue| (issue.severity.code().to_owned(), issue.text)).collect()
}

#[test]
fn validation_takes_in_what_the_server_says_and_says_when_it_is_silent() {
    let stub = stub();
    let remote =
        || -> Option<Arc<dyn TerminologyServer>> { Some(Arc::new(RemoteTerminology::new(&stub.base, patience()))) };
    let alone = judged(None);
    assert_eq!(alone.first().map(|(severity, _)| severity.as_str()), Some("warning"), "{alone:?}");
    assert_eq!(judged(remote()), [], "it is in");
    stub.says(200, &result("false"));
    assert_eq!(judged(remote()).first().map(|(severity, _)| severity.as_str()), Some("error"));
    stub.says(500, "{}");
    let silent = judged(remote());
    assert_eq!(silent.first().map(|(severity, _)| severity.as_str()), Some("warning"));
    assert!(silent[0].1.contains("the terminology server did not answer"), "{silent:?}");
}
