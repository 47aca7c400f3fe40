//! `empty()`, `exists()`, `all()` and their kin: <http://hl7.org/fhirpath/N1/#existence>.

use super::distinct::Distinct;
use super::{Evaluation, MORE, Outcome, STOP, Scope, fault};
use crate::error::Fault;
use crate::function::Function;
use crate::item::Item;
use crate::plan::{Call, Plan};

impl<'t> Evaluation<'_, 't> {
    pub(super) fn existence(&self, call: &Call, scope: &Scope<'_, 't>) -> Outcome<Option<bool>> {
        let input = &call.input;
        Ok(match call.function {
            Function::Empty => Some(!self.any(input, scope)?),
            Function::Exists => Some(match call.arguments.first() {
                Some(criteria) => self.any_holds(input, criteria, true, scope)?,
                None => self.any(input, scope)?,
            }),
            Function::All => match call.arguments.first() {
                Some(criteria) => Some(!self.any_holds(input, criteria, false, scope)?),
                None => None,
            },
            Function::AllTrue => Some(!self.any_is(input, false, scope)?),
            Function::AnyTrue => Some(self.any_is(input, true, scope)?),
            Function::AllFalse => Some(!self.any_is(input, true, scope)?),
            Function::AnyFalse => Some(self.any_is(input, false, scope)?),
            Function::Not => self.truth(input, scope)?.map(|value| !value),
            Function::SubsetOf => self.subset_of(input, call.arguments.first(), scope)?,
            Function::SupersetOf => match call.arguments.first() {
                Some(other) => self.subset_of(other, Some(input), scope)?,
                None => None,
            },
            _ => Some(self.is_distinct(input, scope)?),
        })
    }

    /// Whether there is an item.
    fn any(&self, input: &Plan, scope: &Scope<'_, 't>) -> Outcome<bool> {
        if let Plan::This = input {
            return Ok(!scope.this.is_empty());
        }
        Ok(self.each(input, scope, &mut |_| STOP)?.is_break())
    }

    /// Whether the criteria hold (or, unless `wanted`, do not hold) for an item.
    fn any_holds(&self, input: &Plan, criteria: &Plan, wanted: bool, scope: &Scope<'_, 't>) -> Outcome<bool> {
        let mut index = 0;
        let found = self.each(input, scope, &mut |item| {
            let holds = self.truth(criteria, &self.inner(&item, index, scope))? == Some(true);
            index += 1;
            if holds == wanted { STOP } else { MORE }
        })?;
        Ok(found.is_break())
    }

    /// Whether one of the items, all booleans, is `wanted`.
    fn any_is(&self, input: &Plan, wanted: bool, scope: &Scope<'_, 't>) -> Outcome<bool> {
        let mut found = false;
        let _ = self.each(input, scope, &mut |item| match self.boolean_of(&item) {
            Some(value) => {
                found |= value == wanted;
                MORE
            }
            None => fault(Fault::Type, format!("a boolean is wanted, not {item}")),
        })?;
        Ok(found)
    }

    fn subset_of(&self, input: &Plan, other: Option<&Plan>, scope: &Scope<'_, 't>) -> Outcome<Option<bool>> {
        let Some(other) = other else { return Ok(None) };
        let other = self.collect(other, scope)?;
        let missing = self.each(input, scope, &mut |item| {
            if self.is_among(&item, &other)? { MORE } else { STOP }
        })?;
        Ok(Some(missing.is_continue()))
    }

    pub(super) fn is_among(&self, item: &Item<'t>, others: &[Item<'t>]) -> Outcome<bool> {
        for other in others {
            self.charge(1)?;
            if self.equal(item, other)? == Some(true) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn is_distinct(&self, input: &Plan, scope: &Scope<'_, 't>) -> Outcome<bool> {
        let mut items = Distinct::new();
        let twice = self.each(input, scope, &mut |item| if items.insert(self, item)? { MORE } else { STOP })?;
        Ok(twice.is_continue())
    }

    /// How many items there are.
    pub(super) fn count(&self, input: &Plan, scope: &Scope<'_, 't>) -> Outcome<usize> {
        let mut count = 0;
        let _ = self.each(input, scope, &mut |_| {
            count += 1;
            MORE
        })?;
        Ok(count)
    }
}
