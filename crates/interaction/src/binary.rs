//! Binary in its own form: <http://hl7.org/fhir/R4/binary.html#rest>.

use access::Released;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::{Limits, Tree};

use crate::answer::Answer;
use crate::media::{Format, ranges};
use crate::refusal::Refusal;
use crate::request::Request;

/// Whether the body is raw content on its way into a Binary.
pub(crate) fn is_raw(request: &Request<'_>) -> bool {
    let content_type = request.call.headers.content_type;
    request.target.resource_type == "Binary" && content_type.is_some_and(|text| !is_fhir(text))
}

/// The Binary around the body.
pub(crate) fn wrap(request: &Request<'_>) -> Tree {
    let headers = &request.call.headers;
    let mut tree = of(headers.content_type.unwrap_or("application/octet-stream"), request.call.body);
    let mut binary = tree.edit();
    if !request.target.id.is_empty() {
        binary.set("id", request.target.id.as_str());
    }
    if let Some(reference) = headers.security_context {
        binary.object("securityContext").set("reference", reference);
    }
    tree
}

/// A Binary of these bytes.
pub(crate) fn of(content_type: &str, bytes: &[u8]) -> Tree {
    let mut tree = Tree::new("Binary");
    tree.edit().set("contentType", content_type).set("data", STANDARD.encode(bytes).as_str());
    tree
}

/// Whether the caller wants the content itself: no form of FHIR is named in `_format` or before all else in `Accept`.
pub(crate) fn wants_raw(request: &Request<'_>) -> bool {
    if request.target.resource_type != "Binary" || request.query.first("_format").is_some() {
        return false;
    }
    let accept = request.call.headers.accept.unwrap_or("*/*");
    !ranges(accept).first().is_some_and(|range| is_fhir(range.text))
}

/// The content of a Binary, in its own media type.
///
/// # Errors
/// Where the stored data is no base64.
pub(crate) fn raw(released: Released) -> Result<Answer, Refusal> {
    let read = model::json::read(released.bytes(), &Limits::default());
    let tree = read.map_err(|error| Refusal::fault(format!("stored text does not parse: {error}")))?;
    let content_type = tree.root().text_at("contentType").unwrap_or("application/octet-stream").to_owned();
    let data: String = tree.root().text_at("data").unwrap_or_default().split_ascii_whitespace().collect();
    let body = released.in_form(|_| STANDARD.decode(&data).map_err(Refusal::fault))?;
    Ok(Answer::with_body(200, content_type, body))
}

/// Only the names with `fhir` in them stand for the resource: `application/xml` is content like any other here.
fn is_fhir(text: &str) -> bool {
    Format::of(text).is_some() && text.contains("fhir")
}
