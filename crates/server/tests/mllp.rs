//! HL7 v2 over MLLP: acknowledged is stored, a resend makes nothing new, a refusal stores nothing.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]
mod running;

use std::io::{Read, Write};
use std::net::TcpStream;

use running::{Running, start};

const LABORATORY: &str = include_str!("../../convert/tests/pairs/hl7v2-laboratory-report/input.hl7");
const ADMISSION: &str = include_str!("../../convert/tests/pairs/hl7v2-admission/input.hl7");

fn connect(server: &Running) -> TcpStream {
    TcpStream::connect(server.mllp.unwrap()).unwrap()
}

fn send(stream: &mut TcpStream, message: &str) {
    stream.write_all(&[b"\x0b", message.as_bytes(), b"\x1c\r"].concat()).unwrap();
}

/// The next acknowledgement.
fn receive(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\x1c\r") {
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "the connection ended: {}", String::from_utf8_lossy(&bytes));
        bytes.push(byte[0]);
    }
    String::from_utf8(bytes).unwrap()
}

fn total(server: &Running, search: &str) -> usize {
    let tree = server.get(search).tree();
    tree.root().text_at("total").unwrap().parse().unwrap()
}

#[test]
fn what_is_acknowledged_is_stored_and_a_resend_makes_nothing_new() {
    let server = start(&[("mllp", "127.0.0.1:0")]);
    let mut stream = connect(&server);
    send(&mut stream, LABORATORY);
    let answer = receive(&mut stream);
    assert!(answer.contains("MSA|AA|MSG-0815\r"), "{answer}");
    assert_eq!(total(&server, "DiagnosticReport?_summary=count"), 1);
    let results = total(&server, "Observation?_summary=count");
    assert!(results > 5, "{results}");
    let reference = server.get("DocumentReference").tree();
    assert_eq!(reference.root().text_at("entry.resource.category.coding.code"), Some("Laboratory-Reports"));
    let kinds = ["Binary", "Bundle", "DocumentReference", "Observation", "Patient", "Provenance", "Specimen"];
    let totals = || kinds.map(|kind| total(&server, &format!("{kind}?_summary=count")));
    let before = totals();
    assert!(before.iter().all(|total| *total > 0), "{before:?}");
    let versions = || server.get("_history?_count=500").tree().root().every("entry").len();
    let written = versions();
    send(&mut stream, LABORATORY);
    assert!(receive(&mut stream).contains("MSA|AA|MSG-0815\r"));
    assert_eq!(totals(), before);
    assert_eq!(versions(), written, "the same bytes made new versions");
}

#[test]
fn several_messages_of_one_connection_are_answered_in_order() {
    let server = start(&[("mllp", "127.0.0.1:0")]);
    let mut stream = connect(&server);
    for message in [ADMISSION, "MSH|^~\\&|A|B|C|D|20261012||ZZZ\rnonsense", LABORATORY] {
        send(&mut stream, message);
    }
    assert!(receive(&mut stream).contains("MSA|AA|ADT-1\r"));
    receive(&mut stream);
    assert!(receive(&mut stream).contains("MSA|AA|MSG-0815\r"));
    assert_eq!(total(&server, "Encounter?_summary=count"), 2);
    assert_eq!(total(&server, "AllergyIntolerance?_summary=count"), 2);
}

#[test]
fn a_message_that_never_ends_is_given_up_and_nothing_of_it_is_stored() {
    let server = start(&[("mllp", "127.0.0.1:0"), ("request-timeout", "1")]);
    let mut stream = connect(&server);
    let begun = ADMISSION.as_bytes().split_at(100).0;
    stream.write_all(&[b"\x0b", begun].concat()).unwrap();
    // The server hangs up, whenever that is: no answer, and the end of the connection.
    let mut rest = Vec::new();
    assert_eq!(stream.read_to_end(&mut rest).unwrap_or(0), 0, "{rest:?}");
    assert!(server.get("_history").tree().root().get("entry").is_none());
}

#[test]
fn a_refused_message_stores_nothing_and_is_told_why() {
    let server = start(&[("mllp", "127.0.0.1:0"), ("max-body", "20KiB")]);
    let mut stream = connect(&server);
    send(&mut stream, "MSH|^~\\&|A|B|C|D|20261012|||M-9|P|2.5\rPID|1||P1");
    let answer = receive(&mut stream);
    assert!(answer.contains("MSA|AR|M-9\rERR|") && answer.contains("200^Unsupported"), "{answer}");
    send(&mut stream, "<xml/>");
    assert!(receive(&mut stream).contains("MSA|A"));
    assert!(server.get("_history").tree().root().get("entry").is_none());
    // A frame is one message: of a batch nothing is taken.
    let two = ADMISSION.trim_end().to_owned() + "\r" + ADMISSION;
    send(&mut stream, &two);
    let answer = receive(&mut stream);
    assert!(answer.contains("MSA|AR|ADT-1\r") && answer.contains("2 messages"), "{answer}");
    assert!(server.get("_history").tree().root().get("entry").is_none());
    let long = format!("MSH|^~\\&|A|B|C|D|20261012||ADT^A01|M-9|P|2.5\rZZZ|{}", "x".repeat(50_000));
    send(&mut stream, &long);
    let answer = receive(&mut stream);
    assert!(answer.contains("MSA|AR|") && answer.contains("20480 bytes"), "{answer}");
}
