//! A structure in the making: what it needs of other structures, with bounds on depth and repetition, so that profiles
//! that depend on each other in a circle end in an error.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

use model::{Issue, IssueType};

use crate::Catalog;
use crate::entry::Entry;
use crate::structure::{Differential, Resolve, Structure, StructureError, generate};

/// Structures that may be in the making at once, one for the sake of the other.
const STRUCTURES_IN_THE_MAKING: usize = 24;

/// A structure, or why there is none.
pub(crate) type Made = Result<Arc<Structure>, StructureError>;

/// Structures in the making, each for the sake of the one before it.
pub(crate) struct Making<'c> {
    catalog: &'c Catalog,
    stack: RefCell<Vec<*const Entry>>,
    /// How often a structure was asked for that is itself in the making.
    cycles: Cell<usize>,
    /// What was made on the way, also what only holds on this way: nothing is made twice.
    made: RefCell<HashMap<*const Entry, Made>>,
}

impl Making<'_> {
    pub(crate) fn new(catalog: &Catalog) -> Making<'_> {
        Making { catalog, stack: RefCell::default(), cycles: Cell::default(), made: RefCell::default() }
    }

    /// Whether nothing is in the making yet.
    pub(crate) fn is_first(&self) -> bool {
        self.stack.borrow().is_empty()
    }

    /// The structure of an entry, and whether it came out as it always would.
    pub(crate) fn make(&self, entry: &Arc<Entry>) -> (Made, bool) {
        let key = Arc::as_ptr(entry);
        let url = &entry.header.url;
        if self.stack.borrow().contains(&key) {
            self.cycles.set(self.cycles.get() + 1);
            return (Err(StructureError::Cycle(url.clone())), false);
        }
        if self.stack.borrow().len() >= STRUCTURES_IN_THE_MAKING {
            self.cycles.set(self.cycles.get() + 1);
            let reason = "too many structures depend on each other".into();
            return (Err(StructureError::Broken { url: url.clone(), reason }), false);
        }
        if let Some(made) = self.made.borrow().get(&key) {
            self.cycles.set(self.cycles.get() + 1);
            return (made.clone(), false);
        }
        let before = self.cycles.get();
        self.stack.borrow_mut().push(key);
        let made = self.read(entry);
        self.stack.borrow_mut().pop();
        self.made.borrow_mut().insert(key, made.clone());
        (made, self.stack.borrow().is_empty() || before == self.cycles.get())
    }

    fn read(&self, entry: &Entry) -> Made {
        let broken = |reason: String| StructureError::Broken { url: entry.header.url.clone(), reason: reason.into() };
        let tree = entry.text.tree().map_err(|error| broken(error.to_string()))?;
        let differential = Differential::read(&tree, false);
        match generate(&differential, self) {
            Ok(structure) => Ok(Arc::new(structure)),
            Err(error) => {
                let published = Differential::read(&tree, true);
                if !published.is_snapshot || matches!(error, StructureError::Cycle(_)) {
                    return Err(error);
                }
                let mut structure = generate(&published, self)?;
                let text = format!("The published snapshot is used as it is: {error}");
                structure.issues.push(Issue::warning(IssueType::Incomplete, "", text).with_rule(&*entry.header.url));
                Ok(Arc::new(structure))
            }
        }
    }
}

impl Resolve for Making<'_> {
    fn resolve(&self, canonical: &str) -> Made {
        self.catalog.structure_within(canonical, self)
    }
}
