//! Two snapshots of one structure, element by element: element ids, cardinality, types, bindings.
//!
//! Two habits of snapshot tools are not differences: versions pinned behind inherited canonical references, and a
//! minimum raised to what the element's slices need together.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::Canonical;

use super::{ElementDefinition, Structure, UNBOUNDED};

/// In what two snapshots differ.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SnapshotDifference {
    /// The structure's url.
    pub url: String,
    /// The element's id.
    pub element: String,
    /// `missing` (only the second has it), `extra` (only the first has it), `min`, `max`, `types`, `binding`.
    pub what: &'static str,
    /// What the first says.
    pub left: String,
    /// What the second says.
    pub right: String,
}

impl fmt::Display for SnapshotDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}: {} / {}", self.url, self.element, self.what, self.left, self.right)
    }
}

/// In what `left` differs from `right`, in order of element ids.
pub fn compare(left: &Structure, right: &Structure) -> Vec<SnapshotDifference> {
    let by_id = |structure: &'_ Structure| -> BTreeMap<String, ElementDefinition> {
        let elements = structure.elements().iter().enumerate();
        elements.map(|(index, element)| (element.id.to_string(), with_least(structure, index, element))).collect()
    };
    let (ours, theirs) = (by_id(left), by_id(right));
    let mut found = Vec::new();
    let mut note = |element: &str, what: &'static str, ours: String, theirs: String| {
        if ours != theirs {
            let url = left.facts.url.to_string();
            found.push(SnapshotDifference { url, element: element.into(), what, left: ours, right: theirs });
        }
    };
    let ids: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    for id in ids {
        match (ours.get(id), theirs.get(id)) {
            (Some(_), None) => note(id, "extra", "here".into(), String::new()),
            (None, Some(_)) => note(id, "missing", String::new(), "there".into()),
            (Some(ours), Some(theirs)) => {
                note(id, "min", ours.min.to_string(), theirs.min.to_string());
                note(id, "max", max(ours), max(theirs));
                note(id, "types", types(ours), types(theirs));
                note(id, "binding", binding(ours), binding(theirs));
            }
            (None, None) => {}
        }
    }
    found
}

/// The element with the minimum that its slices need.
fn with_least(structure: &Structure, index: usize, element: &ElementDefinition) -> ElementDefinition {
    let least = structure.slices(index).iter().map(|slice| structure.element(*slice as usize).min).sum();
    ElementDefinition { min: element.min.max(least), ..element.clone() }
}

fn unversioned(canonical: &str) -> &str {
    Canonical::of(canonical).url
}

fn max(element: &ElementDefinition) -> String {
    if element.max == UNBOUNDED { "*".into() } else { element.max.to_string() }
}

fn types(element: &ElementDefinition) -> String {
    if let Some(reference) = &element.content_reference {
        let id = reference.rsplit_once('#').map_or(&**reference, |(_, id)| id);
        return format!("#{id}");
    }
    let of = |ty: &super::ElementType| {
        let list = |open: &str, list: &[Box<str>], close: &str| {
            let mut list: Vec<&str> = list.iter().map(|canonical| unversioned(canonical)).collect();
            list.sort_unstable();
            if list.is_empty() { String::new() } else { format!("{open}{}{close}", list.join(" ")) }
        };
        format!("{}{}{}", ty.code, list("{", &ty.profiles, "}"), list("(", &ty.target_profiles, ")"))
    };
    let mut all: Vec<String> = element.types.iter().map(of).collect();
    all.sort();
    all.join(", ")
}

fn binding(element: &ElementDefinition) -> String {
    element.binding.as_ref().map_or_else(String::new, |binding| {
        format!("{} {}", binding.strength.code(), binding.value_set.as_deref().map_or("-", unversioned))
    })
}
