//! Runs the published terminology-service tests marked `general` and compares what decides: the `result` of
//! `$validate-code`, the codes of `$expand`, the display of `$lookup`: `… --example terminology_suite -- DIR [-v]`.
//! Messages, issue lists and expansion parameters are not compared: they are the server's.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use catalog::{Catalog, ValueSet};
use model::{Element, Tree, json};
use validation::Terminology;
use validation::terminology::{Coding, ExpandOptions};

fn read(path: &Path) -> Option<Tree> {
    let bytes = std::fs::read(path).ok()?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    json::read(bytes, &Default::default()).ok()
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let directory = Path::new(arguments.first().expect("the folder of the tests"));
    let verbose = arguments.get(1).is_some_and(|argument| argument == "-v");
    let text = std::fs::read_to_string(directory.join("test-cases.json")).unwrap();
    let cases: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut totals: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for suite in cases["suites"].as_array().unwrap() {
        if suite["mode"] != "general" {
            continue;
        }
        let setup = suite["setup"].as_array().unwrap().iter();
        let trees = setup.filter_map(|file| read(&directory.join(file.as_str().unwrap())));
        let terms = Terminology::new(Arc::new(Catalog::built_in().with(trees)));
        for test in suite["tests"].as_array().unwrap() {
            let file = |name: &str| read(&directory.join(test[name].as_str().unwrap_or_default()));
            let (Some(request), Some(response)) = (file("request"), file("response")) else { continue };
            let operation = test["operation"].as_str().unwrap();
            let passed = run(&terms, operation, request.root(), response.root());
            let total = totals.entry(format!("{} {operation}", suite["name"].as_str().unwrap())).or_default();
            total.0 += usize::from(passed.is_ok());
            total.1 += 1;
            if let (true, Err(reason)) = (verbose, passed) {
                println!("FAIL {} {}: {reason}", suite["name"].as_str().unwrap(), test["name"].as_str().unwrap());
            }
        }
    }
    let (mut passed, mut all) = (0, 0);
    for (name, (good, count)) in totals {
        println!("{good:4} of {count:4} {name}");
        (passed, all) = (passed + good, all + count);
    }
    println!("{passed} of {all} agree in what decides");
}

fn parameter<'t>(root: Element<'t>, name: &str) -> Option<Element<'t>> {
    let found = root.all("parameter").find(|parameter| parameter.text_at("name") == Some(name))?;
    found.get("resource").or_else(|| found.children().find(|child| child.name().starts_with("value")))
}

fn run(terms: &Terminology, operation: &str, request: Element<'_>, response: Element<'_>) -> Result<(), String> {
    match operation {
        "expand" => expand(terms, request, response),
        "validate-code" => validate(terms, request, response, true),
        "cs-validate-code" => validate(terms, request, response, false),
        "lookup" => lookup(terms, request, response),
        _ => Err("not run".into()),
    }
}

fn own_set(request: Element<'_>) -> Option<ValueSet> {
    parameter(request, "valueSet").map(|set| ValueSet::read(&Tree::from_element(set)))
}

/// The value set that a request names, with its version.
fn set_url(request: Element<'_>) -> String {
    let text = |name: &str| parameter(request, name).and_then(Element::text);
    match (text("url").unwrap_or_default(), text("valueSetVersion")) {
        (url, Some(version)) => format!("{url}|{version}"),
        (url, None) => url.to_owned(),
    }
}

fn expand(terms: &Terminology, request: Element<'_>, response: Element<'_>) -> Result<(), String> {
    let text = |name: &str| parameter(request, name).and_then(Element::text);
    let flag = |name: &str| text(name) == Some("true");
    let number = |name: &str| text(name).and_then(|text| text.parse().ok());
    let options = ExpandOptions {
        filter: text("filter").map(str::to_owned),
        offset: number("offset").unwrap_or(0),
        count: number("count"),
        active_only: flag("activeOnly"),
        language: text("displayLanguage").map(str::to_owned),
        ..ExpandOptions::default()
    };
    let result = match own_set(request) {
        Some(set) => terms.expand_set(&set, &options),
        None => terms.expand(&set_url(request), &options),
    };
    let refused = response.resource_type() == Some("OperationOutcome");
    match result {
        Err(_) if refused => Ok(()),
        Err(error) => Err(error.to_string()),
        Ok(_) if refused => Err("expanded what should be refused".into()),
        Ok(expansion) => {
            let mut found: Vec<String> = expansion.contains.iter().map(|one| one.code.clone()).collect();
            let contains = response.descendants().into_iter().filter(|element| element.name() == "contains");
            let mut wanted: Vec<String> = contains.filter_map(|one| one.text_at("code")).map(str::to_owned).collect();
            found.sort();
            wanted.sort();
            if found == wanted { Ok(()) } else { Err(format!("{found:?} for {wanted:?}")) }
        }
    }
}

fn validate(terms: &Terminology, request: Element<'_>, response: Element<'_>, in_set: bool) -> Result<(), String> {
    let text = |name: &str| parameter(request, name).and_then(Element::text);
    let mut codings: Vec<Coding<'_>> = Vec::new();
    if let Some(coding) = parameter(request, "coding") {
        codings.extend(Coding::of(coding));
    } else if let Some(concept) = parameter(request, "codeableConcept") {
        codings.extend(concept.all("coding").filter_map(Coding::of));
    } else if let Some(code) = text("code") {
        let system = if in_set { text("system") } else { text("url").or(text("system")) };
        codings.push(Coding {
            system,
            version: text("systemVersion").or(text("version")),
            code,
            display: text("display"),
        });
    }
    let answer = match (in_set, own_set(request)) {
        (true, Some(set)) => {
            let catalog = terms.catalog().with([Tree::from_element(parameter(request, "valueSet").unwrap())]);
            Terminology::new(Arc::new(catalog)).validate_in_value_set(&set.url, &codings)
        }
        (true, None) => terms.validate_in_value_set(&set_url(request), &codings),
        _ => terms.validate_in_system(codings.first().unwrap_or(&Coding::default())),
    };
    let wanted = parameter(response, "result").and_then(Element::text).map(|result| result == "true");
    match (answer.result, wanted) {
        (Some(found), Some(wanted)) if found == wanted => Ok(()),
        (None | Some(false), None | Some(false)) => Ok(()),
        (found, wanted) => Err(format!("{found:?} for {wanted:?} {:?}", answer.messages)),
    }
}

fn lookup(terms: &Terminology, request: Element<'_>, response: Element<'_>) -> Result<(), String> {
    let text = |name: &str| parameter(request, name).and_then(Element::text);
    let coding = parameter(request, "coding").and_then(Coding::of);
    let coding = coding.unwrap_or(Coding {
        system: text("system"),
        version: text("version"),
        code: text("code").unwrap_or_default(),
        display: None,
    });
    let wanted = parameter(response, "display").and_then(Element::text);
    match terms.lookup(&coding, text("displayLanguage")) {
        Ok(concept) if concept.display.as_deref() == wanted => Ok(()),
        Err(_) if wanted.is_none() => Ok(()),
        other => Err(format!("{other:?} for {wanted:?}")),
    }
}
