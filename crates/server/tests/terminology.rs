//! The terminology service over HTTP, and conformance resources that take effect when they are stored.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]
mod running;

use model::Tree;
use running::{Running, Told, start, start_over};

const SYSTEM: &str = r#"{"resourceType":"CodeSystem","id":"cs","url":"http://terms.invalid/cs","version":"1","name":"Cs",
  "status":"active","content":"complete","concept":[{"code":"animal","display":"Animal",
    "concept":[{"code":"cat","display":"Cat","designation":[{"language":"fr","value":"Chat"}]},{"code":"lion","display":"Lion"}]},
    {"code":"stone","display":"Stone"}]}"#;
const SET: &str = r#"{"resourceType":"ValueSet","id":"vs","url":"http://terms.invalid/vs","status":"active","compose":{"include":[
  {"system":"http://terms.invalid/cs","filter":[{"property":"concept","op":"is-a","value":"animal"}]}]}}"#;
const MAP: &str = r#"{"resourceType":"ConceptMap","id":"cm","url":"http://terms.invalid/cm","status":"active","group":[
  {"source":"http://terms.invalid/cs","target":"http://other.invalid/cs","element":[{"code":"cat","target":[
    {"code":"felis","equivalence":"equivalent"}]}]}]}"#;
const PROFILE: &str = r#"{"resourceType":"StructureDefinition","id":"pet","url":"http://terms.invalid/pet","name":"Pet",
  "status":"active","kind":"resource","abstract":false,"type":"Basic",
  "baseDefinition":"http://hl7.org/fhir/StructureDefinition/Basic","derivation":"constraint","differential":{"element":[
    {"id":"Basic","path":"Basic"},{"id":"Basic.code","path":"Basic.code","binding":{"strength":"required","valueSet":"http://terms.invalid/vs"}},
    {"id":"Basic.subject","path":"Basic.subject","min":1}]}}"#;

fn with_terms() -> Running {
    let server = start(&[]);
    for (path, body) in [("CodeSystem/cs", SYSTEM), ("ValueSet/vs", SET), ("ConceptMap/cm", MAP)] {
        let told = server.put(path, body);
        assert_eq!(told.status, 201, "{}", told.text());
    }
    server
}

fn codes(tree: &Tree) -> Vec<String> {
    let contains = tree.root().descendants().into_iter().filter(|element| element.name() == "contains");
    contains.filter_map(|one| one.text_at("code")).map(str::to_owned).collect()
}

fn value(told: &Told, name: &str) -> Option<String> {
    let tree = told.tree();
    let found = tree.root().all("parameter").find(|one| one.text_at("name") == Some(name))?;
    found.children().find(|child| child.name().starts_with("value"))?.text().map(str::to_owned)
}

fn parameters(pairs: &[(&str, &str)]) -> String {
    let items: Vec<String> =
        pairs.iter().map(|(name, value)| format!(r#"{{"name":"{name}","valueString":"{value}"}}"#)).collect();
    format!(r#"{{"resourceType":"Parameters","parameter":[{}]}}"#, items.join(","))
}

#[test]
fn a_value_set_is_expanded_by_url_by_id_and_from_the_body() {
    let server = with_terms();
    let all = ["animal", "cat", "lion"];
    let by_url = server.get("ValueSet/$expand?url=http://terms.invalid/vs");
    assert_eq!((by_url.status, codes(&by_url.tree())), (200, all.map(str::to_owned).to_vec()), "{}", by_url.text());
    assert_eq!(by_url.tree().root().text_at("expansion.total"), Some("3"));
    assert_eq!(codes(&server.get("ValueSet/vs/$expand?excludeNested=true").tree()), all);
    let posted = server.post("ValueSet/$expand", &parameters(&[("url", "http://terms.invalid/vs"), ("filter", "li")]));
    assert_eq!(codes(&posted.tree()), ["lion"]);
    let page = server.get("ValueSet/$expand?url=http://terms.invalid/vs&offset=1&count=1").tree();
    assert_eq!((codes(&page), page.root().text_at("expansion.offset")), (vec!["cat".to_owned()], Some("1")));
    let own = format!(r#"{{"resourceType":"Parameters","parameter":[{{"name":"valueSet","resource":{SET}}}]}}"#);
    assert_eq!(codes(&server.post("ValueSet/$expand", &own).tree()), all);
    let french = running::told(
        server.client.get(server.url("ValueSet/$expand?url=http://terms.invalid/vs")).header("Accept-Language", "fr"),
    );
    assert!(french.text().contains("Chat"), "{}", french.text());
    assert_eq!(
        codes(&server.get("ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender").tree()).len(),
        4
    );
    server.get("ValueSet/$expand?url=http://nowhere.invalid/vs").refused(404, "not-found");
    server.get("ValueSet/$expand").refused(400, "invalid");
    server.get("ValueSet/none/$expand").refused(404, "not-found");
    server.post("ValueSet/$expand", SET).refused(400, "invalid");
}

#[test]
fn codes_are_validated_looked_up_compared_and_translated() {
    let server = with_terms();
    let valid = |path: &str| {
        let told = server.get(path);
        assert_eq!(told.status, 200, "{path}: {}", told.text());
        value(&told, "result").unwrap()
    };
    let set = "ValueSet/$validate-code?url=http://terms.invalid/vs&system=http://terms.invalid/cs";
    assert_eq!(valid(&format!("{set}&code=cat&display=Cat")), "true");
    assert_eq!(valid(&format!("{set}&code=stone")), "false");
    assert_eq!(valid(&format!("{set}&code=cat&display=Dog")), "false");
    assert_eq!(valid("ValueSet/vs/$validate-code?coding=http://terms.invalid/cs%7Clion"), "true");
    assert_eq!(valid("CodeSystem/$validate-code?url=http://terms.invalid/cs&code=stone"), "true");
    assert_eq!(valid("CodeSystem/cs/$validate-code?code=dog"), "false");
    assert_eq!(valid("CodeSystem/$validate-code?url=http://unitsofmeasure.org&code=mg/dL"), "true");
    let lookup = server.get("CodeSystem/$lookup?system=http://terms.invalid/cs&code=cat&displayLanguage=fr");
    assert_eq!(value(&lookup, "display").as_deref(), Some("Chat"));
    server.get("CodeSystem/$lookup?system=http://terms.invalid/cs&code=dog").refused(404, "not-found");
    server.get("CodeSystem/$lookup?code=dog").refused(400, "invalid");
    let subsumes = server.get("CodeSystem/$subsumes?system=http://terms.invalid/cs&codeA=animal&codeB=lion");
    assert_eq!(value(&subsumes, "outcome").as_deref(), Some("subsumes"));
    let below = server.get("CodeSystem/cs/$subsumes?codeA=lion&codeB=animal");
    assert_eq!(value(&below, "outcome").as_deref(), Some("subsumed-by"));
    let translated =
        "ConceptMap/$translate?system=http://terms.invalid/cs&code=cat&targetsystem=http://other.invalid/cs";
    assert_eq!(valid(translated), "true");
    assert!(server.get("ConceptMap/cm/$translate?system=http://terms.invalid/cs&code=cat").text().contains("felis"));
    let question = |code: &str| {
        format!(
            r#"{{"name":"validation","resource":{}}}"#,
            parameters(&[("url", "http://terms.invalid/vs"), ("system", "http://terms.invalid/cs"), ("code", code)])
        )
    };
    let batch = format!(r#"{{"resourceType":"Parameters","parameter":[{},{}]}}"#, question("cat"), question("stone"));
    let answers = server.post("ValueSet/$batch-validate-code", &batch).tree();
    let results: Vec<Option<&str>> = answers
        .root()
        .all("parameter")
        .map(|one| {
            let mut parts = one.get("resource").unwrap().all("parameter");
            parts.find(|part| part.text_at("name") == Some("result")).and_then(|part| part.text_at("valueBoolean"))
        })
        .collect();
    assert_eq!(results, [Some("true"), Some("false")]);
}

#[test]
fn what_the_terminology_service_knows_is_declared() {
    let server = with_terms();
    let statement = server.get("metadata?mode=terminology").tree();
    assert_eq!(statement.resource_type(), "TerminologyCapabilities");
    let systems = statement.root().every("codeSystem.uri");
    assert!(systems.iter().any(|uri| uri.text() == Some("http://terms.invalid/cs")));
    let issues = server.post("$validate", &model::json::to_string(statement.root())).tree();
    let severe = issues.root().every("issue.severity");
    assert!(severe.iter().all(|one| one.text() != Some("error")), "{}", model::json::to_string(issues.root()));
    let statement = server.get("metadata").tree();
    for (resource_type, operations) in [
        ("ValueSet", &["expand", "validate-code", "batch-validate-code"][..]),
        ("CodeSystem", &["validate-code", "lookup", "subsumes"]),
        ("ConceptMap", &["translate"]),
    ] {
        let declared = statement.root().get("rest").unwrap();
        let item = declared.all("resource").find(|one| one.text_at("type") == Some(resource_type)).unwrap();
        let names = item.every("operation.name");
        for operation in operations.iter().filter(|name| **name != "batch-validate-code") {
            assert!(names.iter().any(|name| name.text() == Some(operation)), "{resource_type} {operation}");
        }
    }
}

/// The severities of issues at `Basic.code` and `Basic.subject` of a Basic held against the profile.
fn judged(server: &Running, code: &str) -> Vec<String> {
    let body = format!(
        r#"{{"resourceType":"Basic","code":{{"coding":[{{"system":"http://terms.invalid/cs","code":"{code}"}}]}},
            "subject":{{"reference":"Patient/1"}}}}"#
    );
    let issues = server.post("Basic/$validate?profile=http://terms.invalid/pet", &body).tree();
    let counts = |issue: &model::Element<'_>| {
        issue.text_at("severity") != Some("information") && issue.text_at("code") != Some("invariant")
    };
    let items = issues.root().all("issue").filter(counts);
    items.map(|issue| format!("{} {}", issue.text_at("severity").unwrap(), issue.text_at("code").unwrap())).collect()
}

#[test]
fn stored_conformance_resources_count_from_the_next_request_on_and_no_longer_when_deleted() {
    let store = server::store::open("memory", std::path::Path::new("")).unwrap();
    let server = start_over(store.clone(), &[]);
    assert!(judged(&server, "cat").contains(&"error not-found".to_owned()), "the profile is not known");
    assert_eq!(server.put("StructureDefinition/pet", PROFILE).status, 201);
    assert_eq!(judged(&server, "cat").first().map(String::as_str), Some("warning not-found"), "nor the value set");
    let bundle = format!(
        r#"{{"resourceType":"Bundle","type":"transaction","entry":[
            {{"resource":{SYSTEM},"request":{{"method":"PUT","url":"CodeSystem/cs"}}}},
            {{"resource":{SET},"request":{{"method":"PUT","url":"ValueSet/vs"}}}}]}}"#
    );
    assert_eq!(server.post("", &bundle).status, 200);
    assert_eq!(judged(&server, "cat"), [] as [&str; 0]);
    assert!(judged(&server, "stone").contains(&"error code-invalid".to_owned()));
    let moved = SET.replace("is-a", "=").replace("\"animal\"", "\"stone\"");
    assert_eq!(server.put("ValueSet/vs", &moved).status, 200);
    assert!(judged(&server, "cat").contains(&"error code-invalid".to_owned()));
    assert_eq!(judged(&server, "stone"), [] as [&str; 0]);
    drop(server);
    let server = start_over(store, &[]);
    assert_eq!(judged(&server, "stone"), [] as [&str; 0], "after a restart");
    let renamed = moved.replace("http://terms.invalid/vs", "http://terms.invalid/other");
    assert_eq!(server.put("ValueSet/vs", &renamed).status, 200);
    assert_eq!(judged(&server, "stone"), ["warning not-found"], "the old url is gone");
    server.get("ValueSet/$expand?url=http://terms.invalid/vs").refused(404, "not-found");
    assert_eq!(server.get("ValueSet/$expand?url=http://terms.invalid/other").status, 200);
    assert_eq!(server.delete("StructureDefinition/pet").status, 204);
    assert!(judged(&server, "cat").contains(&"error not-found".to_owned()), "the profile is gone");
}

#[test]
fn conformance_resources_stored_at_once_are_all_there() {
    let server = start(&[]);
    std::thread::scope(|scope| {
        for number in 0..8 {
            let server = &server;
            scope.spawn(move || {
                let id = format!("vs{number}");
                let body = SET.replace("\"vs\"", &format!("\"{id}\"")).replace("invalid/vs", &format!("invalid/{id}"));
                assert_eq!(server.put(&format!("ValueSet/{id}"), &body).status, 201);
                assert_eq!(server.put(&format!("ValueSet/{id}"), &body.replace("animal", "stone")).status, 200);
            });
        }
    });
    server.put("CodeSystem/cs", SYSTEM);
    for number in 0..8 {
        let told = server.get(&format!("ValueSet/$expand?url=http://terms.invalid/vs{number}"));
        assert_eq!(codes(&told.tree()), ["stone"], "{number}");
    }
}

#[test]
fn a_stored_questionnaire_is_what_responses_are_held_against_until_it_is_deleted() {
    let server = start(&[]);
    let form = r#"{"resourceType":"Questionnaire","id":"form","url":"http://terms.invalid/form","status":"active",
      "item":[{"linkId":"age","type":"integer","required":true},{"linkId":"note","type":"string"}]}"#;
    let response = |answer: &str| {
        let body = format!(
            r#"{{"resourceType":"QuestionnaireResponse","status":"completed","questionnaire":"http://terms.invalid/form",
              "item":[{{"linkId":"age","answer":[{{{answer}}}]}}]}}"#
        );
        let told = server.post("QuestionnaireResponse/$validate", &body).tree();
        let issues: Vec<_> = told.root().all("issue").collect();
        issues.iter().any(|issue| issue.text_at("severity") == Some("error"))
    };
    let wrong = r#""valueString":"old""#;
    assert!(!response(wrong), "nobody knows the questionnaire yet");
    assert_eq!(server.put("Questionnaire/form", form).status, 201);
    assert!(response(wrong));
    assert!(!response(r#""valueInteger":81"#));
    server.delete("Questionnaire/form");
    assert!(!response(wrong));
}
