//! The HL7 Europe guides' own examples: each is valid against what it claims, or a row names what is wrong with it.
//!
//! DIR is the corpus; its `eu-examples` are held against their `meta.profile`s and, where they are documents of a category,
//! against the profiles of its sections and entries.

use std::path::PathBuf;
use std::sync::Arc;

use catalog::Catalog;
use ledger::{Ledger, Report, Tally};
use model::Instant;
use validation::{Options, Validator};

use super::validator::read;
use crate::documents::{below, in_parallel};

pub(super) fn run(paths: &[PathBuf]) -> Result<Report, String> {
    let [corpus] = paths else { return Err("one folder is expected".into()) };
    let ledger = Ledger::read(include_str!("../../ledgers/guide-examples.toml")).map_err(|error| error.to_string())?;
    let mut documents = below(&corpus.join("eu-examples"), &["json", "xml"])?;
    documents.retain(|document| document.id.starts_with("ig-"));
    let validator = Validator::new(Arc::new(Catalog::built_in()));
    let options = Options { now: Instant(1_790_000_000_000), ..Options::default() };
    let outcomes = in_parallel(&documents, |document| {
        let tree = read(&document.path, validator.catalog())?.map_err(|issue| issue.to_string())?;
        let issues = validator.validate(&tree, &options);
        let errors: Vec<String> =
            issues.iter().filter(|issue| issue.severity.is_error()).map(|issue| issue.to_string()).collect();
        errors.first().map_or(Ok(()), |first| Err(format!("{} errors, the first: {first}", errors.len())))
    });
    let mut tally = Tally::new(&ledger);
    for (document, outcome) in documents.iter().zip(outcomes) {
        tally.record(&document.id, outcome);
    }
    Ok(tally.finish())
}
