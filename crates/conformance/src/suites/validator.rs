//! Validator cases: a resource, the profile it is held against, what the reference validator says of it.
//!
//! `validator/cases.jsonl` of the corpus, in its README's words. A case passes where our
//! verdict is the reference's: valid where no issue is an error. Its supporting resources and profile are laid over what is
//! built in. The agreement of each tier and the places of errors that were found are printed; the places are no cases.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use catalog::Catalog;
use ledger::{Ledger, Report, Tally};
use model::{Instant, Issue, IssueType, Limits, Severity, Tree, json, xml};
use validation::{Options, Validator};

use crate::documents::in_parallel;
use crate::json_text::Json;

/// The cases of the HL7 validator's own suite, all tiers; DIR is the corpus. With `--outcomes OUT` behind it each outcome is
/// kept there as the corpus' own script reads them (`score_validator.py --outcomes OUT`).
pub(super) fn cases(paths: &[PathBuf]) -> Result<Report, String> {
    let (corpus, kept) = match paths {
        [corpus] => (corpus, None),
        [corpus, option, kept] if option.as_os_str() == "--outcomes" => (corpus, Some(kept)),
        _ => return Err("one folder is expected, and perhaps --outcomes with another".into()),
    };
    let folder = corpus.join("validator");
    let files = folder.join("files");
    let ledger = Ledger::read(include_str!("../../ledgers/validator.toml")).map_err(|error| error.to_string())?;
    let cases = folder.join("cases.jsonl");
    let text = std::fs::read_to_string(&cases).map_err(|error| format!("{}: {error}", cases.display()))?;
    let cases: Vec<Json> = text.lines().map(Json::read).collect::<Result<_, _>>()?;
    let shared = Validator::new(Arc::new(Catalog::built_in()));
    let outcomes = in_parallel(&cases, |case| verdict(case, &files, &shared));
    if let Some(kept) = kept {
        keep(kept, &cases, &outcomes)?;
    }
    let mut tally = Tally::new(&ledger);
    let mut tiers: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    let (mut expected, mut found) = (0, 0);
    for (case, outcome) in cases.iter().zip(outcomes) {
        let [agree, accepted, rejected] = tiers.entry(case.text("tier").unwrap_or("all")).or_default();
        let valid = case.get("valid") == Some(&Json::Word("true".into()));
        let outcome = outcome.and_then(|issues| {
            let error = issues.iter().find(|issue| issue.severity.is_error());
            match (valid, error) {
                (true, Some(issue)) => {
                    *rejected += 1;
                    Err(format!("valid, but rejected: {issue}"))
                }
                (false, None) => {
                    *accepted += 1;
                    Err("accepted, though the reference finds an error".to_owned())
                }
                _ => {
                    *agree += 1;
                    let (some, hit) = places(case, &issues);
                    (expected, found) = (expected + some, found + hit);
                    Ok(())
                }
            }
        });
        tally.record(case.text("id").unwrap_or_default(), outcome);
    }
    for (tier, [agree, accepted, rejected]) in tiers {
        let all = agree + accepted + rejected;
        println!("  {tier:<14} {agree:>3} of {all:>3} agree, {accepted} falsely accepted, {rejected} falsely rejected");
    }
    println!("  places of expected errors found in what was rightly rejected: {found} of {expected}");
    Ok(tally.finish())
}

/// Writes each outcome as `ID.json`, the slashes in an id as `_`.
fn keep(folder: &Path, cases: &[Json], outcomes: &[Result<Vec<Issue>, String>]) -> Result<(), String> {
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for (case, outcome) in cases.iter().zip(outcomes) {
        let Ok(issues) = outcome else { continue };
        let file = folder.join(format!("{}.json", case.text("id").unwrap_or_default().replace('/', "_")));
        let text = json::to_string(model::operation_outcome(issues).root());
        std::fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(())
}

fn verdict(case: &Json, files: &Path, shared: &Validator) -> Result<Vec<Issue>, String> {
    let base = shared.catalog();
    let mut options =
        Options { now: Instant(1_790_000_000_000), unknown_extensions: Severity::Error, ..Options::default() };
    let refuses_examples =
        case.get("options").and_then(|options| options.get("examples")) == Some(&Json::Word("false".into()));
    options.example_urls = refuses_examples.then_some(Severity::Error);
    let asks = |name: &str| case.get("options").and_then(|it| it.get(name)) == Some(&Json::Word("true".into()));
    options.markup_in_text = (asks("security-checks") || asks("noHtmlInMarkdown")).then_some(Severity::Error);
    let supporting = case.get("supporting").map(Json::items).unwrap_or_default();
    let mut over: Vec<Tree> = Vec::new();
    for file in supporting.iter().filter_map(Json::as_text) {
        // A supporting file that cannot be read is left out, as a server would refuse it.
        over.extend(read(&files.join(file), base)?.ok());
    }
    if let Some(profile) = case.text("profile") {
        let file = files.join(profile);
        let tree = if file.is_file() { read(&file, base)?.ok() } else { None };
        let url = tree.as_ref().and_then(|tree| tree.root().text_at("url")).unwrap_or(profile);
        options.profiles.push(url.to_owned());
        over.extend(tree);
    }
    let own = (!over.is_empty()).then(|| Validator::new(Arc::new(base.with(over))));
    let validator = own.as_ref().unwrap_or(shared);
    let file = files.join(case.text("file").unwrap_or_default());
    Ok(match read(&file, validator.catalog())? {
        Ok(tree) => validator.validate(&tree, &options),
        Err(issue) => vec![issue],
    })
}

/// The tree of a file in either form, or the one issue that its text is; an error where there is no such file.
pub(super) fn read(path: &Path, catalog: &Catalog) -> Result<Result<Tree, Issue>, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let is_xml = text.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<');
    let limits = Limits::default();
    let tree = if is_xml { xml::read(text, catalog, &limits) } else { json::read(text, &limits) };
    Ok(tree
        .map_err(|error| Issue::new(Severity::Fatal, IssueType::Structure, "", error.message).at(Some(error.position))))
}

/// How many errors the reference places, and how many of those places we name too, or one above or below.
fn places(case: &Json, issues: &[Issue]) -> (usize, usize) {
    let errors = issues.iter().filter(|issue| issue.severity.is_error());
    let ours: Vec<String> = errors.map(|issue| plain(&issue.path)).filter(|path| !path.is_empty()).collect();
    let theirs = case.get("errors").map(Json::items).unwrap_or_default();
    let theirs: Vec<String> = theirs.iter().filter_map(|error| error.text("expression")).map(plain).collect();
    let near =
        |one: &&String| ours.iter().any(|other| other.starts_with(one.as_str()) || one.starts_with(other.as_str()));
    (theirs.len(), theirs.iter().filter(near).count())
}

/// A path without indexes, types of choices, comments, `.resource` and case.
fn plain(path: &str) -> String {
    let mut text = String::new();
    let mut rest = path;
    while let Some(at) = rest.find(['[', '/', '(']) {
        text.push_str(&rest[..at]);
        let end = if rest[at..].starts_with("/*") {
            rest[at..].find("*/").map(|end| end + 2)
        } else {
            rest[at..].find([']', ')']).map(|end| end + 1)
        };
        rest = end.map_or("", |end| &rest[at + end..]);
    }
    text.push_str(rest);
    text.replace(".ofType", "").replace(".resource", "").trim_matches('.').to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_compared_without_what_validators_write_differently() {
        assert_eq!(plain("Bundle.entry[0].resource/*Patient/p*/.name[1].given"), "bundle.entry.name.given");
        assert_eq!(plain("Observation.value.ofType(Quantity).code"), "observation.value.code");
        assert_eq!(plain("Patient"), "patient");
    }
}
