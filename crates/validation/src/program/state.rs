//! All rules that hold at an element, from every structure that has a say there.

use std::sync::Arc;

use catalog::{Binding, Structure, StructureKind};
use model::{Name, Tree};

use super::{Node, Programs, Rule, Slot};

/// What an element is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Has a value.
    Primitive,
    /// The narrative's `div`.
    Xhtml,
    /// Elements inside.
    Complex,
}

/// A value that a structure demands.
pub(crate) struct Fact {
    pub(crate) value: Arc<Tree>,
    pub(crate) source: Arc<str>,
}

/// A binding with the structure that made it.
pub(crate) struct Bound {
    pub(crate) binding: Arc<Binding>,
    pub(crate) source: Arc<str>,
}

/// See [`super`].
pub(crate) struct State {
    pub(crate) ty: Box<str>,
    pub(crate) kind: Kind,
    pub(crate) rules: Vec<Arc<Rule>>,
    pub(crate) fixed: Vec<Fact>,
    pub(crate) patterns: Vec<Fact>,
    pub(crate) minima: Vec<Fact>,
    pub(crate) maxima: Vec<Fact>,
    pub(crate) max_length: Option<(u32, Arc<str>)>,
    pub(crate) regexes: Vec<(regex::Regex, Arc<str>)>,
    pub(crate) bounds: Vec<Bound>,
    /// Of Reference, canonical and uri: for each structure the types and profiles of targets.
    pub(crate) targets: Vec<Targets>,
    pub(crate) slots: Vec<Slot>,
    /// Slots that must be there or may not be there often.
    pub(crate) bounded: Vec<u16>,
    /// Slots that are sliced.
    pub(crate) sliced: Vec<u16>,
    /// What its text must be like, for a primitive.
    pub(crate) primitive: Option<crate::rule::primitive::Type>,
    pub(crate) is_reference: bool,
    pub(crate) is_canonical: bool,
    pub(crate) is_coding: bool,
    pub(crate) is_quantity: bool,
    names: Vec<(Name, u16, u16)>,
    /// The element is a resource.
    pub(crate) is_resource: bool,
    /// Structures without content of their own here; nothing can be said of unknown children.
    pub(crate) is_opaque: bool,
}

/// What a reference may point to.
pub(crate) struct Targets {
    pub(crate) profiles: Box<[Box<str>]>,
    pub(crate) aggregation: Box<[Box<str>]>,
    pub(crate) versioning: Option<Box<str>>,
    pub(crate) source: Arc<str>,
}

impl State {
    pub(super) fn make(programs: &Programs, nodes: &[Node], ty: &str) -> State {
        let mut state = State {
            ty: ty.into(),
            kind: kind(programs, ty),
            rules: Vec::new(),
            fixed: Vec::new(),
            patterns: Vec::new(),
            minima: Vec::new(),
            maxima: Vec::new(),
            max_length: None,
            regexes: Vec::new(),
            bounds: Vec::new(),
            targets: Vec::new(),
            slots: Vec::new(),
            bounded: Vec::new(),
            sliced: Vec::new(),
            primitive: crate::rule::primitive::Type::of(ty),
            is_reference: ty == "Reference",
            is_canonical: ty == "canonical",
            is_coding: ty == "Coding",
            is_quantity: crate::rule::binding::QUANTITIES.contains(&ty),
            names: Vec::new(),
            is_resource: super::slot::is_resource(programs, ty),
            is_opaque: false,
        };
        let mut children: Vec<(Box<str>, Vec<Node>)> = Vec::new();
        for node in nodes {
            let Some(structure) = programs.structure(*node) else { continue };
            state.take(programs, *node, &structure);
            for child in structure.children(node.element as usize) {
                let name = structure.element(*child as usize).name();
                if state.kind != Kind::Complex && name == "value" {
                    continue;
                }
                let child = Node { program: node.program, element: *child };
                match children.iter_mut().find(|(known, _)| **known == *name) {
                    Some((_, nodes)) => nodes.push(child),
                    None => children.push((name.into(), vec![child])),
                }
            }
        }
        state.is_opaque = children.is_empty() && state.kind == Kind::Complex;
        state.slots = children.into_iter().map(|(name, nodes)| Slot::make(programs, &name, nodes)).collect();
        state.index();
        state
    }

    fn index(&mut self) {
        for (place, slot) in self.slots.iter().enumerate() {
            if slot.is_bounded() {
                self.bounded.push(place as u16);
            }
            if !slot.slicings.is_empty() {
                self.sliced.push(place as u16);
            }
            for (variant, entry) in slot.variants.iter().enumerate() {
                self.names.push((entry.name, place as u16, variant as u16));
            }
        }
        self.names.sort_unstable();
    }

    /// Whether it says nothing of an element that its type does not say.
    pub(crate) fn is_silent(&self) -> bool {
        self.rules.is_empty()
            && self.fixed.is_empty()
            && self.patterns.is_empty()
            && self.bounds.is_empty()
            && self.targets.is_empty()
            && self.regexes.is_empty()
            && self.slots.is_empty()
    }

    /// The slot and variant of a child's name.
    pub(crate) fn child(&self, name: Name) -> Option<(u16, u16)> {
        let place = self.names.binary_search_by_key(&name, |(name, _, _)| *name).ok()?;
        self.names.get(place).map(|(_, slot, variant)| (*slot, *variant))
    }

    fn take(&mut self, programs: &Programs, node: Node, structure: &Arc<Structure>) {
        let element = structure.element(node.element as usize);
        let source: Arc<str> = structure.url().into();
        let fact = |value: &Option<Arc<Tree>>| {
            value.iter().map(|value| Fact { value: value.clone(), source: source.clone() }).collect::<Vec<_>>()
        };
        add_facts(&mut self.fixed, fact(&element.fixed));
        add_facts(&mut self.patterns, fact(&element.pattern));
        add_facts(&mut self.minima, fact(&element.min_value));
        add_facts(&mut self.maxima, fact(&element.max_value));
        if let Some(length) = element.max_length
            && self.max_length.as_ref().is_none_or(|(known, _)| *known > length)
        {
            self.max_length = Some((length, source.clone()));
        }
        if let Some(regex) = &element.regex
            && structure.facts.kind != Some(StructureKind::PrimitiveType)
            && let Ok(regex) = regex::Regex::new(&format!("^(?:{regex})$"))
        {
            self.regexes.push((regex, source.clone()));
        }
        if let Some(binding) = &element.binding
            && !self.bounds.iter().any(|known| {
                known.binding.value_set == binding.value_set
                    && known.binding.strength <= binding.strength
                    && known.binding.additional == binding.additional
            })
        {
            self.bounds.push(Bound { binding: binding.clone(), source: source.clone() });
        }
        for ty in element.types.iter().filter(|found| *found.code == *self.ty) {
            let targets = Targets {
                profiles: ty.target_profiles.clone(),
                aggregation: ty.aggregation.clone(),
                versioning: ty.versioning.clone(),
                source: source.clone(),
            };
            let says = !targets.profiles.is_empty() || !targets.aggregation.is_empty() || targets.versioning.is_some();
            if says {
                self.targets.push(targets);
            }
        }
        for constraint in element.constraints.iter() {
            let context = rule_type(&self.ty, structure, node);
            let outer = node.element != 0 && self.is_resource;
            let Some(rule) = programs.rule(constraint, context, outer) else { continue };
            if !self.rules.iter().any(|known| Arc::ptr_eq(known, &rule)) {
                self.rules.push(rule);
            }
        }
    }
}

/// The type that an invariant's paths begin at; backbone elements have none of their own.
fn rule_type<'a>(ty: &'a str, structure: &'a Structure, node: Node) -> &'a str {
    if node.element == 0 && ty.is_empty() { &structure.facts.r#type } else { ty }
}

fn add_facts(known: &mut Vec<Fact>, new: Vec<Fact>) {
    for fact in new {
        if !known.iter().any(|known| Arc::ptr_eq(&known.value, &fact.value)) {
            known.push(fact);
        }
    }
}

fn kind(programs: &Programs, ty: &str) -> Kind {
    if ty == "xhtml" {
        return Kind::Xhtml;
    }
    let structure = programs.program(ty).map(|program| program.structure.clone());
    match structure.and_then(|structure| structure.facts.kind) {
        Some(StructureKind::PrimitiveType) => Kind::Primitive,
        _ => Kind::Complex,
    }
}
