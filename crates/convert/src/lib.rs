//! Source documents into European FHIR documents, totally: what is not carried is named.
//!
//! [`convert`] recognises the format of the bytes, reads them, maps them to the document of an EHDS priority category and
//! gives a [`Draft`]: the document, a [`Report`] that names every mapped section and entry and every loss with its path,
//! line and reason, and a Provenance. What cannot be converted is refused with a precise [`Refusal`]; nothing is half done.
//!
//! One folder per source format (`cda/`, `dicom/`, `fhir/`, `hl7v2/`, `pdf/`), registered in [`formats`]. This crate does no I/O, validates nothing
//! (that is the crate `validation`), stores nothing, and has no clock: see [`Options::now`].

mod category;
pub mod cda;
pub mod dicom;
mod document;
mod encoding;
mod european;
mod european_imaging;
mod european_laboratory;
mod european_minimal;
mod excerpt;
mod explain;
pub mod fhir;
mod formats;
pub mod hl7v2;
mod identity;
mod issue;
mod knowledge;
mod markup;
pub mod pdf;
mod provenance;
mod report;
mod vital_sign;

pub use category::OTHER_DOCUMENTS;
pub use explain::{explain, explain_refusal};
pub use formats::{Format, formats, sniff};
pub use knowledge::{BuiltIn, Knowledge, Systems};
pub use report::{Mapped, Report};

use model::{Instant, Issue, Limits, Tree};

/// Bytes to convert and what is known of them.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The document as it came.
    pub bytes: &'a [u8],
    /// Its media type, where the sender gave one. The bytes decide, this only helps.
    pub content_type: Option<&'a str>,
    /// Its name, for the report and the Provenance.
    pub name: Option<&'a str>,
}

impl<'a> Source<'a> {
    /// Bytes of which nothing else is known.
    pub fn new(bytes: &'a [u8]) -> Source<'a> {
        Source { bytes, content_type: None, name: None }
    }
}

/// What a conversion depends on besides the bytes.
#[derive(Clone, Debug)]
pub struct Options {
    /// The wanted category, a code of `eehrxf-document-priority-category-cs` (`Patient-Summaries`). `None` takes the
    /// category that the document's own type names, else [`OTHER_DOCUMENTS`]; a document of another category is refused
    /// where one is given, but any CDA can become a plain document.
    pub category: Option<String>,
    /// What is known of a source that says nothing itself (a PDF); the others are not touched by it.
    pub metadata: Option<pdf::Metadata>,
    /// The time of the conversion: `Bundle.timestamp`, `Provenance.recorded`.
    pub now: Instant,
    /// What the input may cost at most.
    pub limits: Limits,
}

impl Options {
    /// Any category, at a time, with the usual limits.
    pub fn at(now: Instant) -> Options {
        Options {
            category: None,
            metadata: None,
            now,
            limits: Limits { bytes: 64 << 20, depth: 100, elements: 2 << 20 },
        }
    }
}

/// A converted document, not yet validated.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The Bundle: of type `document`, or `collection` for prescriptions and dispensations, which are no documents in
    /// the European format. A single MedicationRequest or MedicationDispense stays one resource; where nothing had to be
    /// done the document is the source, which may be any resource.
    pub document: Tree,
    /// The category, a code of `eehrxf-document-priority-category-cs`, or [`OTHER_DOCUMENTS`]; empty for resources that make
    /// no document.
    pub category: String,
    /// The name of the source format ([`Format::name`]).
    pub format: &'static str,
    /// What was mapped and what was lost.
    pub report: Report,
    /// A Provenance resource that targets the Bundle and names the source by its hash.
    pub provenance: Tree,
    /// SHA-256 of the source's bytes.
    pub source_hash: [u8; 32],
    /// Whether the document is the source itself, byte for byte in content, and not a new one.
    pub unchanged: bool,
}

impl Draft {
    /// A document that was made of a source, with its Provenance.
    pub(crate) fn made(
        document: Tree,
        category: String,
        format: &'static str,
        report: Report,
        source: &Source<'_>,
        source_hash: [u8; 32],
        now: Instant,
    ) -> Draft {
        let id = document.root().text_at("id").unwrap_or_default();
        let provenance = provenance::provenance(id, source, &source_hash, format, now);
        Draft { document, category, format, report, provenance, source_hash, unchanged: false }
    }
}

/// The source was not converted; nothing of it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why: at least one issue of severity error or fatal.
    pub issues: Vec<Issue>,
}

impl Refusal {
    pub(crate) fn new(issue: Issue) -> Refusal {
        Refusal { issues: vec![issue] }
    }

    /// The reasons as an OperationOutcome.
    pub fn outcome(&self) -> Tree {
        model::operation_outcome(&self.issues)
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let texts: Vec<String> = self.issues.iter().map(Issue::to_string).collect();
        f.write_str(&texts.join("; "))
    }
}

impl std::error::Error for Refusal {}

/// Converts a source document. The same bytes, options and knowledge give the same draft, bit for bit.
pub fn convert(knowledge: &Knowledge<'_>, source: &Source<'_>, options: &Options) -> Result<Draft, Refusal> {
    if source.bytes.len() > options.limits.bytes {
        return Err(Refusal::new(issue::too_long(source.bytes.len(), options.limits.bytes)));
    }
    let Some(format) = sniff(source.bytes, source.content_type) else {
        return Err(Refusal::new(issue::unknown_format(source)));
    };
    let mut draft = (format.convert)(knowledge, source, options)?;
    draft.report.tell_once();
    Ok(draft)
}
