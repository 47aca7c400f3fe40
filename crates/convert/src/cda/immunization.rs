//! Vaccinations into Immunization (<http://hl7.eu/fhir/base/StructureDefinition/immunization-eu-core>).

use model::{ElementMut, Primitive};

use super::coded;
use super::context::Context;
use super::entry;
use super::people;
use super::procedure;
use super::quantity;
use super::read::Node;
use super::time;

const PROFILE: &str = "http://hl7.eu/fhir/base/StructureDefinition/immunization-eu-core";
const REASON: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";

/// The Immunization of a `substanceAdministration`.
pub(super) fn immunization(cx: &mut Context<'_>, act: Node<'_>) -> String {
    let mut tree = entry::begin(cx, act, "Immunization", Some(PROFILE), "");
    let mut to = tree.edit();
    let negated = entry::is_negated(act);
    let status = entry::mapped_status(cx, act, "immunization", "completed");
    to.set("status", if negated && status != "entered-in-error" { "not-done" } else { status });
    not_done_reason(cx, act, &mut to);
    let kind = act.get("code").filter(|code| code.peek("code") != Some("IMMUNIZ"));
    let kind = kind.filter(|code| coded::names_something(cx, *code));
    act.get("code").into_iter().for_each(Node::take_attributes);
    let product = act.at("consumable/manufacturedProduct");
    vaccine(cx, act, product, &mut to);
    if let Some(kind) = kind {
        if to.as_element().at("vaccineCode.coding").is_none() && super::table::is_absence(kind) {
            // "No known vaccinations" is what there is to say, not a vaccine that is unknown.
            to.remove("vaccineCode");
            coded::set_concept(cx, Some(kind), &mut to, "vaccineCode");
        } else if let Some(said) = entry::said(cx, kind) {
            entry::push_note(&mut to, &format!("Kind of statement: {said}"));
        }
    }
    cx.set_patient(&mut to, "patient");
    occurrence(cx, act, &mut to);
    if let Some(when) = entry::author_time(act) {
        time::set_time(cx, when, &mut to, "recorded");
    }
    if let Some(product) = product {
        manufactured(cx, product, &mut to);
    }
    coded::set_concept(cx, act.get("approachSiteCode").or(act.get("targetSiteCode")), &mut to, "site");
    coded::set_concept(cx, act.get("routeCode"), &mut to, "route");
    if let Some(dose) = act.get("doseQuantity") {
        if dose.peek("value").is_some() {
            quantity::fill_quantity(cx, dose, &mut to.object("doseQuantity"));
        } else {
            dose.null_flavor();
        }
    }
    for (name, function) in [("performer", Some("AP")), ("author", None)] {
        for party in entry::parties(cx, act, name) {
            if cx.document.type_of(&party.reference) == "Device" {
                continue;
            }
            let mut performer = to.item("performer");
            if let Some(function) = function {
                performer.object("function").item("coding").set("system", FUNCTION).set("code", function);
            }
            performer.object("actor").set("reference", &party.reference);
        }
    }
    procedure::reasons(cx, act, &mut to);
    entry::push_notes(cx, act, &mut to);
    protocol(cx, act, &mut to);
    let reference = cx.add(act, tree);
    reactions(cx, act, &reference);
    reference
}

/// What the vaccination caused: Observations that its reactions lead to. A reaction that is denied is none.
fn reactions(cx: &mut Context<'_>, act: Node<'_>, immunization: &str) {
    const REACTION: &str = "2.16.840.1.113883.10.20.22.4.9";
    for (relation, inner) in entry::inner(act) {
        let caused = relation.peek("typeCode") == Some("CAUS") && relation.peek("inversionInd") != Some("true")
            || inner.has_template(REACTION);
        if !caused || inner.name() != "observation" || entry::is_negated(inner) || !entry::is_untouched(inner) {
            continue;
        }
        let when = inner.get("effectiveTime").and_then(|when| time::peek_time(when.get("low").unwrap_or(when)));
        let observation = super::observation::observation(cx, inner, super::section::Family::Other);
        if let Some(tree) = cx.document.resource_mut(immunization) {
            let mut to = tree.edit();
            let mut reaction = to.item("reaction");
            reaction.set_some("date", when.as_deref());
            reaction.object("detail").set("reference", &observation);
        }
    }
}

const FUNCTION: &str = "http://terminology.hl7.org/CodeSystem/v2-0443";

fn vaccine(cx: &mut Context<'_>, act: Node<'_>, product: Option<Node<'_>>, to: &mut ElementMut<'_>) {
    let material = product.and_then(|product| product.get("manufacturedMaterial"));
    let code = material.and_then(|material| material.get("code"));
    let name = material.and_then(|material| material.get("name")).and_then(Node::text);
    if let Some(code) = code.filter(|code| coded::says_something(*code)) {
        coded::fill_concept(cx, code, &mut to.object("vaccineCode"));
    }
    let said = to
        .as_element()
        .get("vaccineCode")
        .is_some_and(|code| code.get("coding").is_some() || code.get("text").is_some());
    if let Some(name) = &name {
        if to.as_element().at("vaccineCode.text").is_none() {
            to.object("vaccineCode").remove("extension").set("text", name);
        } else if to.as_element().text_at("vaccineCode.text") != Some(name.as_str()) {
            entry::push_note(to, &format!("Product: {name}"));
        }
    } else if !said {
        match entry::statement_text(cx, act) {
            Some(text) => {
                to.object("vaccineCode").remove("extension").set("text", &text);
            }
            None => coded::require_concept(cx, None, to, "vaccineCode"),
        }
    }
}

fn occurrence(cx: &mut Context<'_>, act: Node<'_>, to: &mut ElementMut<'_>) {
    let when = act.get("effectiveTime");
    match time::when(when) {
        time::When::Point(point) => time::set_time(cx, point, to, "occurrenceDateTime"),
        time::When::Interval(interval) => {
            interval.take_attributes();
            let start = interval.get("low").filter(|low| low.peek("value").is_some()).or(interval.get("high"));
            if let Some(start) = start {
                time::set_time(cx, start, to, "occurrenceDateTime");
            }
            if let Some(high) =
                interval.get("high").filter(|high| high.peek("value").is_some() && !high.attributes_taken())
            {
                entry::push_note(to, &format!("Until {}", time::peek_time(high).unwrap_or_default()));
                high.take_attributes();
            }
        }
        time::When::Unknown(node) => {
            let flavor = node.and_then(time::unknown_flavor);
            coded::absent(&mut to.primitive("occurrenceDateTime"), flavor);
        }
    }
}

fn manufactured(cx: &mut Context<'_>, product: Node<'_>, to: &mut ElementMut<'_>) {
    product.all("id").for_each(|id| super::parts::push_identifier(cx, id, to, "identifier"));
    let material = product.get("manufacturedMaterial");
    to.set_some(
        "lotNumber",
        material.and_then(|material| material.get("lotNumberText")).and_then(Node::text).as_deref(),
    );
    if let Some(expiry) =
        material.and_then(|material| material.get("expirationTime")).filter(|time| time.peek("value").is_some())
    {
        time::set_date(cx, expiry, to, "expirationDate");
    }
    if let Some(maker) = product.get("manufacturerOrganization").and_then(|maker| people::organization(cx, maker)) {
        to.object("manufacturer").set("reference", &maker);
    }
}

/// Dose number, series and target diseases.
fn protocol(cx: &mut Context<'_>, act: Node<'_>, to: &mut ElementMut<'_>) {
    let number = entry::inner_coded(act, "30973-2").or(entry::inner_coded(act, "30980-7"));
    let dose = number.and_then(|number| {
        let value = number.get("value")?;
        super::problem::take_status(cx, number);
        value.peek("value").map(str::to_owned).or_else(|| coded::original_text(cx, value)).or_else(|| value.text())
    });
    let repeat = act.get("repeatNumber").and_then(|repeat| repeat.attr("value")).map(str::to_owned);
    let diseases: Vec<Node<'_>> = act
        .all("participant")
        .filter_map(|participant| participant.get("participantRole"))
        .filter_map(|role| role.get("code"))
        .filter(|code| coded::names_something(cx, *code))
        .collect();
    for participant in act.all("participant") {
        participant.descendants().for_each(|node| {
            node.null_flavor();
        });
    }
    if dose.is_none() && repeat.is_none() && diseases.is_empty() {
        return;
    }
    let mut protocol = to.item("protocolApplied");
    for disease in diseases {
        coded::push_concept(cx, disease, &mut protocol, "targetDisease");
    }
    match dose.or(repeat) {
        Some(text) => match text.parse::<u16>().ok().filter(|number| *number > 0) {
            Some(number) => protocol.set("doseNumberPositiveInt", Primitive::Integer(number.into())),
            None => protocol.set("doseNumberString", &text),
        },
        None => {
            coded::absent(&mut protocol.primitive("doseNumberString"), None);
            &mut protocol
        }
    };
}

fn not_done_reason(cx: &mut Context<'_>, act: Node<'_>, to: &mut ElementMut<'_>) {
    for (_, reason) in entry::inner(act) {
        let refusal = reason.has_template("2.16.840.1.113883.10.20.22.4.53");
        let coded_reason = reason.get("code").filter(|code| coded::code_in(cx, *code, REASON).is_some());
        if let Some(code) = coded_reason.filter(|_| refusal || entry::is_negated(act)) {
            coded::set_concept(cx, Some(code), to, "statusReason");
            entry::status(reason);
        }
    }
}
