//! The crate ladder: a crate uses only what its row in this table allows. Dev-dependencies are free.

use crate::manifests::manifests;
use crate::repository::none;

/// Each crate with the crates of ours that it may use; `*` is all. The table of ARCHITECTURE.md says the same.
const LADDER: &[(&str, &str)] = &[
    ("model", ""),
    ("fhirpath", "model"),
    ("catalog", "model"),
    ("storage", "model"),
    ("validation", "model catalog fhirpath"),
    ("convert", "model catalog fhirpath"),
    ("search", "model catalog fhirpath storage"),
    ("access", "model catalog storage"),
    ("interaction", "model catalog fhirpath storage validation convert search access"),
    ("server", "model catalog fhirpath storage validation convert search access interaction"),
    ("fhirbolt-bridge", "model"),
    ("ledger", ""),
    ("conformance", "*"),
    ("bench", "*"),
    ("xtask", "*"),
    ("house", "*"),
];

#[test]
fn a_crate_uses_only_the_rows_above_it() {
    let manifests = manifests();
    let ours: Vec<&str> = manifests.iter().map(|manifest| manifest.name.as_str()).collect();
    let mut findings = Vec::new();
    for manifest in &manifests {
        let Some((_, allowed)) = LADDER.iter().find(|(name, _)| *name == manifest.name) else {
            findings.push(format!("{}: no row of the ladder has this crate", manifest.file));
            continue;
        };
        for used in manifest.dependencies(&["dependencies", "build-dependencies"]) {
            if ours.contains(&used.as_str()) && *allowed != "*" && !allowed.split(' ').any(|name| name == used) {
                findings.push(format!("{}: must not use {used}", manifest.file));
            }
        }
    }
    none("The crate ladder is broken:", findings);
}

#[test]
fn the_ladder_has_no_circle() {
    for (row, (name, allowed)) in LADDER.iter().enumerate().filter(|(_, (_, allowed))| *allowed != "*") {
        for used in allowed.split(' ').filter(|used| !used.is_empty()) {
            let above = LADDER.iter().position(|(other, _)| *other == used);
            assert!(above.is_some_and(|above| above < row), "{name} uses {used}, which does not stand above it");
        }
    }
}
