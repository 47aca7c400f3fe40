//! Canonical references `url|version#fragment` (<http://hl7.org/fhir/R4/references.html#canonical>) and the order of
//! versions.

use std::cmp::Ordering;

/// A canonical reference in its parts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Canonical<'a> {
    /// The url without version and fragment.
    pub url: &'a str,
    /// The version behind `|`.
    pub version: Option<&'a str>,
    /// The fragment behind `#`.
    pub fragment: Option<&'a str>,
}

impl<'a> Canonical<'a> {
    /// Takes a reference apart; anything is accepted.
    pub fn of(text: &'a str) -> Canonical<'a> {
        let text = text.trim();
        let (text, fragment) = match text.split_once('#') {
            Some((text, fragment)) => (text, Some(fragment)),
            None => (text, None),
        };
        let (url, version) = match text.split_once('|') {
            Some((url, version)) => (url, Some(version).filter(|version| !version.is_empty())),
            None => (text, None),
        };
        Canonical { url, version, fragment }
    }

    /// Whether a resource of version `found` is what this reference asks for: every version where it names none, the
    /// same version, or one that begins with it (`1.2` and `1.2.x` ask for any `1.2.…`).
    pub fn accepts(&self, found: Option<&str>) -> bool {
        let Some(wanted) = self.version else { return true };
        let Some(found) = found else { return false };
        let prefix = wanted.strip_suffix(".x").unwrap_or(wanted);
        found == wanted || found.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.'))
    }
}

/// The order of business versions: numbers by value, a release after its pre-releases (`1.0.0-ballot` < `1.0.0`), a
/// version that is a date before one that is not (old vocabularies were dated, their successors are numbered).
pub fn compare_versions(left: &str, right: &str) -> Ordering {
    let dated = |version: &str| version.len() >= 7 && version.as_bytes().get(4) == Some(&b'-');
    match (dated(left), dated(right)) {
        (true, false) => return Ordering::Less,
        (false, true) => return Ordering::Greater,
        _ => {}
    }
    let split = |version: &str| match version.split_once('-') {
        Some((core, label)) if !dated(version) => (core.to_owned(), Some(label.to_owned())),
        _ => (version.to_owned(), None),
    };
    let ((left, left_label), (right, right_label)) = (split(left), split(right));
    compare_parts(&left, &right).then_with(|| match (left_label, right_label) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(left), Some(right)) => compare_parts(&left, &right),
    })
}

fn compare_parts(left: &str, right: &str) -> Ordering {
    let mut left = left.split(['.', '-']);
    let mut right = right.split(['.', '-']);
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(left), Some(right)) => match (left.parse::<u64>(), right.parse::<u64>()) {
                (Ok(left), Ok(right)) => left.cmp(&right),
                _ => left.cmp(right),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_comes_apart_and_accepts_its_versions() {
        let reference = Canonical::of("http://example.org/x|1.2#part");
        assert_eq!((reference.url, reference.version), ("http://example.org/x", Some("1.2")));
        assert_eq!(reference.fragment, Some("part"));
        assert!(reference.accepts(Some("1.2")) && reference.accepts(Some("1.2.7")));
        assert!(!reference.accepts(Some("1.20")) && !reference.accepts(Some("1")) && !reference.accepts(None));
        assert!(Canonical::of("u|3.2.x").accepts(Some("3.2.0")));
        assert!(Canonical::of("u|").accepts(None));
    }

    #[test]
    fn versions_are_ordered_as_people_mean_them() {
        for (older, newer) in [
            ("1.9.0", "1.10.0"),
            ("2.0.0-ballot", "2.0.0"),
            ("2018-08-12", "3.0.0"),
            ("1.0.0-ci", "1.0.1"),
            ("4.0", "4.0.1"),
            ("2.0.0-ballot2", "2.0.0-snapshot"),
        ] {
            assert_eq!(compare_versions(older, newer), Ordering::Less, "{older} {newer}");
            assert_eq!(compare_versions(newer, older), Ordering::Greater, "{newer} {older}");
        }
        assert_eq!(compare_versions("1.0", "1.0"), Ordering::Equal);
    }
}
