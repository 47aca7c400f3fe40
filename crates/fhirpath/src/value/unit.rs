//! Units: UCUM codes and the words of calendar durations: <http://hl7.org/fhirpath/N1/#time-valued-quantities>.
//!
//! UCUM itself is the crate `octofhir-ucum`. Logarithmic units (pH, bel) have no factor, so they compare only with
//! themselves.

use std::fmt;
use std::sync::Arc;

use model::Decimal;

use super::number;

/// A word for a span of time whose length may depend on the calendar.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Calendar {
    /// `year`, `years`
    Year,
    /// `month`, `months`
    Month,
    /// `week`, `weeks`
    Week,
    /// `day`, `days`
    Day,
    /// `hour`, `hours`
    Hour,
    /// `minute`, `minutes`
    Minute,
    /// `second`, `seconds`
    Second,
    /// `millisecond`, `milliseconds`
    Millisecond,
}

impl Calendar {
    const ALL: [(Calendar, &'static str, &'static str); 8] = [
        (Calendar::Year, "year", "a"),
        (Calendar::Month, "month", "mo"),
        (Calendar::Week, "week", "wk"),
        (Calendar::Day, "day", "d"),
        (Calendar::Hour, "hour", "h"),
        (Calendar::Minute, "minute", "min"),
        (Calendar::Second, "second", "s"),
        (Calendar::Millisecond, "millisecond", "ms"),
    ];

    /// The unit of a word, singular or plural.
    pub fn of_word(word: &str) -> Option<Calendar> {
        let singular = |name: &str| word == name || word.strip_suffix('s') == Some(name);
        Self::ALL.iter().find(|(_, name, _)| singular(name)).map(|(unit, ..)| *unit)
    }

    /// The unit whose length is a UCUM code's: `d`, `wk`, `h`, `min`, `s`, `ms`; never year or month, whose UCUM
    /// namesakes are averages.
    pub(crate) fn of_ucum(code: &str) -> Option<Calendar> {
        let definite = Self::ALL.iter().filter(|(unit, ..)| unit.is_definite());
        definite.clone().find(|(_, _, ucum)| *ucum == code).map(|(unit, ..)| *unit)
    }

    /// The word in the singular.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(unit, ..)| *unit == self).map_or("", |(_, word, _)| word)
    }

    /// The UCUM code that stands closest to it.
    pub(crate) fn ucum(self) -> &'static str {
        Self::ALL.iter().find(|(unit, ..)| *unit == self).map_or("", |(_, _, ucum)| ucum)
    }

    pub(crate) fn is_definite(self) -> bool {
        !matches!(self, Calendar::Year | Calendar::Month)
    }
}

/// The unit of a quantity.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Unit {
    /// A UCUM code; `1` for a plain number.
    Ucum(Arc<str>),
    /// A word of the calendar.
    Calendar(Calendar),
    /// A unit outside UCUM, comparable only with itself: `system|code`, or the unit as text.
    Other(Arc<str>),
}

/// What a unit is in UCUM's base units: a value `v` is `v × factor + offset` of `base`.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Canonical {
    pub(crate) base: String,
    pub(crate) factor: Decimal,
    pub(crate) offset: Decimal,
}

impl Unit {
    pub(crate) fn one() -> Unit {
        Unit::ucum("1")
    }

    pub(crate) fn ucum(code: &str) -> Unit {
        Unit::Ucum(Arc::from(code))
    }

    pub(crate) fn is_one(&self) -> bool {
        matches!(self, Unit::Ucum(code) if **code == *"1")
    }

    /// The calendar's word for it; also where the word was put in quotes like a code.
    pub(crate) fn calendar(&self) -> Option<Calendar> {
        match self {
            Unit::Calendar(unit) => Some(*unit),
            Unit::Ucum(code) => Calendar::of_ucum(code).or_else(|| Calendar::of_word(code)),
            Unit::Other(_) => None,
        }
    }

    /// The unit as a UCUM code; `None` outside UCUM.
    pub(crate) fn code(&self) -> Option<&str> {
        match self {
            Unit::Ucum(code) => Some(code),
            Unit::Calendar(unit) => Some(unit.ucum()),
            Unit::Other(_) => None,
        }
    }

    /// In base units; `None` outside UCUM, for broken codes and for logarithmic units.
    pub(crate) fn canonical(&self) -> Option<Canonical> {
        let canonical = octofhir_ucum::get_canonical_units(self.code()?).ok()?;
        let decimal = |number: octofhir_ucum::Number| {
            let (digits, exponent) = number.to_integer_and_exponent();
            Decimal::new(digits, exponent.checked_neg()?)
        };
        let (factor, offset) = (decimal(canonical.factor)?, decimal(canonical.offset)?);
        Some(Canonical { base: canonical.unit, factor, offset })
    }

    /// The unit of a product or quotient, written in base units, with the factor by which the value must be multiplied.
    pub(crate) fn combine(&self, other: &Unit, divide: bool) -> Option<(Unit, Decimal)> {
        if other.is_one() {
            return Some((self.clone(), number::of_integer(1)));
        }
        if self.is_one() && !divide {
            return Some((other.clone(), number::of_integer(1)));
        }
        let (left, right) = (self.code()?, other.code()?);
        let product = if divide {
            octofhir_ucum::unit_divide(left, right).ok()?
        } else {
            octofhir_ucum::unit_multiply(left, right).ok()?
        };
        if product.is_dimensionless {
            let (digits, exponent) = product.factor.to_integer_and_exponent();
            return Some((Unit::one(), Decimal::new(digits, exponent.checked_neg()?)?));
        }
        Some((Unit::ucum(&product.expression), number::of_integer(1)))
    }
}

impl fmt::Display for Unit {
    /// As in a literal: a code in quotes, a word without.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unit::Ucum(code) | Unit::Other(code) => write!(f, "'{code}'"),
            Unit::Calendar(unit) => f.write_str(unit.word()),
        }
    }
}
