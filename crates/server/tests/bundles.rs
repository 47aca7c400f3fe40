//! Batch, transaction, conditional interactions and `$validate`, driven over HTTP.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]
mod running;

use model::Tree;
use running::{Running, start, told};

const SYSTEM: &str = "urn:oid:2.16.840.1.113883.19.5";

fn patient(value: &str) -> String {
    format!(r#"{{"resourceType":"Patient","identifier":[{{"system":"{SYSTEM}","value":"{value}"}}]}}"#)
}

fn bundle(kind: &str, entries: &[String]) -> String {
    format!(r#"{{"resourceType":"Bundle","type":"{kind}","entry":[{}]}}"#, entries.join(","))
}

fn entry(url: &str, method: &str, target: &str, resource: &str) -> String {
    let resource = if resource.is_empty() { String::new() } else { format!(r#""resource":{resource},"#) };
    format!(r#"{{"fullUrl":"{url}",{resource}"request":{{"method":"{method}","url":"{target}"}}}}"#)
}

fn texts(tree: &Tree, path: &str) -> Vec<String> {
    tree.root().every(path).iter().filter_map(|element| element.text()).map(str::to_owned).collect()
}

fn is_empty(server: &Running) -> bool {
    server.get("_history").tree().root().get("entry").is_none()
}

#[test]
fn a_transaction_is_linked_and_stored_as_one() {
    let server = start(&[]);
    let div = r#"<div xmlns=\"http://www.w3.org/1999/xhtml\"><a href=\"urn:uuid:1\">p</a></div>"#;
    let condition = format!(
        r#"{{"resourceType":"Condition","text":{{"status":"generated","div":"{div}"}},"subject":{{"reference":"urn:uuid:1"}}}}"#
    );
    server.post("Practitioner", &patient("doc").replace("Patient", "Practitioner"));
    let encounter = format!(
        r#"{{"resourceType":"Encounter","status":"finished","class":{{"code":"AMB"}},"subject":{{"reference":"urn:uuid:1"}},
        "participant":[{{"individual":{{"reference":"Practitioner?identifier={SYSTEM}|doc"}}}}]}}"#
    );
    let body = bundle(
        "transaction",
        &[
            entry("urn:uuid:2", "POST", "Condition", &condition),
            entry("urn:uuid:3", "PUT", "Encounter/e", &encounter.replacen('{', r#"{"id":"e","#, 1)),
            entry("urn:uuid:1", "POST", "Patient", &patient("p")),
            entry("", "GET", "Encounter/e", "").replace(r#""fullUrl":"","#, ""),
        ],
    );
    let answer = server.post("", &body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let tree = answer.tree();
    assert_eq!(texts(&tree, "type"), ["transaction-response"]);
    assert_eq!(texts(&tree, "entry.response.status"), ["201 Created", "201 Created", "201 Created", "200 OK"]);
    let locations = texts(&tree, "entry.response.location");
    let condition = server.get(&locations[0]).tree();
    let patient = texts(&condition, "subject.reference").remove(0);
    assert_eq!(server.get(&patient).status, 200);
    assert!(texts(&condition, "text.div")[0].contains(&format!(r#"href="{patient}""#)));
    let encounter = server.get("Encounter/e").tree();
    let doctor = texts(&encounter, "participant.individual.reference").remove(0);
    assert!(doctor.starts_with("Practitioner/") && !doctor.contains('?'), "{doctor}");
    assert_eq!(texts(&tree, "entry.resource.id"), ["e"]);
    // One commit: all have the same time.
    let times = texts(&server.get("_history?_count=3").tree(), "entry.response.lastModified");
    assert!(times.iter().all(|time| *time == times[0]));
}

#[test]
fn nothing_of_a_transaction_that_fails_is_stored() {
    let server = start(&[]);
    let good = entry("urn:uuid:1", "POST", "Patient", &patient("p"));
    let answer = server.post(
        "",
        &bundle(
            "transaction",
            &[good.clone(), entry("urn:uuid:2", "POST", "Patient", r#"{"resourceType":"Patient","nonsense":1}"#)],
        ),
    );
    assert_eq!(
        answer.refused(422, "structure").tree().root().text_at("issue.expression"),
        Some("Bundle.entry[1].resource.nonsense")
    );
    let late = entry("urn:uuid:2", "PUT", "Basic/b", r#"{"resourceType":"Basic","id":"b","code":{"text":"x"}}"#)
        .replace(r#""method":"PUT""#, r#""method":"PUT","ifMatch":"W/\"7\"""#);
    server.post("", &bundle("transaction", &[good.clone(), late])).refused(412, "conflict");
    let unknown =
        r#"{"resourceType":"Basic","code":{"text":"x"},"author":{"reference":"Practitioner?identifier=none"}}"#;
    server
        .post("", &bundle("transaction", &[good.clone(), entry("urn:uuid:2", "POST", "Basic", unknown)]))
        .refused(412, "conflict");
    server.post("", &bundle("collection", &[good])).refused(400, "invalid");
    assert!(is_empty(&server));
}

#[test]
fn a_transaction_is_the_same_in_other_words() {
    let plain = bundle(
        "transaction",
        &[
            entry("urn:uuid:1", "POST", "Patient", &patient("p")),
            entry("urn:uuid:2", "PUT", "Basic/b", r#"{"resourceType":"Basic","id":"b","code":{"text":"}],{\"x\":["}}"#),
        ],
    );
    let spaced = plain.replace(",\"entry\"", " ,\n\"entry\" ").replace("},{\"fullUrl", "} , {\"fullUrl");
    let last = plain.replace(r#""type":"transaction","#, "");
    let last = format!("{},\"type\":\"transaction\"}}", last.trim_end_matches('}'));
    let escaped = plain.replace("\"entry\"", "\"\\u0065ntry\"").replace("\"resource\"", "\"\\u0072esource\"");
    let marked = format!("\u{feff}{plain}");
    for text in [&plain, &spaced, &last, &escaped, &marked] {
        let server = start(&[]);
        let answer = server.post("", text);
        assert_eq!(answer.status, 200, "{text}: {}", answer.text());
        assert_eq!(texts(&answer.tree(), "entry.response.status"), ["201 Created", "201 Created"]);
        assert_eq!(texts(&server.get("Basic/b").tree(), "code.text"), [r#"}],{"x":["#]);
    }
    let xml = r#"<Bundle xmlns="http://hl7.org/fhir"><type value="transaction"/><entry><fullUrl value="urn:uuid:1"/><resource>
        <Patient><active value="true"/></Patient></resource><request><method value="POST"/><url value="Patient"/></request></entry>
        <entry><resource><Basic><code><text value="x"/></code><subject><reference value="urn:uuid:1"/></subject></Basic></resource>
        <request><method value="POST"/><url value="Basic"/></request></entry></Bundle>"#;
    let server = start(&[]);
    let request = server.client.post(server.url("")).header("Content-Type", "application/fhir+xml").body(xml);
    assert_eq!(told(request).status, 200);
    let patient = format!("Patient/{}", texts(&server.get("Patient").tree(), "entry.resource.id").remove(0));
    assert_eq!(texts(&server.get("Basic").tree(), "entry.resource.subject.reference"), [patient]);
}

#[test]
fn nothing_is_done_where_an_entry_cannot_be_read() {
    let server = start(&[]);
    let good = entry("urn:uuid:1", "POST", "Patient", &patient("p"));
    let twice =
        entry("urn:uuid:2", "POST", "Basic", r#"{"resourceType":"Basic","code":{"text":"x"},"code":{"text":"y"}}"#);
    for kind in ["batch", "transaction"] {
        let answer = server.post("", &bundle(kind, &[good.clone(), twice.clone()]));
        assert_eq!(
            answer.refused(400, "structure").tree().root().text_at("issue.expression"),
            Some("Bundle.entry[1].resource")
        );
        server.post("", &bundle(kind, &[good.clone(), "{\"a\":[}".to_owned()])).refused(400, "structure");
        server.post("", &bundle(kind, &[good.clone(), "[]".to_owned()])).refused(400, "structure");
    }
    assert!(is_empty(&server));
}

#[test]
fn a_large_transaction_is_done_beside_the_others() {
    let server = start(&[]);
    let long = format!(r#"{{"resourceType":"Basic","code":{{"text":"{}"}}}}"#, "x".repeat(900 << 10));
    let entries: Vec<String> =
        (0..6).map(|number| entry(&format!("urn:uuid:{number}"), "POST", "Basic", &long)).collect();
    let answer = server.post("", &bundle("transaction", &entries));
    assert_eq!(texts(&answer.tree(), "entry.response.status"), ["201 Created"; 6], "{}", answer.text());
}

#[test]
fn a_batch_does_what_it_can() {
    let server = start(&[]);
    let body = bundle(
        "batch",
        &[
            entry("urn:uuid:1", "POST", "Patient", &patient("p")),
            entry("urn:uuid:2", "POST", "Nonsense", &patient("p")),
            entry("urn:uuid:3", "DELETE", "Patient/none", ""),
            entry("urn:uuid:4", "GET", "Patient?identifier=p", ""),
        ],
    );
    let tree = server.post("", &body).tree();
    assert_eq!(texts(&tree, "entry.response.status"), ["201 Created", "404 Not Found", "204 No Content", "200 OK"]);
    assert_eq!(texts(&tree, "entry.response.outcome.issue.code"), ["not-found"]);
    assert_eq!(texts(&tree, "entry.resource.total"), ["1"]);
}

#[test]
fn a_condition_is_met_by_one_resource_or_refused() {
    let server = start(&[]);
    let create = |value: &str| {
        let request = server.client.post(server.url("Patient")).header("Content-Type", "application/fhir+json");
        told(request.header("If-None-Exist", format!("identifier={SYSTEM}|{value}")).body(patient(value)))
    };
    let first = create("a");
    assert_eq!(first.status, 201, "{}", first.text());
    let second = create("a");
    assert_eq!((second.status, &second.body), (200, &first.body));
    server.post("Patient", &patient("a"));
    create("a").refused(412, "multiple-matches");
    let path = format!("Patient?identifier={SYSTEM}|b");
    assert_eq!(server.put(&path, &patient("b")).status, 201);
    assert_eq!(server.put(&path, &patient("b")).header("etag"), "W/\"2\"");
    server.put(&format!("Patient?identifier={SYSTEM}|a"), &patient("a")).refused(412, "multiple-matches");
    server.put("Patient", &patient("a")).refused(400, "invalid");
    assert_eq!(server.delete(&format!("Patient?identifier={SYSTEM}|a")).status, 204);
    assert_eq!(texts(&server.get("Patient?_summary=count").tree(), "total"), ["1"]);
    server.delete("Patient").refused(400, "invalid");
}

#[test]
fn of_many_with_one_condition_one_is_created() {
    let server = start(&[]);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let request = server.client.post(server.url("Patient")).header("Content-Type", "application/fhir+json");
                let answer = told(request.header("If-None-Exist", format!("identifier={SYSTEM}|x")).body(patient("x")));
                assert!(matches!(answer.status, 200 | 201), "{}", answer.text());
            });
        }
    });
    assert_eq!(texts(&server.get("Patient?_summary=count").tree(), "total"), ["1"]);
}

#[test]
fn validation_finds_faults_and_stores_nothing() {
    let server = start(&[]);
    let severities = |path: &str, body: &str| texts(&server.post(path, body).tree(), "issue.severity");
    assert!(!severities("Patient/$validate", &patient("p")).contains(&"error".to_owned()));
    assert!(
        severities("Patient/$validate", r#"{"resourceType":"Patient","nonsense":1}"#).contains(&"error".to_owned())
    );
    assert!(
        severities("Patient/$validate", r#"{"resourceType":"Basic","code":{"text":"x"}}"#)
            .contains(&"error".to_owned())
    );
    assert_eq!(severities("$validate", "{"), ["fatal"]);
    let parameters = format!(
        r#"{{"resourceType":"Parameters","parameter":[{{"name":"resource","resource":{}}},
        {{"name":"profile","valueUri":"http://hl7.org/fhir/StructureDefinition/none"}}]}}"#,
        patient("p")
    );
    assert!(severities("Patient/$validate", &parameters).contains(&"error".to_owned()));
    server.post("Patient/$validate?mode=nonsense", &patient("p")).refused(400, "invalid");
    assert!(is_empty(&server));
    server.put("Patient/p", &patient("p").replacen('{', r#"{"id":"p","#, 1));
    assert_eq!(server.get("Patient/p/$validate").tree().resource_type(), "OperationOutcome");
    server.get("Patient/none/$validate").refused(404, "not-found");
}

#[test]
fn a_stored_profile_takes_effect_for_the_next_request() {
    let server = start(&[]);
    let url = "http://example.org/fhir/StructureDefinition/named-patient";
    let profile = format!(
        r#"{{"resourceType":"StructureDefinition","id":"named","url":"{url}","name":"Named","status":"active","kind":"resource",
        "abstract":false,"type":"Patient","baseDefinition":"http://hl7.org/fhir/StructureDefinition/Patient","derivation":"constraint",
        "differential":{{"element":[{{"id":"Patient.name","path":"Patient.name","min":1}}]}}}}"#
    );
    let errors = |server: &Running| {
        let told = server.post(&format!("Patient/$validate?profile={url}"), &patient("p"));
        texts(&told.tree(), "issue.diagnostics").join(" ")
    };
    let unknown = errors(&server);
    assert_eq!(server.put("StructureDefinition/named", &profile).status, 201);
    let missing = errors(&server);
    assert!(missing.contains("name") && missing != unknown, "{missing}");
    server.delete("StructureDefinition/named");
    assert_eq!(errors(&server), unknown);
}

#[test]
fn links_are_led_wherever_one_can_stand_and_nowhere_else() {
    let server = start(&[]);
    let old = "http://old.example.org/fhir/Organization/9";
    let div = format!(
        r#"<div xmlns=\"http://www.w3.org/1999/xhtml\"><a href='urn:uuid:00000000-0000-4000-8000-000000000001'>p</a> <img src=\"{old}\" alt=\"urn:uuid:00000000-0000-4000-8000-000000000001\"/> 5 = \"x\"</div>"#
    );
    let values = [
        ("Uri", "urn:uuid:00000000-0000-4000-8000-000000000001"),
        ("Url", "urn:uuid:00000000-0000-4000-8000-000000000001"),
        ("Canonical", "urn:uuid:00000000-0000-4000-8000-000000000001"),
        ("String", "urn:uuid:00000000-0000-4000-8000-000000000001"),
    ];
    let extensions = values.map(|(of, value)| format!(r#"{{"url":"http://example.org/{of}","value{of}":"{value}"}}"#));
    let basic = format!(
        r#"{{"resourceType":"Basic","text":{{"status":"generated","div":"{div}"}},"extension":[{}],"code":{{"text":"x"}},
        "subject":{{"reference":"{old}"}},"author":{{"reference":"urn:uuid:00000000-0000-4000-8000-000000000001"}}}}"#,
        extensions.join(",")
    );
    let related = r#"{"resourceType":"Organization","partOf":{"reference":"Organization/9"}}"#;
    let entries = [
        entry("urn:uuid:00000000-0000-4000-8000-000000000002", "POST", "Basic", &basic),
        entry("urn:uuid:00000000-0000-4000-8000-000000000001", "POST", "Patient", &patient("p")),
        entry(old, "POST", "Organization", r#"{"resourceType":"Organization","name":"O"}"#),
        entry("urn:uuid:00000000-0000-4000-8000-000000000003", "POST", "Organization", related),
    ];
    let answer = server.post("", &bundle("transaction", &entries));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let locations = texts(&answer.tree(), "entry.response.location");
    let name = |at: usize| locations[at].split("/_history").next().unwrap().to_owned();
    let stored = server.get(&locations[0]).tree();
    assert_eq!(texts(&stored, "author.reference"), [name(1)]);
    assert_eq!(texts(&stored, "subject.reference"), [name(2)]);
    assert_eq!(texts(&server.get(&locations[3]).tree(), "partOf.reference"), [name(2)]);
    assert_eq!(
        [texts(&stored, "extension.valueUri"), texts(&stored, "extension.valueUrl")].concat(),
        [name(1), name(1)]
    );
    for kept in ["extension.valueCanonical", "extension.valueString"] {
        assert_eq!(texts(&stored, kept), ["urn:uuid:00000000-0000-4000-8000-000000000001"], "{kept}");
    }
    let div = texts(&stored, "text.div").remove(0);
    assert!(div.contains(&format!("href='{}'", name(1))) && div.contains(&format!("src=\"{}\"", name(2))), "{div}");
    assert!(div.contains("alt=\"urn:uuid:00000000-0000-4000-8000-000000000001\""), "{div}");
    let twice = [
        entry("urn:uuid:00000000-0000-4000-8000-000000000001", "POST", "Patient", &patient("a")),
        entry("urn:uuid:00000000-0000-4000-8000-000000000001", "POST", "Patient", &patient("b")),
    ];
    server.post("", &bundle("transaction", &twice)).refused(400, "invalid");
}

#[test]
fn conditions_of_entries_are_kept_and_faults_name_their_entry() {
    let server = start(&[]);
    let basic = r#"{"resourceType":"Basic","id":"b","code":{"text":"x"}}"#;
    server.put("Basic/b", basic);
    server.put(&format!("Patient?identifier={SYSTEM}|a"), &patient("a"));
    let with = |entry: String, name: &str, value: &str| {
        entry.replace(r#""request":{"#, &format!(r#""request":{{"{name}":"{}","#, value.replace('"', "\\\"")))
    };
    let delete = |tag: &str| with(entry("urn:uuid:1", "DELETE", "Basic/b", ""), "ifMatch", tag);
    let update = entry("urn:uuid:1", "PUT", &format!("Patient?identifier={SYSTEM}|a"), &patient("a"));
    server.post("", &bundle("transaction", &[delete("W/\"7\"")])).refused(412, "conflict");
    let late = with(update.clone(), "ifMatch", "W/\"7\"");
    server.post("", &bundle("transaction", &[late])).refused(412, "conflict");
    let reads = [
        with(entry("urn:uuid:1", "GET", "Basic/b", ""), "ifNoneMatch", "W/\"1\""),
        with(entry("urn:uuid:2", "GET", "Basic/b", ""), "ifModifiedSince", "2999-01-01T00:00:00Z"),
        entry("urn:uuid:3", "HEAD", "Basic/b", ""),
        entry("urn:uuid:4", "GET", "Basic/b/_history", ""),
    ];
    let statuses = texts(&server.post("", &bundle("batch", &reads)).tree(), "entry.response.status");
    assert_eq!(statuses, ["304 Not Modified", "304 Not Modified", "200 OK", "200 OK"]);
    let broken = [
        entry("urn:uuid:1", "GET", "Basic/b", ""),
        delete("W/\"1\""),
        with(update.clone(), "ifMatch", "W/\"1\""),
        entry("urn:uuid:2", "POST", "Patient", r#"{"resourceType":"Patient","nonsense":1}"#),
    ];
    let refused = server.post("", &bundle("transaction", &broken));
    let place = refused.refused(422, "structure").tree();
    assert_eq!(place.root().text_at("issue.expression"), Some("Bundle.entry[3].resource.nonsense"));
    let done = server.post("", &bundle("transaction", &broken[..3]));
    assert_eq!(done.status, 200, "{}", done.text());
    let statuses = texts(&done.tree(), "entry.response.status");
    assert_eq!(statuses, ["410 Gone", "204 No Content", "200 OK"], "reads come last");
}

#[test]
fn a_transaction_in_xml_is_answered_in_xml() {
    use base64::Engine;
    let server = start(&[]);
    server.put("Patient/q", r#"{"resourceType":"Patient","id":"q","active":true}"#);
    let patch =
        r#"<diff xmlns:f="http://hl7.org/fhir"><replace sel="f:Patient/f:active/@value">false</replace></diff>"#;
    let patch = base64::engine::general_purpose::STANDARD.encode(patch);
    let body = format!(
        r#"<Bundle xmlns="http://hl7.org/fhir"><type value="transaction"/>
        <entry><fullUrl value="urn:uuid:1"/><resource><Patient><birthDate value="1952"/></Patient></resource>
        <request><method value="POST"/><url value="Patient"/></request></entry>
        <entry><resource><Binary><contentType value="application/xml-patch+xml"/><data value="{patch}"/></Binary></resource>
        <request><method value="PATCH"/><url value="Patient/q"/></request></entry>
        <entry><request><method value="GET"/><url value="Patient?birthdate=1952"/></request></entry></Bundle>"#
    );
    let request = server.client.post(server.url("")).header("Content-Type", "application/fhir+xml");
    let answer = told(request.header("Accept", "application/fhir+xml").body(body));
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/fhir+xml; charset=utf-8"));
    let text = answer.text();
    assert!(
        text.contains(r#"<type value="transaction-response"/>"#) && text.contains(r#"<total value="1"/>"#),
        "{text}"
    );
    assert_eq!(server.get("Patient/q").tree().root().text_at("active"), Some("false"));
}

fn names(told: &running::Told) -> Vec<String> {
    assert_eq!(told.status, 200, "{}", told.text());
    let locations = texts(&told.tree(), "entry.response.location");
    locations.iter().map(|location| location.split("/_history").next().unwrap().to_owned()).collect()
}

#[test]
fn what_a_transaction_deletes_meets_no_condition_of_it() {
    let server = start(&[]);
    let put =
        |id: &str| server.put(&format!("Patient/{id}"), &patient(id).replacen('{', &format!(r#"{{"id":"{id}","#), 1));
    put("a");
    put("b");
    let created = entry("urn:uuid:1", "POST", "Patient", &patient("a"));
    let created = created.replace(r#""method":"#, &format!(r#""ifNoneExist":"identifier={SYSTEM}|a","method":"#));
    let updated = entry("urn:uuid:2", "PUT", &format!("Patient?identifier={SYSTEM}|b"), &patient("b"));
    let basic = |reference: &str| {
        format!(r#"{{"resourceType":"Basic","code":{{"text":"x"}},"subject":{{"reference":"{reference}"}}}}"#)
    };
    let entries = [
        created,
        updated,
        entry("urn:uuid:3", "POST", "Basic", &basic("urn:uuid:1")),
        entry("urn:uuid:4", "POST", "Basic", &basic(&format!("Patient?identifier={SYSTEM}|b"))),
        entry("urn:uuid:5", "DELETE", "Patient/a", ""),
        entry("urn:uuid:6", "DELETE", &format!("Patient?identifier={SYSTEM}|b"), ""),
    ];
    let answer = server.post("", &bundle("transaction", &entries));
    let names = names(&answer);
    assert_eq!(texts(&answer.tree(), "entry.response.status")[..2], ["201 Created", "201 Created"]);
    for (value, name, from) in [("a", &names[0], &names[2]), ("b", &names[1], &names[3])] {
        server.get(&format!("Patient/{value}")).refused(410, "deleted");
        let found = texts(&server.get(&format!("Patient?identifier={SYSTEM}|{value}")).tree(), "entry.resource.id");
        assert_eq!(found, [name.trim_start_matches("Patient/")]);
        assert_eq!(texts(&server.get(from).tree(), "subject.reference"), [name.as_str()]);
    }
}

#[test]
fn entries_with_one_condition_make_one_resource() {
    let server = start(&[]);
    let condition = format!("identifier={SYSTEM}|a");
    let create = |url: &str| {
        entry(url, "POST", "Patient", &patient("a"))
            .replace(r#""method":"#, &format!(r#""ifNoneExist":"{condition}","method":"#))
    };
    let update = |url: &str| entry(url, "PUT", &format!("Patient?{condition}"), &patient("a"));
    let basic = r#"{"resourceType":"Basic","code":{"text":"x"},"subject":{"reference":"urn:uuid:2"}}"#;
    for both in [[update("urn:uuid:1"), update("urn:uuid:2")], [create("urn:uuid:1"), update("urn:uuid:2")]] {
        server.post("", &bundle("transaction", &both)).refused(412, "conflict");
    }
    assert!(is_empty(&server));
    let entries = [create("urn:uuid:1"), create("urn:uuid:2"), entry("urn:uuid:3", "POST", "Basic", basic)];
    let answer = server.post("", &bundle("transaction", &entries));
    assert_eq!(texts(&answer.tree(), "entry.response.status"), ["201 Created", "200 OK", "201 Created"]);
    let names = names(&answer);
    assert_eq!(names[0], names[1]);
    assert_eq!(texts(&server.get(&names[2]).tree(), "subject.reference"), [names[0].as_str()]);
    assert_eq!(texts(&server.get("Patient?_summary=count").tree(), "total"), ["1"]);
}

#[test]
fn a_conditional_reference_is_resolved_behind_the_writes() {
    let server = start(&[]);
    server.put("Patient/old", &patient("old").replacen('{', r#"{"id":"old","#, 1));
    let basic = |value: &str| {
        format!(
            r#"{{"resourceType":"Basic","code":{{"text":"x"}},"subject":{{"reference":"Patient?identifier={SYSTEM}|{value}"}}}}"#
        )
    };
    let entries = [
        entry("urn:uuid:1", "POST", "Basic", &basic("new")),
        entry("urn:uuid:2", "POST", "Patient", &patient("new")),
        entry("urn:uuid:3", "POST", "Basic", &basic("old")),
    ];
    let names = names(&server.post("", &bundle("transaction", &entries)));
    assert_eq!(texts(&server.get(&names[0]).tree(), "subject.reference"), [names[1].as_str()]);
    assert_eq!(texts(&server.get(&names[2]).tree(), "subject.reference"), ["Patient/old"]);
    let twice = entry("urn:uuid:2", "POST", "Patient", &patient("old"));
    server.post("", &bundle("transaction", &[entries[2].clone(), twice])).refused(412, "multiple-matches");
    let renamed = patient("other").replacen('{', r#"{"id":"old","#, 1);
    let renamed = entry("urn:uuid:2", "PUT", "Patient/old", &renamed);
    server.post("", &bundle("transaction", &[entries[2].clone(), renamed])).refused(412, "conflict");
}

#[test]
fn a_relative_reference_is_completed_by_the_server_of_its_entry() {
    let server = start(&[]);
    server.put("Patient/7", &patient("here").replacen('{', r#"{"id":"7","#, 1));
    let basic = |id: &str| {
        format!(r#"{{"resourceType":"Basic","code":{{"text":"x"}},"subject":{{"reference":"Patient/{id}"}}}}"#)
    };
    let entries = [
        entry("http://other.example.org/fhir/Patient/7", "POST", "Patient", &patient("there")),
        entry("http://other.example.org/fhir/Basic/1", "POST", "Basic", &basic("7")),
        entry("http://other.example.org/fhir/Basic/2", "POST", "Basic", &basic("7/_history/3")),
        entry("urn:uuid:1", "POST", "Basic", &basic("7")),
        entry("http://third.example.org/fhir/Basic/1", "POST", "Basic", &basic("7")),
    ];
    let names = names(&server.post("", &bundle("transaction", &entries)));
    let subject = |at: usize| texts(&server.get(&names[at]).tree(), "subject.reference").remove(0);
    assert_eq!((subject(1), subject(2)), (names[0].clone(), format!("{}/_history/1", names[0])));
    assert_eq!((subject(3), subject(4)), ("Patient/7".to_owned(), "Patient/7".to_owned()), "the one that is here");
}
