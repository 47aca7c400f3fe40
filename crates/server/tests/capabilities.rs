//! What the CapabilityStatement declares is done, and nothing else is.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]
mod running;

use std::collections::BTreeSet;

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
