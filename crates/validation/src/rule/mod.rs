//! The rule families, one file each. What holds at every element stands in [`ELEMENT`], what holds for one resource
//! type in [`RESOURCE`]; cardinality, slicing, types and unknown elements are called by the walk, which knows the items.

pub(crate) mod answer;
pub(crate) mod authoring;
pub(crate) mod binding;
pub(crate) mod bundle;
pub(crate) mod cardinality;
pub(crate) mod element_definition;
pub(crate) mod entity;
pub(crate) mod extension;
pub(crate) mod identity;
pub(crate) mod invariant;
pub(crate) mod link;
pub(crate) mod narrative;
pub(crate) mod observation;
pub(crate) mod primitive;
pub(crate) mod questionnaire;
pub(crate) mod questionnaire_response;
pub(crate) mod reference;
pub(crate) mod resource;
pub(crate) mod slicing;
pub(crate) mod structure;
pub(crate) mod structure_definition;
pub(crate) mod subject;
pub(crate) mod types;
pub(crate) mod value;
pub(crate) mod value_set;

use model::Element;

use crate::pass::Pass;
use crate::program::State;

/// A rule on an element with its state.
pub(crate) type ElementRule = for<'v, 't> fn(&mut Pass<'v, 't>, Element<'t>, &State);

/// A rule on a resource.
pub(crate) type ResourceRule = for<'v, 't> fn(&mut Pass<'v, 't>, Element<'t>);

/// Rules on every element, cheapest first; invariants come last, after what is inside.
pub(crate) const ELEMENT: &[ElementRule] =
    &[primitive::check, narrative::check, link::check, value::check, identity::check, reference::check, binding::check];

/// Rules on resources of one type.
pub(crate) const RESOURCE: &[(&str, ResourceRule)] = &[
    ("Bundle", bundle::check),
    ("CapabilityStatement", authoring::capability_statement),
    ("CodeSystem", authoring::code_system),
    ("ConceptMap", authoring::concept_map),
    ("Questionnaire", questionnaire::check),
    ("QuestionnaireResponse", questionnaire_response::check),
    ("StructureDefinition", structure_definition::check),
    ("ValueSet", value_set::check),
];
