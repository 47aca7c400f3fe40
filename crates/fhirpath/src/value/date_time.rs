//! `Date`, `DateTime` and `Time` with their precision, and the comparison that may have no answer:
//! <http://hl7.org/fhirpath/N1/#datetime-equality>.

use std::cmp::Ordering;
use std::fmt;

use model::calendar::{date_of, day_number};
use model::{Instant, PartialDateTime, PartialTime};

/// A date: `@2014`, `@2014-01`, `@2014-01-25`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Date(pub(crate) PartialDateTime);

/// A date, perhaps with a time of day, perhaps with a zone: `@2014T`, `@2014-01-25T14:30:14.559+01:00`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct DateTime {
    pub(crate) at: PartialDateTime,
    /// Only the hour was written; `at` has 0 for the minute.
    pub(crate) hour_only: bool,
}

/// A time of day: `@T14`, `@T14:30`, `@T14:30:14.559`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Time {
    pub(crate) at: PartialTime,
    /// Only the hour was written; `at` has 0 for the minute.
    pub(crate) hour_only: bool,
}

const DAY_NANOS: i128 = 86_400_000_000_000;
const MINUTE_NANOS: i128 = 60_000_000_000;

impl Date {
    /// Parses `YYYY[-MM[-DD]]`.
    pub fn parse(text: &str) -> Option<Date> {
        PartialDateTime::parse(text).filter(|at| at.time.is_none()).map(Date)
    }

    /// Year, month and day as written.
    pub fn parts(self) -> PartialDateTime {
        self.0
    }

    /// The same as a date with an unknown time of day.
    pub fn to_date_time(self) -> DateTime {
        DateTime { at: self.0, hour_only: false }
    }

    /// The day at a moment, for an offset in minutes east of UTC.
    pub fn of(now: Instant, offset: i16) -> Option<Date> {
        Some(DateTime::of(now, offset)?.date())
    }
}

impl DateTime {
    /// Parses `YYYY[-MM[-DD[Thh[:mm[:ss[.fff]]][Z|±hh:mm]]]]`, and a bare `T` behind a date.
    pub fn parse(text: &str) -> Option<DateTime> {
        let text = text.strip_suffix('T').unwrap_or(text);
        let Some((date, clock)) = text.split_once('T') else {
            return Date::parse(text).map(Date::to_date_time);
        };
        let (hour, rest) = clock.split_at_checked(2)?;
        let hour_only = !rest.starts_with(':');
        let at = if hour_only {
            PartialDateTime::parse(&format!("{date}T{hour}:00{rest}"))?
        } else {
            PartialDateTime::parse(text)?
        };
        Some(DateTime { at, hour_only })
    }

    /// Date, time of day and offset as written; an hour alone has the minute 0.
    pub fn parts(self) -> PartialDateTime {
        self.at
    }

    /// The date alone.
    pub fn date(self) -> Date {
        Date(PartialDateTime { time: None, offset: None, ..self.at })
    }

    /// A moment with milliseconds, for an offset in minutes east of UTC; `None` outside the years 1 to 9999.
    pub fn of(now: Instant, offset: i16) -> Option<DateTime> {
        let nanos = i128::from(now.0) * 1_000_000 + i128::from(offset) * MINUTE_NANOS;
        from_local(nanos, Some(offset), Some((false, Some(3))))
    }

    /// Nanoseconds since 1970-01-01T00:00 of its own zone, of the first moment that it can mean.
    pub(crate) fn local_nanos(self) -> i128 {
        let day = day_number(i64::from(self.at.year), self.at.month.unwrap_or(1), self.at.day.unwrap_or(1));
        i128::from(day) * DAY_NANOS + self.at.time.map_or(0, |time| i128::from(time.start_nanos()))
    }

    /// The moments it can mean as a range of nanoseconds of UTC, also where no zone was written: then from +14:00 to -12:00.
    fn span(self) -> (i128, i128) {
        let (start, mut end) = self.at.range(0);
        if self.hour_only {
            end = start + 60 * MINUTE_NANOS;
        }
        match self.at.offset {
            Some(_) => (start, end),
            None => (start - 14 * 60 * MINUTE_NANOS, end + 12 * 60 * MINUTE_NANOS),
        }
    }

    /// How it lies to another; `None` where that depends on what was not written.
    pub(crate) fn compare(self, other: DateTime) -> Option<Ordering> {
        if self.at.offset.is_some() != other.at.offset.is_some() {
            let ((start, end), (other_start, other_end)) = (self.span(), other.span());
            return if end <= other_start {
                Some(Ordering::Less)
            } else if other_end <= start {
                Some(Ordering::Greater)
            } else {
                None
            };
        }
        // Both in UTC, or both without a zone: part by part, as far as both were written.
        part_by_part(self.components(), other.components())
    }

    /// Year, month, day, hour, minute, and the second with its fraction in nanoseconds; shifted to UTC where a zone stands.
    fn components(self) -> [Option<i64>; 6] {
        let whole = [Some(i64::from(self.at.year)), self.at.month.map(i64::from), self.at.day.map(i64::from)];
        let Some(time) = self.at.time else { return [whole[0], whole[1], whole[2], None, None, None] };
        let nanos = self.local_nanos() - i128::from(self.at.offset.unwrap_or(0)) * MINUTE_NANOS;
        let (year, month, day) = date_of(nanos.div_euclid(DAY_NANOS) as i64);
        let rest = nanos.rem_euclid(DAY_NANOS) as i64;
        let minute = (!self.hour_only).then_some(rest / 60_000_000_000 % 60);
        let second = time.second.map(|_| rest % 60_000_000_000);
        let date = [Some(year), Some(i64::from(month)), Some(i64::from(day))];
        [date[0], date[1], date[2], Some(rest / 3_600_000_000_000), minute, second]
    }

    /// Whether both were written to the same precision, seconds and their fractions counting as one.
    pub(crate) fn same_precision(self, other: DateTime) -> bool {
        let written = |value: DateTime| value.components().iter().filter(|part| part.is_some()).count();
        written(self) == written(other)
    }
}

/// What was written of a time of day: whether the hour alone, and the digits of the fraction where seconds were written.
type Clock = (bool, Option<u8>);

/// The dateTime that lies `nanos` after 1970-01-01T00:00 of its zone; `None` outside the years 1 to 9999.
pub(crate) fn from_local(nanos: i128, offset: Option<i16>, clock: Option<Clock>) -> Option<DateTime> {
    let (year, month, day) = date_of(i64::try_from(nanos.div_euclid(DAY_NANOS)).ok()?);
    let year = u16::try_from(year).ok().filter(|year| (1..=9999).contains(year))?;
    let rest = nanos.rem_euclid(DAY_NANOS) as i64;
    let time = clock.map(|clock| time_of_day(rest, clock));
    let at = PartialDateTime { year, month: Some(month), day: Some(day), time, offset };
    Some(DateTime { at, hour_only: clock.is_some_and(|(hour_only, _)| hour_only) })
}

/// The time of day that lies `nanos` after midnight.
pub(crate) fn time_of_day(nanos: i64, (hour_only, fraction): Clock) -> PartialTime {
    let part = |size: i64, count: i64| (nanos / size % count) as u8;
    PartialTime {
        hour: part(3_600_000_000_000, 24),
        minute: if hour_only { 0 } else { part(60_000_000_000, 60) },
        second: fraction.map(|_| part(1_000_000_000, 60)),
        fraction: fraction.filter(|digits| *digits > 0).map(|digits| ((nanos % 1_000_000_000) as u32, digits)),
    }
}

/// What was written of a time of day, in the form that [`from_local`] takes.
pub(crate) fn clock_of(time: PartialTime, hour_only: bool) -> Clock {
    (hour_only, time.second.map(|_| time.fraction.map_or(0, |(_, digits)| digits)))
}

impl Time {
    /// Parses `hh[:mm[:ss[.fff]]]`, with a `T` before it or not.
    pub fn parse(text: &str) -> Option<Time> {
        let text = text.strip_prefix('T').unwrap_or(text);
        let hour_only = !text.contains(':');
        let at = if hour_only { PartialTime::parse(&format!("{text}:00"))? } else { PartialTime::parse(text)? };
        Some(Time { at, hour_only })
    }

    /// Hour, minute and second as written; an hour alone has the minute 0.
    pub fn parts(self) -> PartialTime {
        self.at
    }

    fn components(self) -> [Option<i64>; 3] {
        let second = self.at.second.map(|_| self.at.start_nanos() % 60_000_000_000);
        [Some(i64::from(self.at.hour)), (!self.hour_only).then_some(i64::from(self.at.minute)), second]
    }

    /// How it lies to another; `None` where that depends on what was not written.
    pub(crate) fn compare(self, other: Time) -> Option<Ordering> {
        part_by_part(self.components(), other.components())
    }
}

/// How two rows of parts lie to each other, as far as both were written; `None` where one goes on beyond the other.
fn part_by_part<const N: usize>(mine: [Option<i64>; N], theirs: [Option<i64>; N]) -> Option<Ordering> {
    for (left, right) in mine.into_iter().zip(theirs) {
        match (left, right) {
            (Some(left), Some(right)) if left == right => {}
            (Some(left), Some(right)) => return Some(left.cmp(&right)),
            (None, None) => return Some(Ordering::Equal),
            _ => return None,
        }
    }
    Some(Ordering::Equal)
}

impl fmt::Display for Date {
    /// As FHIR writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.0.year)?;
        for part in [self.0.month, self.0.day].into_iter().flatten() {
            write!(f, "-{part:02}")?;
        }
        Ok(())
    }
}

impl fmt::Display for DateTime {
    /// As FHIR writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.date().fmt(f)?;
        if let Some(at) = self.at.time {
            write!(f, "T{}", Time { at, hour_only: self.hour_only })?;
        }
        match self.at.offset {
            None => Ok(()),
            Some(0) => f.write_str("Z"),
            Some(offset) => {
                let sign = if offset < 0 { '-' } else { '+' };
                write!(f, "{sign}{:02}:{:02}", offset.abs() / 60, offset.abs() % 60)
            }
        }
    }
}

impl fmt::Display for Time {
    /// As FHIR writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}", self.at.hour)?;
        if !self.hour_only {
            write!(f, ":{:02}", self.at.minute)?;
        }
        if let Some(second) = self.at.second {
            write!(f, ":{second:02}")?;
        }
        match self.at.fraction {
            Some((nanos, digits)) => {
                let text = format!("{nanos:09}");
                write!(f, ".{}", text.get(..usize::from(digits.min(9))).unwrap_or(&text))
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(left: &str, right: &str) -> Option<Ordering> {
        DateTime::parse(left).unwrap().compare(DateTime::parse(right).unwrap())
    }

    #[test]
    fn comparison_has_no_answer_where_it_depends_on_what_is_missing() {
        assert_eq!(compare("2018-03", "2018-03-01"), None);
        assert_eq!(compare("2018-03", "2018-04-01"), Some(Ordering::Less));
        assert_eq!(compare("2018-03-01T10:30:00", "2018-03-01T10:30:00.0"), Some(Ordering::Equal));
        assert_eq!(compare("2012-04-15T15:00:00+02:00", "2012-04-15T16:00:00+03:00"), Some(Ordering::Equal));
        assert_eq!(compare("2012-04-15T15:00:00Z", "2012-04-15T10:00:00"), None);
        assert_eq!(compare("2012-04-13T15:00:00Z", "2012-04-15T10:00:00"), Some(Ordering::Less));
        assert_eq!(compare("2012-04-15T10", "2012-04-15T10:30"), None);
        assert_eq!(compare("2012-04-15T23:30:00-01:00", "2012-04-16"), None);
    }

    #[test]
    fn values_are_written_as_they_were_read() {
        for text in
            ["2015", "2015-02", "2015-02-04", "2015-02-04T14", "2015-02-04T14:34:28.12Z", "2015-02-04T14:34-05:30"]
        {
            assert_eq!(DateTime::parse(text).unwrap().to_string(), text);
        }
        for text in ["14", "14:34", "14:34:28", "14:34:28.120"] {
            assert_eq!(Time::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(DateTime::parse("2015-02-30"), None);
        assert_eq!(Time::parse("25"), None);
    }
}
