//! Ranges of time and numbers, compared as the table of prefixes says: <http://hl7.org/fhir/R4/search.html#prefix>.

use model::Element;

/// From the first moment to before the second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Range(i128, i128);

const LOW: i128 = -(1 << 100);
const HIGH: i128 = 1 << 100;
const SECOND: i128 = 1_000_000_000;

impl Range {
    /// Whether it ends before it begins, as no Period may.
    pub(crate) fn is_inverted(self) -> bool {
        self.1 < self.0
    }

    /// Its first moment.
    pub(crate) fn first(self) -> i128 {
        self.0
    }
}

fn days(year: i128, month: i128, day: i128) -> i128 {
    // Counted, not computed.
    let leap = |year: i128| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let mut count = 0;
    for past in 1970..year {
        count += if leap(past) { 366 } else { 365 };
    }
    for ahead in year..1970 {
        count -= if leap(ahead) { 366 } else { 365 };
    }
    let lengths = [31, if leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    count + lengths.iter().take((month - 1) as usize).sum::<i128>() + day - 1
}

/// What a date can mean.
pub(crate) fn date(text: &str) -> Option<Range> {
    let day_length = 86_400 * SECOND;
    let (date, time) = text.split_once('T').map_or((text, None), |(date, time)| (date, Some(time)));
    let parts: Vec<i128> = date.split('-').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let at = |year, month, day| days(year, month, day) * day_length;
    let Some(time) = time else {
        return Some(match parts.as_slice() {
            [year] => Range(at(*year, 1, 1), at(year + 1, 1, 1)),
            [year, 12] => Range(at(*year, 12, 1), at(year + 1, 1, 1)),
            [year, month] => Range(at(*year, *month, 1), at(*year, month + 1, 1)),
            [year, month, day] => Range(at(*year, *month, *day), at(*year, *month, *day) + day_length),
            _ => return None,
        });
    };
    let (clock, shift) = match time.strip_suffix('Z') {
        Some(clock) => (clock, 0),
        None => match time.rfind(['+', '-']) {
            None => (time, 0),
            Some(place) => {
                let (hours, minutes) = time[place + 1..].split_once(':')?;
                let minutes: i128 = hours.parse::<i128>().ok()? * 60 + minutes.parse::<i128>().ok()?;
                (&time[..place], if time[place..].starts_with('-') { -minutes } else { minutes })
            }
        },
    };
    let (clock, fraction) = clock.split_once('.').map_or((clock, ""), |(clock, fraction)| (clock, fraction));
    let numbers: Vec<i128> = clock.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let mut low = at(parts[0], parts[1], parts[2]) - shift * 60 * SECOND;
    low += numbers[0] * 3600 * SECOND + numbers[1] * 60 * SECOND + numbers.get(2).unwrap_or(&0) * SECOND;
    let mut width = if numbers.len() == 3 { SECOND } else { 60 * SECOND };
    for digit in fraction.chars() {
        width /= 10;
        low += width * i128::from(digit.to_digit(10)?);
    }
    Some(Range(low, low + width))
}

/// The range of a date, a Period or a Timing.
pub(crate) fn range_of(element: Element<'_>) -> Option<Range> {
    if let Some(text) = element.text() {
        return date(text);
    }
    let end = |element: Element<'_>, name: &str| element.text_at(name).and_then(date);
    let period = |element: Element<'_>| match (end(element, "start"), end(element, "end")) {
        (None, None) => None,
        (start, stop) => Some(Range(start.map_or(LOW, |range| range.0), stop.map_or(HIGH, |range| range.1))),
    };
    if element.get("event").is_none() && element.get("repeat").is_none() {
        return period(element);
    }
    let mut all: Vec<Range> = element.all("event").filter_map(|event| date(event.text()?)).collect();
    all.extend(element.at("repeat.boundsPeriod").and_then(period));
    let low = all.iter().map(|range| range.0).min()?;
    let high = all.iter().map(|range| range.1).max()?;
    Some(Range(low, high))
}

fn prefixed(text: &str) -> (&str, &str) {
    match text.get(..2) {
        Some(prefix @ ("eq" | "ne" | "gt" | "lt" | "ge" | "le" | "sa" | "eb" | "ap")) => (prefix, &text[2..]),
        _ => ("eq", text),
    }
}

pub(crate) fn date_matches(value: Range, asked: &str) -> bool {
    let (prefix, text) = prefixed(asked);
    let range = date(text).unwrap();
    let (low, high) = (range.0, range.1);
    let (value_low, value_high) = (value.0, value.1);
    let contains = low <= value_low && value_high <= high;
    let above = value_high > high;
    let below = value_low < low;
    match prefix {
        "eq" => contains,
        "ne" => !contains,
        "gt" => above,
        "lt" => below,
        "ge" => above || contains,
        "le" => below || contains,
        "sa" => value_low >= high,
        "eb" => value_high <= low,
        _ => {
            let now = i128::from(crate::world::NOW) * 1_000_000;
            let slack = (now - low).abs().max((now - high).abs()) / 10;
            value_low < high + slack && value_high > low - slack
        }
    }
}

const ONE: i128 = 100_000_000;

/// A number in hundred-millionths, and half of its last digit.
fn number(text: &str) -> Option<(i128, i128)> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let digits = mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len() as i32);
    let whole: i128 = mantissa.replace('.', "").parse().ok()?;
    let places = exponent - digits;
    let scaled = |number: i128, places: i32| match places {
        0.. => number * 10i128.pow(places as u32),
        _ => number / 10i128.pow(places.unsigned_abs()),
    };
    // `1e2` has the precision of `1.0e2`: 95 to 105.
    let unit = if places > 0 { places - 1 } else { places };
    Some((scaled(whole * ONE, places), scaled(ONE / 2, unit)))
}

/// The ends of a number or a range of numbers; `None`: open.
pub(crate) fn interval_of(element: Element<'_>) -> Option<(Option<i128>, Option<i128>)> {
    let of = |element: Element<'_>| element.text().and_then(number).map(|(value, _)| value);
    if let Some(value) = of(element) {
        return Some((Some(value), Some(value)));
    }
    if let Some(value) = element.get("value").and_then(of) {
        return Some(match element.text_at("comparator") {
            Some("<" | "<=") => (None, Some(value)),
            Some(">" | ">=") => (Some(value), None),
            _ => (Some(value), Some(value)),
        });
    }
    let end = |name: &str| element.get(name)?.get("value").and_then(of);
    let ends = (end("low"), end("high"));
    (ends != (None, None)).then_some(ends)
}

pub(crate) fn number_matches(interval: (Option<i128>, Option<i128>), asked: &str) -> bool {
    scaled_matches(interval, 1, asked, 1)
}

/// The same where the value, or what is asked, must be multiplied to have the same unit.
pub(crate) fn scaled_matches(
    (low, high): (Option<i128>, Option<i128>),
    value_scale: i128,
    asked: &str,
    asked_scale: i128,
) -> bool {
    let (prefix, text) = prefixed(asked);
    let (value, half) = number(text).unwrap();
    let (value, half) = (value * asked_scale, half * asked_scale);
    let low = low.map_or(LOW, |low| low * value_scale);
    let high = high.map_or(HIGH, |high| high * value_scale);
    let equal = low >= value - half && high < value + half;
    match prefix {
        "eq" => equal,
        "ne" => !equal,
        "gt" => high > value,
        "lt" => low < value,
        "ge" => high >= value,
        "le" => low <= value,
        "sa" => low > value,
        "eb" => high < value,
        _ => low <= value + value.abs() / 10 && high >= value - value.abs() / 10,
    }
}
