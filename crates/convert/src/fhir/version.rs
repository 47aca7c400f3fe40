//! Which version of FHIR a text is of: R4 is read; R5 and STU3 are recognised by what exists only there.
//! <http://hl7.org/fhir/R4/versioning.html>, <http://hl7.org/fhir/R5/diff.html>.

use std::sync::LazyLock;

use model::{Element, Issue, IssueType, Severity, Tree};

use super::kind;
use crate::Refusal;

/// One mark of another version.
struct Mark {
    version: &'static str,
    resource: &'static str,
    path: &'static str,
    form: &'static str,
}

static MARKS: LazyLock<Vec<Mark>> = LazyLock::new(|| {
    let rows = include_str!("versions.tsv").lines().filter(|line| !line.starts_with('#'));
    rows.filter_map(|row| {
        let mut cells = row.split('\t');
        Some(Mark { version: cells.next()?, resource: cells.next()?, path: cells.next()?, form: cells.next()? })
    })
    .collect()
});

/// Types that only another version has.
const R5: [&str; 16] = [
    "ActorDefinition",
    "ArtifactAssessment",
    "BiologicallyDerivedProductDispense",
    "ConditionDefinition",
    "DeviceAssociation",
    "DeviceDispense",
    "DeviceUsage",
    "EncounterHistory",
    "FormularyItem",
    "GenomicStudy",
    "ImagingSelection",
    "InventoryReport",
    "NutritionIntake",
    "Permission",
    "RequestOrchestration",
    "Transport",
];
const STU3: [&str; 11] = [
    "BodySite",
    "DataElement",
    "DeviceComponent",
    "EligibilityRequest",
    "EligibilityResponse",
    "ImagingManifest",
    "ProcedureRequest",
    "ProcessRequest",
    "ReferralRequest",
    "Sequence",
    "ServiceDefinition",
];

/// Refuses a text of another version, saying by what it was recognised.
pub(super) fn check(tree: &Tree, content_type: Option<&str>) -> Result<(), Refusal> {
    let root = tree.root();
    if let Some(said) = content_type.and_then(media_version)
        && !matches!(said, "4.0" | "4.3")
    {
        return Err(refused(root, &format!("FHIR {said}"), format!("the media type's parameter fhirVersion={said}")));
    }
    let entries = root.every("entry.resource");
    for resource in std::iter::once(root).chain(entries) {
        for one in std::iter::once(resource).chain(resource.all("contained")) {
            if let Some((at, version, mark)) = found(one) {
                return Err(refused(at, version, mark));
            }
        }
    }
    Ok(())
}

fn media_version(content_type: &str) -> Option<&str> {
    let parameters = content_type.split(';').skip(1);
    let value = parameters.filter_map(|text| text.trim().split_once('=')).find(|(name, _)| *name == "fhirVersion");
    let value = value.map(|(_, value)| value.trim_matches('"'))?;
    Some(value.strip_suffix(".0").filter(|short| short.contains('.')).or(value.strip_suffix(".1")).unwrap_or(value))
}

/// The first mark of another version in a resource.
fn found(resource: Element<'_>) -> Option<(Element<'_>, &'static str, String)> {
    let name = resource.resource_type()?;
    if kind::of(name).is_none() && name != "Bundle" {
        let version = if R5.contains(&name) { Some("R5") } else { STU3.contains(&name).then_some("STU3") };
        return version.map(|version| (resource, version, format!("the resource type {name}, which R4 does not have")));
    }
    for profile in resource.every("meta.profile") {
        let text = profile.text().unwrap_or_default();
        let version = match text.strip_prefix("http://hl7.org/fhir/") {
            Some(rest) if rest.starts_with("5.0/StructureDefinition") => Some("R5"),
            Some(rest) if rest.starts_with("3.0/StructureDefinition") || rest.starts_with("STU3/") => Some("STU3"),
            _ => None,
        };
        if let Some(version) = version {
            return Some((profile, version, format!("the profile {text}")));
        }
    }
    MARKS.iter().filter(|mark| mark.resource == name).find_map(|mark| {
        let at = resource.at(mark.path)?;
        let (fits, how) = match mark.form {
            "primitive" => (at.is_primitive(), " as a plain value"),
            "object" => (!at.is_primitive(), " as an object"),
            "list" => (at.is_list(), " as a list"),
            _ => (true, ""),
        };
        fits.then(|| (at, mark.version, format!("{name}.{}{how}, which R4 does not have", mark.path)))
    })
}

fn refused(at: Element<'_>, version: &str, mark: String) -> Refusal {
    let text = format!("The text is of {version}, recognised by {mark}; FHIR R4 is converted.");
    Refusal::new(Issue::new(Severity::Error, IssueType::NotSupported, at.path(), text).at(at.position()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str, content_type: Option<&str>) -> Option<String> {
        let tree = model::json::read(text.as_bytes(), &Default::default()).unwrap();
        check(&tree, content_type).err().map(|refusal| format!("{} {}", refusal.issues[0].path, refusal.issues[0].text))
    }

    #[test]
    fn other_versions_are_told_by_what_only_they_have() {
        let r5 = r#"{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"MedicationStatement","medication":{"concept":{"text":"x"}}}}]}"#;
        let text = said(r5, None).unwrap();
        assert!(text.starts_with("Bundle.entry[0].resource.medication ") && text.contains("R5"), "{text}");
        let stu3 = r#"{"resourceType":"Condition","clinicalStatus":"active"}"#;
        assert!(said(stu3, None).unwrap().contains("STU3, recognised by Condition.clinicalStatus as a plain value"));
        assert!(said(r#"{"resourceType":"ProcedureRequest"}"#, None).unwrap().contains("STU3"));
        assert!(said(r#"{"resourceType":"NutritionIntake"}"#, None).unwrap().contains("R5"));
        let profile =
            r#"{"resourceType":"Patient","meta":{"profile":["http://hl7.org/fhir/5.0/StructureDefinition/Patient"]}}"#;
        assert!(said(profile, None).unwrap().contains("R5"));
    }

    #[test]
    fn the_media_type_may_name_the_version() {
        let patient = r#"{"resourceType":"Patient"}"#;
        assert!(said(patient, Some("application/fhir+json; fhirVersion=5.0")).unwrap().contains("fhirVersion=5.0"));
        assert!(said(patient, Some("application/fhir+json; fhirVersion=\"3.0\"")).is_some());
        assert_eq!(said(patient, Some("application/fhir+json; fhirVersion=4.0")), None);
        assert_eq!(said(patient, Some("application/fhir+json; fhirVersion=4.0.1")), None);
    }

    #[test]
    fn r4_is_never_refused_for_another_version() {
        let r4 = r#"{"resourceType":"Condition","clinicalStatus":{"coding":[{"code":"active"}]}}"#;
        assert_eq!(said(r4, None), None);
        assert_eq!(said(r#"{"resourceType":"Encounter","class":{"code":"IMP"}}"#, None), None);
        assert_eq!(said(r#"{"resourceType":"AllergyIntolerance","type":"allergy"}"#, None), None);
    }
}
