//! One search parameter of one resource type, ready to index and to search.

use std::sync::Arc;

use model::Element;

use crate::context::Context;
use crate::expressed;
use crate::numbers;
use crate::param::{ParameterType, collect};
use crate::route::Route;
use crate::value::{Kind, Reference, Value};
use crate::walk;

/// A search parameter of a resource type.
#[derive(Debug)]
pub struct Parameter {
    /// What stands in a query: `birthdate`.
    pub code: String,
    /// The canonical URL of its definition.
    pub url: String,
    /// Its type.
    pub of: ParameterType,
    /// The resource types that a reference may be to; empty for any.
    pub targets: Vec<String>,
    /// What its keys begin with.
    pub(crate) prefix: Vec<u8>,
    /// Of what decides about its keys: type, expression, canonical URL.
    pub(crate) digest: [u8; 8],
    /// Whether its definition is that of the built-in catalog.
    pub(crate) built_in: bool,
    /// Where its values are.
    pub(crate) routes: Vec<Route>,
    /// What finds its values, where no routes do.
    pub(crate) expression: Option<fhirpath::Expression>,
    /// Where its rows are, when not under its own prefix.
    pub(crate) rows: Rows,
    /// Whether a resource has at most one value for it.
    pub(crate) single: bool,
    /// Of a composite.
    pub(crate) parts: Option<Parts>,
}

/// Under which keys the values of a parameter are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rows {
    /// Under its own prefix.
    Own,
    /// Under those of other parameters, which hold the same values; of them only references to `target`.
    Of {
        /// The codes of these parameters, of the same resource type.
        codes: Vec<String>,
        /// The resource type, by its number.
        target: Option<u8>,
    },
    /// There are none: composites are met by their parts.
    None,
}

/// The parts of a composite.
#[derive(Debug)]
pub(crate) struct Parts {
    /// From where the parts are seen, each with routes of each part from there.
    pub(crate) from: Vec<(Route, Vec<Vec<Route>>)>,
    /// The type of each part, and the parameter of the same resource type that holds all its values, where there is one.
    pub(crate) each: Vec<(ParameterType, Option<Arc<Parameter>>)>,
    /// Of each part whether its routes begin at the resource itself: `%resource`.
    pub(crate) of_resource: Vec<bool>,
    /// Whether the parts are seen from the resource itself: then to meet the composite is to meet each part.
    pub(crate) whole: bool,
}

impl Parameter {
    /// The words of the narrative of a type's resources. They have rows, but no routes: `plan::special` reads them.
    pub(crate) fn narrative(of_type: u8) -> Parameter {
        Parameter {
            code: "_text".to_owned(),
            url: "http://hl7.org/fhir/SearchParameter/DomainResource-text".to_owned(),
            of: ParameterType::String,
            targets: Vec::new(),
            prefix: numbers::narrative(of_type).to_vec(),
            digest: [0; 8],
            built_in: true,
            routes: Vec::new(),
            expression: None,
            rows: Rows::Own,
            single: false,
            parts: None,
        }
    }

    /// The only type of resource, by its number, that its routes let a reference be to.
    pub(crate) fn target(&self) -> Option<u8> {
        let target = self.routes.first()?.target;
        target.filter(|_| self.routes.iter().all(|route| route.target == target))
    }

    /// What a resource holds for it, by itself. Indexing takes all parameters at once instead.
    pub(crate) fn values<'t>(&self, resource: Element<'t>, context: &'t Context) -> Vec<Value<'t>> {
        match &self.expression {
            Some(expression) => expressed::values(expression, self.of, resource, context),
            None => values(&self.routes, self.of, resource, context),
        }
    }
}

/// What lies at the end of routes.
pub(crate) fn values<'t>(
    routes: &[Route],
    of: ParameterType,
    from: Element<'t>,
    context: &'t Context,
) -> Vec<Value<'t>> {
    let mut found = Vec::new();
    for route in routes {
        for element in walk::follow(route, from) {
            take(of, element, route.end.0, route.target, context, &mut found);
        }
    }
    found
}

/// Adds what an element holds, references to other types than `target` left out.
pub(crate) fn take<'t>(
    of: ParameterType,
    element: Element<'t>,
    kind: Kind,
    target: Option<u8>,
    context: &'t Context,
    found: &mut Vec<Value<'t>>,
) {
    let before = found.len();
    collect(of, element, kind, context, found);
    let Some(target) = target else { return };
    let mut at = before;
    while let Some(value) = found.get(at) {
        match refers_to(value, target, element) {
            true => at += 1,
            false => {
                found.remove(at);
            }
        }
    }
}

/// Whether a reference is, as far as it tells, to a resource of a type.
fn refers_to(value: &Value<'_>, target: u8, element: Element<'_>) -> bool {
    match value {
        Value::Reference(Reference::Local(type_name, _)) => numbers::of_type(type_name) == Some(target),
        Value::Reference(Reference::Url(url)) => {
            let name = url.rsplit('/').nth(1).or_else(|| element.text_at("type"));
            name.and_then(numbers::of_type) == Some(target)
        }
        Value::Reference(_) => element.text_at("type").is_some_and(|name| numbers::of_type(name) == Some(target)),
        _ => true,
    }
}
