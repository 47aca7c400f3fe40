//! ED and RP: files inside a message or beside it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::Tree;

use super::coded;
use super::context::Context;
use super::datatypes;
use super::read::{Part, Segment};

/// The DocumentReference of an OBX with a file; `None` where there is nothing in it.
pub(super) fn document_reference(cx: &mut Context<'_>, segment: &Segment) -> Option<String> {
    let mut tree = Tree::new("DocumentReference");
    let mut to = tree.edit();
    for part in segment.reps(21) {
        datatypes::fill_entity(cx, part, None, &mut to.item("identifier"));
    }
    let status = segment.f(11).text().and_then(|code| coded::lookup("observation", code));
    to.set("status", if status == Some("entered-in-error") { "entered-in-error" } else { "current" });
    to.set_some("docStatus", status.and_then(doc_status));
    coded::set_concept(cx, segment.f(3), &mut to, "type");
    cx.set_patient(&mut to, "subject");
    if let Some(date) = datatypes::peek_time(cx, segment.f(14)).filter(|text| text.len() > 10) {
        segment.f(14).take_all();
        to.set("date", &date);
    }
    let mut some = false;
    for part in segment.reps(5) {
        let holder = attachment(cx, part, segment.f(2).peek() == Some("RP"));
        if holder.root().has_children() {
            let mut content = to.item("content");
            datatypes::pour(&holder, &mut content, "attachment");
            some = true;
        }
    }
    if !some {
        cx.remark(model::Severity::Warning, segment, "A file without content: nothing was made of it.");
        return None;
    }
    segment.f(4).take_all();
    Some(cx.add(segment, tree))
}

fn doc_status(status: &str) -> Option<&'static str> {
    match status {
        "final" => Some("final"),
        "corrected" => Some("amended"),
        "preliminary" | "registered" => Some("preliminary"),
        "entered-in-error" => Some("entered-in-error"),
        _ => None,
    }
}

/// The children of an Attachment.
pub(super) fn attachment(cx: &mut Context<'_>, part: Part<'_>, link: bool) -> Tree {
    let mut tree = Tree::new("Attachment");
    let mut to = tree.edit();
    if link {
        let kind = media_type(part.c(3).peek(), part.c(4).peek());
        to.set_some("contentType", kind.as_deref());
        let pointer = part.peek().unwrap_or_default();
        if pointer.contains(':') && !pointer.contains(char::is_whitespace) {
            to.set("url", pointer);
        } else {
            to.set_some("title", Some(pointer).filter(|text| !text.is_empty()));
            if !pointer.is_empty() {
                cx.note(part, "The pointer is no URL: it stands as the title of the file.");
            }
        }
        part.text();
        if kind.is_some() {
            [3, 4].into_iter().for_each(|number| part.c(number).take_all());
        }
        return tree;
    }
    let kind = media_type(part.c(2).peek(), part.c(3).peek());
    match data(part) {
        Some(Ok(bytes)) => {
            to.set_some("contentType", kind.as_deref());
            to.set("data", &STANDARD.encode(&bytes));
            [4, 5].into_iter().for_each(|number| part.c(number).take_all());
            if kind.is_some() {
                [2, 3].into_iter().for_each(|number| part.c(number).take_all());
            }
        }
        Some(Err(())) => {
            cx.loss(part.c(5), "The file's content cannot be decoded; only its name and type were carried.");
            to.set_some("contentType", kind.as_deref());
            to.set("title", "Unreadable file");
            [2, 3, 4].into_iter().for_each(|number| part.c(number).take_all());
        }
        None => {}
    }
    tree
}

/// The bytes of an ED; `Err` where its encoding says otherwise than its content.
pub(super) fn data(part: Part<'_>) -> Option<Result<Vec<u8>, ()>> {
    let content = part.c(5).peek()?;
    let encoding = part.c(4).peek().unwrap_or("A").to_ascii_lowercase();
    let bare: String = content.chars().filter(|c| !c.is_whitespace()).collect();
    Some(match encoding.as_str() {
        "base64" => STANDARD.decode(bare.as_bytes()).map_err(|_| ()),
        "hex" => {
            let pairs = bare.as_bytes().chunks(2);
            let bytes: Option<Vec<u8>> =
                pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
            bytes.filter(|_| bare.len().is_multiple_of(2)).ok_or(())
        }
        _ => Ok(content.as_bytes().to_vec()),
    })
}

/// The media type of a type and a subtype of tables 0191 and 0291.
pub(super) fn media_type(kind: Option<&str>, subtype: Option<&str>) -> Option<String> {
    let kind = kind.unwrap_or_default().to_ascii_lowercase();
    let subtype = subtype.unwrap_or_default().to_ascii_lowercase();
    if kind.contains('/') {
        return Some(kind);
    }
    let known = match subtype.as_str() {
        "pdf" => "application/pdf",
        "jpeg" | "jpg" => "image/jpeg",
        "png" => "image/png",
        "gif" => "image/gif",
        "tiff" | "tif" => "image/tiff",
        "dicom" => "application/dicom",
        "rtf" => "application/rtf",
        "html" => "text/html",
        "xml" | "x-hl7-cda-level-one" | "cda" => "application/xml",
        "plain" | "txt" => "text/plain",
        "octet-stream" => "application/octet-stream",
        "" => match kind.as_str() {
            "text" | "tx" | "ft" => "text/plain",
            "pdf" => "application/pdf",
            _ => return None,
        },
        other => {
            let kind = match kind.as_str() {
                "image" | "im" => "image",
                "audio" | "au" => "audio",
                "video" => "video",
                "text" => "text",
                _ => "application",
            };
            let clean = other.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-+.".contains(&byte));
            return clean.then(|| format!("{kind}/{other}"));
        }
    };
    Some(known.to_owned())
}
