//! RXA and RXR into Immunization: <http://hl7.org/fhir/R4/immunization.html>.

use model::{Primitive, Tree};

use super::coded;
use super::context::Context;
use super::datatypes;
use super::fields;
use super::people;
use super::read::Segment;

/// Said instead of a vaccine where none was given.
const NOTHING_GIVEN: &str = "998";
const FUNCTION: &str = "http://terminology.hl7.org/CodeSystem/v2-0443";

/// The Immunization of an RXA with its RXR; `None` where the segment says that there was none.
pub(super) fn immunization(
    cx: &mut Context<'_>,
    segment: &Segment,
    common: Option<&Segment>,
    route: Option<&Segment>,
) -> Option<String> {
    [1, 2].into_iter().for_each(|field| segment.f(field).take_all());
    let completion = segment.f(20);
    let refused = segment.f(18).is_some();
    if segment.f(5).peek() == Some(NOTHING_GIVEN) && !refused && completion.peek() != Some("RE") {
        cx.remark(
            model::Severity::Information,
            segment,
            "No vaccine was administered (code 998): no Immunization was made, the observations beside it stand alone.",
        );
        segment.f(5).take_all();
        return None;
    }
    let mut tree = Tree::new("Immunization");
    let mut to = tree.edit();
    for (field, kind) in [(2, "PLAC"), (3, "FILL")] {
        if let Some(part) = common.map(|common| common.f(field)).filter(|part| part.is_some()) {
            datatypes::fill_entity(cx, part, Some(kind), &mut to.item("identifier"));
        }
    }
    let deleted = segment.f(21).peek() == Some("D");
    segment.f(21).take_all();
    let status = match completion.text() {
        _ if deleted => "entered-in-error",
        _ if refused => "not-done",
        Some(code) => coded::lookup("immunization", code).unwrap_or("completed"),
        None => "completed",
    };
    to.set("status", status);
    cx.set_patient(&mut to, "patient");
    cx.set_encounter(&mut to);
    source(cx, segment, &mut to);
    fields::carry(cx, segment, &mut to);
    if to.as_element().get("vaccineCode").is_none() {
        coded::absent(&mut to.object("vaccineCode"), "unknown");
    }
    if to.as_element().get("occurrenceDateTime").is_none() {
        coded::absent(&mut to.primitive("occurrenceDateTime"), "unknown");
    }
    dose(cx, segment, &mut to);
    performers(cx, segment, common, &mut to);
    if let Some(reference) = people::facility_of_code(cx, segment.f(17)) {
        to.object("manufacturer").set("reference", &reference);
    }
    let place = if segment.f(27).is_some() { segment.f(27) } else { segment.f(11) };
    people::refer(people::location(cx, place), &mut to, "location", false);
    if let Some(route) = route {
        fields::carry(cx, route, &mut to);
        cx.mapped(route, "Immunization");
    }
    if completion.peek() == Some("PA") {
        to.item("note").set("text", "The vaccine was administered partially.");
    }
    Some(cx.add(segment, tree))
}

/// Who administered it (RXA-10) and who ordered it (ORC-12).
fn performers(cx: &mut Context<'_>, segment: &Segment, common: Option<&Segment>, to: &mut model::ElementMut<'_>) {
    let administered = segment.reps(10).map(|part| (part, "AP"));
    let ordered = common.into_iter().flat_map(|common| common.reps(12)).map(|part| (part, "OP"));
    for (part, function) in administered.chain(ordered).collect::<Vec<_>>() {
        let Some(reference) = people::practitioner(cx, part) else { continue };
        let mut performer = to.item("performer");
        performer.object("function").item("coding").set("system", FUNCTION).set("code", function);
        performer.object("actor").set("reference", &reference);
    }
}

/// RXA-9: whether the record is of the one who vaccinated.
fn source(cx: &mut Context<'_>, segment: &Segment, to: &mut model::ElementMut<'_>) {
    for part in segment.reps(9) {
        match (part.peek(), part.c(3).peek()) {
            (Some("00"), Some("NIP001")) => {
                [1, 3].into_iter().for_each(|number| part.c(number).take_all());
                to.set("primarySource", true);
            }
            (Some(code), Some("NIP001")) if code.len() == 2 => {
                to.set("primarySource", false);
                coded::set_concept(cx, part, to, "reportOrigin");
            }
            _ => {
                if let Some(words) = part.whole() {
                    to.item("note").set("text", &words);
                }
            }
        }
    }
}

/// RXA-6 and 7; 999 stands for an amount that nobody knows.
fn dose(cx: &mut Context<'_>, segment: &Segment, to: &mut model::ElementMut<'_>) {
    let (amount, unit) = (segment.f(6), segment.f(7));
    match amount.text() {
        Some("999") | None => {
            unit.take_all();
        }
        Some(text) => match datatypes::number(text) {
            Some(number) => {
                let mut quantity = to.object("doseQuantity");
                quantity.set("value", Primitive::Number(&number));
                datatypes::fill_unit(cx, unit, &mut quantity);
            }
            None => cx.defect(amount, format!("The dose {text:?} is no number.")),
        },
    }
}
