//! Extensions with a simple value, as terminology resources have them on concepts and designations
//! (<http://hl7.org/fhir/R4/extensibility.html>). Complex ones are left out, but for those that have an accessor here.

use model::Element;

/// The maturity of a conformance resource.
pub(crate) const STANDARDS_STATUS: &str =
    "http://hl7.org/fhir/StructureDefinition/structuredefinition-standards-status";
/// A supplement that a value set needs.
pub(crate) const SUPPLEMENT: &str = "http://hl7.org/fhir/StructureDefinition/valueset-supplement";
const EXPANSION_PARAMETER: &str = "http://hl7.org/fhir/StructureDefinition/valueset-expansion-parameter";

/// An extension whose value is a primitive.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Extension {
    /// Its url.
    pub url: Box<str>,
    /// JSON's name of the value: `valueString`.
    pub name: Box<str>,
    /// The value as text.
    pub value: Box<str>,
}

/// The simple extensions of an element.
pub(crate) fn extensions(element: Element<'_>) -> Vec<Extension> {
    let read = |extension: Element<'_>| {
        let value = value(extension)?;
        Some(Extension {
            url: extension.text_at("url")?.into(),
            name: value.name().into(),
            value: value.text()?.into(),
        })
    };
    element.all("extension").filter_map(read).collect()
}

fn value(extension: Element<'_>) -> Option<Element<'_>> {
    extension.children().find(|child| child.name().starts_with("value"))
}

/// The values of the extensions of a url.
pub(crate) fn values(element: Element<'_>, url: &str) -> Vec<Box<str>> {
    let wanted = element.all("extension").filter(|extension| extension.text_at("url") == Some(url));
    wanted.filter_map(|extension| value(extension)?.text()).map(Box::from).collect()
}

/// The first of them.
pub(crate) fn value_of(element: Element<'_>, url: &str) -> Option<Box<str>> {
    values(element, url).into_iter().next()
}

/// Name and value of each parameter that a value set wants to be expanded with.
pub(crate) fn expansion_parameters(root: Element<'_>) -> Vec<(Box<str>, Box<str>)> {
    let inside = root.get("compose").into_iter().flat_map(|compose| compose.all("extension"));
    let all = root.all("extension").chain(inside);
    let wanted = all.filter(|extension| extension.text_at("url") == Some(EXPANSION_PARAMETER));
    let read = |extension: Element<'_>| {
        let part = |name: &str| {
            let part = extension.all("extension").find(|part| part.text_at("url") == Some(name))?;
            value(part)?.text()
        };
        Some((part("name")?.into(), part("value")?.into()))
    };
    wanted.filter_map(read).collect()
}
