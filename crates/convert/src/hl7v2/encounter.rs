//! PV1 and PV2 into Encounter: <http://hl7.org/fhir/R4/encounter.html>.

use model::{Severity, Tree};

use super::coded;
use super::context::Context;
use super::datatypes;
use super::fields;
use super::people;
use super::read::{Message, Segment};

const CLASS: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
const PRIORITY: &str = "http://terminology.hl7.org/CodeSystem/v3-ActPriority";
const PARTICIPATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";

/// Makes the Encounter of the first PV1 that says anything and remembers it for the other resources.
pub(super) fn encounter(cx: &mut Context<'_>, message: &Message) {
    let mut visits = message.segments.iter().filter(|segment| segment.name() == "PV1");
    let Some(segment) = visits.next() else { return };
    let said = (2..=segment.last()).any(|field| segment.f(field).is_some());
    if !said || segment.f(2).peek() == Some("N") && (3..=segment.last()).all(|field| !segment.f(field).is_some()) {
        segment.f(1).take_all();
        segment.f(2).take_all();
        cx.mapped(segment, "nothing: it names no visit");
        return;
    }
    let mut tree = Tree::new("Encounter");
    let mut to = tree.edit();
    to.set("status", status(message.event(), segment));
    class(cx, segment, &mut to);
    cx.set_patient(&mut to, "subject");
    fields::carry(cx, segment, &mut to);
    for (field, code) in [(7, "ATND"), (8, "REF"), (9, "CON"), (17, "ADM"), (52, "PART")] {
        for part in segment.reps(field) {
            let Some(reference) = people::practitioner(cx, part) else { continue };
            let mut participant = to.item("participant");
            participant.item("type").item("coding").set("system", PARTICIPATION).set("code", code);
            participant.object("individual").set("reference", &reference);
        }
    }
    let destination = segment.f(37);
    if destination.is_some() {
        let place = destination.whole();
        to.object("hospitalization").object("destination").set_some("display", place.as_deref());
    }
    for further in message.segments.iter().filter(|segment| segment.name() == "PV2").take(1) {
        fields::carry(cx, further, &mut to);
        cx.mapped(further, "Encounter");
    }
    // The kind of admission (table 0007) says how urgent it was, where the visit says nothing of its own.
    if to.as_element().get("priority").is_none()
        && let Some(code) = segment.f(4).peek().and_then(|code| coded::lookup("admission-priority", code))
    {
        to.object("priority").item("coding").set("system", PRIORITY).set("code", code);
    }
    backwards(cx, segment, &mut to);
    let reference = cx.add(segment, tree);
    cx.encounter = Some(reference);
    for other in visits {
        cx.remark(Severity::Warning, other, "A second visit in one message: nothing of it was carried.");
    }
}

/// A stay that ends before it begins keeps its beginning.
fn backwards(cx: &mut Context<'_>, segment: &Segment, to: &mut model::ElementMut<'_>) {
    let ends = to.as_element().text_at("period.start").zip(to.as_element().text_at("period.end"));
    if ends.is_some_and(|(start, end)| datatypes::ends_before(start, end)) {
        to.object("period").remove("end");
        let part = segment.f(45);
        cx.defect(
            part,
            format!("The visit ends ({}) before it begins; its end was not carried.", part.peek().unwrap_or("")),
        );
    }
}

/// What the event says of the stay; it says nothing where it is about something else.
fn status(event: Option<&str>, segment: &Segment) -> &'static str {
    let ended = segment.f(45).is_some();
    match event {
        Some("A11" | "A27" | "A38" | "S15") => "cancelled",
        Some("A03") => "finished",
        Some("A05" | "A14") => "planned",
        Some("A04" | "A01" | "A02" | "A06" | "A07" | "A13" | "A12" | "A09" | "A10" | "A16" | "A25") => {
            if ended {
                "finished"
            } else {
                "in-progress"
            }
        }
        Some("A21") => "onleave",
        Some("A23") => "entered-in-error",
        _ if ended => "finished",
        _ if segment.f(2).peek() == Some("P") => "planned",
        _ => "unknown",
    }
}

fn class(cx: &mut Context<'_>, segment: &Segment, to: &mut model::ElementMut<'_>) {
    let part = segment.f(2);
    let Some(code) = part.text() else { return coded::absent(&mut to.object("class"), "unknown") };
    part.take_all();
    let mut coding = to.object("class");
    match coded::lookup("class", code) {
        Some(known) => {
            coding.set("system", CLASS).set("code", known);
        }
        None => {
            coding.set("system", "http://terminology.hl7.org/CodeSystem/v2-0004").set("code", code);
            cx.note(part, format!("The patient class {code:?} has no counterpart in FHIR; it stands as it came."));
        }
    }
}
