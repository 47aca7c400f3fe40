//! `$diff`: what changed between two versions, as a FHIRPath Patch that makes the later one of the earlier one.
//!
//! `GET [type]/[id]/$diff?fromVersion=1&toVersion=3`: without `toVersion` the current version, without `fromVersion` the
//! one before it. `GET $diff?from=Patient/1/_history/1&to=Patient/2`: of any two of a type. `includeMeta=true` compares
//! `meta` too, but for version and time. No standard defines it for R4; the parameters are those that servers share.

use access::Item;
use model::{Element, Limits, Tree};
use storage::Version;

use crate::answer::Answer;
use crate::patch::difference;
use crate::refusal::{Class, Refusal};
use crate::request::Request;
use crate::target::{Level, Target};
use crate::{operation, stored_text};

/// Compares two versions of one resource.
pub(crate) fn instance(request: &Request<'_>) -> Result<Answer, Refusal> {
    let asked = operation::asked(request)?.query;
    operation::only(request, &asked, &["fromVersion", "toVersion", "includeMeta"])?;
    let number = |name: &str| match asked.first(name) {
        None => Ok(None),
        Some(text) => text
            .parse::<u64>()
            .map(Some)
            .map_err(|_| Refusal::new(Class::Malformed, format!("{name} is the number of a version."))),
    };
    let (resource_type, id) = (&request.target.resource_type, &request.target.id);
    let to = version(request, resource_type, id, number("toVersion")?)?;
    let from = match number("fromVersion")? {
        Some(number) => Some(number),
        None => to.0.checked_sub(1).filter(|before| *before > 0),
    };
    let from = match from {
        Some(number) => version(request, resource_type, id, Some(number))?.1,
        // Before the first version there was nothing but the type and the id.
        None => Tree::new(resource_type),
    };
    answer(request, from, to.1, asked.first("includeMeta") == Some("true"))
}

/// Compares any two resources or versions of a type.
pub(crate) fn system(request: &Request<'_>) -> Result<Answer, Refusal> {
    let asked = operation::asked(request)?.query;
    operation::only(request, &asked, &["from", "to", "includeMeta"])?;
    let named = |name: &str| {
        let text = asked.first(name).ok_or_else(|| Refusal::new(Class::Malformed, format!("{name} is needed.")))?;
        let path = text.strip_prefix(request.call.base).unwrap_or(text);
        let target = Target::of(path)?;
        let number = match (target.level, target.word.as_str()) {
            (Level::Instance, "") => None,
            (Level::Version, "") => target.version.parse().ok(),
            _ => return Err(Refusal::new(Class::Malformed, format!("{name} names no resource."))),
        };
        version(request, &target.resource_type, &target.id, number)
    };
    let (from, to) = (named("from")?.1, named("to")?.1);
    if from.resource_type() != to.resource_type() {
        return Err(Refusal::new(Class::Malformed, "from and to are of different types."));
    }
    answer(request, from, to, asked.first("includeMeta") == Some("true"))
}

fn answer(request: &Request<'_>, mut from: Tree, mut to: Tree, with_meta: bool) -> Result<Answer, Refusal> {
    for tree in [&mut from, &mut to] {
        tree.edit().remove("id");
        match tree.root().get("meta").map(|meta| meta.id()).filter(|_| with_meta) {
            Some(meta) => {
                tree.edit_at(meta).remove("versionId").remove("lastUpdated");
                if !tree.root().get("meta").is_some_and(Element::has_children) {
                    tree.edit().remove("meta");
                }
            }
            None => drop(tree.edit().remove("meta")),
        }
    }
    Ok(operation::answer(request, &difference::between(request.shapes(), &from, &to)))
}

/// A version and its number; without a number the current one.
fn version(request: &Request<'_>, resource_type: &str, id: &str, number: Option<u64>) -> Result<(u64, Tree), Refusal> {
    let not_found = || Refusal::new(Class::NotFound, format!("{resource_type}/{id} has no such version."));
    let view = request.service.store().view(None).map_err(Refusal::fault)?;
    let found: Option<Version> = match number {
        Some(number) => view.vread(resource_type, id, number),
        None => view.read(resource_type, id),
    }
    .map_err(Refusal::fault)?;
    let found = found.ok_or_else(not_found)?;
    if !request.permit.sees(Item { resource_type, id, version: found.version }) {
        return Err(not_found());
    }
    let Some(body) = found.body().map_err(Refusal::fault)? else {
        return Err(Refusal::new(Class::Gone, format!("Version {} is a deletion.", found.version)));
    };
    let text = stored_text::decode(&body, found.mark, found.version, model::Instant(found.instant.0));
    let tree = model::json::read(&text, &Limits::default()).map_err(|error| Refusal::fault(error.message))?;
    Ok((found.version, tree))
}
