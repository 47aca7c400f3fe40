//! `PATCH [base]/[type]/[id]` and `PATCH [base]/[type]?…`: <http://hl7.org/fhir/R4/http.html#patch>.
//!
//! JSON Patch, XML Patch and FHIRPath Patch (Parameters). The result is checked like any other write; a writer who came
//! between makes it start again on what is there then, unless `If-Match` says otherwise. In a Bundle a JSON or XML Patch is
//! the content of a Binary.

pub mod difference;
pub mod fhirpath;
pub mod json;
mod markup;
mod value;
pub mod xml;
mod xpath;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::{Element, Tree};
use storage::{Expect, Method};

use crate::answer::Answer;
use crate::refusal::{Class, Refusal};
use crate::request::Request;
use crate::write::{self, Draft, Lock};
use crate::{body, checked, conditional, conditions, read, written};

/// How often a patch is done anew because another writer was faster.
const ATTEMPTS: usize = 16;

/// The media types of JSON Patch and XML Patch.
const JSON_PATCH: &str = "application/json-patch+json";
const XML_PATCH: &str = "application/xml-patch+xml";

/// Patches the current version.
pub(crate) fn run(request: &Request<'_>) -> Result<Answer, Refusal> {
    let expected = conditions::expected(&request.call.headers)?;
    let attempt = || {
        let content = Content { content_type: request.call.headers.content_type, bytes: request.call.body };
        let draft = draft(request, &request.target.resource_type, &request.target.id, expected, content)?;
        commit(request, draft, Vec::new())
    };
    for _ in 1..ATTEMPTS {
        match attempt() {
            Err(refusal) if refusal.class == Class::PreconditionFailed && expected == Expect::Any => {}
            done => return done,
        }
    }
    attempt()
}

/// Patches the one resource that meets the condition of the URL.
pub(crate) fn conditional(request: &Request<'_>) -> Result<Answer, Refusal> {
    let expected = conditions::expected(&request.call.headers)?;
    conditional::until_unchanged(|| {
        let condition = conditional::look_up(request, &request.target.resource_type, request.call.query, 1)?;
        let id = one(&condition.ids)?;
        let content = Content { content_type: request.call.headers.content_type, bytes: request.call.body };
        let draft = draft(request, &request.target.resource_type, id, expected, content)?;
        commit(request, draft, vec![condition.lock]).map_err(|refusal| again(refusal, expected))
    })
}

/// The one resource that a conditional patch is for.
///
/// # Errors
/// [`Class::NotFound`] where there is none, [`Class::PreconditionFailed`] where there are several.
pub(crate) fn one(ids: &[String]) -> Result<&str, Refusal> {
    match ids {
        [id] => Ok(id),
        [] => Err(Refusal::new(Class::NotFound, "The condition matches nothing.")),
        _ => Err(conditional::several("The condition")),
    }
}

/// A patch that met another version than it was made for is to be made anew, where the caller named none.
pub(crate) fn again(mut refusal: Refusal, expected: Expect) -> Refusal {
    if refusal.class == Class::PreconditionFailed && expected == Expect::Any {
        refusal.class = Class::Busy;
    }
    refusal
}

fn commit(request: &Request<'_>, draft: Draft, locks: Vec<Lock>) -> Result<Answer, Refusal> {
    let stored = write::commit_last(request, vec![draft], locks)?;
    written::answer(request, stored.first())
}

/// A patch as it came.
#[derive(Clone, Copy)]
pub(crate) struct Content<'a> {
    pub(crate) content_type: Option<&'a str>,
    pub(crate) bytes: &'a [u8],
}

/// What the resource of an entry holds as a patch: media type and bytes. A Binary stands for its content, Parameters for
/// themselves.
///
/// # Errors
/// [`Class::Malformed`] where a Binary's data is no base64.
pub(crate) fn of_entry(resource: Element<'_>) -> Result<(String, Vec<u8>), Refusal> {
    if resource.resource_type() != Some("Binary") {
        return Ok(("application/fhir+json".to_owned(), model::json::to_string(resource).into_bytes()));
    }
    let data: String = resource.text_at("data").unwrap_or_default().split_ascii_whitespace().collect();
    let bytes = STANDARD.decode(data).map_err(|_| Refusal::new(Class::Malformed, "The Binary's data is no base64."))?;
    Ok((resource.text_at("contentType").unwrap_or_default().to_owned(), bytes))
}

/// The patched resource, to be stored over the version that was patched.
///
/// # Errors
/// [`Class::NotFound`] and [`Class::Gone`] as a read has them, those of the patch, those of a check of the result.
pub(crate) fn draft(
    request: &Request<'_>,
    resource_type: &str,
    id: &str,
    expected: Expect,
    content: Content<'_>,
) -> Result<Draft, Refusal> {
    draft_with(request, (resource_type, id), expected, content, |_| Ok(()))
}

/// The same, where something is still to be done to what the patch makes.
///
/// # Errors
/// As [`draft`], and those of `finish`.
pub(crate) fn draft_with(
    request: &Request<'_>,
    (resource_type, id): (&str, &str),
    expected: Expect,
    content: Content<'_>,
    finish: impl FnOnce(&mut Tree) -> Result<(), Refusal>,
) -> Result<Draft, Refusal> {
    let current = read::current(request, resource_type, id)?;
    let version = current.root().text_at("meta.versionId").and_then(|version| version.parse().ok()).unwrap_or(0);
    let mut patched = patched(request, &current, content)?;
    finish(&mut patched)?;
    if patched.root().text_at("id") != Some(id) || patched.resource_type() != resource_type {
        return Err(Refusal::new(Class::Unprocessable, "A patch changes neither the type nor the id."));
    }
    let content = checked::check(request.service, request.call.now, patched, resource_type)?;
    let mut draft = Draft::create(id.to_owned(), content);
    draft.expect = if expected == Expect::Any { Expect::Version(version) } else { expected };
    draft.method = Method::Patch;
    Ok(draft)
}

fn patched(request: &Request<'_>, current: &Tree, content: Content<'_>) -> Result<Tree, Refusal> {
    let limits = &request.service.settings().limits;
    let media = content.content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if media.eq_ignore_ascii_case(JSON_PATCH) {
        let text = json::apply(&model::json::to_string(current.root()), content.bytes)?;
        return Ok(model::json::read(text.as_bytes(), limits)?);
    }
    if media.eq_ignore_ascii_case(XML_PATCH) {
        return by_xml(request, current, content.bytes);
    }
    let text = "A patch is application/json-patch+json, application/xml-patch+xml, or Parameters of a FHIRPath Patch.";
    match body::read(content.bytes, Some(content.content_type.unwrap_or_default()), request.shapes(), limits) {
        Ok(tree) if tree.resource_type() == "Parameters" => fhirpath::apply(request.shapes(), current, &tree),
        Ok(_) => Err(Refusal::new(Class::Malformed, text)),
        Err(refusal) if refusal.class == Class::UnsupportedMediaType => {
            Err(Refusal::new(Class::UnsupportedMediaType, text))
        }
        Err(refusal) => Err(refusal),
    }
}

fn by_xml(request: &Request<'_>, current: &Tree, patch: &[u8]) -> Result<Tree, Refusal> {
    let unfit = |text: String| Refusal::new(Class::Unprocessable, text);
    let text = model::xml::write(current.root(), request.shapes());
    let text = text.map_err(|error| unfit(format!("The resource has no XML form to patch: {error}.")))?;
    let text = xml::apply(&text, patch)?;
    let limits = &request.service.settings().limits;
    let tree = model::xml::read(text.as_bytes(), request.shapes(), limits)
        .map_err(|error| unfit(format!("What the patch makes is no resource: {}", error.message)))?;
    match tree.issues().iter().any(|issue| issue.severity.is_error()) {
        true => Err(Refusal::of(Class::Unprocessable, tree.issues().to_vec())),
        false => Ok(tree),
    }
}
