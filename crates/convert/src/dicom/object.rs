//! A DICOM object: its data set with its character set, and its values as text, codes, names and times.

use std::borrow::Cow;
use std::io::Read;

use model::{ElementMut, Issue, IssueType, Limits, Severity, Tree};

use super::read::{DataSet, Reader, Syntax, Tag, Value};
use super::text::Charset;
use crate::Refusal;

/// The transfer syntaxes that are no plain explicit little endian; every other one encapsulates pixels only.
const IMPLICIT: &str = "1.2.840.10008.1.2";
const DEFLATED: &str = "1.2.840.10008.1.2.1.99";
const BIG: &str = "1.2.840.10008.1.2.2";

/// The bytes of the data set, and how they are written.
pub(super) struct File<'b> {
    pub(super) data: Cow<'b, [u8]>,
    pub(super) start: usize,
    pub(super) syntax: Syntax,
    /// What was odd.
    pub(super) oddities: Vec<String>,
}

fn refuse(code: IssueType, text: &str) -> Refusal {
    Refusal::new(Issue::new(Severity::Fatal, code, "", text))
}

/// Reads the file meta information.
pub(super) fn open<'b>(bytes: &'b [u8], limits: &Limits) -> Result<File<'b>, Refusal> {
    let explicit = Syntax { explicit: true, big: false };
    let mut oddities = Vec::new();
    let start = match bytes.get(128..132) {
        Some(b"DICM") => 132,
        _ => {
            oddities.push("The file has no preamble; it was read as a bare data set.".to_owned());
            0
        }
    };
    let has_meta = bytes.get(start..start + 2) == Some(b"\x02\x00");
    let mut reader = Reader::new(bytes, start, explicit, limits);
    let meta = if has_meta { reader.data_set(Some(2))? } else { DataSet::default() };
    let start = reader.position();
    let named =
        meta.bytes(0x0002_0010).map(|value| String::from_utf8_lossy(value).trim_matches([' ', '\0']).to_owned());
    let syntax = match named.as_deref() {
        Some(IMPLICIT) => Syntax { explicit: false, big: false },
        Some(BIG) => Syntax { explicit: true, big: true },
        Some(_) => explicit,
        None => {
            if has_meta {
                oddities.push(
                    "The file meta information names no transfer syntax; the form was told by the bytes.".to_owned(),
                );
            }
            let vr = bytes.get(start + 4..start + 6).unwrap_or_default();
            Syntax { explicit: vr.len() == 2 && vr.iter().all(u8::is_ascii_uppercase), big: false }
        }
    };
    if named.as_deref() != Some(DEFLATED) {
        return Ok(File { data: Cow::Borrowed(bytes), start, syntax, oddities });
    }
    let mut data = Vec::new();
    let packed = bytes.get(start..).unwrap_or_default();
    let mut inflater = flate2::read::DeflateDecoder::new(packed).take(limits.bytes as u64 + 1);
    if inflater.read_to_end(&mut data).is_err() {
        return Err(refuse(IssueType::Structure, "The deflated data set cannot be inflated."));
    }
    if data.len() > limits.bytes {
        return Err(refuse(IssueType::TooLong, "The data set is longer than is read once it is inflated."));
    }
    Ok(File { data: Cow::Owned(data), start: 0, syntax, oddities })
}

/// A data set that knows how its text is written.
#[derive(Clone)]
pub(super) struct Object<'s, 'b> {
    pub(super) set: &'s DataSet<'b>,
    pub(super) charset: Charset,
}

impl<'s, 'b> Object<'s, 'b> {
    pub(super) fn new(set: &'s DataSet<'b>) -> Object<'s, 'b> {
        Object { set, charset: Charset::of(set.bytes(0x0008_0005)) }
    }

    /// The first value of a text element.
    pub(super) fn text(&self, tag: Tag) -> Option<String> {
        let text = self.charset.text(self.set.bytes(tag)?);
        Some(text).filter(|text| !text.is_empty())
    }

    /// The same, not taken.
    pub(super) fn peek(&self, tag: Tag) -> Option<String> {
        let Value::Bytes(bytes) = self.set.peek(tag)?.value else { return None };
        Some(self.charset.text(bytes)).filter(|text| !text.is_empty())
    }

    /// The code of a code sequence's first item, not taken.
    pub(super) fn peek_code(&self, tag: Tag) -> Option<String> {
        let Value::Items(items) = &self.set.peek(tag)?.value else { return None };
        let item = Object { set: items.first()?, charset: self.charset.clone() };
        [0x0008_0100, 0x0008_0119, 0x0008_0120].into_iter().find_map(|tag| item.peek(tag))
    }

    /// The items of a sequence; they may name a character set of their own.
    pub(super) fn items(&self, tag: Tag) -> Vec<Object<'s, 'b>> {
        let items = self.set.items(tag).iter();
        items
            .map(|set| {
                let own = set.bytes(0x0008_0005);
                let charset = own.map_or_else(|| self.charset.clone(), |value| Charset::of(Some(value)));
                Object { set, charset }
            })
            .collect()
    }

    /// The first item of a sequence.
    pub(super) fn item(&self, tag: Tag) -> Option<Object<'s, 'b>> {
        self.items(tag).into_iter().next()
    }

    /// A DICOM UID.
    pub(super) fn uid(&self, tag: Tag) -> Option<String> {
        self.text(tag).filter(|uid| uid.contains('.') && uid.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
    }

    /// Date and time in two elements as FHIR `dateTime`; the zone is (0008,0201).
    pub(super) fn date_time(&self, date: Tag, time: Tag, zone: &str) -> Option<String> {
        let date: String = self.text(date)?.chars().filter(char::is_ascii_digit).collect();
        let clock = self.peek(time).unwrap_or_default().replace(':', "");
        let found = written(&date, &clock, zone)?;
        if found.contains('T') {
            // A time of day that FHIR cannot write stays untaken, and so is listed.
            self.set.take(time);
        }
        Some(found)
    }

    /// A DT value as FHIR `dateTime`.
    pub(super) fn moment(&self, tag: Tag, zone: &str) -> Option<String> {
        let text = self.text(tag)?;
        let at = text.find(['+', '-']).unwrap_or(text.len());
        let (clock, own) = text.split_at(at);
        let zone = if own.is_empty() { zone } else { own };
        let day = clock.get(..8.min(clock.len()))?;
        written(day, clock.get(8..).unwrap_or_default(), zone)
    }

    /// The code of a code sequence's first item, in words.
    pub(super) fn meaning(&self, tag: Tag) -> Option<String> {
        let item = self.item(tag)?;
        item.text(0x0008_0104).or_else(|| item.code_value())
    }

    fn code_value(&self) -> Option<String> {
        self.text(0x0008_0100).or_else(|| self.text(0x0008_0119)).or_else(|| self.text(0x0008_0120))
    }

    /// Code and scheme of a code sequence's first item.
    pub(super) fn code(&self, tag: Tag) -> Option<(String, String)> {
        let item = self.item(tag)?;
        Some((item.code_value()?, item.text(0x0008_0102).unwrap_or_default()))
    }

    /// Fills a CodeableConcept from the items of a code sequence; `false` where there is none.
    pub(super) fn fill_concept(&self, tag: Tag, to: &mut ElementMut<'_>) -> bool {
        let mut some = false;
        for item in self.items(tag) {
            let meaning = item.text(0x0008_0104);
            if let Some(code) = item.code_value() {
                let scheme = item.text(0x0008_0102).unwrap_or_default();
                let version = item.text(0x0008_0103);
                item.set.bytes(0x0008_010b);
                let named = to.as_element().get("text").is_some();
                let mut coding = to.item("coding");
                coding.set_some("system", system(&scheme).as_deref());
                coding.set_some("version", version.as_deref());
                coding.set("code", &code.split_whitespace().collect::<Vec<_>>().join(" "));
                // The standard fixes the names of its own codes: what the object calls them stands as text.
                if scheme == "DCM" && !named {
                    to.set_some("text", meaning.as_deref());
                } else {
                    coding.set_some("display", meaning.as_deref());
                }
                if system(&scheme).is_none() && !scheme.is_empty() {
                    to.set("text", &format!("{} ({scheme} {code})", meaning.as_deref().unwrap_or_default()));
                }
                some = true;
            } else if let Some(meaning) = meaning {
                to.set("text", &meaning);
                some = true;
            }
        }
        some
    }
}

/// Digits of a date and of a time as FHIR `dateTime`. Without a zone the date stays.
fn written(date: &str, time: &str, zone: &str) -> Option<String> {
    let digits: String = time.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    let (clock, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    let clock = if clock.len().is_multiple_of(2) { clock } else { "" };
    let whole = match (clock.len() >= 4, fraction.is_empty() || clock.len() != 6, zone.is_empty()) {
        (true, _, true) | (false, ..) => date.to_owned(),
        (true, true, false) => format!("{date}{clock}{zone}"),
        (true, false, false) => format!("{date}{clock}.{fraction}{zone}"),
    };
    crate::cda::time::read(&whole).map(|written| written.text)
}

/// The URI of a coding scheme: <https://dicom.nema.org/medical/dicom/current/output/chtml/part16/chapter_8.html>.
fn system(scheme: &str) -> Option<String> {
    let uri = match scheme {
        "SCT" => "http://snomed.info/sct",
        "SRT" | "SNM3" | "99SDM" => "http://snomed.info/srt",
        "DCM" => "http://dicom.nema.org/resources/ontology/DCM",
        "LN" => "http://loinc.org",
        "UCUM" => "http://unitsofmeasure.org",
        "RADLEX" => "http://radlex.org",
        "I10" => "http://hl7.org/fhir/sid/icd-10",
        "I9" => "http://hl7.org/fhir/sid/icd-9",
        "I9C" => "http://hl7.org/fhir/sid/icd-9-cm",
        "I10C" => "http://hl7.org/fhir/sid/icd-10-cm",
        "FMA" => "urn:oid:2.16.840.1.113883.6.119",
        "NCIt" => "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl",
        "UMLS" => "http://www.nlm.nih.gov/research/umls",
        "BI" => "urn:oid:1.2.840.10008.2.16.5",
        "RFC5646" | "RFC3066" => "urn:ietf:bcp:47",
        "ISO3166_1" => "urn:iso:std:iso:3166",
        "ISO639_1" | "ISO639_2" => "urn:oid:1.0.639.1",
        "MDC" => "urn:iso:std:iso:11073:10101",
        "C4" => "http://www.ama-assn.org/go/cpt",
        _ => return None,
    };
    Some(uri.to_owned())
}

/// `Family^Given^Middle^Prefix^Suffix`, groups for other scripts after `=`.
pub(super) fn push_names(name: &str, to: &mut ElementMut<'_>) {
    const REPRESENTATION: &str = "http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation";
    for (number, group) in name.split('=').enumerate().filter(|(_, group)| !group.trim_matches(['^', ' ']).is_empty()) {
        let parts: Vec<&str> = group.split('^').map(str::trim).collect();
        let part = |at: usize| parts.get(at).copied().filter(|part| !part.is_empty());
        let mut item = to.item("name");
        if number > 0 {
            let code = if number == 1 { "IDE" } else { "SYL" };
            item.item("extension").set("url", REPRESENTATION).set("valueCode", code);
        }
        item.set_some("family", part(0));
        for given in [part(1), part(2)].into_iter().flatten() {
            item.push("given", given);
        }
        if let Some(prefix) = part(3) {
            item.push("prefix", prefix);
        }
        for suffix in parts.iter().skip(4).filter(|suffix| !suffix.is_empty()) {
            item.push("suffix", *suffix);
        }
    }
}

/// A resource of one who is only named.
pub(super) fn named(kind: &str, name: &str) -> Tree {
    let mut tree = Tree::new(kind);
    let mut to = tree.edit();
    if kind == "Practitioner" {
        push_names(name, &mut to);
    } else {
        to.set("name", name);
    }
    tree
}
