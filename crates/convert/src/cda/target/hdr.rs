//! The hospital discharge report: <http://hl7.eu/fhir/hdr/StructureDefinition/bundle-eu-hdr>.

use model::Tree;

use super::rules;
use crate::Refusal;
use crate::cda::coded;
use crate::cda::context::Context;
use crate::cda::header;
use crate::cda::read::Node;
use crate::cda::section::Family;
use crate::cda::unstructured;

const BUNDLE: &str = "http://hl7.eu/fhir/hdr/StructureDefinition/bundle-eu-hdr";
const COMPOSITION: &str = "http://hl7.eu/fhir/hdr/StructureDefinition/composition-eu-hdr";
const ENCOUNTER: &str = "http://hl7.eu/fhir/hdr/StructureDefinition/encounter-eu-hdr";
const PATIENT: &str = "http://hl7.eu/fhir/base/StructureDefinition/patient-eu-core";
const TYPE: (&str, &str) = ("34105-7", "Hospital Discharge summary");

/// Other codes under which sources give a section of the European report.
fn alias(code: &str) -> Option<&'static str> {
    match code {
        "10183-2" => Some("75311-1"),
        _ => None,
    }
}

/// The document Bundle of a discharge report.
pub(super) fn assemble<'d>(cx: &mut Context<'d>, root: Node<'d>) -> Result<Tree, Refusal> {
    crate::cda::add_patient(cx, root, PATIENT);
    let mut composition = header::composition(cx, root, Some(COMPOSITION), Some(TYPE));
    name_types(&mut composition);
    encounter(cx, root, &mut composition);
    let rules = rules::rules(include_str!("hdr-sections.tsv"));
    let mut placed = rules::place(cx, root, &alias);
    if let Some(body) = root.at("component/nonXMLBody") {
        placed.push((None, Family::Other, unstructured::section(cx, root, body)?));
    }
    rules::require(cx, root, &rules, &mut placed);
    let mut further = Vec::new();
    for (code, family, section) in &mut placed {
        if let Some(rule) = code.and_then(|code| rules.iter().find(|rule| rule.code == code)) {
            let entries = std::mem::take(&mut section.entries);
            let (kept, moved): (Vec<String>, Vec<String>) =
                entries.into_iter().partition(|reference| rule.allows(cx.document.type_of(reference)));
            section.entries = kept;
            if *family == Family::Plan && !moved.is_empty() {
                section.entries.push(rules::care_plan(cx, &section.title, &moved));
            } else {
                further.extend(moved);
            }
        }
    }
    rules::write(cx, placed, further, &mut composition.edit());
    Ok(cx.take_document(Some(BUNDLE), composition))
}

/// Every coding of the type must have a display: one that the source does not name says so.
fn name_types(composition: &mut Tree) {
    let nameless: Vec<_> = composition
        .root()
        .every("type.coding")
        .into_iter()
        .filter(|coding| coding.get("display").is_none())
        .map(|coding| coding.id())
        .collect();
    for id in nameless {
        let own = composition.element(id).text_at("code") == Some(TYPE.0);
        let mut coding = composition.edit_at(id);
        if own {
            coding.set("display", TYPE.1);
        } else {
            coded::absent(&mut coding.primitive("display"), None);
        }
    }
}

/// The stay that the report closes: that of the header, else one of which only that it was is known.
fn encounter(cx: &mut Context<'_>, root: Node<'_>, composition: &mut Tree) {
    let reference = match composition.root().text_at("encounter.reference") {
        Some(reference) => reference.to_owned(),
        None => {
            cx.note(root, "The source names no hospital stay: the required Encounter says so.");
            let mut tree = Tree::new("Encounter");
            let mut to = tree.edit();
            to.set("status", "unknown");
            coded::absent(&mut to.object("class"), None);
            cx.set_patient(&mut to, "subject");
            let reference = cx.document.add("Encounter", tree);
            composition.edit().object("encounter").set("reference", &reference);
            reference
        }
    };
    if let Some(tree) = cx.document.resource_mut(&reference) {
        let mut to = tree.edit();
        to.object("meta").push("profile", ENCOUNTER);
    }
}
