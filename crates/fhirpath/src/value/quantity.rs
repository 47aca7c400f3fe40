//! Quantities: a number with a unit, compared and computed with across units:
//! <http://hl7.org/fhirpath/N1/#quantity>.

use std::cmp::Ordering;
use std::fmt;

use model::Decimal;

use super::number;
use super::unit::{Calendar, Unit};

/// A number with a unit.
#[derive(Clone, Debug)]
pub struct Quantity {
    /// How many.
    pub value: Decimal,
    /// Of what.
    pub unit: Unit,
}

impl Quantity {
    /// Parses `4`, `4.5 'mg'`, `4 days`.
    pub fn parse(text: &str) -> Option<Quantity> {
        let text = text.trim();
        let end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+'))).unwrap_or(text.len());
        let (value, unit) = text.split_at_checked(end)?;
        let value = Decimal::parse(value)?;
        let trimmed = unit.trim_start();
        if trimmed.is_empty() {
            return Some(Quantity { value, unit: Unit::one() });
        }
        if let Some(code) = trimmed.strip_prefix('\'') {
            let code = code.strip_suffix('\'').filter(|code| !code.is_empty() && !code.contains('\''))?;
            return Some(Quantity { value, unit: Unit::ucum(code) });
        }
        let spaced = trimmed.len() < unit.len();
        Calendar::of_word(trimmed).filter(|_| spaced).map(|unit| Quantity { value, unit: Unit::Calendar(unit) })
    }

    pub(crate) fn of_number(value: Decimal) -> Quantity {
        Quantity { value, unit: Unit::one() }
    }

    /// Both values in one unit, with the digits behind the point that were written; `None` where the units are not of one kind.
    fn common(&self, other: &Quantity) -> Option<(Decimal, Decimal)> {
        if self.unit == other.unit {
            return Some((self.value, other.value));
        }
        match (&self.unit, &other.unit) {
            (Unit::Calendar(left), Unit::Calendar(right)) if !left.is_definite() && !right.is_definite() => {
                let months = |value: Decimal, unit: Calendar| match unit {
                    Calendar::Year => number::multiply(value, number::of_integer(12)),
                    _ => Some(value),
                };
                return Some((months(self.value, *left)?, months(other.value, *right)?));
            }
            // A month of the calendar and one of UCUM have no common measure, nor have a month and a day.
            (Unit::Calendar(unit), _) | (_, Unit::Calendar(unit)) if !unit.is_definite() => return None,
            _ => {}
        }
        let (left, right) = (self.unit.canonical()?, other.unit.canonical()?);
        if left.base != right.base {
            return None;
        }
        let base =
            |value: Decimal, factor: Decimal, offset: Decimal| number::add(number::multiply(value, factor)?, offset);
        Some((base(self.value, left.factor, left.offset)?, base(other.value, right.factor, right.offset)?))
    }

    /// How it lies to another; `None` where the units are not of one kind.
    pub(crate) fn compare(&self, other: &Quantity) -> Option<Ordering> {
        let (left, right) = self.common(other)?;
        Some(left.cmp(&right))
    }

    /// Whether they are the same at the precision of the less precise one; units of different kinds are not.
    pub(crate) fn equivalent(&self, other: &Quantity) -> bool {
        match (&self.unit, &other.unit) {
            (Unit::Calendar(_), Unit::Ucum(_)) | (Unit::Ucum(_), Unit::Calendar(_)) => {
                self.in_ucum().equivalent_in(&other.in_ucum())
            }
            _ => self.equivalent_in(other),
        }
    }

    /// A word of the calendar against a code: as UCUM counts it.
    fn in_ucum(&self) -> Quantity {
        match &self.unit {
            Unit::Calendar(unit) => Quantity { value: self.value, unit: Unit::ucum(unit.ucum()) },
            _ => self.clone(),
        }
    }

    fn equivalent_in(&self, other: &Quantity) -> bool {
        if self.unit == other.unit {
            return equivalent(self.value, other.value);
        }
        if let (Unit::Calendar(left), Unit::Calendar(right)) = (&self.unit, &other.unit)
            && left.is_definite() != right.is_definite()
        {
            let days = |quantity: &Quantity, unit: Calendar| match unit {
                Calendar::Year => number::multiply(quantity.value, number::of_integer(365)),
                Calendar::Month => number::multiply(quantity.value, number::of_integer(30)),
                _ => None,
            };
            let in_days = |quantity: &Quantity, unit: Calendar| match days(quantity, unit) {
                Some(value) => Quantity { value, unit: Unit::Calendar(Calendar::Day) },
                None => quantity.clone(),
            };
            return in_days(self, *left).equivalent_in(&in_days(other, *right));
        }
        let Some((left, right)) = self.common(other) else { return false };
        // Compare in the unit of the one that was written less precisely, so that its rounding means what it says.
        let precision = |quantity: &Quantity, base: Decimal| {
            number::divide(base, quantity.value).map(|factor| (factor, quantity.value.scale()))
        };
        let (Some((left_factor, left_scale)), Some((right_factor, right_scale))) =
            (precision(self, left), precision(other, right))
        else {
            return left == right;
        };
        let step = |factor: Decimal, scale: i32| Decimal::new(1, scale).and_then(|unit| number::multiply(unit, factor));
        let (Some(left_step), Some(right_step)) = (step(left_factor, left_scale), step(right_factor, right_scale))
        else {
            return left == right;
        };
        let (factor, scale) =
            if left_step >= right_step { (left_factor, left_scale) } else { (right_factor, right_scale) };
        let rounded = |value: Decimal| number::round_to(number::divide(value, factor)?, scale);
        match (rounded(left), rounded(right)) {
            (Some(left), Some(right)) => left == right,
            _ => left == right,
        }
    }

    /// Whether both measure the same, a month and a day of the calendar included.
    pub(crate) fn same_kind(&self, other: &Quantity) -> bool {
        let base = |unit: &Unit| unit.canonical().map(|canonical| canonical.base);
        self.unit == other.unit || base(&self.unit).is_some_and(|kind| Some(kind) == base(&other.unit))
    }

    /// Whether both are of one kind, so that one can be expressed in the unit of the other.
    pub(crate) fn comparable(&self, other: &Quantity) -> bool {
        self.common(other).is_some()
    }

    /// The same in another unit; `None` where the units are not of one kind.
    pub(crate) fn into_unit(self, unit: Unit) -> Option<Quantity> {
        if self.unit == unit {
            return Some(self);
        }
        let one = Quantity { value: number::of_integer(1), unit: unit.clone() };
        let zero = Quantity { value: number::of_integer(0), unit: unit.clone() };
        let (value, one) = self.common(&one)?;
        let (_, zero) = self.common(&zero)?;
        let value = number::divide(number::subtract(value, zero)?, number::subtract(one, zero)?)?;
        Some(Quantity { value, unit })
    }

    /// Sum or difference, in the finer of both units; `None` where the units are not of one kind.
    pub(crate) fn plus(&self, other: &Quantity, subtract: bool) -> Option<Quantity> {
        let value = if subtract { number::negate(other.value) } else { other.value };
        if self.unit == other.unit {
            return Some(Quantity { value: number::add(self.value, value)?, unit: self.unit.clone() });
        }
        if !self.comparable(other) {
            return None;
        }
        if let (Unit::Calendar(left), Unit::Calendar(_)) = (&self.unit, &other.unit)
            && !left.is_definite()
        {
            let (left, right) = Quantity { value, unit: other.unit.clone() }.common(self).map(|(r, l)| (l, r))?;
            return Some(Quantity { value: number::add(left, right)?, unit: Unit::Calendar(Calendar::Month) });
        }
        let (left, right) = (self.unit.canonical()?, other.unit.canonical()?);
        let (unit, target) = if left.factor <= right.factor { (&self.unit, &left) } else { (&other.unit, &right) };
        let into = |value: Decimal, from: Decimal| number::divide(number::multiply(value, from)?, target.factor);
        let sum = number::add(into(self.value, left.factor)?, into(value, right.factor)?)?;
        Some(Quantity { value: sum, unit: unit.clone() })
    }

    /// The product, or the quotient; `None` outside UCUM, for a divisor of 0 and where the result does not fit.
    pub(crate) fn times(&self, other: &Quantity, divide: bool) -> Option<Quantity> {
        let (unit, factor) = self.unit.combine(&other.unit, divide)?;
        let value =
            if divide { number::divide(self.value, other.value)? } else { number::multiply(self.value, other.value)? };
        Some(Quantity { value: number::multiply(value, factor)?, unit })
    }
}

/// Whether two decimals are the same when rounded to the less precise of both.
pub(crate) fn equivalent(left: Decimal, right: Decimal) -> bool {
    let scale = left.scale().min(right.scale()).max(0);
    match (number::round_to(left, scale), number::round_to(right, scale)) {
        (Some(left), Some(right)) => left == right,
        _ => left == right,
    }
}

impl fmt::Display for Quantity {
    /// As a literal: `4.5 'mg'`, `4 days`, `1 day`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let several = matches!(self.unit, Unit::Calendar(_)) && self.value != number::of_integer(1);
        write!(f, "{} {}{}", self.value, self.unit, if several { "s" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn q(text: &str) -> Quantity {
        Quantity::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn quantities_of_one_kind_compare_across_units() {
        for (left, right, order) in [
            ("4.0000 'g'", "4000.0 'mg'", Some(Ordering::Equal)),
            ("7 days", "1 'wk'", Some(Ordering::Equal)),
            ("6 days", "1 week", Some(Ordering::Less)),
            ("13 months", "1 year", Some(Ordering::Greater)),
            ("37 'Cel'", "310.15 'K'", Some(Ordering::Equal)),
            ("185 '[lb_av]'", "185 'kg'", Some(Ordering::Less)),
            ("1 'cm'", "1 's'", None),
            ("1 year", "1 'a'", None),
            ("1 'nonsense'", "1 'kg'", None),
        ] {
            assert_eq!(q(left).compare(&q(right)), order, "{left} {right}");
        }
    }

    #[test]
    fn equivalence_rounds_to_the_less_precise_one() {
        assert!(q("4 'g'").equivalent(&q("4040 'mg'")));
        assert!(!q("4.0 'g'").equivalent(&q("4140 'mg'")));
        assert!(q("1 year").equivalent(&q("1 'a'")));
        assert!(q("1 year").equivalent(&q("365 days")));
        assert!(!q("1 'cm'").equivalent(&q("1 's'")));
        assert!(equivalent(Decimal::parse("0.666666").unwrap(), Decimal::parse("0.67").unwrap()));
    }

    #[test]
    fn arithmetic_keeps_the_dimension() {
        let product = q("2.0 'cm'").times(&q("2.0 'm'"), false).unwrap();
        assert_eq!(product.compare(&q("0.040 'm2'")), Some(Ordering::Equal));
        assert_eq!(q("1.0 'm'").times(&q("1.0 'cm'"), true).unwrap().to_string(), "100 '1'");
        assert_eq!(q("1 'kg'").plus(&q("1 'g'"), false).unwrap().to_string(), "1001 'g'");
        assert_eq!(q("1 year").plus(&q("1 month"), true).unwrap().to_string(), "11 months");
        assert!(q("1 'kg'").plus(&q("1 's'"), false).is_none());
        assert!(q("1 'kg'").times(&q("0 's'"), true).is_none());
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in ["", "a", "1 wk", "1day", "1 'wk", "1 ''", "--1", "1.a"] {
            assert!(Quantity::parse(text).is_none(), "{text}");
        }
    }
}
