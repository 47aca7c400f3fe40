//! `passerelle fhirpath EXPRESSION FILE…`: an expression evaluated on every resource, one item of the result a line.

use std::error::Error;
use std::process::ExitCode;

use ::fhirpath::{Environment, Expression, Item, Prepared};
use clap::ArgMatches;
use model::{Clock, Limits, Tree};

use super::output::say;
use super::{files, packages, texts};
use crate::MachineClock;
use crate::configuration::Values;

/// Evaluates: 0 when every file could be read and evaluated, 1 otherwise or where it is no expression.
pub(crate) fn run(matches: &ArgMatches, values: &Values) -> Result<ExitCode, Box<dyn Error>> {
    let text = matches.get_one::<String>("expression").map_or("", String::as_str);
    let files = files::below(matches.get_many::<String>("paths").into_iter().flatten())?;
    let catalog = packages::catalog(values)?;
    let expression = Expression::compile(text, &catalog, None)?;
    let limits = Limits { bytes: values.bytes("max-body"), ..Limits::default() };
    let json = matches.get_one::<String>("format").is_some_and(|format| format == "json");
    let mut code = ExitCode::SUCCESS;
    let mut named = files.len() > 1;
    for file in &files {
        let resources = texts::of(file, &catalog, &limits);
        named |= resources.len() > 1;
        for (name, resource) in resources {
            let result = resource.map_err(|issue| issue.to_string());
            match result.and_then(|tree| evaluate(&expression, &tree, &catalog, json)) {
                Ok(lines) if named => lines.iter().for_each(|line| say!("{name}: {line}")),
                Ok(lines) => lines.iter().for_each(|line| say!("{line}")),
                Err(reason) => {
                    code = ExitCode::from(1);
                    eprintln!("{name}: {reason}");
                }
            }
        }
    }
    Ok(code)
}

fn evaluate(
    expression: &Expression,
    tree: &Tree,
    catalog: &catalog::Catalog,
    json: bool,
) -> Result<Vec<String>, String> {
    let prepared = Prepared::new(tree, catalog);
    let environment = Environment::new(&prepared).with_now(MachineClock.now());
    let found = expression.evaluate(tree.root(), &environment).map_err(|error| error.to_string())?;
    Ok(found.iter().map(|item| shown(item, json)).collect())
}

/// An element with children as JSON, anything else as its text, or as JSON where that is wanted.
fn shown(item: &Item<'_>, json: bool) -> String {
    match item.element() {
        Some(element) if json || element.text().is_none() => model::json::to_string(element),
        Some(element) => element.text().unwrap_or_default().to_owned(),
        None if json => match item {
            Item::Boolean(_) | Item::Integer(_) | Item::Decimal(_) => item.to_string(),
            _ => quoted(&item.to_string()),
        },
        None => item.to_string(),
    }
}

fn quoted(text: &str) -> String {
    let mut tree = Tree::new("string");
    tree.edit().set_value(text);
    model::json::to_string(tree.root())
}
