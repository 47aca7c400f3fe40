//! The numbers of resource types and parameters on disk.
//!
//! `numbers.txt` has a line for each resource type and, behind the type, the codes of its parameters. A type's number is that of its
//! line, a parameter's that of its place in the line, both from 1. Lines and places are never given to others: what is new
//! goes to the end. A parameter that is not listed is numbered by its canonical URL.

use std::collections::HashMap;
use std::sync::LazyLock;

static LINES: LazyLock<Vec<Vec<&'static str>>> =
    LazyLock::new(|| include_str!("numbers.txt").lines().map(|line| line.split(' ').collect()).collect());
static TYPES: LazyLock<HashMap<&'static str, u8>> =
    LazyLock::new(|| LINES.iter().filter_map(|line| line.first().copied()).zip(1..=u8::MAX).collect());

/// Behind the type in the prefix of a parameter that has no number: 4 bytes of a hash of its URL follow.
const UNLISTED: u8 = 0xFF;
/// In place of a parameter: the row that every resource of the type has.
const EVERY: u8 = 0;

/// In place of a parameter: patient and date together.
const COURSE: u8 = 0xFE;
/// In place of a parameter: the words of the narrative.
const NARRATIVE: u8 = 0xFD;

/// The number of a resource type.
pub(crate) fn of_type(name: &str) -> Option<u8> {
    TYPES.get(name).copied()
}

/// The resource type of a number.
pub(crate) fn type_name(number: u8) -> Option<&'static str> {
    LINES.get(usize::from(number).checked_sub(1)?)?.first().copied()
}

/// Every resource type, in the order of the numbers.
pub(crate) fn types() -> impl Iterator<Item = &'static str> {
    LINES.iter().filter_map(|line| line.first().copied())
}

/// What the keys of a parameter begin with: the type's number and the parameter's, or FF and 4 bytes of the SHA-256 of its URL.
/// `None`: there is no such type.
pub(crate) fn prefix(type_name: &str, code: &str, url: &str) -> Option<Vec<u8>> {
    let number = of_type(type_name)?;
    let line = LINES.get(usize::from(number) - 1)?;
    let place = line.iter().skip(1).position(|listed| *listed == code).and_then(|place| u8::try_from(place + 1).ok());
    Some(match place {
        Some(place) => vec![number, place],
        None => [vec![number, UNLISTED], crate::key::hash::<4>(url.as_bytes()).to_vec()].concat(),
    })
}

/// The whole key of the row that every resource of a type has.
pub(crate) fn every(type_name: &str) -> Option<Vec<u8>> {
    of_type(type_name).map(|number| vec![number, EVERY])
}

/// What the keys of patient and date together begin with.
pub(crate) fn course(of_type: u8) -> [u8; 2] {
    [of_type, COURSE]
}

/// What the keys of words of the narrative begin with.
pub(crate) fn narrative(of_type: u8) -> [u8; 2] {
    [of_type, NARRATIVE]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_fit_their_bytes_and_are_given_once() {
        assert!(LINES.len() < 0xFF);
        assert_eq!(TYPES.len(), LINES.len());
        for line in LINES.iter() {
            assert!(line.len() < usize::from(NARRATIVE));
            let mut codes = line.clone();
            codes.sort_unstable();
            codes.dedup();
            assert_eq!(codes.len(), line.len(), "{line:?}");
        }
    }

    #[test]
    fn numbers_on_disk_stay() {
        assert_eq!(prefix("Patient", "birthdate", ""), Some(vec![103, 14]));
        assert_eq!(prefix("Observation", "code", ""), Some(vec![96, 8]));
        assert_eq!(every("Account"), Some(vec![1, 0]));
        assert_eq!(prefix("Patient", "shoe-size", "http://example.org/a").map(|prefix| prefix.len()), Some(6));
        assert_eq!(type_name(103), Some("Patient"));
        assert_eq!(prefix("Human", "name", ""), None);
    }
}
