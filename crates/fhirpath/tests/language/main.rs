//! The language, function by function, over a patient of our own: expression in, items out.

#![allow(clippy::unwrap_used)]

mod bounds;
mod fhir;
mod operators;
mod strictness;
mod values;

use std::sync::LazyLock;

use catalog::Catalog;
use fhirpath::{Environment, Expression, Prepared};
use model::{Instant, Name, Shapes, Tree, json};

pub(crate) static CATALOG: LazyLock<Catalog> = LazyLock::new(Catalog::built_in);

const PATIENT: &str = r##"{
  "resourceType": "Patient", "id": "ada",
  "contained": [{"resourceType": "Organization", "id": "org", "name": "Example Clinic"}],
  "extension": [{"url": "http://example.org/height", "valueQuantity":
    {"value": 171.5, "unit": "cm", "system": "http://unitsofmeasure.org", "code": "cm"}}],
  "identifier": [{"system": "urn:oid:2.999.1", "value": "A1"}, {"system": "urn:oid:2.999.2", "value": "B2"}],
  "active": true,
  "name": [
    {"use": "official", "family": "Example", "given": ["Ada", "Zoé"]},
    {"use": "nickname", "given": ["Addie"]}
  ],
  "telecom": [{"system": "phone", "value": "+000", "rank": 2}, {"system": "email", "value": "ada@example.org", "rank": 1}],
  "gender": "female",
  "birthDate": "1971-04-05",
  "_birthDate": {"extension": [{"url": "http://example.org/note", "valueString": "sure"}]},
  "deceasedBoolean": false,
  "multipleBirthInteger": 2,
  "managingOrganization": {"reference": "#org"},
  "generalPractitioner": [{"reference": "Practitioner/7"}]
}"##;

pub(crate) fn patient() -> Tree {
    json::read(PATIENT.as_bytes(), &Default::default()).unwrap()
}

/// What an expression yields for the patient, items separated by commas; errors as `! message`.
pub(crate) fn evaluate(text: &str) -> String {
    evaluate_in(text, &patient(), false)
}

pub(crate) fn evaluate_in(text: &str, tree: &Tree, strict: bool) -> String {
    let shapes: &dyn Shapes = &*CATALOG;
    let context = Name::of(tree.resource_type()).and_then(|name| shapes.named(name));
    let compile = if strict { Expression::compile_strict } else { Expression::compile };
    let expression = match compile(text, shapes, context) {
        Ok(expression) => expression,
        Err(error) => return format!("! {error}"),
    };
    let prepared = Prepared::new(tree, shapes);
    let environment = Environment::new(&prepared).with_now(Instant(1_709_210_096_007)).with_offset(60);
    match expression.evaluate(tree.root(), &environment) {
        Ok(items) => items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        Err(error) => format!("! {error}"),
    }
}

/// Each row: an expression and what it yields.
pub(crate) fn check(rows: &[(&str, &str)]) {
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|(text, wanted)| {
            let found = evaluate(text);
            (found != *wanted).then(|| format!("{text}\n  wanted {wanted}\n  found  {found}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Each expression ends in an error that holds the words.
pub(crate) fn check_errors(rows: &[(&str, &str)]) {
    for (text, words) in rows {
        let found = evaluate(text);
        assert!(found.starts_with('!') && found.contains(words), "{text} gives {found}");
    }
}
