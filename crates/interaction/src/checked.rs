//! Content that may be stored: the only way into [`crate::write::commit`].

use model::{Element, Instant, Issue, IssueType, Tree};
use validation::Options;

use crate::refusal::{Class, Refusal};
use crate::service::Service;
use crate::target::is_id;

/// The concrete resource types of FHIR R4: <http://hl7.org/fhir/R4/resourcelist.html>.
pub static RESOURCE_TYPES: &[&str] = &[
    "Account",
    "ActivityDefinition",
    "AdverseEvent",
    "AllergyIntolerance",
    "Appointment",
    "AppointmentResponse",
    "AuditEvent",
    "Basic",
    "Binary",
    "BiologicallyDerivedProduct",
    "BodyStructure",
    "Bundle",
    "CapabilityStatement",
    "CarePlan",
    "CareTeam",
    "CatalogEntry",
    "ChargeItem",
    "ChargeItemDefinition",
    "Claim",
    "ClaimResponse",
    "ClinicalImpression",
    "CodeSystem",
    "Communication",
    "CommunicationRequest",
    "CompartmentDefinition",
    "Composition",
    "ConceptMap",
    "Condition",
    "Consent",
    "Contract",
    "Coverage",
    "CoverageEligibilityRequest",
    "CoverageEligibilityResponse",
    "DetectedIssue",
    "Device",
    "DeviceDefinition",
    "DeviceMetric",
    "DeviceRequest",
    "DeviceUseStatement",
    "DiagnosticReport",
    "DocumentManifest",
    "DocumentReference",
    "EffectEvidenceSynthesis",
    "Encounter",
    "Endpoint",
    "EnrollmentRequest",
    "EnrollmentResponse",
    "EpisodeOfCare",
    "EventDefinition",
    "Evidence",
    "EvidenceVariable",
    "ExampleScenario",
    "ExplanationOfBenefit",
    "FamilyMemberHistory",
    "Flag",
    "Goal",
    "GraphDefinition",
    "Group",
    "GuidanceResponse",
    "HealthcareService",
    "ImagingStudy",
    "Immunization",
    "ImmunizationEvaluation",
    "ImmunizationRecommendation",
    "ImplementationGuide",
    "InsurancePlan",
    "Invoice",
    "Library",
    "Linkage",
    "List",
    "Location",
    "Measure",
    "MeasureReport",
    "Media",
    "Medication",
    "MedicationAdministration",
    "MedicationDispense",
    "MedicationKnowledge",
    "MedicationRequest",
    "MedicationStatement",
    "MedicinalProduct",
    "MedicinalProductAuthorization",
    "MedicinalProductContraindication",
    "MedicinalProductIndication",
    "MedicinalProductIngredient",
    "MedicinalProductInteraction",
    "MedicinalProductManufactured",
    "MedicinalProductPackaged",
    "MedicinalProductPharmaceutical",
    "MedicinalProductUndesirableEffect",
    "MessageDefinition",
    "MessageHeader",
    "MolecularSequence",
    "NamingSystem",
    "NutritionOrder",
    "Observation",
    "ObservationDefinition",
    "OperationDefinition",
    "OperationOutcome",
    "Organization",
    "OrganizationAffiliation",
    "Parameters",
    "Patient",
    "PaymentNotice",
    "PaymentReconciliation",
    "Person",
    "PlanDefinition",
    "Practitioner",
    "PractitionerRole",
    "Procedure",
    "Provenance",
    "Questionnaire",
    "QuestionnaireResponse",
    "RelatedPerson",
    "RequestGroup",
    "ResearchDefinition",
    "ResearchElementDefinition",
    "ResearchStudy",
    "ResearchSubject",
    "RiskAssessment",
    "RiskEvidenceSynthesis",
    "Schedule",
    "SearchParameter",
    "ServiceRequest",
    "Slot",
    "Specimen",
    "SpecimenDefinition",
    "StructureDefinition",
    "StructureMap",
    "Subscription",
    "Substance",
    "SubstanceNucleicAcid",
    "SubstancePolymer",
    "SubstanceProtein",
    "SubstanceReferenceInformation",
    "SubstanceSourceMaterial",
    "SubstanceSpecification",
    "SupplyDelivery",
    "SupplyRequest",
    "Task",
    "TerminologyCapabilities",
    "TestReport",
    "TestScript",
    "ValueSet",
    "VerificationResult",
    "VisionPrescription",
];

/// What is checked of a resource before it is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResourceCheck {
    /// The text, the type and the id.
    Text,
    /// And the structure: elements, types, cardinalities and values of its type in FHIR R4.
    #[default]
    Structure,
    /// And every rule of its type and of the profiles that it claims.
    Profiles,
}

/// What is done about a document that breaks the rules of its European profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentCheck {
    /// It is not held against them.
    Off,
    /// It is stored, and what is wrong with it beside it, as an OperationOutcome.
    Report,
    /// It is refused.
    Enforce,
}

/// A resource that was found fit to be stored. Made in this module only.
#[derive(Clone, Debug)]
pub struct Checked {
    tree: Tree,
}

impl Checked {
    /// The resource.
    pub fn resource(&self) -> Element<'_> {
        self.tree.root()
    }

    pub(crate) fn into_tree(self) -> Tree {
        self.tree
    }
}

/// Checks a resource that is to be stored under a type.
///
/// # Errors
/// [`Class::Malformed`] where it is no resource of this type, [`Class::Unprocessable`] where it breaks a rule.
pub fn check(service: &Service, now: Instant, tree: Tree, resource_type: &str) -> Result<Checked, Refusal> {
    identity(&tree, resource_type)?;
    let level = service.settings().resources;
    if level == ResourceCheck::Text {
        return Ok(Checked { tree });
    }
    let claimed_profiles = level == ResourceCheck::Profiles;
    let options = Options { claimed_profiles, best_practice: false, now, ..Options::default() };
    // Codes count only where all rules do: nobody is asked of them otherwise.
    let mut issues = match claimed_profiles {
        true => service.validate(&tree, &options),
        false => service.rules().validator.validate(&tree, &options),
    };
    issues.retain(|issue| issue.severity.is_error() && (claimed_profiles || is_structural(issue)));
    match issues.is_empty() {
        true => Ok(Checked { tree }),
        false => Err(Refusal::of(Class::Unprocessable, issues)),
    }
}

/// Checks a document against a profile and those that it and its entries claim; what is wrong with it comes back beside it
/// where it may be stored all the same.
///
/// # Errors
/// [`Class::Unprocessable`] with all issues where it is invalid and the rules are enforced.
pub(crate) fn check_document(
    service: &Service,
    now: Instant,
    tree: Tree,
    profile: Option<&str>,
    level: DocumentCheck,
) -> Result<(Checked, Vec<Issue>), Refusal> {
    identity(&tree, "Bundle")?;
    if level == DocumentCheck::Off {
        return Ok((Checked { tree }, Vec::new()));
    }
    let profiles = profile.into_iter().map(str::to_owned).collect();
    let options = Options { profiles, best_practice: false, now, ..Options::default() };
    let mut issues = service.validate(&tree, &options);
    // The reasons of a refusal come first.
    issues.sort_by_key(|issue| issue.severity);
    let invalid = issues.iter().any(|issue| issue.severity.is_error());
    match invalid && level == DocumentCheck::Enforce {
        true => Err(Refusal::of(Class::Unprocessable, issues)),
        false => Ok((Checked { tree }, if invalid { issues } else { Vec::new() })),
    }
}

/// A resource out of a document that was checked, or one that this program made.
///
/// # Errors
/// [`Class::Malformed`] where it is no resource of this type.
pub(crate) fn part(tree: Tree, resource_type: &str) -> Result<Checked, Refusal> {
    identity(&tree, resource_type)?;
    Ok(Checked { tree })
}

/// Whether an issue is of the structure, not of invariants, codes or what is referred to.
fn is_structural(issue: &Issue) -> bool {
    matches!(issue.code, IssueType::Structure | IssueType::Required | IssueType::Value | IssueType::Invalid)
        && issue.rule.as_deref().is_none_or(|rule| !rule.contains("-"))
}

fn identity(tree: &Tree, resource_type: &str) -> Result<(), Refusal> {
    let found = tree.resource_type();
    if found.is_empty() {
        return Err(Refusal::new(Class::Malformed, "The body is no resource: it has no resourceType."));
    }
    if found != resource_type {
        let text = format!("The body is a {found}, the path is of {resource_type}.");
        return Err(Refusal::new(Class::Malformed, text).at("resourceType"));
    }
    if let Some(id) = tree.root().get("id") {
        let fits = id.text().is_some_and(is_id) && !id.has_children();
        if !fits {
            let text = "An id has 1 to 64 letters, digits, '-' and '.', and no extension.";
            return Err(Refusal::new(Class::Malformed, text).at(format!("{resource_type}.id")));
        }
    }
    if tree.root().get("meta").is_some_and(|meta| meta.is_primitive() || meta.is_list()) {
        return Err(Refusal::new(Class::Malformed, "meta is one object.").at(format!("{resource_type}.meta")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::RESOURCE_TYPES;

    #[test]
    fn types_are_sorted_and_known_to_the_catalog() {
        assert!(RESOURCE_TYPES.is_sorted());
        let catalog = catalog::Catalog::built_in();
        for name in RESOURCE_TYPES {
            assert!(catalog.structure(name).is_ok_and(|structure| !structure.facts.is_abstract), "{name}");
        }
    }
}
