//! The official FHIRPath suite for R4, `../shared/corpus/fhirpath` beside the workspace, run as data.
//!
//! A case that expects an error must end in one: an empty answer is a failure. Expressions are compiled strictly, for the
//! type of the case's input. `official-ledger.toml` lists what does not pass. Without the suite the test passes and says so.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use catalog::Catalog;
use fhirpath::{Environment, Expression, Host, Item, Prepared};
use ledger::{Ledger, Tally};
use model::{Decimal, Element, Instant, Limits, Name, Shapes, Tree, json, xml};
use serde_json::Value;

#[test]
fn the_official_suite_passes_but_for_the_ledger() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/fhirpath");
    let Ok(cases) = std::fs::read_to_string(folder.join("tests-fhir-r4.jsonl")) else {
        eprintln!("SKIPPED: the official FHIRPath suite is not at {}", folder.display());
        return;
    };
    let catalog = Catalog::built_in();
    let shapes: &dyn Shapes = &catalog;
    let inputs = Inputs::read(&folder.join("input"), shapes);
    let ledger = Ledger::read(include_str!("official-ledger.toml")).unwrap();
    let mut tally = Tally::new(&ledger);
    let mut seen: HashMap<String, usize> = HashMap::new();
    for line in cases.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let mut id = format!("{}/{}", text(&case, "group"), text(&case, "name"));
        let times = seen.entry(id.clone()).or_default();
        *times += 1;
        if *times > 1 {
            id = format!("{id}#{times}");
        }
        tally.record(&id, run(&case, &inputs, shapes));
    }
    let report = tally.finish();
    println!("{report}");
    assert!(report.passed > 900, "the suite is not whole: {report}");
    assert!(report.is_ok(), "{report}\n{}", report.faults.join("\n"));
}

struct Inputs {
    trees: HashMap<String, Tree>,
}

impl Inputs {
    fn read(folder: &Path, shapes: &dyn Shapes) -> Inputs {
        let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let tree = |path: &PathBuf| {
            let bytes = std::fs::read(path).unwrap();
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("json") => json::read(&bytes, &Limits::default()).unwrap(),
                _ => xml::read(&bytes, shapes, &Limits::default()).unwrap(),
            }
        };
        let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        Inputs { trees: paths.map(|path| (name(&path), tree(&path))).collect() }
    }
}

/// Judges base definitions by the shape of the instance: its type, and that it holds no element that the type has not.
struct BaseDefinitions<'s>(&'s dyn Shapes);

impl<'t> Host<'t> for BaseDefinitions<'_> {
    fn conforms_to(&self, element: Element<'t>, profile: &str) -> Result<Option<bool>, String> {
        let name = profile.strip_prefix("http://hl7.org/fhir/StructureDefinition/");
        let ty = name.and_then(Name::of).and_then(|name| self.0.named(name));
        let ty = ty.ok_or_else(|| format!("the profile {profile} is not known"))?;
        let known = element.children().all(|child| self.0.child(ty, child.name_id()).is_some());
        Ok(Some(known && element.type_in(self.0) == ty))
    }
}

fn text<'c>(case: &'c Value, key: &str) -> &'c str {
    case[key].as_str().unwrap_or_default()
}

fn run(case: &Value, inputs: &Inputs, shapes: &dyn Shapes) -> Result<(), String> {
    let empty = Tree::new("Basic");
    let tree = match case["inputfile"].as_str() {
        Some(file) => inputs.trees.get(file).ok_or_else(|| format!("there is no input {file}"))?,
        None => &empty,
    };
    let context = Name::of(tree.resource_type()).and_then(|name| shapes.named(name));
    let prepared = Prepared::new(tree, shapes);
    let host = BaseDefinitions(shapes);
    let environment = Environment::new(&prepared).with_host(&host).with_now(Instant(1_795_450_000_000));
    let outcome = Expression::compile_strict(text(case, "expression"), shapes, context)
        .map_err(|error| error.to_string())
        .and_then(|expression| match case["predicate"] == true {
            true => {
                let holds = expression.is_true(tree.root(), &environment).map_err(|error| error.to_string())?;
                Ok([Item::Boolean(holds)].into_iter().collect())
            }
            false => expression.evaluate(tree.root(), &environment).map_err(|error| error.to_string()),
        });
    let wrong = case["invalid"].as_str();
    let items = match (outcome, wrong) {
        (Err(_), Some(_)) => return Ok(()),
        (Err(error), None) => return Err(format!("error: {error}")),
        (Ok(items), Some(kind)) => return Err(format!("expects a {kind} error, gives {}", shown(&items))),
        (Ok(items), None) => items,
    };
    let mut wanted: Vec<(String, String)> = case["outputs"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|output| (text(output, "type").to_owned(), text(output, "value").to_owned()))
        .collect();
    if items.len() != wanted.len() {
        return Err(format!("expects {wanted:?}, gives {}", shown(&items)));
    }
    for (place, item) in items.iter().enumerate() {
        let fits = |(ty, value): &(String, String)| matches(item, ty, value, &environment);
        let found = match case["ordered"] == "false" {
            true => wanted.iter().position(fits),
            false => wanted.first().filter(|output| fits(output)).map(|_| 0),
        };
        match found {
            Some(at) => drop(wanted.remove(at)),
            None => return Err(format!("item {place}: expects {wanted:?}, gives {}", shown(&items))),
        }
    }
    Ok(())
}

fn matches<'t>(item: &Item<'t>, ty: &str, value: &str, environment: &Environment<'_, 't>) -> bool {
    let own = environment.type_info(item).name;
    let lower = own.chars().next().map(|c| c.to_ascii_lowercase().to_string() + &own[1..]).unwrap_or_default();
    if !ty.is_empty() && ty != own && ty != lower {
        return false;
    }
    let Some(item) = environment.value_of(item) else { return false };
    match &item {
        Item::Decimal(decimal) => Decimal::parse(value)
            .is_some_and(|value| value == *decimal && (!ty.is_empty() || value.scale() == decimal.scale())),
        Item::Date(_) | Item::DateTime(_) => value == format!("@{item}") || value == item.to_string(),
        Item::Time(_) => value == format!("@T{item}"),
        other => value == other.to_string(),
    }
}

fn shown(items: &[Item<'_>]) -> String {
    let items: Vec<String> = items.iter().map(|item| format!("{item}")).collect();
    format!("[{}]", items.join(", "))
}
