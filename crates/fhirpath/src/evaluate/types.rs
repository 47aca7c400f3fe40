//! `is`, `as`, `ofType()`: <http://hl7.org/fhirpath/N1/#types>.

use super::{Evaluation, Flow, MORE, Outcome, Scope, several};
use crate::item::{Item, Typed};
use crate::plan::{Plan, TypeTest, is_a};

impl<'t> Evaluation<'_, 't> {
    /// Whether an item is of a type or of one based on it.
    pub(super) fn is_of(&self, item: &Item<'t>, test: &TypeTest) -> bool {
        match item {
            Item::Element(typed) => self.element_is(typed, test),
            Item::Unresolved(ty) => test.fhir.is_some_and(|wanted| is_a(self.env.prepared.shapes(), *ty, wanted)),
            other => test.system.is_some() && other.system_type() == test.system,
        }
    }

    fn element_is(&self, typed: &Typed<'t>, test: &TypeTest) -> bool {
        if let Some(resource) = typed.element.resource_type_id()
            && test.name == Some(resource)
        {
            return true;
        }
        let Some(wanted) = test.fhir else { return false };
        let prepared = self.env.prepared;
        is_a(prepared.shapes(), prepared.type_of_typed(typed), wanted)
    }

    /// The same for `as` and `ofType`, which take a primitive only under its own name.
    fn passes(&self, item: &Item<'t>, test: &TypeTest) -> bool {
        match item {
            Item::Element(typed) if test.primitive => test.fhir == Some(self.env.prepared.type_of_typed(typed)),
            _ => self.is_of(item, test),
        }
    }

    pub(super) fn is(&self, input: &Plan, test: &TypeTest, scope: &Scope<'_, 't>) -> Outcome<Option<bool>> {
        if let (Plan::This, [item]) = (input, scope.this) {
            return Ok(Some(self.is_of(item, test)));
        }
        Ok(self.single(input, scope)?.map(|item| self.is_of(&item, test)))
    }

    pub(super) fn as_type(
        &self,
        input: &Plan,
        test: &TypeTest,
        single: bool,
        scope: &Scope<'_, 't>,
        sink: &mut dyn FnMut(Item<'t>) -> Flow,
    ) -> Flow {
        if !single {
            return self.each(input, scope, &mut |item| if self.passes(&item, test) { sink(item) } else { MORE });
        }
        let items = self.collect(input, scope)?;
        match items.as_slice() {
            [item] if self.passes(item, test) => sink(item.clone()),
            [] | [_] => MORE,
            _ => several(),
        }
    }
}
