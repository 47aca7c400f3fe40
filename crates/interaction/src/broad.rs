//! Broad questions, where the operator has them refused (requirements ): patients are not to be enumerated, and
//! what is clinical is asked for by patient.
//!
//! A search of Patient needs an identifier, an id, or a birth date with a name; one of a type that has patients needs its
//! patient or an id. What goes over all patients by its nature (history of types and of the system, export, `$everything`
//! of all) is refused.

use crate::refusal::{Class, Refusal};
use crate::service::{BroadSearch, Service};
use crate::table::Row;
use crate::target::{Level, Target};

/// Refuses what is broad by its nature.
///
/// # Errors
/// [`Class::Forbidden`].
pub(crate) fn check_row(service: &Service, row: &Row, target: &Target) -> Result<(), Refusal> {
    let is_whole = match row.name {
        "history-type" => is_personal(service, &target.resource_type),
        "history-system" | "$export" => true,
        "$everything" => target.level == Level::Type,
        _ => false,
    };
    match is_whole && service.settings().broad_search == BroadSearch::Refuse {
        true => {
            Err(Refusal::new(Class::Forbidden, format!("{} goes over all patients, which is refused here.", row.name)))
        }
        false => Ok(()),
    }
}

/// Refuses a search that names neither a patient nor a record. `types` empty: of the system.
///
/// # Errors
/// [`Class::Forbidden`].
pub(crate) fn check_search(service: &Service, types: &[String], pairs: &[(String, String)]) -> Result<(), Refusal> {
    if service.settings().broad_search == BroadSearch::Allow {
        return Ok(());
    }
    let has = |wanted: &str| {
        pairs.iter().any(|(name, value)| {
            let name = name.split([':', '.']).next().unwrap_or_default();
            name == wanted && !value.is_empty() && !value.eq_ignore_ascii_case("false")
        })
    };
    // `:missing` and `:not` name nobody.
    let negated = pairs
        .iter()
        .any(|(name, _)| name.split_once(':').is_some_and(|(_, rest)| matches!(rest, "missing" | "not" | "not-in")));
    let named = has("_id") || has("identifier");
    let by_patient = ["patient", "subject", "beneficiary", "individual"].iter().any(|name| has(name));
    let by_traits = has("birthdate") && ["name", "family", "given", "phonetic"].iter().any(|name| has(name));
    let refused = |name: &str| match name {
        "" => !named,
        "Patient" => negated || !(named || by_traits),
        name => is_personal(service, name) && (negated || !(named || by_patient)),
    };
    let whole = types.is_empty() && refused("");
    match whole || types.iter().any(|name| refused(name)) {
        false => Ok(()),
        true => {
            let text = "The search names neither a patient nor a record, which is refused here: add patient, identifier or _id; for \
                        patients themselves identifier, or birthdate and name.";
            Err(Refusal::new(Class::Forbidden, text))
        }
    }
}

/// Whether resources of a type are about patients.
fn is_personal(service: &Service, name: &str) -> bool {
    let index = service.rules().index;
    let by = |code: &str| index.parameters(name).is_some_and(|list| list.list().iter().any(|known| known.code == code));
    name == "Patient" || by("patient") || by("subject")
}
