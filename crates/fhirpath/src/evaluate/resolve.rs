//! Following references: contained resources, entries of the Bundle, and then what the host knows:
//! <http://hl7.org/fhir/R4/bundle.html#references>.

use model::{Element, Name};

use super::Evaluation;
use crate::item::Item;

impl<'t> Evaluation<'_, 't> {
    /// The resource that a Reference, a canonical, a uri or a string names; `None` where nobody knows it.
    pub(super) fn resolve(&self, item: &Item<'t>) -> Option<Item<'t>> {
        let element = item.element();
        let holder = element.filter(|element| !element.is_primitive());
        let reference = match holder {
            Some(holder) => holder.text_at("reference"),
            None => item.text(),
        };
        if let Some(reference) = reference {
            let base = element.or_else(|| self.context.first().and_then(Item::element));
            let found = self.find(reference, base).or_else(|| self.env.host.resolve(reference, element));
            if let Some(found) = found {
                return Some(Item::untyped(found));
            }
        }
        if !self.env.typed_references {
            return None;
        }
        let stated = holder.and_then(|holder| holder.text_at("type"));
        let ty = stated.or_else(|| reference_type(reference?))?;
        Some(Item::Unresolved(self.env.prepared.shapes().named(Name::of(ty)?)?))
    }

    fn find(&self, reference: &str, from: Option<Element<'t>>) -> Option<Element<'t>> {
        if let Some(id) = reference.strip_prefix('#') {
            let container = self.env.root_resource_of(from)?;
            if id.is_empty() {
                return Some(container);
            }
            return container.all("contained").find(|resource| resource.text_at("id") == Some(id));
        }
        let (reference, _) = reference.split_once("|").unwrap_or((reference, ""));
        let (whole, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let unversioned = whole.split_once("/_history/").map_or(whole, |(before, _)| before);
        let target = self.target(unversioned, from)?;
        if fragment.is_empty() {
            return Some(target);
        }
        target.all("contained").find(|resource| resource.text_at("id") == Some(fragment))
    }

    /// Looks in the Bundle that holds the reference, then in the one that holds that, and so on.
    fn target(&self, reference: &str, from: Option<Element<'t>>) -> Option<Element<'t>> {
        let from = from?;
        let absolute = if reference.contains(':') { None } else { absolute(reference, from) };
        let mut resource = from.resource();
        loop {
            if resource.resource_type() == Some("Bundle") {
                let find = |url: &str| self.env.prepared.target(resource, url);
                if let Some(target) = find(reference).or_else(|| find(absolute.as_deref()?)) {
                    return Some(target);
                }
            }
            resource = resource.parent()?.resource();
        }
    }
}

/// A relative reference on the server of the entry that it stands in.
fn absolute(reference: &str, from: Element<'_>) -> Option<String> {
    let url = entry_of(from)?.text_at("fullUrl").filter(|url| url.starts_with("http"))?;
    let (before, id) = url.rsplit_once('/')?;
    let (base, _) = before.rsplit_once('/')?;
    (!id.is_empty()).then(|| format!("{base}/{reference}"))
}

/// The entry of a Bundle in which an element stands.
fn entry_of(element: Element<'_>) -> Option<Element<'_>> {
    let (resource, entry) = (Name::of("resource")?, Name::of("entry")?);
    let mut at = element.resource();
    loop {
        let parent = at.parent()?;
        if at.name_id() == resource && parent.name_id() == entry {
            return Some(parent);
        }
        at = parent.resource();
    }
}

/// The resource type in `Patient/1`, `http://server/Patient/1/_history/2`.
fn reference_type(reference: &str) -> Option<&str> {
    let unversioned = reference.split_once("/_history/").map_or(reference, |(before, _)| before);
    let (before, id) = unversioned.rsplit_once('/')?;
    let ty = before.rsplit_once('/').map_or(before, |(_, ty)| ty);
    (!id.is_empty() && ty.starts_with(|c: char| c.is_ascii_uppercase())).then_some(ty)
}
