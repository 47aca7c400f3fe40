//! Resource to index keys.

use std::ops::Bound;
use std::sync::Arc;

use model::Element;
use storage::{Direction, EngineError, KeyRange, Number, View};

use crate::context::Context;
use crate::course;
use crate::indexed::Indexed;
use crate::numbers;
use crate::param;
use crate::parameter::take;
use crate::parameters::{Parameters, TypeParameters};
use crate::plan::special;
use crate::value::{Reference, Token, Value};
use crate::value_sets::ValueSets;

/// The search parameters of a catalog, ready to index resources and to answer searches. Shared by all threads.
pub struct Index {
    pub(crate) parameters: Parameters,
    pub(crate) context: Context,
    pub(crate) value_sets: Option<Arc<dyn ValueSets>>,
}

impl Index {
    /// For the parameters of a catalog, on a server with these absolute URLs (without `/` at the end).
    pub fn new(catalog: catalog::Catalog, bases: Vec<String>) -> Index {
        Index::with_context(catalog.clone(), Context::new(bases).with_catalog(catalog))
    }

    /// For the parameters of a catalog, in a context.
    pub fn with_context(catalog: catalog::Catalog, context: Context) -> Index {
        Index { parameters: Parameters::new(catalog), context, value_sets: None }
    }

    /// The same, where stored resources may not be indexed by every parameter yet.
    pub fn with_indexed(mut self, indexed: Arc<dyn Indexed>) -> Index {
        self.parameters.indexed = Some(indexed);
        self
    }

    /// The same, where value sets that the catalog cannot list are told code by code: for `:in` and `:not-in`.
    pub fn with_value_sets(mut self, value_sets: Arc<dyn ValueSets>) -> Index {
        self.value_sets = Some(value_sets);
        self
    }

    /// The parameters of a type that have rows and are not built in: canonical URL and digest of the definition, as [`Indexed`] is asked for them.
    pub fn added(&self, type_name: &str) -> Vec<(String, [u8; 8])> {
        let own = self.parameters.of(type_name).map(|parameters| parameters.own.as_slice()).unwrap_or_default();
        let added = own.iter().filter(|parameter| !parameter.built_in);
        added.map(|parameter| (parameter.url.clone(), parameter.digest)).collect()
    }

    /// The resource types that there are resources of as of a view, in the order of their numbers.
    pub fn stored_types(&self, view: &View) -> Vec<String> {
        let stored = numbers::types().filter(|name| view.count(name).is_ok_and(|count| count > 0));
        stored.map(str::to_owned).collect()
    }

    /// The numbers of a type's resources as of a view, ascending, behind `after`, at most `most`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn of_type(
        &self,
        view: &View,
        type_name: &str,
        after: Option<Number>,
        most: usize,
    ) -> Result<Vec<Number>, EngineError> {
        let Some(key) = numbers::every(type_name) else { return Ok(Vec::new()) };
        let mut range = KeyRange::prefix(&key);
        if let Some(after) = after {
            range.start = Bound::Excluded([key.as_slice(), &after.to_bytes()].concat());
        }
        view.index(range, Direction::Forward).take(most).map(|row| Ok(row?.number)).collect()
    }

    /// The parameters of a resource type; `None`: there is no such type.
    pub fn parameters(&self, type_name: &str) -> Option<&TypeParameters> {
        self.parameters.of(type_name)
    }

    /// All keys under which a resource is found, sorted, each once. Empty for what is no resource of FHIR R4. What is in the
    /// resource but no value of its type (a date that no calendar has) gives no key.
    pub fn keys(&self, resource: Element<'_>) -> Vec<Vec<u8>> {
        let parameters = resource.resource_type().and_then(|name| self.parameters.of(name));
        let Some(parameters) = parameters else { return Vec::new() };
        let mut keys = Vec::with_capacity(24);
        keys.push(parameters.every.clone());
        let mut values = Vec::new();
        let (mut patients, mut dates) = (Vec::new(), Vec::new());
        parameters.walk.visit(resource, &mut |arrival, element| {
            let Some(parameter) = parameters.own.get(arrival.parameter) else { return };
            values.clear();
            take(parameter.of, element, arrival.kind, arrival.target, &self.context, &mut values);
            let coded = values.iter().any(|value| !is_bare(value));
            for value in &values {
                match (value, parameters.course) {
                    (Value::Reference(Reference::Local("Patient", id)), Some((patient, _)))
                        if patient == arrival.parameter =>
                    {
                        patients.push(*id);
                    }
                    (Value::Date(range), Some((_, date))) if date == arrival.parameter => dates.push(*range),
                    _ => {}
                }
                // Words beside a code need no row: they are found through the row of the code.
                if !coded || !is_bare(value) {
                    param::put(&parameter.prefix, value, &mut keys);
                }
            }
        });
        if let Some(narrative) = &parameters.narrative {
            for word in special::narrative_words(resource) {
                param::put(&narrative.prefix, &Value::Text(&word), &mut keys);
            }
        }
        for parameter in parameters.own.iter().filter(|parameter| parameter.expression.is_some()) {
            for value in parameter.values(resource, &self.context) {
                param::put(&parameter.prefix, &value, &mut keys);
            }
        }
        if let Some(of_type) = parameters.every.first() {
            for patient in patients {
                keys.extend(dates.iter().map(|range| course::key(*of_type, patient, *range)));
            }
        }
        keys.retain(|key| key.len() <= storage::MAX_INDEX_KEY);
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}

/// Whether a value says only that there is something, with words at most.
fn is_bare(value: &Value<'_>) -> bool {
    matches!(value, Value::Token(Token { code: None, .. }) | Value::Reference(Reference::Display))
}
