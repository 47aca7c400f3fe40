//! `PATCH [base]/[type]/[id]`: <http://hl7.org/fhir/R4/http.html#patch>.
//!
//! JSON Patch (`application/json-patch+json`) and FHIRPath Patch (Parameters). The result is checked like any other write; a
//! writer who came between makes it start again on what is there then, unless `If-Match` says otherwise.

mod fhirpath;
mod json;
mod value;

use model::Tree;
use storage::{Expect, Method};

use crate::answer::Answer;
use crate::refusal::{Class, Refusal};
use crate::request::Request;
use crate::write::{self, Draft};
use crate::{body, checked, conditions, read, written};

/// How often a patch is done anew because another writer was faster.
const ATTEMPTS: usize = 16;

/// The media type of JSON Patch.
const JSON_PATCH: &str = "application/json-patch+json";

/// Patches the current version.
pub(crate) fn run(request: &Request<'_>) -> Result<Answer, Refusal> {
    let expected = conditions::expected(&request.call.headers)?;
    let mut attempt = 1;
    loop {
        match once(request, expected) {
            Err(refusal)
                if refusal.class == Class::PreconditionFailed && expected == Expect::Any && attempt < ATTEMPTS =>
            {
                attempt += 1;
            }
            done => return done,
        }
    }
}

fn once(request: &Request<'_>, expected: Expect) -> Result<Answer, Refusal> {
    let (resource_type, id) = (request.target.resource_type.as_str(), request.target.id.as_str());
    let current = read::current(request)?;
    let version = current.root().text_at("meta.versionId").and_then(|version| version.parse().ok()).unwrap_or(0);
    let patched = patched(request, &current)?;
    if patched.root().text_at("id") != Some(id) || patched.resource_type() != resource_type {
        return Err(Refusal::new(Class::Unprocessable, "A patch changes neither the type nor the id."));
    }
    let content = checked::check(request.service, request.call.now, patched, resource_type)?;
    let mut draft = Draft::create(id.to_owned(), content);
    draft.expect = if expected == Expect::Any { Expect::Version(version) } else { expected };
    draft.method = Method::Patch;
    let stored = write::commit(request.service, &request.permit, request.call.now, vec![draft])?;
    written::answer(request, stored.first())
}

fn patched(request: &Request<'_>, current: &Tree) -> Result<Tree, Refusal> {
    let limits = &request.service.settings().limits;
    let content_type = request.call.headers.content_type.unwrap_or_default();
    let media = content_type.split(';').next().unwrap_or_default().trim();
    if media == JSON_PATCH {
        let text = json::apply(&model::json::to_string(current.root()), request.call.body)?;
        return Ok(model::json::read(text.as_bytes(), limits)?);
    }
    let text = "A patch is application/json-patch+json, or Parameters of a FHIRPath Patch.";
    match body::resource(request.call, request.shapes(), limits) {
        Ok(tree) if tree.resource_type() == "Parameters" => fhirpath::apply(request, current, &tree),
        Ok(_) => Err(Refusal::new(Class::Malformed, text)),
        Err(refusal) if refusal.class == Class::UnsupportedMediaType => {
            Err(Refusal::new(Class::UnsupportedMediaType, text))
        }
        Err(refusal) => Err(refusal),
    }
}
