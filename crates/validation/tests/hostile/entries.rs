//! What a fuzzer drives: each entry takes any bytes and must come back, and what it refuses it refuses with a place.
//! `fuzz/` builds them for cargo-fuzz, the tests beside this file drive them with a deterministic mutator.

use std::sync::{Arc, LazyLock};

use catalog::Catalog;
use model::{Limits, Position, SyntaxError, Tree, json, xml};
use validation::{Options, Validator};

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| Validator::new(Arc::new(Catalog::built_in())));

/// JSON, read and validated.
pub(crate) fn any_json(bytes: &[u8]) {
    judge(bytes, json::read(bytes, &Limits::default()));
}

/// XML, read and validated.
pub(crate) fn any_xml(bytes: &[u8]) {
    judge(bytes, xml::read(bytes, VALIDATOR.catalog(), &Limits::default()));
}

/// A text that is not read has its fault in it; every issue of one that is read has words, and a place in it.
fn judge(bytes: &[u8], read: Result<Tree, SyntaxError>) {
    match read {
        Err(error) => assert!(!error.message.is_empty() && is_within(bytes, error.position), "{error:?}"),
        Ok(tree) => {
            for issue in VALIDATOR.validate(&tree, &Options::default()) {
                assert!(!issue.text.is_empty(), "{issue:?}");
                let placed = issue.position.is_some_and(|position| is_within(bytes, position));
                assert!(placed || issue.path.is_empty(), "{issue:?}");
            }
        }
    }
}

fn is_within(bytes: &[u8], position: Position) -> bool {
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
    (1..=lines).contains(&(position.line as usize)) && (1..=bytes.len() + 1).contains(&(position.column as usize))
}

/// A FHIRPath expression, compiled and evaluated on a small resource.
pub(crate) fn any_fhirpath(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let expression = match fhirpath::Expression::compile(text, VALIDATOR.catalog(), None) {
        Ok(expression) => expression,
        Err(error) => return assert!(!error.message.is_empty() && error.offset <= text.len(), "{error:?}"),
    };
    let mut tree = Tree::new("Patient");
    tree.edit().set("birthDate", "1970-01-01").item("name").set("family", "Rossi").push("given", "Ada");
    let prepared = fhirpath::Prepared::new(&tree, VALIDATOR.catalog());
    let environment = fhirpath::Environment::new(&prepared).with_steps(100_000);
    let _ = expression.evaluate(tree.root(), &environment);
}

/// A profile (or any other resource that defines something) in JSON, laid over the catalog, and a Patient held against it.
pub(crate) fn any_profile(bytes: &[u8]) {
    let Ok(profile) = json::read(bytes, &Limits::default()) else { return };
    let url = profile.root().text_at("url").unwrap_or_default().to_owned();
    let validator = Validator::new(Arc::new(VALIDATOR.catalog().with(vec![profile])));
    let mut tree = Tree::new("Patient");
    tree.edit().set("birthDate", "1970-01-01").item("telecom").set("system", "phone").set("value", "1");
    let options = Options { profiles: vec![url], ..Options::default() };
    validator.validate(&tree, &options);
}
