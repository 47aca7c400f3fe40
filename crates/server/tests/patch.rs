//! JSON Patch and FHIRPath Patch, driven over HTTP.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]
mod running;

use running::{Running, Told, start, told};

const PATIENT: &str =
    r#"{"resourceType":"Patient","id":"p","name":[{"family":"A","given":["x","y"]}],"birthDate":"1952-03-04"}"#;

fn patch(server: &Running, content_type: &str, body: &str) -> Told {
    told(server.client.patch(server.url("Patient/p")).header("Content-Type", content_type).body(body.to_owned()))
}

fn json(server: &Running, body: &str) -> Told {
    patch(server, "application/json-patch+json", body)
}

/// One operation of a FHIRPath Patch: name and value of its parts, values as JSON members.
fn operation(parts: &[(&str, &str)]) -> String {
    let parts: Vec<String> = parts.iter().map(|(name, value)| format!(r#"{{"name":"{name}",{value}}}"#)).collect();
    format!(r#"{{"resourceType":"Parameters","parameter":[{{"name":"operation","part":[{}]}}]}}"#, parts.join(","))
}

fn path(server: &Running, parts: &[(&str, &str)]) -> Told {
    patch(server, "application/fhir+json", &operation(parts))
}

fn content(server: &Running) -> String {
    let tree = server.get("Patient/p").tree();
    let children = tree.root().children().filter(|child| !matches!(child.name(), "id" | "meta"));
    children.map(|child| format!("{}={} ", child.name(), model::json::to_string(child))).collect()
}

#[test]
fn a_json_patch_makes_a_new_version_or_nothing() {
    let server = start(&[]);
    json(&server, "[]").refused(404, "not-found");
    server.put("Patient/p", PATIENT);
    let done = json(
        &server,
        r#"[{"op":"test","path":"/name/0/family","value":"A"},{"op":"replace","path":"/name/0/family","value":"B"}]"#,
    );
    assert_eq!((done.status, done.header("etag")), (200, "W/\"2\""), "{}", done.text());
    json(&server, r#"[{"op":"test","path":"/name/0/family","value":"A"}]"#).refused(422, "processing");
    json(&server, r#"[{"op":"add","path":"/nonsense","value":1}]"#).refused(422, "structure");
    json(&server, r#"[{"op":"replace","path":"/id","value":"q"}]"#).refused(422, "processing");
    json(&server, "nonsense").refused(400, "invalid");
    patch(&server, "text/plain", "[]").refused(415, "not-supported");
    let late = server.client.patch(server.url("Patient/p")).header("Content-Type", "application/json-patch+json");
    told(late.header("If-Match", "W/\"1\"").body("[]")).refused(412, "conflict");
    assert_eq!(server.get("Patient/p").header("etag"), "W/\"2\"");
    let history = server.get("Patient/p/_history").tree();
    assert_eq!(history.root().text_at("entry.request.method"), Some("PATCH"));
}

#[test]
fn a_fhirpath_patch_changes_what_its_path_leads_to() {
    let server = start(&[]);
    server.put("Patient/p", PATIENT);
    let check = |parts: &[(&str, &str)], expected: &str| {
        let done = path(&server, parts);
        assert_eq!(done.status, 200, "{}", done.text());
        let content = content(&server);
        assert!(content.contains(expected), "{content} has no {expected}");
    };
    check(
        &[
            ("type", r#""valueCode":"replace""#),
            ("path", r#""valueString":"Patient.birthDate""#),
            ("value", r#""valueDate":"1960-01-01""#),
        ],
        r#"birthDate="1960-01-01""#,
    );
    check(
        &[
            ("type", r#""valueCode":"add""#),
            ("path", r#""valueString":"Patient""#),
            ("name", r#""valueString":"deceased""#),
            ("value", r#""valueBoolean":true"#),
        ],
        "deceasedBoolean=true",
    );
    check(
        &[
            ("type", r#""valueCode":"insert""#),
            ("path", r#""valueString":"Patient.name[0].given""#),
            ("index", r#""valueInteger":1"#),
            ("value", r#""valueString":"z""#),
        ],
        r#""given":["x","z","y"]"#,
    );
    check(
        &[
            ("type", r#""valueCode":"move""#),
            ("path", r#""valueString":"Patient.name[0].given""#),
            ("source", r#""valueInteger":2"#),
            ("destination", r#""valueInteger":0"#),
        ],
        r#""given":["y","x","z"]"#,
    );
    check(
        &[("type", r#""valueCode":"delete""#), ("path", r#""valueString":"Patient.name[0].given[1]""#)],
        r#""given":["y","z"]"#,
    );
    check(
        &[
            ("type", r#""valueCode":"add""#),
            ("path", r#""valueString":"Patient""#),
            ("name", r#""valueString":"contact""#),
            (
                "value",
                r#""part":[{"name":"name","valueHumanName":{"text":"N"}},{"name":"gender","valueCode":"female"}]"#,
            ),
        ],
        r#"contact={"name":{"text":"N"},"gender":"female"}"#,
    );
}

#[test]
fn a_fhirpath_patch_that_does_not_fit_is_refused() {
    let server = start(&[]);
    server.put("Patient/p", PATIENT);
    let delete = r#""valueCode":"delete""#;
    path(&server, &[("type", delete), ("path", r#""valueString":"Patient.name.given""#)]).refused(422, "processing");
    path(&server, &[("type", delete), ("path", r#""valueString":"Patient.(""#)]).refused(400, "invalid");
    path(&server, &[("type", r#""valueCode":"nonsense""#), ("path", r#""valueString":"Patient.name""#)])
        .refused(400, "invalid");
    path(
        &server,
        &[
            ("type", r#""valueCode":"add""#),
            ("path", r#""valueString":"Patient""#),
            ("name", r#""valueString":"nonsense""#),
            ("value", r#""valueString":"x""#),
        ],
    )
    .refused(422, "processing");
    assert_eq!(path(&server, &[("type", delete), ("path", r#""valueString":"Patient.photo""#)]).status, 200);
    assert!(content(&server).contains(r#"birthDate="1952-03-04""#));
}

#[test]
fn an_xml_patch_changes_the_xml_form() {
    let server = start(&[]);
    let div = r#"<div xmlns=\"http://www.w3.org/1999/xhtml\">\n<b title=\"x\">\"A\" &amp; B</b></div>"#;
    let text = format!(r#""text":{{"status":"generated","div":"{div}"}},"#);
    server.put("Patient/p", &PATIENT.replacen(r#""name""#, &format!(r#"{text}"name""#), 1));
    let xml = |operations: &str| {
        let diff = format!(r#"<diff xmlns="http://hl7.org/fhir">{operations}</diff>"#);
        patch(&server, "application/xml-patch+xml", &diff)
    };
    let done = xml(r#"<replace sel="f:Patient/f:birthDate/@value">1960-01-01</replace>
           <add sel="Patient/name[given/@value='x']"><suffix value="MD"/></add>
           <remove sel="/f:Patient/f:name/f:given[1]"/>"#);
    assert_eq!((done.status, done.header("etag")), (200, "W/\"2\""), "{}", done.text());
    let content = content(&server);
    assert!(content.contains(r#"birthDate="1960-01-01""#), "{content}");
    assert!(content.contains(r#""given":["y"],"suffix":["MD"]"#), "{content}");
    assert!(content.contains(div), "the narrative is as it was: {content}");
    xml(r#"<remove sel="f:Patient/f:photo"/>"#).refused(422, "processing");
    xml(r#"<add sel="f:Patient"><nonsense value="1"/></add>"#).refused(422, "structure");
    xml(r#"<add sel="f:Patient" pos="after"><Patient/></add>"#).refused(422, "processing");
    xml("").refused(400, "invalid");
    assert_eq!(server.get("Patient/p").header("etag"), "W/\"2\"");
}

#[test]
fn a_conditional_patch_is_for_the_one_that_meets_it() {
    let server = start(&[]);
    let of = |query: &str| {
        let patch = server.client.patch(server.url(&format!("Patient?{query}")));
        let patch = patch.header("Content-Type", "application/json-patch+json");
        told(patch.body(r#"[{"op":"add","path":"/active","value":true}]"#))
    };
    of("family=A").refused(404, "not-found");
    server.put("Patient/p", PATIENT);
    let done = of("family=A");
    assert_eq!((done.status, done.header("etag")), (200, "W/\"2\""), "{}", done.text());
    assert!(content(&server).contains("active=true"));
    server.put("Patient/q", &PATIENT.replace(r#""id":"p""#, r#""id":"q""#));
    of("family=A").refused(412, "multiple-matches");
    of("").refused(400, "invalid");
}

#[test]
fn a_bundle_patches_by_binary_and_by_parameters() {
    let server = start(&[]);
    server.put("Patient/p", PATIENT);
    server.put("Patient/q", &PATIENT.replace(r#""id":"p""#, r#""id":"q""#));
    let bundle = |kind: &str, target: &str, operations: &str| {
        use base64::Engine;
        let data = base64::engine::general_purpose::STANDARD.encode(operations);
        let binary =
            format!(r#"{{"resourceType":"Binary","contentType":"application/json-patch+json","data":"{data}"}}"#);
        let organization = r#"{"resourceType":"Organization","name":"O"}"#;
        let link = operation(&[
            ("type", r#""valueCode":"add""#),
            ("path", r#""valueString":"Patient""#),
            ("name", r#""valueString":"managingOrganization""#),
            ("value", r#""valueReference":{"reference":"urn:uuid:1"}"#),
        ]);
        let bundle = format!(
            r#"{{"resourceType":"Bundle","type":"{kind}","entry":[
            {{"resource":{binary},"request":{{"method":"PATCH","url":"{target}"}}}},
            {{"fullUrl":"urn:uuid:1","resource":{organization},"request":{{"method":"POST","url":"Organization"}}}},
            {{"resource":{link},"request":{{"method":"PATCH","url":"Patient/q"}}}}]}}"#
        );
        server.post("", &bundle)
    };
    let add = r#"[{"op":"add","path":"/active","value":true},
        {"op":"add","path":"/generalPractitioner","value":[{"reference":"urn:uuid:1"}]}]"#;
    let done = bundle("transaction", "Patient?birthdate=1952-03-04&_id=p", add);
    assert_eq!(done.status, 200, "{}", done.text());
    assert!(content(&server).contains("active=true"));
    let linked = server.get("Patient/p").tree();
    let reference = linked.root().text_at("generalPractitioner.reference").unwrap();
    assert!(reference.starts_with("Organization/"), "{reference}");
    let linked = server.get("Patient/q").tree();
    let reference = linked.root().text_at("managingOrganization.reference").unwrap();
    assert_eq!(server.get(reference).status, 200, "{reference}");
    bundle("transaction", "Patient/p", r#"[{"op":"test","path":"/active","value":false}]"#).refused(422, "processing");
    assert_eq!(server.get("Patient/q").header("etag"), "W/\"2\"", "nothing of it is stored");
    let batch = bundle("batch", "Patient/p", r#"[{"op":"remove","path":"/active"}]"#).tree();
    assert!(batch.root().text_at("entry.response.status").unwrap().starts_with("200"));
    assert!(!content(&server).contains("active"));
}
