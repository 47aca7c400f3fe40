//! `$expand`: the codes of a value set, where they can be listed
//! (<http://hl7.org/fhir/R4/valueset-operation-expand.html>).

use std::collections::HashSet;

use catalog::{CodeSystem, ConceptSet, Content, Designation, ValueSet};

use super::{CodeVerdict, Coding, Membership, Terminology, filter, grammar};

/// What an expansion is asked for.
#[derive(Clone, Debug, Default)]
pub struct ExpandOptions {
    /// Only concepts whose code or display has this text, whatever its case.
    pub filter: Option<String>,
    /// How many to leave out at the beginning.
    pub offset: usize,
    /// How many at most; 0 only counts.
    pub count: Option<usize>,
    /// Leave out concepts that are not for use any more.
    pub active_only: bool,
    /// Leave out concepts that only group others.
    pub exclude_abstract: bool,
    /// The language of displays, BCP-47.
    pub language: Option<String>,
    /// Whether further names come along.
    pub designations: bool,
}

/// One concept of an expansion.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ExpandedConcept {
    /// Its code system.
    pub system: String,
    /// That one's version.
    pub version: Option<String>,
    /// The code.
    pub code: String,
    /// Its display in the asked language, else in the system's own.
    pub display: Option<String>,
    /// Only groups others.
    pub is_abstract: bool,
    /// Not for use any more.
    pub inactive: bool,
    /// Further names.
    pub designations: Vec<Designation>,
}

/// An expansion, or the part of it that was asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Expansion {
    /// How many there are in all, before offset and count.
    pub total: usize,
    /// Those asked for, in order.
    pub contains: Vec<ExpandedConcept>,
    /// The code systems used: `url|version`; of a fragment only what is here was listed.
    pub used: Vec<String>,
}

/// Why a value set cannot be expanded. Nothing was made.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ExpandError {
    /// No such value set is known.
    #[error("the value set {0} is not known")]
    UnknownValueSet(String),
    /// A code system that is needed is not here, or only in part.
    #[error("the code system {0} is not here, or not all of it")]
    UnknownSystem(String),
    /// Its codes cannot be listed: a grammar, a filter that is not supported.
    #[error("the codes of {0} cannot be listed")]
    NotListable(String),
    /// More concepts than an expansion may have.
    #[error("the expansion has more than {0} concepts")]
    TooCostly(usize),
    /// Value sets import each other.
    #[error("the value set {0} imports itself")]
    Cycle(String),
}

/// Concepts of one expansion at most.
const MOST: usize = 100_000;
const DEPTH: usize = 16;

impl Terminology {
    /// Lists the codes of the value set of a canonical reference.
    ///
    /// # Errors
    /// See [`ExpandError`].
    pub fn expand(&self, value_set: &str, options: &ExpandOptions) -> Result<Expansion, ExpandError> {
        let found = self.value_set(value_set).ok_or_else(|| ExpandError::UnknownValueSet(value_set.to_owned()))?;
        self.expand_set(&found, options)
    }

    /// Lists the codes of a value set.
    ///
    /// # Errors
    /// See [`ExpandError`].
    pub fn expand_set(&self, value_set: &ValueSet, options: &ExpandOptions) -> Result<Expansion, ExpandError> {
        let mut used = Vec::new();
        let mut concepts = self.listed(value_set, &mut used, 0)?;
        let wanted = options.filter.as_deref().map(str::to_lowercase);
        concepts.retain(|concept| {
            let has = |text: &str| wanted.as_deref().is_none_or(|wanted| text.to_lowercase().contains(wanted));
            (has(&concept.code) || concept.display.as_deref().is_some_and(has))
                && !(options.active_only && concept.inactive)
                && !(options.exclude_abstract && concept.is_abstract)
        });
        for concept in &mut concepts {
            if let Some(language) = &options.language
                && let Some(found) = in_language(&concept.designations, language)
            {
                concept.display = Some(found.to_owned());
            }
            if !options.designations {
                concept.designations.clear();
            }
        }
        let total = concepts.len();
        let rest = concepts.into_iter().skip(options.offset);
        let contains = rest.take(options.count.unwrap_or(usize::MAX)).collect();
        Ok(Expansion { total, contains, used })
    }

    fn listed(
        &self,
        value_set: &ValueSet,
        used: &mut Vec<String>,
        depth: usize,
    ) -> Result<Vec<ExpandedConcept>, ExpandError> {
        if depth >= DEPTH {
            return Err(ExpandError::Cycle(value_set.url.to_string()));
        }
        let composed = self.composed(value_set, used, depth);
        match (composed, &value_set.expansion) {
            (Err(_), Some(expansion)) if !expansion.is_partial => Ok(expansion
                .contains
                .iter()
                .map(|one| ExpandedConcept {
                    system: one.system.as_deref().unwrap_or_default().to_owned(),
                    version: one.version.as_deref().map(str::to_owned),
                    code: one.code.to_string(),
                    display: one.display.as_deref().map(str::to_owned),
                    is_abstract: one.is_abstract,
                    inactive: one.inactive,
                    designations: Vec::new(),
                })
                .collect()),
            (composed, _) => composed,
        }
    }

    fn composed(
        &self,
        value_set: &ValueSet,
        used: &mut Vec<String>,
        depth: usize,
    ) -> Result<Vec<ExpandedConcept>, ExpandError> {
        let mut found: Vec<ExpandedConcept> = Vec::new();
        let mut seen: HashSet<(String, Option<String>, String)> = HashSet::new();
        if value_set.include.is_empty() {
            return Err(ExpandError::NotListable(value_set.url.to_string()));
        }
        for include in &value_set.include {
            for concept in self.selected(include, used, depth)? {
                if seen.insert((concept.system.clone(), concept.version.clone(), concept.code.clone())) {
                    found.push(concept);
                }
            }
            if found.len() > MOST {
                return Err(ExpandError::TooCostly(MOST));
            }
        }
        if value_set.inactive == Some(false) {
            found.retain(|concept| !concept.inactive);
        }
        for exclude in &value_set.exclude {
            let out = self.selected(exclude, used, depth)?;
            let out: HashSet<(&str, &str)> = out.iter().map(|one| (one.system.as_str(), one.code.as_str())).collect();
            found.retain(|one| !out.contains(&(one.system.as_str(), one.code.as_str())));
        }
        Ok(found)
    }

    fn selected(
        &self,
        set: &ConceptSet,
        used: &mut Vec<String>,
        depth: usize,
    ) -> Result<Vec<ExpandedConcept>, ExpandError> {
        let imports = set.value_sets.iter().map(|import| {
            let found = self.value_set(import).ok_or_else(|| ExpandError::UnknownValueSet(import.to_string()))?;
            self.listed(&found, used, depth + 1)
        });
        let imports: Vec<Vec<ExpandedConcept>> = imports.collect::<Result<_, _>>()?;
        let mut imports = imports.into_iter();
        let mut found = match &set.system {
            Some(system) => self.of_system(set, system, used)?,
            None => imports.next().unwrap_or_default(),
        };
        for import in imports {
            let also: HashSet<(&str, &str)> =
                import.iter().map(|one| (one.system.as_str(), one.code.as_str())).collect();
            found.retain(|one| also.contains(&(one.system.as_str(), one.code.as_str())));
        }
        Ok(found)
    }

    fn of_system(
        &self,
        set: &ConceptSet,
        url: &str,
        used: &mut Vec<String>,
    ) -> Result<Vec<ExpandedConcept>, ExpandError> {
        let system = self.code_system(url, set.version.as_deref());
        let version = system.as_ref().and_then(|system| system.version.as_deref());
        let label = version.map_or_else(|| url.to_owned(), |version| format!("{url}|{version}"));
        if !used.contains(&label) {
            used.push(label);
        }
        if !set.concepts.is_empty() {
            return Ok(self.enumerated(set, url, system.as_deref()));
        }
        let Some(system) = system else {
            let grammar = grammar::judge(url, "").is_some();
            let url = url.to_owned();
            return Err(if grammar { ExpandError::NotListable(url) } else { ExpandError::UnknownSystem(url) });
        };
        if !Self::is_complete(&system) && (system.content != Content::Fragment || system.is_empty()) {
            return Err(ExpandError::UnknownSystem(url.to_owned()));
        }
        let mut found = Vec::new();
        for index in 0..system.len() {
            let mut all = true;
            for one in &set.filters {
                match filter::holds(&system, index, one) {
                    Some(holds) => all &= holds,
                    None => return Err(ExpandError::NotListable(format!("{url} ({} {})", one.property, one.operator))),
                }
            }
            if all {
                found.push(concept(&system, index));
            }
        }
        Ok(found)
    }

    /// The concepts that a value set lists one by one; those that the code system surely does not have are left out.
    fn enumerated(&self, set: &ConceptSet, url: &str, system: Option<&CodeSystem>) -> Vec<ExpandedConcept> {
        let listed = set.concepts.iter().filter(|one| {
            self.check(&Coding { system: Some(url), code: &one.code, ..Coding::default() }) != CodeVerdict::NotThere
        });
        let made = listed.map(|one| {
            let known = system.and_then(|system| Some((system, system.find(&one.code)?)));
            let mut made = known.map_or_else(ExpandedConcept::default, |(system, index)| concept(system, index));
            made.system = url.to_owned();
            made.code = one.code.to_string();
            made.display = one.display.as_deref().map(str::to_owned).or(made.display);
            made.designations.extend(one.designations.iter().cloned());
            made
        });
        made.collect()
    }
}

fn concept(system: &CodeSystem, index: usize) -> ExpandedConcept {
    ExpandedConcept {
        system: system.url.to_string(),
        version: system.version.as_deref().map(str::to_owned),
        code: system.code(index).to_owned(),
        display: system.display(index).map(str::to_owned),
        is_abstract: system.is_abstract(index),
        inactive: system.is_inactive(index),
        designations: system.designations(index).to_vec(),
    }
}

/// The designation in a language, or in one of its regions or its general form.
pub(super) fn in_language<'d>(designations: &'d [Designation], language: &str) -> Option<&'d str> {
    let primary = |tag: &str| tag.split('-').next().unwrap_or_default().to_lowercase();
    let of = |exact: bool| {
        designations.iter().find(move |one| {
            one.language.as_deref().is_some_and(|tag| match exact {
                true => tag.eq_ignore_ascii_case(language),
                false => primary(tag) == primary(language),
            })
        })
    };
    of(true).or_else(|| of(false)).map(|one| &*one.value)
}

/// Whether membership is settled.
pub(super) fn is_settled(membership: &Membership) -> bool {
    !matches!(membership, Membership::Unknown(_))
}
