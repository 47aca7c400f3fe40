//! ValueSet: what its definition names can be found, and its filters ask what the code system can answer
//! (<http://hl7.org/fhir/R4/valueset.html#compositions>).

use catalog::{CodeSystem, Content};
use model::{Element, IssueType};

use crate::pass::Pass;

const RULE: &str = "value-set";
/// Properties that every code system has: <http://hl7.org/fhir/R4/codesystem.html#defined-props>.
const TRUTHS: [&str; 2] = ["inactive", "notSelectable"];

/// Holds the url, and each system and filter of the definition.
pub(crate) fn check<'t>(pass: &mut Pass<'_, 't>, set: Element<'t>) {
    let mut parts = set.every("compose.include");
    parts.extend(set.every("compose.exclude"));
    for part in parts {
        let Some(place) = part.get("system") else { continue };
        let Some(system) = place.text() else { continue };
        if !system.contains(':') {
            let text = || format!("The system '{system}' must be absolute, also where the code system is contained.");
            pass.error(IssueType::Invalid, place, RULE, text);
            continue;
        }
        enumerated(pass, part, system);
        let known = pass.terminology.code_system(system, part.text_at("version"));
        for filter in part.all("filter") {
            self::filter(pass, filter, system, known.as_deref());
        }
    }
}

/// A code that its system cannot have, whatever the version.
fn enumerated<'t>(pass: &mut Pass<'_, 't>, part: Element<'t>, system: &str) {
    for place in part.every("concept.code") {
        let code = place.text().unwrap_or_default();
        if let Some(why) = model::impossible_code(system, code) {
            pass.error(IssueType::CodeInvalid, place, RULE, || {
                format!("The code system {system} can have no code '{code}': {why}.")
            });
        }
    }
}

fn filter<'t>(pass: &mut Pass<'_, 't>, filter: Element<'t>, system: &str, known: Option<&CodeSystem>) {
    let (Some(property), Some(place)) = (filter.text_at("property"), filter.get("value")) else { return };
    let value = place.text().unwrap_or_default();
    let plain = matches!(filter.text_at("op"), Some("=" | "in" | "not-in"));
    let wrong = |pass: &mut Pass<'_, 't>, text: String| pass.error(IssueType::Invalid, place, RULE, || text);
    let defined = known.and_then(|known| known.properties.iter().find(|one| *one.code == *property));
    let kind = defined.map(|one| &*one.kind).or(TRUTHS.contains(&property).then_some("boolean"));
    let truth = filter.text_at("op") == Some("exists") || (plain && kind == Some("boolean"));
    if truth && !matches!(value, "true" | "false") {
        return wrong(pass, format!("What '{property}' is asked for is true or false, not '{value}'."));
    }
    let values = value.split(',').map(str::trim).filter(|_| plain);
    match (kind, known) {
        (Some("code"), Some(known)) if known.content == Content::Complete => {
            for value in values.filter(|value| known.find(value).is_none()) {
                wrong(
                    pass,
                    format!("The code system {system} has no code '{value}', which '{property}' is asked for."),
                );
            }
        }
        (Some("Coding"), _) => {
            for value in values {
                let Some((other, code)) = value.split_once('#') else {
                    wrong(pass, format!("What '{property}' is asked for is a system#code, not '{value}'."));
                    continue;
                };
                let other = catalog::Canonical::of(other);
                let found = pass.terminology.code_system(other.url, other.version);
                if found.is_some_and(|found| found.content == Content::Complete && found.find(code).is_none()) {
                    wrong(pass, format!("The code system {} has no code '{code}'.", other.url));
                }
            }
        }
        _ => {}
    }
}
