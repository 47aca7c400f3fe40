//! `where()`, `select()`, `repeat()`: <http://hl7.org/fhirpath/N1/#filtering-and-projection>.

use std::collections::VecDeque;

use super::distinct::Distinct;
use super::{Evaluation, Flow, MORE, Outcome, Scope};
use crate::function::Function;
use crate::item::{Collection, Item};
use crate::plan::{Call, Plan};

impl<'t> Evaluation<'_, 't> {
    /// The scope of a lambda for one item.
    pub(super) fn inner<'s>(&self, item: &'s Item<'t>, index: usize, scope: &Scope<'s, 't>) -> Scope<'s, 't> {
        Scope { this: std::slice::from_ref(item), index, total: scope.total }
    }

    pub(super) fn filter(&self, call: &Call, scope: &Scope<'_, 't>, sink: &mut dyn FnMut(Item<'t>) -> Flow) -> Flow {
        let Some(criteria) = call.arguments.first() else { return MORE };
        let mut index = 0;
        self.each(&call.input, scope, &mut |item| {
            let holds = self.truth(criteria, &self.inner(&item, index, scope))? == Some(true);
            index += 1;
            if holds { sink(item) } else { MORE }
        })
    }

    pub(super) fn select(&self, call: &Call, scope: &Scope<'_, 't>, sink: &mut dyn FnMut(Item<'t>) -> Flow) -> Flow {
        let Some(projection) = call.arguments.first() else { return MORE };
        let mut index = 0;
        self.each(&call.input, scope, &mut |item| {
            let inner = self.inner(&item, index, scope);
            index += 1;
            self.each(projection, &inner, sink)
        })
    }

    /// The projection of the input, of its results, and so on; `repeat` takes up what is new only.
    pub(super) fn repeat(&self, call: &Call, scope: &Scope<'_, 't>) -> Outcome<Collection<'t>> {
        let Some(projection) = call.arguments.first() else { return Ok(Collection::new()) };
        let unique = call.function == Function::Repeat;
        let mut queue: VecDeque<Item<'t>> = self.collect(&call.input, scope)?.into_iter().collect();
        let mut found = Distinct::new();
        let mut index = 0;
        while let Some(item) = queue.pop_front() {
            self.charge(1)?;
            let projected = self.project(projection, &self.inner(&item, index, scope))?;
            index += 1;
            for next in projected {
                if unique {
                    if found.insert(self, next.clone())? {
                        queue.push_back(next);
                    }
                } else {
                    found.push(next.clone());
                    queue.push_back(next);
                }
            }
        }
        Ok(found.into_items())
    }

    fn project(&self, projection: &Plan, scope: &Scope<'_, 't>) -> Outcome<Collection<'t>> {
        self.collect(projection, scope)
    }
}
