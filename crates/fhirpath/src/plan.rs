//! A compiled expression: names are numbers, functions are known, types are found where they can be.

use std::sync::LazyLock;

use model::{Name, Shapes, TypeId};

use crate::ast::Operator;
use crate::function::Function;
use crate::item::{Item, SystemType};

#[derive(Debug)]
pub(crate) enum Plan {
    /// Literals; `{}` has none.
    Constant(Vec<Item<'static>>),
    This,
    Index,
    Total,
    Variable(Variable),
    /// `Patient` at the head of a path: the focus where it is of the type.
    OnlyOf(TypeTest),
    Child {
        input: Box<Plan>,
        step: Step,
    },
    Indexer {
        input: Box<Plan>,
        index: Box<Plan>,
    },
    Negate(Box<Plan>),
    Operation {
        operator: Operator,
        left: Box<Plan>,
        right: Box<Plan>,
    },
    /// `and`, `or`, `|` between any number of operands.
    Chain {
        operator: Operator,
        operands: Vec<Plan>,
    },
    Is {
        input: Box<Plan>,
        test: TypeTest,
    },
    /// `as`, `ofType()`; `single` where several items are an error.
    As {
        input: Box<Plan>,
        test: TypeTest,
        single: bool,
    },
    Call(Box<Call>),
}

#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) function: Function,
    pub(crate) input: Plan,
    pub(crate) arguments: Vec<Plan>,
    pub(crate) detail: Detail,
}

/// What a function has beside its arguments.
#[derive(Debug)]
pub(crate) enum Detail {
    None,
    /// `sort`: which keys go down.
    Descending(Vec<bool>),
    /// A constant regular expression, compiled.
    Pattern(regex::Regex),
    /// `defineVariable`: where the value is kept.
    Slot(usize),
}

#[derive(Debug)]
pub(crate) enum Variable {
    Context,
    Resource,
    RootResource,
    /// One that `defineVariable` gives a value.
    Slot(usize),
    /// One of the environment.
    Named(String),
}

/// Which children a name selects.
#[derive(Debug)]
pub(crate) struct Step {
    /// The name as written.
    pub(crate) text: String,
    /// The name and the type of such a child; [`TypeId::UNKNOWN`] where only the tree can tell.
    pub(crate) plain: Option<(Name, TypeId)>,
    /// The names of a choice (`valueQuantity`) with their types, sorted by name.
    pub(crate) choices: Vec<(Name, TypeId)>,
    /// Nothing is known of the parent: a name in `choices` counts where the parent's type says so.
    pub(crate) guess: bool,
}

/// A type to test for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TypeTest {
    pub(crate) fhir: Option<TypeId>,
    pub(crate) system: Option<SystemType>,
    /// The name, which settles it for resources.
    pub(crate) name: Option<Name>,
    /// A FHIR primitive: `as` and `ofType` take no other that is based on it.
    pub(crate) primitive: bool,
}

/// Whether a type is another or based on it.
pub(crate) fn is_a(shapes: &dyn Shapes, ty: TypeId, wanted: TypeId) -> bool {
    let mut next = Some(ty);
    // No chain of FHIR's is longer than this; the bound holds against a circle.
    for _ in 0..16 {
        match next {
            Some(ty) if ty == wanted => return true,
            Some(ty) => next = shapes.base(ty),
            None => return false,
        }
    }
    false
}

static ID: LazyLock<Option<Name>> = LazyLock::new(|| Name::of("id"));

/// The type of a child, where R4's definitions leave it open: the id of a resource is an `id`
/// (<http://hl7.org/fhir/R4/resource.html#id>), though its definition says string.
pub(crate) fn child_type(shapes: &dyn Shapes, parent: TypeId, name: Name, stated: TypeId) -> TypeId {
    if Some(name) != *ID {
        return stated;
    }
    let named = |text: &str| Name::of(text).and_then(|name| shapes.named(name));
    match (named("Resource"), named("id")) {
        (Some(resource), Some(id)) if is_a(shapes, parent, resource) => id,
        _ => stated,
    }
}
