//! `DELETE [base]/[type]/[id]`: <http://hl7.org/fhir/R4/http.html#delete>.

use crate::answer::{Answer, etag};
use crate::conditions;
use crate::refusal::Refusal;
use crate::request::{Request, Return};
use crate::write::{self, Draft};
use crate::written;

/// Deletes the resource; its versions stay in the history. What is not there is as good as deleted.
pub(crate) fn run(request: &Request<'_>) -> Result<Answer, Refusal> {
    let target = &request.target;
    let mut draft = Draft::delete(&target.resource_type, target.id.clone());
    draft.expect = conditions::expected(&request.call.headers)?;
    let stored = write::commit_last(request, vec![draft], Vec::new())?;
    let mut answer = match request.preferred_return() {
        Return::OperationOutcome => {
            written::outcome(request, 200, &format!("{}/{} is deleted.", target.resource_type, target.id))
        }
        Return::Minimal | Return::Representation => Answer::empty(204),
    };
    answer.etag = stored.first().filter(|stored| stored.version > 0).map(|stored| etag(stored.version));
    Ok(answer)
}
