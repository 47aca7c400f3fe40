//! What the converter makes of the corpus' CDA, HL7 v2 and DICOM is valid: every document is converted and held against its European
//! profiles. Where it is not, the report of the conversion must have named the source's defect at the place that the error
//! goes back to.
//!
//! DIR is the corpus; a case is a source below it, its id the path. Refusals pass here ([`super::conversion`] judges them).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use catalog::Catalog;
use convert::{BuiltIn, Draft, Knowledge, Options, Source, convert};
use ledger::{Ledger, Report, Tally};
use model::{Instant, Issue, IssueType};
use validation::Validator;

use crate::documents::{below, each};

const NOW: Instant = Instant(1_790_000_000_000);

/// Folders of sources that are no FHIR; `pairs` has those of each kind.
const FOLDERS: [&str; 4] = ["cda-", "hl7v2/", "dicom/", "pairs/"];

pub(super) fn run(paths: &[PathBuf]) -> Result<Report, String> {
    let [corpus] = paths else { return Err("one folder is expected".into()) };
    let ledger = Ledger::read(include_str!("../../ledgers/converted.toml")).map_err(|error| error.to_string())?;
    let mut documents = below(corpus, &[])?;
    documents.retain(|document| FOLDERS.iter().any(|folder| document.id.starts_with(folder)));
    let validator = Validator::new(Arc::new(Catalog::built_in()));
    let outcomes = each(&documents, |_, bytes| case(bytes, &validator));
    let mut tally = Tally::new(&ledger);
    let mut counts = [0usize; 2];
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for (document, outcome) in documents.iter().zip(outcomes) {
        match outcome.and_then(|found| found) {
            Ok(None) => continue,
            Ok(Some(named)) => {
                let [clean, defective] = &mut counts;
                *(if named.is_empty() { clean } else { defective }) += 1;
                named.into_iter().for_each(|text| *reasons.entry(text).or_default() += 1);
                tally.record(&document.id, Ok(()));
            }
            Err(fault) => tally.record(&document.id, Err(fault)),
        }
    }
    println!(
        "  {} documents without an error, {} whose every error is a defect that the report names",
        counts[0], counts[1]
    );
    for (text, count) in reasons {
        println!("  {count:>5} {text}");
    }
    Ok(tally.finish())
}

/// `None` where the file is FHIR already or is refused; else the defects of the source that made it invalid.
fn case(bytes: &[u8], validator: &Validator) -> Result<Option<Vec<String>>, String> {
    let knowledge = Knowledge { shapes: validator.catalog(), systems: &BuiltIn };
    let Ok(draft) = convert(&knowledge, &Source::new(bytes), &Options::at(NOW)) else { return Ok(None) };
    if draft.format == "fhir" {
        return Ok(None);
    }
    let mut options = validation::Options { now: NOW, ..validation::Options::default() };
    let class = |code: &str| code == draft.category;
    let known =
        validator.catalog().categories().iter().find(|known| known.class.as_ref().is_some_and(|it| class(&it.code)));
    if draft.document.root().text_at("type") == Some("document") {
        options.profiles = known.map(|known| known.root_profile.to_string()).into_iter().collect();
    }
    let issues = validator.validate(&draft.document, &options);
    let errors: Vec<&Issue> = issues.iter().filter(|issue| issue.severity.is_error()).collect();
    // That a resource breaks its profile is told again where it is referred to, and of the Bundle.
    let again = |error: &&Issue| error.path == "Bundle" || error.text.contains("refers to does not meet the profile");
    let (_, direct): (Vec<&Issue>, Vec<&Issue>) = errors.iter().partition(|error| again(error));
    let mut named = Vec::new();
    for error in if direct.is_empty() { &errors } else { &direct } {
        match defect(&draft, error) {
            Some(text) => named.push(text),
            None => return Err(format!("{} errors; not named in the report: {error}", errors.len())),
        }
    }
    named.dedup();
    Ok(Some(named))
}

/// The defect that the report names at the source of the resource in which the error stands; of a code that its system cannot
/// have, which may come from another part of the source, the defect that names that code.
fn defect(draft: &Draft, error: &Issue) -> Option<String> {
    let code = error.text.split_once("can have no code '").and_then(|(_, rest)| rest.split_once('\''));
    if let Some((code, _)) = code {
        let named = format!("can have no code {code:?}");
        return draft.report.issues.iter().map(|issue| &issue.text).find(|text| text.contains(&named)).cloned();
    }
    let place = error.path.strip_prefix("Bundle.entry[")?;
    let index: usize = place.split(']').next()?.parse().ok()?;
    let entry = draft.document.root().all("entry").nth(index)?;
    let url = entry.text_at("fullUrl")?;
    let sources = draft.report.mapped.iter().filter(|mapped| mapped.target.contains(url)).map(|mapped| &mapped.source);
    let sources: Vec<&String> = sources.collect();
    let found = draft.report.issues.iter().find(|issue| {
        issue.code == IssueType::Value && sources.iter().any(|source| issue.path.starts_with(source.as_str()))
    });
    found.map(|issue| issue.text.clone())
}
