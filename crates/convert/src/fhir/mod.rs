//! FHIR R4 documents that already are European: they pass unharmed.

use model::{Issue, IssueType, Severity};

use crate::{Draft, Format, Knowledge, Options, Refusal, Source};

/// The row of the table of formats.
pub(crate) const FORMAT: Format = Format { name: "fhir", title: "FHIR R4 (JSON, XML)", sniff, convert };

fn sniff(bytes: &[u8], _: Option<&str>) -> bool {
    let head = crate::encoding::head(bytes);
    let head = head.trim_start_matches('\u{feff}').trim_start();
    (head.starts_with('{') && head.contains("\"resourceType\"")) || head.contains("xmlns=\"http://hl7.org/fhir\"")
}

fn convert(_: &Knowledge<'_>, _: &Source<'_>, _: &Options) -> Result<Draft, Refusal> {
    Err(Refusal::new(Issue::new(Severity::Error, IssueType::NotSupported, "", "FHIR is not converted yet.")))
}
