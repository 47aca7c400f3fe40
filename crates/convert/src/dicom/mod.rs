//! DICOM objects: structured reports become European imaging reports; key object selections, images and every other
//! composite object become the ImagingStudy that they are part of.
//!
//! Specification: DICOM PS3, <https://www.dicomstandard.org/current>. What is covered stands in `README.md`.

mod account;
mod header;
mod object;
mod read;
mod report;
mod text;

use model::{Instant, Issue, IssueType, Severity, Tree};

use crate::document::Document;
use crate::report::Mapped;
use crate::{Draft, Format, Knowledge, Options, Refusal, Report, Source, european, identity};
use object::Object;
use read::{DataSet, Reader, Tag};

/// The row of the table of formats.
pub(crate) const FORMAT: Format = Format { name: "dicom", title: "DICOM", sniff, convert };

const CATEGORY: &str = "Medical-Imaging";
/// Structured reports; key object selections are the one among them that is a list of objects.
const REPORTS: &str = "1.2.840.10008.5.1.4.1.1.88.";
const KEY_OBJECTS: &str = "1.2.840.10008.5.1.4.1.1.88.59";
const DIRECTORY: &str = "1.2.840.10008.1.3.10";

/// A preamble, or a data set that begins with (0008,0005), (0008,0016), (0008,0018) or the file meta information.
fn sniff(bytes: &[u8], content_type: Option<&str>) -> bool {
    if bytes.get(128..132) == Some(b"DICM") {
        return true;
    }
    let first = bytes.get(..8).unwrap_or_default();
    let little = matches!(first, [0x02 | 0x08, 0x00, 0x00..=0x18, 0x00, ..]);
    // Either a value representation follows, or a short length.
    let form = matches!(first, [_, _, _, _, b'A'..=b'Z', b'A'..=b'Z', ..] | [_, _, _, _, _, 0, 0, 0]);
    (little && form) || content_type.is_some_and(|kind| kind.starts_with("application/dicom") && !kind.contains("json"))
}

/// What every map needs at hand.
struct Context {
    document: Document,
    report: Report,
    patient: String,
    /// The zone of (0008,0201).
    zone: String,
    /// Observations made.
    count: usize,
    now: Instant,
}

impl Context {
    fn mapped(&mut self, source: &str, target: &str) {
        self.report.mapped.push(Mapped { source: source.to_owned(), position: None, target: target.to_owned() });
    }
}

fn refuse<T>(code: IssueType, text: String) -> Result<T, Refusal> {
    Err(Refusal::new(Issue::new(Severity::Error, code, "", text)))
}

fn convert(_: &Knowledge<'_>, source: &Source<'_>, options: &Options) -> Result<Draft, Refusal> {
    let file = object::open(source.bytes, &options.limits)?;
    let set = Reader::new(&file.data, file.start, file.syntax, &options.limits).data_set(None)?;
    let object = Object::new(&set);
    let class = object.uid(0x0008_0016).unwrap_or_default();
    check(&object, &set, &class, options)?;
    let hash = identity::hash(source.bytes);
    let document = Document::new(hash);
    let zone = object.text(0x0008_0201).filter(|zone| zone.len() == 5).unwrap_or_default();
    let patient = document.reference("Patient");
    let mut cx = Context { document, report: Report::default(), patient, zone, count: 0, now: options.now };
    for text in file.oddities {
        cx.report.issues.push(Issue::information(IssueType::Informational, "", text));
    }
    if let Some(term) = object.charset.unknown.clone() {
        let text = format!("The character set {term:?} is not known; its text was read as Latin 1.");
        cx.report.issues.push(Issue::new(Severity::Warning, IssueType::NotSupported, "(0008,0005)", text));
    }
    header::patient(&mut cx, &object);
    let tree = assemble(&mut cx, &object, &class);
    account::losses(&mut cx.report, &object, "");
    Ok(Draft::made(tree, CATEGORY.to_owned(), FORMAT.name, cx.report, source, hash, options.now))
}

fn check(object: &Object<'_, '_>, set: &DataSet<'_>, class: &str, options: &Options) -> Result<(), Refusal> {
    if let Some(wanted) = options.category.as_deref().filter(|wanted| *wanted != CATEGORY) {
        return refuse(IssueType::NotSupported, format!("A DICOM object is of the category {CATEGORY}, not {wanted}."));
    }
    if class == DIRECTORY || set.peek(0x0004_1220).is_some() {
        return refuse(
            IssueType::NotSupported,
            "A DICOMDIR lists files and holds none: convert the files that it names.".to_owned(),
        );
    }
    if set.elements.is_empty() {
        return refuse(IssueType::Structure, "The file holds no data elements.".to_owned());
    }
    if object.uid(0x0020_000d).is_none() || object.uid(0x0008_0018).is_none() {
        return refuse(
            IssueType::Required,
            "The object names no study (0020,000D) or no instance (0008,0018): it is part of no imaging study."
                .to_owned(),
        );
    }
    Ok(())
}

fn assemble(cx: &mut Context, object: &Object<'_, '_>, class: &str) -> Tree {
    let structured = class.starts_with(REPORTS) && class != KEY_OBJECTS && object.set.peek(0x0040_a730).is_some();
    if structured {
        let facts = report::facts(cx, object);
        let document = std::mem::replace(&mut cx.document, Document::new([0; 32]));
        return european::imaging(document, &facts, cx.now);
    }
    let mut instances = Vec::new();
    header::evidence(object, 0x0040_a375, &mut instances);
    instances.extend(header::own(object));
    let studies = header::studies(cx, object, &instances);
    if class == KEY_OBJECTS
        && let Some(tree) = studies.first().and_then(|study| cx.document.resource_mut(study))
    {
        let words = report::selection(object);
        if !words.is_empty() {
            tree.edit().item("note").set("text", &words.join("\n"));
        }
    }
    let names: Vec<(Tag, &str)> = vec![(0x0008_0080, "Organization")];
    for (tag, kind) in names {
        if let Some(name) = object.text(tag) {
            let reference = cx.document.add_once(object::named(kind, &name));
            cx.mapped(&read::named(tag), &format!("{kind} {reference}"));
        }
    }
    let document = std::mem::replace(&mut cx.document, Document::new([0; 32]));
    document.bundle("collection", None, cx.now, None)
}
