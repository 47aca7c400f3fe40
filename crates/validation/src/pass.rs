//! One pass over one tree: the walk that carries the state from element to element, and where findings go.

use std::cell::{OnceCell, RefCell};
use std::collections::{HashMap, HashSet};

use model::{Element, ElementId, IssueType, Severity, Tree};
use smallvec::SmallVec;

use crate::finding::Finding;
use crate::known;
use crate::options::Options;
use crate::places::Places;
use crate::program::{Node, Programs, Slot, State, Variant};
use crate::rule;
use crate::terminology::Terminology;

/// Trials (does this item meet that profile?) within trials.
const TRIALS: u32 = 12;

/// The state of one validation.
pub(crate) struct Pass<'v, 't> {
    pub(crate) programs: &'v Programs,
    pub(crate) terminology: &'v Terminology,
    pub(crate) options: &'v Options,
    pub(crate) tree: &'t Tree,
    pub(crate) prepared: fhirpath::Prepared<'t>,
    /// Profiles that each resource is held against in this pass, beside its type.
    pub(crate) claimed: HashMap<ElementId, Vec<Node>>,
    places: OnceCell<Places<'t>>,
    findings: Vec<Finding>,
    /// Passes within passes, by `conformsTo()`.
    pub(crate) depth: u32,
    /// How deep in trials; 0 outside, where findings are kept.
    trials: u32,
    /// Errors of the trial that is under way.
    errors: u32,
    verdicts: HashMap<(ElementId, Node), Verdict>,
    /// What is wrong with resources by their type alone.
    own_faults: HashMap<ElementId, HashSet<(ElementId, String)>>,
    /// What resources say that they meet.
    claimed_urls: RefCell<HashMap<ElementId, Vec<Box<str>>>>,
    /// Said once however often it is met.
    said: HashSet<Box<str>>,
}

/// Whether an element meets a profile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    UnderWay,
    Meets,
    Fails,
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
            claimed: HashMap::new(),
            places: OnceCell::new(),
            findings: Vec::new(),
            depth: 0,
            trials: 0,
            errors: 0,
            verdicts: HashMap::new(),
            own_faults: HashMap::new(),
            claimed_urls: RefCell::default(),
            said: Default::default(),
        }
    }

    /// Where resources stand and what references point to.
    pub(crate) fn places(&self) -> &Places<'t> {
        self.places.get_or_init(|| Places::of(self.tree))
    }

    pub(crate) fn into_findings(self) -> Vec<Finding> {
        self.findings
    }

    /// Whether a trial has already failed, so that nothing more need be looked at.
    pub(crate) fn is_settled(&self) -> bool {
        self.trials > 0 && self.errors > 0
    }

    /// Whether this is a trial, whose findings nobody reads.
    pub(crate) fn is_trial(&self) -> bool {
        self.trials > 0
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
        if self.trials > 0 {
            self.errors += u32::from(severity.is_error());
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
        self.trials == 0 && self.depth == 0 && self.said.insert(what.into())
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
        if self.options.obligations && self.trials == 0 {
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

    fn resource(&mut self, element: Element<'t>, variant: &Variant) {
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
        if ty == "Observation" {
            let profiles = rule::observation::vital_signs(element);
            nodes.extend(profiles.iter().filter_map(|profile| self.programs.root(profile)));
        }
        if self.trials == 0 {
            self.claimed.entry(element.id()).or_default().extend_from_slice(&nodes);
        }
        let state = self.programs.state(nodes, ty);
        self.element(element, &state);
        for (name, check) in rule::RESOURCE {
            if *name == ty && !self.is_settled() {
                check(self, element);
            }
        }
    }

    /// Whether an element meets one more profile. What it meets only if it meets it, it meets.
    pub(crate) fn meets(&mut self, element: Element<'t>, profile: Node) -> bool {
        let key = (element.id(), profile);
        match self.verdicts.get(&key) {
            Some(verdict) => return *verdict != Verdict::Fails,
            None if self.trials >= TRIALS => return true,
            None => self.verdicts.insert(key, Verdict::UnderWay),
        };
        let Some(structure) = self.programs.structure(profile) else { return true };
        let ty = element.resource_type().unwrap_or(&structure.facts.r#type);
        if element.resource_type().is_some_and(|ty| profile.element == 0 && ty != &*structure.facts.r#type)
            && !matches!(&*structure.facts.r#type, "Resource" | "DomainResource")
        {
            self.verdicts.insert(key, Verdict::Fails);
            return false;
        }
        if profile.element == 0 && !rule::slicing::may_meet(self, element, profile) {
            self.verdicts.insert(key, Verdict::Fails);
            return false;
        }
        let mut nodes = vec![profile];
        nodes.extend(self.programs.root(ty));
        let state = self.programs.state(nodes, ty);
        let met = self.attempt(|pass| pass.element(element, &state));
        self.verdicts.insert(key, if met { Verdict::Meets } else { Verdict::Fails });
        met
    }

    /// The same for the target of a reference: what is wrong with it by its type already, and so is said at its own
    /// place, does not count.
    pub(crate) fn target_meets(&mut self, element: Element<'t>, profile: Node) -> bool {
        if self.meets(element, profile) {
            return true;
        }
        let Some(ty) = element.resource_type() else { return false };
        if self.depth > 0 || !self.is_only_its_type(element, ty, profile) {
            return false;
        }
        self.verdicts.insert((element.id(), profile), Verdict::Meets);
        true
    }

    fn is_only_its_type(&mut self, element: Element<'t>, ty: &str, profile: Node) -> bool {
        let Some(root) = self.programs.root(ty) else { return false };
        if !self.own_faults.contains_key(&element.id()) {
            let plain = self.programs.state(vec![root], ty);
            let own = self.faults(element, &plain);
            self.own_faults.insert(element.id(), own);
        }
        if self.own_faults.get(&element.id()).is_none_or(HashSet::is_empty) {
            return false;
        }
        let state = self.programs.state(vec![root, profile], ty);
        let all = self.faults(element, &state);
        self.own_faults.get(&element.id()).is_some_and(|own| all.is_subset(own))
    }

    /// The errors of an element by one state alone.
    fn faults(&mut self, element: Element<'t>, state: &State) -> HashSet<(ElementId, String)> {
        let (trials, before) = (std::mem::replace(&mut self.trials, 0), self.findings.len());
        self.depth += 1;
        self.element(element, state);
        self.depth -= 1;
        self.trials = trials;
        let found = self.findings.split_off(before);
        let errors = found.into_iter().filter(|finding| finding.severity.is_error());
        errors.map(|error| (error.element, error.text)).collect()
    }

    /// Whether an item meets what a slice says of it.
    pub(crate) fn fits(&mut self, item: Element<'t>, variant: &Variant, slice: Node) -> bool {
        let key = (item.id(), slice);
        match self.verdicts.get(&key) {
            Some(verdict) => return *verdict != Verdict::Fails,
            None if self.trials >= TRIALS => return true,
            None => self.verdicts.insert(key, Verdict::UnderWay),
        };
        let narrowed = variant.of_slice(self.programs, slice);
        let met = self.attempt(|pass| {
            rule::types::profiles(pass, item, &narrowed);
            if narrowed.is_resource {
                pass.resource(item, &narrowed);
            } else {
                let state = pass.programs.state(narrowed.nodes.clone(), &narrowed.ty);
                pass.element(item, &state);
            }
        });
        self.verdicts.insert(key, if met { Verdict::Meets } else { Verdict::Fails });
        met
    }

    /// Whether some work would find no error.
    pub(crate) fn attempt(&mut self, work: impl FnOnce(&mut Self)) -> bool {
        let before = std::mem::take(&mut self.errors);
        self.trials += 1;
        work(self);
        self.trials -= 1;
        std::mem::replace(&mut self.errors, before) == 0
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

    /// Says, at its own place, why an element does not meet a profile.
    pub(crate) fn explain(&mut self, element: Element<'t>, profile: Node) {
        if self.trials > 0
            || self.depth > 0
            || self.findings.len() > 5_000
            || !self.once(&format!("{:?} {profile:?}", element.id()))
        {
            return;
        }
        let ty = element.resource_type().unwrap_or_default();
        let mut nodes = vec![profile];
        nodes.extend(self.programs.root(ty));
        let state = self.programs.state(nodes, ty);
        self.element(element, &state);
    }
}
