//! OBX-5 by the type that OBX-2 names, with unit and reference range:
//! <https://www.hl7.eu/HL7v2x/v282/std282/ch07.html#Heading108>.

use model::{ElementMut, Tree};

use super::coded;
use super::context::Context;
use super::datatypes;
use super::read::{Part, Segment};

const REASON: &str = "http://terminology.hl7.org/CodeSystem/data-absent-reason";

/// Sets `value[x]`, components where the field repeats, or why there is no value.
pub(super) fn set_value(cx: &mut Context<'_>, segment: &Segment, kind: &str, to: &mut ElementMut<'_>) {
    let parts: Vec<Part<'_>> = segment.reps(5).collect();
    match parts.as_slice() {
        [] => {
            let null = segment.all_reps(5).next().is_some_and(Part::is_null);
            if null {
                segment.all_reps(5).for_each(Part::take_all);
                cx.note(
                    segment.f(5),
                    "The value is explicitly null (\"\"): it is not known, not zero and not negative.",
                );
            }
            segment.f(6).take_all();
            to.object("dataAbsentReason").item("coding").set("system", REASON).set("code", "unknown");
        }
        [one] => one_value(cx, *one, segment, kind, to),
        several if matches!(kind, "TX" | "FT" | "ST") => {
            let lines: Vec<String> = several.iter().filter_map(|part| part.whole()).collect();
            segment.f(6).take_all();
            to.set("valueString", &lines.join("\n"));
        }
        several => {
            let code = to.as_element().get("code").map(Tree::from_element);
            for part in several {
                let mut component = to.item("component");
                if let Some(code) = &code {
                    component.copy_as("code", code.root(), false);
                }
                one_value(cx, *part, segment, kind, &mut component);
            }
        }
    }
}

fn one_value(cx: &mut Context<'_>, part: Part<'_>, segment: &Segment, kind: &str, to: &mut ElementMut<'_>) {
    let unit = segment.f(6);
    match kind {
        "NM" => numeric(cx, part, unit, to, true),
        "ST" if unit.is_some() => numeric(cx, part, unit, to, false),
        "SN" => structured(cx, part, unit, to),
        "CE" | "CWE" | "CNE" | "CF" | "IS" | "ID" | "CD" => {
            unit_of_code(cx, unit);
            coded::fill_concept(cx, part, &mut to.object("valueCodeableConcept"));
            if to.as_element().get("valueCodeableConcept").is_some_and(|found| !found.has_children()) {
                to.remove("valueCodeableConcept");
                to.set_some("valueString", part.whole().as_deref());
            }
        }
        "DT" | "TS" | "DTM" => {
            datatypes::set_time(cx, part, to, "valueDateTime");
        }
        "TM" => clock(cx, part, to),
        "DR" => {
            let mut period = to.object("valuePeriod");
            datatypes::set_time(cx, part.c(1), &mut period, "start");
            datatypes::set_time(cx, part.c(2), &mut period, "end");
        }
        "CQ" if part.peek().and_then(datatypes::number).is_some() => {
            let number = part.text().and_then(datatypes::number).unwrap_or_default();
            datatypes::fill_quantity(cx, &number, part.c(2), &mut to.object("valueQuantity"));
        }
        _ => {
            let words = part.whole().unwrap_or_default();
            let unit = unit.whole().map(|unit| format!(" {unit}")).unwrap_or_default();
            to.set("valueString", &format!("{words}{unit}"));
        }
    }
}

/// A coded value has no unit: what stands there is listed, unless it only repeats that there is none.
fn unit_of_code(cx: &mut Context<'_>, unit: Part<'_>) {
    if unit.is_some() && matches!(unit.peek(), Some("1" | "{none}" | "NA" | "N/A")) {
        unit.take_all();
        cx.note(unit, "A coded value has no unit.");
    }
}

/// A number, perhaps with a comparator; anything else is text with its unit.
fn numeric(cx: &mut Context<'_>, part: Part<'_>, unit: Part<'_>, to: &mut ElementMut<'_>, must: bool) {
    let Some(text) = part.text() else { return };
    let (comparator, digits) = split_comparator(text);
    match datatypes::number(digits) {
        Some(number) => {
            let mut quantity = to.object("valueQuantity");
            quantity.set("value", model::Primitive::Number(&number));
            quantity.set_some("comparator", comparator);
            datatypes::fill_unit(cx, unit, &mut quantity);
        }
        None => {
            if must {
                cx.defect(part, format!("{text:?} is no number; it is kept as text."));
            }
            let unit = unit.whole().map(|unit| format!(" {unit}")).unwrap_or_default();
            to.set("valueString", &format!("{text}{unit}"));
        }
    }
}

fn split_comparator(text: &str) -> (Option<&'static str>, &str) {
    for comparator in ["<=", ">=", "<", ">"] {
        if let Some(rest) = text.strip_prefix(comparator) {
            return (Some(comparator), rest.trim());
        }
    }
    (None, text)
}

/// SN: comparator, number, separator, number.
fn structured(cx: &mut Context<'_>, part: Part<'_>, unit: Part<'_>, to: &mut ElementMut<'_>) {
    let (sign, first, separator, second) = (part.c(1).peek(), part.c(2).peek(), part.c(3).peek(), part.c(4).peek());
    let number = |text: Option<&str>| text.and_then(datatypes::number);
    let comparator = match sign {
        None | Some("=") => Some(None),
        Some(sign) => ["<", "<=", ">=", ">"].into_iter().find(|known| *known == sign).map(Some),
    };
    match (comparator, number(first), separator, number(second)) {
        (Some(comparator), Some(value), None, None) if second.is_none() => {
            let mut quantity = to.object("valueQuantity");
            quantity.set("value", model::Primitive::Number(&value));
            quantity.set_some("comparator", comparator);
            datatypes::fill_unit(cx, unit, &mut quantity);
            part.take_all();
        }
        (Some(None), Some(low), Some("-"), Some(high)) => {
            let mut range = to.object("valueRange");
            datatypes::fill_quantity(cx, &low, unit, &mut range.object("low"));
            datatypes::fill_quantity(cx, &high, unit, &mut range.object("high"));
            part.take_all();
        }
        (Some(None), Some(numerator), Some(":" | "/"), Some(denominator)) => {
            let mut ratio = to.object("valueRatio");
            datatypes::fill_quantity(cx, &numerator, unit, &mut ratio.object("numerator"));
            ratio.object("denominator").set("value", model::Primitive::Number(&denominator));
            part.take_all();
        }
        _ => {
            // "2+", "<>5": in words, in the order in which they stand.
            let words = [sign, first, separator, second].into_iter().flatten().collect::<String>();
            part.take_all();
            let unit = unit.whole().map(|unit| format!(" {unit}")).unwrap_or_default();
            to.set("valueString", &format!("{words}{unit}"));
        }
    }
}

/// TM: hours, minutes, seconds; a zone has no place in FHIR's time.
fn clock(cx: &mut Context<'_>, part: Part<'_>, to: &mut ElementMut<'_>) {
    let Some(text) = part.text() else { return };
    let (digits, zone) = text.split_at(text.find(['+', '-', '.']).unwrap_or(text.len()));
    let at = |from: usize| digits.get(from..from + 2).and_then(|two| two.parse::<u8>().ok());
    match (at(0), at(2), at(4)) {
        (Some(hours @ 0..=23), Some(minutes @ 0..=59), seconds) if matches!(digits.len(), 4 | 6) && zone.is_empty() => {
            to.set("valueTime", &format!("{hours:02}:{minutes:02}:{:02}", seconds.unwrap_or(0).min(59)));
        }
        _ => {
            cx.note(part, format!("{text:?} is no time of day that FHIR can hold; it is kept as text."));
            to.set("valueString", text);
        }
    }
}

/// OBX-7: bounds where the text is plainly two numbers or one with a comparator, and always the text.
pub(super) fn reference_range(cx: &mut Context<'_>, segment: &Segment, to: &mut ElementMut<'_>) {
    let parts: Vec<String> = segment.reps(7).filter_map(Part::whole).collect();
    let unit = segment.f(6);
    for text in parts {
        let mut range = to.item("referenceRange");
        let (low, high) = bounds(&text);
        for (name, number) in [("low", low), ("high", high)] {
            if let Some(number) = number {
                datatypes::fill_quantity(cx, &number, unit, &mut range.object(name));
            }
        }
        range.set("text", &text);
    }
}

fn bounds(text: &str) -> (Option<String>, Option<String>) {
    let text = text.trim().trim_start_matches(['(', '[']).trim_end_matches([')', ']']);
    let plain = |text: &str| {
        let text = text.trim();
        datatypes::number(text).filter(|_| text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b',')))
    };
    match split_comparator(text) {
        (Some("<" | "<="), rest) => (None, plain(rest)),
        (Some(_), rest) => (plain(rest), None),
        (None, text) => match text.split_once('-').map(|(low, high)| (plain(low), plain(high))) {
            Some((Some(low), Some(high))) => (Some(low), Some(high)),
            _ => (None, None),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::bounds;

    #[test]
    fn only_plain_bounds_become_numbers() {
        let pair = |low: &str, high: &str| {
            let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
            (some(low), some(high))
        };
        assert_eq!(bounds("135-145"), pair("135", "145"));
        assert_eq!(bounds("(3.5 - 5.1)"), pair("3.5", "5.1"));
        assert_eq!(bounds("<5"), pair("", "5"));
        assert_eq!(bounds(">=60"), pair("60", ""));
        for text in ["negative", "70_105", "1-2-3", "-5", "male 3-5", "<a", ""] {
            assert_eq!(bounds(text), pair("", ""), "{text}");
        }
    }
}
