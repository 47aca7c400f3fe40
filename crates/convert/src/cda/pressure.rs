//! Systolic and diastolic pressure: CDA has one observation each, FHIR one of both
//! (<http://hl7.org/fhir/R4/bp.html>): the two halves become components.

use model::{ElementMut, Tree};

use super::coded;
use super::context::Context;
use super::entry;
use super::observation;
use super::read::Node;
use super::section::Family;
use super::time;
use super::value;

const LOINC: &str = "http://loinc.org";
const PANEL: &str = "85354-9";
const SYSTOLIC: &str = "8480-6";
const DIASTOLIC: &str = "8462-4";
const REASON: &str = "http://terminology.hl7.org/CodeSystem/data-absent-reason";

/// Whether an observation is one half of a blood pressure, with a value and not negated.
pub(super) fn is_pressure(act: Node<'_>) -> bool {
    let half = act.is_coded(SYSTOLIC) || act.is_coded(DIASTOLIC);
    half && !entry::is_negated(act) && act.get("value").is_some_and(|value| value.peek("value").is_some())
}

/// Whether its other half stands before it in the same organizer, and so has taken it up.
pub(super) fn is_second(act: Node<'_>) -> bool {
    other_half(act).is_some_and(|other| other.number() < act.number())
}

/// The other half: the first of the other code at the same time, in the same organizer.
fn other_half(act: Node<'_>) -> Option<Node<'_>> {
    let around = act.parent()?.parent().filter(|around| around.name() == "organizer")?;
    let halves = |code: &'static str| {
        entry::inner(around).map(|(_, inner)| inner).filter(move |inner| inner.is_coded(code) && is_pressure(*inner))
    };
    let own = if act.is_coded(SYSTOLIC) { SYSTOLIC } else { DIASTOLIC };
    let other = if own == SYSTOLIC { DIASTOLIC } else { SYSTOLIC };
    let when = |half: &Node<'_>| observation::effective(*half).and_then(time::peek_time);
    // The n-th of one code belongs to the n-th of the other at the same time.
    let place = halves(own).filter(|half| when(half) == when(&act)).position(|half| half == act)?;
    halves(other).filter(|half| when(half) == when(&act)).nth(place)
}

/// The Observation of both halves; of a half that is missing it says so.
pub(super) fn observation(cx: &mut Context<'_>, act: Node<'_>, family: Family) -> String {
    let other = other_half(act);
    let mut tree = entry::begin(cx, act, "Observation", None, "");
    let mut to = tree.edit();
    let status = entry::mapped_status(cx, act, "observation", "unknown");
    to.set("status", status);
    observation::category(if family == Family::Other { Family::Vitals } else { family }, &mut to);
    to.object("code").item("coding").set("system", LOINC).set("code", PANEL);
    cx.set_patient(&mut to, "subject");
    super::family::focus(cx, act, &mut to);
    time::set_when(cx, observation::effective(act), &mut to, "effective", true);
    observation::performers(cx, act, &mut to);
    for half in [Some(act), other].into_iter().flatten() {
        entry::push_notes(cx, half, &mut to);
    }
    if let Some(method) = act.all("methodCode").find(|code| coded::names_something(cx, *code)) {
        coded::fill_concept(cx, method, &mut to.object("method"));
    }
    if let Some(site) = act.all("targetSiteCode").find(|code| coded::names_something(cx, *code)) {
        coded::fill_concept(cx, site, &mut to.object("bodySite"));
    }
    for half in [Some(act), other].into_iter().flatten() {
        super::vital::check(cx, half);
        observation::further_sites(cx, half, &mut to);
    }
    for code in [SYSTOLIC, DIASTOLIC] {
        let half = [Some(act), other].into_iter().flatten().find(|half| half.is_coded(code));
        component(cx, half, code, &mut to);
    }
    if let Some(other) = other {
        entry::status(other);
        if let Some(text) = entry::statement_text(cx, other) {
            entry::push_note(&mut to, &text);
        }
        other.get("effectiveTime").into_iter().for_each(Node::take_attributes);
        super::parts::push_identifiers(cx, other, &mut to);
        cx.mapped(other, "a component of the blood pressure");
    }
    cx.add(act, tree)
}

fn component(cx: &mut Context<'_>, half: Option<Node<'_>>, code: &str, to: &mut ElementMut<'_>) {
    let mut part = Tree::new("Observation");
    let mut item = part.edit();
    match half {
        Some(half) => {
            coded::set_concept(cx, half.get("code"), &mut item, "code");
            if let Some(node) = half.get("value") {
                value::set_value(cx, node, &mut item, "value", false);
            }
            for interpretation in half.all("interpretationCode") {
                coded::push_concept(cx, interpretation, &mut item, "interpretation");
            }
            for range in half.all("referenceRange").filter_map(|range| range.get("observationRange")) {
                observation::reference_range(cx, range, &mut item);
            }
        }
        None => {
            item.object("code").item("coding").set("system", LOINC).set("code", code);
            item.object("dataAbsentReason").item("coding").set("system", REASON).set("code", "unknown");
        }
    }
    let mut target = to.item("component");
    for child in part.root().children() {
        target.copy(child);
    }
}
