//! Entries: which map reads a clinical statement, by its class, its templates and the section it stands in.

use super::allergy;
use super::coded;
use super::context::Context;
use super::device;
use super::encounter;
use super::entry::{inner, inner_coded, is_negated, is_untouched, other_subject, statements as statements_in};
use super::family as family_history;
use super::goal;
use super::immunization;
use super::media;
use super::medication::{self, Prescription};
use super::observation;
use super::participation;
use super::problem;
use super::procedure;
use super::read::Node;
use super::section::Family;
use super::specimen;
use super::study;
use super::told;

const ALLERGY: [&str; 5] = [
    "1.3.6.1.4.1.12559.11.10.1.3.1.3.17",
    "1.3.6.1.4.1.19376.1.5.3.1.4.6",
    "2.16.840.1.113883.10.20.22.4.7",
    "2.16.840.1.113883.10.20.1.18",
    "2.16.840.1.113883.2.9.10.1.4.3.1.3",
];
const PROBLEM: [&str; 4] = [
    "1.3.6.1.4.1.12559.11.10.1.3.1.3.7",
    "1.3.6.1.4.1.19376.1.5.3.1.4.5",
    "2.16.840.1.113883.10.20.22.4.4",
    "2.16.840.1.113883.10.20.1.28",
];
const IMMUNIZATION: [&str; 3] =
    ["1.3.6.1.4.1.12559.11.10.1.3.1.3.19", "1.3.6.1.4.1.19376.1.5.3.1.4.12", "2.16.840.1.113883.10.20.22.4.52"];

/// The resources of one `entry` and of everything in it that became a resource of its own.
pub(super) fn entry(cx: &mut Context<'_>, entry: Node<'_>, family: Family) -> Vec<String> {
    statements_in(entry).flat_map(|act| statement(cx, act, family)).collect()
}

/// The resources of one clinical statement.
pub(super) fn statement(cx: &mut Context<'_>, act: Node<'_>, family: Family) -> Vec<String> {
    let mut found = main(cx, act, family);
    let first = found.first().cloned();
    leftovers(cx, act, family, &mut found);
    if let Some(first) = first {
        participations(cx, act, &first);
    }
    found
}

/// Participations and encounters of a statement and of those inside it that no resource of their own has taken up.
pub(super) fn participations(cx: &mut Context<'_>, act: Node<'_>, resource: &str) {
    participation::provenance(cx, act, resource);
    for (_, inner) in inner(act) {
        if inner.name() == "encounter" {
            encounter::identify(cx, inner, resource);
        }
        participations(cx, inner, resource);
    }
}

fn main(cx: &mut Context<'_>, act: Node<'_>, family: Family) -> Vec<String> {
    if let Some(other) = other_subject(cx, act) {
        return of_other(cx, act, other, family);
    }
    match act.name() {
        _ if act.peek("moodCode") == Some("GOL") => vec![goal::goal(cx, act)],
        "observation" if is_allergy(act, family) => allergy::allergy(cx, act, None),
        "observation" => vec![single(cx, act, family)],
        "act" if study::is_study(act) => vec![study::imaging_study(cx, act)],
        "act" => concern(cx, act, family),
        "organizer" => observation::organizer(cx, act, family),
        "substanceAdministration" => vec![administration(cx, act, family)],
        "procedure" if family == Family::Devices && has_device(act) && !is_negated(act) => {
            device::device_use(cx, act).into_iter().collect()
        }
        "procedure" if cx.laboratory && specimen::is_collection(act) => {
            specimen::collection(cx, act).into_iter().collect()
        }
        "procedure" if procedure::is_planned(act) => vec![procedure::request(cx, act)],
        "procedure" => {
            let made = procedure::procedure(cx, act);
            std::iter::once(made).chain(procedure::specimens(cx, act)).collect()
        }
        "supply" => supply(cx, act, family),
        "encounter" if procedure::is_planned(act) => vec![procedure::request(cx, act)],
        "encounter" => vec![encounter::encounter(cx, act)],
        "observationMedia" => media::media(cx, act).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// A statement about a relative, a fetus or a donor: never the patient's own.
fn of_other(cx: &mut Context<'_>, act: Node<'_>, other: Node<'_>, family: Family) -> Vec<String> {
    let measured = cx.laboratory || matches!(family, Family::Results | Family::Vitals);
    match act.name() {
        "procedure" if specimen::is_collection(act) => specimen::collection(cx, act).into_iter().collect(),
        "organizer" if !measured => vec![family_history::history(cx, act)],
        "organizer" => observation::organizer(cx, act, family),
        "observation" if !measured && names_problem(cx, act) => vec![family_history::of_observation(cx, act, other)],
        "observation" => vec![observation::observation(cx, act, family)],
        "act" => {
            super::entry::status(act);
            inner(act).flat_map(|(_, inner)| statement(cx, inner, family)).collect()
        }
        _ => {
            let words = super::entry::in_words(cx, act).unwrap_or_default();
            cx.loss(
                act,
                format!("The statement is about another person; it is not carried as the patient's: {words}."),
            );
            Vec::new()
        }
    }
}

fn single(cx: &mut Context<'_>, act: Node<'_>, family: Family) -> String {
    if procedure::is_planned(act) {
        return procedure::request(cx, act);
    }
    match family {
        Family::Problems | Family::PastProblems => problem::condition(cx, act, None, "problem-list-item"),
        Family::Procedures => procedure::procedure(cx, act),
        Family::Vitals if super::pressure::is_pressure(act) => super::pressure::observation(cx, act, family),
        _ if is_problem(act) && names_problem(cx, act) => problem::condition(cx, act, None, "encounter-diagnosis"),
        _ => observation::observation(cx, act, family),
    }
}

fn is_allergy(act: Node<'_>, family: Family) -> bool {
    ALLERGY.iter().any(|template| act.has_template(template))
        || (family == Family::Allergies && act.name() == "observation" && act.peek("moodCode") != Some("GOL"))
}

fn is_problem(act: Node<'_>) -> bool {
    PROBLEM.iter().any(|template| act.has_template(template))
}

fn names_problem(cx: &Context<'_>, act: Node<'_>) -> bool {
    act.get("value").is_some_and(|value| coded::names_something(cx, value) && value.xsi_type() != Some("PQ"))
}

/// A concern holds problems or allergies; any other act is a procedure or a request for one.
fn concern(cx: &mut Context<'_>, act: Node<'_>, family: Family) -> Vec<String> {
    let mut found = Vec::new();
    let observations: Vec<Node<'_>> = inner(act)
        .filter(|(relation, inner)| inner.name() == "observation" && !matches!(relation.peek("typeCode"), Some("RSON")))
        .map(|(_, inner)| inner)
        .collect();
    let about_allergy = observations.iter().any(|inner| is_allergy(*inner, family));
    let about_problem = matches!(family, Family::Problems | Family::PastProblems) || act.has_template(CONCERN);
    let says_concern = act.is_coded("CONC");
    if !observations.is_empty() && (about_allergy || about_problem || says_concern) {
        act.get("code").into_iter().for_each(Node::take_all);
        super::entry::statement_text(cx, act);
        for observation in observations.iter().filter(|inner| !is_comment(**inner)) {
            if let Some(other) = other_subject(cx, *observation) {
                found.extend(of_other(cx, *observation, other, family));
                continue;
            }
            if is_allergy(*observation, family) {
                found.extend(allergy::allergy(cx, *observation, Some(act)));
            } else if about_problem || is_problem(*observation) || names_problem(cx, *observation) {
                found.push(problem::condition(cx, *observation, Some(act), "problem-list-item"));
            } else {
                super::entry::status(act);
                found.push(observation::observation(cx, *observation, family));
            }
        }
        return found;
    }
    if is_holder(act) {
        hold(cx, act, family, &mut found);
    } else if is_comment(act) {
        found.push(observation::comment(cx, act));
    } else if let Some(question) = told::question(act).filter(|_| !procedure::is_planned(act)) {
        found.push(told::told(cx, act, question));
    } else if procedure::is_planned(act) {
        found.push(procedure::request(cx, act));
    } else if cx.laboratory && inner(act).next().is_some() {
        found.extend(group(cx, act, family));
    } else if inner(act).next().is_some() && act.get("code").is_none_or(|code| !coded::names_something(cx, code)) {
        // An act without a code of its own only groups what is in it.
        super::entry::status(act);
    } else if family == Family::Plan {
        found.push(procedure::request(cx, act));
    } else {
        found.push(procedure::procedure(cx, act));
    }
    found
}

/// Whether an act only holds what it names ("encounter diagnosis", "discharge medication"): nothing was done by it.
fn is_holder(act: Node<'_>) -> bool {
    let code = act.get("code").and_then(|code| code.peek("code"));
    code.is_some_and(|code| super::table::lookup("holder", code).is_some()) && inner(act).next().is_some()
}

/// The diagnoses and medicines that an act holds, which say of what kind they are; other statements in it are read by their own
/// class.
fn hold(cx: &mut Context<'_>, act: Node<'_>, family: Family, found: &mut Vec<String>) {
    super::entry::status(act);
    for (_, held) in inner(act).filter(|(_, held)| !is_comment(*held)) {
        let kind = held.get("code").and_then(|code| code.peek("code"));
        let general = kind.is_none_or(|kind| super::table::lookup("general-problem", kind).is_some());
        let other = other_subject(cx, held).is_some() || held.peek("moodCode") == Some("GOL");
        match held.name() {
            "observation" if !other && (is_problem(held) || general && names_problem(cx, held)) => {
                super::entry::statement_text(cx, act);
                found.push(problem::condition(cx, held, Some(act), "encounter-diagnosis"));
            }
            "substanceAdministration" => found.extend(statement(cx, held, nested_family(family))),
            // Who pays: the policies answer what the act around them asks.
            "act" if act.is_coded("48768-6") => {
                let question = act.get("code");
                found.extend(question.map(|question| told::told(cx, held, question)));
            }
            _ => {}
        }
    }
    let Some(code) = act.get("code") else { return };
    let general = code.peek("code").is_some_and(|code| super::table::lookup("general-problem", code).is_some());
    if general {
        return code.take_all();
    }
    if found.is_empty() || act.is_coded("48768-6") {
        return;
    }
    let mut holder = model::Tree::new("Condition");
    coded::fill_concept(cx, code, &mut holder.edit().object("category"));
    let Some(category) = holder.root().get("category") else { return };
    for reference in found.iter() {
        let repeats = matches!(cx.document.type_of(reference), "Condition" | "MedicationRequest");
        if !repeats && cx.document.type_of(reference) != "MedicationStatement" {
            continue;
        }
        if let Some(tree) = cx.document.resource_mut(reference)
            && (repeats || tree.root().get("category").is_none())
        {
            tree.edit().copy_as("category", category, repeats);
        }
    }
}

/// An act of a laboratory groups its batteries: its code is that of its section, or names a battery itself.
fn group(cx: &mut Context<'_>, act: Node<'_>, family: Family) -> Option<String> {
    let code = act.get("code");
    let around = act.parent().and_then(|entry| entry.parent()).and_then(|section| section.get("code"));
    let same = code.and_then(|code| code.peek("code")) == around.and_then(|code| code.peek("code"));
    if !same && code.is_some_and(|code| coded::names_something(cx, code)) {
        let mut members = Vec::new();
        for (_, inner) in inner(act).filter(|(_, inner)| matches!(inner.name(), "observation" | "organizer" | "act")) {
            members.extend(statement(cx, inner, family));
        }
        return Some(observation::panel(cx, act, family, &members));
    }
    super::entry::status(act);
    super::entry::statement_text(cx, act);
    if let Some(when) = act.get("effectiveTime") {
        when.descendants().for_each(Node::take_attributes);
    }
    code.into_iter().for_each(Node::take_attributes);
    None
}

const CONCERN: &str = "1.3.6.1.4.1.19376.1.5.3.1.4.5.2";

fn is_comment(act: Node<'_>) -> bool {
    act.is_coded("48767-8")
}

fn administration(cx: &mut Context<'_>, act: Node<'_>, family: Family) -> String {
    let vaccine = family == Family::Immunizations
        || IMMUNIZATION.iter().any(|template| act.has_template(template))
        || act.is_coded("IMMUNIZ");
    let planned = family == Family::Plan || matches!(act.peek("moodCode"), Some("RQO" | "PRP"));
    if planned {
        let requester = cx.author.clone();
        let prescription = Prescription { group: None, requester, authored: None, planned: true };
        return medication::request(cx, act, &prescription);
    }
    if vaccine && act.peek("moodCode") != Some("INT") {
        return immunization::immunization(cx, act);
    }
    medication::statement(cx, act, vaccine)
}

fn has_device(act: Node<'_>) -> bool {
    act.all("participant").any(|participant| participant.at("participantRole/playingDevice").is_some())
}

fn supply(cx: &mut Context<'_>, act: Node<'_>, family: Family) -> Vec<String> {
    if family == Family::Devices || has_device(act) {
        if is_negated(act) {
            // There is no statement that a device is not used: no Device may stand for it.
            let words = super::entry::in_words(cx, act).unwrap_or_default();
            cx.loss(act, format!("The use of a device is denied, which FHIR cannot say; in words: {words}."));
            return Vec::new();
        }
        return device::device_use(cx, act).into_iter().collect();
    }
    vec![medication::dispense(cx, act, None, false)]
}

/// What stands inside a statement and no map has touched becomes a resource of its own.
pub(super) fn leftovers(cx: &mut Context<'_>, act: Node<'_>, family: Family, found: &mut Vec<String>) {
    let about = found.first().filter(|_| found.len() == 1).cloned();
    inside(cx, act, family, about.as_deref(), found);
}

/// The same; `about` is the one resource that the statement became.
fn inside(cx: &mut Context<'_>, act: Node<'_>, family: Family, about: Option<&str>, found: &mut Vec<String>) {
    for (_, inner) in inner(act) {
        if !is_untouched(inner) {
            inside(cx, inner, family, about, found);
            continue;
        }
        let identified_only = inner.name() == "encounter" && inner.get("code").is_none();
        let says = !identified_only && inner.get("code").is_some_and(|code| coded::names_something(cx, code))
            || inner.get("value").is_some()
            || inner.get("consumable").is_some()
            || inner.get("product").is_some()
            || has_device(inner)
            || inner_coded(inner, "SEV").is_some()
            || self::inner(inner).next().is_some();
        if says && inner.name() != "regionOfInterest" {
            let nested = if is_allergy(inner, family) { Family::Allergies } else { nested_family(family) };
            let made = statement(cx, inner, nested);
            if let Some(about) = about {
                tell_what_of(cx, &made, about);
            }
            found.extend(made);
        }
    }
}

/// What is observed of a problem, an allergy, a procedure or a medicine (its state of health, its severity) names what it
/// is about; a problem inside an encounter is a diagnosis of it.
fn tell_what_of(cx: &mut Context<'_>, made: &[String], about: &str) {
    const KINDS: [&str; 5] = ["Condition", "AllergyIntolerance", "Procedure", "Immunization", "MedicationStatement"];
    if cx.document.type_of(about) == "Encounter" {
        for reference in
            made.iter().filter(|reference| cx.document.type_of(reference) == "Condition").collect::<Vec<_>>()
        {
            if let Some(tree) = cx.document.resource_mut(about) {
                tree.edit().item("diagnosis").object("condition").set("reference", reference);
            }
        }
        return;
    }
    if !KINDS.contains(&cx.document.type_of(about)) {
        return;
    }
    for reference in made {
        if cx.document.type_of(reference) != "Observation" {
            continue;
        }
        if let Some(tree) = cx.document.resource_mut(reference).filter(|tree| tree.root().get("focus").is_none()) {
            tree.edit().item("focus").set("reference", about);
        }
    }
}

/// A statement inside another is read by its own class: an observation about a problem is not a problem.
fn nested_family(family: Family) -> Family {
    match family {
        Family::Problems | Family::PastProblems | Family::Allergies | Family::Medications | Family::Procedures => {
            Family::Other
        }
        Family::Immunizations | Family::Devices | Family::Plan | Family::Directives | Family::Alerts => Family::Other,
        family => family,
    }
}
