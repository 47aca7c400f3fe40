//! A document taken apart into resources that search finds: <http://hl7.org/fhir/R4/bundle.html#references>.
//!
//! Every entry becomes a resource of its own under an id that follows from the document; people and organisations with an
//! identifier get one that follows from identifier and name, so that they are stored once. Where an identifier stands for
//! several of them (a placeholder, the department of a hospital) they stay several. References within the document lead
//! to the new resources. The Composition stays in the document, which is its place.

use std::collections::{HashMap, HashSet};

use model::{Element, ElementId, Tree, json};

use crate::derived;

/// Types that stay inside the document.
const STAY: [&str; 4] = ["Composition", "Bundle", "DocumentReference", "OperationOutcome"];

/// Types of which one is the same wherever its identifier stands.
const SHARED: [&str; 3] = ["Organization", "Practitioner", "Location"];

/// Where every reference of a document leads once it is taken apart.
#[derive(Default)]
pub(crate) struct Places {
    by_url: HashMap<String, String>,
    /// By `Type/id`; `None` where several entries have it.
    by_id: HashMap<String, Option<String>>,
    /// The places that other documents may lead to too.
    shared: HashSet<String>,
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
        let mut places = Places::default();
        let mut shared: HashMap<String, Tree> = HashMap::new();
        for entry in document.root().all("entry") {
            let (Some(url), Some(resource)) = (entry.text_at("fullUrl"), entry.get("resource")) else {
                continue;
            };
            let resource_type = resource.resource_type().unwrap_or_default();
            let own = || format!("{resource_type}/{}", derived::id(&[id, url]));
            let place = match patient {
                Some((patient_url, patient_id)) if patient_url == url => format!("Patient/{patient_id}"),
                _ if STAY.contains(&resource_type) => format!("Bundle/{id}"),
                _ => match shared_id(resource).map(|id| format!("{resource_type}/{id}")) {
                    Some(place) => {
                        let known = shared.entry(place.clone()).or_insert_with(|| content(resource));
                        // One of the same identifier and name that says something else is another one.
                        match json::to_string(known.root()) == json::to_string(content(resource).root()) {
                            true => {
                                places.shared.insert(place.clone());
                                place
                            }
                            false => own(),
                        }
                    }
                    None => own(),
                },
            };
            if let Some(id) = resource.text_at("id") {
                let same = |known: &mut Option<String>| *known = known.take().filter(|known| *known == place);
                let key = format!("{resource_type}/{id}");
                places.by_id.entry(key).and_modify(same).or_insert_with(|| Some(place.clone()));
            }
            places.by_url.insert(url.to_owned(), place);
        }
        places
    }

    /// Where a reference that stands in the entry `from` leads; `None` where that is outside of the document.
    pub(crate) fn of_reference(&self, reference: &str, from: &str) -> Option<&str> {
        let (url, _) = reference.split_once("/_history/").unwrap_or((reference, ""));
        if let Some(place) = self.by_url.get(url) {
            return Some(place);
        }
        // A relative reference is completed by the base of the entry that it stands in; where that has none, it means the one
        // resource of the document with this type and id.
        match from.rsplitn(3, '/').nth(2).filter(|_| from.starts_with("http")) {
            Some(base) => self.by_url.get(&format!("{base}/{url}")).map(String::as_str),
            None => self.by_id.get(url)?.as_deref(),
        }
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
pub(crate) fn parts(document: &Tree, places: &Places, patient_url: Option<&str>) -> Vec<Part> {
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
        let Some(place) = places.by_url.get(url) else { continue };
        let id = place.rsplit('/').next().unwrap_or_default().to_owned();
        parts.push(Part { id, shared: places.shared.contains(place), resource: tree });
    }
    parts
}

/// The id of a person or organisation that follows from identifier and name.
fn shared_id(resource: Element<'_>) -> Option<String> {
    let resource_type = resource.resource_type().filter(|name| SHARED.contains(name))?;
    let (system, value) = identifier(resource)?;
    let mut name = resource.text_at("name").unwrap_or_default().to_lowercase();
    for part in resource.get("name").into_iter().flat_map(|name| name.all("family").chain(name.all("given"))) {
        name.push(' ');
        name.push_str(&part.text().unwrap_or_default().to_lowercase());
    }
    let name: Vec<&str> = name.split_whitespace().collect();
    Some(derived::id(&[resource_type, system, value, &name.join(" ")]))
}

/// What a resource says, without its id and version.
fn content(resource: Element<'_>) -> Tree {
    let mut tree = Tree::from_element(resource);
    tree.edit().remove("id").remove("meta");
    tree
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
        let parts = parts(&document, &places, Some("urn:uuid:p"));
        assert_eq!(
            parts.iter().map(|part| part.resource.resource_type()).collect::<Vec<_>>(),
            ["Practitioner", "Condition"]
        );
        let condition = parts[1].resource.root();
        assert_eq!(condition.text_at("subject.reference"), Some("Patient/pat"));
        assert_eq!(condition.text_at("asserter.reference"), Some(format!("Practitioner/{}", parts[0].id).as_str()));
        assert_eq!(condition.text_at("encounter.reference"), Some("Encounter/elsewhere"));
        assert!(parts[0].shared && !parts[1].shared);
        assert_eq!(parts[0].id, derived::id(&["Practitioner", "urn:oid:2.999", "1", ""]));
        assert_eq!(places.of_reference("urn:uuid:c", ""), Some("Bundle/b"));
    }

    #[test]
    fn people_of_one_identifier_are_one_only_where_they_say_the_same() {
        let person = |url: &str, family: &str, phone: &str| {
            format!(
                r#"{{"fullUrl":"{url}","resource":{{"resourceType":"Practitioner","id":"{url}","identifier":[{{"system":"s","value":"UNK"}}],
                "name":[{{"family":"{family}","given":["A"]}}],"telecom":[{{"value":"{phone}"}}]}}}}"#
            )
        };
        let of = |entries: &[String]| {
            let text = format!(r#"{{"resourceType":"Bundle","entry":[{}]}}"#, entries.join(","));
            let document = model::json::read(text.as_bytes(), &Default::default()).unwrap();
            let places = Places::of(&document, "b", None);
            parts(&document, &places, None).into_iter().map(|part| (part.id, part.shared)).collect::<Vec<_>>()
        };
        let found = of(&[
            person("u:1", "Rossi", "1"),
            person("u:2", "rossi", "1"),
            person("u:3", "Bianchi", "1"),
            person("u:1b", "Rossi", "1"),
        ]);
        assert!(!found[1].1, "another spelling within one document");
        assert_ne!(found[0].0, found[2].0, "another name");
        assert_eq!(found[0].0, found[3].0);
        let later = of(&[person("u:9", "ROSSI", "2")]);
        assert_eq!(later[0], found[0], "the same person of another document");
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

    #[test]
    fn a_relative_reference_between_urns_leads_to_the_one_resource_of_this_type_and_id() {
        let text = r#"{"resourceType":"Bundle","entry":[
            {"fullUrl":"urn:uuid:1","resource":{"resourceType":"Patient","id":"p"}},
            {"fullUrl":"urn:uuid:2","resource":{"resourceType":"Condition","id":"c"}},
            {"fullUrl":"urn:uuid:3","resource":{"resourceType":"Condition","id":"c"}}]}"#;
        let document = model::json::read(text.as_bytes(), &Default::default()).unwrap();
        let places = Places::of(&document, "b", Some(("urn:uuid:1", "p9")));
        assert_eq!(places.of_reference("Patient/p", "urn:uuid:2"), Some("Patient/p9"));
        assert_eq!(places.of_reference("Condition/c", "urn:uuid:1"), None, "two of them");
        assert_eq!(places.of_reference("Patient/p", "http://a.example/fhir/Condition/c"), None);
    }
}
