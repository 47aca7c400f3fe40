//! The manifests of the workspace's packages.

use crate::repository::{files, none, text};

/// One package.
pub(crate) struct Manifest {
    /// Its file, relative to the root.
    pub(crate) file: String,
    /// The package's name.
    pub(crate) name: String,
    table: toml::Table,
}

impl Manifest {
    /// The names of what it depends on by these sections, those for one platform included; a renamed dependency by
    /// its package's name.
    pub(crate) fn dependencies(&self, sections: &[&str]) -> Vec<String> {
        let platforms = self.table.get("target").and_then(toml::Value::as_table);
        let tables = platforms.into_iter().flat_map(|table| table.values()).filter_map(toml::Value::as_table);
        let mut names = Vec::new();
        for table in tables.chain([&self.table]) {
            for section in sections.iter().filter_map(|section| table.get(*section)?.as_table()) {
                for (key, value) in section {
                    names.push(value.get("package").and_then(toml::Value::as_str).unwrap_or(key).to_owned());
                }
            }
        }
        names
    }
}

/// Every package of the workspace.
pub(crate) fn manifests() -> Vec<Manifest> {
    // fuzz/ is no part of it: only nightly Rust builds it.
    let files = files().into_iter().filter(|file| file.ends_with("/Cargo.toml") && file != "fuzz/Cargo.toml");
    let read = |file: String| {
        let table: toml::Table = text(&file).unwrap().parse().unwrap();
        let name = table["package"]["name"].as_str().unwrap().to_owned();
        Manifest { file, name, table }
    };
    files.map(read).collect()
}

#[test]
fn every_package_inherits_the_workspace() {
    let mut findings = Vec::new();
    for manifest in manifests() {
        let inherits = |value: Option<&toml::Value>| value.and_then(|value| value.get("workspace")?.as_bool());
        let package = &manifest.table["package"];
        for key in ["version", "edition", "rust-version", "license", "publish"] {
            let unpublished = key == "publish" && package.get(key).and_then(toml::Value::as_bool) == Some(false);
            if inherits(package.get(key)) != Some(true) && !unpublished {
                findings.push(format!("{}: '{key}' is not the workspace's", manifest.file));
            }
        }
        if inherits(manifest.table.get("lints")) != Some(true) {
            findings.push(format!("{}: '[lints] workspace = true' is missing", manifest.file));
        }
        if package.get("description").is_none() {
            findings.push(format!("{}: there is no description", manifest.file));
        }
    }
    none("Manifests:", findings);
}

#[test]
fn a_dependency_on_our_own_crate_goes_through_the_workspace() {
    let manifests = manifests();
    let mut findings = Vec::new();
    for manifest in &manifests {
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(table) = manifest.table.get(section).and_then(toml::Value::as_table) else { continue };
            for (name, value) in table.iter().filter(|(name, _)| manifests.iter().any(|other| other.name == **name)) {
                if value.get("path").is_some() {
                    findings.push(format!("{}: {name} by path", manifest.file));
                }
            }
        }
    }
    none("Use [workspace.dependencies]:", findings);
}
