//! `$meta`, `$diff`, `$everything`, `$document` and `$lastn`, driven over HTTP.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]
mod running;

use model::Tree;
use running::{Running, start, told};

fn texts(tree: &Tree, path: &str) -> Vec<String> {
    tree.root().every(path).iter().filter_map(|element| element.text()).map(str::to_owned).collect()
}

/// Type and id of each entry.
fn names(tree: &Tree) -> Vec<String> {
    let resources = tree.root().every("entry.resource");
    let name = |resource: &model::Element<'_>| {
        format!("{}/{}", resource.resource_type().unwrap_or_default(), resource.text_at("id").unwrap_or_default())
    };
    resources.iter().map(name).collect()
}

fn put(server: &Running, name: &str, rest: &str) {
    let (resource_type, id) = name.split_once('/').unwrap();
    let comma = if rest.is_empty() { "" } else { "," };
    let done = server.put(name, &format!(r#"{{"resourceType":"{resource_type}","id":"{id}"{comma}{rest}}}"#));
    assert!(done.status < 300, "{}", done.text());
}

fn observation(server: &Running, id: &str, patient: &str, code: &str, day: &str) {
    let rest = format!(
        r#""status":"final","code":{{"coding":[{{"system":"http://loinc.org","code":"{code}"}}]}},
        "subject":{{"reference":"Patient/{patient}"}},"performer":[{{"reference":"Practitioner/doc"}}],
        "effectiveDateTime":"{day}""#
    );
    put(server, &format!("Observation/{id}"), &rest);
}

/// Two patients, one doctor of one organization, some observations.
fn ward() -> Running {
    let server = start(&[]);
    put(&server, "Organization/org", r#""name":"O""#);
    put(&server, "Practitioner/doc", "");
    put(&server, "PractitionerRole/unrelated", "");
    put(&server, "Patient/p", r#""managingOrganization":{"reference":"Organization/org"}"#);
    put(&server, "Patient/q", "");
    for (id, code, day) in
        [("a1", "718-7", "2024-01-01"), ("a2", "718-7", "2024-03-01"), ("b1", "2345-7", "2024-02-01")]
    {
        observation(&server, id, "p", code, day);
    }
    observation(&server, "other", "q", "718-7", "2024-03-01");
    server
}

#[test]
fn everything_is_the_patient_the_compartment_and_what_they_share() {
    let server = ward();
    let all = server.get("Patient/p/$everything");
    assert_eq!(all.status, 200, "{}", all.text());
    let tree = all.tree();
    let mut found = names(&tree);
    assert_eq!(found[0], "Patient/p");
    found.sort();
    let expected =
        ["Observation/a1", "Observation/a2", "Observation/b1", "Organization/org", "Patient/p", "Practitioner/doc"];
    assert_eq!(found, expected);
    assert_eq!(texts(&tree, "total"), ["6"]);
    assert_eq!(texts(&tree, "entry.search.mode").iter().filter(|mode| *mode == "include").count(), 2);

    let of = |query: &str| {
        let mut found = names(&server.get(&format!("Patient/p/$everything?{query}")).tree());
        found.sort();
        found
    };
    assert_eq!(of("_type=Observation"), ["Observation/a1", "Observation/a2", "Observation/b1"]);
    assert_eq!(of("_type=Observation&start=2024-02-01&end=2024-02"), ["Observation/b1"]);
    assert_eq!(of("_type=Observation&_since=2999"), [""; 0]);
    server.get("Patient/p/$everything?nonsense=1").refused(400, "invalid");
    server.get("Patient/p/$everything?_type=Nonsense").refused(400, "invalid");
    server.get("Patient/none/$everything").refused(404, "not-found");
    server.get("Observation/a1/$everything").refused(404, "not-supported");
    let body = r#"{"resourceType":"Parameters","parameter":[{"name":"_type","valueString":"Patient"}]}"#;
    assert_eq!(names(&server.post("Patient/p/$everything", body).tree()), ["Patient/p"]);
    server.delete("Patient/q");
    server.get("Patient/q/$everything").refused(410, "deleted");
}

#[test]
fn pages_of_everything_are_as_of_the_first() {
    let server = ward();
    for path in ["Patient/p/$everything?_count=2", "Patient/$everything?_count=2"] {
        let whole = names(&server.get(path.split('?').next().unwrap()).tree());
        let mut found = Vec::new();
        let mut next = Some(path.to_owned());
        while let Some(url) = next {
            let tree = server.get(&url).tree();
            let page = names(&tree);
            assert!(page.len() <= 2, "{page:?}");
            found.extend(page);
            let links = tree.root().all("link");
            next = links
                .filter(|link| link.text_at("relation") == Some("next"))
                .find_map(|link| link.text_at("url").map(str::to_owned));
            // What is written meanwhile belongs to no page.
            observation(&server, &format!("late{}", found.len()), "p", "718-7", "2024-03-01");
        }
        let expected: std::collections::BTreeSet<&String> = whole.iter().collect();
        assert_eq!(found.iter().collect::<std::collections::BTreeSet<_>>(), expected, "{path}");
        // What several patients share stands with each of them.
        let own = |name: &&String| !name.starts_with("Practitioner") && !name.starts_with("Organization");
        assert_eq!(found.iter().filter(own).count(), whole.iter().filter(own).count(), "{path}: no entry twice");
    }
    server.get("Patient/p/$everything?_page=AAAA").refused(400, "invalid");
    server.get("Patient/p/$everything?_after=1").refused(400, "invalid");
}

#[test]
fn everything_of_an_encounter_has_its_patient() {
    let server = ward();
    put(
        &server,
        "Condition/reason",
        r#""subject":{"reference":"Patient/p"},"recorder":{"reference":"Practitioner/doc"}"#,
    );
    let rest = r#""status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/p"},"diagnosis":[{"condition":{"reference":"Condition/reason"}}]"#;
    put(&server, "Encounter/e", rest);
    let rest = r#""subject":{"reference":"Patient/p"},"encounter":{"reference":"Encounter/e"}"#;
    put(&server, "Condition/c", rest);
    let mut found = names(&server.get("Encounter/e/$everything").tree());
    found.sort();
    let all = ["Condition/c", "Condition/reason", "Encounter/e", "Organization/org", "Patient/p", "Practitioner/doc"];
    assert_eq!(found, all);
    let conditions = server.get("Encounter/e/$everything?_type=Condition").tree();
    assert_eq!(names(&conditions).len(), 2);
    // What is asked for by its type is there, whoever refers to it.
    assert_eq!(names(&server.get("Patient/p/$everything?_type=Practitioner").tree()), ["Practitioner/doc"]);
}

#[test]
fn the_last_of_each_kind_is_found() {
    let server = ward();
    assert_eq!(names(&server.get("Observation/$lastn?patient=p").tree()), ["Observation/a2", "Observation/b1"]);
    let two = names(&server.get("Observation/$lastn?patient=p&max=2").tree());
    assert_eq!(two, ["Observation/a2", "Observation/a1", "Observation/b1"]);
    let one = names(&server.get("Observation/$lastn?patient=p&code=2345-7").tree());
    assert_eq!(one, ["Observation/b1"]);
    server.get("Observation/$lastn?max=0").refused(400, "invalid");
    server.get("Observation/$lastn?nonsense=0").refused(400, "not-supported");
}

#[test]
fn a_composition_becomes_a_document_with_all_that_it_refers_to() {
    let server = ward();
    let rest = r#""status":"final","type":{"text":"T"},"subject":{"reference":"Patient/p"},"date":"2024-04-01",
        "author":[{"reference":"Practitioner/doc"}],"title":"T",
        "section":[{"title":"S","entry":[{"reference":"Observation/a1"}]}]"#;
    put(&server, "Composition/c", rest);
    let document = server.get("Composition/c/$document");
    assert_eq!(document.status, 200, "{}", document.text());
    let tree = document.tree();
    let expected = ["Composition/c", "Patient/p", "Practitioner/doc", "Observation/a1", "Organization/org"];
    assert_eq!(names(&tree), expected);
    assert_eq!(texts(&tree, "type"), ["document"]);
    assert!(texts(&tree, "identifier.value")[0].starts_with("urn:uuid:"));
    assert_eq!(texts(&tree, "timestamp").len(), 1);

    server.get("Composition/c/$document?persist=true").refused(400, "invalid");
    let kept = server.post("Composition/c/$document?persist=true", "");
    assert_eq!(kept.status, 201, "{}", kept.text());
    assert_eq!(names(&server.get(kept.header("location")).tree()), expected);
    put(&server, "Composition/d", &rest.replace("Observation/a1", "Observation/none"));
    server.get("Composition/d/$document").refused(422, "not-found");
    server.get("Composition/none/$document").refused(404, "not-found");
}

#[test]
fn meta_is_read_added_to_and_taken_from() {
    let server = ward();
    let change = |word: &str, meta: &str| {
        let body = format!(r#"{{"resourceType":"Parameters","parameter":[{{"name":"meta","valueMeta":{meta}}}]}}"#);
        server.post(&format!("Patient/p/{word}"), &body)
    };
    let tag = r#"{"tag":[{"system":"urn:oid:2.999","code":"x","display":"X"}],"profile":["http://example.org/p"]}"#;
    let added = change("$meta-add", tag);
    assert_eq!(added.status, 200, "{}", added.text());
    assert_eq!(texts(&added.tree(), "parameter.valueMeta.tag.code"), ["x"]);
    assert_eq!(texts(&added.tree(), "parameter.valueMeta.versionId"), ["2"]);
    assert_eq!(texts(&change("$meta-add", tag).tree(), "parameter.valueMeta.versionId"), ["2"], "nothing is new");
    assert_eq!(server.get("Patient/p").header("etag"), "W/\"2\"");
    assert_eq!(texts(&server.get("Patient/p/$meta").tree(), "parameter.valueMeta.tag.code"), ["x"]);
    assert_eq!(texts(&server.get("Patient/p/_history/1/$meta").tree(), "parameter.valueMeta.tag.code"), [""; 0]);
    assert_eq!(texts(&server.get("Patient/$meta").tree(), "parameter.valueMeta.profile"), ["http://example.org/p"]);
    assert_eq!(texts(&server.get("$meta").tree(), "parameter.valueMeta.tag.code"), ["x"]);
    assert_eq!(texts(&server.get("Observation/$meta").tree(), "parameter.name"), [""; 0]);
    let gone = change("$meta-delete", r#"{"tag":[{"system":"urn:oid:2.999","code":"x"}]}"#);
    assert_eq!(texts(&gone.tree(), "parameter.valueMeta.tag.code"), [""; 0]);
    assert_eq!(texts(&server.get("Patient/p").tree(), "meta.profile"), ["http://example.org/p"]);
    server.post("Patient/p/$meta-add", r#"{"resourceType":"Parameters"}"#).refused(400, "invalid");
    change("$meta-add", r#"{"profile":[1]}"#).refused(422, "value");
    server.get("Patient/none/$meta").refused(404, "not-found");
}

#[test]
fn a_difference_leads_from_one_version_to_the_other() {
    let server = start(&[]);
    let versions = [
        r#""name":[{"family":"A","given":["x","y","z"]}],"birthDate":"1952-03-04""#,
        r#""name":[{"use":"old","family":"B"},{"family":"A","given":["x","z"]}],"deceasedBoolean":true"#,
        r#""name":[{"family":"A","given":["z","x"]}],"deceasedDateTime":"2020",
           "contact":[{"name":{"text":"N"},"telecom":[{"system":"phone","value":"1"},{"value":"2"}],"gender":"male"}],
           "extension":[{"url":"http://example.org/e","valueCode":"c"}],
           "text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">t</div>"}"#,
        r#""contained":[{"resourceType":"Organization","id":"o","name":"O"}],
           "managingOrganization":{"reference":"\#o"},"birthDate":"1952-03",
           "_birthDate":{"extension":[{"url":"http://example.org/e","extension":[{"url":"f","valueInteger":1}]}]}"#,
        r#""contained":[{"resourceType":"Organization","id":"o","name":"P"}],
           "managingOrganization":{"reference":"\#o"},"birthDate":"1952-03""#,
    ];
    let versions = versions.map(|text| text.replace("\\#", "#"));
    versions.iter().for_each(|rest| put(&server, "Patient/p", rest));
    let content = |name: &str| {
        let mut tree = server.get(name).tree();
        tree.edit().remove("meta").remove("id");
        tree
    };
    for from in 1..=versions.len() {
        for to in 1..=versions.len() {
            let patch = server.get(&format!("Patient/p/$diff?fromVersion={from}&toVersion={to}"));
            assert_eq!(patch.status, 200, "{}", patch.text());
            put(&server, "Patient/copy", &versions[from - 1]);
            let request = server.client.patch(server.url("Patient/copy"));
            let done = told(request.header("Content-Type", "application/fhir+json").body(patch.text()));
            assert_eq!(done.status, 200, "{from} to {to}: {} {}", patch.text(), done.text());
            let (copy, wanted) = (content("Patient/copy"), content(&format!("Patient/p/_history/{to}")));
            let again = server.get(&format!("$diff?from=Patient/copy&to=Patient/p/_history/{to}"));
            assert_eq!(texts(&again.tree(), "parameter.name"), [""; 0], "{copy:?} {wanted:?} {}", patch.text());
            assert_eq!(copy.root().descendants().len(), wanted.root().descendants().len());
        }
    }
    let last = server.get("Patient/p/$diff").tree();
    assert_eq!(texts(&last, "parameter.part.valueString"), ["Patient.contained[0].name", "P", "Patient.birthDate"]);
    server.get("Patient/p/$diff?fromVersion=77").refused(404, "not-found");
    server.get("Patient/p/$diff?fromVersion=x").refused(400, "invalid");
    server.get("$diff?from=Patient/p").refused(400, "invalid");
}

#[test]
fn a_transaction_takes_operations_that_store_nothing() {
    let server = ward();
    let patient = r#""resource":{"resourceType":"Patient","nonsense":1},"#;
    let entry = |resource: &str, method: &str, url: &str| {
        format!(r#"{{{resource}"request":{{"method":"{method}","url":"{url}"}}}}"#)
    };
    let send = |entries: &[String]| {
        server.post("", &format!(r#"{{"resourceType":"Bundle","type":"transaction","entry":[{}]}}"#, entries.join(",")))
    };
    let answer = send(&[
        entry(patient, "POST", "Patient/$validate"),
        entry("", "POST", "Patient/_search?_id=p"),
        entry("", "GET", "Observation/$lastn?patient=p"),
    ]);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let tree = answer.tree();
    assert_eq!(texts(&tree, "entry.response.status"), ["200 OK", "200 OK", "200 OK"]);
    assert!(texts(&tree, "entry.resource.issue.severity").contains(&"error".to_owned()));
    assert_eq!(texts(&tree, "entry.resource.entry.resource.id").first().map(String::as_str), Some("p"));
    send(&[entry("", "POST", "$reindex")]).refused(404, "not-supported");
}

#[test]
fn a_history_is_asked_for_by_times() {
    let server = start(&[]);
    for family in ["A", "B", "C"] {
        put(&server, "Patient/h", &format!(r#""name":[{{"family":"{family}"}}]"#));
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let all = server.get("Patient/h/_history").tree();
    assert_eq!(all.root().text_at("total"), Some("3"));
    assert_eq!(server.get("Patient/h/_history?_count=2").tree().root().text_at("total"), None, "it is not counted");
    let times = texts(&all, "entry.resource.meta.lastUpdated");
    let versions = |query: &str| {
        texts(&server.get(&format!("Patient/h/_history?{query}")).tree(), "entry.resource.meta.versionId")
    };
    assert_eq!(versions(&format!("_since={}", times[1])), ["3", "2"]);
    assert_eq!(versions(&format!("_at={}", times[1])), ["2"]);
    assert_eq!(versions(&format!("_at=ge{}", times[1])), ["3", "2"]);
    assert_eq!(versions(&format!("_at=gt{}", times[1])), ["3", "2"], "the second was current behind that moment");
    assert_eq!(versions(&format!("_at=le{}", times[1])), ["2", "1"]);
    assert_eq!(versions(&format!("_at=lt{}", times[1])), ["1"]);
    assert!(versions("_at=lt2000").is_empty());
    for wrong in ["_at=2000&_at=2001", "_at=xx2000", "_since=never"] {
        server.get(&format!("Patient/h/_history?{wrong}")).refused(400, "invalid");
    }
}
