//! The rules as one immutable value: FHIR packages (<https://hl7.org/fhir/packages.html>) and the built-in facts of
//! `profiles/` as a [`Catalog`] of structures, value sets, code systems, concept maps, search parameters, operations,
//! naming systems, compartments and the priority categories of the European Health Data Space.
//!
//! [`Catalog::built_in`] is ready in a few milliseconds: it knows every resource by its url, and reads one when it is
//! first asked for. [`Loader`] adds packages (archives, folders, the package cache) or trees;
//! [`Catalog::with`] lays resources over a catalog without touching it. A catalog is shared by cloning it.
//!
//! Not here: fetching packages (no network), deciding whether content meets a profile or a code is in a value set
//! (crate `validation`), writing anything.

mod canonical;
mod catalog;
mod category;
mod code_system;
mod concept_map;
mod entry;
mod extension;
mod making;
mod naming;
mod operation_definition;
mod search_parameter;
mod shapes;
mod source;
mod specification_set;
mod structure;
mod value_set;

pub use canonical::{Canonical, compare_versions};
pub use catalog::Catalog;
pub use category::{Category, Code, Section};
pub use code_system::{CodeSystem, ConceptIndex, Content, Property, PropertyDefinition, PropertyValue};
pub use concept_map::{ConceptMap, MapGroup, MapTarget, Unmapped};
pub use entry::Resource;
pub use extension::Extension;
pub use naming::Naming;
pub use operation_definition::{OperationDefinition, OperationParameter};
pub use search_parameter::{Compartment, SearchParameter};
pub use source::{Header, LoadError, Loader, Package};
pub use specification_set::{Pin, SetError, SpecificationSet};
pub use structure::{
    AdditionalBinding, Binding, BindingStrength, Constraint, Discriminator, DiscriminatorType, ElementBase,
    ElementDefinition, ElementIndex, ElementType, ExtensionContext, Obligation, Slicing, SlicingRules,
    SnapshotDifference, Structure, StructureError, StructureFacts, StructureKind, UNBOUNDED, compare,
};
pub use value_set::{ConceptReference, ConceptSet, Designation, Expanded, Expansion, Filter, ValueSet};
