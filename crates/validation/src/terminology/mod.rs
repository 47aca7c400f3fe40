//! Terminology in process: is a code in a code system, in a value set; what it means, what stands above it, what it
//! becomes (<http://hl7.org/fhir/R4/terminology-service.html>).
//!
//! Everything comes from the catalog, from a library (UCUM) or from a grammar or table of ours (media types, languages,
//! countries, currencies). What cannot be decided from these is [`Membership::Unknown`] with the reason: the caller says
//! so, and neither accepts nor refuses. Nothing here goes to a network.

mod coding;
mod elsewhere;
mod filter;
mod grammar;
mod member;
mod quantity;
pub mod service;
mod table;

use std::sync::Arc;

use catalog::{Canonical, Catalog, CodeSystem, Content, ValueSet};
use model::Element;

pub use coding::{CodeVerdict, Coding};
pub(crate) use elsewhere::Elsewhere;
pub use elsewhere::{Answers, Question, Told};

/// Whether a code is in a value set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Membership {
    /// It is.
    In,
    /// It is not.
    Out,
    /// That cannot be decided here; why, for a person.
    Unknown(Arc<str>),
}

/// The terminology of one catalog.
#[derive(Clone, Debug)]
pub struct Terminology {
    catalog: Arc<Catalog>,
    /// What somebody else answered, of one validation.
    elsewhere: Option<Arc<Elsewhere>>,
    /// Large expansions that were asked for.
    expansions: Arc<service::Expansions>,
}

impl Terminology {
    /// The terminology of a catalog.
    pub fn new(catalog: Arc<Catalog>) -> Terminology {
        Terminology { catalog, elsewhere: None, expansions: Arc::default() }
    }

    /// The same with answers from elsewhere; what has none yet becomes a question.
    pub fn asking(&self, answers: Answers) -> Terminology {
        self.with(Arc::new(Elsewhere::with(answers)))
    }

    /// The questions that came up since [`Terminology::asking`] and had no answer.
    pub fn questions(&self) -> Vec<Question> {
        self.elsewhere.as_ref().map(|elsewhere| elsewhere.questions()).unwrap_or_default()
    }

    /// The same with answers to what cannot be decided here.
    pub(crate) fn with(&self, elsewhere: Arc<Elsewhere>) -> Terminology {
        Terminology { elsewhere: Some(elsewhere), ..self.clone() }
    }

    /// The value set of a canonical reference; where that names a version that is not here, any version.
    pub fn value_set(&self, canonical: &str) -> Option<Arc<ValueSet>> {
        self.catalog.value_set(canonical).or_else(|| self.catalog.value_set(Canonical::of(canonical).url))
    }

    /// The code system of a URI; where a version is asked for that is not here, any version.
    pub fn code_system(&self, system: &str, version: Option<&str>) -> Option<Arc<CodeSystem>> {
        let exact = version.and_then(|version| self.catalog.code_system(&format!("{system}|{version}")));
        exact.or_else(|| self.catalog.code_system(system))
    }

    /// The catalog it draws from.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Whether a code without a system is in a value set.
    pub(crate) fn code_membership(&self, value_set: &str, code: &str) -> Membership {
        self.contains(value_set, &Coding { code, ..Coding::default() })
    }

    /// Whether an element (code, Coding, CodeableConcept, Quantity) has a code of a value set.
    pub(crate) fn membership(&self, value_set: &str, element: Element<'_>) -> Membership {
        let mut unknown = None;
        let mut any = false;
        let mut result = Membership::Out;
        // Outside of a code only its system gives a code a meaning (datatypes.html#Coding).
        let alone = element.text().is_some();
        Coding::each(element, |coding| {
            any = true;
            if coding.system.is_none() && !alone {
                return;
            }
            match self.contains(value_set, &coding) {
                Membership::In => result = Membership::In,
                Membership::Unknown(reason) => unknown = Some(reason),
                Membership::Out => {}
            }
        });
        match (result, unknown) {
            (Membership::In, _) => Membership::In,
            (_, Some(reason)) => Membership::Unknown(reason),
            (result, None) => result,
        }
    }

    /// Whether an element surely has a code of a value set.
    pub(crate) fn has_any(&self, value_set: &str, element: Element<'_>) -> bool {
        self.membership(value_set, element) == Membership::In
    }

    /// Whether an element has no code, or one that may be of a value set.
    pub(crate) fn may_have(&self, value_set: &str, element: Element<'_>) -> bool {
        let mut has_code = false;
        Coding::each(element, |_| has_code = true);
        !has_code || self.membership(value_set, element) != Membership::Out
    }

    /// Whether a code system is all here, so that a code that is not found does not exist.
    pub(crate) fn is_complete(system: &CodeSystem) -> bool {
        system.content == Content::Complete && !(system.is_empty() && system.count != Some(0))
    }
}
