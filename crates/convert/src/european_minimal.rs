//! A report that is only a file (C-32): for imaging the guide's variant of minimal metadata,
//! <http://hl7.eu/fhir/imaging/StructureDefinition/BundleReportMinimalMetadataEuImaging>; for the other categories a
//! document whose one section holds the file.

use model::{Instant, Tree};

use crate::Refusal;
use crate::document::Document;
use crate::european::{Facts, Section, composition, fill_kind, finish, report, write_section};
use crate::european_imaging::push_categories;

const IMAGING: &str = "http://hl7.eu/fhir/imaging/StructureDefinition/";
const HDR: &str = "http://hl7.eu/fhir/hdr/StructureDefinition/";

/// The document of a category with one file; `attachment` holds the children of an Attachment.
///
/// # Errors
/// A category that no file alone makes a document of.
pub(crate) fn minimal(
    mut document: Document,
    facts: &mut Facts,
    category: &str,
    attachment: &Tree,
    now: Instant,
) -> Result<Tree, Refusal> {
    if category == "Medical-Imaging" {
        let mut holder = Tree::new("Composition");
        let mut to = holder.edit();
        if let Some(identifier) = facts.identifiers.as_ref().and_then(|holder| holder.root().get("identifier")) {
            to.copy_as("identifier", identifier, false);
        }
        push_categories(&mut to);
        fill_kind(facts, ("18748-4", "Diagnostic imaging study"), &mut to.object("type"));
        if let Some(kind) = facts.file_kind.as_ref().and_then(|holder| holder.root().get("type")) {
            for coding in kind.all("coding").filter(|coding| coding.text_at("code") != Some("18748-4")) {
                to.object("type").copy(coding);
            }
            to.object("type").set_some("text", kind.text_at("text"));
        }
        to.object("subject").set("reference", &facts.patient);
        let mut made =
            report(&document, facts, &format!("{IMAGING}DiagnosticReportEuImagingMinimalMetadata"), &holder, false);
        let mut to = made.edit();
        let mut form = to.item("presentedForm");
        for child in attachment.root().children() {
            form.copy(child);
        }
        document.add("DiagnosticReport", made);
        let profile = format!("{IMAGING}BundleReportMinimalMetadataEuImaging");
        return Ok(finish(document, &profile, "collection", now, None));
    }
    let file = document_reference(&mut document, facts, attachment);
    match category {
        "Laboratory-Reports" => {
            facts.attachments.push(file);
            Ok(crate::european::laboratory(document, facts, &[], now))
        }
        "Discharge-Reports" => Ok(discharge(document, facts, file, now)),
        other => {
            let text = format!(
                "A file alone makes no document of the category {other:?}; it can be carried for \
                                Laboratory-Reports, Medical-Imaging and Discharge-Reports."
            );
            let issue = model::Issue::new(model::Severity::Error, model::IssueType::NotSupported, "", text);
            Err(Refusal::new(issue))
        }
    }
}

/// The DocumentReference of the file.
fn document_reference(document: &mut Document, facts: &Facts, attachment: &Tree) -> String {
    let mut tree = Tree::new("DocumentReference");
    let mut to = tree.edit();
    to.set("status", "current");
    to.object("subject").set("reference", &facts.patient);
    if let Some(kind) = facts.file_kind.as_ref().and_then(|holder| holder.root().get("type")) {
        to.copy(kind);
    }
    to.set("description", &facts.title);
    let mut content = to.item("content");
    let mut target = content.object("attachment");
    for child in attachment.root().children() {
        target.copy(child);
    }
    document.add("DocumentReference of the file", tree)
}

fn discharge(mut document: Document, facts: &Facts, file: String, now: Instant) -> Tree {
    let mut composed =
        composition(&document, facts, &format!("{HDR}composition-eu-hdr"), ("34105-7", "Hospital Discharge summary"));
    let encounter = match &facts.encounter {
        Some(encounter) => encounter.clone(),
        None => {
            let mut tree = Tree::new("Encounter");
            let mut to = tree.edit();
            to.set("status", "unknown");
            crate::european::absent(&mut to.object("class"));
            to.object("subject").set("reference", &facts.patient);
            document.add("Encounter", tree)
        }
    };
    composed.edit().object("encounter").set("reference", &encounter);
    if let Some(tree) = document.resource_mut(&encounter) {
        tree.edit().object("meta").push("profile", format!("{HDR}encounter-eu-hdr").as_str());
    }
    let mut sections = vec![Section {
        slot: None,
        code: None,
        title: "Original document".to_owned(),
        html: "<p>The source is a file; it is attached as it came.</p>".to_owned(),
        entries: vec![file],
        note: None,
    }];
    for (code, title) in required_sections() {
        sections.push(Section {
            slot: Some(code),
            code: None,
            title: title.to_owned(),
            html: String::new(),
            entries: Vec::new(),
            note: None,
        });
    }
    let mut to = composed.edit();
    for section in &sections {
        write_section(facts, section, &mut to, false);
    }
    finish(document, &format!("{HDR}bundle-eu-hdr"), "document", now, Some(composed))
}

/// Sections that the European discharge report cannot lack.
fn required_sections() -> impl Iterator<Item = (&'static str, &'static str)> {
    [("8648-8", "Hospital course")].into_iter()
}
