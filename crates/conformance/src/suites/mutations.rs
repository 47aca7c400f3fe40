//! Thousands of single faults put into valid European documents of every category: each must be found, at its place.
//!
//! DIR is the corpus; the guides' own documents that are valid are taken. What is a fault follows from R4's own definitions of
//! types (what must be there, what may not repeat, which codes are bound), read from the catalog and not from the validator,
//! and from the texts below. Every so-manieth possible fault is made, always the same ones.

use std::path::PathBuf;
use std::sync::Arc;

use catalog::{BindingStrength, Catalog, Structure};
use ledger::{Ledger, Report, Tally};
use model::{Element, ElementId, Instant, Issue, Limits, Shapes, Tree, json};
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
                let outcomes = in_parallel(&faults, |(name, place, tree)| {
                    let found = errors(&validator, tree);
                    let near = |issue: &Issue| place.starts_with(&*issue.path) || issue.path.starts_with(&**place);
                    match found.iter().any(near) {
                        true => Ok(()),
                        false => Err(format!("{name} at {place} is not found there")),
                    }
                });
                let id = |number: usize| format!("{guide}/{}/{}/{number}", document.id, kind.name);
                for (number, missed) in outcomes.into_iter().enumerate() {
                    tally.record(&id(number), missed);
                }
            }
        }
        if taken == 0 {
            tally.record(guide, Err("there is no valid document of it".into()));
        }
    }
    Ok(tally.finish())
}

fn errors(validator: &Validator, tree: &Tree) -> Vec<Issue> {
    let options = Options { now: Instant(1_790_000_000_000), best_practice: false, ..Options::default() };
    let mut issues = validator.validate(tree, &options);
    issues.retain(|issue| issue.severity.is_error());
    issues
}

/// A kind of fault: puts it at an element of a copy; where it must be found, or `None` where it is none here.
struct Kind {
    name: &'static str,
    make: fn(&Places<'_>, Element<'_>) -> Option<(String, Tree)>,
}

const KINDS: &[Kind] = &[
    Kind { name: "alien", make: alien },
    Kind { name: "value", make: bad_value },
    Kind { name: "type", make: other_type },
    Kind { name: "repeat", make: repeat },
    Kind { name: "array", make: array },
    Kind { name: "missing", make: missing },
    Kind { name: "code", make: bad_code },
    Kind { name: "unit", make: bad_unit },
    Kind { name: "contained", make: no_contained },
    Kind { name: "entry", make: no_entry },
    Kind { name: "target", make: other_target },
    Kind { name: "script", make: script },
    Kind { name: "empty", make: empty },
];

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

fn alien(places: &Places<'_>, element: Element<'_>) -> Option<(String, Tree)> {
    let mut tree = copy(element);
    (!element.is_primitive()).then(|| {
        tree.edit_at(element.id()).set("alien", "x");
        (places.path(element), tree)
    })
}

fn bad_value(places: &Places<'_>, element: Element<'_>) -> Option<(String, Tree)> {
    let wrong: &[&str] = match places.type_of(element) {
        "date" => &["2026-13-01", "yesterday", "2026-1-1"],
        "dateTime" => &["2026-02-30", "2026-11-23T10:00", "2026-11-23T10:00:00"],
        "instant" => &["2026-11-23", "now"],
        "id" => &["under_score", "a b"],
        "uri" | "url" | "canonical" | "oid" | "uuid" => &["a b", ""],
        "code" => &[" padded", "two  blanks"],
        "string" | "markdown" => &["", "   "],
        "base64Binary" => &["no base64!"],
        _ => return None,
    };
    Some((places.path(element), with_value(element, wrong.get(element.id().index() % wrong.len())?)))
}

fn other_type(places: &Places<'_>, element: Element<'_>) -> Option<(String, Tree)> {
    let mut tree = copy(element);
    match places.type_of(element) {
        "string" | "code" | "uri" | "id" | "date" | "dateTime" | "canonical" | "instant" | "markdown" => {
            tree.edit_at(element.id()).set_value(true);
        }
        "boolean" | "decimal" | "integer" | "positiveInt" | "unsignedInt" => {
            tree.edit_at(element.id()).set_value("true");
        }
        _ => return None,
    }
    Some((places.path(element), tree))
}

fn repeat(places: &Places<'_>, element: Element<'_>) -> Option<(String, Tree)> {
    let parent = element.parent()?;
    if element.is_list() || element.name() == "resource" {
        return None;
    }
    let mut tree = copy(element);
    tree.edit_at(parent.id()).copy_as(element.name(), element, true);
    Some((places.path(element), tree))
}

/// A single value in an array that R4 does not have there.
fn array(places: &Places<'_>, element: Element<'_>) -> Option<(String, Tree)> {
    let parent = element.parent()?;
    if element.is_list() || !element.is_primitive() || element.has_children() {
        return None;
    }
    let mut tree = copy(element);
    let mut edit = tree.edit_at(parent.id());
    edit.remove(element.name());
    edit.copy_as(element.name(), element, true);
    Some((places.path(parent), tree))
}

/// The last of what R4 says must be there.
fn missing(places: &Places<'_>, element: Element<'_>) -> Option<(String, Tree)> {
    let (structure, place) = places.own(element)?;
    let parent = element.parent()?;
    if structure.element(place).min == 0 || parent.named(element.name_id()).count() > 1 {
        return None;
    }
    let mut tree = copy(element);
    tree.edit_at(element.id()).detach();
    Some((places.path(parent), tree))
}

fn bad_code(places: &Places<'_>, element: Element<'_>) -> Option<(String, Tree)> {
    let (structure, place) = places.own(element)?;
    let binding = structure.element(place).binding.as_ref()?;
    let open = ["mimetypes", "languages", "all-types", "ucum"];
    let open = open.iter().any(|open| binding.value_set.as_deref().is_some_and(|url| url.contains(open)));
    let required = binding.strength == BindingStrength::Required && !open;
    (required && places.type_of(element) == "code").then(|| (places.path(element), with_value(element, "no-such-code")))
}

fn bad_unit(places: &Places<'_>, element: Element<'_>) -> Option<(String, Tree)> {
    let is_unit = element.name() == "code" && element.parent()?.text_at("system") == Some("http://unitsofmeasure.org");
    is_unit.then(|| (places.path(element), with_value(element, "furlongs per fortnight")))
}

fn reference<'t>(element: Element<'t>) -> Option<&'t str> {
    let is_reference = element.name() == "reference" && element.is_primitive();
    element.text().filter(|_| is_reference)
}

fn no_contained(places: &Places<'_>, element: Element<'_>) -> Option<(String, Tree)> {
    reference(element)?;
    Some((places.path(element), with_value(element, "#nowhere")))
}

/// What the Composition refers to must be in the document.
fn no_entry(places: &Places<'_>, element: Element<'_>) -> Option<(String, Tree)> {
    reference(element)?;
    let holder = element.parent()?.name();
    let carried = matches!(holder, "subject" | "encounter" | "author" | "custodian" | "entry" | "focus");
    (carried && element.resource().resource_type() == Some("Composition"))
        .then(|| (places.path(element), with_value(element, "urn:uuid:0f2c1a10-0000-4000-8000-00000000ffff")))
}

/// The subject of something is the document's own Composition.
fn other_target(places: &Places<'_>, element: Element<'_>) -> Option<(String, Tree)> {
    reference(element)?;
    let wrong = matches!(element.parent()?.name(), "subject" | "patient")
        && !matches!(element.resource().resource_type(), Some("List" | "Composition"));
    let first = element.tree().root().get("entry")?;
    let is_composition = first.get("resource")?.resource_type() == Some("Composition");
    let url = first.text_at("fullUrl")?;
    (wrong && is_composition).then(|| (places.path(element), with_value(element, url)))
}

fn script(places: &Places<'_>, element: Element<'_>) -> Option<(String, Tree)> {
    let inside = ["<script>x</script>", "<p onclick='x'>a</p>", "<a href='javascript:x'>a</a>", "", "<p>a"];
    let inside = inside.get(element.id().index() % inside.len())?;
    let div = format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{inside}</div>");
    (places.type_of(element) == "xhtml").then(|| (places.path(element), with_value(element, &div)))
}

/// An element without anything in it.
fn empty(places: &Places<'_>, element: Element<'_>) -> Option<(String, Tree)> {
    if element.is_primitive() || element.resource_type().is_some() || element.parent()?.parent().is_none() {
        return None;
    }
    let mut tree = copy(element);
    let names: Vec<String> = element.children().map(|child| child.name().to_owned()).collect();
    let mut edit = tree.edit_at(element.id());
    names.iter().for_each(|name| {
        edit.remove(name);
    });
    Some((places.path(element), tree))
}
