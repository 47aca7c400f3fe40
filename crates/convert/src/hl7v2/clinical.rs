//! AL1, IAM, DG1, PRB and PR1: allergies, diagnoses, problems, procedures.

use model::{ElementMut, Severity, Tree};

use super::coded;
use super::context::Context;
use super::fields;
use super::read::Segment;

const CLINICAL: &str = "http://terminology.hl7.org/CodeSystem/condition-clinical";
const VERIFICATION: &str = "http://terminology.hl7.org/CodeSystem/condition-ver-status";
const ALLERGY_CLINICAL: &str = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical";
const ALLERGY_VERIFICATION: &str = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification";
const CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/condition-category";
const ROLE: &str = "http://terminology.hl7.org/CodeSystem/diagnosis-role";

fn coding(to: &mut ElementMut<'_>, name: &str, system: &str, code: &str) {
    to.object(name).item("coding").set("system", system).set("code", code);
}

/// AL1 and IAM. A segment without a substance says nothing: never "no known allergies".
pub(super) fn allergy(cx: &mut Context<'_>, segment: &Segment) -> Option<String> {
    let substance = segment.f(3);
    if !substance.is_some() {
        cx.remark(Severity::Warning, segment, "An allergy without a substance: no resource was made of it.");
        return None;
    }
    let intolerance = segment.name() == "IAM";
    let deleted = intolerance && segment.f(6).peek() == Some("D");
    let mut tree = Tree::new("AllergyIntolerance");
    let mut to = tree.edit();
    if deleted {
        coding(&mut to, "verificationStatus", ALLERGY_VERIFICATION, "entered-in-error");
    } else {
        coding(&mut to, "clinicalStatus", ALLERGY_CLINICAL, "active");
        verification(cx, segment, &mut to);
    }
    let kind = segment.f(2);
    if let Some(code) = kind.peek() {
        let known = coded::lookup("allergy", code);
        match known {
            Some(category) => {
                to.push("category", category);
                kind.take_all();
            }
            None => cx.loss(kind, format!("The allergen type {code:?} is no category of FHIR.")),
        }
    }
    none_known(cx, segment, &mut to.object("code"));
    coded::fill_concept(cx, substance, &mut to.object("code"));
    cx.set_patient(&mut to, "patient");
    cx.set_encounter(&mut to);
    fields::carry(cx, segment, &mut to);
    let severity = segment.f(4);
    let grade = severity.peek().and_then(|code| coded::lookup("severity", code));
    let mut made = false;
    for part in segment.reps(5) {
        let mut reaction = to.item("reaction");
        coded::push_concept(cx, part, &mut reaction, "manifestation");
        reaction.set_some("severity", grade);
        made = true;
    }
    if grade.is_some() {
        severity.take_all();
        if !made {
            let mut reaction = to.item("reaction");
            coded::absent(&mut reaction.item("manifestation"), "unknown");
            reaction.set_some("severity", grade);
        }
    } else if severity.peek() == Some("U") {
        severity.take_all();
    }
    Some(cx.add(segment, tree))
}

/// "No known allergies" said by an abbreviation or in words is no allergy to a substance of that name: the code of the
/// statement stands before what was said.
fn none_known(cx: &mut Context<'_>, segment: &Segment, to: &mut ElementMut<'_>) {
    let substance = segment.f(3);
    let said = [1, 2, 4, 5, 9].into_iter().filter_map(|number| substance.c(number).peek());
    let Some(code) = said.filter_map(|text| coded::lookup("no-known", text.trim_end_matches('.'))).next() else {
        return;
    };
    if ![1, 4].into_iter().any(|number| substance.c(number).peek() == Some(code)) {
        to.item("coding").set("system", "http://snomed.info/sct").set("code", code);
    }
    cx.note(substance, "The segment says that no allergy is known.");
    if segment.f(5).is_some() || matches!(segment.f(4).peek(), Some("MI" | "MO" | "SV")) {
        cx.defect(substance, "No allergy is known, and yet a reaction or its severity is named.");
    }
}

fn verification(cx: &mut Context<'_>, segment: &Segment, to: &mut ElementMut<'_>) {
    if segment.name() != "IAM" {
        return;
    }
    let part = segment.f(17);
    let status = match part.peek() {
        Some("C") => "confirmed",
        Some("P" | "S") => "unconfirmed",
        Some("I" | "E") => "refuted",
        Some("D") => "unconfirmed",
        _ => return,
    };
    if part.peek() == Some("D") {
        cx.note(part, "The allergy is doubted.");
    }
    part.take_all();
    coding(to, "verificationStatus", ALLERGY_VERIFICATION, status);
}

/// DG1: a diagnosis of the visit.
pub(super) fn diagnosis(cx: &mut Context<'_>, segment: &Segment) -> Option<String> {
    let (code, text) = (segment.f(3), segment.f(4));
    if !code.is_some() && !text.is_some() {
        cx.remark(Severity::Warning, segment, "A diagnosis without a code or a name: no resource was made of it.");
        return None;
    }
    let mut tree = Tree::new("Condition");
    let mut to = tree.edit();
    let kind = segment.f(6);
    let deleted = segment.f(21).peek() == Some("D");
    segment.f(21).take_all();
    let status = match kind.peek() {
        _ if deleted => Some("entered-in-error"),
        Some("W") => Some("provisional"),
        Some("F") => Some("confirmed"),
        _ => None,
    };
    if let Some(status) = status {
        coding(&mut to, "verificationStatus", VERIFICATION, status);
    }
    coding_item(&mut to, "category", CATEGORY, "encounter-diagnosis");
    fields::carry(cx, segment, &mut to);
    if let Some(words) = text.whole() {
        let mut concept = to.object("code");
        if concept.as_element().text_at("text").is_none() {
            concept.set("text", &words);
        } else if concept.as_element().text_at("text") != Some(words.as_str()) {
            to.item("note").set("text", &words);
        }
    }
    cx.set_patient(&mut to, "subject");
    cx.set_encounter(&mut to);
    let usage = kind.peek().and_then(|code| coded::lookup("diagnosis", code));
    if usage.is_some() {
        kind.take_all();
    }
    let reference = cx.add(segment, tree);
    let rank = segment.f(15).peek().and_then(|text| text.parse::<i64>().ok()).filter(|rank| *rank > 0);
    if let Some(tree) = cx.encounter.clone().and_then(|encounter| cx.document.resource_mut(&encounter)) {
        let mut to = tree.edit();
        let mut diagnosis = to.item("diagnosis");
        diagnosis.object("condition").set("reference", &reference);
        if let Some(usage) = usage.filter(|usage| *usage != "working") {
            coding(&mut diagnosis, "use", ROLE, usage);
        }
        if let Some(rank) = rank {
            segment.f(15).take_all();
            diagnosis.set("rank", rank);
        }
    }
    Some(reference)
}

fn coding_item(to: &mut ElementMut<'_>, name: &str, system: &str, code: &str) {
    to.item(name).item("coding").set("system", system).set("code", code);
}

/// PRB: a problem of the list. Its action may take it back.
pub(super) fn problem(cx: &mut Context<'_>, segment: &Segment) -> String {
    let mut tree = Tree::new("Condition");
    let mut to = tree.edit();
    let action = segment.f(1);
    let deleted = matches!(action.text(), Some("DE" | "D"));
    coding_item(&mut to, "category", CATEGORY, "problem-list-item");
    fields::carry(cx, segment, &mut to);
    let resolved = segment.f(9);
    if deleted {
        coding(&mut to, "verificationStatus", VERIFICATION, "entered-in-error");
    } else if super::datatypes::set_time(cx, resolved, &mut to, "abatementDateTime") {
        coding(&mut to, "clinicalStatus", CLINICAL, "resolved");
    } else {
        status_of_problem(segment, &mut to);
    }
    if to.as_element().get("code").is_none() {
        coded::absent(&mut to.object("code"), "unknown");
    }
    cx.set_patient(&mut to, "subject");
    cx.set_encounter(&mut to);
    cx.add(segment, tree)
}

/// PDA-1: what the patient died of. The segment does not say how sure that is.
pub(super) fn causes_of_death(cx: &mut Context<'_>, segment: &Segment) -> Vec<String> {
    let mut made = Vec::new();
    for part in segment.reps(1).collect::<Vec<_>>() {
        let mut tree = Tree::new("Observation");
        let mut to = tree.edit();
        to.set("status", "unknown");
        to.object("code").set("text", "Cause of death");
        cx.set_patient(&mut to, "subject");
        cx.set_encounter(&mut to);
        coded::fill_concept(cx, part, &mut to.object("valueCodeableConcept"));
        let reference = cx.document.add(&format!("{}#Observation", part.path()), tree);
        cx.mapped(segment, &format!("Observation {reference}"));
        made.push(reference);
    }
    made
}

fn status_of_problem(segment: &Segment, to: &mut ElementMut<'_>) {
    let life = segment.f(14);
    let code = match life.peek().map(str::to_ascii_lowercase).as_deref() {
        Some("active" | "a") => "active",
        Some("inactive" | "i") => "inactive",
        Some("resolved" | "r") => "resolved",
        _ => return,
    };
    life.take_all();
    coding(to, "clinicalStatus", CLINICAL, code);
}

/// PR1: a procedure that was done.
pub(super) fn procedure(cx: &mut Context<'_>, segment: &Segment) -> String {
    let mut tree = Tree::new("Procedure");
    let mut to = tree.edit();
    let deleted = segment.f(20).peek() == Some("D");
    segment.f(20).take_all();
    to.set("status", if deleted { "entered-in-error" } else { "completed" });
    fields::carry(cx, segment, &mut to);
    if let Some(words) = segment.f(4).whole() {
        let mut concept = to.object("code");
        if concept.as_element().text_at("text").is_none() {
            concept.set("text", &words);
        } else {
            to.item("note").set("text", &words);
        }
    }
    let modifiers: Vec<_> = segment.reps(16).collect();
    for part in modifiers {
        let words = part.whole().unwrap_or_default();
        to.item("note").set("text", &format!("Modifier: {words}"));
    }
    cx.set_patient(&mut to, "subject");
    cx.set_encounter(&mut to);
    cx.add(segment, tree)
}
