//! The elements of a profile's differential: each may narrow what its base allows and never widen it
//! (<http://hl7.org/fhir/R4/profiling.html#mechanism>, <http://hl7.org/fhir/R4/elementdefinition.html>).

use std::sync::Arc;

use catalog::{ElementDefinition, SlicingRules, Structure, UNBOUNDED};
use model::{Element, IssueType};

use crate::pass::Pass;
use crate::program::{Programs, leads};

const RULE: &str = "element-definition";
/// Types that any other may stand in for.
const ABSTRACT: [&str; 5] = ["Resource", "DomainResource", "Element", "BackboneElement", "DataType"];

/// A profile that was laid over its base.
pub(super) struct Laid<'p> {
    /// The catalog with the profile in it.
    pub(super) programs: &'p Programs,
    pub(super) structure: Arc<Structure>,
    pub(super) base: Arc<Structure>,
}

/// What the base says of one element.
struct Before {
    definition: ElementDefinition,
    /// It is the same element, not the one that a new slice is made of.
    is_same: bool,
}

/// Holds one element of the differential against the base.
pub(super) fn check<'t>(pass: &mut Pass<'_, 't>, element: Element<'t>, laid: &Laid<'_>) {
    expressions(pass, element);
    let Some(id) = element.text_at("id").or_else(|| element.text_at("path")) else { return };
    let Some(index) = laid.structure.by_id(id) else { return };
    let before = laid.before(id, index);
    if let Some(before) = &before {
        cardinality(pass, element, before);
        types(pass, element, laid, before);
    }
    value(pass, element, laid.structure.element(index));
    slice(pass, element, laid, id);
    slicing(pass, element, laid, index);
}

impl Laid<'_> {
    fn before(&self, id: &str, index: usize) -> Option<Before> {
        if let Some(found) = self.base.by_id(id) {
            return Some(Before { definition: self.base.element(found).clone(), is_same: true });
        }
        let is_slice = id.rsplit('.').next().is_some_and(|step| step.contains(':'));
        if let Some(found) = self.base.by_id(&unsliced(id)) {
            return Some(Before { definition: self.base.element(found).clone(), is_same: !is_slice });
        }
        // Inside of a data type: where it was first defined.
        let first = self.structure.element(index).base.clone()?;
        let ty = self.programs.catalog.structure(first.path.split('.').next()?).ok()?;
        let found = ty.by_id(&first.path)?;
        Some(Before { definition: ty.element(found).clone(), is_same: !is_slice })
    }
}

/// An id without the names of slices.
fn unsliced(id: &str) -> String {
    let steps: Vec<&str> = id.split('.').map(|step| step.split(':').next().unwrap_or(step)).collect();
    steps.join(".")
}

fn cardinality<'t>(pass: &mut Pass<'_, 't>, element: Element<'t>, before: &Before) {
    let shown = |max: u32| if max == UNBOUNDED { "*".to_owned() } else { max.to_string() };
    if let Some((place, max)) = element.get("max").and_then(|place| Some((place, most(place.text()?)?)))
        && max > before.definition.max
    {
        pass.error(IssueType::Invalid, place, RULE, || {
            format!("At most {} may be there, where the base allows {}.", shown(max), shown(before.definition.max))
        });
    }
    if let Some((place, min)) = element.get("min").and_then(|place| Some((place, place.text()?.parse::<u32>().ok()?)))
        && before.is_same
        && min < before.definition.min
    {
        pass.error(IssueType::Invalid, place, RULE, || {
            format!("At least {min} must be there, where the base asks for {}.", before.definition.min)
        });
    }
}

fn most(text: &str) -> Option<u32> {
    if text == "*" { Some(UNBOUNDED) } else { text.parse().ok() }
}

fn types<'t>(pass: &mut Pass<'_, 't>, element: Element<'t>, laid: &Laid<'_>, before: &Before) {
    let known = &before.definition.types;
    if known.is_empty() {
        return;
    }
    for ty in element.all("type") {
        // FHIRPath's own types stand for a FHIR type that only the reader of definitions knows.
        let Some(code) = ty.text_at("code").filter(|code| !code.contains("fhirpath/System.")) else { continue };
        let Some(allowed) = known.iter().find(|one| *one.code == *code || is_kind_of(laid.programs, code, &one.code))
        else {
            let codes: Vec<&str> = known.iter().map(|known| &*known.code).collect();
            pass.error(IssueType::Invalid, ty, RULE, || {
                format!("It may not become a {code}; the base allows: {}.", codes.join(", "))
            });
            continue;
        };
        if allowed.target_profiles.is_empty() || *allowed.code != *code {
            continue;
        }
        let wanted: Vec<Option<Box<str>>> =
            allowed.target_profiles.iter().map(|profile| type_of(laid.programs, profile)).collect();
        if wanted.iter().any(|ty| ty.as_deref().is_none_or(|ty| ABSTRACT.contains(&ty))) {
            continue;
        }
        for target in ty.all("targetProfile") {
            let Some(canonical) = target.text() else { continue };
            let Some(found) = type_of(laid.programs, canonical).filter(|ty| !wanted.contains(&Some(ty.clone()))) else {
                continue;
            };
            pass.error(IssueType::Invalid, target, RULE, || {
                format!("It may not refer to a {found}; the base does not allow that.")
            });
        }
    }
}

fn type_of(programs: &Programs, profile: &str) -> Option<Box<str>> {
    programs.program(profile).map(|program| program.structure.facts.r#type.clone())
}

/// Whether a type is a specialization of another.
fn is_kind_of(programs: &Programs, code: &str, other: &str) -> bool {
    let mut at: Option<Box<str>> = Some(code.into());
    for _ in 0..8 {
        let Some(program) = at.and_then(|at| programs.program(&at)) else { return ABSTRACT.contains(&other) };
        if *program.structure.facts.r#type == *other {
            return true;
        }
        at = program.structure.facts.base.clone();
    }
    ABSTRACT.contains(&other)
}

/// A fixed value or pattern is of the element's type.
fn value<'t>(pass: &mut Pass<'_, 't>, element: Element<'t>, definition: &ElementDefinition) {
    for child in element.children() {
        let name = child.name();
        let Some(ty) = name.strip_prefix("fixed").or_else(|| name.strip_prefix("pattern")) else { continue };
        let mut known = definition.types.iter().peekable();
        if known.peek().is_some() && !known.any(|known| known.code.eq_ignore_ascii_case(ty)) {
            let codes: Vec<&str> = definition.types.iter().map(|known| &*known.code).collect();
            pass.error(IssueType::Invalid, child, RULE, || {
                format!("A value of type {ty} does not fit the element's type, {}.", codes.join(" or "))
            });
        }
    }
}

/// A slice is one of an element that is sliced, and may be added.
fn slice<'t>(pass: &mut Pass<'_, 't>, element: Element<'t>, laid: &Laid<'_>, id: &str) {
    let Some(name) = element.get("sliceName") else { return };
    let Some((of, _)) = id.rsplit_once(':').filter(|_| laid.base.by_id(id).is_none()) else { return };
    let Some(whole) = laid.structure.by_id(of).map(|index| laid.structure.element(index)) else { return };
    let is_resliced = name.text().is_some_and(|name| name.contains('/'));
    if whole.is_choice() || matches!(whole.name(), "extension" | "modifierExtension") || is_resliced {
        return;
    }
    if whole.slicing.is_none() {
        pass.error(IssueType::Invalid, name, RULE, || format!("{of} is not sliced: nothing tells its slices apart."));
    }
    let closed = laid.base.by_id(of).and_then(|index| laid.base.element(index).slicing.clone());
    if closed.is_some_and(|slicing| slicing.rules == SlicingRules::Closed) {
        pass.error(IssueType::Invalid, name, RULE, || format!("The slices of {of} are closed in the base."));
    }
}

/// Discriminators lead somewhere, and there is room for what the slices need.
fn slicing<'t>(pass: &mut Pass<'_, 't>, element: Element<'t>, laid: &Laid<'_>, index: usize) {
    let definition = laid.structure.element(index);
    for discriminator in element.every("slicing.discriminator") {
        let Some(path) = discriminator.get("path") else { continue };
        let text = path.text().unwrap_or_default();
        if let Err(reason) = leads(laid.programs, &laid.structure, index, text) {
            pass.error(IssueType::Invalid, path, RULE, || format!("The discriminator '{text}' {reason}."));
        }
    }
    let needed: u64 =
        laid.structure.slices(index).iter().map(|slice| u64::from(laid.structure.element(*slice as usize).min)).sum();
    if needed > u64::from(definition.max) && definition.max != 0 {
        pass.error(IssueType::Invalid, element, RULE, || {
            format!("Its slices need {needed} items, where at most {} may be there.", definition.max)
        });
    }
}

/// Invariants can be compiled.
fn expressions<'t>(pass: &mut Pass<'_, 't>, element: Element<'t>) {
    for expression in element.all("constraint").filter_map(|constraint| constraint.get("expression")) {
        let Some(text) = expression.text() else { continue };
        if let Err(error) = fhirpath::Expression::compile(text, &*pass.programs.catalog, None) {
            pass.error(IssueType::Invalid, expression, RULE, || {
                format!("The expression is not FHIRPath: {} (at character {}).", error.message, error.offset + 1)
            });
        }
    }
}
