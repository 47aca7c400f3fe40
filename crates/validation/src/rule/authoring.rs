//! What R4 says of resources that define others, beyond their invariants: types of search parameters, supplements, codes
//! of maps, and hits of searches.

use model::{Element, IssueType};

use crate::pass::Pass;
use crate::terminology::{Coding, Membership};

/// A search parameter that is named by its definition has that definition's type.
pub(crate) fn capability_statement<'t>(pass: &mut Pass<'_, 't>, statement: Element<'t>) {
    let mut named = statement.every("rest.resource.searchParam");
    named.extend(statement.every("rest.searchParam"));
    for parameter in named {
        let Some(definition) = parameter.text_at("definition") else { continue };
        let Some(known) = pass.programs.catalog.search_parameter(definition) else { continue };
        let Some(given) = parameter.text_at("type").filter(|given| **given != *known.kind) else { continue };
        pass.error(IssueType::Invalid, parameter, "capability-statement", || {
            format!("The search parameter {definition} is of type {}, not {given}.", known.kind)
        });
    }
}

/// Where a code system supplements another it says so in its content.
pub(crate) fn code_system<'t>(pass: &mut Pass<'_, 't>, system: Element<'t>) {
    let (Some(supplements), Some(content)) = (system.get("supplements"), system.text_at("content")) else { return };
    if content != "supplement" {
        pass.error(IssueType::BusinessRule, supplements, "code-system", || {
            format!("A code system that supplements another has the content 'supplement', not '{content}'.")
        });
    }
}

/// The codes that a map maps are in the value set that it maps from.
pub(crate) fn concept_map<'t>(pass: &mut Pass<'_, 't>, map: Element<'t>) {
    let Some(source) = map.text_at("sourceCanonical").or_else(|| map.text_at("sourceUri")) else { return };
    for group in map.all("group") {
        let system = group.text_at("source");
        for code in group.all("element").filter_map(|element| element.get("code")) {
            let Some(text) = code.text().filter(|_| system.is_some()) else { continue };
            let coding = Coding { system, code: text, ..Coding::default() };
            if pass.terminology.contains(source, &coding) == Membership::Out {
                pass.error(IssueType::CodeInvalid, code, "concept-map", || {
                    format!("'{coding}' is not in the value set {source} that this map is for.")
                });
            }
        }
    }
}

/// Hits of a search have ids, but an OperationOutcome among them.
pub(crate) fn search_set<'t>(pass: &mut Pass<'_, 't>, bundle: Element<'t>) {
    for resource in bundle.all("entry").filter_map(|entry| entry.get("resource")) {
        if resource.get("id").is_none() && resource.resource_type() != Some("OperationOutcome") {
            pass.error(IssueType::Invalid, resource, "bundle", || "What a search finds has an id.".into());
        }
    }
}
