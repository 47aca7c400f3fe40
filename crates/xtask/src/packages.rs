//! The packages to distil, in the order in which they depend on each other, and how each may be used.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use model::{Limits, Tree};

use crate::DistilError;

/// A package that is distilled: name, version, and what its licence is by its owner's page (the archives say less).
pub(crate) const PACKAGES: [(&str, &str); 17] = [
    ("hl7.fhir.r4.core", "4.0.1"),
    ("hl7.terminology.r4", "7.0.1"),
    ("hl7.fhir.uv.extensions.r4", "5.3.0-ballot-tc1"),
    ("hl7.fhir.uv.xver-r5.r4.eu-subset", "0.0.1-snapshot-2"),
    ("hl7.fhir.uv.ipa", "1.1.0"),
    ("hl7.fhir.uv.ips", "2.0.0"),
    ("ihe.formatcode.fhir", "1.6.0"),
    ("ihe.iti.balp", "1.1.5-current"),
    ("ihe.iti.mhd", "4.2.4-current"),
    ("ihe.iti.pdqm", "3.2.0"),
    ("ihe.pharm.mpd.r4", "1.0.0-comment-2"),
    ("hl7.fhir.eu.extensions.r4", "1.2.1-ci-build"),
    ("hl7.fhir.eu.base", "2.0.0"),
    ("hl7.fhir.eu.eps", "1.0.0-xtehr"),
    ("hl7.fhir.eu.mpd", "1.0.0"),
    ("hl7.fhir.eu.laboratory", "2.0.0"),
    ("hl7.fhir.eu.hdr", "1.0.0-ci"),
];

/// The same, further down the ladder.
pub(crate) const LATER: [(&str, &str); 2] =
    [("hl7.fhir.eu.health-data-api", "1.0.0-ballot"), ("hl7.fhir.eu.imaging", "1.0.0-ballot")];

/// One package with its conformance resources.
pub(crate) struct Package {
    pub(crate) name: &'static str,
    pub(crate) manifest: Tree,
    pub(crate) resources: Vec<Tree>,
}

/// HL7's expansions of R4's value sets: read for the few that [`EXPANDED`] names.
const EXPANSIONS: (&str, &str) = ("hl7.fhir.r4.expansions", "4.0.1");

/// Value sets whose codes stand in no package otherwise, though their owner lets anybody list them.
const EXPANDED: [&str; 1] = ["http://hl7.org/fhir/ValueSet/currencies"];

/// The expansions that are built in.
pub(crate) fn read_expansions(folder: &Path) -> Result<Vec<Tree>, DistilError> {
    let (name, version) = EXPANSIONS;
    let mut found = read(&folder.join(format!("{name}#{version}.tgz")), name)?.resources;
    found.retain(|tree| tree.root().text_at("url").is_some_and(|url| EXPANDED.contains(&url)));
    Ok(found)
}

pub(crate) fn read_all(folder: &Path) -> Result<Vec<Package>, DistilError> {
    let listed = PACKAGES.iter().chain(&LATER);
    listed.map(|(name, version)| read(&folder.join(format!("{name}#{version}.tgz")), name)).collect()
}

fn read(path: &Path, name: &'static str) -> Result<Package, DistilError> {
    let io = |error| DistilError::Io(path.to_owned(), error);
    let mut archive = tar::Archive::new(GzDecoder::new(File::open(path).map_err(io)?));
    let mut files = Vec::new();
    for entry in archive.entries().map_err(io)? {
        let mut entry = entry.map_err(io)?;
        let inner = entry.path().map_err(io)?.to_string_lossy().into_owned();
        let inner = inner.strip_prefix("./").unwrap_or(&inner).to_owned();
        let Some(file) = inner.strip_prefix("package/") else { continue };
        if file.contains('/') || file.starts_with('.') || !file.ends_with(".json") {
            continue;
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(io)?;
        files.push((file.to_owned(), bytes));
    }
    files.sort();
    let mut package = Package { name, manifest: Tree::new(""), resources: Vec::new() };
    for (file, bytes) in files {
        let tree = model::json::read(&bytes, &Limits::default())
            .map_err(|error| DistilError::Syntax(path.join(&file), error.to_string()))?;
        if file == "package.json" {
            package.manifest = tree;
        } else if !tree.resource_type().is_empty() {
            package.resources.push(tree);
        }
    }
    Ok(package)
}
