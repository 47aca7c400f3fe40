//! Authored pairs: each folder below `tests/pairs` holds `input.*`, perhaps `parameters.txt` (NAME=VALUE) with what is known of it, the document it becomes (`expected.json`) and the
//! account of it (`expected.report.json`). `UPDATE_PAIRS=1 cargo test -p convert --test pairs` writes them anew; read the
//! difference before you commit it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use convert::pdf::Metadata;
use convert::{BuiltIn, Draft, Knowledge, Options, Refusal, Source};
use model::{NoShapes, Tree, json};

fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pairs");
    let mut folders: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders
}

/// Where the input of a pair is: in its folder, or an example that `input.txt` names.
fn input(folder: &Path) -> Vec<u8> {
    match fs::read_to_string(folder.join("input.txt")) {
        Ok(name) => fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name.trim())).unwrap(),
        Err(_) => {
            let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
            let mut inputs = files.filter(|path| path.file_stem().is_some_and(|stem| stem == "input"));
            fs::read(inputs.next().unwrap_or_else(|| panic!("{} has no input", folder.display()))).unwrap()
        }
    }
}

fn converted(folder: &Path) -> Result<Draft, Refusal> {
    let knowledge = Knowledge { shapes: &NoShapes, systems: &BuiltIn };
    let known = fs::read_to_string(folder.join("parameters.txt")).unwrap_or_default();
    let get = |name: &str| known.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned);
    let options =
        Options { category: get("category"), metadata: Metadata::of_parameters(get)?, ..Options::at(support::NOW) };
    convert::convert(&knowledge, &Source::new(&input(folder)), &options)
}

#[test]
fn every_pair_converts_as_it_is_written_down() {
    let mut count = 0;
    for folder in folders() {
        let (document, report) = match converted(&folder) {
            Ok(draft) => (pretty(&draft.document), pretty(&draft.report.outcome())),
            Err(refusal) => (String::new(), pretty(&refusal.outcome())),
        };
        for (name, found) in [("expected.json", document), ("expected.report.json", report)] {
            let path = folder.join(name);
            if std::env::var_os("UPDATE_PAIRS").is_some() {
                if found.is_empty() {
                    let _ = fs::remove_file(&path);
                } else {
                    fs::write(&path, format!("{}\n", found.trim_end())).unwrap();
                }
                continue;
            }
            let expected = fs::read_to_string(&path).unwrap_or_default();
            compare(&path, expected.trim_end(), found.trim_end());
        }
        count += 1;
    }
    assert!(count >= 5, "only {count} pairs");
}

fn pretty(tree: &Tree) -> String {
    let mut text = String::new();
    json::write_pretty(tree.root(), &mut text);
    text
}

fn compare(path: &Path, expected: &str, found: &str) {
    for (number, (expected, found)) in expected.lines().zip(found.lines()).enumerate() {
        assert_eq!(expected, found, "{}:{}", path.display(), number + 1);
    }
    assert_eq!(expected.lines().count(), found.lines().count(), "{}: number of lines", path.display());
}

#[test]
fn the_same_input_gives_the_same_draft() {
    for folder in folders() {
        let (Ok(first), Ok(second)) = (converted(&folder), converted(&folder)) else {
            continue;
        };
        assert_eq!(json::to_string(first.document.root()), json::to_string(second.document.root()));
        assert_eq!(json::to_string(first.provenance.root()), json::to_string(second.provenance.root()));
    }
}
