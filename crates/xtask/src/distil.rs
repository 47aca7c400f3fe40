//! FHIR packages to `profiles/`: <https://hl7.org/fhir/packages.html> in, facts out, the same bytes every time.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt::{self, Write};
use std::fs;
use std::path::{Path, PathBuf};

use model::{Element, Tree};
use sha2::{Digest, Sha256};

use crate::packages::{Package, read_all, read_expansions};
use crate::selection::{Selected, select};
use crate::{facts, lines};

/// Distilling stopped; files that were already written stay.
#[derive(Debug, thiserror::Error)]
pub enum DistilError {
    /// A file could not be read or written.
    #[error("{0}: {1}")]
    Io(PathBuf, std::io::Error),
    /// A file of a package is no JSON.
    #[error("{0}: {1}")]
    Syntax(PathBuf, String),
}

/// What was written.
#[derive(Debug, Default)]
pub struct Report {
    /// Package, type, resources, bytes.
    rows: Vec<(String, String, usize, usize)>,
    missing: BTreeSet<String>,
    closed: BTreeSet<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (package, ty, count, bytes) in &self.rows {
            writeln!(f, "{package} {ty}: {count} resources, {bytes} bytes")?;
        }
        writeln!(f, "{} bytes in all", self.rows.iter().map(|row| row.3).sum::<usize>())?;
        writeln!(f, "bound, but in no package:")?;
        self.missing.iter().try_for_each(|url| writeln!(f, "  {url}"))?;
        writeln!(f, "left out, because their owners have terms of their own:")?;
        self.closed.iter().try_for_each(|url| writeln!(f, "  {url}"))
    }
}

/// The name of the specification set that is written.
const SET: &str = "ehds-2026";

/// Reads the packages of `packages` and writes their facts to `profiles`; element and type names of FHIR R4 go to
/// `../crates/model/src/names.txt` from there, where that folder exists.
pub fn distil(packages: &Path, profiles: &Path) -> Result<Report, DistilError> {
    let expansions = read_expansions(packages)?;
    let packages = read_all(packages)?;
    let selection = select(&packages);
    let mut report = Report { missing: selection.missing, closed: selection.closed, ..Report::default() };
    let mut set = String::from("title = \"European Health Data Space, as known in November 2026\"\n");
    let none = HashSet::new();
    for (package, selected) in packages.iter().zip(&selection.packages) {
        let mut files = BTreeMap::new();
        files.insert("package.json".to_owned(), manifest(package));
        for (ty, resources) in selected {
            let mut text = String::from("{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[\n");
            for (place, ((url, _), tree)) in resources.iter().enumerate() {
                let mut facts = facts::of(tree, selection.filtered.get(*url).unwrap_or(&none));
                if let Some(expanded) = expansions.iter().find(|expanded| expanded.root().text_at("url") == Some(*url))
                {
                    facts::add_expansion(&mut facts, expanded);
                }
                text.push_str(if place == 0 { "{\"resource\":" } else { ",\n{\"resource\":" });
                lines::write(facts.root(), &mut text);
                text.push('}');
            }
            text.push_str("\n]}\n");
            report.rows.push((package.name.into(), (*ty).into(), resources.len(), text.len()));
            files.insert(format!("{ty}.json"), text);
        }
        let hash = write_folder(&profiles.join(package.name), &files)?;
        let version = package.manifest.root().text_at("version").unwrap_or_default();
        let _ =
            write!(set, "\n[[package]]\nname = \"{}\"\nversion = \"{version}\"\nsha256 = \"{hash}\"\n", package.name);
    }
    write_file(&profiles.join("specification-sets").join(format!("{SET}.toml")), &set)?;
    write_file(&profiles.join("terminology").join("naming-systems.toml"), &naming(&packages, &selection.packages))?;
    let names_file = profiles.join("../crates/model/src/names.txt");
    if names_file.is_file() {
        write_file(&names_file, &names(&packages[0].resources))?;
    }
    Ok(report)
}

fn manifest(package: &Package) -> String {
    let root = package.manifest.root();
    let mut kept = Tree::new("");
    let mut edit = kept.edit();
    for name in ["name", "version", "license", "canonical", "fhirVersions", "dependencies"] {
        root.all(name).for_each(|element| {
            edit.copy(element);
        });
    }
    let mut text = String::new();
    model::json::write_pretty(kept.root(), &mut text);
    text.replace("  \"resourceType\": \"\",\n", "") + "\n"
}

/// Writes the files in place of the folder's JSON; the digest that a specification set pins.
fn write_folder(folder: &Path, files: &BTreeMap<String, String>) -> Result<String, DistilError> {
    let io = |error| DistilError::Io(folder.to_owned(), error);
    fs::create_dir_all(folder).map_err(io)?;
    for entry in fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            fs::remove_file(&path).map_err(io)?;
        }
    }
    let mut hash = Sha256::new();
    for (name, text) in files {
        hash.update(format!("{name}\n{}\n{text}", text.len()));
        write_file(&folder.join(name), text)?;
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn write_file(path: &Path, text: &str) -> Result<(), DistilError> {
    let io = |error| DistilError::Io(path.to_owned(), error);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(io)?;
    }
    if fs::read(path).is_ok_and(|old| old == text.as_bytes()) {
        return Ok(());
    }
    fs::write(path, text).map_err(io)
}

/// OIDs of systems, from NamingSystems and from the identifiers of code systems and value sets.
fn naming(packages: &[Package], selected: &[Selected<'_>]) -> String {
    let mut systems: BTreeMap<String, BTreeSet<(bool, String)>> = BTreeMap::new();
    let mut sets: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for tree in packages.iter().flat_map(|package| &package.resources) {
        let root = tree.root();
        match tree.resource_type() {
            "NamingSystem" if root.text_at("status") != Some("retired") => naming_system(root, &mut systems),
            "CodeSystem" => {
                let Some(url) = root.text_at("url") else { continue };
                let known = systems.entry(url.into()).or_default();
                known.extend(oids(root).map(|oid| (false, oid)));
                // CDA names the tables of HL7 v2 by the OIDs they had before their code systems got their own.
                let table = url.strip_prefix("http://terminology.hl7.org/CodeSystem/v2-");
                if let Some(table) = table.and_then(|table| table.parse::<u32>().ok()) {
                    known.insert((true, format!("2.16.840.1.113883.12.{table}")));
                }
            }
            _ => {}
        }
    }
    for tree in selected.iter().filter_map(|types| types.get("ValueSet")).flat_map(|all| all.values()) {
        let Some(url) = tree.root().text_at("url") else { continue };
        for oid in oids(tree.root()) {
            sets.entry(url.into()).or_default().insert(oid);
        }
    }
    let mut text = String::from("# Written by `cargo run -p xtask -- distil`: facts of the packages.\n\n[systems]\n");
    for (uri, oids) in systems.iter().filter(|(uri, oids)| is_system(uri) && !oids.is_empty()) {
        let mut listed: Vec<String> = oids.iter().map(|(_, oid)| format!("\"{oid}\"")).collect();
        let mut seen = HashSet::new();
        listed.retain(|oid| seen.insert(oid.clone()));
        let _ = writeln!(text, "\"{uri}\" = [{}]", listed.join(", "));
    }
    text.push_str("\n[value_sets]\n");
    for (uri, oids) in &sets {
        let oids: Vec<String> = oids.iter().map(|oid| format!("\"{oid}\"")).collect();
        let _ = writeln!(text, "\"{uri}\" = [{}]", oids.join(", "));
    }
    text
}

/// A system's own URI: no OID again, and no version behind it.
fn is_system(uri: &str) -> bool {
    !uri.starts_with("urn:oid:") && !uri.contains('|')
}

fn naming_system(root: Element<'_>, systems: &mut BTreeMap<String, BTreeSet<(bool, String)>>) {
    let ids: Vec<Element<'_>> = root.all("uniqueId").collect();
    let preferred = |id: &&Element<'_>| id.text_at("preferred") == Some("true");
    let uris: Vec<_> = ids.iter().filter(|id| id.text_at("type") == Some("uri")).collect();
    let uri = uris.iter().copied().find(preferred).or(uris.first().copied());
    let Some(uri) = uri.and_then(|id| id.text_at("value")) else { return };
    for id in ids.iter().filter(|id| id.text_at("type") == Some("oid")) {
        if let Some(oid) = id.text_at("value") {
            let oid = oid.trim().trim_start_matches("urn:oid:").to_owned();
            systems.entry(uri.trim().into()).or_default().insert((!preferred(&id), oid));
        }
    }
}

fn oids<'t>(root: Element<'t>) -> impl Iterator<Item = String> {
    let values = root.all("identifier").filter_map(|identifier| identifier.text_at("value"));
    values.filter_map(|value| value.strip_prefix("urn:oid:")).map(str::to_owned)
}

/// Every type name and element name of the base definitions, choice elements alone and with each type, sorted.
pub fn names(core: &[Tree]) -> String {
    let mut names = BTreeSet::new();
    for tree in core.iter().filter(|tree| tree.resource_type() == "StructureDefinition") {
        let root = tree.root();
        let logical = root.text_at("kind") == Some("logical");
        if root.text_at("derivation") == Some("constraint") || logical {
            continue;
        }
        names.insert(root.text_at("type").unwrap_or_default().to_owned());
        for element in root.every("snapshot.element") {
            let Some((_, step)) = element.text_at("path").and_then(|path| path.rsplit_once('.')) else { continue };
            let Some(stem) = step.strip_suffix("[x]") else {
                names.insert(step.to_owned());
                continue;
            };
            names.insert(stem.to_owned());
            for code in element.every("type.code").into_iter().filter_map(Element::text) {
                let (first, rest) = code.split_at(code.chars().next().map_or(0, char::len_utf8));
                names.insert(format!("{stem}{}{rest}", first.to_ascii_uppercase()));
            }
        }
    }
    names.into_iter().map(|name| name + "\n").collect()
}
