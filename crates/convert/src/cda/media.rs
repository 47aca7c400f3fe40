//! Embedded pictures: `observationMedia` into Media (<http://hl7.org/fhir/R4/media.html>).

use model::ElementMut;

use super::context::Context;
use super::entry;
use super::read::Node;

/// The Media of an `observationMedia`; `None` where it holds nothing.
pub(super) fn media(cx: &mut Context<'_>, act: Node<'_>) -> Option<String> {
    let value = act.get("value")?;
    let inline = value.peek("representation") == Some("B64");
    let link = value.get("reference").and_then(|reference| reference.peek("value"));
    if !inline && link.is_none() {
        return None;
    }
    let mut tree = entry::begin(cx, act, "Media", None, "");
    let mut to = tree.edit();
    to.set("status", "completed");
    cx.set_patient(&mut to, "subject");
    let around = act.parent().and_then(|relation| relation.parent());
    if let Some(shown) = around.filter(|around| cx.laboratory && around.name() == "observation") {
        let reference = cx.document.reference(&format!("{}#Observation", shown.number()));
        to.item("partOf").set("reference", &reference);
    }
    fill_attachment(cx, value, &mut to.object("content"));
    Some(cx.add(act, tree))
}

/// Fills an Attachment from ED: base64 content without its blanks, or a link.
pub(super) fn fill_attachment(cx: &mut Context<'_>, value: Node<'_>, attachment: &mut ElementMut<'_>) {
    value.take_all();
    attachment.set_some("contentType", value.peek("mediaType"));
    if value.peek("representation") == Some("B64") {
        let data = base64(value);
        match is_base64(&data) {
            true => {
                attachment.set("data", &data);
            }
            false => {
                attachment.set_some("title", value.peek_text().as_deref());
                cx.defect(value, "The embedded content is no base64; its text is kept as title.");
            }
        }
    } else if let Some(link) = value.get("reference").and_then(|reference| reference.peek("value")) {
        attachment.set("url", link);
    }
    attachment.set_some("language", value.peek("language"));
}

/// Whether the text is base64 with its padding.
fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    text.len().is_multiple_of(4)
        && text.len() - body.len() < 3
        && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

/// The base64 text of an element, blanks removed.
pub(super) fn base64(value: Node<'_>) -> String {
    let pieces = value.content().filter_map(Result::err);
    pieces.flat_map(|piece| piece.chars()).filter(|c| !c.is_whitespace()).collect()
}
