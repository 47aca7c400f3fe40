//! `value` of an observation into `value[x]`, by its `xsi:type`.

use model::{ElementMut, Primitive};

use super::coded;
use super::context::Context;
use super::quantity;
use super::read::Node;
use super::time;

/// Sets the choice element `base` + type. Where the value has only a null flavour, `dataAbsentReason` says why; where
/// `counts` is set, whole numbers become quantities.
pub(super) fn set_value(cx: &mut Context<'_>, node: Node<'_>, to: &mut ElementMut<'_>, base: &str, counts: bool) {
    let kind = node.xsi_type().unwrap_or_else(|| guess(node));
    let name = |suffix: &str| format!("{base}{suffix}");
    match kind {
        "PQ" | "MO" if node.peek("value").is_some() => {
            quantity::fill_quantity(cx, node, &mut to.object(&name("Quantity")))
        }
        "REAL" if node.peek("value").is_some() => quantity::fill_quantity(cx, node, &mut to.object(&name("Quantity"))),
        "INT" if node.peek("value").is_some() => integer(cx, node, to, &name("Integer"), &name("Quantity"), counts),
        // A laboratory's result is no boolean in the European format.
        "BL" if node.peek("value").is_some() && cx.laboratory => {
            let yes = node.attr("value") == Some("true");
            let mut concept = to.object(&name("CodeableConcept"));
            concept.item("coding").set("system", YES_NO).set("code", if yes { "Y" } else { "N" });
            concept.set("text", if yes { "true" } else { "false" });
        }
        "BL" if node.peek("value").is_some() => {
            to.set(&name("Boolean"), node.attr("value") == Some("true"));
        }
        "TS" if node.peek("value").is_some() => time::set_time(cx, node, to, &name("DateTime")),
        "IVL_TS" if !matches!(time::when(Some(node)), time::When::Unknown(_)) => match time::when(Some(node)) {
            time::When::Point(point) => time::set_time(cx, point, to, &name("DateTime")),
            _ => time::fill_period(cx, node, &mut to.object(&name("Period"))),
        },
        "IVL_PQ" | "IVL_INT" | "IVL_REAL" if quantity::has_value(node) => {
            if node.peek("value").is_some() {
                quantity::fill_quantity(cx, node, &mut to.object(&name("Quantity")));
            } else if quantity::is_range(node) {
                quantity::fill_range(cx, node, &mut to.object(&name("Range")));
            } else {
                quantity::fill_bound(cx, node, &mut to.object(&name("Quantity")));
            }
        }
        "RTO" | "RTO_PQ_PQ" | "RTO_QTY_QTY" => quantity::fill_ratio(cx, node, &mut to.object(&name("Ratio"))),
        // More than nothing, though too little to be measured; enough, though not measured: neither is unknown.
        _ if matches!(node.peek("nullFlavor"), Some("TRC" | "QS")) && node.peek("value").is_none() => {
            let (code, text) = if node.null_flavor() == Some("TRC") { ("TRC", "Trace") } else { ("QS", "Sufficient") };
            let mut concept = to.object(&name("CodeableConcept"));
            concept.item("coding").set("system", NULL_FLAVOR).set("code", code);
            concept.set("text", text);
            node.take_attributes();
        }
        "CD" | "CE" | "CV" | "CO" | "CS" | "SC" if coded::names_something(cx, node) => {
            coded::fill_concept(cx, node, &mut to.object(&name("CodeableConcept")));
        }
        "ED" if node.peek("representation") == Some("B64") => binary(cx, node),
        _ => match text_of(cx, node) {
            Some(text) => {
                to.set(&name("String"), &text);
            }
            None => coded::fill_concept(cx, node, &mut to.object("dataAbsentReason")),
        },
    }
    if to.as_element().get("dataAbsentReason").is_some_and(|reason| reason.get("coding").is_none()) {
        let flavor = node.null_flavor();
        to.remove("dataAbsentReason");
        to.object("dataAbsentReason").item("coding").set("system", REASON).set("code", coded::absent_reason(flavor));
    }
}

/// Appends an interpretation; a code that HL7's system does not have is kept as text.
pub(super) fn push_interpretation(cx: &mut Context<'_>, node: Node<'_>, to: &mut ElementMut<'_>) {
    if is_interpretation(cx, node) {
        coded::push_concept(cx, node, to, "interpretation");
        return;
    }
    cx.defect(
        node,
        format!("The interpretation {:?} is no code of HL7; it is kept as text.", node.peek("code").unwrap_or("")),
    );
    let said = super::entry::said(cx, node);
    node.take_all();
    to.item("interpretation").set_some("text", said.as_deref());
}

/// Whether the code is of another system than HL7's interpretations, or one of them.
pub(super) fn is_interpretation(cx: &Context<'_>, node: Node<'_>) -> bool {
    let own = coded::code_in(cx, node, INTERPRETATION);
    own.is_none_or(|code| include_str!("interpretations.tsv").lines().any(|known| known == code))
}

const INTERPRETATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation";
const NULL_FLAVOR: &str = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor";
const YES_NO: &str = "http://terminology.hl7.org/CodeSystem/v2-0136";
const REASON: &str = "http://terminology.hl7.org/CodeSystem/data-absent-reason";

fn guess(node: Node<'_>) -> &'static str {
    if node.peek("code").is_some() || node.get("translation").is_some() || node.get("originalText").is_some() {
        "CD"
    } else if node.peek("unit").is_some() {
        "PQ"
    } else if node.peek("value").is_some_and(|value| quantity::decimal(value).is_some()) {
        "REAL"
    } else {
        "ST"
    }
}

fn text_of(cx: &Context<'_>, node: Node<'_>) -> Option<String> {
    node.take_all();
    coded::referenced_text(cx, node).or_else(|| node.peek("value").map(str::to_owned))
}

fn integer(
    cx: &mut Context<'_>,
    node: Node<'_>,
    to: &mut ElementMut<'_>,
    whole: &str,
    quantity_name: &str,
    counts: bool,
) {
    let number = node.attr("value").and_then(|text| text.parse::<i32>().ok());
    match number {
        Some(number) if counts => {
            to.object(quantity_name)
                .set("value", Primitive::Integer(number.into()))
                .set("system", "http://unitsofmeasure.org")
                .set("code", "1");
        }
        Some(number) => {
            to.set(whole, i64::from(number));
        }
        None => quantity::fill_quantity(cx, node, &mut to.object(quantity_name)),
    }
}

fn binary(cx: &mut Context<'_>, node: Node<'_>) {
    cx.loss(node, "A value of binary data has no form in Observation; it was not carried.");
    node.take_all();
}
