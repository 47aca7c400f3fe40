//! `ValueSet/$validate-code` where what decides is not here: what a terminology server elsewhere said, if one is asked.

use std::sync::Arc;

use catalog::ValueSet;
use model::{Element, Tree};

use super::asked::text;
use super::finding::Failure;
use super::validate::{Checked, Subject, parameters_of};
use super::{Place, Service};
use crate::terminology::{Coding, Membership};

impl Service {
    /// Whether a code is in a value set as somebody else has it; `None` where nobody said.
    pub(super) fn told(&self, value_set: &str, coding: &Coding<'_>) -> Option<bool> {
        let elsewhere = self.terms.elsewhere.as_ref().filter(|_| value_set.contains(':'))?;
        match elsewhere.ask(value_set, coding, "".into()) {
            Membership::In => Some(true),
            Membership::Out => Some(false),
            Membership::Unknown(_) => None,
        }
    }

    /// The answer for a value set that is not here at all; `None` where nobody has one.
    pub(super) fn validate_elsewhere(&self, request: Element<'_>) -> Option<Result<Tree, Failure>> {
        self.terms.elsewhere.as_ref()?;
        let url = text(request, "url")?;
        let named = match text(request, "valueSetVersion") {
            Some(version) => format!("{url}|{version}"),
            None => url.to_owned(),
        };
        let subject = match self.subject(request, text(request, "system")) {
            Ok(subject) => subject,
            Err(failure) => return Some(Err(failure)),
        };
        let (codings, concept, place) = match &subject {
            Subject::Code(coding) => (vec![*coding], None, Place::default()),
            Subject::Coding(coding) => (vec![*coding], None, Place::of("Coding")),
            Subject::Concept(concept, codings) => (codings.clone(), Some(*concept), Place::of("CodeableConcept")),
        };
        // All are asked of, so that one round of questions is enough.
        let told: Vec<Option<bool>> = codings.iter().map(|coding| self.told(&named, coding)).collect();
        let chosen = told.iter().position(|told| *told == Some(true));
        if chosen.is_none() && told.contains(&None) {
            return None;
        }
        let coding = codings.get(chosen.unwrap_or(0));
        let system = coding.and_then(|coding| coding.system).map(str::to_owned);
        let mut checked = Checked { is_in: chosen.is_some(), system, ..Checked::default() };
        if chosen.is_none() {
            let mut set = Tree::new("ValueSet");
            set.edit().set("url", named.as_str());
            let set = Arc::new(ValueSet::read(&set));
            for coding in &codings {
                self.not_in(Some(&set), coding, &place, false, &mut checked);
            }
        }
        Some(Ok(parameters_of(&checked, concept, coding)))
    }
}
