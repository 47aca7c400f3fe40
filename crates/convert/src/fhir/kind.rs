//! What a resource type of R4 is to a conversion: <http://hl7.org/fhir/R4/resourcelist.html>.

use std::collections::HashMap;
use std::sync::LazyLock;

/// What resources of a type are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A person's health.
    Record,
    /// Whom and what records name: people, organisations, places, things.
    Beside,
    /// Payment, organisation, research.
    Office,
    /// One message of an exchange.
    Message,
    /// FHIR's own rules, and knowledge that is of no person.
    Rules,
}

static KINDS: LazyLock<HashMap<&'static str, Kind>> = LazyLock::new(|| {
    let rows = include_str!("resources.tsv").lines().filter(|line| !line.starts_with('#'));
    let rows = rows.filter_map(|line| line.split_once('\t'));
    rows.map(|(name, kind)| {
        let kind = match kind {
            "record" => Kind::Record,
            "beside" => Kind::Beside,
            "office" => Kind::Office,
            "message" => Kind::Message,
            _ => Kind::Rules,
        };
        (name, kind)
    })
    .collect()
});

/// The kind of a resource type; `None` where R4 does not have it, and for Bundle.
pub(super) fn of(resource_type: &str) -> Option<Kind> {
    KINDS.get(resource_type).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_its_kind() {
        assert_eq!(KINDS.len(), 145);
        assert_eq!(of("Condition"), Some(Kind::Record));
        assert_eq!(of("Patient"), Some(Kind::Beside));
        assert_eq!(of("Parameters"), Some(Kind::Message));
        assert_eq!(of("DeviceUsage"), None);
    }
}
