//! ConceptMap (<http://hl7.org/fhir/R4/conceptmap.html>): translations of codes.

use model::{Element, Tree};

/// One concept map.
#[derive(Debug, Default)]
pub struct ConceptMap {
    /// `url`
    pub url: Box<str>,
    /// `version`
    pub version: Option<Box<str>>,
    /// `source[x]`: the value set it is from.
    pub source: Option<Box<str>>,
    /// `target[x]`: the value set it leads to.
    pub target: Option<Box<str>>,
    /// Its groups, in order.
    pub groups: Vec<MapGroup>,
}

/// Translations from one code system to another.
#[derive(Debug, Default)]
pub struct MapGroup {
    /// The code system it is from.
    pub source: Option<Box<str>>,
    /// The code system it leads to.
    pub target: Option<Box<str>>,
    /// Codes with what they become, in order; a code may come more than once.
    pub elements: Vec<(Box<str>, Vec<MapTarget>)>,
    /// What becomes of any other code.
    pub unmapped: Option<Unmapped>,
}

/// What a code becomes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MapTarget {
    /// The code; `None` where there is none (`unmatched`).
    pub code: Option<Box<str>>,
    /// Its display.
    pub display: Option<Box<str>>,
    /// <http://hl7.org/fhir/R4/valueset-concept-map-equivalence.html>
    pub equivalence: Box<str>,
    /// Conditions: property, value.
    pub depends_on: Vec<(Box<str>, Box<str>)>,
    /// Further results: property, value.
    pub products: Vec<(Box<str>, Box<str>)>,
}

/// `group.unmapped`
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unmapped {
    /// The code stays as it is.
    Provided,
    /// This code is used.
    Fixed(Box<str>),
    /// Another map says.
    OtherMap(Box<str>),
}

impl ConceptMap {
    /// Reads a ConceptMap resource.
    pub fn read(tree: &Tree) -> ConceptMap {
        let root = tree.root();
        let either = |names: [&str; 2]| names.iter().find_map(|name| root.text_at(name)).map(Box::from);
        ConceptMap {
            url: root.text_at("url").unwrap_or_default().into(),
            version: root.text_at("version").map(Box::from),
            source: either(["sourceCanonical", "sourceUri"]),
            target: either(["targetCanonical", "targetUri"]),
            groups: root.all("group").map(group).collect(),
        }
    }
}

fn group(element: Element<'_>) -> MapGroup {
    let unmapped = element.get("unmapped").and_then(|unmapped| {
        Some(match unmapped.text_at("mode")? {
            "provided" => Unmapped::Provided,
            "fixed" => Unmapped::Fixed(unmapped.text_at("code")?.into()),
            _ => Unmapped::OtherMap(unmapped.text_at("url")?.into()),
        })
    });
    MapGroup {
        source: element.text_at("source").map(Box::from),
        target: element.text_at("target").map(Box::from),
        elements: element
            .all("element")
            .map(|element| {
                (element.text_at("code").unwrap_or_default().into(), element.all("target").map(target).collect())
            })
            .collect(),
        unmapped,
    }
}

fn target(element: Element<'_>) -> MapTarget {
    let pairs = |name: &str| {
        let pair = |pair: Element<'_>| {
            let text = |name| pair.text_at(name).unwrap_or_default().into();
            (text("property"), text("value"))
        };
        element.all(name).map(pair).collect()
    };
    MapTarget {
        code: element.text_at("code").map(Box::from),
        display: element.text_at("display").map(Box::from),
        equivalence: element.text_at("equivalence").unwrap_or("equivalent").into(),
        depends_on: pairs("dependsOn"),
        products: pairs("product"),
    }
}
