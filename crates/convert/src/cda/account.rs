//! The account of a conversion: every coded element, identifier, quantity, date and text of the source that no map took
//! is listed as a loss. What is not carried is named, by construction.

use super::context::Context;
use super::read::Node;

/// Attributes that carry content, and those that only structure it.
const CONTENT: [&str; 6] = ["code", "value", "extension", "displayName", "unit", "root"];
/// Elements that say which template or version holds, not what holds for the patient.
const STRUCTURE: [&str; 5] = ["templateId", "typeId", "realmCode", "languageCode", "terminologyDomain"];

/// Lists what was not taken in an element and below it.
pub(super) fn losses(cx: &mut Context<'_>, node: Node<'_>) {
    if STRUCTURE.contains(&node.name()) && !node.has_own_text() {
        return;
    }
    match untaken(node).filter(|_| !is_link(cx, node)) {
        // What identifies a statement that became part of another resource says nothing of the patient.
        Some(content) if node.name() == "id" && is_inner(node) => {
            cx.note(node, format!("The identifier {content} belongs to a part that has no identifier in FHIR."));
        }
        Some(content) => {
            cx.loss(node, format!("{} has no place in the map and was not carried: {content}.", node.name()));
        }
        None => {}
    }
    for child in node.children() {
        losses(cx, child);
    }
}

/// Whether it only leads to a part of the narrative that is there.
fn is_link(cx: &Context<'_>, node: Node<'_>) -> bool {
    let target = node.peek("value").filter(|value| value.starts_with('#') && node.name() == "reference");
    target.is_some_and(|target| cx.cda.anchor(target).is_some())
}

/// Whether an `id` belongs to a statement or a section, not to a person or an organisation.
fn is_inner(id: Node<'_>) -> bool {
    const HOLDERS: [&str; 9] = [
        "section",
        "act",
        "observation",
        "organizer",
        "procedure",
        "substanceAdministration",
        "supply",
        "encounter",
        "observationRange",
    ];
    id.parent().is_some_and(|holder| HOLDERS.contains(&holder.name()))
}

/// What an element carries itself that was not taken, in words; `None` where there is nothing.
fn untaken(node: Node<'_>) -> Option<String> {
    let mut words = Vec::new();
    if node.attributes_taken() && node.text_taken() {
        return None;
    }
    if !node.attributes_taken() {
        let identifier = matches!(node.name(), "id" | "setId");
        let content = |name: &str| CONTENT.contains(&name) && (name != "root" || identifier);
        if node.attributes().any(|(name, value)| content(name) && !value.trim().is_empty()) {
            let named =
                node.attributes().filter(|(name, _)| content(name) || matches!(*name, "codeSystem" | "codeSystemName"));
            words.extend(named.map(|(name, value)| format!("{name}={value:?}")));
        }
    }
    if !node.text_taken() && node.has_own_text() {
        let own: Vec<&str> =
            node.content().filter_map(Result::err).map(str::trim).filter(|text| !text.is_empty()).collect();
        words.push(format!("{:?}", shorten(&own.join(" "))));
    }
    (!words.is_empty()).then(|| words.join(" "))
}

fn shorten(text: &str) -> String {
    const LONGEST: usize = 2000;
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}… ({} characters)", text.get(..at).unwrap_or_default(), text.chars().count()),
        None => text.to_owned(),
    }
}
