//! The answer to a write.

use access::{Item, Released};
use model::{Issue, IssueType};
use storage::Effect;

use crate::answer::{Answer, etag};
use crate::refusal::{Class, Refusal};
use crate::request::{Request, Return};
use crate::write::Stored;
use crate::{render, stored_text};

/// 201 with `Location` for what came to be, 200 for a new version; the body that `Prefer: return=` asks for.
pub(crate) fn answer(request: &Request<'_>, stored: Option<&Stored>) -> Result<Answer, Refusal> {
    let stored = stored.ok_or_else(|| Refusal::fault("a write without outcome"))?;
    let status = if stored.effect == Effect::Created { 201 } else { 200 };
    let name = format!("{}/{}", stored.resource_type, stored.id);
    let mut answer = match request.preferred_return() {
        Return::Minimal => Answer::empty(status),
        Return::OperationOutcome => {
            outcome(request, status, &format!("{name} is stored as version {}.", stored.version))
        }
        Return::Representation => match stored.release(&request.permit) {
            Some(text) => {
                let body = render::stored(text, &request.media, request.shapes())?;
                Answer::with_body(status, request.media.content_type(), body)
            }
            None => Answer::empty(status),
        },
    };
    let url = format!("{}/{name}/_history/{}", request.call.base, stored.version);
    answer.location = Some(url.clone()).filter(|_| status == 201);
    answer.content_location = Some(url).filter(|_| status == 200);
    answer.etag = Some(etag(stored.version));
    answer.last_modified = Some(stored.instant);
    Ok(answer)
}

/// The answer to a create that found the resource there: 200, and what a read would give.
pub(crate) fn existing(request: &Request<'_>, resource_type: &str, id: &str) -> Result<Answer, Refusal> {
    let view = request.service.store().view(None).map_err(Refusal::fault)?;
    let version = view.read(resource_type, id).map_err(Refusal::fault)?;
    let Some((version, body)) =
        version.and_then(|version| Some((version.body().transpose()?, version))).map(|(body, version)| (version, body))
    else {
        return Err(Refusal::new(Class::Busy, "Other writers were faster; try again."));
    };
    let body = body.map_err(Refusal::fault)?;
    let instant = model::Instant(version.instant.0);
    let item = Item { resource_type, id, version: version.version };
    let text = stored_text::decode(&body, version.mark, version.version, instant);
    let mut answer = match (request.preferred_return(), request.permit.release(item, text)) {
        (Return::Representation, Some(text)) => {
            let body = render::stored(text, &request.media, request.shapes())?;
            Answer::with_body(200, request.media.content_type(), body)
        }
        (Return::OperationOutcome, _) => outcome(request, 200, &format!("{resource_type}/{id} is there already.")),
        _ => Answer::empty(200),
    };
    answer.location = Some(format!("{}/{resource_type}/{id}/_history/{}", request.call.base, version.version));
    answer.etag = Some(etag(version.version));
    answer.last_modified = Some(instant);
    Ok(answer)
}

/// An OperationOutcome with one piece of information.
pub(crate) fn outcome(request: &Request<'_>, status: u16, text: &str) -> Answer {
    let tree = model::operation_outcome(&[Issue::information(IssueType::Informational, "", text)]);
    let body = Released::statement(render::tree(tree.root(), &request.media, request.shapes()));
    Answer::with_body(status, request.media.content_type(), body)
}
