//! No input makes the converter panic: cut, mangled and hostile documents give a draft or a refusal.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::path::Path;

use convert::{BuiltIn, Knowledge, Options, Source};
use model::{IssueType, Limits, NoShapes};

fn examples() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.is_file()).map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn cut_and_mangled_examples_never_panic() {
    for bytes in examples() {
        let step = bytes.len() / 40 + 1;
        for cut in (0..bytes.len()).step_by(step) {
            let _ = support::convert_bytes(&bytes[..cut]);
            let mut mangled = bytes.clone();
            for (place, byte) in mangled.iter_mut().enumerate().skip(cut).step_by(97) {
                *byte = if place % 3 == 0 { b'<' } else { byte.wrapping_add(13) };
            }
            let _ = support::convert_bytes(&mangled);
        }
        // Attributes without values, values without meaning.
        let text = String::from_utf8_lossy(&bytes);
        for (from, to) in [
            ("value=\"", "value=\"x"),
            ("code=\"", "code=\" "),
            ("root=\"", "root=\"é"),
            ("xsi:type=\"", "xsi:type=\"q:"),
        ] {
            let _ = support::convert_bytes(text.replace(from, to).as_bytes());
        }
    }
}

#[test]
fn hostile_xml_is_refused() {
    let laughs = "<!DOCTYPE a [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;'>]><ClinicalDocument>&b;</ClinicalDocument>";
    let refusal = support::convert_bytes(laughs.as_bytes()).unwrap_err();
    assert_eq!(refusal.issues[0].code, IssueType::Security, "{refusal}");
    let external = "<!DOCTYPE a [<!ENTITY a SYSTEM 'file:///etc/hostname'>]><ClinicalDocument>&a;</ClinicalDocument>";
    assert!(support::convert_bytes(external.as_bytes()).is_err());
    let deep = format!("<ClinicalDocument>{}{}</ClinicalDocument>", "<a>".repeat(200_000), "</a>".repeat(200_000));
    assert!(support::convert_bytes(deep.as_bytes()).is_err());
    let knowledge = Knowledge { shapes: &NoShapes, systems: &BuiltIn };
    let options = Options { limits: Limits { bytes: 10, depth: 9, elements: 9 }, ..Options::at(support::NOW) };
    let refusal = convert::convert(&knowledge, &Source::new(b"<ClinicalDocument/>"), &options).unwrap_err();
    assert_eq!(refusal.issues[0].code, IssueType::TooLong);
}

#[test]
fn refusals_are_precise() {
    let text = |bytes: &[u8]| support::convert_bytes(bytes).unwrap_err().to_string();
    assert!(text(b"hello").contains("no format"), "{}", text(b"hello"));
    assert!(text(b"<ClinicalDocument xmlns='urn:hl7-org:v3'/>").contains("no code"));
    let outcome = text(br#"{"resourceType":"OperationOutcome"}"#);
    assert!(outcome.contains("no record to convert"), "{outcome}");
    let unknown = text(br#"{"resourceType":"Patience"}"#);
    assert!(unknown.contains("no resource type of FHIR R4"), "{unknown}");
    let knowledge = Knowledge { shapes: &NoShapes, systems: &BuiltIn };
    let options = Options { category: Some("Laboratory-Reports".to_owned()), ..Options::at(support::NOW) };
    let summary = support::summary("11450-4", "");
    let refusal = convert::convert(&knowledge, &Source::new(summary.as_bytes()), &options).unwrap_err();
    assert!(refusal.to_string().contains("Patient-Summaries"), "{refusal}");
}

#[test]
fn a_document_of_no_category_is_carried_whole_as_a_plain_document() {
    let entry = "<entry><observation classCode='OBS' moodCode='EVN'><code code='1' codeSystem='2.16.840.1.113883.6.1'/>\
                 <value xsi:type='ST'>as seen</value></observation></entry>";
    let letter = support::summary("11450-4", entry).replace("60591-5", "51852-2");
    let draft = support::convert_bytes(letter.as_bytes()).unwrap();
    assert_eq!(draft.category, convert::OTHER_DOCUMENTS);
    let composition = support::first(&draft, "Composition");
    assert!(composition.contains("51852-2") && !composition.contains("meta"), "{composition}");
    assert!(support::first(&draft, "Condition").contains("as seen"));
    assert!(draft.report.issues.iter().any(|issue| issue.text.contains("no EHDS priority category")));
    // One of a category becomes a plain document where that is asked for, and nothing where it has no body.
    let knowledge = Knowledge { shapes: &NoShapes, systems: &BuiltIn };
    let options = Options { category: Some(convert::OTHER_DOCUMENTS.to_owned()), ..Options::at(support::NOW) };
    let summary = support::summary("11450-4", "");
    let draft = convert::convert(&knowledge, &Source::new(summary.as_bytes()), &options).unwrap();
    assert_eq!(draft.category, convert::OTHER_DOCUMENTS);
    let bare = support::document("").replace("60591-5", "51852-2");
    assert!(support::convert_bytes(bare.as_bytes()).unwrap_err().to_string().contains("no body"));
}

#[test]
fn other_encodings_are_read_by_their_declaration() {
    let text = support::summary("11450-4", "").replace("<family>B</family>", "<family>Müller</family>");
    let latin: Vec<u8> =
        format!("<?xml version='1.0' encoding='ISO-8859-1'?>{text}").chars().map(|c| c as u32 as u8).collect();
    let wide: Vec<u8> = format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_be_bytes).collect();
    for bytes in [latin, wide] {
        let draft = support::convert_bytes(&bytes).unwrap();
        assert!(support::first(&draft, "Patient").contains("Müller"));
    }
}

#[test]
fn a_huge_narrative_and_hidden_entities_are_refused_within_limits() {
    // 100 MB of narrative: refused by its size before it is read.
    let huge = support::summary("11450-4", &format!("<text>{}</text>", "A narrative without an end. ".repeat(4 << 20)));
    assert!(huge.len() > 100 << 20);
    let refusal = support::convert_bytes(huge.as_bytes()).unwrap_err();
    assert_eq!(refusal.issues[0].code, IssueType::TooLong, "{refusal}");
    // As many elements as no document has.
    let many = support::summary("11450-4", &format!("<text>{}</text>", "<br/>".repeat(3 << 20)));
    let refusal = support::convert_bytes(many.as_bytes()).unwrap_err();
    assert_eq!(refusal.issues[0].code, IssueType::TooLong, "{refusal}");
    // Entities by parameter, and a document type that only points elsewhere.
    for head in [
        "<!DOCTYPE ClinicalDocument [<!ENTITY % p SYSTEM 'http://example.org/x'> %p;]>",
        "<!DOCTYPE ClinicalDocument SYSTEM 'file:///etc/passwd'>",
    ] {
        let refusal =
            support::convert_bytes(format!("{head}{}", support::summary("11450-4", "")).as_bytes()).unwrap_err();
        assert_eq!(refusal.issues[0].code, IssueType::Security, "{refusal}");
    }
}

/// A small generator of numbers, the same on every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below.max(1) as u64) as usize
    }
}

#[test]
fn documents_whose_elements_are_mixed_up_never_panic_and_are_never_half_done() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let texts: Vec<String> = examples().into_iter().filter_map(|bytes| String::from_utf8(bytes).ok()).collect();
    let mut converted = 0;
    for text in texts.iter().filter(|text| text.contains("ClinicalDocument")) {
        let tags: Vec<usize> = text.match_indices('<').map(|(at, _)| at).collect();
        for _ in 0..60 {
            let mut mutated = text.clone();
            for _ in 0..3 {
                // An attribute's value changed for another's, an element doubled in another place.
                let (from, to) = (tags[numbers.next(tags.len())], tags[numbers.next(tags.len())]);
                let piece = |at: usize| text[at..].split_inclusive('>').next().unwrap_or_default().to_owned();
                if piece(from).ends_with("/>") {
                    let at = mutated.find(&piece(to)).unwrap_or(mutated.len());
                    mutated.insert_str(at, &piece(from));
                } else {
                    mutated = mutated.replacen(&piece(from), &piece(from).replace("=\"", "=\"-"), 1);
                }
            }
            if let Ok(draft) = support::convert_bytes(mutated.as_bytes()) {
                converted += 1;
                assert_eq!(draft.document.resource_type(), "Bundle");
                assert!(!draft.report.mapped.is_empty());
            }
        }
    }
    assert!(converted > 50, "{converted}");
}
