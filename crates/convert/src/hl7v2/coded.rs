//! CE, CWE, CNE, IS and ID into CodeableConcept: <https://www.hl7.eu/HL7v2x/v282/std282/ch02A.html#Heading19>.
//!
//! A code keeps its alternates as further codings, its original text as `text`. A code system that FHIR has no URI for
//! is named in the report; its code stays, without a system.

use std::collections::HashMap;
use std::sync::LazyLock;

use model::ElementMut;

use super::context::Context;
use super::read::Part;

const ABSENT: &str = "http://hl7.org/fhir/StructureDefinition/data-absent-reason";
const HL7: &str = "http://terminology.hl7.org/";
pub(super) const UCUM: &str = "http://unitsofmeasure.org";

static SYSTEMS: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    let rows = include_str!("systems.tsv").lines().filter(|line| !line.starts_with('#'));
    rows.filter_map(|line| line.split_once('\t')).collect()
});

static TABLES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    include_str!("tables.txt").lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace).collect()
});

static CODES: LazyLock<HashMap<(&'static str, &'static str), &'static str>> = LazyLock::new(|| {
    let rows = include_str!("codes.tsv").lines().filter(|line| !line.starts_with('#'));
    let row = |line: &'static str| {
        let mut columns = line.split('\t');
        Some(((columns.next()?, columns.next()?), columns.next()?))
    };
    rows.filter_map(row).collect()
});

/// What a code of a table of `codes.tsv` means in FHIR.
pub(super) fn lookup(table: &str, code: &str) -> Option<&'static str> {
    // The keys are of the program's own lifetime; the map only compares them.
    CODES.iter().find(|((name, key), _)| *name == table && key.eq_ignore_ascii_case(code)).map(|(_, value)| *value)
}

/// Says that a value is not known, with a code of data-absent-reason.
pub(super) fn absent(to: &mut ElementMut<'_>, reason: &str) {
    to.item("extension").set("url", ABSENT).set("valueCode", reason);
}

/// The URI of a code system by its name in table 0396 or its OID.
pub(super) fn system(cx: &Context<'_>, name: Option<&str>, oid: Option<&str>) -> Option<String> {
    if let Some(oid) = oid.filter(|oid| is_oid(oid)) {
        return Some(cx.systems.uri(oid).map_or_else(|| format!("urn:oid:{oid}"), str::to_owned));
    }
    let name = name?;
    let upper = name.to_ascii_uppercase();
    if let Some(uri) = SYSTEMS.get(upper.as_str()) {
        return Some((*uri).to_owned());
    }
    // HL70001; some leave a zero out.
    if let Some(number) = upper.strip_prefix("HL7").filter(|rest| matches!(rest.len(), 4 | 5)) {
        let number = format!("{:04}", number.parse::<u16>().ok()?);
        return TABLES.contains(&number.as_str()).then(|| format!("http://terminology.hl7.org/CodeSystem/v2-{number}"));
    }
    is_oid(name).then(|| cx.systems.uri(name).map_or_else(|| format!("urn:oid:{name}"), str::to_owned))
}

/// Names an OID that is too short to be anybody's: examples and invented ones.
pub(super) fn name_short(cx: &mut Context<'_>, part: Part<'_>, oid: Option<&str>) {
    if let Some(oid) = oid.filter(|oid| is_oid(oid) && oid.split('.').count() < 5 && cx.systems.uri(oid).is_none()) {
        cx.defect(part, format!("The OID {oid} is too short to be a registered one."));
    }
}

/// Whether the text is an OID: numbers with points between them, two at least.
pub(super) fn is_oid(text: &str) -> bool {
    text.contains('.')
        && matches!(text.split('.').next(), Some("0" | "1" | "2"))
        && text.split('.').all(|arc| {
            !arc.is_empty() && arc.bytes().all(|b| b.is_ascii_digit()) && (arc == "0" || !arc.starts_with('0'))
        })
}

/// Whether codes of a system have displays that are fixed: what the message calls them stands as text.
fn fixes_displays(system: &str) -> bool {
    system.starts_with(HL7) || system == "http://dicom.nema.org/resources/ontology/DCM"
}

/// Sets `name` where the part names something.
pub(super) fn set_concept(cx: &mut Context<'_>, part: Part<'_>, to: &mut ElementMut<'_>, name: &str) -> bool {
    let says = part.is_some();
    if says {
        fill_concept(cx, part, &mut to.object(name));
    }
    says
}

/// Appends to the repeating `name` where the part names something.
pub(super) fn push_concept(cx: &mut Context<'_>, part: Part<'_>, to: &mut ElementMut<'_>, name: &str) -> bool {
    let says = part.is_some();
    if says {
        fill_concept(cx, part, &mut to.item(name));
    }
    says
}

/// Sets the required `name`: without any content it says that it is unknown.
pub(super) fn require_concept(cx: &mut Context<'_>, part: Part<'_>, to: &mut ElementMut<'_>, name: &str) {
    if !set_concept(cx, part, to, name) {
        absent(&mut to.object(name), "unknown");
    }
}

/// Fills a CodeableConcept: code, text, system three times, versions, original text.
pub(super) fn fill_concept(cx: &mut Context<'_>, part: Part<'_>, concept: &mut ElementMut<'_>) {
    let mut words: Vec<&str> = Vec::new();
    for (at, version, oid) in [(1, 7, 14), (4, 8, 17), (10, 13, 20)] {
        let (code, display, name) = (part.c(at), part.c(at + 1), part.c(at + 2));
        let (Some(code), display) = (code.text(), display.text()) else {
            // A text without a code: the name of what is not coded.
            words.extend(display.text());
            continue;
        };
        let oid = part.c(oid).text();
        let uri = system(cx, name.text(), oid);
        name_short(cx, part, oid.or(name.peek()));
        let version = part.c(version).text();
        let mut coding = concept.item("coding");
        coding.set_some("system", uri.as_deref());
        coding.set_some("version", version.filter(|_| uri.as_deref().is_none_or(|uri| !uri.starts_with(HL7))));
        if uri.as_deref() == Some("http://terminology.hl7.org/CodeSystem/v2-0203") && code.contains(' ') {
            coding.set("display", code);
        } else {
            let code = code.split_whitespace().collect::<Vec<_>>().join(" ");
            if let Some(why) = uri.as_deref().and_then(|uri| model::impossible_code(uri, &code)) {
                cx.defect(part, format!("The code system can have no code {code:?}: {why}."));
            }
            coding.set("code", &code);
        }
        match uri {
            Some(uri) if fixes_displays(&uri) => words.extend(display),
            Some(_) => {
                coding.set_some("display", display);
            }
            None => {
                coding.set_some("display", display);
                if let Some(name) = name.peek().filter(|name| *name != "L") {
                    cx.note(
                        part,
                        format!("The code system {name:?} of {code:?} has no URI; the code stands without one."),
                    );
                }
            }
        }
    }
    let mut said: Vec<&str> = Vec::new();
    for text in part.c(9).text().into_iter().chain(words) {
        if !said.iter().any(|known| known.eq_ignore_ascii_case(text)) {
            said.push(text);
        }
    }
    if let Some((first, others)) = said.split_first() {
        concept.set("text", *first);
        for other in others {
            cx.note(part, format!("{other:?} stands beside {first:?}; a concept has one text."));
        }
    }
    if !concept.as_element().has_children() {
        concept.set_some("text", part.whole().as_deref());
    }
}

#[cfg(test)]
mod tests {
    use super::{CODES, is_oid, lookup};

    #[test]
    fn every_row_of_the_codes_is_used_as_written() {
        let rows = include_str!("codes.tsv").lines().filter(|line| !line.starts_with('#'));
        assert_eq!(rows.clone().count(), CODES.len());
        for row in rows {
            assert_eq!(row.split('\t').count(), 3, "{row}");
        }
        assert_eq!(lookup("observation", "f"), Some("final"));
        assert_eq!(lookup("observation", "?"), None);
    }

    #[test]
    fn oids_are_told_from_numbers() {
        assert!(is_oid("2.16.840.1.113883.6.1") && is_oid("1.2"));
        for text in ["1", "1.", "9.1", "1.02", "a.b", ""] {
            assert!(!is_oid(text), "{text}");
        }
    }
}
