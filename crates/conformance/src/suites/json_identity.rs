//! Identity: a FHIR JSON file read and written again says the same, byte for byte but for blanks and escapes.
//!
//! Two cases a file: `json/NAME` goes through the tree (order of members counts, see
//! [`Order::Kept`]), `xml/NAME` goes through the tree, XML and a second tree (order is FHIR's, so it is free).
//! Judged by [`crate::json_text`], which shares no line with `model`.

use std::path::PathBuf;

use ledger::{Ledger, Report, Tally};
use model::{Limits, json};

use crate::documents::{Document, below, each};
use crate::json_text::{Json, Order};

/// The official examples of R4.
pub(super) fn examples(paths: &[PathBuf]) -> Result<Report, String> {
    let [folder] = paths else { return Err("one folder is expected".into()) };
    run(&below(folder, &["json"])?, include_str!("../../ledgers/json-examples.toml"))
}

/// FHIR JSON of many origins; files that are no resource are no cases.
pub(super) fn corpus(paths: &[PathBuf]) -> Result<Report, String> {
    let [folder] = paths else { return Err("one folder is expected".into()) };
    let documents = below(folder, &["json"])?;
    let resources = each(&documents, |_, bytes| String::from_utf8_lossy(bytes).contains("\"resourceType\""));
    let documents: Vec<Document> =
        documents.into_iter().zip(resources).filter(|(_, is)| *is != Ok(false)).map(|(document, _)| document).collect();
    run(&documents, include_str!("../../ledgers/json-corpus.toml"))
}

fn run(documents: &[Document], ledger: &str) -> Result<Report, String> {
    let ledger = Ledger::read(ledger).map_err(|error| error.to_string())?;
    let mut tally = Tally::new(&ledger);
    let outcomes = each(documents, |_, bytes| through_json(bytes));
    for (document, outcome) in documents.iter().zip(outcomes) {
        tally.record(&format!("json/{}", document.id), outcome.flatten());
    }
    Ok(tally.finish())
}

fn through_json(bytes: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let source = match Json::read(text) {
        Ok(source) => source,
        // No JSON at all: then to refuse it is right, and to read it is not.
        Err(fault) => {
            return json::read(bytes, &Limits::default()).map_or(Ok(()), |_| Err(format!("read, though {fault}")));
        }
    };
    let tree = json::read(bytes, &Limits::default()).map_err(|error| error.to_string())?;
    if let Some(issue) = tree.issues().first() {
        return Err(format!("{} {}", issue.path, issue.text));
    }
    let written = Json::read(&json::to_string(tree.root())).map_err(|error| format!("what was written: {error}"))?;
    source.difference(&written, Order::Kept).map_or(Ok(()), Err)
}
