//! What things are called: ids within a resource (<http://hl7.org/fhir/R4/element.html#id>,
//! <http://hl7.org/fhir/R4/references.html#contained>), and Identifiers (<http://hl7.org/fhir/R4/datatypes.html#Identifier>).

use model::{Element, ElementId, IssueType};

use crate::pass::Pass;
use crate::program::State;
use crate::{Set, known};

const RULE: &str = "identity";

/// Each contained resource has an id, and no id stands twice in one resource; of the whole tree, once.
pub(crate) fn ids<'t>(pass: &mut Pass<'_, 't>, root: Element<'t>) {
    let mut elements: Set<(ElementId, &'t str)> = Set::default();
    let mut contained: Set<(ElementId, &'t str)> = Set::default();
    for element in root.descendants() {
        match element.name() {
            "contained" if element.resource_type().is_some() => {
                let Some(holder) = element.parent() else { continue };
                match known::text(element, &known::ID) {
                    None => pass.error(IssueType::Required, element, RULE, || {
                        "A contained resource must have an id: nothing can refer to it.".into()
                    }),
                    Some(id) if !contained.insert((holder.id(), id)) => {
                        pass.error(IssueType::Duplicate, element, RULE, || {
                            format!("Two contained resources have the id '{id}'.")
                        });
                    }
                    Some(_) => {}
                }
            }
            "id" => {
                let (Some(id), Some(parent)) = (element.text(), element.parent()) else { continue };
                // An ElementDefinition has its id in the snapshot and in the differential.
                let is_own = parent.resource_type().is_none() && parent.name() != "element";
                if is_own && !elements.insert((parent.resource().id(), id)) {
                    pass.error(IssueType::Duplicate, element, RULE, || {
                        format!("Two elements of this resource have the id '{id}'.")
                    });
                }
            }
            _ => {}
        }
    }
}

/// The system of an Identifier is absolute, and what is said to be a URI is one.
pub(crate) fn check<'t>(pass: &mut Pass<'_, 't>, element: Element<'t>, state: &State) {
    if &*state.ty != "Identifier" {
        return;
    }
    let Some(place) = known::get(element, &known::SYSTEM) else { return };
    let Some(system) = place.text().filter(|system| !system.is_empty()) else { return };
    if !has_scheme(system) {
        pass.error(IssueType::CodeInvalid, place, RULE, || format!("The system '{system}' must be absolute."));
    }
    if system == "urn:ietf:rfc:3986"
        && let Some(place) = element.get("value")
        && let Some(value) = place.text().filter(|value| !has_scheme(value) || value.contains(char::is_whitespace))
    {
        pass.error(IssueType::Value, place, RULE, || {
            format!("By its system the value is a URI, but '{value}' is none with a scheme (such as urn:oid:).")
        });
    }
}

/// Whether a text begins with the scheme of a URI: RFC 3986, section 3.1.
pub(crate) fn has_scheme(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
    })
}
