//! `PUT [base]/[type]/[id]`: <http://hl7.org/fhir/R4/http.html#update>, with update as create.

use storage::Method;

use crate::answer::Answer;
use crate::refusal::{Class, Refusal};
use crate::request::Request;
use crate::target::is_id;
use crate::write::{self, Draft};
use crate::{binary, body, checked, conditions, written};

/// Stores the resource under the id of the path, as a new version where there is one.
pub(crate) fn run(request: &Request<'_>) -> Result<Answer, Refusal> {
    let (service, target) = (request.service, &request.target);
    if !is_id(&target.id) {
        return Err(Refusal::new(Class::Malformed, "An id has 1 to 64 letters, digits, '-' and '.'."));
    }
    let tree = match binary::is_raw(request) {
        true => binary::wrap(request),
        false => {
            let tree = body::resource(request.call, request.shapes(), &service.settings().limits)?;
            if tree.root().text_at("id") != Some(&target.id) {
                let text = format!("The body's id must be that of the path, {}.", target.id);
                return Err(Refusal::new(Class::Malformed, text).at(format!("{}.id", target.resource_type)));
            }
            tree
        }
    };
    let content = checked::check(service, request.call.now, tree, &target.resource_type)?;
    let draft = Draft {
        resource_type: target.resource_type.clone(),
        id: target.id.clone(),
        expect: conditions::expected(&request.call.headers)?,
        method: Method::Update,
        content: Some(content),
        exact: false,
        unless_same: false,
    };
    let stored = write::commit_last(request, vec![draft], Vec::new())?;
    written::answer(request, stored.first())
}
