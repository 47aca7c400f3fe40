//! Quantities compared by value and unit.

use std::cmp::Ordering;

use model::{Decimal, Element};

use super::Terminology;

const UCUM: &str = "http://unitsofmeasure.org";

impl Terminology {
    /// How the value of one Quantity compares with another's: in the same unit by their decimals, in different UCUM
    /// units after conversion; `None` where they cannot be compared.
    pub(crate) fn compare_quantities(&self, left: Element<'_>, right: Element<'_>) -> Option<Ordering> {
        let value = |quantity: Element<'_>| Decimal::parse(quantity.text_at("value")?);
        let (left_value, right_value) = (value(left)?, value(right)?);
        let unit = |quantity: Element<'_>| {
            (quantity.text_at("system").map(str::to_owned), quantity.text_at("code").map(str::to_owned))
        };
        let (left_unit, right_unit) = (unit(left), unit(right));
        if left_unit == right_unit {
            let named = left_unit.1.is_some() || left.text_at("unit") == right.text_at("unit");
            return named.then(|| left_value.cmp(&right_value));
        }
        let ((Some(one), Some(from)), (Some(other), Some(to))) = (left_unit, right_unit) else {
            return right.get("code").is_none().then(|| left_value.cmp(&right_value));
        };
        if one != UCUM || other != UCUM {
            return None;
        }
        let converted = octofhir_ucum::convert(left_value.to_f64(), &from, &to).ok()?;
        let right = right_value.to_f64();
        if (converted - right).abs() <= right.abs() * 1e-12 {
            Some(Ordering::Equal)
        } else {
            converted.partial_cmp(&right)
        }
    }
}
