//! Procedures into Procedure (<http://hl7.eu/fhir/eps/StructureDefinition/procedure-eu-eps>), and planned ones into ServiceRequest.

use model::ElementMut;

use super::coded;
use super::context::Context;
use super::entry;
use super::read::Node;
use super::table;
use super::time;

const PROFILE: &str = "http://hl7.eu/fhir/base/StructureDefinition/procedure-eu-core";

/// Moods of what has not happened yet.
pub(super) fn is_planned(statement: Node<'_>) -> bool {
    matches!(statement.peek("moodCode"), Some("INT" | "RQO" | "PRP" | "ARQ" | "APT" | "PRMS"))
}

/// The Procedure of a `procedure`, or of an `act` or `observation` in a section of procedures.
pub(super) fn procedure(cx: &mut Context<'_>, act: Node<'_>) -> String {
    let mut tree = entry::begin(cx, act, "Procedure", Some(PROFILE), "");
    let mut to = tree.edit();
    let negated = entry::is_negated(act);
    let status = entry::mapped_status(cx, act, "event", "unknown");
    let absence = act.get("code").is_some_and(table::is_absence);
    to.set(
        "status",
        match (absence, negated) {
            (true, _) => "unknown",
            (_, true) => "not-done",
            _ => status,
        },
    );
    code(cx, act, &mut to);
    cx.set_patient(&mut to, "subject");
    time::set_when(cx, act.get("effectiveTime"), &mut to, "performed", true);
    for party in entry::parties(cx, act, "performer") {
        let mut performer = to.item("performer");
        performer.object("actor").set("reference", &party.reference);
    }
    if let Some(party) = entry::parties(cx, act, "author").into_iter().next() {
        to.object("recorder").set("reference", &party.reference);
        if !cx.document.type_of(&party.reference).starts_with("Practitioner") {
            to.remove("recorder");
        }
    }
    reasons(cx, act, &mut to);
    for site in act.all("targetSiteCode").chain(act.all("approachSiteCode")) {
        coded::push_concept(cx, site, &mut to, "bodySite");
    }
    for method in act.all("methodCode") {
        if !coded::names_something(cx, method) {
            continue;
        }
        let mut concept = model::Tree::new("Procedure");
        coded::fill_concept(cx, method, &mut concept.edit().object("code"));
        for coding in concept.root().every("code.coding") {
            to.object("code").copy(coding);
        }
        if let Some(text) = concept.root().text_at("code.text") {
            entry::push_note(&mut to, &format!("Method: {text}"));
        }
    }
    devices(cx, act, &mut to);
    value(cx, act, &mut to);
    entry::push_notes(cx, act, &mut to);
    cx.add(act, tree)
}

fn code(cx: &mut Context<'_>, act: Node<'_>, to: &mut ElementMut<'_>) {
    match act.get("code").filter(|code| coded::names_something(cx, *code)) {
        Some(code) => coded::fill_concept(cx, code, &mut to.object("code")),
        None => match entry::statement_text(cx, act) {
            Some(text) => {
                to.object("code").set("text", &text);
            }
            None => coded::require_concept(cx, act.get("code"), to, "code"),
        },
    }
}

/// Reasons: `entryRelationship[@typeCode='RSON']`.
pub(super) fn reasons(cx: &mut Context<'_>, act: Node<'_>, to: &mut ElementMut<'_>) {
    for (relation, reason) in entry::inner(act) {
        let is_reason =
            relation.peek("typeCode") == Some("RSON") || reason.has_template("2.16.840.1.113883.10.20.22.4.19");
        if !is_reason {
            continue;
        }
        if reason.name() == "observation" {
            let Some(value) = reason.get("value").filter(|value| coded::names_something(cx, *value)) else { continue };
            entry::status(reason);
            let text = entry::statement_text(cx, reason);
            let mut concept = to.item("reasonCode");
            coded::fill_concept(cx, value, &mut concept);
            if concept.as_element().get("text").is_none() {
                concept.set_some("text", text.as_deref());
            }
            if let Some(kind) = reason.get("code") {
                coded::purpose(cx, kind, &mut concept);
            }
            if let Some(when) = reason.get("effectiveTime") {
                let since = when.get("low").and_then(time::peek_time).or(time::peek_time(when));
                let until = when.get("high").and_then(|high| high.peek("value"));
                when.descendants().for_each(Node::take_attributes);
                if let Some(since) = since {
                    let until = until.map(|until| format!(" until {until}")).unwrap_or_default();
                    entry::push_note(to, &format!("Reason since {since}{until}"));
                }
            }
        } else if reason.name() == "act"
            && let Some(text) = entry::statement_text(cx, reason)
        {
            to.item("reasonCode").set("text", &text);
        }
    }
}

fn devices(cx: &mut Context<'_>, act: Node<'_>, to: &mut ElementMut<'_>) {
    let negated = entry::is_negated(act);
    for participant in act.all("participant") {
        let Some(role) = participant.get("participantRole") else { continue };
        let implanted = participant.peek("typeCode") == Some("DEV");
        if !implanted && role.get("playingDevice").is_none() {
            continue;
        }
        if negated {
            // What was not done implanted nothing: the device is no device of the patient.
            let entity = role.get("playingDevice").or(role.get("playingEntity"));
            let said = entity.and_then(|entity| entity.get("code")).and_then(|code| entry::said(cx, code));
            entity.into_iter().for_each(Node::take_all);
            role.get("scopingEntity").into_iter().for_each(Node::take_all);
            role.all("id").for_each(Node::take_all);
            if let Some(said) = said {
                entry::push_note(to, &format!("Device (not used): {said}"));
            }
        } else if let Some(device) = super::device::device(cx, participant) {
            if implanted {
                to.item("focalDevice").object("manipulated").set("reference", &device);
            } else {
                to.item("usedReference").set("reference", &device);
            }
        }
    }
}

/// An observation among procedures may carry a value: it becomes a note, codes stay in the outcome.
fn value(cx: &mut Context<'_>, act: Node<'_>, to: &mut ElementMut<'_>) {
    let Some(value) = act.get("value").filter(|_| act.name() == "observation") else { return };
    if coded::names_something(cx, value) {
        coded::set_concept(cx, Some(value), to, "outcome");
    } else if let Some(text) = value.text() {
        to.object("outcome").set("text", &text);
    } else if value.peek("value").is_some() {
        let text = [value.attr("value"), value.peek("unit")].into_iter().flatten().collect::<Vec<_>>().join(" ");
        to.object("outcome").set("text", &text);
    }
}

/// Specimens that the procedure took: resources of their own.
pub(super) fn specimens(cx: &mut Context<'_>, act: Node<'_>) -> Vec<String> {
    let roles: Vec<Node<'_>> = act.all("specimen").filter_map(|specimen| specimen.get("specimenRole")).collect();
    roles.into_iter().filter_map(|role| super::specimen::of_role(cx, role)).collect()
}

/// The ServiceRequest of a planned act, observation, procedure or encounter.
pub(super) fn request(cx: &mut Context<'_>, act: Node<'_>) -> String {
    let mut tree = entry::begin(cx, act, "ServiceRequest", None, "");
    let mut to = tree.edit();
    let status = entry::mapped_status(cx, act, "request", "unknown");
    to.set("status", status);
    let mood = act.peek("moodCode").unwrap_or("INT");
    to.set("intent", table::lookup("request-intent", mood).unwrap_or("plan"));
    if entry::is_negated(act) {
        to.set("doNotPerform", true);
    }
    code(cx, act, &mut to);
    cx.set_patient(&mut to, "subject");
    match time::when(act.get("effectiveTime")) {
        time::When::Unknown(Some(node)) => {
            time::unknown_flavor(node);
        }
        _ => time::set_when(cx, act.get("effectiveTime"), &mut to, "occurrence", false),
    }
    if let Some(when) = entry::author_time(act) {
        time::set_time(cx, when, &mut to, "authoredOn");
    }
    if let Some(party) = entry::parties(cx, act, "author").into_iter().next() {
        to.object("requester").set("reference", &party.reference);
    }
    for party in entry::parties(cx, act, "performer") {
        to.item("performer").set("reference", &party.reference);
    }
    reasons(cx, act, &mut to);
    for site in act.all("targetSiteCode") {
        coded::push_concept(cx, site, &mut to, "bodySite");
    }
    if let Some(priority) = act.get("priorityCode").and_then(|code| code.attr("code")) {
        match priority {
            "R" => to.set("priority", "routine"),
            "UR" => to.set("priority", "urgent"),
            "A" => to.set("priority", "asap"),
            "S" | "EM" => to.set("priority", "stat"),
            _ => {
                cx.loss(act, format!("The priority {priority:?} has no counterpart."));
                &mut to
            }
        };
    }
    entry::push_notes(cx, act, &mut to);
    cx.add(act, tree)
}
