//! Prescriptions and dispensations of any R4 guide, held against the European profiles: <http://hl7.eu/fhir/mpd>.
//!
//! Each MedicationRequest and MedicationDispense keeps all that it says, its national profile and extensions included; the
//! European profile is named beside, and what it demands and the source lacks is said to be unknown.

use model::{ElementId, Issue, IssueType, Tree};

use crate::Report;

const REQUEST: &str = "http://hl7.eu/fhir/mpd/StructureDefinition/MedicationRequest-eu-mpd";
const DISPENSE: &str = "http://hl7.eu/fhir/mpd/StructureDefinition/MedicationDispense-eu-mpd";
const RECORDED: &str = "http://hl7.org/fhir/5.0/StructureDefinition/extension-MedicationDispense.recorded";
const ABSENT: &str = "http://hl7.org/fhir/StructureDefinition/data-absent-reason";
/// Systems of identifiers that a document of one prescription has for the prescription itself.
const PRESCRIPTIONS: [&str; 1] = ["https://gematik.de/fhir/erp/NamingSystem/GEM_ERP_NS_PrescriptionId"];

/// Completes the items of a resource or Bundle; tells whether anything was changed.
pub(super) fn hold(tree: &mut Tree, report: &mut Report) -> bool {
    let root = tree.root();
    let all = std::iter::once(root).chain(root.every("entry.resource"));
    let items: Vec<(ElementId, bool)> = all
        .filter(|item| !item.every("meta.profile").iter().any(|profile| profile.text().is_some_and(is_european)))
        .filter_map(|item| match item.resource_type() {
            Some("MedicationRequest") => Some((item.id(), true)),
            Some("MedicationDispense") => Some((item.id(), false)),
            _ => None,
        })
        .collect();
    let number = root
        .get("identifier")
        .filter(|identifier| identifier.text_at("system").is_some_and(|system| PRESCRIPTIONS.contains(&system)))
        .map(Tree::from_element);
    for (id, is_request) in &items {
        let path = tree.element(*id).path();
        let mut missing: Vec<&str> = Vec::new();
        if *is_request {
            missing.extend(request(tree, *id));
            if let Some(number) = number.as_ref().filter(|_| tree.element(*id).get("groupIdentifier").is_none()) {
                tree.edit_at(*id).copy_as("groupIdentifier", number.root(), false);
                let text =
                    "The document's own identifier is that of the prescription: it stands in groupIdentifier too.";
                report.issues.push(Issue::information(IssueType::Informational, path.as_str(), text));
            }
        } else {
            missing.extend(dispense(tree, *id));
        }
        for name in missing {
            let text = format!(
                "The source does not give {name}, which the European profile demands: it is said to be unknown."
            );
            report.issues.push(Issue::information(IssueType::Incomplete, path.as_str(), text));
        }
        let profile = if *is_request { REQUEST } else { DISPENSE };
        tree.edit_at(*id).object("meta").push("profile", profile);
        let text = format!("Held against {profile}; everything else is as it came.");
        report.issues.push(Issue::information(IssueType::Informational, path.as_str(), text));
    }
    !items.is_empty()
}

fn is_european(profile: &str) -> bool {
    profile.starts_with("http://hl7.eu/fhir/")
}

fn request(tree: &mut Tree, id: ElementId) -> Vec<&'static str> {
    let mut missing = Vec::new();
    let mut to = tree.edit_at(id);
    if to.as_element().get("authoredOn").is_none() {
        to.primitive("authoredOn").item("extension").set("url", ABSENT).set("valueCode", "unknown");
        missing.push("authoredOn");
    }
    if to.as_element().get("requester").is_none() {
        to.object("requester").item("extension").set("url", ABSENT).set("valueCode", "unknown");
        missing.push("requester");
    }
    missing
}

fn dispense(tree: &mut Tree, id: ElementId) -> Vec<&'static str> {
    let mut missing = Vec::new();
    let mut to = tree.edit_at(id);
    if to.as_element().get("quantity").is_none() {
        to.object("quantity").item("extension").set("url", ABSENT).set("valueCode", "unknown");
        missing.push("quantity");
    }
    let recorded = to.as_element().every("extension.url").iter().any(|url| url.text() == Some(RECORDED));
    if !recorded {
        // When it was handed over is not when it was recorded.
        let mut extension = to.item("extension");
        extension.set("url", RECORDED);
        extension.primitive("valueDateTime").item("extension").set("url", ABSENT).set("valueCode", "unknown");
        missing.push("recorded");
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_national_prescription_keeps_its_profile_and_gets_the_european_one() {
        let text = r#"{"resourceType":"MedicationRequest","meta":{"profile":["https://a.example/Rx"]},"status":"active","authoredOn":"2026-01-02"}"#;
        let mut tree = model::json::read(text.as_bytes(), &Default::default()).unwrap();
        let mut report = Report::default();
        assert!(hold(&mut tree, &mut report));
        let profiles: Vec<_> = tree.root().every("meta.profile").iter().filter_map(|p| p.text()).collect();
        assert_eq!(profiles, ["https://a.example/Rx", REQUEST]);
        assert_eq!(tree.root().text_at("requester.extension.valueCode"), Some("unknown"));
        assert_eq!(tree.root().text_at("authoredOn"), Some("2026-01-02"));
        assert!(!hold(&mut tree, &mut report));
    }
}
