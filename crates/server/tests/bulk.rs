//! Bulk export and import, and the OpenAPI description, driven over HTTP.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]
mod running;

use std::collections::BTreeSet;

use running::{Running, Told, start, start_over, told};

fn import(server: &Running, lines: &[String]) -> Told {
    let request = server.client.post(server.url("$import")).header("Content-Type", "application/fhir+ndjson");
    told(request.body(lines.join("\n")))
}

fn observation(id: &str, patient: &str, status: &str) -> String {
    format!(
        r#"{{"resourceType":"Observation","id":"{id}","status":"{status}","code":{{"text":"c"}},"subject":{{"reference":"Patient/{patient}"}}}}"#
    )
}

/// Three patients with 300 observations each, an organization, a group of the first two.
fn filled(server: &Running) {
    let mut lines = vec![r#"{"resourceType":"Organization","id":"o","name":"O"}"#.to_owned()];
    for patient in ["a", "b", "c"] {
        lines.push(format!(r#"{{"resourceType":"Patient","id":"{patient}"}}"#));
        for number in 0..300 {
            let status = if number % 3 == 0 { "final" } else { "amended" };
            lines.push(observation(&format!("{patient}{number}"), patient, status));
        }
    }
    lines.push(
        r#"{"resourceType":"Group","id":"g","type":"person","actual":true,"member":[{"entity":{"reference":"Patient/a"}},
        {"entity":{"reference":"Patient/b"}},{"entity":{"reference":"Patient/c"},"inactive":true}]}"#
            .replace('\n', " "),
    );
    let told = import(server, &lines);
    assert_eq!(told.status, 200, "{}", told.text());
    assert_eq!(told.tree().root().text_at("parameter.valueInteger"), Some("905"), "{}", told.text());
}

/// The place to ask about an export that is begun.
fn begin(server: &Running, path: &str) -> String {
    let begun = told(server.client.get(server.url(path)).header("Prefer", "respond-async"));
    assert_eq!(begun.status, 202, "{}", begun.text());
    begun.header("content-location").to_owned()
}

/// Types of the files, and the names of all resources in them.
fn files(server: &Running, status: &str) -> (BTreeSet<String>, Vec<String>) {
    let manifest = server.get(status);
    assert_eq!((manifest.status, manifest.header("content-type")), (200, "application/json"), "{}", manifest.text());
    let text = manifest.text();
    assert!(text.contains(r#""transactionTime":"#) && text.contains(r#""requiresAccessToken":false"#), "{text}");
    let mut types = BTreeSet::new();
    let mut names = Vec::new();
    for url in text.split(r#""url":""#).skip(1).filter_map(|rest| rest.split('"').next()) {
        types.insert(url.rsplit('=').next().unwrap().to_owned());
        let file = told(server.client.get(url).header("Accept", "application/fhir+ndjson"));
        assert_eq!(file.header("content-type"), "application/fhir+ndjson");
        for line in file.text().lines() {
            let tree = model::json::read(line.as_bytes(), &Default::default()).unwrap();
            names.push(format!("{}/{}", tree.resource_type(), tree.root().text_at("id").unwrap()));
        }
    }
    (types, names)
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn an_export_is_as_of_its_beginning_and_has_each_resource_once() {
    let server = start(&[]);
    filled(&server);
    let status = begin(&server, "$export");
    server.put("Observation/late", &observation("late", "a", "final"));
    server.delete("Observation/a0");
    let (types, names) = files(&server, &status);
    assert_eq!(types, set(&["Group", "Observation", "Organization", "Patient"]));
    assert_eq!(names.len(), 905);
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), 905, "none twice");
    assert!(names.contains(&"Observation/a0".to_owned()) && !names.contains(&"Observation/late".to_owned()));
    let (_, now) = files(&server, &begin(&server, "$export?_type=Observation"));
    assert!(now.contains(&"Observation/late".to_owned()) && now.len() == 900);
}

#[test]
fn patients_and_groups_are_exported_by_their_compartments() {
    let server = start(&[]);
    filled(&server);
    let (types, names) = files(&server, &begin(&server, "Patient/$export"));
    assert_eq!(types, set(&["Group", "Observation", "Patient"]), "the Group is of its members' compartments");
    assert_eq!(names.len(), 904);
    let (types, names) = files(&server, &begin(&server, "Group/g/$export?_type=Observation,Patient"));
    assert_eq!((types, names.len()), (set(&["Observation", "Patient"]), 602));
    assert!(names.iter().all(|name| !name.ends_with("/c") && !name.contains("/c")));
    let filtered = "Group/g/$export?_type=Observation&_typeFilter=Observation%3Fstatus%3Dfinal";
    assert_eq!(files(&server, &begin(&server, filtered)).1.len(), 200);
    let broken = "Group/g/$export?_type=Observation&_typeFilter=Observation%3Fstatus%3D%0Afinal";
    assert_eq!(files(&server, &begin(&server, broken)).1.len(), 200, "a line break loses no filter");
    let future = files(&server, &begin(&server, "$export?_since=2999-01-01T00:00:00Z"));
    assert_eq!((future.0.len(), future.1.len()), (0, 0), "there is no file without a line");
    let one = r#"{"resourceType":"Parameters","parameter":[{"name":"patient","valueReference":{"reference":"Patient/b"}},
        {"name":"_type","valueString":"Observation"}]}"#;
    let status = server.post("Patient/$export", one).header("content-location").to_owned();
    assert_eq!(files(&server, &status).1.len(), 300);
}

#[test]
fn what_was_deleted_since_is_told() {
    let server = start(&[]);
    filled(&server);
    let before = server.get("Observation/a2").tree().root().text_at("meta.lastUpdated").unwrap().replace('+', "%2B");
    for id in ["a0", "a1", "b0", "c0"] {
        server.delete(&format!("Observation/{id}"));
    }
    server.put("Observation/a1", &observation("a1", "a", "final"));
    server.delete("Organization/o");
    let deleted = |path: &str| {
        let manifest = server.get(&begin(&server, path)).text();
        let url =
            manifest.split(r#""deleted":[{"type":"Bundle","url":""#).nth(1).map(|rest| rest.split('"').next().unwrap());
        let file = url.map_or_else(String::new, |url| server.get(url).text());
        let lines = file.lines().map(|line| model::json::read(line.as_bytes(), &Default::default()).unwrap());
        let mut found = Vec::new();
        for line in lines {
            let entry = line.root().get("entry").unwrap();
            assert_eq!(line.root().text_at("type"), Some("transaction"));
            assert_eq!(entry.text_at("request.method"), Some("DELETE"));
            found.push(entry.text_at("request.url").unwrap().to_owned());
        }
        found
    };
    let since = |path: &str| deleted(&format!("{path}_since={before}"));
    assert_eq!(since("$export?"), ["Observation/a0", "Observation/b0", "Observation/c0", "Organization/o"]);
    assert_eq!(since("$export?_type=Organization&"), ["Organization/o"]);
    assert_eq!(since("Patient/$export?"), ["Observation/a0", "Observation/b0", "Observation/c0"]);
    assert_eq!(since("Group/g/$export?"), ["Observation/a0", "Observation/b0"]);
    assert_eq!(since("Patient/$export?patient=Patient/c&"), ["Observation/c0"]);
    assert_eq!(deleted("$export"), [""; 0], "without _since nothing was there before");
    assert_eq!(deleted("$export?_since=2999"), [""; 0]);
}

#[test]
fn only_the_elements_that_are_asked_for_are_exported() {
    let server = start(&[]);
    filled(&server);
    let lines = |elements: &str, of: &str| {
        let status = begin(&server, &format!("$export?_elements={elements}"));
        let text = server.get(&status.replace("-status", "-output").replace("job", &format!("type={of}&job"))).text();
        let tree = model::json::read(text.lines().next().unwrap().as_bytes(), &Default::default()).unwrap();
        tree.root().children().map(|child| child.name().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(lines("Observation.subject", "Observation"), ["id", "meta", "status", "code", "subject"]);
    assert_eq!(lines("Observation.subject", "Organization"), ["id", "meta", "name"], "of other types all");
    assert_eq!(lines("subject", "Organization"), ["id", "meta"]);
    server.get("$export?_elements=Observation.sub.ject").refused(400, "invalid");
    server.get("$export?_elements=Nonsense.a").refused(400, "invalid");
}

#[test]
fn what_is_no_export_is_refused_and_one_that_is_ended_is_gone() {
    let server = start(&[]);
    for (path, status, code) in [
        ("$export?_type=Nonsense", 400, "invalid"),
        ("$export?_since=yesterday", 400, "invalid"),
        ("$export?_outputFormat=csv", 400, "invalid"),
        ("$export?nonsense=1", 400, "invalid"),
        ("$export?_typeFilter=nonsense", 400, "invalid"),
        ("$export?_typeFilter=Patient%3Fnonsense%3D1", 400, "not-supported"),
        ("Group/none/$export", 404, "not-found"),
        ("$export-status", 404, "not-found"),
        ("$export-output?job=none&type=Patient", 404, "not-found"),
        ("$export?organizeOutputBy=Patient", 400, "invalid"),
    ] {
        server.get(path).refused(status, code);
    }
    let status = begin(&server, "$export");
    assert_eq!(server.get(&status).status, 200);
    assert_eq!(server.delete(&status).status, 202);
    server.get(&status).refused(404, "not-found");
    server.delete(&status).refused(404, "not-found");
}

#[test]
fn an_export_goes_on_after_a_restart() {
    let store = server::store::open("memory", std::path::Path::new("")).unwrap();
    let first = start_over(store.clone(), &[]);
    filled(&first);
    let status = begin(&first, "$export");
    let path = status.strip_prefix(&format!("{}/", first.base)).unwrap().to_owned();
    drop(first);
    let second = start_over(store, &[]);
    assert_eq!(files(&second, &path).1.len(), 905);
}

#[test]
fn lines_that_are_refused_stop_none_of_the_others() {
    let server = start(&[]);
    let lines = [
        r#"{"resourceType":"Patient","id":"a"}"#,
        "nonsense",
        "",
        r#"{"resourceType":"Patient","id":"b","nonsense":1}"#,
        r#"{"resourceType":"Nonsense"}"#,
        r#"{"resourceType":"Patient","id":"a","active":true}"#,
        r#"{"resourceType":"Patient"}"#,
    ];
    let told = import(&server, &lines.map(str::to_owned));
    let tree = told.tree();
    let counts: Vec<&str> =
        tree.root().every("parameter.valueInteger").iter().filter_map(|count| count.text()).collect();
    assert_eq!(counts, ["3", "3"], "{}", told.text());
    assert!(told.text().contains("Line 2: ") && told.text().contains("Line 4: ") && told.text().contains("Line 5: "));
    assert_eq!(server.get("Patient/a").header("etag"), "W/\"2\"");
    let text = server.client.post(server.url("$import")).header("Content-Type", "text/csv").body("a,b");
    running::told(text).refused(415, "not-supported");
}

#[test]
fn the_description_holds_what_is_done_and_nothing_else() {
    let server = start(&[]);
    let root = server.base.trim_end_matches("/fhir");
    let text = server.get(&format!("{root}/openapi.json")).text();
    assert_eq!(text.matches('{').count(), text.matches('}').count());
    for path in ["/Patient/{id}", "/Patient/_search", "/metadata", "/Patient/{id}/$everything", "/Observation/$lastn"] {
        assert!(text.contains(&format!("\"{path}\":{{")), "{path}");
    }
    assert!(!text.contains("\"/Observation/{id}/$everything\""));
    assert!(text.contains(r#""name":"birthdate","in":"query","description":"date""#));
}

#[test]
fn a_manifest_names_files_that_are_here() {
    use base64::Engine;
    let server = start(&[]);
    let lines = format!("{}\n{}\n", r#"{"resourceType":"Patient","id":"a"}"#, r#"{"resourceType":"Patient","id":"b"}"#);
    let post = server.client.post(server.url("Binary")).header("Content-Type", "application/fhir+ndjson");
    let binary = told(post.body(lines)).tree().root().text_at("id").unwrap().to_owned();
    let data = base64::engine::general_purpose::STANDARD.encode(observation("o", "a", "final"));
    let input = |of: &str, url: &str| {
        format!(
            r#"{{"name":"input","part":[{{"name":"type","valueCode":"{of}"}},{{"name":"url","valueUrl":"{url}"}}]}}"#
        )
    };
    let manifest = |inputs: &[String]| {
        let body = format!(
            r#"{{"resourceType":"Parameters","parameter":[{{"name":"inputFormat","valueCode":"application/fhir+ndjson"}},{}]}}"#,
            inputs.join(",")
        );
        server.post("$import", &body)
    };
    let inputs = [
        input("Patient", &format!("{}/Binary/{binary}", server.base)),
        input("Observation", &format!("data:application/fhir+ndjson;base64,{data}")),
        input("Observation", &format!("Binary/{binary}")),
    ];
    let told = manifest(&inputs);
    let tree = told.tree();
    let counts: Vec<&str> =
        tree.root().every("parameter.valueInteger").iter().filter_map(|count| count.text()).collect();
    assert_eq!(counts, ["3", "2"], "{}", told.text());
    assert!(told.text().contains("Input 3: Line 2: It is a Patient"), "{}", told.text());
    assert_eq!(server.get("Observation?patient=a").tree().root().text_at("total"), Some("1"));
    manifest(&[input("Patient", "https://elsewhere.example.org/patients.ndjson")]).refused(400, "invalid");
    manifest(&[input("Nonsense", "data:text/plain;base64,")]).refused(400, "invalid");
    manifest(&[input("Patient", "Binary/none")]).refused(404, "not-found");
    manifest(&[r#"{"name":"nonsense","valueCode":"x"}"#.to_owned()]).refused(400, "invalid");
    server.post("$import", r#"{"resourceType":"Parameters"}"#).refused(400, "invalid");
}
