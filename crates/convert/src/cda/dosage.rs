//! Dose, route and condition into Dosage; split and tapering doses as a sequence, times that no single Timing can hold as
//! dosages of the same number, which hold beside each other (<http://hl7.org/fhir/R4/dosage.html>).

use model::{ElementMut, Primitive, Tree};

use super::coded;
use super::context::Context;
use super::entry;
use super::quantity;
use super::read::Node;
use super::timing::{schedule, timings};

const INSTRUCTION: [&str; 3] = ["PINSTRUCT", "1.3.6.1.4.1.19376.1.5.3.1.4.3", "2.16.840.1.113883.10.20.22.4.20"];

/// Appends the dosages of a `substanceAdministration` to `name`; `bounds` says whether the treatment's period belongs to
/// the timing, because the resource has no other place for it.
pub(super) fn push_dosages(cx: &mut Context<'_>, act: Node<'_>, to: &mut ElementMut<'_>, name: &str, bounds: bool) {
    let parts: Vec<Node<'_>> = entry::inner(act)
        .filter(|(relation, inner)| {
            inner.name() == "substanceAdministration" && matches!(relation.peek("typeCode"), Some("COMP") | None)
        })
        .map(|(_, inner)| inner)
        .collect();
    let given = given_instruction(act);
    let instruction = given.and_then(|inner| entry::statement_text(cx, inner));
    if says_dose(act) || given.is_some() || parts.is_empty() {
        let mut dosage = to.item(name);
        let others = fill(cx, act, &mut dosage, bounds);
        dosage.set_some("patientInstruction", instruction.as_deref());
        if let Some(inner) = given {
            // What kind of instruction it is, unless that is all the code says.
            let kind = inner.get("code").filter(|code| code.peek("code") != Some(INSTRUCTION[0]));
            if let Some(kind) = kind.filter(|kind| coded::names_something(cx, *kind)) {
                coded::push_concept(cx, kind, &mut dosage, "additionalInstruction");
            }
            inner.get("code").into_iter().for_each(Node::take_all);
            entry::status(inner);
        }
        if !others.is_empty() {
            dosage.set("sequence", Primitive::Integer(1));
        }
        let made = Tree::from_element(dosage.as_element());
        if !dosage.as_element().has_children() {
            dosage.detach();
        }
        beside(&made, others, to, name);
    }
    for (place, part) in parts.iter().enumerate() {
        let relation = part.parent();
        let sequence = relation
            .and_then(|relation| relation.get("sequenceNumber"))
            .and_then(|node| node.attr("value")?.parse().ok());
        let mut dosage = to.item(name);
        dosage.set("sequence", Primitive::Integer(sequence.unwrap_or(place as i64 + 1)));
        if let Some(text) = entry::statement_text(cx, *part) {
            dosage.set("text", &text);
        }
        entry::status(*part);
        let others = fill(cx, *part, &mut dosage, true);
        take_product(*part);
        let made = Tree::from_element(dosage.as_element());
        beside(&made, others, to, name);
    }
}

/// The same dosage at further times: of the same number in the sequence, so that they hold beside each other.
fn beside(made: &Tree, others: Vec<Tree>, to: &mut ElementMut<'_>, name: &str) {
    for timing in others {
        let mut dosage = to.item(name);
        for part in made.root().children().filter(|part| part.name() != "timing") {
            dosage.copy(part);
        }
        put(&timing, &mut dosage);
    }
}

fn put(timing: &Tree, dosage: &mut ElementMut<'_>) {
    let mut target = dosage.object("timing");
    for part in timing.root().children() {
        target.copy(part);
    }
}

/// A part of a split dose repeats the product of the whole with a null flavour or the same code.
fn take_product(part: Node<'_>) {
    if let Some(material) = part.at("consumable/manufacturedProduct/manufacturedMaterial") {
        material.descendants().for_each(|node| {
            node.null_flavor();
        });
    }
}

fn says_dose(act: Node<'_>) -> bool {
    let quantity = ["doseQuantity", "rateQuantity", "maxDoseQuantity"].iter();
    quantity.filter_map(|name| act.get(name)).any(|node| quantity::has_value(node) || node.get("numerator").is_some())
        || schedule(act).iter().any(|when| {
            matches!(when.xsi_type(), Some("PIVL_TS" | "EIVL_TS" | "PIVL_PPD_TS")) && when.peek("nullFlavor").is_none()
        })
        || act.get("routeCode").is_some()
        || act.get("precondition").is_some()
}

/// Fills a Dosage; what comes back are the times that need one of their own.
fn fill(cx: &mut Context<'_>, act: Node<'_>, dosage: &mut ElementMut<'_>, bounds: bool) -> Vec<Tree> {
    let mut times = timings(cx, act, bounds).into_iter();
    if let Some(first) = times.next() {
        put(&first, dosage);
    }
    as_needed(cx, act, dosage);
    let site = act.get("approachSiteCode").filter(|site| coded::names_something(cx, *site));
    coded::set_concept(cx, site, dosage, "site");
    let route = act.get("routeCode").filter(|route| coded::names_something(cx, *route));
    coded::set_concept(cx, route, dosage, "route");
    act.get("routeCode").and_then(Node::null_flavor);
    if let Some(method) = act.all("methodCode").find(|method| coded::names_something(cx, *method)) {
        coded::set_concept(cx, Some(method), dosage, "method");
    }
    dose(cx, act, dosage);
    additional(cx, act, dosage);
    if let Some(most) =
        act.get("maxDoseQuantity").filter(|most| most.get("numerator").is_some_and(|n| n.peek("value").is_some()))
    {
        quantity::fill_ratio(cx, most, &mut dosage.object("maxDosePerPeriod"));
    } else {
        act.get("maxDoseQuantity").into_iter().flat_map(Node::descendants).for_each(|node| {
            node.null_flavor();
        });
    }
    times.collect()
}

fn dose(cx: &mut Context<'_>, act: Node<'_>, dosage: &mut ElementMut<'_>) {
    for (name, amount, span) in
        [("doseQuantity", "doseQuantity", "doseRange"), ("rateQuantity", "rateQuantity", "rateRange")]
    {
        let Some(node) = act.get(name) else { continue };
        if !quantity::has_value(node) {
            node.null_flavor();
            continue;
        }
        if dosage.as_element().get("doseAndRate").is_none() {
            dosage.item("doseAndRate");
        }
        let mut tree = model::Tree::new("Dosage");
        let mut part = tree.edit();
        if node.peek("value").is_some() {
            quantity::fill_quantity(cx, node, &mut part.object(amount));
            unit_of_presentation(cx, act, &mut part.object(amount));
        } else if node.get("center").is_some_and(|center| center.peek("value").is_some()) {
            quantity::fill_bound(cx, node, &mut part.object(amount));
        } else {
            let ends = |name: &str| node.get(name).filter(|end| end.peek("value").is_some());
            let same = ends("low")
                .zip(ends("high"))
                .filter(|(low, high)| low.peek("value") == high.peek("value") && low.peek("unit") == high.peek("unit"));
            if let Some((low, high)) = same {
                node.take_attributes();
                high.take_attributes();
                quantity::fill_quantity(cx, low, &mut part.object(amount));
                unit_of_presentation(cx, act, &mut part.object(amount));
            } else {
                quantity::fill_range(cx, node, &mut part.object(span));
                for end in ["low", "high"].into_iter().filter(|_| span == "doseRange") {
                    if part.as_element().at(&format!("{span}.{end}")).is_some() {
                        unit_of_presentation(cx, act, &mut part.object(span).object(end));
                    }
                }
            }
        }
        let made = tree.root();
        let mut target = dosage.object("doseAndRate");
        for child in made.children() {
            target.copy(child);
        }
    }
}

/// What the medicine is given in (a vehicle), and the form of what is given where the dose does not count it.
fn additional(cx: &mut Context<'_>, act: Node<'_>, dosage: &mut ElementMut<'_>) {
    let vehicles = act.all("participant").filter(|participant| participant.peek("typeCode") == Some("CSM"));
    let vehicles = vehicles.filter_map(|participant| participant.at("participantRole/playingEntity/code"));
    let unit = act.get("administrationUnitCode").filter(|unit| !unit.attributes_taken());
    let all = vehicles.map(|code| ("Vehicle", code)).chain(unit.map(|code| ("Unit of administration", code)));
    let all: Vec<(&str, Node<'_>)> = all.filter(|(_, code)| coded::names_something(cx, *code)).collect();
    for (what, code) in all {
        let mut concept = dosage.item("additionalInstruction");
        coded::fill_concept(cx, code, &mut concept);
        let said = entry::said(cx, code).unwrap_or_default();
        concept.set("text", &format!("{what}: {said}"));
        if let Some(role) = code.parent().and_then(|entity| entity.parent()).filter(|_| what == "Vehicle") {
            if let Some(kind) = role.get("code") {
                coded::purpose(cx, kind, &mut concept);
            }
            role.descendants().filter(|node| node.name() == "name").for_each(Node::take_all);
        }
    }
}

/// A count of tablets, puffs …: the unit is the `administrationUnitCode`.
fn unit_of_presentation(cx: &mut Context<'_>, act: Node<'_>, quantity: &mut ElementMut<'_>) {
    let Some(unit) = act.get("administrationUnitCode").filter(|unit| coded::names_something(cx, *unit)) else { return };
    if quantity.as_element().name() == "rateQuantity" {
        return;
    }
    let counted = quantity.as_element().text_at("code").is_none_or(|code| code == "1");
    if !counted {
        return;
    }
    let text = coded::original_text(cx, unit).or(unit.peek("displayName").map(str::to_owned));
    unit.take_attributes();
    quantity.remove("unit").remove("system").remove("code");
    quantity.set_some("unit", text.as_deref());
    quantity.set_some("system", unit.peek("codeSystem").and_then(|oid| coded::system_uri(cx, oid)).as_deref());
    quantity.set_some("code", unit.peek("code"));
}

/// A precondition means "as needed": its value says for what.
fn as_needed(cx: &mut Context<'_>, act: Node<'_>, dosage: &mut ElementMut<'_>) {
    let Some(criterion) = act.get("precondition").and_then(|condition| condition.get("criterion")) else { return };
    let kind = criterion.get("code").filter(|code| !matches!(code.peek("code"), None | Some("ASSERTION")));
    let kind = kind.filter(|code| coded::names_something(cx, *code));
    let text = entry::statement_text(cx, criterion);
    match criterion.get("value").filter(|value| coded::names_something(cx, *value)) {
        Some(value) => {
            coded::set_concept(cx, Some(value), dosage, "asNeededCodeableConcept");
            if let Some(kind) = kind {
                coded::purpose(cx, kind, &mut dosage.object("asNeededCodeableConcept"));
            }
        }
        None if kind.is_some() => {
            coded::set_concept(cx, kind, dosage, "asNeededCodeableConcept");
            if dosage.as_element().at("asNeededCodeableConcept.text").is_none() {
                dosage.object("asNeededCodeableConcept").set_some("text", text.as_deref());
            }
        }
        None => match text {
            Some(text) => {
                dosage.object("asNeededCodeableConcept").set("text", &text);
            }
            None => {
                dosage.set("asNeededBoolean", true);
            }
        },
    }
    criterion.get("code").into_iter().for_each(Node::take_all);
    // Dosage has one condition: further ones stand beside it in words.
    for more in act.all("precondition").skip(1).filter_map(|condition| condition.get("criterion")) {
        let text = entry::statement_text(cx, more);
        let value = more.get("value").filter(|value| coded::names_something(cx, *value));
        let said = value.and_then(|value| entry::said(cx, value)).or(text);
        if let Some(said) = said {
            let mut concept = dosage.item("additionalInstruction");
            match value {
                Some(value) => coded::fill_concept(cx, value, &mut concept),
                None => more.get("value").into_iter().for_each(Node::take_all),
            }
            concept.set("text", &format!("As needed: {said}"));
            more.get("code").into_iter().for_each(Node::take_all);
        }
    }
}

/// The instruction to the patient; what is said to the pharmacist is none.
fn given_instruction(act: Node<'_>) -> Option<Node<'_>> {
    let [code, template, other] = INSTRUCTION;
    let found = entry::inner(act).map(|(_, inner)| inner);
    let mut found =
        found.filter(|inner| inner.is_coded(code) || inner.has_template(template) || inner.has_template(other));
    found.next().filter(|inner| !inner.is_coded("FINSTRUCT"))
}
