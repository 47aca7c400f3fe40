//! `sort()`: keys in turn, each up or down. An item without a key stands first, whichever way.

use std::cmp::Ordering;

use super::{Evaluation, Outcome, Scope};
use crate::item::{Collection, Item};
use crate::plan::{Call, Detail};

/// The keys of an item, and the item.
type Keyed<'t> = (Vec<Option<Item<'t>>>, Item<'t>);

impl<'t> Evaluation<'_, 't> {
    pub(super) fn sort(&self, call: &Call, scope: &Scope<'_, 't>) -> Outcome<Collection<'t>> {
        let items = self.collect(&call.input, scope)?;
        let mut keyed = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let mut keys = Vec::with_capacity(call.arguments.len().max(1));
            for argument in &call.arguments {
                let key = self.single(argument, &self.inner(&item, index, scope))?;
                keys.push(key.map(|key| self.operand(key)).transpose()?.flatten());
            }
            if call.arguments.is_empty() {
                keys.push(self.operand(item.clone())?);
            }
            keyed.push((keys, item));
        }
        let down = match &call.detail {
            Detail::Descending(down) => down.as_slice(),
            _ => &[],
        };
        Ok(self.merged(keyed, down)?.into_iter().map(|(_, item)| item).collect())
    }

    /// A stable merge sort. The standard one may panic where an order is not total, and that of dates is not: `@2020`
    /// lies neither before nor behind `@2020-01`, nor `@2020-02`.
    fn merged(&self, mut items: Vec<Keyed<'t>>, down: &[bool]) -> Outcome<Vec<Keyed<'t>>> {
        if items.len() < 2 {
            return Ok(items);
        }
        let right = items.split_off(items.len() / 2);
        let mut left = self.merged(items, down)?.into_iter().peekable();
        let mut right = self.merged(right, down)?.into_iter().peekable();
        let mut sorted = Vec::with_capacity(left.len() + right.len());
        while let (Some((first, _)), Some((second, _))) = (left.peek(), right.peek()) {
            let next = if self.by_keys(first, second, down)?.is_gt() { right.next() } else { left.next() };
            sorted.extend(next);
        }
        sorted.extend(left);
        sorted.extend(right);
        Ok(sorted)
    }

    fn by_keys(&self, left: &[Option<Item<'t>>], right: &[Option<Item<'t>>], down: &[bool]) -> Outcome<Ordering> {
        for (place, (left, right)) in left.iter().zip(right).enumerate() {
            let order = self.by_key(left, right, down.get(place) == Some(&true))?;
            if order.is_ne() {
                return Ok(order);
            }
        }
        Ok(Ordering::Equal)
    }

    fn by_key(&self, left: &Option<Item<'t>>, right: &Option<Item<'t>>, down: bool) -> Outcome<Ordering> {
        self.charge(1)?;
        Ok(match (left, right) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(left), Some(right)) => {
                let order = self.order(left.clone(), right.clone())?.unwrap_or(Ordering::Equal);
                if down { order.reverse() } else { order }
            }
        })
    }
}
