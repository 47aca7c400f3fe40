//! The links of a transaction: `urn:uuid:`, any other `fullUrl` and conditional references lead to the stored resources,
//! wherever a link can stand. <http://hl7.org/fhir/R4/http.html#trules>

use std::collections::HashMap;

use model::{Element, ElementId, Shapes, Tree};
use storage::View;

use crate::conditional;
use crate::refusal::{Class, Refusal};
use crate::request::Request;

/// Where links lead: `fullUrl`, or a conditional reference, to `[type]/[id]`.
#[derive(Default)]
pub(crate) struct Links {
    places: HashMap<String, String>,
}

impl Links {
    /// Takes in what an entry becomes.
    ///
    /// # Errors
    /// [`Class::Malformed`] where another entry has its `fullUrl`.
    pub(crate) fn place(&mut self, entry: Element<'_>, name: &str) -> Result<(), Refusal> {
        if let Some(url) = entry.text_at("fullUrl") {
            let before = self.places.insert(url.to_owned(), name.to_owned());
            if before.is_some_and(|before| before != name) {
                let text = format!("Two entries have the fullUrl {url}: what refers to it cannot be told.");
                return Err(Refusal::new(Class::Malformed, text));
            }
            // A relative link to an entry of a server is completed by that server's base.
            if url.starts_with("http")
                && let Some(relative) = last_two(url)
            {
                self.places.entry(relative.to_owned()).or_insert_with(|| name.to_owned());
            }
        }
        Ok(())
    }

    /// Leads every link of a resource. All entries have their places before.
    ///
    /// # Errors
    /// Those of a conditional reference that finds none or several.
    pub(crate) fn lead(&mut self, request: &Request<'_>, view: &View, tree: &mut Tree) -> Result<(), Refusal> {
        let mut changes: Vec<(ElementId, String)> = Vec::new();
        for element in tree.root().descendants() {
            let Some(text) = element.text() else {
                continue;
            };
            if element.name() == "div" {
                changes.extend(self.linked_narrative(text).map(|text| (element.id(), text)));
            } else if let Some(place) = self.place_of(text) {
                if is_link(element, request.shapes()) {
                    changes.push((element.id(), place));
                }
            } else if element.name() == "reference" && is_conditional(text) {
                changes.push((element.id(), self.conditional_reference(request, view, text)?));
            }
        }
        for (id, text) in changes {
            tree.edit_at(id).set_value(text.as_str());
        }
        Ok(())
    }

    fn place_of(&self, text: &str) -> Option<String> {
        if let Some(place) = self.places.get(text) {
            return Some(place.clone());
        }
        let (url, fragment) = text.split_once('#')?;
        self.places.get(url).map(|place| format!("{place}#{fragment}"))
    }

    /// The narrative with the links of its `href` and `src` led to their resources; `None` where none is to be led.
    /// In one pass: a Bundle may have as many narratives as links.
    fn linked_narrative(&self, text: &str) -> Option<String> {
        let (mut linked, mut rest, mut is_changed) = (String::with_capacity(text.len()), text, false);
        while let Some(at) = rest.find(['"', '\'']) {
            let (before, after) = rest.split_at(at + 1);
            linked.push_str(before);
            rest = after;
            let name = before.get(..at).and_then(|before| before.trim_end().strip_suffix('=')).unwrap_or_default();
            if !name.trim_end().ends_with("href") && !name.trim_end().ends_with("src") {
                continue;
            }
            let quote = if before.ends_with('"') { '"' } else { '\'' };
            let url = after.split(quote).next().unwrap_or_default();
            if let Some(place) = self.place_of(url) {
                linked.push_str(&place);
                rest = after.get(url.len()..).unwrap_or_default();
                is_changed = true;
            }
        }
        linked.push_str(rest);
        is_changed.then_some(linked)
    }

    /// The resource of `Practitioner?identifier=…`.
    fn conditional_reference(&mut self, request: &Request<'_>, view: &View, text: &str) -> Result<String, Refusal> {
        if let Some(known) = self.places.get(text) {
            return Ok(known.clone());
        }
        let name = conditional::referred(request, view, text)?;
        self.places.insert(text.to_owned(), name.clone());
        Ok(name)
    }
}

/// Whether an element is of a type that can hold a link: <http://hl7.org/fhir/R4/http.html#trules>.
fn is_link(element: Element<'_>, shapes: &dyn Shapes) -> bool {
    if matches!(element.name(), "fullUrl") || element.parent().is_some_and(|parent| parent.name() == "request") {
        return false;
    }
    element.name() == "reference" || matches!(shapes.type_name(element.type_in(shapes)), "uri" | "url" | "oid" | "uuid")
}

/// `Patient/1` of `http://server/fhir/Patient/1`.
fn last_two(url: &str) -> Option<&str> {
    let (before, _) = url.rsplit_once('/')?;
    let (base, _) = before.rsplit_once('/')?;
    url.get(base.len() + 1..)
}

/// Whether a reference is a search: `Practitioner?identifier=…`.
fn is_conditional(reference: &str) -> bool {
    reference.split_once('?').is_some_and(|(name, _)| crate::checked::RESOURCE_TYPES.binary_search(&name).is_ok())
}
