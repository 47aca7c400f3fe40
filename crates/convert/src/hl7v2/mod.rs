//! HL7 v2 messages: results become laboratory or imaging reports, prescriptions and dispensations collections of the
//! European resources, documents inside a message what they are; every other message becomes a collection of resources.
//!
//! Specification: HL7 v2.3 … v2.8, <https://www.hl7.eu/HL7v2x/v282/>. What is covered stands in `README.md`.

mod account;
mod charset;
mod clinical;
mod coded;
mod collection;
mod context;
mod datatypes;
mod encounter;
mod escape;
mod fields;
mod file;
mod group;
mod immunization;
mod mdm;
mod medication;
mod observation;
mod order;
mod patient;
mod people;
mod read;
mod report;
mod value;

use std::collections::HashMap;

use model::{Issue, IssueType, Severity, Tree};

use crate::document::Document;
use crate::{Draft, Format, Knowledge, Options, Refusal, Report, Source, identity, provenance};
use context::Context;
use group::Group;
use read::Message;

/// The row of the table of formats.
pub(crate) const FORMAT: Format = Format { name: "hl7v2", title: "HL7 v2", sniff, convert };

/// Categories whose document a file alone makes.
const FILES: [&str; 3] = ["Laboratory-Reports", "Medical-Imaging", "Discharge-Reports"];

fn sniff(bytes: &[u8], _: Option<&str>) -> bool {
    let start = bytes.get(..bytes.len().min(256)).unwrap_or_default();
    let narrow: Vec<u8> = start.iter().copied().filter(|byte| *byte != 0).collect();
    let narrow = narrow
        .strip_prefix(b"\xef\xbb\xbf")
        .or(narrow.strip_prefix(b"\xff\xfe"))
        .or(narrow.strip_prefix(b"\xfe\xff"))
        .unwrap_or(&narrow);
    let begin = narrow.iter().position(|byte| !byte.is_ascii_whitespace() && *byte != 0x0b);
    let text = begin.and_then(|begin| narrow.get(begin..)).unwrap_or_default();
    [b"MSH", b"FHS", b"BHS"].iter().any(|name| {
        text.strip_prefix(*name).and_then(|rest| rest.first()).is_some_and(|byte| byte.is_ascii_punctuation())
    })
}

/// What a message is converted to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Plan {
    /// A report of results.
    Report,
    /// A document that is only a file.
    File,
    /// Resources.
    Collection,
}

fn convert(knowledge: &Knowledge<'_>, source: &Source<'_>, options: &Options) -> Result<Draft, Refusal> {
    let message = read::read(source.bytes, &options.limits)?;
    if message.kind().is_none() {
        return refuse("The message header names no type of message (MSH-9).".to_owned());
    }
    if let Some(draft) = mdm::embedded(knowledge, &message, source, options) {
        return draft.map(|draft| of_message(draft, source, options));
    }
    patient::one(&message)?;
    let groups = group::groups(&message);
    let (plan, category) = plan(&message, &groups, options)?;
    let hash = identity::hash(source.bytes);
    let document = Document::new(hash);
    let patient = document.reference("Patient");
    let mut cx = Context {
        systems: knowledge.systems,
        document,
        report: Report::default(),
        patient,
        encounter: None,
        zone: zone(&message),
        language: language(&message),
        numbered: message.segments.iter().any(is_numbered),
        now: options.now,
        places: HashMap::new(),
    };
    if plan == Plan::Collection
        && let Some(header) = message.segments.first()
    {
        collection::header(&mut cx, header);
    }
    patient::patient(&mut cx, &message);
    encounter::encounter(&mut cx, &message);
    let document = match plan {
        Plan::Report => report::assemble(&mut cx, &message, &groups, &category),
        Plan::File => match mdm::file(&message) {
            Some(file) => mdm::minimal(&mut cx, &message, &groups, &category, file)?,
            None => collect(&mut cx, &message, &groups),
        },
        Plan::Collection => collect(&mut cx, &message, &groups),
    };
    account::losses(&mut cx, &message);
    Ok(Draft::made(document, category, FORMAT.name, cx.report, source, hash, options.now))
}

/// A document inside a message is of the message: its source is the message's bytes.
fn of_message(mut draft: Draft, source: &Source<'_>, options: &Options) -> Draft {
    draft.source_hash = identity::hash(source.bytes);
    let id = draft.document.root().text_at("id").unwrap_or_default().to_owned();
    draft.provenance = provenance::provenance(&id, source, &draft.source_hash, FORMAT.name, options.now);
    draft.format = FORMAT.name;
    draft
}

fn plan(message: &Message, groups: &[Group<'_>], options: &Options) -> Result<(Plan, String), Refusal> {
    let drug = |name: &str| groups.iter().any(|group| group.drug.is_some_and(|drug| drug.name() == name));
    let results = matches!(message.kind(), Some("ORU" | "OUL" | "ORF"))
        && groups.iter().any(|group| group.order.request.is_some());
    let file = mdm::file(message).is_some() && message.event() != Some("T11");
    let found = match message.kind() {
        _ if results => report::category(groups),
        Some("MDM") if file => mdm::category(message).filter(|category| FILES.contains(category)),
        _ if drug("RXD") => Some("Electronic-Dispensations"),
        _ if drug("RXE") || drug("RXO") => Some("Electronic-Prescriptions"),
        _ => None,
    };
    let category = match (found, options.category.as_deref()) {
        (Some(found), Some(wanted)) if found != wanted => {
            return refuse(format!("The message is of the category {found}, not {wanted}."));
        }
        (Some(found), _) => Some(found.to_owned()),
        (None, Some(wanted)) if results && matches!(wanted, "Laboratory-Reports" | "Medical-Imaging") => {
            Some(wanted.to_owned())
        }
        (None, Some(wanted)) if file && FILES.contains(&wanted) => Some(wanted.to_owned()),
        (None, Some(crate::OTHER_DOCUMENTS)) => None,
        (None, Some(wanted)) => {
            let kind = message.kind().unwrap_or("of no type");
            return refuse(format!(
                "A message {kind} with this content cannot become a document of the category {wanted}."
            ));
        }
        (None, None) => None,
    };
    let plan = match &category {
        Some(_) if results => Plan::Report,
        Some(category) if file && FILES.contains(&category.as_str()) => Plan::File,
        _ => Plan::Collection,
    };
    Ok((plan, category.unwrap_or_else(|| crate::OTHER_DOCUMENTS.to_owned())))
}

fn refuse<T>(text: String) -> Result<T, Refusal> {
    Err(Refusal::new(Issue::new(Severity::Error, IssueType::NotSupported, "MSH[1]-9", text)))
}

fn collect(cx: &mut Context<'_>, message: &Message, groups: &[Group<'_>]) -> Tree {
    collection::singles(cx, message);
    match message.kind() {
        Some("MDM") => mdm::document(cx, message, groups),
        Some("ORU" | "OUL" | "ORF") => report::plain(cx, message, groups),
        _ => collection::orders(cx, message, groups),
    }
    collection::attachments(cx, message, true);
    let document = std::mem::replace(&mut cx.document, Document::new([0; 32]));
    let mut bundle = document.bundle("collection", None, cx.now, None);
    bundle.edit().set_some("language", cx.language.as_deref());
    bundle
}

/// Whether an OBX has a sub-identifier other than "1".
fn is_numbered(segment: &read::Segment) -> bool {
    segment.name() == "OBX" && segment.f(4).words().is_some_and(|sub| sub.split(' ').any(|part| part != "1"))
}

/// The zone of MSH-7, as it stands there.
fn zone(message: &Message) -> String {
    let time = message.segments.first().and_then(|header| header.f(7).peek()).unwrap_or_default();
    let at = time.find(['+', '-']).unwrap_or(time.len());
    let zone = time.get(at..).unwrap_or_default();
    let digits = zone.len() == 5 && zone.bytes().skip(1).all(|byte| byte.is_ascii_digit());
    if digits { zone.to_owned() } else { String::new() }
}

/// The language of MSH-19, a code of ISO 639.
fn language(message: &Message) -> Option<String> {
    let code = message.segments.first()?.f(19).text()?.replace('_', "-");
    let short = code.split('-').next().is_some_and(|code| code.len() == 2);
    let clean = code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (short && clean).then(|| {
        code.split('-')
            .enumerate()
            .map(|(at, piece)| if at == 0 { piece.to_ascii_lowercase() } else { piece.to_owned() })
            .collect::<Vec<_>>()
            .join("-")
    })
}
