//! All live resources of a type as of a view, one after the other, with flat memory.

use access::{Action, Caller, Denial, Item, Permit, Policy, Released, Verb};
use model::Instant;
use storage::{Bounds, EngineError, Method, Scope, View};

use crate::stored_text;

/// The permit of an export.
///
/// # Errors
/// Where the policy does not give it.
pub fn permit(policy: &Policy, caller: &Caller) -> Result<Permit, Denial> {
    policy.permit(caller, &Action { verb: Verb::Search, resource_type: None, id: None })
}

/// The text of each live resource of a type that the permit sees, newest change first.
pub fn resources<'a>(
    view: &'a View,
    permit: &'a Permit,
    type_name: &'a str,
) -> impl Iterator<Item = Result<Released, EngineError>> + 'a {
    let (changes, failed) = match view.history(&Scope::Type(type_name), Bounds::default()) {
        Ok(changes) => (Some(changes), None),
        Err(error) => (None, Some(Err(error))),
    };
    let texts = changes.into_iter().flatten().filter_map(move |change| match change {
        Ok(change) if change.method == Method::Delete => None,
        Ok(change) => text(view, permit, &change).transpose(),
        Err(error) => Some(Err(error)),
    });
    failed.into_iter().chain(texts)
}

fn text(view: &View, permit: &Permit, change: &storage::Change) -> Result<Option<Released>, EngineError> {
    let Some(identity) = view.identity(change.number)? else {
        return Ok(None);
    };
    let item = Item { resource_type: &identity.type_name, id: &identity.id, version: change.version };
    // Each change of the history comes by; only the one that brought the current version counts.
    let current = view.read(&identity.type_name, &identity.id)?;
    let current = current.filter(|version| version.number == change.number && version.version == change.version);
    let Some(version) = current else {
        return Ok(None);
    };
    let Some(body) = version.body()? else {
        return Ok(None);
    };
    let instant = Instant(version.instant.0);
    Ok(permit.release(item, stored_text::decode(&body, version.mark, version.version, instant)))
}
