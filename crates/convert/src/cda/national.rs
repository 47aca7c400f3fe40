//! National identifiers that say more than their system: the French identity of health (INS), its type and its key
//! (<https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-patient-ins>). A wrong key is named; the number stays as it came.

use model::ElementMut;

use super::context::Context;
use super::read::Node;

const FRENCH_TYPES: &str = "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-0203";
const INS: [(&str, &str); 4] = [
    ("1.2.250.1.213.1.4.8", "INS-NIR"),
    ("1.2.250.1.213.1.4.9", "INS-NIA"),
    ("1.2.250.1.213.1.4.10", "INS-NIR-TEST"),
    ("1.2.250.1.213.1.4.11", "INS-NIR-DEMO"),
];

/// Adds the type of an INS and checks its key; nothing for any other identifier.
pub(super) fn complete(cx: &mut Context<'_>, id: Node<'_>, identifier: &mut ElementMut<'_>) {
    let root = id.peek("root").unwrap_or_default();
    let Some((_, kind)) = INS.iter().find(|(oid, _)| *oid == root) else { return };
    identifier.object("type").item("coding").set("system", FRENCH_TYPES).set("code", *kind);
    let number = id.peek("extension").unwrap_or_default();
    if key(number) == Some(false) {
        cx.defect(id, format!("The INS {number:?} does not hold (number and key): it may be another person's."));
    }
}

/// Whether the last two of fifteen characters are the key of the number before them; `None` where there is no key. Corsica
/// counts as 19 (2A) and 18 (2B).
fn key(number: &str) -> Option<bool> {
    let number = number.replace("2A", "19").replace("2B", "18");
    if number.len() != 15 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return if number.len() == 13 { None } else { Some(false) };
    }
    let (body, key) = number.split_at(13);
    Some(97 - body.parse::<u64>().ok()? % 97 == key.parse::<u64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::key;

    #[test]
    fn the_key_is_that_of_the_number() {
        let made = |body: u64| format!("{body}{:02}", 97 - body % 97);
        assert_eq!(key(&made(1_800_675_000_017)), Some(true));
        assert_eq!(key("180067500001700"), Some(false));
        assert_eq!(key("1800675000017"), None);
        assert_eq!(key("unknown"), Some(false));
        let corsican = format!("180062A000017{:02}", 97 - 1_800_619_000_017_u64 % 97);
        assert_eq!(key(&corsican), Some(true));
    }
}
