//! The JSON form: nothing is lost, and what is broken is refused at its place.

#![allow(clippy::unwrap_used, clippy::panic)]

use model::json::{read, to_string};
use model::{Limits, Tree};

fn tree(text: &str) -> Tree {
    read(text.as_bytes(), &Limits::default()).unwrap()
}

#[test]
fn what_is_read_is_written_again() {
    for text in [
        r#"{"resourceType":"Patient","id":"1","active":true,"multipleBirthInteger":2}"#,
        r#"{"resourceType":"Observation","valueQuantity":{"value":1.50,"unit":"\u0001\n\"\\ é 😀"}}"#,
        r#"{"resourceType":"Patient","name":[{"given":["a",null],"_given":[null,{"extension":[{"url":"u","valueString":"x"}]}]}]}"#,
        r#"{"resourceType":"Patient","birthDate":"1970","_birthDate":{"id":"b"},"gender":"male"}"#,
        r#"{"resourceType":"Patient","_birthDate":{"id":"b"},"contained":[{"resourceType":"Organization","id":"o"}]}"#,
        r#"{"resourceType":"Patient","unknown":{"deep":[1,2.0e+3]},"_x":[null,{"id":"1"}]}"#,
        r#"{"resourceType":"ExampleScenario","instance":[{"resourceId":"a","resourceType":"Patient"}]}"#,
    ] {
        let tree = tree(text);
        assert_eq!(to_string(tree.root()), text);
        assert_eq!(tree.issues(), []);
    }
}

#[test]
fn a_sibling_may_come_first_and_the_type_last() {
    let tree = tree(r#"{"_given":[{"id":"1"},null],"given":[null,"b"],"resourceType":"HumanName"}"#);
    assert_eq!(to_string(tree.root()), r#"{"resourceType":"HumanName","given":[null,"b"],"_given":[{"id":"1"},null]}"#);
}

#[test]
fn what_fhir_forbids_is_an_issue_with_its_place() {
    for (text, path) in [
        ("{\"resourceType\":\"Patient\",\n \"name\":[]}", "Patient.name"),
        ("{\"resourceType\":\"Patient\",\n \"gender\":null}", "Patient.gender"),
        ("{\"resourceType\":\"Patient\",\n \"name\":[[{\"text\":\"a\"}]]}", "Patient"),
        ("{\"resourceType\":\"Patient\",\"id\":\"1\",\n \"id\":\"2\"}", "Patient"),
        ("{\"resourceType\":\"Patient\",\n \"name\":[{}]}", "Patient.name[0]"),
    ] {
        let tree = tree(text);
        let [issue] = tree.issues() else { panic!("{text}: {:?}", tree.issues()) };
        assert_eq!((issue.path.as_str(), issue.position.map(|at| at.line)), (path, Some(2)), "{text}");
    }
}

#[test]
fn broken_text_is_refused_at_its_place() {
    for (text, column) in [
        ("{\"a\" 1}", 6),
        ("{\"a\":01}", 7),
        ("{\"a\":\"\n\"}", 7),
        ("{\"a\":1}}", 8),
        ("[1]", 1),
        ("{\"a\":tru}", 6),
        ("{\"a\":\"\\ud800\"}", 13),
    ] {
        let error = read(text.as_bytes(), &Limits::default()).unwrap_err();
        assert_eq!((error.position.column, error.limit), (column, false), "{text}: {error}");
    }
    assert!(read(b"{\"a\":\"\xff\"}", &Limits::default()).is_err());
}

#[test]
fn limits_hold() {
    let limits = Limits { bytes: 1_000, depth: 10, elements: 20 };
    let deep = "{\"a\":".repeat(30) + "1" + &"}".repeat(30);
    let skipped = format!("{{\"a\":1,\"a\":{}1{}}}", "[".repeat(30), "]".repeat(30));
    let wide = format!("{{\"a\":[{}1]}}", "1,".repeat(30));
    let long = format!("{{\"a\":\"{}\"}}", " ".repeat(1_000));
    for text in [deep, skipped, wide, long] {
        assert!(read(text.as_bytes(), &limits).unwrap_err().limit, "{text}");
    }
}

#[test]
fn names_may_be_escaped_like_any_string() {
    let text = r#"{"resource\u0054ype":"Patient","\u0069d":"a","\u00e9\ud83d\ude00":{"x\ty":true},"birthDate":"1952"}"#;
    let tree = model::json::read(text.as_bytes(), &Default::default()).unwrap();
    assert_eq!((tree.resource_type(), tree.root().text_at("id")), ("Patient", Some("a")));
    assert!(tree.root().get("é😀").is_some_and(|element| element.get("x\ty").is_some()));
}
