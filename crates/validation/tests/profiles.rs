//! Small profiles, one rule each: what meets them, what does not, and where that is said.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use catalog::Catalog;
use model::{Tree, json};
use validation::{Mode, Options, Validator};

const PROFILE: &str = "http://profiles.invalid/StructureDefinition/p";

fn tree(text: &str) -> Tree {
    json::read(text.as_bytes(), &Default::default()).unwrap()
}

/// A profile on a type with the elements of its differential.
fn profile(ty: &str, elements: &str) -> Tree {
    tree(&format!(
        r#"{{"resourceType":"StructureDefinition","url":"{PROFILE}","name":"P","status":"active","kind":"resource",
            "abstract":false,"type":"{ty}","baseDefinition":"http://hl7.org/fhir/StructureDefinition/{ty}",
            "derivation":"constraint","differential":{{"element":[{{"id":"{ty}","path":"{ty}"}},{elements}]}}}}"#
    ))
}

/// Paths of the errors of a resource, held against the profile.
fn errors_with(validator: &Validator, text: &str) -> Vec<String> {
    let options = Options { profiles: vec![PROFILE.into()], ..Options::default() };
    let issues = validator.validate(&tree(text), &options);
    issues.into_iter().filter(|issue| issue.severity.is_error()).map(|issue| issue.path).collect()
}

fn validator(resources: Vec<Tree>) -> Validator {
    Validator::new(Arc::new(Catalog::built_in().with(resources)))
}

fn patient(inside: &str) -> String {
    format!(r#"{{"resourceType":"Patient",{inside}}}"#)
}

const SLICES: &str = r#"
 {"id":"Patient.telecom","path":"Patient.telecom","slicing":{"discriminator":[{"type":"value","path":"system"}],"rules":"RULES","ordered":ORDERED}},
 {"id":"Patient.telecom:phone","path":"Patient.telecom","sliceName":"phone","min":1,"max":"1"},
 {"id":"Patient.telecom:phone.system","path":"Patient.telecom.system","min":1,"fixedCode":"phone"},
 {"id":"Patient.telecom:phone.value","path":"Patient.telecom.value","min":1},
 {"id":"Patient.telecom:mail","path":"Patient.telecom","sliceName":"mail","min":0,"max":"1"},
 {"id":"Patient.telecom:mail.system","path":"Patient.telecom.system","min":1,"fixedCode":"email"}"#;

fn sliced(rules: &str, ordered: bool) -> Validator {
    let elements = SLICES.replace("RULES", rules).replace("ORDERED", &ordered.to_string());
    validator(vec![profile("Patient", &elements)])
}

const PHONE: &str = r#"{"system":"phone","value":"1"}"#;
const MAIL: &str = r#"{"system":"email","value":"a@b.invalid"}"#;
const FAX: &str = r#"{"system":"fax","value":"2"}"#;

#[test]
fn slices_are_counted_and_their_items_held_against_them() {
    let open = sliced("open", false);
    let telecom = |items: &[&str]| patient(&format!(r#""telecom":[{}]"#, items.join(",")));
    assert!(errors_with(&open, &telecom(&[FAX, MAIL, PHONE])).is_empty());
    assert_eq!(errors_with(&open, &telecom(&[MAIL])), ["Patient"]);
    assert_eq!(errors_with(&open, &telecom(&[PHONE, PHONE])), ["Patient"]);
    assert_eq!(errors_with(&open, &telecom(&[r#"{"system":"phone","use":"home"}"#])), ["Patient.telecom[0]"]);
}

#[test]
fn closed_and_ordered_slices_and_those_open_at_the_end() {
    let telecom = |items: &[&str]| patient(&format!(r#""telecom":[{}]"#, items.join(",")));
    let closed = sliced("closed", false);
    assert_eq!(errors_with(&closed, &telecom(&[PHONE, FAX])), ["Patient.telecom[1]"]);
    assert!(errors_with(&closed, &telecom(&[MAIL, PHONE])).is_empty());
    let ordered = sliced("open", true);
    assert_eq!(errors_with(&ordered, &telecom(&[MAIL, PHONE])), ["Patient.telecom[1]"]);
    let at_end = sliced("openAtEnd", false);
    assert!(errors_with(&at_end, &telecom(&[PHONE, FAX])).is_empty());
    assert_eq!(errors_with(&at_end, &telecom(&[FAX, PHONE])), ["Patient.telecom[1]"]);
}

#[test]
fn fixed_values_patterns_bounds_and_lengths() {
    let validator = validator(vec![profile(
        "Patient",
        r#"{"id":"Patient.gender","path":"Patient.gender","fixedCode":"female"},
           {"id":"Patient.maritalStatus","path":"Patient.maritalStatus","patternCodeableConcept":{"coding":[{"code":"M"}]}},
           {"id":"Patient.birthDate","path":"Patient.birthDate","minValueDate":"1900-01-01","maxValueDate":"2000-01-01"},
           {"id":"Patient.name","path":"Patient.name","max":"0"},
           {"id":"Patient.language","path":"Patient.language","maxLength":2},
           {"id":"Patient.multipleBirth[x]","path":"Patient.multipleBirth[x]","type":[{"code":"boolean"}]}"#,
    )]);
    let errors = |inside: &str| errors_with(&validator, &patient(inside));
    assert!(
        errors(
            r#""language":"fr","gender":"female","birthDate":"1950","multipleBirthBoolean":true,
        "maritalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-MaritalStatus","code":"M"}]}"#
        )
        .is_empty()
    );
    assert_eq!(errors(r#""gender":"male""#), ["Patient.gender"]);
    assert_eq!(errors(r#""maritalStatus":{"text":"yes"}"#), ["Patient.maritalStatus"]);
    assert_eq!(errors(r#""birthDate":"1899-12-31""#), ["Patient.birthDate"]);
    assert_eq!(errors(r#""birthDate":"2001""#), ["Patient.birthDate"]);
    assert_eq!(errors(r#""name":[{"text":"x"}]"#), ["Patient.name[0]"]);
    assert_eq!(errors(r#""language":"deu""#), ["Patient.language"]);
    assert_eq!(errors(r#""multipleBirthInteger":2"#), ["Patient.multipleBirth.ofType(integer)"]);
}

#[test]
fn invariants_and_recommendations() {
    let validator = validator(vec![profile(
        "Patient",
        r#"{"id":"Patient.name","path":"Patient.name","constraint":[
            {"key":"p-1","severity":"error","human":"a family name","expression":"family.exists()"},
            {"key":"p-2","severity":"warning","human":"a given name","expression":"given.exists()"}]}"#,
    )]);
    let issues = validator.validate(
        &tree(&patient(r#""text":{"status":"empty","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>"},"name":[{"text":"x"}]"#)),
        &Options { profiles: vec![PROFILE.into()], ..Options::default() },
    );
    let found: Vec<(&str, &str)> =
        issues.iter().map(|issue| (issue.severity.code(), issue.rule.as_deref().unwrap_or_default())).collect();
    assert_eq!(found, [("error", "p-1"), ("warning", "p-2")]);
    assert_eq!(issues[0].path, "Patient.name[0]");
    assert!(issues[0].position.is_some());
}

#[test]
fn extensions_by_definition_place_and_name() {
    let definition = tree(
        r#"{"resourceType":"StructureDefinition","url":"http://profiles.invalid/StructureDefinition/e","name":"E",
        "status":"active","kind":"complex-type","abstract":false,"context":[{"type":"element","expression":"Patient.name"}],
        "type":"Extension","baseDefinition":"http://hl7.org/fhir/StructureDefinition/Extension","derivation":"constraint",
        "differential":{"element":[{"id":"Extension","path":"Extension"},
          {"id":"Extension.url","path":"Extension.url","fixedUri":"http://profiles.invalid/StructureDefinition/e"},
          {"id":"Extension.value[x]","path":"Extension.value[x]","min":1,"type":[{"code":"string"}]}]}}"#,
    );
    let validator =
        validator(vec![definition, profile("Patient", r#"{"id":"Patient.active","path":"Patient.active"}"#)]);
    let errors = |inside: &str| errors_with(&validator, &patient(inside));
    let e = r#"{"url":"http://profiles.invalid/StructureDefinition/e","valueString":"x"}"#;
    assert!(errors(&format!(r#""name":[{{"text":"a","extension":[{e}]}}]"#)).is_empty());
    assert_eq!(errors(&format!(r#""extension":[{e}]"#)), ["Patient.extension[0]"]);
    let wrong = e.replace("valueString\":\"x\"", "valueBoolean\":true");
    assert!(!errors(&format!(r#""name":[{{"text":"a","extension":[{wrong}]}}]"#)).is_empty());
    let unknown = r#"{"url":"http://elsewhere.invalid/e","valueString":"x"}"#;
    assert!(errors(&format!(r#""extension":[{unknown}]"#)).is_empty());
    assert_eq!(errors(&format!(r#""modifierExtension":[{unknown}]"#)), ["Patient.modifierExtension[0]"]);
}

#[test]
fn unknown_profiles_and_modes_are_said() {
    let validator = validator(Vec::new());
    let claimed = tree(&patient(r#""meta":{"profile":["http://profiles.invalid/unknown"]}"#));
    let issues = validator.validate(&claimed, &Options::default());
    assert!(issues.iter().any(|issue| issue.path == "Patient.meta.profile[0]" && !issue.severity.is_error()));
    let asked = Options { profiles: vec!["http://profiles.invalid/unknown".into()], ..Options::default() };
    assert!(validator.validate(&claimed, &asked).iter().any(|issue| issue.severity.is_error()));
    let update = Options { mode: Mode::Update, ..Options::default() };
    assert!(validator.validate(&claimed, &update).iter().any(|issue| issue.severity.is_error()));
    let delete = Options { mode: Mode::Delete, ..Options::default() };
    assert!(validator.validate(&tree(r#"{"resourceType":"Nothing"}"#), &delete).is_empty());
    assert!(validator.validate(&tree(r#"{"resourceType":"Nothing"}"#), &Options::default()).len() == 1);
}

#[test]
fn circles_of_references_and_deep_nesting_end() {
    let validator = validator(vec![profile(
        "List",
        &format!(
            r#"{{"id":"List.entry.item","path":"List.entry.item","type":[{{"code":"Reference","targetProfile":["{PROFILE}"]}}]}}"#
        ),
    )]);
    let list = |n: u32, to: u32| {
        format!(
            r#"{{"fullUrl":"urn:uuid:00000000-0000-4000-8000-00000000000{n}","resource":{{"resourceType":"List","status":"current",
                "mode":"working","meta":{{"profile":["{PROFILE}"]}},
                "entry":[{{"item":{{"reference":"urn:uuid:00000000-0000-4000-8000-00000000000{to}"}}}}]}}}}"#
        )
    };
    let bundle = format!(r#"{{"resourceType":"Bundle","type":"collection","entry":[{},{}]}}"#, list(1, 2), list(2, 1));
    let issues = validator.validate(&tree(&bundle), &Options::default());
    assert!(issues.iter().all(|issue| !issue.severity.is_error()), "{issues:?}");
    let mut item = r#"{"linkId":"x","type":"group"}"#.to_owned();
    for _ in 0..55 {
        item = format!(r#"{{"linkId":"x","type":"group","item":[{item}]}}"#);
    }
    let deep = format!(r#"{{"resourceType":"Questionnaire","status":"draft","item":[{item}]}}"#);
    let issues = validator.validate(&tree(&deep), &Options::default());
    assert!(issues.iter().any(|issue| issue.rule.as_deref() == Some("que-2")), "{issues:?}");
}
