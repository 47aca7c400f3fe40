//! Arithmetic of decimals. A result that does not fit in 38 digits is `None`: an expression then gives an empty answer.

use model::Decimal;

/// Digits behind the point that a quotient has at most.
const QUOTIENT_DIGITS: i32 = 24;

fn power_of_ten(exponent: i32) -> Option<i128> {
    10i128.checked_pow(u32::try_from(exponent).ok()?)
}

pub(crate) fn of_integer(value: i64) -> Decimal {
    Decimal::new(i128::from(value), 0).unwrap_or_else(zero)
}

fn zero() -> Decimal {
    // The scale 0 is always allowed, so this recursion never happens.
    Decimal::new(0, 0).unwrap_or_else(zero)
}

pub(crate) fn is_zero(value: Decimal) -> bool {
    value.coefficient() == 0
}

/// Both coefficients at one scale.
fn aligned(a: Decimal, b: Decimal) -> Option<(i128, i128, i32)> {
    let scale = a.scale().max(b.scale());
    let raise = |value: Decimal| value.coefficient().checked_mul(power_of_ten(scale - value.scale())?);
    Some((raise(a)?, raise(b)?, scale))
}

pub(crate) fn add(a: Decimal, b: Decimal) -> Option<Decimal> {
    let (left, right, scale) = aligned(a, b)?;
    Decimal::new(left.checked_add(right)?, scale)
}

pub(crate) fn subtract(a: Decimal, b: Decimal) -> Option<Decimal> {
    add(a, negate(b))
}

pub(crate) fn negate(value: Decimal) -> Decimal {
    Decimal::new(value.coefficient().saturating_neg(), value.scale()).unwrap_or(value)
}

/// The product; digits beyond what fits are rounded away, 19 of each factor remaining at least.
pub(crate) fn multiply(a: Decimal, b: Decimal) -> Option<Decimal> {
    if let Some(product) = a.coefficient().checked_mul(b.coefficient()) {
        return Decimal::new(product, a.scale() + b.scale());
    }
    let (a, b) = (shortened(a, 19), shortened(b, 19));
    Decimal::new(a.coefficient().checked_mul(b.coefficient())?, a.scale() + b.scale())
}

/// The value rounded to a count of significant digits.
fn shortened(value: Decimal, digits: u32) -> Decimal {
    let value = value.normalized();
    let excess = (value.coefficient().unsigned_abs().checked_ilog10().unwrap_or(0) + 1).saturating_sub(digits);
    round_to(value, value.scale() - excess as i32).unwrap_or(value)
}

/// The quotient to 24 digits behind the point, without trailing zeros; `None` for a divisor of 0.
pub(crate) fn divide(a: Decimal, b: Decimal) -> Option<Decimal> {
    if is_zero(b) {
        return None;
    }
    let (a, b) = (a.normalized(), shortened(b, 36));
    let divisor = b.coefficient().checked_abs()?;
    let negative = (a.coefficient() < 0) != (b.coefficient() < 0);
    let dividend = a.coefficient().checked_abs()?;
    let (mut quotient, mut rest, mut scale) = (dividend / divisor, dividend % divisor, a.scale() - b.scale());
    while rest != 0 && scale < QUOTIENT_DIGITS {
        let Some(next) = quotient.checked_mul(10) else { break };
        rest = rest.checked_mul(10)?;
        quotient = next.checked_add(rest / divisor)?;
        rest %= divisor;
        scale += 1;
    }
    if rest.checked_mul(2).is_none_or(|twice| twice >= divisor) && rest != 0 {
        quotient = quotient.checked_add(1)?;
    }
    let result = Decimal::new(if negative { -quotient } else { quotient }, scale)?.normalized();
    if result.scale() < 0 { round_to(result, 0) } else { Some(result) }
}

/// The quotient without its fraction.
pub(crate) fn whole_quotient(a: Decimal, b: Decimal) -> Option<Decimal> {
    let (left, right, _) = aligned(a, b)?;
    Decimal::new(left.checked_div(right)?, 0)
}

/// What is left of `a` after whole multiples of `b`, with the sign of `a`.
pub(crate) fn remainder(a: Decimal, b: Decimal) -> Option<Decimal> {
    let (left, right, scale) = aligned(a, b)?;
    Decimal::new(left.checked_rem(right)?, scale)
}

/// Which way digits are cut.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rounding {
    Nearest,
    Down,
    Up,
    TowardsZero,
}

/// The value with exactly `scale` digits behind the point; `None` where they do not fit.
pub(crate) fn rescale(value: Decimal, scale: i32, rounding: Rounding) -> Option<Decimal> {
    if scale >= value.scale() {
        let raised = value.coefficient().checked_mul(power_of_ten(scale - value.scale())?)?;
        return Decimal::new(raised, scale);
    }
    let Some(unit) = power_of_ten(value.scale() - scale) else {
        // Every digit is cut.
        let step = match rounding {
            Rounding::Up if value.coefficient() > 0 => 1,
            Rounding::Down if value.coefficient() < 0 => -1,
            _ => 0,
        };
        return Decimal::new(step, scale);
    };
    let (whole, rest) = (value.coefficient() / unit, value.coefficient() % unit);
    let step = match rounding {
        Rounding::TowardsZero => 0,
        Rounding::Up => i128::from(rest > 0),
        Rounding::Down => -i128::from(rest < 0),
        Rounding::Nearest if rest.unsigned_abs() >= unit.unsigned_abs() - rest.unsigned_abs() => rest.signum(),
        Rounding::Nearest => 0,
    };
    Decimal::new(whole + step, scale)
}

/// The nearest value with `scale` digits behind the point, halves away from zero.
pub(crate) fn round_to(value: Decimal, scale: i32) -> Option<Decimal> {
    rescale(value, scale, Rounding::Nearest)
}

pub(crate) fn truncate(value: Decimal) -> Decimal {
    rescale(value, 0, Rounding::TowardsZero).unwrap_or(value)
}

/// The whole number that it is; `None` where it has a fraction or does not fit.
pub(crate) fn to_i128(value: Decimal) -> Option<i128> {
    let whole = rescale(value, 0, Rounding::TowardsZero)?;
    (whole == value).then_some(whole.coefficient())
}

/// The decimal of a double, to 15 significant digits: `9.000000000000002` is noise.
pub(crate) fn of_f64(value: f64) -> Option<Decimal> {
    if !value.is_finite() {
        return None;
    }
    let rounded = Decimal::parse(&format!("{value:.14e}"))?.normalized();
    if rounded.scale() < 0 { round_to(rounded, 0).or(Some(rounded)) } else { Some(rounded) }
}

/// A whole power by squaring; `None` where it does not fit.
pub(crate) fn whole_power(base: Decimal, exponent: u32) -> Option<Decimal> {
    let (mut result, mut square, mut rest) = (of_integer(1), base, exponent);
    while rest > 0 {
        if rest & 1 == 1 {
            let product = result.coefficient().checked_mul(square.coefficient())?;
            result = Decimal::new(product, result.scale() + square.scale())?;
        }
        rest >>= 1;
        if rest > 0 {
            let product = square.coefficient().checked_mul(square.coefficient())?;
            square = Decimal::new(product, square.scale() * 2)?;
        }
    }
    Some(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    #[test]
    fn arithmetic_is_exact_where_decimals_can_be() {
        assert_eq!(add(d("1.2"), d("1.8")).unwrap().to_string(), "3.0");
        assert_eq!(subtract(d("1.8"), d("1.2")), Some(d("0.6")));
        assert_eq!(divide(d("4.0"), d("2.0")).unwrap().to_string(), "2");
        assert_eq!(divide(d("1"), d("3")).unwrap().to_string(), "0.333333333333333333333333");
        assert_eq!(divide(d("2"), d("3")).unwrap().to_string(), "0.666666666666666666666667");
        assert_eq!(divide(d("100"), d("0.001")).unwrap().to_string(), "100000");
        assert_eq!(divide(d("1"), d("0.0")), None);
        assert_eq!(remainder(d("2.2"), d("1.8")), Some(d("0.4")));
        assert_eq!(remainder(d("-5"), d("3")), Some(d("-2")));
        assert_eq!(whole_quotient(d("2.2"), d("1.8")), Some(d("1")));
        assert_eq!(whole_power(d("2.5"), 2), Some(d("6.25")));
        assert_eq!(whole_power(d("10"), 100), None);
    }

    #[test]
    fn rounding_goes_the_way_it_is_asked() {
        assert_eq!(round_to(d("2.5"), 0), Some(d("3")));
        assert_eq!(round_to(d("-2.5"), 0), Some(d("-3")));
        assert_eq!(rescale(d("-2.1"), 0, Rounding::Down), Some(d("-3")));
        assert_eq!(rescale(d("2.1"), 0, Rounding::Up), Some(d("3")));
        assert_eq!(rescale(d("1e-200"), 0, Rounding::Up), Some(d("1")));
        assert_eq!(of_f64(9.000_000_000_000_002).unwrap().to_string(), "9");
        assert_eq!(of_f64(f64::NAN), None);
        assert_eq!(to_i128(d("2.50")), None);
        assert_eq!(to_i128(d("2.00")), Some(2));
    }
}
