//! The package cache (`NAME#VERSION/package` folders, as FHIR tools keep them in `~/.fhir/packages`): a package with
//! what it depends on.

use std::path::{Path, PathBuf};

use model::{Issue, IssueType};

use super::{LoadError, Loader};
use crate::Canonical;

impl Loader {
    /// Adds `name#version` from a cache folder, and first the packages it depends on, as far as no version of them was
    /// added before. The version may end in `.x`. A dependency that is not in the cache becomes an issue; the package
    /// itself missing is an error.
    pub fn cached(mut self, cache: &Path, name: &str, version: &str) -> Result<Loader, LoadError> {
        let path =
            find(cache, name, version).ok_or_else(|| LoadError::Nothing(cache.join(format!("{name}#{version}"))))?;
        let mut open = vec![path];
        let mut order: Vec<PathBuf> = Vec::new();
        while let Some(path) = open.pop() {
            if order.contains(&path) {
                continue;
            }
            let alone = Loader::new().path(&path)?;
            order.push(path);
            for (name, version) in alone.packages().iter().flat_map(|package| package.dependencies.clone()) {
                if self.packages().iter().any(|package| package.name == name) {
                    continue;
                }
                match find(cache, &name, &version) {
                    Some(path) => open.push(path),
                    None => {
                        let text = format!("{name}#{version} is needed by a package, but is not in the cache.");
                        self.report(Issue::warning(IssueType::NotFound, "package.json", text));
                    }
                }
            }
        }
        order.iter().rev().try_fold(self, |loader, path| loader.path(path))
    }
}

/// The folder or archive of a package in a cache; of several that fit, the one with the latest version.
fn find(cache: &Path, name: &str, version: &str) -> Option<PathBuf> {
    let wanted = format!("{name}|{version}");
    let wanted = Canonical::of(&wanted);
    let mut found: Vec<(String, PathBuf)> = Vec::new();
    for entry in std::fs::read_dir(cache).ok()? {
        let path = entry.ok()?.path();
        let file = path.file_name()?.to_string_lossy().into_owned();
        let label = file.strip_suffix(".tgz").unwrap_or(&file);
        if let Some((known, version)) = label.split_once('#')
            && known == name
            && wanted.accepts(Some(version))
        {
            found.push((version.to_owned(), path));
        }
    }
    found.sort_by(|left, right| crate::compare_versions(&left.0, &right.0));
    found.pop().map(|(_, path)| path)
}
