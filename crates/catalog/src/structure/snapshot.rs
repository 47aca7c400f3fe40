//! The snapshot generator: a differential laid over the snapshot of its base
//! (<http://hl7.org/fhir/R4/profiling.html#snapshot>).
//!
//! Works on a tree of nodes (an element, its children, its slices). The differential becomes such a tree too, keyed by
//! element ids, and is applied from the root down: unsliced elements before slices, so that a slice begins as a copy
//! of what its unsliced element has become. Where it goes into an element that the base left closed, that element is
//! opened with the children of its type, its type profile, or the element its content reference names ([`expand`]).
//!
//! [`expand`]: super::expand

use std::sync::Arc;

use model::{Issue, IssueType};

use super::differential::{Change, Differential};
use super::element::{
    Discriminator, DiscriminatorType, ElementBase, ElementDefinition, ElementType, Slicing, SlicingRules, UNBOUNDED,
};
use super::{Links, Shared, Structure, StructureError};

/// Steps of a path, and re-slices of a slice, at most.
const DEPTH: usize = 32;
/// Elements of a snapshot at most, on the way to it too.
const ELEMENTS: usize = 100_000;

/// Where the generator finds other structures; the stack of those in the making is the resolver's.
pub(crate) trait Resolve {
    /// The structure of a canonical reference.
    fn resolve(&self, canonical: &str) -> Result<Shared, StructureError>;
}

/// The structure that a differential makes.
pub(crate) fn generate(differential: &Differential, resolver: &dyn Resolve) -> Result<Structure, StructureError> {
    let facts = &differential.facts;
    let shallow =
        |change: &&Change| change.id.split(['.', '/']).count() <= DEPTH && change.path.split('.').count() <= DEPTH;
    if let Some(deep) = differential.elements.iter().find(|change| !shallow(change)) {
        let path: String = deep.path.chars().take(80).collect();
        let reason = format!("{path}… is deeper than {DEPTH} steps").into();
        return Err(StructureError::Broken { url: facts.url.clone(), reason });
    }
    let plan = Plan::of(&differential.elements);
    let step: Arc<str> = facts.r#type.rsplit('/').next().unwrap_or_default().into();
    let step = if step.is_empty() { plan.step.as_str().into() } else { step };
    let mut making = Making { resolver, differential, issues: Vec::new(), left: ELEMENTS };
    let mut root = match &facts.base {
        Some(base) if !differential.is_snapshot => Node::of(&*making.base(base)?, 0),
        _ => Node::new(step.clone()),
    };
    root.step = step;
    if !facts.is_constraint {
        root.element.base = None;
    }
    making.apply(&mut root, &plan);
    if making.left == 0 {
        let reason = format!("its snapshot would have more than {ELEMENTS} elements").into();
        return Err(StructureError::Broken { url: facts.url.clone(), reason });
    }
    Ok(Flat::of(root).into_structure(facts.clone(), making.issues))
}

/// One element with what is in it.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) step: Arc<str>,
    pub(super) element: ElementDefinition,
    pub(super) children: Vec<Node>,
    pub(super) slices: Vec<Node>,
}

impl Node {
    fn new(step: Arc<str>) -> Node {
        let element = ElementDefinition {
            id: step.clone(),
            path: step.clone(),
            slice_name: None,
            min: 0,
            max: UNBOUNDED,
            base: None,
            types: Arc::new([]),
            content_reference: None,
            fixed: None,
            pattern: None,
            min_value: None,
            max_value: None,
            max_length: None,
            regex: None,
            binding: None,
            constraints: Arc::new([]),
            slicing: None,
            obligations: Arc::new([]),
            must_support: false,
            is_modifier: false,
            is_summary: false,
            name_id: None,
        };
        Node { step, element, children: Vec::new(), slices: Vec::new() }
    }

    fn size(&self) -> usize {
        1 + self.children.iter().chain(&self.slices).map(Node::size).sum::<usize>()
    }

    pub(super) fn of(structure: &Structure, index: usize) -> Node {
        let element = structure.element(index).clone();
        let step = element.path.rsplit('.').next().unwrap_or_default().into();
        let nodes = |list: &[u32]| list.iter().map(|index| Node::of(structure, *index as usize)).collect();
        Node { step, children: nodes(structure.children(index)), slices: nodes(structure.slices(index)), element }
    }
}

/// A differential as a tree.
#[derive(Debug, Default)]
struct Plan<'d> {
    step: String,
    slice: Option<String>,
    change: Option<&'d Change>,
    children: Vec<Plan<'d>>,
}

impl<'d> Plan<'d> {
    fn of(changes: &'d [Change]) -> Plan<'d> {
        let mut root = Plan::default();
        for change in changes {
            let mut steps = steps(change).into_iter();
            let Some((step, _)) = steps.next() else { continue };
            if root.step.is_empty() {
                root.step = step;
            }
            let place = steps.fold(&mut root, |plan, (step, slice)| plan.enter(step, slice));
            place.change = Some(change);
        }
        root.sort();
        root
    }

    fn enter(&mut self, step: String, slice: Option<String>) -> &mut Plan<'d> {
        let found = self.children.iter().position(|child| child.step == step && child.slice == slice);
        let place = found.unwrap_or_else(|| {
            self.children.push(Plan { step, slice, ..Plan::default() });
            self.children.len() - 1
        });
        &mut self.children[place]
    }

    /// Unsliced elements before slices, otherwise the order of the author.
    fn sort(&mut self) {
        self.children.sort_by_key(|child| child.slice.is_some());
        self.children.iter_mut().for_each(Plan::sort);
    }
}

/// The steps of a change's id with their slice names.
fn steps(change: &Change) -> Vec<(String, Option<String>)> {
    let split = |step: &str| match step.split_once(':') {
        Some((step, slice)) => (step.to_owned(), Some(slice.to_owned())),
        None => (step.to_owned(), None),
    };
    let mut steps: Vec<_> = change.id.split('.').map(split).collect();
    if steps.len() != change.path.split('.').count() {
        // A slice name with a full stop in it: join what belongs together.
        let mut joined: Vec<(String, Option<String>)> = Vec::new();
        let mut path = change.path.split('.').peekable();
        for (step, slice) in steps {
            match (path.peek(), joined.last_mut()) {
                (Some(expected), _) if step == *expected || step.starts_with(expected.trim_end_matches("[x]")) => {
                    path.next();
                    joined.push((step, slice));
                }
                (_, Some((_, Some(last)))) => *last = format!("{last}.{step}"),
                _ => joined.push((step, slice)),
            }
        }
        steps = joined;
    }
    if let (Some((_, last)), Some(name)) = (steps.last_mut(), &change.slice_name)
        && last.is_none()
        && change.path.contains('.')
    {
        *last = Some(name.to_string());
    }
    steps
}

pub(super) struct Making<'r> {
    pub(super) resolver: &'r dyn Resolve,
    pub(super) differential: &'r Differential,
    pub(super) issues: Vec<Issue>,
    /// Elements that may still be made.
    left: usize,
}

impl Making<'_> {
    /// Takes the elements of a structure from what may still be made; whether so many are left.
    pub(super) fn afford(&mut self, structure: &Structure) -> bool {
        self.left = self.left.saturating_sub(structure.elements().len());
        self.left > 0
    }

    fn apply(&mut self, node: &mut Node, plan: &Plan<'_>) {
        if let Some(change) = plan.change {
            self.change(node, change);
        }
        if plan.children.is_empty() {
            return;
        }
        self.open(node);
        narrow_choices(node, plan);
        for child in &plan.children {
            self.child(node, child);
        }
    }

    fn child(&mut self, node: &mut Node, plan: &Plan<'_>) {
        let (place, type_slice) = match find(node, &plan.step) {
            Some(found) => found,
            None if self.may_add(node) => {
                let mut new = Node::new(plan.step.as_str().into());
                if let Some(change) = plan.change {
                    new.element.min = change.min.unwrap_or(0);
                    new.element.max = change.max.unwrap_or(1);
                }
                node.children.push(new);
                (node.children.len() - 1, None)
            }
            None => {
                let id = plan.change.map_or(plan.step.as_str(), |change| &change.id);
                let text = format!("The base of {} has no element for it.", self.differential.facts.url);
                self.report(IssueType::Structure, id, text);
                return;
            }
        };
        let Some(target) = node.children.get_mut(place) else { return };
        match plan.slice.as_deref().or(type_slice.as_deref()) {
            None => self.apply(target, plan),
            Some(name) => {
                let slice = self.slice(target, name);
                self.apply(slice, plan);
            }
        }
    }

    /// New elements come only from a specialization (or a snapshot in place of a differential).
    fn may_add(&self, _: &Node) -> bool {
        !self.differential.facts.is_constraint || self.differential.is_snapshot
    }

    /// The slice of a name, made as a copy of its unsliced element where it is new.
    fn slice<'n>(&mut self, node: &'n mut Node, name: &str) -> &'n mut Node {
        let mut node = node;
        let parts: Vec<usize> = name.match_indices('/').map(|(at, _)| at).chain([name.len()]).collect();
        for end in parts {
            let part = name.get(..end).unwrap_or(name);
            let known = node.slices.iter().position(|slice| slice.element.slice_name.as_deref() == Some(part));
            let place = known.unwrap_or_else(|| {
                let new = new_slice(node, part, &mut self.left);
                node.slices.push(new);
                node.slices.len() - 1
            });
            node = &mut node.slices[place];
        }
        node
    }

    pub(super) fn report(&mut self, code: IssueType, id: &str, text: String) {
        let rule = self.differential.facts.url.to_string();
        self.issues.push(Issue::warning(code, id, text).with_rule(rule));
    }

    fn change(&mut self, node: &mut Node, change: &Change) {
        if self.differential.is_snapshot {
            // A published snapshot says all of each element itself.
            let slice_name = node.element.slice_name.take();
            node.element = ElementDefinition { slice_name, min: 0, ..Node::new(node.step.clone()).element };
        }
        let element = &mut node.element;
        element.min = change.min.unwrap_or(element.min);
        element.max = change.max.unwrap_or(element.max);
        if let Some(base) = &change.base
            && self.differential.is_snapshot
        {
            element.base = Some(base.clone());
        }
        fn put<T: Clone>(place: &mut T, change: &Option<T>) {
            if let Some(new) = change {
                *place = new.clone();
            }
        }
        fn put_some<T: Clone>(place: &mut Option<T>, change: &Option<T>) {
            if change.is_some() {
                place.clone_from(change);
            }
        }
        put(&mut element.types, &change.types);
        put_some(&mut element.content_reference, &change.content_reference);
        put_some(&mut element.fixed, &change.fixed);
        put_some(&mut element.pattern, &change.pattern);
        put_some(&mut element.min_value, &change.min_value);
        put_some(&mut element.max_value, &change.max_value);
        put_some(&mut element.max_length, &change.max_length);
        put_some(&mut element.regex, &change.regex);
        put_some(&mut element.binding, &change.binding);
        put_some(&mut element.slicing, &change.slicing);
        put(&mut element.must_support, &change.must_support);
        put(&mut element.is_modifier, &change.is_modifier);
        put(&mut element.is_summary, &change.is_summary);
        if !change.constraints.is_empty() {
            let known =
                element.constraints.iter().filter(|known| change.constraints.iter().all(|new| new.key != known.key));
            element.constraints = known.chain(&change.constraints).cloned().collect();
        }
        if !change.obligations.is_empty() {
            element.obligations = element.obligations.iter().chain(&change.obligations).cloned().collect();
        }
        if change.types.is_some() {
            self.take_profile_cardinality(node, change);
        }
    }
}

/// The child of a step; for `valueQuantity` where there is `value[x]`, that with the slice name, if it can be anything
/// but a Quantity.
fn find(node: &Node, step: &str) -> Option<(usize, Option<String>)> {
    if let Some(place) = node.children.iter().position(|child| *child.step == *step) {
        return Some((place, None));
    }
    let place = node.children.iter().position(|child| {
        let stem = child.step.strip_suffix("[x]");
        let suffix = stem.and_then(|stem| step.strip_prefix(stem)).filter(|suffix| !suffix.is_empty());
        suffix.is_some_and(|suffix| child.element.types.iter().any(|ty| is_capitalised(&ty.code, suffix)))
    })?;
    let only = node.children.get(place).is_some_and(|child| {
        child.element.types.len() == 1 && child.slices.is_empty() && child.element.slicing.is_none()
    });
    Some((place, (!only).then(|| step.to_owned())))
}

/// A differential that speaks of `valueQuantity` and not of `value[x]` allows no other type than those it names so.
fn narrow_choices(node: &mut Node, plan: &Plan<'_>) {
    for child in node.children.iter_mut().filter(|child| child.step.ends_with("[x]")) {
        if plan.children.iter().any(|other| *other.step == *child.step) {
            continue;
        }
        let stem = child.step.trim_end_matches("[x]");
        let suffixes: Vec<&str> = plan.children.iter().filter_map(|other| other.step.strip_prefix(stem)).collect();
        let named = |ty: &&ElementType| suffixes.iter().any(|suffix| is_capitalised(&ty.code, suffix));
        let types: Vec<ElementType> = child.element.types.iter().filter(named).cloned().collect();
        if !types.is_empty() && types.len() < child.element.types.len() {
            child.element.slicing = child.element.slicing.take().or_else(|| by_type(SlicingRules::Closed));
            child.element.types = types.into();
        }
    }
}

fn by_type(rules: SlicingRules) -> Option<Arc<Slicing>> {
    let discriminators = vec![Discriminator { kind: DiscriminatorType::Type, path: "$this".into() }];
    Some(Arc::new(Slicing { discriminators, rules, ordered: false }))
}

/// Whether `suffix` is a type code with a capital first letter.
fn is_capitalised(code: &str, suffix: &str) -> bool {
    let mut code = code.chars();
    let mut suffix = suffix.chars();
    match (code.next(), suffix.next()) {
        (Some(code), Some(suffix)) if code.to_ascii_uppercase() == suffix => {}
        _ => return false,
    }
    code.eq(suffix)
}

fn new_slice(unsliced: &mut Node, name: &str, left: &mut usize) -> Node {
    if unsliced.element.slicing.is_none() && unsliced.element.slice_name.is_none() {
        unsliced.element.slicing = implied_slicing(&unsliced.element);
    }
    let mut element = unsliced.element.clone();
    element.slicing = None;
    element.slice_name = Some(name.into());
    element.min = 0;
    element.obligations = Arc::new([]);
    if let Some(stem) = unsliced.step.strip_suffix("[x]")
        && let Some(suffix) = name.strip_prefix(stem)
    {
        let types: Vec<ElementType> =
            element.types.iter().filter(|ty| is_capitalised(&ty.code, suffix)).cloned().collect();
        if !types.is_empty() {
            element.types = types.into();
        }
    }
    *left = left.saturating_sub(unsliced.size());
    let children = if *left > 0 { unsliced.children.clone() } else { Vec::new() };
    Node { step: unsliced.step.clone(), element, children, slices: Vec::new() }
}

/// Slices of choices are told apart by type, those of extensions by url.
fn implied_slicing(element: &ElementDefinition) -> Option<Arc<Slicing>> {
    if element.is_choice() {
        return by_type(SlicingRules::Open);
    }
    matches!(element.name(), "extension" | "modifierExtension").then(|| {
        let discriminators = vec![Discriminator { kind: DiscriminatorType::Value, path: "url".into() }];
        Arc::new(Slicing { discriminators, rules: SlicingRules::Open, ordered: false })
    })
}

/// The tree laid out in snapshot order.
#[derive(Default)]
struct Flat {
    elements: Vec<ElementDefinition>,
    links: Vec<Links>,
    lists: Vec<u32>,
}

impl Flat {
    fn of(root: Node) -> Flat {
        let mut flat = Flat::default();
        let (id, path) = (root.step.clone(), root.step.clone());
        flat.put(root, id, path, 0);
        flat
    }

    fn put(&mut self, node: Node, id: Arc<str>, path: Arc<str>, parent: u32) -> u32 {
        let index = self.elements.len() as u32;
        let mut element = node.element;
        element.id = id.clone();
        element.path = path.clone();
        element.name_id = model::Name::of(element.name());
        if element.base.is_none() {
            element.base = Some(Arc::new(ElementBase { path: (&*path).into(), min: element.min, max: element.max }));
        }
        self.elements.push(element);
        self.links.push(Links { parent, ..Links::default() });
        let mut children = Vec::new();
        for child in node.children {
            let id = format!("{id}.{}", child.step).into();
            let path = format!("{path}.{}", child.step).into();
            children.push(self.put(child, id, path, index));
        }
        let mut slices = Vec::new();
        let unsliced = match self.elements[index as usize].slice_name {
            Some(_) => id.rsplit_once(':').map_or(&*id, |(id, _)| id),
            None => &id,
        };
        for slice in node.slices {
            let name = slice.element.slice_name.clone().unwrap_or_default();
            let id = format!("{unsliced}:{name}").into();
            slices.push(self.put(slice, id, path.clone(), parent));
        }
        let mut keep = |list: Vec<u32>| {
            let start = self.lists.len() as u32;
            self.lists.extend(list);
            start..self.lists.len() as u32
        };
        let (children, slices) = (keep(children), keep(slices));
        let links = &mut self.links[index as usize];
        (links.children, links.slices) = (children, slices);
        index
    }

    fn into_structure(self, facts: super::StructureFacts, issues: Vec<Issue>) -> Structure {
        Structure { facts, issues, elements: self.elements, links: self.links, lists: self.lists }
    }
}
