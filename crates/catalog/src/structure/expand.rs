//! Opening an element that the base left closed: the children that its type, its one type profile, or the element
//! that its content reference names give it.

use model::IssueType;

use super::differential::Change;
use super::snapshot::{Making, Node};
use super::{Shared, Structure, StructureError};
use crate::Canonical;

const TYPES: &str = "http://hl7.org/fhir/StructureDefinition/";

impl Making<'_> {
    /// Gives a node its children where it has none yet; what it took from another element is its own from then on.
    pub(super) fn open(&mut self, node: &mut Node) {
        if !node.children.is_empty() || self.differential.is_snapshot {
            return;
        }
        if let Some(reference) = node.element.content_reference.take() {
            if let Some(referenced) = self.referenced(&reference) {
                node.element.types = referenced.element.types;
                node.children = referenced.children;
            }
            return;
        }
        if let Some(content) = self.content(node)
            && self.afford(&content)
        {
            node.children = Node::of(&content, 0).children;
        }
    }

    fn content(&mut self, node: &Node) -> Option<Shared> {
        let mut types = node.element.types.iter();
        let first = types.next()?;
        if types.any(|ty| ty.code != first.code) {
            return self.find("Element", &node.element.id);
        }
        if let [profile] = &*first.profiles
            && node.element.types.len() == 1
            && let Some(structure) = self.find(profile, &node.element.id)
        {
            return Some(structure);
        }
        self.find(&first.code, &node.element.id)
    }

    fn find(&mut self, canonical: &str, id: &str) -> Option<Shared> {
        let url = if canonical.contains(':') { canonical.to_owned() } else { format!("{TYPES}{canonical}") };
        match self.nearest(&url, id) {
            Ok(structure) => Some(structure),
            Err(error) => {
                self.report(IssueType::NotFound, id, error.to_string());
                None
            }
        }
    }

    /// The structure of a canonical reference; where only other versions are loaded, the latest, which is reported.
    fn nearest(&mut self, canonical: &str, id: &str) -> Result<Shared, StructureError> {
        let url = Canonical::of(canonical).url;
        let structure = match self.resolver.resolve(canonical) {
            Err(StructureError::Unknown(_)) if url != canonical => self.resolver.resolve(url)?,
            other => return other,
        };
        let text = format!("{canonical} is not loaded; {} is used in its place.", structure.canonical());
        self.report(IssueType::NotFound, id, text);
        Ok(structure)
    }

    /// The structure that the one in the making derives from.
    pub(super) fn base(&mut self, base: &str) -> Result<Shared, StructureError> {
        let url = &self.differential.facts.url;
        self.nearest(base, "").map_err(|error| match error {
            StructureError::Cycle(_) => StructureError::Cycle(url.clone()),
            error => StructureError::Base { url: url.clone(), base: base.into(), reason: error.to_string().into() },
        })
    }

    fn referenced(&mut self, reference: &str) -> Option<Node> {
        let (url, id) = reference.rsplit_once('#').unwrap_or(("", reference));
        let ty = id.split('.').next().unwrap_or_default();
        let structure = self.find(if url.is_empty() { ty } else { url }, id)?;
        let index = structure.by_id(id).filter(|_| self.afford(&structure))?;
        Some(Node::of(&structure, index))
    }

    /// An extension slice whose cardinality is not said takes the maximum of the extension's own root.
    pub(super) fn take_profile_cardinality(&mut self, node: &mut Node, change: &Change) {
        let [ty] = &*node.element.types else { return };
        let [profile] = &*ty.profiles else { return };
        if change.max.is_some() || &*ty.code != "Extension" {
            return;
        }
        if let Ok(structure) = self.resolver.resolve(profile) {
            let structure: &Structure = &structure;
            node.element.max = node.element.max.min(structure.root().max);
        }
    }
}
