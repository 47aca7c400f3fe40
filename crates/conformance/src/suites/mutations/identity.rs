//! Faults in what names things: codes and their systems, ids, Identifiers, references, extensions, profiles.

use catalog::BindingStrength;
use model::Element;

use super::element::reference;
use super::{Places, Put, copy, with_value};

const ABSENT: &str = "http://hl7.org/fhir/StructureDefinition/data-absent-reason";

/// A code whose value set is required, replaced by the reason why it is not there.
pub(super) fn no_value(places: &Places<'_>, element: Element<'_>) -> Put {
    let is_code = places.type_of(element) == "code" && element.value().is_some() && is_required(places, element)?;
    is_code.then(|| -> Option<(String, model::Tree)> {
        let mut tree = copy(element);
        let mut edit = tree.edit_at(element.parent()?.id());
        edit.remove(element.name());
        edit.primitive(element.name()).item("extension").set("url", ABSENT).set("valueCode", "unknown");
        Some((places.path(element), tree))
    })?
}

fn is_required(places: &Places<'_>, element: Element<'_>) -> Option<bool> {
    let (structure, place) = places.own(element)?;
    let binding = structure.element(place).binding.as_ref()?;
    Some(binding.strength == BindingStrength::Required && binding.value_set.is_some() && !element.is_list())
}

/// A code whose value set is required, without its system.
pub(super) fn no_system(places: &Places<'_>, element: Element<'_>) -> Put {
    let coding = element.parent().filter(|_| element.name() == "system")?;
    let concept = coding.parent().filter(|_| coding.name() == "coding")?;
    let alone = concept.all("coding").count() == 1 && coding.get("code").is_some();
    let required = alone && is_bound(places, concept)?;
    required.then(|| {
        let mut tree = copy(element);
        tree.edit_at(element.id()).detach();
        (places.path(concept), tree)
    })
}

fn is_bound(places: &Places<'_>, concept: Element<'_>) -> Option<bool> {
    let (structure, place) = places.own(concept)?;
    let binding = structure.element(place).binding.as_ref()?;
    Some(binding.strength == BindingStrength::Required)
}

/// A digit more in the check digit of SNOMED CT and LOINC.
pub(super) fn check_digit(places: &Places<'_>, element: Element<'_>) -> Put {
    let system = element.parent().filter(|_| element.name() == "code")?.text_at("system")?;
    let code = element.text().filter(|_| matches!(system, "http://snomed.info/sct" | "http://loinc.org"))?;
    let last = code.chars().last().and_then(|last| last.to_digit(10)).filter(|_| !code.starts_with('L'))?;
    let wrong = format!("{}{}", code.get(..code.len() - 1)?, (last + 1) % 10);
    Some((places.path(element), with_value(element, &wrong)))
}

fn is_resource(element: Element<'_>) -> bool {
    let in_entry = element.parent().is_some_and(|parent| parent.name() == "entry");
    in_entry && element.resource_type().is_some() && element.get("contained").is_none()
}

/// A contained resource to which nothing refers.
pub(super) fn unreferenced(places: &Places<'_>, element: Element<'_>) -> Put {
    is_resource(element).then(|| {
        let mut tree = copy(element);
        tree.edit_at(element.id()).item("contained").set_resource_type("Organization").set("id", "o").set("name", "x");
        (places.path(element), tree)
    })
}

/// A contained resource without an id.
pub(super) fn nameless(places: &Places<'_>, element: Element<'_>) -> Put {
    is_resource(element).then(|| {
        let mut tree = copy(element);
        tree.edit_at(element.id()).item("contained").set_resource_type("Organization").set("name", "x");
        (format!("{}.contained[0]", places.path(element)), tree)
    })
}

/// Two elements of one resource with one id.
pub(super) fn same_id(places: &Places<'_>, element: Element<'_>) -> Put {
    let plain = |one: &Element<'_>| !one.is_primitive() && one.resource_type().is_none() && one.get("id").is_none();
    let mut parts = element.children().filter(plain).filter(|_| is_resource(element));
    let (one, other) = (parts.next()?, parts.next()?);
    let mut tree = copy(element);
    tree.edit_at(one.id()).set("id", "same");
    tree.edit_at(other.id()).set("id", "same");
    Some((places.path(element), tree))
}

/// An Identifier whose system is a word, or an OID without `urn:oid:`.
pub(super) fn bare_system(places: &Places<'_>, element: Element<'_>) -> Put {
    let of_identifier = element.name() == "system" && places.type_of(element.parent()?) == "Identifier";
    let wrong = ["mine", "1.2.250.1.213.1.4.10"].get(element.id().index() % 2)?;
    of_identifier.then(|| (places.path(element), with_value(element, wrong)))
}

/// A reference in a form that leads nowhere.
pub(super) fn bad_reference(places: &Places<'_>, element: Element<'_>) -> Put {
    reference(element)?;
    let wrong = ["Patient", "patient/1", "/Patient/1", "Patient/a b", "#", "Patient/1/x"];
    Some((places.path(element), with_value(element, wrong.get(element.id().index() % wrong.len())?)))
}

/// A known extension where it may not stand, or with a value of another type.
pub(super) fn wrong_extension(places: &Places<'_>, element: Element<'_>) -> Put {
    if places.type_of(element) != "CodeableConcept" {
        return None;
    }
    let mut tree = copy(element);
    let mut edit = tree.edit_at(element.id());
    let mut extension = edit.item("extension");
    match element.id().index() % 2 {
        0 => extension
            .set("url", "http://hl7.org/fhir/StructureDefinition/patient-birthTime")
            .set("valueDateTime", "2026"),
        _ => extension.set("url", ABSENT).set("valueString", "unknown"),
    };
    let last = element.all("extension").count();
    Some((format!("{}.extension[{last}]", places.path(element)), tree))
}

/// A claim of a profile that is for another type.
pub(super) fn other_profile(places: &Places<'_>, element: Element<'_>) -> Put {
    let is_claim = element.name() == "profile" && element.parent()?.name() == "meta";
    let other = match element.resource().resource_type()? {
        "Patient" => "http://hl7.org/fhir/StructureDefinition/bodyweight",
        _ => "http://hl7.eu/fhir/base/StructureDefinition/patient-eu-core",
    };
    is_claim.then(|| (places.path(element), with_value(element, other)))
}

/// A period that ends before it begins.
pub(super) fn backward(places: &Places<'_>, element: Element<'_>) -> Put {
    (places.type_of(element) == "Period").then(|| {
        let mut tree = copy(element);
        tree.edit_at(element.id()).set("start", "2026-05-02").set("end", "2026-05-01");
        (places.path(element), tree)
    })
}
