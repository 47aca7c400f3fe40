//! What a conversion must know of FHIR and of code systems; the crate `catalog` supplies it.

use std::collections::HashMap;
use std::sync::LazyLock;

use model::Shapes;

/// What is known of FHIR's types and of naming systems.
#[derive(Clone, Copy)]
pub struct Knowledge<'k> {
    /// FHIR's types, to read FHIR XML.
    pub shapes: &'k dyn Shapes,
    /// Code and identifier systems.
    pub systems: &'k dyn Systems,
}

/// Code and identifier systems: OIDs and their URIs.
pub trait Systems: Send + Sync {
    /// The URI of an OID (`2.16.840.1.113883.6.1` without `urn:oid:`), `None` where FHIR has no better name for it.
    fn uri(&self, oid: &str) -> Option<&str>;
}

/// The systems of `systems.tsv`: those that European CDA documents use most.
pub struct BuiltIn;

static TABLE: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    let rows = include_str!("systems.tsv").lines().filter(|line| !line.starts_with('#'));
    rows.filter_map(|line| line.split_once('\t')).collect()
});

impl Systems for BuiltIn {
    fn uri(&self, oid: &str) -> Option<&str> {
        TABLE.get(oid).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_an_oid_and_a_uri_and_stands_once() {
        let rows: Vec<&str> = include_str!("systems.tsv").lines().filter(|line| !line.starts_with('#')).collect();
        for row in &rows {
            let (oid, uri) = row.split_once('\t').unwrap_or_else(|| panic!("{row}"));
            assert!(oid.split('.').all(|arc| arc.parse::<u128>().is_ok()), "{row}");
            assert!(uri.contains(':') && !uri.contains(char::is_whitespace), "{row}");
        }
        assert_eq!(rows.len(), TABLE.len());
        assert_eq!(BuiltIn.uri("2.16.840.1.113883.6.1"), Some("http://loinc.org"));
        assert_eq!(BuiltIn.uri("2.999"), None);
    }
}
