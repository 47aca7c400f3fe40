//! Traces that must not be left in the repository: paths of one machine, hosts of package registries, secrets.

use crate::repository::{files, none, text};

// Each is spelt in two parts, so that this file does not hold what it looks for.

const FOLDERS: &[(&str, &str)] = &[("/wo", "rk/"), ("/ro", "ot/"), ("/ho", "me/"), ("/tm", "p/")];

const HOSTS: &[(&str, &str)] = &[
    ("registry.", "npmjs.org"),
    ("packages.", "fhir.org"),
    ("packages2.", "fhir.org"),
    ("packages.", "simplifier.net"),
    ("index.", "crates.io"),
    ("static.", "crates.io"),
    ("files.", "pythonhosted.org"),
    ("artifac", "tory"),
];

const SECRETS: &[(&str, &str)] = &[
    ("PRIVATE ", "KEY-----"),
    ("ghp", "_"),
    ("github", "_pat_"),
    ("AKI", "A"),
    ("xoxb", "-"),
    ("sk-", "ant-"),
    ("Bearer ", "eyJ"),
];

#[test]
fn no_file_holds_a_path_of_one_machine() {
    find("Paths of one machine:", FOLDERS, |before, after| {
        let inside = before.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"-._~/}>:".contains(&byte));
        !inside && after.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
    });
}

#[test]
fn no_file_names_a_package_registry() {
    find("Hosts of package registries:", HOSTS, |_, _| true);
}

#[test]
fn no_file_holds_a_secret() {
    find("What looks like a secret:", SECRETS, |before, _| {
        before.is_none_or(|byte| !byte.is_ascii_alphanumeric() && byte != b'+' && byte != b'/')
    });
}

/// Fails where one of `words` stands in a file and the bytes before and behind it make it a finding.
fn find(rule: &str, words: &[(&str, &str)], counts: impl Fn(Option<u8>, Option<u8>) -> bool) {
    let words: Vec<String> = words.iter().map(|(one, other)| format!("{one}{other}")).collect();
    let mut findings = Vec::new();
    for file in files().into_iter().filter(|file| file != "Cargo.lock") {
        let Some(text) = text(&file) else { continue };
        for word in &words {
            let found = text.match_indices(word.as_str()).find(|(at, _)| {
                let before = at.checked_sub(1).and_then(|at| text.as_bytes().get(at));
                counts(before.copied(), text.as_bytes().get(at + word.len()).copied())
            });
            if let Some((at, _)) = found {
                let line = text[..at].lines().count().max(1);
                findings.push(format!("{file}:{line}: {word}"));
            }
        }
    }
    none(rule, findings);
}
