//! `passerelle validate FILE…`: resources held against their type, the profiles they claim and those that are named.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use catalog::Catalog;
use clap::ArgMatches;
use model::{Clock, Issue, IssueType, Limits, Severity};
use validation::{Options, Validator};

use super::files::{self, Found};
use super::{packages, progress};
use crate::MachineClock;
use crate::configuration::Values;

/// What was found in one resource: the file, with the line for NDJSON, and the issues.
type Verdict = (String, Vec<Issue>);

/// Validates all files: 0 when all are valid, 1 when some are not or cannot be read.
pub(crate) fn run(matches: &ArgMatches, values: &Values) -> Result<ExitCode, Box<dyn Error>> {
    let files = files::below(matches.get_many::<String>("paths").into_iter().flatten())?;
    let profiles = matches.get_many::<String>("profile").into_iter().flatten().cloned().collect();
    let catalog = Arc::new(packages::catalog(values)?);
    let validator = Validator::new(catalog.clone());
    let options = Options { profiles, now: MachineClock.now(), ..Options::default() };
    let depth = usize::try_from(values.number("max-depth")).unwrap_or(usize::MAX);
    let limits = Limits { bytes: values.bytes("max-body"), depth, ..Limits::default() };
    let bar = progress::bar(files.len(), "validating");
    let verdicts = files::in_parallel(&files, |_, file| {
        let verdicts = of_file(file, &catalog, &validator, &options, &limits);
        bar.inc(1);
        verdicts
    });
    bar.finish_and_clear();
    let json = matches.get_one::<String>("format").is_some_and(|format| format == "json");
    Ok(tell(&verdicts.concat(), json))
}

fn of_file(file: &Found, catalog: &Catalog, validator: &Validator, options: &Options, limits: &Limits) -> Vec<Verdict> {
    let name = file.path.display().to_string();
    let bytes = match std::fs::read(&file.path) {
        Ok(bytes) => bytes,
        Err(error) => {
            return vec![(name, vec![Issue::new(Severity::Fatal, IssueType::NotFound, "", error.to_string())])];
        }
    };
    let one = |bytes: &[u8]| of_text(bytes, catalog, validator, options, limits);
    if !is_lines(&file.path) {
        return vec![(name, one(&bytes))];
    }
    let lines = bytes.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.trim_ascii().is_empty());
    lines.map(|(number, line)| (format!("{name}:{}", number + 1), one(line))).collect()
}

fn is_lines(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("ndjson") || ending.eq_ignore_ascii_case("jsonl"))
}

fn of_text(bytes: &[u8], catalog: &Catalog, validator: &Validator, options: &Options, limits: &Limits) -> Vec<Issue> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let read = match bytes.trim_ascii_start().first() {
        Some(b'<') => model::xml::read(bytes, catalog, limits),
        _ => model::json::read(bytes, limits),
    };
    match read {
        Ok(tree) => validator.validate(&tree, options),
        Err(error) => {
            vec![Issue::new(Severity::Fatal, IssueType::Structure, "", error.message).at(Some(error.position))]
        }
    }
}

fn tell(verdicts: &[Verdict], json: bool) -> ExitCode {
    let mut invalid = 0;
    for (name, issues) in verdicts {
        let is_invalid = issues.iter().any(|issue| issue.severity.is_error());
        invalid += usize::from(is_invalid);
        if json {
            println!("{}", model::json::to_string(model::operation_outcome(issues).root()));
            continue;
        }
        println!("{name}: {}", if is_invalid { "invalid" } else { "valid" });
        for issue in issues {
            println!("  {issue}");
        }
    }
    if !json {
        println!("{} valid, {invalid} invalid", verdicts.len() - invalid);
    }
    if invalid == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) }
}
