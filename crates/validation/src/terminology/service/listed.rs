//! The concepts of a value set, one by one, as places in their code systems: texts are looked up only for those that an
//! answer shows, so that 100,000 of them cost little.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use catalog::{CodeSystem, ConceptReference, ConceptSet, Content, ValueSet};
use model::IssueType;

use super::Service;
use super::asked::VersionRule;
use super::finding::{Failure, FailureKind, Finding};
use super::judge::state;
use super::member::circular;
use super::name::Known;
use super::validate::{label, versioned};
use crate::terminology::{filter, grammar};

/// Value sets that import value sets that import …
const DEPTH: usize = 16;
/// Concepts that one answer is ever made from.
const MOST: usize = 2_000_000;

/// Code system, version, code.
type Key = (Arc<str>, Option<Arc<str>>, Box<str>);

/// One concept of a value set.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    /// The code system's url.
    pub(super) url: Arc<str>,
    /// Its version, where it is here or the value set names one.
    pub(super) version: Option<Arc<str>>,
    pub(super) known: Option<Known>,
    /// As the value set lists it.
    pub(super) reference: Option<Box<ConceptReference>>,
}

impl Listed {
    pub(super) fn code(&self) -> &str {
        let known = self.known.as_ref().and_then(|known| Some(known.system.code(known.index?)));
        known.or(self.reference.as_ref().map(|one| &*one.code)).unwrap_or_default()
    }

    pub(super) fn is_inactive(&self) -> bool {
        self.known.as_ref().is_some_and(|known| known.index.is_some_and(|index| known.system.is_inactive(index)))
    }

    pub(super) fn is_abstract(&self) -> bool {
        self.known.as_ref().is_some_and(|known| known.index.is_some_and(|index| known.system.is_abstract(index)))
    }

    fn key(&self) -> Key {
        (self.url.clone(), self.version.clone(), self.code().into())
    }
}

/// What an expansion was made from.
#[derive(Clone, Debug, Default)]
pub(super) struct Sources {
    /// Code systems, `url|version`.
    pub(super) systems: Vec<String>,
    /// Those of which only a part is here.
    pub(super) fragments: Vec<String>,
    /// The same without versions.
    pub(super) fragment_urls: Vec<String>,
    /// Imported value sets.
    pub(super) sets: Vec<String>,
    /// Drafts, withdrawn ones …: state, `url|version`.
    pub(super) states: Vec<(String, String)>,
    /// Whether codes of different versions of a code system counted as the same.
    pub(super) versions_match: bool,
    /// Version parameters that decided something.
    pub(super) rules: Vec<(VersionRule, String)>,
}

impl Sources {
    fn note(list: &mut Vec<String>, one: String) {
        if !list.contains(&one) {
            list.push(one);
        }
    }

    pub(super) fn note_state(&mut self, state: Option<&str>, name: String) {
        let one = state.map(|state| (state.to_owned(), name));
        self.states.extend(one.filter(|one| !self.states.contains(one)));
    }
}

impl Service {
    /// The concepts of a value set, each once.
    ///
    /// # Errors
    /// It is broken, or something that it needs is not here.
    pub(super) fn list(&self, set: &ValueSet, sources: &mut Sources, depth: usize) -> Result<Vec<Listed>, Failure> {
        if depth >= DEPTH {
            return Err(circular(set));
        }
        self.sound(set)?;
        if set.include.is_empty() {
            return self.of_expansion(set);
        }
        let mut found: Vec<Listed> = Vec::new();
        let mut seen = HashSet::new();
        for include in &set.include {
            for one in self.of_part(set, include, sources, depth)? {
                if set.include.len() == 1 || seen.insert(one.key()) {
                    found.push(one);
                }
            }
            if found.len() > MOST {
                return Err(too_costly(&label(set), MOST));
            }
        }
        if set.include.len() == 1 && set.include.iter().any(|one| !one.concepts.is_empty()) {
            found.retain(|one| seen.insert(one.key()));
        }
        if set.inactive == Some(false) {
            found.retain(|concept| !concept.is_inactive());
        }
        let told = set.parameters.iter().find(|(name, _)| **name == *"versionsMatch").map(|(_, value)| &**value);
        let mut versions: Vec<(&str, Option<&str>)> = Vec::new();
        let mut several = false;
        for one in &found {
            let own = (&*one.url, one.version.as_deref());
            if !versions.contains(&own) {
                several |= versions.iter().any(|(url, _)| *url == own.0);
                versions.push(own);
            }
        }
        let by_version = told == Some("false") || (told.is_none() && several);
        let mut crossed = told == Some("true") && several;
        let mut drop: HashSet<Key> = HashSet::new();
        for exclude in &set.exclude {
            for one in self.of_part(set, exclude, sources, depth)? {
                let own = (&*one.url, one.version.as_deref());
                crossed |= !by_version && !versions.contains(&own) && versions.iter().any(|(url, _)| *url == own.0);
                let (url, version, code) = one.key();
                drop.insert((url, version.filter(|_| by_version), code));
            }
        }
        if !drop.is_empty() {
            found.retain(|one| {
                let (url, version, code) = one.key();
                !drop.contains(&(url, version.filter(|_| by_version), code))
            });
        }
        if told == Some("true") && several {
            newest(&mut found);
        }
        sources.versions_match |= crossed;
        Ok(found)
    }

    fn of_expansion(&self, set: &ValueSet) -> Result<Vec<Listed>, Failure> {
        let Some(expansion) = set.expansion.as_ref().filter(|expansion| !expansion.is_partial) else {
            let text = format!("The value set '{}' has no content here", label(set));
            return Err(Failure::unprocessable(Finding::error(IssueType::Processing, "vs-invalid", "", text)));
        };
        let listed = |one: &catalog::Expanded| {
            let url = one.system.as_deref().unwrap_or_default();
            let system = self.system(url, one.version.as_deref());
            Listed {
                url: url.into(),
                version: one.version.as_deref().map(Arc::from),
                known: system.and_then(|system| {
                    let index = Some(system.find(&one.code)?);
                    Some(Known { system, index })
                }),
                reference: Some(Box::new(ConceptReference {
                    code: one.code.clone(),
                    display: one.display.clone(),
                    ..ConceptReference::default()
                })),
            }
        };
        Ok(expansion.contains.iter().map(listed).collect())
    }

    fn of_part(
        &self,
        set: &ValueSet,
        part: &ConceptSet,
        sources: &mut Sources,
        depth: usize,
    ) -> Result<Vec<Listed>, Failure> {
        let mut imports = Vec::new();
        for reference in &part.value_sets {
            let Some(import) = self.value_set(Some(set), reference) else {
                let text = format!("A definition for the value Set '{}' could not be found", self.pinned(reference));
                return Err(Failure::not_found("not-found", text));
            };
            if !reference.starts_with('#') {
                Sources::note(&mut sources.sets, label(&import));
                let state =
                    state(&import.status, import.standards_status.as_deref(), import.experimental, set.experimental);
                sources.note_state(state, label(&import));
            }
            imports.push(self.list(&import, sources, depth + 1)?);
        }
        let mut imports = imports.into_iter();
        let mut found = match &part.system {
            Some(url) => self.of_system(set, part, url, sources)?,
            None => imports.next().unwrap_or_default(),
        };
        for import in imports {
            let also: HashSet<(&str, &str)> = import.iter().map(|one| (&*one.url, one.code())).collect();
            found.retain(|one| also.contains(&(&*one.url, one.code())));
        }
        Ok(found)
    }

    /// The code system that a part is of, noted in the sources; `None` where it is not here at all.
    fn source(
        &self,
        set: &ValueSet,
        url: &str,
        included: Option<&str>,
        sources: &mut Sources,
    ) -> Result<Option<Arc<CodeSystem>>, Failure> {
        let (wanted, changed) = self.meant(url, included);
        let Some(system) = self.system(url, wanted.as_deref()) else {
            let versions = self.terms.catalog().versions("CodeSystem", url);
            if let Some(version) = wanted.filter(|_| !versions.is_empty()) {
                let text = format!(
                    "A definition for CodeSystem '{url}' version '{version}' could not be found, so the value set cannot be expanded. {}",
                    self.versions_text(url)
                );
                return Err(Failure::not_found("not-found", text));
            }
            return Ok(None);
        };
        if let Some(text) = self.broken_check(&system) {
            let finding = Finding::error(IssueType::Exception, "version-error", "", text).id("VALUESET_VERSION_CHECK");
            return Err(Failure::unprocessable(finding));
        }
        if changed {
            for rule in [VersionRule::Force, VersionRule::Default, VersionRule::Check] {
                if let Some(version) = self.asked.version(rule, url)
                    && wanted.as_deref() == Some(version)
                {
                    let one = (rule, format!("{url}|{version}"));
                    if !sources.rules.contains(&one) {
                        sources.rules.push(one);
                    }
                    break;
                }
            }
        }
        Sources::note(&mut sources.systems, versioned(&system));
        if system.content == Content::Fragment {
            Sources::note(&mut sources.fragments, versioned(&system));
            Sources::note(&mut sources.fragment_urls, system.url.to_string());
        }
        sources.note_state(
            state(&system.status, system.standards_status.as_deref(), system.experimental, set.experimental),
            versioned(&system),
        );
        Ok(Some(system))
    }

    fn of_system(
        &self,
        set: &ValueSet,
        part: &ConceptSet,
        url: &str,
        sources: &mut Sources,
    ) -> Result<Vec<Listed>, Failure> {
        let system = self.source(set, url, part.version.as_deref(), sources)?;
        let name: Arc<str> = url.into();
        if !part.concepts.is_empty() {
            return Ok(self.enumerated(part, &name, system.as_ref(), sources));
        }
        let Some(system) = system else {
            let text = match grammar::is_grammar(url) {
                true => format!("The codes of '{url}' follow a grammar and cannot be listed"),
                false => {
                    format!(
                        "A definition for CodeSystem '{url}' could not be found, so the value set cannot be expanded"
                    )
                }
            };
            return Err(Failure::not_found("not-found", text));
        };
        let part_only = !crate::terminology::Terminology::is_complete(&system);
        if part_only && (system.content != Content::Fragment || system.is_empty()) {
            let text =
                format!("The CodeSystem '{}' is not all here, so the value set cannot be expanded", versioned(&system));
            return Err(Failure::not_found("not-found", text));
        }
        let version: Option<Arc<str>> = system.version.as_deref().map(Arc::from);
        let mut found = Vec::new();
        for index in 0..system.len() {
            let mut all = true;
            for one in &part.filters {
                match filter::holds(&system, index, one) {
                    Some(holds) => all &= holds,
                    None => {
                        let text = format!(
                            "The filter \"{} {} {}\" on the system {url} is not supported",
                            one.property, one.operator, one.value
                        );
                        let finding = Finding::error(IssueType::NotSupported, "vs-invalid", "", text);
                        return Err(Failure::unprocessable(finding));
                    }
                }
            }
            if all {
                let known = Some(Known { system: system.clone(), index: Some(index) });
                found.push(Listed { url: name.clone(), version: version.clone(), known, reference: None });
            }
        }
        Ok(found)
    }

    /// The concepts that a value set lists one by one; those that the code system surely does not have are left out.
    fn enumerated(
        &self,
        part: &ConceptSet,
        url: &Arc<str>,
        system: Option<&Arc<CodeSystem>>,
        sources: &mut Sources,
    ) -> Vec<Listed> {
        if system.is_none() {
            Sources::note(&mut sources.systems, url.to_string());
        }
        let version: Option<Arc<str>> = match system {
            Some(system) => system.version.as_deref().map(Arc::from),
            None => part.version.as_deref().map(Arc::from),
        };
        let listed = part.concepts.iter().filter_map(|one| {
            let index = system.and_then(|system| system.find(&one.code));
            let missing = match system {
                Some(system) => index.is_none() && super::member::is_all_here(system),
                None => grammar::judge(url, &one.code) == Some(false),
            };
            let known = index.and(system).map(|system| Known { system: system.clone(), index });
            let reference = Some(Box::new(one.clone()));
            (!missing).then(|| Listed { url: url.clone(), version: version.clone(), known, reference })
        });
        listed.collect()
    }
}

/// Leaves of codes that come in several versions the newest.
fn newest(found: &mut Vec<Listed>) {
    found.sort_by(|one, other| {
        let version = |listed: &Listed| listed.version.as_deref().unwrap_or_default().to_owned();
        catalog::compare_versions(&version(other), &version(one))
    });
    let mut seen: HashSet<(Arc<str>, Box<str>)> = HashSet::new();
    found.retain(|one| seen.insert((one.url.clone(), one.code().into())));
}

/// What to say of an expansion that is too large for one answer.
pub(super) fn too_costly(name: &str, most: usize) -> Failure {
    let text = format!(
        "The value set '{name}' has more than {most} codes: ask for them in pages, with the parameters count and offset"
    );
    let finding = Finding {
        severity: model::Severity::Error,
        code: IssueType::TooCostly,
        kind: None,
        text,
        path: String::new(),
        told: false,
        message_id: Some("VALUESET_TOO_COSTLY"),
    };
    Failure { kind: FailureKind::Unprocessable, findings: vec![finding] }
}

/// For every listed concept the nearest listed one above it in the hierarchy of its code system.
pub(super) fn nest(listed: &[Listed]) -> Vec<Option<usize>> {
    let mut places: HashMap<(usize, usize), usize> = HashMap::new();
    let identity = |known: &Known| Arc::as_ptr(&known.system) as usize;
    for (place, one) in listed.iter().enumerate() {
        if let (Some(known), None) = (&one.known, &one.reference)
            && let Some(index) = known.index
        {
            places.insert((identity(known), index), place);
        }
    }
    let above = |one: &Listed| {
        let known = one.known.as_ref().filter(|_| one.reference.is_none())?;
        let index = known.index?;
        let ancestors = known.system.ancestors(index);
        let mut found = ancestors.iter().filter_map(|above| places.get(&(identity(known), *above as usize)));
        found.next().copied()
    };
    let mut parents: Vec<Option<usize>> = listed.iter().map(above).collect();
    // What hangs on itself by a cycle stands at the top.
    for place in 0..parents.len() {
        let (mut at, mut steps) = (place, 0);
        while let Some(next) = parents.get(at).copied().flatten() {
            steps += 1;
            if next == place || steps > 64 {
                if let Some(parent) = parents.get_mut(place) {
                    *parent = None;
                }
                break;
            }
            at = next;
        }
    }
    parents
}
