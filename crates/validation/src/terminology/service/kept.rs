//! Large expansions, kept so that the pages of one are not each made from all of its codes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use model::Element;

use super::listed::{Listed, Sources};

/// Expansions of fewer codes are made anew.
const LEAST: usize = 1_000;
/// Those of more codes are not kept: memory has an end.
const MOST: usize = 200_000;
/// Kept at once.
const EXPANSIONS: usize = 4;

/// The codes of a value set as one request asks for them, whatever the page.
#[derive(Debug)]
pub(super) struct Expanded {
    pub(super) listed: Vec<Listed>,
    pub(super) sources: Sources,
    /// Codes of different versions of a code system are among them.
    pub(super) several: bool,
}

/// The latest large expansions over one catalog, by what was asked.
#[derive(Debug, Default)]
pub(in crate::terminology) struct Expansions(Mutex<VecDeque<(String, Arc<Expanded>)>>);

impl Expansions {
    pub(super) fn get(&self, asked: &str) -> Option<Arc<Expanded>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(known, _)| known == asked).map(|(_, expanded)| expanded.clone())
    }

    pub(super) fn keep(&self, asked: String, expanded: &Arc<Expanded>) {
        if !(LEAST..=MOST).contains(&expanded.listed.len()) {
            return;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(known, _)| *known != asked);
        kept.truncate(EXPANSIONS - 1);
        kept.push_front((asked, expanded.clone()));
    }
}

/// What a request asks for but the page; `None` where it brings something that no text says: a resource, a Coding.
pub(super) fn asked(request: Element<'_>, languages: &str) -> Option<String> {
    let mut all = languages.to_owned();
    for parameter in request.all("parameter") {
        let name = parameter.text_at("name")?;
        if matches!(name, "offset" | "count") {
            continue;
        }
        let value = parameter.children().find(|child| child.name().starts_with("value"))?.text()?;
        all.push('\n');
        all.push_str(name);
        all.push('=');
        all.push_str(value);
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::asked;
    use model::Tree;

    #[test]
    fn the_page_is_not_part_of_what_is_asked() {
        let request = |offset: i64, filter: &str| {
            let mut tree = Tree::new("Parameters");
            let mut root = tree.edit();
            root.item("parameter").set("name", "offset").set("valueInteger", offset);
            root.item("parameter").set("name", "filter").set("valueString", filter);
            asked(tree.root(), "de")
        };
        assert_eq!(request(0, "a"), request(10, "a"));
        assert_ne!(request(0, "a"), request(0, "b"));
        let mut tree = Tree::new("Parameters");
        let mut root = tree.edit();
        root.item("parameter").set("name", "tx-resource").object("resource").set_resource_type("ValueSet");
        assert_eq!(asked(tree.root(), ""), None);
    }
}
