//! References by canonical URL: chains and includes lead over them as over any other.
//! <http://hl7.org/fhir/R4/references.html#canonical>
//!
//! A URL without version means every resource here that has it, whatever its version.

use std::collections::BTreeSet;
use std::sync::Arc;

use storage::{Direction, EngineError, Number};

use crate::numbers;
use crate::param::{Criterion, ParameterType, reference, uri};
use crate::parameter::Parameter;
use crate::plan::candidate::Candidate;
use crate::plan::run::Context;
use crate::plan::set::Rows;
use crate::plan::stream;
use crate::span::Verdict;
use crate::value::{Kind, Reference, Value};

/// Whether a parameter holds canonical URLs.
pub(crate) fn is(parameter: &Parameter) -> bool {
    parameter.of == ParameterType::Reference && parameter.routes.iter().any(|route| route.end.0 == Kind::Canonical)
}

/// What references to resources by their canonical URLs meet; `None` where none of them has one.
pub(crate) fn to<'i>(
    context: &Context<'_>,
    type_name: &str,
    ids: impl Iterator<Item = &'i String>,
) -> Result<Option<Criterion>, EngineError> {
    let mut own = BTreeSet::new();
    for id in ids {
        let Some(number) = stream::live(context, type_name, id)? else { continue };
        let candidate = Candidate::new(context, number);
        let Some(root) = candidate.tree()?.map(|tree| tree.root()) else { continue };
        if let Some(url) = root.text_at("url") {
            own.insert((url.to_owned(), root.text_at("version").map(str::to_owned)));
        }
    }
    let criterion = (!own.is_empty()).then_some(reference::Criterion::Canonicals(own));
    Ok(criterion.map(Criterion::Reference))
}

/// The resources of a type that a resource's canonical URLs mean.
pub(crate) fn targets(
    context: &Context<'_>,
    candidate: &Candidate<'_, '_>,
    parameter: &Parameter,
    type_name: &str,
) -> Result<Vec<Number>, EngineError> {
    let mut found = Vec::new();
    let Some(of_type) = context.index.parameters(type_name) else { return Ok(found) };
    let Some(by_url) = of_type.get("url").filter(|url| url.of == ParameterType::Uri) else { return Ok(found) };
    let Some(tree) = candidate.tree()? else { return Ok(found) };
    for value in parameter.values(tree.root(), &context.index.context) {
        let Value::Reference(Reference::Canonical(url, version)) = value else { continue };
        let rows = Rows::new(by_url, Criterion::Uri(uri::Criterion::new(uri::How::Is, url)), of_type);
        for number in numbers_of(context, &rows)? {
            let target = Candidate::new(context, number);
            let fits =
                target.tree()?.is_some_and(|tree| version.is_none() || tree.root().text_at("version") == version);
            if fits {
                found.push(number);
            }
        }
    }
    Ok(found)
}

/// The resources that refer to another by its canonical URL.
pub(crate) fn referring(
    context: &Context<'_>,
    of_type: &crate::parameters::TypeParameters,
    parameter: &Arc<Parameter>,
    (target, id): (&str, &str),
    found: &mut Vec<Number>,
) -> Result<(), EngineError> {
    if let Some(criterion) = to(context, target, std::iter::once(&id.to_owned()))? {
        found.extend(numbers_of(context, &Rows::new(parameter, criterion, of_type))?);
    }
    Ok(())
}

/// The types that a parameter can refer to.
pub(crate) fn types(parameter: &Parameter) -> Vec<&str> {
    match parameter.targets.as_slice() {
        [] => numbers::types().collect(),
        some => some.iter().map(String::as_str).collect(),
    }
}

fn numbers_of(context: &Context<'_>, rows: &Rows) -> Result<Vec<Number>, EngineError> {
    let mut found = Vec::new();
    for (span, prefix) in &rows.spans {
        let mut scan = context.view.index(span.rows(), Direction::Forward);
        for row in scan.by_ref() {
            let row = row?;
            if rows.keep(row.key().get(*prefix..).unwrap_or(&[])) != Verdict::No {
                found.push(row.number);
            }
        }
        context.cost.rows.set(context.cost.rows.get() + scan.read());
    }
    Ok(found)
}
