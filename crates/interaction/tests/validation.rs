//! Validation and terminology through the one door, as the settings have it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use access::Caller;
use catalog::Catalog;
use interaction::{Call, Headers, Ids, Method, Service, Settings, TerminologyServer};
use model::{Instant, Severity, Tree};
use storage::{Options, Store};
use validation::terminology::{Answers, Question, Told};

const BASE: &str = "https://here.invalid/fhir";

struct One;

impl Ids for One {
    fn next(&self, _: Instant) -> String {
        "one".to_owned()
    }
}

fn answer(settings: Settings, method: Method, target: &str, body: &str) -> (u16, Tree) {
    let store = Store::open(storage::memory::open(), Options::default()).unwrap();
    let set = r#"{"resourceType":"ValueSet","url":"http://terms.invalid/here","status":"active","compose":{"include":[
        {"system":"http://snomed.info/sct","filter":[{"property":"concept","op":"is-a","value":"138875005"}]}]}}"#;
    let set = model::json::read(set.as_bytes(), &Default::default()).unwrap();
    let service = Service::new(store, Catalog::built_in().with([set]), settings);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let answer = service.answer(&Call {
        caller: &Caller::operator(),
        method,
        path,
        query,
        headers: Headers { content_type: Some("application/fhir+json"), ..Headers::default() },
        body: body.as_bytes(),
        base: BASE,
        now: Instant(1_795_435_200_000),
        ids: &One,
    });
    (answer.status, model::json::read(answer.body.unwrap().bytes(), &Default::default()).unwrap())
}

#[test]
fn example_urls_and_markup_are_as_grave_as_the_settings_say() {
    let patient = r#"{"resourceType":"Patient","name":[{"text":"A <b>B</b>"}],
        "identifier":[{"system":"http://example.org/ids","value":"1"}]}"#;
    let severities = |settings: Settings, path: &str| {
        let (_, outcome) = answer(settings, Method::Post, "Patient/$validate", patient);
        let issues = outcome.root().all("issue").filter(|issue| issue.text_at("expression") == Some(path));
        issues.map(|issue| issue.text_at("severity").unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (url, text) = ("Patient.identifier[0].system", "Patient.name[0].text");
    for level in [Severity::Warning, Severity::Error] {
        let examples = || Settings { example_urls: Some(level), ..Settings::default() };
        assert_eq!(severities(examples(), url), [level.code()]);
        assert!(severities(examples(), text).is_empty());
        let markup = || Settings { markup_in_text: Some(level), ..Settings::default() };
        assert_eq!(severities(markup(), text), [level.code()]);
        assert!(severities(markup(), url).is_empty());
    }
    assert!(severities(Settings::default(), url).is_empty() && severities(Settings::default(), text).is_empty());
}

/// A concept of SNOMED CT, and another.
const CODE: &str = "138875005";
const OTHER: &str = "22298006";

/// Knows value sets with one code; of others it does not answer.
#[derive(Debug)]
struct Elsewhere;

impl TerminologyServer for Elsewhere {
    fn ask(&self, questions: &[Question]) -> Answers {
        let told = |question: &Question| match (question.value_set.as_str(), question.code.as_str()) {
            ("http://terms.invalid/vs" | "http://terms.invalid/here", CODE) => Told::In,
            ("http://terms.invalid/vs" | "http://terms.invalid/vs|2" | "http://terms.invalid/here", _) => Told::Out,
            _ => Told::Silent("it does not answer".into()),
        };
        questions.iter().map(|question| (question.clone(), told(question))).collect()
    }
}

/// The status, and the parameter `result` of the answer.
fn validate_code(server: Option<Arc<dyn TerminologyServer>>, query: &str) -> (u16, Option<String>) {
    let settings = Settings { terminology: server, ..Settings::default() };
    let (status, tree) = answer(settings, Method::Get, &format!("ValueSet/$validate-code?{query}"), "");
    let result = tree.root().all("parameter").find(|one| one.text_at("name") == Some("result"));
    (status, result.and_then(|one| one.text_at("valueBoolean")).map(str::to_owned))
}

#[test]
fn a_terminology_server_is_asked_of_what_is_not_here() {
    let server = || -> Option<Arc<dyn TerminologyServer>> { Some(Arc::new(Elsewhere)) };
    let of = |set: &str, code: &str| format!("url={set}&system=http://snomed.info/sct&code={code}");
    let set = "http://terms.invalid/vs";
    assert_eq!(validate_code(None, &of(set, CODE)), (404, None));
    assert_eq!(validate_code(server(), &of(set, CODE)), (200, Some("true".to_owned())));
    assert_eq!(validate_code(server(), &of(set, OTHER)), (200, Some("false".to_owned())));
    // The value set is here, the code system is not.
    assert_ne!(validate_code(None, &of("http://terms.invalid/here", CODE)), (200, Some("true".to_owned())));
    assert_eq!(validate_code(server(), &of("http://terms.invalid/here", CODE)), (200, Some("true".to_owned())));
    assert_eq!(validate_code(server(), &of("http://terms.invalid/here", OTHER)), (200, Some("false".to_owned())));
    let other_version = format!("{}&valueSetVersion=2", of(set, CODE));
    assert_eq!(validate_code(server(), &other_version), (200, Some("false".to_owned())));
    assert_eq!(validate_code(server(), &of("http://terms.invalid/silent", CODE)), (404, None));
    // What is decided here is not asked of anybody.
    let gender = |code: &str| {
        format!(
            "url=http://hl7.org/fhir/ValueSet/administrative-gender&system=http://hl7.org/fhir/administrative-gender&code={code}"
        )
    };
    for (code, result) in [("female", "true"), ("femme", "false")] {
        assert_eq!(validate_code(server(), &gender(code)), (200, Some(result.to_owned())));
    }
}

#[test]
fn a_resource_in_parameters_keeps_its_places_and_the_faults_of_its_text() {
    let parameters = "{\"resourceType\":\"Parameters\",\"parameter\":[\n{\"name\":\"resource\",\"resource\":\n\
        {\"resourceType\":\"Patient\",\n\"gender\":\"x\",\"active\":true,\"active\":false}}]}";
    let (status, outcome) = answer(Settings::default(), Method::Post, "Patient/$validate", parameters);
    assert_eq!(status, 200);
    let errors = outcome.root().all("issue").filter(|issue| issue.text_at("severity") == Some("error"));
    let errors: Vec<(&str, Option<&str>)> = errors
        .map(|issue| {
            let line = issue.all("extension").find_map(|one| one.text_at("valueInteger"));
            (issue.text_at("expression").unwrap_or_default(), line)
        })
        .collect();
    assert!(errors.contains(&("Patient.gender", Some("4"))), "{errors:?}");
    assert!(
        errors.iter().any(|(path, line)| path.starts_with("Patient") && *path != "Patient.gender" && line.is_some()),
        "{errors:?}"
    );
}

#[test]
fn obligations_are_told_when_asked_for() {
    let patient = r#"{"resourceType":"Patient","name":[{"text":"x"}],"birthDate":"1970"}"#;
    let told = |query: &str| {
        let profile = "http://hl7.eu/fhir/hdr/StructureDefinition/patient-obl-eu-hdr";
        let (_, outcome) =
            answer(Settings::default(), Method::Post, &format!("Patient/$validate?profile={profile}{query}"), patient);
        let issues = outcome
            .root()
            .all("issue")
            .filter(|issue| issue.text_at("diagnostics").is_some_and(|text| text.contains("systems are obliged to")));
        issues.map(|issue| issue.text_at("severity").unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert!(told("").is_empty());
    let asked = told("&obligations=true");
    assert!(!asked.is_empty() && asked.iter().all(|severity| severity == "information"), "{asked:?}");
}

#[test]
fn what_is_to_be_deleted_needs_no_body() {
    let (status, _) = answer(Settings::default(), Method::Post, "Patient/none/$validate?mode=delete", "");
    assert_eq!(status, 404, "it is not there");
    let (status, _) = answer(Settings::default(), Method::Post, "Patient/none/$validate?mode=update", "");
    assert_eq!(status, 400);
}
