//! What belongs to the compartment of a resource: <http://hl7.org/fhir/R4/compartmentdefinition.html>.

use storage::{EngineError, Number, View};

use crate::index::Index;
use crate::param::{Criterion, reference};
use crate::parameters::TypeParameters;
use crate::plan::run::{Context, Cost, stored_types};
use crate::plan::set::{Rows, Set};
use crate::plan::stream;

/// What of a type belongs to the compartment.
pub(crate) fn set(context: &Context<'_>, type_name: &str, of: &str, id: &str) -> Result<Set, EngineError> {
    let Some(parameters) = context.index.parameters(type_name) else { return Ok(Set::empty()) };
    let mut sets: Vec<Set> = rows(context, parameters, type_name, (of, id)).into_iter().map(Set::Rows).collect();
    if of == type_name {
        sets.push(Set::Numbers(stream::live(context, of, id)?.into_iter().collect()));
    }
    Ok(Set::any(sets))
}

/// Where a type's resources say that they belong to it.
fn rows(context: &Context<'_>, parameters: &TypeParameters, type_name: &str, (of, id): (&str, &str)) -> Vec<Rows> {
    let definition = context.index.context.catalog().and_then(|catalog| catalog.compartment(of));
    let codes = definition.as_ref().map(|definition| definition.parameters(type_name)).unwrap_or_default();
    let criterion = reference::Criterion::Local { of_type: crate::numbers::of_type(of), id: id.to_owned() };
    let known = codes.iter().filter_map(|code| parameters.get(code));
    known.map(|parameter| Rows::new(parameter, Criterion::Reference(criterion.clone()), parameters)).collect()
}

impl Index {
    /// The resources of a compartment as of a view, type by type in the order of the numbers on disk, each type's numbers ascending; the
    /// resource that the compartment is of is among them. `types`: only these; none: all. Whether a caller may see them is not asked.
    /// Reads index rows only.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn compartment(
        &self,
        view: &View,
        (of, id): (&str, &str),
        types: &[String],
    ) -> Result<Vec<(String, Vec<Number>)>, EngineError> {
        let context = Context { index: self, view, now: model::Instant(0), sight: &(), cost: Cost::default() };
        let mut found = Vec::new();
        for type_name in stored_types(&context) {
            let Some(parameters) = self.parameters(&type_name) else { continue };
            if !types.is_empty() && !types.contains(&type_name) {
                continue;
            }
            let mut numbers = Vec::new();
            let mut spans: Vec<_> =
                rows(&context, parameters, &type_name, (of, id)).into_iter().flat_map(|rows| rows.spans).collect();
            spans.sort();
            spans.dedup();
            for (span, _) in spans {
                for row in view.index(span.rows(), storage::Direction::Forward) {
                    numbers.push(row?.number);
                }
            }
            if of == type_name {
                numbers.extend(stream::live(&context, of, id)?);
            }
            numbers.sort_unstable();
            numbers.dedup();
            if !numbers.is_empty() {
                found.push((type_name, numbers));
            }
        }
        Ok(found)
    }

    /// The resources here that any Reference in a resource refers to, contained resources included: type and id, each once, sorted.
    pub fn targets(&self, resource: model::Element<'_>) -> Vec<(String, String)> {
        let texts = resource.descendants().into_iter().filter(|element| element.name() == "reference");
        let mut found: Vec<(String, String)> = texts
            .filter_map(|element| match reference::read(element.text()?, &self.context)? {
                crate::value::Reference::Local(type_name, id) => Some((type_name.to_owned(), id.to_owned())),
                _ => None,
            })
            .collect();
        found.sort();
        found.dedup();
        found
    }
}
