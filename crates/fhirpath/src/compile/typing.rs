//! What is known of the items of an expression before it is evaluated.

use model::{Name, Shapes, TypeId};

use crate::item::SystemType;
use crate::plan::{child_type, is_a};

/// The type of an item as far as known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Fhir(TypeId),
    System(SystemType),
    /// What `type()` yields.
    TypeInfo,
}

/// The types that the items of an expression may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Typing {
    /// Empty where there can be no item, or any (see `any`).
    pub(crate) kinds: Vec<Kind>,
    /// Other types than those in `kinds` are possible.
    pub(crate) any: bool,
    /// The order of the items has no meaning (`children()`).
    pub(crate) unordered: bool,
}

impl Typing {
    pub(crate) fn any() -> Typing {
        Typing { kinds: Vec::new(), any: true, unordered: false }
    }

    pub(crate) fn none() -> Typing {
        Typing { kinds: Vec::new(), any: false, unordered: false }
    }

    pub(crate) fn fhir(ty: TypeId) -> Typing {
        Typing { kinds: vec![Kind::Fhir(ty)], any: false, unordered: false }
    }

    pub(crate) fn system(ty: SystemType) -> Typing {
        Typing { kinds: vec![Kind::System(ty)], any: false, unordered: false }
    }

    pub(crate) fn unordered(mut self) -> Typing {
        self.unordered = true;
        self
    }

    /// What may be in either.
    pub(crate) fn or(mut self, other: &Typing) -> Typing {
        for kind in &other.kinds {
            if !self.kinds.contains(kind) {
                self.kinds.push(*kind);
            }
        }
        self.any |= other.any;
        self.unordered |= other.unordered;
        self
    }

    /// Whether every item is surely of a kind for which `test` is false (and there may be an item).
    pub(crate) fn never(&self, test: impl Fn(Kind) -> bool) -> bool {
        !self.any && !self.kinds.is_empty() && !self.kinds.iter().any(|kind| test(*kind))
    }
}

/// A type of which instances are always of another, more special one.
pub(crate) fn is_abstract(shapes: &dyn Shapes, ty: TypeId) -> bool {
    matches!(shapes.type_name(ty), "Resource" | "DomainResource" | "Element" | "BackboneElement")
}

/// Whether an item of one type may be of the other: one is based on the other.
pub(crate) fn related(shapes: &dyn Shapes, a: TypeId, b: TypeId) -> bool {
    is_a(shapes, a, b) || is_a(shapes, b, a)
}

/// Whether the items are computed with as strings, where that is known.
pub(crate) fn may_be_string(shapes: &dyn Shapes, kind: Kind) -> bool {
    match kind {
        Kind::System(ty) => ty == SystemType::String,
        Kind::Fhir(ty) => {
            is_abstract(shapes, ty) || SystemType::of_primitive(shapes.type_name(ty)) == Some(SystemType::String)
        }
        Kind::TypeInfo => false,
    }
}

/// The type's children of a name; a choice gives several.
pub(crate) fn children_of(shapes: &dyn Shapes, ty: TypeId, name: Name) -> Vec<(Name, TypeId)> {
    if let Some(child) = shapes.child(ty, name)
        && child.choice.is_none()
    {
        return vec![(name, child_type(shapes, ty, name, child.ty))];
    }
    let choices = shapes.children(ty).iter().filter(|(_, child)| child.choice.is_some_and(|(base, _)| base == name));
    choices.map(|(name, child)| (*name, child.ty)).collect()
}
