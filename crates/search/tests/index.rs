//! Which keys resources get, with the parameters that are built in.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use catalog::Catalog;
use search::Index;

fn index() -> Index {
    Index::new(Catalog::built_in(), vec!["https://here.example/fhir".to_owned()])
}

fn keys(text: &str) -> Vec<Vec<u8>> {
    let tree = model::json::read(text.as_bytes(), &model::Limits::default()).unwrap();
    index().keys(tree.root())
}

/// Parameters of R4 whose definitions have no usable expression: nothing to index.
const WITHOUT: [(&str, &str); 3] = [("Patient", "age"), ("Patient", "birthOrderBoolean"), ("Patient", "part-agree")];

#[test]
fn every_parameter_of_every_type_is_compiled() {
    let index = index();
    let mut refused = Vec::new();
    let mut count = 0;
    for type_name in
        ["Account", "Observation", "Patient", "DocumentReference", "ValueSet", "Bundle", "VisionPrescription"]
    {
        let parameters = index.parameters(type_name).unwrap();
        count += parameters.list().len();
        refused.extend(parameters.unsupported().iter().map(|(code, reason)| format!("{type_name}.{code}: {reason}")));
    }
    let expected: Vec<String> = WITHOUT.iter().map(|(name, code)| format!("{name}.{code}")).collect();
    refused.retain(|line| !expected.iter().any(|known| line.starts_with(known)));
    assert!(refused.is_empty(), "{refused:#?}");
    assert!(count > 150, "{count}");
    assert!(index.parameters("Human").is_none());
}

#[test]
fn a_patient_has_a_row_for_each_value() {
    let found = keys(
        r#"{"resourceType":"Patient","id":"p","identifier":[{"system":"urn:oid:1.2.3","value":"A-1"}],
            "name":[{"family":"Müller","given":["Anna","Eva"]}],"gender":"female","birthDate":"1980-05",
            "telecom":[{"system":"phone","value":"+32 2 555"}],"managingOrganization":{"reference":"Organization/o"}}"#,
    );
    let has = |part: &str| found.iter().any(|key| key.windows(part.len()).any(|window| window == part.as_bytes()));
    for part in ["a-1", "muller", "anna", "eva", "female", "+32 2 555"] {
        assert!(has(part), "{part}");
    }
    assert!(!has("Müller"));
    assert!(found.windows(2).all(|pair| pair[0] < pair[1]));
    assert!(found.iter().all(|key| key[0] == 103));
}

#[test]
fn what_two_parameters_share_has_one_row() {
    let rows = |text: &str| keys(text).len();
    let none = rows(r#"{"resourceType":"Observation"}"#);
    assert_eq!(none, 1);
    // subject is under subject only, not under patient; code under code only, not under combo-code.
    let one =
        rows(r#"{"resourceType":"Observation","subject":{"reference":"Patient/1"},"code":{"coding":[{"code":"a"}]}}"#);
    assert_eq!(one, 3);
}

#[test]
fn what_is_not_fhir_gives_no_rows() {
    assert!(keys(r#"{"resourceType":"Human","name":"x"}"#).is_empty());
    // Every resource has a row of its type; a Patient is deceased or not.
    assert_eq!(keys(r#"{"resourceType":"Patient","birthDate":"yesterday","name":"x"}"#).len(), 2);
}

#[test]
fn the_parameters_of_the_european_guides_are_there() {
    let index = index();
    for (type_name, code) in [
        ("DocumentReference", "creation"),
        ("DocumentReference", "modality"),
        ("DocumentReference", "bodysite"),
        ("MedicationRequest", "group-or-identifier"),
        ("MedicationDispense", "whenhandedover"),
        ("ImagingStudy", "modality"),
    ] {
        assert!(index.parameters(type_name).unwrap().get(code).is_some(), "{type_name}.{code}");
    }
}

/// Every code in numbers.txt that the catalog knows is compiled, whatever the type.
#[test]
fn no_parameter_of_any_type_is_left_out_unsaid() {
    let index = index();
    let mut reasons = Vec::new();
    let mut count = 0;
    for line in include_str!("../src/numbers.txt").lines() {
        let type_name = line.split(' ').next().unwrap();
        let parameters = index.parameters(type_name).unwrap();
        count += parameters.list().len();
        reasons.extend(parameters.unsupported().iter().map(|(code, reason)| format!("{type_name}.{code}: {reason}")));
    }
    assert!(count > 2_000, "{count}");
    let without: Vec<String> = WITHOUT.iter().map(|(name, code)| format!("{name}.{code}:")).collect();
    // Of the package of extensions: their values are of a type that R4 does not have.
    let later =
        |reason: &String| ["workflow-barrier", "workflow-protectiveFactor"].iter().any(|name| reason.contains(name));
    reasons.retain(|reason| !later(reason) && !without.iter().any(|known| reason.starts_with(known)));
    assert!(reasons.is_empty(), "{reasons:#?}");
}

#[test]
fn nothing_built_in_waits_for_the_index() {
    let index = index();
    let mut added = Vec::new();
    for type_name in include_str!("../src/numbers.txt").lines().filter_map(|line| line.split(' ').next()) {
        added.extend(index.added(type_name).into_iter().map(|(url, _)| format!("{type_name} {url}")));
    }
    assert!(added.is_empty(), "{added:#?}");
}
