//! A code with its system, wherever it stands, and what its code system says of it.

use model::Element;

use super::{Terminology, grammar};
use crate::known;

/// A code with its system.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Coding<'a> {
    /// The code system's URI; `None` where only the context tells.
    pub system: Option<&'a str>,
    /// Its version.
    pub version: Option<&'a str>,
    /// The code.
    pub code: &'a str,
    /// The display that came with it.
    pub display: Option<&'a str>,
}

/// What a code system says of a code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CodeVerdict {
    /// It is there.
    Known {
        /// Its display, where that is known.
        display: Option<String>,
        /// Whether the display that came with it is one of its names; `None` where none came or none is known.
        fits: Option<bool>,
        /// Not for use any more.
        inactive: bool,
        /// Only groups others.
        is_abstract: bool,
    },
    /// The code system is all here and does not have it.
    NotThere,
    /// The code system is here in part, or not at all.
    Undecided,
}

impl<'t> Coding<'t> {
    /// The Coding of a Coding element; `None` where it has no code.
    pub fn of(element: Element<'t>) -> Option<Coding<'t>> {
        Some(Coding {
            code: known::text(element, &known::CODE)?,
            system: known::text(element, &known::SYSTEM),
            version: known::text(element, &known::VERSION),
            display: known::text(element, &known::DISPLAY),
        })
    }

    /// Calls `each` with every code of a code, Coding, CodeableConcept, Quantity or string element.
    pub(crate) fn each(element: Element<'t>, mut each: impl FnMut(Coding<'t>)) {
        if let Some(code) = element.text() {
            each(Coding { code, ..Coding::default() });
        } else if let Some(first) = known::get(element, &known::CODING) {
            element.named(first.name_id()).filter_map(Coding::of).for_each(each);
        } else if let Some(coding) = Coding::of(element) {
            each(coding);
        } else if let Some(coding) = element.get("concept").filter(|concept| concept.get("coding").is_some()) {
            coding.all("coding").filter_map(Coding::of).for_each(each);
        }
    }
}

impl std::fmt::Display for Coding<'_> {
    /// `system|version#code`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(system) = self.system {
            write!(f, "{system}")?;
            if let Some(version) = self.version {
                write!(f, "|{version}")?;
            }
            write!(f, "#")?;
        }
        write!(f, "{}", self.code)
    }
}

impl Terminology {
    /// What the code system of a coding says of its code.
    pub fn check(&self, coding: &Coding<'_>) -> CodeVerdict {
        let Some(system) = coding.system else { return CodeVerdict::Undecided };
        if let Some(valid) = grammar::judge(system, coding.code) {
            return match valid {
                true => CodeVerdict::Known { display: None, fits: None, inactive: false, is_abstract: false },
                false => CodeVerdict::NotThere,
            };
        }
        let Some(found) = self.code_system(system, coding.version) else { return CodeVerdict::Undecided };
        let Some(index) = found.find(coding.code) else {
            let complete = Self::is_complete(&found) && !found.compositional;
            return if complete { CodeVerdict::NotThere } else { CodeVerdict::Undecided };
        };
        let display = found.display(index);
        let fits = match (coding.display, display) {
            (Some(given), Some(display)) => Some(
                same_words(given, display)
                    || found.designations(index).iter().any(|one| same_words(given, &one.value))
                    || self.supplemented(system, coding.code, given),
            ),
            _ => None,
        };
        CodeVerdict::Known {
            display: display.map(str::to_owned),
            fits,
            inactive: found.is_inactive(index),
            is_abstract: found.is_abstract(index),
        }
    }

    fn supplemented(&self, system: &str, code: &str, given: &str) -> bool {
        self.catalog().supplements(system).iter().any(|supplement| {
            supplement.find(code).is_some_and(|index| {
                supplement.display(index).is_some_and(|display| same_words(given, display))
                    || supplement.designations(index).iter().any(|one| same_words(given, &one.value))
            })
        })
    }
}

/// Whether two displays are the same but for case and blanks.
pub(crate) fn same_words(left: &str, right: &str) -> bool {
    left == right || {
        let words = |text: &str| text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>();
        words(left) == words(right)
    }
}
