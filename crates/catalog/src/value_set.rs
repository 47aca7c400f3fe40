//! ValueSet (<http://hl7.org/fhir/R4/valueset.html>): what a value set is composed of, and the expansion that came
//! with it. Deciding membership is not done here.

use std::sync::Arc;

use model::{Element, Tree};

use crate::extension::{self, Extension, extensions};

/// One value set.
#[derive(Debug, Default)]
pub struct ValueSet {
    /// `url`
    pub url: Box<str>,
    /// `version`
    pub version: Option<Box<str>>,
    /// `name`
    pub name: Box<str>,
    /// `title`
    pub title: Option<Box<str>>,
    /// `status`
    pub status: Box<str>,
    /// `experimental`
    pub experimental: bool,
    /// Whether it says whether it is experimental.
    pub says_experimental: bool,
    /// `language`
    pub language: Option<Box<str>>,
    /// `compose.inactive`: whether inactive codes are in; `None` where it is not said.
    pub inactive: Option<bool>,
    /// `compose.lockedDate`
    pub locked_date: Option<Box<str>>,
    /// `compose.include`; a code that any of them has is in.
    pub include: Vec<ConceptSet>,
    /// `compose.exclude`; a code that any of them has is out.
    pub exclude: Vec<ConceptSet>,
    /// `expansion`, where the resource has one.
    pub expansion: Option<Expansion>,
    /// Supplements of code systems that it cannot do without
    /// (`http://hl7.org/fhir/StructureDefinition/valueset-supplement`).
    pub supplements: Vec<Box<str>>,
    /// `http://hl7.org/fhir/StructureDefinition/structuredefinition-standards-status`
    pub standards_status: Option<Box<str>>,
    /// Parameters that it wants to be expanded with
    /// (`http://hl7.org/fhir/StructureDefinition/valueset-expansion-parameter`): name, value.
    pub parameters: Vec<(Box<str>, Box<str>)>,
    /// Value sets that it contains, by their ids.
    pub contained: Vec<(Box<str>, Arc<ValueSet>)>,
}

/// One include or exclude: codes of a system that are also in all of its value sets.
#[derive(Debug, Default)]
pub struct ConceptSet {
    /// The code system's url.
    pub system: Option<Box<str>>,
    /// Its version.
    pub version: Option<Box<str>>,
    /// Codes one by one; together with no filter and empty: all of the system.
    pub concepts: Vec<ConceptReference>,
    /// All of them must hold.
    pub filters: Vec<Filter>,
    /// Canonical references of value sets.
    pub value_sets: Vec<Box<str>>,
    /// Places in `concepts` in the order of their codes.
    by_code: Vec<u32>,
}

/// Places in the order of the codes there; equal codes in the order of the places.
fn order<T>(items: &[T], code: impl Fn(&T) -> &str) -> Vec<u32> {
    let of = |place: &u32| items.get(*place as usize).map_or("", &code);
    let mut places: Vec<u32> = (0..items.len() as u32).collect();
    places.sort_by(|left, right| of(left).cmp(of(right)));
    places
}

/// The items of a code, by such an order.
fn find<'a, T>(
    items: &'a [T],
    places: &'a [u32],
    wanted: &str,
    code: impl Fn(&T) -> &str,
) -> impl Iterator<Item = &'a T> {
    let of = |place: &u32| items.get(*place as usize).map_or("", &code);
    let start = places.partition_point(|place| of(place) < wanted);
    let count = places.get(start..).map_or(0, |rest| rest.iter().take_while(|place| of(place) == wanted).count());
    places.iter().skip(start).take(count).filter_map(|place| items.get(*place as usize))
}

impl ConceptSet {
    /// The listed concept of a code.
    pub fn concept(&self, code: &str) -> Option<&ConceptReference> {
        find(&self.concepts, &self.by_code, code, |concept| &concept.code).next()
    }

    fn read(element: Element<'_>) -> ConceptSet {
        let concepts: Vec<ConceptReference> = element.all("concept").map(ConceptReference::read).collect();
        ConceptSet {
            system: element.text_at("system").map(Box::from),
            version: element.text_at("version").map(Box::from),
            by_code: order(&concepts, |concept| &concept.code),
            concepts,
            filters: element.all("filter").map(Filter::read).collect(),
            value_sets: element.all("valueSet").filter_map(Element::text).map(Box::from).collect(),
        }
    }
}

/// A code that a value set lists.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ConceptReference {
    /// The code.
    pub code: Box<str>,
    /// The display that the value set gives it.
    pub display: Option<Box<str>>,
    /// Designations that the value set gives it.
    pub designations: Vec<Designation>,
    /// Its simple extensions.
    pub extensions: Box<[Extension]>,
}

impl ConceptReference {
    fn read(element: Element<'_>) -> ConceptReference {
        ConceptReference {
            code: element.text_at("code").unwrap_or_default().into(),
            display: element.text_at("display").map(Box::from),
            designations: element.all("designation").map(Designation::read).collect(),
            extensions: extensions(element).into(),
        }
    }
}

/// A further name of a concept.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Designation {
    /// BCP-47.
    pub language: Option<Box<str>>,
    /// `use` as `system|code`.
    pub usage: Option<Box<str>>,
    /// The text.
    pub value: Box<str>,
    /// Its simple extensions.
    pub extensions: Box<[Extension]>,
}

impl Designation {
    pub(crate) fn read(element: Element<'_>) -> Designation {
        Designation {
            language: element.text_at("language").map(Box::from),
            usage: element.get("use").map(|usage| {
                let part = |name| usage.text_at(name).unwrap_or_default();
                format!("{}|{}", part("system"), part("code")).into()
            }),
            value: element.text_at("value").unwrap_or_default().into(),
            extensions: extensions(element).into(),
        }
    }
}

/// A condition on a concept's properties: <http://hl7.org/fhir/R4/valueset-filter-operator.html>.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Filter {
    /// `concept`, or a property's code.
    pub property: Box<str>,
    /// `=`, `is-a`, `descendent-of`, `is-not-a`, `regex`, `in`, `not-in`, `generalizes`, `exists`
    pub operator: Box<str>,
    /// What it is compared with.
    pub value: Box<str>,
}

impl Filter {
    fn read(element: Element<'_>) -> Filter {
        let text = |name| element.text_at(name).unwrap_or_default().into();
        Filter { property: text("property"), operator: text("op"), value: text("value") }
    }
}

/// An expansion that came with the value set.
#[derive(Debug, Default)]
pub struct Expansion {
    /// `identifier`
    pub identifier: Option<Box<str>>,
    /// `timestamp`
    pub timestamp: Option<Box<str>>,
    /// `total`
    pub total: Option<u32>,
    /// Whether it says that it is not all (`limitedExpansion`, a page, `expansion-toocostly`).
    pub is_partial: bool,
    /// Its concepts, nested ones flat, in order.
    pub contains: Vec<Expanded>,
    /// Places in `contains` in the order of their codes.
    by_code: Vec<u32>,
}

impl Expansion {
    /// The concepts of a code (of whatever system).
    pub fn find(&self, code: &str) -> impl Iterator<Item = &Expanded> {
        find(&self.contains, &self.by_code, code, |expanded| &expanded.code)
    }

    fn read(element: Element<'_>) -> Expansion {
        let mut expansion = Expansion {
            identifier: element.text_at("identifier").map(Box::from),
            timestamp: element.text_at("timestamp").map(Box::from),
            total: element.text_at("total").and_then(|total| total.parse().ok()),
            ..Expansion::default()
        };
        expansion.add(element);
        expansion.by_code = order(&expansion.contains, |expanded| &expanded.code);
        let too_costly = element.all("extension").any(|extension| {
            extension.text_at("url").is_some_and(|url| url.ends_with("-toocostly") || url.ends_with("-unclosed"))
        });
        let limited = element.all("parameter").any(|parameter| {
            parameter.text_at("name") == Some("limitedExpansion") && parameter.text_at("valueBoolean") == Some("true")
        });
        let total = expansion.total.unwrap_or(0) as usize;
        expansion.is_partial = too_costly || limited || total > expansion.contains.len();
        expansion
    }

    fn add(&mut self, element: Element<'_>) {
        for contains in element.all("contains") {
            let text = |name| contains.text_at(name).map(Box::from);
            let code: Box<str> = text("code").unwrap_or_default();
            if !code.is_empty() {
                self.contains.push(Expanded {
                    system: text("system"),
                    version: text("version"),
                    code,
                    display: text("display"),
                    is_abstract: contains.text_at("abstract") == Some("true"),
                    inactive: contains.text_at("inactive") == Some("true"),
                });
            }
            self.add(contains);
        }
    }
}

/// One concept of an expansion.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expanded {
    /// Its code system.
    pub system: Option<Box<str>>,
    /// That one's version.
    pub version: Option<Box<str>>,
    /// The code.
    pub code: Box<str>,
    /// The display.
    pub display: Option<Box<str>>,
    /// Only groups others.
    pub is_abstract: bool,
    /// Not for use any more.
    pub inactive: bool,
}

impl ValueSet {
    /// Reads a ValueSet resource.
    pub fn read(tree: &Tree) -> ValueSet {
        ValueSet::of(tree.root())
    }

    fn of(root: Element<'_>) -> ValueSet {
        let text = |name: &str| root.text_at(name).map(Box::from);
        let sets = |name: &str| -> Vec<ConceptSet> {
            root.get("compose").map(|compose| compose.all(name).map(ConceptSet::read).collect()).unwrap_or_default()
        };
        ValueSet {
            url: text("url").unwrap_or_default(),
            version: text("version"),
            name: text("name").unwrap_or_default(),
            title: text("title"),
            status: text("status").unwrap_or_default(),
            experimental: root.text_at("experimental") == Some("true"),
            says_experimental: root.get("experimental").is_some(),
            language: text("language"),
            inactive: root.text_at("compose.inactive").map(|value| value == "true"),
            locked_date: text("compose.lockedDate"),
            include: sets("include"),
            exclude: sets("exclude"),
            expansion: root.get("expansion").map(Expansion::read),
            supplements: extension::values(root, extension::SUPPLEMENT),
            standards_status: extension::value_of(root, extension::STANDARDS_STATUS),
            parameters: extension::expansion_parameters(root),
            contained: contained(root),
        }
    }
}

fn contained(root: Element<'_>) -> Vec<(Box<str>, Arc<ValueSet>)> {
    let sets = root.all("contained").filter(|inner| inner.resource_type() == Some("ValueSet"));
    sets.filter_map(|inner| Some((inner.text_at("id")?.into(), Arc::new(ValueSet::of(inner))))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn composition_and_expansion_are_read() {
        let text = br#"{"resourceType":"ValueSet","url":"http://example.org/vs","compose":{"inactive":false,
            "include":[{"system":"s","concept":[{"code":"a","display":"A"}]},
                       {"system":"t","filter":[{"property":"concept","op":"is-a","value":"x"}]},{"valueSet":["http://example.org/other"]}],
            "exclude":[{"system":"s"}]},
            "expansion":{"total":3,"contains":[{"system":"s","code":"a","contains":[{"system":"t","code":"a","inactive":true}]}]}}"#;
        let set = ValueSet::read(&model::json::read(text, &Default::default()).unwrap());
        assert_eq!(set.include.len(), 3);
        assert_eq!(set.include[0].concept("a").unwrap().display.as_deref(), Some("A"));
        assert!(set.include[0].concept("b").is_none());
        assert_eq!(&*set.include[1].filters[0].operator, "is-a");
        assert_eq!(set.exclude[0].system.as_deref(), Some("s"));
        let expansion = set.expansion.unwrap();
        assert_eq!(expansion.find("a").count(), 2);
        assert!(expansion.is_partial);
    }
}
