//! Runs published validator cases and writes one OperationOutcome a case:
//! `cargo run --release -p validation --example suite -- CASES.jsonl FILES_DIR OUT_DIR [PACKAGE…]`.
//!
//! A case's own `supporting` files and profile are laid over the built-in catalog; further packages over all cases.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::sync::Arc;

use catalog::{Catalog, Loader};
use model::{Issue, IssueType, Limits, Severity, Tree, json, operation_outcome, xml};
use validation::{Options, Validator};

fn read(path: &Path, catalog: &Catalog) -> Result<Tree, Issue> {
    let bytes = std::fs::read(path)
        .map_err(|error| Issue::error(IssueType::NotFound, "", format!("{}: {error}", path.display())))?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let is_xml = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<');
    let result = match is_xml {
        true => xml::read(bytes, catalog, &Limits::default()),
        false => json::read(bytes, &Limits::default()),
    };
    result.map_err(|error| {
        Issue::new(Severity::Fatal, IssueType::Structure, "", error.message.clone()).at(Some(error.position))
    })
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [cases, files, out, packages @ ..] = arguments.as_slice() else { panic!("CASES FILES OUT [PACKAGE…]") };
    let only = std::env::var("ONLY").ok();
    let mut loader = Loader::new();
    for package in packages {
        loader = loader.path(Path::new(package)).expect("a package");
    }
    let base = if packages.is_empty() { Catalog::built_in() } else { Catalog::built_in().with_loaded(loader) };
    let shared = Validator::new(Arc::new(base.clone()));
    std::fs::create_dir_all(out).unwrap();
    for line in std::fs::read_to_string(cases).unwrap().lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let id = case["id"].as_str().unwrap();
        if only.as_deref().is_some_and(|only| !id.contains(only)) {
            continue;
        }
        let outcome = run(&case, Path::new(files), &base, &shared);
        if only.is_some() {
            println!("--- {id} valid={}", case["valid"]);
            outcome.iter().for_each(|issue| println!("{issue}"));
        }
        let text = json::to_string(operation_outcome(&outcome).root());
        std::fs::write(Path::new(out).join(format!("{}.json", id.replace('/', "_"))), text).unwrap();
    }
}

fn run(case: &serde_json::Value, files: &Path, base: &Catalog, shared: &Validator) -> Vec<Issue> {
    let mut options = Options { now: model::Instant(1_790_000_000_000_000_000), ..Options::default() };
    options.unknown_extensions = Severity::Error;
    let strict_urls = case["options"]["examples"] == serde_json::Value::Bool(false);
    options.example_urls = strict_urls.then_some(Severity::Error);
    let flag = |name: &str| case["options"][name] == serde_json::Value::Bool(true);
    let strict_text = flag("security-checks") || flag("noHtmlInMarkdown");
    options.markup_in_text = strict_text.then_some(Severity::Error);
    let mut supporting: Vec<Tree> = Vec::new();
    for file in case["supporting"].as_array().into_iter().flatten() {
        if let Ok(tree) = read(&files.join(file.as_str().unwrap()), base) {
            supporting.push(tree);
        }
    }
    if let Some(profile) = case["profile"].as_str() {
        let file = files.join(profile);
        if file.is_file() {
            let tree = read(&file, base).unwrap();
            options.profiles.push(tree.root().text_at("url").unwrap_or_default().to_owned());
            supporting.push(tree);
        } else {
            options.profiles.push(profile.to_owned());
        }
    }
    let own;
    let validator = if supporting.is_empty() {
        shared
    } else {
        own = Validator::new(Arc::new(base.with(supporting)));
        &own
    };
    match read(&files.join(case["file"].as_str().unwrap()), validator.catalog()) {
        Ok(tree) => validator.validate(&tree, &options),
        Err(issue) => vec![issue],
    }
}
