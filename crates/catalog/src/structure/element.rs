//! The facts of one ElementDefinition: <http://hl7.org/fhir/R4/elementdefinition.html>.

use std::sync::Arc;

use model::{Name, Severity, Tree};

/// [`ElementDefinition::max`] of `*`.
pub const UNBOUNDED: u32 = u32::MAX;

/// One element of a snapshot. Cheap to clone: what is large is shared.
#[derive(Clone, Debug)]
pub struct ElementDefinition {
    /// `Patient.identifier:mrn.system`
    pub id: Arc<str>,
    /// `Patient.identifier.system`
    pub path: Arc<str>,
    /// `mrn`, `mrn/old` for a re-slice; a type slice of a choice is named `valueQuantity`.
    pub slice_name: Option<Arc<str>>,
    /// How often at least.
    pub min: u32,
    /// How often at most; [`UNBOUNDED`] for `*`.
    pub max: u32,
    /// Where it was first defined (`Resource.id`), with the cardinality there.
    pub base: Option<Arc<ElementBase>>,
    /// The types it may have; empty for a root and where [`ElementDefinition::content_reference`] says it.
    pub types: Arc<[ElementType]>,
    /// `#Observation.referenceRange`: its content is that of another element.
    pub content_reference: Option<Arc<str>>,
    /// `fixed[x]`: the root of the tree is the value, its name `fixedCode` and the like.
    pub fixed: Option<Arc<Tree>>,
    /// `pattern[x]`, likewise.
    pub pattern: Option<Arc<Tree>>,
    /// `minValue[x]`, likewise.
    pub min_value: Option<Arc<Tree>>,
    /// `maxValue[x]`, likewise.
    pub max_value: Option<Arc<Tree>>,
    /// Characters at most.
    pub max_length: Option<u32>,
    /// The pattern that the text of a primitive must match as a whole (extension `regex`).
    pub regex: Option<Arc<str>>,
    /// What its codes are taken from.
    pub binding: Option<Arc<Binding>>,
    /// Its own invariants. Those of its type (`ele-1`, `qty-3`) stand at the root of the type's structure, except that
    /// those which the profile's author repeated here are here too.
    pub constraints: Arc<[Arc<Constraint>]>,
    /// How its repetitions are told apart.
    pub slicing: Option<Arc<Slicing>>,
    /// What systems are obliged to do with it (extension `obligation`).
    pub obligations: Arc<[Obligation]>,
    /// `mustSupport`
    pub must_support: bool,
    /// `isModifier`
    pub is_modifier: bool,
    /// `isSummary`
    pub is_summary: bool,
    /// Known for every element name of FHIR R4, without `[x]`.
    pub name_id: Option<Name>,
}

impl ElementDefinition {
    /// The last step of its path, without `[x]`.
    pub fn name(&self) -> &str {
        let step = self.path.rsplit_once('.').map_or(&*self.path, |(_, step)| step);
        step.strip_suffix("[x]").unwrap_or(step)
    }

    /// Whether it is a choice element (`value[x]`).
    pub fn is_choice(&self) -> bool {
        self.path.ends_with("[x]")
    }

    /// Whether it may not be there.
    pub fn is_prohibited(&self) -> bool {
        self.max == 0
    }

    /// Whether its JSON is an array: by the cardinality where it was first defined.
    pub fn is_list(&self) -> bool {
        self.base.as_ref().map_or(self.max, |base| base.max) > 1
    }

    /// Whether this is one of several slices, or of a choice's types.
    pub fn is_slice(&self) -> bool {
        self.slice_name.is_some()
    }
}

/// Where an element was first defined.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ElementBase {
    /// Its path there.
    pub path: Box<str>,
    /// How often at least, there.
    pub min: u32,
    /// How often at most, there.
    pub max: u32,
}

/// One type of an element.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ElementType {
    /// `Quantity`, `string`; for the ids and values that FHIR types as `System.String` the FHIR type. Elsewhere (logical
    /// models) it may be a url.
    pub code: Box<str>,
    /// Profiles on the type: the value must meet one of them.
    pub profiles: Box<[Box<str>]>,
    /// Profiles on what a Reference or canonical points to: the target must meet one of them.
    pub target_profiles: Box<[Box<str>]>,
    /// `contained`, `referenced`, `bundled`
    pub aggregation: Box<[Box<str>]>,
    /// `either`, `independent`, `specific`
    pub versioning: Option<Box<str>>,
}

/// <http://hl7.org/fhir/R4/valueset-binding-strength.html>
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum BindingStrength {
    /// Must be from the value set.
    Required,
    /// From the value set where that has it.
    Extensible,
    /// Encouraged.
    Preferred,
    /// Not even encouraged.
    Example,
}

impl BindingStrength {
    /// The FHIR code.
    pub fn code(self) -> &'static str {
        match self {
            BindingStrength::Required => "required",
            BindingStrength::Extensible => "extensible",
            BindingStrength::Preferred => "preferred",
            BindingStrength::Example => "example",
        }
    }

    /// The strength of a code.
    pub fn of(code: &str) -> Option<BindingStrength> {
        Some(match code {
            "required" => BindingStrength::Required,
            "extensible" => BindingStrength::Extensible,
            "preferred" => BindingStrength::Preferred,
            "example" => BindingStrength::Example,
            _ => return None,
        })
    }
}

/// The value set of an element.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Binding {
    /// How strict it is.
    pub strength: BindingStrength,
    /// A canonical reference; `None` where only prose says it.
    pub value_set: Option<Box<str>>,
    /// Further value sets.
    pub additional: Vec<AdditionalBinding>,
}

/// A further value set beside a binding: extensions `additional-binding`, `maxValueSet`, `minValueSet`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AdditionalBinding {
    /// `maximum`, `minimum`, `required`, `extensible`, `candidate`, `current`, `preferred`, `ui`, `starter`,
    /// `component`.
    pub purpose: Box<str>,
    /// A canonical reference.
    pub value_set: Box<str>,
    /// Whether one repetition that meets it is enough (`any`).
    pub any: bool,
}

/// An invariant in FHIRPath.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Constraint {
    /// `bdl-7`
    pub key: Box<str>,
    /// Error or warning.
    pub severity: Severity,
    /// FHIRPath; `None` where only XPath or prose was given.
    pub expression: Option<Box<str>>,
    /// The structure that made the rule.
    pub source: Option<Box<str>>,
    /// For a person; the built-in facts have none.
    pub human: Option<Box<str>>,
    /// Only a recommendation.
    pub best_practice: bool,
}

/// How slices are told apart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Slicing {
    /// All must agree; empty where nothing but a human can tell.
    pub discriminators: Vec<Discriminator>,
    /// Whether other items may be there.
    pub rules: SlicingRules,
    /// Whether the items must stand in the order of the slices.
    pub ordered: bool,
}

/// <http://hl7.org/fhir/R4/valueset-resource-slicing-rules.html>
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SlicingRules {
    /// Every item must be in a slice.
    Closed,
    /// Other items may stand anywhere.
    Open,
    /// Other items may stand at the end.
    OpenAtEnd,
}

/// What tells slices apart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Discriminator {
    /// How.
    pub kind: DiscriminatorType,
    /// A restricted FHIRPath: `$this`, `coding.code`, `resolve()`, `extension('url').value`, `value.ofType(X)`.
    pub path: Box<str>,
}

/// <http://hl7.org/fhir/R4/valueset-discriminator-type.html>
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DiscriminatorType {
    /// By fixed or pattern value.
    Value,
    /// By being there or not.
    Exists,
    /// The older name of `Value`.
    Pattern,
    /// By type.
    Type,
    /// By meeting a profile.
    Profile,
    /// By place (R5).
    Position,
}

/// What systems of a kind are obliged to do with an element: extension
/// <http://hl7.org/fhir/StructureDefinition/obligation>.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Obligation {
    /// `SHALL:populate-if-known`, …
    pub codes: Vec<Box<str>>,
    /// ActorDefinitions it holds for; all where none is named.
    pub actors: Vec<Box<str>>,
    /// FHIRPath that narrows where it holds.
    pub filter: Option<Box<str>>,
}
