//! The HL7 Europe guides' own examples: each is valid against what it claims, or a row names what is wrong with it.
//!
//! DIR is the corpus; its `eu-examples` are held against their `meta.profile`s and, where they are documents of a category,
//! against the profiles of its sections and entries. `package-examples` does the same with the folders `package/example` of
//! unpacked packages, `DIR/NAME#VERSION/package`, which hold resources beside documents; packages of another FHIR version
//! are left out.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use catalog::Catalog;
use ledger::{Ledger, Report, Tally};
use model::Instant;
use validation::{Options, Validator};

use super::validator::read;
use crate::documents::{Document, below, in_parallel};

pub(super) fn run(paths: &[PathBuf]) -> Result<Report, String> {
    let [corpus] = paths else { return Err("one folder is expected".into()) };
    let ledger = Ledger::read(include_str!("../../ledgers/guide-examples.toml")).map_err(|error| error.to_string())?;
    let mut documents = below(&corpus.join("eu-examples"), &["json", "xml"])?;
    documents.retain(|document| document.id.starts_with("ig-"));
    Ok(held(&documents, &ledger))
}

pub(super) fn packages(paths: &[PathBuf]) -> Result<Report, String> {
    let [folder] = paths else { return Err("one folder is expected".into()) };
    let ledger =
        Ledger::read(include_str!("../../ledgers/package-examples.toml")).map_err(|error| error.to_string())?;
    let mut documents = below(folder, &["json", "xml"])?;
    documents.retain(|document| {
        document.id.split_once("/package/example/").is_some_and(|(package, name)| {
            !name.starts_with('.') && is_of_r4(&folder.join(package).join("package/package.json"))
        })
    });
    Ok(held(&documents, &ledger))
}

/// Whether a package says that it is of FHIR R4.
fn is_of_r4(manifest: &Path) -> bool {
    let text = std::fs::read_to_string(manifest).unwrap_or_default();
    let versions = text.split_once("\"fhirVersions\"").and_then(|(_, rest)| rest.split_once(']'));
    versions.is_some_and(|(versions, _)| versions.contains("\"4.0."))
}

fn held(documents: &[Document], ledger: &Ledger) -> Report {
    let validator = Validator::new(Arc::new(Catalog::built_in()));
    let options = Options { now: Instant(1_790_000_000_000), ..Options::default() };
    let outcomes = in_parallel(documents, |document| {
        let tree = read(&document.path, validator.catalog())?.map_err(|issue| issue.to_string())?;
        let issues = validator.validate(&tree, &options);
        let errors: Vec<String> =
            issues.iter().filter(|issue| issue.severity.is_error()).map(|issue| issue.to_string()).collect();
        errors.first().map_or(Ok(()), |first| Err(format!("{} errors, the first: {first}", errors.len())))
    });
    let mut tally = Tally::new(ledger);
    for (document, outcome) in documents.iter().zip(outcomes) {
        tally.record(&document.id, outcome);
    }
    tally.finish()
}
