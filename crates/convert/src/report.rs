//! What became of the source: every mapped part, every loss.

use model::{Issue, IssueType, Position, Severity, Tree};

/// One part of the source that has its place in the document.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mapped {
    /// XPath-like path in the source, local names, an index where siblings share a name:
    /// `/ClinicalDocument/component/structuredBody/component[3]/section/entry[2]`.
    pub source: String,
    /// Where it begins in the source's text.
    pub position: Option<Position>,
    /// What it became: `Condition urn:uuid:…`, or `Composition.section` with its title.
    pub target: String,
}

/// The account of one conversion.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Sections and entries with what they became, in source order.
    pub mapped: Vec<Mapped>,
    /// Losses and doubts (warnings, with the path in the source), and facts worth knowing (information).
    pub issues: Vec<Issue>,
}

impl Report {
    /// The account as an OperationOutcome: losses first, then facts, then what was mapped.
    pub fn outcome(&self) -> Tree {
        let mut issues = self.issues.clone();
        issues.sort_by_key(|issue| issue.severity);
        issues.extend(self.mapped.iter().map(|mapped| {
            let text = format!("Mapped to {}.", mapped.target);
            Issue::new(Severity::Information, IssueType::Informational, mapped.source.as_str(), text)
                .with_rule("mapped")
                .at(mapped.position)
        }));
        model::operation_outcome(&issues)
    }

    /// The parts of the source that the document does not carry.
    pub fn losses(&self) -> impl Iterator<Item = &Issue> {
        self.issues.iter().filter(|issue| issue.severity <= Severity::Warning)
    }
}
