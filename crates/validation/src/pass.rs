//! One pass over one tree: the walk that carries the state from element to element, and where findings go.

use std::cell::{OnceCell, RefCell};

use model::{Element, ElementId, IssueType, Severity, Tree};
use smallvec::SmallVec;

use crate::finding::Finding;
use crate::known;
use crate::options::Options;
use crate::places::Places;
use crate::program::{Node, Programs, Slot, State, Variant};
use crate::rule;
use crate::said::Said;
use crate::terminology::Terminology;
use crate::trial::Trials;
use crate::{Map, Set};

/// The state of one validation.
pub(crate) struct Pass<'v, 't> {
    pub(crate) programs: &'v Programs,
    pub(crate) terminology: &'v Terminology,
    pub(crate) options: &'v Options,
    pub(crate) tree: &'t Tree,
    pub(crate) prepared: fhirpath::Prepared<'t>,
    places: OnceCell<Places<'t>>,
    anchors: OnceCell<Set<Box<str>>>,
    pub(crate) findings: Vec<Finding>,
    /// Passes within passes, by `conformsTo()`.
    pub(crate) depth: u32,
    /// What was tried, and what is being tried.
    pub(crate) trials: Trials,
    /// What resources say that they meet.
    claimed_urls: RefCell<Map<ElementId, Vec<Box<str>>>>,
    /// Said once however often it is met.
    pub(crate) said: Said,
}

impl<'v, 't> Pass<'v, 't> {
    pub(crate) fn new(
        programs: &'v Programs,
        terminology: &'v Terminology,
        options: &'v Options,
        tree: &'t Tree,
        prepared: fhirpath::Prepared<'t>,
    ) -> Pass<'v, 't> {
        Pass {
            programs,
            terminology,
            options,
            tree,
            prepared,
            places: OnceCell::new(),
            anchors: OnceCell::new(),
            findings: Vec::new(),
            depth: 0,
            trials: Trials::default(),
            claimed_urls: RefCell::default(),
            said: Default::default(),
        }
    }

    /// Where resources stand and what references point to.
    pub(crate) fn places(&self) -> &Places<'t> {
        self.places.get_or_init(|| Places::of(self.tree))
    }

    /// The ids that a link within may lead to.
    pub(crate) fn anchors(&self) -> &Set<Box<str>> {
        self.anchors.get_or_init(|| rule::link::anchors(self.tree.root()))
    }

    pub(crate) fn into_findings(self) -> Vec<Finding> {
        self.findings
    }

    /// Whether a trial has already failed, so that nothing more need be looked at.
    pub(crate) fn is_settled(&self) -> bool {
        self.trials.are_settled()
    }

    /// Whether this is a trial, whose findings nobody reads.
    pub(crate) fn is_trial(&self) -> bool {
        !self.trials.keep_findings()
    }

    /// Records a finding; in a trial only that there was an error.
    pub(crate) fn report(
        &mut self,
        severity: Severity,
        code: IssueType,
        element: Element<'_>,
        rule: &str,
        text: impl FnOnce() -> String,
    ) {
        if !self.trials.keep(severity.is_error()) {
            return;
        }
        self.findings.push(Finding { element: element.id(), severity, code, text: text(), rule: rule.into() });
    }

    /// Records an error.
    pub(crate) fn error(&mut self, code: IssueType, element: Element<'_>, rule: &str, text: impl FnOnce() -> String) {
        self.report(Severity::Error, code, element, rule, text);
    }

    /// Records a warning.
    pub(crate) fn warning(&mut self, code: IssueType, element: Element<'_>, rule: &str, text: impl FnOnce() -> String) {
        self.report(Severity::Warning, code, element, rule, text);
    }

    /// Whether this is said for the first time.
    pub(crate) fn once(&mut self, what: &str) -> bool {
        self.depth == 0 && self.trials.keep_findings() && self.said.insert(what.into())
    }

    /// Holds an element against everything in a state, and goes into it.
    pub(crate) fn element(&mut self, element: Element<'t>, state: &State) {
        for check in rule::ELEMENT {
            check(self, element, state);
            if self.is_settled() {
                return;
            }
        }
        self.children(element, state);
        if !self.is_settled() {
            rule::invariant::check(self, element, state);
        }
    }

    fn children(&mut self, element: Element<'t>, state: &State) {
        if state.is_opaque || (!element.has_children() && state.bounded.is_empty() && state.sliced.is_empty()) {
            return;
        }
        let mut counts = Counts::new(state.slots.len());
        let mut found: SmallVec<[(u16, u16, Element<'t>); 12]> = SmallVec::new();
        for child in element.children() {
            let Some((place, variant)) = state.child(child.name_id()) else {
                rule::structure::unknown(self, child, state);
                continue;
            };
            let Some(slot) = state.slots.get(usize::from(place)) else { continue };
            rule::structure::check(self, child, slot, counts.add(usize::from(place)));
            found.push((place, variant, child));
        }
        for place in &state.bounded {
            let Some(slot) = state.slots.get(usize::from(*place)) else { continue };
            rule::cardinality::check(self, element, slot, counts.get(usize::from(*place)));
            if self.is_settled() {
                return;
            }
        }
        if self.options.obligations && !self.is_trial() {
            for (place, slot) in state.slots.iter().enumerate() {
                if counts.get(place) == 0 {
                    rule::cardinality::obligations(self, element, slot);
                }
            }
        }
        for (place, variant, child) in &found {
            let Some(slot) = state.slots.get(usize::from(*place)) else { continue };
            if slot.slicings.is_empty() {
                self.child(*child, slot, usize::from(*variant), &[]);
                if self.is_settled() {
                    return;
                }
            }
        }
        for place in &state.sliced {
            let Some(slot) = state.slots.get(usize::from(*place)) else { continue };
            let items: SmallVec<[(usize, Element<'t>); 8]> = found
                .iter()
                .filter(|(of, _, _)| of == place)
                .map(|(_, variant, item)| (usize::from(*variant), *item))
                .collect();
            rule::slicing::check(self, element, slot, &items);
            if self.is_settled() {
                return;
            }
        }
    }

    /// Goes into a child that fell into `slices`.
    pub(crate) fn child(&mut self, child: Element<'t>, slot: &Slot, variant: usize, slices: &[Node]) {
        let Some(variant) = slot.variants.get(variant) else { return };
        rule::types::check(self, child, slot, variant);
        if slices.is_empty() {
            self.enter(child, slot, variant);
            return;
        }
        let narrowed = variant.with_slices(self.programs, slices);
        rule::types::check(self, child, slot, &narrowed.own);
        self.enter(child, slot, &narrowed.whole);
    }

    fn enter(&mut self, child: Element<'t>, slot: &Slot, variant: &Variant) {
        if variant.is_resource {
            self.resource(child, variant);
        } else if !variant.is_extension {
            self.element(child, variant.state(self.programs));
        } else {
            match rule::extension::definition(self, child, slot) {
                Some(node) if !variant.nodes.contains(&node) => {
                    let nodes = variant.nodes.iter().copied().chain([node]).collect();
                    let state = self.programs.state(nodes, &variant.ty);
                    self.element(child, &state);
                }
                _ => self.element(child, variant.state(self.programs)),
            }
        }
    }

    pub(crate) fn resource(&mut self, element: Element<'t>, variant: &Variant) {
        let nodes = rule::resource::nodes(self, element, variant);
        self.resource_with(element, nodes);
    }

    /// Holds a resource against its type and a set of nodes.
    pub(crate) fn resource_with(&mut self, element: Element<'t>, mut nodes: Vec<Node>) {
        let Some(ty) = element.resource_type() else {
            self.error(IssueType::Structure, element, "resource", || "There is no resource here.".into());
            return;
        };
        let Some(root) = rule::resource::root(self.programs, ty) else {
            self.error(IssueType::Structure, element, "resource", || format!("'{ty}' is no resource type of FHIR R4."));
            return;
        };
        nodes.push(root);
        nodes.extend(rule::observation::roots(self.programs, element));
        self.hold(element, ty, nodes);
        for (name, check) in rule::RESOURCE {
            if *name == ty && !self.is_settled() {
                check(self, element);
            }
        }
    }
}

/// How often each child was there.
struct Counts {
    few: [u32; 48],
    many: Vec<u32>,
}

impl Counts {
    fn new(slots: usize) -> Counts {
        Counts { few: [0; 48], many: vec![0; slots.saturating_sub(48)] }
    }

    fn place(&mut self, slot: usize) -> Option<&mut u32> {
        if slot < 48 { self.few.get_mut(slot) } else { self.many.get_mut(slot - 48) }
    }

    /// Counts one more; how many there are now.
    fn add(&mut self, slot: usize) -> u32 {
        self.place(slot).map_or(0, |count| {
            *count += 1;
            *count
        })
    }

    fn get(&mut self, slot: usize) -> u32 {
        self.place(slot).map_or(0, |count| *count)
    }
}

impl<'t> Pass<'_, 't> {
    /// Whether a resource says that it meets a profile, or one that derives from it: then its own place is where it is
    /// held against it.
    pub(crate) fn claims(&self, resource: Element<'t>, url: &str) -> bool {
        if !self.options.claimed_profiles || resource.resource_type().is_none() {
            return false;
        }
        let meta = known::get(resource, &known::META);
        if meta.and_then(|meta| known::get(meta, &known::PROFILE)).is_none() {
            return false;
        }
        let mut known = self.claimed_urls.borrow_mut();
        let urls = known.entry(resource.id()).or_insert_with(|| self.urls_claimed(resource));
        urls.iter().any(|claimed| **claimed == *url)
    }

    /// The profiles that a resource names, and those that these derive from.
    fn urls_claimed(&self, resource: Element<'t>) -> Vec<Box<str>> {
        let Some(meta) = known::get(resource, &known::META) else { return Vec::new() };
        let mut found: Vec<Box<str>> = Vec::new();
        for claimed in meta.all("profile").filter_map(Element::text) {
            let mut next: Option<Box<str>> = Some(claimed.into());
            for _ in 0..16 {
                let Some(program) = next.and_then(|next| self.programs.program(&next)) else { break };
                found.push(program.structure.url().into());
                next = program.structure.facts.base.clone();
            }
        }
        found
    }
}
