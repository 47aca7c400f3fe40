//! Parameters of type date: <http://hl7.org/fhir/R4/search.html#date>.
//!
//! A value is the range of moments that it can mean: `2026` a year, a Period from its start's first to its end's last moment, open
//! where an end is missing, a Timing between its outer limits. A date without zone is taken in UTC. A prefix compares two ranges as
//! <http://hl7.org/fhir/R4/search.html#prefix> says.
//!
//! Keys, by the width of the range, so that a comparison of its end needs to look back by no more than that:
//!
//! ```text
//! 01 low                      one second
//! 02 low nanos(4) digits      a fraction of a second, by its number of digits
//! 03 low                      24 hours
//! 04 low width(3)             at most 24 hours, in seconds
//! 05 low width(3)             at most 194 days, in seconds
//! 06 low nanos(4) high nanos(4)    any other
//! 07 high nanos(4) low nanos(4)    the same once more, by its end
//! ```
//!
//! `low` and `high` are 5 bytes: seconds since 0001-01-01T00:00:00Z plus 1,000,000; all 0 or all 1 where the range is open.

use model::{Element, PartialDateTime};

use crate::query::Prefix;
use crate::span::{Span, Verdict};
use crate::value::{Kind, Value};

const NANOS: i128 = 1_000_000_000;
/// Seconds from 0001-01-01 to 1970-01-01, and room for zones before it.
const EPOCH: i128 = 62_135_596_800 + 1_000_000;
const LAST: u64 = (1 << 40) - 1;
const DAY: i128 = 86_400;
/// The widths of forms 1 to 5, in seconds.
const WIDTHS: [(u8, i128); 5] = [(1, 1), (2, 1), (3, DAY), (4, DAY), (5, (1 << 24) - 1)];

/// Moments from `low` to before `high`, in nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) low: i128,
    pub(crate) high: i128,
}

impl Range {
    /// Before all moments.
    pub(crate) const OPEN_LOW: i128 = i128::MIN;
    /// After all moments.
    pub(crate) const OPEN_HIGH: i128 = i128::MAX;

    /// What a `date`, `dateTime` or `instant` can mean.
    pub(crate) fn parse(text: &str) -> Option<Range> {
        let (low, high) = PartialDateTime::parse(text)?.range(0);
        Some(Range { low, high })
    }

    fn join(self, other: Range) -> Range {
        Range { low: self.low.min(other.low), high: self.high.max(other.high) }
    }
}

/// The value of an element of type date, dateTime, instant, Period or Timing.
pub(crate) fn collect<'t>(element: Element<'t>, kind: Kind, found: &mut Vec<Value<'t>>) {
    let range = match kind {
        Kind::Period => period(element),
        Kind::Timing => timing(element),
        _ => element.text().and_then(Range::parse),
    };
    found.extend(range.map(Value::Date));
}

fn period(element: Element<'_>) -> Option<Range> {
    let end = |name: &str| element.get(name).and_then(|end| end.text()).and_then(Range::parse);
    let (start, end) = (end("start"), end("end"));
    if start.is_none() && end.is_none() {
        return None;
    }
    let low = start.map_or(Range::OPEN_LOW, |range| range.low);
    let high = end.map_or(Range::OPEN_HIGH, |range| range.high);
    // A period that ends before it begins is wrong; it is found where its start is.
    Some(Range { low, high: if high < low { start.map_or(high, |range| range.high) } else { high } })
}

fn timing(element: Element<'_>) -> Option<Range> {
    let events = element.all("event").filter_map(|event| event.text().and_then(Range::parse));
    let bounds = element.at("repeat.boundsPeriod").and_then(period);
    events.chain(bounds).reduce(Range::join)
}

/// Appends the keys of a range behind `prefix`.
pub(crate) fn put(prefix: &[u8], range: Range, keys: &mut Vec<Vec<u8>>) {
    let start = |form: u8, length: usize| {
        let mut key = Vec::with_capacity(prefix.len() + length);
        key.extend_from_slice(prefix);
        key.push(form);
        key
    };
    let open = range.low == Range::OPEN_LOW || range.high == Range::OPEN_HIGH;
    let width = if open { i128::MAX } else { range.high - range.low };
    let whole = !open && range.low.rem_euclid(NANOS) == 0 && range.high.rem_euclid(NANOS) == 0;
    let mut key;
    if whole && (width == NANOS || width == DAY * NANOS) {
        key = start(if width == NANOS { 1 } else { 3 }, 6);
        put_moment(&mut key, range.low, false);
    } else if let Some(digits) = digits_of(width) {
        key = start(2, 11);
        put_moment(&mut key, range.low, true);
        key.push(digits);
    } else if whole && width / NANOS < 1 << 24 {
        key = start(if width <= DAY * NANOS { 4 } else { 5 }, 9);
        put_moment(&mut key, range.low, false);
        let seconds = u32::try_from(width / NANOS).unwrap_or(0).to_be_bytes();
        key.extend_from_slice(seconds.get(1..).unwrap_or(&[]));
    } else {
        key = start(7, 19);
        put_moment(&mut key, range.high, true);
        put_moment(&mut key, range.low, true);
        keys.push(key);
        key = start(6, 19);
        put_moment(&mut key, range.low, true);
        put_moment(&mut key, range.high, true);
    }
    keys.push(key);
}

/// 1 to 9 where the width is that of so many digits of a second.
fn digits_of(width: i128) -> Option<u8> {
    (1..=9).find(|digits| width == 10i128.pow(9 - u32::from(*digits)))
}

fn put_moment(key: &mut Vec<u8>, moment: i128, nanos: bool) {
    let (seconds, rest) = match moment {
        Range::OPEN_LOW => (0, 0),
        Range::OPEN_HIGH => (LAST, u32::MAX),
        _ => {
            let seconds = moment.div_euclid(NANOS) + EPOCH;
            let seconds = u64::try_from(seconds.max(1)).unwrap_or(LAST).min(LAST - 1);
            (seconds, u32::try_from(moment.rem_euclid(NANOS)).unwrap_or(0))
        }
    };
    key.extend_from_slice(seconds.to_be_bytes().get(3..).unwrap_or(&[]));
    if nanos {
        key.extend_from_slice(&rest.to_be_bytes());
    }
}

fn take_moment(key: &[u8], nanos: bool) -> Option<(i128, &[u8])> {
    let (seconds, rest) = key.split_first_chunk::<5>()?;
    let [a, b, c, d, e] = *seconds;
    let seconds = u64::from_be_bytes([0, 0, 0, a, b, c, d, e]);
    let (fraction, rest) = match nanos {
        true => rest.split_first_chunk::<4>().map(|(nanos, rest)| (u32::from_be_bytes(*nanos), rest))?,
        false => (0, rest),
    };
    let moment = match seconds {
        0 => Range::OPEN_LOW,
        LAST => Range::OPEN_HIGH,
        _ => (i128::from(seconds) - EPOCH) * NANOS + i128::from(fraction),
    };
    Some((moment, rest))
}

/// The range in a key behind the parameter's prefix.
pub(crate) fn take(value: &[u8]) -> Option<Range> {
    let (form, rest) = value.split_first()?;
    match form {
        1 | 3 => {
            let (low, _) = take_moment(rest, false)?;
            Some(Range { low, high: low + if *form == 1 { NANOS } else { DAY * NANOS } })
        }
        2 => {
            let (low, rest) = take_moment(rest, true)?;
            let digits = u32::from(*rest.first()?).min(9);
            Some(Range { low, high: low + 10i128.pow(9 - digits) })
        }
        4 | 5 => {
            let (low, rest) = take_moment(rest, false)?;
            let [a, b, c] = *rest.first_chunk::<3>()?;
            Some(Range { low, high: low + i128::from(u32::from_be_bytes([0, a, b, c])) * NANOS })
        }
        6 => {
            let (low, rest) = take_moment(rest, true)?;
            Some(Range { low, high: take_moment(rest, true)?.0 })
        }
        7 => {
            let (high, rest) = take_moment(rest, true)?;
            Some(Range { low: take_moment(rest, true)?.0, high })
        }
        _ => None,
    }
}

/// Appends a range so that byte order is the order of first moments, whatever the widths: `low`, then 00, or 01 and the nanoseconds, then
/// the form and what it adds.
pub(crate) fn put_ordered(key: &mut Vec<u8>, range: Range) {
    let mut forms = Vec::with_capacity(2);
    put(&[], range, &mut forms);
    let Some(form) = forms.last() else { return };
    let (first, rest) = form.split_first().unwrap_or((&0, &[]));
    let nanos = matches!(first, 2 | 6);
    let (moment, rest) = rest.split_at_checked(if nanos { 9 } else { 5 }).unwrap_or((rest, &[]));
    let (seconds, fraction) = moment.split_at_checked(5).unwrap_or((moment, &[]));
    key.extend_from_slice(seconds);
    if fraction.iter().all(|byte| *byte == 0) {
        key.push(0);
    } else {
        key.push(1);
        key.extend_from_slice(fraction);
    }
    key.push(*first);
    key.extend_from_slice(rest);
}

/// Reads what [`put_ordered`] wrote.
pub(crate) fn take_ordered(key: &[u8]) -> Option<Range> {
    let (seconds, rest) = key.split_first_chunk::<5>()?;
    let (fraction, rest) = match rest.split_first()? {
        (0, rest) => (&[0; 4], rest),
        (_, rest) => rest.split_first_chunk::<4>()?,
    };
    let (form, rest) = rest.split_first()?;
    let mut value = vec![*form];
    value.extend_from_slice(seconds);
    if matches!(form, 2 | 6) {
        value.extend_from_slice(fraction);
    }
    value.extend_from_slice(rest);
    take(&value)
}

/// The first moment of a key, for sorting; `None` for the second key of a range that has two.
pub(crate) fn sort_moment(value: &[u8]) -> Option<i128> {
    match value.first() {
        Some(7) => None,
        _ => take(value).map(|range| range.low),
    }
}

/// What a value is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Criterion {
    pub(crate) prefix: Prefix,
    pub(crate) range: Range,
}

impl Criterion {
    /// `now`: nanoseconds since 1970, for `ap`, which allows a tenth of the distance to now on each side.
    pub(crate) fn new(prefix: Prefix, mut range: Range, now: i128) -> Criterion {
        if prefix == Prefix::Ap {
            let slack = (now - range.low).abs().max((now - range.high).abs()) / 10;
            range = Range { low: range.low - slack, high: range.high + slack };
        }
        Criterion { prefix, range }
    }

    /// The moment before which no moment of a fraction of a second meets the criterion; `None` where there is none.
    pub(crate) fn since(&self) -> Option<i128> {
        match self.prefix {
            Prefix::Eq | Prefix::Gt | Prefix::Ge | Prefix::Sa | Prefix::Ap => Some(self.range.low),
            Prefix::Ne | Prefix::Lt | Prefix::Le | Prefix::Eb => None,
        }
    }

    /// Whether a range meets the criterion.
    pub(crate) fn matches(&self, value: Range) -> bool {
        let asked = self.range;
        let contained = asked.low <= value.low && value.high <= asked.high;
        match self.prefix {
            Prefix::Eq => contained,
            Prefix::Ne => !contained,
            Prefix::Gt => value.high > asked.high,
            Prefix::Lt => value.low < asked.low,
            Prefix::Ge => value.high > asked.high || contained,
            Prefix::Le => value.low < asked.low || contained,
            Prefix::Sa => value.low >= asked.high,
            Prefix::Eb => value.high <= asked.low,
            Prefix::Ap => value.low < asked.high && value.high > asked.low,
        }
    }

    /// Whether the range in a key meets it.
    pub(crate) fn keep(&self, value: &[u8]) -> Verdict {
        Verdict::of(take(value).is_some_and(|range| self.matches(range)))
    }

    /// Where such ranges lie behind `prefix`.
    pub(crate) fn spans(&self, prefix: &[u8]) -> Vec<Span> {
        let Range { low, high } = self.range;
        let mut spans = Vec::with_capacity(7);
        for (form, width) in WIDTHS {
            let width = width * NANOS;
            let (from, to) = match self.prefix {
                Prefix::Ne => (Range::OPEN_LOW, Range::OPEN_HIGH),
                Prefix::Eq => (low, high),
                Prefix::Gt => (high - width, Range::OPEN_HIGH),
                Prefix::Ge => (low.min(high - width), Range::OPEN_HIGH),
                Prefix::Lt | Prefix::Eb => (Range::OPEN_LOW, low),
                Prefix::Le => (Range::OPEN_LOW, high),
                Prefix::Sa => (high, Range::OPEN_HIGH),
                Prefix::Ap => (low - width, high),
            };
            spans.push(span(prefix, form, from, to));
        }
        // Wide ranges: what asks for their end goes by their end.
        let (open, end) = (Range::OPEN_LOW, Range::OPEN_HIGH);
        match self.prefix {
            Prefix::Ne => spans.push(span(prefix, 6, open, end)),
            Prefix::Eq => spans.push(span(prefix, 6, low, high)),
            Prefix::Gt => spans.push(span(prefix, 7, high, end)),
            Prefix::Ge => spans.extend([span(prefix, 7, high, end), span(prefix, 6, low, high)]),
            Prefix::Lt => spans.push(span(prefix, 6, open, low)),
            Prefix::Le => spans.push(span(prefix, 6, open, high)),
            Prefix::Sa => spans.push(span(prefix, 6, high, end)),
            Prefix::Eb => spans.push(span(prefix, 7, open, low)),
            Prefix::Ap => spans.push(span(prefix, 6, open, high)),
        }
        spans
    }
}

/// The keys of a form whose first moment is from that of the second of `from` to that of the second of `to`, both included.
fn span(prefix: &[u8], form: u8, from: i128, to: i128) -> Span {
    let bound = |moment: i128| {
        let mut key = prefix.to_vec();
        key.push(form);
        put_moment(&mut key, moment, false);
        key
    };
    Span::between_prefixes(bound(from), &bound(to))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREFIXES: [Prefix; 9] =
        [Prefix::Eq, Prefix::Ne, Prefix::Gt, Prefix::Lt, Prefix::Ge, Prefix::Le, Prefix::Sa, Prefix::Eb, Prefix::Ap];

    fn ranges() -> Vec<Range> {
        let texts = [
            "0001",
            "1999",
            "2020",
            "2020-02",
            "2020-02-29",
            "2020-02-29T23:59:59Z",
            "2020-02-29T23:59:59.5Z",
            "2020-02-29T23:59:59.999999999Z",
            "2020-03-01T00:00:00+14:00",
            "2020-03-01T00:00:00-12:00",
            "2020-03-01",
            "2021-01",
            "9999-12-31T23:59:59Z",
        ];
        let mut ranges: Vec<Range> = texts.iter().map(|text| Range::parse(text).unwrap()).collect();
        let points = ranges.clone();
        for a in &points {
            ranges.push(Range { low: Range::OPEN_LOW, high: a.high });
            ranges.push(Range { low: a.low, high: Range::OPEN_HIGH });
            ranges.extend(points.iter().filter(|b| b.high >= a.low).map(|b| Range { low: a.low, high: b.high }));
        }
        ranges
    }

    #[test]
    fn keys_give_the_range_back_and_every_prefix_finds_it_in_its_spans() {
        let ranges = ranges();
        let now = Range::parse("2026-11-23").unwrap().low;
        for value in &ranges {
            let mut keys = Vec::new();
            put(b"pp", *value, &mut keys);
            for key in &keys {
                assert_eq!(take(&key[2..]), Some(*value), "{key:02x?}");
            }
            for asked in &ranges[..13] {
                for prefix in PREFIXES {
                    let criterion = Criterion::new(prefix, *asked, now);
                    let spans = criterion.spans(b"pp");
                    let found = keys.iter().any(|key| {
                        spans.iter().any(|span| span.contains(key)) && criterion.keep(&key[2..]) == Verdict::Yes
                    });
                    assert_eq!(found, criterion.matches(*value), "{prefix:?} {asked:?} {value:?}");
                }
            }
        }
    }

    #[test]
    fn ordered_keys_are_in_the_order_of_first_moments_whatever_their_form() {
        let mut ranges = ranges();
        ranges.retain(|range| range.low != Range::OPEN_LOW);
        let mut encoded: Vec<(Vec<u8>, i128)> = Vec::new();
        for range in ranges {
            let mut key = Vec::new();
            put_ordered(&mut key, range);
            assert_eq!(take_ordered(&key), Some(range), "{key:02x?}");
            encoded.push((key, range.low));
        }
        encoded.sort();
        assert!(encoded.windows(2).all(|pair| pair[0].1 <= pair[1].1));
    }

    #[test]
    fn the_order_of_keys_of_one_form_is_the_order_of_first_moments() {
        let days = ["1850-01-01", "1969-12-31", "1970-01-01", "2020-02-29", "2020-03-01"];
        let mut last = Vec::new();
        for day in days {
            let mut keys = Vec::new();
            put(b"", Range::parse(day).unwrap(), &mut keys);
            assert!(last < keys);
            last = keys;
        }
    }

    #[test]
    fn a_prefix_compares_ranges_as_the_specification_says() {
        let check = |prefix, asked: &str, value: &str| {
            let range = |text: &str| Range::parse(text).unwrap();
            Criterion::new(prefix, range(asked), 0).matches(range(value))
        };
        assert!(check(Prefix::Eq, "2013-01", "2013-01-14T00:00:00Z"));
        assert!(!check(Prefix::Eq, "2013-01-14", "2013-01"));
        assert!(check(Prefix::Ne, "2013-01-14", "2013-01"));
        assert!(check(Prefix::Lt, "2013-01-14T10:00:00Z", "2013-01-14"));
        assert!(check(Prefix::Gt, "2013-01-14T10:00:00Z", "2013-01-14"));
        assert!(!check(Prefix::Gt, "2013-01-14", "2013-01-14T10:00:00Z"));
        assert!(check(Prefix::Ge, "2013-01-14", "2013-01-14T10:00:00Z"));
        assert!(!check(Prefix::Sa, "2013-01-14", "2013-01-14T10:00:00Z"));
        assert!(check(Prefix::Eb, "2013-01-14", "2013-01-13"));
    }
}
