//! `trace()`, `now()` and its kin, `defineVariable()`, `aggregate()`, `coalesce()`:
//! <http://hl7.org/fhirpath/N1/#utility-functions>.

use super::{Evaluation, Outcome, Scope};
use crate::function::Function;
use crate::item::{Collection, Item};
use crate::plan::{Call, Detail};
use crate::value::{Date, DateTime, Time};

impl<'t> Evaluation<'_, 't> {
    /// `now()`, `today()`, `timeOfDay()`: of the environment's moment.
    pub(super) fn moment(&self, call: &Call) -> Outcome<Option<Item<'t>>> {
        let (now, offset) = (self.env.now, self.env.offset);
        Ok(match call.function {
            Function::Today => Date::of(now, offset).map(Item::Date),
            Function::Now => DateTime::of(now, offset).map(Item::DateTime),
            _ => DateTime::of(now, offset)
                .and_then(|moment| moment.parts().time)
                .map(|at| Item::Time(Time { at, hour_only: false })),
        })
    }

    pub(super) fn utility(&self, call: &Call, scope: &Scope<'_, 't>) -> Outcome<Collection<'t>> {
        match call.function {
            Function::Trace => self.trace(call, scope),
            Function::DefineVariable => self.define(call, scope),
            Function::Sort => self.sort(call, scope),
            Function::Coalesce => {
                for argument in &call.arguments {
                    let items = self.collect(argument, scope)?;
                    if !items.is_empty() {
                        return Ok(items);
                    }
                }
                Ok(Collection::new())
            }
            _ => self.aggregate(call, scope),
        }
    }

    fn trace(&self, call: &Call, scope: &Scope<'_, 't>) -> Outcome<Collection<'t>> {
        let items = self.collect(&call.input, scope)?;
        let label = match call.arguments.first() {
            Some(argument) => self.text_of(argument, scope)?,
            None => None,
        };
        let label = label.as_deref().unwrap_or_default();
        match call.arguments.get(1) {
            Some(projection) => {
                let mut shown = Collection::new();
                for (index, item) in items.iter().enumerate() {
                    shown.extend(self.collect(projection, &self.inner(item, index, scope))?);
                }
                self.env.host.trace(label, &shown);
            }
            None => self.env.host.trace(label, &items),
        }
        Ok(items)
    }

    fn define(&self, call: &Call, scope: &Scope<'_, 't>) -> Outcome<Collection<'t>> {
        let items = self.collect(&call.input, scope)?;
        let value = match call.arguments.first() {
            Some(argument) => self.collect(argument, &Scope { this: &items, ..*scope })?,
            None => items.clone(),
        };
        if let Detail::Slot(slot) = call.detail
            && let Some(place) = self.slots.borrow_mut().get_mut(slot)
        {
            *place = value;
        }
        Ok(items)
    }

    fn aggregate(&self, call: &Call, scope: &Scope<'_, 't>) -> Outcome<Collection<'t>> {
        let items = self.collect(&call.input, scope)?;
        let mut total = match call.arguments.get(1) {
            Some(start) => self.collect(start, scope)?,
            None => Collection::new(),
        };
        let Some(step) = call.arguments.first() else { return Ok(total) };
        for (index, item) in items.iter().enumerate() {
            let inner = Scope { this: std::slice::from_ref(item), index, total: &total };
            total = self.collect(step, &inner)?;
        }
        Ok(total)
    }
}
