//! DICOM objects: what a structured report says, an account of its texts, and files that nobody should send.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use convert::Draft;
use model::json;

const REPORT: &[u8] = include_bytes!("pairs/dicom-measurement-report/input.dcm");
const SELECTION: &[u8] = include_bytes!("pairs/dicom-key-objects/input.dcm");

fn converted(bytes: &[u8]) -> Draft {
    support::convert_bytes(bytes).unwrap_or_else(|refusal| panic!("{refusal}"))
}

/// The file with one text in the place of another of the same length.
fn with(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at = bytes.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
    let mut changed = bytes.to_vec();
    changed[at..at + to.len()].copy_from_slice(to.as_bytes());
    changed
}

#[test]
fn a_verified_report_is_final_and_an_incomplete_one_is_not() {
    let draft = converted(REPORT);
    assert_eq!((draft.category.as_str(), draft.format), ("Medical-Imaging", "dicom"));
    let report = support::first(&draft, "DiagnosticReport");
    assert!(report.contains("\"status\":\"final\"") && report.contains("Ein Herd im Lebersegment VI."), "{report}");
    let partial = converted(&with(REPORT, "COMPLETE", "PARTIAL "));
    assert!(support::first(&partial, "DiagnosticReport").contains("\"status\":\"partial\""));
    assert!(support::first(&partial, "Composition").contains("\"status\":\"preliminary\""));
    let open = converted(&with(REPORT, "VERIFIED", "OPEN    "));
    assert!(support::first(&open, "DiagnosticReport").contains("\"status\":\"preliminary\""));
}

#[test]
fn measurements_keep_their_unit_their_group_and_why_they_failed() {
    let draft = converted(REPORT);
    let written = json::to_string(draft.document.root());
    for text in [
        "\"value\":23.5,\"unit\":\"millimeter\"",
        "\"code\":\"114008\"",
        "\"code\":\"10200004\"",
        "Tracking Identifier: Läsion 1",
    ] {
        assert!(written.contains(text), "{text}");
    }
    let observations = draft.document.root().every("entry.resource");
    let failed = observations.iter().find(|found| found.text_at("code.coding.code") == Some("103340004")).unwrap();
    assert!(failed.get("valueQuantity").is_none() && failed.get("dataAbsentReason").is_some());
}

#[test]
fn every_text_of_a_report_is_in_the_document_or_in_the_account() {
    for bytes in [REPORT, SELECTION] {
        let draft = converted(bytes);
        let written = json::to_string(draft.document.root()) + &json::to_string(draft.report.outcome().root());
        // Texts of the file, found without its structure: runs of letters.
        let text = String::from_utf8_lossy(&bytes[132..]);
        let words = text.split(|c: char| !(c.is_alphabetic() || c == ' ' || c == '-')).map(str::trim);
        let structure = ["CONTAINER", "SEPARATE", "CONTAINS", "CODE", "TEXT", "IMAGE", "PNAME", "INFERRED FROM"];
        let structure = |word: &str| structure.iter().any(|known| word.contains(known)) || word.starts_with("HAS ");
        let mut found = 0;
        for word in words.filter(|word| word.chars().count() > 6 && !structure(word)) {
            let flags = ["COMPLETE", "VERIFIED", "ISO IR"].iter().any(|flag| word.contains(flag));
            assert!(flags || written.contains(word), "{word:?} is lost");
            found += 1;
        }
        assert!(found > 4);
    }
}

#[test]
fn a_selection_becomes_the_study_with_its_instances() {
    let draft = converted(SELECTION);
    let study = support::first(&draft, "ImagingStudy");
    for text in ["1.2.840.99999999.7.201", "1.2.840.99999999.7.202", "Schnitt mit dem Herd", "Of Interest"] {
        assert!(study.contains(text), "{text} is not in {study}");
    }
}

#[test]
fn what_is_no_whole_object_is_refused_in_words() {
    let text =
        |bytes: &[u8]| support::convert_bytes(bytes).err().map(|refusal| refusal.to_string()).unwrap_or_default();
    for cut in [1, 5, 9, 13] {
        assert!(text(&REPORT[..REPORT.len() - cut]).contains("ends at byte"), "{cut} bytes less");
    }
    assert!(text(&REPORT[..132]).contains("no data elements"));
    let mut unknown = REPORT[..132].to_vec();
    unknown.extend(b"\x10\x00\x10\x00PN\x02\x00AB");
    assert!(text(&unknown).contains("no study"));
}

#[test]
fn mangled_files_never_panic() {
    for bytes in [REPORT, SELECTION] {
        let mut seed = 11u64;
        for round in 0..400 {
            let mut mangled = bytes.to_vec();
            for _ in 0..=round % 5 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let place = 128 + (seed >> 33) as usize % (mangled.len() - 128);
                match (seed >> 20) % 3 {
                    0 => mangled[place] = (seed >> 45) as u8,
                    1 => mangled[place] = 0xff,
                    _ => mangled.truncate(place.max(140)),
                }
            }
            let _ = support::convert_bytes(&mangled);
        }
    }
}
