//! Parameters of type quantity: <http://hl7.org/fhir/R4/search.html#quantity>.
//!
//! A number as parameters of type number compare it, in a unit: `5.4|http://unitsofmeasure.org|mg` in that unit or one that
//! UCUM converts to it, `5.4||mg` in a unit of this code or text, `5.4` in any. Values are kept in the unit that they were written in;
//! they are compared in base units.
//!
//! Keys: the code of the unit (or its text, where it has no code) as an exact text, its system as parameters of type token write it,
//! the unit's text where it differs from the code, as an exact text, and the number as parameters of type number write it.

use model::{Decimal, Element};

use super::{number, token};
use crate::key::{put_exact, take_exact};
use crate::query::Prefix;
use crate::span::{Span, Verdict};
use crate::ucum;
use crate::value::{Interval, Kind, Quantity, System, Value};

const MOST: usize = 40;
/// The system of UCUM.
pub(crate) const UCUM: &str = "http://unitsofmeasure.org";
const CURRENCIES: &str = "urn:iso:std:iso:4217";

/// The quantity of an element.
pub(crate) fn collect<'t>(element: Element<'t>, kind: Kind, found: &mut Vec<Value<'t>>) {
    let unit_of = |element: Element<'t>, interval: Interval| Quantity {
        interval,
        system: element.text_at("system"),
        code: element.text_at("code"),
        unit: element.text_at("unit"),
    };
    let quantity = match kind {
        Kind::Quantity => one(element).map(|interval| unit_of(element, interval)),
        Kind::Range => number::interval(element, kind).and_then(|interval| {
            let end = element.get("low").or_else(|| element.get("high"))?;
            Some(unit_of(end, interval))
        }),
        Kind::Money => one(element).map(|interval| Quantity {
            interval,
            system: Some(CURRENCIES),
            code: element.text_at("currency"),
            unit: None,
        }),
        Kind::Number => number::interval(element, kind).map(|interval| unit_of(element, interval)),
        _ => None,
    };
    found.extend(quantity.map(Value::Quantity));
}

/// The value with its comparator: `<` and `<=` leave the low end open, `>` and `>=` the high one.
fn one(element: Element<'_>) -> Option<Interval> {
    let value = element.text_at("value").and_then(Decimal::parse)?;
    Some(match element.text_at("comparator") {
        Some("<" | "<=") => Interval { low: None, high: Some(value) },
        Some(">" | ">=") => Interval { low: Some(value), high: None },
        _ => Interval { low: Some(value), high: Some(value) },
    })
}

/// Appends the key of a quantity behind `prefix`.
pub(crate) fn put(prefix: &[u8], quantity: &Quantity<'_>, keys: &mut Vec<Vec<u8>>) {
    let mut key = Vec::with_capacity(prefix.len() + 16);
    key.extend_from_slice(prefix);
    let code = quantity.code.or(quantity.unit).unwrap_or("");
    put_exact(&mut key, code, MOST);
    token::put_system(&mut key, quantity.system.map_or(System::None, System::Uri));
    put_exact(&mut key, quantity.unit.filter(|unit| *unit != code).unwrap_or(""), MOST);
    number::put_interval(&mut key, quantity.interval);
    keys.push(key);
}

/// What a key says.
struct Taken<'k> {
    code: &'k [u8],
    system: &'k [u8],
    unit: &'k [u8],
    /// Whether code and unit are there as a whole.
    whole: bool,
    interval: Interval,
}

fn take(value: &[u8]) -> Option<Taken<'_>> {
    let code = take_exact(value)?;
    let length = if code.rest.first() == Some(&1) { 9 } else { 1 };
    let (system, rest) = code.rest.split_at_checked(length)?;
    let unit = take_exact(rest)?;
    let whole = code.whole && unit.whole;
    Some(Taken { code: code.text, system, unit: unit.text, whole, interval: number::take(unit.rest)? })
}

/// The low end of the number in a key, for sorting.
pub(crate) fn sort_number(value: &[u8]) -> Option<Option<Decimal>> {
    take(value).map(|taken| taken.interval.low)
}

/// The unit that a key begins with: its code where it is one of UCUM, and how many bytes it takes with its system.
pub(crate) fn unit_in(value: &[u8]) -> Option<(Option<String>, usize)> {
    let code = take_exact(value)?;
    let system = if code.rest.first() == Some(&1) { 9 } else { 1 };
    let is_ucum = code.rest.get(..system)? == system_key(UCUM);
    let text = std::str::from_utf8(code.text).ok().filter(|_| is_ucum && code.whole);
    Some((text.map(str::to_owned), value.len() - code.rest.len() + system))
}

fn system_key(system: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(9);
    token::put_system(&mut key, System::Uri(system));
    key
}

/// What a quantity is compared with.
#[derive(Clone, Debug)]
pub(crate) struct Criterion {
    number: number::Criterion,
    /// System and code; no system: code or text of the unit.
    unit: Option<(Option<String>, String)>,
    /// The same in base units.
    base: Option<(String, number::Criterion)>,
    /// Codes of UCUM with the same base units, each with what brings a value there.
    others: Vec<(String, Decimal)>,
}

impl Criterion {
    /// `number[|system|code]`, without its prefix; `None` where there is no number.
    pub(crate) fn parse(prefix: Prefix, text: &str) -> Option<Criterion> {
        let parts = crate::query::split(text, '|');
        let number = number::Criterion::new(prefix, Decimal::parse(parts.first()?)?)?;
        let unit = match parts.as_slice() {
            [_, _, code, ..] if code.is_empty() => None,
            [_, system, code, ..] => Some(((!system.is_empty()).then(|| system.clone()), code.clone())),
            [_, code] if !code.is_empty() => Some((None, code.clone())),
            _ => None,
        };
        let base = match &unit {
            Some((Some(system), code)) if system == UCUM => ucum::canonical(code)
                .and_then(|(base, factor)| Some((base, number.map(|number| ucum::multiply(number, factor))?))),
            _ => None,
        };
        Some(Criterion { number, unit, base, others: Vec::new() })
    }

    /// Whether values in other units may meet it.
    pub(crate) fn is_convertible(&self) -> bool {
        self.base.is_some()
    }

    /// Makes it known which codes of UCUM there are.
    pub(crate) fn know(&mut self, codes: &[String]) {
        let (Some((base, _)), Some((_, asked))) = (&self.base, &self.unit) else { return };
        let other = |code: &String| {
            let (other, factor) = ucum::canonical(code)?;
            (other == *base).then(|| (code.clone(), factor))
        };
        self.others = codes.iter().filter(|code| *code != asked).filter_map(other).collect();
    }

    fn holds(&self, code: &[u8], system_is: impl Fn(&str) -> bool, unit: &[u8], interval: Interval) -> bool {
        let Some((system, asked)) = &self.unit else { return self.number.matches(interval) };
        let code_is = code == asked.as_bytes();
        let exact = match system {
            Some(system) => code_is && system_is(system),
            None => code_is || unit == asked.as_bytes(),
        };
        if exact {
            return self.number.matches(interval);
        }
        let other = self.others.iter().find(|(other, _)| other.as_bytes() == code);
        let (Some((_, factor)), Some((_, number))) = (other, &self.base) else { return false };
        let in_base = |end: Option<Decimal>| match end {
            None => Some(None),
            Some(end) => ucum::multiply(end, *factor).map(Some),
        };
        let (Some(low), Some(high)) = (in_base(interval.low), in_base(interval.high)) else { return false };
        system_is(UCUM) && number.matches(Interval { low, high })
    }

    /// Whether a quantity meets it.
    pub(crate) fn matches(&self, quantity: &Quantity<'_>) -> bool {
        let code = quantity.code.or(quantity.unit).unwrap_or("");
        let unit = quantity.unit.unwrap_or("");
        self.holds(code.as_bytes(), |system| quantity.system == Some(system), unit.as_bytes(), quantity.interval)
    }

    /// Whether the quantity in a key meets it.
    pub(crate) fn keep(&self, value: &[u8]) -> Verdict {
        let Some(taken) = take(value) else { return Verdict::No };
        let system_is = |system: &str| system_key(system) == taken.system;
        if !taken.whole && self.unit.is_some() {
            return Verdict::Unsure;
        }
        Verdict::of(self.holds(taken.code, system_is, taken.unit, taken.interval))
    }

    /// Where such quantities may lie behind `prefix`.
    pub(crate) fn spans(&self, prefix: &[u8]) -> Vec<Span> {
        let Some((Some(system), code)) = &self.unit else { return vec![Span::prefix(prefix.to_vec())] };
        let unit = |system: &str, code: &str| {
            let mut key = prefix.to_vec();
            put_exact(&mut key, code, MOST);
            token::put_system(&mut key, System::Uri(system));
            Span::prefix(key)
        };
        let others = self.others.iter().map(|(other, _)| unit(UCUM, other));
        std::iter::once(unit(system, code)).chain(others).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(asked: &str, value: &str, system: Option<&str>, code: Option<&str>, unit: Option<&str>) -> bool {
        let (prefix, rest) = crate::query::prefix(asked);
        let mut criterion = Criterion::parse(prefix, rest).unwrap();
        criterion.know(&["mg".to_owned(), "[lb_av]".to_owned(), "m".to_owned()]);
        let value = Decimal::parse(value).unwrap();
        let quantity = Quantity { interval: Interval { low: Some(value), high: Some(value) }, system, code, unit };
        let mut keys = Vec::new();
        put(b"p", &quantity, &mut keys);
        let found = criterion.spans(b"p").iter().any(|span| span.contains(&keys[0]));
        let by_key = found && criterion.keep(&keys[0][1..]) == Verdict::Yes;
        assert_eq!(by_key, criterion.matches(&quantity), "{asked} {quantity:?}");
        by_key
    }

    #[test]
    fn a_unit_by_system_by_text_or_converted() {
        assert!(check("5.4", "5.4", None, None, None));
        assert!(check("5.4", "5.4", Some(UCUM), Some("mg"), Some("mg")));
        assert!(check("5.4|http://unitsofmeasure.org|mg", "5.4", Some(UCUM), Some("mg"), Some("milligrams")));
        assert!(!check("5.4|http://unitsofmeasure.org|mg", "5.4", None, Some("mg"), None));
        assert!(check("5.4||milligrams", "5.4", Some(UCUM), Some("mg"), Some("milligrams")));
        assert!(check("5.4||mg", "5.41", None, None, Some("mg")));
        assert!(check("gt5|http://unitsofmeasure.org|g", "5001", Some(UCUM), Some("mg"), None));
        assert!(!check("gt5|http://unitsofmeasure.org|g", "4999", Some(UCUM), Some("mg"), None));
        assert!(!check("gt5|http://unitsofmeasure.org|g", "5001", Some("urn:x"), Some("mg"), None));
        assert!(check("ap100|http://unitsofmeasure.org|kg", "220", Some(UCUM), Some("[lb_av]"), None));
        assert!(!check("gt0|http://unitsofmeasure.org|kg", "1", Some(UCUM), Some("m"), None));
    }
}
