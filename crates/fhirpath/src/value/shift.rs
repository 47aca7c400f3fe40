//! Adding a span of time to a date or time, and the bounds of what a date or time can mean:
//! <http://hl7.org/fhirpath/N1/#datetime-arithmetic>.

use model::calendar::days_in_month;
use model::{Decimal, PartialDateTime};

use super::date_time::{clock_of, from_local, time_of_day};
use super::{Calendar, Date, DateTime, Time, number};

const DAY_NANOS: i128 = 86_400_000_000_000;

/// The nanoseconds of `count` units; months and years have none.
fn nanos_of(count: Decimal, unit: Calendar) -> Option<i128> {
    let size: i128 = match unit {
        Calendar::Year | Calendar::Month => return None,
        Calendar::Week => 7 * DAY_NANOS,
        Calendar::Day => DAY_NANOS,
        Calendar::Hour => 3_600_000_000_000,
        Calendar::Minute => 60_000_000_000,
        Calendar::Second => 1_000_000_000,
        Calendar::Millisecond => 1_000_000,
    };
    // A fraction counts for seconds only.
    let count = if unit == Calendar::Second { count } else { number::truncate(count) };
    let nanos = number::truncate(number::multiply(count, Decimal::new(size, 0)?)?);
    number::to_i128(nanos).filter(|nanos| nanos.abs() < 400_000_000 * DAY_NANOS)
}

impl Date {
    /// The date `count` units later, to the same precision; `None` outside the years 1 to 9999.
    pub(crate) fn plus(self, count: Decimal, unit: Calendar) -> Option<Date> {
        Some(self.to_date_time().plus(count, unit)?.date())
    }

    /// The first or last day it can mean, to `digits` (4, 6 or 8); cut where it was written more precisely.
    pub(crate) fn boundary(self, high: bool, digits: i64) -> Option<Date> {
        matches!(digits, 4 | 6 | 8).then(|| Date(bounded_date(self.0, high, digits)))
    }
}

impl DateTime {
    /// The moment `count` units later, to the same precision; `None` outside the years 1 to 9999.
    pub(crate) fn plus(self, count: Decimal, unit: Calendar) -> Option<DateTime> {
        let at = self.at;
        let (Some(month), Some(day)) = (at.month, at.day) else {
            return self.plus_partial(count, unit);
        };
        if matches!(unit, Calendar::Year | Calendar::Month) {
            let months = whole(count)?.checked_mul(if unit == Calendar::Year { 12 } else { 1 })?;
            let (year, month) = months_later(at.year, month, months)?;
            let day = day.min(days_in_month(i64::from(year), month));
            return Some(DateTime { at: PartialDateTime { year, month: Some(month), day: Some(day), ..at }, ..self });
        }
        let nanos = nanos_of(count, unit)?;
        let Some(time) = at.time else {
            // Whole days only: 36 hours later than a date is the next day.
            let days = nanos / DAY_NANOS * DAY_NANOS;
            return from_local(self.local_nanos() + days, at.offset, None);
        };
        let mut clock = clock_of(time, self.hour_only);
        if clock.1 == Some(0) && nanos % 1_000_000_000 != 0 {
            clock.1 = Some(3);
        }
        from_local(self.local_nanos() + nanos, at.offset, Some(clock))
    }

    /// For a year or a month alone the span is cut to whole years or months, of 365 and 30 days.
    fn plus_partial(self, count: Decimal, unit: Calendar) -> Option<DateTime> {
        let days = || Some((nanos_of(count, unit)? / DAY_NANOS) as i64);
        let months = match (unit, self.at.month) {
            (Calendar::Year, _) => whole(count)?.checked_mul(12)?,
            (Calendar::Month, Some(_)) => whole(count)?,
            (Calendar::Month, None) => whole(count)? / 12 * 12,
            (_, Some(_)) => days()? / 30,
            (_, None) => days()? / 365 * 12,
        };
        let (year, month) = months_later(self.at.year, self.at.month.unwrap_or(1), months)?;
        let month = self.at.month.map(|_| month);
        Some(DateTime { at: PartialDateTime { year, month, ..self.at }, ..self })
    }

    /// The first or last moment it can mean, to `digits` (4, 6, 8, 10, 12, 14 or 17); cut where it was written more
    /// precisely. A missing zone becomes +14:00 or -12:00. An hour alone counts as the minute 0 of that hour, as the
    /// official suite has it.
    pub(crate) fn boundary(self, high: bool, digits: i64) -> Option<DateTime> {
        if matches!(digits, 4 | 6 | 8) {
            return Some(DateTime { at: bounded_date(self.at, high, digits), hour_only: false });
        }
        if !matches!(digits, 10 | 12 | 14 | 17) {
            return None;
        }
        let date = bounded_date(self.at, high, 8);
        let time = match self.at.time {
            Some(at) => Time { at, hour_only: false },
            None => {
                Time { at: time_of_day(if high { 86_399_999_000_000 } else { 0 }, (false, Some(3))), hour_only: false }
            }
        };
        let time = time.boundary(high, digits - 8)?;
        let offset = self.at.offset.unwrap_or(if high { -12 * 60 } else { 14 * 60 });
        let at = PartialDateTime { time: Some(time.at), offset: Some(offset), ..date };
        Some(DateTime { at, hour_only: time.hour_only })
    }
}

impl Time {
    /// The time of day `count` units later, round the clock; years and months do not apply.
    pub(crate) fn plus(self, count: Decimal, unit: Calendar) -> Option<Time> {
        let nanos = nanos_of(count, unit)?;
        let mut clock = clock_of(self.at, self.hour_only);
        if clock.1 == Some(0) && nanos % 1_000_000_000 != 0 {
            clock.1 = Some(3);
        }
        let moved = (i128::from(self.at.start_nanos()) + nanos).rem_euclid(DAY_NANOS);
        Some(Time { at: time_of_day(moved as i64, clock), hour_only: self.hour_only })
    }

    /// The first or last time it can mean, to `digits` (2, 4, 6 or 9); cut where it was written more precisely.
    pub(crate) fn boundary(self, high: bool, digits: i64) -> Option<Time> {
        let clock = match digits {
            2 => (true, None),
            4 => (false, None),
            6 => (false, Some(0)),
            9 => (false, Some(3)),
            _ => return None,
        };
        let mut nanos = self.at.start_nanos();
        if high {
            let width = if self.hour_only { 3_600_000_000_000 } else { self.at.width_nanos() };
            nanos += width - 1;
        }
        Some(Time { at: time_of_day(nanos / 1_000_000 * 1_000_000, clock), hour_only: digits == 2 })
    }
}

fn whole(count: Decimal) -> Option<i64> {
    i64::try_from(number::to_i128(number::truncate(count))?).ok().filter(|count| count.abs() < 1_000_000)
}

fn months_later(year: u16, month: u8, months: i64) -> Option<(u16, u8)> {
    let total = i64::from(year) * 12 + i64::from(month) - 1 + months;
    let year = u16::try_from(total.div_euclid(12)).ok().filter(|year| (1..=9999).contains(year))?;
    Some((year, total.rem_euclid(12) as u8 + 1))
}

fn bounded_date(at: PartialDateTime, high: bool, digits: i64) -> PartialDateTime {
    let month = at.month.unwrap_or(if high { 12 } else { 1 });
    let last = || days_in_month(i64::from(at.year), month);
    let day = at.day.unwrap_or_else(|| if high { last() } else { 1 });
    PartialDateTime {
        year: at.year,
        month: (digits >= 6).then_some(month),
        day: (digits >= 8).then_some(day),
        time: None,
        offset: None,
    }
}
