//! What every map of a message needs at hand.

use std::collections::HashMap;

use model::{ElementMut, Instant, Issue, IssueType, Severity, Tree};

use super::read::{Part, Segment};
use crate::document::Document;
use crate::report::Mapped;
use crate::{Report, Systems};

pub(super) struct Context<'k> {
    pub(super) systems: &'k dyn Systems,
    pub(super) document: Document,
    pub(super) report: Report,
    /// Reference to the Patient.
    pub(super) patient: String,
    /// Reference to the Encounter, once there is one.
    pub(super) encounter: Option<String>,
    /// The zone of MSH-7, which holds for every time of the message that names none.
    pub(super) zone: String,
    /// BCP 47 tag of MSH-19.
    pub(super) language: Option<String>,
    /// Whether sub-identifiers (OBX-4) tell results apart: some are not "1".
    pub(super) numbered: bool,
    /// The time of the conversion.
    pub(super) now: Instant,
    /// What segments became, by their keys.
    pub(super) places: HashMap<String, String>,
}

impl Context<'_> {
    /// Reports a part that is not carried, or not as it was meant.
    pub(super) fn loss(&mut self, part: Part<'_>, text: impl Into<String>) {
        self.issue(Severity::Warning, IssueType::NotSupported, part, text.into());
    }

    /// Reports content that is wrong in itself.
    pub(super) fn defect(&mut self, part: Part<'_>, text: impl Into<String>) {
        self.issue(Severity::Warning, IssueType::Value, part, text.into());
    }

    /// Reports a fact worth knowing.
    pub(super) fn note(&mut self, part: Part<'_>, text: impl Into<String>) {
        self.issue(Severity::Information, IssueType::Informational, part, text.into());
    }

    /// Reports a fact about a whole segment.
    pub(super) fn remark(&mut self, severity: Severity, segment: &Segment, text: impl Into<String>) {
        let issue = Issue::new(severity, IssueType::Informational, segment.path(), text.into());
        self.report.issues.push(issue.at(Some(segment.position())));
    }

    fn issue(&mut self, severity: Severity, code: IssueType, part: Part<'_>, text: String) {
        self.report.issues.push(Issue::new(severity, code, part.path(), text).at(Some(part.position())));
    }

    /// Adds the resource that a segment became and reports it as mapped.
    pub(super) fn add(&mut self, segment: &Segment, resource: Tree) -> String {
        let kind = resource.resource_type().to_owned();
        let reference = self.document.add(&format!("{}#{kind}", segment.key()), resource);
        self.mapped(segment, &format!("{kind} {reference}"));
        self.places.entry(segment.key()).or_insert_with(|| reference.clone());
        reference
    }

    /// The resource that a segment became.
    pub(super) fn place_of(&self, segment: &Segment) -> Option<String> {
        match segment.name() {
            "PID" | "PD1" => Some(self.patient.clone()),
            "PV1" | "PV2" => self.encounter.clone(),
            _ => self.places.get(&segment.key()).cloned(),
        }
    }

    /// Reports what a segment became.
    pub(super) fn mapped(&mut self, segment: &Segment, target: &str) {
        let (source, position) = (segment.path(), Some(segment.position()));
        self.report.mapped.push(Mapped { source, position, target: target.to_owned() });
    }

    /// Sets `name` to a reference to the patient.
    pub(super) fn set_patient(&self, resource: &mut ElementMut<'_>, name: &str) {
        resource.object(name).set("reference", &self.patient);
    }

    /// Sets `encounter` where the message has one.
    pub(super) fn set_encounter(&self, resource: &mut ElementMut<'_>) {
        if let Some(encounter) = &self.encounter {
            resource.object("encounter").set("reference", encounter);
        }
    }
}
