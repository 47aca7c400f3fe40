//! `passerelle convert FILE…`: `NAME.json` and `NAME.report.json` for each document.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use catalog::Catalog;
use clap::ArgMatches;
use convert::{Draft, Knowledge, Options, Source};
use interaction::convert::NamingSystems;
use model::{Clock, Issue, IssueType, Severity, Tree};

use super::files::{self, Found};
use super::output::say;
use super::progress;
use crate::MachineClock;
use crate::configuration::Values;

/// What became of one file.
struct Outcome {
    file: PathBuf,
    result: Result<Draft, Vec<Issue>>,
}

/// Converts all files: 0 when all were converted, 1 when some were refused.
pub(crate) fn run(matches: &ArgMatches, values: &Values) -> Result<ExitCode, Box<dyn Error>> {
    let files = files::below(matches.get_many::<String>("paths").into_iter().flatten())?;
    let out = matches.get_one::<String>("out").map(PathBuf::from);
    let targets = targets(&files, out.as_deref());
    let catalog = Catalog::built_in();
    let mut options = Options::at(MachineClock.now());
    options.category = matches.get_one::<String>("category").cloned();
    options.limits.bytes = values.bytes("max-body");
    let bar = progress::bar(files.len(), "converting");
    let outcomes = files::in_parallel(&files, |place, file| {
        let result = match targets.get(place).and_then(Option::as_ref) {
            Some(target) => one(&catalog, &file.path, target, &options),
            None => Err(vec![refused("Another file of this run has the same name; its output would be overwritten.")]),
        };
        bar.inc(1);
        Outcome { file: file.path.clone(), result }
    });
    bar.finish_and_clear();
    Ok(summary(&outcomes))
}

/// Where each file's output goes, without extension; `None` where an earlier file's goes there.
fn targets(files: &[Found], out: Option<&Path>) -> Vec<Option<PathBuf>> {
    let mut taken = std::collections::HashSet::new();
    let target = |file: &Found| {
        let beside = file.path.parent().unwrap_or(Path::new("")).to_owned();
        let folder = out.map_or(beside, |out| out.join(&file.folder));
        folder.join(file.path.file_stem().unwrap_or_default())
    };
    files.iter().map(target).map(|target| taken.insert(target.clone()).then_some(target)).collect()
}

fn one(catalog: &Catalog, file: &Path, target: &Path, options: &Options) -> Result<Draft, Vec<Issue>> {
    let failed = |error: std::io::Error| vec![refused(format!("{}: {error}", file.display()))];
    let bytes = std::fs::read(file).map_err(failed)?;
    if let Some(folder) = target.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned());
    let source = Source { bytes: &bytes, content_type: None, name: name.as_deref() };
    let knowledge = Knowledge { shapes: catalog, systems: &NamingSystems(catalog) };
    let beside = |ending: &str| {
        let mut path = target.as_os_str().to_owned();
        path.push(ending);
        PathBuf::from(path)
    };
    match convert::convert(&knowledge, &source, options) {
        Ok(draft) => {
            std::fs::write(beside(".json"), text(&draft.document)).map_err(failed)?;
            std::fs::write(beside(".report.json"), text(&draft.report.outcome())).map_err(failed)?;
            Ok(draft)
        }
        Err(refusal) => {
            std::fs::write(beside(".report.json"), text(&refusal.outcome())).map_err(failed)?;
            Err(refusal.issues)
        }
    }
}

fn text(tree: &Tree) -> String {
    let mut text = String::new();
    model::json::write_pretty(tree.root(), &mut text);
    text.push('\n');
    text
}

fn refused(text: impl Into<String>) -> Issue {
    Issue::error(IssueType::Processing, "", text)
}

fn summary(outcomes: &[Outcome]) -> ExitCode {
    let mut refused = 0;
    for outcome in outcomes {
        let file = outcome.file.display();
        match &outcome.result {
            Ok(draft) => {
                let lost = draft.report.losses().count();
                say!("{file}: {}, {} parts mapped, {lost} losses or doubts", draft.category, draft.report.mapped.len());
            }
            Err(issues) => {
                refused += 1;
                let reason = issues.iter().find(|issue| issue.severity <= Severity::Error).or(issues.first());
                say!("{file}: refused: {}", reason.map(Issue::to_string).unwrap_or_default());
            }
        }
    }
    say!("{} converted, {refused} refused", outcomes.len() - refused);
    if refused == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) }
}
