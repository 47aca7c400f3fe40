//! The REST API, driven over HTTP.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]
mod running;

use running::{start, told};

const MARTIN: &str = r#"{"resourceType":"Patient","name":[{"family":"Martin"}]}"#;

#[test]
fn what_is_created_is_read_with_version_and_time() {
    let server = start(&[]);
    let created = server.post("Patient", MARTIN);
    assert_eq!(created.status, 201);
    let location = created.header("location").to_owned();
    let tree = created.tree();
    let id = tree.root().text_at("id").unwrap();
    assert_eq!(location, format!("{}/Patient/{id}/_history/1", server.base));
    assert_eq!(created.header("etag"), "W/\"1\"");
    let read = server.get(&format!("Patient/{id}"));
    assert_eq!((read.status, read.body.as_slice()), (200, created.body.as_slice()));
    assert_eq!(read.header("content-type"), "application/fhir+json; charset=utf-8");
    assert!(!read.header("last-modified").is_empty() && !read.header("x-request-id").is_empty());
    assert_eq!(tree.root().text_at("meta.versionId"), Some("1"));
    assert_eq!(server.get(&location).body, read.body);
}

#[test]
fn versions_follow_each_other_and_a_deletion_is_one_of_them() {
    let server = start(&[]);
    let body = |family: &str| format!(r#"{{"resourceType":"Patient","id":"p","name":[{{"family":"{family}"}}]}}"#);
    assert_eq!(server.put("Patient/p", &body("A")).status, 201);
    assert_eq!(server.put("Patient/p", &body("B")).status, 200);
    assert_eq!(server.delete("Patient/p").status, 204);
    server.get("Patient/p").refused(410, "deleted");
    server.get("Patient/p/_history/3").refused(410, "deleted");
    for other in ["4", "01", "+1", "0"] {
        server.get(&format!("Patient/p/_history/{other}")).refused(404, "not-found");
    }
    assert_eq!(server.get("Patient/p/_history/1").tree().root().text_at("name.family"), Some("A"));
    let history = server.get("Patient/p/_history").tree();
    let methods: Vec<_> =
        history.root().every("entry.request.method").iter().filter_map(|method| method.text()).collect();
    assert_eq!(methods, ["DELETE", "PUT", "PUT"]);
    assert_eq!(server.put("Patient/p", &body("C")).header("etag"), "W/\"4\"");
    assert_eq!(server.delete("Patient/never").status, 204);
}

#[test]
fn history_pages_agree_with_each_other_while_others_write() {
    let server = start(&[]);
    for number in 0..5 {
        server.put(
            &format!("Basic/{number}"),
            &format!(r#"{{"resourceType":"Basic","id":"{number}","code":{{"text":"x"}}}}"#),
        );
    }
    let mut page = server.get("Basic/_history?_count=2").tree();
    let mut seen = Vec::new();
    loop {
        seen.extend(page.root().every("entry.resource.id").iter().filter_map(|id| id.text()).map(str::to_owned));
        server.post("Basic", r#"{"resourceType":"Basic","code":{"text":"x"}}"#);
        let links = page.root().every("link");
        let next = links.iter().find(|link| link.text_at("relation") == Some("next"));
        match next.and_then(|link| link.text_at("url")).map(str::to_owned) {
            Some(url) => page = server.get(&url).tree(),
            None => break,
        }
    }
    assert_eq!(seen, ["4", "3", "2", "1", "0"]);
    assert_eq!(server.get("_history?_count=100").tree().root().every("entry").len(), 8);
    server.get("Patient/none/_history").refused(404, "not-found");
    for wrong in ["_history?_count=x", "_history?_page=AAAA", "_history?_sinse=2024", "Basic/0/_history?_t=1"] {
        server.get(wrong).refused(400, "invalid");
    }
    let next = server.get("Basic/_history?_count=2").tree();
    let next = next.root().every("link").get(1).and_then(|link| link.text_at("url")).unwrap().to_owned();
    assert_eq!(server.get(&next).status, 200);
    let other = next.replace("/Basic/", "/Patient/");
    assert!(server.get(&other).refused(400, "invalid").text().contains("belongs to another"), "{other}");
    server.get(&next.replace("_count=2", "_count=3")).refused(400, "invalid");
}

#[test]
fn conditions_in_headers_are_kept() {
    let server = start(&[]);
    let body = r#"{"resourceType":"Basic","id":"b","code":{"text":"x"}}"#;
    let put = |name: &str, value: &str| {
        let request = server.client.put(server.url("Basic/b")).header("Content-Type", "application/json");
        told(request.header(name, value).body(body))
    };
    put("If-Match", "W/\"1\"").refused(412, "conflict");
    assert_eq!(put("If-None-Match", "*").status, 201);
    put("If-None-Match", "*").refused(412, "conflict");
    assert_eq!(put("If-Match", "W/\"1\"").status, 200);
    put("If-Match", "W/\"1\"").refused(412, "conflict");
    let get = |name: &str, value: &str| told(server.client.get(server.url("Basic/b")).header(name, value)).status;
    assert_eq!(get("If-None-Match", "W/\"2\""), 304);
    assert_eq!(get("If-None-Match", "W/\"1\""), 200);
    let modified = server.get("Basic/b").header("last-modified").to_owned();
    assert_eq!(get("If-Modified-Since", &modified), 304);
    assert_eq!(get("If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"), 200);
}

#[test]
fn preferences_decide_what_comes_back() {
    let server = start(&[]);
    let post = |prefer: &str| {
        let request = server.client.post(server.url("Patient")).header("Content-Type", "application/fhir+json");
        told(request.header("Prefer", prefer).body(MARTIN))
    };
    let minimal = post("return=minimal");
    assert_eq!((minimal.status, minimal.body.len()), (201, 0));
    assert_eq!(post("return=OperationOutcome").tree().resource_type(), "OperationOutcome");
    assert_eq!(post("return=representation").tree().resource_type(), "Patient");
}

#[test]
fn what_is_refused_is_said_in_an_outcome() {
    let server = start(&[("max-body", "1KiB")]);
    server.post("Patient", "{").refused(400, "structure");
    server.post("Patient", "").refused(400, "invalid");
    server.post("Patient", r#"{"resourceType":"Basic","code":{"text":"x"}}"#).refused(400, "invalid");
    server.post("Patient", r#"{"resourceType":"Patient","name":[],"name":[]}"#).refused(400, "structure");
    server.put("Patient/a", r#"{"resourceType":"Patient","id":"b"}"#).refused(400, "invalid");
    server.put("Patient/a_b", r#"{"resourceType":"Patient","id":"a_b"}"#).refused(400, "invalid");
    server
        .post("Patient", &format!(r#"{{"resourceType":"Patient","id":"{}"}}"#, "a".repeat(2000)))
        .refused(413, "too-long");
    server.get("Nonsense/a").refused(404, "not-found");
    server.get("Patient/a/b/c").refused(404, "not-found");
    server.get("$nonsense").refused(404, "not-supported");
    server.get("Patient/none").refused(404, "not-found");
    server.get("metadata?_format=turtle").refused(406, "not-supported");
    let request = server.client.post(server.url("Patient")).header("Content-Type", "text/plain").body(MARTIN);
    told(request).refused(415, "not-supported");
    let patched = told(server.client.post(server.url("metadata")));
    assert_eq!(patched.refused(405, "not-supported").header("allow"), "GET, HEAD");
    let trace = told(server.client.request(reqwest::Method::TRACE, server.url("Patient/a")));
    trace.refused(405, "not-supported");
}

#[test]
fn a_binary_is_itself_or_a_resource() {
    let server = start(&[]);
    let bytes = b"%PDF-1.7 \x00\xff".to_vec();
    let request =
        server.client.post(server.url("Binary")).header("Content-Type", "application/pdf").body(bytes.clone());
    let created = told(request);
    assert_eq!(created.status, 201, "{}", created.text());
    let path = format!("Binary/{}", created.tree().root().text_at("id").unwrap());
    let raw = server.get(&path);
    assert_eq!((raw.header("content-type"), &raw.body), ("application/pdf", &bytes));
    let wrapped = told(server.client.get(server.url(&path)).header("Accept", "application/fhir+json")).tree();
    assert_eq!(wrapped.root().text_at("contentType"), Some("application/pdf"));
    assert_eq!(told(server.client.get(server.url(&path)).header("Accept", "application/pdf")).status, 200);
}

#[test]
fn the_server_says_what_it_does_and_that_it_is_well() {
    let server = start(&[("cors-origins", "https://app.example.org")]);
    let health = server.get(&server.base.replace("/fhir", "/health"));
    assert!(health.status == 200 && health.text().contains("pass"));
    let head = told(server.client.head(server.url("metadata")));
    assert_eq!((head.status, head.body.len()), (200, 0));
    let request = server.client.get(server.url("metadata")).header("Origin", "https://app.example.org");
    let answer = told(request.header("X-Request-Id", "abc-1"));
    assert_eq!(answer.header("access-control-allow-origin"), "https://app.example.org");
    assert_eq!(answer.header("x-request-id"), "abc-1");
    let other = told(server.client.get(server.url("metadata")).header("Origin", "https://evil.example.org"));
    assert_eq!(other.header("access-control-allow-origin"), "");
    server.get(&server.base.replace("/fhir", "/elsewhere")).refused(404, "not-found");
}

#[test]
fn xml_and_json_are_two_forms_of_one_resource() {
    let server = start(&[]);
    let xml = r#"<Observation xmlns="http://hl7.org/fhir"><id value="o"/><status value="final"/>
        <code><text value="é &lt; 1"/></code><valueQuantity><value value="1.50"/></valueQuantity></Observation>"#;
    let put = server.client.put(server.url("Observation/o")).header("Content-Type", "application/fhir+xml");
    let stored = told(put.header("Accept", "application/fhir+xml").body(xml));
    assert_eq!(stored.status, 201, "{}", stored.text());
    assert!(stored.text().contains(r#"<value value="1.50"/>"#), "{}", stored.text());
    let json = server.get("Observation/o");
    assert!(
        json.text().contains(r#""valueQuantity":{"value":1.50}"#) && json.text().contains("é < 1"),
        "{}",
        json.text()
    );
    for asked in ["Observation/o?_format=xml", "Observation/o?_format=application/fhir%2Bxml"] {
        assert_eq!(
            server.get(asked).body,
            told(server.client.get(server.url("Observation/o")).header("Accept", "application/fhir+xml")).body
        );
    }
    assert!(server.get("Observation/o?_pretty=true").text().contains("\n  \"id\": \"o\""));
    let missing = told(server.client.get(server.url("Observation/none")).header("Accept", "application/fhir+xml"));
    assert!(missing.status == 404 && missing.text().contains("<OperationOutcome"));
}

#[test]
fn bodies_are_compressed_both_ways() {
    let server = start(&[]);
    let answer = told(server.client.get(server.url("metadata")).header("Accept-Encoding", "gzip"));
    assert_eq!((answer.header("content-encoding"), answer.body.get(..2)), ("gzip", Some(&[0x1f, 0x8b][..])));
    for encoding in ["br", "zstd"] {
        let answer = told(server.client.get(server.url("metadata")).header("Accept-Encoding", encoding));
        assert_eq!(answer.header("content-encoding"), encoding);
    }
}

#[test]
fn a_part_of_a_resource_is_read_where_a_part_is_asked_for() {
    let server = start(&[]);
    let patient = r#"{"resourceType":"Patient","id":"p","text":{"status":"generated",
        "div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">t</div>"},"active":true,"birthDate":"1952","maritalStatus":{"text":"m"}}"#;
    server.put("Patient/p", patient);
    let names = |path: &str| {
        let tree = server.get(path).tree();
        let resource = tree.root().at("entry.resource").unwrap_or(tree.root());
        assert_eq!(resource.text_at("meta.tag.code"), Some("SUBSETTED"), "{path}");
        let names: Vec<String> = resource.children().map(|child| child.name().to_owned()).collect();
        names.into_iter().filter(|name| name != "id" && name != "meta").collect::<Vec<_>>()
    };
    for path in ["Patient/p", "Patient/p/_history/1", "Patient/p/_history", "Patient/_history", "Patient"] {
        assert_eq!(names(&format!("{path}?_elements=birthDate")), ["birthDate"], "{path}");
        assert_eq!(names(&format!("{path}?_summary=text")), ["text"], "{path}");
        assert_eq!(names(&format!("{path}?_summary=true")), ["active", "birthDate"], "{path}");
        assert_eq!(names(&format!("{path}?_summary=data")), ["active", "birthDate", "maritalStatus"], "{path}");
    }
    server.get("Patient/p?_summary=nonsense").refused(400, "invalid");
    server.get("Patient/p?_summary=count").refused(400, "invalid");
}

#[test]
fn a_conditional_update_keeps_to_the_version_that_is_named() {
    let server = start(&[]);
    server.put("Patient/p", r#"{"resourceType":"Patient","id":"p","birthDate":"1952"}"#);
    let update = |version: &str| {
        let body = r#"{"resourceType":"Patient","birthDate":"1952","active":true}"#;
        let request = server.client.put(server.url("Patient?birthdate=1952")).header("If-Match", version);
        running::told(request.header("Content-Type", "application/fhir+json").body(body))
    };
    update("W/\"7\"").refused(412, "conflict");
    assert_eq!(update("W/\"1\"").header("etag"), "W/\"2\"");
}

#[test]
fn head_is_get_without_its_body() {
    let server = start(&[]);
    server.put("Patient/p", r#"{"resourceType":"Patient","id":"p"}"#);
    let root = server.base.trim_end_matches("/fhir").to_owned();
    let beside = [format!("{root}/health"), format!("{root}/openapi.json")];
    let paths = [
        "metadata",
        "Patient/p",
        "Patient/p/_history/1",
        "Patient/p/_history",
        "_history",
        "Patient?_summary=count",
        "?_type=Patient",
        "Patient/p/Observation",
        "Patient/p/$everything",
        "Patient/p/$meta",
        "Patient/none",
        "Patient?nonsense=1",
    ];
    for path in paths.iter().map(|path| (*path).to_owned()).chain(beside) {
        let (get, head) = (server.get(&path), told(server.client.head(server.url(&path))));
        assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
        assert!(!get.body.is_empty(), "{path}");
        for name in ["content-type", "etag", "last-modified"] {
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
        }
    }
}

#[test]
fn the_form_of_an_answer_is_asked_for_in_many_words() {
    let server = start(&[]);
    server.put("Patient/p", r#"{"resourceType":"Patient","id":"p","active":true}"#);
    let form = |name: &str| format!("application/fhir+{name}; charset=utf-8");
    for (asked, name) in [
        ("json", "json"),
        ("xml", "xml"),
        ("application/json", "json"),
        ("text/xml", "xml"),
        ("application/fhir%2Bjson", "json"),
        ("application/fhir+xml", "xml"),
        ("application/fhir%2Bxml;fhirVersion=4.0", "xml"),
        ("html", "json"),
    ] {
        assert_eq!(server.get(&format!("Patient/p?_format={asked}")).header("content-type"), form(name), "{asked}");
    }
    for asked in ["turtle", "application/pdf", "application/fhir%2Bjson;fhirVersion=5.0"] {
        server.get(&format!("Patient/p?_format={asked}")).refused(406, "not-supported");
    }
    let accepted = |path: &str, accept: &str| told(server.client.get(server.url(path)).header("Accept", accept));
    for (accept, name) in [
        ("*/*", "json"),
        ("application/fhir+xml;q=0.5, application/fhir+json", "json"),
        ("application/fhir+json;q=0.1, application/fhir+xml;q=0.9", "xml"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "json"),
    ] {
        assert_eq!(accepted("Patient/p", accept).header("content-type"), form(name), "{accept}");
    }
    assert_eq!(accepted("Patient/p?_format=json", "application/fhir+xml").header("content-type"), form("json"));
    accepted("Patient/p", "text/turtle").refused(406, "not-supported");
    for (path, is_pretty) in
        [("_format=xml", false), ("_format=xml&_pretty=true", true), ("_pretty=false", false), ("_pretty=true", true)]
    {
        let text = server.get(&format!("Patient/p?{path}")).text();
        assert_eq!(text.lines().count() > 4, is_pretty, "{path}: {text}");
    }
}

#[test]
fn a_summary_that_leaves_nothing_out_is_not_marked_and_a_count_has_no_entries() {
    let server = start(&[]);
    server.put("Patient/p", r#"{"resourceType":"Patient","id":"p","maritalStatus":{"text":"m"}}"#);
    for path in ["Patient/p?_summary=false", "Patient?_summary=false"] {
        let text = server.get(path).text();
        assert!(text.contains("maritalStatus") && !text.contains("SUBSETTED"), "{path}: {text}");
    }
    let count = server.get("Patient?_summary=count").tree();
    assert_eq!(count.root().text_at("total"), Some("1"));
    assert!(count.root().get("entry").is_none());
}

#[test]
fn every_write_answers_as_preferred() {
    let server = start(&[]);
    let send = |method: &str, body: &str, prefer: &str| {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let content =
            if method == reqwest::Method::PATCH { "application/json-patch+json" } else { "application/fhir+json" };
        let request = server.client.request(method, server.url("Patient/p")).header("Content-Type", content);
        told(request.header("Prefer", prefer).body(body.to_owned()))
    };
    let body = |year: u32| format!(r#"{{"resourceType":"Patient","id":"p","birthDate":"{year}"}}"#);
    let patch = |year: u32| format!(r#"[{{"op":"replace","path":"/birthDate","value":"{year}"}}]"#);
    send("PUT", &body(1950), "return=minimal");
    for (method, bodies) in
        [("PUT", [body(1951), body(1952), body(1953)]), ("PATCH", [patch(1954), patch(1955), patch(1956)])]
    {
        let minimal = send(method, &bodies[0], "return=minimal");
        assert_eq!((minimal.status, minimal.body.len()), (200, 0), "{method}");
        assert_eq!(send(method, &bodies[1], "return=OperationOutcome").tree().resource_type(), "OperationOutcome");
        let whole = send(method, &bodies[2], "return=representation");
        assert_eq!(whole.tree().resource_type(), "Patient");
        assert_eq!(
            whole.header("content-location"),
            format!("{}/Patient/p/_history/{}", server.base, &whole.header("etag")[3..4])
        );
    }
    let deleted = send("DELETE", "", "return=OperationOutcome");
    assert_eq!((deleted.status, deleted.tree().resource_type()), (200, "OperationOutcome"));
}

#[test]
fn versions_are_weak_tags_and_bind_every_write() {
    let server = start(&[]);
    server.put("Basic/b", r#"{"resourceType":"Basic","id":"b","code":{"text":"x"}}"#);
    let with = |request: reqwest::blocking::RequestBuilder, tag: &str| told(request.header("If-Match", tag));
    let patch = || {
        let request = server.client.patch(server.url("Basic/b")).header("Content-Type", "application/json-patch+json");
        request.body(r#"[{"op":"replace","path":"/code/text","value":"y"}]"#)
    };
    with(patch(), "W/\"9\"").refused(412, "conflict");
    assert_eq!(with(patch(), "\"1\"").header("etag"), "W/\"2\"", "a strong tag is taken too");
    let version = server.get("Basic/b/_history/1");
    assert_eq!(version.header("etag"), "W/\"1\"");
    assert!(!version.header("last-modified").is_empty());
    let again = server.client.get(server.url("Basic/b/_history/1")).header("If-None-Match", "W/\"1\"");
    assert_eq!(told(again).status, 304);
    let delete = || server.client.delete(server.url("Basic/b"));
    with(delete(), "W/\"1\"").refused(412, "conflict");
    let deleted = with(delete(), "W/\"2\"");
    assert_eq!((deleted.status, deleted.header("etag")), (204, "W/\"3\""));
}

#[test]
fn a_binary_keeps_its_security_context_and_its_versions() {
    let server = start(&[]);
    server.put("Patient/p", r#"{"resourceType":"Patient","id":"p"}"#);
    let put = |bytes: &'static [u8]| {
        let request = server.client.put(server.url("Binary/b")).header("Content-Type", "image/png");
        told(request.header("X-Security-Context", "Patient/p").body(bytes))
    };
    assert_eq!((put(b"one").status, put(b"two").status), (201, 200));
    let raw = |path: &str| told(server.client.get(server.url(path)).header("Accept", "image/png"));
    assert_eq!((raw("Binary/b").body, raw("Binary/b/_history/1").body), (b"two".to_vec(), b"one".to_vec()));
    let head = told(server.client.head(server.url("Binary/b")).header("Accept", "image/png"));
    assert_eq!((head.header("content-type"), head.body.len()), ("image/png", 0));
    for form in ["json", "xml"] {
        let wrapped = server.get(&format!("Binary/b?_format={form}"));
        assert!(wrapped.text().contains("Patient/p") && wrapped.text().contains("dHdv"), "{}", wrapped.text());
        assert!(wrapped.header("content-type").contains(form));
    }
    let range = |range: &str| {
        let request = server.client.get(server.url("Binary/b")).header("Accept", "image/png").header("Range", range);
        let part = told(request.header("Accept-Encoding", "gzip"));
        (part.status, part.text(), part.header("content-range").to_owned())
    };
    assert_eq!(range("bytes=1-"), (206, "wo".to_owned(), "bytes 1-2/3".to_owned()));
    assert_eq!(range("bytes=3-"), (416, String::new(), "bytes */3".to_owned()));
    assert_eq!((range("lines=1-").0, raw("Binary/b").header("x-security-context")), (200, "Patient/p"));
    assert_eq!(put(b"").status, 200, "nothing is content, too");
    assert_eq!(raw("Binary/b").body, b"");
}

#[test]
fn what_is_sent_compressed_is_read() {
    use std::io::Write;
    let server = start(&[]);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(MARTIN.as_bytes()).unwrap();
    let post = |bytes: Vec<u8>| {
        let request = server.client.post(server.url("Patient")).header("Content-Type", "application/fhir+json");
        told(request.header("Content-Encoding", "gzip").body(bytes))
    };
    let created = post(gzip.finish().unwrap());
    assert_eq!(created.status, 201, "{}", created.text());
    assert_eq!(created.tree().root().text_at("name.family"), Some("Martin"));
    post(b"no gzip".to_vec()).refused(400, "invalid");
}

#[test]
fn a_page_of_an_allowed_origin_may_ask_beforehand() {
    let server = start(&[("cors-origins", "https://app.example.org")]);
    let ask = |origin: &str| {
        let request = server.client.request(reqwest::Method::OPTIONS, server.url("Patient"));
        told(request.header("Origin", origin).header("Access-Control-Request-Method", "PATCH"))
    };
    let allowed = ask("https://app.example.org");
    assert_eq!((allowed.status, allowed.header("access-control-allow-origin")), (204, "https://app.example.org"));
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] {
        assert!(allowed.header("access-control-allow-methods").contains(method));
    }
    for name in ["If-Match", "If-None-Exist", "Prefer", "X-Security-Context"] {
        assert!(allowed.header("access-control-allow-headers").contains(name));
    }
    assert!(allowed.header("access-control-expose-headers").contains("ETag"));
    assert_eq!(ask("https://evil.example.org").header("access-control-allow-methods"), "");
    assert_eq!(allowed.header("allow"), "POST, PATCH, PUT, DELETE, GET, HEAD, OPTIONS");
    assert_eq!(told(server.client.request(reqwest::Method::OPTIONS, server.url("Nothing"))).header("allow"), "");
}

#[test]
fn a_compartment_is_searched_by_a_form_too() {
    let server = start(&[]);
    server.put("Patient/p", r#"{"resourceType":"Patient","id":"p"}"#);
    for (id, status) in [("a", "final"), ("b", "amended")] {
        let body = format!(
            r#"{{"resourceType":"Observation","id":"{id}","status":"{status}","code":{{"text":"c"}},"subject":{{"reference":"Patient/p"}}}}"#
        );
        server.put(&format!("Observation/{id}"), &body);
    }
    let post = |path: &str| {
        let request = server.client.post(server.url(path)).header("Content-Type", "application/x-www-form-urlencoded");
        told(request.body("status=final"))
    };
    for path in ["Patient/p/Observation/_search", "Observation/_search"] {
        let found = post(path).tree();
        let ids = found.root().every("entry.resource.id");
        assert_eq!(ids.iter().filter_map(|id| id.text()).collect::<Vec<_>>(), ["a"], "{path}");
        assert!(!found.root().text_at("link.url").unwrap().contains("_search"));
    }
    let request = server.client.post(server.url("Observation/_search"));
    let xml = told(request.header("Content-Type", "application/x-www-form-urlencoded").body("_format=xml&_count=1"));
    assert_eq!(xml.header("content-type"), "application/fhir+xml; charset=utf-8", "the form may name the form");
    post("Patient/p/Observation").refused(405, "not-supported");
    server.get("Patient/p/Observation/_search").refused(405, "not-supported");
}

#[test]
fn a_reference_by_any_name_of_this_machine_is_to_a_resource_here() {
    let bases = |given: &[(&str, &str)]| server::command::settings(&running::values(given)).bases;
    let own = ["http://127.0.0.1:8080/fhir", "http://localhost:8080/fhir"];
    assert_eq!(bases(&[("listen", "127.0.0.1:8080")]), own);
    assert_eq!(bases(&[("listen", "0.0.0.0:8080")])[1..], [own[1], own[0]]);
    let public = [("listen", "0.0.0.0:8080"), ("base-url", "https://fhir.example.org/fhir/")];
    assert_eq!(bases(&public), ["https://fhir.example.org/fhir"]);
}
