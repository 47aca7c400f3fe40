//! One conformance resource: found by its header, read when it is first wanted.

use std::sync::{Arc, OnceLock};

use model::{SyntaxError, Tree};

use crate::source::{Header, Package, Text};
use crate::{CodeSystem, ConceptMap, OperationDefinition, SearchParameter, ValueSet};

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) header: Header,
    pub(crate) package: Arc<Package>,
    pub(crate) text: Text,
    typed: OnceLock<Typed>,
}

#[derive(Debug)]
enum Typed {
    ValueSet(Arc<ValueSet>),
    CodeSystem(Arc<CodeSystem>),
    ConceptMap(Arc<ConceptMap>),
    SearchParameter(Arc<SearchParameter>),
    OperationDefinition(Arc<OperationDefinition>),
    None,
}

impl Entry {
    pub(crate) fn new(header: Header, package: Arc<Package>, text: Text) -> Entry {
        Entry { header, package, text, typed: OnceLock::new() }
    }

    fn typed(&self) -> &Typed {
        self.typed.get_or_init(|| {
            let Ok(tree) = self.text.tree() else { return Typed::None };
            match &*self.header.resource_type {
                "ValueSet" => Typed::ValueSet(ValueSet::read(&tree).into()),
                "CodeSystem" => Typed::CodeSystem(CodeSystem::read(&tree).into()),
                "ConceptMap" => Typed::ConceptMap(ConceptMap::read(&tree).into()),
                "SearchParameter" => Typed::SearchParameter(SearchParameter::read(&tree).into()),
                "OperationDefinition" => Typed::OperationDefinition(OperationDefinition::read(&tree).into()),
                _ => Typed::None,
            }
        })
    }

    pub(crate) fn value_set(&self) -> Option<Arc<ValueSet>> {
        if let Typed::ValueSet(found) = self.typed() { Some(found.clone()) } else { None }
    }

    pub(crate) fn code_system(&self) -> Option<Arc<CodeSystem>> {
        if let Typed::CodeSystem(found) = self.typed() { Some(found.clone()) } else { None }
    }

    pub(crate) fn concept_map(&self) -> Option<Arc<ConceptMap>> {
        if let Typed::ConceptMap(found) = self.typed() { Some(found.clone()) } else { None }
    }

    pub(crate) fn search_parameter(&self) -> Option<Arc<SearchParameter>> {
        if let Typed::SearchParameter(found) = self.typed() { Some(found.clone()) } else { None }
    }

    pub(crate) fn operation_definition(&self) -> Option<Arc<OperationDefinition>> {
        if let Typed::OperationDefinition(found) = self.typed() { Some(found.clone()) } else { None }
    }
}

/// A conformance resource of a catalog, as it was loaded.
#[derive(Clone, Debug)]
pub struct Resource {
    pub(crate) entry: Arc<Entry>,
}

impl Resource {
    /// What it says of itself at its top level.
    pub fn header(&self) -> &Header {
        &self.entry.header
    }

    /// `StructureDefinition`, `ValueSet`, …
    pub fn resource_type(&self) -> &str {
        &self.entry.header.resource_type
    }

    /// Its canonical url; empty where it has none.
    pub fn url(&self) -> &str {
        &self.entry.header.url
    }

    /// Its version, where it has one.
    pub fn version(&self) -> Option<&str> {
        Some(&*self.entry.header.version).filter(|version| !version.is_empty())
    }

    /// The package it came with.
    pub fn package(&self) -> &Package {
        &self.entry.package
    }

    /// The resource itself, read anew at each call unless it was given as a tree.
    pub fn tree(&self) -> Result<Arc<Tree>, SyntaxError> {
        self.entry.text.tree()
    }
}
