//! Content that may be stored: the only way into [`crate::write::commit`].

use model::{Element, Tree};

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

/// A resource that was found fit to be stored. Made by [`check`] only.
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
pub fn check(_service: &Service, tree: Tree, resource_type: &str) -> Result<Checked, Refusal> {
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
    Ok(Checked { tree })
}
