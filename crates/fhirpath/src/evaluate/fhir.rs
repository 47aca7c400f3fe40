//! FHIR's own functions: <http://hl7.org/fhir/R4/fhirpath.html#functions>.
//!
//! `elementDefinition()`, `slice()` and `checkModifiers()` need the profile that an instance is read against; this crate
//! knows none, so they are an error that says so.

use super::{Evaluation, Flow, MORE, Outcome, STOP, Scope, fault, html, push_all};
use crate::error::Fault;
use crate::function::Function;
use crate::item::{Collection, Item};
use crate::plan::{Call, Plan};

impl<'t> Evaluation<'_, 't> {
    pub(super) fn fhir_test(&self, call: &Call, scope: &Scope<'_, 't>) -> Outcome<Option<bool>> {
        match call.function {
            Function::HasValue => self.has_value(&call.input, scope).map(Some),
            Function::HasExtension => Ok(Some(self.extensions(call, scope, &mut |_| STOP)?.is_break())),
            Function::HtmlChecks => {
                let mut good = true;
                let _ = self.each(&call.input, scope, &mut |item| {
                    good = item.text().is_some_and(html::is_allowed);
                    if good { MORE } else { STOP }
                })?;
                Ok(Some(good))
            }
            _ => self.asked(call, scope),
        }
    }

    /// What only the host can tell.
    fn asked(&self, call: &Call, scope: &Scope<'_, 't>) -> Outcome<Option<bool>> {
        let Some(item) = self.single(&call.input, scope)? else { return Ok(None) };
        let Some(argument) = call.arguments.first() else { return Ok(None) };
        let host = self.env.host;
        match call.function {
            Function::Subsumes | Function::SubsumedBy => {
                let Some(other) = self.single(argument, scope)? else { return Ok(None) };
                Ok(match call.function {
                    Function::Subsumes => host.subsumes(&item, &other),
                    _ => host.subsumes(&other, &item),
                })
            }
            _ => {
                let Some(url) = self.text_of(argument, scope)? else { return Ok(None) };
                if call.function == Function::MemberOf {
                    return Ok(host.member_of(&item, &url));
                }
                let Some(element) = item.element() else {
                    return fault(Fault::Type, "conformsTo() is for elements");
                };
                host.conforms_to(element, &url).or_else(|message| fault(Fault::Unsupported, message))
            }
        }
    }

    /// Whether there is exactly one item, a primitive with a value.
    fn has_value(&self, input: &Plan, scope: &Scope<'_, 't>) -> Outcome<bool> {
        if let (Plan::This, [item]) = (input, scope.this) {
            return Ok(is_valued(item));
        }
        let mut only = None;
        let mut more = false;
        let _ = self.each(input, scope, &mut |item| {
            more = only.is_some();
            only = Some(item);
            if more { STOP } else { MORE }
        })?;
        Ok(!more && only.is_some_and(|item| is_valued(&item)))
    }

    /// `getValue()`: the system value of the only item, where it is a primitive with a value.
    pub(super) fn get_value(&self, call: &Call, scope: &Scope<'_, 't>) -> Outcome<Option<Item<'t>>> {
        let items = self.collect(&call.input, scope)?;
        match items.as_slice() {
            [item] if is_valued(item) => Ok(self.value(item.clone())),
            _ => Ok(None),
        }
    }

    /// `extension(url)`
    pub(super) fn extensions(
        &self,
        call: &Call,
        scope: &Scope<'_, 't>,
        sink: &mut dyn FnMut(Item<'t>) -> Flow,
    ) -> Flow {
        let Some(argument) = call.arguments.first() else { return MORE };
        let Some(url) = self.text_of(argument, scope)? else { return MORE };
        self.each(&call.input, scope, &mut |item| {
            let Some(element) = item.element() else { return MORE };
            self.charge(1)?;
            let found = element.all("extension").filter(|extension| extension.text_at("url") == Some(&*url));
            push_all(found.map(Item::untyped), sink)
        })
    }

    pub(super) fn fhir_items(&self, call: &Call, scope: &Scope<'_, 't>) -> Outcome<Collection<'t>> {
        match call.function {
            Function::Type => {
                let items = self.collect(&call.input, scope)?;
                Ok(items.iter().map(|item| Item::Type(Box::new(self.env.type_info(item)))).collect())
            }
            function => fault(
                Fault::Unsupported,
                format!("{}() needs the profile that the element is read against", function.name()),
            ),
        }
    }
}

fn is_valued(item: &Item<'_>) -> bool {
    match item {
        Item::Element(typed) => typed.element.value().is_some(),
        other => other.system_type().is_some(),
    }
}
