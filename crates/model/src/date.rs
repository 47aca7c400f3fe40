//! FHIR `date`, `dateTime`, `instant` and `time`, with the precision they were written in:
//! <http://hl7.org/fhir/R4/datatypes.html#dateTime>.

use crate::calendar::{day_number, days_in_month};

/// How much of a date was written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DatePrecision {
    /// `2026`
    Year,
    /// `2026-11`
    Month,
    /// `2026-11-23`
    Day,
    /// `2026-11-23T16:02` (FHIRPath and CDA only)
    Minute,
    /// `2026-11-23T16:02:00Z`
    Second,
    /// `2026-11-23T16:02:00.123Z`
    Fraction,
}

/// A time of day, with its precision.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PartialTime {
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 60; `None` where it was not written.
    pub second: Option<u8>,
    /// The fraction of the second: nanoseconds, and how many digits were written; digits past the ninth are cut.
    pub fraction: Option<(u32, u8)>,
}

impl PartialTime {
    /// Parses `hh:mm:ss[.fff]`, and `hh:mm` too.
    pub fn parse(text: &str) -> Option<PartialTime> {
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, digits)) => (whole, Some(parse_fraction(digits)?)),
            None => (text, None),
        };
        let mut parts = whole.split(':');
        let hour = two_digits(parts.next()?, 23)?;
        let minute = two_digits(parts.next()?, 59)?;
        let second = match parts.next() {
            Some(text) => Some(two_digits(text, 60)?),
            None => None,
        };
        if parts.next().is_some() || (fraction.is_some() && second.is_none()) {
            return None;
        }
        Some(PartialTime { hour, minute, second, fraction })
    }

    /// Nanoseconds since midnight of the first moment that it can mean.
    pub fn start_nanos(self) -> i64 {
        let seconds = i64::from(self.hour) * 3600 + i64::from(self.minute) * 60 + i64::from(self.second.unwrap_or(0));
        seconds * 1_000_000_000 + i64::from(self.fraction.map_or(0, |(nanos, _)| nanos))
    }

    /// How long a span of time the precision covers, in nanoseconds.
    pub fn width_nanos(self) -> i64 {
        match (self.second, self.fraction) {
            (None, _) => 60_000_000_000,
            (Some(_), None) => 1_000_000_000,
            (Some(_), Some((_, digits))) => 10i64.pow(9u32.saturating_sub(u32::from(digits.min(9)))),
        }
    }
}

/// A date, perhaps with a time and a zone, as it was written.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PartialDateTime {
    /// 1 to 9999.
    pub year: u16,
    /// 1 to 12.
    pub month: Option<u8>,
    /// 1 to the month's last.
    pub day: Option<u8>,
    /// The time of day; only with a day.
    pub time: Option<PartialTime>,
    /// Minutes east of UTC; `None` where no zone was written.
    pub offset: Option<i16>,
}

impl PartialDateTime {
    /// Parses `YYYY[-MM[-DD[Thh:mm[:ss[.fff]][Z|±hh:mm]]]]`; dates that no calendar has are refused.
    pub fn parse(text: &str) -> Option<PartialDateTime> {
        let (date, time) = match text.split_once('T') {
            Some((date, time)) => (date, Some(time)),
            None => (text, None),
        };
        let mut parts = date.split('-');
        let year = parts.next().filter(|text| text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit()))?;
        let year: u16 = year.parse().ok().filter(|year| *year > 0)?;
        let month = parts.next().map(|text| two_digits(text, 12).filter(|month| *month > 0));
        let day = parts.next().map(|text| two_digits(text, 31).filter(|day| *day > 0));
        if parts.next().is_some() {
            return None;
        }
        let (month, day) = (transpose(month)?, transpose(day)?);
        if let (Some(month), Some(day)) = (month, day)
            && day > days_in_month(i64::from(year), month)
        {
            return None;
        }
        let mut parsed = PartialDateTime { year, month, day, time: None, offset: None };
        if let Some(time) = time {
            day?;
            let (clock, offset) = split_zone(time)?;
            parsed.time = Some(PartialTime::parse(clock)?);
            parsed.offset = offset;
        }
        Some(parsed)
    }

    /// How much of it was written.
    pub fn precision(self) -> DatePrecision {
        match self.time {
            Some(PartialTime { fraction: Some(_), .. }) => DatePrecision::Fraction,
            Some(PartialTime { second: Some(_), .. }) => DatePrecision::Second,
            Some(_) => DatePrecision::Minute,
            None if self.day.is_some() => DatePrecision::Day,
            None if self.month.is_some() => DatePrecision::Month,
            None => DatePrecision::Year,
        }
    }

    /// The moments it can mean, as nanoseconds since 1970-01-01T00:00:00Z: from the first, to before the second. Where no
    /// zone was written, `default_offset` (minutes east of UTC) holds.
    pub fn range(self, default_offset: i16) -> (i128, i128) {
        let year = i64::from(self.year);
        let shift = i128::from(self.offset.unwrap_or(default_offset)) * 60_000_000_000;
        let day_start = |days: i64| i128::from(days) * 86_400_000_000_000 - shift;
        let (Some(month), Some(day)) = (self.month, self.day) else {
            let (next_year, next_month) = match self.month {
                Some(12) | None => (year + 1, 1),
                Some(month) => (year, month + 1),
            };
            let first = day_number(year, self.month.unwrap_or(1), 1);
            return (day_start(first), day_start(day_number(next_year, next_month, 1)));
        };
        let start = day_start(day_number(year, month, day));
        match self.time {
            None => (start, start + 86_400_000_000_000),
            Some(time) => {
                let start = start + i128::from(time.start_nanos());
                (start, start + i128::from(time.width_nanos()))
            }
        }
    }
}

fn transpose(part: Option<Option<u8>>) -> Option<Option<u8>> {
    match part {
        None => Some(None),
        Some(None) => None,
        Some(value) => Some(value),
    }
}

fn two_digits(text: &str, most: u8) -> Option<u8> {
    let valid = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|value| valid && *value <= most)
}

fn parse_fraction(digits: &str) -> Option<(u32, u8)> {
    if digits.is_empty() || digits.len() > 200 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let kept = digits.get(..digits.len().min(9))?;
    let nanos: u32 = kept.parse().ok()?;
    Some((nanos * 10u32.pow(9 - kept.len() as u32), digits.len() as u8))
}

fn split_zone(time: &str) -> Option<(&str, Option<i16>)> {
    if let Some(clock) = time.strip_suffix('Z') {
        return Some((clock, Some(0)));
    }
    let Some(at) = time.rfind(['+', '-']) else { return Some((time, None)) };
    let (hours, minutes) = time.get(at + 1..)?.split_once(':')?;
    let minutes = i16::from(two_digits(hours, 14)?) * 60 + i16::from(two_digits(minutes, 59)?);
    if minutes > 14 * 60 {
        return None;
    }
    let sign = if time.as_bytes().get(at) == Some(&b'-') { -1 } else { 1 };
    Some((time.get(..at)?, Some(sign * minutes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precision_is_what_was_written() {
        for (text, precision) in [
            ("2026", DatePrecision::Year),
            ("2026-11", DatePrecision::Month),
            ("2026-11-23", DatePrecision::Day),
            ("2026-11-23T16:02+01:00", DatePrecision::Minute),
            ("2026-11-23T16:02:00Z", DatePrecision::Second),
            ("2026-11-23T16:02:00.50-05:30", DatePrecision::Fraction),
        ] {
            assert_eq!(PartialDateTime::parse(text).map(PartialDateTime::precision), Some(precision), "{text}");
        }
    }

    #[test]
    fn dates_that_no_calendar_has_are_refused() {
        for text in [
            "",
            "26",
            "2026-13",
            "2026-00",
            "2023-02-29",
            "2026-1-1",
            "2026-11-23T",
            "2026-11-23T25:00:00Z",
            "2026-11T10:00:00Z",
            "0000",
            "2026-11-23T10:00:00+15:00",
            "2026-11-23T10:00:00-14:30",
            "2026-11-23T10:00:00.",
        ] {
            assert_eq!(PartialDateTime::parse(text), None, "{text}");
        }
    }

    #[test]
    fn ranges_cover_the_precision() {
        let range = |text: &str| PartialDateTime::parse(text).unwrap().range(0);
        let day = 86_400_000_000_000;
        assert_eq!(range("1970"), (0, 365 * day));
        assert_eq!(range("1970-02"), (31 * day, 59 * day));
        assert_eq!(range("2024-02").1 - range("2024-02").0, 29 * day);
        assert_eq!(range("1970-01-01T00:00:00+01:00").0, -3_600_000_000_000);
        assert_eq!(range("1970-01-01T00:00:00.50Z"), (500_000_000, 510_000_000));
        assert_eq!(PartialDateTime::parse("1970-01-01").unwrap().range(60).0, -3_600_000_000_000);
    }
}
