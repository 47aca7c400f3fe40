//! Walking the tree: steps to children, `children()`, `descendants()`, `[index]`.

use model::{Element, Name, TypeId};

use super::{Evaluation, Flow, MORE, Outcome, STOP, Scope, fault};
use crate::error::Fault;
use crate::item::{Item, Typed};
use crate::plan::{Plan, Step};

impl<'t> Evaluation<'_, 't> {
    /// The children of an element that a step selects.
    pub(super) fn step(&self, typed: &Typed<'t>, step: &Step, sink: &mut dyn FnMut(Item<'t>) -> Flow) -> Flow {
        let element = typed.element;
        if let Some((name, ty)) = step.plain {
            if step.choices.is_empty() {
                for child in run(element, name) {
                    self.charge(1)?;
                    if sink(Item::Element(Typed { element: child, ty }))?.is_break() {
                        return STOP;
                    }
                }
                return if step.text == "value" { self.value_step(typed, sink) } else { MORE };
            }
        } else if step.choices.is_empty() {
            if let Some(name) = element.tree().find_name(&step.text)
                && super::push_all(run(element, name).map(Item::untyped), sink)?.is_break()
            {
                return STOP;
            }
            return if step.text == "value" { self.value_step(typed, sink) } else { MORE };
        }
        let mut plain = false;
        for (place, child) in element.children().enumerate() {
            if place % 16 == 0 {
                self.charge(1)?;
            }
            let name = child.name_id();
            let own = step.plain.filter(|(plain, _)| *plain == name);
            // A type has `type` or `type[x]`, not both: behind the one there is nothing more to find.
            if plain && own.is_none() {
                break;
            }
            plain = step.guess && own.is_some();
            let ty = match own {
                Some((_, ty)) => Some(ty),
                None => match step.choices.binary_search_by_key(&name, |(name, _)| *name) {
                    Ok(at) => step.choices.get(at).map(|(_, ty)| *ty),
                    Err(_) => None,
                },
            };
            let Some(ty) = ty else { continue };
            if step.guess && own.is_none() && !self.is_choice(typed, child) {
                continue;
            }
            if sink(Item::Element(Typed { element: child, ty }))?.is_break() {
                return STOP;
            }
        }
        if step.text == "value" { self.value_step(typed, sink) } else { MORE }
    }

    /// `value` of a primitive is its system value.
    fn value_step(&self, typed: &Typed<'t>, sink: &mut dyn FnMut(Item<'t>) -> Flow) -> Flow {
        if !typed.element.is_primitive() {
            return MORE;
        }
        self.value(Item::Element(*typed)).map_or(MORE, sink)
    }

    /// Whether a child stands for a choice (`valueRange`) rather than having such a name (`referenceRange`).
    fn is_choice(&self, parent: &Typed<'t>, child: Element<'t>) -> bool {
        let prepared = self.env.prepared;
        match prepared.type_of_typed(parent) {
            TypeId::UNKNOWN => true,
            ty => prepared.shapes().child(ty, child.name_id()).is_none_or(|child| child.choice.is_some()),
        }
    }

    pub(super) fn step_of(&self, item: &Item<'t>, step: &Step, sink: &mut dyn FnMut(Item<'t>) -> Flow) -> Flow {
        match item {
            Item::Element(typed) => self.step(typed, step, sink),
            Item::Type(info) => match step.text.as_str() {
                "name" => sink(Item::string(info.name.clone())),
                "namespace" => sink(Item::string(info.namespace)),
                _ => MORE,
            },
            Item::Quantity(quantity) => match step.text.as_str() {
                "value" => sink(Item::Decimal(quantity.value)),
                "unit" | "code" => sink(Item::string(quantity.unit.to_string().trim_matches('\''))),
                _ => MORE,
            },
            _ => MORE,
        }
    }

    pub(super) fn children(&self, item: &Item<'t>, sink: &mut dyn FnMut(Item<'t>) -> Flow) -> Flow {
        let Item::Element(typed) = item else { return MORE };
        for child in typed.element.children() {
            self.charge(1)?;
            if sink(Item::untyped(child))?.is_break() {
                return STOP;
            }
        }
        MORE
    }

    /// Everything below an item, parents before children, in order.
    pub(super) fn descendants(&self, item: &Item<'t>, sink: &mut dyn FnMut(Item<'t>) -> Flow) -> Flow {
        let Item::Element(typed) = item else { return MORE };
        let top = typed.element;
        let mut at = top;
        loop {
            self.charge(1)?;
            let Some(next) = following(at, top) else { return MORE };
            at = next;
            if sink(Item::untyped(at))?.is_break() {
                return STOP;
            }
        }
    }

    pub(super) fn at(
        &self,
        input: &Plan,
        index: &Plan,
        scope: &Scope<'_, 't>,
        sink: &mut dyn FnMut(Item<'t>) -> Flow,
    ) -> Flow {
        let Some(index) = self.integer(index, scope)? else { return MORE };
        let mut place = 0;
        let mut found = None;
        let _ = self.each(input, scope, &mut |item| {
            if place == index {
                found = Some(item);
                return STOP;
            }
            place += 1;
            MORE
        })?;
        found.map_or(MORE, sink)
    }

    /// A whole number as an operand.
    pub(super) fn integer(&self, plan: &Plan, scope: &Scope<'_, 't>) -> Outcome<Option<i64>> {
        let Some(item) = self.single(plan, scope)? else { return Ok(None) };
        match self.operand(item)? {
            Some(Item::Integer(value)) => Ok(Some(value)),
            None => Ok(None),
            Some(other) => fault(Fault::Type, format!("an integer is wanted, not {other}")),
        }
    }
}

/// The children of a name; they stand together (see [`model::Tree`]), so nothing behind them is looked at.
fn run<'t>(element: Element<'t>, name: Name) -> impl Iterator<Item = Element<'t>> {
    element.children().skip_while(move |child| child.name_id() != name).take_while(move |child| child.name_id() == name)
}

/// The element behind `at` in the order of the document, below `top`.
fn following<'t>(at: Element<'t>, top: Element<'t>) -> Option<Element<'t>> {
    if let Some(child) = at.children().next() {
        return Some(child);
    }
    let mut at = at;
    while at != top {
        if let Some(next) = at.next() {
            return Some(next);
        }
        at = at.parent()?;
    }
    None
}
