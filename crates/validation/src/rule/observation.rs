//! Vital signs: an Observation with one of their codes must meet FHIR's own profile of that vital sign
//! (<http://hl7.org/fhir/R4/observation-vitalsigns.html>).

use model::Element;

use crate::program::{Node, Programs};

/// Codes with the last part of the profile's url.
const PROFILES: [(&str, &str, &str); 16] = [
    ("http://loinc.org", "85353-1", "vitalspanel"),
    ("http://loinc.org", "9279-1", "resprate"),
    ("http://loinc.org", "8867-4", "heartrate"),
    ("http://loinc.org", "2708-6", "oxygensat"),
    ("http://loinc.org", "8310-5", "bodytemp"),
    ("http://loinc.org", "8302-2", "bodyheight"),
    ("http://loinc.org", "9843-4", "headcircum"),
    ("http://loinc.org", "29463-7", "bodyweight"),
    ("http://loinc.org", "39156-5", "bmi"),
    ("http://loinc.org", "85354-9", "bp"),
    ("http://snomed.info/sct", "86290005", "resprate"),
    ("http://snomed.info/sct", "364075005", "heartrate"),
    ("http://snomed.info/sct", "276885007", "bodytemp"),
    ("http://snomed.info/sct", "386725007", "bodytemp"),
    ("http://snomed.info/sct", "27113001", "bodyweight"),
    ("http://snomed.info/sct", "75367002", "bp"),
];

/// The roots of the profiles that the code of an Observation asks for; nothing for other resources.
pub(crate) fn roots(programs: &Programs, resource: Element<'_>) -> Vec<Node> {
    if resource.resource_type() != Some("Observation") {
        return Vec::new();
    }
    vital_signs(resource).iter().filter_map(|profile| programs.root(profile)).collect()
}

fn vital_signs(observation: Element<'_>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for coding in observation.every("code.coding") {
        let (system, code) = (coding.text_at("system"), coding.text_at("code"));
        let known = PROFILES.iter().find(|(of, is, _)| system == Some(of) && code == Some(is));
        if let Some((_, _, name)) = known {
            found.push(format!("http://hl7.org/fhir/StructureDefinition/{name}"));
        }
    }
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::vital_signs;

    #[test]
    fn a_body_temperature_asks_for_its_profile() {
        let text = br#"{"resourceType":"Observation","code":{"coding":[{"system":"http://loinc.org","code":"8310-5"},
            {"system":"http://example.org","code":"8867-4"}]}}"#;
        let tree = model::json::read(text, &Default::default()).unwrap();
        assert_eq!(vital_signs(tree.root()), ["http://hl7.org/fhir/StructureDefinition/bodytemp"]);
    }
}
