//! The answer to a write.

use access::Released;
use model::{Issue, IssueType};
use storage::Effect;

use crate::answer::{Answer, etag};
use crate::refusal::Refusal;
use crate::render;
use crate::request::{Request, Return};
use crate::write::Stored;

/// 201 with `Location` for what came to be, 200 for a new version; the body that `Prefer: return=` asks for.
pub(crate) fn answer(request: &Request<'_>, stored: Option<&Stored>) -> Result<Answer, Refusal> {
    let stored = stored.ok_or_else(|| Refusal::fault("a write without outcome"))?;
    let status = if stored.effect == Effect::Created { 201 } else { 200 };
    let name = format!("{}/{}", stored.resource_type, stored.id);
    let mut answer = match request.preferred_return() {
        Return::Minimal => Answer::empty(status),
        Return::OperationOutcome => outcome(request, status, &format!("{name} is stored as version {}.", stored.version)),
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

/// An OperationOutcome with one piece of information.
pub(crate) fn outcome(request: &Request<'_>, status: u16, text: &str) -> Answer {
    let tree = model::operation_outcome(&[Issue::information(IssueType::Informational, "", text)]);
    let body = Released::statement(render::tree(tree.root(), &request.media, request.shapes()));
    Answer::with_body(status, request.media.content_type(), body)
}
