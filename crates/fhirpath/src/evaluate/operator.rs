//! Operators: <http://hl7.org/fhirpath/N1/#operations>.

use super::distinct::Distinct;
use super::equality::quantities;
use super::{Evaluation, Outcome, Scope, fault};
use crate::ast::Operator;
use crate::error::Fault;
use crate::item::{Collection, Item, Text};
use crate::plan::Plan;
use crate::value::{Calendar, Quantity, number};

impl<'t> Evaluation<'_, 't> {
    /// Every operator with two operands.
    pub(super) fn operation(
        &self,
        operator: Operator,
        left: &Plan,
        right: &Plan,
        scope: &Scope<'_, 't>,
    ) -> Outcome<Option<Item<'t>>> {
        if super::is_logical(operator) {
            return Ok(self.decide(operator, left, right, scope)?.map(Item::Boolean));
        }
        let left = self.single(left, scope)?;
        if left.is_none() && operator != Operator::Concatenate {
            return Ok(None);
        }
        let right = self.single(right, scope)?;
        if operator == Operator::Concatenate {
            return self.concatenate(left, right).map(Some);
        }
        let (Some(left), Some(right)) = (left, right) else { return Ok(None) };
        let (Some(left), Some(right)) = (self.operand(left)?, self.operand(right)?) else { return Ok(None) };
        self.arithmetic(operator, left, right)
    }

    /// The operators whose answer is a boolean or nothing.
    pub(super) fn decide(
        &self,
        operator: Operator,
        left: &Plan,
        right: &Plan,
        scope: &Scope<'_, 't>,
    ) -> Outcome<Option<bool>> {
        use Operator::*;
        match operator {
            Xor | Implies => self.logic(operator, left, right, scope),
            In => self.contained(left, right, scope),
            Contains => self.contained(right, left, scope),
            Less | LessOrEqual | Greater | GreaterOrEqual => {
                let Some(left) = self.single(left, scope)? else { return Ok(None) };
                let Some(right) = self.single(right, scope)? else { return Ok(None) };
                let order = self.order(left, right)?;
                Ok(order.map(|order| match operator {
                    Less => order.is_lt(),
                    LessOrEqual => order.is_le(),
                    Greater => order.is_gt(),
                    _ => order.is_ge(),
                }))
            }
            Equal => self.equality(left, right, scope),
            NotEqual => Ok(self.equality(left, right, scope)?.map(|equal| !equal)),
            _ => {
                let (left, right) = (self.collect(left, scope)?, self.collect(right, scope)?);
                let equivalent = self.all_equivalent(&left, &right)?;
                Ok(Some(equivalent == (operator == Equivalent)))
            }
        }
    }

    fn equality(&self, left: &Plan, right: &Plan, scope: &Scope<'_, 't>) -> Outcome<Option<bool>> {
        let left = self.collect(left, scope)?;
        if left.is_empty() {
            return Ok(None);
        }
        if let Plan::Constant(items) = right {
            return self.all_equal(&left, items);
        }
        let right = self.collect(right, scope)?;
        self.all_equal(&left, &right)
    }

    /// `and`, `or`: operands behind the one that decides are not looked at.
    pub(super) fn chain(&self, operator: Operator, operands: &[Plan], scope: &Scope<'_, 't>) -> Outcome<Option<bool>> {
        self.charge(1)?;
        let deciding = operator == Operator::Or;
        let mut unknown = false;
        for operand in operands {
            match self.truth(operand, scope)? {
                Some(value) if value == deciding => return Ok(Some(deciding)),
                Some(_) => {}
                None => unknown = true,
            }
        }
        Ok((!unknown).then_some(!deciding))
    }

    /// `xor`, `implies`, in three-valued logic.
    fn logic(&self, operator: Operator, left: &Plan, right: &Plan, scope: &Scope<'_, 't>) -> Outcome<Option<bool>> {
        let left = self.truth(left, scope)?;
        if operator == Operator::Implies && left == Some(false) {
            return Ok(Some(true));
        }
        let right = self.truth(right, scope)?;
        Ok(match (operator, left, right) {
            (Operator::Implies, _, Some(true)) => Some(true),
            (Operator::Implies, Some(true), right) => right,
            (Operator::Xor, Some(left), Some(right)) => Some(left != right),
            _ => None,
        })
    }

    /// Whether an item is in a collection.
    fn contained(&self, item: &Plan, list: &Plan, scope: &Scope<'_, 't>) -> Outcome<Option<bool>> {
        let Some(item) = self.single(item, scope)? else { return Ok(None) };
        let mut found = false;
        if let Plan::Constant(items) = list {
            for other in items {
                found |= self.equal(&item, other)? == Some(true);
            }
            return Ok(Some(found));
        }
        let _ = self.each(list, scope, &mut |other| {
            found = self.equal(&item, &other)? == Some(true);
            if found { super::STOP } else { super::MORE }
        })?;
        Ok(Some(found))
    }

    /// `|`: what is in any operand, once.
    pub(super) fn union<'p>(
        &self,
        operands: impl IntoIterator<Item = &'p Plan>,
        scope: &Scope<'_, 't>,
    ) -> Outcome<Collection<'t>> {
        let mut items = Distinct::new();
        for operand in operands {
            let _ = self.each(operand, scope, &mut |item| {
                items.insert(self, item)?;
                super::MORE
            })?;
        }
        Ok(items.into_items())
    }

    /// `&`: nothing counts as the empty string.
    fn concatenate(&self, left: Option<Item<'t>>, right: Option<Item<'t>>) -> Outcome<Item<'t>> {
        let text = |item: Option<Item<'t>>| -> Outcome<Option<Text<'t>>> {
            let Some(item) = item else { return Ok(None) };
            match self.operand(item)? {
                Some(Item::String(text)) => Ok(Some(text)),
                Some(other) if other.system_type().is_some() => Ok(Some(Text::from(other.to_string()))),
                Some(_) => fault(Fault::Type, "'&' joins strings"),
                None => Ok(None),
            }
        };
        Ok(match (text(left)?, text(right)?) {
            (Some(left), Some(right)) => {
                self.charge((left.len() + right.len()) / 16)?;
                let mut joined = String::with_capacity(left.len() + right.len());
                joined.push_str(&left);
                joined.push_str(&right);
                Item::string(joined)
            }
            (Some(only), None) | (None, Some(only)) => Item::String(only),
            (None, None) => Item::string(""),
        })
    }

    fn arithmetic(&self, operator: Operator, left: Item<'t>, right: Item<'t>) -> Outcome<Option<Item<'t>>> {
        use Operator::*;
        match (&left, &right) {
            (Item::Integer(a), Item::Integer(b)) if operator != Divide => {
                return Ok(match operator {
                    Add => a.checked_add(*b),
                    Subtract => a.checked_sub(*b),
                    Multiply => a.checked_mul(*b),
                    Div => a.checked_div(*b),
                    _ => a.checked_rem(*b),
                }
                .map(Item::Integer));
            }
            (Item::String(a), Item::String(b)) if operator == Add => {
                self.charge((a.len() + b.len()) / 16)?;
                return Ok(Some(Item::string(format!("{}{}", a.as_str(), b.as_str()))));
            }
            (Item::Date(_) | Item::DateTime(_) | Item::Time(_), Item::Quantity(quantity))
                if matches!(operator, Add | Subtract) =>
            {
                return self.moved(&left, quantity, operator == Subtract);
            }
            _ => {}
        }
        if let (Some(a), Some(b)) = (left.decimal(), right.decimal()) {
            return Ok(match operator {
                Add => number::add(a, b).map(Item::Decimal),
                Subtract => number::subtract(a, b).map(Item::Decimal),
                Multiply => number::multiply(a, b).map(Item::Decimal),
                Divide => number::divide(a, b).map(Item::Decimal),
                Div => number::whole_quotient(a, b).map(|value| whole(value).unwrap_or(Item::Decimal(value))),
                _ => number::remainder(a, b).map(Item::Decimal),
            });
        }
        if let Some((a, b)) = quantities(&left, &right) {
            let result = match operator {
                Add | Subtract => a.plus(&b, operator == Subtract),
                Multiply | Divide => a.times(&b, operator == Divide),
                _ => None,
            };
            return Ok(result.map(|quantity| Item::Quantity(Box::new(quantity))));
        }
        fault(Fault::Type, format!("'{}' does not apply to {left} and {right}", operator.text()))
    }

    /// A date or time, and a span of time later or earlier.
    fn moved(&self, start: &Item<'t>, span: &Quantity, back: bool) -> Outcome<Option<Item<'t>>> {
        let Some(unit) = span.unit.calendar() else {
            return fault(Fault::Value, format!("{} is no span of time for a calendar", span.unit));
        };
        let mut count = if back { number::negate(span.value) } else { span.value };
        // A UCUM second is cut to whole seconds, as the official suite has it; a calendar's is not.
        if unit == Calendar::Second && span.unit != crate::value::Unit::Calendar(unit) {
            count = number::truncate(count);
        }
        Ok(match start {
            Item::Date(date) => date.plus(count, unit).map(Item::Date),
            Item::DateTime(moment) => moment.plus(count, unit).map(Item::DateTime),
            Item::Time(_) if unit <= Calendar::Day => {
                return fault(Fault::Value, format!("a time of day has no {}s", unit.word()));
            }
            Item::Time(time) => time.plus(count, unit).map(Item::Time),
            _ => None,
        })
    }

    /// `-operand`
    pub(super) fn negate(&self, operand: &Plan, scope: &Scope<'_, 't>) -> Outcome<Option<Item<'t>>> {
        let Some(item) = self.single(operand, scope)? else { return Ok(None) };
        match self.operand(item)? {
            None => Ok(None),
            Some(Item::Integer(value)) => Ok(value.checked_neg().map(Item::Integer)),
            Some(Item::Decimal(value)) => Ok(Some(Item::Decimal(number::negate(value)))),
            Some(Item::Quantity(quantity)) => {
                let value = number::negate(quantity.value);
                Ok(Some(Item::Quantity(Box::new(Quantity { value, unit: quantity.unit }))))
            }
            Some(other) => fault(Fault::Type, format!("'-' does not apply to {other}")),
        }
    }
}

/// A decimal without fraction as an integer.
pub(super) fn whole<'t>(value: model::Decimal) -> Option<Item<'t>> {
    i64::try_from(number::to_i128(value)?).ok().map(Item::Integer)
}
