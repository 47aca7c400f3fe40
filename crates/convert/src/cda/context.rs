//! What every map needs at hand: the document being made, the report, who is spoken of.

use model::{ElementMut, Instant, Issue, IssueType, Severity, Tree};

use super::read::{Cda, Node};
use crate::document::Document;
use crate::report::Mapped;
use crate::{Report, Systems};

pub(super) struct Context<'d> {
    pub(super) cda: &'d Cda<'d>,
    pub(super) systems: &'d dyn Systems,
    pub(super) document: Document,
    pub(super) report: Report,
    /// Reference to the Patient.
    pub(super) patient: String,
    /// Reference to the first author of the document, who stands for entries without one of their own.
    pub(super) author: Option<String>,
    /// BCP 47 tag of the document's language.
    pub(super) language: Option<String>,
    /// When the document was written, as FHIR `dateTime`.
    pub(super) date: Option<String>,
    /// The time of the conversion.
    pub(super) now: Instant,
    /// Whether the document is a laboratory report, which has one DiagnosticReport: its own.
    pub(super) laboratory: bool,
    /// Who took part, by the source text that says it.
    pub(super) parties: std::collections::HashMap<String, super::people::Known>,
    /// Reference to the resource that holds the narrative.
    pub(super) narrator: String,
    /// Ids of XHTML that were given out: each stands once in a document.
    pub(super) html_ids: std::collections::HashSet<String>,
}

impl Context<'_> {
    /// Reports a part of the source that is not carried, or not as it was meant.
    pub(super) fn loss(&mut self, node: Node<'_>, text: impl Into<String>) {
        self.issue(Severity::Warning, IssueType::NotSupported, node, text.into());
    }

    /// Reports content of the source that is wrong in itself.
    pub(super) fn defect(&mut self, node: Node<'_>, text: impl Into<String>) {
        self.issue(Severity::Warning, IssueType::Value, node, text.into());
    }

    /// Reports a fact worth knowing.
    pub(super) fn note(&mut self, node: Node<'_>, text: impl Into<String>) {
        self.issue(Severity::Information, IssueType::Informational, node, text.into());
    }

    fn issue(&mut self, severity: Severity, code: IssueType, node: Node<'_>, text: String) {
        self.report.issues.push(Issue::new(severity, code, node.path(), text).at(Some(node.position())));
    }

    /// Adds the resource that `node` became and reports it as mapped.
    pub(super) fn add(&mut self, node: Node<'_>, resource: Tree) -> String {
        let kind = resource.resource_type().to_owned();
        let reference = self.document.add(&format!("{}#{kind}", node.number()), resource);
        self.mapped(node, &format!("{kind} {reference}"));
        reference
    }

    /// The Bundle of all that was made, the Composition at its head; the context keeps nothing of it.
    pub(super) fn take_document(&mut self, profile: Option<&str>, composition: Tree) -> Tree {
        let document = std::mem::replace(&mut self.document, Document::new([0; 32]));
        document.bundle("document", profile, self.now, Some(("Composition", composition)))
    }

    /// Reports what `node` became.
    pub(super) fn mapped(&mut self, node: Node<'_>, target: &str) {
        let mapped = Mapped { source: node.path(), position: Some(node.position()), target: target.to_owned() };
        self.report.mapped.push(mapped);
    }

    /// Sets `name` to a reference to the patient.
    pub(super) fn set_patient(&self, resource: &mut ElementMut<'_>, name: &str) {
        resource.object(name).set("reference", &self.patient);
    }
}
