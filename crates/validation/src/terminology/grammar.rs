//! Code systems that are a grammar or a small fixed table: units (UCUM), media types (BCP-13), languages (BCP-47),
//! countries (ISO 3166-1), currencies (ISO 4217), URIs (RFC 3986). Of SNOMED CT and LOINC what cannot be a code by its form.

use super::table;

/// Whether all codes of a system follow a grammar or stand in a table here.
pub(crate) fn is_grammar(system: &str) -> bool {
    judge(system, "").is_some() && model::impossible_code(system, "").is_none()
}

/// Whether a code is one of a system of this kind; `None` where that cannot be told, and for other systems.
pub(crate) fn judge(system: &str, code: &str) -> Option<bool> {
    Some(match system {
        "http://unitsofmeasure.org" => is_unit(code),
        // FHIR's own formats go by their short names too.
        "urn:ietf:bcp:13" => is_media_type(code) || matches!(code, "json" | "xml" | "ttl"),
        "urn:ietf:bcp:47" => is_language(code),
        "urn:iso:std:iso:3166" | "urn:iso:std:iso:3166:-1" => is_country(code),
        "urn:iso:std:iso:4217" => table::holds(table::CURRENCIES, 3, code),
        "urn:ietf:rfc:3986" => !code.is_empty() && !code.contains(char::is_whitespace),
        _ => return model::impossible_code(system, code).map(|_| false),
    })
}

/// Blanks are tolerated within annotations, where they are common and mean nothing.
fn is_unit(code: &str) -> bool {
    let mut inside = false;
    let plain: String = code
        .chars()
        .filter(|char| {
            inside = (inside || *char == '{') && *char != '}';
            !(inside && *char == ' ')
        })
        .collect();
    let fits = !plain.is_empty() && plain.len() <= 200 && !plain.contains(char::is_whitespace);
    fits && octofhir_ucum::validate(&plain).is_ok()
}

/// `type/subtype` with parameters: RFC 6838 and 2045.
fn is_media_type(code: &str) -> bool {
    let name = |text: &str| {
        let first = text.starts_with(|first: char| first.is_ascii_alphanumeric());
        let rest = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+*".contains(&byte));
        (first || text == "*") && rest && text.len() <= 127
    };
    let mut parts = code.split(';');
    let essence = parts.next().unwrap_or_default().trim();
    let parameters = parts.all(|parameter| {
        let parameter = parameter.trim();
        parameter.split_once('=').is_some_and(|(key, value)| name(key) && !value.is_empty())
    });
    parameters && essence.split_once('/').is_some_and(|(top, sub)| name(top) && name(sub))
}

/// The syntax of a language tag; its language and region are held against tables of known ones.
pub(crate) fn is_language(code: &str) -> bool {
    if code.starts_with("x-") || code.starts_with("i-") {
        return code.len() > 2;
    }
    let mut parts = code.split('-').peekable();
    let Some(language) = parts.next() else { return false };
    let letters = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphabetic());
    let alphanumeric = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let known = match language.len() {
        2 => letters(language) && table::holds(table::LANGUAGES, 2, &language.to_ascii_lowercase()),
        // Nothing is registered with more letters.
        3 => letters(language),
        _ => false,
    };
    if !known {
        return false;
    }
    for _ in 0..3 {
        parts.next_if(|part| part.len() == 3 && letters(part));
    }
    parts.next_if(|part| part.len() == 4 && letters(part));
    if let Some(region) = parts.next_if(|part| {
        (part.len() == 2 && letters(part)) || (part.len() == 3 && part.bytes().all(|byte| byte.is_ascii_digit()))
    }) && region.len() == 2
        && !is_country(&region.to_ascii_uppercase())
        && !matches!(region.to_ascii_uppercase().as_str(), "EU" | "UK" | "XK")
    {
        return false;
    }
    parts.all(|part| alphanumeric(part) && part.len() <= 8)
}

fn is_country(code: &str) -> bool {
    match code.len() {
        2 => table::holds(table::COUNTRIES, 2, code),
        3 if code.bytes().all(|byte| byte.is_ascii_digit()) => table::holds(table::COUNTRY_NUMBERS, 3, code),
        3 => table::holds(table::COUNTRIES_3, 3, code),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::judge;

    #[test]
    fn codes_of_grammars_and_tables() {
        for (system, good, bad) in [
            ("http://unitsofmeasure.org", "mg/dL", "mgs per dl"),
            ("http://unitsofmeasure.org", "{film coated tablet}", ""),
            ("http://unitsofmeasure.org", "10*3/uL", "x10*3/uL"),
            ("http://unitsofmeasure.org", "mm[Hg]", "mm[hg]x"),
            ("http://unitsofmeasure.org", "Cel", "celsius"),
            ("http://unitsofmeasure.org", "[degF]{oral}", "degF{oral"),
            ("http://unitsofmeasure.org", "[pH]", "pH units"),
            ("http://unitsofmeasure.org", "B[SPL]", "BSPLx"),
            ("urn:ietf:bcp:13", "application/pdf", "pdf"),
            ("urn:ietf:bcp:13", "text/plain; charset=utf-8", "text/"),
            ("urn:ietf:bcp:47", "de-AT", "de_AT"),
            ("urn:ietf:bcp:47", "zh-Hant-TW", "qq"),
            ("urn:ietf:bcp:47", "gsw", "english"),
            ("urn:iso:std:iso:3166", "FR", "XX"),
            ("urn:iso:std:iso:3166", "FRA", "FRR"),
            ("urn:iso:std:iso:3166", "250", "251"),
            ("urn:iso:std:iso:4217", "EUR", "EURO"),
        ] {
            assert_eq!(judge(system, good), Some(true), "{system} {good}");
            assert_eq!(judge(system, bad), Some(false), "{system} {bad}");
        }
        assert_eq!(judge("http://loinc.org", "8867-4"), None);
        assert_eq!(judge("http://loinc.org", "8867-5"), Some(false));
        assert_eq!(judge("http://snomed.info/sct", "N02BE01"), Some(false));
    }
}
