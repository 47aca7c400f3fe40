//! JSON whose differences are readable: one element, concept or parameter a line, everything else on one line.

use model::{Element, json};

/// Arrays whose items stand on lines of their own, however deep they are.
const LISTS: [&str; 12] = [
    "element",
    "concept",
    "include",
    "exclude",
    "filter",
    "group",
    "parameter",
    "part",
    "resource",
    "component",
    "entry",
    "contains",
];

/// Appends the text of a resource.
pub(crate) fn write(resource: Element<'_>, out: &mut String) {
    out.push('{');
    let mut first = true;
    if let Some(resource_type) = resource.resource_type() {
        out.push_str(&format!("\"resourceType\":\"{resource_type}\""));
        first = false;
    }
    members(resource, first, out);
    out.push('}');
}

fn members(element: Element<'_>, mut first: bool, out: &mut String) {
    let children: Vec<Element<'_>> = element.children().collect();
    let mut at = 0;
    while let Some(child) = children.get(at) {
        let run = children[at..].iter().take_while(|next| next.name_id() == child.name_id()).count();
        let items = &children[at..at + run];
        at += run;
        if !std::mem::take(&mut first) {
            out.push(',');
        }
        if child.is_primitive() || !(child.is_list() && LISTS.contains(&child.name()) || holds_list(items)) {
            compact(items, out);
            continue;
        }
        out.push_str(&format!("\"{}\":", child.name()));
        if child.is_list() {
            out.push_str("[\n");
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    out.push_str(",\n");
                }
                write(*item, out);
            }
            out.push(']');
        } else {
            write(*child, out);
        }
    }
}

fn holds_list(items: &[Element<'_>]) -> bool {
    items.iter().any(|item| {
        item.children().any(|child| !child.is_primitive() && child.is_list() && LISTS.contains(&child.name()))
    })
}

/// The members of one name as `model` writes them: an object around them, without its braces.
fn compact(items: &[Element<'_>], out: &mut String) {
    let mut alone = model::Tree::new("");
    let mut root = alone.edit();
    for item in items {
        root.copy(*item);
    }
    let text = json::to_string(alone.root());
    let text = text.strip_prefix("{\"resourceType\":\"\"").unwrap_or(&text);
    let text = text.strip_prefix(',').or(text.strip_prefix('{')).unwrap_or(text);
    out.push_str(text.strip_suffix('}').unwrap_or(text));
}
