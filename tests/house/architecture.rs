//! `ARCHITECTURE.md` is true: the paths it names exist, and each invariant names the test that holds it. So is `docs/requirements.md`:
//! each requirement that stands names what holds it.
//!
//! A path is a word in backticks with a `/` in it, or one that ends in `.md`, `.rs` or `.toml`; one with a blank, a
//! `*`, a `<`, a `{` or a `:` is no path. An invariant is an item (`- `) under a heading with the word "Invariant"; it
//! names its test as `` `path/of/file.rs::name_of_function` ``.

use crate::repository::{none, root, text};
use crate::source::functions;

const FILE: &str = "ARCHITECTURE.md";
const REQUIREMENTS: &str = "docs/requirements.md";

#[test]
fn the_paths_it_names_exist() {
    let text = text(FILE).unwrap();
    let gone = |word: &&str| looks_like_a_path(word) && !root().join(word.trim_end_matches('/')).exists();
    none("ARCHITECTURE.md names what is not there:", words(&text).filter(gone).map(str::to_owned).collect());
}

#[test]
fn each_invariant_names_a_test_that_exists() {
    let text = text(FILE).unwrap();
    let items = invariants(&text);
    assert!(!items.is_empty(), "ARCHITECTURE.md names no invariant");
    let unheld = |item: &&String| !words(item).any(is_a_test);
    none("Invariants without a test (`file.rs::function`):", items.iter().filter(unheld).cloned().collect());
}

#[test]
fn each_test_it_names_exists() {
    for file in [FILE, REQUIREMENTS] {
        let text = text(file).unwrap();
        let gone = |word: &&str| word.contains(".rs::") && !is_a_test(word);
        let gone = words(&text).filter(gone).map(str::to_owned).collect();
        none(&format!("{file} names tests that are not there:"), gone);
    }
}

#[test]
fn each_requirement_that_stands_names_what_holds_it_and_none_stands_twice() {
    let text = text(REQUIREMENTS).unwrap();
    let rows: Vec<&str> = text.lines().filter(|line| is_a_requirement(line)).collect();
    let (stands, _) = text.split_once("## What is not there yet").unwrap();
    let unheld = stands.lines().filter(|line| is_a_requirement(line) && !words(line).any(is_a_test));
    none("Requirements without a test (`file.rs::function`):", unheld.map(str::to_owned).collect());
    let mut ids: Vec<&str> = rows.iter().flat_map(|row| row.split('|').nth(1).unwrap().trim().split(", ")).collect();
    ids.sort_unstable();
    let twice = ids.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0].to_owned());
    none("Requirements in more than one row:", twice.collect());
    assert!(ids.len() > 60, "{ids:?}");
}

/// Whether a line is a row of requirements: `| X-01 | …`.
fn is_a_requirement(line: &str) -> bool {
    let Some(rest) = line.strip_prefix("| ") else { return false };
    let mut begin = rest.bytes();
    begin.next().is_some_and(|letter| letter.is_ascii_uppercase()) && begin.next() == Some(b'-')
}

/// What stands in backticks, outside of code blocks.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let blocks = text.split("```").step_by(2);
    blocks.flat_map(|block| block.split('`').skip(1).step_by(2))
}

fn looks_like_a_path(word: &str) -> bool {
    let file = [".md", ".rs", ".toml"].iter().any(|end| word.ends_with(end));
    let path = word.contains('/') && word.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '.');
    (file || path) && !word.contains([' ', '*', '<', '{', '[', ':', '$', '…', '='])
}

fn is_a_test(word: &str) -> bool {
    let Some((file, name)) = word.split_once(".rs::") else { return false };
    let file = format!("{file}.rs");
    let name = name.rsplit("::").next().unwrap_or(name);
    root().join(&file).exists()
        && functions(&file, &text(&file).unwrap()).iter().any(|function| function.is_test && function.name == name)
}

/// The items under headings with the word "Invariant", each with its further lines.
fn invariants(text: &str) -> Vec<String> {
    let (mut inside, mut items) = (false, Vec::<String>::new());
    for line in text.lines() {
        if line.starts_with('#') {
            inside = line.contains("nvariant");
        } else if inside && line.starts_with("- ") {
            items.push(line.to_owned());
        } else if inside
            && line.starts_with(' ')
            && let Some(item) = items.last_mut()
        {
            item.push(' ');
            item.push_str(line.trim());
        }
    }
    items
}

#[test]
fn invariants_and_paths_are_found() {
    let text = "# Invariants\n- One `a/b.rs::c`\n  more\n- Two\n# Else\n- `crates/model/`, `b.md`, `GET /x`, `a/*`\n";
    assert_eq!(invariants(text), ["- One `a/b.rs::c` more", "- Two"]);
    assert_eq!(words(text).filter(|word| looks_like_a_path(word)).collect::<Vec<_>>(), ["crates/model/", "b.md"]);
    assert!(is_a_test("tests/house/architecture.rs::invariants_and_paths_are_found"));
    assert!(!is_a_test("tests/house/architecture.rs::is_a_test"));
}
