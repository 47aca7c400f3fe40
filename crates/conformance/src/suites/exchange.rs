//! MyHealth@EU pivot documents of level 3 over HTTP: published by ITI-105 as they are, found by ITI-67, retrieved by ITI-68 as
//! the European Bundle that they were converted to.
//!
//! <https://profiles.ihe.net/ITI/MHD/>. The real program serves, over a fresh folder; a case is a file, as in
//! [`super::conversion`].

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ledger::{Ledger, Report, Tally};
use model::{Limits, Tree, json};

use super::conversion::is_pivot_level_3;
use crate::connection::{Connection, request};
use crate::documents::below;
use crate::program::Program;

pub(super) fn run(paths: &[PathBuf]) -> Result<Report, String> {
    let [corpus] = paths else { return Err("one folder is expected".into()) };
    let ledger = Ledger::read(include_str!("../../ledgers/exchange.toml")).map_err(|error| error.to_string())?;
    let mut tally = Tally::new(&ledger);
    let data = tempfile::tempdir().map_err(|error| error.to_string())?;
    let program = Program::start(data.path(), &[])?;
    for document in below(corpus, &[])? {
        let bytes = std::fs::read(&document.path).map_err(|error| error.to_string())?;
        if is_pivot_level_3(&document.id, &bytes) {
            tally.record(&document.id, case(&program, &bytes));
        }
    }
    Ok(tally.finish())
}

fn case(program: &Program, bytes: &[u8]) -> Result<(), String> {
    let mut connection = Connection::open(&program.address)?;
    let body = format!(
        r#"{{"resourceType":"DocumentReference","status":"current","content":[{{"attachment":{{"contentType":"application/xml","data":"{}"}}}}]}}"#,
        STANDARD.encode(bytes)
    );
    let mut ask = |method: &str, path: &str, status: u16, body: &str| -> Result<Tree, String> {
        let answer = connection.exchange(&request(method, path, "Prefer: return=representation\r\n", body))?;
        if answer.status != status {
            let text = String::from_utf8_lossy(&answer.body);
            return Err(format!("{method} {path}: {} {}", answer.status, text.chars().take(300).collect::<String>()));
        }
        json::read(&answer.body, &Limits::default()).map_err(|error| format!("{method} {path}: {error}"))
    };
    let reference = ask("POST", "/fhir/DocumentReference", 201, &body)?;
    let reference = reference.root();
    let text = |path: &str| reference.text_at(path).ok_or_else(|| format!("the DocumentReference has no {path}"));
    let (id, subject, url) = (text("id")?, text("subject.reference")?, text("content.attachment.url")?);
    let found = ask("GET", &format!("/fhir/DocumentReference?patient={subject}&status=current&_count=1000"), 200, "")?;
    if !found.root().every("entry.resource.id").iter().any(|known| known.text() == Some(id)) {
        return Err(format!("ITI-67: DocumentReference/{id} is not found by its patient"));
    }
    let path = url.find("/fhir/").and_then(|at| url.get(at..)).unwrap_or(url);
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/fhir/{path}") };
    let document = ask("GET", &path, 200, "")?;
    let entries = document.root().all("entry").count();
    if document.resource_type() != "Bundle" || entries < 2 {
        return Err(format!("ITI-68: a {} with {entries} entries comes back", document.resource_type()));
    }
    Ok(())
}
