//! The parameters of an operation: <http://hl7.org/fhir/R4/operations.html#request>.
//!
//! Simple ones stand in the URL, or with `POST` in Parameters; both are read as one [`Query`].

use model::{Element, Tree};

use crate::answer::Answer;
use crate::body;
use crate::query::Query;
use crate::refusal::{Class, Refusal};
use crate::render;
use crate::request::Request;

/// What an operation was called with.
pub(crate) struct Asked {
    /// The simple parameters: of the URL, then of the body.
    pub(crate) query: Query,
    /// The body; `None` without one.
    pub(crate) parameters: Option<Tree>,
}

/// Reads the parameters.
///
/// # Errors
/// [`Class::Malformed`] where there is a body that is no Parameters.
pub(crate) fn asked(request: &Request<'_>) -> Result<Asked, Refusal> {
    if request.call.body.is_empty() {
        return Ok(Asked { query: request.query.clone(), parameters: None });
    }
    let tree = body::resource(request.call, request.shapes(), &request.service.settings().limits)?;
    if tree.resource_type() != "Parameters" {
        return Err(Refusal::new(Class::Malformed, "The body of an operation is Parameters."));
    }
    let simple = tree.root().all("parameter").filter_map(|parameter| {
        let value = value(parameter)?;
        Some((parameter.text_at("name")?.to_owned(), value.text()?.to_owned()))
    });
    let query = request.query.clone().and(simple.collect());
    Ok(Asked { query, parameters: Some(tree) })
}

/// The `value[x]` of a parameter.
pub(crate) fn value(parameter: Element<'_>) -> Option<Element<'_>> {
    parameter.children().find(|child| child.name().starts_with("value"))
}

/// Refuses what the operation does not know; parameters of every request pass.
///
/// # Errors
/// [`Class::Malformed`] with the name, unless the caller is lenient.
pub(crate) fn only(request: &Request<'_>, query: &Query, known: &[&str]) -> Result<(), Refusal> {
    let always = ["_format", "_pretty"];
    let mut names = query.pairs().iter().map(|(name, _)| name.as_str());
    match names.find(|name| !known.contains(name) && !always.contains(name)) {
        Some(name) if !request.is_lenient() => {
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let text = format!("{name} is no parameter here; there are {known}.");
            Err(Refusal::new(Class::Malformed, text))
        }
        _ => Ok(()),
    }
}

/// 200 with a resource that was put together of what the permit lets through.
pub(crate) fn answer(request: &Request<'_>, tree: &Tree) -> Answer {
    let text = render::tree(tree.root(), &request.media, request.shapes());
    Answer::with_body(200, request.media.content_type(), request.permit.release_made(text))
}
