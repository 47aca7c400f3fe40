//! FHIR `decimal`: a number that remembers how many digits were written: <http://hl7.org/fhir/R4/datatypes.html#decimal>.

use std::cmp::Ordering;
use std::fmt;

/// `coefficient × 10^-scale`. `1.50` is (150, 2) and `1.5` is (15, 1): equal in value, different in precision.
#[derive(Clone, Copy, Debug)]
pub struct Decimal {
    coefficient: i128,
    scale: i32,
}

impl Decimal {
    /// A number from its parts; `None` where the scale is outside ±1,000.
    pub fn new(coefficient: i128, scale: i32) -> Option<Decimal> {
        (-1_000..=1_000).contains(&scale).then_some(Decimal { coefficient, scale })
    }

    /// Parses JSON's number syntax, exponent included, and a leading `+`. More than 38 significant digits, or an
    /// exponent outside ±1,000, are refused.
    pub fn parse(text: &str) -> Option<Decimal> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (negative, digits) = match mantissa.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() || (digits.contains('.') && fraction.is_empty()) {
            return None;
        }
        let mut coefficient: i128 = 0;
        for byte in whole.bytes().chain(fraction.bytes()) {
            let digit = byte.is_ascii_digit().then(|| i128::from(byte - b'0'))?;
            coefficient = coefficient.checked_mul(10)?.checked_add(digit)?;
        }
        let scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
        Decimal::new(if negative { -coefficient } else { coefficient }, scale)
    }

    /// The digits without the point.
    pub fn coefficient(self) -> i128 {
        self.coefficient
    }

    /// Digits behind the point; negative for `1e3`.
    pub fn scale(self) -> i32 {
        self.scale
    }

    /// The numbers that round to this one at its precision: `100` covers 99.5 to 100.5, `1.00` covers 0.995 to 1.005.
    /// `None` where that overflows.
    pub fn implied_range(self) -> Option<(Decimal, Decimal)> {
        let middle = self.coefficient.checked_mul(10)?;
        let scale = self.scale + 1;
        Some((Decimal::new(middle.checked_sub(5)?, scale)?, Decimal::new(middle.checked_add(5)?, scale)?))
    }

    /// The same value with the fewest digits: `1.50` as `1.5`, `100` as `1e2`.
    pub fn normalized(self) -> Decimal {
        let Decimal { mut coefficient, mut scale } = self;
        if coefficient == 0 {
            return Decimal { coefficient: 0, scale: 0 };
        }
        while coefficient % 10 == 0 {
            coefficient /= 10;
            scale -= 1;
        }
        Decimal { coefficient, scale }
    }

    /// The nearest double.
    pub fn to_f64(self) -> f64 {
        format!("{}e{}", self.coefficient, -self.scale).parse().unwrap_or(f64::NAN)
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal {}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    /// By value: `1.50` equals `1.5`.
    fn cmp(&self, other: &Self) -> Ordering {
        let (a, b) = (self.normalized(), other.normalized());
        let signs = a.coefficient.signum().cmp(&b.coefficient.signum());
        if signs != Ordering::Equal || a.coefficient == 0 {
            return signs;
        }
        // Same sign: compare the places of the leading digits, then the digits from the left.
        let digits = |value: &Decimal| value.coefficient.unsigned_abs().to_string();
        let (left, right) = (digits(&a), digits(&b));
        let place = |digits: &str, value: &Decimal| digits.len() as i32 - value.scale;
        let magnitude = place(&left, &a).cmp(&place(&right, &b)).then_with(|| left.cmp(&right));
        if a.coefficient < 0 { magnitude.reverse() } else { magnitude }
    }
}

impl fmt::Display for Decimal {
    /// Plain digits at the written precision.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.coefficient < 0 { "-" } else { "" };
        let digits = self.coefficient.unsigned_abs().to_string();
        if self.scale <= 0 {
            return write!(f, "{sign}{digits}{}", "0".repeat(self.scale.unsigned_abs() as usize));
        }
        let scale = self.scale as usize;
        let padded = format!("{digits:0>width$}", width = scale + 1);
        let (whole, fraction) = padded.split_at(padded.len() - scale);
        write!(f, "{sign}{whole}.{fraction}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn digits_are_kept_and_values_compared() {
        for text in ["0", "-0.010", "1.50", "100", "123456789012345678901234567890.12345678"] {
            assert_eq!(decimal(text).to_string(), text);
        }
        assert_eq!(decimal("1.5e3").to_string(), "1500");
        assert_eq!(decimal("1.50"), decimal("1.5"));
        assert_eq!(decimal("0"), decimal("-0.00"));
        let order = ["-1e3", "-10.1", "-10", "-0.5", "0", "0.049", "0.05", "1", "1.001", "9", "10", "1e3"];
        for pair in order.windows(2) {
            assert!(decimal(pair[0]) < decimal(pair[1]), "{pair:?}");
        }
    }

    #[test]
    fn what_is_no_decimal_is_refused() {
        for text in ["", "-", ".5", "1.", "1e", "1e9999", "0x1", "1 ", "123456789012345678901234567890123456789012"] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn precision_implies_a_range() {
        let (low, high) = decimal("1.00").implied_range().unwrap();
        assert_eq!((low, high), (decimal("0.995"), decimal("1.005")));
        let (low, high) = decimal("1e2").implied_range().unwrap();
        assert_eq!((low, high), (decimal("50"), decimal("150")));
    }
}
