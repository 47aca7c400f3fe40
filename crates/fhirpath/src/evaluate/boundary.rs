//! `lowBoundary()`, `highBoundary()`, `precision()`, `comparable()`: <http://hl7.org/fhirpath/#utility-functions>.

use model::Decimal;

use super::{Evaluation, Outcome, Scope, fault};
use crate::error::Fault;
use crate::function::Function;
use crate::item::Item;
use crate::plan::Call;
use crate::value::number::{self, Rounding};
use crate::value::{Quantity, Time};

/// Digits behind the point that a boundary has at most.
const MOST_DIGITS: i64 = 28;

impl<'t> Evaluation<'_, 't> {
    pub(super) fn boundary(&self, call: &Call, scope: &Scope<'_, 't>) -> Outcome<Option<Item<'t>>> {
        let Some(item) = self.single(&call.input, scope)? else { return Ok(None) };
        let Some(value) = self.operand(item)? else { return Ok(None) };
        if call.function == Function::Precision {
            return Ok(precision(&value).map(Item::Integer));
        }
        let high = call.function == Function::HighBoundary;
        let digits = self.first_integer(call, scope)?;
        if !call.arguments.is_empty() && digits.is_none() {
            return Ok(None);
        }
        Ok(match &value {
            Item::Integer(_) | Item::Decimal(_) => {
                value.decimal().and_then(|value| decimal(value, high, digits.unwrap_or(8))).map(Item::Decimal)
            }
            Item::Quantity(quantity) => decimal(quantity.value, high, digits.unwrap_or(8))
                .map(|value| Item::Quantity(Box::new(Quantity { value, unit: quantity.unit.clone() }))),
            Item::Date(date) => date.boundary(high, digits.unwrap_or(8)).map(Item::Date),
            Item::DateTime(moment) => moment.boundary(high, digits.unwrap_or(17)).map(Item::DateTime),
            Item::Time(time) => time.boundary(high, digits.unwrap_or(9)).map(Item::Time),
            other => return fault(Fault::Type, format!("{}() does not apply to {other}", call.function.name())),
        })
    }

    pub(super) fn comparable(&self, call: &Call, scope: &Scope<'_, 't>) -> Outcome<Option<bool>> {
        let Some(left) = self.single(&call.input, scope)? else { return Ok(None) };
        let Some(argument) = call.arguments.first() else { return Ok(None) };
        let Some(right) = self.single(argument, scope)? else { return Ok(None) };
        let (Some(left), Some(right)) = (self.value(left), self.value(right)) else { return Ok(Some(false)) };
        Ok(Some(match super::equality::quantities(&left, &right) {
            Some((left, right)) => left.same_kind(&right),
            None => {
                left.system_type() == right.system_type() || (left.decimal().is_some() && right.decimal().is_some())
            }
        }))
    }
}

/// The least or greatest number that rounds to this one, to `digits` behind the point: cut outwards; but where all that
/// is left of a number is less than half of the last digit, the boundary is 0, as the official suite has it.
fn decimal(value: Decimal, high: bool, digits: i64) -> Option<Decimal> {
    let digits = i32::try_from(digits).ok().filter(|digits| (0..=MOST_DIGITS as i32).contains(digits))?;
    let (low_end, high_end) = value.implied_range()?;
    let bound = if high { high_end } else { low_end };
    let nearest = number::round_to(bound, digits)?;
    if number::is_zero(nearest) && value.scale() > digits {
        return Some(nearest);
    }
    number::rescale(bound, digits, if high { Rounding::Up } else { Rounding::Down })
}

fn precision(value: &Item<'_>) -> Option<i64> {
    let clock = |time: Time| {
        let parts = time.parts();
        match (time.hour_only, parts.second, parts.fraction) {
            (true, ..) => 2,
            (false, None, _) => 4,
            (false, Some(_), None) => 6,
            (false, Some(_), Some((_, digits))) => 6 + i64::from(digits),
        }
    };
    Some(match value {
        Item::Integer(_) => 0,
        Item::Decimal(value) => i64::from(value.scale().max(0)),
        Item::Quantity(quantity) => i64::from(quantity.value.scale().max(0)),
        Item::Date(date) => 4 + 2 * (i64::from(date.parts().month.is_some()) + i64::from(date.parts().day.is_some())),
        Item::DateTime(moment) => {
            let parts = moment.parts();
            let date = 4 + 2 * (i64::from(parts.month.is_some()) + i64::from(parts.day.is_some()));
            date + parts.time.map_or(0, |at| clock(Time { at, hour_only: moment.hour_only }))
        }
        Item::Time(time) => clock(*time),
        _ => return None,
    })
}
