//! The links of a transaction: `urn:uuid:`, any other `fullUrl` and conditional references lead to the stored resources,
//! wherever a link can stand. <http://hl7.org/fhir/R4/http.html#trules>

use std::collections::HashMap;

use model::{Element, ElementId, Shapes, Tree};
use storage::View;

use crate::among::Among;
use crate::refusal::{Class, Refusal};
use crate::request::Request;

/// Where links lead: `fullUrl`, or a conditional reference, to `[type]/[id]`.
#[derive(Default)]
pub(crate) struct Links {
    places: HashMap<String, String>,
    /// `[type]/[id]` in the `fullUrl` of entries that lie on a server, to that `fullUrl`; `None`: of several.
    relative: HashMap<String, Option<String>>,
}

/// What is asked while links are led.
pub(crate) struct Behind<'t, 'r> {
    pub(crate) request: &'t Request<'r>,
    /// What there was before the transaction.
    pub(crate) view: &'t View,
    /// What the transaction makes of it.
    pub(crate) among: Among<'t, 'r>,
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
            if url.starts_with("http")
                && let Some((_, relative)) = last_two(url)
            {
                let one = self.relative.entry(relative.to_owned()).or_insert_with(|| Some(url.to_owned()));
                if one.as_deref() != Some(url) {
                    *one = None;
                }
            }
        }
        Ok(())
    }

    /// Leads every link of a resource. All entries have their places before. `full_url`: that of its own entry.
    ///
    /// # Errors
    /// Those of a conditional reference that finds none or several.
    pub(crate) fn lead(
        &mut self,
        behind: &mut Behind<'_, '_>,
        full_url: Option<&str>,
        tree: &mut Tree,
    ) -> Result<(), Refusal> {
        let base = full_url.filter(|url| url.starts_with("http")).and_then(last_two).map(|(base, _)| base);
        let mut changes: Vec<(ElementId, String)> = Vec::new();
        for element in tree.root().descendants() {
            let Some(text) = element.text() else {
                continue;
            };
            if element.name() == "div" {
                let linked = Self::linked_narrative(text, &|url| self.place_of(behind, base, url));
                changes.extend(linked.map(|text| (element.id(), text)));
            } else if let Some(place) = self.place_of(behind, base, text) {
                if is_link(element, behind.request.shapes()) {
                    changes.push((element.id(), place));
                }
            } else if element.name() == "reference" && is_conditional(text) {
                changes.push((element.id(), self.conditional_reference(behind, text)?));
            }
        }
        for (id, text) in changes {
            tree.edit_at(id).set_value(text.as_str());
        }
        Ok(())
    }

    /// Leads what a patch brought in: `urn:` links and conditional references. Others may have been there before, and are true.
    ///
    /// # Errors
    /// As [`Links::lead`].
    pub(crate) fn lead_patched(&mut self, behind: &mut Behind<'_, '_>, tree: &mut Tree) -> Result<(), Refusal> {
        let mut changes: Vec<(ElementId, String)> = Vec::new();
        for element in tree.root().descendants() {
            let Some(text) = element.text() else { continue };
            if element.name() == "div" {
                let of_urn = |url: &str| self.places.get(url).filter(|_| url.starts_with("urn:")).cloned();
                changes.extend(Self::linked_narrative(text, &of_urn).map(|text| (element.id(), text)));
            } else if text.starts_with("urn:") {
                let place = self.places.get(text).filter(|_| is_link(element, behind.request.shapes()));
                changes.extend(place.map(|place| (element.id(), place.clone())));
            } else if element.name() == "reference" && is_conditional(text) {
                changes.push((element.id(), self.conditional_reference(behind, text)?));
            }
        }
        for (id, text) in changes {
            tree.edit_at(id).set_value(text.as_str());
        }
        Ok(())
    }

    /// Where a link leads. One without a server is to an entry of the server that its own entry is of (`base`); from an entry of no
    /// server to the one that fits, unless there is a resource here that it means.
    fn place_of(&self, behind: &Behind<'_, '_>, base: Option<&str>, text: &str) -> Option<String> {
        if let Some(place) = self.places.get(text) {
            return Some(place.clone());
        }
        if let Some((url, fragment)) = text.split_once('#') {
            return self.place_of(behind, base, url).map(|place| format!("{place}#{fragment}"));
        }
        if self.relative.is_empty() {
            return None;
        }
        let (name, version) =
            text.split_once("/_history/").map_or((text, None), |(name, version)| (name, Some(version)));
        let place = match self.relative.get(name) {
            None => version.and_then(|_| self.places.get(name)),
            Some(url) => match (base, url) {
                (Some(base), _) => self.places.get(&format!("{base}/{name}")),
                (None, Some(url)) if !is_here(behind, name) => self.places.get(url),
                (None, _) => None,
            },
        }?;
        match version {
            None => Some(place.clone()),
            // Of what is created here there is one version; of what is known elsewhere by another name, none.
            Some(_) => behind.among.is_created(place).then(|| format!("{place}/_history/1")),
        }
    }

    /// The narrative with the links of its `href` and `src` led to their resources; `None` where none is to be led.
    /// In one pass: a Bundle may have as many narratives as links.
    fn linked_narrative(text: &str, place_of: &dyn Fn(&str) -> Option<String>) -> Option<String> {
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
            if let Some(place) = place_of(url) {
                linked.push_str(&place);
                rest = after.get(url.len()..).unwrap_or_default();
                is_changed = true;
            }
        }
        linked.push_str(rest);
        is_changed.then_some(linked)
    }

    /// The resource of `Practitioner?identifier=…`.
    fn conditional_reference(&mut self, behind: &mut Behind<'_, '_>, text: &str) -> Result<String, Refusal> {
        if let Some(known) = self.places.get(text) {
            return Ok(known.clone());
        }
        let name = behind.among.referred(behind.view, text)?;
        self.places.insert(text.to_owned(), name.clone());
        Ok(name)
    }
}

/// Whether this server had a resource of that name before.
fn is_here(behind: &Behind<'_, '_>, name: &str) -> bool {
    let found = name.split_once('/').and_then(|(resource_type, id)| behind.view.read(resource_type, id).ok().flatten());
    found.is_some_and(|version| !version.is_deleted())
}

/// Whether an element is of a type that can hold a link: <http://hl7.org/fhir/R4/http.html#trules>.
fn is_link(element: Element<'_>, shapes: &dyn Shapes) -> bool {
    if matches!(element.name(), "fullUrl") || element.parent().is_some_and(|parent| parent.name() == "request") {
        return false;
    }
    element.name() == "reference" || matches!(shapes.type_name(element.type_in(shapes)), "uri" | "url" | "oid" | "uuid")
}

/// `http://server/fhir` and `Patient/1` of `http://server/fhir/Patient/1`.
fn last_two(url: &str) -> Option<(&str, &str)> {
    let (before, _) = url.rsplit_once('/')?;
    let (base, _) = before.rsplit_once('/')?;
    Some((base, url.get(base.len() + 1..)?))
}

/// Whether a reference is a search: `Practitioner?identifier=…`.
fn is_conditional(reference: &str) -> bool {
    reference.split_once('?').is_some_and(|(name, _)| crate::checked::RESOURCE_TYPES.binary_search(&name).is_ok())
}
