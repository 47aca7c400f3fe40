//! A FHIR package: <https://hl7.org/fhir/packages.html>.

use model::{Issue, IssueType, Limits};

/// What a package says of itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Package {
    /// `hl7.fhir.uv.ips`
    pub name: Box<str>,
    /// `2.0.0`
    pub version: Box<str>,
    /// SPDX: `CC0-1.0`
    pub license: Option<Box<str>>,
    /// The url that its resources' urls begin with.
    pub canonical: Option<Box<str>>,
    /// `4.0.1`, …
    pub fhir_versions: Vec<Box<str>>,
    /// Name and version of each package that it needs.
    pub dependencies: Vec<(Box<str>, Box<str>)>,
    /// Lower-case hexadecimal digest: of the archive's bytes; of a folder and of the built-in facts, of the files in
    /// the order of their names, each as name, line feed, length, line feed, bytes. Empty for loose resources.
    pub sha256: Box<str>,
    /// Whether it is built in.
    pub built_in: bool,
    /// How many resources it brought.
    pub resources: usize,
}

impl AsRef<Package> for Package {
    fn as_ref(&self) -> &Package {
        self
    }
}

impl Package {
    /// Reads `package.json`.
    pub(crate) fn read(bytes: &[u8]) -> Result<Package, Issue> {
        let tree = model::json::read(bytes, &Limits::default()).map_err(|error| {
            Issue::error(IssueType::Structure, "package.json", format!("package.json is no JSON: {error}"))
        })?;
        let root = tree.root();
        let text = |name: &str| root.text_at(name).map(Box::from);
        let versions = ["fhirVersions", "fhir-version-list"].into_iter().flat_map(|name| root.all(name));
        let pair =
            |element: model::Element<'_>| (Box::from(element.name()), Box::from(element.text().unwrap_or_default()));
        Ok(Package {
            name: text("name").unwrap_or_default(),
            version: text("version").unwrap_or_default(),
            license: text("license"),
            canonical: text("canonical"),
            fhir_versions: versions.filter_map(model::Element::text).map(Box::from).collect(),
            dependencies: root.get("dependencies").into_iter().flat_map(|all| all.children()).map(pair).collect(),
            ..Package::default()
        })
    }

    /// Takes over what a manifest says.
    pub(crate) fn describe(&mut self, read: Package) {
        let name = if read.name.is_empty() { std::mem::take(&mut self.name) } else { read.name };
        let sha256 = std::mem::take(&mut self.sha256);
        *self = Package { name, sha256, resources: self.resources, ..read };
    }

    /// `name#version`
    pub fn label(&self) -> String {
        format!("{}#{}", self.name, self.version)
    }
}
