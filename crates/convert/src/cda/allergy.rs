//! Allergies: concern acts and allergy observations into AllergyIntolerance
//! (<http://hl7.eu/fhir/base/StructureDefinition/allergyIntolerance-eu-core>).
//!
//! Never turned around: an allergy that is denied in general becomes the matching "no known …" code, one that is denied of
//! a substance is refuted for that substance, and one whose agent is not coded keeps its text.

use model::ElementMut;

use super::coded;
use super::context::Context;
use super::entry;
use super::problem::take_status;
use super::read::Node;
use super::table;
use super::time;

const PROFILE: &str = "http://hl7.eu/fhir/base/StructureDefinition/allergyIntolerance-eu-core";
const CLINICAL: &str = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical";
const VERIFICATION: &str = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification";
const ABATEMENT: &str = "http://hl7.org/fhir/StructureDefinition/allergyintolerance-abatement";
const ALTERNATE: &str = "http://hl7.org/fhir/StructureDefinition/alternate-codes";
const SNOMED: &str = "http://snomed.info/sct";
const NO_ALLERGY: &str = "716186003";

/// The AllergyIntolerance of one observation, and one more for each further agent; `concern` is the act around it.
pub(super) fn allergy(cx: &mut Context<'_>, observation: Node<'_>, concern: Option<Node<'_>>) -> Vec<String> {
    let mut tree = entry::begin(cx, observation, "AllergyIntolerance", Some(PROFILE), "");
    let mut to = tree.edit();
    let negated = entry::is_negated(observation) || concern.is_some_and(entry::is_negated);
    let absence = observation.get("value").is_some_and(table::is_absence);
    let agents = if absence { Vec::new() } else { agents(cx, observation) };
    statuses(cx, observation, concern, negated, &mut to);
    kind(cx, observation, &mut to);
    criticality(cx, observation, &mut to);
    code(cx, observation, &agents, negated, &mut to);
    cx.set_patient(&mut to, "patient");
    times(cx, observation, concern, &mut to);
    entry::recorded(cx, observation, concern, &mut to);
    for note in [Some(observation), concern].into_iter().flatten() {
        entry::push_notes(cx, note, &mut to);
    }
    reactions(cx, observation, &mut to);
    let more: Vec<String> = agents.iter().skip(1).map(|further| also_to(cx, *further, &tree)).collect();
    std::iter::once(cx.add(observation, tree)).chain(more).collect()
}

/// The same allergy to a further agent: a resource of its own, so that nobody overlooks it.
fn also_to(cx: &mut Context<'_>, entity: Node<'_>, first: &model::Tree) -> String {
    let mut tree = model::Tree::from_element(first.root());
    let mut to = tree.edit();
    // The identifier is that of the first: two resources of one identifier would be taken for one.
    to.remove("identifier").remove("code").remove("text");
    agent(cx, entity, &mut to);
    cx.note(entity, "A further agent of the same allergy; it is an AllergyIntolerance of its own.");
    cx.add(entity, tree)
}

/// The `playingEntity` (or `playingDevice`) of each agent, named ones only.
fn agents<'d>(cx: &Context<'_>, observation: Node<'d>) -> Vec<Node<'d>> {
    let roles = observation.all("participant").filter_map(|participant| participant.get("participantRole"));
    let entities = roles.filter_map(|role| role.get("playingEntity").or(role.get("playingDevice")));
    entities
        .filter(|entity| {
            let named = entity.get("code").is_some_and(|code| coded::names_something(cx, code));
            named || entity.all("name").any(|name| name.has_text())
        })
        .collect()
}

fn code(cx: &mut Context<'_>, observation: Node<'_>, agents: &[Node<'_>], negated: bool, to: &mut ElementMut<'_>) {
    let value = observation.get("value");
    for participant in observation.all("participant") {
        participant.descendants().for_each(|part| {
            part.null_flavor();
        });
    }
    if let Some(first) = agents.first() {
        agent(cx, *first, to);
        also(cx, value, to);
        return;
    }
    // No agent: what the value or the code says is either an absence ("no known allergies") or a kind of allergy.
    let value = value.filter(|value| coded::names_something(cx, *value));
    let kind = value.or(observation.get("code")).and_then(|code| code.peek("code")).unwrap_or_default();
    if negated && !is_specific(cx, observation) {
        let absent = table::lookup("no-known-allergy", kind).unwrap_or(NO_ALLERGY);
        to.object("code").item("coding").set("system", SNOMED).set("code", absent);
        let own = value.and_then(|value| {
            value.take_attributes();
            coded::original_text(cx, value)
        });
        let text = own.or_else(|| entry::statement_text(cx, observation));
        to.object("code").set_some("text", text.as_deref());
        return;
    }
    if let Some(value) = value {
        return coded::fill_concept(cx, value, &mut to.object("code"));
    }
    let text = observation.get("value").filter(|value| is_text(*value)).and_then(Node::text);
    let text = text.or_else(|| entry::statement_text(cx, observation));
    match observation.get("code").filter(|code| coded::names_something(cx, *code)) {
        Some(code) => {
            coded::fill_concept(cx, code, &mut to.object("code"));
            if text.is_some() {
                to.object("code").set_some("text", text.as_deref());
            }
        }
        None if text.is_some() => {
            to.object("code").set_some("text", text.as_deref());
        }
        None => coded::absent(&mut to.object("code"), observation.get("value").and_then(Node::null_flavor)),
    }
}

fn is_text(value: Node<'_>) -> bool {
    matches!(value.xsi_type(), Some("ST" | "ED")) && value.has_text()
}

/// The value names the allergy itself ("allergy to penicillin"): its codings stand beside the agent's.
fn also(cx: &mut Context<'_>, value: Option<Node<'_>>, to: &mut ElementMut<'_>) {
    let Some(value) = value.filter(|value| value.peek("code").is_some() && !is_expressed(*value)) else { return };
    let mut holder = model::Tree::new("AllergyIntolerance");
    coded::fill_concept(cx, value, &mut holder.edit().object("code"));
    for coding in holder.root().every("code.coding") {
        to.object("code").copy(coding);
    }
    if let Some(text) =
        holder.root().text_at("code.text").filter(|text| to.as_element().text_at("code.text") != Some(*text))
    {
        entry::push_note(to, text);
    }
}

/// Whether the value names one allergy, or an absence, rather than a kind of allergies: denying it denies only that.
fn is_specific(cx: &Context<'_>, observation: Node<'_>) -> bool {
    let general = |value: Node<'_>| {
        is_expressed(value) || value.peek("code").is_some_and(|code| table::lookup("general-problem", code).is_some())
    };
    observation.get("value").is_some_and(|value| is_text(value) || coded::names_something(cx, value) && !general(value))
}

/// Whether type, category or "no known …" say what the code of a kind of allergy says.
fn is_expressed(value: Node<'_>) -> bool {
    let expressed = |code: &str| {
        ["no-known-allergy", "allergy-type", "allergy-category"].iter().any(|map| table::lookup(map, code).is_some())
            || ["419199007", "420134006", "ALG"].contains(&code)
    };
    value.peek("code").is_some_and(expressed)
}

fn agent(cx: &mut Context<'_>, entity: Node<'_>, to: &mut ElementMut<'_>) {
    let name = entity.all("name").find_map(Node::text);
    match entity.get("code").filter(|code| coded::names_something(cx, *code)) {
        Some(code) => {
            coded::fill_concept(cx, code, &mut to.object("code"));
            if to.as_element().at("code.text").is_none() {
                to.object("code").set_some("text", name.as_deref());
            } else if let Some(name) = name.filter(|name| to.as_element().text_at("code.text") != Some(name)) {
                entry::push_note(to, &format!("Agent: {name}"));
            }
        }
        None => {
            entity.get("code").into_iter().for_each(Node::take_all);
            to.object("code").set_some("text", name.as_deref());
        }
    }
}

/// Type and category, from the kind of allergy that code or value names; the kind itself stays as a note where the
/// resource has no other place for it.
fn kind(cx: &mut Context<'_>, observation: Node<'_>, to: &mut ElementMut<'_>) {
    let sources = [observation.get("code"), observation.get("value")];
    for node in sources.into_iter().flatten() {
        let Some(code) = node.peek("code") else { continue };
        if let Some(kind) = table::lookup("allergy-type", code).filter(|_| to.as_element().get("type").is_none()) {
            to.set("type", kind);
        }
        if let Some(category) = table::lookup("allergy-category", code)
            && to.as_element().get("category").is_none()
        {
            to.push("category", category);
        }
    }
    if let Some(code) = observation.get("code") {
        let text = coded::original_text(cx, code).or(code.peek("displayName").map(str::to_owned));
        let known = code.peek("code").is_some_and(|code| table::lookup("allergy-category", code).is_some());
        code.take_attributes();
        // A translation into a kind that type and category express is carried with them; another one is not.
        for translation in code.descendants().filter(|node| is_expressed(*node)) {
            translation.take_attributes();
        }
        let plain = ["ASSERTION", "420134006", "55607006", "64572001", "418799008"];
        let general = code.peek("code").is_none_or(|code| plain.contains(&code));
        if let Some(text) = text.filter(|_| !known && !general) {
            entry::push_note(to, &format!("Type: {text} ({})", code.peek("code").unwrap_or_default()));
        }
    }
    if let Some(value) = observation.get("value") {
        value.null_flavor();
        if is_expressed(value) {
            value.take_attributes();
            coded::original_text(cx, value);
        }
    }
}

fn statuses(
    cx: &mut Context<'_>,
    observation: Node<'_>,
    concern: Option<Node<'_>>,
    negated: bool,
    to: &mut ElementMut<'_>,
) {
    let around = concern.and_then(entry::status);
    let error = entry::status(observation) == Some("nullified") || around == Some("nullified");
    let mut clinical = None;
    let mut verification = None;
    for (_, status) in entry::inner(observation) {
        let is_status = status.is_coded("33999-4") || status.is_coded("66455-7");
        let Some(value) = status.get("value").filter(|_| is_status) else { continue };
        let code = value.peek("code").unwrap_or_default();
        if let Some(found) = table::lookup("allergy-clinical", code) {
            clinical = Some(found);
        } else if let Some(found) = table::lookup("allergy-verification", code) {
            verification = Some(found);
        } else {
            continue;
        }
        take_status(cx, status);
    }
    let ended = observation
        .get("effectiveTime")
        .and_then(|when| when.get("high"))
        .is_some_and(|high| high.peek("value").is_some() && !super::problem::is_later(cx, high));
    let clinical = clinical.or(match (ended, around) {
        (true, _) => Some("resolved"),
        (_, Some(code)) => table::lookup("concern-clinical", code),
        _ => None,
    });
    // ait-1: without a status nobody may leave it out; a standing entry of an allergy list is active.
    let agentless = clinical.is_none();
    let clinical = clinical.unwrap_or("active");
    if agentless && !error {
        cx.note(
            observation,
            "The source gives no status of the allergy; as an entry of the list it is taken as active.",
        );
    }
    if error {
        to.object("verificationStatus").item("coding").set("system", VERIFICATION).set("code", "entered-in-error");
        return;
    }
    to.object("clinicalStatus").item("coding").set("system", CLINICAL).set("code", clinical);
    let absence = observation.get("value").is_some_and(table::is_absence);
    let named = !absence && (!agents(cx, observation).is_empty() || is_specific(cx, observation));
    let verification = if negated && named { Some("refuted") } else { verification };
    match verification {
        Some("presumed") => {
            to.object("verificationStatus").item("coding").set("system", VERIFICATION).set("code", "unconfirmed");
        }
        Some(code) => {
            to.object("verificationStatus").item("coding").set("system", VERIFICATION).set("code", code);
        }
        None => {}
    }
}

fn criticality(cx: &mut Context<'_>, observation: Node<'_>, to: &mut ElementMut<'_>) {
    let Some(inner) = entry::inner_coded(observation, "82606-5") else { return };
    let Some(value) = inner.get("value") else { return };
    match value.peek("code").and_then(|code| table::lookup("criticality", code)) {
        Some(code) => {
            to.set("criticality", code);
            take_status(cx, inner);
        }
        None if value.peek("code").is_some() => {
            cx.loss(value, "The criticality is none of low, high, unable-to-assess.")
        }
        None => take_status(cx, inner),
    }
}

fn times(cx: &mut Context<'_>, observation: Node<'_>, concern: Option<Node<'_>>, to: &mut ElementMut<'_>) {
    let own = observation.get("effectiveTime");
    match time::when(own) {
        time::When::Point(point) => time::set_time(cx, point, to, "onsetDateTime"),
        time::When::Interval(interval) => {
            interval.take_attributes();
            if let Some(low) = interval.get("low") {
                match low.null_flavor() {
                    Some("NA" | "NI" | "NINF") => {}
                    _ => time::set_time(cx, low, to, "onsetDateTime"),
                }
            }
            match interval.get("high").filter(|high| high.peek("value").is_some()) {
                Some(high) => {
                    let mut extension = to.item("extension");
                    extension.set("url", ABATEMENT);
                    time::set_time(cx, high, &mut extension, "valueDateTime");
                }
                None => {
                    interval.get("high").and_then(Node::null_flavor);
                }
            }
        }
        time::When::Unknown(node) => {
            let flavor = node.and_then(time::unknown_flavor);
            if flavor.is_some_and(|flavor| matches!(flavor, "UNK" | "ASKU" | "NAV" | "NASK" | "MSK")) {
                coded::absent(&mut to.primitive("onsetDateTime"), flavor);
            }
        }
    }
    let Some(around) = concern.and_then(|concern| concern.get("effectiveTime")) else { return };
    let own_low = own.and_then(|own| own.get("low").and_then(time::peek_time).or(time::peek_time(own)));
    let low = around.get("low").and_then(time::peek_time).or(time::peek_time(around));
    let high = around.get("high").and_then(time::peek_time);
    if let Some(value) = time::peek_time(around).filter(|value| low.as_ref() != Some(value)) {
        entry::push_note(to, &format!("Concern: {value}"));
    }
    around.descendants().for_each(Node::take_attributes);
    if low.is_some() && low != own_low {
        entry::push_note(to, &format!("Concern opened: {}", low.unwrap_or_default()));
    }
    let own_high = own.and_then(|own| own.get("high")).and_then(time::peek_time);
    if high.is_some() && high != own_high {
        entry::push_note(to, &format!("Concern closed: {}", high.unwrap_or_default()));
    }
}

/// Manifestations with their severity: one reaction for each.
fn reactions(cx: &mut Context<'_>, observation: Node<'_>, to: &mut ElementMut<'_>) {
    let mut some = false;
    let around = severity_of(observation);
    for (relation, manifestation) in entry::inner(observation) {
        let is_reaction = relation.peek("typeCode") == Some("MFST")
            || manifestation.has_template("1.3.6.1.4.1.19376.1.5.3.1.4.6.1")
            || manifestation.has_template("2.16.840.1.113883.10.20.22.4.9");
        if !is_reaction || manifestation.name() != "observation" {
            continue;
        }
        let text = entry::statement_text(cx, manifestation);
        let value = manifestation.get("value");
        let named = value.is_some_and(|value| coded::names_something(cx, value));
        if !named && text.is_none() && severity_of(manifestation).is_none() {
            manifestation.descendants().for_each(|node| {
                node.null_flavor();
            });
            continue;
        }
        if entry::is_negated(manifestation) {
            // A reaction that did not happen is none.
            manifestation.take_attributes();
            let kind = manifestation
                .get("code")
                .filter(|code| code.peek("code").is_some_and(|code| table::lookup("general-problem", code).is_none()));
            let parts = [value, kind].map(|part| part.and_then(|part| entry::said(cx, part)));
            let parts = text.clone().into_iter().chain(parts.into_iter().flatten());
            let words: Vec<String> = parts.collect();
            manifestation.descendants().for_each(Node::take_all);
            cx.note(manifestation, "The reaction is negated; it is kept as a note.");
            entry::push_note(to, &format!("Reaction not observed: {}", words.join("; ")));
            continue;
        }
        some = true;
        let mut reaction = to.item("reaction");
        entry::status(manifestation);
        match value.filter(|_| named) {
            Some(value) => coded::fill_concept(cx, value, &mut reaction.item("manifestation")),
            None => match &text {
                Some(text) => {
                    reaction.item("manifestation").set("text", text);
                }
                None => coded::absent(&mut reaction.item("manifestation"), value.and_then(Node::null_flavor)),
            },
        }
        if let Some(kind) = manifestation.get("code") {
            coded::purpose(cx, kind, &mut reaction.object("manifestation"));
        }
        reaction.set_some("description", text.as_deref());
        if let Some(when) = manifestation.get("effectiveTime") {
            set_onset(cx, when, &mut reaction);
        }
        if let Some(severity) = severity_of(manifestation).or(around) {
            set_severity(cx, severity, &mut reaction);
        }
        entry::push_notes(cx, manifestation, &mut reaction);
    }
    if let Some(severity) = around.filter(|_| !some) {
        let mut reaction = to.item("reaction");
        coded::absent(&mut reaction.item("manifestation"), None);
        set_severity(cx, severity, &mut reaction);
    }
}

fn set_onset(cx: &mut Context<'_>, when: Node<'_>, reaction: &mut ElementMut<'_>) {
    let point = when.peek("value").map(|_| when).or(when.get("low").filter(|low| low.peek("value").is_some()));
    match point {
        Some(point) => time::set_time(cx, point, reaction, "onset"),
        None => {
            time::unknown_flavor(when);
        }
    }
    if let Some(high) = when.get("high").filter(|high| high.peek("value").is_some()) {
        entry::push_note(reaction, &format!("Until {}", time::peek_time(high).unwrap_or_default()));
        high.take_attributes();
    }
    when.take_attributes();
}

fn severity_of<'d>(statement: Node<'d>) -> Option<Node<'d>> {
    let found = entry::inner(statement).map(|(_, inner)| inner);
    let mut found = found.filter(|inner| {
        inner.is_coded("SEV")
            || inner.has_template("1.3.6.1.4.1.19376.1.5.3.1.4.1")
            || inner.has_template("2.16.840.1.113883.10.20.22.4.8")
    });
    found.next()
}

/// Severity in FHIR's three grades; a grade in between takes the graver one, and the source's code stays beside it.
fn set_severity(cx: &mut Context<'_>, severity: Node<'_>, reaction: &mut ElementMut<'_>) {
    take_status(cx, severity);
    let Some(value) = severity.get("value") else { return };
    let code = value.peek("code").unwrap_or_default();
    if !coded::names_something(cx, value) {
        return;
    }
    let mut holder = model::Tree::new("AllergyIntolerance");
    coded::fill_concept(cx, value, &mut holder.edit().object("valueCodeableConcept"));
    let Some(grade) = table::lookup("severity", code) else {
        // reaction.severity takes the three grades only: another one is kept in words.
        let concept = holder.root();
        let text =
            concept.text_at("valueCodeableConcept.text").or(concept.text_at("valueCodeableConcept.coding.display"));
        entry::push_note(reaction, &format!("Severity: {} {code}", text.unwrap_or_default()));
        cx.loss(value, format!("The severity {code:?} is none of mild, moderate, severe; it is kept as a note."));
        return;
    };
    reaction.set("severity", grade);
    if table::lookup("exact-severity", code).is_none() {
        cx.note(value, "The severity lies between FHIR's grades; its own code stands beside the graver one.");
    }
    let mut primitive = reaction.primitive("severity");
    let mut extension = primitive.item("extension");
    extension.set("url", ALTERNATE);
    if let Some(concept) = holder.root().get("valueCodeableConcept") {
        extension.copy(concept);
    }
}
