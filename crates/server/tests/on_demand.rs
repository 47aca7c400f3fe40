//! Documents on demand over HTTP: `$summary`, `$report`, `$discharge-report`; and a document that was pushed in, taken apart,
//! asked for again.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]
mod running;

use std::collections::BTreeSet;

use model::{Element, Tree};
use running::{Running, start, told};

const EUROPEAN: &str = include_str!("../../../examples/european-patient-summary.json");

fn put(server: &Running, resource: &str) {
    let tree = model::json::read(resource.as_bytes(), &Default::default()).unwrap();
    let path = format!("{}/{}", tree.resource_type(), tree.root().text_at("id").unwrap());
    let request = server.client.put(server.url(&path)).header("Content-Type", "application/fhir+json");
    let answer = told(request.body(resource.to_owned()));
    assert!(matches!(answer.status, 200 | 201), "{}", answer.text());
}

fn record(server: &Running) {
    for resource in [
        r#"{"resourceType":"Patient","id":"p","identifier":[{"system":"urn:oid:2.999","value":"7"}],"name":[{"family":"Martin","given":["Élise"]}],"birthDate":"1970-01-01"}"#,
        r#"{"resourceType":"Patient","id":"q","name":[{"family":"Other"}],"birthDate":"1971"}"#,
        r#"{"resourceType":"Practitioner","id":"dr","name":[{"family":"Rossi"}]}"#,
        r#"{"resourceType":"Encounter","id":"stay","status":"finished","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"IMP"},"subject":{"reference":"Patient/p"},"period":{"start":"2026-02-01","end":"2026-02-03"}}"#,
        r#"{"resourceType":"Condition","id":"c","clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]},"code":{"text":"Asthma"},"subject":{"reference":"Patient/p"},"encounter":{"reference":"Encounter/stay"},"asserter":{"reference":"Practitioner/dr"}}"#,
        r#"{"resourceType":"Condition","id":"x","code":{"text":"Gout"},"subject":{"reference":"Patient/q"}}"#,
        r#"{"resourceType":"Observation","id":"k","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"2823-3"}],"text":"Potassium"},"subject":{"reference":"Patient/p"},"effectiveDateTime":"2026-02-02","valueQuantity":{"value":4.1,"unit":"mmol/L","system":"http://unitsofmeasure.org","code":"mmol/L"}}"#,
        r#"{"resourceType":"DiagnosticReport","id":"r","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0074","code":"LAB"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"11502-2"}]},"subject":{"reference":"Patient/p"},"encounter":{"reference":"Encounter/stay"},"effectiveDateTime":"2026-02-02","result":[{"reference":"Observation/k"}]}"#,
    ] {
        put(server, resource);
    }
}

/// The document is valid against its European profile, found by the server's own `$validate`.
fn is_valid(server: &Running, document: &str) {
    let outcome = server.post("$validate", document).tree();
    let errors: Vec<&str> = outcome
        .root()
        .all("issue")
        .filter(|issue| matches!(issue.text_at("severity"), Some("error" | "fatal")))
        .filter_map(|issue| issue.text_at("details.text").or(issue.text_at("diagnostics")))
        .collect();
    assert_eq!(errors, Vec::<&str>::new());
}

#[test]
fn a_summary_holds_the_record_as_it_is_now() {
    let server = start(&[]);
    record(&server);
    let answer = server.get("Patient/p/$summary?language=it");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let text = answer.text();
    assert!(text.contains("Asthma") && text.contains("Rossi") && text.contains("4.1 mmol/L"), "{text}");
    assert!(text.contains("Profilo sanitario sintetico") && !text.contains("Gout"));
    is_valid(&server, &text);
    // The record changes, and so does the next document; no document was stored.
    told(server.client.delete(server.url("Condition/c")));
    let later = server.get("Patient/p/$summary");
    assert!(!later.text().contains("Asthma"));
    assert_ne!(answer.tree().root().text_at("identifier.value"), later.tree().root().text_at("identifier.value"));
    assert_eq!(server.get("Bundle?_summary=count").tree().root().text_at("total"), Some("0"));
}

#[test]
fn a_summary_is_found_by_identifier_and_asked_for_in_every_way() {
    let server = start(&[]);
    record(&server);
    assert_eq!(server.get("Patient/$summary?identifier=urn:oid:2.999%7C7").status, 200);
    let parameters = r#"{"resourceType":"Parameters","parameter":[{"name":"identifier","valueString":"urn:oid:2.999|7"},
        {"name":"profile","valueUri":"http://hl7.eu/fhir/eps/StructureDefinition/bundle-eu-eps"}]}"#;
    assert_eq!(server.post("Patient/$summary", parameters).status, 200);
    assert_eq!(server.post("Patient/p/$summary", "").status, 200);
    let xml = told(server.client.get(server.url("Patient/p/$summary")).header("Accept", "application/fhir+xml"));
    assert!(xml.text().contains("<Bundle xmlns"), "{}", xml.text());
    server.get("Patient/$summary").refused(400, "invalid");
    server.get("Patient/$summary?identifier=urn:oid:2.999%7Cnone").refused(404, "not-found");
    server.get("Patient/none/$summary").refused(404, "not-found");
    server.get("Patient/p/$summary?profile=http://a.example/other").refused(422, "processing");
    server.get("Patient/p/$summary?persist=true").refused(422, "processing");
}

#[test]
fn a_report_and_a_stay_become_documents() {
    let server = start(&[]);
    record(&server);
    let report = server.get("DiagnosticReport/r/$report");
    assert_eq!(report.status, 200, "{}", report.text());
    assert_eq!(report.tree().root().text_at("entry.resource.type.coding.code"), Some("11502-2"));
    assert!(report.text().contains("4.1 mmol/L"));
    is_valid(&server, &report.text());
    let stay = server.get("Encounter/stay/$discharge-report");
    assert_eq!(stay.status, 200, "{}", stay.text());
    assert!(stay.text().contains("Asthma") && stay.text().contains("2026-02-03"));
    is_valid(&server, &stay.text());
    server.get("Encounter/none/$discharge-report").refused(404, "not-found");
    server.get("Observation/k/$report").refused(404, "not-supported");
}

/// What identifies and measures in a resource: codes, values, dates, identifiers; not references, nor what a server adds.
fn facts(resource: Element<'_>) -> BTreeSet<String> {
    let mut facts = BTreeSet::new();
    for element in resource.descendants() {
        let path = element.path();
        let served = ["text", "meta", "id"].iter().any(|name| path.split('.').any(|part| part == *name));
        if let Some(text) = element.text().filter(|_| !served && !matches!(element.name(), "reference" | "display")) {
            facts.insert(format!("{} {text}", element.name()));
        }
    }
    facts
}

fn resources<'t>(tree: &'t Tree, kinds: &[&str]) -> Vec<Element<'t>> {
    let all = tree.root().every("entry.resource").into_iter();
    all.filter(|resource| resource.resource_type().is_some_and(|kind| kinds.contains(&kind))).collect()
}

#[test]
fn a_document_taken_apart_and_asked_for_again_says_the_same() {
    let server = start(&[]);
    let published = server.post(
        "DocumentReference",
        &format!(
            r#"{{"resourceType":"DocumentReference","status":"current","content":[{{"attachment":{{"contentType":"application/fhir+json","data":"{}"}}}}]}}"#,
            base64::Engine::encode(&base64::engine::general_purpose::STANDARD, EUROPEAN)
        ),
    );
    assert_eq!(published.status, 201, "{}", published.text());
    let subject = published.tree().root().text_at("subject.reference").unwrap().to_owned();
    let again = server.get(&format!("{subject}/$summary"));
    assert_eq!(again.status, 200, "{}", again.text());
    is_valid(&server, &again.text());
    let before = model::json::read(EUROPEAN.as_bytes(), &Default::default()).unwrap();
    let after = again.tree();
    let kinds = [
        "Patient",
        "Condition",
        "AllergyIntolerance",
        "MedicationStatement",
        "Procedure",
        "Immunization",
        "Observation",
    ];
    let said: BTreeSet<String> = resources(&after, &kinds).into_iter().flat_map(facts).collect();
    let missing: Vec<String> =
        resources(&before, &kinds).into_iter().flat_map(facts).filter(|fact| !said.contains(fact)).collect();
    assert_eq!(missing, Vec::<String>::new());
    assert!(!resources(&before, &["Condition"]).is_empty());
}
