//! What a reader and a writer must know of FHIR's types, and no more; the crate `catalog` supplies it.

use crate::Name;

/// A datatype, a resource type, or a backbone element (`Observation.component`) of one [`Shapes`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct TypeId(pub u16);

impl TypeId {
    /// The type of an element that the shapes do not know.
    pub const UNKNOWN: TypeId = TypeId(u16::MAX);
}

/// What an element's text looks like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// Elements inside elements.
    Complex,
    /// Any resource: `contained`, `Bundle.entry.resource`.
    Resource,
    /// The narrative `div`: a string in JSON, markup in XML.
    Xhtml,
    /// A primitive that JSON writes as a string.
    String,
    /// A primitive that JSON writes as a number.
    Number,
    /// A primitive that JSON writes as `true` or `false`.
    Boolean,
}

impl Form {
    /// Whether the element has a value of its own.
    pub fn is_primitive(self) -> bool {
        !matches!(self, Form::Complex | Form::Resource)
    }
}

/// One element of a type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Child {
    /// The element's own type; for [`Form::Resource`] the abstract one.
    pub ty: TypeId,
    /// Whether it may repeat, and so stands in an array in JSON.
    pub list: bool,
    /// Its place among its siblings in XML.
    pub order: u16,
    /// What its text looks like.
    pub form: Form,
    /// For `valueQuantity` the name `value` and the type name `Quantity`.
    pub choice: Option<(Name, Name)>,
}

/// The types of one FHIR version.
pub trait Shapes: Send + Sync {
    /// The type of a resource or datatype of this name.
    fn named(&self, name: Name) -> Option<TypeId>;
    /// The element `name` (choice elements with their type suffix: `valueQuantity`) of a type.
    fn child(&self, parent: TypeId, name: Name) -> Option<Child>;
    /// All elements of a type in their XML order, inherited ones included, choice elements once for each type.
    fn children(&self, parent: TypeId) -> &[(Name, Child)];
    /// The name of a type: `Patient`, `Patient.contact` for a backbone element, `string`; empty for an unknown one.
    fn type_name(&self, ty: TypeId) -> &str;
    /// The type it specialises: `Patient` gives `DomainResource`, `code` gives `string`, a backbone element
    /// `BackboneElement`; `None` at the top (`Element`, `Resource`).
    fn base(&self, ty: TypeId) -> Option<TypeId>;
}

/// Shapes that know nothing: every element is read as it looks.
pub struct NoShapes;

impl Shapes for NoShapes {
    fn named(&self, _: Name) -> Option<TypeId> {
        None
    }

    fn child(&self, _: TypeId, _: Name) -> Option<Child> {
        None
    }

    fn children(&self, _: TypeId) -> &[(Name, Child)] {
        &[]
    }

    fn type_name(&self, _: TypeId) -> &str {
        ""
    }

    fn base(&self, _: TypeId) -> Option<TypeId> {
        None
    }
}
