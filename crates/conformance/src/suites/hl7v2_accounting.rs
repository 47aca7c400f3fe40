//! Nothing of an HL7 v2 message is dropped in silence: each subcomponent of each field stands in the resources that the
//! message became, or in the report at its own field.
//!
//! DIR is the corpus; a case is a message below it that is converted. The reading of the text shares nothing with the
//! converter. A value of one or two characters must be the whole of some value of the document; a time must be there to the
//! minute. What FHIR says by other means (a resource type, a status, a URI) is a row of `ledgers/expressed-hl7v2.tsv`.

use std::collections::HashMap;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use convert::{BuiltIn, Draft, Knowledge, Options, Source, convert};
use ledger::Report;
use model::{Instant, NoShapes};

use super::account::{Counts, account, unquoted};
use super::accounting::{Words, spellings};

pub(super) fn run(paths: &[PathBuf]) -> Result<Report, String> {
    let ledger = include_str!("../../ledgers/hl7v2-accounting.toml");
    account(paths, ledger, &["hl7v2/", "pairs/"], case)
}

/// `None` where the file is no HL7 v2 message or is refused.
fn case(bytes: &[u8]) -> Result<Option<Counts>, String> {
    let knowledge = Knowledge { shapes: &NoShapes, systems: &BuiltIn };
    let Ok(draft) = convert(&knowledge, &Source::new(bytes), &Options::at(Instant(1_790_000_000_000))) else {
        return Ok(None);
    };
    if draft.format != "hl7v2" {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(bytes).into_owned();
    let document = words(&draft);
    let mut counts = Counts::default();
    for leaf in leaves(&text) {
        counts.leaves += 1;
        if is_there(&document, &leaf) {
            continue;
        }
        if is_reported(&draft, &leaf) {
            counts.reported += 1;
        } else if is_expressed(&document, &leaf) {
            counts.expressed += 1;
        } else {
            let place = leaf.place();
            counts.missing.push(format!("{place} {:?}", leaf.value.chars().take(120).collect::<String>()));
        }
    }
    Ok(Some(counts))
}

/// The values of the document, those of attached texts too.
fn words(draft: &Draft) -> Words {
    let mut words = Words::of_document(draft);
    for node in draft.document.root().descendants().into_iter().filter(|node| node.name() == "data") {
        let bytes = node.text().and_then(|data| STANDARD.decode(data).ok()).unwrap_or_default();
        if let Ok(text) = String::from_utf8(bytes) {
            words.push(&text);
        }
    }
    words
}

/// Whether the document holds the value. One of one or two characters must be the whole of some value, or stand in one
/// together with another part of its field.
fn is_there(document: &Words, leaf: &Leaf) -> bool {
    let value = leaf.value.as_str();
    if let Some(table) = value.strip_prefix("HL7").and_then(|number| number.parse::<u16>().ok()) {
        return document.have(&[format!("/v2-{table:04}"), value.to_owned()]);
    }
    let label = match (leaf.component, leaf.segment.as_str(), leaf.field) {
        (number, "PV1", 3 | 6 | 11 | 42) | (number, "PRT", 9) | (number, "AIL", 3) => match number {
            2 => Some("Room"),
            3 => Some("Bed"),
            7 => Some("Building"),
            8 => Some("Floor"),
            _ => None,
        },
        (_, "OBX", 4) => Some("Sub-identifier"),
        (_, "RXO", 11) => Some("amount:"),
        (_, "RXO", 13) => Some("refills:"),
        (_, "RXO", 20) => Some("indication:"),
        _ => None,
    };
    if let Some(label) = label
        && document.have(&[format!("{label} {value}")])
    {
        return true;
    }
    match value.chars().count() {
        0..=2 => is_short_there(document, leaf),
        // A telephone number in pieces repeats what stands whole beside them.
        _ if matches!(leaf.component, 5..=7) && value.bytes().all(|byte| byte.is_ascii_digit()) => {
            let digits = |text: &String| text.chars().filter(char::is_ascii_digit).collect::<String>().contains(value);
            document.have(&spellings(value)) || leaf.beside.iter().any(|other| other != value && digits(other))
        }
        _ if is_time(value) => document.have(&times(value)),
        // Media types are lower case.
        _ if leaf.segment == "OBX" && document.have(&[value.to_ascii_lowercase()]) => true,
        _ => document.have(&spellings(value)),
    }
}

fn is_short_there(document: &Words, leaf: &Leaf) -> bool {
    let value = leaf.value.as_str();
    let long: Vec<String> = leaf.beside.iter().filter(|text| text.chars().count() > 2).cloned().collect();
    let neighbours =
        leaf.beside.windows(2).filter(|pair| pair.iter().any(|text| text == value)).map(|pair| pair.join(" "));
    document.is(value) || document.together(value, &long) || neighbours.into_iter().any(|pair| document.have(&[pair]))
}

/// One subcomponent: `PID`, the second of its name, field 3, component 4, subcomponent 1.
struct Leaf {
    segment: String,
    occurrence: usize,
    field: usize,
    component: usize,
    sub: usize,
    value: String,
    /// The values of its repetition.
    beside: Vec<String>,
}

impl Leaf {
    fn place(&self) -> String {
        format!("{}-{}.{}.{}", self.segment, self.field, self.component, self.sub)
    }
}

/// All content of a message: no separators, no empty parts; the null of HL7 (`""`) is content.
fn leaves(text: &str) -> Vec<Leaf> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.trim_start_matches('\u{feff}').replace("\r\n", "\n").split(['\n', '\r', '\u{b}']) {
        let mut letters = line.chars();
        let name: String = letters.by_ref().take(3).collect();
        let begins = name.len() == 3
            && name.starts_with(|letter: char| letter.is_ascii_uppercase())
            && name.chars().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit())
            && letters.next().is_none_or(|next| !next.is_alphanumeric() && next != ' ');
        match lines.last_mut() {
            Some(last) if !begins => last.push_str(&format!("\n{line}")),
            _ => lines.push(line.to_owned()),
        }
    }
    let header = lines.iter().find(|line| line.starts_with("MSH")).cloned().unwrap_or_default();
    let separators: Vec<char> = header.chars().skip(3).take(5).collect();
    let &[field, component, repetition, escape, sub] = separators.as_slice() else { return Vec::new() };
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut found = Vec::new();
    for line in lines {
        let segment: String = line.chars().take(3).collect();
        let occurrence = seen.entry(segment.clone()).or_default();
        *occurrence += 1;
        let shift = usize::from(segment == "MSH");
        for (number, whole) in line.split(field).enumerate().skip(1 + shift) {
            for part in whole.split(repetition) {
                let beside = plain(&part.replace([component, sub], "\u{0}"), escape);
                let beside = beside.iter().flat_map(|text| text.split('\u{0}')).map(str::trim).map(str::to_owned);
                let beside: Vec<String> = beside.filter(|text| !text.is_empty()).collect();
                for (at, part) in part.split(component).enumerate() {
                    for (inner, value) in part.split(sub).enumerate() {
                        for value in plain(value, escape) {
                            found.push(Leaf {
                                segment: segment.clone(),
                                occurrence: *occurrence,
                                field: number + shift,
                                component: at + 1,
                                sub: inner + 1,
                                value,
                                beside: beside.clone(),
                            });
                        }
                    }
                }
            }
        }
    }
    found
}

/// The pieces of a text around its escape sequences.
fn plain(text: &str, escape: char) -> Vec<String> {
    let mut pieces: Vec<&str> = text.split(escape).collect();
    if pieces.len() >= 3 {
        // What stands between two of them is a sequence, not content.
        pieces = pieces.into_iter().step_by(2).collect();
    } else if pieces.len() == 2 {
        pieces = vec![text];
    }
    let clean = pieces.into_iter().map(|piece| piece.split_whitespace().collect::<Vec<_>>().join(" "));
    clean.filter(|piece| piece == "\"\"" || piece.chars().any(char::is_alphanumeric)).collect()
}

/// Digits of a day and a time of day.
fn is_time(value: &str) -> bool {
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let part = |from: usize, to: usize| value.get(from..to).and_then(|part| part.parse::<u32>().ok()).unwrap_or(99);
    let rest = value.get(digits..).unwrap_or_default();
    matches!(digits, 12 | 14)
        && (1850..2100).contains(&value.get(..4).and_then(|year| year.parse::<u32>().ok()).unwrap_or(0))
        && (1..=12).contains(&part(4, 6))
        && (1..=31).contains(&part(6, 8))
        && part(8, 10) < 24
        && part(10, 12) < 60
        && rest.chars().all(|letter| letter.is_ascii_digit() || matches!(letter, '.' | '+' | '-'))
}

/// A time as FHIR writes it to the minute, or its digits; midnight may be left out.
fn times(value: &str) -> Vec<String> {
    let part = |from: usize, to: usize| value.get(from..to).unwrap_or_default();
    let day = format!("{}-{}-{}", part(0, 4), part(4, 6), part(6, 8));
    let mut forms = vec![value.to_owned(), format!("{day}T{}:{}", part(8, 10), part(10, 12))];
    if part(8, 12) == "0000" && matches!(part(12, 14), "" | "00") {
        forms.push(day);
    }
    forms
}

/// Whether an issue at the field, or of its whole segment, holds the value.
fn is_reported(draft: &Draft, leaf: &Leaf) -> bool {
    let segment = format!("{}[{}]", leaf.segment, leaf.occurrence);
    let field = format!("{segment}-{}", leaf.field);
    draft.report.issues.iter().any(|issue| {
        let at_field =
            issue.path.strip_prefix(&field).is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_digit()));
        (at_field || issue.path == segment) && unquoted(&issue.text).contains(leaf.value.as_str())
    })
}

/// Whether a row of the table says by what FHIR expresses the value: place (or `*`), value (or `*`), the URI that must be in
/// the document, or the reason.
fn is_expressed(document: &Words, leaf: &Leaf) -> bool {
    let rows = include_str!("../../ledgers/expressed-hl7v2.tsv").lines().filter(|row| !row.starts_with('#'));
    let place = leaf.place();
    rows.filter_map(|row| row.split_once('\t')).any(|(known, rest)| {
        let (value, said) = rest.split_once('\t').unwrap_or((rest, ""));
        let below = place.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']));
        let uri = said.starts_with("http:") || said.starts_with("urn:");
        (known == "*" || below)
            && (value == "*" || value.eq_ignore_ascii_case(&leaf.value))
            && (!uri || document.have(&[said.to_owned()]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_subcomponent_is_listed_with_its_place() {
        let found = leaves("MSH|^~\\&|A\rPID|1||7^^^X&1.2&ISO~8|\"\"\rOBX|1|TX|a\\T\\b\nmore\r");
        let found: Vec<String> = found.iter().map(|leaf| format!("{} {}", leaf.place(), leaf.value)).collect();
        let expected = "MSH-3.1.1 A|PID-1.1.1 1|PID-3.1.1 7|PID-3.4.1 X|PID-3.4.2 1.2|PID-3.4.3 ISO|PID-3.1.1 8|PID-4.1.1 \"\"\
            |OBX-1.1.1 1|OBX-2.1.1 TX|OBX-3.1.1 a|OBX-3.1.1 b more";
        assert_eq!(found.join("|"), expected);
    }

    #[test]
    fn a_time_is_looked_for_to_the_minute() {
        assert!(is_time("20261012110000+0200") && is_time("202610121100") && !is_time("20261012"));
        assert!(!is_time("202613121100") && !is_time("00001234567890"));
        assert_eq!(times("202610121105"), ["202610121105", "2026-10-12T11:05"]);
        assert_eq!(times("20261012000000").last().map(String::as_str), Some("2026-10-12"));
    }

    #[test]
    fn what_is_in_neither_is_missing() {
        let text = "MSH|^~\\&|A|B|C|D|20261012||ADT^A08|M1|P|2.5\rPID|1||P1||Doe^Jan\rZZZ|1|lost property\r";
        let counts = case(text.as_bytes()).unwrap().unwrap();
        assert!(counts.missing.is_empty() && counts.reported > 0, "{:?}", counts.missing);
        let knowledge = Knowledge { shapes: &NoShapes, systems: &BuiltIn };
        let mut draft = convert(&knowledge, &Source::new(text.as_bytes()), &Options::at(Instant(0))).unwrap();
        let lost = leaves(text).into_iter().find(|leaf| leaf.value == "lost property").unwrap();
        assert!(is_reported(&draft, &lost));
        draft.report.issues.clear();
        assert!(!is_reported(&draft, &lost) && !is_expressed(&words(&draft), &lost));
    }
}
