//! The converter's own table of code systems beside the catalog's: where both name a system they name the same one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use convert::{BuiltIn, Systems};

/// OIDs that CDA means otherwise than FHIR's tables, and why.
const OTHERWISE: [(&str, &str); 6] = [
    ("2.16.840.1.113883.5.1150.1", "IHE's system has other codes than the IPS's, by which the catalog knows it"),
    ("2.16.840.1.113883.11.22.15", "a value set's OID, given for the system of its codes"),
    ("2.16.840.1.113883.11.22.17", "a value set's OID, given for the system of its codes"),
    ("2.16.840.1.113883.11.22.36", "a value set's OID, given for the system of its codes"),
    ("2.16.840.1.113883.5.79", "HL7's media types, of which bcp:13 is the grammar"),
    ("2.16.840.1.113883.6.259", "the system's url before HL7 Terminology 6"),
];

#[test]
fn both_tables_name_the_same_systems() {
    let catalog = catalog::Catalog::built_in();
    let mut both = 0;
    for row in include_str!("../src/systems.tsv").lines().filter(|row| !row.starts_with('#')) {
        let (oid, uri) = row.split_once('\t').unwrap();
        let Some(known) = catalog.naming().uri(oid) else { continue };
        let exception = OTHERWISE.iter().any(|(otherwise, _)| *otherwise == oid);
        assert_eq!(known == uri, !exception, "{oid}: {uri} here, {known} in the catalog");
        both += 1;
    }
    assert!(both > 60, "{both}");
    assert_eq!(BuiltIn.uri("2.16.840.1.113883.6.96"), catalog.naming().uri("2.16.840.1.113883.6.96"));
}
