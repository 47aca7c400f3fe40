//! Terminology over small code systems of our own, and over what is built in.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use catalog::Catalog;
use model::{Instant, Tree, json};
use validation::terminology::service::{Expanding, Failure, FailureKind, Service, batch_validate_code};
use validation::terminology::{CodeVerdict, Coding, Membership};
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
        set("many", r#"{"include":[{"system":"http://terms.invalid/cs"},{"system":"http://more.invalid","concept":[{"code":"1"},{"code":"2"},{"code":"3"}]}]}"#),
        set("units", r#"{"include":[{"system":"http://unitsofmeasure.org"}]}"#),
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

fn parameters(pairs: &[(&str, &str, &str)]) -> Tree {
    let mut tree = Tree::new("Parameters");
    for (name, kind, value) in pairs {
        let mut root = tree.edit();
        let mut item = root.item("parameter");
        item.set("name", *name);
        match *kind {
            "valueBoolean" => item.set(kind, *value == "true"),
            "valueInteger" => item.set(kind, value.parse::<i64>().unwrap()),
            "valueCoding" => {
                let (system, code) = value.split_once('#').unwrap();
                item.object("valueCoding").set("system", system).set("code", code);
                &mut item
            }
            _ => item.set(kind, *value),
        };
    }
    tree
}

fn service(request: &Tree) -> Service {
    Service::new(&Terminology::new(catalog()), request.root(), None).unwrap()
}

fn expand(set: &str, more: &[(&str, &str, &str)]) -> Result<Tree, Failure> {
    let url = format!("http://terms.invalid/vs/{set}");
    let mut all = vec![("url", "valueUri", url.as_str())];
    all.extend_from_slice(more);
    let request = parameters(&all);
    let expanding = Expanding { now: Instant(0), identifier: "urn:uuid:1".into(), most: 5 };
    service(&request).expand(request.root(), &expanding)
}

fn codes(expansion: &Tree) -> Vec<&str> {
    let contains = expansion.root().descendants().into_iter().filter(|element| element.name() == "contains");
    contains.filter_map(|one| one.text_at("code")).collect()
}

#[test]
fn value_sets_are_listed_where_they_can_be() {
    assert_eq!(codes(&expand("animals", &[]).unwrap()), ["animal", "cat"]);
    let page = expand("all", &[("offset", "valueInteger", "1"), ("count", "valueInteger", "2")]).unwrap();
    assert_eq!(codes(&page), ["cat", "lion"]);
    assert_eq!(page.root().text_at("expansion.total"), Some("4"));
    assert_eq!(codes(&expand("all", &[("filter", "valueString", "STO")]).unwrap()), ["stone"]);
    let french = expand("all", &[("displayLanguage", "valueCode", "fr-CH"), ("filter", "valueString", "cha")]).unwrap();
    assert_eq!(french.root().text_at("expansion.contains.display"), Some("Chat"));
    let nested = expand("all", &[]).unwrap();
    assert_eq!(nested.root().text_at("expansion.contains.contains.code"), Some("cat"));
    let flat = expand("all", &[("excludeNested", "valueBoolean", "true")]).unwrap();
    assert_eq!(flat.root().every("expansion.contains").len(), 4);
    assert_eq!(codes(&expand("import", &[]).unwrap()), ["animal", "cat", "a"]);
}

#[test]
fn what_cannot_be_listed_is_refused_with_its_reason() {
    for (set, kind, code, text) in [
        ("absent", FailureKind::NotFound, "not-found", "http://nowhere.invalid/cs"),
        ("nothing", FailureKind::NotFound, "not-found", "http://terms.invalid/vs/nothing"),
        ("loop", FailureKind::Unprocessable, "processing", "imports itself"),
        ("many", FailureKind::Unprocessable, "too-costly", "more than 5"),
    ] {
        let failure = expand(set, &[]).unwrap_err();
        let finding = &failure.findings[0];
        assert_eq!((failure.kind, finding.code.code()), (kind, code), "{set}");
        assert!(finding.text.contains(text), "{}", finding.text);
    }
    assert_eq!(codes(&expand("many", &[("count", "valueInteger", "100")]).unwrap()).len(), 7);
}

fn answered<'t>(answer: &'t Tree, name: &str) -> Option<&'t str> {
    let found = answer.root().all("parameter").find(|one| one.text_at("name") == Some(name))?;
    found.children().find(|child| child.name().starts_with("value"))?.text()
}

#[test]
fn codes_are_looked_up_compared_and_translated() {
    let ask = |pairs: &[(&str, &str, &str)]| parameters(pairs);
    let request =
        ask(&[("system", "valueUri", CS), ("code", "valueCode", "cat"), ("displayLanguage", "valueCode", "fr")]);
    let cat = service(&request).lookup(request.root()).unwrap();
    assert_eq!(answered(&cat, "display"), Some("Chat"));
    let parts = cat.root().every("parameter.part");
    assert!(parts.iter().any(|part| part.text_at("valueCode") == Some("animal")));
    for (system, code, kind) in [(CS, "dog", "invalid-code"), ("http://nowhere.invalid", "x", "not-found")] {
        let request = ask(&[("system", "valueUri", system), ("code", "valueCode", code)]);
        let failure = service(&request).lookup(request.root()).unwrap_err();
        assert_eq!((failure.kind, failure.findings[0].kind), (FailureKind::NotFound, Some(kind)));
    }
    for (a, b, outcome) in [
        ("animal", "cat", "subsumes"),
        ("lion", "animal", "subsumed-by"),
        ("lion", "cat", "not-subsumed"),
        ("cat", "cat", "equivalent"),
    ] {
        let request = ask(&[("system", "valueUri", CS), ("codeA", "valueCode", a), ("codeB", "valueCode", b)]);
        let answer = service(&request).subsumes(request.root()).unwrap();
        assert_eq!(answered(&answer, "outcome"), Some(outcome));
    }
    let becomes = |code: &str, target: &str| {
        let request = ask(&[
            ("url", "valueUri", "http://terms.invalid/map"),
            ("system", "valueUri", CS),
            ("code", "valueCode", code),
            ("targetsystem", "valueUri", target),
        ]);
        let answer = service(&request).translate(request.root()).unwrap();
        let parts = answer.root().every("parameter.part");
        let found = parts.iter().find_map(|part| part.text_at("valueCoding.code")).map(str::to_owned);
        (answered(&answer, "result") == Some("true"), found)
    };
    let target = "http://terms.invalid/part";
    assert_eq!(becomes("cat", target), (true, Some("a".into())));
    assert_eq!(becomes("stone", target), (true, Some("z".into())));
    assert_eq!(becomes("cat", "http://elsewhere.invalid"), (false, None));
}

#[test]
fn codes_are_validated_and_what_is_not_here_is_said() {
    let terms = Terminology::new(catalog());
    let wrong = Coding { display: Some("Dog"), ..coding(CS, "cat") };
    assert!(matches!(terms.check(&wrong), CodeVerdict::Known { fits: Some(false), .. }));
    let validate = |set: &str, system: &str, code: &str, display: &str| {
        let url = format!("http://terms.invalid/vs/{set}");
        let request = parameters(&[
            ("url", "valueUri", &url),
            ("system", "valueUri", system),
            ("code", "valueCode", code),
            ("display", "valueString", display),
        ]);
        let answer = service(&request).validate_code(request.root()).unwrap();
        let kinds = answer.root().every("parameter.resource.issue.details.coding.code");
        let kinds: Vec<String> = kinds.iter().filter_map(|kind| kind.text()).map(str::to_owned).collect();
        (answered(&answer, "result") == Some("true"), kinds, answered(&answer, "display").map(str::to_owned))
    };
    assert_eq!(validate("all", CS, "cat", "cat"), (true, vec![], Some("Cat".into())));
    assert_eq!(validate("all", CS, "cat", "Dog"), (false, vec!["invalid-display".into()], Some("Cat".into())));
    assert_eq!(validate("animals", CS, "lion", "Lion"), (false, vec!["not-in-vs".into()], Some("Lion".into())));
    assert_eq!(validate("all", CS, "dog", ""), (false, vec!["not-in-vs".into(), "invalid-code".into()], None));
    assert_eq!(validate("absent", "http://nowhere.invalid/cs", "x", ""), (false, vec!["not-found".into()], None));
    assert_eq!(validate("units", "http://unitsofmeasure.org", "mg/dL", ""), (true, vec![], None));
    assert_eq!(validate("units", "http://unitsofmeasure.org", "[degF]{oral}", ""), (true, vec![], None));
    assert!(!validate("units", "http://unitsofmeasure.org", "mgs per dl", "").0);
}

#[test]
fn resources_that_come_with_a_request_count_for_it() {
    let mut request =
        parameters(&[("url", "valueUri", "urn:uuid:own"), ("coding", "valueCoding", &format!("{CS}#lion"))]);
    let own = r#"{"resourceType":"ValueSet","url":"urn:uuid:own","status":"active",
        "compose":{"include":[{"system":"http://terms.invalid/cs","concept":[{"code":"lion"}]}]}}"#;
    let own = json::read(own.as_bytes(), &Default::default()).unwrap();
    request.edit().item("parameter").set("name", "tx-resource").copy_as("resource", own.root(), false);
    let answer = service(&request).validate_code(request.root()).unwrap();
    assert_eq!(answered(&answer, "result"), Some("true"));
    let batch = parameters(&[]);
    assert!(batch_validate_code(&Terminology::new(catalog()), batch.root(), None).is_err());
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

#[test]
fn a_page_of_a_large_expansion_is_that_of_the_whole() {
    let concepts: Vec<String> = (0..1_500).map(|number| format!(r#"{{"code":"c{number}"}}"#)).collect();
    let system = format!(
        r#"{{"resourceType":"CodeSystem","url":"http://terms.invalid/large","status":"active","content":"complete","concept":[{}]}}"#,
        concepts.join(",")
    );
    let set = r#"{"resourceType":"ValueSet","url":"http://terms.invalid/vs/large","status":"active",
        "compose":{"include":[{"system":"http://terms.invalid/large"}]}}"#;
    let trees = [&*system, set].map(|text| json::read(text.as_bytes(), &Default::default()).unwrap());
    let terms = Terminology::new(Arc::new(Catalog::built_in().with(trees)));
    let page = |more: &[(&str, &str, &str)]| {
        let mut all = vec![("url", "valueUri", "http://terms.invalid/vs/large"), ("count", "valueInteger", "2")];
        all.extend_from_slice(more);
        let request = parameters(&all);
        let expanding = Expanding { now: Instant(0), identifier: "urn:uuid:1".into(), most: 1_000 };
        let mut service = Service::new(&terms, request.root(), None).unwrap();
        let tree = service.expand(request.root(), &expanding).unwrap();
        let total = tree.root().text_at("expansion.total").unwrap().to_owned();
        (total, codes(&tree).join(" "))
    };
    let said = |total: &str, codes: &str| (total.to_owned(), codes.to_owned());
    for _ in 0..2 {
        assert_eq!(page(&[]), said("1500", "c0 c1"));
        assert_eq!(page(&[("offset", "valueInteger", "1499")]), said("1500", "c1499"));
        assert_eq!(
            page(&[("offset", "valueInteger", "9"), ("filter", "valueString", "c14")]),
            said("111", "c148 c149")
        );
    }
}
