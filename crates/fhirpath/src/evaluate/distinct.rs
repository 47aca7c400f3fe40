//! Collections without duplicates.
//!
//! Items that can be told apart by a number have a key, so that thousands of strings cost no comparison of each with
//! each; for dates, quantities and complex elements every pair is compared, and pays for it in steps.

use std::collections::HashSet;
use std::hash::{Hash, Hasher};

use super::{Evaluation, Outcome};
use crate::item::{Collection, Item, SystemType, Text};

/// Up to this many items a walk through all of them is quicker than a hash.
const FEW: usize = 8;

/// Items in order, each one once.
pub(super) struct Distinct<'t> {
    items: Collection<'t>,
    /// Keys of the items that have one; kept from [`FEW`] items on.
    keys: HashSet<Key<'t>>,
    /// Places of the items that have none.
    keyless: Vec<usize>,
    keyed: bool,
}

/// Equal for equal items, and different for different ones.
#[derive(PartialEq, Eq, Hash)]
enum Key<'t> {
    Boolean(bool),
    /// Coefficient and scale without trailing zeros.
    Number(i128, i32),
    String(Letters<'t>),
}

struct Letters<'t>(Text<'t>);

impl PartialEq for Letters<'_> {
    fn eq(&self, other: &Self) -> bool {
        *self.0 == *other.0
    }
}

impl Eq for Letters<'_> {}

impl Hash for Letters<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_str().hash(state);
    }
}

impl<'t> Distinct<'t> {
    pub(super) fn new() -> Distinct<'t> {
        Distinct { items: Collection::new(), keys: HashSet::new(), keyless: Vec::new(), keyed: false }
    }

    /// Adds an item unless an equal one is there; whether it was added.
    pub(super) fn insert(&mut self, evaluation: &Evaluation<'_, 't>, item: Item<'t>) -> Outcome<bool> {
        if !self.keyed && self.items.len() < FEW {
            for other in &self.items {
                evaluation.charge(1)?;
                if evaluation.equal(other, &item)? == Some(true) {
                    return Ok(false);
                }
            }
            self.items.push(item);
            return Ok(true);
        }
        self.index(evaluation);
        match key(evaluation, &item) {
            Some(key) => {
                if !self.keys.insert(key) {
                    return Ok(false);
                }
            }
            None => {
                evaluation.charge(self.keyless.len())?;
                for place in &self.keyless {
                    if let Some(other) = self.items.get(*place)
                        && evaluation.equal(other, &item)? == Some(true)
                    {
                        return Ok(false);
                    }
                }
                self.keyless.push(self.items.len());
            }
        }
        self.items.push(item);
        Ok(true)
    }

    /// Adds an item in any case.
    pub(super) fn push(&mut self, item: Item<'t>) {
        self.items.push(item);
    }

    fn index(&mut self, evaluation: &Evaluation<'_, 't>) {
        if self.keyed {
            return;
        }
        self.keyed = true;
        for (place, item) in self.items.iter().enumerate() {
            match key(evaluation, item) {
                Some(key) => {
                    self.keys.insert(key);
                }
                None => self.keyless.push(place),
            }
        }
    }

    pub(super) fn into_items(self) -> Collection<'t> {
        self.items
    }
}

fn key<'t>(evaluation: &Evaluation<'_, 't>, item: &Item<'t>) -> Option<Key<'t>> {
    if let Some(value) = evaluation.boolean_of(item) {
        return Some(Key::Boolean(value));
    }
    if let Item::Element(typed) = item {
        let element = typed.element;
        match element.value()? {
            // A string element may be a date, which has no key.
            model::Value::String(text) => {
                let ty = evaluation.env.prepared.primitive_type(typed);
                return matches!(ty, None | Some(SystemType::String)).then(|| Key::String(Letters(Text::Tree(text))));
            }
            _ => return key(evaluation, &evaluation.value(item.clone())?),
        }
    }
    match item {
        Item::String(text) => Some(Key::String(Letters(text.clone()))),
        Item::Integer(_) | Item::Decimal(_) => {
            let number = item.decimal()?.normalized();
            Some(Key::Number(number.coefficient(), number.scale()))
        }
        _ => None,
    }
}
