//! What a StructureDefinition says itself: its facts and the elements of its differential.

use std::sync::Arc;

use model::{Element, Tree};

use super::element::{Binding, Constraint, ElementBase, ElementType, Obligation, Slicing};
use super::read;
use super::{StructureFacts, StructureKind};

/// A differential, parsed.
#[derive(Debug)]
pub(crate) struct Differential {
    pub(crate) facts: StructureFacts,
    pub(crate) elements: Vec<Change>,
    /// The elements stand in for a snapshot: the resource had no differential.
    pub(crate) is_snapshot: bool,
}

/// What a differential says of one element; `None` is silence.
#[derive(Clone, Debug, Default)]
pub(crate) struct Change {
    pub(crate) id: Box<str>,
    pub(crate) path: Box<str>,
    pub(crate) slice_name: Option<Arc<str>>,
    pub(crate) min: Option<u32>,
    pub(crate) max: Option<u32>,
    pub(crate) base: Option<Arc<ElementBase>>,
    pub(crate) types: Option<Arc<[ElementType]>>,
    pub(crate) content_reference: Option<Arc<str>>,
    pub(crate) fixed: Option<Arc<Tree>>,
    pub(crate) pattern: Option<Arc<Tree>>,
    pub(crate) min_value: Option<Arc<Tree>>,
    pub(crate) max_value: Option<Arc<Tree>>,
    pub(crate) max_length: Option<u32>,
    pub(crate) regex: Option<Arc<str>>,
    pub(crate) binding: Option<Arc<Binding>>,
    pub(crate) constraints: Vec<Arc<Constraint>>,
    pub(crate) slicing: Option<Arc<Slicing>>,
    pub(crate) obligations: Vec<Obligation>,
    pub(crate) must_support: Option<bool>,
    pub(crate) is_modifier: Option<bool>,
    pub(crate) is_summary: Option<bool>,
}

impl Differential {
    /// Reads a StructureDefinition; `snapshot` asks for the published snapshot's elements instead.
    pub(crate) fn read(tree: &Tree, snapshot: bool) -> Differential {
        let root = tree.root();
        let facts = facts(root);
        let source = facts.url.clone();
        let resource = facts.kind == Some(StructureKind::Resource);
        let list = |name: &str| -> Vec<Change> {
            let elements = root.get(name).into_iter().flat_map(|list| list.all("element"));
            elements.map(|element| read::change(element, &source, resource)).collect()
        };
        let differential = if snapshot { Vec::new() } else { list("differential") };
        let is_snapshot = differential.is_empty();
        let mut elements = if is_snapshot { list("snapshot") } else { differential };
        if elements.is_empty() {
            let path: Box<str> = facts.r#type.rsplit('/').next().unwrap_or_default().into();
            elements.push(Change { id: path.clone(), path, ..Change::default() });
            return Differential { facts, elements, is_snapshot: false };
        }
        supply_ids(&mut elements);
        Differential { facts, elements, is_snapshot }
    }
}

fn facts(root: Element<'_>) -> StructureFacts {
    let text = |name: &str| root.text_at(name).unwrap_or_default().into();
    let extensions = |url: &str| -> Vec<Box<str>> {
        let found = root.all("extension").filter(|extension| extension.text_at("url") == Some(url));
        let values = found.filter_map(|extension| {
            extension.children().find(|child| child.name().starts_with("value")).and_then(Element::text)
        });
        values.map(Box::from).collect()
    };
    StructureFacts {
        url: text("url"),
        version: root.text_at("version").map(Box::from),
        id: text("id"),
        name: text("name"),
        title: root.text_at("title").map(Box::from),
        status: text("status"),
        kind: root.text_at("kind").and_then(kind),
        is_abstract: root.text_at("abstract") == Some("true"),
        r#type: text("type"),
        base: root.text_at("baseDefinition").map(Box::from),
        is_constraint: root.text_at("derivation") == Some("constraint"),
        contexts: root.all("context").filter_map(read::context).collect(),
        context_invariants: root.all("contextInvariant").filter_map(Element::text).map(Box::from).collect(),
        imposes: extensions("http://hl7.org/fhir/StructureDefinition/structuredefinition-imposeProfile"),
        complies_with: extensions("http://hl7.org/fhir/StructureDefinition/structuredefinition-compliesWithProfile"),
    }
}

fn kind(code: &str) -> Option<StructureKind> {
    Some(match code {
        "primitive-type" => StructureKind::PrimitiveType,
        "complex-type" => StructureKind::ComplexType,
        "resource" => StructureKind::Resource,
        "logical" => StructureKind::Logical,
        _ => return None,
    })
}

/// Gives elements without an id the one that their path, slice name and place imply.
fn supply_ids(elements: &mut [Change]) {
    let mut latest: Vec<(Box<str>, Box<str>)> = Vec::new();
    for element in elements {
        if element.id.is_empty() {
            let parent = element.path.rsplit_once('.').map(|(parent, step)| {
                let known = latest.iter().rev().find(|(path, _)| **path == *parent);
                format!("{}.{step}", known.map_or(parent, |(_, id)| id))
            });
            let mut id = parent.unwrap_or_else(|| element.path.to_string());
            if let Some(slice) = &element.slice_name {
                id = format!("{id}:{slice}");
            }
            element.id = id.into();
        }
        latest.push((element.path.clone(), element.id.clone()));
    }
}
