//! In which section a resource stands: by its type, its category and what it says of itself.

use crate::fhir::pool::Member;

/// Where a resource goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::fhir) enum Place {
    /// The section of a LOINC code.
    Section(&'static str),
    /// Where others name it; among the further entries where none does.
    Named,
    /// The further entries: true, but a section for it would say more than it says.
    Further,
}

use Place::{Further, Named, Section};

/// Codes of an observation that belong to pregnancy: status, delivery dates, outcomes (IPS).
const PREGNANCY: [&str; 12] = [
    "82810-3", "11778-8", "11779-6", "11780-4", "11636-8", "11637-6", "11638-4", "11639-2", "11640-0", "11612-9",
    "11613-7", "11614-5",
];
/// Codes of an observation of habits: tobacco, alcohol (IPS).
const SOCIAL: [&str; 3] = ["72166-2", "74013-4", "11367-0"];

/// Where a resource stands in a patient summary.
pub(in crate::fhir) fn of_summary(member: &Member) -> Place {
    if is_wrong(member) {
        return Further;
    }
    match member.kind() {
        "Condition" if is_past(member) => Section("11348-0"),
        "Condition" => Section("11450-4"),
        "AllergyIntolerance" => Section("48765-2"),
        "MedicationStatement" | "MedicationRequest" | "MedicationDispense" | "MedicationAdministration" => {
            Section("10160-0")
        }
        "Procedure" => Section("47519-4"),
        "DeviceUseStatement" => Section("46264-8"),
        "Immunization" => Section("11369-6"),
        "Flag" => Section("104605-1"),
        "CarePlan" | "ImmunizationRecommendation" => Section("18776-5"),
        "ClinicalImpression" => Section("47420-5"),
        "FamilyMemberHistory" => Section("10157-6"),
        "Consent" if is_directive(member) => Section("42348-3"),
        "DiagnosticReport" => Section("30954-2"),
        "Observation" => observation(member),
        _ => Named,
    }
}

/// Where a resource stands in a discharge report.
pub(super) fn of_discharge(member: &Member) -> Place {
    if is_wrong(member) {
        return Further;
    }
    match member.kind() {
        "Condition" => Section("11535-2"),
        "AllergyIntolerance" => Section("48765-2"),
        "MedicationAdministration" => Section("87232-5"),
        "MedicationStatement" => Section("75311-1"),
        "MedicationRequest" if is_coded(member, "category", "inpatient") => Section("87232-5"),
        "MedicationRequest" => Section("75311-1"),
        "Procedure" => Section("10185-7"),
        "DeviceUseStatement" => Section("46264-8"),
        "Immunization" => Section("11369-6"),
        "Flag" => Section("104605-1"),
        "CarePlan" => Section("18776-5"),
        "ClinicalImpression" => Section("8648-8"),
        "DiagnosticReport" => Section("30954-2"),
        "Observation" if is_coded(member, "category", "vital-signs") => Section("8716-3"),
        "Observation" => Section("30954-2"),
        _ => Named,
    }
}

/// Where a resource stands in an imaging report. Sections whose entries the guide cannot tell apart stay without.
pub(super) fn of_imaging(member: &Member) -> Place {
    match member.kind() {
        _ if is_wrong(member) => Further,
        "ImagingStudy" => Section("18726-0"),
        "Observation" => Section("59776-5"),
        "CarePlan" => Section("18783-1"),
        "Condition" | "AllergyIntolerance" => Section("11329-0"),
        _ => Named,
    }
}

/// Where a resource stands in a laboratory report.
pub(super) fn of_laboratory(member: &Member) -> Place {
    match member.kind() {
        _ if is_wrong(member) => Further,
        "Observation" => Section("26436-6"),
        _ => Named,
    }
}

/// What the patient wants or forbids to be done: an advance directive, do not resuscitate (FHIR's consentcategorycodes).
fn is_directive(member: &Member) -> bool {
    let directives = ["acd", "dnr", "emrgonly", "hcd", "polst"];
    is_coded(member, "scope", "adr") || directives.iter().any(|code| is_coded(member, "category", code))
}

fn observation(member: &Member) -> Place {
    let codes = member.root().every("code.coding.code");
    let has = |known: &[&str]| codes.iter().any(|code| code.text().is_some_and(|code| known.contains(&code)));
    if has(&PREGNANCY) {
        Section("10162-6")
    } else if is_coded(member, "category", "social-history") || has(&SOCIAL) {
        Section("29762-2")
    } else if is_coded(member, "category", "vital-signs") {
        Section("8716-3")
    } else {
        Section("30954-2")
    }
}

/// Entered in error, or found not to be so: never among what holds for the patient.
pub(in crate::fhir) fn is_wrong(member: &Member) -> bool {
    let root = member.root();
    root.text_at("status") == Some("entered-in-error")
        || root
            .every("verificationStatus.coding.code")
            .iter()
            .any(|code| matches!(code.text(), Some("entered-in-error" | "refuted")))
}

/// Over: resolved, in remission, inactive.
pub(super) fn is_past(member: &Member) -> bool {
    let codes = member.root().every("clinicalStatus.coding.code");
    codes.iter().any(|code| matches!(code.text(), Some("inactive" | "resolved" | "remission")))
}

/// Whether an element has a coding with this code.
pub(super) fn is_coded(member: &Member, element: &str, code: &str) -> bool {
    member.root().every(&format!("{element}.coding.code")).iter().any(|found| found.text() == Some(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> Place {
        let tree = model::json::read(text.as_bytes(), &Default::default()).unwrap();
        of_summary(&Member { url: String::new(), path: String::new(), position: None, tree, inside: false })
    }

    #[test]
    fn what_does_not_hold_is_not_among_what_holds() {
        let condition = |clinical: &str, verification: &str| {
            place(&format!(
                r#"{{"resourceType":"Condition","clinicalStatus":{{"coding":[{{"code":"{clinical}"}}]}},"verificationStatus":{{"coding":[{{"code":"{verification}"}}]}}}}"#
            ))
        };
        assert_eq!(condition("active", "confirmed"), Section("11450-4"));
        assert_eq!(condition("resolved", "confirmed"), Section("11348-0"));
        assert_eq!(condition("active", "refuted"), Further);
        assert_eq!(condition("active", "entered-in-error"), Further);
        assert_eq!(place(r#"{"resourceType":"MedicationStatement","status":"entered-in-error"}"#), Further);
    }

    #[test]
    fn an_order_not_to_resuscitate_is_an_advance_directive() {
        let consent = |code: &str| {
            place(&format!(r#"{{"resourceType":"Consent","category":[{{"coding":[{{"code":"{code}"}}]}}]}}"#))
        };
        assert_eq!(consent("dnr"), Section("42348-3"));
        assert_eq!(consent("59284-0"), Named);
    }

    #[test]
    fn observations_go_by_category_and_code() {
        let of = |category: &str, code: &str| {
            place(&format!(
                r#"{{"resourceType":"Observation","category":[{{"coding":[{{"code":"{category}"}}]}}],"code":{{"coding":[{{"code":"{code}"}}]}}}}"#
            ))
        };
        assert_eq!(of("vital-signs", "8867-4"), Section("8716-3"));
        assert_eq!(of("social-history", "x"), Section("29762-2"));
        assert_eq!(of("exam", "82810-3"), Section("10162-6"));
        assert_eq!(of("laboratory", "718-7"), Section("30954-2"));
    }
}
