//! Binary in its own form: <http://hl7.org/fhir/R4/binary.html#rest>.

use std::ops::Range;

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
    let mut binary = tree.edit();
    binary.set("contentType", content_type);
    // A text of no characters stands nowhere in FHIR.
    if !bytes.is_empty() {
        binary.set("data", STANDARD.encode(bytes).as_str());
    }
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

/// The content of a Binary, in its own media type; of `range` only that part: <https://www.rfc-editor.org/rfc/rfc9110#name-range>.
///
/// # Errors
/// Where the stored data is no base64.
pub(crate) fn raw(released: Released, range: Option<&str>) -> Result<Answer, Refusal> {
    let read = model::json::read(released.bytes(), &Limits::default());
    let tree = read.map_err(|error| Refusal::fault(format!("stored text does not parse: {error}")))?;
    let content_type = tree.root().text_at("contentType").unwrap_or("application/octet-stream").to_owned();
    let data: String = tree.root().text_at("data").unwrap_or_default().split_ascii_whitespace().collect();
    let context = tree.root().text_at("securityContext.reference").map(str::to_owned);
    let content = STANDARD.decode(&data).map_err(Refusal::fault)?;
    let length = content.len();
    let mut answer = match range.and_then(|range| part(range, length)) {
        None => Answer::with_body(200, content_type, released.in_form(|_| Ok::<_, Refusal>(content))?),
        Some(None) => Answer { content_range: Some(format!("bytes */{length}")), ..Answer::empty(416) },
        Some(Some(part)) => {
            let shown = format!("bytes {}-{}/{length}", part.start, part.end - 1);
            let bytes = content.get(part).unwrap_or_default().to_vec();
            let body = released.in_form(|_| Ok::<_, Refusal>(bytes))?;
            Answer { content_range: Some(shown), ..Answer::with_body(206, content_type, body) }
        }
    };
    answer.security_context = context;
    Ok(answer)
}

/// What a `Range` asks for of so many bytes: `None` where it is none of one part and all is sent, `Some(None)` where there is nothing of
/// it.
fn part(range: &str, length: usize) -> Option<Option<Range<usize>>> {
    let (first, last) = range.trim().strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<usize>().ok())?;
    let found = match (first, last) {
        ("", last) => length.saturating_sub(number(last)?)..length,
        (first, "") => number(first)?..length,
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (last >= first).then_some(first..last.saturating_add(1).min(length))?
        }
    };
    Some((found.start < found.end).then_some(found))
}

/// Only the names with `fhir` in them stand for the resource: `application/xml` is content like any other here.
fn is_fhir(text: &str) -> bool {
    Format::of(text).is_some() && text.contains("fhir")
}

#[cfg(test)]
mod tests {
    use super::part;

    #[test]
    fn a_part_of_the_bytes_is_asked_for_in_three_ways() {
        assert_eq!(part("bytes=0-0", 10), Some(Some(0..1)));
        assert_eq!(part("bytes=2-99", 10), Some(Some(2..10)));
        assert_eq!(part("bytes=7-", 10), Some(Some(7..10)));
        assert_eq!(part("bytes=-3", 10), Some(Some(7..10)));
        assert_eq!(part("bytes=-99", 10), Some(Some(0..10)));
        for nothing in ["bytes=10-", "bytes=10-12", "bytes=-0"] {
            assert_eq!(part(nothing, 10), Some(None), "{nothing}");
        }
        for other in ["bytes=3-1", "bytes=0-1,4-5", "lines=0-1", "bytes=a-b", "bytes=-", "bytes=+1-2"] {
            assert_eq!(part(other, 10), None, "{other}");
        }
    }
}
