//! What the CapabilityStatement declares is done, and nothing else is.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]
mod running;

use std::collections::BTreeSet;

use interaction::Method;
use interaction::table::Row;
use model::Element;
use running::{Running, start, told};

fn codes(element: Element<'_>, path: &str) -> BTreeSet<String> {
    element.every(path).iter().filter_map(|code| code.text()).map(str::to_owned).collect()
}

/// The status of the request that a declared interaction of a type stands for.
fn status_of(server: &Running, resource_type: &str, interaction: &str) -> u16 {
    let path = |rest: &str| server.url(&format!("{resource_type}{rest}"));
    let body = "{}";
    let json =
        |request: reqwest::blocking::RequestBuilder| request.header("Content-Type", "application/fhir+json").body(body);
    let client = &server.client;
    let request = match interaction {
        "read" => client.get(path("/none")),
        "vread" => client.get(path("/none/_history/1")),
        "create" => json(client.post(path(""))),
        "update" => json(client.put(path("/none"))),
        "patch" => json(client.patch(path("/none"))),
        "delete" => client.delete(path("/none")),
        "history-instance" => client.get(path("/none/_history")),
        "history-type" => client.get(path("/_history")),
        "search-type" => client.get(path("?_count=1")),
        other => panic!("{other} is declared, and unknown to this test"),
    };
    told(request).status
}

#[test]
fn every_declared_interaction_is_answered_as_one_that_is_known() {
    let server = start(&[]);
    let statement = server.get("metadata").tree();
    let rest = statement.root().get("rest").unwrap();
    assert_eq!(statement.root().text_at("fhirVersion"), Some("4.0.1"));
    for resource in rest.all("resource") {
        let resource_type = resource.text_at("type").unwrap();
        for interaction in codes(resource, "interaction.code") {
            let status = status_of(&server, resource_type, &interaction);
            let expected: &[u16] = match interaction.as_str() {
                "read" | "vread" | "history-instance" => &[404],
                "create" | "update" | "patch" => &[400, 404],
                "delete" => &[204],
                _ => &[200],
            };
            assert!(expected.contains(&status), "{resource_type} {interaction}: {status}");
        }
    }
    for interaction in codes(rest, "interaction.code") {
        let status = match interaction.as_str() {
            "batch" | "transaction" => {
                let body = format!(r#"{{"resourceType":"Bundle","type":"{interaction}"}}"#);
                server.post("", &body).status
            }
            "history-system" => server.get("_history").status,
            "search-system" => server.get("?_type=Patient").status,
            "capabilities" => server.get("metadata").status,
            other => panic!("{other} is declared, and unknown to this test"),
        };
        assert_eq!(status, 200, "{interaction}");
    }
}

/// Requirements A-01, A-02, A-03: what it claims to be, and the guides that it serves; each category has pairs of source and document.
#[test]
fn actors_and_guides_are_those_of_the_european_api() {
    let server = start(&[]);
    let statement = server.get("metadata").tree();
    let root = statement.root();
    assert_eq!((root.text_at("kind"), root.text_at("fhirVersion")), (Some("instance"), Some("4.0.1")));
    let actors = codes(root, "instantiates");
    for actor in ["document-access-provider-eu-api", "resource-access-provider-eu-api", "EEHRxF-DocumentAccessProvider"]
    {
        assert!(actors.contains(&format!("http://hl7.eu/fhir/health-data-api/CapabilityStatement/{actor}")), "{actor}");
    }
    let guides: Vec<String> = codes(root, "implementationGuide")
        .iter()
        .filter_map(|guide| guide.split_once('|'))
        .map(|(guide, _)| guide.rsplit('/').next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(guides, ["eps", "hdr", "imaging", "laboratory", "mpd"]);
}

#[test]
fn what_is_done_is_declared() {
    let server = start(&[]);
    let statement = server.get("metadata").tree();
    let rest = statement.root().get("rest").unwrap();
    let patient = rest.all("resource").find(|resource| resource.text_at("type") == Some("Patient")).unwrap();
    let declared = codes(patient, "interaction.code");
    for interaction in
        ["read", "vread", "create", "update", "patch", "delete", "history-instance", "history-type", "search-type"]
    {
        let known = !matches!(status_of(&server, "Patient", interaction), 405);
        assert_eq!(known, declared.contains(interaction), "{interaction}");
    }
    let operations = codes(rest, "operation.name");
    for row in interaction::table::ROWS {
        if let Some(name) = row.name.strip_prefix('$').filter(|_| row.types.is_empty()) {
            assert!(operations.contains(name), "{name} is done, and not declared");
        }
    }
    server.get("Patient/$nonsense").refused(404, "not-supported");
}

/// A value that a parameter of a type can have.
fn value(of: &str) -> &'static str {
    match of {
        "date" => "2024-01",
        "number" | "quantity" => "1",
        "reference" => "Patient/a",
        "uri" => "http://example.org",
        "special" => "1.0|1.0|1|km",
        _ => "a",
    }
}

#[test]
fn every_declared_search_parameter_is_understood_and_no_other() {
    let server = start(&[]);
    let statement = server.get("metadata").tree();
    let rest = statement.root().get("rest").unwrap();
    let mut count = 0;
    for resource in rest.all("resource") {
        let resource_type = resource.text_at("type").unwrap();
        for parameter in resource.all("searchParam") {
            let (name, of) = (parameter.text_at("name").unwrap(), parameter.text_at("type").unwrap());
            let answer = server.get(&format!("{resource_type}?{name}={}&_count=1", value(of)));
            // A composite is of the right form only where each part is; it is known all the same.
            let known = answer.status == 200 || !answer.text().contains("\"not-supported\"");
            assert!(known, "{resource_type}?{name}: {} {}", answer.status, answer.text());
            count += 1;
        }
        server.get(&format!("{resource_type}?nonsense=1")).refused(400, "not-supported");
    }
    assert!(count > 2_000, "{count}");
}

#[test]
fn no_type_takes_a_parameter_that_it_does_not_declare() {
    let server = start(&[]);
    let statement = server.get("metadata").tree();
    let rest = statement.root().get("rest").unwrap();
    let all: BTreeSet<String> = rest.all("resource").flat_map(|resource| codes(resource, "searchParam.name")).collect();
    for (turn, resource) in rest.all("resource").enumerate() {
        let resource_type = resource.text_at("type").unwrap();
        let own = codes(resource, "searchParam.name");
        // Of each type another fifth of all names: all of them would take minutes.
        let others: Vec<&String> = all.iter().filter(|name| !own.contains(*name)).skip(turn % 5).step_by(5).collect();
        let form: Vec<String> = others.iter().map(|name| format!("{name}=1")).collect();
        let request = server.client.post(server.url(&format!("{resource_type}/_search")));
        let request = request.header("Content-Type", "application/x-www-form-urlencoded");
        let answer = told(request.header("Prefer", "handling=lenient").body(form.join("&")));
        assert_eq!(answer.status, 200, "{resource_type}: {}", answer.text());
        let tree = answer.tree();
        let outcome = tree.root().every("entry.resource.issue");
        assert_eq!(outcome.len(), others.len(), "{resource_type}: {}", answer.text());
        assert_eq!(tree.root().text_at("link.url"), Some(server.url(resource_type).as_str()), "all are left out");
    }
}

#[test]
fn every_declared_include_is_understood_and_no_other() {
    let server = start(&[]);
    let statement = server.get("metadata").tree();
    let rest = statement.root().get("rest").unwrap();
    for resource in rest.all("resource") {
        let resource_type = resource.text_at("type").unwrap();
        let includes = codes(resource, "searchInclude");
        let back = codes(resource, "searchRevInclude");
        let forward = includes.iter().map(|include| format!("_include={include}"));
        let query: Vec<String> = forward.chain(back.iter().map(|include| format!("_revinclude={include}"))).collect();
        let answer = server.get(&format!("{resource_type}?_count=1&{}", query.join("&")));
        assert_eq!(answer.status, 200, "{resource_type}: {}", answer.text());
        let references: BTreeSet<String> = resource
            .all("searchParam")
            .filter(|parameter| parameter.text_at("type") == Some("reference"))
            .filter_map(|parameter| Some(format!("{resource_type}:{}", parameter.text_at("name")?)))
            .chain(["*".to_owned()])
            .collect();
        assert_eq!(includes, references, "{resource_type}");
        for wrong in ["_include", "_revinclude"] {
            let path = format!("{resource_type}?{wrong}={resource_type}:nonsense");
            server.get(&path).refused(400, "not-supported");
        }
    }
}

#[test]
fn every_declared_form_is_taken_and_no_other() {
    let server = start(&[]);
    server.put("Patient/p", r#"{"resourceType":"Patient","id":"p"}"#);
    let statement = server.get("metadata").tree();
    for format in codes(statement.root(), "format") {
        let asked = format.replace('+', "%2B");
        assert_eq!(server.get(&format!("Patient/p?_format={asked}")).status, 200, "{format}");
    }
    let patch = |format: &str, body: &'static str| {
        told(server.client.patch(server.url("Patient/p")).header("Content-Type", format).body(body)).status
    };
    let declared = codes(statement.root(), "patchFormat");
    for (format, body) in [
        ("application/json-patch+json", "[]"),
        (
            "application/xml-patch+xml",
            r#"<diff xmlns="http://hl7.org/fhir"><add sel="Patient"><active value="true"/></add></diff>"#,
        ),
        ("application/fhir+json", r#"{"resourceType":"Parameters"}"#),
        ("application/fhir+xml", r#"<Parameters xmlns="http://hl7.org/fhir"/>"#),
        ("application/merge-patch+json", "{}"),
        ("text/plain", "[]"),
    ] {
        let status = patch(format, body);
        assert_eq!(status == 200, declared.contains(format), "{format}: {status}");
        assert_eq!(status == 415, !declared.contains(format), "{format}: {status}");
    }
}

#[test]
fn every_declared_condition_is_one() {
    let server = start(&[]);
    let statement = server.get("metadata").tree();
    for resource in statement.root().get("rest").unwrap().all("resource") {
        let says = |name: &str| resource.text_at(name).unwrap();
        assert_eq!(
            (says("versioning"), says("readHistory"), says("updateCreate")),
            ("versioned-update", "true", "true")
        );
        assert_eq!((says("conditionalRead"), says("conditionalDelete")), ("full-support", "multiple"));
        assert_eq!((says("conditionalCreate"), says("conditionalUpdate")), ("true", "true"));
        let path = server.url(&format!("{}?_id=none", says("type")));
        let json = |request: reqwest::blocking::RequestBuilder, content: &str, body: &'static str| {
            told(request.header("Content-Type", content).header("If-None-Exist", "_id=none").body(body)).status
        };
        let client = &server.client;
        assert_eq!(told(client.delete(&path)).status, 204, "{path}");
        // The condition is met by none; the body is refused.
        assert_eq!(json(client.put(&path), "application/fhir+json", "{}"), 400, "{path}");
        assert_eq!(json(client.post(server.url(says("type"))), "application/fhir+json", "{}"), 400, "{path}");
        assert_eq!(json(client.patch(&path), "application/json-patch+json", "[]"), 404, "{path}");
    }
}

#[test]
fn every_declared_operation_is_known_and_no_other() {
    let server = start(&[]);
    let statement = server.get("metadata").tree();
    let rest = statement.root().get("rest").unwrap();
    let is_known = |path: &str| {
        let answers = [server.get(path), server.post(path, r#"{"resourceType":"Parameters"}"#)];
        answers.iter().any(|answer| answer.status != 405 && !answer.text().contains("is not known here."))
    };
    let mut declared: BTreeSet<(String, String)> = BTreeSet::new();
    for (resource_type, element) in
        rest.all("resource").map(|one| (one.text_at("type").unwrap(), one)).chain([("", rest)])
    {
        for operation in element.all("operation") {
            let (name, definition) = (operation.text_at("name").unwrap(), operation.text_at("definition").unwrap());
            assert!(definition.contains(':'), "{definition}");
            declared.insert((resource_type.to_owned(), name.to_owned()));
        }
    }
    for (resource_type, name) in &declared {
        let of_type = if resource_type.is_empty() { "Patient" } else { resource_type };
        let paths = [format!("${name}"), format!("{of_type}/${name}"), format!("{of_type}/a/${name}")];
        assert!(paths.iter().any(|path| is_known(path)), "{resource_type} ${name} is declared, and not done");
    }
    for row in interaction::table::ROWS.iter().filter(|row| row.name.starts_with('$')) {
        let types: &[&str] = if row.types.is_empty() { &[""] } else { row.types };
        for resource_type in types {
            let name = row.name.trim_start_matches('$').to_owned();
            let of_all = declared.contains(&(String::new(), name.clone()));
            assert!(of_all || declared.contains(&((*resource_type).to_owned(), name)), "{} is not declared", row.name);
        }
    }
    // An operation can always be posted: http://hl7.org/fhir/R4/operations.html#executing
    for row in interaction::table::ROWS.iter().filter(|row| row.word == row.name && row.method == Method::Get) {
        let posted = |other: &Row| other.word == row.word && other.level == row.level && other.method == Method::Post;
        assert!(interaction::table::ROWS.iter().any(posted), "{} {:?} by POST", row.name, row.level);
    }
    for path in ["$nonsense", "Patient/$nonsense", "Patient/a/$nonsense", "Observation/a/$everything", "Patient/$lastn"]
    {
        assert!(!is_known(path), "{path}");
    }
}

#[test]
fn what_is_asked_of_all_patients_is_refused_where_that_is_configured() {
    let server = start(&[("broad-search", "refuse"), ("cors-origins", "http://localhost:1")]);
    let statement = server.get("metadata").tree();
    assert_eq!(statement.root().text_at("rest.security.cors"), Some("true"));
    server.put("Patient/p", r#"{"resourceType":"Patient","id":"p"}"#);
    for path in [
        "Patient",
        "Patient?name=a",
        "Patient?identifier:missing=false",
        "Patient?birthdate=2020",
        "Condition",
        "Condition?code=1",
        "Condition?patient:missing=false",
        "Observation/$lastn?code=1",
        "Patient/_history",
        "_history",
        "?_type=Patient",
        "$export",
        "Patient/$everything",
    ] {
        server.get(path).refused(403, "forbidden");
    }
    for path in [
        "Patient/p",
        "Patient?identifier=urn:oid:2.999|1",
        "Patient?birthdate=2020&name=a",
        "Condition?patient=p",
        "Condition?patient.identifier=1",
        "Observation/$lastn?patient=p",
        "Patient/p/Condition",
        "Patient/p/$everything",
        "Patient/p/_history",
        "Practitioner?name=a",
    ] {
        assert_eq!(server.get(path).status, 200, "{path}");
    }
    assert_eq!(start(&[]).get("Condition?code=1").status, 200, "by default it is answered");
}
