//! `POST [base]` with a Bundle: <http://hl7.org/fhir/R4/http.html#transaction>.
//!
//! A batch is done entry by entry, each as if it came alone; what fails says so in its entry. A transaction goes to
//! [`crate::transaction`].

use model::{Element, Instant, PartialDateTime, Tree};

use crate::answer::Answer;
use crate::bundle::{Beside, BundleText};
use crate::call::{Call, Headers, Method};
use crate::entries::Entries;
use crate::refusal::{Class, Refusal};
use crate::request::{Request, Return};
use crate::{conditions, patch, render, transaction};

/// Does all entries and answers with theirs, in their order.
pub(crate) fn run(request: &Request<'_>) -> Result<Answer, Refusal> {
    let entries = Entries::of(request)?;
    let (kind, answers) = match entries.bundle_type() {
        "batch" => ("batch-response", batch(request, &entries)?),
        "transaction" => ("transaction-response", transaction::run(request, &entries)?),
        other => {
            let text = format!("The base takes a Bundle of type batch or transaction, not {other}.");
            return Err(Refusal::new(Class::Malformed, text).at("Bundle.type"));
        }
    };
    let mut bundle = BundleText::new(kind, request.call.now, None, &[]);
    for answer in &answers {
        add(&mut bundle, answer);
    }
    let body = request.permit.release_made(bundle.finish());
    let body = render::stored(body, &request.media, request.shapes())?;
    Ok(Answer::with_body(200, request.media.content_type(), body))
}

fn batch(request: &Request<'_>, entries: &Entries<'_>) -> Result<Vec<Answer>, Refusal> {
    // Nothing is done where some of it cannot be read.
    for number in 0..entries.len() {
        entries.read(number)?;
    }
    (0..entries.len()).map(|number| Ok(entry_answer(request, &entries.read(number)?, number))).collect()
}

/// Does the one entry of a Bundle by itself; `number`: its place in the Bundle that came.
pub(crate) fn entry_answer(request: &Request<'_>, bundle: &Tree, number: usize) -> Answer {
    let refuse = |refusal: Refusal| request.service.refuse(refusal.at(format!("Bundle.entry[{number}]")));
    let Some(entry) = bundle.root().all("entry").next() else {
        return refuse(Refusal::fault("an entry is gone"));
    };
    let parts = match Parts::of(entry, request.call.base) {
        Ok(parts) => parts,
        Err(refusal) => return refuse(refusal),
    };
    let resource = entry.get("resource");
    let body = match resource {
        // A patch that is no resource comes inside of a Binary.
        Some(resource) if parts.method == Method::Patch => patch::of_entry(resource),
        Some(resource) => Ok(("application/fhir+json".to_owned(), model::json::to_string(resource).into_bytes())),
        None => Ok(Default::default()),
    };
    let (content_type, body) = match body {
        Ok(body) => body,
        Err(refusal) => return request.service.refuse(refusal),
    };
    let asked = |name: &str| entry.get("request").and_then(|request| request.text_at(name));
    let since = asked("ifModifiedSince").and_then(PartialDateTime::parse).map(|since| {
        let millis = since.range(0).0.div_euclid(1_000_000);
        conditions::to_http_date(Instant(i64::try_from(millis).unwrap_or(i64::MAX)))
    });
    let call = Call {
        method: parts.method,
        path: parts.path,
        query: parts.query,
        headers: Headers {
            accept: Some("application/fhir+json"),
            accept_language: request.call.headers.accept_language,
            content_type: resource.map(|_| content_type.as_str()),
            if_match: asked("ifMatch"),
            if_none_match: asked("ifNoneMatch"),
            if_modified_since: since.as_deref(),
            if_none_exist: asked("ifNoneExist"),
            prefer: Some(match request.preferred_return() {
                Return::Representation if request.call.headers.prefer.is_some() => "return=representation",
                Return::OperationOutcome => "return=OperationOutcome",
                _ => "return=minimal",
            }),
            security_context: None,
            range: None,
        },
        body: &body,
        ..*request.call
    };
    if parts.path.is_empty() && parts.method == Method::Post {
        return request.service.refuse(Refusal::new(Class::Malformed, "A batch holds no batch."));
    }
    let answer = request.service.answer(&call);
    match answer.stream {
        None => answer,
        Some(_) => request.service.refuse(Refusal::new(Class::NotSupported, "A file does not come within a batch.")),
    }
}

/// Method and URL of an entry.
pub(crate) struct Parts<'e> {
    pub(crate) method: Method,
    pub(crate) path: &'e str,
    pub(crate) query: &'e str,
}

impl<'e> Parts<'e> {
    /// What `entry.request` says; the URL is relative to the base or below it.
    pub(crate) fn of(entry: Element<'e>, base: &str) -> Result<Parts<'e>, Refusal> {
        let wrong = |text: &str| Refusal::new(Class::Malformed, text);
        let request = entry.get("request").ok_or_else(|| wrong("The entry has no request."))?;
        let method =
            request.text_at("method").and_then(Method::of).ok_or_else(|| wrong("The entry has no known method."))?;
        let url = request.text_at("url").ok_or_else(|| wrong("The entry's request has no url."))?;
        let url = url.strip_prefix(base).unwrap_or(url).trim_start_matches('/');
        if url.contains("://") {
            return Err(wrong("The entry's url is of another server."));
        }
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        Ok(Parts { method, path, query })
    }
}

/// Adds the entry of an answer: its resource, or its OperationOutcome as the outcome of the response.
fn add(bundle: &mut BundleText, answer: &Answer) {
    let text = answer.body.as_ref().map(|body| body.bytes());
    let is_outcome = answer.status >= 400;
    let beside = Beside {
        status: Some(status(answer.status)),
        location: answer.location.as_deref(),
        etag: answer.etag.as_deref(),
        modified: answer.last_modified,
        outcome: text.filter(|_| is_outcome),
        ..Beside::default()
    };
    bundle.entry(None, text.filter(|_| !is_outcome), &beside);
}

fn status(code: u16) -> &'static str {
    match code {
        200 => "200 OK",
        201 => "201 Created",
        204 => "204 No Content",
        304 => "304 Not Modified",
        400 => "400 Bad Request",
        401 => "401 Unauthorized",
        403 => "403 Forbidden",
        404 => "404 Not Found",
        405 => "405 Method Not Allowed",
        406 => "406 Not Acceptable",
        409 => "409 Conflict",
        410 => "410 Gone",
        412 => "412 Precondition Failed",
        413 => "413 Content Too Large",
        415 => "415 Unsupported Media Type",
        422 => "422 Unprocessable Content",
        503 => "503 Service Unavailable",
        _ => "500 Internal Server Error",
    }
}
