//! The operations of a terminology service on what the catalog has: Parameters in, Parameters, a ValueSet or a
//! [`Failure`] out (<http://hl7.org/fhir/R4/terminology-service.html>; the details that the specification leaves open
//! follow the published tests of terminology services, <https://github.com/HL7/fhir-tx-ecosystem-ig>).
//!
//! Resources that come with a request (`tx-resource`) count for that request. Nothing here goes to a network.

mod asked;
mod batch;
mod concept;
mod expand;
mod finding;
mod judge;
mod kept;
mod language;
mod listed;
mod lookup;
mod member;
mod name;
mod told;
mod translate;
mod validate;
mod version;

use std::sync::Arc;

use catalog::{CodeSystem, ValueSet};
use model::{Element, IssueType, Tree};

use asked::{Asked, own_value_set, parameters, text};
pub use batch::batch_validate_code;
pub use expand::Expanding;
pub use finding::{Failure, FailureKind, Finding, outcome};
pub(super) use kept::Expansions;

use super::Terminology;

/// The terminology service for one request.
#[derive(Clone, Debug)]
pub struct Service {
    terms: Terminology,
    asked: Asked,
    supplements: Vec<Arc<CodeSystem>>,
    /// The language of what a value set calls its concepts.
    value_set_language: Option<String>,
}

/// Where in a request something stands: `Coding`, `CodeableConcept.coding[0]`; bare for parameters of their own.
#[derive(Clone, Debug, Default)]
struct Place {
    prefix: String,
}

impl Place {
    fn of(prefix: &str) -> Place {
        Place { prefix: prefix.to_owned() }
    }

    fn is_bare(&self) -> bool {
        self.prefix.is_empty()
    }

    fn at(&self, name: &str) -> String {
        match (self.prefix.as_str(), name) {
            ("", name) => name.to_owned(),
            (prefix, "") => prefix.to_owned(),
            (prefix, name) => format!("{prefix}.{name}"),
        }
    }
}

impl Service {
    /// The service for a request's Parameters, in the languages that its `Accept-Language` header asks for where it has
    /// no `displayLanguage`.
    ///
    /// # Errors
    /// A parameter cannot be understood.
    pub fn new(terms: &Terminology, request: Element<'_>, accept_language: Option<&str>) -> Result<Service, Failure> {
        let asked = Asked::read(request, accept_language)?;
        let own: Vec<Tree> = parameters(request, "tx-resource").map(Tree::from_element).collect();
        let terms = match own.is_empty() {
            true => terms.clone(),
            false => Terminology::new(Arc::new(terms.catalog().with(own))),
        };
        Ok(Service { terms, asked, supplements: Vec::new(), value_set_language: None })
    }

    /// The value set that a request is about: its own (`valueSet`), or that of `url` and `valueSetVersion`.
    fn asked_value_set(&self, request: Element<'_>) -> Result<Arc<ValueSet>, Failure> {
        if let Some(own) = own_value_set(request) {
            return Ok(own);
        }
        let Some(url) = text(request, "url") else {
            return Err(Failure::malformed("No value set: there is neither url nor valueSet"));
        };
        let reference = match text(request, "valueSetVersion") {
            Some(version) => format!("{url}|{version}"),
            None => self.pinned(url),
        };
        self.value_set(None, &reference).ok_or_else(|| {
            let text = format!("A definition for the value Set '{reference}' could not be found");
            let mut failure = Failure::not_found("not-found", text);
            failure.findings.iter_mut().for_each(|one| one.message_id = Some("Unable_to_resolve_value_Set_"));
            failure
        })
    }

    /// Takes in what a value set asks for itself: supplements, a language.
    fn prepare(&mut self, set: Option<&Arc<ValueSet>>) -> Result<(), Failure> {
        let mut wanted = self.asked.supplements.clone();
        if let Some(set) = set {
            wanted.extend(set.supplements.iter().map(|one| one.to_string()));
            self.value_set_language = set.language.as_deref().map(str::to_owned);
            let own = set.parameters.iter().find(|(name, _)| **name == *"displayLanguage").map(|(_, value)| &**value);
            if let Some(language) = own.or(set.language.as_deref()).filter(|_| self.asked.languages.is_empty()) {
                self.asked.languages = language::Languages::parse(language).unwrap_or_default();
            }
        }
        for url in wanted {
            match self.terms.catalog().code_system(&url).filter(|one| one.supplements.is_some()) {
                Some(found) => self.supplements.push(found),
                None => {
                    let text = format!("Required supplement not found: {url}");
                    let finding = Finding::error(IssueType::NotFound, "not-found", "", text);
                    return Err(Failure::unprocessable(finding.id("VALUESET_SUPPLEMENT_MISSING")));
                }
            }
        }
        Ok(())
    }
}
