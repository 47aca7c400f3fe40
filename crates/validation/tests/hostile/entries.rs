//! What a fuzzer drives: each entry takes any bytes and must come back. `fuzz/` builds them for cargo-fuzz, the tests beside
//! this file drive them with a deterministic mutator.

use std::sync::{Arc, LazyLock};

use catalog::Catalog;
use model::{Limits, Tree, json, xml};
use validation::{Options, Validator};

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| Validator::new(Arc::new(Catalog::built_in())));

/// JSON, read and validated.
pub(crate) fn any_json(bytes: &[u8]) {
    if let Ok(tree) = json::read(bytes, &Limits::default()) {
        VALIDATOR.validate(&tree, &Options::default());
    }
}

/// XML, read and validated.
pub(crate) fn any_xml(bytes: &[u8]) {
    if let Ok(tree) = xml::read(bytes, VALIDATOR.catalog(), &Limits::default()) {
        VALIDATOR.validate(&tree, &Options::default());
    }
}

/// A FHIRPath expression, compiled and evaluated on a small resource.
pub(crate) fn any_fhirpath(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(expression) = fhirpath::Expression::compile(text, VALIDATOR.catalog(), None) else { return };
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
