//! What became of the source: every mapped part, every loss.

use std::collections::HashSet;

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

    /// Drops what was told twice of one place: a part that several results need is read once for each of them.
    pub(crate) fn tell_once(&mut self) {
        let mut told = HashSet::with_capacity(self.issues.len());
        let mut first = self
            .issues
            .iter()
            .map(|issue| told.insert((issue.severity, &issue.path, issue.position, &issue.text)))
            .collect::<Vec<bool>>()
            .into_iter();
        self.issues.retain(|_| first.next().unwrap_or(true));
    }
}
