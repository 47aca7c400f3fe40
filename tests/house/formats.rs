//! Source formats: each folder of `crates/convert/src/` is one, whole, registered, and shown by a pair of input and output.
//!
//! A pair is a folder `crates/convert/tests/pairs/FORMAT…/` with `input.*` and `expected.json`, at any depth.

use crate::repository::{files, none, text};

const SOURCE: &str = "crates/convert/src/";
const PAIRS: &str = "crates/convert/tests/pairs/";

#[test]
fn every_format_is_registered_described_and_shown() {
    let files = files();
    let registered = registered(&text("crates/convert/src/formats.rs").unwrap());
    assert!(!registered.is_empty(), "formats.rs registers nothing");
    let folders = files.iter().filter_map(|file| file.strip_prefix(SOURCE)?.split_once('/').map(|(folder, _)| folder));
    let mut folders: Vec<&str> = folders.collect();
    folders.dedup();
    let mut findings = Vec::new();
    for folder in folders.iter().filter(|folder| !registered.iter().any(|name| name == *folder)) {
        findings.push(format!("{folder}: formats.rs does not register it"));
    }
    for format in &registered {
        for needed in ["mod.rs", "README.md"] {
            let path = format!("{SOURCE}{format}/{needed}");
            if !files.contains(&path) {
                findings.push(format!("{format}: there is no {path}"));
            }
        }
        if !has_pair(&files, format) {
            findings.push(format!("{format}: there is no pair under {PAIRS}{format}…"));
        }
    }
    none("Source formats:", findings);
}

/// The folders whose `FORMAT` stands in the table: `crate::cda::FORMAT` gives `cda`.
fn registered(source: &str) -> Vec<String> {
    let paths = source.split("crate::").skip(1).filter_map(|rest| rest.split_once("::FORMAT"));
    paths.map(|(name, _)| name.to_owned()).filter(|name| !name.contains(|c: char| !c.is_ascii_alphanumeric())).collect()
}

fn has_pair(files: &[String], format: &str) -> bool {
    let prefix = format!("{PAIRS}{format}");
    let inputs = files.iter().filter(|file| file.starts_with(&prefix));
    inputs
        .filter_map(|file| file.split_once("/input."))
        .any(|(folder, _)| files.contains(&format!("{folder}/expected.json")))
}

#[test]
fn formats_and_pairs_are_found() {
    assert_eq!(registered("static FORMATS: [Format; 2] = [crate::cda::FORMAT, crate::fhir::FORMAT];"), ["cda", "fhir"]);
    let files = |names: &[&str]| -> Vec<String> { names.iter().map(|name| format!("{PAIRS}{name}")).collect() };
    assert!(has_pair(&files(&["cda-ps/input.xml", "cda-ps/expected.json"]), "cda"));
    assert!(has_pair(&files(&["fhir/eps/input.json", "fhir/eps/expected.json"]), "fhir"));
    assert!(!has_pair(&files(&["cda-ps/input.xml", "cda-ep/expected.json"]), "cda"));
}
