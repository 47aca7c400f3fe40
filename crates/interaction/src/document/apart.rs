//! A document taken apart into resources that search finds: <http://hl7.org/fhir/R4/bundle.html#references>.
//!
//! Every entry becomes a resource of its own under an id that follows from the document; people and organisations with an
//! identifier get one that follows from the identifier, so that they are stored once. References within the document lead
//! to the new resources. The Composition stays in the document, which is its place.

use std::collections::HashMap;

use model::{Element, ElementId, Tree};

use crate::derived;

/// Types that stay inside the document.
const STAY: [&str; 4] = ["Composition", "Bundle", "DocumentReference", "OperationOutcome"];

/// Types of which one is the same wherever its identifier stands.
const SHARED: [&str; 3] = ["Organization", "Practitioner", "Location"];

/// Where every reference of a document leads once it is taken apart.
pub(crate) struct Places {
    by_url: HashMap<String, String>,
}

/// One resource out of a document.
pub(crate) struct Part {
    /// Its id.
    pub(crate) id: String,
    /// Whether it may be there already, and then stays as it is.
    pub(crate) shared: bool,
    /// The resource, its references leading to the other parts.
    pub(crate) resource: Tree,
}

impl Places {
    /// The places of the entries of a document that is stored as `Bundle/[id]`, about a patient that is stored under
    /// `patient`.
    pub(crate) fn of(document: &Tree, id: &str, patient: Option<(&str, &str)>) -> Places {
        let mut by_url = HashMap::new();
        for entry in document.root().all("entry") {
            let (Some(url), Some(resource)) = (entry.text_at("fullUrl"), entry.get("resource")) else {
                continue;
            };
            let resource_type = resource.resource_type().unwrap_or_default();
            let place = match patient {
                Some((patient_url, patient_id)) if patient_url == url => format!("Patient/{patient_id}"),
                _ if STAY.contains(&resource_type) => format!("Bundle/{id}"),
                _ => format!("{resource_type}/{}", part_id(resource, id, url)),
            };
            by_url.insert(url.to_owned(), place);
        }
        Places { by_url }
    }

    /// Where a reference that stands in the entry `from` leads; `None` where that is outside of the document.
    pub(crate) fn of_reference(&self, reference: &str, from: &str) -> Option<&str> {
        let (url, _) = reference.split_once("/_history/").unwrap_or((reference, ""));
        if let Some(place) = self.by_url.get(url) {
            return Some(place);
        }
        // A relative reference is completed by the base of the entry that it stands in.
        let base = from.rsplitn(3, '/').nth(2).filter(|_| from.starts_with("http"))?;
        self.by_url.get(&format!("{base}/{url}")).map(String::as_str)
    }

    /// Leads every reference below `root` to its place.
    pub(crate) fn redirect(&self, tree: &mut Tree, root: ElementId, from: &str) {
        let found: Vec<(ElementId, String)> = tree
            .element(root)
            .descendants()
            .into_iter()
            .filter(|element| element.name() == "reference")
            .filter_map(|element| Some((element.id(), self.of_reference(element.text()?, from)?.to_owned())))
            .collect();
        for (id, place) in found {
            tree.edit_at(id).set_value(place.as_str());
        }
    }
}

/// The parts of a document, in its order, but for the patient, whose resource is the caller's business.
pub(crate) fn parts(document: &Tree, id: &str, places: &Places, patient_url: Option<&str>) -> Vec<Part> {
    let mut parts = Vec::new();
    for entry in document.root().all("entry") {
        let Some(resource) = entry.get("resource") else {
            continue;
        };
        let url = entry.text_at("fullUrl").unwrap_or_default();
        let resource_type = resource.resource_type().unwrap_or_default();
        if STAY.contains(&resource_type) || url.is_empty() || Some(url) == patient_url {
            continue;
        }
        let mut tree = Tree::new(resource_type);
        tree.edit().fill(resource);
        let root = tree.root().id();
        places.redirect(&mut tree, root, url);
        let shared = is_shared(resource);
        parts.push(Part { id: part_id(resource, id, url), shared, resource: tree });
    }
    parts
}

fn is_shared(resource: Element<'_>) -> bool {
    SHARED.contains(&resource.resource_type().unwrap_or_default()) && identifier(resource).is_some()
}

fn part_id(resource: Element<'_>, document: &str, url: &str) -> String {
    let resource_type = resource.resource_type().unwrap_or_default();
    match identifier(resource).filter(|_| SHARED.contains(&resource_type)) {
        Some((system, value)) => derived::id(&[resource_type, system, value]),
        None => derived::id(&[document, url]),
    }
}

/// The first identifier with system and value.
pub(crate) fn identifier(resource: Element<'_>) -> Option<(&str, &str)> {
    resource
        .all("identifier")
        .find_map(|identifier| Some((identifier.text_at("system")?, identifier.text_at("value")?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"{"resourceType":"Bundle","type":"document","entry":[
        {"fullUrl":"urn:uuid:c","resource":{"resourceType":"Composition","subject":{"reference":"urn:uuid:p"}}},
        {"fullUrl":"urn:uuid:p","resource":{"resourceType":"Patient","generalPractitioner":[{"reference":"urn:uuid:g"}]}},
        {"fullUrl":"urn:uuid:g","resource":{"resourceType":"Practitioner","identifier":[{"system":"urn:oid:2.999","value":"1"}]}},
        {"fullUrl":"urn:uuid:o","resource":{"resourceType":"Condition","subject":{"reference":"urn:uuid:p"},
         "asserter":{"reference":"urn:uuid:g"},"encounter":{"reference":"Encounter/elsewhere"}}}]}"#;

    #[test]
    fn parts_refer_to_each_other_under_their_new_ids() {
        let document = model::json::read(DOCUMENT.as_bytes(), &Default::default()).unwrap();
        let places = Places::of(&document, "b", Some(("urn:uuid:p", "pat")));
        let parts = parts(&document, "b", &places, Some("urn:uuid:p"));
        assert_eq!(
            parts.iter().map(|part| part.resource.resource_type()).collect::<Vec<_>>(),
            ["Practitioner", "Condition"]
        );
        let condition = parts[1].resource.root();
        assert_eq!(condition.text_at("subject.reference"), Some("Patient/pat"));
        assert_eq!(condition.text_at("asserter.reference"), Some(format!("Practitioner/{}", parts[0].id).as_str()));
        assert_eq!(condition.text_at("encounter.reference"), Some("Encounter/elsewhere"));
        assert!(parts[0].shared && !parts[1].shared);
        assert_eq!(parts[0].id, derived::id(&["Practitioner", "urn:oid:2.999", "1"]));
        assert_eq!(places.of_reference("urn:uuid:c", ""), Some("Bundle/b"));
    }

    #[test]
    fn a_relative_reference_is_completed_by_its_entry() {
        let text = r#"{"resourceType":"Bundle","entry":[
            {"fullUrl":"http://a.example/fhir/Patient/1","resource":{"resourceType":"Patient"}}]}"#;
        let document = model::json::read(text.as_bytes(), &Default::default()).unwrap();
        let places = Places::of(&document, "b", Some(("http://a.example/fhir/Patient/1", "p")));
        assert_eq!(places.of_reference("Patient/1", "http://a.example/fhir/Condition/2"), Some("Patient/p"));
        assert_eq!(places.of_reference("Patient/1", "urn:uuid:2"), None);
    }
}
