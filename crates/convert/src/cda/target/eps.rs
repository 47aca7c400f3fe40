//! The European Patient Summary: <http://hl7.eu/fhir/eps/StructureDefinition/bundle-eu-eps>.
//!
//! The five required sections are always there; where the source says nothing, they say that nothing is available and
//! never that there is nothing. Entries that a section may not hold move to a section of their own.

use model::Tree;

use super::rules::{self, Rule};
use super::sections::Placed;
use crate::Refusal;
use crate::cda::context::Context;
use crate::cda::header;
use crate::cda::read::Node;
use crate::cda::section::Family;
use crate::cda::unstructured;

const BUNDLE: &str = "http://hl7.eu/fhir/eps/StructureDefinition/bundle-eu-eps";
const COMPOSITION: &str = "http://hl7.eu/fhir/eps/StructureDefinition/composition-eu-eps";
const PATIENT: &str = "http://hl7.eu/fhir/eps/StructureDefinition/patient-eu-eps";
const TYPE: (&str, &str) = ("60591-5", "Patient summary Document");

/// The document Bundle of a patient summary.
pub(super) fn assemble<'d>(cx: &mut Context<'d>, root: Node<'d>) -> Result<Tree, Refusal> {
    crate::cda::add_patient(cx, root, PATIENT);
    let mut composition = header::composition(cx, root, Some(COMPOSITION), Some(TYPE));
    let rules = rules::rules(include_str!("eps-sections.tsv"));
    let mut placed = rules::place(cx, root, &|_| None);
    if let Some(body) = root.at("component/nonXMLBody") {
        placed.push((None, Family::Other, unstructured::section(cx, root, body)?));
    }
    rules::require(cx, root, &rules, &mut placed);
    let mut further = Vec::new();
    for (code, family, section) in &mut placed {
        fit_entries(cx, &rules, *code, *family, section, &mut further);
    }
    rules::write(cx, placed, further, &mut composition.edit());
    Ok(cx.take_document(Some(BUNDLE), composition))
}

/// Keeps the entries that the section may hold; wraps or moves the others.
fn fit_entries(
    cx: &mut Context<'_>,
    rules: &[Rule],
    code: Option<&str>,
    family: Family,
    section: &mut Placed,
    further: &mut Vec<String>,
) {
    if family == Family::Pregnancy
        && section.entries.iter().any(|reference| cx.document.type_of(reference) == "Observation")
    {
        let (observations, others): (Vec<String>, Vec<String>) =
            section.entries.drain(..).partition(|reference| cx.document.type_of(reference) == "Observation");
        section.entries = vec![observation_holder(cx, &section.title, &observations)];
        section.entries.extend(others);
    }
    let Some(rule) = code.and_then(|code| rules.iter().find(|rule| rule.code == code)) else { return };
    let entries = std::mem::take(&mut section.entries);
    let (mut kept, mut moved): (Vec<String>, Vec<String>) =
        entries.into_iter().partition(|reference| rule.allows(cx.document.type_of(reference)));
    if family == Family::Plan && !moved.is_empty() {
        kept.push(rules::care_plan(cx, &section.title, &moved));
        moved.clear();
    }
    if family == Family::Functional {
        let (assessed, others): (Vec<String>, Vec<String>) =
            moved.into_iter().partition(|reference| cx.document.type_of(reference) == "Observation");
        if !assessed.is_empty() {
            kept.push(clinical_impression(cx, &section.title, &assessed));
        }
        moved = others;
    }
    if family == Family::Social && kept.iter().any(|reference| cx.document.type_of(reference) == "Observation") {
        kept = vec![observation_holder(cx, &section.title, &kept)];
    }
    section.entries = kept;
    further.extend(moved);
}

/// The guide slices the entries of these sections by type into several slices that all are Observation, so that no
/// Observation can stand there without matching more than one. They stand behind a DocumentReference.
fn observation_holder(cx: &mut Context<'_>, title: &str, observations: &[String]) -> String {
    let mut tree = Tree::new("DocumentReference");
    let mut to = tree.edit();
    to.set("status", "current");
    cx.set_patient(&mut to, "subject");
    to.set("description", title);
    to.item("content").object("attachment").set("title", title);
    let mut context = to.object("context");
    for reference in observations {
        context.item("related").set("reference", reference);
    }
    cx.document.add(&format!("DocumentReference {title} {}", observations.join(" ")), tree)
}

/// Functional assessments stand in a ClinicalImpression.
fn clinical_impression(cx: &mut Context<'_>, title: &str, assessed: &[String]) -> String {
    let mut tree = Tree::new("ClinicalImpression");
    let mut to = tree.edit();
    to.set("status", "completed").set("description", title);
    cx.set_patient(&mut to, "subject");
    let mut investigation = to.item("investigation");
    investigation.object("code").set("text", title);
    for reference in assessed {
        investigation.item("item").set("reference", reference);
    }
    cx.document.add(&format!("ClinicalImpression {title} {}", assessed.join(" ")), tree)
}
