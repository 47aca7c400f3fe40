//! `GET [base]/[type]/[id]/_history/[vid]`: <http://hl7.org/fhir/R4/http.html#vread>.

use crate::answer::Answer;
use crate::read;
use crate::refusal::Refusal;
use crate::request::Request;

/// Answers with one version; 410 where that version is a deletion.
pub(crate) fn run(request: &Request<'_>) -> Result<Answer, Refusal> {
    let target = &request.target;
    let number = read::version_number(&target.version).ok_or_else(|| read::not_found(request))?;
    let view = request.service.store().view(None).map_err(Refusal::fault)?;
    let found = view.vread(&target.resource_type, &target.id, number).map_err(Refusal::fault)?;
    read::version(request, found.ok_or_else(|| read::not_found(request))?)
}
