//! A request's body to a resource.

use model::{Limits, Shapes, Tree};

use crate::call::Call;
use crate::media::Format;
use crate::refusal::{Class, Refusal};

/// Reads the body in the form that `Content-Type` names.
///
/// # Errors
/// [`Class::UnsupportedMediaType`] where that is no form of FHIR, [`Class::Malformed`] where the text does not parse or
/// repeats what may stand once, [`Class::TooLarge`] where it passes a limit.
pub(crate) fn resource(call: &Call<'_>, shapes: &dyn Shapes, limits: &Limits) -> Result<Tree, Refusal> {
    read(call.body, call.headers.content_type, shapes, limits)
}

/// The same, faults of the text that reading could pass over left in [`Tree::issues`].
pub(crate) fn text(call: &Call<'_>, shapes: &dyn Shapes, limits: &Limits) -> Result<Tree, Refusal> {
    read_text(call.body, call.headers.content_type, shapes, limits)
}

/// As [`resource`], of bytes with a media type.
pub(crate) fn read(
    bytes: &[u8],
    content_type: Option<&str>,
    shapes: &dyn Shapes,
    limits: &Limits,
) -> Result<Tree, Refusal> {
    let tree = read_text(bytes, content_type, shapes, limits)?;
    match tree.issues().iter().any(|issue| issue.severity.is_error()) {
        true => Err(Refusal::of(Class::Malformed, tree.issues().to_vec())),
        false => Ok(tree),
    }
}

fn read_text(bytes: &[u8], content_type: Option<&str>, shapes: &dyn Shapes, limits: &Limits) -> Result<Tree, Refusal> {
    Ok(match format(bytes, content_type)? {
        Format::Json => model::json::read(bytes, limits)?,
        Format::Xml => model::xml::read(bytes, shapes, limits)?,
    })
}

/// The form of a body. `None` as media type stands for JSON or XML, by the first character.
///
/// # Errors
/// [`Class::UnsupportedMediaType`] where that is no form of FHIR, [`Class::Malformed`] where there is no body.
pub(crate) fn format(bytes: &[u8], content_type: Option<&str>) -> Result<Format, Refusal> {
    if bytes.is_empty() {
        return Err(Refusal::new(Class::Malformed, "The request needs a resource in its body."));
    }
    match content_type {
        Some(content_type) => Format::of(content_type).ok_or_else(|| {
            let text = "The body is read as application/fhir+json or application/fhir+xml, version 4.0.";
            Refusal::new(Class::UnsupportedMediaType, text)
        }),
        None => Ok(looks_like(bytes)),
    }
}

/// The form of a text, by its first character.
fn looks_like(bytes: &[u8]) -> Format {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace() && !b"\xEF\xBB\xBF".contains(*byte));
    match first {
        Some(b'<') => Format::Xml,
        _ => Format::Json,
    }
}
