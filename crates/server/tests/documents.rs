//! Documents pushed in and retrieved: `$convert`, ITI-105, ITI-68, driven over HTTP.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]
mod running;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::Tree;
use running::{Running, Told, start, told};
use sha1::{Digest, Sha1};

const SUMMARY: &str = include_str!("documents/summary.xml");

fn publish(server: &Running, content_type: &str, bytes: &[u8], more: &str) -> Told {
    let data = STANDARD.encode(bytes);
    server.post(
        "DocumentReference",
        &format!(
            r#"{{"resourceType":"DocumentReference","status":"current",{more}
               "content":[{{"attachment":{{"contentType":"{content_type}","data":"{data}"}}}}]}}"#
        ),
    )
}

fn text<'t>(tree: &'t Tree, path: &str) -> &'t str {
    tree.root().text_at(path).unwrap_or_default()
}

#[test]
fn a_cda_goes_in_and_the_european_document_comes_out() {
    let server = start(&[]);
    let request = server.client.post(server.url("$convert")).header("Content-Type", "application/xml").body(SUMMARY);
    let answer = told(request);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let document = answer.tree();
    assert_eq!((document.resource_type(), text(&document, "type")), ("Bundle", "document"));
    let request = server.client.post(server.url("$convert")).header("Prefer", "return=OperationOutcome").body(SUMMARY);
    assert_eq!(told(request).tree().resource_type(), "OperationOutcome");
    let all = told(server.client.post(server.url("$convert?report=true")).body(SUMMARY)).tree();
    let names: Vec<_> = all.root().every("parameter.name").iter().filter_map(|name| name.text()).collect();
    assert_eq!(names, ["return", "report", "provenance", "category"]);
    let page = told(server.client.post(server.url("$convert?explain=true")).body(SUMMARY));
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(page.text().starts_with("<!DOCTYPE html>") && !page.text().contains("<script"));
    // Nothing was stored by any of it.
    assert!(server.get("_history").tree().root().get("entry").is_none());
    told(server.client.post(server.url("$convert")).body("MSH|^~\\&|X")).refused(422, "not-supported");
    told(server.client.post(server.url("$convert"))).refused(400, "invalid");
}

#[test]
fn a_published_cda_is_found_converted_with_its_source_and_provenance() {
    let server = start(&[]);
    let published = publish(&server, "application/hl7-cda+xml", SUMMARY.as_bytes(), "");
    assert_eq!(published.status, 201, "{}", published.text());
    let reference = published.tree();
    assert!(reference.root().at("content.attachment.data").is_none());
    assert_eq!(text(&reference, "category.coding.code"), "Patient-Summaries");
    assert_eq!(text(&reference, "type.coding.code"), "60591-5");
    assert!(published.header("location").contains("/DocumentReference/"));

    // ITI-68: the native Bundle, with the hash and size that the reference tells, also as XML.
    let url = text(&reference, "content.attachment.url");
    let document = server.get(url);
    assert_eq!(text(&document.tree(), "type"), "document");
    assert_eq!(STANDARD.encode(Sha1::digest(&document.body)), text(&reference, "content.attachment.hash"));
    assert_eq!(document.body.len().to_string(), text(&reference, "content.attachment.size"));
    let xml = told(server.client.get(url).header("Accept", "application/fhir+xml"));
    assert!(xml.header("content-type").starts_with("application/fhir+xml") && xml.text().contains("<Bundle"));

    // The patient, the source and the Provenance that leads from one to the other.
    let patient = server.get(text(&reference, "subject.reference")).tree();
    assert_eq!(text(&patient, "name.family"), "Martin");
    let history = server.get("Provenance/_history").tree();
    let sources: Vec<_> = history.root().every("entry.resource.entity.what.reference");
    let binary =
        sources.iter().filter_map(|source| source.text()).find(|source| source.starts_with("Binary/")).unwrap();
    assert_eq!(server.get(binary).body, SUMMARY.as_bytes());
    // ITI-67 brings it along (requirement A-30).
    let query = format!("DocumentReference?_id={}&_revinclude=Provenance:target", text(&reference, "id"));
    let found = server.get(&query).tree();
    let included = found.root().every("entry.resource.entity.what.reference");
    assert_eq!(included.iter().filter_map(|what| what.text()).collect::<Vec<_>>(), [binary]);
}

/// The texts of the errors that `$validate` finds against a profile.
fn errors(server: &Running, resource: &Tree, profile: &str) -> Vec<String> {
    let mut body = String::new();
    model::json::write(resource.root(), &mut body);
    let outcome = server.post(&format!("{}/$validate?profile={profile}", resource.resource_type()), &body).tree();
    let issues = outcome.root().every("issue");
    let wrong = issues.iter().filter(|issue| matches!(issue.text_at("severity"), Some("error" | "fatal")));
    wrong.filter_map(|issue| issue.text_at("diagnostics")).map(str::to_owned).collect()
}

/// Requirements A-05 and A-33: what the CapabilityStatement names as `supportedProfile` holds for what a document leaves here.
#[test]
fn what_is_made_of_a_document_is_valid_against_the_profiles_that_are_declared() {
    let server = start(&[]);
    let class = r#""category":[{"coding":[{"system":"http://loinc.org","code":"60591-5"}]}],"#;
    let converted = publish(&server, "text/xml", SUMMARY.as_bytes(), class).tree();
    let codes: Vec<_> = converted.root().every("category.coding.code").iter().filter_map(|code| code.text()).collect();
    assert_eq!(codes, ["60591-5", "Patient-Summaries"]);
    let document = told(server.client.post(server.url("$convert")).body(SUMMARY));
    let pushed = publish(&server, "application/fhir+json", &document.body, "").tree();
    let patient = server.get(text(&converted, "subject.reference")).tree();
    let metadata = server.get("metadata").tree();
    let base = "http://hl7.org/fhir/StructureDefinition/CapabilityStatement";
    assert_eq!(errors(&server, &metadata, base), Vec::<String>::new());
    for resource in [&converted, &pushed, &patient] {
        let types = metadata.root().every("rest.resource");
        let of = types.iter().find(|item| item.text_at("type") == Some(resource.resource_type())).unwrap();
        let profiles = of.every("supportedProfile");
        assert!(!profiles.is_empty());
        for profile in profiles.iter().filter_map(|profile| profile.text()) {
            assert_eq!(errors(&server, resource, profile), Vec::<String>::new(), "{profile}");
        }
    }
    assert_ne!(errors(&server, &converted, "http://hl7.org/fhir/StructureDefinition/Patient"), Vec::<String>::new());
}

#[test]
fn the_same_document_again_makes_no_second_one() {
    let server = start(&[]);
    let first = publish(&server, "text/xml", SUMMARY.as_bytes(), "").tree();
    let second = publish(&server, "text/xml", SUMMARY.as_bytes(), "").tree();
    assert_eq!(text(&first, "id"), text(&second, "id"));
    assert_eq!(text(&first, "subject.reference"), text(&second, "subject.reference"));
    let patients = server.get("Patient/_history").tree();
    assert_eq!(patients.root().every("entry").len(), 1);
    // Nor a new version of anything, by whichever way it comes.
    let versions = || server.get("_history?_count=500").tree().root().every("entry").len();
    let written = versions();
    let answer = publish(&server, "text/xml", SUMMARY.as_bytes(), "");
    assert_eq!((answer.status / 100, versions()), (2, written));
    let convert = || {
        let request = server.client.post(server.url("$convert?store=true")).header("Content-Type", "text/xml");
        told(request.body(SUMMARY))
    };
    let (one, written) = (convert(), versions());
    let two = convert();
    assert_eq!((versions(), one.body == two.body), (written, true));
}

#[test]
fn a_european_document_comes_back_as_it_was() {
    let server = start(&[]);
    let document = told(server.client.post(server.url("$convert")).body(SUMMARY));
    let published = publish(&server, "application/fhir+json", &document.body, "");
    assert_eq!(published.status, 201, "{}", published.text());
    let back = server.get(text(&published.tree(), "content.attachment.url")).tree();
    let entries = |tree: &Tree| tree.root().all("entry").map(model::json::to_string).collect::<Vec<_>>();
    assert_eq!(entries(&back), entries(&document.tree()));
}

#[test]
fn how_strictly_a_document_is_held_against_its_profile_follows_its_category() {
    let server = start(&[]);
    let document = told(server.client.post(server.url("$convert")).body(SUMMARY)).text();
    let broken = document.replacen(r#""status":"final""#, r#""status":"finished""#, 1);
    assert_ne!(document, broken);
    let outcomes = |levels: &str| {
        let server = start(&[("validate-documents", levels)]);
        let published = publish(&server, "application/fhir+json", broken.as_bytes(), "");
        let history = server.get("_history").tree();
        let resources = history.root().every("entry.resource");
        let outcomes = resources.iter().filter(|resource| resource.resource_type() == Some("OperationOutcome")).count();
        (published.status, outcomes)
    };
    assert_eq!(outcomes("report,Patient-Summaries=enforce"), (422, 0));
    assert_eq!(outcomes("enforce,Patient-Summaries=report"), (201, 1));
    assert_eq!(outcomes("enforce,Patient-Summaries=off"), (201, 0));
    assert_eq!(outcomes("off,Laboratory-Reports=enforce"), (201, 0));
    // Who is not named by a certificate is not that caller.
    assert_eq!(outcomes("enforce,Patient-Summaries@x5t#S256:00=off"), (422, 0));
}

#[test]
fn other_content_is_kept_as_it_is() {
    let server = start(&[]);
    let pdf = b"%PDF-1.7 example".to_vec();
    let published = publish(&server, "application/pdf", &pdf, "");
    assert_eq!(published.status, 201, "{}", published.text());
    let reference = published.tree();
    let raw = server.get(text(&reference, "content.attachment.url"));
    assert_eq!((raw.header("content-type"), &raw.body), ("application/pdf", &pdf));
    assert_eq!(STANDARD.encode(Sha1::digest(&pdf)), text(&reference, "content.attachment.hash"));
}

#[test]
fn a_pdf_with_its_metadata_becomes_a_document_and_sent_again_nothing_new() {
    let server = start(&[]);
    let pdf = b"%PDF-1.7 \x00\xff a report".to_vec();
    let patient = r#"{"resourceType":"Patient","identifier":[{"system":"urn:oid:2.999.1","value":"7"}],"name":[{"family":"Rossi"}],"birthDate":"1980-01-02"}"#;
    let patient = format!("Patient/{}", text(&server.post("Patient", patient).tree(), "id"));
    let of = |code: &str| {
        format!(
            r#""subject":{{"reference":"{patient}"}},"type":{{"coding":[{{"system":"http://loinc.org","code":"{code}"}}]}},"#
        )
    };
    let first = publish(&server, "application/pdf", &pdf, &of("18748-4"));
    assert_eq!(first.status, 201, "{}", first.text());
    let reference = first.tree();
    assert_eq!(text(&reference, "content.attachment.contentType"), "application/fhir+json");
    assert_eq!(text(&reference, "subject.reference"), patient);
    assert_eq!(text(&reference, "category.coding.code"), "Medical-Imaging");
    let document = server.get(text(&reference, "content.attachment.url")).text();
    assert!(document.contains(&STANDARD.encode(&pdf)) && document.contains("Rossi"), "{document}");
    let count = |kind: &str| text(&server.get(&format!("{kind}?_summary=count")).tree(), "total").to_owned();
    assert_eq!((count("DocumentReference"), count("Bundle")), ("1".into(), "1".into()));
    assert_eq!(publish(&server, "application/pdf", &pdf, &of("18748-4")).status, 200);
    assert_eq!((count("DocumentReference"), count("Bundle"), count("Patient")), ("1".into(), "1".into(), "1".into()));
    let history = server.get(&format!("DocumentReference/{}/_history", text(&reference, "id"))).tree();
    assert_eq!(history.root().all("entry").count(), 1);
    // The same file as another kind of document is another document.
    assert_eq!(publish(&server, "application/pdf", &pdf, &of("11502-2")).status, 201);
    assert_eq!((count("DocumentReference"), count("Bundle")), ("2".into(), "2".into()));
    // Too little is known: it is kept as it came, once.
    let raw = publish(&server, "application/pdf", &pdf, "");
    assert_eq!((raw.status, text(&raw.tree(), "content.attachment.contentType")), (201, "application/pdf"));
    assert_eq!(publish(&server, "application/pdf", &pdf, "").status, 200);
    assert_eq!((count("DocumentReference"), count("Bundle")), ("3".into(), "2".into()));
    let unknown = r#""subject":{"reference":"Patient/none"},"#;
    publish(&server, "application/pdf", &pdf, unknown).refused(404, "not-found");
}

#[test]
fn a_pdf_is_converted_by_parameters_and_refused_without_them() {
    let server = start(&[]);
    let convert = |query: &str| {
        let request =
            server.client.post(server.url(&format!("$convert{query}"))).header("Content-Type", "application/pdf");
        told(request.body(b"%PDF-1.7 a report".to_vec()))
    };
    let answer = convert(
        "?patient=urn:oid:2.999.1%7C7&patient-name=Rossi,Anna&birth-date=1980-01-02&category=Discharge-Reports",
    );
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.text().contains("bundle-eu-hdr") && answer.text().contains("Anna"));
    assert_eq!(convert("?patient=urn:oid:2.999.1%7C7&type=18748-4&store=true").status, 201);
    convert("").refused(422, "not-supported");
    convert("?patient=7&category=Discharge-Reports").refused(400, "value");
}

#[test]
fn a_replaced_document_is_superseded() {
    let server = start(&[]);
    let first = publish(&server, "application/pdf", b"one", "").tree();
    let target = format!("DocumentReference/{}", text(&first, "id"));
    let relation = format!(r#""relatesTo":[{{"code":"replaces","target":{{"reference":"{target}"}}}}],"#);
    assert_eq!(publish(&server, "application/pdf", b"two", &relation).status, 201);
    assert_eq!(text(&server.get(&target).tree(), "status"), "superseded");
    let unknown = r#""relatesTo":[{"code":"replaces","target":{"reference":"DocumentReference/none"}}],"#;
    publish(&server, "application/pdf", b"three", unknown).refused(422, "processing");
}

#[test]
fn nothing_is_stored_of_what_is_refused() {
    let server = start(&[]);
    let post = |attachment: &str| {
        let body = r#"{"resourceType":"DocumentReference","status":"current","content":[{"attachment":ATTACHMENT}]}"#;
        server.post("DocumentReference", &body.replace("ATTACHMENT", attachment))
    };
    let expression = |told: &Told| text(&told.tree(), "issue.expression").to_owned();
    let data = "DocumentReference.content[0].attachment.data";
    let broken = post(r#"{"contentType":"text/xml","data":"%%%"}"#);
    assert_eq!(expression(broken.refused(400, "invalid")), data);
    assert_eq!(
        expression(&post(r#"{"contentType":"application/pdf","data":"AAAA","size":7}"#)),
        data.replace("data", "size")
    );
    assert_eq!(
        expression(&post(r#"{"contentType":"application/pdf","data":"AAAA","hash":"x"}"#)),
        data.replace("data", "hash")
    );
    let cut = &SUMMARY.as_bytes()[..900];
    let refused = publish(&server, "text/xml", cut, "");
    assert_eq!((refused.status, expression(&refused)), (422, data.to_owned()), "{}", refused.text());
    let subject = r#""subject":{"reference":"Patient/none"},"#;
    publish(&server, "text/xml", SUMMARY.as_bytes(), subject).refused(422, "processing");
    assert!(server.get("_history").tree().root().get("entry").is_none());
}

#[test]
fn a_document_is_linked_to_the_patient_of_its_identifier() {
    let server = start(&[]);
    let patient = |id: &str, birth: &str| {
        let body = format!(
            r#"{{"resourceType":"Patient","id":"{id}","birthDate":"{birth}",
            "identifier":[{{"system":"urn:oid:2.16.840.1.113883.19.5","value":"patient-1"}}]}}"#
        );
        assert_eq!(server.put(&format!("Patient/{id}"), &body).status, 201);
    };
    let subject = || text(&publish(&server, "text/xml", SUMMARY.as_bytes(), "").tree(), "subject.reference").to_owned();
    patient("known", "1952-03-04");
    assert_eq!(subject(), "Patient/known");
    // Another person under the same identifier is never taken for the one of the document.
    patient("other", "1999-01-01");
    assert_eq!(subject(), "Patient/known");
    let logical = r#""subject":{"identifier":{"system":"urn:oid:2.16.840.1.113883.19.5","value":"patient-1"}},"#;
    let linked = publish(&server, "text/xml", SUMMARY.as_bytes(), logical);
    assert_eq!(text(&linked.tree(), "subject.reference"), "Patient/known", "{}", linked.text());
    server.delete("Patient/known");
    assert!(!["Patient/known", "Patient/other"].contains(&subject().as_str()));
}

#[test]
fn a_dicom_report_is_converted_and_an_image_stays_what_it_is() {
    let server = start(&[]);
    let report = include_bytes!("../../convert/tests/pairs/dicom-measurement-report/input.dcm");
    let published = publish(&server, "application/dicom", report, "");
    assert_eq!(published.status, 201, "{}", published.text());
    assert_eq!(text(&published.tree(), "category.coding.code"), "Medical-Imaging");
    assert!(text(&published.tree(), "content.attachment.url").contains("/Bundle/"));
    let selection = include_bytes!("../../convert/tests/pairs/dicom-key-objects/input.dcm");
    let published = publish(&server, "application/dicom", selection, "");
    assert_eq!(published.status, 201, "{}", published.text());
    assert!(text(&published.tree(), "content.attachment.url").contains("/Binary/"));
    assert_eq!(text(&published.tree(), "content.attachment.contentType"), "application/dicom");
}
