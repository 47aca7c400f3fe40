//! OBX into Observation, or into DocumentReference where it holds a file.
//!
//! The status decides whether a value is a result: one that was deleted, belongs to another patient or could not be
//! obtained is never written as a value; what the segment says stands in a note.

use model::{ElementMut, Tree};

use super::coded;
use super::context::Context;
use super::datatypes;
use super::file;
use super::people;
use super::read::{Part, Segment};
use super::value;
use crate::european::complete_vital_sign;
use crate::markup::with_breaks;

const CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/observation-category";
const INTERPRETATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation";
const REASON: &str = "http://terminology.hl7.org/CodeSystem/data-absent-reason";
/// Flags of table 0078 that FHIR's code system has.
const FLAGS: &str = " < > A AA B D E H HH HX I IE IND L LL LX MS N ND NEG NR NS POS R RR S SDD SYN-R SYN-S U VS W WR ";

/// What an OBX became.
pub(super) enum Made {
    /// An Observation.
    Observation(String),
    /// A DocumentReference with a file.
    File(String),
}

/// The Observation or DocumentReference of an OBX. `category` is a code of observation-category, `time` that of the order.
pub(super) fn observation(
    cx: &mut Context<'_>,
    segment: &Segment,
    category: Option<&str>,
    time: Option<Part<'_>>,
) -> Option<Made> {
    segment.f(1).take_all();
    let kind = segment.f(2).text().unwrap_or("ST").to_ascii_uppercase();
    if (1..=segment.last()).all(|field| !segment.f(field).is_some())
        || !segment.f(3).is_some() && !segment.f(5).is_some()
    {
        cx.remark(
            model::Severity::Warning,
            segment,
            "An observation without a name and a value: nothing was made of it.",
        );
        return None;
    }
    if matches!(kind.as_str(), "ED" | "RP") {
        return file::document_reference(cx, segment).map(Made::File);
    }
    let mut tree = Tree::new("Observation");
    let mut to = tree.edit();
    for part in segment.reps(21) {
        datatypes::fill_entity(cx, part, None, &mut to.item("identifier"));
    }
    let status = status(cx, segment);
    to.set("status", status);
    if let Some(category) = category {
        to.item("category").item("coding").set("system", CATEGORY).set("code", category);
    }
    coded::require_concept(cx, segment.f(3), &mut to, "code");
    cx.set_patient(&mut to, "subject");
    cx.set_encounter(&mut to);
    if !datatypes::set_time(cx, segment.f(14), &mut to, "effectiveDateTime")
        && let Some(time) = time
    {
        datatypes::set_time(cx, time, &mut to, "effectiveDateTime");
    }
    if is_result(status) {
        value::set_value(cx, segment, &kind, &mut to);
    } else {
        no_result(cx, segment, status, &mut to);
    }
    interpretation(cx, segment, &mut to);
    value::reference_range(cx, segment, &mut to);
    performers(cx, segment, &mut to);
    details(cx, segment, &mut to);
    for text in complete_vital_sign(&mut to) {
        cx.defect(segment.f(3), text);
    }
    Some(Made::Observation(cx.add(segment, tree)))
}

/// Table 0085. A status that is not there or not known is unknown, never final.
fn status(cx: &mut Context<'_>, segment: &Segment) -> &'static str {
    let part = segment.f(11);
    let Some(code) = part.text() else { return "unknown" };
    match coded::lookup("observation", code) {
        Some(status) => status,
        None => {
            cx.loss(part, format!("The status {code:?} is none of table 0085; it became \"unknown\"."));
            "unknown"
        }
    }
}

fn is_result(status: &str) -> bool {
    !matches!(status, "cancelled" | "entered-in-error" | "registered")
}

/// No value: why, and in words what stands where a value would.
fn no_result(cx: &mut Context<'_>, segment: &Segment, status: &str, to: &mut ElementMut<'_>) {
    let not_asked = segment.f(11).peek() == Some("N");
    let reason = match status {
        _ if not_asked => "not-asked",
        "cancelled" => "not-performed",
        "entered-in-error" => "error",
        _ => "temp-unknown",
    };
    to.object("dataAbsentReason").item("coding").set("system", REASON).set("code", reason);
    let mut words = Vec::new();
    for field in [5, 6] {
        for part in segment.reps(field) {
            words.extend(part.whole());
        }
    }
    if !words.is_empty() {
        let words = words.join(" ");
        cx.defect(
            segment.f(5),
            format!("The status ({status}) says that this is no result; {words:?} stands in a note only."),
        );
        let mut note = to.item("note");
        note.set("text", &format!("Not a result (status {}): {words}", segment.f(11).peek().unwrap_or("unknown")));
    }
}

fn interpretation(cx: &mut Context<'_>, segment: &Segment, to: &mut ElementMut<'_>) {
    for part in segment.reps(8) {
        let known = part
            .peek()
            .map(str::to_ascii_uppercase)
            .filter(|code| !code.contains(' ') && FLAGS.contains(&format!(" {code} ")));
        let system = part.c(3).peek();
        match known.filter(|_| system.is_none_or(|name| name.to_ascii_uppercase().starts_with("HL7"))) {
            Some(code) => {
                let mut concept = to.item("interpretation");
                concept.item("coding").set("system", INTERPRETATION).set("code", &code);
                if let Some(text) =
                    part.c(9).text().or_else(|| part.c(2).text()).filter(|text| !text.eq_ignore_ascii_case(&code))
                {
                    concept.set("text", text);
                }
                [1, 2, 3, 7].into_iter().for_each(|number| part.c(number).take_all());
            }
            None => {
                coded::push_concept(cx, part, to, "interpretation");
            }
        }
    }
}

/// Laboratory with its address, producer, responsible observers.
fn performers(cx: &mut Context<'_>, segment: &Segment, to: &mut ElementMut<'_>) {
    let laboratory = segment.f(23);
    if let Some(reference) = people::organization(cx, laboratory) {
        let address = segment.f(24);
        if address.is_some()
            && let Some(tree) = cx.document.resource_mut(&reference)
            && tree.root().get("address").is_none()
        {
            let mut holder = Tree::new("Organization");
            datatypes::fill_address(cx, address, &mut holder.edit());
            if let Some(tree) = cx.document.resource_mut(&reference) {
                let mut edit = tree.edit();
                let mut item = edit.item("address");
                for child in holder.root().children() {
                    item.copy(child);
                }
            }
        } else {
            address.take_all();
        }
        to.item("performer").set("reference", &reference);
    }
    if let Some(reference) = people::facility_of_code(cx, segment.f(15)) {
        to.item("performer").set("reference", &reference);
    }
    for part in segment.reps(16) {
        if let Some(reference) = people::practitioner(cx, part) {
            to.item("performer").set("reference", &reference);
        }
    }
}

fn details(cx: &mut Context<'_>, segment: &Segment, to: &mut ElementMut<'_>) {
    coded::set_concept(cx, segment.f(17), to, "method");
    coded::set_concept(cx, segment.f(20), to, "bodySite");
    let device = segment.f(18);
    if device.is_some() {
        let mut tree = Tree::new("Device");
        datatypes::fill_entity(cx, device, None, &mut tree.edit().item("identifier"));
        let reference = cx.document.add_once(tree);
        to.object("device").set("reference", &reference);
    }
    if segment.f(29).peek() == Some("RSLT") {
        segment.f(29).take_all();
    }
    if let Some(sub) = segment.f(4).whole().filter(|_| cx.numbered) {
        to.item("note").set("text", &format!("Sub-identifier {sub}"));
    }
}

/// What an NTE says that every note says: its number, who of the parties wrote it (table 0105), that it is a remark
/// (table 0364).
pub(super) fn take_frame(segment: &Segment) {
    segment.f(1).take_all();
    if matches!(segment.f(2).peek(), Some("L" | "P" | "O")) {
        segment.f(2).take_all();
    }
    if segment.f(4).peek() == Some("RE") {
        segment.f(4).take_all();
    }
}

/// NTE as a note of a resource; `None` where it says nothing.
pub(super) fn note(cx: &mut Context<'_>, segment: &Segment) -> Option<Tree> {
    take_frame(segment);
    let lines: Vec<String> = segment.reps(3).filter_map(Part::whole).collect();
    if lines.is_empty() {
        segment.f(5).take_all();
        segment.f(6).take_all();
        return None;
    }
    let mut tree = Tree::new("Annotation");
    let mut to = tree.edit();
    people::refer(people::practitioner(cx, segment.f(5)), &mut to, "authorReference", false);
    datatypes::set_time(cx, segment.f(6), &mut to, "time");
    to.set("text", &lines.join("\n"));
    Some(tree)
}

/// Appends a note to a resource of the document.
pub(super) fn push_note(cx: &mut Context<'_>, reference: &str, note: &Tree) {
    if let Some(tree) = cx.document.resource_mut(reference) {
        let mut edit = tree.edit();
        let mut item = edit.item("note");
        for child in note.root().children() {
            item.copy(child);
        }
    }
}

/// One line of the table of results, for people.
pub(super) fn row(segment: &Segment) -> String {
    let name = segment.f(3);
    let name = name.c(9).peek().or(name.c(2).peek()).or(name.peek()).unwrap_or_default();
    let file = matches!(segment.f(2).peek(), Some("ED" | "RP"));
    let value: Vec<String> = segment.reps(5).filter_map(Part::words).collect();
    let mut value = if file { "(file)".to_owned() } else { value.join("\n") };
    match coded::lookup("observation", segment.f(11).peek().unwrap_or_default()) {
        Some(status) if !is_result(status) => value = format!("no result ({status})"),
        Some("corrected") => value.push_str(" (corrected)"),
        Some("preliminary") => value.push_str(" (preliminary)"),
        _ => {}
    }
    let unit = segment.f(6).peek().unwrap_or_default();
    let range = segment.f(7).words().unwrap_or_default();
    let flags: Vec<String> = segment.reps(8).filter_map(|part| part.peek().map(str::to_owned)).collect();
    let cells = [name.to_owned(), value, unit.to_owned(), range, flags.join(" ")];
    let cells: Vec<String> = cells.iter().map(|cell| format!("<td>{}</td>", with_breaks(cell))).collect();
    format!("<tr>{}</tr>", cells.concat())
}
