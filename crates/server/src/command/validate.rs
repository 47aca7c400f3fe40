//! `passerelle validate FILE…`: resources held against their type, the profiles they claim and those that are named.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use catalog::Loader;
use clap::ArgMatches;
use model::{Clock, Issue, IssueType, Limits, Severity, Tree};
use validation::{Options, Validator};

use super::output::say;
use super::serve::{said_of, unknown_extensions};
use super::{files, packages, progress, texts};
use crate::MachineClock;
use crate::configuration::Values;

/// Names the file that an OperationOutcome is about.
const FILE: &str = "http://hl7.org/fhir/StructureDefinition/operationoutcome-file";

/// What was found in one resource: the file, with the line for NDJSON, and the issues.
type Verdict = (String, Vec<Issue>);

/// Validates all files: 0 when all are valid, 1 when some are not or cannot be read.
pub(crate) fn run(matches: &ArgMatches, values: &Values) -> Result<ExitCode, Box<dyn Error>> {
    let files = files::below(matches.get_many::<String>("paths").into_iter().flatten())?;
    let profiles = matches.get_many::<String>("profile").into_iter().flatten().cloned().collect();
    let mut catalog = packages::catalog(values)?;
    for package in matches.get_many::<String>("package").into_iter().flatten() {
        catalog = catalog.with_loaded(Loader::new().path(Path::new(package))?);
    }
    let catalog = Arc::new(catalog);
    let validator = Validator::new(catalog.clone());
    let options = Options {
        profiles,
        now: MachineClock.now(),
        obligations: matches.get_flag("obligations"),
        unknown_extensions: unknown_extensions(values),
        example_urls: said_of(values.text("example-urls")),
        markup_in_text: said_of(values.text("markup-in-text")),
        ..Options::default()
    };
    let depth = usize::try_from(values.number("max-depth")).unwrap_or(usize::MAX);
    let limits = Limits { bytes: values.bytes("max-body"), depth, ..Limits::default() };
    let bar = progress::bar(files.len(), "validating");
    let verdicts = files::in_parallel(&files, |_, file| {
        let verdict = |resource: Result<Tree, Issue>| match resource {
            Ok(tree) => validator.validate(&tree, &options),
            Err(issue) => vec![issue],
        };
        let resources = texts::of(file, &catalog, &limits).into_iter();
        let verdicts: Vec<Verdict> = resources.map(|(name, resource)| (name, verdict(resource))).collect();
        bar.inc(1);
        verdicts
    });
    let broken = |file: &files::Found, why: files::Broken| {
        let issue = Issue::new(Severity::Fatal, IssueType::Exception, "", why.to_string());
        vec![(file.path.display().to_string(), vec![issue])]
    };
    let verdicts =
        files.iter().zip(verdicts).flat_map(|(file, verdict)| verdict.unwrap_or_else(|why| broken(file, why)));
    let verdicts: Vec<Verdict> = verdicts.collect();
    bar.finish_and_clear();
    let json = matches.get_one::<String>("format").is_some_and(|format| format == "json");
    Ok(tell(&verdicts, json))
}

fn tell(verdicts: &[Verdict], json: bool) -> ExitCode {
    let mut invalid = 0;
    for (name, issues) in verdicts {
        let is_invalid = issues.iter().any(|issue| issue.severity.is_error());
        invalid += usize::from(is_invalid);
        if json {
            let mut outcome = model::operation_outcome(issues);
            outcome.edit().item("extension").set("url", FILE).set("valueString", name.as_str());
            say!("{}", model::json::to_string(outcome.root()));
            continue;
        }
        say!("{name}: {}", if is_invalid { "invalid" } else { "valid" });
        for issue in issues {
            say!("  {issue}");
        }
    }
    if !json {
        say!("{} valid, {invalid} invalid", verdicts.len() - invalid);
    }
    if invalid == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) }
}
