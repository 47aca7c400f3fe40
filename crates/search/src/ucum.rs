//! Units of UCUM in base units: <https://ucum.org/ucum>.

use model::Decimal;

/// A unit in base units: which, and what to multiply a value by. `None` for what is no code of UCUM, and for units that do not begin
/// at zero (degrees Celsius) or are logarithmic.
pub(crate) fn canonical(code: &str) -> Option<(String, Decimal)> {
    let canonical = octofhir_ucum::get_canonical_units(code).ok()?;
    let decimal = |number: octofhir_ucum::Number| {
        let (digits, exponent) = number.to_integer_and_exponent();
        Decimal::new(digits, exponent.checked_neg()?)
    };
    let (factor, offset) = (decimal(canonical.factor)?, decimal(canonical.offset)?);
    (offset.coefficient() == 0).then_some((canonical.unit, factor))
}

/// The product; `None` where it has too many digits.
pub(crate) fn multiply(number: Decimal, factor: Decimal) -> Option<Decimal> {
    let (number, factor) = (number.normalized(), factor.normalized());
    Decimal::new(number.coefficient().checked_mul(factor.coefficient())?, number.scale() + factor.scale())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_one_dimension_have_one_base() {
        let (base, gram) = canonical("g").unwrap();
        let (same, milligram) = canonical("mg").unwrap();
        assert_eq!(base, same);
        let thousand = Decimal::parse("1000").unwrap();
        assert_eq!(multiply(milligram, thousand), Some(gram));
        assert_ne!(canonical("mm[Hg]").unwrap().0, base);
        assert_eq!(canonical("spoons"), None);
        assert_eq!(canonical("Cel"), None);
    }
}
