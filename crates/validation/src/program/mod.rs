//! Structures as programs: which rules hold at an element is settled once, for every set of structures that meet there,
//! and found again by a table look-up.
//!
//! Several structures hold at one element at once: its type, its element in the resource, each profile, each slice it
//! fell into, each profile on its type. Such a set of [`Node`]s makes one [`State`]: rules merged, doubles left out,
//! children by name. States are made when they are first needed and shared by all validations over one catalog.

mod matcher;
mod rule;
mod slot;
mod state;

use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use catalog::{Catalog, Structure};

use crate::Map;

use matcher::Needs;
pub(crate) use matcher::{Matcher, Step, Test, leads};
pub(crate) use rule::{Rule, Shortcut};
pub(crate) use slot::{SlicePlan, SlicingPlan, Slot, Variant};
pub(crate) use state::{Bound, Kind, State, Targets};

/// More states than this are not kept, but made anew for each use: no input can make memory grow without end.
const STATES: usize = 40_000;
/// More canonical references than this are not remembered.
const REFERENCES: usize = 20_000;

/// One structure under its number.
pub(crate) struct Program {
    pub(crate) number: u32,
    pub(crate) structure: Arc<Structure>,
    needs: OnceLock<Arc<Needs>>,
}

/// One element of one program.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Node {
    pub(crate) program: u32,
    pub(crate) element: u32,
}

impl Program {
    /// Its root as a node.
    pub(crate) fn root(&self) -> Node {
        Node { program: self.number, element: 0 }
    }
}

/// All that was compiled over one catalog.
pub(crate) struct Programs {
    pub(crate) catalog: Arc<Catalog>,
    by_url: RwLock<Map<Box<str>, Option<Arc<Program>>>>,
    list: RwLock<Vec<Arc<Program>>>,
    states: RwLock<Map<Box<[Node]>, Arc<State>>>,
    rules: RwLock<Map<rule::RuleKey, Arc<Rule>>>,
}

impl Programs {
    pub(crate) fn new(catalog: Arc<Catalog>) -> Programs {
        Programs {
            catalog,
            by_url: RwLock::default(),
            list: RwLock::default(),
            states: RwLock::default(),
            rules: RwLock::default(),
        }
    }

    /// The program of a canonical reference (`url` or `url|version`), or of a type name; `None` where the catalog has
    /// no usable structure of it.
    pub(crate) fn program(&self, canonical: &str) -> Option<Arc<Program>> {
        if let Some(known) = read(&self.by_url).get(canonical) {
            return known.clone();
        }
        let program = self.find(canonical).map(|structure| self.number(structure));
        let mut known = write(&self.by_url);
        if known.len() < REFERENCES {
            known.insert(canonical.into(), program.clone());
        }
        program
    }

    /// A structure; where the version of its base is not here, as it was published.
    fn find(&self, canonical: &str) -> Option<Arc<Structure>> {
        let found = self.catalog.structure(canonical);
        let base = found.as_ref().ok().and_then(|structure| structure.facts.base.clone());
        let pinned = base.filter(|base| base.contains('|'));
        let is_whole = |base: &str| self.catalog.resource("StructureDefinition", base).is_some();
        if found.is_ok() && pinned.is_none_or(|base| is_whole(&base)) {
            return found.ok();
        }
        self.catalog.published_snapshot(canonical).or(found).ok()
    }

    /// The same structure reached under several names has one number.
    fn number(&self, structure: Arc<Structure>) -> Arc<Program> {
        let mut list = write(&self.list);
        if let Some(known) = list.iter().find(|known| Arc::ptr_eq(&known.structure, &structure)) {
            return known.clone();
        }
        let program = Arc::new(Program { number: list.len() as u32, structure, needs: OnceLock::new() });
        list.push(program.clone());
        program
    }

    /// The structure of a node.
    pub(crate) fn structure(&self, node: Node) -> Option<Arc<Structure>> {
        read(&self.list).get(node.program as usize).map(|program| program.structure.clone())
    }

    /// What a profile plainly demands.
    pub(crate) fn needs(&self, node: Node) -> Arc<Needs> {
        let program = read(&self.list).get(node.program as usize).cloned();
        let Some(program) = program else { return Arc::default() };
        program.needs.get_or_init(|| Arc::new(Matcher::needs(self, &program.structure))).clone()
    }

    /// The root of the program of a canonical reference.
    pub(crate) fn root(&self, canonical: &str) -> Option<Node> {
        self.program(canonical).map(|program| program.root())
    }

    /// The state of a set of nodes that hold for an element of type `ty`.
    pub(crate) fn state(&self, mut nodes: Vec<Node>, ty: &str) -> Arc<State> {
        nodes.sort_unstable();
        nodes.dedup();
        if let Some(known) = read(&self.states).get(nodes.as_slice()) {
            return known.clone();
        }
        let state = Arc::new(State::make(self, &nodes, ty));
        let mut states = write(&self.states);
        if states.len() >= STATES {
            return state;
        }
        states.entry(nodes.into()).or_insert(state).clone()
    }
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
