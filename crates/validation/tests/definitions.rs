//! Rules on StructureDefinitions and ValueSets: a profile narrows its base and never widens it, and what it names is there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]
mod support;

use support::{VALIDATOR, errors};
use validation::Options;

fn profile(ty: &str, elements: &str) -> String {
    format!(
        r#"{{"resourceType":"StructureDefinition","url":"http://profiles.invalid/p","name":"P","status":"draft",
        "kind":"resource","abstract":false,"type":"{ty}","baseDefinition":"http://hl7.org/fhir/StructureDefinition/{ty}",
        "derivation":"constraint","differential":{{"element":[{elements}]}}}}"#
    )
}

/// Where a differential of one element is wrong, below that element.
fn wrong(ty: &str, element: &str) -> Vec<String> {
    // sdf-8a says of the whole what is said here of the element.
    let found = errors(&profile(ty, element)).into_iter().filter(|path| path != "StructureDefinition.differential");
    found.map(|path| path.replace("StructureDefinition.differential.element[0]", "")).collect()
}

const NONE: [&str; 0] = [];

#[test]
fn a_profile_narrows_cardinality_and_does_not_widen_it() {
    assert_eq!(wrong("Patient", r#"{"id":"Patient.name","path":"Patient.name","min":1,"max":"2"}"#), NONE);
    assert_eq!(wrong("Patient", r#"{"id":"Patient.birthDate","path":"Patient.birthDate","max":"2"}"#), [".max"]);
    assert_eq!(wrong("Observation", r#"{"id":"Observation.status","path":"Observation.status","min":0}"#), [".min"]);
    // Inside of a data type, where the resource says nothing itself.
    let coding = |max: &str| {
        format!(r#"{{"id":"Observation.code.coding.code","path":"Observation.code.coding.code","max":"{max}"}}"#)
    };
    assert_eq!(wrong("Observation", &coding("0")), NONE);
    assert_eq!(wrong("Observation", &coding("*")), [".max"]);
}

#[test]
fn a_profile_speaks_of_elements_that_the_base_has() {
    assert_eq!(wrong("Patient", r#"{"id":"Patient.nickname","path":"Patient.nickname","min":1}"#), [""]);
    assert_eq!(wrong("Patient", r#"{"id":"Person.name","path":"Person.name"}"#), [".path"]);
    assert_eq!(wrong("Observation", r#"{"id":"Observation.status","path":"Observation.code"}"#), [".path"]);
    let other_type =
        profile("Patient", r#"{"id":"Patient","path":"Patient"}"#).replace("Definition/Patient", "Definition/Person");
    assert_eq!(errors(&other_type), ["StructureDefinition.type"]);
}

#[test]
fn types_become_narrower() {
    let value = |ty: &str| {
        format!(r#"{{"id":"Observation.value[x]","path":"Observation.value[x]","type":[{{"code":"{ty}"}}]}}"#)
    };
    assert_eq!(wrong("Observation", &value("Quantity")), NONE);
    assert_eq!(wrong("Observation", &value("Attachment")), [".type[0]"]);
    let subject = |ty: &str| {
        format!(
            r#"{{"id":"Observation.subject","path":"Observation.subject","type":[{{"code":"Reference",
            "targetProfile":["http://hl7.org/fhir/StructureDefinition/{ty}"]}}]}}"#
        )
    };
    assert_eq!(wrong("Observation", &subject("Patient")), NONE);
    assert_eq!(wrong("Observation", &subject("Medication")), [".type[0].targetProfile[0]"]);
    let status = |pattern: &str| format!(r#"{{"id":"Observation.status","path":"Observation.status",{pattern}}}"#);
    assert_eq!(wrong("Observation", &status(r#""fixedCode":"final""#)), NONE);
    assert_eq!(wrong("Observation", &status(r#""fixedString":"final""#)), [".fixed.ofType(string)"]);
}

#[test]
fn slices_are_told_apart_by_something_that_is_there() {
    let sliced = |slicing: &str, min: u32| {
        let elements = format!(
            r#"{{"id":"Patient.identifier","path":"Patient.identifier",{slicing}"max":"2"}},
            {{"id":"Patient.identifier:a","path":"Patient.identifier","sliceName":"a","min":{min}}},
            {{"id":"Patient.identifier:b","path":"Patient.identifier","sliceName":"b","min":1}}"#
        );
        wrong("Patient", &elements)
    };
    let by =
        |path: &str| format!(r#""slicing":{{"discriminator":[{{"type":"value","path":"{path}"}}],"rules":"open"}},"#);
    assert_eq!(sliced(&by("system"), 1), NONE);
    assert_eq!(sliced(&by("type.coding.code"), 1), NONE);
    assert_eq!(sliced(&by("type.codings"), 1), [".slicing.discriminator[0].path"]);
    assert_eq!(sliced(&by("system.where(true)"), 1), [".slicing.discriminator[0].path"]);
    assert_eq!(sliced(&by("system"), 2), [""], "three items where two may be");
    let names = [
        "StructureDefinition.differential.element[1].sliceName",
        "StructureDefinition.differential.element[2].sliceName",
    ];
    assert_eq!(sliced("", 1), names);
}

#[test]
fn an_invariant_is_fhirpath() {
    let constraint = |expression: &str| {
        format!(
            r#"{{"id":"Patient","path":"Patient","constraint":[{{"key":"p-1","severity":"error","human":"h","expression":"{expression}"}}]}}"#
        )
    };
    assert_eq!(wrong("Patient", &constraint("name.exists()")), NONE);
    assert_eq!(wrong("Patient", &constraint("name.exists(")), [".constraint[0].expression"]);
}

#[test]
fn every_definition_that_is_built_in_can_be_laid_over_its_base() {
    let catalog = VALIDATOR.catalog();
    let mut wrong = Vec::new();
    for (number, definition) in catalog.resources("StructureDefinition").iter().enumerate() {
        // The distilled rules have no prose, which some invariants ask for; every twelfth is enough here.
        if number % 12 != 0 {
            continue;
        }
        let issues = VALIDATOR.validate(&definition.tree().unwrap(), &Options::default()).into_iter();
        let rules = ["structure-definition", "element-definition"];
        let ours =
            issues.filter(|issue| issue.severity.is_error() && rules.contains(&issue.rule.as_deref().unwrap_or("")));
        wrong.extend(ours.map(|issue| format!("{}: {issue}", definition.url())));
    }
    assert_eq!(wrong, NONE);
}

#[test]
fn a_value_set_asks_what_the_code_system_can_answer() {
    let set = |include: &str| {
        errors(&format!(
            r#"{{"resourceType":"ValueSet","url":"http://codes.invalid/v","name":"V","status":"draft","compose":{{"include":[{{{include}}}]}}}}"#
        ))
    };
    let filter = |property: &str, value: &str| {
        let system = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
        set(&format!(r#""system":"{system}","filter":[{{"property":"{property}","op":"=","value":"{value}"}}]"#))
    };
    assert_eq!(filter("notSelectable", "true"), NONE);
    assert_eq!(filter("notSelectable", "1"), ["ValueSet.compose.include[0].filter[0].value"]);
    assert_eq!(set(r##""system":"#contained""##), ["ValueSet.compose.include[0].system"]);
}
