//! What requests are judged and indexed by, and how stored conformance resources become part of it.
//!
//! A StructureDefinition, ValueSet, CodeSystem, ConceptMap or NamingSystem that is stored takes effect for the next request. So does a
//! SearchParameter for what is written from then on; a search by it is refused until what was stored before is indexed by it, too
//! ([`crate::reindex`]).

use std::sync::{Arc, PoisonError, RwLock};

use catalog::Catalog;
use model::{Limits, Tree};
use search::Index;
use storage::{EngineError, Method, Scope, Store};
use validation::Validator;
use validation::terminology::{Coding, Membership};

use crate::reindex::{Earlier, Kept};

/// The types whose resources are rules.
pub(crate) const TYPES: [&str; 6] =
    ["CodeSystem", "ConceptMap", "NamingSystem", "SearchParameter", "StructureDefinition", "ValueSet"];

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
}

impl RuleBook {
    /// Those of a catalog.
    pub(crate) fn new(base: Catalog, bases: Vec<String>, store: Store) -> RuleBook {
        let kept = Arc::new(Kept { store, earlier: Arc::default() });
        let current = RwLock::new((Rules::of(base.clone(), &bases, &kept), 0));
        RuleBook { base, bases, kept, current }
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
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let rules = Rules::of(current.0.catalog.clone(), &self.bases, &self.kept);
        self.earlier().add(&current.0.index);
        current.0 = rules;
    }

    /// Takes in resources that were stored; `None` stands for one that was deleted.
    pub(crate) fn learn(&self, store: &Store, written: Vec<Option<Tree>>) {
        let layers = self.current.read().unwrap_or_else(PoisonError::into_inner).1;
        let added: Option<Vec<Tree>> = written.into_iter().collect();
        match added {
            Some(trees) if layers < MOST_LAYERS => {
                let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
                let catalog = current.0.catalog.with(trees);
                self.earlier().add(&current.0.index);
                *current = (Rules::of(catalog, &self.bases, &self.kept), layers + 1);
            }
            _ => self.learn_all(store),
        }
    }

    /// Takes in all that the store has, over the base. What cannot be read leaves the rules as they are.
    pub(crate) fn learn_all(&self, store: &Store) {
        let Ok(trees) = stored(store) else {
            return;
        };
        let catalog = if trees.is_empty() { self.base.clone() } else { self.base.with(trees) };
        crate::reindex::forget(store, |url| catalog.search_parameter(url).is_some());
        let rules = Rules::of(catalog, &self.bases, &self.kept);
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        self.earlier().add(&current.0.index);
        *current = (rules, 0);
    }
}

fn stored(store: &Store) -> Result<Vec<Tree>, EngineError> {
    let Ok(view) = store.view(None) else {
        return Ok(Vec::new());
    };
    let mut trees = Vec::new();
    for type_name in TYPES {
        for change in view.history(&Scope::Type(type_name), storage::Bounds::default())? {
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
