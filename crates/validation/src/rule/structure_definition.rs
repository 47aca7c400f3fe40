//! StructureDefinition: that it can be laid over its base (<http://hl7.org/fhir/R4/profiling.html>), so that what is stored
//! can take effect. Its elements one by one: [`element_definition`](super::element_definition).

use std::sync::Arc;

use catalog::Structure;
use model::{Element, IssueType, Severity, Tree};

use super::element_definition::{self, Laid};
use crate::pass::Pass;
use crate::program::Programs;

const RULE: &str = "structure-definition";

/// Holds a definition against its base and against itself.
pub(crate) fn check<'t>(pass: &mut Pass<'_, 't>, definition: Element<'t>) {
    let Some(ty) = definition.text_at("type") else { return };
    type_name(pass, definition, ty);
    paths(pass, definition, ty);
    obligations(pass, definition);
    let Some(base) = definition.text_at("baseDefinition") else { return };
    let Ok(base) = pass.programs.catalog.structure(base) else {
        let place = definition.get("baseDefinition").unwrap_or(definition);
        let text = || format!("The base {base} is not known; what depends on it was not checked.");
        return pass.warning(IssueType::NotFound, place, RULE, text);
    };
    if definition.text_at("derivation") == Some("constraint") {
        derived(pass, definition, ty, base);
    } else if base.facts.kind == Some(catalog::StructureKind::Logical) && *base.facts.r#type == *ty {
        let place = definition.get("type").unwrap_or(definition);
        pass.error(IssueType::Invalid, place, RULE, || format!("A specialization of {ty} is another type."));
    }
}

/// A type without a namespace is one of FHIR's.
fn type_name<'t>(pass: &mut Pass<'_, 't>, definition: Element<'t>, ty: &str) {
    let own = definition.text_at("url").and_then(|url| url.strip_prefix("http://hl7.org/fhir/StructureDefinition/"));
    if !ty.contains(':') && own != Some(ty) && pass.programs.program(ty).is_none() {
        let place = definition.get("type").unwrap_or(definition);
        let text = || format!("'{ty}' is no type of FHIR R4; another type is named by an absolute URL.");
        pass.error(IssueType::Invalid, place, RULE, text);
    }
}

/// Every path starts with the type, and is that of the element's id.
fn paths<'t>(pass: &mut Pass<'_, 't>, definition: Element<'t>, ty: &str) {
    let name = ty.rsplit('/').next().unwrap_or(ty);
    let mut elements = definition.every("differential.element");
    elements.extend(definition.every("snapshot.element"));
    for element in elements {
        let Some(path) = element.text_at("path") else { continue };
        let place = element.get("path").unwrap_or(element);
        if path.split('.').next() != Some(name) {
            let text = || format!("The path '{path}' must start with the type, {name}.");
            pass.error(IssueType::Invalid, place, RULE, text);
        } else if element.text_at("id").is_some_and(|id| !agree(id, path)) {
            pass.error(IssueType::Invalid, place, RULE, || {
                format!("The path '{path}' is not that of the id '{}'.", element.text_at("id").unwrap_or_default())
            });
        }
    }
}

/// Whether an id is a path with names of slices; a choice may be named with its type in either.
fn agree(id: &str, path: &str) -> bool {
    let steps: Vec<&str> = id.split('.').map(|step| step.split(':').next().unwrap_or(step)).collect();
    // A slice's name may have full stops in it.
    if steps.len() != path.split('.').count() {
        return true;
    }
    let same = |left: &str, right: &str| {
        let of = |choice: &str, other: &str| choice.strip_suffix("[x]").is_some_and(|stem| other.starts_with(stem));
        left == right || of(left, right) || of(right, left)
    };
    steps.iter().zip(path.split('.')).all(|(step, part)| same(step, part))
}

fn derived<'t>(pass: &mut Pass<'_, 't>, definition: Element<'t>, ty: &str, base: Arc<Structure>) {
    if *base.facts.r#type != *ty {
        let place = definition.get("type").unwrap_or(definition);
        let text = || format!("A profile on {} is of that type, not of {ty}.", base.facts.r#type);
        return pass.error(IssueType::Invalid, place, RULE, text);
    }
    let Some(url) = definition.text_at("url") else { return };
    let over = pass.programs.catalog.with([Tree::from_element(definition)]);
    let programs = Programs::new(Arc::new(over));
    let version = definition.text_at("version").map(|version| format!("{url}|{version}"));
    let structure = match programs.catalog.structure(version.as_deref().unwrap_or(url)) {
        Ok(structure) => structure,
        Err(error) => return pass.error(IssueType::Invalid, definition, RULE, || format!("{error}.")),
    };
    let elements = definition.every("differential.element");
    // What another version of the base has cannot be known.
    let is_whole = structure.issues.iter().all(|issue| issue.code != IssueType::NotFound);
    for issue in &structure.issues {
        let place =
            elements.iter().find(|element| element.text_at("id").or(element.text_at("path")) == Some(&issue.path));
        let severity = match issue.code {
            IssueType::Structure if is_whole => Severity::Error,
            _ => Severity::Warning,
        };
        pass.report(severity, issue.code, *place.unwrap_or(&definition), RULE, || issue.text.clone());
    }
    let laid = Laid { programs: &programs, structure, base };
    for element in elements {
        element_definition::check(pass, element, &laid);
    }
}

/// What obligations are inherited from is marked as a profile of obligations, on the same base
/// (<http://hl7.org/fhir/extensions/StructureDefinition-inherit-obligations.html>).
fn obligations<'t>(pass: &mut Pass<'_, 't>, definition: Element<'t>) {
    const INHERIT: &str = "http://hl7.org/fhir/StructureDefinition/inherit-obligations";
    const FLAG: &str = "http://hl7.org/fhir/StructureDefinition/obligation-profile-flag";
    for extension in definition.all("extension").filter(|one| one.text_at("url") == Some(INHERIT)) {
        let Some(canonical) = extension.text_at("valueCanonical") else { continue };
        let found = pass.programs.catalog.resource("StructureDefinition", canonical);
        let Some(Ok(found)) = found.map(|found| found.tree()) else { continue };
        let mut flags = found.root().all("extension").filter(|one| one.text_at("url") == Some(FLAG));
        if !flags.any(|flag| flag.text_at("valueBoolean") == Some("true")) {
            let text = || format!("The profile {canonical} is not marked as a profile of obligations.");
            pass.error(IssueType::Invalid, extension, RULE, text);
        }
        let (own, other) = (definition.text_at("baseDefinition"), found.root().text_at("baseDefinition"));
        if own != other {
            pass.error(IssueType::Invalid, extension, RULE, || {
                format!("The profile {canonical} is on the base {}.", other.unwrap_or("of none"))
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::agree;

    #[test]
    fn an_id_is_its_path_with_slices() {
        assert!(agree("Patient.identifier:mrn.system", "Patient.identifier.system"));
        assert!(agree("Observation.value[x]:valueQuantity", "Observation.valueQuantity"));
        assert!(agree("Observation.valueQuantity", "Observation.value[x]"));
        assert!(agree("Patient.extension:a.b.value[x]", "Patient.extension.value[x]"), "a full stop in a slice's name");
        assert!(!agree("Observation.valueQuantity", "Observation.valueBla"));
    }
}
