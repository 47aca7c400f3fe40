//! `_include` and `_revinclude`: <http://hl7.org/fhir/R4/search.html#revinclude>.

use std::collections::HashSet;
use std::sync::Arc;

use storage::{EngineError, Number};

use crate::numbers;
use crate::param::{Criterion, ParameterType};
use crate::parameter::Parameter;
use crate::parameters::TypeParameters;
use crate::plan::candidate::Candidate;
use crate::plan::canonical;
use crate::plan::run::{Answer, Context, Hit};
use crate::plan::set::Rows;
use crate::plan::stream;
use crate::query::{Include, Query, QueryError, nearest};

/// An include that is understood.
pub(crate) struct Checked<'q> {
    include: &'q Include,
    reverse: bool,
}

/// The includes of a query. What is not understood is added to `errors`.
pub(crate) fn check<'q>(context: &Context<'_>, query: &'q Query, errors: &mut Vec<QueryError>) -> Vec<Checked<'q>> {
    let forward = query.include.iter().map(|include| Checked { include, reverse: false });
    let all = forward.chain(query.revinclude.iter().map(|include| Checked { include, reverse: true }));
    let mut checked = Vec::new();
    for one in all {
        let name = if one.reverse { "_revinclude" } else { "_include" };
        match fault(context, one.include) {
            Some(reason) => errors.push(QueryError::unsupported(name, reason)),
            None => checked.push(one),
        }
    }
    checked
}

fn fault(context: &Context<'_>, include: &Include) -> Option<String> {
    let known = |name: &str| context.index.parameters(name);
    for name in [&include.source, &include.target].into_iter().flatten() {
        if known(name).is_none() {
            return Some(format!("{}: {name} is no resource type", include.written));
        }
    }
    let (source, code) = (include.source.as_deref()?, include.code.as_deref()?);
    let parameters = known(source)?;
    match parameters.get(code) {
        Some(parameter) if parameter.of == ParameterType::Reference => None,
        Some(_) => Some(format!("{}: {source}.{code} is no reference", include.written)),
        None => {
            let references = references(parameters, None).into_iter().map(|parameter| parameter.code.as_str());
            let hint = nearest(code, references).map_or_else(String::new, |near| format!("; did you mean {near}?"));
            Some(format!("{}: {source} has no search parameter {code}{hint}", include.written))
        }
    }
}

fn references<'p>(of_type: &'p TypeParameters, code: Option<&str>) -> Vec<&'p Arc<Parameter>> {
    let all = of_type.list().iter().filter(|parameter| parameter.of == ParameterType::Reference);
    all.filter(|parameter| code.is_none_or(|code| parameter.code == code)).collect()
}

/// Adds what the includes bring in, at most `most`.
pub(crate) fn add(
    context: &Context<'_>,
    includes: &[Checked<'_>],
    most: usize,
    answer: &mut Answer,
) -> Result<(), EngineError> {
    if includes.is_empty() {
        return Ok(());
    }
    let mut known: HashSet<Number> = answer.matches.iter().map(|hit| hit.version.number).collect();
    let mut fresh: Vec<(Number, String)> =
        answer.matches.iter().map(|hit| (hit.version.number, hit.identity.type_name.to_string())).collect();
    let mut first = true;
    while !fresh.is_empty() {
        let mut found = Vec::new();
        for one in includes.iter().filter(|one| first || one.include.iterate) {
            for (number, type_name) in &fresh {
                match one.reverse {
                    false => forward(context, one.include, *number, type_name, &mut found)?,
                    true => reverse(context, one.include, *number, type_name, &mut found)?,
                }
            }
        }
        first = false;
        fresh = Vec::new();
        for number in found {
            if !known.insert(number) {
                continue;
            }
            if answer.included.len() >= most {
                answer.truncated = true;
                return Ok(());
            }
            let candidate = Candidate::new(context, number);
            if !context.may_see(&candidate)? {
                continue;
            }
            if let Some((identity, version)) = candidate.into_resource()? {
                fresh.push((number, identity.type_name.to_string()));
                answer.included.push(Hit { identity, version });
            }
        }
    }
    Ok(())
}

/// What a resource refers to.
fn forward(
    context: &Context<'_>,
    include: &Include,
    number: Number,
    type_name: &str,
    found: &mut Vec<Number>,
) -> Result<(), EngineError> {
    if include.source.as_deref().is_some_and(|source| source != type_name) {
        return Ok(());
    }
    let Some(of_type) = context.index.parameters(type_name) else { return Ok(()) };
    let candidate = Candidate::new(context, number);
    for parameter in references(of_type, include.code.as_deref()) {
        if canonical::is(parameter) {
            let only = include.target.as_deref();
            for target in
                canonical::types(parameter).into_iter().filter(|target| only.is_none_or(|only| only == *target))
            {
                found.extend(canonical::targets(context, &candidate, parameter, target)?);
            }
        }
        let rows = Rows::new(parameter, Criterion::Present, of_type);
        for (target, id) in stream::targets(&candidate, &rows)? {
            let Some(target) = numbers::type_name(target) else { continue };
            if include.target.as_deref().is_none_or(|only| only == target) {
                found.extend(stream::live(context, target, &id)?);
            }
        }
    }
    Ok(())
}

/// What refers to a resource.
fn reverse(
    context: &Context<'_>,
    include: &Include,
    number: Number,
    type_name: &str,
    found: &mut Vec<Number>,
) -> Result<(), EngineError> {
    if include.target.as_deref().is_some_and(|target| target != type_name) {
        return Ok(());
    }
    let Some(identity) = context.view.identity(number)? else { return Ok(()) };
    let sources: Vec<String> = match &include.source {
        Some(source) => vec![source.clone()],
        None => super::run::stored_types(context),
    };
    for source in sources {
        let Some(of_type) = context.index.parameters(&source) else { continue };
        for parameter in references(of_type, include.code.as_deref()) {
            let refers = parameter.targets.is_empty() || parameter.targets.iter().any(|target| target == type_name);
            if !refers {
                continue;
            }
            stream::referring(context, of_type, parameter, (type_name, &identity.id), found)?;
            if canonical::is(parameter) {
                canonical::referring(context, of_type, parameter, (type_name, &identity.id), found)?;
            }
        }
    }
    Ok(())
}
