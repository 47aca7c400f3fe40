//! A child element as all structures of a state together see it: cardinality, types, slicing.

use std::sync::{Arc, OnceLock, RwLock};

use crate::Map;
use catalog::{ElementDefinition, SlicingRules, Structure, UNBOUNDED};
use model::Name;

use super::{Matcher, Node, Programs, State, Test, read, write};

/// One child element (`value[x]` with all its names).
pub(crate) struct Slot {
    /// Without `[x]`.
    pub(crate) name: Box<str>,
    pub(crate) list: bool,
    pub(crate) choice: bool,
    /// Cardinalities that say something, the strictest first found for min and max each.
    pub(crate) min: Cardinality,
    pub(crate) max: Cardinality,
    /// Profiles that oblige systems to do something with it, and to what.
    pub(crate) obligations: Vec<(Arc<str>, String)>,
    pub(crate) slicings: Vec<SlicingPlan>,
    pub(crate) variants: Vec<Variant>,
    nodes: Vec<Node>,
    likely: OnceLock<Vec<Node>>,
}

/// A bound on how often, with the structure that set it.
#[derive(Clone)]
pub(crate) struct Cardinality {
    pub(crate) count: u32,
    pub(crate) source: Arc<str>,
}

/// A child element under one of its names: `valueQuantity`.
pub(crate) struct Variant {
    pub(crate) name: Name,
    /// `Quantity`; empty where no structure says it.
    pub(crate) ty: Box<str>,
    /// Structures that do not have this type here, with the types that they have.
    pub(crate) refused: Vec<(Arc<str>, String)>,
    /// Profiles on the type, one of each list must be met.
    pub(crate) alternatives: Vec<Box<[Box<str>]>>,
    /// Profiles on the type that the catalog does not have.
    pub(crate) unknown: Vec<Box<str>>,
    /// `ty` stands for any resource.
    pub(crate) is_resource: bool,
    pub(crate) is_extension: bool,
    pub(crate) nodes: Vec<Node>,
    state: OnceLock<Arc<State>>,
    narrowed: RwLock<Map<Box<[Node]>, Arc<Narrowed>>>,
}

/// A variant in certain slices.
pub(crate) struct Narrowed {
    /// What the slices say.
    pub(crate) own: Variant,
    /// What they and the unsliced element say.
    pub(crate) whole: Variant,
}

/// How one structure slices an element.
pub(crate) struct SlicingPlan {
    pub(crate) source: Arc<str>,
    pub(crate) path: Arc<str>,
    pub(crate) rules: SlicingRules,
    pub(crate) ordered: bool,
    pub(crate) slices: Vec<SlicePlan>,
}

/// One slice.
pub(crate) struct SlicePlan {
    pub(crate) name: Arc<str>,
    pub(crate) node: Node,
    pub(crate) min: u32,
    pub(crate) max: u32,
    /// `None`: the discriminators say nothing of this slice, only trying it tells.
    pub(crate) matcher: Option<Vec<Matcher>>,
    /// `@default`
    pub(crate) is_default: bool,
    pub(crate) nested: Option<Box<SlicingPlan>>,
}

const RESOURCES: [&str; 2] = ["Resource", "DomainResource"];

impl Slot {
    /// The child that `nodes` (one of each structure that has it) describe.
    pub(super) fn make(programs: &Programs, name: &str, nodes: Vec<Node>) -> Slot {
        let mut slot = Slot {
            name: name.into(),
            list: false,
            choice: false,
            min: Cardinality { count: 0, source: "".into() },
            max: Cardinality { count: UNBOUNDED, source: "".into() },
            obligations: Vec::new(),
            slicings: Vec::new(),
            variants: Vec::new(),
            nodes,
            likely: OnceLock::new(),
        };
        for node in slot.nodes.clone() {
            let Some(structure) = programs.structure(node) else { continue };
            let element = structure.element(node.element as usize);
            slot.list |= element.is_list();
            slot.choice |= element.is_choice();
            let source = || Arc::from(structure.url());
            if element.min > slot.min.count {
                slot.min = Cardinality { count: element.min, source: source() };
            }
            if element.max < slot.max.count {
                slot.max = Cardinality { count: element.max, source: source() };
            }
            let codes = element.obligations.iter().flat_map(|one| one.codes.iter().map(|code| &**code));
            let mut codes: Vec<&str> = codes.collect();
            codes.sort_unstable();
            codes.dedup();
            if !codes.is_empty() {
                slot.obligations.push((source(), codes.join(", ")));
            }
            slot.slicings.extend(SlicingPlan::make(programs, node, &structure));
        }
        slot.find_variants(programs);
        slot
    }

    fn find_variants(&mut self, programs: &Programs) {
        let mut types: Vec<Box<str>> = Vec::new();
        for node in &self.nodes {
            let Some(structure) = programs.structure(*node) else { continue };
            let element = structure.element(node.element as usize);
            types.extend(element.types.iter().map(|ty| ty.code.clone()));
            if let Some(target) = referenced(programs, element)
                && let Some(structure) = programs.structure(target)
            {
                types.extend(structure.element(target.element as usize).types.iter().map(|ty| ty.code.clone()));
            }
        }
        types.sort_unstable();
        types.dedup();
        if self.choice {
            for ty in types {
                let Some(name) = choice_name(&self.name, &ty).and_then(|name| Name::of(&name)) else { continue };
                self.variants.push(Variant::make(programs, &self.nodes, name, &ty));
            }
            return;
        }
        let Some(name) = Name::of(&self.name) else { return };
        let ty = if types.len() > 1 && types.iter().all(|ty| is_resource(programs, ty)) {
            "Resource".into()
        } else {
            types.into_iter().next().unwrap_or_default()
        };
        self.variants.push(Variant::make(programs, &self.nodes, name, &ty));
    }

    /// The profiles by which its slices are known.
    pub(crate) fn likely(&self, programs: &Programs) -> &[Node] {
        self.likely.get_or_init(|| {
            let mut found = Vec::new();
            let mut plans: Vec<&SlicingPlan> = self.slicings.iter().collect();
            while let Some(plan) = plans.pop() {
                for slice in &plan.slices {
                    plans.extend(slice.nested.as_deref());
                    for matcher in slice.matcher.iter().flatten() {
                        if let Test::Profile(profiles) = &matcher.test {
                            found.extend(profiles.iter().filter_map(|profile| profile.root(programs)));
                        }
                    }
                }
            }
            found.sort_unstable();
            found.dedup();
            found
        })
    }

    /// Why this slot says something of how often it may be there.
    pub(crate) fn is_bounded(&self) -> bool {
        self.min.count > 0 || self.max.count < UNBOUNDED
    }
}

pub(super) fn is_resource(programs: &Programs, ty: &str) -> bool {
    let structure = programs.program(ty).map(|program| program.structure.clone());
    structure.is_some_and(|structure| structure.facts.kind == Some(catalog::StructureKind::Resource))
}

/// `valueQuantity` of `value` and `Quantity`.
fn choice_name(stem: &str, ty: &str) -> Option<String> {
    let mut letters = ty.chars();
    let first = letters.next()?;
    Some(format!("{stem}{}{}", first.to_ascii_uppercase(), letters.as_str()))
}

/// The element whose content an element shares, in the type that first has it.
fn referenced(programs: &Programs, element: &ElementDefinition) -> Option<Node> {
    let reference = element.content_reference.as_deref()?;
    let id = reference.rsplit_once('#').map_or(reference, |(_, id)| id);
    let program = programs.program(id.split('.').next()?)?;
    let index = program.structure.by_id(id)?;
    Some(Node { program: program.number, element: index as u32 })
}

impl Variant {
    fn make(programs: &Programs, holders: &[Node], name: Name, ty: &str) -> Variant {
        let mut variant = Variant {
            name,
            ty: ty.into(),
            refused: Vec::new(),
            alternatives: Vec::new(),
            unknown: Vec::new(),
            is_resource: RESOURCES.contains(&ty) || is_resource(programs, ty),
            is_extension: ty == "Extension",
            nodes: Vec::new(),
            state: OnceLock::new(),
            narrowed: RwLock::default(),
        };
        for node in holders {
            variant.hold(programs, *node, ty);
        }
        variant.nodes.sort_unstable();
        variant.nodes.dedup();
        variant
    }

    /// Adds what one node says of an element of a type.
    fn hold(&mut self, programs: &Programs, node: Node, ty: &str) {
        let Some(structure) = programs.structure(node) else { return };
        let element = structure.element(node.element as usize);
        self.nodes.push(node);
        self.nodes.extend(referenced(programs, element));
        if self.is_resource {
            return;
        }
        self.nodes.extend(programs.root(ty));
        let mut found = element.types.iter().filter(|known| *known.code == *ty).peekable();
        if found.peek().is_none() && !element.types.is_empty() {
            let types: Vec<&str> = element.types.iter().map(|ty| &*ty.code).collect();
            self.refused.push((structure.url().into(), types.join(", ")));
        }
        for found in found {
            match &*found.profiles {
                [] => {}
                [one] => match programs.root(one) {
                    Some(root) => self.nodes.push(root),
                    None => self.unknown.push(one.clone()),
                },
                several => self.alternatives.push(several.into()),
            }
        }
    }

    /// Its state where no slice and no further profile adds anything.
    pub(crate) fn state(&self, programs: &Programs) -> &Arc<State> {
        self.state.get_or_init(|| programs.state(self.nodes.clone(), &self.ty))
    }

    /// What one slice alone says of an element of this variant.
    pub(crate) fn of_slice(&self, programs: &Programs, slice: Node) -> Variant {
        Variant::make(programs, &[slice], self.name, &self.ty)
    }

    /// An element of this variant in slices.
    pub(crate) fn with_slices(&self, programs: &Programs, slices: &[Node]) -> Arc<Narrowed> {
        if let Some(known) = read(&self.narrowed).get(slices) {
            return known.clone();
        }
        let own = Variant::make(programs, slices, self.name, &self.ty);
        let mut whole = Variant::make(programs, &[], self.name, &self.ty);
        whole.nodes.extend(own.nodes.iter().chain(&self.nodes).copied());
        whole.nodes.sort_unstable();
        whole.nodes.dedup();
        let narrowed = Arc::new(Narrowed { own, whole });
        write(&self.narrowed).entry(slices.into()).or_insert(narrowed).clone()
    }
}

impl SlicingPlan {
    fn make(programs: &Programs, node: Node, structure: &Arc<Structure>) -> Option<SlicingPlan> {
        let element = structure.element(node.element as usize);
        let slicing = element.slicing.as_ref()?;
        let indices = structure.slices(node.element as usize);
        if indices.is_empty() && slicing.rules != SlicingRules::Closed {
            return None;
        }
        let slices = indices.iter().enumerate().map(|(place, index)| {
            let slice = structure.element(*index as usize);
            let node = Node { program: node.program, element: *index };
            let name = slice.slice_name.clone().unwrap_or_default();
            SlicePlan {
                is_default: &*name == "@default",
                name,
                node,
                min: slice.min,
                max: slice.max,
                matcher: Matcher::all(programs, structure, *index as usize, slicing, place),
                nested: SlicingPlan::make(programs, node, structure).map(Box::new),
            }
        });
        Some(SlicingPlan {
            source: structure.url().into(),
            path: element.path.clone(),
            rules: slicing.rules,
            ordered: slicing.ordered,
            slices: slices.collect(),
        })
    }
}
