//! Reads packages and loose files into what a catalog is made of.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use model::{Issue, IssueType, Tree};
use sha2::{Digest, Sha256};

use super::header::bundle_resources;
use super::{Header, Package, Text, built_in};
use crate::catalog::Catalog;
use crate::{SetError, SpecificationSet};

/// Loading stopped; nothing was made.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file or folder could not be read.
    #[error("{path}: {error}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// An archive is larger unpacked than any FHIR package is (2 GiB), or one file in it is (256 MiB).
    #[error("{0}: the package is too large")]
    TooLarge(PathBuf),
    /// The path holds no package and no FHIR JSON.
    #[error("{0}: no FHIR package and no FHIR JSON is there")]
    Nothing(PathBuf),
}

const FILE_LIMIT: u64 = 256 << 20;
const ARCHIVE_LIMIT: u64 = 2 << 30;
/// An archive that unpacks to more than this many times its size, and to more than the small ones do, is a bomb.
const RATIO_LIMIT: u64 = 200;
const SMALL_ARCHIVE: u64 = 16 << 20;
const DEPTH_LIMIT: usize = 4;

/// What was loaded: packages, resources with their package's number, issues.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    pub(crate) packages: Vec<Package>,
    pub(crate) resources: Vec<(u32, Header, Text)>,
    pub(crate) files: Vec<(Box<str>, Box<str>)>,
    pub(crate) issues: Vec<Issue>,
}

/// Gathers sources for a [`Catalog`]. Where two bring the same url and version, the later one counts.
#[derive(Debug, Default)]
pub struct Loader {
    loaded: Loaded,
}

impl Loader {
    /// With nothing in it.
    pub fn new() -> Loader {
        Loader::default()
    }

    /// Adds everything that is built in.
    pub fn built_in(mut self) -> Loader {
        let built_in = built_in();
        let first = self.loaded.packages.len() as u32;
        self.loaded.packages.extend(built_in.packages);
        self.loaded.files.extend(built_in.files);
        let resources = built_in.resources.into_iter();
        self.loaded.resources.extend(resources.map(|(package, header, text)| (first + package, header, text)));
        self
    }

    /// Adds what is at a path: a package as `.tgz`; a package's folder (with `package.json`, or with a folder
    /// `package`); a folder of such folders and archives, as in the package cache; a FHIR JSON file; a folder of
    /// those. A resource that cannot be read becomes an issue of the catalog.
    pub fn path(mut self, path: &Path) -> Result<Loader, LoadError> {
        let before = (self.loaded.resources.len(), self.loaded.packages.len());
        self.visit(path, 0)?;
        if before == (self.loaded.resources.len(), self.loaded.packages.len()) {
            return Err(LoadError::Nothing(path.to_owned()));
        }
        Ok(self)
    }

    /// Adds the bytes of a package archive (gzipped tar); `origin` is for messages.
    pub fn archive(mut self, origin: &Path, bytes: &[u8]) -> Result<Loader, LoadError> {
        self.read_archive(origin, bytes)?;
        Ok(self)
    }

    /// Adds resources that are already trees.
    pub fn resources(mut self, trees: impl IntoIterator<Item = Tree>) -> Loader {
        for tree in trees {
            self.loaded.add_tree(tree);
        }
        self
    }

    pub(crate) fn into_loaded(self) -> Loaded {
        self.loaded
    }

    /// The packages that were added so far.
    pub fn packages(&self) -> &[Package] {
        &self.loaded.packages
    }

    pub(crate) fn report(&mut self, issue: Issue) {
        self.loaded.issues.push(issue);
    }

    /// The catalog of what a specification set names of all that was added, and of loose resources; refused where a
    /// package is missing or is not the one that was pinned.
    pub fn finish_as(mut self, set: &SpecificationSet) -> Result<Catalog, SetError> {
        set.verify(&self.loaded.packages)?;
        let keep = |package: &Package| {
            package.name.is_empty()
                || set.packages.iter().any(|pin| pin.name == package.name && pin.version == package.version)
        };
        let kept: Vec<bool> = self.loaded.packages.iter().map(keep).collect();
        self.loaded.resources.retain(|(package, ..)| kept.get(*package as usize).copied().unwrap_or(true));
        let mut kept = kept.into_iter();
        // Resources know their package by its place: an empty one stays in the place of one that goes.
        for package in &mut self.loaded.packages {
            if kept.next() == Some(false) {
                *package = Package::default();
            }
        }
        Ok(self.finish())
    }

    /// The catalog of all that was added.
    pub fn finish(self) -> Catalog {
        Catalog::of(self.loaded)
    }

    fn visit(&mut self, path: &Path, depth: usize) -> Result<(), LoadError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if path.join("package.json").is_file() {
                return self.folder(path);
            }
            if path.join("package").join("package.json").is_file() {
                return self.folder(&path.join("package"));
            }
            if depth < DEPTH_LIMIT {
                for inner in sorted(path)? {
                    self.visit(&inner, depth + 1)?;
                }
            }
        } else if name.ends_with(".tgz") || name.ends_with(".tar.gz") {
            let bytes = fs::read(path).map_err(|error| io(path, error))?;
            self.read_archive(path, &bytes)?;
        } else if name.ends_with(".json") && !name.starts_with('.') {
            let bytes = fs::read(path).map_err(|error| io(path, error))?;
            let package = self.loaded.loose();
            self.loaded.add_file(package, &name, &bytes);
        }
        Ok(())
    }

    fn folder(&mut self, path: &Path) -> Result<(), LoadError> {
        let number = self.loaded.open_package(path, "".into());
        let mut hash = Sha256::new();
        for file in sorted(path)?.into_iter().filter(|file| file.is_file()) {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let bytes = fs::read(&file).map_err(|error| io(&file, error))?;
            hash.update(format!("{name}\n{}\n", bytes.len()));
            hash.update(&bytes);
            self.loaded.add_member(number, &name, &bytes);
        }
        if let Some(package) = self.loaded.packages.get_mut(number as usize) {
            package.sha256 = hex(hash);
        }
        Ok(())
    }

    fn read_archive(&mut self, path: &Path, bytes: &[u8]) -> Result<(), LoadError> {
        let number = self.loaded.open_package(path, hex(Sha256::new_with_prefix(bytes)));
        let limit = (bytes.len() as u64).saturating_mul(RATIO_LIMIT).clamp(SMALL_ARCHIVE, ARCHIVE_LIMIT);
        let mut archive = tar::Archive::new(GzDecoder::new(bytes).take(limit + 1));
        let mut total = 0;
        for entry in archive.entries().map_err(|error| io(path, error))? {
            let mut entry = entry.map_err(|error| io(path, error))?;
            total += entry.size();
            if entry.size() > FILE_LIMIT || total > limit {
                return Err(LoadError::TooLarge(path.to_owned()));
            }
            let name = match entry.path() {
                Ok(name) => name.to_string_lossy().replace('\\', "/"),
                Err(_) => continue,
            };
            let name = name.strip_prefix("./").unwrap_or(&name).to_owned();
            let Some(("package", name)) = name.split_once('/') else { continue };
            if !name.contains('/') {
                let mut content = Vec::new();
                entry.read_to_end(&mut content).map_err(|error| io(path, error))?;
                self.loaded.add_member(number, name, &content);
            }
        }
        Ok(())
    }
}

impl Loaded {
    /// A new package that is so far known by its file's name.
    fn open_package(&mut self, path: &Path, sha256: Box<str>) -> u32 {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into();
        self.packages.push(Package { name, sha256, ..Package::default() });
        self.packages.len() as u32 - 1
    }

    /// Adds a file of a package: its manifest, a resource, or nothing of interest.
    fn add_member(&mut self, number: u32, name: &str, bytes: &[u8]) {
        if name == "package.json" {
            match (Package::read(bytes), self.packages.get_mut(number as usize)) {
                (Ok(read), Some(package)) => package.describe(read),
                (Err(issue), _) => self.issues.push(issue),
                (Ok(_), None) => {}
            }
        } else if !name.starts_with('.') && name.ends_with(".json") {
            self.add_file(number, name, bytes);
        }
    }

    /// The package of resources that belong to none.
    fn loose(&mut self) -> u32 {
        let known = self.packages.iter().position(|package| package.name.is_empty());
        known.unwrap_or_else(|| {
            self.packages.push(Package::default());
            self.packages.len() - 1
        }) as u32
    }

    fn add_file(&mut self, package: u32, name: &str, bytes: &[u8]) {
        match Header::skim(bytes, 0) {
            // Our own distilled form: `ValueSet.json` is a Bundle of all value sets.
            Some((header, _)) if &*header.resource_type == "Bundle" && !name.contains('-') => {
                for (start, end) in bundle_resources(bytes) {
                    let resource = bytes.get(start..end).unwrap_or_default();
                    match Header::skim(resource, 0) {
                        Some((header, _)) => self.add(package, header, Text::pack(resource)),
                        None => self.unreadable(package, name, "is no resource"),
                    }
                }
            }
            Some((header, _)) if !header.resource_type.is_empty() => self.add(package, header, Text::pack(bytes)),
            Some(_) => {}
            None => self.unreadable(package, name, "is no JSON object"),
        }
    }

    pub(crate) fn add_tree(&mut self, tree: Tree) {
        let package = self.loose();
        let header = header_of(&tree);
        self.add(package, header, Text::Tree(tree.into()));
    }

    fn add(&mut self, package: u32, header: Header, text: Text) {
        if let Some(package) = self.packages.get_mut(package as usize) {
            package.resources += 1;
        }
        self.resources.push((package, header, text));
    }

    fn unreadable(&mut self, package: u32, name: &str, why: &str) {
        let label = self.packages.get(package as usize).map(Package::label).unwrap_or_default();
        self.issues.push(Issue::error(
            IssueType::Structure,
            name,
            format!("{name} of {label} {why}; it was left out."),
        ));
    }
}

fn header_of(tree: &Tree) -> Header {
    let root = tree.root();
    let text = |name| root.text_at(name).unwrap_or_default();
    Header::from_fields([
        tree.resource_type(),
        text("id"),
        text("url"),
        text("version"),
        text("name"),
        text("status"),
        text("kind"),
        text("type"),
        text("derivation"),
        text("baseDefinition"),
        text("content"),
        text("supplements"),
        text("valueSet"),
    ])
}

fn sorted(folder: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let entries = fs::read_dir(folder).map_err(|error| io(folder, error))?;
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.map_err(|error| io(folder, error))?.path());
    }
    paths.sort();
    Ok(paths)
}

fn io(path: &Path, error: std::io::Error) -> LoadError {
    LoadError::Io { path: path.to_owned(), error }
}

fn hex(hash: Sha256) -> Box<str> {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
}
