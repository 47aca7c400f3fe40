//! The resources of a document while it is being made, and the Bundle they become.

use std::collections::HashMap;

use model::{Instant, Tree, json};

use crate::identity;

/// Resources in the order in which they enter the Bundle, each under a `urn:uuid:` that follows from the source.
pub(crate) struct Document {
    seed: [u8; 32],
    entries: Vec<Entry>,
    places: HashMap<String, usize>,
    once: HashMap<String, usize>,
}

struct Entry {
    uuid: String,
    resource: Tree,
}

impl Document {
    /// Nothing yet; `seed` is the hash of the source.
    pub(crate) fn new(seed: [u8; 32]) -> Document {
        Document { seed, entries: Vec::new(), places: HashMap::new(), once: HashMap::new() }
    }

    /// The reference that a resource of this name has or will have.
    pub(crate) fn reference(&self, name: &str) -> String {
        format!("urn:uuid:{}", identity::uuid(&self.seed, name))
    }

    /// Adds a resource under a name that is unique in the source (a path and the resource type) and gives its reference.
    pub(crate) fn add(&mut self, name: &str, resource: Tree) -> String {
        let uuid = identity::uuid(&self.seed, name);
        let reference = format!("urn:uuid:{uuid}");
        self.places.insert(uuid.clone(), self.entries.len());
        self.entries.push(Entry { uuid, resource });
        reference
    }

    /// Adds a resource that names nothing of its own (a person, an organisation): one of the same content is not
    /// added again.
    pub(crate) fn add_once(&mut self, resource: Tree) -> String {
        let content = json::to_string(resource.root());
        if let Some(entry) = self.once.get(&content).and_then(|at| self.entries.get(*at)) {
            return format!("urn:uuid:{}", entry.uuid);
        }
        let reference = self.add(&content, resource);
        self.once.insert(content, self.entries.len() - 1);
        reference
    }

    /// The type of the resource behind a reference.
    pub(crate) fn type_of(&self, reference: &str) -> &'static str {
        let entry = self.place(reference).and_then(|place| self.entries.get(place));
        entry.and_then(|entry| entry.resource.root().resource_type_id()?.known()).unwrap_or_default()
    }

    /// References to all resources of a type, in their order.
    pub(crate) fn all_of(&self, kind: &str) -> Vec<String> {
        let found = self.entries.iter().filter(|entry| entry.resource.resource_type() == kind);
        found.map(|entry| format!("urn:uuid:{}", entry.uuid)).collect()
    }

    fn place(&self, reference: &str) -> Option<usize> {
        self.places.get(reference.strip_prefix("urn:uuid:")?).copied()
    }

    /// The resource behind a reference, to add to it.
    pub(crate) fn resource_mut(&mut self, reference: &str) -> Option<&mut Tree> {
        let place = self.place(reference)?;
        self.entries.get_mut(place).map(|entry| &mut entry.resource)
    }

    /// The Bundle: `first` at its head, the other resources in the order in which they came.
    pub(crate) fn bundle(self, kind: &str, profile: Option<&str>, now: Instant, first: Option<(&str, Tree)>) -> Tree {
        let mut bundle = Tree::new("Bundle");
        let mut root = bundle.edit();
        root.set("id", &identity::uuid(&self.seed, "Bundle"));
        if let Some(profile) = profile {
            root.object("meta").push("profile", profile);
        }
        let identifier = format!("urn:uuid:{}", identity::uuid(&self.seed, "Bundle.identifier"));
        root.object("identifier").set("system", "urn:ietf:rfc:3986").set("value", &identifier);
        root.set("type", kind).set("timestamp", &now.to_fhir());
        let head = first.map(|(name, resource)| Entry { uuid: identity::uuid(&self.seed, name), resource });
        for entry in head.into_iter().chain(self.entries) {
            let mut item = root.item("entry");
            item.set("fullUrl", &format!("urn:uuid:{}", entry.uuid));
            let mut resource = item.object("resource");
            resource.set_resource_type(entry.resource.resource_type());
            resource.set("id", &entry.uuid);
            resource.fill(entry.resource.root());
        }
        bundle
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_people_are_one_resource_and_order_is_kept() {
        let mut document = Document::new([7; 32]);
        let person = || {
            let mut tree = Tree::new("Practitioner");
            tree.edit().item("name").set("family", "Nováková");
            tree
        };
        let first = document.add_once(person());
        document.add("/a#Condition", Tree::new("Condition"));
        assert_eq!(document.add_once(person()), first);
        assert_eq!(document.type_of(&first), "Practitioner");
        let bundle =
            document.bundle("document", Some("p"), Instant(0), Some(("Composition", Tree::new("Composition"))));
        let types: Vec<_> =
            bundle.root().every("entry.resource").iter().map(|e| e.resource_type().unwrap().to_owned()).collect();
        assert_eq!(types, ["Composition", "Practitioner", "Condition"]);
        assert_eq!(bundle.root().text_at("timestamp"), Some("1970-01-01T00:00:00.000Z"));
    }
}
