//! A part of a resource: `_summary` and `_elements`, <http://hl7.org/fhir/R4/search.html#summary>.
//!
//! What is mandatory stays, whatever is asked, and `meta.tag` says SUBSETTED.

use std::collections::HashSet;

use catalog::Catalog;
use model::{ElementId, Limits, Tree};

use crate::refusal::Refusal;

/// Which part.
pub(crate) enum Subset<'a> {
    /// All of it.
    Whole,
    /// `_elements`: these elements at the top.
    Elements(&'a [String], &'a Catalog),
    /// `_summary=true`: the elements that their definitions mark so.
    Summary(&'a Catalog),
    /// `_summary=text`: the narrative.
    Text(&'a Catalog),
    /// `_summary=data`: all but the narrative.
    Data,
}

const SUBSETTED: &str = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue";
const ALWAYS: [&str; 3] = ["id", "meta", "implicitRules"];

impl Subset<'_> {
    /// The part of a resource's JSON.
    ///
    /// # Errors
    /// [`crate::Class::Fault`] where what was stored cannot be read again.
    pub(crate) fn apply(&self, text: Vec<u8>) -> Result<Vec<u8>, Refusal> {
        if matches!(self, Subset::Whole) {
            return Ok(text);
        }
        let read = model::json::read(&text, &Limits::default());
        let mut tree = read.map_err(|error| Refusal::fault(format!("stored text does not parse: {error}")))?;
        let gone = self.left_out(&tree);
        for (parent, name) in gone {
            tree.edit_at(parent).remove(&name);
        }
        mark(&mut tree);
        Ok(model::json::to_string(tree.root()).into_bytes())
    }

    /// Names to be removed, each with the element that it is in.
    fn left_out(&self, tree: &Tree) -> Vec<(ElementId, String)> {
        let root = tree.root();
        let mut names: Vec<&str> = root.children().map(|child| child.name()).collect();
        names.dedup();
        let keep: HashSet<&str> = match self {
            Subset::Whole => return Vec::new(),
            Subset::Data => names.iter().copied().filter(|name| *name != "text").collect(),
            Subset::Summary(catalog) => {
                let in_summary =
                    |name: &&&str| is(catalog, tree, name, |definition| definition.is_summary || definition.min > 0);
                names.iter().filter(in_summary).copied().collect()
            }
            Subset::Text(catalog) => {
                let kept = |name: &&&str| **name == "text" || is(catalog, tree, name, |definition| definition.min > 0);
                names.iter().filter(kept).copied().collect()
            }
            Subset::Elements(elements, catalog) => {
                let asked = |name: &str| {
                    elements.iter().any(|element| {
                        let element = match element.split_once('.') {
                            Some((of, rest)) if of == tree.resource_type() => rest,
                            _ => element.as_str(),
                        };
                        let top = element.split('.').next().unwrap_or(element);
                        name == top || is_choice_of(name, top)
                    })
                };
                let kept = |name: &&&str| asked(name) || is(catalog, tree, name, |definition| definition.min > 0);
                names.iter().filter(kept).copied().collect()
            }
        };
        let gone = names.into_iter().filter(|name| !keep.contains(name) && !ALWAYS.contains(name));
        gone.map(|name| (root.id(), name.to_owned())).collect()
    }
}

/// `valueQuantity` is a choice of `value`.
fn is_choice_of(name: &str, stem: &str) -> bool {
    let suffix = name.strip_prefix(stem).unwrap_or("");
    suffix.starts_with(|first: char| first.is_ascii_uppercase())
}

fn is(catalog: &Catalog, tree: &Tree, name: &str, test: impl Fn(&catalog::ElementDefinition) -> bool) -> bool {
    let Ok(structure) = catalog.structure(tree.resource_type()) else { return true };
    structure.children(0).iter().any(|place| {
        usize::try_from(*place).ok().and_then(|place| structure.elements().get(place)).is_some_and(|definition| {
            let stem = definition.name();
            let named = stem == name || (definition.is_choice() && is_choice_of(name, stem));
            named && test(definition)
        })
    })
}

fn mark(tree: &mut Tree) {
    let mut root = tree.edit();
    let mut meta = root.object("meta");
    meta.item("tag").set("system", SUBSETTED).set("code", "SUBSETTED");
}
