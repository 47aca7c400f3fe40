//! The account of a format's sources: what of each is in the document, only in the report, said by other means, or nowhere.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ledger::{Ledger, Report, Tally};

use crate::documents::{below, each};

/// What was counted in one source, and what of it is nowhere: its place and its text.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) leaves: usize,
    pub(super) reported: usize,
    pub(super) expressed: usize,
    pub(super) missing: Vec<String>,
}

/// The text of an issue with the escapes of its quotations undone and its blanks made one.
pub(super) fn unquoted(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (letter, letter == '\\') {
            (_, false) => plain.push(letter),
            (_, true) => match letters.next() {
                Some('n' | 'r' | 't') => plain.push(' '),
                Some(next) => plain.push(next),
                None => plain.push(letter),
            },
        }
    }
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Runs `case` over the files of these folders of the corpus; it gives `None` for what is none of its sources.
pub(super) fn account(
    paths: &[PathBuf],
    ledger: &str,
    folders: &[&str],
    case: impl Fn(&[u8]) -> Result<Option<Counts>, String> + Sync,
) -> Result<Report, String> {
    let [corpus] = paths else { return Err("one folder is expected".into()) };
    let ledger = Ledger::read(ledger).map_err(|error| error.to_string())?;
    let mut documents = below(corpus, &[])?;
    documents.retain(|document| folders.iter().any(|folder| document.id.starts_with(folder)));
    let mut tally = Tally::new(&ledger);
    let mut sum = Counts::default();
    let mut lost: BTreeMap<String, usize> = BTreeMap::new();
    for (document, outcome) in documents.iter().zip(each(&documents, |_, bytes| case(bytes))) {
        let found = match outcome.and_then(|found| found) {
            Ok(Some(found)) => found,
            Ok(None) => continue,
            Err(fault) => {
                tally.record(&document.id, Err(fault));
                continue;
            }
        };
        sum.leaves += found.leaves;
        sum.reported += found.reported;
        sum.expressed += found.expressed;
        let first: Vec<&str> = found.missing.iter().take(5).map(String::as_str).collect();
        let fault = format!("{} lost in silence: {}", found.missing.len(), first.join("; "));
        tally.record(&document.id, if first.is_empty() { Ok(()) } else { Err(fault) });
        found.missing.into_iter().for_each(|what| *lost.entry(what).or_default() += 1);
    }
    println!(
        "  {} pieces of content: {} only in the report, {} expressed by other means, {} kinds lost in silence",
        sum.leaves,
        sum.reported,
        sum.expressed,
        lost.len()
    );
    lost.iter().take(200).for_each(|(what, count)| println!("  {count:>5} {what}"));
    Ok(tally.finish())
}
