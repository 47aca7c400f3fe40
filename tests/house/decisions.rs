//! Decisions: every page of `docs/adr/` has a number of its own.

use std::collections::BTreeMap;

use crate::repository::{files, none, text};

#[test]
fn every_decision_has_a_number_and_a_title() {
    let mut numbers: BTreeMap<String, String> = BTreeMap::new();
    let mut findings = Vec::new();
    for file in files().into_iter().filter(|file| file.starts_with("docs/adr/")) {
        let name = file.trim_start_matches("docs/adr/").trim_end_matches(".md");
        let (number, words) = name.split_once('-').unwrap_or_default();
        let numbered = number.len() == 4 && number.bytes().all(|byte| byte.is_ascii_digit()) && file.ends_with(".md");
        if !numbered || words.is_empty() {
            findings.push(format!("{file}: its name is not NNNN-words.md"));
        }
        if !text(&file).is_some_and(|text| text.starts_with("# ")) {
            findings.push(format!("{file}: its first line is no title"));
        }
        if let Some(other) = numbers.insert(number.to_owned(), file.clone()) {
            findings.push(format!("{file}: {other} has this number"));
        }
    }
    none("Decisions:", findings);
}
