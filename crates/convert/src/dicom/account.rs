//! The account of an object: every element with a value that no map took is listed with its tag, its place and its text.

use model::{Issue, IssueType, Severity};

use super::object::Object;
use super::read::{Element, Value, named};
use crate::Report;

/// Lists what was not taken. How images were acquired and how pixels lie says nothing of the patient: that is information.
pub(super) fn losses(report: &mut Report, object: &Object<'_, '_>, path: &str) {
    for element in &object.set.elements {
        let place = format!("{path}{}", named(element.tag));
        let group = element.tag >> 16;
        if element.tag & 0xffff == 0 || element.tag == 0x0008_0005 {
            continue;
        }
        match &element.value {
            Value::Items(items) => {
                for (number, set) in items.iter().enumerate() {
                    let inner = Object { set, charset: object.charset.clone() };
                    losses(report, &inner, &format!("{place}[{}]/", number + 1));
                }
            }
            Value::Skipped(bytes) => {
                let text = format!("{bytes} bytes of pixels or other bulk are not carried.");
                push(report, Severity::Information, &place, text);
            }
            Value::Bytes(bytes) if !element.is_taken() && !bytes.is_empty() => {
                let said = words(element, object, bytes);
                if said.is_empty() {
                    continue;
                }
                // The names of content items stand in words; their codes do where an Observation is made of the item.
                let named = path.ends_with("(0040,A043)[1]/");
                let technical = named
                    || matches!(group, 0x0018 | 0x0020 | 0x0028 | 0x0054 | 0x0070 | 0x3002..=0x300c | 0x5400 | 0x7fe0);
                let private = group % 2 == 1;
                let severity = if technical || private { Severity::Information } else { Severity::Warning };
                let kind = if private { "A private element, not carried" } else { "No place in the map, not carried" };
                push(report, severity, &place, format!("{kind}: {said} (byte {}).", element.offset));
            }
            Value::Bytes(_) => {}
        }
    }
}

fn push(report: &mut Report, severity: Severity, place: &str, text: String) {
    report.issues.push(Issue::new(severity, IssueType::NotSupported, place, text));
}

fn words(element: &Element<'_>, object: &Object<'_, '_>, bytes: &[u8]) -> String {
    const LONGEST: usize = 1000;
    let binary = matches!(
        &element.vr,
        b"OB" | b"OW" | b"OF" | b"OD" | b"OL" | b"US" | b"UL" | b"SS" | b"SL" | b"FL" | b"FD" | b"AT" | b"UV" | b"SV"
    );
    let printable = bytes.iter().all(|byte| *byte >= 0x20 || matches!(byte, 0 | 9 | 10 | 12 | 13 | 27));
    if binary || !printable {
        let head: Vec<String> = bytes.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        return format!("{} bytes {}", bytes.len(), head.concat());
    }
    let text = object.charset.text(bytes);
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{:?}… ({} characters)", text.get(..at).unwrap_or_default(), text.chars().count()),
        None if text.is_empty() => String::new(),
        None => format!("{text:?}"),
    }
}
