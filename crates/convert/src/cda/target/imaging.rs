//! The imaging report: <http://hl7.eu/fhir/imaging/StructureDefinition/BundleReportEuImaging>; a report that is only a
//! PDF becomes the variant of minimal metadata, `…/BundleReportMinimalMetadataEuImaging`.

use model::{ElementMut, Tree};

use super::sections::Placed;
use crate::Refusal;
use crate::cda::coded;
use crate::cda::context::Context;
use crate::cda::header;
use crate::cda::parts;
use crate::cda::people;
use crate::cda::read::Node;
use crate::cda::section;
use crate::cda::study;
use crate::cda::time;
use crate::cda::unstructured;

const BUNDLE: &str = "http://hl7.eu/fhir/imaging/StructureDefinition/BundleReportEuImaging";
const MINIMAL_BUNDLE: &str = "http://hl7.eu/fhir/imaging/StructureDefinition/BundleReportMinimalMetadataEuImaging";
const COMPOSITION: &str = "http://hl7.eu/fhir/imaging/StructureDefinition/CompositionEuImaging";
const REPORT: &str = "http://hl7.eu/fhir/imaging/StructureDefinition/DiagnosticReportEuImaging";
const MINIMAL_REPORT: &str = "http://hl7.eu/fhir/imaging/StructureDefinition/DiagnosticReportEuImagingMinimalMetadata";
const ORDER: &str = "http://hl7.eu/fhir/imaging/StructureDefinition/ServiceRequestOrderEuImaging";
const PROCEDURE: &str = "http://hl7.eu/fhir/imaging/StructureDefinition/ProcedureEuImaging";
const PATIENT: &str = "http://hl7.eu/fhir/base/StructureDefinition/patient-eu-core";
const REPORT_LINK: &str = "http://hl7.eu/fhir/extensions/StructureDefinition/composition-diagnosticReportReference";
const COMPOSITION_LINK: &str = "http://hl7.org/fhir/5.0/StructureDefinition/extension-DiagnosticReport.composition";
const CATEGORY: &str = "http://hl7.eu/fhir/health-data-api/CodeSystem/eehrxf-document-priority-category-cs";
const LOINC: &str = "http://loinc.org";
const SNOMED: &str = "http://snomed.info/sct";
const REQUIRED: [(&str, &str); 4] =
    [("18726-0", "Imaging study"), ("55115-0", "Order"), ("11329-0", "History"), ("55111-9", "Imaging procedure")];

fn slot(code: &str) -> Option<&'static str> {
    let mut rows = include_str!("imaging-sections.tsv").lines().filter_map(|row| row.split_once('\t'));
    rows.find(|(source, _)| *source == code).map(|(_, slot)| slot)
}

/// The document Bundle of an imaging report.
pub(super) fn assemble<'d>(cx: &mut Context<'d>, root: Node<'d>) -> Result<Tree, Refusal> {
    crate::cda::add_patient(cx, root, PATIENT);
    if let Some(body) = root.at("component/nonXMLBody") {
        return minimal(cx, root, body);
    }
    let mut composition = header::composition(cx, root, COMPOSITION, None);
    push_categories(&mut composition.edit());
    let report_name = "DiagnosticReport";
    let report = cx.document.reference(report_name);
    composition.edit().item("extension").set("url", REPORT_LINK).object("valueReference").set("reference", &report);
    let mut placed = place(cx, root);
    let studies = studies(cx, root, &mut placed);
    let orders = orders(cx, root);
    let procedure = performed(cx, root);
    for (code, references) in [("18726-0", studies.clone()), ("55115-0", orders.clone()), ("55111-9", procedure)] {
        if let Some((_, section)) = placed.iter_mut().find(|(slot, _)| *slot == Some(code)) {
            section.entries.extend(references);
        }
    }
    for (_, section) in placed.iter().filter(|(slot, _)| *slot == Some("55111-9")) {
        function_of_performers(cx, &section.entries);
    }
    diagnostic_report(cx, root, &composition, &placed, &studies, report_name);
    let mut to = composition.edit();
    for (_, section) in placed {
        section.write(cx, &mut to);
    }
    let document = std::mem::replace(&mut cx.document, crate::document::Document::new([0; 32]));
    Ok(document.bundle("document", Some(BUNDLE), cx.now, Some(("Composition", composition))))
}

type Slots = Vec<(Option<&'static str>, Placed)>;

/// The source's sections, those of one European section together, then the required ones that the source lacks.
fn place<'d>(cx: &mut Context<'d>, root: Node<'d>) -> Slots {
    let mut placed: Slots = Vec::new();
    for section in root.at("component/structuredBody").map(|body| section::sections(cx, body)).unwrap_or_default() {
        let slot = section.code.and_then(slot);
        let mut next = Placed::of(section);
        next.code = slot;
        match placed.iter_mut().find(|(known, _)| slot.is_some() && *known == slot) {
            Some((_, first)) => first.merge(next),
            None => placed.push((slot, next)),
        }
    }
    for (code, title) in REQUIRED {
        if !placed.iter().any(|(slot, _)| *slot == Some(code)) {
            cx.note(root, format!("The source has no section {code} ({title}); the European one says so."));
            placed.push((Some(code), Placed::missing(code, title)));
        }
    }
    placed
}

fn push_categories(to: &mut ElementMut<'_>) {
    to.item("category").item("coding").set("system", LOINC).set("code", "85430-7");
    to.item("category").item("coding").set("system", CATEGORY).set("code", "Medical-Imaging");
}

/// The studies that the sections hold, taken out of them; else the one that the header names; else one that is unknown.
fn studies(cx: &mut Context<'_>, root: Node<'_>, placed: &mut Slots) -> Vec<String> {
    let mut studies = Vec::new();
    for (_, section) in placed.iter_mut().filter(|(slot, _)| *slot != Some("18834-2")) {
        let (found, kept): (Vec<String>, Vec<String>) =
            section.entries.drain(..).partition(|reference| cx.document.type_of(reference) == "ImagingStudy");
        section.entries = kept;
        studies.extend(found);
    }
    if studies.is_empty() {
        let events = root.all("documentationOf").filter_map(|relation| relation.get("serviceEvent"));
        let mut ids = events.flat_map(|event| event.all("id").collect::<Vec<_>>());
        let uid = ids.find(|id| id.peek("extension").is_none() && id.peek("root").is_some_and(coded::is_oid));
        let uid = uid.and_then(|id| id.attr("root"));
        if uid.is_none() {
            cx.note(root, "The source names no DICOM study: the required ImagingStudy says that its UID is unknown.");
        }
        studies.push(study::bare_study(cx, uid));
    }
    studies
}

/// The orders that the report fulfils.
fn orders(cx: &mut Context<'_>, root: Node<'_>) -> Vec<String> {
    let mut orders = Vec::new();
    for order in root.all("inFulfillmentOf").filter_map(|relation| relation.get("order")) {
        let mut tree = Tree::new("ServiceRequest");
        let mut to = tree.edit();
        to.object("meta").push("profile", ORDER);
        parts::push_identifiers(cx, order, &mut to);
        to.set("status", "unknown").set("intent", "order");
        to.item("category").item("coding").set("system", SNOMED).set("code", "363679005");
        if let Some(code) = order.get("priorityCode").and_then(|code| code.peek("code")) {
            let priority = [("R", "routine"), ("UR", "urgent"), ("A", "asap"), ("S", "stat"), ("EM", "stat")];
            if let Some((_, priority)) = priority.iter().find(|(source, _)| *source == code) {
                order.get("priorityCode").map(Node::take_attributes);
                to.set("priority", *priority);
            }
        }
        coded::set_concept(cx, order.get("code"), &mut to, "code");
        cx.set_patient(&mut to, "subject");
        orders.push(cx.add(order, tree));
    }
    orders
}

/// The documented service as a Procedure, where the source codes it.
fn performed(cx: &mut Context<'_>, root: Node<'_>) -> Vec<String> {
    let mut procedures = Vec::new();
    for event in root.all("documentationOf").filter_map(|relation| relation.get("serviceEvent")) {
        let Some(code) = event.get("code").filter(|code| coded::names_something(cx, *code)) else { continue };
        let mut tree = Tree::new("Procedure");
        let mut to = tree.edit();
        to.object("meta").push("profile", PROCEDURE);
        to.set("status", "completed");
        coded::fill_concept(cx, code, &mut to.object("code"));
        cx.set_patient(&mut to, "subject");
        time::set_when(cx, event.get("effectiveTime"), &mut to, "performed", false);
        for performer in event.all("performer") {
            if let Some(party) = people::participant(cx, performer) {
                to.item("performer").object("actor").set("reference", &party.reference);
            }
        }
        procedures.push(cx.add(event, tree));
    }
    procedures
}

/// The European procedure asks what each performer did: without more, that they are health professionals.
fn function_of_performers(cx: &mut Context<'_>, entries: &[String]) {
    for entry in entries.iter().filter(|entry| cx.document.type_of(entry) == "Procedure").cloned().collect::<Vec<_>>() {
        let Some(tree) = cx.document.resource_mut(&entry) else { continue };
        let performers: Vec<_> = tree
            .root()
            .all("performer")
            .filter(|performer| performer.get("function").is_none())
            .map(|p| p.id())
            .collect();
        for performer in performers {
            let mut to = tree.edit_at(performer);
            to.object("function").item("coding").set("system", SNOMED).set("code", "223366009");
        }
    }
}

fn diagnostic_report(
    cx: &mut Context<'_>,
    root: Node<'_>,
    composition: &Tree,
    placed: &Slots,
    studies: &[String],
    name: &str,
) {
    let mut tree = Tree::new("DiagnosticReport");
    let mut to = tree.edit();
    to.object("meta").push("profile", REPORT);
    let own = cx.document.reference("Composition");
    to.item("extension").set("url", COMPOSITION_LINK).object("valueReference").set("reference", &own);
    let header = composition.root();
    describe(cx, root, header, &mut to);
    for reference in studies {
        to.item("imagingStudy").set("reference", reference);
    }
    for (_, section) in placed.iter().filter(|(slot, _)| matches!(slot, Some("59776-5" | "19005-8"))) {
        for entry in section.entries.iter().filter(|entry| cx.document.type_of(entry) == "Observation") {
            to.item("result").set("reference", entry);
        }
    }
    cx.document.add(name, tree);
}

/// What report and Composition share: identifier, type, category, subject, time, authors.
fn describe(cx: &mut Context<'_>, root: Node<'_>, header: model::Element<'_>, to: &mut ElementMut<'_>) {
    if let Some(identifier) = header.get("identifier") {
        to.copy_as("identifier", identifier, true);
    }
    to.set("status", "final");
    push_categories(to);
    if let Some(kind) = header.get("type") {
        to.copy_as("code", kind, false);
    }
    cx.set_patient(to, "subject");
    if let Some(encounter) = header.get("encounter") {
        to.copy(encounter);
    }
    let event = root.at("documentationOf/serviceEvent/effectiveTime");
    if !matches!(time::when(event), time::When::Unknown(_)) {
        time::set_when(cx, event, to, "effective", false);
    }
    if let Some(issued) = header.text_at("date").filter(|date| date.len() > 10) {
        to.set("issued", issued);
    }
    for author in header.all("author").filter(|author| author.get("reference").is_some()) {
        let device = author.text_at("reference").is_some_and(|reference| cx.document.type_of(reference) == "Device");
        if !device {
            to.copy_as("performer", author, true);
        }
    }
}

/// A report that is only an embedded document.
fn minimal<'d>(cx: &mut Context<'d>, root: Node<'d>, body: Node<'d>) -> Result<Tree, Refusal> {
    let composition = header::composition(cx, root, COMPOSITION, None);
    let mut tree = Tree::new("DiagnosticReport");
    let mut to = tree.edit();
    to.object("meta").push("profile", MINIMAL_REPORT);
    describe(cx, root, composition.root(), &mut to);
    let mut form = to.item("presentedForm");
    unstructured::fill_body(body, &mut form)?;
    form.set_some("title", composition.root().text_at("title"));
    let report = cx.document.add("DiagnosticReport", tree);
    cx.mapped(body, &format!("DiagnosticReport {report}"));
    let document = std::mem::replace(&mut cx.document, crate::document::Document::new([0; 32]));
    Ok(document.bundle("collection", Some(MINIMAL_BUNDLE), cx.now, None))
}
