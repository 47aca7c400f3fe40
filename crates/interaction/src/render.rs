//! Content to bytes in the form that the caller asked for.

use access::Released;
use model::{Element, Limits, Shapes};

use crate::indent::indented;
use crate::media::{Format, Media};
use crate::refusal::Refusal;

/// The text of a resource. Where the tree holds what XML cannot, the text is an OperationOutcome that says so.
pub(crate) fn tree(element: Element<'_>, media: &Media, shapes: &dyn Shapes) -> Vec<u8> {
    match media.format {
        Format::Json => {
            let mut out = String::new();
            match media.pretty {
                true => model::json::write_pretty(element, &mut out),
                false => model::json::write(element, &mut out),
            }
            out.into_bytes()
        }
        Format::Xml => match model::xml::write(element, shapes) {
            Ok(text) if media.pretty => indented(&text).into_bytes(),
            Ok(text) => text.into_bytes(),
            Err(error) => {
                let issue = model::Issue::error(model::IssueType::NotSupported, error.path, error.message);
                let outcome = model::operation_outcome(&[issue]);
                model::xml::write(outcome.root(), shapes).unwrap_or_default().into_bytes()
            }
        },
    }
}

/// Stored JSON in the asked form: as it is where that is compact JSON, with no parsing.
pub(crate) fn stored(text: Released, media: &Media, shapes: &dyn Shapes) -> Result<Released, Refusal> {
    if *media == Media::JSON {
        return Ok(text);
    }
    text.in_form(|bytes| {
        let read = model::json::read(bytes, &Limits::default());
        let parsed = read.map_err(|error| Refusal::fault(format!("stored text does not parse: {error}")))?;
        Ok(tree(parsed.root(), media, shapes))
    })
}
