//! Codes: those of bound value sets (<http://hl7.org/fhir/R4/terminologies.html#binding>), and every Coding against its
//! code system. What cannot be decided here is a warning that says so.

use catalog::{AdditionalBinding, BindingStrength};
use model::{Element, IssueType, Severity};

use crate::pass::Pass;
use crate::program::{Bound, State};
use crate::terminology::{CodeVerdict, Coding, Membership};

/// R4 binds every component of a vital sign to these units, which was not meant (an inspired oxygen flow has litres a
/// minute) and is gone in R5: it is a recommendation here.
const VITAL_UNITS: &str = "http://hl7.org/fhir/ValueSet/ucum-vitals-common";

/// Quantity and the types that are nothing else.
pub(crate) const QUANTITIES: [&str; 7] =
    ["Quantity", "Age", "Distance", "Duration", "Count", "MoneyQuantity", "SimpleQuantity"];

/// Holds an element against its bindings, and a Coding or Quantity against its code system.
pub(crate) fn check<'t>(pass: &mut Pass<'_, 't>, element: Element<'t>, state: &State) {
    if state.is_coding {
        coding(pass, element);
    } else if state.is_quantity {
        unit(pass, element);
    }
    for bound in &state.bounds {
        one(pass, element, state, bound);
    }
}

fn one<'t>(pass: &mut Pass<'_, 't>, element: Element<'t>, state: &State, bound: &Bound) {
    let binding = &bound.binding;
    let has_code = has_code(element);
    if let Some(value_set) = &binding.value_set {
        match binding.strength {
            BindingStrength::Required if !has_code => no_code(pass, element, state, value_set, &bound.source),
            _ if !has_code => {}
            BindingStrength::Example => {}
            BindingStrength::Required if value_set.starts_with(VITAL_UNITS) => {
                hold(pass, element, value_set, &bound.source, Severity::Warning);
            }
            BindingStrength::Required => hold(pass, element, value_set, &bound.source, Severity::Error),
            BindingStrength::Extensible if !pass.is_trial() => {
                hold(pass, element, value_set, &bound.source, Severity::Warning);
            }
            BindingStrength::Preferred if !pass.is_trial() => {
                hold(pass, element, value_set, &bound.source, Severity::Information);
            }
            _ => {}
        }
    }
    for additional in binding.additional.iter().filter(|_| has_code) {
        if let Some(severity) = additional_severity(additional) {
            hold(pass, element, &additional.value_set, &bound.source, severity);
        }
    }
}

fn additional_severity(additional: &AdditionalBinding) -> Option<Severity> {
    match &*additional.purpose {
        "maximum" | "required" => Some(Severity::Error),
        "extensible" => Some(Severity::Warning),
        _ => None,
    }
}

fn has_code(element: Element<'_>) -> bool {
    let mut any = false;
    Coding::each(element, |_| any = true);
    any
}

/// A required binding wants a code where there is only text, or where a primitive has extensions instead of a value
/// (<http://hl7.org/fhir/R4/terminologies.html#required>).
fn no_code<'t>(pass: &mut Pass<'_, 't>, element: Element<'t>, state: &State, value_set: &str, source: &str) {
    if state.primitive.is_some() {
        if element.all("extension").any(|extension| extension.text_at("url").is_some_and(is_of_another_version)) {
            return;
        }
        return pass.error(IssueType::CodeInvalid, element, source, || {
            format!("There is no value, and one of the value set {value_set} is required.")
        });
    }
    let absent = element.all("extension").any(|extension| {
        extension.text_at("url") == Some("http://hl7.org/fhir/StructureDefinition/data-absent-reason")
    });
    if &*state.ty == "CodeableConcept" && !absent && element.all("coding").next().is_none() {
        pass.error(IssueType::CodeInvalid, element, source, || {
            format!("There is no code, and one of the value set {value_set} is required.")
        });
    }
}

/// Whether an extension brings the value that an element has in another version of FHIR
/// (<http://hl7.org/fhir/R4/versions.html#extensions>).
fn is_of_another_version(url: &str) -> bool {
    let path =
        url.strip_prefix("http://hl7.org/fhir/").and_then(|path| path.split_once("/StructureDefinition/extension-"));
    path.is_some_and(|(version, _)| version.split_once('.').is_some_and(|(_, minor)| minor.parse::<u8>().is_ok()))
}

fn hold<'t>(pass: &mut Pass<'_, 't>, element: Element<'t>, value_set: &str, source: &str, severity: Severity) {
    match pass.terminology.membership(value_set, element) {
        Membership::In => {}
        Membership::Out => {
            let word = match severity {
                Severity::Error => "must",
                Severity::Warning => "should, where that has a fitting one,",
                _ => "is recommended to",
            };
            pass.report(severity, IssueType::CodeInvalid, element, source, || {
                format!("{} is not in the value set {value_set}, of which the code {word} be.", shown(element))
            });
        }
        Membership::Unknown(reason) => {
            if !pass.is_trial() && severity <= Severity::Warning {
                pass.warning(IssueType::NotFound, element, source, || {
                    format!("Whether {} is in the value set {value_set} was not checked: {reason}.", shown(element))
                });
            }
        }
    }
}

fn shown(element: Element<'_>) -> String {
    let mut codes = Vec::new();
    Coding::each(element, |coding| codes.push(format!("'{coding}'")));
    codes.truncate(5);
    codes.join(", ")
}

fn coding<'t>(pass: &mut Pass<'_, 't>, element: Element<'t>) {
    let Some(coding) = Coding::of(element) else { return };
    let Some(system) = coding.system else {
        if !pass.is_trial() && element.get("userSelected").is_none() {
            pass.warning(IssueType::CodeInvalid, element, "coding", || {
                format!("The code '{}' has no system, so it has no meaning that can be checked.", coding.code)
            });
        }
        return;
    };
    let place = element.get("system").unwrap_or(element);
    if !system.contains(':') {
        pass.error(IssueType::CodeInvalid, place, "coding", || format!("The system '{system}' must be absolute."));
        return;
    }
    if system.contains("/ValueSet/") && pass.terminology.value_set(system).is_some() {
        pass.error(IssueType::Invalid, place, "coding", || format!("'{system}' is a value set, not a code system."));
        return;
    }
    if pass.terminology.code_system(system, None).is_some_and(|found| found.content == catalog::Content::Supplement) {
        pass.error(IssueType::Invalid, place, "coding", || format!("'{system}' is a supplement, not a code system."));
        return;
    }
    match pass.terminology.check(&coding) {
        CodeVerdict::NotThere => {
            let place = element.get("code").unwrap_or(element);
            pass.error(IssueType::CodeInvalid, place, "coding", || not_there(system, coding.code));
        }
        CodeVerdict::Known { fits: Some(false), display, .. } => {
            let place = element.get("display").unwrap_or(element);
            pass.warning(IssueType::Invalid, place, "coding", || {
                let (given, known) = (coding.display.unwrap_or_default(), display.unwrap_or_default());
                format!("'{given}' is not how {system} calls '{}': '{known}'.", coding.code)
            });
        }
        _ => {}
    }
}

/// The unit of a Quantity: nearly always of UCUM, else of any code system.
fn unit<'t>(pass: &mut Pass<'_, 't>, element: Element<'t>) {
    let Some(coding) = Coding::of(element) else { return };
    let Some(system) = coding.system.filter(|_| pass.terminology.check(&coding) == CodeVerdict::NotThere) else {
        return;
    };
    let place = element.get("code").unwrap_or(element);
    pass.error(IssueType::CodeInvalid, place, "coding", || match system {
        "http://unitsofmeasure.org" => format!("'{}' is no unit of UCUM.", coding.code),
        _ => not_there(system, coding.code),
    });
}

fn not_there(system: &str, code: &str) -> String {
    match model::impossible_code(system, code) {
        Some(why) => format!("The code system {system} can have no code '{code}': {why}."),
        None => format!("The code system {system} has no code '{code}'."),
    }
}
