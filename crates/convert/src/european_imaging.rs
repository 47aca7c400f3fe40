//! The imaging report: <http://hl7.eu/fhir/imaging/StructureDefinition/BundleReportEuImaging>. The guide's slices of the
//! procedure and impression sections match any reference, so that none can stand there: the procedure stands behind the
//! study, observations behind the report.

use model::{ElementMut, Instant, Tree};

use crate::document::Document;
use crate::european::{CATEGORIES, Facts, LOINC, Section, absent, composition, finish, report, write_section};

const GUIDE: &str = "http://hl7.eu/fhir/imaging/StructureDefinition/";
const REPORT_LINK: &str = "http://hl7.eu/fhir/extensions/StructureDefinition/composition-diagnosticReportReference";
const IDENTIFIERS: &str = "http://terminology.hl7.org/CodeSystem/v2-0203";
const DCM: &str = "http://dicom.nema.org/resources/ontology/DCM";
const KIND: (&str, &str) = ("18748-4", "Diagnostic imaging study");
const REQUIRED: [(&str, &str); 4] =
    [("18726-0", "Imaging study"), ("55115-0", "Order"), ("11329-0", "History"), ("55111-9", "Imaging procedure")];

/// Both codes that say that a report is one of imaging.
pub(crate) fn push_categories(to: &mut ElementMut<'_>) {
    to.item("category").item("coding").set("system", LOINC).set("code", "85430-7");
    to.item("category").item("coding").set("system", CATEGORIES).set("code", "Medical-Imaging");
}

/// The ImagingStudy of which only the UID is known, or nothing.
fn bare_study(document: &mut Document, patient: &str, uid: Option<&str>) -> String {
    let mut tree = Tree::new("ImagingStudy");
    let mut to = tree.edit();
    begin_study(uid, patient, &mut to);
    document.add(&format!("ImagingStudy {}", uid.unwrap_or_default()), tree)
}

/// Profile, UID, status and subject of an ImagingStudy.
pub(crate) fn begin_study(uid: Option<&str>, patient: &str, to: &mut ElementMut<'_>) {
    to.object("meta").push("profile", format!("{GUIDE}ImagingStudyEuImaging").as_str());
    let mut identifier = to.item("identifier");
    let mut kind = identifier.object("type");
    kind.item("coding").set("system", DCM).set("code", "110180").set("display", "Study Instance UID");
    identifier.set("system", "urn:dicom:uid");
    match uid {
        Some(uid) => {
            identifier.set("value", &format!("urn:oid:{uid}"));
        }
        None => absent(&mut identifier.primitive("value")),
    }
    to.set("status", if uid.is_some() { "available" } else { "unknown" });
    to.object("subject").set("reference", patient);
}

/// The document.
pub(crate) fn imaging(mut document: Document, facts: &Facts, now: Instant) -> Tree {
    let mut studies = facts.studies.clone();
    if studies.is_empty() {
        studies.push(bare_study(&mut document, &facts.patient, None));
    }
    if let Some(tree) = studies.first().cloned().and_then(|study| document.resource_mut(&study)) {
        let mut to = tree.edit();
        push_order(facts, &mut to);
        if let Some(procedure) = facts.procedures.first() {
            to.object("procedureReference").set("reference", procedure);
        }
    }
    let name = |name: &str| format!("{GUIDE}{name}");
    let mut composed = composition(&document, facts, &name("CompositionEuImaging"), KIND);
    let mut to = composed.edit();
    push_categories(&mut to);
    let own = document.reference("DiagnosticReport");
    to.item("extension").set("url", REPORT_LINK).object("valueReference").set("reference", &own);
    let mut made = report(&document, facts, &name("DiagnosticReportEuImaging"), &composed, true);
    for study in &studies {
        made.edit().item("imagingStudy").set("reference", study);
    }
    push_order(facts, &mut made.edit());
    document.add("DiagnosticReport", made);
    write_sections(facts, &studies, &mut composed);
    finish(document, &name("BundleReportEuImaging"), "document", now, Some(composed))
}

/// The order by its accession number, which is how the guide tells orders from other reasons.
fn push_order(facts: &Facts, to: &mut ElementMut<'_>) {
    let Some(identifier) = facts.accession.as_ref().and_then(|holder| holder.root().get("identifier")) else { return };
    let mut target = to.item("basedOn");
    target.set("type", "ServiceRequest");
    let mut made = target.object("identifier");
    made.object("type").item("coding").set("system", IDENTIFIERS).set("code", "ACSN");
    match identifier.text_at("system") {
        Some(system) => {
            made.set("system", system);
        }
        None => absent(&mut made.primitive("system")),
    }
    made.set_some("value", identifier.text_at("value"));
}

fn write_sections(facts: &Facts, studies: &[String], composed: &mut Tree) {
    let mut to = composed.edit();
    for (slot, title) in REQUIRED {
        let found = facts.sections.iter().find(|section| section.slot == Some(slot));
        let mut section = Section {
            slot: Some(slot),
            code: None,
            title: found.map_or(title, |found| found.title.as_str()).to_owned(),
            html: found.map(|found| found.html.clone()).unwrap_or_default(),
            entries: Vec::new(),
            note: found.and_then(|found| found.note.clone()),
        };
        match slot {
            "18726-0" => section.entries = studies.to_vec(),
            "55115-0" => section.entries = facts.orders.clone(),
            "55111-9" if !facts.procedures.is_empty() => {
                section.note = Some("The procedure is coded in ImagingStudy.procedureReference.".to_owned());
            }
            _ => {}
        }
        if section.html.is_empty() && !section.entries.is_empty() {
            section.html = format!("<p>{title}: see the entries.</p>");
        }
        write_section(facts, &section, &mut to, true);
    }
    let mut further = facts.attachments.clone();
    for section in facts.sections.iter().filter(|section| !REQUIRED.iter().any(|(slot, _)| section.slot == Some(slot)))
    {
        let mut kept = Section {
            slot: section.slot,
            code: None,
            title: section.title.clone(),
            html: section.html.clone(),
            entries: section.entries.clone(),
            note: section.note.clone(),
        };
        if section.slot == Some("19005-8") {
            kept.entries.clear();
            if !section.entries.is_empty() {
                kept.note = Some("The observations are in DiagnosticReport.result.".to_owned());
            }
        }
        if let Some(code) = section.code.as_ref() {
            kept.code = Some(code.clone());
        }
        write_section(facts, &kept, &mut to, true);
    }
    further.extend(facts.procedures.iter().skip(1).cloned());
    if !further.is_empty() {
        let section = Section {
            slot: Some("48767-8"),
            code: None,
            title: "Further entries".to_owned(),
            html: "<p>Files and resources that came with the report.</p>".to_owned(),
            entries: further,
            note: None,
        };
        write_section(facts, &section, &mut to, false);
    }
}
