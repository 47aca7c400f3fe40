//! Parameters of type number: <http://hl7.org/fhir/R4/search.html#number>.
//!
//! Without prefix, `100` asks for 99.5 to 100.5, `1.00` for 0.995 to 1.005, and `1e2` for 95 to 105 (the specification's own
//! examples): the digits written are the precision. With `gt lt ge le sa eb` the number is exact. `ap` allows a tenth.
//!
//! Keys: `01 decimal`, for a Range `02 decimal decimal`, where a missing end is the byte 00 (low) or FF (high).

use model::{Decimal, Element};

use crate::key::{put_decimal, take_decimal};
use crate::query::Prefix;
use crate::span::{Span, Verdict};
use crate::value::{Interval, Kind, Value};

/// The value of a numeric element, or of a Range.
pub(crate) fn collect<'t>(element: Element<'t>, kind: Kind, found: &mut Vec<Value<'t>>) {
    found.extend(interval(element, kind).map(Value::Number));
}

/// A number as an interval of that number only, a Range as it is.
pub(crate) fn interval(element: Element<'_>, kind: Kind) -> Option<Interval> {
    let number = |element: Element<'_>| element.text().and_then(Decimal::parse);
    match kind {
        Kind::Range => {
            let end = |name: &str| element.get(name)?.get("value").and_then(number);
            let (low, high) = (end("low"), end("high"));
            (low.is_some() || high.is_some()).then_some(Interval { low, high })
        }
        _ => number(element).map(|value| Interval { low: Some(value), high: Some(value) }),
    }
}

/// Appends the key of an interval behind `prefix`.
pub(crate) fn put(prefix: &[u8], value: Interval, keys: &mut Vec<Vec<u8>>) {
    let mut key = prefix.to_vec();
    put_interval(&mut key, value);
    keys.push(key);
}

pub(crate) fn put_interval(key: &mut Vec<u8>, value: Interval) {
    match (value.low, value.high) {
        (Some(low), Some(high)) if low == high => {
            key.push(1);
            put_decimal(key, low);
        }
        (low, high) => {
            key.push(2);
            for (end, missing) in [(low, 0), (high, 0xFF)] {
                match end {
                    Some(end) => put_decimal(key, end),
                    None => key.push(missing),
                }
            }
        }
    }
}

/// The interval in a key.
pub(crate) fn take(value: &[u8]) -> Option<Interval> {
    let (form, rest) = value.split_first()?;
    if *form == 1 {
        let (number, _) = take_decimal(rest)?;
        return Some(Interval { low: Some(number), high: Some(number) });
    }
    let (low, rest) = match rest.split_first()? {
        (0, rest) => (None, rest),
        _ => take_decimal(rest).map(|(low, rest)| (Some(low), rest))?,
    };
    let high = match rest.first()? {
        0xFF => None,
        _ => Some(take_decimal(rest)?.0),
    };
    Some(Interval { low, high })
}

/// What a value is compared with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Criterion {
    pub(crate) prefix: Prefix,
    value: Decimal,
    /// From the first, to before the second: the number's precision, or what `ap` allows.
    range: (Decimal, Decimal),
}

impl Criterion {
    /// `None` where the number's precision cannot be told.
    pub(crate) fn new(prefix: Prefix, value: Decimal) -> Option<Criterion> {
        let range = match prefix {
            Prefix::Ap => tenth(value)?,
            _ => precision(value)?,
        };
        Some(Criterion { prefix, value, range })
    }

    /// The same with all numbers multiplied, for another unit.
    pub(crate) fn map(&self, change: impl Fn(Decimal) -> Option<Decimal>) -> Option<Criterion> {
        Some(Criterion {
            prefix: self.prefix,
            value: change(self.value)?,
            range: (change(self.range.0)?, change(self.range.1)?),
        })
    }

    /// Whether an interval meets it.
    pub(crate) fn matches(&self, value: Interval) -> bool {
        let Interval { low, high } = value;
        let inside = || low.is_some_and(|low| low >= self.range.0) && high.is_some_and(|high| high < self.range.1);
        match self.prefix {
            Prefix::Eq => inside(),
            Prefix::Ne => !inside(),
            Prefix::Gt => high.is_none_or(|high| high > self.value),
            Prefix::Lt => low.is_none_or(|low| low < self.value),
            Prefix::Ge => high.is_none_or(|high| high >= self.value),
            Prefix::Le => low.is_none_or(|low| low <= self.value),
            Prefix::Sa => low.is_some_and(|low| low > self.value),
            Prefix::Eb => high.is_some_and(|high| high < self.value),
            Prefix::Ap => low.is_none_or(|low| low <= self.range.1) && high.is_none_or(|high| high >= self.range.0),
        }
    }

    /// Whether the interval in a key meets it.
    pub(crate) fn keep(&self, value: &[u8]) -> Verdict {
        Verdict::of(take(value).is_some_and(|interval| self.matches(interval)))
    }

    /// Where such numbers lie behind `prefix`. Ranges are few: all of them are looked at.
    pub(crate) fn spans(&self, prefix: &[u8]) -> Vec<Span> {
        let (low, high) = match self.prefix {
            Prefix::Ne => (None, None),
            Prefix::Eq | Prefix::Ap => (Some(self.range.0), Some(self.range.1)),
            Prefix::Gt | Prefix::Ge | Prefix::Sa => (Some(self.value), None),
            Prefix::Lt | Prefix::Le | Prefix::Eb => (None, Some(self.value)),
        };
        let bound = |end: Option<Decimal>| {
            let mut key = [prefix, &[1]].concat();
            if let Some(end) = end {
                put_decimal(&mut key, end);
            }
            key
        };
        let points = Span::between_prefixes(bound(low), &bound(high));
        vec![points, Span::prefix([prefix, &[2]].concat())]
    }
}

/// The numbers that a number as written can mean.
fn precision(value: Decimal) -> Option<(Decimal, Decimal)> {
    if value.scale() >= 0 {
        return value.implied_range();
    }
    // `1e2` means 95 to 105: one digit more than is written.
    Decimal::new(value.coefficient().checked_mul(10)?, value.scale() + 1)?.implied_range()
}

fn tenth(value: Decimal) -> Option<(Decimal, Decimal)> {
    let middle = value.coefficient().checked_mul(10)?;
    let slack = value.coefficient().abs();
    let scale = value.scale() + 1;
    Some((Decimal::new(middle.checked_sub(slack)?, scale)?, Decimal::new(middle.checked_add(slack)?, scale)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    fn check(prefix: Prefix, asked: &str, low: &str, high: &str) -> bool {
        let criterion = Criterion::new(prefix, decimal(asked)).unwrap();
        let end = |text: &str| (!text.is_empty()).then(|| decimal(text));
        let value = Interval { low: end(low), high: end(high) };
        let mut keys = Vec::new();
        put(b"p", value, &mut keys);
        let by_key = criterion.spans(b"p").iter().any(|span| span.contains(&keys[0]))
            && criterion.keep(&keys[0][1..]) == Verdict::Yes;
        assert_eq!(by_key, criterion.matches(value), "{prefix:?} {asked} [{low}, {high}]");
        by_key
    }

    #[test]
    fn digits_written_are_the_precision() {
        for (asked, yes, no) in [
            ("100", ["99.5", "100.4999"], ["99.4999", "100.5"]),
            ("100.00", ["99.995", "100.0049"], ["99.99", "100.005"]),
            ("1e2", ["95", "104.9"], ["94.9", "105"]),
            ("5.40e-3", ["0.005395", "0.0054"], ["0.005394", "0.005405"]),
            ("-5.4", ["-5.45", "-5.4"], ["-5.46", "-5.35"]),
        ] {
            for value in yes {
                assert!(check(Prefix::Eq, asked, value, value));
                assert!(!check(Prefix::Ne, asked, value, value));
            }
            for value in no {
                assert!(!check(Prefix::Eq, asked, value, value));
                assert!(check(Prefix::Ne, asked, value, value));
            }
        }
    }

    #[test]
    fn a_prefix_makes_the_number_exact() {
        assert!(check(Prefix::Gt, "100", "100.01", "100.01"));
        assert!(!check(Prefix::Gt, "100", "100", "100"));
        assert!(check(Prefix::Ge, "100", "100", "100"));
        assert!(check(Prefix::Le, "100", "100.0", "100.0"));
        assert!(!check(Prefix::Lt, "100", "100", "100"));
        assert!(check(Prefix::Ap, "100", "110", "110"));
        assert!(!check(Prefix::Ap, "-100", "-111", "-111"));
    }

    #[test]
    fn an_interval_may_be_open() {
        assert!(check(Prefix::Gt, "100", "5", ""));
        assert!(check(Prefix::Lt, "5", "", "5"));
        assert!(!check(Prefix::Eq, "5", "5", ""));
        assert!(!check(Prefix::Sa, "5", "5", "9"));
        assert!(check(Prefix::Eb, "10", "5", "9"));
        assert!(check(Prefix::Ap, "5", "1", "9"));
    }
}
