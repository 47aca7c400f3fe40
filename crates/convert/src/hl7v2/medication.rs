//! RXO, RXE, RXR, RXC, TQ1 and RXD into MedicationRequest, MedicationDispense and Medication
//! (<http://hl7.eu/fhir/mpd/StructureDefinition/MedicationRequest-eu-mpd>).
//!
//! Where the pharmacy's order (RXE) and the prescriber's (RXO) stand side by side, one request is made, of RXE: two would
//! be two prescriptions. What the prescriber ordered is a Medication beside it, and a note.

use model::{ElementMut, Primitive, Tree};

use super::coded;
use super::context::Context;
use super::datatypes;
use super::order;
use super::people;
use super::read::{Part, Segment};

const GUIDE: &str = "http://hl7.eu/fhir/mpd/StructureDefinition/";
const RECORDED: &str = "http://hl7.org/fhir/5.0/StructureDefinition/extension-MedicationDispense.recorded";
const SUBSTITUTION: &str = "http://terminology.hl7.org/CodeSystem/v3-substanceAdminSubstitution";

/// The segments of one pharmacy order.
pub(super) struct Pharmacy<'m> {
    /// ORC.
    pub(super) common: Option<&'m Segment>,
    /// RXE, else RXO, or RXD.
    pub(super) main: &'m Segment,
    /// The others, in order.
    pub(super) others: Vec<&'m Segment>,
    /// RXO with its RXR and RXC, where RXE is the main one.
    pub(super) ordered: Vec<&'m Segment>,
    /// Of a dispensation, the request of the same message by whose number it was dispensed.
    pub(super) prescription: Option<String>,
}

impl<'m> Pharmacy<'m> {
    fn named(&self, name: &'static str) -> impl Iterator<Item = &'m Segment> + '_ {
        self.others.iter().copied().filter(move |segment| segment.name() == name)
    }
}

/// The number of the prescription that an order is or that a dispensation answers.
pub(super) fn number<'m>(common: Option<&'m Segment>, main: &'m Segment) -> Option<&'m str> {
    let placer = common.and_then(|common| common.f(2).peek());
    placer.or_else(|| main.f(7).peek().filter(|_| main.name() == "RXD"))
}

/// The MedicationRequest of an order; `header_time` stands for when it was written where nothing else says so.
pub(super) fn request(cx: &mut Context<'_>, order: &Pharmacy<'_>, header_time: Part<'_>) -> String {
    let encoded = order.main.name() == "RXE";
    let mut tree = Tree::new("MedicationRequest");
    let mut to = tree.edit();
    to.object("meta").push("profile", format!("{GUIDE}MedicationRequest-eu-mpd").as_str());
    identifiers(cx, order.common, &mut to);
    to.set("status", status(cx, order.common)).set("intent", "order");
    let (code, form) = if encoded { (2, 6) } else { (1, 5) };
    let medication = medication(cx, order, order.main.f(code), order.main.f(form));
    to.object("medicationReference").set("reference", &medication);
    cx.set_patient(&mut to, "subject");
    cx.set_encounter(&mut to);
    let written = order.common.map(|common| if common.f(9).is_some() { common.f(9) } else { common.f(15) });
    let written = written.filter(|part| part.is_some()).unwrap_or(header_time);
    if !datatypes::set_time(cx, written, &mut to, "authoredOn") {
        coded::absent(&mut to.primitive("authoredOn"), "unknown");
    }
    requester(cx, order, encoded, &mut to);
    if let Some(common) = order.common {
        let group = common.f(4);
        if group.is_some() {
            datatypes::fill_entity(cx, group, None, &mut to.object("groupIdentifier"));
        }
        coded::push_concept(cx, common.f(16), &mut to, "reasonCode");
    }
    dosage(cx, order, encoded, &mut to);
    supply(cx, order.main, encoded, &mut to);
    ordered(cx, order, &mut to);
    cx.add(order.main, tree)
}

/// What the prescriber asked for where the pharmacy's order is the prescription.
fn ordered(cx: &mut Context<'_>, order: &Pharmacy<'_>, to: &mut ElementMut<'_>) {
    let Some(segment) = order.ordered.iter().copied().find(|segment| segment.name() == "RXO") else { return };
    let (code, form) = (segment.f(1), segment.f(5));
    if code.words() == order.main.f(2).words() {
        code.take_all();
    } else if code.is_some() {
        let own = Pharmacy {
            common: None,
            main: segment,
            others: order.ordered.clone(),
            ordered: Vec::new(),
            prescription: None,
        };
        let medication = medication(cx, &own, code, form);
        to.item("supportingInformation").set("reference", &medication);
        cx.mapped(segment, &format!("Medication {medication}"));
    }
    const FIELDS: [(&str, &[usize]); 8] = [
        ("dose", &[2, 3, 4]),
        ("form", &[5]),
        ("instructions for the pharmacy", &[6]),
        ("instructions", &[7]),
        ("amount", &[11, 12]),
        ("refills", &[13]),
        ("strength", &[18, 19]),
        ("indication", &[20]),
    ];
    let mut said = Vec::new();
    for (name, fields) in FIELDS {
        let parts = fields.iter().flat_map(|field| segment.reps(*field));
        let words: Vec<String> = parts.filter(|part| !part.untaken().is_empty()).filter_map(Part::whole).collect();
        if !words.is_empty() {
            said.push(format!("{name}: {}", words.join(" ")));
        }
    }
    let routes = order.ordered.iter().filter(|segment| segment.name() == "RXR");
    said.extend(routes.filter_map(|route| route.f(1).whole()).map(|words| format!("route: {words}")));
    if !said.is_empty() {
        to.item("note").set("text", &format!("Ordered by the prescriber: {}.", said.join("; ")));
        cx.mapped(segment, "a note of the MedicationRequest");
    }
}

fn identifiers(cx: &mut Context<'_>, common: Option<&Segment>, to: &mut ElementMut<'_>) {
    for (field, kind) in [(2, "PLAC"), (3, "FILL")] {
        let Some(part) = common.map(|segment| segment.f(field)).filter(|part| part.is_some()) else { continue };
        datatypes::fill_entity(cx, part, Some(kind), &mut to.item("identifier"));
    }
}

/// A prescription that was stopped or cancelled never stays active, whatever stands beside it.
fn status(cx: &mut Context<'_>, common: Option<&Segment>) -> &'static str {
    let Some(common) = common else { return "unknown" };
    let (control, state) = (common.f(1), common.f(5));
    let by_control = control.peek().and_then(|code| coded::lookup("medication", code));
    let by_state = state.peek().and_then(|code| coded::lookup("medication-state", code));
    if by_control.is_some() {
        control.take_all();
    }
    if by_state.is_some() {
        state.take_all();
    }
    match (by_control, by_state) {
        (Some(taken), _) if taken != "active" => taken,
        (_, Some(state)) => state,
        (Some(active), None) => active,
        (None, None) => {
            if let Some(code) = control.peek() {
                cx.loss(control, format!("The order control {code:?} is none of table 0119; the status is unknown."));
            }
            "unknown"
        }
    }
}

fn medication(cx: &mut Context<'_>, order: &Pharmacy<'_>, code: Part<'_>, form: Part<'_>) -> String {
    let mut tree = Tree::new("Medication");
    let mut to = tree.edit();
    to.object("meta").push("profile", format!("{GUIDE}Medication-eu-mpd").as_str());
    coded::require_concept(cx, code, &mut to, "code");
    supplementary(cx, order.main, &mut to);
    coded::set_concept(cx, form, &mut to, "form");
    for component in order.named("RXC") {
        let mut ingredient = to.item("ingredient");
        match component.f(1).text() {
            Some("A") => {
                ingredient.set("isActive", true);
            }
            Some("B") => {
                ingredient.set("isActive", false);
            }
            _ => {}
        }
        coded::require_concept(cx, component.f(2), &mut ingredient, "itemCodeableConcept");
        let (amount, unit) = (component.f(3), component.f(4));
        if let Some(number) = amount.text().and_then(datatypes::number) {
            let mut strength = ingredient.object("strength");
            datatypes::fill_quantity(cx, &number, unit, &mut strength.object("numerator"));
            strength.object("denominator").set("value", Primitive::Number("1"));
        }
        cx.mapped(component, "Medication.ingredient");
    }
    let key = format!("{}#Medication", order.main.key());
    if order.main.name() == "RXD" {
        let batch = order.main.f(18);
        if let Some(lot) = batch.text() {
            to.object("batch").set("lotNumber", lot);
        }
        let expires = order.main.f(19);
        if expires.is_some() {
            datatypes::set_time(cx, expires, &mut to.object("batch"), "expirationDate");
        }
    }
    cx.document.add(&key, tree)
}

/// Further codes of the same drug.
fn supplementary(cx: &mut Context<'_>, segment: &Segment, to: &mut ElementMut<'_>) {
    let field = match segment.name() {
        "RXE" => 31,
        "RXD" => 25,
        _ => 24,
    };
    for part in segment.reps(field) {
        let mut holder = Tree::new("Medication");
        coded::set_concept(cx, part, &mut holder.edit(), "code");
        let mut code = to.object("code");
        for coding in holder.root().every("code.coding") {
            code.copy(coding);
        }
        if let Some(words) = holder.root().text_at("code.text") {
            match code.as_element().text_at("text") {
                None => {
                    code.set("text", words);
                }
                Some(known) if known == words => {}
                Some(_) => cx.note(part, format!("The name {words:?} of a supplementary code has no place.")),
            }
        }
    }
}

fn requester(cx: &mut Context<'_>, order: &Pharmacy<'_>, encoded: bool, to: &mut ElementMut<'_>) {
    let own = if encoded { 13 } else { 14 };
    let of_common: Vec<Part<'_>> = order.common.into_iter().flat_map(|segment| segment.reps(12)).collect();
    let mut first = None;
    for part in of_common.into_iter().chain(order.main.reps(own)) {
        let reference = people::practitioner(cx, part);
        first = first.or(reference);
    }
    let facility = order.common.map(|common| common.f(21)).and_then(|part| people::organization(cx, part));
    if !people::refer(first.or(facility), to, "requester", false) {
        coded::absent(&mut to.object("requester"), "unknown");
    }
}

fn dosage(cx: &mut Context<'_>, order: &Pharmacy<'_>, encoded: bool, to: &mut ElementMut<'_>) {
    let segment = order.main;
    let mut tree = Tree::new("Dosage");
    let mut made = tree.edit();
    let words: Vec<String> = segment.reps(7).filter_map(Part::whole).collect();
    made.set_some("text", (!words.is_empty()).then(|| words.join("\n")).as_deref());
    let timings: Vec<&Segment> = order.named("TQ1").collect();
    if let Some(timing) = timings.first() {
        order::dosage_timing(cx, timing, &mut made);
    }
    let routes: Vec<&Segment> = order.named("RXR").collect();
    if let Some(route) = routes.first() {
        coded::set_concept(cx, route.f(1), &mut made, "route");
        coded::set_concept(cx, route.f(2), &mut made, "site");
        coded::set_concept(cx, route.f(4), &mut made, "method");
    }
    // More than one route is a choice between them.
    for route in routes.iter().skip(1).filter(|route| route.f(1).is_some()) {
        let words = [route.f(1).c(2).peek().or(route.f(1).peek()), route.f(2).c(2).peek().or(route.f(2).peek())];
        let words = words.into_iter().flatten().collect::<Vec<_>>().join(", ");
        let mut other = made.item("additionalInstruction");
        coded::fill_concept(cx, route.f(1), &mut other);
        other.set("text", &format!("Alternative route: {words}"));
    }
    let (low, high, unit) = if encoded { (3, 4, 5) } else { (2, 3, 4) };
    let (low, high, unit) = (segment.f(low), segment.f(high), segment.f(unit));
    let number = |part: Part<'_>| part.text().and_then(datatypes::number);
    match (number(low), number(high)) {
        (Some(dose), None) => {
            datatypes::fill_quantity(cx, &dose, unit, &mut made.item("doseAndRate").object("doseQuantity"));
        }
        (Some(low), Some(high)) => {
            let mut item = made.item("doseAndRate");
            let mut range = item.object("doseRange");
            datatypes::fill_quantity(cx, &low, unit, &mut range.object("low"));
            datatypes::fill_quantity(cx, &high, unit, &mut range.object("high"));
        }
        _ => {}
    }
    if encoded && let Some(rate) = segment.f(23).peek().and_then(datatypes::number) {
        segment.f(23).text();
        let known = made.as_element().get("doseAndRate").is_some();
        let mut item = if known { made.object("doseAndRate") } else { made.item("doseAndRate") };
        datatypes::fill_quantity(cx, &rate, segment.f(24), &mut item.object("rateQuantity"));
    }
    if tree.root().has_children() {
        let mut item = to.item("dosageInstruction");
        for child in tree.root().children() {
            item.copy(child);
        }
    }
}

fn supply(cx: &mut Context<'_>, segment: &Segment, encoded: bool, to: &mut ElementMut<'_>) {
    let (amount, unit, refills) = if encoded { (10, 11, 12) } else { (11, 12, 13) };
    if let Some(number) = segment.f(amount).text().and_then(datatypes::number) {
        let unit = segment.f(unit);
        let mut request = to.object("dispenseRequest");
        datatypes::fill_quantity(cx, &number, unit, &mut request.object("quantity"));
    }
    let repeats = segment.f(refills);
    if let Some(number) = repeats.peek().and_then(|text| text.parse::<u32>().ok()) {
        repeats.text();
        to.object("dispenseRequest").set("numberOfRepeatsAllowed", i64::from(number));
    }
    let substitution = segment.f(9);
    let allowed = match substitution.peek() {
        Some("N") => Some("N"),
        Some("G" | "T") => Some("E"),
        _ => None,
    };
    if let Some(code) = allowed {
        substitution.take_all();
        let mut concept = to.object("substitution");
        concept.object("allowedCodeableConcept").item("coding").set("system", SUBSTITUTION).set("code", code);
    }
}

/// The MedicationDispense of an RXD.
pub(super) fn dispense(cx: &mut Context<'_>, order: &Pharmacy<'_>) -> String {
    let segment = order.main;
    let mut tree = Tree::new("MedicationDispense");
    let mut to = tree.edit();
    to.object("meta").push("profile", format!("{GUIDE}MedicationDispense-eu-mpd").as_str());
    let mut extension = to.item("extension");
    extension.set("url", RECORDED);
    if let Some(when) = datatypes::peek_time(cx, segment.f(3)) {
        extension.set("valueDateTime", &when);
    } else {
        coded::absent(&mut extension.primitive("valueDateTime"), "unknown");
    }
    let filler = order.common.map(|common| common.f(3)).filter(|part| part.is_some());
    if let Some(part) = filler {
        datatypes::fill_entity(cx, part, Some("FILL"), &mut to.item("identifier"));
    }
    let status = match status(cx, order.common) {
        "cancelled" | "stopped" => "stopped",
        "on-hold" => "on-hold",
        "entered-in-error" => "entered-in-error",
        _ => "completed",
    };
    to.set("status", status);
    let medication = medication(cx, order, segment.f(2), segment.f(6));
    to.object("medicationReference").set("reference", &medication);
    cx.set_patient(&mut to, "subject");
    for part in segment.reps(10) {
        if let Some(reference) = people::practitioner(cx, part) {
            to.item("performer").object("actor").set("reference", &reference);
        }
    }
    let placer = order.common.map(|common| common.f(2)).filter(|part| part.is_some());
    if placer.is_some() || segment.f(7).is_some() {
        let mut prescription = to.item("authorizingPrescription");
        prescription.set("type", "MedicationRequest");
        prescription.set_some("reference", order.prescription.as_deref());
        match placer {
            Some(part) => datatypes::fill_entity(cx, part, Some("PLAC"), &mut prescription.object("identifier")),
            None => {
                prescription.object("identifier").set_some("value", segment.f(7).text());
            }
        }
    }
    let unit = segment.f(5);
    match segment.f(4).text().and_then(datatypes::number) {
        Some(number) => datatypes::fill_quantity(cx, &number, unit, &mut to.object("quantity")),
        None => coded::absent(&mut to.object("quantity"), "unknown"),
    }
    datatypes::set_time(cx, segment.f(3), &mut to, "whenHandedOver");
    for part in segment.reps(9) {
        if let Some(words) = part.whole() {
            to.item("note").set("text", &words);
        }
    }
    cx.add(segment, tree)
}
