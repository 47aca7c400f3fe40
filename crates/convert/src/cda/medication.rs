//! Medication statements, prescriptions and dispensations into MedicationStatement, MedicationRequest and
//! MedicationDispense (<http://hl7.eu/fhir/eps/StructureDefinition/MedicationStatement-eu-eps>,
//! <http://hl7.eu/fhir/mpd/StructureDefinition/MedicationRequest-eu-mpd>, `…/MedicationDispense-eu-mpd`).

use model::{ElementMut, Primitive};

use super::coded;
use super::context::Context;
use super::dosage;
use super::entry;
use super::procedure;
use super::product;
use super::quantity;
use super::read::Node;
use super::table;
use super::time;
use super::timing;

const STATEMENT: &str = "http://hl7.eu/fhir/eps/StructureDefinition/MedicationStatement-eu-eps";
const REQUEST: &str = "http://hl7.eu/fhir/mpd/StructureDefinition/MedicationRequest-eu-mpd";
const DISPENSE: &str = "http://hl7.eu/fhir/mpd/StructureDefinition/MedicationDispense-eu-mpd";
const CORE_PRODUCT: &str = "http://hl7.eu/fhir/base/StructureDefinition/medication-eu-core";
const MPD_PRODUCT: &str = "http://hl7.eu/fhir/mpd/StructureDefinition/Medication-eu-mpd";
const SUBSTITUTION: &str = "http://terminology.hl7.org/CodeSystem/v3-substanceAdminSubstitution";
const RECORDED: &str = "http://hl7.org/fhir/5.0/StructureDefinition/extension-MedicationDispense.recorded";
/// Codes of the statement itself that say only that a medicine is taken.
const PLAIN: [&str; 3] = ["DRUG", "IMMUNIZ", "TREATMENT"];

/// The MedicationStatement of a `substanceAdministration`; `vaccine` says whether it speaks of a vaccination.
pub(super) fn statement(cx: &mut Context<'_>, act: Node<'_>, vaccine: bool) -> String {
    let mut tree = entry::begin(cx, act, "MedicationStatement", Some(STATEMENT), "");
    let mut to = tree.edit();
    let negated = entry::is_negated(act);
    let status = entry::mapped_status(cx, act, "medication-statement", "unknown");
    let absence = act.get("code").is_some_and(table::is_absence);
    to.set(
        "status",
        match (absence, negated) {
            (true, _) => "unknown",
            (_, true) => "not-taken",
            // What is completed of a planned item is the planning, not the treatment.
            _ if status == "completed" && is_planned_item(cx, act) => "intended",
            // A vaccination that is still to be given.
            _ if vaccine && matches!(status, "active" | "unknown") => "intended",
            _ => status,
        },
    );
    set_medication(cx, act, CORE_PRODUCT, &mut to);
    cx.set_patient(&mut to, "subject");
    let period = timing::schedule(act).into_iter().find(|when| {
        when.get("event").is_none()
            && when.get("period").is_none()
            && !matches!(when.xsi_type(), Some("PIVL_TS" | "EIVL_TS"))
    });
    time::set_when(cx, period, &mut to, "effective", true);
    if let Some(when) = entry::author_time(act) {
        time::set_time(cx, when, &mut to, "dateAsserted");
    }
    for name in ["informant", "author"] {
        if let Some(party) = entry::parties(cx, act, name).into_iter().next()
            && to.as_element().get("informationSource").is_none()
            && cx.document.type_of(&party.reference) != "Device"
        {
            to.object("informationSource").set("reference", &party.reference);
        }
    }
    procedure::reasons(cx, act, &mut to);
    entry::push_notes(cx, act, &mut to);
    fulfilment_notes(cx, act, &mut to);
    substitution_note(cx, act, &mut to);
    dosage::push_dosages(cx, act, &mut to, "dosage", false);
    let reference = cx.add(act, tree);
    supplies(cx, act, &reference);
    reference
}

/// Whether it is an item of a treatment plan or of a prescription (IHE Pharmacy), whose status is always "completed", and
/// whose period has not ended when the document was written.
fn is_planned_item(cx: &Context<'_>, act: Node<'_>) -> bool {
    const ITEM: &str = "1.3.6.1.4.1.19376.1.9.1.3.";
    let templates = || act.all("templateId").filter_map(|template| template.peek("root"));
    let ended = timing::schedule(act).iter().filter_map(|when| when.get("high").and_then(time::peek_time)).any(|end| {
        let written = cx.date.as_deref().unwrap_or_default();
        end.get(..10).unwrap_or(&end) < written.get(..10).unwrap_or(written)
    });
    act.peek("moodCode") == Some("INT") && templates().any(|root| root.starts_with(ITEM)) && !ended
}

/// Orders and dispensations inside a statement are resources of their own, which the statement is derived from.
fn supplies(cx: &mut Context<'_>, act: Node<'_>, statement: &str) {
    for (_, supply) in entry::inner(act).filter(|(_, inner)| inner.name() == "supply" && entry::is_untouched(*inner)) {
        let product = act.at("consumable/manufacturedProduct");
        let made = match supply.peek("moodCode") {
            Some("EVN") => dispense(cx, supply, product, false),
            _ => request_of_supply(cx, supply, product),
        };
        if let Some(tree) = cx.document.resource_mut(statement) {
            tree.edit().item("derivedFrom").set("reference", &made);
        }
    }
}

fn set_medication(cx: &mut Context<'_>, act: Node<'_>, profile: &str, to: &mut ElementMut<'_>) {
    let product = act.at("consumable/manufacturedProduct").or(act.at("product/manufacturedProduct"));
    let code = act.get("code").filter(|code| coded::names_something(cx, *code));
    let plain = code.is_none_or(|code| code.peek("code").is_some_and(|code| PLAIN.contains(&code)));
    let medication = product.and_then(|product| product::medication(cx, product, profile));
    match medication {
        Some(reference) => {
            to.object("medicationReference").set("reference", &reference);
            if let Some(code) = code.filter(|_| !plain) {
                if to.as_element().resource_type() == Some("MedicationStatement") {
                    coded::set_concept(cx, Some(code), to, "category");
                } else {
                    coded::push_concept(cx, code, to, "category");
                }
            } else if let Some(code) = code {
                code.take_all();
            }
        }
        None => {
            if let Some(product) = product {
                product.descendants().for_each(|node| {
                    node.null_flavor();
                });
            }
            match code.filter(|_| !plain) {
                // The statement's own code: "no known medications", "no information", …
                Some(code) => coded::fill_concept(cx, code, &mut to.object("medicationCodeableConcept")),
                None => match entry::statement_text(cx, act) {
                    Some(text) => {
                        to.object("medicationCodeableConcept").set("text", &text);
                    }
                    None => coded::absent(&mut to.object("medicationCodeableConcept"), None),
                },
            }
        }
    }
    act.get("code").into_iter().for_each(Node::take_attributes);
}

/// Instructions to the pharmacist become notes.
fn fulfilment_notes(cx: &mut Context<'_>, act: Node<'_>, to: &mut ElementMut<'_>) {
    for (_, inner) in entry::inner(act) {
        let is_fulfilment = inner.is_coded("FINSTRUCT")
            || inner.has_template("1.3.6.1.4.1.19376.1.5.3.1.4.3.1") && !inner.is_coded("PINSTRUCT");
        if !is_fulfilment {
            continue;
        }
        inner.get("code").into_iter().for_each(Node::take_all);
        entry::status(inner);
        if let Some(text) = entry::statement_text(cx, inner) {
            entry::push_note(to, &text);
        }
    }
}

/// What a prescription says for all its items.
pub(super) struct Prescription<'d> {
    /// Its identifier.
    pub(super) group: Option<Node<'d>>,
    /// Reference to who prescribed.
    pub(super) requester: Option<String>,
    /// When it was written.
    pub(super) authored: Option<Node<'d>>,
    /// Whether its mood says how firmly it is meant: outside of a prescription a medicine may only be planned.
    pub(super) planned: bool,
}

/// The MedicationRequest of one item of a prescription, or of a planned medication.
pub(super) fn request(cx: &mut Context<'_>, act: Node<'_>, prescription: &Prescription<'_>) -> String {
    let mut tree = entry::begin(cx, act, "MedicationRequest", Some(REQUEST), "");
    let mut to = tree.edit();
    let status = entry::mapped_status(cx, act, "medication-request", "unknown");
    to.set("status", status);
    let mood = act.peek("moodCode").unwrap_or_default();
    let intent = match prescription.planned {
        true => table::lookup("request-intent", mood).unwrap_or("plan"),
        false if mood == "PRP" => "proposal",
        false => "order",
    };
    to.set("intent", intent);
    if entry::is_negated(act) {
        to.set("doNotPerform", true);
    }
    set_medication(cx, act, MPD_PRODUCT, &mut to);
    cx.set_patient(&mut to, "subject");
    authorship(cx, act, prescription, &mut to);
    procedure::reasons(cx, act, &mut to);
    if let Some(group) = prescription.group {
        super::parts::fill_identifier(cx, group, &mut to.object("groupIdentifier"));
    }
    entry::push_notes(cx, act, &mut to);
    fulfilment_notes(cx, act, &mut to);
    dosage::push_dosages(cx, act, &mut to, "dosageInstruction", true);
    dispense_request(cx, act, &mut to);
    substitution(cx, act, &mut to);
    cx.add(act, tree)
}

fn authorship(cx: &mut Context<'_>, act: Node<'_>, prescription: &Prescription<'_>, to: &mut ElementMut<'_>) {
    match entry::author_time(act).or(prescription.authored) {
        Some(when) => time::set_time(cx, when, to, "authoredOn"),
        None => coded::absent(&mut to.primitive("authoredOn"), None),
    }
    let own = entry::parties(cx, act, "author").into_iter().next().map(|party| party.reference);
    match own.or_else(|| prescription.requester.clone()) {
        Some(reference) => {
            to.object("requester").set("reference", &reference);
        }
        None => coded::absent(&mut to.object("requester"), None),
    }
}

/// How much to dispense, how often, until when: from the `supply` inside.
fn dispense_request(cx: &mut Context<'_>, act: Node<'_>, to: &mut ElementMut<'_>) {
    let repeats = act.get("repeatNumber");
    let supplies: Vec<Node<'_>> = entry::inner(act)
        .filter(|(_, inner)| inner.name() == "supply" && inner.peek("moodCode") != Some("EVN"))
        .map(|(_, inner)| inner)
        .collect();
    let supply = supplies.first().copied();
    for node in repeats.into_iter().chain(supply.and_then(|supply| supply.get("repeatNumber"))) {
        let text = node.peek("value").or_else(|| node.get("high").and_then(|high| high.peek("value")));
        if let Some(count) = text.and_then(|text| text.parse::<u32>().ok()) {
            node.descendants().for_each(Node::take_attributes);
            to.object("dispenseRequest").set("numberOfRepeatsAllowed", Primitive::Integer(count.into()));
        } else {
            node.null_flavor();
        }
    }
    let Some(supply) = supply else { return };
    entry::status(supply);
    entry::statement_text(cx, supply);
    supply.get("independentInd").into_iter().for_each(Node::take_attributes);
    supply.get("code").into_iter().for_each(Node::take_attributes);
    if let Some(amount) = supply.get("quantity") {
        if amount.peek("value").is_some() {
            quantity::fill_quantity(cx, amount, &mut to.object("dispenseRequest").object("quantity"));
        } else {
            amount.null_flavor();
        }
    }
    if let time::When::Interval(interval) = time::when(supply.get("effectiveTime")) {
        time::fill_period(cx, interval, &mut to.object("dispenseRequest").object("validityPeriod"));
    }
    if let Some(use_time) =
        supply.get("expectedUseTime").and_then(|time| time.get("width")).filter(|width| width.peek("value").is_some())
    {
        quantity::fill_quantity(cx, use_time, &mut to.object("dispenseRequest").object("expectedSupplyDuration"));
    }
    if let Some(product) = supply.at("product/manufacturedProduct")
        && let Some(reference) = product::medication(cx, product, MPD_PRODUCT)
        && to.as_element().text_at("medicationReference.reference") != Some(&reference)
    {
        to.item("supportingInformation").set("reference", &reference);
    }
    if let Some(party) = entry::parties(cx, supply, "performer").into_iter().next()
        && let Some(organization) = party.organization
    {
        to.object("dispenseRequest").object("performer").set("reference", &organization);
    }
    entry::push_notes(cx, supply, to);
    fulfilment_notes(cx, supply, to);
}

fn substitution(cx: &mut Context<'_>, act: Node<'_>, to: &mut ElementMut<'_>) {
    let found = entry::inner(act)
        .map(|(_, inner)| inner)
        .find(|inner| inner.is_coded("SUBST") || inner.has_template("1.3.6.1.4.1.12559.11.10.1.3.1.3.8"));
    let coded_act = entry::inner(act)
        .map(|(_, inner)| inner)
        .find(|inner| inner.get("code").is_some_and(|code| coded::code_in(cx, code, SUBSTITUTION).is_some()));
    if let (None, Some(inner)) = (found, coded_act) {
        coded::set_concept(cx, inner.get("code"), &mut to.object("substitution"), "allowedCodeableConcept");
        super::problem::take_status(cx, inner);
        return;
    }
    let Some(inner) = found else { return };
    super::problem::take_status(cx, inner);
    let Some(value) = inner.get("value") else { return };
    if coded::names_something(cx, value) {
        coded::set_concept(cx, Some(value), &mut to.object("substitution"), "allowedCodeableConcept");
    } else if let Some(flag) = value.peek("value") {
        to.object("substitution").set("allowedBoolean", flag == "true");
    }
}

/// Whether another product may be given: a MedicationStatement has no place for it.
fn substitution_note(cx: &mut Context<'_>, act: Node<'_>, to: &mut ElementMut<'_>) {
    for (_, inner) in entry::inner(act).filter(|(_, inner)| inner.name() == "act") {
        let Some(code) = inner.get("code").filter(|code| coded::code_in(cx, *code, SUBSTITUTION).is_some()) else {
            continue;
        };
        let said = entry::said(cx, code).unwrap_or_default();
        entry::push_note(to, &format!("Substitution: {said}"));
        super::problem::take_status(cx, inner);
    }
}

fn request_of_supply(cx: &mut Context<'_>, supply: Node<'_>, product: Option<Node<'_>>) -> String {
    let mut tree = entry::begin(cx, supply, "MedicationRequest", None, "");
    let mut to = tree.edit();
    let status = entry::mapped_status(cx, supply, "medication-request", "unknown");
    to.set("status", status).set("intent", "order");
    if entry::is_negated(supply) {
        to.set("doNotPerform", true);
    }
    let own = supply.at("product/manufacturedProduct").or(product);
    match own.and_then(|product| product::medication(cx, product, CORE_PRODUCT)) {
        Some(reference) => {
            to.object("medicationReference").set("reference", &reference);
        }
        None => coded::absent(&mut to.object("medicationCodeableConcept"), None),
    }
    cx.set_patient(&mut to, "subject");
    if let Some(when) = entry::author_time(supply) {
        time::set_time(cx, when, &mut to, "authoredOn");
    }
    if let Some(party) = entry::parties(cx, supply, "author").into_iter().next() {
        to.object("requester").set("reference", &party.reference);
    }
    if let Some(amount) = supply.get("quantity").filter(|amount| amount.peek("value").is_some()) {
        quantity::fill_quantity(cx, amount, &mut to.object("dispenseRequest").object("quantity"));
    }
    if let Some(count) =
        supply.get("repeatNumber").and_then(|node| node.attr("value")).and_then(|text| text.parse::<u32>().ok())
    {
        to.object("dispenseRequest").set("numberOfRepeatsAllowed", Primitive::Integer(count.into()));
    }
    if let time::When::Interval(interval) = time::when(supply.get("effectiveTime")) {
        time::fill_period(cx, interval, &mut to.object("dispenseRequest").object("validityPeriod"));
    } else if let time::When::Point(point) = time::when(supply.get("effectiveTime")) {
        time::set_time(cx, point, &mut to.object("dispenseRequest").object("validityPeriod"), "start");
    }
    entry::push_notes(cx, supply, &mut to);
    cx.add(supply, tree)
}

/// The MedicationDispense of a `supply` that has happened; `mpd` claims the European profile.
pub(super) fn dispense(cx: &mut Context<'_>, supply: Node<'_>, product: Option<Node<'_>>, mpd: bool) -> String {
    let mut tree = entry::begin(cx, supply, "MedicationDispense", mpd.then_some(DISPENSE), "");
    let mut to = tree.edit();
    let performers: Vec<Node<'_>> = supply.all("performer").collect();
    let handed = performers
        .iter()
        .find_map(|performer| performer.get("time"))
        .filter(|when| !matches!(time::when(Some(*when)), time::When::Unknown(_)));
    let handed = handed
        .or(supply.get("effectiveTime").filter(|when| !matches!(time::when(Some(*when)), time::When::Unknown(_))));
    if mpd {
        let written = handed
            .and_then(|when| time::peek_time(when).or(when.get("low").and_then(time::peek_time)))
            .or(cx.date.clone());
        let mut extension = to.item("extension");
        extension.set("url", RECORDED);
        match written {
            Some(date) => {
                extension.set("valueDateTime", &date);
            }
            None => coded::absent(&mut extension.primitive("valueDateTime"), None),
        }
    }
    let status = match supply.get("statusCode") {
        Some(_) => entry::mapped_status(cx, supply, "medication-dispense", "unknown"),
        None => "completed",
    };
    let status = if entry::is_negated(supply) && status != "entered-in-error" { "declined" } else { status };
    to.set("status", status);
    let own = supply.at("product/manufacturedProduct").or(product);
    let profile = if mpd { MPD_PRODUCT } else { CORE_PRODUCT };
    match own.and_then(|product| product::medication(cx, product, profile)) {
        Some(reference) => {
            to.object("medicationReference").set("reference", &reference);
        }
        None => coded::absent(&mut to.object("medicationCodeableConcept"), None),
    }
    cx.set_patient(&mut to, "subject");
    let mut some = false;
    for party in entry::parties(cx, supply, "performer") {
        to.item("performer").object("actor").set("reference", &party.reference);
        some = true;
    }
    if !some && let Some(author) = cx.author.clone().filter(|_| mpd) {
        to.item("performer").object("actor").set("reference", &author);
    }
    match supply.get("quantity").filter(|amount| amount.peek("value").is_some()) {
        Some(amount) => quantity::fill_quantity(cx, amount, &mut to.object("quantity")),
        None if mpd => coded::absent(
            &mut to.object("quantity").primitive("value"),
            supply.get("quantity").and_then(Node::null_flavor),
        ),
        None => {}
    }
    if let Some(when) = handed {
        match time::when(Some(when)) {
            time::When::Point(point) => time::set_time(cx, point, &mut to, "whenHandedOver"),
            _ => {
                if let Some(low) = when.get("low").filter(|low| low.peek("value").is_some()) {
                    time::set_time(cx, low, &mut to, "whenHandedOver");
                }
            }
        }
    }
    dispensed_substitution(cx, supply, &mut to);
    entry::push_notes(cx, supply, &mut to);
    fulfilment_notes(cx, supply, &mut to);
    substitution_note(cx, supply, &mut to);
    cx.add(supply, tree)
}

fn dispensed_substitution(cx: &mut Context<'_>, supply: Node<'_>, to: &mut ElementMut<'_>) {
    let found = entry::inner(supply).map(|(_, inner)| inner).find(|inner| inner.is_coded("SUBST"));
    let Some(inner) = found else { return };
    super::problem::take_status(cx, inner);
    let mut substitution = to.object("substitution");
    substitution.set("wasSubstituted", !entry::is_negated(inner));
    if let Some(value) = inner.get("value").filter(|value| coded::names_something(cx, *value)) {
        if value.peek("code") == Some("N") {
            substitution.set("wasSubstituted", false);
        }
        coded::set_concept(cx, Some(value), &mut substitution, "type");
    }
}

/// Adds the prescription that a dispensation answers.
pub(super) fn authorizing(cx: &mut Context<'_>, dispense: &str, prescription: Node<'_>) {
    let mut holder = model::Tree::new("MedicationDispense");
    super::parts::fill_identifier(cx, prescription, &mut holder.edit().object("identifier"));
    if let Some(tree) = cx.document.resource_mut(dispense) {
        let mut to = tree.edit();
        let mut reference = to.item("authorizingPrescription");
        reference.set("type", "MedicationRequest");
        if let Some(identifier) = holder.root().get("identifier") {
            reference.copy(identifier);
        }
    }
}
