//! Rules on resources that define others.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]
mod support;

use model::json;
use support::{VALIDATOR, errors};
use validation::Options;

#[test]
fn a_search_parameter_has_the_type_of_its_definition() {
    let statement = |ty: &str| {
        format!(
            r#"{{"resourceType":"CapabilityStatement","status":"draft","date":"2026-01-01","kind":"requirements",
            "fhirVersion":"4.0.1","format":["json"],"description":"d","rest":[{{"mode":"server","resource":[{{"type":"Patient",
            "searchParam":[{{"name":"birthdate","definition":"http://hl7.org/fhir/SearchParameter/individual-birthdate","type":"{ty}"}}]}}]}}]}}"#
        )
    };
    assert_eq!(errors(&statement("date")), Vec::<String>::new());
    assert_eq!(errors(&statement("token")), ["CapabilityStatement.rest[0].resource[0].searchParam[0]"]);
}

#[test]
fn a_supplement_says_so_in_its_content() {
    let system = |content: &str| {
        format!(
            r#"{{"resourceType":"CodeSystem","url":"http://codes.invalid/s","name":"S","status":"draft",
            "content":"{content}","supplements":"http://loinc.org"}}"#
        )
    };
    assert_eq!(errors(&system("supplement")), Vec::<String>::new());
    assert_eq!(errors(&system("complete")), ["CodeSystem.supplements"]);
}

#[test]
fn a_map_maps_codes_of_the_value_set_that_it_is_for() {
    let map = |code: &str| {
        format!(
            r#"{{"resourceType":"ConceptMap","status":"draft","sourceUri":"http://hl7.org/fhir/ValueSet/administrative-gender",
            "group":[{{"source":"http://hl7.org/fhir/administrative-gender","target":"http://codes.invalid/t",
            "element":[{{"code":"{code}","target":[{{"code":"x","equivalence":"equal"}}]}}]}}]}}"#
        )
    };
    assert_eq!(errors(&map("female")), Vec::<String>::new());
    assert_eq!(errors(&map("feminine")), ["ConceptMap.group[0].element[0].code"]);
}

#[test]
fn what_a_search_finds_has_an_id() {
    let bundle = |id: &str| {
        format!(
            r#"{{"resourceType":"Bundle","type":"searchset","entry":[{{"fullUrl":"urn:uuid:0f2c1a10-0000-4000-8000-000000000001",
            "resource":{{"resourceType":"Patient",{id}"active":true}}}}]}}"#
        )
    };
    assert_eq!(errors(&bundle(r#""id":"a","#)), Vec::<String>::new());
    assert_eq!(errors(&bundle("")), ["Bundle.entry[0].resource"]);
}

#[test]
fn a_canonical_of_fhirs_own_leads_to_the_type_in_it() {
    let response = |canonical: &str| {
        format!(r#"{{"resourceType":"QuestionnaireResponse","status":"completed","questionnaire":"{canonical}"}}"#)
    };
    assert_eq!(
        errors(&response("http://hl7.org/fhir/ValueSet/example-extensional")),
        ["QuestionnaireResponse.questionnaire"]
    );
    assert_eq!(errors(&response("http://forms.invalid/ValueSet/x")), Vec::<String>::new());
}

#[test]
fn a_fault_of_the_text_has_its_path_in_fhirpath() {
    let text =
        r#"{"resourceType":"Observation","status":"final","code":{"text":"c"},"valueQuantity":{"value":1,"value":2}}"#;
    assert_eq!(errors(text), ["Observation.value.ofType(Quantity)"]);
}

#[test]
fn links_within_lead_to_an_id() {
    let observation = |narrative: &str, link: &str| {
        let extension = "http://hl7.org/fhir/StructureDefinition/originalText";
        let text = format!(
            r##"{{"resourceType":"Observation","status":"final","text":{{"status":"generated","div":
            "<div xmlns='http://www.w3.org/1999/xhtml'>{narrative}</div>"}},"code":{{"id":"cc","text":"c",
            "extension":[{{"url":"{extension}","valueUrl":"{link}"}}]}}}}"##
        );
        let tree = json::read(text.as_bytes(), &Default::default()).unwrap();
        let issues = VALIDATOR.validate(&tree, &Options::default()).into_iter();
        let links = issues.filter(|issue| issue.rule.as_deref() == Some("link"));
        links.map(|issue| (issue.path, issue.severity.is_error())).collect::<Vec<_>>()
    };
    assert_eq!(observation("<p id='a'>x <a href='#a'>y</a> <a href='#cc'>z</a> <a href='#'>top</a></p>", "#a"), []);
    let (div, url) = ("Observation.text.div", "Observation.code.extension[0].value.ofType(url)");
    assert_eq!(observation("<p>x <a href='#a'>y</a></p>", "#cc"), [(div.to_owned(), true)]);
    assert_eq!(observation("<p>x <img src='#a' alt='y'/></p>", "#cc"), [(div.to_owned(), true)]);
    assert_eq!(observation("<p idref='a'>x</p>", "#cc"), [(div.to_owned(), false)]);
    assert_eq!(observation("<p>x</p>", "#a"), [(url.to_owned(), true)]);
}

#[test]
fn an_entry_that_a_urn_names_and_nobody_has_is_warned_of() {
    let bundle = |reference: &str| {
        let text = format!(
            r#"{{"resourceType":"Bundle","type":"collection","entry":[
            {{"fullUrl":"urn:uuid:0f2c1a10-0000-4000-8000-000000000000","resource":{{"resourceType":"Patient"}}}},
            {{"fullUrl":"urn:uuid:0f2c1a10-0000-4000-8000-000000000001","resource":{{"resourceType":"Observation",
            "status":"final","code":{{"text":"c"}},"subject":{{"reference":"{reference}"}}}}}}]}}"#
        );
        let tree = json::read(text.as_bytes(), &Default::default()).unwrap();
        let issues = VALIDATOR.validate(&tree, &Options::default()).into_iter();
        let found = issues.filter(|issue| issue.rule.as_deref() == Some("reference"));
        found.map(|issue| (issue.path, issue.severity.is_error())).collect::<Vec<_>>()
    };
    assert_eq!(bundle("urn:uuid:0f2c1a10-0000-4000-8000-000000000000"), []);
    let subject = "Bundle.entry[1].resource.subject".to_owned();
    assert_eq!(bundle("urn:uuid:0f2c1a10-0000-4000-8000-000000000009"), [(subject, false)]);
}

#[test]
fn example_urls_and_markup_are_reported_as_asked() {
    let text = r#"{"resourceType":"Patient","name":[{"text":"A <b>B</b>"}],
        "identifier":[{"system":"http://example.org/ids","value":"1"}]}"#;
    let tree = json::read(text.as_bytes(), &Default::default()).unwrap();
    let found = |severity: Option<model::Severity>| {
        let options = Options { example_urls: severity, markup_in_text: severity, ..Options::default() };
        let issues =
            VALIDATOR.validate(&tree, &options).into_iter().filter(|issue| issue.rule.as_deref() != Some("dom-6"));
        issues.map(|issue| (issue.path, issue.severity)).collect::<Vec<_>>()
    };
    assert_eq!(found(None), []);
    for severity in [model::Severity::Warning, model::Severity::Error] {
        let places = ["Patient.identifier[0].system", "Patient.name[0].text"];
        let mut issues = found(Some(severity));
        issues.sort();
        assert_eq!(issues, places.map(|place| (place.to_owned(), severity)));
    }
}

#[test]
fn our_own_operation_outcomes_are_valid() {
    let mut issue = model::Issue::new(model::Severity::Error, model::IssueType::Required, "Patient.name", "no name")
        .at(Some(model::Position { line: 3, column: 14 }));
    issue.rule = Some("http://hl7.org/fhir/StructureDefinition/Patient#pat-1".into());
    for issues in [vec![issue], Vec::new()] {
        let outcome = model::operation_outcome(&issues);
        let found = VALIDATOR.validate(&outcome, &Options::default());
        // A narrative is recommended of every resource.
        assert!(found.iter().all(|issue| issue.rule.as_deref() == Some("dom-6")), "{found:?}");
    }
}
