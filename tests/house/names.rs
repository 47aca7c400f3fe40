//! Names: FHIR's own words name things, and some words name nothing.

use crate::repository::{files, none};

/// A file or folder of such a name says that nobody knew what it was.
const NAMELESS: &[&str] = &["utils", "util", "helpers", "helper", "common", "manager", "misc"];

#[test]
fn no_file_or_folder_has_a_name_that_says_nothing() {
    let says_nothing = |file: &String| {
        let parts = file.split('/').map(|part| part.split('.').next().unwrap_or(part));
        parts.into_iter().any(|part| NAMELESS.contains(&part))
    };
    none("Name these after what they are:", files().into_iter().filter(says_nothing).collect());
}

#[test]
fn rust_files_are_named_in_lower_case_with_underscores() {
    let odd = |file: &String| {
        let stem = file.rsplit('/').next().unwrap_or(file).trim_end_matches(".rs");
        !stem.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
    };
    none("Odd names of Rust files:", crate::repository::rust_files().into_iter().filter(odd).collect());
}
