//! MDM: documents inside a message. A CDA is converted as one; a PDF with a known type becomes the document of its
//! category with minimal metadata; anything else stays a DocumentReference with its content.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::{Issue, Severity, Tree};

use super::coded;
use super::context::Context;
use super::datatypes;
use super::file;
use super::group::Group;
use super::observation;
use super::order;
use super::people;
use super::read::{Message, Part, Segment};
use super::report;
use crate::european;
use crate::report::Mapped;
use crate::{Draft, Knowledge, Options, Refusal, Source, encoding};

/// The CDA that an OBX of the message holds, converted; what the message says around it is noted.
pub(super) fn embedded(
    knowledge: &Knowledge<'_>,
    message: &Message,
    source: &Source<'_>,
    options: &Options,
) -> Option<Result<Draft, Refusal>> {
    if message.event() == Some("T11") {
        return None;
    }
    let files = message.segments.iter().filter(|segment| segment.name() == "OBX" && segment.f(2).peek() == Some("ED"));
    for segment in files {
        let Some(Ok(bytes)) = file::data(segment.f(5)) else { continue };
        if !encoding::head(&bytes).contains("ClinicalDocument") {
            continue;
        }
        let inner = Source { bytes: &bytes, content_type: Some("application/xml"), name: source.name };
        let format = crate::sniff(inner.bytes, inner.content_type).filter(|format| format.name == "cda")?;
        let mut draft = match (format.convert)(knowledge, &inner, options) {
            Ok(draft) => draft,
            Err(refusal) => return Some(Err(refusal)),
        };
        draft.report.mapped.insert(
            0,
            Mapped {
                source: segment.f(5).path(),
                position: Some(segment.f(5).position()),
                target: "the document: the CDA inside was converted, paths below are its own".to_owned(),
            },
        );
        for other in &message.segments {
            let fields = (1..=other.last()).filter(|field| !(other.path() == segment.path() && *field == 5));
            let words: Vec<String> = fields
                .filter_map(|field| {
                    let words: Vec<String> = other.reps(field).filter_map(Part::words).collect();
                    (!words.is_empty()).then(|| format!("{field}: {}", words.join(" ~ ")))
                })
                .collect();
            if !words.is_empty() {
                let text = format!("Said by the message around the document, not carried: {}.", words.join("; "));
                let issue = Issue::new(Severity::Information, model::IssueType::Informational, other.path(), text);
                draft.report.issues.push(issue.at(Some(other.position())));
            }
        }
        return Some(Ok(draft));
    }
    None
}

/// The category of the message's document by its type in TXA-2, OBR-4 or OBX-3.
pub(super) fn category(message: &Message) -> Option<&'static str> {
    let places = [("TXA", 2), ("TXA", 16), ("OBR", 4), ("OBX", 3)];
    let parts = places.iter().flat_map(|(name, field)| {
        message.segments.iter().filter(move |segment| segment.name() == *name).map(move |segment| segment.f(*field))
    });
    let code = |part: Part<'_>| -> Option<&'static str> {
        [1, 4].into_iter().find_map(|at| part.c(at).peek().and_then(crate::category::of_type))
    };
    parts.clone().find_map(code).or_else(|| {
        let kind = message.first("TXA")?.f(2).peek()?;
        coded::lookup("document-type", kind)
    })
}

/// The file of the message, the only one of it that is not text.
pub(super) fn file(message: &Message) -> Option<&Segment> {
    let mut files =
        message.segments.iter().filter(|segment| segment.name() == "OBX" && segment.f(2).peek() == Some("ED"));
    files.rfind(|segment| matches!(file::data(segment.f(5)), Some(Ok(_))))
}

/// The document of a category with the message's file and its metadata.
pub(super) fn minimal(
    cx: &mut Context<'_>,
    message: &Message,
    groups: &[Group<'_>],
    category: &str,
    file: &Segment,
) -> Result<Tree, Refusal> {
    let mut facts = report::facts(cx, message, groups);
    let mut holder = Tree::new("Attachment");
    let inner = super::file::attachment(cx, file.f(5), false);
    let mut to = holder.edit();
    for child in inner.root().children() {
        to.copy(child);
    }
    if let Some(header) = message.first("TXA") {
        header.f(1).take_all();
        let status = header.f(17).text().and_then(|code| coded::lookup("document", code));
        facts.status = if status == Some("final") { "final" } else { "preliminary" };
        facts.composition_status = facts.status;
        let id = header.f(12);
        if id.is_some() {
            let mut identifiers = Tree::new("DiagnosticReport");
            datatypes::fill_entity(cx, id, None, &mut identifiers.edit().item("identifier"));
            facts.identifiers = Some(identifiers);
        }
        for field in [9, 5, 10, 22] {
            let people: Vec<Part<'_>> = header.reps(field).collect();
            for part in people {
                let Some(reference) = people::practitioner(cx, part) else { continue };
                if !facts.people.contains(&reference) {
                    facts.people.push(reference);
                }
            }
        }
        for field in [6, 4] {
            if let Some(date) = datatypes::peek_time(cx, header.f(field)) {
                header.f(field).text();
                facts.date = Some(date);
            }
        }
        if let Some(name) = header.f(16).text().or_else(|| header.f(25).text()) {
            facts.title = name.to_owned();
        }
    } else if facts.status == "unknown" {
        facts.composition_status = "preliminary";
    }
    to.set("title", &facts.title);
    facts.file_kind = Some(kinds(cx, message, file));
    file.f(1).take_all();
    file.f(2).take_all();
    file.f(11).take_all();
    cx.mapped(file, "the attached file");
    let document = std::mem::replace(&mut cx.document, crate::document::Document::new([0; 32]));
    european::minimal(document, &mut facts, category, &holder, cx.now)
}

/// What the message calls the file: TXA-2 and OBX-3 as one `type`.
fn kinds(cx: &mut Context<'_>, message: &Message, file: &Segment) -> Tree {
    let mut holder = Tree::new("DocumentReference");
    let mut parts = vec![file.f(3)];
    if let Some(header) = message.first("TXA") {
        parts.push(header.f(2));
        [3, 19].into_iter().for_each(|field| header.f(field).take_all());
    }
    for part in parts {
        let mut one = Tree::new("DocumentReference");
        if !coded::set_concept(cx, part, &mut one.edit(), "type") {
            continue;
        }
        let mut edit = holder.edit();
        let mut kind = edit.object("type");
        for coding in one.root().every("type.coding") {
            kind.copy(coding);
        }
        if kind.as_element().get("text").is_none() {
            kind.set_some("text", one.root().text_at("type.text"));
        }
    }
    holder
}

/// The DocumentReference with all text and files of the message; a cancelled document is entered in error.
pub(super) fn document(cx: &mut Context<'_>, message: &Message, groups: &[Group<'_>]) {
    let reference = match message.first("TXA").and_then(|segment| cx.place_of(segment)) {
        Some(reference) => reference,
        None => {
            let mut tree = Tree::new("DocumentReference");
            let mut to = tree.edit();
            to.set("status", "current");
            cx.set_patient(&mut to, "subject");
            cx.document.add("DocumentReference of the message", tree)
        }
    };
    let orders: Vec<String> =
        groups.iter().filter_map(|group| order::service_request(cx, group.order, false)).collect();
    let mut lines = Vec::new();
    let mut contents = Vec::new();
    let mut events = Tree::new("DocumentReference");
    for segment in groups.iter().flat_map(|group| &group.observations) {
        let kind = segment.f(2).peek().unwrap_or("TX");
        match kind {
            "TX" | "FT" | "ST" => {
                segment.f(1).take_all();
                segment.f(2).take_all();
                segment.f(4).take_all();
                segment.f(11).take_all();
                let parts: Vec<Part<'_>> = segment.reps(5).collect();
                lines.extend(parts.into_iter().filter_map(Part::whole));
                event(cx, segment, &mut events);
            }
            "ED" | "RP" => {
                [1, 2, 4, 11].into_iter().for_each(|field| segment.f(field).take_all());
                let parts: Vec<Part<'_>> = segment.reps(5).collect();
                contents.extend(parts.into_iter().map(|part| super::file::attachment(cx, part, kind == "RP")));
                event(cx, segment, &mut events);
            }
            _ => {
                observation::observation(cx, segment, None, None);
                continue;
            }
        }
        cx.mapped(segment, &format!("content of DocumentReference {reference}"));
    }
    if !lines.is_empty() {
        let mut holder = Tree::new("Attachment");
        let data = STANDARD.encode(lines.join("\n"));
        holder.edit().set("contentType", "text/plain; charset=utf-8").set("data", &data);
        contents.insert(0, holder);
    }
    let cancelled = message.event() == Some("T11");
    let Some(tree) = cx.document.resource_mut(&reference) else { return };
    let mut to = tree.edit();
    if cancelled {
        to.set("status", "entered-in-error");
    }
    for code in events.root().all("event") {
        to.object("context").copy(code);
    }
    for order in &orders {
        to.object("context").item("related").set("reference", order);
    }
    fill_contents(&mut to, &contents);
}

fn event(cx: &mut Context<'_>, segment: &Segment, events: &mut Tree) {
    let mut holder = Tree::new("DocumentReference");
    coded::push_concept(cx, segment.f(3), &mut holder.edit(), "event");
    let Some(found) = holder.root().get("event").map(|found| model::json::to_string(found)) else { return };
    if !events.root().all("event").any(|known| model::json::to_string(known) == found)
        && let Some(event) = holder.root().get("event")
    {
        events.edit().copy(event);
    }
}

/// The first content goes into the attachment that TXA described, the others beside it.
fn fill_contents(to: &mut model::ElementMut<'_>, contents: &[Tree]) {
    for (number, holder) in contents.iter().filter(|holder| holder.root().has_children()).enumerate() {
        let first = number == 0 && to.as_element().get("content").is_some();
        let mut content = if first { to.object("content") } else { to.item("content") };
        let mut attachment = content.object("attachment");
        attachment.remove("contentType");
        for child in holder.root().children() {
            if attachment.as_element().get(child.name()).is_none() {
                attachment.copy(child);
            }
        }
    }
    if to.as_element().get("content").is_none() {
        to.item("content").object("attachment").set("title", "Document");
    }
}
