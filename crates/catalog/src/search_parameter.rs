//! SearchParameter (<http://hl7.org/fhir/R4/searchparameter.html>) and CompartmentDefinition
//! (<http://hl7.org/fhir/R4/compartmentdefinition.html>).

use model::{Element, Tree};

/// One search parameter.
#[derive(Clone, Debug, Default)]
pub struct SearchParameter {
    /// `url`
    pub url: Box<str>,
    /// `version`
    pub version: Option<Box<str>>,
    /// `name`
    pub name: Box<str>,
    /// `status`
    pub status: Box<str>,
    /// What stands in the query: `birthdate`.
    pub code: Box<str>,
    /// Resource types it belongs to; `Resource` and `DomainResource` stand for all.
    pub base: Vec<Box<str>>,
    /// `number`, `date`, `string`, `token`, `reference`, `composite`, `quantity`, `uri`, `special`
    pub kind: Box<str>,
    /// FHIRPath; `None` where only code can tell.
    pub expression: Option<Box<str>>,
    /// Types that a reference may point to.
    pub target: Vec<Box<str>>,
    /// Whether `a,b` is allowed; so where it is not said.
    pub multiple_or: bool,
    /// Whether it may be repeated; so where it is not said.
    pub multiple_and: bool,
    /// `eq`, `ge`, …; empty where it is not said.
    pub comparators: Vec<Box<str>>,
    /// `missing`, `exact`, …; empty where it is not said.
    pub modifiers: Vec<Box<str>>,
    /// Parameters that may follow in a chain; empty where it is not said.
    pub chain: Vec<Box<str>>,
    /// Of a composite: canonical reference of the part's parameter, FHIRPath from the composite's element.
    pub components: Vec<(Box<str>, Box<str>)>,
}

impl SearchParameter {
    /// Reads a SearchParameter resource.
    pub fn read(tree: &Tree) -> SearchParameter {
        let root = tree.root();
        let text = |name: &str| root.text_at(name).unwrap_or_default().into();
        let texts = |name: &str| root.all(name).filter_map(Element::text).map(Box::from).collect();
        let flag = |name: &str| root.text_at(name) != Some("false");
        let part = |element: Element<'_>| {
            let text = |name| element.text_at(name).unwrap_or_default().into();
            (text("definition"), text("expression"))
        };
        SearchParameter {
            url: text("url"),
            version: root.text_at("version").map(Box::from),
            name: text("name"),
            status: text("status"),
            code: text("code"),
            base: texts("base"),
            kind: text("type"),
            expression: root.text_at("expression").map(Box::from),
            target: texts("target"),
            multiple_or: flag("multipleOr"),
            multiple_and: flag("multipleAnd"),
            comparators: texts("comparator"),
            modifiers: texts("modifier"),
            chain: texts("chain"),
            components: root.all("component").map(part).collect(),
        }
    }

    /// Whether it can be used on a resource type.
    pub fn applies_to(&self, resource_type: &str) -> bool {
        self.base.iter().any(|base| match &**base {
            "Resource" => true,
            "DomainResource" => !matches!(resource_type, "Bundle" | "Binary" | "Parameters"),
            base => base == resource_type,
        })
    }
}

/// Which resources belong to one patient, practitioner, device …
#[derive(Clone, Debug, Default)]
pub struct Compartment {
    /// `url`
    pub url: Box<str>,
    /// `Patient`, `Practitioner`, `RelatedPerson`, `Device`, `Encounter`
    pub code: Box<str>,
    /// Resource types that may belong to it, with the codes of the search parameters that say so; `{def}` means the
    /// compartment's own resource.
    pub resources: Vec<(Box<str>, Vec<Box<str>>)>,
}

impl Compartment {
    /// Reads a CompartmentDefinition resource; types that never belong to it are left out.
    pub fn read(tree: &Tree) -> Compartment {
        let root = tree.root();
        let resource = |element: Element<'_>| {
            let params: Vec<Box<str>> = element.all("param").filter_map(Element::text).map(Box::from).collect();
            (!params.is_empty()).then(|| (element.text_at("code").unwrap_or_default().into(), params))
        };
        Compartment {
            url: root.text_at("url").unwrap_or_default().into(),
            code: root.text_at("code").unwrap_or_default().into(),
            resources: root.all("resource").filter_map(resource).collect(),
        }
    }

    /// The parameters by which a resource type belongs to it.
    pub fn parameters(&self, resource_type: &str) -> &[Box<str>] {
        let found = self.resources.iter().find(|(code, _)| **code == *resource_type);
        found.map_or(&[], |(_, params)| params.as_slice())
    }
}
