//! What requests are judged and indexed by, and how stored conformance resources become part of it.
//!
//! A StructureDefinition, ValueSet, CodeSystem, ConceptMap, NamingSystem or Questionnaire that is stored takes effect for the
//! next request. So does a SearchParameter for what is written from then on; a search by it is refused until what was stored
//! before is indexed by it, too (`reindex.rs`).

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use catalog::Catalog;
use model::{Limits, Tree};
use search::Index;
use storage::{EngineError, Method, Scope, Store, T, View};
use validation::Validator;
use validation::terminology::{Coding, Membership};

use crate::reindex::{Earlier, Kept};

/// The types whose resources are rules.
pub(crate) const TYPES: [&str; 7] =
    ["CodeSystem", "ConceptMap", "NamingSystem", "Questionnaire", "SearchParameter", "StructureDefinition", "ValueSet"];

/// After so many additions the catalog is made anew, so that looking something up does not go through ever more layers.
const MOST_LAYERS: usize = 32;

/// The rules of one moment. A clone shares them.
#[derive(Clone)]
pub struct Rules {
    /// Types, profiles, terminology.
    pub catalog: Catalog,
    /// Where search finds a resource.
    pub index: Arc<Index>,
    /// What holds resources against profiles.
    pub validator: Arc<Validator>,
}

impl Rules {
    fn of(catalog: Catalog, bases: &[String], kept: &Arc<Kept>) -> Rules {
        let validator = Arc::new(Validator::new(Arc::new(catalog.clone())));
        let index = Index::new(catalog.clone(), bases.to_vec()).with_indexed(kept.clone());
        let index = Arc::new(index.with_value_sets(Arc::new(Told(validator.clone()))));
        Rules { catalog, index, validator }
    }
}

/// What validation knows of value sets, for search.
struct Told(Arc<Validator>);

impl search::ValueSets for Told {
    fn is_known(&self, value_set: &str) -> bool {
        self.0.terminology().value_set(value_set).is_some()
    }

    fn contains(&self, value_set: &str, system: Option<&str>, code: &str) -> Option<bool> {
        let coding = Coding { system, code, ..Coding::default() };
        match self.0.terminology().contains(value_set, &coding) {
            Membership::In => Some(true),
            Membership::Out => Some(false),
            Membership::Unknown(_) => None,
        }
    }
}

/// The rules in force, and what they were before any resource of the store.
pub(crate) struct RuleBook {
    base: Catalog,
    bases: Vec<String>,
    kept: Arc<Kept>,
    current: RwLock<(Rules, usize)>,
    /// Held while rules are taken in, one commit after the other; what the store had at this `t` is in already.
    learning: Mutex<T>,
}

impl RuleBook {
    /// Those of a catalog.
    pub(crate) fn new(base: Catalog, bases: Vec<String>, store: Store) -> RuleBook {
        let kept = Arc::new(Kept { store, earlier: Arc::default() });
        let current = RwLock::new((Rules::of(base.clone(), &bases, &kept), 0));
        RuleBook { base, bases, kept, current, learning: Mutex::new(0) }
    }

    /// The rules in force.
    pub(crate) fn now(&self) -> Rules {
        self.current.read().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// The indexes that were in force before.
    pub(crate) fn earlier(&self) -> &Earlier {
        &self.kept.earlier
    }

    /// The same rules, asked anew what the stored resources are indexed by.
    pub(crate) fn renew(&self) {
        let _learning = self.learning.lock().unwrap_or_else(PoisonError::into_inner);
        let layers = self.current.read().unwrap_or_else(PoisonError::into_inner).1;
        self.put(self.now().catalog, layers);
    }

    /// Takes in resources that the commit `t` created; `None` stands for one that it changed or deleted.
    pub(crate) fn learn(&self, store: &Store, t: T, written: Vec<Option<Tree>>) {
        let mut known = self.learning.lock().unwrap_or_else(PoisonError::into_inner);
        if t <= *known {
            return;
        }
        let layers = self.current.read().unwrap_or_else(PoisonError::into_inner).1;
        let added: Option<Vec<Tree>> = written.into_iter().collect();
        match added {
            Some(trees) if layers < MOST_LAYERS => self.put(self.now().catalog.with(trees), layers + 1),
            _ => self.take_in(store, &mut known),
        }
    }

    /// Takes in all that the store has, over the base. What cannot be read leaves the rules as they are.
    pub(crate) fn learn_all(&self, store: &Store) {
        let mut known = self.learning.lock().unwrap_or_else(PoisonError::into_inner);
        self.take_in(store, &mut known);
    }

    fn take_in(&self, store: &Store, known: &mut T) {
        let Ok(view) = store.view(None) else {
            return;
        };
        let Ok(trees) = stored(&view) else {
            return;
        };
        let catalog = if trees.is_empty() { self.base.clone() } else { self.base.with(trees) };
        crate::reindex::forget(store, |url| catalog.search_parameter(url).is_some());
        self.put(catalog, 0);
        *known = view.t();
    }

    /// Puts rules in force. They are made beforehand, so that nobody waits for them.
    fn put(&self, catalog: Catalog, layers: usize) {
        let rules = Rules::of(catalog, &self.bases, &self.kept);
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        self.earlier().add(&current.0.index);
        *current = (rules, layers);
    }
}

/// The rules that the store has, in the order that they came: of two with one url the later counts.
fn stored(view: &View) -> Result<Vec<Tree>, EngineError> {
    let bounds = storage::Bounds { direction: storage::Direction::Forward, ..storage::Bounds::default() };
    let mut trees = Vec::new();
    for type_name in TYPES {
        for change in view.history(&Scope::Type(type_name), bounds)? {
            let change = change?;
            let version = view.resource(change.number)?.map(|(_, version)| version);
            let Some(version) = version.filter(|current| current.version == change.version) else {
                continue;
            };
            if change.method == Method::Delete {
                continue;
            }
            let body = version.body()?.unwrap_or_default();
            trees.extend(model::json::read(&body, &Limits::default()));
        }
    }
    Ok(trees)
}
