//! Functions of numbers: <http://hl7.org/fhirpath/N1/#math>. Roots, logarithms and powers with a fraction go through
//! doubles and are given to 15 significant digits.

use super::conversion::shortest;
use super::{Evaluation, Outcome, Scope, fault};
use crate::error::Fault;
use crate::function::Function;
use crate::item::Item;
use crate::plan::{Call, Plan};
use crate::value::Quantity;
use crate::value::number::{self, Rounding};
use model::Decimal;

impl<'t> Evaluation<'_, 't> {
    pub(super) fn math(&self, call: &Call, scope: &Scope<'_, 't>) -> Outcome<Option<Item<'t>>> {
        let Some(item) = self.single(&call.input, scope)? else { return Ok(None) };
        let Some(value) = self.operand(item)? else { return Ok(None) };
        if let Item::Quantity(quantity) = &value {
            return match call.function {
                Function::Abs | Function::Round | Function::Ceiling | Function::Floor | Function::Truncate => {
                    let value = self.rounded(call, &Item::Decimal(quantity.value), scope)?;
                    let made = value
                        .and_then(|value| value.decimal())
                        .map(|value| Quantity { value, unit: quantity.unit.clone() });
                    Ok(made.map(|quantity| Item::Quantity(Box::new(quantity))))
                }
                _ => fault(Fault::Type, format!("{}() is for numbers", call.function.name())),
            };
        }
        let Some(number) = value.decimal() else {
            return fault(Fault::Type, format!("{}() is for numbers, not for {value}", call.function.name()));
        };
        let root = number.to_f64();
        let made = match call.function {
            Function::Exp => number::of_f64(root.exp()),
            Function::Ln => number::of_f64(root.ln()),
            Function::Sqrt => number::of_f64(root.sqrt()),
            Function::Log => {
                let Some(base) = self.number(call.arguments.first(), scope)? else { return Ok(None) };
                number::of_f64(logarithm(root, base.to_f64()))
            }
            Function::Power => {
                let Some(exponent) = self.number(call.arguments.first(), scope)? else { return Ok(None) };
                let made = power(number, exponent);
                let integer = matches!(value, Item::Integer(_)) && exponent.scale() <= 0;
                return Ok(made.map(|made| if integer { shortest(made) } else { Item::Decimal(made) }));
            }
            _ => return self.rounded(call, &value, scope),
        };
        Ok(made.map(Item::Decimal))
    }

    fn number(&self, plan: Option<&Plan>, scope: &Scope<'_, 't>) -> Outcome<Option<Decimal>> {
        let Some(plan) = plan else { return Ok(None) };
        let Some(item) = self.single(plan, scope)? else { return Ok(None) };
        match self.operand(item)? {
            None => Ok(None),
            Some(value) => match value.decimal() {
                Some(number) => Ok(Some(number)),
                None => fault(Fault::Type, format!("a number is wanted, not {value}")),
            },
        }
    }

    fn rounded(&self, call: &Call, value: &Item<'t>, scope: &Scope<'_, 't>) -> Outcome<Option<Item<'t>>> {
        let Some(number) = value.decimal() else { return Ok(None) };
        let to_whole = |rounding| number::rescale(number, 0, rounding).map(shortest);
        Ok(match call.function {
            Function::Abs => match value {
                Item::Integer(value) => value.checked_abs().map(Item::Integer),
                _ if number.coefficient() < 0 => Some(Item::Decimal(number::negate(number))),
                _ => Some(Item::Decimal(number)),
            },
            Function::Ceiling => to_whole(Rounding::Up),
            Function::Floor => to_whole(Rounding::Down),
            Function::Truncate => to_whole(Rounding::TowardsZero),
            _ => {
                let digits = match call.arguments.first() {
                    Some(argument) => match self.integer(argument, scope)? {
                        Some(digits) => digits,
                        None => return Ok(None),
                    },
                    None => 0,
                };
                let Some(digits) = i32::try_from(digits).ok().filter(|digits| (0..=100).contains(digits)) else {
                    return fault(Fault::Value, "round() takes the number of digits from 0 to 100");
                };
                if digits >= number.scale() && number.scale() >= 0 {
                    return Ok(Some(Item::Decimal(number)));
                }
                number::round_to(number, digits).map(Item::Decimal)
            }
        })
    }
}

/// The logarithm, exact where the base is 2 or 10.
fn logarithm(value: f64, base: f64) -> f64 {
    if base == 2.0 {
        value.log2()
    } else if base == 10.0 {
        value.log10()
    } else {
        value.log(base)
    }
}

fn power(base: Decimal, exponent: Decimal) -> Option<Decimal> {
    let whole = number::to_i128(exponent).and_then(|exponent| u32::try_from(exponent).ok());
    if let Some(made) = whole.and_then(|exponent| number::whole_power(base, exponent)) {
        return Some(made);
    }
    number::of_f64(base.to_f64().powf(exponent.to_f64()))
}
