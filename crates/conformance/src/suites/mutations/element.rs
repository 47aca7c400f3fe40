//! Faults in one element of the tree: what R4's definitions of types forbid.

use catalog::BindingStrength;
use model::Element;

use super::{Places, Put, copy, with_value};

pub(super) fn alien(places: &Places<'_>, element: Element<'_>) -> Put {
    let mut tree = copy(element);
    (!element.is_primitive()).then(|| {
        tree.edit_at(element.id()).set("alien", "x");
        (places.path(element), tree)
    })
}

pub(super) fn bad_value(places: &Places<'_>, element: Element<'_>) -> Put {
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

pub(super) fn other_type(places: &Places<'_>, element: Element<'_>) -> Put {
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

pub(super) fn repeat(places: &Places<'_>, element: Element<'_>) -> Put {
    let parent = element.parent()?;
    if element.is_list() || element.name() == "resource" {
        return None;
    }
    let mut tree = copy(element);
    tree.edit_at(parent.id()).copy_as(element.name(), element, true);
    Some((places.path(element), tree))
}

/// A single value in an array that R4 does not have there.
pub(super) fn array(places: &Places<'_>, element: Element<'_>) -> Put {
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
pub(super) fn missing(places: &Places<'_>, element: Element<'_>) -> Put {
    let (structure, place) = places.own(element)?;
    let parent = element.parent()?;
    if structure.element(place).min == 0 || parent.named(element.name_id()).count() > 1 {
        return None;
    }
    let mut tree = copy(element);
    tree.edit_at(element.id()).detach();
    Some((places.path(parent), tree))
}

pub(super) fn bad_code(places: &Places<'_>, element: Element<'_>) -> Put {
    let (structure, place) = places.own(element)?;
    let binding = structure.element(place).binding.as_ref()?;
    let open = ["mimetypes", "languages", "all-types", "ucum"];
    let open = open.iter().any(|open| binding.value_set.as_deref().is_some_and(|url| url.contains(open)));
    let required = binding.strength == BindingStrength::Required && !open;
    (required && places.type_of(element) == "code").then(|| (places.path(element), with_value(element, "no-such-code")))
}

pub(super) fn bad_unit(places: &Places<'_>, element: Element<'_>) -> Put {
    let is_unit = element.name() == "code" && element.parent()?.text_at("system") == Some("http://unitsofmeasure.org");
    is_unit.then(|| (places.path(element), with_value(element, "furlongs per fortnight")))
}

pub(super) fn reference<'t>(element: Element<'t>) -> Option<&'t str> {
    let is_reference = element.name() == "reference" && element.is_primitive();
    element.text().filter(|_| is_reference)
}

pub(super) fn no_contained(places: &Places<'_>, element: Element<'_>) -> Put {
    reference(element)?;
    Some((places.path(element), with_value(element, "#nowhere")))
}

/// What the Composition refers to must be in the document.
pub(super) fn no_entry(places: &Places<'_>, element: Element<'_>) -> Put {
    reference(element)?;
    let holder = element.parent()?.name();
    let carried = matches!(holder, "subject" | "encounter" | "author" | "custodian" | "entry" | "focus");
    (carried && element.resource().resource_type() == Some("Composition"))
        .then(|| (places.path(element), with_value(element, "urn:uuid:0f2c1a10-0000-4000-8000-00000000ffff")))
}

/// The subject of something is the document's own Composition.
pub(super) fn other_target(places: &Places<'_>, element: Element<'_>) -> Put {
    reference(element)?;
    let wrong = matches!(element.parent()?.name(), "subject" | "patient")
        && !matches!(element.resource().resource_type(), Some("List" | "Composition"));
    let first = element.tree().root().get("entry")?;
    let is_composition = first.get("resource")?.resource_type() == Some("Composition");
    let url = first.text_at("fullUrl")?;
    (wrong && is_composition).then(|| (places.path(element), with_value(element, url)))
}

pub(super) fn script(places: &Places<'_>, element: Element<'_>) -> Put {
    let inside = [
        "<script>x</script>",
        "<p onclick='x'>a</p>",
        "<a href='javascript:x'>a</a>",
        "",
        "<p>a",
        "<iframe src='x'/>",
        "<p>a<img src='x' onerror='x'/></p>",
        "<a href=' JavaScript:x'>a</a>",
        "<a href='java&#10;script:x'>a</a>",
        "<a href='&#106;avascript:x'>a</a>",
        "<form action='x'><p>a</p></form>",
        "<object data='x'>a</object>",
    ];
    let inside = inside.get(element.id().index() % inside.len())?;
    let div = format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{inside}</div>");
    (places.type_of(element) == "xhtml").then(|| (places.path(element), with_value(element, &div)))
}

/// An element without anything in it.
pub(super) fn empty(places: &Places<'_>, element: Element<'_>) -> Put {
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

/// A value of another type beside the one that a choice has.
pub(super) fn second_choice(places: &Places<'_>, element: Element<'_>) -> Put {
    let (structure, place) = choice_of(places, element)?;
    let definition = structure.element(place);
    let stem = definition.name();
    let taken = element.name().strip_prefix(stem)?;
    let simple = ["String", "Boolean", "DateTime", "Integer"].into_iter();
    let other =
        { simple }.find(|ty| *ty != taken && definition.types.iter().any(|one| one.code.eq_ignore_ascii_case(ty)))?;
    let parent = element.parent()?;
    let mut tree = copy(element);
    let mut edit = tree.edit_at(parent.id());
    match other {
        "Boolean" => edit.set(&format!("{stem}{other}"), true),
        "Integer" => edit.set(&format!("{stem}{other}"), 1),
        "DateTime" => edit.set(&format!("{stem}{other}"), "2026-01-01"),
        _ => edit.set(&format!("{stem}{other}"), "x"),
    };
    Some((places.path(parent), tree))
}

fn choice_of(places: &Places<'_>, element: Element<'_>) -> Option<(std::sync::Arc<catalog::Structure>, usize)> {
    let (structure, place) = places.definition(element.parent()?)?;
    let choices = structure.children(place).iter().map(|child| *child as usize);
    let choice = { choices }.find(|child| {
        let definition = structure.element(*child);
        definition.is_choice() && element.name().starts_with(definition.name())
    })?;
    Some((structure, choice))
}

/// An extension has a value or extensions, not both.
pub(super) fn both_in_extension(places: &Places<'_>, element: Element<'_>) -> Put {
    let has_value = element.children().any(|child| child.name().starts_with("value"));
    (element.name() == "extension" && has_value).then(|| {
        let mut tree = copy(element);
        tree.edit_at(element.id()).item("extension").set("url", "urn:x").set("valueBoolean", true);
        (places.path(element), tree)
    })
}

/// An extension that changes the meaning of a resource, which nobody knows.
pub(super) fn unknown_modifier(places: &Places<'_>, element: Element<'_>) -> Put {
    let is_entry = element.name() == "resource" && element.get("text").is_some();
    is_entry.then(|| {
        let mut tree = copy(element);
        let url = "http://extensions.invalid/StructureDefinition/negated";
        tree.edit_at(element.id()).item("modifierExtension").set("url", url).set("valueBoolean", true);
        (format!("{}.modifierExtension[0]", places.path(element)), tree)
    })
}

/// A link in a narrative to a place that is not there.
pub(super) fn dead_link(places: &Places<'_>, element: Element<'_>) -> Put {
    let div = "<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>x <a href=\"#nowhere-at-all\">y</a></p></div>";
    (places.type_of(element) == "xhtml").then(|| (places.path(element), with_value(element, div)))
}
