//! `POST [base]/$convert`: a source document in, the European document out.
//!
//! The body is the source, in any format that is read, by `Content-Type` or sniffed. Parameters of the URL: `category`
//! (code of a priority category), `store=true` (keep document, source, parts and Provenance, as ITI-105 does), `report=true`
//! (answer Parameters with `return`, `report` and `provenance` instead of the document), `explain=true` (answer the HTML page of
//! source and document side by side), and for a PDF what is known of it ([`convert::pdf::PARAMETERS`]). With
//! `Prefer: return=OperationOutcome` the report alone comes back.

use catalog::Catalog;
use model::{Instant, Issue, Tree};

use crate::answer::{Answer, etag};
use crate::document::{Original, deposit, first_time};
use crate::refusal::{Class, Refusal};
use crate::render;
use crate::request::{Request, Return};

/// Code and identifier systems as the converter's own table has them, then as the catalog has them.
pub struct NamingSystems<'c>(pub &'c Catalog);

impl convert::Systems for NamingSystems<'_> {
    fn uri(&self, oid: &str) -> Option<&str> {
        convert::BuiltIn.uri(oid).or_else(|| self.0.naming().uri(oid))
    }
}

/// Converts the body.
pub(crate) fn run(request: &Request<'_>) -> Result<Answer, Refusal> {
    let call = request.call;
    if call.body.is_empty() {
        return Err(Refusal::new(Class::Malformed, "The request needs a source document in its body."));
    }
    let store = request.query.first("store") == Some("true");
    let get = |name: &str| request.query.first(name).map(str::to_owned);
    let metadata = convert::pdf::Metadata::of_parameters(get);
    let metadata = metadata.map_err(|refusal| Refusal::of(Class::Malformed, refusal.issues))?;
    let wanted = Wanted { content_type: call.headers.content_type, category: get("category"), metadata };
    let read = if store { to_store } else { source };
    let converted = read(request, call.body, &wanted)?;
    let mut answer = match request.query.first("explain") {
        Some("true") => explained(request, &converted),
        _ => body(request, &converted)?,
    };
    if store {
        let content_type = call.headers.content_type.unwrap_or("application/octet-stream");
        let original = Original { content_type, bytes: call.body };
        let stored = deposit(request, &converted, Some(&original).filter(|_| !converted.unchanged), None)?;
        if let [reference, document, ..] = stored.as_slice() {
            answer.status = 201;
            answer.location = Some(format!("{}/DocumentReference/{}", call.base, reference.id));
            answer.content_location = Some(format!("{}/Bundle/{}", call.base, document.id));
            answer.etag = Some(etag(document.version));
        }
    }
    Ok(answer)
}

/// What is said of a source beside its bytes.
#[derive(Default)]
pub(crate) struct Wanted<'a> {
    /// Its media type.
    pub(crate) content_type: Option<&'a str>,
    /// The category that is asked for.
    pub(crate) category: Option<String>,
    /// What is known of a file that says nothing itself.
    pub(crate) metadata: Option<convert::pdf::Metadata>,
}

/// Converts a source document.
///
/// # Errors
/// [`Class::Unprocessable`] with the converter's reasons.
pub(crate) fn source(request: &Request<'_>, bytes: &[u8], wanted: &Wanted<'_>) -> Result<convert::Draft, Refusal> {
    source_at(request, bytes, wanted, request.call.now)
}

/// As [`source`], for the store: bytes whose document is stored are converted as of the first time, so that sending them
/// again changes nothing.
pub(crate) fn to_store(request: &Request<'_>, bytes: &[u8], wanted: &Wanted<'_>) -> Result<convert::Draft, Refusal> {
    let converted = source(request, bytes, wanted)?;
    match first_time(request, &converted)? {
        Some(first) if first != request.call.now => source_at(request, bytes, wanted, first),
        _ => Ok(converted),
    }
}

fn source_at(
    request: &Request<'_>,
    bytes: &[u8],
    wanted: &Wanted<'_>,
    now: Instant,
) -> Result<convert::Draft, Refusal> {
    let mut options = convert::Options::at(now);
    options.category.clone_from(&wanted.category);
    options.metadata.clone_from(&wanted.metadata);
    let source = convert::Source { bytes, content_type: wanted.content_type, name: None };
    let systems = NamingSystems(&request.catalog);
    let knowledge = convert::Knowledge { shapes: &request.catalog, systems: &systems };
    convert::convert(&knowledge, &source, &options).map_err(|refusal| Refusal::of(Class::Unprocessable, refusal.issues))
}

fn explained(request: &Request<'_>, converted: &convert::Draft) -> Answer {
    let source =
        convert::Source { bytes: request.call.body, content_type: request.call.headers.content_type, name: None };
    let page = convert::explain(&source, converted).into_bytes();
    Answer::with_body(200, "text/html; charset=utf-8", request.permit.release_made(page))
}

fn body(request: &Request<'_>, converted: &convert::Draft) -> Result<Answer, Refusal> {
    let wants_report = request.call.headers.prefer.is_some() && request.preferred_return() == Return::OperationOutcome;
    let tree = match (wants_report, request.query.first("report") == Some("true")) {
        (true, _) => converted.report.outcome(),
        (false, true) => parameters(converted),
        (false, false) => {
            let text = render::tree(converted.document.root(), &request.media, request.shapes());
            return Ok(Answer::with_body(200, request.media.content_type(), request.permit.release_made(text)));
        }
    };
    let text = render::tree(tree.root(), &request.media, request.shapes());
    Ok(Answer::with_body(200, request.media.content_type(), request.permit.release_made(text)))
}

fn parameters(converted: &convert::Draft) -> Tree {
    let mut tree = Tree::new("Parameters");
    let mut root = tree.edit();
    let report = converted.report.outcome();
    for (name, resource) in
        [("return", &converted.document), ("report", &report), ("provenance", &converted.provenance)]
    {
        let mut parameter = root.item("parameter");
        parameter.set("name", name);
        parameter.object("resource").fill(resource.root());
    }
    if !converted.category.is_empty() {
        let mut category = root.item("parameter");
        category.set("name", "category").set("valueCode", converted.category.as_str());
    }
    tree
}

/// Issues of a conversion with their paths led below an element of the request.
pub(crate) fn below(issues: Vec<Issue>, path: &str) -> Vec<Issue> {
    issues
        .into_iter()
        .map(|issue| Issue { text: format!("{} (source: {})", issue.text, issue.path), path: path.to_owned(), ..issue })
        .collect()
}
