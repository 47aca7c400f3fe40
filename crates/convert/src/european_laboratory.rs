//! The laboratory report: <http://hl7.eu/fhir/laboratory/StructureDefinition/Bundle-eu-lab>. Composition and
//! DiagnosticReport point to each other and share identifier, type, subject and encounter.

use model::{Instant, Tree};

use crate::document::Document;
use crate::european::{Facts, Section, absent, composition, finish, report, write_section};

const GUIDE: &str = "http://hl7.eu/fhir/laboratory/StructureDefinition/";
const ABSENT: &str = "http://terminology.hl7.org/CodeSystem/data-absent-reason";
const REPORT_LINK: &str = "http://hl7.eu/fhir/extensions/StructureDefinition/composition-diagnosticReportReference";
const KIND: (&str, &str) = ("11502-2", "Laboratory report");

/// The document; `observations` are all results, which get the profile and, where they name none, a performer.
pub(crate) fn laboratory(mut document: Document, facts: &Facts, observations: &[String], now: Instant) -> Tree {
    for reference in observations {
        complete(&mut document, facts, reference);
    }
    let name = |name: &str| format!("{GUIDE}{name}");
    let mut composed = composition(&document, facts, &name("Composition-eu-lab"), KIND);
    let own = document.reference("DiagnosticReport");
    composed.edit().item("extension").set("url", REPORT_LINK).object("valueReference").set("reference", &own);
    let made = report(&document, facts, &name("DiagnosticReport-eu-lab"), &composed, true);
    document.add("DiagnosticReport", made);
    let mut to = composed.edit();
    for section in &facts.sections {
        write_section(facts, section, &mut to, false);
    }
    if !facts.attachments.is_empty() {
        let section = Section {
            slot: Some("77599-9"),
            code: None,
            title: "Attached files".to_owned(),
            html: "<p>Files that came with the report.</p>".to_owned(),
            entries: facts.attachments.clone(),
            note: None,
        };
        write_section(facts, &section, &mut to, false);
    }
    if to.as_element().get("section").is_none() {
        let section = Section {
            slot: Some("26436-6"),
            code: None,
            title: "Laboratory studies".to_owned(),
            html: String::new(),
            entries: Vec::new(),
            note: None,
        };
        write_section(facts, &section, &mut to, false);
    }
    finish(document, &name("Bundle-eu-lab"), "document", now, Some(composed))
}

fn complete(document: &mut Document, facts: &Facts, reference: &str) {
    let performer = facts.organizations.first().or(facts.people.first());
    let Some(tree) = document.resource_mut(reference) else { return };
    let mut to = tree.edit();
    to.object("meta").push("profile", format!("{GUIDE}Observation-resultslab-eu-lab").as_str());
    if to.as_element().get("performer").is_none() {
        match performer {
            Some(performer) => {
                to.item("performer").set("reference", performer);
            }
            None => absent(&mut to.item("performer")),
        }
    }
    if !to.as_element().children().any(|child| child.name().starts_with("effective")) {
        absent(&mut to.primitive("effectiveDateTime"));
    }
    // eu-lab-1: an observation that only is, without a value, says that its value is unknown.
    let says = |name: &str| name.starts_with("value") || matches!(name, "dataAbsentReason" | "hasMember" | "component");
    if !to.as_element().children().any(|child| says(child.name())) {
        to.object("dataAbsentReason").item("coding").set("system", ABSENT).set("code", "unknown");
    }
}
