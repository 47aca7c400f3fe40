//! The resources in a file that a command line names: one in JSON or XML, or one a line in NDJSON.

use std::path::Path;

use catalog::Catalog;
use model::{Issue, IssueType, Limits, Severity, Tree};

use super::files::Found;

/// Each resource of a file with its name (the file, for NDJSON with the line), or the one issue that its text is.
pub(crate) fn of(file: &Found, catalog: &Catalog, limits: &Limits) -> Vec<(String, Result<Tree, Issue>)> {
    let name = file.path.display().to_string();
    let bytes = match std::fs::read(&file.path) {
        Ok(bytes) => bytes,
        Err(error) => {
            return vec![(name, Err(Issue::new(Severity::Fatal, IssueType::NotFound, "", error.to_string())))];
        }
    };
    if !is_lines(&file.path) {
        return vec![(name, read(&bytes, catalog, limits))];
    }
    let lines = bytes.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.trim_ascii().is_empty());
    lines.map(|(number, line)| (format!("{name}:{}", number + 1), read(line, catalog, limits))).collect()
}

fn is_lines(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("ndjson") || ending.eq_ignore_ascii_case("jsonl"))
}

fn read(bytes: &[u8], catalog: &Catalog, limits: &Limits) -> Result<Tree, Issue> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let read = match bytes.trim_ascii_start().first() {
        Some(b'<') => model::xml::read(bytes, catalog, limits),
        _ => model::json::read(bytes, limits),
    };
    read.map_err(|error| Issue::new(Severity::Fatal, IssueType::Structure, "", error.message).at(Some(error.position)))
}
