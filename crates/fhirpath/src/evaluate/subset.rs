//! Parts of collections and joins of them: <http://hl7.org/fhirpath/N1/#subsetting>, <http://hl7.org/fhirpath/N1/#combining>.

use super::distinct::Distinct;
use super::{Evaluation, Flow, MORE, Outcome, STOP, Scope, several};
use crate::function::Function;
use crate::item::{Collection, Item};
use crate::plan::Call;

impl<'t> Evaluation<'_, 't> {
    /// `first()`, `tail()`, `skip()`, `take()`.
    pub(super) fn part(&self, call: &Call, scope: &Scope<'_, 't>, sink: &mut dyn FnMut(Item<'t>) -> Flow) -> Flow {
        let count = match call.arguments.first() {
            Some(argument) => match self.integer(argument, scope)? {
                Some(count) => count.max(0),
                None => return MORE,
            },
            None => 1,
        };
        let skips = matches!(call.function, Function::Tail | Function::Skip);
        if !skips && count == 0 {
            return MORE;
        }
        let mut place = 0;
        let mut stopped = false;
        let _ = self.each(&call.input, scope, &mut |item| {
            place += 1;
            if skips && place <= count {
                return MORE;
            }
            stopped = sink(item)?.is_break();
            if stopped || (!skips && place == count) { STOP } else { MORE }
        })?;
        if stopped { STOP } else { MORE }
    }

    pub(super) fn subset(&self, call: &Call, scope: &Scope<'_, 't>) -> Outcome<Collection<'t>> {
        let argument = || match call.arguments.first() {
            Some(argument) => self.collect(argument, scope),
            None => Ok(Collection::new()),
        };
        match call.function {
            Function::Single => {
                let mut items = Collection::new();
                let _ = self.each(&call.input, scope, &mut |item| {
                    items.push(item);
                    if items.len() > 1 { several() } else { MORE }
                })?;
                Ok(items)
            }
            Function::Last => {
                let mut last = None;
                let _ = self.each(&call.input, scope, &mut |item| {
                    last = Some(item);
                    MORE
                })?;
                Ok(last.into_iter().collect())
            }
            Function::Union => self.union(std::iter::once(&call.input).chain(&call.arguments), scope),
            Function::Combine => {
                let mut items = self.collect(&call.input, scope)?;
                let more = argument()?;
                self.charge(items.len() + more.len())?;
                items.extend(more);
                Ok(items)
            }
            Function::Exclude => {
                let others = argument()?;
                let mut items = Collection::new();
                let _ = self.each(&call.input, scope, &mut |item| {
                    if !self.is_among(&item, &others)? {
                        items.push(item);
                    }
                    MORE
                })?;
                Ok(items)
            }
            function => {
                let others = if function == Function::Intersect { argument()? } else { Collection::new() };
                let mut items = Distinct::new();
                let _ = self.each(&call.input, scope, &mut |item| {
                    if function != Function::Intersect || self.is_among(&item, &others)? {
                        items.insert(self, item)?;
                    }
                    MORE
                })?;
                Ok(items.into_items())
            }
        }
    }
}
