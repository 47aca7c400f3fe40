//! The key spaces of a store: a small fixed table, the same in every engine.
//!
//! What each space holds, byte by byte, stands in `docs/storage.md`. An engine knows nothing of it.

/// A named, ordered key space. Keys are compared as unsigned bytes; keys of different spaces never meet.
///
/// The discriminant is written to disk (journal, and the first key byte of engines with one tree): a number is never
/// given to another space, a removed space leaves a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Space {
    /// Format, head of the commit sequence, names, dictionaries, counters.
    Meta = 0,
    /// Resource type and id → internal number, current version.
    Ids = 1,
    /// Internal number → resource type, id, current version and its index keys.
    Heads = 2,
    /// Internal number and version → header and compressed body. Written once, never overwritten.
    Versions = 3,
    /// `t` → what that transaction changed, chained by checksum. Written once.
    Commits = 4,
    /// Resource type and `t` → number of live resources of the type after `t`.
    Changes = 5,
    /// Search key and internal number → the intervals of `t` in which the row holds.
    Index = 6,
    /// `t` and ordinal → an event of the caller (the access log). Written once.
    Log = 7,
    /// Bucket, content hash and part → original documents and other large bytes.
    Blobs = 8,
    /// The caller's own mutable rows: sessions, jobs, subscriptions.
    State = 9,
}

impl Space {
    /// All spaces, in the order of their numbers.
    pub const ALL: [Space; 10] = [
        Space::Meta,
        Space::Ids,
        Space::Heads,
        Space::Versions,
        Space::Commits,
        Space::Changes,
        Space::Index,
        Space::Log,
        Space::Blobs,
        Space::State,
    ];

    /// The number on disk.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The space with this number, if there is one.
    pub fn from_number(number: u8) -> Option<Space> {
        Space::ALL.get(usize::from(number)).copied()
    }

    /// The name, as engines that name their trees use it. Stable on disk.
    pub fn name(self) -> &'static str {
        match self {
            Space::Meta => "meta",
            Space::Ids => "ids",
            Space::Heads => "heads",
            Space::Versions => "versions",
            Space::Commits => "commits",
            Space::Changes => "changes",
            Space::Index => "index",
            Space::Log => "log",
            Space::Blobs => "blobs",
            Space::State => "state",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_on_disk_are_the_positions_in_the_table() {
        for (position, space) in Space::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(space.number()), position);
            assert_eq!(Space::from_number(space.number()), Some(space));
        }
        assert_eq!(Space::from_number(10), None);
    }
}
