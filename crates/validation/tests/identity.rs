//! Ids, Identifiers, references and codes that are none by their form alone: where each is found.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]
mod support;

use std::sync::Arc;

use catalog::Catalog;
use model::json;
use support::{VALIDATOR, errors};
use validation::{Options, Validator};

/// The same of an Observation with something more.
fn observation(more: &str) -> Vec<String> {
    errors(&format!(r#"{{"resourceType":"Observation","status":"final","code":{{"text":"x"}},{more}}}"#))
}

const NONE: [&str; 0] = [];

#[test]
fn contained_resources_have_ids_of_their_own() {
    let contained = |first: &str, second: &str| {
        observation(&format!(
            r##""contained":[{{"resourceType":"Practitioner",{first}"active":true}},
                {{"resourceType":"Practitioner",{second}"active":true}}],
            "performer":[{{"reference":"#a"}},{{"reference":"#b"}}]"##
        ))
    };
    assert_eq!(contained(r#""id":"a","#, r#""id":"b","#), NONE);
    assert!(contained(r#""id":"a","#, "").contains(&"Observation.contained[1]".to_owned()));
    assert!(contained(r#""id":"a","#, r#""id":"a","#).contains(&"Observation.contained[1]".to_owned()));
}

#[test]
fn no_two_elements_of_a_resource_have_one_id() {
    let ids = |one: &str, other: &str| {
        observation(&format!(
            r#""category":[{{"id":"{one}","text":"x"}}],"method":{{"id":"{other}","text":"y"}},"id":"one""#
        ))
    };
    assert_eq!(ids("one", "other"), NONE, "that of the resource is another kind");
    assert_eq!(ids("one", "one"), ["Observation.method.id"]);
}

#[test]
fn the_system_of_an_identifier_is_absolute_and_a_uri_is_one() {
    let identifier = |system: &str, value: &str| {
        observation(&format!(r#""identifier":[{{"system":"{system}","value":"{value}"}}]"#))
    };
    assert_eq!(identifier("urn:oid:1.2.250.1.213.1.4.10", "x 1"), NONE);
    assert_eq!(identifier("1.2.250.1.213.1.4.10", "1"), ["Observation.identifier[0].system"]);
    assert_eq!(identifier("mine", "1"), ["Observation.identifier[0].system"]);
    assert_eq!(identifier("urn:ietf:rfc:3986", "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"), NONE);
    assert_eq!(identifier("urn:ietf:rfc:3986", "1.2.3"), ["Observation.identifier[0].value"]);
    assert_eq!(identifier("urn:ietf:rfc:3986", "a: b"), ["Observation.identifier[0].value"]);
}

#[test]
fn a_reference_is_an_absolute_url_or_a_type_and_an_id() {
    let subject = |reference: &str| observation(&format!(r#""subject":{{"reference":"{reference}"}}"#));
    for good in ["Patient/1", "Patient/1/_history/2", "https://x.invalid/fhir/Patient/1", "Patient?identifier=a|b"] {
        assert_eq!(subject(good), NONE, "{good}");
    }
    for bad in ["Patient", "patient/1", "/Patient/1", "Patient/", "Patient/a b", "Patient/1/x", "x y"] {
        assert_eq!(subject(bad), ["Observation.subject.reference"], "{bad}");
    }
    for strange in ["XXX/_history/1", "1"] {
        assert_eq!(subject(strange), NONE, "{strange}: only warned of");
    }
    assert_eq!(subject("#"), ["Observation.subject"], "itself, where nothing is contained");
}

#[test]
fn a_canonical_is_absolute() {
    let profile = |url: &str| observation(&format!(r#""meta":{{"profile":["{url}"]}}"#));
    assert_eq!(profile("http://hl7.org/fhir/StructureDefinition/Observation"), NONE);
    assert_eq!(profile("Observation"), ["Observation.meta.profile[0]"]);
}

#[test]
fn a_code_that_its_system_cannot_have_is_found_offline() {
    let coded = |system: &str, code: &str| {
        observation(&format!(r#""method":{{"coding":[{{"system":"{system}","code":"{code}"}}]}}"#))
    };
    assert_eq!(coded("http://snomed.info/sct", "22298006"), NONE);
    assert_eq!(coded("http://snomed.info/sct", "22298007"), ["Observation.method.coding[0].code"]);
    assert_eq!(coded("http://snomed.info/sct", "N02BE01"), ["Observation.method.coding[0].code"]);
    assert_eq!(coded("http://loinc.org", "8867-4"), NONE);
    assert_eq!(coded("http://loinc.org", "8876-4"), ["Observation.method.coding[0].code"]);
    assert_eq!(coded("http://loinc.org", "8867\u{a0}-4").first().unwrap(), "Observation.method.coding[0].code");
    let quantity = |code: &str| {
        observation(&format!(
            r#""valueQuantity":{{"value":1,"unit":"tablet","system":"http://snomed.info/sct","code":"{code}"}}"#
        ))
    };
    assert_eq!(quantity("428673006"), NONE);
    assert_eq!(quantity("428673007"), ["Observation.value.ofType(Quantity).code"]);
    let listed = |code: &str| {
        errors(&format!(
            r#"{{"resourceType":"ValueSet","url":"http://sets.invalid/s","status":"draft","compose":{{"include":[
                {{"system":"http://snomed.info/sct","concept":[{{"code":"{code}"}}]}}]}}}}"#
        ))
    };
    assert_eq!(listed("22298006"), NONE);
    assert_eq!(listed("1"), ["ValueSet.compose.include[0].concept[0].code"]);
}

#[test]
fn a_required_binding_wants_a_code_with_its_system() {
    let absent =
        r#"{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"unknown"}]}"#;
    let status = format!(r#"{{"resourceType":"Observation","_status":{absent},"code":{{"text":"x"}}}}"#);
    assert_eq!(errors(&status), ["Observation.status"]);
    let birth = format!(r#"{{"resourceType":"Patient","_birthDate":{absent}}}"#);
    assert_eq!(errors(&birth), NONE, "no code is bound to a date");
    let clinical = |system: &str| {
        errors(&format!(
            r#"{{"resourceType":"Condition","subject":{{"display":"x"}},"clinicalStatus":{{"coding":[{{{system}"code":"active"}}]}}}}"#
        ))
    };
    assert_eq!(clinical(r#""system":"http://terminology.hl7.org/CodeSystem/condition-clinical","#), NONE);
    assert_eq!(clinical(""), ["Condition.clinicalStatus"]);
}

#[test]
fn what_names_a_system_that_it_supplements_is_no_system_of_codes() {
    let text = r#"{"resourceType":"CodeSystem","url":"http://codes.invalid/more","status":"draft","content":"complete",
        "supplements":"http://loinc.org","concept":[{"code":"8867-4"}]}"#;
    let more = json::read(text.as_bytes(), &Default::default()).unwrap();
    let validator = Validator::new(Arc::new(Catalog::built_in().with(vec![more])));
    let text = r#"{"resourceType":"Observation","status":"final","code":{"coding":[
        {"system":"http://codes.invalid/more","code":"8867-4"}]}}"#;
    let tree = json::read(text.as_bytes(), &Default::default()).unwrap();
    let issues = validator.validate(&tree, &Options::default()).into_iter();
    let errors: Vec<String> = issues.filter(|issue| issue.severity.is_error()).map(|issue| issue.path).collect();
    assert_eq!(errors, ["Observation.code.coding[0].system"]);
}

#[test]
fn an_entry_about_another_patient_is_warned_of() {
    let document = |subject: &str| {
        let text = format!(
            r#"{{"resourceType":"Bundle","type":"document","entry":[
            {{"fullUrl":"http://x.invalid/Composition/c","resource":{{"resourceType":"Composition","id":"c","status":"final",
              "subject":{{"reference":"Patient/own"}},"section":[{{"title":"x","entry":[{{"reference":"Observation/o"}}]}}]}}}},
            {{"fullUrl":"http://x.invalid/Patient/own","resource":{{"resourceType":"Patient","id":"own"}}}},
            {{"fullUrl":"http://x.invalid/Patient/other","resource":{{"resourceType":"Patient","id":"other"}}}},
            {{"fullUrl":"http://x.invalid/Observation/o","resource":{{"resourceType":"Observation","id":"o","status":"final",
              "code":{{"text":"x"}},"subject":{{"reference":"{subject}"}}}}}}]}}"#
        );
        let tree = json::read(text.as_bytes(), &Default::default()).unwrap();
        let issues = VALIDATOR.validate(&tree, &Options::default()).into_iter();
        let warned = issues.filter(|issue| issue.rule.as_deref() == Some("subject"));
        warned.map(|issue| (issue.severity.code(), issue.path)).collect::<Vec<_>>()
    };
    let place = ("warning", "Bundle.entry[3].resource.subject".to_owned());
    assert_eq!(document("Patient/own"), []);
    assert_eq!(document("Patient/other"), std::slice::from_ref(&place));
    assert_eq!(document("Patient/elsewhere"), [place]);
}
