//! Refusals that belong to no format.

use model::{Issue, IssueType, Severity};

use crate::Source;

pub(crate) fn too_long(bytes: usize, limit: usize) -> Issue {
    let text = format!("The document has {bytes} bytes; at most {limit} are read.");
    Issue::new(Severity::Fatal, IssueType::TooLong, "", text)
}

pub(crate) fn unknown_format(source: &Source<'_>) -> Issue {
    let said = source.content_type.map_or(String::new(), |media| format!(" (sent as {media})"));
    let known: Vec<&str> = crate::formats().iter().map(|format| format.title).collect();
    let text = format!("The content{said} is of no format that can be converted: {}.", known.join(", "));
    Issue::new(Severity::Fatal, IssueType::NotSupported, "", text)
}
