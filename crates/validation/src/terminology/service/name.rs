//! The names of a concept: its display and its designations, in all languages, from its code system, from supplements and
//! from the value set that lists it.

use std::sync::Arc;

use catalog::{CodeSystem, ConceptReference, Designation};

use super::Service;
use super::language::{Languages, fits};

const STANDARDS_STATUS: &str = "http://hl7.org/fhir/StructureDefinition/structuredefinition-standards-status";

/// One name.
#[derive(Clone, Debug)]
pub(super) struct Name {
    pub(super) language: Option<String>,
    pub(super) value: String,
    /// The designation that it is; `None` of a display.
    pub(super) designation: Option<Designation>,
    /// `deprecated` or the like: a name that should not be used any more.
    pub(super) status: Option<String>,
    /// The supplement that it is from.
    pub(super) source: Option<String>,
}

impl Name {
    fn display(value: &str, language: Option<&str>) -> Name {
        let language = language.map(str::to_owned);
        Name { language, value: value.to_owned(), designation: None, status: None, source: None }
    }

    fn designation(one: &Designation) -> Name {
        let status = one.extensions.iter().find(|extension| &*extension.url == STANDARDS_STATUS);
        Name {
            language: one.language.as_deref().map(str::to_owned),
            value: one.value.to_string(),
            designation: Some(one.clone()),
            status: status.map(|extension| extension.value.to_string()).filter(|status| is_withdrawn(status)),
            source: None,
        }
    }
}

impl Name {
    /// Whether it is meant to be shown: a display, or a designation for no particular use.
    pub(super) fn is_display(&self) -> bool {
        let usage = self.designation.as_ref().and_then(|one| one.usage.as_deref());
        usage
            .is_none_or(|usage| usage == "|" || usage.ends_with("|preferredForLanguage") || usage.ends_with("|display"))
    }
}

fn is_withdrawn(status: &str) -> bool {
    matches!(status, "deprecated" | "withdrawn")
}

/// A concept of a code system: which, and which of its code system's concepts; `None` where that does not list it.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) system: Arc<CodeSystem>,
    pub(super) index: Option<usize>,
}

impl Service {
    /// The supplements that are used for a code system.
    pub(super) fn supplements_of(&self, system: &str) -> Vec<Arc<CodeSystem>> {
        if self.supplements.is_empty() {
            return Vec::new();
        }
        let wanted = |supplement: &&Arc<CodeSystem>| {
            supplement.supplements.as_deref().is_some_and(|of| catalog::Canonical::of(of).url == system)
        };
        self.supplements.iter().filter(wanted).cloned().collect()
    }

    /// All names of a concept, the display of its code system first.
    pub(super) fn names(&self, known: &Known, reference: Option<&ConceptReference>) -> Vec<Name> {
        let system = &known.system;
        let mut names = Vec::new();
        if let Some(display) = reference.and_then(|one| one.display.as_deref()) {
            names.push(Name::display(display, self.value_set_language.as_deref().or(system.language.as_deref())));
        }
        let Some(index) = known.index else { return names };
        names.extend(system.display(index).map(|display| Name::display(display, system.language.as_deref())));
        names.extend(system.designations(index).iter().map(Name::designation));
        for supplement in self.supplements_of(&system.url) {
            let Some(index) = supplement.find(system.code(index)) else { continue };
            let display = supplement.display(index).map(|text| Name::display(text, supplement.language.as_deref()));
            let further = supplement.designations(index).iter().map(Name::designation);
            let source = Some(super::validate::versioned(&supplement));
            names.extend(display.into_iter().chain(further).map(|name| Name { source: source.clone(), ..name }));
        }
        names.extend(reference.into_iter().flat_map(|one| &one.designations).map(Name::designation));
        names
    }
}

/// The name in the most wanted language: a display before a designation, the exact language before a related one;
/// without a wish, or where no name fits, the first.
pub(super) fn preferred<'n>(names: &'n [Name], languages: &Languages) -> Option<&'n Name> {
    in_language(names, languages).or_else(|| names.first())
}

/// The name in the most wanted language, where there is one.
pub(super) fn in_language<'n>(names: &'n [Name], languages: &Languages) -> Option<&'n Name> {
    for wanted in languages.tags() {
        let usable = || names.iter().filter(|name| name.status.is_none());
        let of = |name: &&Name, exact: bool| {
            name.language.as_deref().is_some_and(|tag| match exact {
                true => tag.eq_ignore_ascii_case(wanted),
                false => fits(wanted, tag),
            })
        };
        let found = usable().find(|name| of(name, true)).or_else(|| usable().find(|name| of(name, false)));
        if found.is_some() {
            return found;
        }
    }
    None
}
