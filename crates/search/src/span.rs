//! Stretches of the index, and what is known of a key inside one.

use storage::KeyRange;

/// Search keys from `start` on, before `end`; no end: to the last key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) start: Vec<u8>,
    pub(crate) end: Option<Vec<u8>>,
    /// Whether `start` is a whole key, the only one inside.
    pub(crate) point: bool,
}

/// Whether a key meets a criterion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// The key does not tell: the resource must be looked at.
    Unsure,
}

impl Verdict {
    pub(crate) fn of(holds: bool) -> Verdict {
        if holds { Verdict::Yes } else { Verdict::No }
    }
}

impl Span {
    /// The keys that begin with `prefix`.
    pub(crate) fn prefix(prefix: Vec<u8>) -> Span {
        let end = storage::prefix_end(&prefix);
        Span { start: prefix, end, point: false }
    }

    /// One key.
    pub(crate) fn point(key: Vec<u8>) -> Span {
        Span { point: true, ..Span::prefix(key) }
    }

    /// From the first key that begins with `from` to the last that begins with `to`.
    pub(crate) fn between_prefixes(from: Vec<u8>, to: &[u8]) -> Span {
        Span { start: from, end: storage::prefix_end(to), point: false }
    }

    /// Whether a search key is inside.
    pub(crate) fn contains(&self, key: &[u8]) -> bool {
        key >= self.start.as_slice() && self.end.as_deref().is_none_or(|end| key < end)
    }

    /// The rows of its keys.
    pub(crate) fn rows(&self) -> KeyRange {
        use std::ops::Bound;
        KeyRange {
            start: Bound::Included(self.start.clone()),
            end: self.end.clone().map_or(Bound::Unbounded, Bound::Excluded),
        }
    }
}
