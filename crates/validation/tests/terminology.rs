//! Terminology over small code systems of our own, and over what is built in.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use catalog::Catalog;
use model::json;
use validation::terminology::{CodeVerdict, Coding, ExpandError, ExpandOptions, LookupError, Membership, Subsumption};
use validation::{Options, Terminology, Validator};

const SYSTEM: &str = r#"{"resourceType":"CodeSystem","url":"http://terms.invalid/cs","version":"1","name":"Cs","status":"active",
  "content":"complete","hierarchyMeaning":"is-a","property":[{"code":"kind","type":"code"},{"code":"notSelectable","type":"boolean"}],
  "concept":[{"code":"animal","display":"Animal","property":[{"code":"notSelectable","valueBoolean":true}],
    "concept":[{"code":"cat","display":"Cat","designation":[{"language":"fr","value":"Chat"}],"property":[{"code":"kind","valueCode":"pet"}]},
      {"code":"lion","display":"Lion"}]},{"code":"stone","display":"Stone"}]}"#;
const FRAGMENT: &str = r#"{"resourceType":"CodeSystem","url":"http://terms.invalid/part","status":"active","content":"fragment",
  "concept":[{"code":"a"}]}"#;

fn set(id: &str, compose: &str) -> String {
    format!(
        r#"{{"resourceType":"ValueSet","url":"http://terms.invalid/vs/{id}","status":"active","compose":{compose}}}"#
    )
}

fn catalog() -> Arc<Catalog> {
    let animals = r#"{"include":[{"system":"http://terms.invalid/cs","filter":[{"property":"concept","op":"is-a","value":"animal"}]}],
        "exclude":[{"system":"http://terms.invalid/cs","concept":[{"code":"lion"}]}]}"#;
    let texts = [
        SYSTEM.to_owned(),
        FRAGMENT.to_owned(),
        set("animals", animals),
        set("all", r#"{"include":[{"system":"http://terms.invalid/cs"}]}"#),
        set("import", r#"{"include":[{"valueSet":["http://terms.invalid/vs/animals"]},{"system":"http://terms.invalid/part"}]}"#),
        set("absent", r#"{"include":[{"system":"http://nowhere.invalid/cs"}]}"#),
        set("loop", r#"{"include":[{"valueSet":["http://terms.invalid/vs/loop"]}]}"#),
        r#"{"resourceType":"ConceptMap","url":"http://terms.invalid/map","status":"active","group":[{"source":"http://terms.invalid/cs",
            "target":"http://terms.invalid/part","element":[{"code":"cat","target":[{"code":"a","equivalence":"wider"}]}],
            "unmapped":{"mode":"fixed","code":"z"}}]}"#.to_owned(),
    ];
    let trees = texts.iter().map(|text| json::read(text.as_bytes(), &Default::default()).unwrap());
    Arc::new(Catalog::built_in().with(trees))
}

fn coding<'a>(system: &'a str, code: &'a str) -> Coding<'a> {
    Coding { system: Some(system), code, ..Coding::default() }
}

const CS: &str = "http://terms.invalid/cs";

#[test]
fn membership_is_in_out_or_said_to_be_unknown() {
    let terms = Terminology::new(catalog());
    let member = |set: &str, system: &str, code: &str| {
        terms.contains(&format!("http://terms.invalid/vs/{set}"), &coding(system, code))
    };
    assert_eq!(member("animals", CS, "cat"), Membership::In);
    assert_eq!(member("animals", CS, "lion"), Membership::Out);
    assert_eq!(member("animals", CS, "stone"), Membership::Out);
    assert_eq!(member("all", CS, "dog"), Membership::Out);
    assert_eq!(member("import", CS, "cat"), Membership::In);
    assert_eq!(member("import", "http://terms.invalid/part", "a"), Membership::In);
    assert!(matches!(member("import", "http://terms.invalid/part", "b"), Membership::Unknown(_)));
    assert!(matches!(member("loop", CS, "cat"), Membership::Unknown(_)));
    assert!(matches!(member("missing", CS, "cat"), Membership::Unknown(_)));
    let gender = "http://hl7.org/fhir/ValueSet/administrative-gender";
    assert_eq!(terms.contains(gender, &Coding { code: "female", ..Coding::default() }), Membership::In);
    assert_eq!(terms.contains(gender, &Coding { code: "femme", ..Coding::default() }), Membership::Out);
}

#[test]
fn value_sets_are_listed_where_they_can_be() {
    let terms = Terminology::new(catalog());
    let codes = |set: &str, options: &ExpandOptions| {
        let expansion = terms.expand(&format!("http://terms.invalid/vs/{set}"), options)?;
        Ok::<_, ExpandError>(expansion.contains.into_iter().map(|one| one.code).collect::<Vec<_>>())
    };
    let plain = ExpandOptions::default();
    assert_eq!(codes("animals", &plain).unwrap(), ["animal", "cat"]);
    let selectable = ExpandOptions { exclude_abstract: true, ..ExpandOptions::default() };
    assert_eq!(codes("animals", &selectable).unwrap(), ["cat"]);
    let page = ExpandOptions { offset: 1, count: Some(2), ..ExpandOptions::default() };
    assert_eq!(codes("all", &page).unwrap(), ["cat", "lion"]);
    let search = ExpandOptions { filter: Some("STO".into()), ..ExpandOptions::default() };
    assert_eq!(codes("all", &search).unwrap(), ["stone"]);
    assert_eq!(terms.expand("http://terms.invalid/vs/all", &page).unwrap().total, 4);
    let french =
        ExpandOptions { language: Some("fr-CH".into()), filter: Some("cat".into()), ..ExpandOptions::default() };
    let expansion = terms.expand("http://terms.invalid/vs/all", &french).unwrap();
    assert_eq!(expansion.contains[0].display.as_deref(), Some("Chat"));
    assert_eq!(codes("import", &plain).unwrap(), ["animal", "cat", "a"]);
    assert_eq!(codes("absent", &plain), Err(ExpandError::UnknownSystem("http://nowhere.invalid/cs".into())));
    assert_eq!(codes("loop", &plain), Err(ExpandError::Cycle("http://terms.invalid/vs/loop".into())));
}

#[test]
fn codes_are_looked_up_compared_and_translated() {
    let terms = Terminology::new(catalog());
    let cat = terms.lookup(&coding(CS, "cat"), Some("fr")).unwrap();
    assert_eq!(cat.display.as_deref(), Some("Chat"));
    assert!(cat.properties.contains(&("parent".into(), "animal".into())));
    assert_eq!(terms.lookup(&coding(CS, "dog"), None), Err(LookupError::UnknownCode(CS.into(), "dog".into())));
    assert!(matches!(
        terms.lookup(&coding("http://terms.invalid/part", "b"), None),
        Err(LookupError::UnknownSystem(_))
    ));
    assert_eq!(terms.subsumes(CS, None, "animal", "cat"), Ok(Subsumption::Subsumes));
    assert_eq!(terms.subsumes(CS, None, "lion", "animal"), Ok(Subsumption::SubsumedBy));
    assert_eq!(terms.subsumes(CS, None, "lion", "cat"), Ok(Subsumption::NotSubsumed));
    let becomes = |code: &str| terms.translate(Some("http://terms.invalid/map"), &coding(CS, code), None).unwrap();
    assert_eq!((becomes("cat")[0].code.as_deref(), &*becomes("cat")[0].equivalence), (Some("a"), "wider"));
    assert_eq!(becomes("stone")[0].code.as_deref(), Some("z"));
    let wrong = Coding { display: Some("Dog"), ..coding(CS, "cat") };
    assert!(matches!(terms.check(&wrong), CodeVerdict::Known { fits: Some(false), .. }));
    let answer = terms.validate_in_value_set("http://terms.invalid/vs/all", &[wrong]);
    assert_eq!((answer.result, answer.display.as_deref()), (Some(false), Some("Cat")));
    assert_eq!(terms.validate_in_system(&coding(CS, "dog")).result, Some(false));
    assert_eq!(terms.validate_in_system(&coding("http://nowhere.invalid", "x")).result, None);
}

#[test]
fn what_cannot_be_decided_offline_is_a_warning_and_a_wrong_code_an_error() {
    let validator = Validator::new(catalog());
    let judge = |system: &str, code: &str| {
        let text = format!(
            r#"{{"resourceType":"Condition","subject":{{"display":"x"}},"code":{{"text":"x"}},
                "clinicalStatus":{{"coding":[{{"system":"{system}","code":"{code}"}}]}}}}"#
        );
        let tree = json::read(text.as_bytes(), &Default::default()).unwrap();
        let issues = validator.validate(&tree, &Options::default());
        let coded = issues.into_iter().filter(|issue| issue.path.contains("clinicalStatus"));
        coded.map(|issue| issue.severity.code()).collect::<Vec<_>>()
    };
    assert_eq!(judge("http://terminology.hl7.org/CodeSystem/condition-clinical", "active"), [] as [&str; 0]);
    assert!(judge("http://terminology.hl7.org/CodeSystem/condition-clinical", "acute").contains(&"error"));
    assert!(judge("http://snomed.info/sct", "1").contains(&"error"));
    let text = r#"{"resourceType":"Bundle","type":"document","language":"tlh"}"#;
    let tree = json::read(text.as_bytes(), &Default::default()).unwrap();
    let issues = validator.validate(&tree, &Options::default());
    assert!(issues.iter().all(|issue| issue.path != "Bundle.language" || !issue.severity.is_error()));
}
