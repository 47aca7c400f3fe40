//! Resource to index keys.

use model::Element;

use crate::context::Context;
use crate::course;
use crate::param;
use crate::parameter::take;
use crate::parameters::{Parameters, TypeParameters};
use crate::value::{Reference, Token, Value};

/// The search parameters of a catalog, ready to index resources and to answer searches. Shared by all threads.
pub struct Index {
    pub(crate) parameters: Parameters,
    pub(crate) context: Context,
}

impl Index {
    /// For the parameters of a catalog, on a server with these absolute URLs (without `/` at the end).
    pub fn new(catalog: catalog::Catalog, bases: Vec<String>) -> Index {
        Index::with_context(catalog.clone(), Context::new(bases).with_catalog(catalog))
    }

    /// For the parameters of a catalog, in a context.
    pub fn with_context(catalog: catalog::Catalog, context: Context) -> Index {
        Index { parameters: Parameters::new(catalog), context }
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
