//! Links within a resource: `#x` in the narrative and in values of type url leads to an element or a part of a narrative
//! with that id (<http://hl7.org/fhir/R4/narrative.html#id>).

use model::{Element, IssueType, Severity};
use quick_xml::events::{BytesStart, Event};

use crate::Set;
use crate::pass::Pass;
use crate::program::{Kind, State};

const RULE: &str = "link";

/// Holds the links of an element against the ids there are.
pub(crate) fn check<'t>(pass: &mut Pass<'_, 't>, element: Element<'t>, state: &State) {
    let Some(text) = element.text() else { return };
    if state.kind == Kind::Xhtml {
        narrative(pass, element, text);
    } else if let Some(id) = text.strip_prefix('#')
        && &*state.ty == "url"
        && !pass.anchors().contains(id)
    {
        pass.error(IssueType::NotFound, element, RULE, || format!("'{text}' leads nowhere: nothing here has that id."));
    }
}

fn narrative<'t>(pass: &mut Pass<'_, 't>, element: Element<'t>, text: &str) {
    if !["\"#", "'#", "idref"].iter().any(|sign| text.contains(sign)) {
        return;
    }
    each(text, |tag| {
        for attribute in tag.attributes().flatten() {
            let value = attribute.value.trim();
            let (severity, id) = match (attribute.key.0, value.strip_prefix('#')) {
                ("href" | "src", Some(id)) => (Severity::Error, id),
                ("idref", _) => (Severity::Warning, value),
                _ => continue,
            };
            if !id.is_empty() && !pass.anchors().contains(id) {
                pass.report(severity, IssueType::NotFound, element, RULE, || {
                    format!("In the narrative '{value}' leads nowhere: nothing here has that id.")
                });
            }
        }
    });
}

/// The ids of elements, and of parts of narratives, in a whole tree.
pub(crate) fn anchors(root: Element<'_>) -> Set<Box<str>> {
    let mut found: Set<Box<str>> = Set::default();
    for element in root.descendants() {
        match (element.name(), element.text()) {
            ("id", Some(id)) => drop(found.insert(id.into())),
            ("div", Some(text)) => each(text, |tag| {
                let named = tag.attributes().flatten().filter(|attribute| matches!(attribute.key.0, "id" | "name"));
                found.extend(named.map(|attribute| Box::from(attribute.value.trim())));
            }),
            _ => {}
        }
    }
    found
}

/// Every start of an element in a text, up to where it is not well-formed.
fn each(text: &str, mut then: impl FnMut(&BytesStart<'_>)) {
    let mut reader = quick_xml::Reader::from_str(text);
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag) | Event::Empty(tag)) => then(&tag),
            Ok(Event::Eof) | Err(_) => return,
            Ok(_) => {}
        }
    }
}
