//! Identity: a FHIR file read and written again says the same, but for layout.
//!
//! Cases of a JSON file: `json/NAME` goes through the tree (order of members counts, see [`Order::Kept`]), `xml/NAME` goes
//! through the tree, XML and a second tree (order is FHIR's, so it is free). A file that is no JSON passes where it is
//! refused. Cases of an XML file: `xml/NAME` goes through the tree, `json/NAME` through the tree, JSON and a second tree.
//! Judged by [`crate::json_text`] and [`crate::xml_text`], which share no line with `model`.

use std::path::PathBuf;

use catalog::Catalog;
use ledger::{Ledger, Report, Tally};
use model::{Limits, Shapes, Tree, json, xml};

use crate::documents::{Document, below, each};
use crate::json_text::{Json, Order};
use crate::xml_text;

/// The official examples of R4.
pub(super) fn examples(paths: &[PathBuf]) -> Result<Report, String> {
    run(paths, include_str!("../../ledgers/json-examples.toml"))
}

/// FHIR JSON and XML of many origins; files that are no resource are no cases.
pub(super) fn corpus(paths: &[PathBuf]) -> Result<Report, String> {
    run(paths, include_str!("../../ledgers/json-corpus.toml"))
}

fn run(paths: &[PathBuf], ledger: &str) -> Result<Report, String> {
    let [folder] = paths else { return Err("one folder is expected".into()) };
    let ledger = Ledger::read(ledger).map_err(|error| error.to_string())?;
    let catalog = Catalog::built_in();
    let documents = below(folder, &["json", "xml"])?;
    let outcomes = each(&documents, |document, bytes| cases(document, bytes, &catalog));
    let mut tally = Tally::new(&ledger);
    for (document, outcome) in documents.iter().zip(outcomes) {
        match outcome {
            Ok(cases) => {
                cases.into_iter().for_each(|(way, case)| tally.record(&format!("{way}/{}", document.id), case))
            }
            Err(fault) => tally.record(&document.id, Err(fault)),
        }
    }
    Ok(tally.finish())
}

pub(super) type Case = (&'static str, Result<(), String>);

fn cases(document: &Document, bytes: &[u8], shapes: &dyn Shapes) -> Vec<Case> {
    let text = String::from_utf8_lossy(bytes);
    if document.path.extension().is_some_and(|end| end == "json") {
        // The terminology suite's answers are patterns, with members that no resource has.
        match text.contains("\"resourceType\"") && !text.contains("\"$optional") {
            true => json_cases(&text, bytes, shapes),
            false => Vec::new(),
        }
    } else if xml_text::is_fhir(&text) {
        xml_cases(&text, bytes, shapes)
    } else {
        Vec::new()
    }
}

pub(super) fn json_cases(text: &str, bytes: &[u8], shapes: &dyn Shapes) -> Vec<Case> {
    let read = read_json(bytes);
    let source = match Json::read(text) {
        Ok(source) => source,
        Err(fault) => return vec![("json", read.map_or(Ok(()), |_| Err(format!("was read, though: {fault}"))))],
    };
    let tree = match read {
        Ok(tree) => tree,
        Err(fault) => return vec![("json", Err(fault))],
    };
    let same = |tree: &Tree, order| {
        let written = Json::read(&json::to_string(tree.root())).map_err(|fault| format!("wrote no JSON: {fault}"))?;
        source.difference(&written, order).map_or(Ok(()), Err)
    };
    let through_xml = write_xml(&tree, shapes).and_then(|text| read_xml(text.as_bytes(), shapes));
    vec![("json", same(&tree, Order::Kept)), ("xml", through_xml.and_then(|tree| same(&tree, Order::Free)))]
}

fn xml_cases(text: &str, bytes: &[u8], shapes: &dyn Shapes) -> Vec<Case> {
    let tree = match read_xml(bytes, shapes) {
        Ok(tree) => tree,
        Err(fault) => return vec![("xml", Err(fault))],
    };
    let same = |tree: &Tree| xml_text::difference(text, &write_xml(tree, shapes)?)?.map_or(Ok(()), Err);
    let through_json = read_json(json::to_string(tree.root()).as_bytes());
    vec![("xml", same(&tree)), ("json", through_json.and_then(|tree| same(&tree)))]
}

/// The tree of a JSON text that has no fault.
fn read_json(bytes: &[u8]) -> Result<Tree, String> {
    faultless(json::read(bytes, &Limits::default()))
}

/// The tree of an XML text that has no fault.
fn read_xml(bytes: &[u8], shapes: &dyn Shapes) -> Result<Tree, String> {
    faultless(xml::read(bytes, shapes, &Limits::default()))
}

fn faultless(tree: Result<Tree, model::SyntaxError>) -> Result<Tree, String> {
    let tree = tree.map_err(|error| error.to_string())?;
    match tree.issues().first() {
        Some(issue) => Err(format!("{} {}", issue.path, issue.text)),
        None => Ok(tree),
    }
}

fn write_xml(tree: &Tree, shapes: &dyn Shapes) -> Result<String, String> {
    xml::write(tree.root(), shapes).map_err(|error| format!("not written as XML: {error}"))
}
