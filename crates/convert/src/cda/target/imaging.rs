//! The imaging report: <http://hl7.eu/fhir/imaging/StructureDefinition/BundleReportEuImaging>; a report that is only a
//! PDF becomes the variant of minimal metadata, `…/BundleReportMinimalMetadataEuImaging`.

use model::{ElementMut, Tree};

use super::sections::Placed;
use crate::Refusal;
use crate::cda::coded;
use crate::cda::context::Context;
use crate::cda::header;
use crate::cda::parts;
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
const PROCEDURE: &str = "http://hl7.eu/fhir/imaging/StructureDefinition/ProcedureEuImaging";
const PATIENT: &str = "http://hl7.eu/fhir/base/StructureDefinition/patient-eu-core";
const REPORT_LINK: &str = "http://hl7.eu/fhir/extensions/StructureDefinition/composition-diagnosticReportReference";
const COMPOSITION_LINK: &str = "http://hl7.org/fhir/5.0/StructureDefinition/extension-DiagnosticReport.composition";
const CATEGORY: &str = "http://hl7.eu/fhir/health-data-api/CodeSystem/eehrxf-document-priority-category-cs";
const LOINC: &str = "http://loinc.org";
const IDENTIFIERS: &str = "http://terminology.hl7.org/CodeSystem/v2-0203";
const PARTICIPATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
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
    let mut composition = header::composition(cx, root, Some(COMPOSITION), None);
    push_categories(&mut composition.edit());
    let name = "DiagnosticReport";
    let report = cx.document.reference(name);
    composition.edit().item("extension").set("url", REPORT_LINK).object("valueReference").set("reference", &report);
    let organizations = organizations(cx, &mut composition);
    let orders = orders(cx, root);
    let mut placed = place(cx, root);
    let studies = studies(cx, root, &orders, &mut placed);
    let mut procedures = performed(cx, root);
    let mut further = fit(cx, &mut placed, &mut procedures);
    link_procedures(cx, &studies, &procedures);
    // A study points to one procedure.
    further.extend(procedures.iter().skip(1).cloned());
    let results = results(cx, &placed);
    report_of(cx, root, &composition, &organizations, &orders, (&studies, &results), name);
    let mut to = composition.edit();
    for (slot, mut section) in placed {
        let held = match slot {
            Some("18726-0") => studies.as_slice(),
            Some("55111-9") => procedures.as_slice(),
            _ => &[],
        };
        section.note = slot.is_some();
        if slot == Some("18726-0") {
            section.entries.extend(held.iter().cloned());
        } else if slot == Some("55111-9") && !held.is_empty() {
            section.pointer = Some("The procedure is coded in ImagingStudy.procedureReference.");
        }
        section.orders = if slot == Some("55115-0") { orders.clone() } else { Vec::new() };
        section.write(cx, &mut to);
    }
    if !further.is_empty() {
        let mut section = Placed::missing("48767-8", "Further entries");
        section.from_source = true;
        section.entries = further;
        section.write(cx, &mut to);
    }
    Ok(cx.take_document(Some(BUNDLE), composition))
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

/// The organisations of the authors, who are authors of the document and performers of the report alike.
fn organizations(cx: &mut Context<'_>, composition: &mut Tree) -> Vec<String> {
    let authors: Vec<String> = composition
        .root()
        .every("author.reference")
        .iter()
        .filter_map(|author| author.text().map(str::to_owned))
        .collect();
    let mut found: Vec<String> = Vec::new();
    for author in &authors {
        let organization = match cx.document.type_of(author) {
            "Organization" => Some(author.clone()),
            "PractitionerRole" => {
                let role = cx.document.resource_mut(author);
                role.and_then(|role| role.root().text_at("organization.reference").map(str::to_owned))
            }
            _ => None,
        };
        if let Some(organization) = organization.filter(|organization| !found.contains(organization)) {
            if !authors.contains(&organization) {
                composition.edit().item("author").set("reference", &organization);
            }
            found.push(organization);
        }
    }
    found
}

/// The accession numbers of the orders that the report fulfils, as Identifiers in a holder's `identifier`.
fn orders(cx: &mut Context<'_>, root: Node<'_>) -> Vec<Tree> {
    let mut orders = Vec::new();
    for order in root.all("inFulfillmentOf").filter_map(|relation| relation.get("order")) {
        for id in order.all("id").filter(|id| id.peek("root").is_some() && id.peek("extension").is_some()) {
            let mut tree = Tree::new("ServiceRequest");
            let mut identifier = tree.edit();
            identifier
                .object("identifier")
                .object("type")
                .item("coding")
                .set("system", IDENTIFIERS)
                .set("code", "ACSN");
            parts::fill_identifier(cx, id, &mut identifier.object("identifier"));
            orders.push(tree);
        }
    }
    orders
}

/// Appends a reference to an order that is known by its accession number only.
fn push_order(order: &Tree, to: &mut ElementMut<'_>, name: &str) {
    if let Some(identifier) = order.root().get("identifier") {
        to.item(name).set("type", "ServiceRequest").copy(identifier);
    }
}

/// The studies that the sections hold, taken out of them; else the one that the header names; else one that is unknown.
fn studies(cx: &mut Context<'_>, root: Node<'_>, orders: &[Tree], placed: &mut Slots) -> Vec<String> {
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
    if let (Some(order), Some(tree)) =
        (orders.first(), studies.first().and_then(|study| cx.document.resource_mut(study)))
    {
        push_order(order, &mut tree.edit(), "basedOn");
    }
    studies
}

/// The documented service as a Procedure, where the source codes it; who performed it stands in the care team.
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
        procedures.push(cx.add(event, tree));
    }
    procedures
}

/// Keeps the entries that the European sections may hold. The guide's slices of the procedure and of the impression
/// section all match any reference, so that none can stand there: their resources stand where the study and the report
/// point to them. The rest moves to a section of its own.
fn fit(cx: &mut Context<'_>, placed: &mut Slots, procedures: &mut Vec<String>) -> Vec<String> {
    let mut further = Vec::new();
    for (slot, section) in placed.iter_mut() {
        for entry in std::mem::take(&mut section.entries) {
            let kind = cx.document.type_of(&entry);
            match *slot {
                Some("55111-9") if kind == "Procedure" => procedures.push(entry),
                Some("19005-8") if kind == "Observation" => section.results.push(entry),
                Some("59776-5") if !matches!(kind, "Observation" | "Media" | "DocumentReference") => {
                    further.push(entry)
                }
                Some("18783-1") if !matches!(kind, "ServiceRequest" | "CarePlan") => further.push(entry),
                Some("18726-0" | "55115-0" | "55111-9" | "19005-8" | "73568-8") => further.push(entry),
                _ => section.entries.push(entry),
            }
        }
    }
    further
}

/// The first study points to the procedures. Who performed them stands in a Provenance: the guide's slices of
/// `Procedure.performer` cannot be told apart.
fn link_procedures(cx: &mut Context<'_>, studies: &[String], procedures: &[String]) {
    if let (Some(study), Some(first)) =
        (studies.first().and_then(|study| cx.document.resource_mut(study)), procedures.first())
    {
        study.edit().object("procedureReference").set("reference", first);
    }
    let recorded = cx.now.to_fhir();
    for procedure in procedures {
        let Some(tree) = cx.document.resource_mut(procedure) else { continue };
        let mut provenance = Tree::new("Provenance");
        let mut to = provenance.edit();
        to.item("target").set("reference", procedure);
        to.set("recorded", &recorded);
        for actor in tree.root().every("performer.actor") {
            let mut agent = to.item("agent");
            agent.object("type").item("coding").set("system", PARTICIPATION).set("code", "PRF");
            agent.copy_as("who", actor, false);
        }
        tree.edit().remove("performer");
        if provenance.root().get("agent").is_some() {
            cx.document.add(&format!("Provenance {procedure}"), provenance);
        }
    }
}

/// The observations of findings and impression.
fn results(cx: &Context<'_>, placed: &Slots) -> Vec<String> {
    let of_sections = placed.iter().filter(|(slot, _)| matches!(slot, Some("59776-5" | "19005-8")));
    let all = of_sections.flat_map(|(_, section)| section.entries.iter().chain(&section.results));
    all.filter(|entry| cx.document.type_of(entry) == "Observation").cloned().collect()
}

fn report_of(
    cx: &mut Context<'_>,
    root: Node<'_>,
    composition: &Tree,
    organizations: &[String],
    orders: &[Tree],
    (studies, results): (&[String], &[String]),
    name: &str,
) {
    let mut tree = Tree::new("DiagnosticReport");
    let mut to = tree.edit();
    to.object("meta").push("profile", REPORT);
    let own = cx.document.reference("Composition");
    to.item("extension").set("url", COMPOSITION_LINK).object("valueReference").set("reference", &own);
    describe(cx, root, composition.root(), organizations, &mut to);
    for order in orders {
        push_order(order, &mut to, "basedOn");
    }
    for reference in studies {
        to.item("imagingStudy").set("reference", reference);
    }
    for reference in results {
        to.item("result").set("reference", reference);
    }
    cx.document.add(name, tree);
}

/// What report and Composition share: identifier, type, category, subject, time, authors.
fn describe(
    cx: &mut Context<'_>,
    root: Node<'_>,
    header: model::Element<'_>,
    organizations: &[String],
    to: &mut ElementMut<'_>,
) {
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
    for organization in organizations {
        to.item("performer").set("reference", organization);
    }
    for author in header.all("author") {
        let kind = author.text_at("reference").map_or("", |reference| cx.document.type_of(reference));
        if kind.starts_with("Practitioner") {
            to.copy_as("resultsInterpreter", author, true);
        }
    }
}

/// A report that is only an embedded document.
fn minimal<'d>(cx: &mut Context<'d>, root: Node<'d>, body: Node<'d>) -> Result<Tree, Refusal> {
    // What the header says beyond the report stands in a DocumentReference, which is made first so that it takes it.
    super::mpd::document_reference(cx, root, &[], &[], &[]);
    let mut composition = header::composition(cx, root, Some(COMPOSITION), None);
    let organizations = organizations(cx, &mut composition);
    let mut tree = Tree::new("DiagnosticReport");
    let mut to = tree.edit();
    to.object("meta").push("profile", MINIMAL_REPORT);
    describe(cx, root, composition.root(), &organizations, &mut to);
    let mut form = to.item("presentedForm");
    unstructured::fill_body(cx, body, &mut form)?;
    form.set_some("title", composition.root().text_at("title"));
    let report = cx.document.add("DiagnosticReport", tree);
    cx.mapped(body, &format!("DiagnosticReport {report}"));
    let document = std::mem::replace(&mut cx.document, crate::document::Document::new([0; 32]));
    Ok(document.bundle("collection", Some(MINIMAL_BUNDLE), cx.now, None))
}
