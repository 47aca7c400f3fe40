//! `$validate-code`, `$lookup`, `$subsumes` and `$translate` with their results as data
//! (<http://hl7.org/fhir/R4/terminology-service.html>).

use catalog::{Designation, Unmapped};

use super::expand::{in_language, is_settled};
use super::{CodeVerdict, Coding, Membership, Terminology};

/// The answer of `$validate-code`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CodeValidation {
    /// Whether one of the codes is valid; `None` where that cannot be decided here.
    pub result: Option<bool>,
    /// The code that is, or the one that was asked for.
    pub code: Option<String>,
    /// Its system.
    pub system: Option<String>,
    /// The system's version.
    pub version: Option<String>,
    /// The display it should have.
    pub display: Option<String>,
    /// What is wrong or could not be decided, one sentence each.
    pub messages: Vec<String>,
}

/// What is known of a concept: the answer of `$lookup`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Concept {
    /// The name of its code system.
    pub name: String,
    /// The system's version.
    pub version: Option<String>,
    /// The display, in the asked language where there is one.
    pub display: Option<String>,
    /// Further names.
    pub designations: Vec<Designation>,
    /// Properties: code, value; `parent` and `child` come from the hierarchy.
    pub properties: Vec<(String, String)>,
    /// Only groups others.
    pub is_abstract: bool,
    /// Not for use any more.
    pub inactive: bool,
}

/// How two concepts relate: <http://hl7.org/fhir/R4/valueset-concept-subsumption-outcome.html>.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Subsumption {
    /// The same concept.
    Equivalent,
    /// A is above B.
    Subsumes,
    /// A is below B.
    SubsumedBy,
    /// Neither.
    NotSubsumed,
}

impl Subsumption {
    /// The FHIR code.
    pub fn code(self) -> &'static str {
        match self {
            Subsumption::Equivalent => "equivalent",
            Subsumption::Subsumes => "subsumes",
            Subsumption::SubsumedBy => "subsumed-by",
            Subsumption::NotSubsumed => "not-subsumed",
        }
    }
}

/// Why an operation has no answer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LookupError {
    /// The code system is not here, or too little of it.
    #[error("the code system {0} is not here, or not all of it")]
    UnknownSystem(String),
    /// The code system has no such code.
    #[error("the code system {0} has no code '{1}'")]
    UnknownCode(String, String),
    /// The concept map is not here.
    #[error("the concept map {0} is not known")]
    UnknownMap(String),
}

/// One translation: the answer of `$translate`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Translation {
    /// <http://hl7.org/fhir/R4/valueset-concept-map-equivalence.html>
    pub equivalence: String,
    /// The code system it leads to.
    pub system: Option<String>,
    /// The code; `None` where the map says there is none.
    pub code: Option<String>,
    /// Its display.
    pub display: Option<String>,
    /// The map that says so.
    pub map: String,
}

const MAPS: usize = 8;

impl Terminology {
    /// Whether one of some codes (those of a CodeableConcept, or just one) is in a value set, and the display fits.
    pub fn validate_in_value_set(&self, value_set: &str, codings: &[Coding<'_>]) -> CodeValidation {
        let mut answer = CodeValidation { result: Some(false), ..CodeValidation::default() };
        for coding in codings {
            let mut membership = self.contains(value_set, coding);
            if membership == Membership::In
                && let Some(found) = self.value_set(value_set)
            {
                membership = self.in_version(&found, coding);
            }
            match &membership {
                Membership::In => {
                    let own = self.validate_in_system(coding);
                    let messages = own.messages.into_iter().filter(|_| own.result == Some(false)).collect();
                    let result = if own.result == Some(false) { Some(false) } else { Some(true) };
                    return CodeValidation { result, messages, ..self.named(coding, own.display) };
                }
                Membership::Out => {
                    answer.messages.push(format!("The code '{coding}' is not in the value set '{value_set}'."));
                }
                Membership::Unknown(reason) => {
                    answer
                        .messages
                        .push(format!("Whether '{coding}' is in '{value_set}' cannot be decided: {reason}."));
                }
            }
            if !is_settled(&membership) {
                answer.result = None;
            }
        }
        match codings {
            [one] => CodeValidation { result: answer.result, messages: answer.messages, ..self.named(one, None) },
            _ => answer,
        }
    }

    /// Whether a code is in its code system, and the display fits.
    pub fn validate_in_system(&self, coding: &Coding<'_>) -> CodeValidation {
        let system = coding.system.unwrap_or_default();
        let (result, display, message) = match self.check(coding) {
            CodeVerdict::Known { display, fits: Some(false), .. } => {
                let known = display.clone().unwrap_or_default();
                let given = coding.display.unwrap_or_default();
                (Some(false), display, Some(format!("Wrong display '{given}' for {coding}: it is '{known}'.")))
            }
            CodeVerdict::Known { display, .. } => (Some(true), display, None),
            CodeVerdict::NotThere => {
                (Some(false), None, Some(format!("The code system '{system}' has no code '{}'.", coding.code)))
            }
            CodeVerdict::Undecided => {
                (None, None, Some(format!("The code system '{system}' is not here, or not all of it.")))
            }
        };
        CodeValidation { result, messages: message.into_iter().collect(), ..self.named(coding, display) }
    }

    fn named(&self, coding: &Coding<'_>, display: Option<String>) -> CodeValidation {
        let system = coding.system.and_then(|system| self.code_system(system, coding.version));
        CodeValidation {
            code: Some(coding.code.to_owned()),
            system: coding.system.map(str::to_owned),
            version: system.and_then(|system| system.version.as_deref().map(str::to_owned)),
            display,
            ..CodeValidation::default()
        }
    }

    /// What is known of a code.
    ///
    /// # Errors
    /// The code system is not here, or does not have the code.
    pub fn lookup(&self, coding: &Coding<'_>, language: Option<&str>) -> Result<Concept, LookupError> {
        let url = coding.system.unwrap_or_default();
        let unknown = || LookupError::UnknownSystem(url.to_owned());
        let system = self.code_system(url, coding.version).ok_or_else(unknown)?;
        let Some(index) = system.find(coding.code) else {
            return Err(match Self::is_complete(&system) {
                true => LookupError::UnknownCode(url.to_owned(), coding.code.to_owned()),
                false => unknown(),
            });
        };
        let mut designations = system.designations(index).to_vec();
        for supplement in self.catalog().supplements(url) {
            if let Some(index) = supplement.find(coding.code) {
                designations.extend_from_slice(supplement.designations(index));
            }
        }
        let own = system.display(index).map(str::to_owned);
        let translated = language.and_then(|language| in_language(&designations, language)).map(str::to_owned);
        let properties = system.properties_of(index).map(|one| (one.code.to_owned(), one.value.to_owned()));
        let mut properties: Vec<(String, String)> = properties.collect();
        for (name, related) in [("parent", system.parents(index)), ("child", system.children(index))] {
            for other in related {
                let pair = (name.to_owned(), system.code(*other as usize).to_owned());
                if !properties.contains(&pair) {
                    properties.push(pair);
                }
            }
        }
        Ok(Concept {
            name: system.name.to_string(),
            version: system.version.as_deref().map(str::to_owned),
            display: translated.or(own),
            designations,
            properties,
            is_abstract: system.is_abstract(index),
            inactive: system.is_inactive(index),
        })
    }

    /// How two codes of one system relate.
    ///
    /// # Errors
    /// The code system is not here, or does not have one of the codes.
    pub fn subsumes(&self, system: &str, version: Option<&str>, a: &str, b: &str) -> Result<Subsumption, LookupError> {
        let found = self.code_system(system, version).ok_or_else(|| LookupError::UnknownSystem(system.to_owned()))?;
        let index = |code: &str| {
            found.find(code).ok_or_else(|| match Self::is_complete(&found) {
                true => LookupError::UnknownCode(system.to_owned(), code.to_owned()),
                false => LookupError::UnknownSystem(system.to_owned()),
            })
        };
        let (left, right) = (index(a)?, index(b)?);
        Ok(if left == right {
            Subsumption::Equivalent
        } else if found.is_a(right, left) {
            Subsumption::Subsumes
        } else if found.is_a(left, right) {
            Subsumption::SubsumedBy
        } else {
            Subsumption::NotSubsumed
        })
    }

    /// What a code becomes by a concept map, or by every map to a target (value set or code system) where none is named.
    ///
    /// # Errors
    /// The concept map is not known.
    pub fn translate(
        &self,
        map: Option<&str>,
        coding: &Coding<'_>,
        target: Option<&str>,
    ) -> Result<Vec<Translation>, LookupError> {
        let maps: Vec<String> = match map {
            Some(map) => vec![map.to_owned()],
            None => self.catalog().resources("ConceptMap").iter().map(|found| found.url().to_owned()).collect(),
        };
        let mut found = Vec::new();
        for url in &maps {
            let Some(concept_map) = self.catalog().concept_map(url) else {
                return Err(LookupError::UnknownMap(url.clone()));
            };
            let fits = map.is_some() || target.is_none() || concept_map.target.as_deref() == target;
            let by_system = concept_map.groups.iter().any(|group| group.target.as_deref() == target);
            if fits || by_system {
                self.translate_by(url, coding, target, &mut found, 0)?;
            }
        }
        Ok(found)
    }

    fn translate_by(
        &self,
        url: &str,
        coding: &Coding<'_>,
        target: Option<&str>,
        found: &mut Vec<Translation>,
        depth: usize,
    ) -> Result<(), LookupError> {
        let map = self.catalog().concept_map(url).ok_or_else(|| LookupError::UnknownMap(url.to_owned()))?;
        for group in &map.groups {
            let from = group.source.is_none() || coding.system.is_none() || group.source.as_deref() == coding.system;
            let to = target.is_none() || map.target.as_deref() == target || group.target.as_deref() == target;
            if !from || !to {
                continue;
            }
            let translation = |equivalence: &str, code: Option<&str>, display: Option<&str>| Translation {
                equivalence: equivalence.to_owned(),
                system: group.target.as_deref().map(str::to_owned),
                code: code.map(str::to_owned),
                display: display.map(str::to_owned),
                map: url.to_owned(),
            };
            let before = found.len();
            for (_, targets) in group.elements.iter().filter(|(code, _)| **code == *coding.code) {
                found.extend(
                    targets
                        .iter()
                        .map(|one| translation(&one.equivalence, one.code.as_deref(), one.display.as_deref())),
                );
            }
            if found.len() > before {
                continue;
            }
            match &group.unmapped {
                Some(Unmapped::Provided) => found.push(translation("equal", Some(coding.code), coding.display)),
                Some(Unmapped::Fixed(code)) => found.push(translation("wider", Some(code), None)),
                Some(Unmapped::OtherMap(other)) if depth < MAPS => {
                    self.translate_by(other, coding, target, found, depth + 1)?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}
