//! `passerelle validate` and `passerelle fhirpath` as processes: what they take, say and exit with.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

fn passerelle(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_passerelle")).args(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// A folder of resources: a valid Patient in JSON, an invalid one in XML below it, and NDJSON with one of each.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    std::fs::create_dir(folder.path().join("below")).unwrap();
    write("a.json", r#"{"resourceType":"Patient","active":true,"name":[{"family":"Rossi","given":["Ada","Bea"]}]}"#);
    write(
        "below/b.xml",
        r#"<Patient xmlns="http://hl7.org/fhir"><birthDate value="1970-13-01"/><gender value="female"/></Patient>"#,
    );
    write(
        "c.ndjson",
        "{\"resourceType\":\"Patient\",\"gender\":\"male\"}\n\n{\"resourceType\":\"Patient\",\"gender\":\"x\"}\n",
    );
    folder
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}

#[test]
fn folders_and_lines_are_validated_with_their_places() {
    let folder = folder();
    let output = passerelle(&["validate", &folder.path().display().to_string()]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("a.json: valid") && text.contains("b.xml: invalid"), "{text}");
    assert!(text.contains("Patient.birthDate") && text.contains("(1:"), "{text}");
    assert!(text.contains("c.ndjson:1: valid") && text.contains("c.ndjson:3: invalid"), "{text}");
    assert!(text.ends_with("2 valid, 2 invalid\n"), "{text}");
    assert_eq!(passerelle(&["validate", &path(folder.path(), "a.json")]).status.code(), Some(0));
    assert_eq!(passerelle(&["validate", &path(folder.path(), "none.json")]).status.code(), Some(1));
    assert_eq!(passerelle(&["validate"]).status.code(), Some(2));
}

#[test]
fn json_is_one_operation_outcome_a_line() {
    let folder = folder();
    let output = passerelle(&["validate", "--format", "json", &path(folder.path(), "c.ndjson")]);
    let text = said(&output);
    assert_eq!(text.lines().count(), 2);
    assert!(text.lines().all(|line| line.starts_with(r#"{"resourceType":"OperationOutcome""#)), "{text}");
    assert!(text.lines().nth(1).unwrap().contains("Patient.gender"));
    let named =
        |line: &str| format!(r#"operationoutcome-file","valueString":"{}:{line}""#, path(folder.path(), "c.ndjson"));
    assert!(text.lines().zip(["1", "3"]).all(|(line, number)| line.contains(&named(number))), "{text}");
}

#[test]
fn profiles_and_packages_are_named_on_the_line() {
    let folder = folder();
    let profile = r#"{"resourceType":"StructureDefinition","url":"http://example.org/fhir/born","name":"Born","status":"active",
        "kind":"resource","abstract":false,"type":"Patient","derivation":"constraint",
        "baseDefinition":"http://hl7.org/fhir/StructureDefinition/Patient",
        "differential":{"element":[{"id":"Patient.birthDate","path":"Patient.birthDate","min":1}]}}"#;
    std::fs::write(folder.path().join("born.json"), profile).unwrap();
    let (patient, package) = (path(folder.path(), "a.json"), path(folder.path(), "born.json"));
    let url = "http://example.org/fhir/born";
    let without = passerelle(&["validate", "--profile", url, &patient]);
    assert_eq!(without.status.code(), Some(1));
    assert!(said(&without).contains("is not known"), "{}", said(&without));
    let with = passerelle(&["validate", "--profile", url, "--package", &package, &patient]);
    assert!(said(&with).contains("'birthDate' must be there at least once"), "{}", said(&with));
    assert_eq!(passerelle(&["validate", "--package", &package, &patient]).status.code(), Some(0));
}

#[test]
fn unknown_extensions_are_what_the_option_says() {
    let folder = tempfile::tempdir().unwrap();
    let file = path(folder.path(), "p.json");
    let url = "urn:oid:1.2.3.4.5";
    std::fs::write(
        &file,
        format!(r#"{{"resourceType":"Patient","extension":[{{"url":"{url}","valueCode":"a"}}],"active":true}}"#),
    )
    .unwrap();
    assert_eq!(passerelle(&["validate", &file]).status.code(), Some(0));
    assert_eq!(passerelle(&["validate", "--unknown-extensions", "error", &file]).status.code(), Some(1));
}

#[test]
fn expressions_are_evaluated_on_every_resource() {
    let folder = folder();
    let file = path(folder.path(), "a.json");
    assert_eq!(said(&passerelle(&["fhirpath", "name.given", &file])), "Ada\nBea\n");
    assert_eq!(said(&passerelle(&["fhirpath", "name.given.count() * 2", &file])), "4\n");
    let json = passerelle(&["fhirpath", "name | active | 'a\"b'", "--format", "json", &file]);
    assert_eq!(said(&json), "{\"family\":\"Rossi\",\"given\":[\"Ada\",\"Bea\"]}\ntrue\n\"a\\\"b\"\n");
    let all = passerelle(&["fhirpath", "gender", &folder.path().display().to_string()]);
    let text = said(&all);
    assert!(text.contains("b.xml: female\n") && text.contains("c.ndjson:3: x\n"), "{text}");
    assert_eq!(passerelle(&["fhirpath", "name.(", &file]).status.code(), Some(1));
    assert_eq!(passerelle(&["fhirpath", "name.given + 1", &file]).status.code(), Some(1));
}

/// `passerelle … | head -1`: the reader is gone before the first line.
#[test]
fn a_reader_that_has_gone_is_no_panic() {
    let folder = folder();
    let root = folder.path().display().to_string();
    for arguments in [
        &["validate", &root][..],
        &["fhirpath", "id | name", &root],
        &["config", "--print"],
        &["packages", "list", "--data", &root],
    ] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_passerelle"))
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code().is_some_and(|code| code < 2), "{arguments:?}: {complaint}");
        assert!(!complaint.contains("panicked"), "{arguments:?}: {complaint}");
    }
}
