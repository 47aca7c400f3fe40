//! Refusals that belong to no format.

use model::{Issue, IssueType, Severity};

use crate::Source;

/// A file by itself names no patient, and nothing is guessed from its text.
const PDF: &str = "A PDF alone says neither whom it is about nor what document it is. Send it with both: with the parameters \
    patient and category or type, in an HL7 v2 MDM^T02 message (PID, TXA-2, OBX of type ED) or in a CDA with nonXMLBody (recordTarget, code), or as a \
    DocumentReference with subject, type and the PDF in content.attachment.data (ITI-105).";

pub(crate) fn too_long(bytes: usize, limit: usize) -> Issue {
    let text = format!("The document has {bytes} bytes; at most {limit} are read.");
    Issue::new(Severity::Fatal, IssueType::TooLong, "", text)
}

/// The refusal of a PDF of which nothing is known.
pub(crate) fn pdf_alone() -> Issue {
    Issue::new(Severity::Fatal, IssueType::NotSupported, "", PDF)
}

pub(crate) fn unknown_format(source: &Source<'_>) -> Issue {
    let said = source.content_type.map_or(String::new(), |media| format!(" (sent as {media})"));
    let known: Vec<&str> = crate::formats().iter().map(|format| format.title).collect();
    let text = format!("The content{said} is of no format that can be converted: {}.", known.join(", "));
    Issue::new(Severity::Fatal, IssueType::NotSupported, "", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pdf_alone_is_told_what_it_lacks() {
        let told = |bytes: &[u8]| unknown_format(&Source::new(bytes)).text;
        for needed in ["MDM^T02", "nonXMLBody", "DocumentReference", "subject", "type"] {
            assert!(pdf_alone().text.contains(needed), "{needed}");
        }
        assert!(told(b"GIF89a").contains("of no format") && !told(b"GIF89a").contains("MDM"));
    }
}
