//! What a fuzzer drives: each entry takes any bytes as a source of one format and must come back with a document or with
//! a refusal that says why. `fuzz/` builds them for cargo-fuzz, the test beside this file drives them with a deterministic
//! mutator.

use std::sync::LazyLock;

use catalog::Catalog;
use convert::{BuiltIn, Knowledge, Options, Source};
use model::{Instant, Limits};

static CATALOG: LazyLock<Catalog> = LazyLock::new(Catalog::built_in);

/// A CDA document.
pub(crate) fn any_cda(bytes: &[u8]) -> bool {
    came_back(bytes, "application/cda+xml")
}

/// An HL7 v2 message or file.
pub(crate) fn any_hl7v2(bytes: &[u8]) -> bool {
    came_back(bytes, "application/hl7-v2")
}

/// A DICOM object.
pub(crate) fn any_dicom(bytes: &[u8]) -> bool {
    came_back(bytes, "application/dicom")
}

/// Whether a document came of it; else the refusal has a reason.
fn came_back(bytes: &[u8], content_type: &str) -> bool {
    let knowledge = Knowledge { shapes: &*CATALOG, systems: &BuiltIn };
    let source = Source { bytes, content_type: Some(content_type), name: None };
    // Small enough that a fuzzer is not busy with size alone.
    let limits = Limits { bytes: 1 << 20, depth: 100, elements: 1 << 16 };
    let options = Options { limits, ..Options::at(Instant(1_795_449_600_000)) };
    match convert::convert(&knowledge, &source, &options) {
        Ok(draft) => {
            assert!(!draft.document.resource_type().is_empty(), "a document without a type");
            assert!(draft.report.issues.iter().all(|issue| !issue.text.is_empty()), "an issue without words");
            true
        }
        Err(refusal) => {
            let reasons = refusal.issues.iter().filter(|issue| issue.severity.is_error() && !issue.text.is_empty());
            assert!(reasons.count() > 0, "a refusal without a reason");
            false
        }
    }
}
