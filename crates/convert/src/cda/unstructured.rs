//! Level 1: a body that is a PDF or a text, carried as a DocumentReference: <http://hl7.org/fhir/R4/documentreference.html>.

use model::{ElementMut, Issue, IssueType, Severity, Tree};

use super::coded;
use super::context::Context;
use super::header;
use super::media;
use super::narrative;
use super::read::Node;
use super::target::Placed;
use super::time;
use crate::Refusal;

const CONFIDENTIALITY: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";

/// The section that holds the embedded document.
pub(super) fn section(cx: &mut Context<'_>, root: Node<'_>, body: Node<'_>) -> Result<Placed, Refusal> {
    let reference = document_reference(cx, root, body)?;
    let text = "The source is a document without coded entries; it is attached as it came.";
    let mut placed = Placed::missing("55108-5", "Original document");
    placed.code = None;
    placed.from_source = true;
    placed.div = Some(narrative::plain(cx, text));
    placed.entries.push(reference);
    Ok(placed)
}

/// The DocumentReference with the embedded document.
pub(super) fn document_reference(cx: &mut Context<'_>, root: Node<'_>, body: Node<'_>) -> Result<String, Refusal> {
    let mut tree = Tree::new("DocumentReference");
    let mut to = tree.edit();
    describe(cx, root, &mut to);
    fill_body(cx, body, &mut to.item("content").object("attachment"))?;
    Ok(cx.add(body, tree))
}

/// Fills an Attachment with the embedded document; an empty body is refused.
pub(super) fn fill_body(cx: &mut Context<'_>, body: Node<'_>, attachment: &mut ElementMut<'_>) -> Result<(), Refusal> {
    let Some(text) = body.get("text") else {
        return Err(refuse(body, "The body has no text."));
    };
    let inline = text.peek("representation") == Some("B64");
    let has_link = text.get("reference").is_some_and(|link| link.peek("value").is_some());
    if inline && media::base64(text).is_empty() || (!inline && !has_link && !text.has_text()) {
        return Err(refuse(text, "The document's body is empty: there is nothing to carry."));
    }
    if inline || has_link {
        media::fill_attachment(cx, text, attachment);
    } else {
        let words = text.text().unwrap_or_default();
        attachment.set("contentType", text.peek("mediaType").unwrap_or("text/plain"));
        attachment.set("data", &encode(words.as_bytes()));
    }
    Ok(())
}

/// What the header says of the document, in a DocumentReference.
pub(super) fn describe(cx: &mut Context<'_>, root: Node<'_>, to: &mut ElementMut<'_>) {
    to.set("status", "current");
    coded::set_concept(cx, root.get("code"), to, "type");
    cx.set_patient(to, "subject");
    if let Some(when) = root.get("effectiveTime").and_then(time::peek_time).filter(|text| text.len() > 10) {
        to.set("date", &when);
    }
    for author in root.all("author") {
        if let Some(party) = super::people::participant(cx, author) {
            to.item("author").set("reference", &party.reference);
        }
    }
    if let Some(custodian) = header::custodian(cx, root) {
        to.object("custodian").set("reference", &custodian);
    }
    if let Some(title) = root.get("title").and_then(Node::text) {
        to.set("description", &title);
    }
    if let Some(node) = root.get("confidentialityCode").filter(|node| coded::names_something(cx, *node)) {
        let mut label = to.item("securityLabel");
        coded::fill_concept(cx, node, &mut label);
        if let Some(level) = header::level(node).filter(|level| node.peek("code") != Some(level)) {
            label.item("coding").set("system", CONFIDENTIALITY).set("code", level);
        }
    }
}

fn refuse(node: Node<'_>, text: &str) -> Refusal {
    Refusal::new(Issue::new(Severity::Error, IssueType::Required, node.path(), text).at(Some(node.position())))
}

/// Base64 with padding: <https://www.rfc-editor.org/rfc/rfc4648#section-4>.
fn encode(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| chunk.get(at).copied().map_or(0, u32::from);
        let word = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let digit = (word >> (18 - 6 * place) & 63) as usize;
            match place <= chunk.len() {
                true => text.push(DIGITS.get(digit).copied().map_or('=', char::from)),
                false => text.push('='),
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::encode;

    #[test]
    fn base64_of_the_rfc() {
        for (text, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(encode(text.as_bytes()), coded);
        }
    }
}
