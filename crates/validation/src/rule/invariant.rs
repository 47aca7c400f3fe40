//! Invariants (<http://hl7.org/fhir/R4/conformance-rules.html#constraints>), each in FHIRPath.

use fhirpath::{Environment, Host, Item, Prepared};
use model::{Element, IssueType};

use crate::pass::Pass;
use crate::places::Places;
use crate::program::{Rule, Shortcut, State};
use crate::terminology::{Membership, Terminology};

/// Evaluates every invariant of a state.
pub(crate) fn check<'t>(pass: &mut Pass<'_, 't>, element: Element<'t>, state: &State) {
    for rule in &state.rules {
        if rule.best_practice && (!pass.options.best_practice || pass.is_trial()) {
            continue;
        }
        match holds(pass, element, rule) {
            Ok(true) => {}
            Ok(false) => broken(pass, element, rule),
            Err(reason) => {
                let key = format!("{} {reason}", rule.key);
                if pass.once(&key) {
                    pass.warning(IssueType::Processing, element, &rule.key, || {
                        format!("The rule could not be decided: {reason} ({})", rule.text)
                    });
                }
            }
        }
        if pass.is_settled() {
            return;
        }
    }
}

fn broken<'t>(pass: &mut Pass<'_, 't>, element: Element<'t>, rule: &Rule) {
    pass.report(rule.severity, IssueType::Invariant, element, &rule.key, || {
        let of = rule.source.as_deref().map(|source| format!(" (of {source})")).unwrap_or_default();
        let kind = if rule.best_practice { "Recommended" } else { "Rule" };
        format!("{kind} {} does not hold: {}{of}", rule.key, rule.text)
    });
}

fn holds<'t>(pass: &Pass<'_, 't>, element: Element<'t>, rule: &Rule) -> Result<bool, String> {
    match &rule.how {
        Shortcut::HasContent => Ok(element.value().is_some() || element.children().any(|child| child.name() != "id")),
        Shortcut::ValueOrExtensions => {
            let (mut value, mut extensions) = (false, false);
            for child in element.children() {
                value |= child.name().starts_with("value");
                extensions |= child.name() == "extension";
            }
            Ok(value != extensions)
        }
        Shortcut::Elsewhere => Ok(true),
        Shortcut::Broken(reason) => Err(reason.clone()),
        Shortcut::Expression(expression) => {
            let host = Knowledge { places: pass.places(), terminology: pass.terminology, pass };
            let mut environment = Environment::new(&pass.prepared).with_host(&host).with_now(pass.options.now);
            if let Some(parent) = element.parent().filter(|_| rule.outer) {
                environment = environment.with_resource(parent.resource()).with_root_resource(parent.resource());
            }
            expression.is_true(element, &environment).map_err(|error| error.to_string())
        }
    }
}

/// What expressions may ask.
struct Knowledge<'p, 'v, 't> {
    places: &'p Places<'t>,
    terminology: &'v Terminology,
    pass: &'p Pass<'v, 't>,
}

impl<'t> Host<'t> for Knowledge<'_, '_, 't> {
    fn resolve(&self, reference: &str, from: Option<Element<'t>>) -> Option<Element<'t>> {
        self.places.resolve(from.unwrap_or(self.places.root()), reference)
    }

    fn member_of(&self, item: &Item<'t>, value_set: &str) -> Option<bool> {
        let membership = match item.element() {
            Some(element) => self.terminology.membership(value_set, element),
            None => self.terminology.code_membership(value_set, item.text()?),
        };
        match membership {
            Membership::In => Some(true),
            Membership::Out => Some(false),
            Membership::Unknown(_) => None,
        }
    }

    fn conforms_to(&self, element: Element<'t>, profile: &str) -> Result<Option<bool>, String> {
        let Some(root) = self.pass.programs.root(profile) else {
            return Err(format!("the profile {profile} is not known"));
        };
        let prepared = Prepared::new(self.pass.tree, self.pass.prepared.shapes());
        let mut pass =
            Pass::new(self.pass.programs, self.pass.terminology, self.pass.options, self.pass.tree, prepared);
        pass.depth = self.pass.depth + 1;
        if pass.depth > 8 {
            return Ok(None);
        }
        Ok(Some(pass.meets(element, root)))
    }

    fn trace(&self, _: &str, _: &[Item<'t>]) {}
}
