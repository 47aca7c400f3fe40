//! ORC, OBR, TQ1 and SPM into ServiceRequest and Specimen.

use model::{ElementMut, Tree};

use super::coded;
use super::context::Context;
use super::datatypes;
use super::fields;
use super::people;
use super::read::{Part, Segment};

const TIMING: &str = "http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation";

/// The segments of one order.
#[derive(Clone, Copy, Default)]
pub(super) struct Order<'m> {
    /// ORC.
    pub(super) common: Option<&'m Segment>,
    /// OBR.
    pub(super) request: Option<&'m Segment>,
    /// The first TQ1.
    pub(super) timing: Option<&'m Segment>,
}

impl<'m> Order<'m> {
    /// Placer's number, in ORC or OBR.
    pub(super) fn placer(self) -> Option<Part<'m>> {
        self.either(2)
    }

    /// Filler's number, in ORC or OBR.
    pub(super) fn filler(self) -> Option<Part<'m>> {
        self.either(3)
    }

    fn either(self, field: usize) -> Option<Part<'m>> {
        let both = [self.common, self.request];
        let mut parts = both.into_iter().flatten().map(|segment| segment.f(field)).filter(|part| part.is_some());
        let found = parts.next();
        // The other segment repeats the same number.
        if let (Some(found), Some(other)) = (found, parts.next())
            && found.words() == other.words()
        {
            other.take_all();
        }
        found
    }
}

/// The ServiceRequest of an order; `None` where nothing names one.
pub(super) fn service_request(cx: &mut Context<'_>, order: Order<'_>, answered: bool) -> Option<String> {
    let segment = order.request.or(order.common)?;
    let mut tree = Tree::new("ServiceRequest");
    let mut to = tree.edit();
    if let Some(part) = order.placer() {
        datatypes::fill_entity(cx, part, Some("PLAC"), &mut to.item("identifier"));
    } else if answered {
        return None;
    }
    if let Some(part) = order.filler().filter(|_| !answered) {
        datatypes::fill_entity(cx, part, Some("FILL"), &mut to.item("identifier"));
    }
    to.set("status", status(cx, order, answered)).set("intent", "order");
    if let Some(request) = order.request {
        request.f(1).take_all();
        coded::set_concept(cx, request.f(4), &mut to, "code");
        asked(cx, request, &mut to);
    }
    if let Some(common) = order.common {
        if common.f(4).is_some() {
            let part = common.f(4);
            datatypes::fill_entity(cx, part, None, &mut to.object("requisition"));
        }
        if !datatypes::set_time(cx, common.f(9), &mut to, "authoredOn") {
            datatypes::set_time(cx, common.f(15), &mut to, "authoredOn");
        }
        coded::push_concept(cx, common.f(16), &mut to, "reasonCode");
    }
    cx.set_patient(&mut to, "subject");
    cx.set_encounter(&mut to);
    requester(cx, order, &mut to);
    if let Some(timing) = order.timing {
        occurrence(cx, timing, &mut to);
    }
    Some(cx.add(segment, tree))
}

/// An order that was answered is completed or still active; a cancelled one is revoked.
fn status(cx: &mut Context<'_>, order: Order<'_>, answered: bool) -> &'static str {
    let Some(common) = order.common else { return if answered { "completed" } else { "unknown" } };
    let (control, state) = (common.f(1), common.f(5));
    let by_state = state.peek().and_then(|code| coded::lookup("state", code));
    if by_state.is_some() {
        state.take_all();
    }
    let by_control = control.peek().and_then(|code| coded::lookup("order", code));
    match (by_control, by_state) {
        // Taken back: whatever state is named beside it.
        (Some(taken @ ("revoked" | "entered-in-error")), _) => {
            control.take_all();
            taken
        }
        (control_status, Some(state)) => {
            if control_status.is_some() {
                control.take_all();
            }
            state
        }
        (Some(_), None) if answered => {
            control.take_all();
            "completed"
        }
        (Some(status), None) => {
            control.take_all();
            status
        }
        (None, None) => {
            if let Some(code) = control.peek() {
                cx.loss(control, format!("The order control {code:?} is none of table 0119; the status is unknown."));
            }
            "unknown"
        }
    }
}

fn asked(cx: &mut Context<'_>, request: &Segment, to: &mut ElementMut<'_>) {
    let priority = request.f(5);
    if let Some(code) = priority.peek().and_then(|code| coded::lookup("priority", code)) {
        priority.take_all();
        to.set("priority", code);
    }
    for part in request.reps(31) {
        coded::push_concept(cx, part, to, "reasonCode");
    }
    if let Some(words) = request.f(13).whole() {
        to.item("note").set("text", &format!("Clinical information: {words}"));
    }
    let scheduled = request.f(36);
    datatypes::set_time(cx, scheduled, to, "occurrenceDateTime");
}

fn requester(cx: &mut Context<'_>, order: Order<'_>, to: &mut ElementMut<'_>) {
    let of_common: Vec<Part<'_>> = order.common.into_iter().flat_map(|segment| segment.reps(12)).collect();
    let of_request: Vec<Part<'_>> = order.request.into_iter().flat_map(|segment| segment.reps(16)).collect();
    let mut first = None;
    for part in of_common.into_iter().chain(of_request) {
        let reference = people::practitioner(cx, part);
        first = first.or(reference);
    }
    if first.is_none()
        && let Some(common) = order.common
    {
        first = people::organization(cx, common.f(21));
    }
    people::refer(first, to, "requester", false);
}

/// TQ1: when, by its start, end and the words for the rest.
fn occurrence(cx: &mut Context<'_>, segment: &Segment, to: &mut ElementMut<'_>) {
    segment.f(1).take_all();
    let priority = segment.f(9);
    if let Some(code) = priority.peek().and_then(|code| coded::lookup("priority", code))
        && to.as_element().get("priority").is_none()
    {
        priority.take_all();
        to.set("priority", code);
    }
    if to.as_element().get("occurrenceDateTime").is_none() && (segment.f(3).is_some() || segment.f(6).is_some()) {
        let timing = timing(cx, segment);
        datatypes::pour(&timing, to, "occurrenceTiming");
    } else if to.as_element().get("occurrenceDateTime").is_none() {
        let mut period = Tree::new("Period");
        datatypes::set_time(cx, segment.f(7), &mut period.edit(), "start");
        datatypes::set_time(cx, segment.f(8), &mut period.edit(), "end");
        datatypes::pour(&period, to, "occurrencePeriod");
    }
    for field in [10, 11] {
        if let Some(words) = segment.f(field).whole() {
            to.item("note").set("text", &words);
        }
    }
}

/// How often (TQ1-3), from when until when (TQ1-7, TQ1-8) or for how long (TQ1-6).
fn timing(cx: &mut Context<'_>, segment: &Segment) -> Tree {
    let mut timing = Tree::new("Timing");
    let mut edit = timing.edit();
    let mut words = Vec::new();
    for part in segment.reps(3) {
        let code = part.c(1);
        let uri = coded::system(cx, code.c(3).peek(), None);
        match uri {
            None => words.extend(code.whole()),
            Some(_) => words.extend(code.c(2).text().or(code.peek()).map(str::to_owned)),
        }
        let known = code.peek().filter(|code| matches!(*code, "BID" | "TID" | "QID" | "AM" | "PM" | "QD" | "QOD"));
        if let Some(known) = known {
            let mut concept = edit.object("code");
            if concept.as_element().get("coding").is_none() {
                concept.item("coding").set("system", TIMING).set("code", known);
                often(known, &mut edit);
            }
        } else if let (Some(own), Some(uri)) = (code.peek(), uri) {
            edit.object("code").item("coding").set("system", &uri).set("code", own);
        }
        words.extend((2..=12).filter_map(|number| part.c(number).whole()));
        part.take_all();
    }
    if !words.is_empty() {
        edit.object("code").set("text", &words.join(" "));
    }
    let mut bounds = Tree::new("Period");
    datatypes::set_time(cx, segment.f(7), &mut bounds.edit(), "start");
    datatypes::set_time(cx, segment.f(8), &mut bounds.edit(), "end");
    let duration = segment.f(6);
    let unit = duration.c(2).peek().and_then(|unit| coded::lookup("time-unit", unit));
    if bounds.root().has_children() {
        let mut repeat = edit.object("repeat");
        datatypes::pour(&bounds, &mut repeat, "boundsPeriod");
    } else if let (Some(number), Some(unit)) = (duration.peek().and_then(datatypes::number), unit) {
        let mut repeat = edit.object("repeat");
        let mut bounds = repeat.object("boundsDuration");
        bounds.set("value", model::Primitive::Number(&number)).set("unit", unit);
        bounds.set("system", coded::UCUM).set("code", unit);
        duration.take_all();
    }
    timing
}

/// What the codes for so many times a day mean in numbers.
fn often(code: &str, timing: &mut ElementMut<'_>) {
    let (frequency, period) = match code {
        "QD" => (1, 1),
        "BID" => (2, 1),
        "TID" => (3, 1),
        "QID" => (4, 1),
        "QOD" => (1, 2),
        _ => return,
    };
    timing.object("repeat").set("frequency", frequency).set("period", period).set("periodUnit", "d");
}

/// The Timing of a TQ1 into the Dosage of a prescription.
pub(super) fn dosage_timing(cx: &mut Context<'_>, segment: &Segment, to: &mut ElementMut<'_>) {
    segment.f(1).take_all();
    let timing = timing(cx, segment);
    datatypes::pour(&timing, to, "timing");
    if let Some(words) = segment.f(11).whole() {
        to.set("patientInstruction", &words);
    }
    as_needed(segment, to);
    for (field, name) in [
        (4, "At"),
        (5, "Relative time"),
        (6, "Duration"),
        (10, "Condition"),
        (13, "Occurrence duration"),
        (14, "Total occurrences"),
    ] {
        let untaken = segment.reps(field).filter(|part| !part.untaken().is_empty());
        let parts: Vec<String> = untaken.filter_map(Part::whole).collect();
        if !parts.is_empty() {
            let mut concept = to.item("additionalInstruction");
            concept.set("text", &format!("{name}: {}", parts.join(", ")));
        }
    }
}

/// "As needed" (PRN), said by the repeat pattern, the priority or the condition: what is given only then is no regular dose.
fn as_needed(segment: &Segment, to: &mut ElementMut<'_>) {
    let is_prn = |text: &str| text.split(|c: char| !c.is_ascii_alphanumeric()).next() == Some("PRN");
    let condition = segment.f(10).peek().filter(|text| is_prn(text));
    let mut codes = segment.reps(3).map(|part| part.c(1)).chain(segment.reps(9).map(|part| part.c(1)));
    let coded = codes.any(|code| code.peek().is_some_and(is_prn));
    match condition.filter(|text| text.trim() != "PRN") {
        Some(_) => {
            to.object("asNeededCodeableConcept").set_some("text", segment.f(10).whole().as_deref());
        }
        None if condition.is_some() || coded => {
            to.set("asNeededBoolean", true);
            if condition.is_some() {
                segment.f(10).take_all();
            }
            segment.reps(9).filter(|part| part.c(1).peek() == Some("PRN")).for_each(|part| part.c(1).take_all());
        }
        None => {}
    }
}

/// SPM, and SAC beside it: the Specimen.
pub(super) fn specimen(cx: &mut Context<'_>, segment: &Segment, request: Option<&str>) -> String {
    let mut tree = Tree::new("Specimen");
    let mut to = tree.edit();
    let id = segment.f(2);
    for (number, kind) in [(1, "PLAC"), (2, "FILL")] {
        let part = id.c(number);
        if part.is_some() {
            datatypes::fill_entity(cx, part, Some(kind), &mut to.item("identifier"));
        }
    }
    let kept = !matches!(segment.f(20).peek(), Some("N"));
    if segment.f(20).text().is_some() {
        to.set("status", if kept { "available" } else { "unavailable" });
    }
    cx.set_patient(&mut to, "subject");
    fields::carry(cx, segment, &mut to);
    let when = segment.f(17);
    if when.is_some() {
        let mut collection = to.object("collection");
        if when.c(2).is_some() {
            let mut period = collection.object("collectedPeriod");
            datatypes::set_time(cx, when.c(1), &mut period, "start");
            datatypes::set_time(cx, when.c(2), &mut period, "end");
        } else {
            datatypes::set_time(cx, when.c(1), &mut collection, "collectedDateTime");
        }
    }
    for field in [5, 6, 21] {
        for part in segment.reps(field) {
            coded::push_concept(cx, part, &mut to, "condition");
        }
    }
    if to.as_element().get("type").is_none() {
        coded::absent(&mut to.object("type"), "unknown");
    }
    if let Some(request) = request {
        to.item("request").set("reference", request);
    }
    cx.add(segment, tree)
}
