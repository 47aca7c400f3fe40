//! `iif()`, `toX()`, `convertsToX()`: <http://hl7.org/fhirpath/N1/#conversion>.

use model::Decimal;

use super::operator::whole;
use super::{Evaluation, Outcome, Scope, fault, several};
use crate::error::Fault;
use crate::function::Function;
use crate::item::{Collection, Item};
use crate::plan::Call;
use crate::value::{DateTime, Quantity, Time, Unit, number};

impl<'t> Evaluation<'_, 't> {
    /// `iif(criterion, then, otherwise)` for one item, or for none; only the branch that is taken is evaluated.
    pub(super) fn iif(&self, call: &Call, scope: &Scope<'_, 't>) -> Outcome<Collection<'t>> {
        let input = self.collect(&call.input, scope)?;
        if input.len() > 1 {
            return several();
        }
        let this = if input.is_empty() { scope.this } else { &input };
        let inner = Scope { this, ..*scope };
        let Some(criterion) = call.arguments.first() else { return Ok(Collection::new()) };
        let holds = if self.is_boolean(criterion) {
            self.truth(criterion, &inner)? == Some(true)
        } else {
            match self.single(criterion, &inner)? {
                None => false,
                Some(item) => match self.boolean_of(&item) {
                    Some(value) => value,
                    None => return fault(Fault::Type, format!("the criterion of iif() is no boolean but {item}")),
                },
            }
        };
        match call.arguments.get(if holds { 1 } else { 2 }) {
            Some(branch) => self.collect(branch, &inner),
            None => Ok(Collection::new()),
        }
    }

    pub(super) fn conversion(&self, call: &Call, scope: &Scope<'_, 't>) -> Outcome<Option<Item<'t>>> {
        let Some(item) = self.single(&call.input, scope)? else { return Ok(None) };
        let Some(value) = self.value(item) else { return Ok(None) };
        let unit = match call.arguments.first() {
            Some(argument) => self.text_of(argument, scope)?,
            None => None,
        };
        if call.arguments.len() == 1 && unit.is_none() {
            return Ok(None);
        }
        Ok(convert(&value, call.function, unit.as_deref()))
    }

    pub(super) fn converts(&self, call: &Call, scope: &Scope<'_, 't>) -> Outcome<Option<bool>> {
        use Function::*;
        let Some(item) = self.single(&call.input, scope)? else { return Ok(None) };
        let target = match call.function {
            ConvertsToBoolean => ToBoolean,
            ConvertsToInteger => ToInteger,
            ConvertsToLong => ToLong,
            ConvertsToDecimal => ToDecimal,
            ConvertsToString => ToString,
            ConvertsToDate => ToDate,
            ConvertsToDateTime => ToDateTime,
            ConvertsToTime => ToTime,
            _ => ToQuantity,
        };
        let unit = match call.arguments.first() {
            Some(argument) => self.text_of(argument, scope)?,
            None => None,
        };
        let value = self.value(item);
        Ok(Some(value.is_some_and(|value| convert(&value, target, unit.as_deref()).is_some())))
    }
}

fn convert<'t>(value: &Item<'t>, target: Function, unit: Option<&str>) -> Option<Item<'t>> {
    match target {
        Function::ToBoolean => boolean(value).map(Item::Boolean),
        Function::ToInteger => integer(value).filter(|value| i32::try_from(*value).is_ok()).map(Item::Integer),
        Function::ToLong => integer(value).map(Item::Integer),
        Function::ToDecimal => decimal(value).map(Item::Decimal),
        Function::ToString => match value {
            Item::String(text) => Some(Item::String(text.clone())),
            other => other.system_type().map(|_| Item::string(other.to_string())),
        },
        Function::ToDate => match value {
            Item::Date(date) => Some(Item::Date(*date)),
            Item::DateTime(moment) => Some(Item::Date(moment.date())),
            Item::String(text) => {
                DateTime::parse(text).filter(|_| is_bare(text)).map(|moment| Item::Date(moment.date()))
            }
            _ => None,
        },
        Function::ToDateTime => match value {
            Item::Date(date) => Some(Item::DateTime(date.to_date_time())),
            Item::DateTime(moment) => Some(Item::DateTime(*moment)),
            Item::String(text) => DateTime::parse(text).filter(|_| is_bare(text)).map(Item::DateTime),
            _ => None,
        },
        Function::ToTime => match value {
            Item::Time(time) => Some(Item::Time(*time)),
            Item::String(text) => Time::parse(text).map(Item::Time),
            _ => None,
        },
        _ => quantity(value, unit).map(|quantity| Item::Quantity(Box::new(quantity))),
    }
}

/// A string is a date without the `T` that marks a dateTime literal.
fn is_bare(text: &str) -> bool {
    !text.ends_with('T')
}

fn boolean(value: &Item<'_>) -> Option<bool> {
    match value {
        Item::Boolean(value) => Some(*value),
        Item::Integer(_) | Item::Decimal(_) => {
            let number = value.decimal()?;
            if number == number::of_integer(1) { Some(true) } else { number::is_zero(number).then_some(false) }
        }
        Item::String(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "1" | "1.0" => Some(true),
            "false" | "f" | "no" | "n" | "0" | "0.0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn integer(value: &Item<'_>) -> Option<i64> {
    match value {
        Item::Integer(value) => Some(*value),
        Item::Boolean(value) => Some(i64::from(*value)),
        Item::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn decimal(value: &Item<'_>) -> Option<Decimal> {
    match value {
        Item::Boolean(value) => {
            Some(number::of_integer(i64::from(*value))).and_then(|value| number::round_to(value, 1))
        }
        Item::String(text) => Decimal::parse(text).filter(|_| !text.contains(['e', 'E'])),
        other => other.decimal(),
    }
}

fn quantity(value: &Item<'_>, unit: Option<&str>) -> Option<Quantity> {
    let quantity = match value {
        Item::Quantity(quantity) => (**quantity).clone(),
        Item::Boolean(_) => Quantity::of_number(decimal(value)?),
        Item::String(text) => Quantity::parse(text)?,
        other => Quantity::of_number(other.decimal()?),
    };
    let Some(unit) = unit else { return Some(quantity) };
    let unit = crate::value::Calendar::of_word(unit).map_or_else(|| Unit::ucum(unit), Unit::Calendar);
    quantity.into_unit(unit)
}

/// A whole number where a decimal has no fraction.
pub(super) fn shortest<'t>(value: Decimal) -> Item<'t> {
    whole(value).unwrap_or(Item::Decimal(value))
}
