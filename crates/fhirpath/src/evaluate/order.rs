//! `sort()`: keys in turn, each up or down. An item without a key stands first, whichever way.

use std::cmp::Ordering;

use super::{Evaluation, Outcome, Scope};
use crate::item::{Collection, Item};
use crate::plan::{Call, Detail};

impl<'t> Evaluation<'_, 't> {
    pub(super) fn sort(&self, call: &Call, scope: &Scope<'_, 't>) -> Outcome<Collection<'t>> {
        let items = self.collect(&call.input, scope)?;
        let mut keyed = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let mut keys = Vec::with_capacity(call.arguments.len().max(1));
            for argument in &call.arguments {
                let key = self.single(argument, &self.inner(&item, index, scope))?;
                keys.push(key.and_then(|key| self.value(key)));
            }
            if call.arguments.is_empty() {
                keys.push(self.value(item.clone()));
            }
            keyed.push((keys, item));
        }
        let down = match &call.detail {
            Detail::Descending(down) => down.as_slice(),
            _ => &[],
        };
        let mut failed = None;
        keyed.sort_by(|(left, _), (right, _)| {
            for (place, (left, right)) in left.iter().zip(right).enumerate() {
                match self.by_key(left, right, down.get(place) == Some(&true)) {
                    Ok(Ordering::Equal) => {}
                    Ok(order) => return order,
                    Err(error) => {
                        failed = Some(error);
                        return Ordering::Equal;
                    }
                }
            }
            Ordering::Equal
        });
        match failed {
            Some(error) => Err(error),
            None => Ok(keyed.into_iter().map(|(_, item)| item).collect()),
        }
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
