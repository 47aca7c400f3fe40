//! FHIR sources: nothing of them is lost on the way into a document, found here by an independent walk over the source's
//! JSON; and what a document must not say is not in it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::path::Path;

use convert::fhir::demand::{Demand, Material, on_demand};
use model::{Element, Tree, json};

fn input(pair: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pairs").join(pair).join("input.json");
    fs::read_to_string(path).unwrap()
}

/// Values of the source that are not in the document, but for those below a path that the report names.
fn lost(source: &Tree, draft: &convert::Draft) -> Vec<String> {
    let found: Vec<(&str, String)> = leaves(draft.document.root());
    let excused = |path: &str| {
        draft.report.issues.iter().any(|issue| path.starts_with(&format!("{}.", issue.path)) || issue.path == path)
    };
    let mut lost = Vec::new();
    for element in source.root().descendants() {
        let Some(text) = element.text().filter(|_| !matches!(element.name(), "reference" | "fullUrl" | "type" | "div"))
        else {
            continue;
        };
        let there = found.iter().any(|(name, value)| *name == element.name() && value == text);
        if !there && !excused(&element.path()) {
            lost.push(format!("{}: {text}", element.path()));
        }
    }
    lost
}

fn leaves(root: Element<'_>) -> Vec<(&str, String)> {
    root.descendants().into_iter().filter_map(|e| Some((e.name(), e.text()?.to_owned()))).collect()
}

#[test]
fn every_value_of_a_fhir_source_is_in_the_document_or_in_the_report() {
    for pair in [
        "fhir-collection",
        "fhir-laboratory-report",
        "fhir-discharge-transaction",
        "fhir-imaging-report",
        "fhir-national-prescription",
    ] {
        let text = input(pair);
        let source = json::read(text.as_bytes(), &Default::default()).unwrap();
        let draft = support::converted(&text);
        assert_eq!(lost(&source, &draft), Vec::<String>::new(), "{pair}");
        assert!(!draft.unchanged);
    }
}

#[test]
fn each_collection_becomes_the_document_that_it_holds() {
    for (pair, category) in [
        ("fhir-collection", "Patient-Summaries"),
        ("fhir-laboratory-report", "Laboratory-Reports"),
        ("fhir-discharge-transaction", "Discharge-Reports"),
        ("fhir-imaging-report", "Medical-Imaging"),
        ("fhir-national-prescription", "Electronic-Prescriptions"),
    ] {
        assert_eq!(support::converted(&input(pair)).category, category, "{pair}");
    }
}

#[test]
fn what_is_refuted_is_not_among_the_problems_and_what_is_over_not_among_the_present_ones() {
    let draft = support::converted(&input("fhir-collection"));
    assert!(!support::section(&draft, "11450-4").contains("Hypertension"));
    assert!(!support::section(&draft, "11450-4").contains("Pneumonia"));
    assert!(support::section(&draft, "11348-0").contains("Pneumonia"));
    assert!(support::section(&draft, "48767-8").contains("Hypertension"));
    assert!(support::section(&draft, "48767-8").contains("widerlegt"));
}

#[test]
fn the_narrative_says_what_turns_a_row_round() {
    let draft = support::converted(&input("fhir-collection"));
    let medications = support::section(&draft, "10160-0");
    assert!(medications.contains("Ramipril 5 mg") && medications.contains("nicht eingenommen"), "{medications}");
    assert!(medications.contains("metformin") && medications.contains("&lt;nach dem Essen&gt;"), "{medications}");
    assert!(support::section(&draft, "47519-4").contains("nicht durchgeführt"));
    assert!(support::section(&draft, "48765-2").contains("Anaphylaxis, schwer"));
    assert!(support::section(&draft, "30954-2").contains("&lt;7.1 %"));
    let discharge = support::converted(&input("fhir-discharge-transaction"));
    assert!(support::section(&discharge, "75311-1").contains("NICHT durchzuführen"));
}

#[test]
fn a_section_without_resources_is_unavailable_and_never_none() {
    let draft = support::converted(&input("fhir-collection"));
    let devices = support::section(&draft, "46264-8");
    assert!(devices.contains(r#""code":"unavailable""#), "{devices}");
    assert!(devices.contains("Keine Angaben verfügbar."), "{devices}");
    let all = json::to_string(draft.document.root());
    assert!(!all.contains("nilknown") && !all.contains("no-known") && !all.contains("716186003"));
}

#[test]
fn a_preliminary_report_makes_no_final_document() {
    let draft = support::converted(&input("fhir-imaging-report"));
    assert_eq!(draft.document.root().text_at("entry.resource.status"), Some("preliminary"));
}

#[test]
fn a_wanted_category_is_made_or_refused_with_the_reason() {
    use convert::{BuiltIn, Knowledge, Options, Source};
    let knowledge = Knowledge { shapes: &model::NoShapes, systems: &BuiltIn };
    let text = input("fhir-laboratory-report");
    let convert = |category: &str| {
        let options = Options { category: Some(category.to_owned()), ..Options::at(support::NOW) };
        convert::convert(&knowledge, &Source::new(text.as_bytes()), &options)
    };
    assert_eq!(convert("Patient-Summaries").unwrap().category, "Patient-Summaries");
    let refusal = convert("Discharge-Reports").unwrap_err().to_string();
    assert!(refusal.contains("one Encounter, and the Bundle holds 0"), "{refusal}");
}

#[test]
fn a_resource_about_somebody_who_is_not_there_stops_the_document() {
    let text =
        input("fhir-collection").replacen("\"reference\": \"Patient/p1\"", "\"reference\": \"Patient/other\"", 1);
    let refusal = support::convert_bytes(text.as_bytes()).unwrap_err().to_string();
    assert!(refusal.contains("several patients") && refusal.contains("Patient/other"), "{refusal}");
}

fn stored() -> Vec<(String, Tree)> {
    let source = json::read(input("fhir-collection").as_bytes(), &Default::default()).unwrap();
    let entries = source.root().all("entry").map(|entry| {
        (entry.text_at("fullUrl").unwrap().to_owned(), Tree::from_element(entry.get("resource").unwrap()))
    });
    entries.collect()
}

fn summary(resources: Vec<(String, Tree)>, seed: &str) -> convert::Draft {
    let material = Material { resources, language: Some("fr-BE"), seed, now: support::NOW };
    on_demand(Demand::PatientSummary, material).unwrap()
}

#[test]
fn a_summary_on_demand_says_what_holds_now_and_names_what_it_leaves_out() {
    let draft = summary(stored(), "a");
    let text = json::to_string(draft.document.root());
    assert!(text.contains("Synthèse médicale") && text.contains("Diabetes") && text.contains("metformin"));
    assert!(!text.contains("Hypertension"), "a refuted condition");
    assert!(!text.contains("Ramipril"), "a medication that is not taken");
    let left: Vec<&str> =
        draft.report.issues.iter().filter(|i| i.rule.as_deref() == Some("left-out")).map(|i| i.path.as_str()).collect();
    assert_eq!(left, ["Condition/c3", "MedicationStatement/m2", "Coverage/cov1"]);
    assert_ne!(
        draft.document.root().text_at("identifier.value"),
        summary(stored(), "b").document.root().text_at("identifier.value")
    );
}

#[test]
fn a_hidden_allergy_leaves_the_section_unavailable() {
    let mut resources = stored();
    resources.retain(|(url, _)| !url.contains("AllergyIntolerance"));
    let draft = summary(resources, "a");
    let section = support::section(&draft, "48765-2");
    assert!(
        section.contains(r#""code":"unavailable""#) && section.contains("Aucune information disponible."),
        "{section}"
    );
}

#[test]
fn of_two_results_of_one_code_the_later_one_is_in_the_summary() {
    let mut resources = stored();
    let old = r#"{"resourceType":"Observation","id":"old","status":"final","category":[{"coding":[{"code":"vital-signs"}]}],
        "code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]},"subject":{"reference":"Patient/p1"},
        "effectiveDateTime":"2025-01-01","valueQuantity":{"value":101}}"#;
    resources.push((
        "https://a.example/fhir/Observation/old".into(),
        json::read(old.as_bytes(), &Default::default()).unwrap(),
    ));
    let draft = summary(resources, "a");
    let vital = support::section(&draft, "8716-3");
    assert!(vital.contains("72 /min") && !vital.contains("101"), "{vital}");
    assert!(draft.report.issues.iter().any(|issue| issue.path == "Observation/old"));
}

#[test]
fn a_document_of_no_priority_category_passes_as_what_it_is() {
    let text = |kind: &str| {
        format!(
            r#"{{"resourceType":"Bundle","type":"document","entry":[{{"resource":{{"resourceType":"Composition","type":{kind}}}}}]}}"#
        )
    };
    let draft = support::converted(&text(r#"{"coding":[{"system":"http://loinc.org","code":"82593-5"}]}"#));
    assert_eq!((draft.category.as_str(), draft.unchanged), (convert::OTHER_DOCUMENTS, true));
    let refusal = support::convert_bytes(text("{}").as_bytes()).unwrap_err().to_string();
    assert!(refusal.contains("neither code nor text"), "{refusal}");
}

#[test]
fn what_the_patient_did_for_somebody_else_is_not_in_the_summary() {
    let mut resources = stored();
    let other = r#"{"resourceType":"Condition","id":"other","code":{"text":"Somebody else's"},"subject":{"reference":"Patient/p2"},
        "asserter":{"reference":"Patient/p1"}}"#;
    resources.push((
        "https://a.example/fhir/Condition/other".into(),
        json::read(other.as_bytes(), &Default::default()).unwrap(),
    ));
    let draft = summary(resources, "a");
    assert!(!json::to_string(draft.document.root()).contains("Somebody else"));
    assert!(draft.report.issues.iter().any(|issue| issue.path == "Condition/other"));
}
