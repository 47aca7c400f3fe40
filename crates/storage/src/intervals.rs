//! The value of an index row: the intervals of `t` in which the row holds.
//!
//! A row that has held since its resource was created, and still does, has an **empty** value: most rows, at no cost. Otherwise
//! the value is a sequence of varints `from, end, from, end …`, ascending; an odd count means that the last interval is
//! still open; `from` = 0 stands for the creation of the resource. A row holds at `t` when `from <= t < end` for one interval.

use crate::ordered::{put_varint, take_varint};

/// Whether the row holds at `t`. The caller has checked that the resource's number existed at `t`. `None`: damaged.
pub(crate) fn holds_at(mut value: &[u8], t: u64) -> Option<bool> {
    if value.is_empty() {
        return Some(true);
    }
    loop {
        if take_varint(&mut value)? > t {
            return Some(false);
        }
        if value.is_empty() || take_varint(&mut value)? > t {
            return Some(true);
        }
        if value.is_empty() {
            return Some(false);
        }
    }
}

/// Whether the row began or ceased to hold after `t`. `None`: damaged.
pub(crate) fn changed_after(mut value: &[u8], t: u64) -> Option<bool> {
    let mut last = 0;
    while !value.is_empty() {
        last = take_varint(&mut value)?;
    }
    Some(last > t)
}

/// The value of the row after it begins to hold at `t`. `old`: its value, if the row is there; `new_resource`: the resource is
/// created at this `t`. `None`: damaged. An open row stays as it is.
pub(crate) fn opened(old: Option<&[u8]>, t: u64, new_resource: bool) -> Option<Vec<u8>> {
    let Some(old) = old else {
        let mut value = Vec::new();
        if !new_resource {
            put_varint(&mut value, t);
        }
        return Some(value);
    };
    let mut value = old.to_vec();
    if !is_open(old)? {
        put_varint(&mut value, t);
    }
    Some(value)
}

/// The value of the row after it ceases to hold at `t`. `None`: damaged. A closed row stays as it is.
pub(crate) fn closed(old: &[u8], t: u64) -> Option<Vec<u8>> {
    let mut value = if old.is_empty() { vec![0] } else { old.to_vec() };
    if is_open(old)? {
        put_varint(&mut value, t);
    }
    Some(value)
}

/// Whether the row holds now. `None`: damaged.
pub(crate) fn is_open(mut value: &[u8]) -> Option<bool> {
    let mut open = value.is_empty();
    while !value.is_empty() {
        take_varint(&mut value)?;
        open = !open;
    }
    Some(open)
}

/// The value without the intervals that end at or before `horizon`. `Some(None)`: no interval is left, the row can go.
/// `None`: damaged.
pub(crate) fn forget_before(mut value: &[u8], horizon: u64) -> Option<Option<Vec<u8>>> {
    if value.is_empty() {
        return Some(Some(Vec::new()));
    }
    let mut left = Vec::new();
    while !value.is_empty() {
        let from = take_varint(&mut value)?;
        if value.is_empty() {
            put_varint(&mut left, from);
            break;
        }
        let end = take_varint(&mut value)?;
        if end > horizon {
            put_varint(&mut left, from);
            put_varint(&mut left, end);
        }
    }
    Some((!left.is_empty()).then_some(left))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_lives_dies_and_lives_again() {
        let born = opened(None, 5, true).unwrap();
        assert!(born.is_empty());
        assert_eq!(holds_at(&born, 5), Some(true));
        let dead = closed(&born, 9).unwrap();
        assert_eq!(dead, [0, 9]);
        assert_eq!(holds_at(&dead, 8), Some(true));
        assert_eq!(holds_at(&dead, 9), Some(false));
        assert_eq!(closed(&dead, 11).unwrap(), dead);
        let again = opened(Some(&dead), 12, false).unwrap();
        assert_eq!(again, [0, 9, 12]);
        assert_eq!(holds_at(&again, 11), Some(false));
        assert_eq!(holds_at(&again, 12), Some(true));
        assert_eq!(opened(Some(&again), 13, false).unwrap(), again);
        assert_eq!(is_open(&again), Some(true));
        assert_eq!(changed_after(&again, 11), Some(true));
        assert_eq!(changed_after(&again, 12), Some(false));
    }

    #[test]
    fn a_row_that_came_with_a_later_version_does_not_hold_before_it() {
        let late = opened(None, 300, false).unwrap();
        assert_eq!(holds_at(&late, 299), Some(false));
        assert_eq!(holds_at(&late, 300), Some(true));
    }

    #[test]
    fn what_ended_before_the_horizon_is_forgotten() {
        assert_eq!(forget_before(&[], 7), Some(Some(vec![])));
        assert_eq!(forget_before(&[0, 7], 7), Some(None));
        assert_eq!(forget_before(&[0, 8], 7), Some(Some(vec![0, 8])));
        assert_eq!(forget_before(&[0, 3, 5, 9, 10], 7), Some(Some(vec![5, 9, 10])));
    }

    #[test]
    fn a_damaged_value_is_told_not_guessed() {
        assert_eq!(holds_at(&[0x80], 1), None);
        assert_eq!(closed(&[0, 0x80], 1), None);
    }
}
