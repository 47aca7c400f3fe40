//! `GET [base]/[type]/[id]`: <http://hl7.org/fhir/R4/http.html#read>.

use access::Item;
use model::{Limits, Tree};
use storage::Version;

use crate::answer::{Answer, etag};
use crate::refusal::{Class, Refusal};
use crate::request::Request;
use crate::subset::Subset;
use crate::{binary, conditions, render, search_type, stored_text};

/// Answers with the current version.
pub(crate) fn run(request: &Request<'_>) -> Result<Answer, Refusal> {
    let (resource_type, id) = (&request.target.resource_type, &request.target.id);
    let view = request.service.store().view(None).map_err(Refusal::fault)?;
    let found = view.read(resource_type, id).map_err(Refusal::fault)?;
    version(request, found.ok_or_else(|| not_found(request))?)
}

/// Answers with a version.
pub(crate) fn version(request: &Request<'_>, version: Version) -> Result<Answer, Refusal> {
    let (resource_type, id) = (request.target.resource_type.as_str(), request.target.id.as_str());
    let item = Item { resource_type, id, version: version.version };
    if !request.permit.sees(item) {
        return Err(not_found(request));
    }
    let Some(body) = version.body().map_err(Refusal::fault)? else {
        return Err(Refusal::new(Class::Gone, format!("{resource_type}/{id} was deleted.")));
    };
    let instant = model::Instant(version.instant.0);
    let mut answer = match conditions::is_unchanged(&request.call.headers, version.version, instant) {
        true => Answer::empty(304),
        false => {
            let part = search_type::part(request)?;
            let text = stored_text::decode(&body, version.mark, version.version, instant);
            let text = Subset::of(part.summary, &part.elements, request).apply(text)?;
            let released = request.permit.release(item, text).ok_or_else(|| not_found(request))?;
            match binary::wants_raw(request) {
                true => binary::raw(released, request.call.headers.range)?,
                false => {
                    let body = render::stored(released, &request.media, request.shapes())?;
                    Answer::with_body(200, request.media.content_type(), body)
                }
            }
        }
    };
    answer.etag = Some(etag(version.version));
    answer.last_modified = Some(instant);
    Ok(answer)
}

/// The version that a version id names: each has one name.
pub(crate) fn version_number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

/// The current version as a tree, to work with.
pub(crate) fn current(request: &Request<'_>, resource_type: &str, id: &str) -> Result<Tree, Refusal> {
    let not_found = || Refusal::new(Class::NotFound, format!("{resource_type}/{id} is not known."));
    let view = request.service.store().view(None).map_err(Refusal::fault)?;
    let version = view.read(resource_type, id).map_err(Refusal::fault)?.ok_or_else(not_found)?;
    if !request.permit.sees(Item { resource_type, id, version: version.version }) {
        return Err(not_found());
    }
    let Some(body) = version.body().map_err(Refusal::fault)? else {
        return Err(Refusal::new(Class::Gone, format!("{resource_type}/{id} was deleted.")));
    };
    let text = stored_text::decode(&body, version.mark, version.version, model::Instant(version.instant.0));
    model::json::read(&text, &Limits::default()).map_err(|error| Refusal::fault(format!("stored text: {error}")))
}

/// What a caller hears of a resource that is not there, or not for them.
pub(crate) fn not_found(request: &Request<'_>) -> Refusal {
    let target = &request.target;
    let version = if target.version.is_empty() { String::new() } else { format!("/_history/{}", target.version) };
    Refusal::new(Class::NotFound, format!("{}/{}{version} is not known.", target.resource_type, target.id))
}
