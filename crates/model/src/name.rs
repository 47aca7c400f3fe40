//! Names of elements and resource types as small numbers.
//!
//! `names.txt` lists every element name (choice elements with each type suffix) and every type name of FHIR R4, one a
//! line, sorted; `cargo xtask distil` writes it. A name that is not in the list belongs to the [`Tree`](crate::Tree) that met it, so that no
//! input can make a process-wide table grow.

use std::sync::LazyLock;

/// A name of an element or type. Below [`Name::LOCAL`] it is known to every tree; from there on it is an index into
/// the names of one tree, and is comparable only within that tree.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Name(pub(crate) u16);

impl Name {
    /// The first number of a name that only one tree knows.
    pub const LOCAL: u16 = 0x8000;
    pub(crate) const NONE: Name = Name(u16::MAX);

    /// The name that every tree knows under this text, or `None` where FHIR R4 has no such name.
    pub fn of(text: &str) -> Option<Name> {
        KNOWN.find(text.as_bytes())
    }

    /// The text of a known name; `None` for a name of one tree ([`Tree::name`](crate::Tree::name) has those).
    pub fn known(self) -> Option<&'static str> {
        KNOWN.texts.get(usize::from(self.0)).copied()
    }

    /// Every known name, in order.
    pub fn all() -> impl Iterator<Item = Name> {
        (0..KNOWN.texts.len() as u16).map(Name)
    }

    /// A number below 65,536 that stands for this name in tables.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

static KNOWN: LazyLock<Known> = LazyLock::new(Known::new);
const SLOTS: usize = 8192;
const EMPTY: u16 = u16::MAX;

struct Known {
    texts: Vec<&'static str>,
    slots: Vec<u16>,
}

impl Known {
    fn new() -> Known {
        let texts: Vec<&'static str> = include_str!("names.txt").lines().collect();
        let mut slots = vec![EMPTY; SLOTS];
        for (number, text) in texts.iter().enumerate() {
            let mut slot = hash(text.as_bytes());
            while slots[slot] != EMPTY {
                slot = (slot + 1) % SLOTS;
            }
            slots[slot] = number as u16;
        }
        Known { texts, slots }
    }

    fn find(&self, text: &[u8]) -> Option<Name> {
        let mut slot = hash(text);
        loop {
            match self.slots[slot] {
                EMPTY => return None,
                number if self.texts[usize::from(number)].as_bytes() == text => {
                    return Some(Name(number));
                }
                _ => slot = (slot + 1) % SLOTS,
            }
        }
    }
}

fn hash(text: &[u8]) -> usize {
    let word = |bytes: &[u8]| {
        let mut word = [0u8; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        u64::from_le_bytes(word)
    };
    let head = word(&text[..text.len().min(8)]);
    let tail = word(&text[text.len().saturating_sub(8)..]);
    let mixed = (head ^ tail.rotate_left(29) ^ text.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 51) as usize % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_name_is_found_under_its_own_text() {
        for name in Name::all() {
            let text = name.known().unwrap();
            assert_eq!(Name::of(text), Some(name), "{text}");
        }
        assert!(Name::all().count() < SLOTS / 2);
    }

    #[test]
    fn a_name_outside_fhir_is_not_known() {
        assert_eq!(Name::of("valueQuantities"), None);
        assert_eq!(Name::of(""), None);
        assert_eq!(Name(Name::LOCAL).known(), None);
    }
}
