//! Which EHDS priority category a document is of, by the LOINC code of its type.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The category of a document that is of no EHDS priority category: it becomes a plain FHIR document. Not a code of the
/// European code system.
pub const OTHER_DOCUMENTS: &str = "Other-Documents";

static CATEGORIES: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    let rows = include_str!("documents.tsv").lines().filter(|line| !line.starts_with('#'));
    rows.filter_map(|line| line.split_once('\t')).collect()
});

/// The category (a code of `eehrxf-document-priority-category-cs`) of a document type.
pub(crate) fn of_type(loinc: &str) -> Option<&'static str> {
    CATEGORIES.get(loinc).copied()
}
