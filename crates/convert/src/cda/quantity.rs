//! PQ, IVL_PQ, RTO, INT and REAL into Quantity, Range, Ratio and numbers: <http://hl7.org/fhir/R4/datatypes.html#Quantity>.

use model::{Decimal, ElementMut};

use super::coded;
use super::context::Context;
use super::read::Node;
use super::ucum;

const UCUM: &str = "http://unitsofmeasure.org";
const TRANSLATION: &str = "http://hl7.org/fhir/StructureDefinition/iso21090-PQ-translation";

/// A number as FHIR writes it, its digits kept: `.5` is `0.5`, `1,5` is `1.5`. `None` where it is none.
pub(crate) fn decimal(text: &str) -> Option<String> {
    let text = text.trim().replace(',', ".");
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(&text)),
    };
    let digits = digits.strip_suffix('.').unwrap_or(digits);
    let (whole, rest) = digits.split_at(digits.find(['.', 'e', 'E']).unwrap_or(digits.len()));
    let whole = whole.trim_start_matches('0');
    let number = format!("{sign}{}{rest}", if whole.is_empty() { "0" } else { whole });
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    Decimal::parse(&number).map(|_| number)
}

/// Whether the element carries a value or bounds.
pub(super) fn has_value(node: Node<'_>) -> bool {
    node.peek("value").is_some() || ["low", "high", "center", "width"].iter().any(|name| node.get(name).is_some())
}

/// Fills a Quantity from PQ. A number nobody can read is reported and its text kept as the unit's text.
pub(super) fn fill_quantity(cx: &mut Context<'_>, node: Node<'_>, quantity: &mut ElementMut<'_>) {
    let flavor = node.null_flavor();
    match node.attr("value").map(|text| (text, decimal(text))) {
        Some((_, Some(number))) => {
            quantity.set("value", model::Primitive::Number(&number));
        }
        Some((text, None)) => {
            cx.defect(node, format!("The value {text:?} is no number; it is kept as text."));
            quantity.set("unit", [text, node.peek("unit").unwrap_or_default()].join(" ").trim());
            return;
        }
        None => coded::absent(&mut quantity.primitive("value"), flavor),
    }
    fill_unit(cx, node, quantity);
    for translation in node.all("translation") {
        translation.take_attributes();
        let Some(number) = translation.peek("value").and_then(decimal) else { continue };
        let mut extension = quantity.item("extension");
        extension.set("url", TRANSLATION);
        let mut other = extension.object("valueQuantity");
        other.set("value", model::Primitive::Number(&number));
        let unit = coded::original_text(cx, translation).or(translation.peek("displayName").map(str::to_owned));
        other.set_some("unit", unit.as_deref().or(translation.peek("code")));
        // qty-3: a code without a system is none; it is the unit's text then.
        let system = translation.peek("codeSystem").and_then(|oid| coded::system_uri(cx, oid));
        if let (Some(system), Some(code)) = (system, translation.peek("code")) {
            other.set("system", &system).set("code", code);
        }
    }
}

fn fill_unit(cx: &mut Context<'_>, node: Node<'_>, quantity: &mut ElementMut<'_>) {
    let Some(unit) = node.peek("unit") else { return };
    quantity.set("unit", unit);
    match ucum::code(unit) {
        Some(code) => {
            quantity.set("system", UCUM).set("code", code);
        }
        None => cx.note(node, format!("The unit {unit:?} is not UCUM; it is kept as text.")),
    }
}

/// Fills a Range from low and high.
pub(super) fn fill_range(cx: &mut Context<'_>, node: Node<'_>, range: &mut ElementMut<'_>) {
    node.take_attributes();
    for name in ["low", "high"] {
        let Some(bound) = node.get(name) else { continue };
        if bound.peek("value").is_some() {
            fill_quantity(cx, bound, &mut range.object(name));
            if bound.peek("inclusive") == Some("false") {
                cx.note(bound, "The end itself is not in the range; a Range of FHIR has its ends.");
            }
        } else {
            bound.null_flavor();
        }
    }
}

/// Whether an interval has both ends, or an end that no comparator expresses.
pub(super) fn is_range(node: Node<'_>) -> bool {
    let end = |name: &str| node.get(name).is_some_and(|bound| bound.peek("value").is_some());
    end("low") && end("high")
}

/// Fills a Quantity from an interval with one end, as a comparison.
pub(super) fn fill_bound(cx: &mut Context<'_>, node: Node<'_>, quantity: &mut ElementMut<'_>) {
    node.take_attributes();
    let end = |name: &str| node.get(name).filter(|bound| bound.peek("value").is_some());
    if let Some(center) = end("center") {
        fill_quantity(cx, center, quantity);
        // The unit may stand on the interval instead.
        if center.peek("unit").is_none() {
            fill_unit(cx, node, quantity);
        }
        return;
    }
    for (name, inclusive, exclusive) in [("low", ">=", ">"), ("high", "<=", "<")] {
        if let Some(bound) = end(name) {
            let comparator = if bound.peek("inclusive") == Some("false") { exclusive } else { inclusive };
            quantity.set("comparator", comparator);
            fill_quantity(cx, bound, quantity);
            for other in ["low", "high"].iter().filter(|other| **other != name) {
                if let Some(node) = node.get(other) {
                    node.take_attributes();
                }
            }
            return;
        }
    }
    coded::absent(&mut quantity.primitive("value"), node.peek("nullFlavor"));
}

/// Fills a Ratio from numerator and denominator.
pub(super) fn fill_ratio(cx: &mut Context<'_>, node: Node<'_>, ratio: &mut ElementMut<'_>) {
    node.take_attributes();
    for name in ["numerator", "denominator"] {
        let Some(part) = node.get(name) else { continue };
        if part.peek("value").is_some() {
            fill_quantity(cx, part, &mut ratio.object(name));
        } else if is_range(part) {
            // A Ratio has no place for an interval: the low end with the rest in words.
            let words: Vec<String> =
                part.children().filter_map(|bound| bound.peek("value").map(str::to_owned)).collect();
            cx.loss(
                part,
                format!("A ratio of intervals has no form in FHIR; {name} {} is kept as text.", words.join("-")),
            );
            part.children().for_each(Node::take_attributes);
            ratio.object(name).set("unit", &words.join("-"));
        }
    }
}
