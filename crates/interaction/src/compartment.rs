//! Which patient a resource belongs to, for its place in the store: <http://hl7.org/fhir/R4/compartmentdefinition-patient.html>.
//!
//! Only the place depends on it: who may see a resource does not.

use model::Element;
use storage::Bucket;

/// Elements that name the patient of a resource, the first that is there counts.
const PATIENT: [&str; 5] = ["patient", "subject", "beneficiary", "individual", "for"];

/// The bucket of a resource that is stored under an id.
pub(crate) fn bucket(resource: Element<'_>, id: &str) -> Bucket {
    let resource_type = resource.resource_type().unwrap_or_default();
    if resource_type == "Patient" {
        return Bucket::of_patient(id);
    }
    let reference = PATIENT.iter().find_map(|name| resource.get(name)?.text_at("reference"));
    match reference.and_then(patient_id) {
        Some(patient) => Bucket::of_patient(patient),
        None => Bucket::of_no_patient(resource_type, id),
    }
}

/// The id in a relative or absolute reference to a Patient, version left out.
fn patient_id(reference: &str) -> Option<&str> {
    let (before, rest) = reference.rsplit_once("Patient/")?;
    let id = rest.split('/').next()?;
    ((before.is_empty() || before.ends_with('/')) && crate::target::is_id(id)).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_to_a_patient_are_understood() {
        assert_eq!(patient_id("Patient/a"), Some("a"));
        assert_eq!(patient_id("https://example.org/fhir/Patient/a/_history/2"), Some("a"));
        assert_eq!(patient_id("Practitioner/a"), None);
        assert_eq!(patient_id("OtherPatient/a"), None);
        assert_eq!(patient_id("urn:uuid:0d7c3f5e-0000-4000-8000-000000000000"), None);
    }

    #[test]
    fn a_patient_and_what_is_about_it_lie_together() {
        let read = |text: &str| model::json::read(text.as_bytes(), &Default::default()).unwrap();
        let patient = read(r#"{"resourceType":"Patient"}"#);
        let condition = read(r#"{"resourceType":"Condition","subject":{"reference":"Patient/p1"}}"#);
        let organization = read(r#"{"resourceType":"Organization"}"#);
        assert_eq!(bucket(patient.root(), "p1"), bucket(condition.root(), "c"));
        assert!(bucket(organization.root(), "o").number() > 255);
    }
}
