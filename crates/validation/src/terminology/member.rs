//! Membership in value sets: enumerations, whole code systems, filters, imports, exclusions, expansions
//! (<http://hl7.org/fhir/R4/valueset.html#compositions>).

use std::sync::Arc;

use catalog::{ConceptSet, ValueSet};

use super::{CodeVerdict, Coding, Membership, Terminology, filter};

/// Value sets that import value sets that import …
const DEPTH: usize = 16;

impl Terminology {
    /// Whether a code is in the value set of a canonical reference.
    pub fn contains(&self, value_set: &str, coding: &Coding<'_>) -> Membership {
        let membership = match self.value_set(value_set) {
            Some(found) => self.of_version(value_set, &found, self.is_in(&found, coding, 0)),
            None => Membership::Unknown(format!("the value set {value_set} is not known").into()),
        };
        match (membership, &self.elsewhere) {
            (Membership::Unknown(reason), Some(elsewhere)) => elsewhere.ask(value_set, coding, reason),
            (membership, _) => membership,
        }
    }

    /// Whether a text is the display of a listed concept of a value set.
    pub(crate) fn is_display(&self, value_set: &str, text: &str) -> Membership {
        let Some(found) = self.value_set(value_set) else {
            return Membership::Unknown(format!("the value set {value_set} is not known").into());
        };
        let mut partial = false;
        for include in &found.include {
            if include.concepts.iter().any(|one| one.display.as_deref() == Some(text)) {
                return Membership::In;
            }
            let system = include.system.as_deref().and_then(|system| self.code_system(system, None));
            match system {
                Some(system) if (0..system.len()).any(|index| system.display(index) == Some(text)) => {
                    return Membership::In;
                }
                Some(system) if Self::is_complete(&system) => {}
                _ => partial |= include.concepts.is_empty() || include.concepts.iter().any(|one| one.display.is_none()),
            }
        }
        match partial {
            true => Membership::Unknown(format!("the displays of {value_set} are not all here").into()),
            false => Membership::Out,
        }
    }

    /// Whether a code is in a value set.
    pub fn is_member(&self, value_set: &ValueSet, coding: &Coding<'_>) -> Membership {
        self.is_in(value_set, coding, 0)
    }

    /// What another version of a value set does not have may be in the version that was asked for.
    fn of_version(&self, asked: &str, found: &ValueSet, membership: Membership) -> Membership {
        let asked = catalog::Canonical::of(asked);
        if membership != Membership::Out || asked.accepts(found.version.as_deref()) {
            return membership;
        }
        let (wanted, here) = (asked.version.unwrap_or_default(), found.version.as_deref().unwrap_or("none"));
        Membership::Unknown(format!("version {wanted} of it is not known, and version {here} does not have it").into())
    }

    fn is_in(&self, value_set: &ValueSet, coding: &Coding<'_>, depth: usize) -> Membership {
        if depth >= DEPTH {
            return Membership::Unknown(format!("the value set {} imports itself", value_set.url).into());
        }
        if value_set.include.is_empty() && value_set.expansion.is_none() {
            return Membership::Unknown(format!("the value set {} has no content here", value_set.url).into());
        }
        let composed = self.is_composed(value_set, coding, depth);
        match (&composed, &value_set.expansion) {
            (Membership::Unknown(_), Some(expansion)) => {
                let fits = |system: Option<&str>| coding.system.is_none() || system == coding.system;
                if expansion.find(coding.code).any(|found| fits(found.system.as_deref())) {
                    Membership::In
                } else if expansion.is_partial {
                    composed
                } else {
                    Membership::Out
                }
            }
            _ => composed,
        }
    }

    fn is_composed(&self, value_set: &ValueSet, coding: &Coding<'_>, depth: usize) -> Membership {
        if value_set.include.is_empty() {
            return Membership::Unknown(
                format!("the value set {} is not composed of anything here", value_set.url).into(),
            );
        }
        let mut result = Membership::Out;
        for include in &value_set.include {
            match self.is_of(include, coding, depth) {
                Membership::In => {
                    result = Membership::In;
                    break;
                }
                Membership::Unknown(reason) => result = Membership::Unknown(reason),
                Membership::Out => {}
            }
        }
        if result == Membership::Out {
            return result;
        }
        for exclude in &value_set.exclude {
            match self.is_of(exclude, coding, depth) {
                Membership::In => return Membership::Out,
                Membership::Unknown(reason) => result = Membership::Unknown(reason),
                Membership::Out => {}
            }
        }
        result
    }

    /// Whether a code is in one include or exclude: of its system, and in all of its value sets.
    fn is_of(&self, set: &ConceptSet, coding: &Coding<'_>, depth: usize) -> Membership {
        let mut result = match &set.system {
            Some(system) => self.is_selected(set, system, coding),
            None => Membership::In,
        };
        for import in &set.value_sets {
            if result == Membership::Out {
                return result;
            }
            let imported = match self.value_set(import) {
                Some(found) => self.of_version(import, &found, self.is_in(&found, coding, depth + 1)),
                None => Membership::Unknown(format!("the value set {import} is not known").into()),
            };
            if imported != Membership::In {
                result = imported;
            }
        }
        result
    }

    fn is_selected(&self, set: &ConceptSet, system: &str, coding: &Coding<'_>) -> Membership {
        if coding.system.is_some_and(|given| given != system) {
            return Membership::Out;
        }
        let coding = Coding { system: Some(system), ..*coding };
        if !set.concepts.is_empty() {
            return self.is_listed(set, system, coding.code);
        }
        if set.filters.is_empty() {
            return match self.check(&coding) {
                CodeVerdict::Known { .. } => Membership::In,
                CodeVerdict::NotThere => Membership::Out,
                CodeVerdict::Undecided => Membership::Unknown(self.incomplete(system)),
            };
        }
        let Some(found) = self.code_system(system, set.version.as_deref()) else {
            return Membership::Unknown(self.incomplete(system));
        };
        let Some(index) = found.find(coding.code) else {
            return match Self::is_complete(&found) && !found.compositional {
                true => Membership::Out,
                false => Membership::Unknown(self.incomplete(system)),
            };
        };
        let mut result = Membership::In;
        for filter in &set.filters {
            match filter::holds(&found, index, filter) {
                Some(true) => {}
                Some(false) => return Membership::Out,
                None => {
                    let text =
                        format!("the filter {} {} of {system} cannot be decided", filter.property, filter.operator);
                    result = Membership::Unknown(text.into());
                }
            }
        }
        result
    }

    fn is_listed(&self, set: &ConceptSet, system: &str, code: &str) -> Membership {
        if set.concept(code).is_some() {
            return Membership::In;
        }
        let insensitive = self.code_system(system, None).is_some_and(|system| !system.case_sensitive);
        if insensitive && set.concepts.iter().any(|concept| concept.code.eq_ignore_ascii_case(code)) {
            return Membership::In;
        }
        Membership::Out
    }

    /// Why a code system does not settle the matter.
    fn incomplete(&self, system: &str) -> Arc<str> {
        match self.code_system(system, None) {
            Some(_) => format!("the code system {system} is here only in part").into(),
            None => format!("the code system {system} is not here").into(),
        }
    }
}
