//! Trials: whether an element meets a profile, which slices and references ask before they can say anything.
//!
//! A trial stops at its first error and says nothing. The first trial of a resource is held against everything that is
//! likely to be asked of it (its type, what it claims, every profile that the slices around it name and that its codes
//! allow): where that finds no error, each of these profiles is met, and what it found (warnings) is what the resource's
//! own turn would find again, so that it is looked at once.

use model::{Element, ElementId};

use crate::finding::Finding;
use crate::pass::Pass;
use crate::program::{Node, State, Variant};
use crate::{Map, Set, rule};

/// Trials within trials.
const DEPTH: u32 = 12;

/// What was tried in one validation.
#[derive(Default)]
pub(crate) struct Trials {
    /// How deep in trials; 0 outside.
    depth: u32,
    /// Whether the trial that is under way keeps its findings.
    kept: bool,
    /// Errors of the trial that is under way.
    errors: u32,
    verdicts: Map<(ElementId, Node), Verdict>,
    /// What is wrong with resources by their type alone.
    own_faults: Map<ElementId, Set<(ElementId, String)>>,
    clean: Map<ElementId, Clean>,
    /// Resources that meet one profile, but not with what they claim.
    alone: Set<ElementId>,
    /// Resources that do not meet all that was likely to be asked.
    mixed: Set<ElementId>,
    /// Profiles that the slices around name, while items are sorted into them.
    pub(crate) likely: Vec<Node>,
}

/// Whether an element meets a profile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    UnderWay,
    Meets,
    Fails,
}

/// Profiles that a resource meets, all at once.
struct Clean {
    /// Sorted; the root of its type among them.
    nodes: Vec<Node>,
    /// What there is to say of it, in its own turn.
    findings: Vec<Finding>,
    said: Vec<Box<str>>,
    /// It had its turn.
    is_over: bool,
}

impl Clean {
    fn has(&self, node: Node) -> bool {
        self.nodes.binary_search(&node).is_ok()
    }
}

impl Trials {
    /// Whether the trial that is under way has failed.
    pub(crate) fn are_settled(&self) -> bool {
        self.depth > 0 && self.errors > 0
    }

    /// Whether somebody may read what is found now.
    pub(crate) fn keep_findings(&self) -> bool {
        self.depth == 0 || self.kept
    }

    /// Counts a finding; whether it is to be kept.
    pub(crate) fn keep(&mut self, is_error: bool) -> bool {
        if self.depth == 0 {
            return true;
        }
        self.errors += u32::from(is_error);
        self.kept && !is_error
    }
}

impl<'t> Pass<'_, 't> {
    /// Whether an element meets one more profile. What it meets only if it meets it, it meets.
    pub(crate) fn meets(&mut self, element: Element<'t>, profile: Node) -> bool {
        let key = (element.id(), profile);
        match self.trials.verdicts.get(&key) {
            Some(verdict) => return *verdict != Verdict::Fails,
            None if self.trials.depth >= DEPTH => return true,
            None => {}
        }
        let met = self.is_met(element, profile);
        self.trials.verdicts.insert(key, if met { Verdict::Meets } else { Verdict::Fails });
        met
    }

    fn is_met(&mut self, element: Element<'t>, profile: Node) -> bool {
        let Some(structure) = self.programs.structure(profile) else { return true };
        let ty = element.resource_type().unwrap_or(&structure.facts.r#type);
        if profile.element == 0 {
            let wanted = &*structure.facts.r#type;
            if element.resource_type().is_some_and(|ty| ty != wanted)
                && !matches!(wanted, "Resource" | "DomainResource")
                || !rule::slicing::may_meet(self, element, profile)
            {
                return false;
            }
            if element.resource_type().is_some()
                && let Some(met) = self.meets_with_others(element, ty, profile)
            {
                return met;
            }
        }
        let mut nodes = vec![profile];
        nodes.extend(self.programs.root(ty));
        let state = self.programs.state(nodes, ty);
        self.trials.verdicts.insert((element.id(), profile), Verdict::UnderWay);
        let met = self.attempt(false, |pass| pass.element(element, &state));
        if met && element.resource_type().is_some() {
            self.trials.alone.insert(element.id());
        }
        met
    }

    /// Whether a resource meets a profile, found out together with all else that is likely to be asked of it, or, where
    /// it does not meet all that, with what it meets already; `None` where neither tells.
    fn meets_with_others(&mut self, element: Element<'t>, ty: &str, profile: Node) -> Option<bool> {
        let id = element.id();
        if self.trials.clean.get(&id).is_some_and(|clean| clean.has(profile)) {
            return Some(true);
        }
        if self.depth > 0
            || self.trials.alone.contains(&id)
            || self.trials.clean.get(&id).is_some_and(|clean| clean.is_over)
        {
            return None;
        }
        let likely = std::mem::take(&mut self.trials.likely);
        let met = self.run_likely(element, ty, profile, &likely);
        self.trials.likely = likely;
        met
    }

    fn run_likely(&mut self, element: Element<'t>, ty: &str, profile: Node, likely: &[Node]) -> Option<bool> {
        let id = element.id();
        let least = self.likely_nodes(element, ty, profile, &[])?;
        if !self.trials.mixed.contains(&id) {
            let most = self.likely_nodes(element, ty, profile, likely)?;
            if self.run_clean(element, ty, most.clone()) {
                return Some(true);
            }
            self.trials.mixed.insert(id);
            if most == least {
                return self.is_telling(id, &least).then_some(false);
            }
        }
        let met = self.run_clean(element, ty, least.clone());
        (met || self.is_telling(id, &least)).then_some(met)
    }

    /// Whether an error with these nodes is that of the one that was added last: the others are met, or are the type.
    fn is_telling(&self, id: ElementId, nodes: &[Node]) -> bool {
        self.trials.clean.contains_key(&id) || nodes.len() <= 2
    }

    /// What a resource is likely to be held against; `None` where it is known not to meet that.
    fn likely_nodes(&mut self, element: Element<'t>, ty: &str, profile: Node, likely: &[Node]) -> Option<Vec<Node>> {
        let id = element.id();
        let mut nodes = vec![profile];
        if let Some(clean) = self.trials.clean.get(&id) {
            nodes.extend_from_slice(&clean.nodes);
        } else {
            nodes.extend(rule::resource::root(self.programs, ty));
            nodes.extend(rule::observation::roots(self.programs, element));
            if self.options.claimed_profiles {
                self.attempt(false, |pass| rule::resource::claimed(pass, element, &mut nodes));
            }
        }
        if nodes.iter().any(|node| self.trials.verdicts.get(&(id, *node)) == Some(&Verdict::Fails)) {
            return None;
        }
        for node in likely {
            let Some(structure) = self.programs.structure(*node) else { continue };
            if *structure.facts.r#type == *ty
                && !nodes.contains(node)
                && self.trials.verdicts.get(&(id, *node)) != Some(&Verdict::Fails)
                && rule::slicing::may_meet(self, element, *node)
            {
                nodes.push(*node);
            }
        }
        nodes.sort_unstable();
        nodes.dedup();
        Some(nodes)
    }

    fn run_clean(&mut self, element: Element<'t>, ty: &str, nodes: Vec<Node>) -> bool {
        let id = element.id();
        let before = self.trials.clean.remove(&id);
        if let Some(before) = &before {
            self.said.forget(&before.said);
        }
        let fresh: Vec<Node> =
            nodes.iter().copied().filter(|node| !self.trials.verdicts.contains_key(&(id, *node))).collect();
        for node in &fresh {
            self.trials.verdicts.insert((id, *node), Verdict::UnderWay);
        }
        let state = self.programs.state(nodes.clone(), ty);
        let (found, mark) = (self.findings.len(), self.said.mark());
        let met = self.attempt(true, |pass| pass.element(element, &state));
        let (findings, said) = (self.findings.split_off(found), self.said.since(mark));
        for node in &fresh {
            match met {
                true => self.trials.verdicts.insert((id, *node), Verdict::Meets),
                false => self.trials.verdicts.remove(&(id, *node)),
            };
        }
        if met {
            self.trials.clean.insert(id, Clean { nodes, findings, said, is_over: false });
        } else {
            self.said.forget(&said);
            if let Some(before) = before {
                self.said.remember(&before.said);
                self.trials.clean.insert(id, before);
            }
        }
        met
    }

    /// Holds a resource, in its own turn, against a set of nodes; what a trial has found of it already is taken over.
    pub(crate) fn hold(&mut self, element: Element<'t>, ty: &str, mut nodes: Vec<Node>) {
        nodes.sort_unstable();
        nodes.dedup();
        if self.depth > 0 {
            let state = self.programs.state(nodes, ty);
            return self.element(element, &state);
        }
        let id = element.id();
        if let Some(clean) = self.trials.clean.get(&id)
            && nodes.iter().all(|node| node.element != 0 || clean.has(*node))
            && (!clean.is_over || self.is_trial())
            && self.is_silent(&nodes, ty)
        {
            self.take_over(id);
            return;
        }
        let own_turn = self.trials.depth == 0;
        if own_turn && let Some(clean) = self.trials.clean.remove(&id) {
            self.said.forget(&clean.said);
        }
        let found = self.findings.len();
        let state = self.programs.state(nodes.clone(), ty);
        self.element(element, &state);
        let errors = || self.findings.iter().skip(found).any(|finding| finding.severity.is_error());
        if own_turn && !errors() {
            let clean = Clean { nodes, findings: Vec::new(), said: Vec::new(), is_over: true };
            self.trials.clean.insert(id, clean);
        }
    }

    fn take_over(&mut self, id: ElementId) {
        let (own_turn, keep) = (self.trials.depth == 0, self.trials.keep_findings());
        let Some(clean) = self.trials.clean.get_mut(&id).filter(|_| keep) else { return };
        if own_turn {
            clean.is_over = true;
            self.findings.append(&mut clean.findings);
        } else {
            self.findings.extend(clean.findings.iter().cloned());
        }
    }

    /// Whether the nodes among these that are no profile of their own say nothing.
    fn is_silent(&self, nodes: &[Node], ty: &str) -> bool {
        let inner: Vec<Node> = nodes.iter().copied().filter(|node| node.element != 0).collect();
        inner.is_empty() || self.programs.state(inner, ty).is_silent()
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
        self.trials.verdicts.insert((element.id(), profile), Verdict::Meets);
        true
    }

    fn is_only_its_type(&mut self, element: Element<'t>, ty: &str, profile: Node) -> bool {
        let Some(root) = self.programs.root(ty) else { return false };
        if !self.trials.own_faults.contains_key(&element.id()) {
            let plain = self.programs.state(vec![root], ty);
            let own = self.faults(element, &plain);
            self.trials.own_faults.insert(element.id(), own);
        }
        if self.trials.own_faults.get(&element.id()).is_none_or(Set::is_empty) {
            return false;
        }
        let state = self.programs.state(vec![root, profile], ty);
        let all = self.faults(element, &state);
        self.trials.own_faults.get(&element.id()).is_some_and(|own| all.is_subset(own))
    }

    /// The errors of an element by one state alone.
    fn faults(&mut self, element: Element<'t>, state: &State) -> Set<(ElementId, String)> {
        let (trials, before) = (std::mem::replace(&mut self.trials.depth, 0), self.findings.len());
        self.depth += 1;
        self.element(element, state);
        self.depth -= 1;
        self.trials.depth = trials;
        let found = self.findings.split_off(before);
        let errors = found.into_iter().filter(|finding| finding.severity.is_error());
        errors.map(|error| (error.element, error.text)).collect()
    }

    /// Whether an item meets what a slice says of it.
    pub(crate) fn fits(&mut self, item: Element<'t>, variant: &Variant, slice: Node) -> bool {
        let key = (item.id(), slice);
        match self.trials.verdicts.get(&key) {
            Some(verdict) => return *verdict != Verdict::Fails,
            None if self.trials.depth >= DEPTH => return true,
            None => self.trials.verdicts.insert(key, Verdict::UnderWay),
        };
        let narrowed = variant.of_slice(self.programs, slice);
        let met = self.attempt(false, |pass| {
            rule::types::profiles(pass, item, &narrowed);
            if narrowed.is_resource {
                pass.resource(item, &narrowed);
            } else {
                let state = pass.programs.state(narrowed.nodes.clone(), &narrowed.ty);
                pass.element(item, &state);
            }
        });
        self.trials.verdicts.insert(key, if met { Verdict::Meets } else { Verdict::Fails });
        met
    }

    /// Whether some work finds no error; `kept` findings that are none stay.
    fn attempt(&mut self, kept: bool, work: impl FnOnce(&mut Self)) -> bool {
        let before = (std::mem::take(&mut self.trials.errors), std::mem::replace(&mut self.trials.kept, kept));
        self.trials.depth += 1;
        work(self);
        self.trials.depth -= 1;
        self.trials.kept = before.1;
        std::mem::replace(&mut self.trials.errors, before.0) == 0
    }

    /// Says, at its own place, why an element does not meet a profile.
    pub(crate) fn explain(&mut self, element: Element<'t>, profile: Node) {
        if self.trials.depth > 0
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
