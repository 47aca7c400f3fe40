//! What the tests of single rules share: one validator over what is built in.

use std::sync::{Arc, LazyLock};

use catalog::Catalog;
use model::json;
use validation::{Options, Validator};

pub static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| Validator::new(Arc::new(Catalog::built_in())));

/// Paths of the errors of a resource.
pub fn errors(text: &str) -> Vec<String> {
    let tree = json::read(text.as_bytes(), &Default::default()).unwrap();
    let issues = VALIDATOR.validate(&tree, &Options::default()).into_iter();
    issues.filter(|issue| issue.severity.is_error()).map(|issue| issue.path).collect()
}
