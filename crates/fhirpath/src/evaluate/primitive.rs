//! FHIR elements as system values: <http://hl7.org/fhir/R4/fhirpath.html#types>.

use model::{Decimal, TypeId, Value};

use super::{Evaluation, Outcome, fault};
use crate::environment::Prepared;
use crate::error::Fault;
use crate::item::{Item, SystemType, Text, Typed};
use crate::value::{Date, DateTime, Quantity, Time, Unit};

/// The system value of an element; `None` for complex elements other than Quantity and for a missing or broken value.
pub(crate) fn system_value<'t>(prepared: &Prepared<'t>, typed: &Typed<'t>) -> Option<Item<'t>> {
    let element = typed.element;
    let Some(value) = element.value() else {
        return quantity(prepared, typed).map(|value| Item::Quantity(Box::new(value)));
    };
    Some(match value {
        Value::Boolean(value) => Item::Boolean(value),
        Value::Number(text) => match prepared.primitive_type(typed) {
            Some(SystemType::Decimal) => Item::Decimal(Decimal::parse(text)?),
            _ => match text.parse() {
                Ok(value) => Item::Integer(value),
                Err(_) => Item::Decimal(Decimal::parse(text)?),
            },
        },
        Value::String(text) => match prepared.primitive_type(typed) {
            Some(SystemType::Date) => Item::Date(Date::parse(text)?),
            Some(SystemType::DateTime) => Item::DateTime(DateTime::parse(text)?),
            Some(SystemType::Time) => Item::Time(Time::parse(text)?),
            _ => Item::String(Text::Tree(text)),
        },
    })
}

/// The quantity of a FHIR Quantity (or a type based on it) that has a value and no comparator.
fn quantity<'t>(prepared: &Prepared<'t>, typed: &Typed<'t>) -> Option<Quantity> {
    let element = typed.element;
    if element.is_primitive() || !is_quantity(prepared, typed) || element.get("comparator").is_some() {
        return None;
    }
    let value = Decimal::parse(element.text_at("value")?)?;
    let (system, code, unit) = (element.text_at("system"), element.text_at("code"), element.text_at("unit"));
    let unit = match (system, code) {
        (Some("http://unitsofmeasure.org"), Some(code)) => Unit::ucum(code),
        (Some(system), Some(code)) => Unit::Other(format!("{system}|{code}").into()),
        (None, Some(code)) => Unit::Other(code.into()),
        (_, None) => unit.map_or_else(Unit::one, |unit| Unit::Other(unit.into())),
    };
    Some(Quantity { value, unit })
}

fn is_quantity<'t>(prepared: &Prepared<'t>, typed: &Typed<'t>) -> bool {
    let shapes = prepared.shapes();
    let mut ty = Some(prepared.type_of_typed(typed)).filter(|ty| *ty != TypeId::UNKNOWN);
    for _ in 0..4 {
        match ty {
            Some(known) if shapes.type_name(known) == "Quantity" => return true,
            Some(known) => ty = shapes.base(known),
            None => return false,
        }
    }
    false
}

impl<'t> Evaluation<'_, 't> {
    /// The item as a system value; `None` where it is none and has none.
    pub(super) fn value(&self, item: Item<'t>) -> Option<Item<'t>> {
        match item {
            Item::Element(typed) => system_value(self.env.prepared, &typed),
            other => Some(other),
        }
    }

    /// The same for an operand: a complex element that is no quantity is an error.
    pub(super) fn operand(&self, item: Item<'t>) -> Outcome<Option<Item<'t>>> {
        if let Item::Element(typed) = &item {
            let value = system_value(self.env.prepared, typed);
            if value.is_none() && !typed.element.is_primitive() && !is_quantity(self.env.prepared, typed) {
                return fault(Fault::Type, format!("a value is wanted, not {}", typed.element.path()));
            }
            return Ok(value);
        }
        Ok(Some(item))
    }

    /// The item as a boolean, where it is one.
    pub(super) fn boolean_of(&self, item: &Item<'t>) -> Option<bool> {
        match item {
            Item::Boolean(value) => Some(*value),
            Item::Element(typed) => match typed.element.value() {
                Some(Value::Boolean(value)) => Some(value),
                _ => None,
            },
            _ => None,
        }
    }
}
