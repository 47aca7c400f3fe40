//! Whether a unit is UCUM in its case-sensitive form: <https://ucum.org/ucum>. Syntax and atoms only, no arithmetic.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The atoms of `ucum.tsv`: code, and whether prefixes may stand before it.
static ATOMS: LazyLock<HashMap<&'static str, bool>> = LazyLock::new(|| {
    let rows = include_str!("ucum.tsv").lines().filter(|line| !line.starts_with('#'));
    let pair = |line: &'static str| line.split_once('\t').map(|(code, metric)| (code, metric == "metric"));
    rows.filter_map(pair).collect()
});

const PREFIXES: [&str; 24] = [
    "da", "Ki", "Mi", "Gi", "Ti", "Y", "Z", "E", "P", "T", "G", "M", "k", "h", "d", "c", "m", "u", "n", "p", "f", "a",
    "z", "y",
];

/// Other spellings of units, `units.tsv`.
static SPELLINGS: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    let rows = include_str!("units.tsv").lines().filter(|line| !line.starts_with('#'));
    rows.filter_map(|line| line.split_once('\t')).collect()
});

/// The UCUM code of a unit: itself, or what a usual other spelling means.
pub(crate) fn code(text: &str) -> Option<&str> {
    let spelled = || SPELLINGS.get(text).copied();
    // "MG" is a unit of UCUM too, the megagauss, which no patient was ever given.
    if !matches!(text, "MG" | "ML" | "KG" | "CM" | "F" | "C") && is_valid(text) { Some(text) } else { spelled() }
}

/// Whether the text is a UCUM unit made of known atoms.
pub(super) fn is_valid(text: &str) -> bool {
    if text.is_empty() || text.len() > 100 || !text.bytes().all(|byte| (33..127).contains(&byte)) {
        return false;
    }
    term(text, 0) == Some("")
}

/// `[/] component {(. | /) component}`; gives what is left.
fn term(text: &str, depth: usize) -> Option<&str> {
    let mut rest = component(text.strip_prefix('/').unwrap_or(text), depth)?;
    while let Some(next) = rest.strip_prefix(['.', '/']) {
        rest = component(next, depth)?;
    }
    Some(rest)
}

/// `( term )`, an annotation, a number, or an atom with prefix, exponent and annotation.
fn component(text: &str, depth: usize) -> Option<&str> {
    if let Some(inner) = text.strip_prefix('(') {
        return if depth < 8 { term(inner, depth + 1)?.strip_prefix(')') } else { None };
    }
    if text.starts_with('{') {
        return annotation(text);
    }
    let end = atom_end(text);
    let symbol = text.get(..end)?;
    let rest = text.get(end..)?;
    let rest = if is_number(symbol) || is_unit(symbol) {
        rest
    } else {
        let digits = symbol.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches(['+', '-']);
        let exponent = symbol.get(digits.len()..)?;
        if exponent.is_empty() || !exponent.ends_with(|c: char| c.is_ascii_digit()) || !is_unit(digits) {
            return None;
        }
        rest
    };
    if rest.starts_with('{') { annotation(rest) } else { Some(rest) }
}

/// Where the symbol ends: brackets keep what is in them together.
fn atom_end(text: &str) -> usize {
    let mut square = false;
    for (at, character) in text.char_indices() {
        match character {
            '[' => square = true,
            ']' => square = false,
            '.' | '/' | '(' | ')' | '{' | '}' if !square => return at,
            _ => {}
        }
    }
    text.len()
}

fn annotation(text: &str) -> Option<&str> {
    let (inner, rest) = text.strip_prefix('{')?.split_once('}')?;
    (!inner.contains('{')).then_some(rest)
}

fn is_number(symbol: &str) -> bool {
    symbol.bytes().any(|byte| byte != b'0') && symbol.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_unit(symbol: &str) -> bool {
    let metric = |rest: &str| ATOMS.get(rest) == Some(&true);
    ATOMS.contains_key(symbol) || PREFIXES.iter().any(|prefix| symbol.strip_prefix(prefix).is_some_and(metric))
}

#[cfg(test)]
mod tests {
    use super::{SPELLINGS, code, is_valid};

    #[test]
    fn other_spellings_lead_to_ucum() {
        for unit in SPELLINGS.values() {
            assert!(is_valid(unit), "{unit}");
        }
        assert_eq!(code("mmHg"), Some("mm[Hg]"));
        assert_eq!(code("mg"), Some("mg"));
        assert_eq!(code("MG"), Some("mg"));
        assert_eq!(code("spoon"), None);
    }

    #[test]
    fn units_of_real_documents() {
        for unit in [
            "mg",
            "ug",
            "mL",
            "ml",
            "1",
            "[IU]",
            "[iU]",
            "m[IU]/L",
            "mm[Hg]",
            "kg/m2",
            "10*3/uL",
            "10*9/L",
            "/min",
            "%",
            "{pack}/d",
            "mmol/L",
            "g/dL",
            "Cel",
            "[degF]",
            "[lb_av]",
            "[in_i]",
            "h",
            "d",
            "wk",
            "mo",
            "a",
            "mg/(24.h)",
            "mL/min/{1.73_m2}",
            "ug/kg/min",
            "U/L",
            "meq/L",
            "mosm/kg",
            "{tablet}",
            "/[HPF]",
            "umol/L",
            "s-1",
            "m/s2",
            "[pH]",
            "kat",
            "nkat/L",
            "L",
        ] {
            assert!(is_valid(unit), "{unit}");
        }
    }

    #[test]
    fn what_is_not_ucum() {
        for unit in
            ["", "tablet", "mg ", "μg", "mmHg", "IU", "mg/", "(mg", "{x", "mg}", "2-", "tbl.", "((((((((((((1", "cc"]
        {
            assert!(!is_valid(unit), "{unit}");
        }
    }
}
