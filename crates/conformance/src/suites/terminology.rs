//! The tests of terminology services that HL7 publishes (<https://github.com/HL7/fhir-tx-ecosystem-ig>), those that are
//! marked `general`: `terminology` of the corpus. Each brings code systems and value sets, the Parameters of a request, and
//! the whole answer that is expected: result, issues with their codes, places and texts, parameters, expansions.
//!
//! What FHIR R5 adds to an expansion stands in extensions in R4; it is put back into its place before it is compared, as
//! the published runner does it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use catalog::Catalog;
use ledger::{Ledger, Report, Tally};
use model::{Element, Instant, Limits, Tree, json};
use validation::Terminology;
use validation::terminology::service::{Expanding, Failure, Service, batch_validate_code, outcome};

use crate::expected::difference;
use crate::json_text::Json;

/// The tests; DIR is the corpus.
pub(super) fn run(paths: &[PathBuf]) -> Result<Report, String> {
    let [corpus] = paths else { return Err("one folder is expected".into()) };
    let folder = corpus.join("terminology");
    let ledger = Ledger::read(include_str!("../../ledgers/terminology.toml")).map_err(|error| error.to_string())?;
    let mut tally = Tally::new(&ledger);
    let cases = text(&folder.join("test-cases.json"))?;
    let cases = Json::read(&cases)?;
    let mut totals: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for suite in cases.get("suites").map(Json::items).unwrap_or_default() {
        if suite.text("mode") != Some("general") {
            continue;
        }
        let name = suite.text("name").unwrap_or_default();
        let files = suite.get("setup").map(Json::items).unwrap_or_default();
        let trees: Result<Vec<Tree>, String> =
            files.iter().filter_map(Json::as_text).map(|file| tree(&folder.join(file))).collect();
        let terms = Terminology::new(Arc::new(Catalog::built_in().with(trees?)));
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for test in suite.get("tests").map(Json::items).unwrap_or_default() {
            if test.text("mode").is_some_and(|mode| mode != "general") {
                continue;
            }
            let mut id = format!("{name}/{}", test.text("name").unwrap_or_default());
            let again = seen.entry(id.clone()).or_default();
            *again += 1;
            if *again > 1 {
                id.push_str(&format!("#{again}"));
            }
            let passed = case(&folder, &terms, test);
            let total = totals.entry(format!("{name} {}", test.text("operation").unwrap_or_default())).or_default();
            total.0 += usize::from(passed.is_ok());
            total.1 += 1;
            tally.record(&id, passed);
        }
    }
    for (name, (good, all)) in totals {
        println!("  {good:>4} of {all:>4} {name}");
    }
    Ok(tally.finish())
}

fn text(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn tree(path: &Path) -> Result<Tree, String> {
    let text = text(path)?;
    let text = text.trim_start_matches('\u{feff}');
    json::read(text.as_bytes(), &Limits::default()).map_err(|error| format!("{}: {error}", path.display()))
}

/// One test: the request done, its answer compared with either of those that will do.
fn case(folder: &Path, terms: &Terminology, test: &Json) -> Result<(), String> {
    let mut request = tree(&folder.join(test.text("request").unwrap_or_default()))?;
    if let Some(profile) = test.text("profile") {
        let profile = tree(&folder.join(profile))?;
        for parameter in profile.root().all("parameter") {
            request.edit().copy(parameter);
        }
    }
    let language = test.text("Accept-Language");
    let operation = test.text("operation").unwrap_or_default();
    let done = perform(terms, operation, request.root(), language);
    let refused = done.is_err();
    let answer = done.unwrap_or_else(|failure| outcome(&failure.findings));
    let answer = r5(Json::read(&json::to_string(answer.root()))?);
    if refused != test.text("http-code").is_some_and(|code| code.starts_with('4')) {
        return Err(format!("{} {answer:?}", if refused { "refused:" } else { "not refused:" }));
    }
    let mut first = None;
    for name in ["response", "response2"] {
        let Some(file) = test.text(name) else { continue };
        let expected = Json::read(&text(&folder.join(file))?)?;
        match difference(&expected, &answer) {
            None => return Ok(()),
            Some(found) => first = first.or(Some(found)),
        }
    }
    Err(first.unwrap_or_else(|| "no answer is expected".into()))
}

fn perform(
    terms: &Terminology,
    operation: &str,
    request: Element<'_>,
    language: Option<&str>,
) -> Result<Tree, Failure> {
    if operation == "batch-validate" {
        return batch_validate_code(terms, request, language);
    }
    let mut service = Service::new(terms, request, language)?;
    match operation {
        "expand" => service.expand(request, &expanding()),
        "validate-code" => service.validate_code(request),
        "cs-validate-code" => service.validate_code_in_system(request),
        "lookup" => service.lookup(request),
        _ => service.translate(request),
    }
}

fn expanding() -> Expanding {
    Expanding { now: Instant(0), identifier: "urn:uuid:0e0a1e3c-0000-4000-8000-000000000000".to_owned(), most: 1000 }
}

/// An answer as R5 has it: properties of an expansion and of its concepts out of their extensions.
fn r5(value: Json) -> Json {
    const BASE: &str = "http://hl7.org/fhir/5.0/StructureDefinition/extension-ValueSet.expansion.";
    match value {
        Json::Array(items) => Json::Array(items.into_iter().map(r5).collect()),
        Json::Object(members) => {
            let mut kept: Vec<(String, Json)> = Vec::new();
            let mut properties = Vec::new();
            for (name, value) in members {
                let Json::Array(items) = value else {
                    kept.push((name, r5(value)));
                    continue;
                };
                let (moved, rest): (Vec<Json>, Vec<Json>) = items
                    .into_iter()
                    .partition(|item| name == "extension" && item.text("url").is_some_and(|url| url.starts_with(BASE)));
                properties.extend(moved.iter().map(property));
                if !rest.is_empty() {
                    kept.push((name, Json::Array(rest.into_iter().map(r5).collect())));
                }
            }
            if !properties.is_empty() {
                kept.push(("property".to_owned(), Json::Array(properties)));
            }
            Json::Object(kept)
        }
        other => other,
    }
}

fn property(extension: &Json) -> Json {
    let mut members = Vec::new();
    for part in extension.get("extension").map(Json::items).unwrap_or_default() {
        let Json::Object(inner) = part else { continue };
        for (name, value) in inner.iter().filter(|(name, _)| name.starts_with("value")) {
            let name = match part.text("url") {
                Some("value") | None => name.as_str(),
                Some(url) => url,
            };
            members.push((name.to_owned(), value.clone()));
        }
    }
    Json::Object(members)
}
