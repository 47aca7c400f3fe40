//! Nothing of a DICOM object is dropped in silence: each text, code, name, date and number of its data set stands in the
//! resources that it became, or in the report at its own element.
//!
//! DIR is the corpus; a case is an object below it that is converted. The reading of the bytes shares nothing with the
//! converter. Of text beyond ASCII only the ASCII words are looked for (character sets have tests of their own), of values
//! without a text representation nothing. What FHIR says by other means is a row of `ledgers/expressed-dicom.tsv`.

use std::io::Read;
use std::path::PathBuf;

use convert::{BuiltIn, Draft, Knowledge, Options, Source, convert};
use ledger::Report;
use model::{Instant, NoShapes};

use super::account::{Counts, account, unquoted};
use super::accounting::{Words, spellings};

/// Representations that are text.
const TEXT: &str = " AE AS CS DA DS DT IS LO LT PN SH ST TM UC UI UR UT ";
/// Representations whose length has four bytes behind two that are reserved.
const LONG: &str = " OB OD OF OL OV OW SQ SV UC UN UR UT UV ";
const UNDEFINED: usize = 0xffff_ffff;

pub(super) fn run(paths: &[PathBuf]) -> Result<Report, String> {
    let ledger = include_str!("../../ledgers/dicom-accounting.toml");
    account(paths, ledger, &["dicom/"], case)
}

/// `None` where the file is no DICOM object or is refused.
fn case(bytes: &[u8]) -> Result<Option<Counts>, String> {
    let knowledge = Knowledge { shapes: &NoShapes, systems: &BuiltIn };
    let Ok(draft) = convert(&knowledge, &Source::new(bytes), &Options::at(Instant(1_790_000_000_000))) else {
        return Ok(None);
    };
    if draft.format != "dicom" {
        return Ok(None);
    }
    let document = Words::of_document(&draft);
    let mut counts = Counts::default();
    for (tag, value) in leaves(bytes)? {
        counts.leaves += 1;
        if document.have(&forms(&value)) {
            continue;
        }
        if is_reported(&draft, &tag, &value) {
            counts.reported += 1;
        } else if is_expressed(&tag, &value) {
            counts.expressed += 1;
        } else {
            counts.missing.push(format!("{tag} {:?}", value.chars().take(120).collect::<String>()));
        }
    }
    Ok(Some(counts))
}

/// As it stands, with hyphens for a date, colons for a time, without zeros that say nothing.
fn forms(value: &str) -> Vec<String> {
    let mut forms = spellings(value);
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let part = |from: usize, to: usize| value.get(from..to).unwrap_or_default();
    if (4..=6).contains(&digits) {
        forms.push(format!("T{}:{}", part(0, 2), part(2, 4)));
    }
    // A zone.
    if value.len() == 5 && value.starts_with(['+', '-']) {
        forms.push(format!("{}:{}", part(0, 3), part(3, 5)));
    }
    forms
}

/// The elements with text below the whole object, in the order in which they stand: `(gggg,eeee)` and one value.
fn leaves(bytes: &[u8]) -> Result<Vec<(String, String)>, String> {
    let start = if bytes.get(128..132) == Some(b"DICM") { 132 } else { 0 };
    let mut meta = Walk { bytes, at: start, implicit: false, big: false, found: Vec::new() };
    while meta.bytes.get(meta.at..meta.at + 2) == Some(b"\x02\x00") {
        meta.element()?;
    }
    let syntax = meta.found.iter().find(|(tag, _)| tag == "(0002,0010)").map(|(_, value)| value.clone());
    let mut inflated = Vec::new();
    let (data, at) = match syntax.as_deref() {
        Some("1.2.840.10008.1.2.1.99") => {
            let packed = bytes.get(meta.at..).unwrap_or_default();
            let read = flate2::read::DeflateDecoder::new(packed).read_to_end(&mut inflated);
            read.map_err(|error| error.to_string())?;
            (inflated.as_slice(), 0)
        }
        _ => (bytes, meta.at),
    };
    let named = data.get(at + 4..at + 6).is_some_and(|vr| vr.iter().all(u8::is_ascii_uppercase));
    let big = syntax.as_deref() == Some("1.2.840.10008.1.2.2");
    let mut walk = Walk { bytes: data, at, implicit: !named, big, found: Vec::new() };
    while walk.at + 8 <= data.len() {
        walk.element()?;
    }
    Ok(walk.found)
}

struct Walk<'b> {
    bytes: &'b [u8],
    at: usize,
    implicit: bool,
    big: bool,
    found: Vec<(String, String)>,
}

impl Walk<'_> {
    fn number(&mut self, width: usize) -> Result<usize, String> {
        let end = self.at + width;
        let bytes = self.bytes.get(self.at..end).ok_or_else(|| format!("it ends at {}", self.at))?;
        self.at = end;
        let digits: Vec<u8> = if self.big { bytes.to_vec() } else { bytes.iter().rev().copied().collect() };
        Ok(digits.iter().fold(0, |sum, byte| (sum << 8) | usize::from(*byte)))
    }

    /// One element with all below it; items and their ends are elements of group FFFE.
    fn element(&mut self) -> Result<(), String> {
        let (group, element) = (self.number(2)?, self.number(2)?);
        if group == 0xfffe {
            // The content of an item is a data set: it is walked where it stands.
            self.number(4)?;
            return Ok(());
        }
        let mut vr = "UN".to_owned();
        let length = if self.implicit {
            self.number(4)?
        } else {
            vr = String::from_utf8_lossy(self.bytes.get(self.at..self.at + 2).unwrap_or_default()).into_owned();
            self.at += 2;
            if LONG.contains(&format!(" {vr} ")) {
                self.at += 2;
                self.number(4)?
            } else {
                self.number(2)?
            }
        };
        let ahead = self.bytes.get(self.at..self.at + 4).unwrap_or_default();
        let items = matches!(ahead, [0xfe, 0xff, 0x00, 0xe0] | [0xff, 0xfe, 0xe0, 0x00]);
        if group == 0x7fe0 {
            self.at = self.bytes.len();
        } else if vr == "SQ" || length == UNDEFINED || (vr == "UN" && items) {
            // Its items follow.
        } else {
            let value = self.bytes.get(self.at..self.at + length).unwrap_or_default();
            self.at += length;
            self.text(group, element, &vr, value);
        }
        Ok(())
    }

    fn text(&mut self, group: usize, element: usize, vr: &str, value: &[u8]) {
        let printable = value.iter().all(|byte| *byte >= 0x20 || matches!(byte, 0 | 9 | 10 | 12 | 13));
        let known = TEXT.contains(&format!(" {vr} ")) || (vr == "UN" && group.is_multiple_of(2) && value.len() > 2);
        // Group lengths are no content; text with escape sequences is judged by the tests of character sets.
        if !known || !printable || element == 0 {
            return;
        }
        let tag = format!("({group:04X},{element:04X})");
        let ascii: String =
            value.iter().map(|byte| if byte.is_ascii() { char::from(*byte) } else { '\u{0}' }).collect();
        let prose = matches!(vr, "LT" | "ST" | "UT" | "UR");
        for one in ascii.split(|letter| !prose && letter == '\\') {
            let name = vr == "PN" || vr == "UN";
            let foreign = one.trim_end_matches('\u{0}').contains('\u{0}');
            for piece in one.split(|letter| letter == '\u{0}' || name && matches!(letter, '^' | '=')) {
                let words = piece.split_whitespace().collect::<Vec<_>>().join(" ");
                // A single byte between others of a character set may be half a character.
                if words.chars().any(|letter| letter.is_ascii_alphanumeric()) && (words.len() > 2 || !foreign) {
                    self.found.push((tag.clone(), words));
                }
            }
        }
    }
}

/// Whether an issue at an element of this tag holds the value.
fn is_reported(draft: &Draft, tag: &str, value: &str) -> bool {
    draft.report.issues.iter().any(|issue| issue.path.contains(tag) && unquoted(&issue.text).contains(value))
}

/// Whether a row of the table says by what FHIR expresses the value: tag (or `*`), value (or `*`), reason.
fn is_expressed(tag: &str, value: &str) -> bool {
    let rows = include_str!("../../ledgers/expressed-dicom.tsv").lines().filter(|row| !row.starts_with('#'));
    rows.filter_map(|row| row.split_once('\t')).any(|(known, rest)| {
        let code = rest.split('\t').next().unwrap_or_default();
        (known == "*" || known == tag) && (code == "*" || code == value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An explicit little endian element.
    fn explicit(tag: [u8; 4], vr: &[u8; 2], value: &str) -> Vec<u8> {
        [&tag[..], vr, &u16::try_from(value.len()).unwrap().to_le_bytes(), value.as_bytes()].concat()
    }

    #[test]
    fn elements_in_items_are_found_and_numbers_are_not() {
        let item = explicit([0x08, 0, 0, 1], b"SH", "113076");
        let mut bytes = explicit([0x10, 0, 0x10, 0], b"PN", "Doe^Jan ");
        bytes.extend(explicit([0x20, 0, 0x13, 0], b"US", "12"));
        bytes.extend([0x40, 0, 0x43, 0xa0, b'S', b'Q', 0, 0, 0xff, 0xff, 0xff, 0xff]);
        bytes.extend([0xfe, 0xff, 0x00, 0xe0]);
        bytes.extend(u32::try_from(item.len()).unwrap().to_le_bytes());
        bytes.extend(item);
        bytes.extend([0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0]);
        let found = leaves(&bytes).unwrap();
        let found: Vec<(&str, &str)> = found.iter().map(|(tag, value)| (tag.as_str(), value.as_str())).collect();
        assert_eq!(found, [("(0010,0010)", "Doe"), ("(0010,0010)", "Jan"), ("(0008,0100)", "113076")]);
    }
}
