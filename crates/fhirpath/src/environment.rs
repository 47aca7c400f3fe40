//! What an evaluation may use beside the element it starts from.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use model::{Element, ElementId, Instant, Name, Shapes, Tree, TypeId};

use crate::error::{EvaluationError, Fault};
use crate::item::{Collection, Item, SystemType, TypeInfo, Typed};
use crate::plan::child_type;

/// What the language cannot know by itself: terminology, profiles, other resources. Every method has a default that
/// knows nothing.
pub trait Host<'t> {
    /// The resource (or contained resource) that a reference names and that is not in the tree; `from` is the element
    /// that holds it, a `Reference` or a `uri`, where there is one.
    fn resolve(&self, _reference: &str, _from: Option<Element<'t>>) -> Option<Element<'t>> {
        None
    }

    /// Whether a code, Coding, CodeableConcept or Quantity is in a value set; `None` where that cannot be told, which
    /// makes `memberOf()` empty.
    fn member_of(&self, _item: &Item<'t>, _value_set: &str) -> Option<bool> {
        None
    }

    /// Whether one code or Coding is the other or stands above it; `None` where that cannot be told.
    fn subsumes(&self, _general: &Item<'t>, _special: &Item<'t>) -> Option<bool> {
        None
    }

    /// Whether an element conforms to a profile; `None` where that cannot be told.
    ///
    /// # Errors
    /// The profile is not known: the evaluation stops with this message.
    fn conforms_to(&self, _element: Element<'t>, _profile: &str) -> Result<Option<bool>, String> {
        Ok(None)
    }

    /// The value of a `%name` that the environment has not.
    fn variable(&self, _name: &str) -> Option<Collection<'t>> {
        None
    }

    /// Items that pass a `trace()`.
    fn trace(&self, _label: &str, _items: &[Item<'t>]) {}
}

/// A host that knows nothing.
pub struct NoHost;

impl Host<'_> for NoHost {}

type Targets<'t> = HashMap<&'t str, ElementId>;

/// What evaluations over one tree share: the types of its elements and where its references lead, both found when first
/// asked for.
pub struct Prepared<'t> {
    tree: &'t Tree,
    shapes: &'t dyn Shapes,
    types: OnceCell<Vec<Cell<Option<TypeId>>>>,
    /// The entries of each Bundle that was asked for, by full URL.
    targets: RefCell<HashMap<ElementId, Rc<Targets<'t>>>>,
}

impl<'t> Prepared<'t> {
    /// A tree with FHIR's types; costs nothing yet.
    pub fn new(tree: &'t Tree, shapes: &'t dyn Shapes) -> Prepared<'t> {
        Prepared { tree, shapes, types: OnceCell::new(), targets: RefCell::default() }
    }

    /// FHIR's types.
    pub fn shapes(&self) -> &'t dyn Shapes {
        self.shapes
    }

    /// The type of an element; [`TypeId::UNKNOWN`] where FHIR has no such element.
    pub fn type_of(&self, element: Element<'t>) -> TypeId {
        if let Some(resource) = element.resource_type_id() {
            return self.shapes.named(resource).unwrap_or(TypeId::UNKNOWN);
        }
        if !std::ptr::eq(element.tree(), self.tree) {
            return element.type_in(self.shapes);
        }
        let types = self.types.get_or_init(|| vec![Cell::new(None); self.tree.len()]);
        let Some(cell) = types.get(element.id().index()) else { return TypeId::UNKNOWN };
        if cell.get().is_none()
            && let Some(parent) = element.parent()
        {
            self.find_types(parent, types);
        }
        cell.get().unwrap_or(TypeId::UNKNOWN)
    }

    /// Finds the types of all children of an element: who asks for one will ask for the next.
    fn find_types(&self, parent: Element<'t>, types: &[Cell<Option<TypeId>>]) {
        let ty = self.type_of(parent);
        let mut before = None;
        for child in parent.children() {
            let name = child.name_id();
            let found = match before {
                Some((known, found)) if known == name => found,
                _ => match self.shapes.child(ty, name) {
                    Some(child) => child_type(self.shapes, ty, name, child.ty),
                    None => TypeId::UNKNOWN,
                },
            };
            before = Some((name, found));
            if let Some(cell) = types.get(child.id().index()) {
                cell.set(Some(found));
            }
        }
    }

    pub(crate) fn type_of_typed(&self, typed: &Typed<'t>) -> TypeId {
        if typed.ty == TypeId::UNKNOWN { self.type_of(typed.element) } else { typed.ty }
    }

    /// What the element is when it is computed with; `None` for complex elements and where the type is not known.
    pub(crate) fn primitive_type(&self, typed: &Typed<'t>) -> Option<SystemType> {
        SystemType::of_primitive(self.shapes.type_name(self.type_of_typed(typed)))
    }

    /// The resource in the entry of a Bundle of this tree whose full URL this is; the first one counts.
    pub(crate) fn target(&self, bundle: Element<'t>, url: &str) -> Option<Element<'t>> {
        if !std::ptr::eq(bundle.tree(), self.tree) {
            return entry_resources(bundle).find(|(known, _)| *known == url).map(|(_, resource)| resource);
        }
        let known = self.targets.borrow().get(&bundle.id()).cloned();
        let targets = known.unwrap_or_else(|| {
            let mut targets = Targets::with_capacity(bundle.children().count());
            for (url, resource) in entry_resources(bundle) {
                targets.entry(url).or_insert(resource.id());
            }
            let targets = Rc::new(targets);
            self.targets.borrow_mut().insert(bundle.id(), targets.clone());
            targets
        });
        targets.get(url).map(|id| self.tree.element(*id))
    }
}

fn entry_resources<'t>(bundle: Element<'t>) -> impl Iterator<Item = (&'t str, Element<'t>)> {
    bundle.all("entry").filter_map(|entry| Some((entry.text_at("fullUrl")?, entry.get("resource")?)))
}

/// What one evaluation may use. Variables `%resource` and `%rootResource` follow from the element unless they are given.
pub struct Environment<'e, 't> {
    pub(crate) prepared: &'e Prepared<'t>,
    pub(crate) host: &'e dyn Host<'t>,
    pub(crate) now: Instant,
    pub(crate) offset: i16,
    pub(crate) steps: u64,
    pub(crate) typed_references: bool,
    resource: Option<Element<'t>>,
    root_resource: Option<Element<'t>>,
    variables: Vec<(String, Collection<'t>)>,
}

impl<'e, 't> Environment<'e, 't> {
    /// Steps that an evaluation takes at most unless told otherwise: some seconds of work.
    pub const STEPS: u64 = 50_000_000;

    /// An environment for elements of a tree, with the time 1970-01-01T00:00:00Z and a host that knows nothing.
    pub fn new(prepared: &'e Prepared<'t>) -> Environment<'e, 't> {
        Environment {
            prepared,
            host: &NoHost,
            now: Instant(0),
            offset: 0,
            steps: Self::STEPS,
            typed_references: false,
            resource: None,
            root_resource: None,
            variables: Vec::new(),
        }
    }

    /// With a host.
    pub fn with_host(mut self, host: &'e dyn Host<'t>) -> Self {
        self.host = host;
        self
    }

    /// With the moment of `now()`, `today()` and `timeOfDay()`.
    pub fn with_now(mut self, now: Instant) -> Self {
        self.now = now;
        self
    }

    /// With the offset, in minutes east of UTC, in which the moment is told.
    pub fn with_offset(mut self, minutes: i16) -> Self {
        self.offset = minutes;
        self
    }

    /// With `%resource`.
    pub fn with_resource(mut self, resource: Element<'t>) -> Self {
        self.resource = Some(resource);
        self
    }

    /// With `%rootResource`.
    pub fn with_root_resource(mut self, resource: Element<'t>) -> Self {
        self.root_resource = Some(resource);
        self
    }

    /// With the variable `%name`, in place of one of that name.
    pub fn with_variable(mut self, name: &str, value: Collection<'t>) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value));
        self
    }

    /// With another limit on steps; roughly one for each item that is touched.
    pub fn with_steps(mut self, steps: u64) -> Self {
        self.steps = steps;
        self
    }

    /// With references that cannot be followed yielding a resource of which only the type is known, so that
    /// `resolve() is Patient` holds for `Patient/1` (search parameters rely on it).
    pub fn with_typed_references(mut self) -> Self {
        self.typed_references = true;
        self
    }

    pub(crate) fn variable(&self, name: &str) -> Option<Collection<'t>> {
        let own = self.variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        own.or_else(|| self.host.variable(name))
    }

    /// `%resource`: the resource that holds the element; a contained one counts.
    pub(crate) fn resource_of(&self, element: Option<Element<'t>>) -> Option<Element<'t>> {
        self.resource.or_else(|| element.map(Element::resource))
    }

    /// `%rootResource`: the container of a contained resource.
    pub(crate) fn root_resource_of(&self, element: Option<Element<'t>>) -> Option<Element<'t>> {
        self.root_resource.or_else(|| self.resource_of(element).map(container))
    }

    /// The FHIR type of an item; [`TypeId::UNKNOWN`] for a system value and where FHIR has no such element.
    pub fn type_of(&self, item: &Item<'t>) -> TypeId {
        match item {
            Item::Element(typed) => self.prepared.type_of_typed(typed),
            Item::Unresolved(ty) => *ty,
            _ => TypeId::UNKNOWN,
        }
    }

    /// The name of an item's type, as `type()` gives it.
    pub fn type_info(&self, item: &Item<'t>) -> TypeInfo {
        let fhir = |ty: TypeId| TypeInfo { namespace: "FHIR", name: self.prepared.shapes.type_name(ty).to_owned() };
        match item {
            Item::Element(typed) => match self.prepared.type_of_typed(typed) {
                TypeId::UNKNOWN => {
                    TypeInfo { namespace: "FHIR", name: typed.element.resource_type().unwrap_or_default().to_owned() }
                }
                ty => fhir(ty),
            },
            Item::Unresolved(ty) => fhir(*ty),
            Item::Type(_) => TypeInfo { namespace: "System", name: "TypeInfo".to_owned() },
            other => {
                let name = other.system_type().map_or("", SystemType::name).to_owned();
                TypeInfo { namespace: "System", name }
            }
        }
    }

    /// What an item is when it is computed with: the value of a primitive element, the quantity of a Quantity, a system
    /// value itself; `None` for other elements and for a primitive without a value.
    pub fn value_of(&self, item: &Item<'t>) -> Option<Item<'t>> {
        match item {
            Item::Element(typed) => crate::evaluate::system_value(self.prepared, typed),
            other => Some(other.clone()),
        }
    }
}

/// The resource in which a contained one stands, or else the resource itself.
fn container(resource: Element<'_>) -> Element<'_> {
    let contained = Name::of("contained");
    match resource.parent() {
        Some(parent) if contained == Some(resource.name_id()) => container(parent.resource()),
        _ => resource,
    }
}

pub(crate) fn unknown_variable(name: &str) -> EvaluationError {
    EvaluationError::new(Fault::Variable, format!("the variable '%{name}' has no value"))
}
