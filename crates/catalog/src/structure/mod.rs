//! StructureDefinition (<http://hl7.org/fhir/R4/structuredefinition.html>) as a tree of element definitions that a
//! validator can walk: [`Structure`] with its [`ElementDefinition`]s, made from differentials by [`snapshot`].
//!
//! Prose (definitions, comments, mappings) is not kept; what stays is in [`element`].

mod compare;
mod differential;
mod element;
mod expand;
mod read;
mod snapshot;

use std::ops::Range;
use std::sync::Arc;

use model::Issue;

pub use compare::{SnapshotDifference, compare};
pub(crate) use differential::Differential;
pub use element::{
    AdditionalBinding, Binding, BindingStrength, Constraint, Discriminator, DiscriminatorType, ElementBase,
    ElementDefinition, ElementType, Obligation, Slicing, SlicingRules, UNBOUNDED,
};
pub(crate) use snapshot::{Resolve, generate};

/// What a structure describes: <http://hl7.org/fhir/R4/valueset-structure-definition-kind.html>.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum StructureKind {
    /// A primitive type.
    PrimitiveType,
    /// A complex type or an extension.
    ComplexType,
    /// A resource.
    Resource,
    /// A logical model.
    Logical,
}

/// Where an extension may stand: <http://hl7.org/fhir/R4/defining-extensions.html#context>.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExtensionContext {
    /// `element`, `extension` or `fhirpath`.
    pub kind: Box<str>,
    /// An element path or id, an extension's url, or a FHIRPath expression.
    pub expression: Box<str>,
}

/// What a structure says outside its elements.
#[derive(Clone, Debug, Default)]
pub struct StructureFacts {
    /// `url`
    pub url: Box<str>,
    /// `version`
    pub version: Option<Box<str>>,
    /// `id`
    pub id: Box<str>,
    /// `name`
    pub name: Box<str>,
    /// `title`
    pub title: Option<Box<str>>,
    /// `status`
    pub status: Box<str>,
    /// `kind`
    pub kind: Option<StructureKind>,
    /// `abstract`
    pub is_abstract: bool,
    /// `type`: the name of the type that is described or constrained.
    pub r#type: Box<str>,
    /// `baseDefinition`
    pub base: Option<Box<str>>,
    /// `derivation` is `constraint`: a profile (an extension definition included).
    pub is_constraint: bool,
    /// `context` of an extension.
    pub contexts: Vec<ExtensionContext>,
    /// `contextInvariant` of an extension: FHIRPath.
    pub context_invariants: Vec<Box<str>>,
    /// Profiles that an instance must also meet (extension `imposeProfile`).
    pub imposes: Vec<Box<str>>,
    /// Profiles that an instance happens to meet too (extension `compliesWithProfile`).
    pub complies_with: Vec<Box<str>>,
}

/// The number of an element in its [`Structure`]; the root is 0.
pub type ElementIndex = usize;

/// One structure with its snapshot. Elements stand in snapshot order: an element, its children, then its slices.
#[derive(Debug)]
pub struct Structure {
    /// What it says outside its elements.
    pub facts: StructureFacts,
    /// What was wrong with it though a snapshot could be made: a differential element that fits nowhere
    /// (code `structure`), a type profile or base that is not loaded (`not-found`). Paths are element ids.
    pub issues: Vec<Issue>,
    elements: Vec<ElementDefinition>,
    links: Vec<Links>,
    lists: Vec<u32>,
}

#[derive(Clone, Debug, Default)]
struct Links {
    parent: u32,
    children: Range<u32>,
    slices: Range<u32>,
}

impl Structure {
    /// Every element in snapshot order.
    pub fn elements(&self) -> &[ElementDefinition] {
        &self.elements
    }

    /// The element that stands for the whole.
    pub fn root(&self) -> &ElementDefinition {
        &self.elements[0]
    }

    /// One element; an index that is not of this structure gives the root.
    pub fn element(&self, index: ElementIndex) -> &ElementDefinition {
        self.elements.get(index).unwrap_or_else(|| self.root())
    }

    /// The unsliced children of an element (or of a slice) in order; empty where the structure does not go into it:
    /// then its type (and type profile) says what is inside, and for a slice also the unsliced element.
    pub fn children(&self, index: ElementIndex) -> &[u32] {
        self.list(index, |links| &links.children)
    }

    /// The slices of an element in order; a re-slice is a slice of its slice.
    pub fn slices(&self, index: ElementIndex) -> &[u32] {
        self.list(index, |links| &links.slices)
    }

    /// The element it stands in; for a slice the same as for the unsliced element. `None` for the root.
    pub fn parent(&self, index: ElementIndex) -> Option<ElementIndex> {
        self.links.get(index).map(|links| links.parent as usize).filter(|parent| *parent != index)
    }

    /// The child of a name (without `[x]`).
    pub fn child(&self, index: ElementIndex, name: &str) -> Option<ElementIndex> {
        let found = self.children(index).iter().find(|child| self.element(**child as usize).name() == name);
        found.map(|child| *child as usize)
    }

    /// The slice of an element by its name, re-slices (`a/b`) included.
    pub fn slice(&self, index: ElementIndex, slice_name: &str) -> Option<ElementIndex> {
        self.slices(index).iter().map(|slice| *slice as usize).find_map(|slice| {
            let name = self.element(slice).slice_name.as_deref();
            if name == Some(slice_name) { Some(slice) } else { self.slice(slice, slice_name) }
        })
    }

    /// The element of an id, such as `Patient.identifier:mrn.system`.
    pub fn by_id(&self, id: &str) -> Option<ElementIndex> {
        self.elements.iter().position(|element| *element.id == *id)
    }

    /// The element that `#Observation.referenceRange` (or the same behind a url) names.
    pub fn content_reference(&self, reference: &str) -> Option<ElementIndex> {
        let id = reference.rsplit_once('#').map_or(reference, |(_, id)| id);
        self.by_id(id)
    }

    /// Whether it defines an extension.
    pub fn is_extension(&self) -> bool {
        &*self.facts.r#type == "Extension" && self.facts.is_constraint
    }

    /// Of an extension the fixed `url`; else the structure's own.
    pub fn url(&self) -> &str {
        &self.facts.url
    }

    /// `url|version`, or the url where there is no version.
    pub fn canonical(&self) -> String {
        match &self.facts.version {
            Some(version) => format!("{}|{version}", self.facts.url),
            None => self.facts.url.to_string(),
        }
    }

    fn list(&self, index: ElementIndex, of: impl Fn(&Links) -> &Range<u32>) -> &[u32] {
        let Some(links) = self.links.get(index) else { return &[] };
        let range = of(links);
        self.lists.get(range.start as usize..range.end as usize).unwrap_or_default()
    }
}

/// A structure that is shared.
pub(crate) type Shared = Arc<Structure>;

/// Why there is no snapshot of a structure. Nothing was kept but this verdict.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StructureError {
    /// No loaded structure has this url (and version).
    #[error("no StructureDefinition {0} is loaded")]
    Unknown(Box<str>),
    /// The structure derives from one that has no snapshot.
    #[error("StructureDefinition {url}: its base {base} cannot be used: {reason}")]
    Base {
        /// The structure.
        url: Box<str>,
        /// What it derives from.
        base: Box<str>,
        /// Why not.
        reason: Box<str>,
    },
    /// The structure derives, over some others, from itself.
    #[error("StructureDefinition {0} derives from itself")]
    Cycle(Box<str>),
    /// The resource is no usable StructureDefinition.
    #[error("StructureDefinition {url}: {reason}")]
    Broken {
        /// The structure.
        url: Box<str>,
        /// What is wrong.
        reason: Box<str>,
    },
}
