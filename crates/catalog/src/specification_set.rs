//! A specification set: a named list of packages, each pinned by version and digest, so that what a server applies can
//! be declared and swapped as a whole (requirement K-08). `profiles/specification-sets/<name>.toml`.

use serde::Deserialize;

use crate::Package;

/// A pinned list of packages.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpecificationSet {
    /// The file's name without its extension.
    #[serde(skip)]
    pub name: Box<str>,
    /// For people.
    pub title: Box<str>,
    /// The packages.
    #[serde(rename = "package")]
    pub packages: Vec<Pin>,
}

/// One pinned package.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// `hl7.fhir.uv.ips`
    pub name: Box<str>,
    /// `2.0.0`
    pub version: Box<str>,
    /// [`Package::sha256`]
    pub sha256: Box<str>,
}

/// What is loaded is not what the set pins. Nothing was changed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SetError {
    /// The manifest is no specification set.
    #[error("specification set {name}: {reason}")]
    Syntax {
        /// The set.
        name: Box<str>,
        /// Why not.
        reason: Box<str>,
    },
    /// A package is missing.
    #[error("specification set {set} needs {package}, which is not loaded{found}")]
    Missing {
        /// The set.
        set: Box<str>,
        /// `name#version`
        package: Box<str>,
        /// The versions that are loaded instead, as a clause.
        found: Box<str>,
    },
    /// A package is not the one that was pinned.
    #[error("specification set {set} pins {package} with sha256 {pinned}, but what is loaded has {found}")]
    Digest {
        /// The set.
        set: Box<str>,
        /// `name#version`
        package: Box<str>,
        /// As pinned.
        pinned: Box<str>,
        /// As loaded.
        found: Box<str>,
    },
}

impl SpecificationSet {
    /// Reads a manifest.
    pub fn read(name: &str, text: &str) -> Result<SpecificationSet, SetError> {
        match toml::from_str::<SpecificationSet>(text) {
            Ok(set) => Ok(SpecificationSet { name: name.into(), ..set }),
            Err(error) => Err(SetError::Syntax { name: name.into(), reason: error.to_string().into() }),
        }
    }

    pub(crate) fn of_file(path: &str, text: &str) -> Option<SpecificationSet> {
        let name = path.strip_prefix("specification-sets/")?.strip_suffix(".toml")?;
        SpecificationSet::read(name, text).ok()
    }

    pub(crate) fn verify<P: AsRef<Package>>(&self, packages: &[P]) -> Result<(), SetError> {
        for pin in &self.packages {
            let named: Vec<_> = packages.iter().map(AsRef::as_ref).filter(|package| package.name == pin.name).collect();
            let label = || format!("{}#{}", pin.name, pin.version).into();
            let Some(package) = named.iter().rev().find(|package| package.version == pin.version) else {
                let versions: Vec<&str> = named.iter().map(|package| &*package.version).collect();
                let found = match versions.is_empty() {
                    true => String::new(),
                    false => format!(" (loaded: {})", versions.join(", ")),
                };
                return Err(SetError::Missing { set: self.name.clone(), package: label(), found: found.into() });
            };
            if package.sha256 != pin.sha256 {
                return Err(SetError::Digest {
                    set: self.name.clone(),
                    package: label(),
                    pinned: pin.sha256.clone(),
                    found: package.sha256.clone(),
                });
            }
        }
        Ok(())
    }
}
