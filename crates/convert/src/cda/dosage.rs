//! Dose and timing into Dosage: PIVL, EIVL, IVL, points in time; split and tapering doses as a sequence
//! (<http://hl7.org/fhir/R4/dosage.html>, <http://hl7.org/fhir/R4/datatypes.html#Timing>).

use model::{ElementMut, Primitive};

use super::coded;
use super::context::Context;
use super::entry;
use super::quantity;
use super::read::Node;
use super::table;
use super::time;

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
        fill(cx, act, &mut dosage, bounds);
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
        if !dosage.as_element().has_children() {
            dosage.detach();
        }
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
        fill(cx, *part, &mut dosage, true);
        take_product(*part);
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

fn fill(cx: &mut Context<'_>, act: Node<'_>, dosage: &mut ElementMut<'_>, bounds: bool) {
    timing(cx, act, dosage, bounds);
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

/// The times of a statement, those inside sets of times included.
pub(super) fn schedule<'d>(act: Node<'d>) -> Vec<Node<'d>> {
    let mut found = Vec::new();
    let mut stack: Vec<Node<'d>> = act.all("effectiveTime").collect();
    stack.reverse();
    while let Some(node) = stack.pop() {
        let parts: Vec<Node<'d>> = node.all("comp").collect();
        if parts.is_empty() {
            found.push(node);
        } else {
            stack.extend(parts.into_iter().rev());
        }
    }
    found
}

fn timing(cx: &mut Context<'_>, act: Node<'_>, dosage: &mut ElementMut<'_>, bounds: bool) {
    let mut tree = model::Tree::new("Timing");
    let mut timing = tree.edit();
    for when in schedule(act) {
        match when.xsi_type() {
            Some("PIVL_TS" | "PIVL_PPD_TS") => periodic(cx, when, &mut timing),
            Some("EIVL_TS" | "EIVL_PPD_TS") => event(cx, when, &mut timing),
            Some("TS") if bounds && when.peek("value").is_some() => {
                let mut point = model::Tree::new("Timing");
                time::set_time(cx, when, &mut point.edit(), "event");
                if let Some(text) = point.root().text_at("event") {
                    timing.push("event", text);
                }
            }
            _ if when.get("event").is_some() => event(cx, when, &mut timing),
            _ if when.get("period").is_some() => periodic(cx, when, &mut timing),
            _ if bounds => bound(cx, when, &mut timing),
            _ => {}
        }
    }
    // Several phases of one period are as many times within it.
    let times = timing.as_element().every("repeat.timeOfDay").len();
    if times > 1 && timing.as_element().text_at("repeat.frequency") == Some("1") {
        timing.object("repeat").set("frequency", Primitive::Integer(times as i64));
    }
    if timing.as_element().has_children() {
        let mut target = dosage.object("timing");
        for child in tree.root().children() {
            target.copy(child);
        }
    }
}

/// The treatment's period as bounds of the timing; a mere width as its duration.
fn bound(cx: &mut Context<'_>, when: Node<'_>, timing: &mut ElementMut<'_>) {
    if let Some(width) = when.get("width").filter(|width| width.peek("value").is_some()) {
        if !matches!(time::when(Some(when)), time::When::Interval(_)) {
            quantity::fill_quantity(cx, width, &mut timing.object("repeat").object("boundsDuration"));
            return;
        }
        width.take_attributes();
    }
    if let time::When::Interval(interval) = time::when(Some(when)) {
        if interval.attributes_taken() && timing.as_element().at("repeat.boundsPeriod").is_some() {
            return;
        }
        time::fill_period(cx, interval, &mut timing.object("repeat").object("boundsPeriod"));
    } else {
        time::unknown_flavor(when);
    }
}

fn periodic(cx: &mut Context<'_>, when: Node<'_>, timing: &mut ElementMut<'_>) {
    when.take_attributes();
    when.null_flavor();
    let phase = when.get("phase");
    let period = when.get("period");
    if let Some(period) = period {
        let low = period.get("low").filter(|low| low.peek("value").is_some());
        let base = period.peek("value").map(|_| period).or(low);
        match base {
            Some(base) => set_period(cx, base, "period", timing),
            None => {
                time::unknown_flavor(period);
            }
        }
        if let Some(high) = period.get("high").filter(|high| high.peek("value").is_some() && low.is_some()) {
            set_period(cx, high, "periodMax", timing);
        }
    }
    let Some(phase) = phase else { return };
    phase.take_attributes();
    let start = phase
        .get("low")
        .filter(|low| low.peek("value").is_some())
        .or(Some(phase).filter(|phase| phase.peek("value").is_some()));
    if let Some(start) = start {
        match start.attr("value").and_then(clock) {
            Some(clock) => {
                timing.object("repeat").push("timeOfDay", &clock);
            }
            None => {
                let value = start.peek("value").unwrap_or_default();
                cx.note(start, format!("The phase of the period, {value}, gives no time of day."));
            }
        }
    }
    if let Some(width) = phase.get("width").filter(|width| width.peek("value").is_some()) {
        set_period(cx, width, "duration", timing);
    }
    if let Some(high) = phase.get("high") {
        high.take_attributes();
    }
}

/// `YYYYMMDDhhmm…` as `hh:mm:00`.
fn clock(value: &str) -> Option<String> {
    let digits = value.split(['+', '-', '.']).next()?;
    let (hour, minute) = (digits.get(8..10)?, digits.get(10..12).unwrap_or("00"));
    model::PartialTime::parse(&format!("{hour}:{minute}:00")).map(|_| format!("{hour}:{minute}:00"))
}

fn set_period(cx: &mut Context<'_>, node: Node<'_>, name: &str, timing: &mut ElementMut<'_>) {
    let value = node.attr("value").and_then(quantity::decimal);
    let unit = match node.peek("unit").unwrap_or_default() {
        unit @ ("s" | "min" | "h" | "d" | "wk" | "mo" | "a") => unit,
        "hr" | "H" => "h",
        "day" => "d",
        other => {
            cx.loss(node, format!("The unit of time {other:?} has no counterpart; the period is kept as text."));
            return;
        }
    };
    let Some(value) = value else { return };
    let mut repeat = timing.object("repeat");
    repeat.set(name, Primitive::Number(&value));
    match name {
        "period" => {
            repeat.set("frequency", 1).set("periodUnit", unit);
        }
        "duration" => {
            repeat.set("durationUnit", unit);
        }
        _ => {}
    }
}

fn event(cx: &mut Context<'_>, when: Node<'_>, timing: &mut ElementMut<'_>) {
    when.take_attributes();
    when.null_flavor();
    if let Some(event) = when.get("event").filter(|event| event.peek("code").is_some()) {
        let code = event.attr("code").unwrap_or_default();
        match table::lookup("when", &code.to_ascii_uppercase()) {
            Some(code) => {
                timing.object("repeat").push("when", code);
            }
            None => {
                coded::fill_concept(cx, event, &mut timing.object("code"));
            }
        }
    }
    let Some(offset) = when.get("offset") else { return };
    offset.take_attributes();
    let amount = offset.get("low").or(offset.get("width")).or(Some(offset)).filter(|node| node.peek("value").is_some());
    let Some(amount) = amount else { return };
    let minutes =
        amount.attr("value").and_then(|value| value.parse::<f64>().ok()).and_then(|value| match amount.peek("unit") {
            Some("min") => Some(value),
            Some("h") => Some(value * 60.0),
            Some("s") => Some(value / 60.0),
            _ => None,
        });
    match minutes.filter(|minutes| *minutes >= 0.0 && minutes.fract() == 0.0) {
        Some(minutes) => {
            timing.object("repeat").set("offset", Primitive::Integer(minutes as i64));
        }
        None => cx.loss(
            amount,
            format!(
                "The offset {} {} from the event has no form in Timing.",
                amount.peek("value").unwrap_or_default(),
                amount.peek("unit").unwrap_or_default()
            ),
        ),
    }
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
}

/// The instruction to the patient; what is said to the pharmacist is none.
fn given_instruction(act: Node<'_>) -> Option<Node<'_>> {
    let [code, template, other] = INSTRUCTION;
    let found = entry::inner(act).map(|(_, inner)| inner);
    let mut found =
        found.filter(|inner| inner.is_coded(code) || inner.has_template(template) || inner.has_template(other));
    found.next().filter(|inner| !inner.is_coded("FINSTRUCT"))
}
