//! Thousands of single faults put into valid European documents of every category: each must be found, at its place.
//!
//! DIR is the corpus; the guides' own documents that are valid are taken. What is a fault follows from R4's own definitions of
//! types (what must be there, what may not repeat, which codes are bound), read from the catalog and not from the validator,
//! and from the texts of the kinds: of an [`element`], of what names things ([`identity`]), of
//! the [`document`], of its [`text`]. Every so-manieth possible fault is
//! made, always the same ones. How many of each kind were found is printed.

mod document;
mod element;
mod identity;
mod text;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use catalog::{Catalog, Structure};
use ledger::{Ledger, Report, Tally};
use model::{Element, ElementId, Instant, Issue, IssueType, Limits, Shapes, Tree, json};
use validation::{Options, Validator};

use crate::documents::{below, in_parallel};

/// Documents of a category, and faults of one kind in one document, at most.
const DOCUMENTS: usize = 2;
const FAULTS: usize = 60;

/// One fault: its kind, its place, the document with it.
type Fault = (&'static str, String, Tree);

pub(super) fn run(paths: &[PathBuf]) -> Result<Report, String> {
    let [corpus] = paths else { return Err("one folder is expected".into()) };
    let ledger = Ledger::read(include_str!("../../ledgers/mutations.toml")).map_err(|error| error.to_string())?;
    let validator = Validator::new(Arc::new(Catalog::built_in()));
    let mut tally = Tally::new(&ledger);
    let mut counts: BTreeMap<&str, [usize; 2]> = KINDS.iter().map(|kind| (kind.name, [0, 0])).collect();
    for guide in ["ig-eps", "ig-laboratory", "ig-hdr", "ig-imaging", "ig-mpd"] {
        let mut taken = 0;
        for document in below(&corpus.join("eu-examples").join(guide), &["json"])? {
            let bytes = std::fs::read(&document.path).map_err(|error| error.to_string())?;
            let Ok(tree) = json::read(&bytes, &Limits::default()) else { continue };
            let is_document = tree.resource_type() == "Bundle" && tree.len() < 4_000;
            if taken == DOCUMENTS || !is_document || !errors(&validator, &tree).is_empty() {
                continue;
            }
            taken += 1;
            let places = Places { catalog: validator.catalog() };
            for kind in KINDS {
                let faults = places.faults(&tree, kind);
                let outcomes =
                    in_parallel(&faults, |(name, place, tree)| match is_found(&validator, tree, name, place) {
                        true => Ok(()),
                        false => Err(format!("{name} at {place} is not found there")),
                    });
                let id = |number: usize| format!("{guide}/{}/{}/{number}", document.id, kind.name);
                for (number, missed) in outcomes.into_iter().enumerate() {
                    let [found, all] = counts.entry(kind.name).or_default();
                    (*found, *all) = (*found + usize::from(missed.is_ok()), *all + 1);
                    tally.record(&id(number), missed);
                }
            }
        }
        if taken == 0 {
            tally.record(guide, Err("there is no valid document of it".into()));
        }
    }
    for (kind, [found, all]) in counts {
        println!("  {kind:<16} {found:>4} of {all:>4}");
        if all == 0 {
            tally.record(kind, Err("no document has a place for it".into()));
        }
    }
    Ok(tally.finish())
}

/// Whether there is an error at the place of the fault, or directly above or below it. A version of a profile that is not
/// known is only warned of, at the very place.
fn is_found(validator: &Validator, tree: &Tree, name: &str, place: &str) -> bool {
    if name == "profile version" {
        let issues = validator.validate(tree, &options());
        return issues.iter().any(|issue| issue.code == IssueType::NotFound && *issue.path == *place);
    }
    errors(validator, tree).iter().any(|issue| place.starts_with(&*issue.path) || issue.path.starts_with(place))
}

fn options() -> Options {
    Options { now: Instant(1_790_000_000_000), best_practice: false, ..Options::default() }
}

fn errors(validator: &Validator, tree: &Tree) -> Vec<Issue> {
    let mut issues = validator.validate(tree, &options());
    issues.retain(|issue| issue.severity.is_error());
    issues
}

/// A kind of fault: puts it at an element of a copy; where it must be found, or `None` where it is none here.
struct Kind {
    name: &'static str,
    make: fn(&Places<'_>, Element<'_>) -> Put,
}

const KINDS: &[Kind] = &[
    Kind { name: "alien", make: element::alien },
    Kind { name: "value", make: element::bad_value },
    Kind { name: "type", make: element::other_type },
    Kind { name: "repeat", make: element::repeat },
    Kind { name: "array", make: element::array },
    Kind { name: "missing", make: element::missing },
    Kind { name: "code", make: element::bad_code },
    Kind { name: "unit", make: element::bad_unit },
    Kind { name: "contained", make: element::no_contained },
    Kind { name: "entry", make: element::no_entry },
    Kind { name: "target", make: element::other_target },
    Kind { name: "script", make: element::script },
    Kind { name: "empty", make: element::empty },
    Kind { name: "choice", make: element::second_choice },
    Kind { name: "extension", make: element::both_in_extension },
    Kind { name: "modifier", make: element::unknown_modifier },
    Kind { name: "link", make: element::dead_link },
    Kind { name: "no value", make: identity::no_value },
    Kind { name: "no system", make: identity::no_system },
    Kind { name: "check digit", make: identity::check_digit },
    Kind { name: "unreferenced", make: identity::unreferenced },
    Kind { name: "nameless", make: identity::nameless },
    Kind { name: "same id", make: identity::same_id },
    Kind { name: "bare system", make: identity::bare_system },
    Kind { name: "reference form", make: identity::bad_reference },
    Kind { name: "extension use", make: identity::wrong_extension },
    Kind { name: "other profile", make: identity::other_profile },
    Kind { name: "period", make: identity::backward },
    Kind { name: "resource", make: document::alien_resource },
    Kind { name: "section", make: document::no_section },
    Kind { name: "section code", make: document::other_section },
    Kind { name: "vital unit", make: document::other_unit },
    Kind { name: "profile version", make: document::unknown_version },
    Kind { name: "fullUrl", make: document::bad_full_url },
    Kind { name: "same fullUrl", make: document::same_full_url },
    Kind { name: "request", make: document::request },
    Kind { name: "opening", make: document::no_opening },
    Kind { name: "same property", make: text::same_property },
    Kind { name: "XML order", make: text::xml_order },
];

/// Where the fault must be found, and the document with it.
type Put = Option<(String, Tree)>;

struct Places<'c> {
    catalog: &'c Catalog,
}

impl Places<'_> {
    fn faults(&self, tree: &Tree, kind: &Kind) -> Vec<Fault> {
        let all: Vec<ElementId> = tree.root().descendants().iter().map(|element| element.id()).collect();
        let possible: Vec<ElementId> =
            all.into_iter().filter(|id| (kind.make)(self, tree.element(*id)).is_some()).collect();
        let step = possible.len().div_ceil(FAULTS).max(1);
        let chosen = possible.into_iter().step_by(step);
        chosen
            .filter_map(|id| (kind.make)(self, tree.element(id)).map(|(place, tree)| (kind.name, place, tree)))
            .collect()
    }

    fn path(&self, element: Element<'_>) -> String {
        element.path_in(self.catalog)
    }

    fn type_of(&self, element: Element<'_>) -> &str {
        self.catalog.type_name(element.type_in(self.catalog))
    }

    /// R4's own definition of the type of an element, and where in it the element's children are.
    fn definition(&self, element: Element<'_>) -> Option<(Arc<Structure>, usize)> {
        let ty = element.resource_type().unwrap_or(self.type_of(element));
        let structure = self.catalog.structure(ty.split('.').next()?).ok()?;
        let place = if ty.contains('.') { structure.by_id(ty)? } else { 0 };
        Some((structure, place))
    }

    /// The definition of an element in the type that it stands in.
    fn own(&self, element: Element<'_>) -> Option<(Arc<Structure>, usize)> {
        let (structure, place) = self.definition(element.parent()?)?;
        let child = structure.children(place).iter().map(|child| *child as usize);
        let child = { child }.find(|child| structure.element(*child).name() == element.name())?;
        Some((structure, child))
    }
}

fn copy(element: Element<'_>) -> Tree {
    element.tree().clone()
}

fn with_value(element: Element<'_>, value: &str) -> Tree {
    let mut tree = copy(element);
    tree.edit_at(element.id()).set_value(value);
    tree
}
