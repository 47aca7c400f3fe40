//! Whether a code is in a value set, with what is to be said about versions and systems on the way.

use std::sync::Arc;

use catalog::{CodeSystem, ConceptReference, ConceptSet, Content, Filter, ValueSet};
use model::IssueType;

use super::finding::{Failure, Finding};
use super::name::Known;
use super::version;
use super::{Place, Service};
use crate::terminology::{Coding, Terminology, filter, grammar};

/// Value sets that import value sets that import …
const DEPTH: usize = 16;

/// How a code stands to a value set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Standing {
    In,
    Out,
    /// What it takes to decide is not here.
    Unknown,
}

/// What was found out about a code and a value set.
#[derive(Clone, Debug)]
pub(super) struct Judged {
    pub(super) standing: Standing,
    pub(super) findings: Vec<Finding>,
    /// Code systems, with their versions, that are not here.
    pub(super) missing: Vec<String>,
    pub(super) known: Option<Known>,
    /// As the value set lists it.
    pub(super) reference: Option<ConceptReference>,
}

impl Judged {
    fn new(standing: Standing) -> Judged {
        Judged { standing, findings: Vec::new(), missing: Vec::new(), known: None, reference: None }
    }

    fn join(&mut self, other: Judged) {
        match (self.standing, other.standing) {
            (Standing::In, _) => return,
            (_, Standing::In) => {
                *self = other;
                return;
            }
            (_, Standing::Unknown) => self.standing = Standing::Unknown,
            _ => {}
        }
        for finding in other.findings {
            if !self.findings.contains(&finding) {
                self.findings.push(finding);
            }
        }
        self.missing.extend(other.missing);
        let version = |known: &Option<Known>| known.as_ref().and_then(|known| known.system.version.clone());
        let newer = catalog::compare_versions(
            &version(&other.known).unwrap_or_default(),
            &version(&self.known).unwrap_or_default(),
        );
        if self.known.is_none() || (other.known.is_some() && newer.is_gt()) {
            self.known = other.known;
        }
    }
}

/// The code system that an include means for a coding.
pub(super) struct Meant {
    pub(super) system: Option<Arc<CodeSystem>>,
    pub(super) findings: Vec<Finding>,
    pub(super) missing: Vec<String>,
}

impl Service {
    /// Whether a coding (with a system) is in a value set.
    ///
    /// # Errors
    /// The value set is broken.
    pub(super) fn member(
        &self,
        set: &ValueSet,
        coding: &Coding<'_>,
        place: &Place,
        depth: usize,
    ) -> Result<Judged, Failure> {
        if depth >= DEPTH {
            return Err(circular(set));
        }
        let mut judged = Judged::new(Standing::Out);
        let mut best: Option<Judged> = None;
        for include in &set.include {
            if self.is_of_other_version(set, include, coding) {
                continue;
            }
            let one = self.member_of(set, include, coding, place, depth)?;
            match one.standing {
                Standing::In if best.as_ref().is_none_or(|best| self.suits(&one, best, coding)) => best = Some(one),
                Standing::In => {}
                _ => judged.join(one),
            }
        }
        if let Some(best) = best {
            judged = best;
        }
        if set.include.is_empty() {
            judged = self.expanded(set, coding);
        }
        if judged.standing == Standing::Out {
            return Ok(judged);
        }
        for exclude in &set.exclude {
            let out = self.member_of(set, exclude, coding, place, depth)?;
            if out.standing == Standing::In {
                judged.standing = Standing::Out;
            }
        }
        Ok(judged)
    }

    /// Whether an include is of another version of the coding's code system than the coding, while a further one is of the
    /// same.
    fn is_of_other_version(&self, set: &ValueSet, part: &ConceptSet, coding: &Coding<'_>) -> bool {
        let (Some(given), Some(url)) = (coding.version, coding.system) else { return false };
        let fits = |part: &ConceptSet| {
            let (meant, _) = self.meant(url, part.version.as_deref());
            part.system.as_deref() == Some(url) && meant.is_some_and(|meant| version::matches(&meant, given))
        };
        part.system.as_deref() == Some(url) && !fits(part) && set.include.iter().any(fits)
    }

    /// Whether a version of a code fits a coding better than another: by its display, else by being newer.
    fn suits(&self, one: &Judged, other: &Judged, coding: &Coding<'_>) -> bool {
        let named = |judged: &Judged| {
            let names = judged.known.as_ref().map(|known| self.names(known, judged.reference.as_ref()));
            coding.display.is_some_and(|given| names.unwrap_or_default().iter().any(|name| name.value == given))
        };
        let version = |judged: &Judged| {
            let system = judged.known.as_ref().map(|known| known.system.clone());
            system.and_then(|system| system.version.clone()).unwrap_or_default()
        };
        match (named(one), named(other)) {
            (true, false) => true,
            (false, true) => false,
            _ => catalog::compare_versions(&version(one), &version(other)).is_gt(),
        }
    }

    /// By the expansion that came with a value set that is not composed of anything.
    fn expanded(&self, set: &ValueSet, coding: &Coding<'_>) -> Judged {
        let Some(expansion) = &set.expansion else { return Judged::new(Standing::Out) };
        let found = expansion.find(coding.code).any(|one| one.system.as_deref() == coding.system);
        let mut judged = Judged::new(match (found, expansion.is_partial) {
            (true, _) => Standing::In,
            (false, true) => Standing::Unknown,
            (false, false) => Standing::Out,
        });
        judged.known = self.known(coding);
        judged
    }

    /// What is known of a coding by itself.
    pub(super) fn known(&self, coding: &Coding<'_>) -> Option<Known> {
        let system = self.system(coding.system?, coding.version)?;
        let index = system.find(coding.code);
        Some(Known { system, index })
    }

    fn member_of(
        &self,
        set: &ValueSet,
        part: &ConceptSet,
        coding: &Coding<'_>,
        place: &Place,
        depth: usize,
    ) -> Result<Judged, Failure> {
        let mut judged = Judged::new(Standing::In);
        if let Some(system) = part.system.as_deref() {
            if coding.system != Some(system) {
                return Ok(Judged::new(Standing::Out));
            }
            judged = self.selected(part, system, coding, place);
        }
        for reference in &part.value_sets {
            let Some(import) = self.value_set(Some(set), reference) else {
                let text = format!("A definition for the value Set '{}' could not be found", self.pinned(reference));
                let finding = Finding::error(IssueType::NotFound, "not-found", "", text);
                judged.findings.push(finding.id("Unable_to_resolve_value_Set_"));
                judged.standing = Standing::Unknown;
                continue;
            };
            let within = self.member(&import, coding, place, depth + 1)?;
            let standing = match (judged.standing, within.standing) {
                (Standing::Out, _) | (_, Standing::Out) => Standing::Out,
                (Standing::Unknown, _) | (_, Standing::Unknown) => Standing::Unknown,
                _ => Standing::In,
            };
            let missing = std::mem::take(&mut judged.missing);
            let findings = std::mem::take(&mut judged.findings);
            if judged.known.is_none() {
                judged.known = within.known;
                judged.reference = within.reference;
            }
            judged.standing = standing;
            judged.findings = findings.into_iter().chain(within.findings).collect();
            judged.missing = missing.into_iter().chain(within.missing).collect();
        }
        Ok(judged)
    }

    /// A reference with the version that the request pins it to.
    pub(super) fn pinned(&self, reference: &str) -> String {
        match self.asked.value_set_versions.iter().find(|(url, _)| url == reference) {
            Some((url, version)) => format!("{url}|{version}"),
            None => reference.to_owned(),
        }
    }

    fn selected(&self, part: &ConceptSet, url: &str, coding: &Coding<'_>, place: &Place) -> Judged {
        if self.terms.catalog().versions("CodeSystem", url).is_empty()
            && self.terms.catalog().code_system(url).is_none()
            && let Some(valid) = grammar::judge(url, coding.code)
        {
            let listed = part.concepts.is_empty() || part.concept(coding.code).is_some();
            let fits = valid && listed && part.filters.is_empty();
            return Judged::new(if fits { Standing::In } else { Standing::Out });
        }
        let meant = self.meant_system(url, part.version.as_deref(), coding, place);
        let mut judged = Judged::new(Standing::Unknown);
        judged.findings = meant.findings;
        judged.missing = meant.missing;
        let reference = part.concept(coding.code);
        let Some(system) = meant.system else { return judged };
        let index = system.find(coding.code);
        let reference = reference.or_else(|| {
            let index = index.filter(|_| !system.case_sensitive)?;
            part.concept(system.code(index))
        });
        judged.reference = reference.cloned();
        judged.standing = if !part.concepts.is_empty() {
            let here = index.is_some() || !is_all_here(&system);
            if reference.is_some() && here { Standing::In } else { Standing::Out }
        } else {
            match index {
                Some(index) => self.passes(&system, index, &part.filters),
                None if is_all_here(&system) => Standing::Out,
                None => Standing::Unknown,
            }
        };
        judged.known = Some(Known { system, index });
        judged
    }

    fn passes(&self, system: &CodeSystem, index: usize, filters: &[Filter]) -> Standing {
        let mut standing = Standing::In;
        for one in filters {
            match filter::holds(system, index, one) {
                Some(true) => {}
                Some(false) => return Standing::Out,
                None => standing = Standing::Unknown,
            }
        }
        standing
    }

    /// The code system that an include means, and what is to be said of its version and the coding's.
    pub(super) fn meant_system(&self, url: &str, included: Option<&str>, coding: &Coding<'_>, place: &Place) -> Meant {
        let (wanted, changed) = self.meant(url, included);
        let mut meant = Meant { system: None, findings: Vec::new(), missing: Vec::new() };
        let given = coding.version;
        let own = given.and_then(|given| self.system(url, Some(given)));
        meant.system = match (&wanted, given) {
            (None, Some(given)) if own.is_none() => {
                let latest = self.system(url, None);
                if let Some(latest) = &latest {
                    let version = latest.version.as_deref().unwrap_or_default();
                    let text = format!(
                        "The code system '{url}' version '{version}' for the versionless include in the ValueSet include is different to the one in the value ('{given}')"
                    );
                    let finding = Finding::warning(IssueType::Invalid, "vs-invalid", place.at("version"), text);
                    meant.findings.push(finding.id("VALUESET_VALUE_MISMATCH_DEFAULT"));
                }
                latest
            }
            (None, _) => own.clone().or_else(|| self.system(url, None)),
            (Some(wanted), Some(given)) if version::matches(wanted, given) && own.is_some() => own.clone(),
            (Some(wanted), given) => {
                if let Some(given) = given {
                    let from = match changed {
                        true => format!(" resulting from the version '{}'", included.unwrap_or_default()),
                        false => String::new(),
                    };
                    let text = format!(
                        "The code system '{url}' version '{wanted}'{from} in the ValueSet include is different to the one in the value ('{given}')"
                    );
                    let finding = Finding::error(IssueType::Invalid, "vs-invalid", place.at("version"), text);
                    meant.findings.push(finding.id(match changed {
                        true => "VALUESET_VALUE_MISMATCH_CHANGED",
                        false => "VALUESET_VALUE_MISMATCH",
                    }));
                }
                self.system(url, Some(wanted))
            }
        };
        if let Some(given) = given.filter(|_| own.is_none()) {
            self.miss(url, Some(given), place, &mut meant);
        }
        match &meant.system {
            Some(system) => {
                if let Some(text) = self.broken_check(system) {
                    let finding = Finding::error(IssueType::Exception, "version-error", place.at("version"), text);
                    meant.findings.push(finding.id("VALUESET_VERSION_CHECK"));
                }
                if system.content == Content::NotPresent && system.is_empty() {
                    meant.system = None;
                    self.miss(url, None, place, &mut meant);
                }
            }
            None => self.miss(url, wanted.as_deref().or(given), place, &mut meant),
        }
        meant
    }

    fn miss(&self, url: &str, version: Option<&str>, place: &Place, meant: &mut Meant) {
        let finding = self.missing_system(url, version, place, true);
        if !meant.findings.contains(&finding) {
            meant.findings.push(finding);
            meant.missing.push(match version {
                Some(version) => format!("{url}|{version}"),
                None => url.to_owned(),
            });
        }
    }

    /// What to say of a code system that is not here.
    pub(super) fn missing_system(&self, url: &str, version: Option<&str>, place: &Place, quoted: bool) -> Finding {
        let known = !self.terms.catalog().versions("CodeSystem", url).is_empty();
        let id = match version {
            Some(_) if known => "UNKNOWN_CODESYSTEM_VERSION",
            Some(_) => "UNKNOWN_CODESYSTEM_VERSION_NONE",
            None => "UNKNOWN_CODESYSTEM",
        };
        let text = match version {
            Some(version) => format!(
                "A definition for CodeSystem '{url}' version '{version}' could not be found, so the code cannot be validated. {}",
                self.versions_text(url)
            ),
            None if quoted => {
                format!("A definition for CodeSystem '{url}' could not be found, so the code cannot be validated")
            }
            None => format!("A definition for CodeSystem {url} could not be found, so the code cannot be validated"),
        };
        Finding::error(IssueType::NotFound, "not-found", place.at("system"), text).id(id)
    }

    /// Goes through all that a value set imports.
    ///
    /// # Errors
    /// It imports itself.
    pub(super) fn acyclic(
        &self,
        set: &ValueSet,
        above: &mut Vec<String>,
        done: &mut Vec<String>,
    ) -> Result<(), Failure> {
        let name = super::validate::label(set);
        if above.contains(&name) {
            return Err(circular(set));
        }
        if done.contains(&name) {
            return Ok(());
        }
        above.push(name.clone());
        for part in set.include.iter().chain(&set.exclude) {
            for import in part.value_sets.iter().filter_map(|reference| self.value_set(Some(set), reference)) {
                self.acyclic(&import, above, done)?;
            }
        }
        above.pop();
        done.push(name);
        Ok(())
    }

    /// What makes a value set useless: a filter without a value.
    ///
    /// # Errors
    /// It is broken.
    pub(super) fn sound(&self, set: &ValueSet) -> Result<(), Failure> {
        for (name, parts) in [("include", &set.include), ("exclude", &set.exclude)] {
            for (place, part) in parts.iter().enumerate() {
                for (number, one) in part.filters.iter().enumerate() {
                    if one.value.is_empty() {
                        let system = part.system.as_deref().unwrap_or_default();
                        let text = format!(
                            "The system {system} filter with property = {}, op = {} has no value",
                            one.property, one.operator
                        );
                        let path = format!("ValueSet.compose.{name}[{place}].filter[{number}]");
                        let finding = Finding::error(IssueType::Invalid, "vs-invalid", path, text);
                        let finding = finding.id("UNABLE_TO_HANDLE_SYSTEM_FILTER_WITH_NO_VALUE");
                        return Err(Failure::unprocessable(finding));
                    }
                }
            }
        }
        Ok(())
    }
}

/// Whether a code that a code system does not list does not exist.
pub(super) fn is_all_here(system: &CodeSystem) -> bool {
    Terminology::is_complete(system) && !system.compositional
}

/// What to say of value sets that import each other.
pub(super) fn circular(set: &ValueSet) -> Failure {
    let text = format!("Cyclic reference detected: the value set '{}' imports itself", set.url);
    let finding = Finding::error(IssueType::Processing, "vs-invalid", "", text);
    Failure::unprocessable(finding.id("VALUESET_CIRCULAR_REFERENCE"))
}
