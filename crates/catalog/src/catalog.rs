//! The catalog: every conformance resource by its canonical url, in layers.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, OnceLock, RwLock};

use model::{Issue, IssueType, Tree};

use crate::canonical::{Canonical, compare_versions};
use crate::entry::{Entry, Resource};
use crate::making::{Made, Making};
use crate::search_parameter::Compartment;
use crate::shapes::Types;
use crate::source::{Header, LoadError, Loaded, Loader, Package};
use crate::structure::{Differential, Structure, StructureError, generate};
use crate::{
    Category, CodeSystem, ConceptMap, Naming, OperationDefinition, SearchParameter, SetError, SpecificationSet,
    ValueSet,
};

const TYPES: &str = "http://hl7.org/fhir/StructureDefinition/";

/// All rules, immutable. Cloning shares it.
///
/// Canonical references (`url`, `url|version`, `url|1.2` for any `1.2.…`) are looked up the same way everywhere:
/// without a version the latest one counts; with one, only that. The topmost layer that has the url counts before
/// those below it.
#[derive(Clone, Debug)]
pub struct Catalog {
    layer: Arc<Layer>,
}

#[derive(Debug, Default)]
pub(crate) struct Layer {
    below: Option<Catalog>,
    packages: Vec<Arc<Package>>,
    issues: Vec<Issue>,
    files: Vec<(Box<str>, Box<str>)>,
    entries: Vec<Arc<Entry>>,
    /// Places in `entries`, the latest version last.
    by_url: HashMap<Box<str>, Vec<u32>>,
    by_type: HashMap<Box<str>, Vec<u32>>,
    /// Some structure stands in place of one below, so that those below may come out differently here.
    overrides: bool,
    structures: RwLock<HashMap<usize, Made>>,
    types: OnceLock<Arc<Types>>,
    naming: OnceLock<Naming>,
    search: OnceLock<Vec<Arc<SearchParameter>>>,
    compartments: OnceLock<Vec<Arc<Compartment>>>,
    categories: OnceLock<Vec<Category>>,
}

impl Default for Catalog {
    fn default() -> Catalog {
        Catalog::of(Loaded::default())
    }
}

impl Catalog {
    /// What is built in, made once in a process.
    pub fn built_in() -> Catalog {
        static BUILT_IN: OnceLock<Catalog> = OnceLock::new();
        BUILT_IN.get_or_init(|| Loader::new().built_in().finish()).clone()
    }

    /// The catalog of a package, a folder of packages, or a folder of FHIR JSON (see [`Loader::path`]), and nothing
    /// else. Nothing is kept on error.
    pub fn load(path: &Path) -> Result<Catalog, LoadError> {
        Ok(Loader::new().path(path)?.finish())
    }

    /// This catalog with resources laid over it. Where they have a url that is already there, theirs counts from now
    /// on; where this catalog was itself made by `with`, theirs join the earlier ones. What is below is shared.
    pub fn with(&self, resources: impl IntoIterator<Item = Tree>) -> Catalog {
        let mut loaded = Loaded::default();
        for tree in resources {
            loaded.add_tree(tree);
        }
        self.over(loaded)
    }

    /// This catalog with what a loader gathered laid over it.
    pub fn with_loaded(&self, loader: Loader) -> Catalog {
        self.over(loader.into_loaded())
    }

    fn over(&self, loaded: Loaded) -> Catalog {
        let mut layer = Layer::default();
        match &self.layer.below {
            Some(below) => {
                layer.below = Some(below.clone());
                layer.packages.clone_from(&self.layer.packages);
                layer.issues.clone_from(&self.layer.issues);
                layer.files.clone_from(&self.layer.files);
                layer.entries.clone_from(&self.layer.entries);
            }
            None => layer.below = Some(self.clone()),
        }
        layer.add(loaded);
        layer.finish()
    }

    pub(crate) fn of(loaded: Loaded) -> Catalog {
        let mut layer = Layer::default();
        layer.add(loaded);
        layer.finish()
    }

    /// What was wrong with what was loaded; such resources were left out.
    pub fn issues(&self) -> Vec<Issue> {
        let mut issues = self.layer.below.as_ref().map(Catalog::issues).unwrap_or_default();
        issues.extend(self.layer.issues.iter().cloned());
        issues
    }

    /// The packages that were loaded, lower layers first.
    pub fn packages(&self) -> Vec<Arc<Package>> {
        let mut packages = self.layer.below.as_ref().map(Catalog::packages).unwrap_or_default();
        packages.extend(self.layer.packages.iter().filter(|package| !package.name.is_empty()).cloned());
        packages
    }

    /// The resource of a type and canonical reference.
    pub fn resource(&self, resource_type: &str, canonical: &str) -> Option<Resource> {
        self.find(resource_type, canonical).map(|(_, entry)| Resource { entry: entry.clone() })
    }

    /// The resource of a canonical reference, whatever its type.
    pub fn any_resource(&self, canonical: &str) -> Option<Resource> {
        self.find("", canonical).map(|(_, entry)| Resource { entry: entry.clone() })
    }

    /// Every resource of a type (all for an empty one) that some reference can reach: several versions of one url are
    /// all there, but nothing of a lower layer whose url and version a higher one has too. Higher layers come last.
    pub fn resources(&self, resource_type: &str) -> Vec<Resource> {
        let mut found: Vec<Resource> = match &self.layer.below {
            Some(below) => below.resources(resource_type),
            None => Vec::new(),
        };
        found.retain(|resource| !self.layer.has(resource.header()));
        found.extend(self.layer.of_type(resource_type).map(|entry| Resource { entry: entry.clone() }));
        found
    }

    /// The latest (or asked) version in the topmost layer that has it, with that layer and the place in it.
    fn find(&self, resource_type: &str, canonical: &str) -> Option<(&Layer, &Arc<Entry>)> {
        let reference = Canonical::of(canonical);
        // Some code systems of HL7 v2 have the version in their url.
        let whole = Canonical { url: canonical, version: None, fragment: None };
        let references = [Some(reference), canonical.contains('|').then_some(whole)];
        references.iter().flatten().find_map(|reference| {
            let mut catalog = self;
            loop {
                if let Some(entry) = catalog.layer.find(resource_type, reference) {
                    return Some((&*catalog.layer, entry));
                }
                catalog = catalog.layer.below.as_ref()?;
            }
        })
    }

    /// The structure of a canonical reference with its snapshot, made when it is first asked for. A name without a
    /// colon is that of a FHIR type: `Patient`.
    pub fn structure(&self, canonical: &str) -> Result<Arc<Structure>, StructureError> {
        self.structure_within(canonical, &Making::new(self))
    }

    pub(crate) fn structure_within(&self, canonical: &str, making: &Making<'_>) -> Made {
        let found = if canonical.contains(':') {
            self.find("StructureDefinition", canonical)
        } else {
            self.find("StructureDefinition", &format!("{TYPES}{canonical}"))
        };
        let (layer, entry) = found.ok_or_else(|| StructureError::Unknown(canonical.into()))?;
        let here = std::ptr::eq(layer, &*self.layer);
        if !here && !self.layer.overrides && making.is_first() {
            // What is below comes out as it does there, unless it lacks something that is only here.
            if let Some(below) = &self.layer.below
                && let Ok(structure) = below.structure(canonical)
                && structure.issues.is_empty()
            {
                return Ok(structure);
            }
        }
        let key = Arc::as_ptr(entry) as usize;
        if let Ok(made) = self.layer.structures.read()
            && let Some(made) = made.get(&key)
        {
            return made.clone();
        }
        let (made, whole) = making.make(entry);
        if whole && let Ok(mut structures) = self.layer.structures.write() {
            return structures.entry(key).or_insert(made).clone();
        }
        made
    }

    /// The snapshot that came with a structure, taken as it is; an error where none did.
    pub fn published_snapshot(&self, canonical: &str) -> Result<Arc<Structure>, StructureError> {
        let (_, entry) =
            self.find("StructureDefinition", canonical).ok_or_else(|| StructureError::Unknown(canonical.into()))?;
        let broken = |reason: String| StructureError::Broken { url: canonical.into(), reason: reason.into() };
        let tree = entry.text.tree().map_err(|error| broken(error.to_string()))?;
        let published = Differential::read(&tree, true);
        if !published.is_snapshot {
            return Err(broken("it came without a snapshot".into()));
        }
        generate(&published, &Making::new(self)).map(Arc::new)
    }

    /// The value set of a canonical reference.
    pub fn value_set(&self, canonical: &str) -> Option<Arc<ValueSet>> {
        self.find("ValueSet", canonical)?.1.value_set()
    }

    /// The code system of a canonical reference; not its supplements.
    pub fn code_system(&self, canonical: &str) -> Option<Arc<CodeSystem>> {
        self.find("CodeSystem", canonical)?.1.code_system()
    }

    /// The versions of a url that are here, oldest first; those without one are left out.
    pub fn versions(&self, resource_type: &str, url: &str) -> Vec<Box<str>> {
        let mut found: Vec<Box<str>> = match &self.layer.below {
            Some(below) => below.versions(resource_type, url),
            None => Vec::new(),
        };
        for place in self.layer.by_url.get(url).into_iter().flatten() {
            let header = self.layer.entries.get(*place as usize).map(|entry| &entry.header);
            let of_type = header.filter(|header| &*header.resource_type == resource_type);
            found.extend(of_type.map(|header| header.version.clone()).filter(|version| !version.is_empty()));
        }
        found.sort_by(|left, right| compare_versions(left, right));
        found.dedup();
        found
    }

    /// The supplements of a code system's url.
    pub fn supplements(&self, system: &str) -> Vec<Arc<CodeSystem>> {
        let system = Canonical::of(system).url;
        let adds = |header: &Header| !header.supplements.is_empty() && Canonical::of(&header.supplements).url == system;
        // Nearly all systems have none, and a validation asks often.
        let mut layers = std::iter::successors(Some(self), |catalog| catalog.layer.below.as_ref());
        if !layers.any(|catalog| catalog.layer.of_type("CodeSystem").any(|entry| adds(&entry.header))) {
            return Vec::new();
        }
        let found = self.resources("CodeSystem").into_iter().filter(|resource| adds(resource.header()));
        found.filter_map(|resource| resource.entry.code_system()).collect()
    }

    /// The concept map of a canonical reference.
    pub fn concept_map(&self, canonical: &str) -> Option<Arc<ConceptMap>> {
        self.find("ConceptMap", canonical)?.1.concept_map()
    }

    /// The operation of a canonical reference.
    pub fn operation_definition(&self, canonical: &str) -> Option<Arc<OperationDefinition>> {
        self.find("OperationDefinition", canonical)?.1.operation_definition()
    }

    /// The search parameter of a canonical reference.
    pub fn search_parameter(&self, canonical: &str) -> Option<Arc<SearchParameter>> {
        self.find("SearchParameter", canonical)?.1.search_parameter()
    }

    /// Every search parameter, of each url the latest version; read together at the first call.
    pub fn search_parameters(&self) -> &[Arc<SearchParameter>] {
        self.layer.search.get_or_init(|| {
            let mut latest: HashMap<Box<str>, (usize, Arc<SearchParameter>)> = HashMap::new();
            for (place, resource) in self.resources("SearchParameter").into_iter().enumerate() {
                if let Some(parameter) = resource.entry.search_parameter() {
                    let known = latest.get(resource.url()).map_or(place, |(place, _)| *place);
                    let newest = self.find("SearchParameter", resource.url()).map(|(_, entry)| Arc::as_ptr(entry));
                    if newest == Some(Arc::as_ptr(&resource.entry)) || !latest.contains_key(resource.url()) {
                        latest.insert(resource.url().into(), (known, parameter));
                    }
                }
            }
            let mut ordered: Vec<_> = latest.into_values().collect();
            ordered.sort_by_key(|(place, _)| *place);
            ordered.into_iter().map(|(_, parameter)| parameter).collect()
        })
    }

    /// The search parameters of a resource type, those of `Resource` and `DomainResource` included.
    pub fn search_parameters_of<'c>(
        &'c self,
        resource_type: &'c str,
    ) -> impl Iterator<Item = &'c Arc<SearchParameter>> {
        self.search_parameters().iter().filter(move |parameter| parameter.applies_to(resource_type))
    }

    /// The compartment of a code: `Patient`.
    pub fn compartment(&self, code: &str) -> Option<Arc<Compartment>> {
        let compartments = self.layer.compartments.get_or_init(|| {
            let trees = self.resources("CompartmentDefinition").into_iter().filter_map(|resource| resource.tree().ok());
            trees.map(|tree| Arc::new(Compartment::read(&tree))).collect()
        });
        compartments.iter().rev().find(|compartment| *compartment.code == *code).cloned()
    }

    /// What is wrong with the tables that are no FHIR resources: categories and names of systems. Nothing of such a table
    /// is used: who starts with it starts with less than it believes.
    pub fn table_faults(&self) -> Vec<Issue> {
        let fault = |(path, text): (&str, &str)| {
            let why = Category::fault(path, text).or_else(|| Naming::fault(path, text))?;
            Some(Issue::error(IssueType::Structure, path, format!("{path} cannot be read: {why}")))
        };
        self.files().filter_map(fault).collect()
    }

    /// OIDs and URIs of code systems and identifier systems; gathered at the first call.
    pub fn naming(&self) -> &Naming {
        self.layer.naming.get_or_init(|| Naming::of(self))
    }

    /// The priority categories.
    pub fn categories(&self) -> &[Category] {
        self.layer.categories.get_or_init(|| {
            let mut categories: Vec<Category> =
                self.files().filter_map(|(path, text)| Category::of_file(path, text)).collect();
            categories.sort_by_key(|category| category.order);
            categories
        })
    }

    /// The category of a code: `patient-summary`.
    pub fn category(&self, code: &str) -> Option<&Category> {
        self.categories().iter().find(|category| *category.code == *code)
    }

    /// The names of the specification sets that are built in.
    pub fn specification_sets(&self) -> Vec<SpecificationSet> {
        self.files().filter_map(|(path, text)| SpecificationSet::of_file(path, text)).collect()
    }

    /// Refuses a specification set that this catalog does not hold as it is pinned.
    pub fn verify(&self, set: &SpecificationSet) -> Result<(), SetError> {
        set.verify(&self.packages())
    }

    /// The plain files of `profiles/`, by their path there.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        let below = self.layer.below.as_ref().map(|below| &below.layer.files);
        let all = below.into_iter().chain([&self.layer.files]).flatten();
        all.map(|(path, text)| (&**path, &**text))
    }

    /// The types of resources, datatypes and backbone elements; settled at the first call.
    pub(crate) fn types(&self) -> &Types {
        self.layer.types.get_or_init(|| match &self.layer.below {
            Some(below) if !self.layer.defines_types() => {
                below.types();
                below.layer.types.get().cloned().unwrap_or_else(|| Arc::new(Types::of(self)))
            }
            _ => Arc::new(Types::of(self)),
        })
    }

    /// Every structure that defines a type of FHIR itself.
    pub(crate) fn type_definitions(&self) -> Vec<Resource> {
        let mut all = self.resources("StructureDefinition");
        all.retain(is_type_definition);
        all
    }
}

pub(crate) fn is_type_definition(resource: &Resource) -> bool {
    let header = resource.header();
    &*header.derivation != "constraint"
        && matches!(&*header.kind, "resource" | "complex-type" | "primitive-type")
        && header.url.strip_prefix(TYPES) == Some(&header.r#type)
}

impl Layer {
    fn add(&mut self, loaded: Loaded) {
        let first = self.packages.len();
        self.packages.extend(loaded.packages.into_iter().map(Arc::new));
        self.issues.extend(loaded.issues);
        self.files.extend(loaded.files);
        for (package, header, text) in loaded.resources {
            if let Some(package) = self.packages.get(first + package as usize) {
                self.entries.push(Arc::new(Entry::new(header, package.clone(), text)));
            }
        }
    }

    fn finish(mut self) -> Catalog {
        for (place, entry) in self.entries.iter().enumerate() {
            let header = &entry.header;
            if &*header.resource_type == "StructureDefinition" && header.url.is_empty() {
                let text =
                    format!("A StructureDefinition of {} has no url; nothing can refer to it.", entry.package.label());
                self.issues.push(Issue::warning(IssueType::Required, "StructureDefinition.url", text));
            }
            self.by_type.entry(header.resource_type.clone()).or_default().push(place as u32);
            if !header.url.is_empty() {
                self.by_url.entry(header.url.clone()).or_default().push(place as u32);
            }
        }
        let entries = &self.entries;
        let version = |place: &u32| entries.get(*place as usize).map_or("", |entry| &*entry.header.version);
        for places in self.by_url.values_mut().filter(|places| places.len() > 1) {
            places.sort_by(|left, right| compare_versions(version(left), version(right)));
        }
        self.overrides = match &self.below {
            Some(below) => self
                .of_type("StructureDefinition")
                .any(|entry| below.find("StructureDefinition", &entry.header.url).is_some()),
            None => false,
        };
        Catalog { layer: Arc::new(self) }
    }

    fn of_type(&self, resource_type: &str) -> Box<dyn Iterator<Item = &Arc<Entry>> + '_> {
        if resource_type.is_empty() {
            return Box::new(self.entries.iter());
        }
        let places = self.by_type.get(resource_type).map_or(&[][..], Vec::as_slice);
        Box::new(places.iter().filter_map(|place| self.entries.get(*place as usize)))
    }

    fn find(&self, resource_type: &str, reference: &Canonical<'_>) -> Option<&Arc<Entry>> {
        self.by_url.get(reference.url)?.iter().rev().find_map(|place| {
            let entry = self.entries.get(*place as usize)?;
            let header = &entry.header;
            let version = Some(&*header.version).filter(|version| !version.is_empty());
            let fits = (resource_type.is_empty() || *header.resource_type == *resource_type)
                && reference.accepts(version)
                && !(resource_type == "CodeSystem"
                    && &*header.content == "supplement"
                    && !header.supplements.is_empty()
                    && reference.url == &*header.supplements);
            fits.then_some(entry)
        })
    }

    /// Whether a resource of the same type, url and version is in this layer.
    fn has(&self, header: &Header) -> bool {
        let places = self.by_url.get(&header.url).map_or(&[][..], Vec::as_slice);
        places
            .iter()
            .filter_map(|place| self.entries.get(*place as usize))
            .any(|entry| entry.header.version == header.version && entry.header.resource_type == header.resource_type)
    }

    fn defines_types(&self) -> bool {
        self.of_type("StructureDefinition").any(|entry| is_type_definition(&Resource { entry: entry.clone() }))
    }
}
