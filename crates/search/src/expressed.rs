//! Parameters whose expression is more than a path: the crate `fhirpath` evaluates them.
//!
//! Elements and booleans of the result are values; texts and numbers that an expression computes are not, since no element holds them.

use catalog::Catalog;
use fhirpath::{Environment, Expression, Item, Prepared};
use model::{Element, Shapes};

use crate::context::Context;
use crate::param::{ParameterType, collect};
use crate::value::{Kind, System, Token, Value};

/// What an expression finds in a resource. An expression that fails finds nothing.
pub(crate) fn values<'t>(
    expression: &Expression,
    of: ParameterType,
    resource: Element<'t>,
    context: &'t Context,
) -> Vec<Value<'t>> {
    let mut found = Vec::new();
    let Some(catalog) = context.catalog() else { return found };
    let shapes: &'t Catalog = catalog;
    let prepared = Prepared::new(resource.tree(), shapes);
    let environment = Environment::new(&prepared).with_typed_references();
    let Ok(items) = expression.evaluate(resource, &environment) else { return found };
    for item in &items {
        if let Some(element) = item.element() {
            let kind = Kind::of(shapes.type_name(prepared.type_of(element)));
            collect(of, element, kind, context, &mut found);
        } else if let (Item::Boolean(value), ParameterType::Token) = (item, of) {
            let code = Some(if *value { "true" } else { "false" });
            found.push(Value::Token(Token { system: System::Implied, code, text: None, identifier_type: None }));
        }
    }
    found
}
