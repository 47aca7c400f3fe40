//! `=` and `~`: <http://hl7.org/fhirpath/N1/#equality>.

use std::cmp::Ordering;

use model::{Element, Value};

use super::{Evaluation, Outcome, fault};
use crate::error::Fault;
use crate::item::{Item, Typed};
use crate::value::{Quantity, number};

impl<'t> Evaluation<'_, 't> {
    /// Whether two collections are equal, in order; `None` where one is empty or that cannot be told.
    pub(super) fn all_equal(&self, left: &[Item<'t>], right: &[Item<'t>]) -> Outcome<Option<bool>> {
        if left.is_empty() || right.is_empty() {
            return Ok(None);
        }
        if left.len() != right.len() {
            return Ok(Some(false));
        }
        let mut unknown = false;
        for (left, right) in left.iter().zip(right) {
            self.charge(1)?;
            match self.equal(left, right)? {
                Some(true) => {}
                Some(false) => return Ok(Some(false)),
                None => unknown = true,
            }
        }
        Ok((!unknown).then_some(true))
    }

    /// Whether two collections are equivalent, in any order; both empty are.
    pub(super) fn all_equivalent(&self, left: &[Item<'t>], right: &[Item<'t>]) -> Outcome<bool> {
        if left.len() != right.len() {
            return Ok(false);
        }
        let mut taken = vec![false; right.len()];
        for item in left {
            let mut found = false;
            for (other, taken) in right.iter().zip(&mut taken) {
                self.charge(1)?;
                if !*taken && self.equivalent(item, other)? {
                    *taken = true;
                    found = true;
                    break;
                }
            }
            if !found {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether two items are equal; `None` where that cannot be told (dates of different precision, incomparable units).
    pub(super) fn equal(&self, left: &Item<'t>, right: &Item<'t>) -> Outcome<Option<bool>> {
        if let (Item::Element(left), Item::Element(right)) = (left, right) {
            if left.element == right.element {
                return Ok(Some(true));
            }
            if !left.element.is_primitive() || !right.element.is_primitive() {
                return self.same_elements(left, right, false).map(Some);
            }
        }
        // Most comparisons are of a string element with a literal.
        if let (Item::Element(typed), Item::String(text)) | (Item::String(text), Item::Element(typed)) = (left, right)
            && let Some(Value::String(value)) = typed.element.value()
        {
            let string = matches!(self.value(Item::Element(*typed)), Some(Item::String(_)));
            return Ok(Some(string && value == text.as_str()));
        }
        let (Some(left), Some(right)) = (self.value(left.clone()), self.value(right.clone())) else {
            return Ok(Some(false));
        };
        Ok(equal_values(&left, &right))
    }

    /// Whether two items are equivalent: letter case, white space, precision and order do not count.
    pub(super) fn equivalent(&self, left: &Item<'t>, right: &Item<'t>) -> Outcome<bool> {
        if let (Item::Element(left), Item::Element(right)) = (left, right) {
            if left.element == right.element {
                return Ok(true);
            }
            if !left.element.is_primitive() || !right.element.is_primitive() {
                return self.same_elements(left, right, true);
            }
        }
        let (Some(left), Some(right)) = (self.value(left.clone()), self.value(right.clone())) else {
            return Ok(false);
        };
        Ok(match (&left, &right) {
            (Item::String(left), Item::String(right)) => folded(left).eq(folded(right)),
            (Item::Quantity(left), Item::Quantity(right)) => left.equivalent(right),
            (Item::Decimal(_) | Item::Integer(_), Item::Decimal(_) | Item::Integer(_)) => {
                match (left.decimal(), right.decimal()) {
                    (Some(left), Some(right)) => {
                        let scale = left.scale().min(right.scale()).max(0);
                        number::round_to(left, scale) == number::round_to(right, scale)
                    }
                    _ => false,
                }
            }
            (Item::DateTime(left), Item::DateTime(right)) => {
                left.same_precision(*right) && left.compare(*right) == Some(Ordering::Equal)
            }
            (Item::Date(date), Item::DateTime(other)) | (Item::DateTime(other), Item::Date(date)) => {
                let date = date.to_date_time();
                date.same_precision(*other) && date.compare(*other) == Some(Ordering::Equal)
            }
            _ => equal_values(&left, &right) == Some(true),
        })
    }

    /// Whether two complex elements have the same children; a primitive's value counts as one.
    fn same_elements(&self, left: &Typed<'t>, right: &Typed<'t>, loosely: bool) -> Outcome<bool> {
        let (a, b) = (left.element, right.element);
        if a.value().is_some() != b.value().is_some() || a.resource_type() != b.resource_type() {
            return Ok(false);
        }
        // FHIR's quantities compare by what they measure.
        if let (Some(Item::Quantity(a)), Some(Item::Quantity(b))) =
            (self.value(Item::Element(*left)), self.value(Item::Element(*right)))
        {
            return Ok(if loosely { a.equivalent(&b) } else { a.compare(&b) == Some(Ordering::Equal) });
        }
        if a.is_primitive() && b.is_primitive() && a.value().is_some() {
            let (left, right) = (Item::Element(*left), Item::Element(*right));
            let same = if loosely { self.equivalent(&left, &right)? } else { self.equal(&left, &right)? == Some(true) };
            if !same {
                return Ok(false);
            }
        }
        self.same_children(a, b, loosely)
    }

    fn same_children(&self, a: Element<'t>, b: Element<'t>, loosely: bool) -> Outcome<bool> {
        let count = a.children().count();
        self.charge(1 + count / 16)?;
        if count != b.children().count() {
            return Ok(false);
        }
        let mut names = Vec::new();
        for child in a.children() {
            let name = child.name();
            if names.contains(&name) {
                continue;
            }
            names.push(name);
            self.charge(1 + count / 16)?;
            let left: Vec<Item<'t>> = a.all(name).map(Item::untyped).collect();
            let right: Vec<Item<'t>> = b.all(name).map(Item::untyped).collect();
            let same = if loosely {
                self.all_equivalent(&left, &right)?
            } else {
                left.len() == right.len() && self.pairs_equal(&left, &right)?
            };
            if !same {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Primitives in complex elements: the value and what hangs on it.
    fn pairs_equal(&self, left: &[Item<'t>], right: &[Item<'t>]) -> Outcome<bool> {
        for pair in left.iter().zip(right) {
            let (Item::Element(left), Item::Element(right)) = pair else { return Ok(false) };
            if !self.same_elements(left, right, false)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// How two items are ordered; `None` where that cannot be told. Types that have no order between them are an error.
    pub(super) fn order(&self, left: Item<'t>, right: Item<'t>) -> Outcome<Option<Ordering>> {
        let (Some(a), Some(b)) = (self.operand(left)?, self.operand(right)?) else { return Ok(None) };
        Ok(match (&a, &b) {
            (Item::Integer(a), Item::Integer(b)) => Some(a.cmp(b)),
            (Item::String(a), Item::String(b)) => Some(a.as_str().cmp(b.as_str())),
            (Item::Date(a), Item::Date(b)) => a.to_date_time().compare(b.to_date_time()),
            (Item::DateTime(a), Item::DateTime(b)) => a.compare(*b),
            (Item::Date(a), Item::DateTime(b)) => a.to_date_time().compare(*b),
            (Item::DateTime(a), Item::Date(b)) => a.compare(b.to_date_time()),
            (Item::Time(a), Item::Time(b)) => a.compare(*b),
            _ => match (numbers(&a, &b), quantities(&a, &b)) {
                (Some(order), _) => Some(order),
                (None, Some((a, b))) => a.compare(&b),
                _ => return fault(Fault::Type, format!("{a} and {b} have no order")),
            },
        })
    }
}

/// Whether two system values are equal; values of different types are not.
fn equal_values(left: &Item<'_>, right: &Item<'_>) -> Option<bool> {
    let ordering = match (left, right) {
        (Item::Boolean(a), Item::Boolean(b)) => return Some(a == b),
        (Item::Integer(a), Item::Integer(b)) => return Some(a == b),
        (Item::String(a), Item::String(b)) => return Some(a.as_str() == b.as_str()),
        (Item::Type(a), Item::Type(b)) => return Some(a == b),
        (Item::Date(a), Item::Date(b)) => a.to_date_time().compare(b.to_date_time()),
        (Item::DateTime(a), Item::DateTime(b)) => a.compare(*b),
        (Item::Date(a), Item::DateTime(b)) => a.to_date_time().compare(*b),
        (Item::DateTime(a), Item::Date(b)) => a.compare(b.to_date_time()),
        (Item::Time(a), Item::Time(b)) => a.compare(*b),
        _ => match (numbers(left, right), quantities(left, right)) {
            (Some(order), _) => Some(order),
            (None, Some((a, b))) => a.compare(&b),
            _ => return Some(false),
        },
    };
    ordering.map(Ordering::is_eq)
}

fn numbers(left: &Item<'_>, right: &Item<'_>) -> Option<Ordering> {
    Some(left.decimal()?.cmp(&right.decimal()?))
}

/// Both as quantities, where one is; a number counts as one of unit `1`.
pub(super) fn quantities(left: &Item<'_>, right: &Item<'_>) -> Option<(Quantity, Quantity)> {
    let quantity = |item: &Item<'_>| match item {
        Item::Quantity(quantity) => Some((**quantity).clone()),
        other => other.decimal().map(Quantity::of_number),
    };
    let one = matches!(left, Item::Quantity(_)) || matches!(right, Item::Quantity(_));
    one.then(|| Some((quantity(left)?, quantity(right)?))).flatten()
}

/// The letters in lower case, white space as single blanks.
fn folded(text: &str) -> impl Iterator<Item = char> + '_ {
    text.split_whitespace()
        .enumerate()
        .flat_map(|(place, word)| (place > 0).then_some(' ').into_iter().chain(word.chars()))
        .flat_map(char::to_lowercase)
}
