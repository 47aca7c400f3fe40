//! Nothing of a FHIR source is dropped in silence: each of its facts (codings, quantities, periods, identifiers, names,
//! references, texts, plain elements) stands in the document that it became, or the report names its place.
//!
//! DIR is the corpus; a case is a FHIR text below it that is converted or taken over. The facts are found by `facts`, which
//! shares nothing with the converter: the draft is written as JSON and read again. The report excuses a fact where it names
//! its element, or where it says of an element around it that it is left out.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use catalog::Catalog;
use convert::{BuiltIn, Draft, Knowledge, Options, Source, convert};
use ledger::{Ledger, Report, Tally};
use model::{Instant, Issue, IssueType, json};

use crate::documents::{below, each};
use crate::facts::{self, Fact, Targets, missing, plain_path};

/// Folders with FHIR texts of R4 as they are sent.
const FOLDERS: [&str; 5] = ["eu-examples", "ips-bundles", "national-fhir", "cda-other", "pairs"];

#[derive(Default)]
struct Counts {
    texts: usize,
    changed: usize,
    facts: usize,
    reported: BTreeMap<String, usize>,
}

pub(super) fn run(paths: &[PathBuf]) -> Result<Report, String> {
    let [corpus] = paths else { return Err("one folder is expected".into()) };
    let ledger = Ledger::read(include_str!("../../ledgers/fhir-accounting.toml")).map_err(|error| error.to_string())?;
    let mut documents = below(corpus, &["json", "xml"])?;
    documents.retain(|document| FOLDERS.iter().any(|folder| document.id.split('/').next() == Some(folder)));
    let catalog = Catalog::built_in();
    let outcomes = each(&documents, |_, bytes| case(bytes, &catalog));
    let mut tally = Tally::new(&ledger);
    let mut folders: BTreeMap<&str, Counts> = BTreeMap::new();
    for (document, outcome) in documents.iter().zip(outcomes) {
        let (counts, lost) = match outcome.and_then(|found| found) {
            Ok(Some(found)) => found,
            Ok(None) => continue,
            Err(fault) => {
                tally.record(&document.id, Err(fault));
                continue;
            }
        };
        let sum = folders.entry(document.id.split('/').next().unwrap_or_default()).or_default();
        sum.texts += counts.texts;
        sum.changed += counts.changed;
        sum.facts += counts.facts;
        for (place, count) in counts.reported {
            *sum.reported.entry(place).or_default() += count;
        }
        let first: Vec<&str> = lost.iter().take(3).map(String::as_str).collect();
        let fault = (!first.is_empty()).then(|| format!("{} lost in silence: {}", lost.len(), first.join("; ")));
        tally.record(&document.id, fault.map_or(Ok(()), Err));
    }
    for (folder, Counts { texts, changed, facts, reported }) in folders {
        let only: usize = reported.values().sum();
        println!(
            "  {folder:<14} {texts:>4} texts, {changed:>4} changed; {facts:>7} facts, {only:>5} only in the report"
        );
        let mut most: Vec<_> = reported.into_iter().collect();
        most.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        for (place, count) in most.iter().take(8) {
            println!("  {count:>21} of {place}");
        }
    }
    Ok(tally.finish())
}

/// What was counted in one text, and what of it is nowhere; `None` where it is no FHIR or is refused.
fn case(bytes: &[u8], catalog: &Catalog) -> Result<Option<(Counts, Vec<String>)>, String> {
    let knowledge = Knowledge { shapes: catalog, systems: &BuiltIn };
    let options = Options::at(Instant(1_790_000_000_000));
    let Ok(draft) = convert(&knowledge, &Source::new(bytes), &options) else { return Ok(None) };
    let Ok(text) = std::str::from_utf8(bytes) else { return Ok(None) };
    if draft.format != "fhir" {
        return Ok(None);
    }
    let (source, targets) = facts::of_text(text, &Targets::new())?;
    let (written, _) = facts::of_text(&json::to_string(draft.document.root()), &targets)?;
    let mut counts =
        Counts { texts: 1, changed: usize::from(!draft.unchanged), facts: source.len(), ..Counts::default() };
    // Of each fact that is not there, what the report does not name must be there.
    let absent: HashSet<&Fact> = missing(&source, &written).into_iter().collect();
    let mut expected = Vec::with_capacity(source.len());
    for fact in &source {
        let rest = if absent.contains(fact) { unnamed(fact, &draft) } else { Some(fact.clone()) };
        if rest.as_ref() != Some(fact) {
            let place = fact.place.split('.').take(2).collect::<Vec<_>>().join(".");
            *counts.reported.entry(place).or_default() += 1;
        }
        expected.extend(rest);
    }
    let lost = missing(&expected, &written);
    Ok(Some((counts, lost.into_iter().map(|fact| format!("{} {:?}", fact.path, fact.values)).collect())))
}

/// What the report does not name of a fact: neither its element, nor a value by its element, nor something around it that
/// is left out.
fn unnamed(fact: &Fact, draft: &Draft) -> Option<Fact> {
    let left_out = |issue: &Issue| {
        issue.rule.as_deref() == Some("left-out")
            || matches!(issue.code, IssueType::Duplicate | IssueType::NotSupported)
    };
    let below = |path: &str, above: &str| {
        path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    let paths: Vec<(String, bool)> =
        draft.report.issues.iter().map(|issue| (plain_path(&issue.path), left_out(issue))).collect();
    let is_out = |(path, left_out): &(String, bool)| {
        path.contains('.') && (*left_out && below(&fact.path, path) || *path == fact.path && is_part(fact))
    };
    if paths.iter().any(is_out) {
        return None;
    }
    let named = |name: &str| paths.iter().any(|(path, _)| below(path, &format!("{}.{name}", fact.path)));
    let values: Vec<(String, String)> = fact.values.iter().filter(|(name, _)| !named(name)).cloned().collect();
    (!values.is_empty()).then(|| Fact { values, ..fact.clone() })
}

/// Whether a fact is of an element of a resource, not of a resource as a whole.
fn is_part(fact: &Fact) -> bool {
    fact.place.contains('.')
}
