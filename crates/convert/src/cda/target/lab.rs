//! The laboratory report: <http://hl7.eu/fhir/laboratory/StructureDefinition/Bundle-eu-lab>. Composition and
//! DiagnosticReport point to each other and share identifier, type, subject and encounter.

use model::Tree;

use super::rules;
use crate::Refusal;
use crate::cda::coded;
use crate::cda::context::Context;
use crate::cda::header;
use crate::cda::people;
use crate::cda::read::Node;
use crate::cda::time;
use crate::cda::unstructured;

const BUNDLE: &str = "http://hl7.eu/fhir/laboratory/StructureDefinition/Bundle-eu-lab";
const COMPOSITION: &str = "http://hl7.eu/fhir/laboratory/StructureDefinition/Composition-eu-lab";
const REPORT: &str = "http://hl7.eu/fhir/laboratory/StructureDefinition/DiagnosticReport-eu-lab";
const OBSERVATION: &str = "http://hl7.eu/fhir/laboratory/StructureDefinition/Observation-resultslab-eu-lab";
const ABSENT: &str = "http://terminology.hl7.org/CodeSystem/data-absent-reason";
const PATIENT: &str = "http://hl7.eu/fhir/base/StructureDefinition/patient-eu-core";
const REPORT_LINK: &str = "http://hl7.eu/fhir/extensions/StructureDefinition/composition-diagnosticReportReference";
const COMPOSITION_LINK: &str = "http://hl7.org/fhir/5.0/StructureDefinition/extension-DiagnosticReport.composition";

/// The document Bundle of a laboratory report.
pub(super) fn assemble<'d>(cx: &mut Context<'d>, root: Node<'d>) -> Result<Tree, Refusal> {
    crate::cda::add_patient(cx, root, PATIENT);
    cx.laboratory = true;
    let mut composition = header::composition(cx, root, Some(COMPOSITION), None);
    let report = cx.document.reference("DiagnosticReport");
    composition.edit().item("extension").set("url", REPORT_LINK).object("valueReference").set("reference", &report);
    let mut placed = rules::place(cx, root, &|_| None);
    if let Some(body) = root.at("component/nonXMLBody") {
        let mut section = unstructured::section(cx, root, body)?;
        section.code = Some("77599-9");
        placed.push((Some("77599-9"), crate::cda::section::Family::Other, section));
    }
    let entries: Vec<String> = placed.iter().flat_map(|(_, _, section)| section.entries.clone()).collect();
    let results = laboratory_results(cx, root, &entries);
    diagnostic_report(cx, root, &composition, &results);
    let mut to = composition.edit();
    let mut further = Vec::new();
    for (code, _, mut section) in placed {
        if code == Some("48767-8") {
            further.append(&mut section.entries);
        }
        section.write(cx, &mut to);
    }
    // Pictures inside results: the European report points to none, they point to what they show (Media.partOf).
    let known: Vec<String> = to
        .as_element()
        .every("section.entry.reference")
        .iter()
        .filter_map(|entry| entry.text().map(str::to_owned))
        .collect();
    further.extend(cx.document.all_of("Media").into_iter().filter(|media| !known.contains(media)));
    further.dedup();
    if let Some(mut section) = rules::further(further) {
        section.code = None;
        section.write(cx, &mut to);
    }
    if to.as_element().get("section").is_none() {
        super::sections::Placed::missing("26436-6", "Laboratory studies").write(cx, &mut to);
    }
    Ok(cx.take_document(Some(BUNDLE), composition))
}

/// The laboratory observations among the entries; each has a performer, the laboratory of the header where none is named.
fn laboratory_results(cx: &mut Context<'_>, root: Node<'_>, entries: &[String]) -> Vec<String> {
    let mut performer = None;
    for event in root.all("documentationOf").filter_map(|relation| relation.get("serviceEvent")) {
        for one in event.all("performer") {
            performer = performer.or_else(|| people::participant(cx, one).map(|party| party.reference));
        }
    }
    let performer =
        performer.or_else(|| cx.author.clone()).filter(|reference| cx.document.type_of(reference) != "Device");
    let mut results = Vec::new();
    let mut queue: Vec<String> = entries.to_vec();
    while let Some(reference) = queue.pop() {
        if cx.document.type_of(&reference) != "Observation" {
            continue;
        }
        let top = entries.contains(&reference);
        let Some(tree) = cx.document.resource_mut(&reference) else { continue };
        let laboratory = tree.root().every("category.coding.code").iter().any(|code| code.text() == Some("laboratory"));
        queue.extend(
            tree.root().every("hasMember.reference").iter().filter_map(|member| member.text().map(str::to_owned)),
        );
        if !laboratory {
            continue;
        }
        let mut to = tree.edit();
        if to.as_element().get("performer").is_none() {
            match &performer {
                Some(performer) => {
                    to.item("performer").set("reference", performer);
                }
                None => coded::absent(&mut to.item("performer"), None),
            }
        }
        // eu-lab-1: an observation that only is, without a value, says that its value is unknown.
        let says =
            |name: &str| name.starts_with("value") || matches!(name, "dataAbsentReason" | "hasMember" | "component");
        if !to.as_element().children().any(|child| says(child.name())) {
            to.object("dataAbsentReason").item("coding").set("system", ABSENT).set("code", "unknown");
        }
        to.object("meta").push("profile", OBSERVATION);
        if top {
            results.push(reference);
        }
    }
    results.reverse();
    results
}

fn diagnostic_report(cx: &mut Context<'_>, root: Node<'_>, composition: &Tree, results: &[String]) {
    let mut tree = Tree::new("DiagnosticReport");
    let mut to = tree.edit();
    to.object("meta").push("profile", REPORT);
    let own = cx.document.reference("Composition");
    to.item("extension").set("url", COMPOSITION_LINK).object("valueReference").set("reference", &own);
    let header = composition.root();
    if let Some(identifier) = header.get("identifier") {
        to.copy_as("identifier", identifier, true);
    }
    to.set("status", "final");
    if let Some(kind) = header.get("type") {
        to.copy_as("code", kind, false);
    }
    cx.set_patient(&mut to, "subject");
    if let Some(encounter) = header.get("encounter") {
        to.copy(encounter);
    }
    let event = root.at("documentationOf/serviceEvent/effectiveTime");
    if !matches!(time::when(event), time::When::Unknown(_)) {
        time::set_when(cx, event, &mut to, "effective", false);
    }
    if let Some(issued) = header.text_at("date").filter(|date| date.len() > 10) {
        to.set("issued", issued);
    }
    for author in header.all("author") {
        match author.text_at("reference").map_or("", |reference| cx.document.type_of(reference)) {
            "Organization" => to.copy_as("performer", author, true),
            "PractitionerRole" => to.copy_as("resultsInterpreter", author, true),
            _ => &mut to,
        };
    }
    for result in results {
        to.item("result").set("reference", result);
    }
    cx.document.add("DiagnosticReport", tree);
}
