//! `POST [base]/[type]`: <http://hl7.org/fhir/R4/http.html#create>.

use crate::answer::Answer;
use crate::refusal::Refusal;
use crate::request::Request;
use crate::write::{self, Draft};
use crate::{binary, body, checked, conditional, document_reference_create, written};

/// Stores the resource under an id of the server's; an id in the body is not used.
pub(crate) fn run(request: &Request<'_>) -> Result<Answer, Refusal> {
    let service = request.service;
    let tree = match binary::is_raw(request) {
        true => binary::wrap(request),
        false => body::resource(request.call, request.shapes(), &service.settings().limits)?,
    };
    if document_reference_create::is_publish(&tree) && request.target.resource_type == "DocumentReference" {
        return document_reference_create::run(request, tree);
    }
    let content = checked::check(service, request.call.now, tree, &request.target.resource_type)?;
    if let Some(query) = request.call.headers.if_none_exist {
        return conditional::create(request, &content, query);
    }
    let draft = Draft::create(request.call.ids.next(request.call.now), content);
    let stored = write::commit_last(request, vec![draft], Vec::new())?;
    written::answer(request, stored.first())
}
