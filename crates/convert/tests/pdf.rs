//! A PDF with metadata beside it becomes a document that holds it byte for byte; without them it is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use convert::pdf::Metadata;
use convert::{BuiltIn, Draft, Knowledge, Options, Refusal, Source};
use model::json;

const PDF: &[u8] = b"%PDF-1.7\n%\xff\x00\x01 not text\n%%EOF";

fn converted(metadata: Option<Metadata>, category: Option<&str>) -> Result<Draft, Refusal> {
    let knowledge = Knowledge { shapes: &model::NoShapes, systems: &BuiltIn };
    let options = Options { category: category.map(str::to_owned), metadata, ..Options::at(support::NOW) };
    convert::convert(&knowledge, &Source::new(PDF), &options)
}

fn given(pairs: &[(&str, &str)]) -> Result<Option<Metadata>, Refusal> {
    let pairs: HashMap<&str, &str> = pairs.iter().copied().collect();
    Metadata::of_parameters(|name| pairs.get(name).map(|value| (*value).to_owned()))
}

#[test]
fn each_category_that_a_file_can_carry_holds_it_byte_for_byte() {
    for (category, profile) in [
        ("Medical-Imaging", "BundleReportMinimalMetadataEuImaging"),
        ("Laboratory-Reports", "Bundle-eu-lab"),
        ("Discharge-Reports", "bundle-eu-hdr"),
    ] {
        let parameters = [
            ("patient", "urn:oid:2.999.1|7"),
            ("patient-name", "Nováková, Jana Marie"),
            ("birth-date", "1980-02-03"),
            ("date", "2026-01-02T10:00:00+01:00"),
            ("author", "Dr. Rossi"),
            ("title", "Report & findings"),
            ("language", "cs"),
        ];
        let draft = converted(given(&parameters).unwrap(), Some(category)).unwrap();
        assert_eq!((draft.category.as_str(), draft.format), (category, "pdf"));
        let text = json::to_string(draft.document.root());
        assert!(text.contains(profile) && text.contains(&STANDARD.encode(PDF)), "{text}");
        for said in [
            "2.999.1",
            "Nováková",
            "Marie",
            "1980-02-03",
            "2026-01-02T10:00:00+01:00",
            "Dr. Rossi",
            "Report & findings",
        ] {
            assert!(text.contains(said), "{category}: {said}");
        }
        let again = converted(given(&parameters).unwrap(), Some(category)).unwrap();
        assert_eq!(json::to_string(again.document.root()), text);
    }
}

#[test]
fn another_patient_or_another_kind_is_another_document() {
    let id = |patient: &str, category: &str| {
        let draft = converted(given(&[("patient", patient)]).unwrap(), Some(category)).unwrap();
        draft.document.root().text_at("id").unwrap().to_owned()
    };
    let first = id("urn:oid:2.999.1|7", "Medical-Imaging");
    assert_ne!(first, id("urn:oid:2.999.1|8", "Medical-Imaging"));
    assert_ne!(first, id("urn:oid:2.999.1|7", "Laboratory-Reports"));
}

#[test]
fn what_is_not_known_is_said_to_be_unknown() {
    let draft = converted(given(&[("patient", "urn:oid:2.999.1|7"), ("type", "18748-4")]).unwrap(), None).unwrap();
    assert_eq!(draft.category, "Medical-Imaging");
    let patient = support::first(&draft, "Patient");
    assert!(patient.contains("data-absent-reason") && patient.contains("_birthDate"), "{patient}");
    let told: Vec<&str> = draft.report.issues.iter().map(|issue| issue.path.as_str()).collect();
    assert_eq!(told, ["DocumentReference.docStatus", "Patient.name", "Patient.birthDate"]);
}

#[test]
fn labels_authors_and_identifiers_of_a_document_reference_are_kept() {
    let read = |text: &str| json::read(text.as_bytes(), &Default::default()).unwrap();
    let reference = read(
        r##"{"resourceType":"DocumentReference","status":"current","docStatus":"preliminary","masterIdentifier":{"system":"urn:ietf:rfc:3986","value":"urn:oid:2.999.5"},
        "contained":[{"resourceType":"Practitioner","id":"a","name":[{"family":"Bianchi"}]}],"type":{"coding":[{"system":"http://loinc.org","code":"11502-2"}]},
        "author":[{"reference":"#a"},{"reference":"Practitioner/9"}],"custodian":{"display":"Ospedale"},
        "securityLabel":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}]}]}"##,
    );
    let patient =
        read(r#"{"resourceType":"Patient","id":"x","identifier":[{"system":"urn:oid:2.999.1","value":"7"}]}"#);
    let draft = converted(Some(Metadata { reference, patient }), None).unwrap();
    let root = draft.document.root();
    assert_eq!(draft.category, "Laboratory-Reports");
    assert_eq!(root.text_at("meta.security.code"), Some("R"));
    assert_eq!(root.text_at("entry.resource.identifier.value"), Some("urn:oid:2.999.5"));
    assert_eq!(root.text_at("entry.resource.status"), Some("preliminary"));
    let text = json::to_string(root);
    assert!(text.contains("Bianchi") && text.contains("Ospedale") && !text.contains("Practitioner/9"));
    assert!(draft.report.losses().any(|loss| loss.path == "DocumentReference.author[1]"));
}

#[test]
fn without_enough_it_is_refused_in_words() {
    let refused =
        |metadata: Option<Metadata>, category: Option<&str>| converted(metadata, category).unwrap_err().to_string();
    assert!(refused(None, Some("Medical-Imaging")).contains("A PDF alone"));
    let known = || given(&[("patient", "urn:oid:2.999.1|7")]).unwrap();
    assert!(refused(known(), None).contains("Neither category nor type"));
    assert!(refused(known(), Some("Patient-Summaries")).contains("no document of the category Patient-Summaries"));
    for (name, value) in
        [("patient", "7"), ("birth-date", "3.2.1980"), ("date", "yesterday"), ("type", "|x"), ("language", "<x>")]
    {
        let refusal = given(&[("patient", "urn:oid:2.999.1|7"), (name, value)]).unwrap_err();
        assert_eq!(refusal.issues[0].path, name, "{value}");
    }
}
