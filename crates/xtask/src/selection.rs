//! Which resources of the packages are built in: every structure, search parameter, operation, compartment and concept
//! map, and of the terminology what they bind, through everything that refers to it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use model::{Element, Tree};

use crate::facts;
use crate::packages::Package;

const TERMINOLOGY: &str = "hl7.terminology.r4";
const CORE: &str = "hl7.fhir.r4.core";
/// Resources that are built in whoever brings them.
const WHOLE: [&str; 5] =
    ["StructureDefinition", "SearchParameter", "OperationDefinition", "CompartmentDefinition", "ConceptMap"];

/// The resources of one package that are built in, by type, then by url and version.
pub(crate) type Selected<'p> = BTreeMap<&'p str, BTreeMap<(&'p str, &'p str), &'p Tree>>;

pub(crate) struct Selection<'p> {
    /// One per package.
    pub(crate) packages: Vec<Selected<'p>>,
    /// Properties that value sets filter by, for each code system.
    pub(crate) filtered: HashMap<String, HashSet<String>>,
    /// Value sets that are bound but in no package.
    pub(crate) missing: BTreeSet<String>,
    /// Code systems that are left out because of their owners' terms.
    pub(crate) closed: BTreeSet<String>,
}

pub(crate) fn select(packages: &[Package]) -> Selection<'_> {
    let mut selection = Selecting {
        packages,
        by_url: index(packages),
        selected: packages.iter().map(|_| Selected::new()).collect(),
        filtered: HashMap::new(),
        queue: Vec::new(),
        seen: HashSet::new(),
        missing: BTreeSet::new(),
        closed: BTreeSet::new(),
    };
    selection.whole();
    selection.terminology();
    Selection {
        packages: selection.selected,
        filtered: selection.filtered,
        missing: selection.missing,
        closed: selection.closed,
    }
}

fn url(tree: &Tree) -> &str {
    tree.root().text_at("url").unwrap_or_default()
}

/// Where each value set and code system is, in every package that has it; HL7's terminology, which the core package has
/// in an old state, in the terminology package if it still has it.
fn index(packages: &[Package]) -> HashMap<(&str, &str), Vec<(usize, &Tree)>> {
    let mut found: HashMap<_, Vec<(usize, &Tree)>> = HashMap::new();
    for (place, package) in packages.iter().enumerate() {
        for tree in &package.resources {
            let key = (tree.resource_type(), url(tree));
            if matches!(key.0, "ValueSet" | "CodeSystem") {
                let known = found.entry(key).or_default();
                if key.1.starts_with("http://terminology.hl7.org/") {
                    known.clear();
                }
                known.push((place, tree));
            }
        }
    }
    found
}

struct Selecting<'p> {
    packages: &'p [Package],
    by_url: HashMap<(&'p str, &'p str), Vec<(usize, &'p Tree)>>,
    selected: Vec<Selected<'p>>,
    filtered: HashMap<String, HashSet<String>>,
    queue: Vec<(&'static str, String)>,
    seen: HashSet<(&'static str, String)>,
    missing: BTreeSet<String>,
    closed: BTreeSet<String>,
}

impl<'p> Selecting<'p> {
    fn whole(&mut self) {
        let packages = self.packages;
        let newer: HashSet<&str> = packages
            .iter()
            .filter(|package| package.name.starts_with("hl7.fhir.uv.extensions"))
            .flat_map(|package| package.resources.iter().map(url))
            .collect();
        for (place, package) in packages.iter().enumerate() {
            for tree in &package.resources {
                let root = tree.root();
                let ty = tree.resource_type();
                let superseded = package.name == CORE && newer.contains(url(tree));
                let logical = root.text_at("kind") == Some("logical");
                let old_map = ty == "ConceptMap" && url(tree).contains("/v2-") | url(tree).contains("/v3-");
                if package.name == TERMINOLOGY || superseded || logical || old_map {
                    continue;
                }
                if WHOLE.contains(&ty) {
                    self.take(place, tree);
                    self.references(root);
                } else if matches!(ty, "ValueSet" | "CodeSystem")
                    && package.name != CORE
                    && !is_generated(package, tree)
                {
                    let kind = if ty == "ValueSet" { "ValueSet" } else { "CodeSystem" };
                    self.want(kind, url(tree));
                }
            }
        }
    }

    fn take(&mut self, place: usize, tree: &'p Tree) {
        let version = tree.root().text_at("version").unwrap_or_default();
        if let Some(selected) = self.selected.get_mut(place) {
            selected.entry(tree.resource_type()).or_default().insert((url(tree), version), tree);
        }
    }

    fn want(&mut self, kind: &'static str, canonical: &str) {
        let url = canonical.split(['|', '#']).next().unwrap_or_default();
        // Some code systems of HL7 v2 have the version in their url.
        let whole = Some(canonical).filter(|whole| *whole != url && self.by_url.contains_key(&(kind, *whole)));
        for url in whole.into_iter().chain([url]).filter(|url| !url.is_empty()) {
            if self.seen.insert((kind, url.to_owned())) {
                self.queue.push((kind, url.to_owned()));
            }
        }
    }

    /// Value sets that a structure or operation binds, and code systems whose codes it names.
    fn references(&mut self, root: Element<'_>) {
        for element in root.descendants() {
            if in_snapshot(element) {
                continue;
            }
            let text = element.text().unwrap_or_default();
            match element.name() {
                "valueSet" => self.want("ValueSet", text),
                "valueCanonical" | "valueUri" if text.contains("/ValueSet/") => self.want("ValueSet", text),
                "system" if facts::is_open(text) => self.want("CodeSystem", text),
                _ => {}
            }
        }
    }

    fn terminology(&mut self) {
        while let Some((kind, url)) = self.queue.pop() {
            let found = self.by_url.get(&(kind, url.as_str())).cloned().unwrap_or_default();
            if found.is_empty() && kind == "ValueSet" {
                self.missing.insert(url.clone());
            }
            for (place, tree) in found {
                if kind == "CodeSystem" && !facts::is_open(&url) && tree.root().get("concept").is_some() {
                    self.closed.insert(url.clone());
                    continue;
                }
                self.take(place, tree);
                if kind == "ValueSet" {
                    self.composition(tree.root());
                } else if let Some(all) = tree.root().text_at("supplements") {
                    self.want("CodeSystem", all);
                }
            }
        }
    }

    fn composition(&mut self, root: Element<'_>) {
        for set in root.every("compose.include").into_iter().chain(root.every("compose.exclude")) {
            for value_set in set.all("valueSet").filter_map(Element::text) {
                self.want("ValueSet", value_set);
            }
            let Some(system) = set.text_at("system") else { continue };
            self.want("CodeSystem", system);
            for filter in set.all("filter") {
                let property = filter.text_at("property").unwrap_or_default();
                self.filtered.entry(system.to_owned()).or_default().insert(property.to_owned());
            }
        }
    }
}

/// Elements of a published snapshot say nothing that the differentials do not.
fn in_snapshot(element: Element<'_>) -> bool {
    let mut at = element;
    while let Some(parent) = at.parent() {
        if at.name() == "snapshot" && parent.parent().is_none() {
            return true;
        }
        at = parent;
    }
    false
}

/// Value sets of later FHIR versions that the extension pack carries along.
fn is_generated(package: &Package, tree: &Tree) -> bool {
    package.name.starts_with("hl7.fhir.uv.extensions")
        && tree.resource_type() == "ValueSet"
        && url(tree).contains("/5.0/")
}
