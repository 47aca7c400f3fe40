//! Faults in the text of a document, which no tree can hold: a property twice in a JSON object, XML elements out of order.

use model::{Element, Limits, json, xml};

use super::{Places, Put, copy};

/// A text is written and read for each fault, so that only some elements are tried.
const EVERY: usize = 17;

/// The first property of an object once more at its end.
pub(super) fn same_property(places: &Places<'_>, element: Element<'_>) -> Put {
    if element.id().index() % EVERY != 0 || element.is_primitive() {
        return None;
    }
    let first = element.children().find(|child| child.is_primitive() && !child.is_list() && !child.has_children())?;
    let mut tree = copy(element);
    tree.edit_at(element.id()).set("sameProperty", "x");
    let again = format!("\"{}\":{:?}", first.name(), first.text()?);
    let text = json::to_string(tree.root()).replace("\"sameProperty\":\"x\"", &again);
    Some((places.path(element), json::read(text.as_bytes(), &Limits::default()).ok()?))
}

/// Two neighbours in XML that change places.
pub(super) fn xml_order(places: &Places<'_>, element: Element<'_>) -> Put {
    if element.id().index() % EVERY != 0 {
        return None;
    }
    let parent = element.parent()?;
    let plain =
        |one: &Element<'_>| one.is_primitive() && !one.has_children() && one.value().is_some() && one.name() != "div";
    let mut tree = copy(element);
    // Two elements that stand side by side in XML, told by values that occur nowhere else.
    let mut order: Vec<Element<'_>> =
        parent.children().filter(|child| child.name() != "url" && child.name() != "id").collect();
    order.sort_by_key(|child| child.id());
    let pair = order.windows(2).find(|pair| pair.iter().all(plain) && pair[0].name() != pair[1].name())?;
    let (one, other) = (pair[0], pair[1]);
    tree.edit_at(one.id()).set_value("mark-one");
    tree.edit_at(other.id()).set_value("mark-other");
    let text = xml::write(tree.root(), places.catalog).ok()?;
    let tag = |element: Element<'_>, mark: &str| format!("<{} value=\"{mark}\"/>", element.name());
    let (left, right) = (tag(one, "mark-one"), tag(other, "mark-other"));
    let neighbours = [format!("{left}{right}"), format!("{right}{left}")];
    let found = neighbours.iter().find(|pair| text.contains(pair.as_str()))?;
    let original = |element: Element<'_>| {
        let escaped =
            element.text().unwrap_or_default().replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
        format!("<{} value=\"{escaped}\"/>", element.name())
    };
    let swapped = if found.starts_with(&left) {
        format!("{}{}", original(other), original(one))
    } else {
        format!("{}{}", original(one), original(other))
    };
    let text = text.replacen(found.as_str(), &swapped, 1);
    Some((places.path(parent), xml::read(text.as_bytes(), places.catalog, &Limits::default()).ok()?))
}
