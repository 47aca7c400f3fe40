//! Problems: concern acts and problem observations into Condition
//! (<http://hl7.eu/fhir/base/StructureDefinition/condition-eu-core>).

use model::ElementMut;

use super::coded;
use super::context::Context;
use super::entry;
use super::read::Node;
use super::table;
use super::time;

const PROFILE: &str = "http://hl7.eu/fhir/base/StructureDefinition/condition-eu-core";
const CLINICAL: &str = "http://terminology.hl7.org/CodeSystem/condition-clinical";
const VERIFICATION: &str = "http://terminology.hl7.org/CodeSystem/condition-ver-status";
const CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/condition-category";
const SNOMED: &str = "http://snomed.info/sct";
const PROBLEM: &str = "problem-list-item";
const NO_PROBLEM: &str = "160245001";
/// LOINC codes of a status observation.
const STATUS: [&str; 2] = ["33999-4", "66455-7"];

/// The Condition of one problem observation; `concern` is the act around it, where there is one.
pub(super) fn condition(
    cx: &mut Context<'_>,
    observation: Node<'_>,
    concern: Option<Node<'_>>,
    category: &str,
) -> String {
    let mut tree = entry::begin(cx, observation, "Condition", Some(PROFILE), "");
    let mut to = tree.edit();
    let denied = entry::is_negated(observation) || concern.is_some_and(entry::is_negated);
    let negated = denied && !observation.get("value").is_some_and(table::is_absence);
    let value = observation.get("value");
    // What is completed of an act that holds a diagnosis is the act, not the illness.
    let watched = concern.filter(|_| category == PROBLEM);
    statuses(cx, observation, watched, negated, &mut to);
    to.item("category").item("coding").set("system", CATEGORY).set("code", category);
    kind(cx, observation, &mut to);
    if let Some(severity) = entry::inner_coded(observation, "SEV") {
        severity.get("code").into_iter().for_each(Node::take_attributes);
        entry::status(severity);
        entry::statement_text(cx, severity);
        coded::set_concept(cx, severity.get("value"), &mut to, "severity");
    }
    code(cx, observation, value, negated, &mut to);
    for site in observation.all("targetSiteCode") {
        coded::push_concept(cx, site, &mut to, "bodySite");
    }
    cx.set_patient(&mut to, "subject");
    times(cx, observation, concern, &mut to);
    entry::recorded(cx, observation, concern, &mut to);
    entry::push_notes(cx, observation, &mut to);
    for interpretation in observation.all("interpretationCode") {
        // A Condition has no interpretation: what it says becomes a note.
        if let Some(words) = entry::said(cx, interpretation) {
            entry::push_note(&mut to, &format!("Interpretation: {words}"));
            interpretation.take_all();
        }
    }
    if let Some(concern) = concern {
        entry::push_notes(cx, concern, &mut to);
    }
    cx.add(observation, tree)
}

/// What kind of problem it is said to be (finding, symptom, diagnosis): a further category, unless it says nothing.
fn kind(cx: &mut Context<'_>, observation: Node<'_>, to: &mut ElementMut<'_>) {
    let Some(code) = observation.get("code") else { return };
    code.take_attributes();
    let general = code.peek("code").is_none_or(|code| table::lookup("general-problem", code).is_some());
    if !general {
        coded::push_concept(cx, code, to, "category");
    } else {
        code.descendants().for_each(Node::take_attributes);
    }
}

fn code(cx: &mut Context<'_>, observation: Node<'_>, value: Option<Node<'_>>, negated: bool, to: &mut ElementMut<'_>) {
    let specific = value.filter(|value| {
        let general = value.peek("code").is_some_and(|code| table::lookup("general-problem", code).is_some());
        coded::names_something(cx, *value) && !general
    });
    match specific {
        None if negated => {
            // A problem that is negated without being named: there is none.
            to.object("code").item("coding").set("system", SNOMED).set("code", NO_PROBLEM);
            if let Some(value) = value {
                value.take_attributes();
                if let Some(text) = coded::original_text(cx, value) {
                    to.object("code").set("text", &text);
                }
            }
        }
        Some(value) if value.peek("code").is_none() && value.get("translation").is_none() && is_text(value) => {
            to.object("code").set_some("text", value.text().as_deref());
        }
        _ => {
            let named = value.filter(|value| coded::says_something(*value));
            match named {
                Some(value) => coded::fill_concept(cx, value, &mut to.object("code")),
                None => match value.and_then(Node::text).or_else(|| entry::statement_text(cx, observation)) {
                    Some(text) => {
                        to.object("code").set("text", &text);
                    }
                    None => coded::require_concept(cx, None, to, "code"),
                },
            }
            if to
                .as_element()
                .get("code")
                .is_some_and(|code| code.get("coding").is_none() && code.get("text").is_none())
                && let Some(text) = entry::statement_text(cx, observation)
            {
                to.object("code").remove("extension").set("text", &text);
            }
        }
    }
}

fn is_text(value: Node<'_>) -> bool {
    matches!(value.xsi_type(), Some("ST" | "ED"))
}

fn statuses(
    cx: &mut Context<'_>,
    observation: Node<'_>,
    concern: Option<Node<'_>>,
    negated: bool,
    to: &mut ElementMut<'_>,
) {
    let own = entry::status(observation);
    let around = concern.and_then(entry::status);
    let mut clinical = None;
    let mut verification = None;
    for (_, status) in entry::inner(observation).filter(|(_, inner)| STATUS.iter().any(|code| inner.is_coded(code))) {
        let Some(value) = status.get("value") else { continue };
        let code = value.peek("code").unwrap_or_default();
        let found = (table::lookup("condition-clinical", code), table::lookup("verification", code));
        match found {
            (Some(code), _) => clinical = Some(code),
            (None, Some(code)) => verification = Some(code),
            (None, None) => continue,
        }
        take_status(cx, status);
    }
    let ended = end(observation).or_else(|| concern.and_then(end)).is_some_and(|high| !is_later(cx, high));
    let error = matches!((own, around), (Some("nullified"), _) | (_, Some("nullified")));
    let clinical = match clinical {
        Some("active" | "recurrence" | "relapse") if ended => {
            cx.note(observation, "The status says active but an end is given: the condition is resolved.");
            Some("resolved")
        }
        Some(code) => Some(code),
        None if ended => Some("resolved"),
        None => around.and_then(|code| table::lookup("concern-clinical", code)),
    };
    let verification = match verification {
        _ if error => Some("entered-in-error"),
        _ if negated => Some("refuted"),
        found => found,
    };
    if let Some(code) = clinical.filter(|_| !error) {
        to.object("clinicalStatus").item("coding").set("system", CLINICAL).set("code", code);
    }
    if let Some(code) = verification {
        to.object("verificationStatus").item("coding").set("system", VERIFICATION).set("code", code);
    }
}

/// Whether a time lies after the day on which the document was written.
pub(super) fn is_later(cx: &Context<'_>, when: Node<'_>) -> bool {
    let day = |text: &str| text.get(..10).unwrap_or(text).to_owned();
    let written = cx.date.as_deref().map(day);
    let time = time::peek_time(when).map(|text| day(&text));
    time.zip(written).is_some_and(|(time, written)| time > written)
}

/// Marks a status observation as carried.
pub(super) fn take_status(cx: &Context<'_>, status: Node<'_>) {
    entry::statement_text(cx, status);
    entry::status(status);
    status.descendants().filter(|node| node.name() != "id").for_each(Node::take_attributes);
}

fn end<'d>(statement: Node<'d>) -> Option<Node<'d>> {
    let high = statement.get("effectiveTime")?.get("high")?;
    high.peek("value").map(|_| high)
}

fn times(cx: &mut Context<'_>, observation: Node<'_>, concern: Option<Node<'_>>, to: &mut ElementMut<'_>) {
    let own = observation.get("effectiveTime");
    match time::when(own) {
        time::When::Point(point) => time::set_time(cx, point, to, "onsetDateTime"),
        time::When::Interval(interval) => {
            interval.take_attributes();
            if let Some(low) = interval.get("low") {
                onset(cx, low, to);
            }
            if let Some(high) = interval.get("high") {
                abatement(cx, high, to);
            }
        }
        time::When::Unknown(node) => {
            let flavor = node.and_then(time::unknown_flavor);
            if flavor.is_some_and(|flavor| matches!(flavor, "UNK" | "ASKU" | "NAV" | "NASK" | "MSK")) {
                coded::absent(&mut to.primitive("onsetDateTime"), flavor);
            }
        }
    }
    if let Some(around) = concern.and_then(|concern| concern.get("effectiveTime")) {
        concern_times(cx, own, around, to);
    }
}

/// The concern's time is that of the concern; it stands in for the problem's where that has none, and is kept beside it
/// where it differs.
fn concern_times(cx: &mut Context<'_>, own: Option<Node<'_>>, around: Node<'_>, to: &mut ElementMut<'_>) {
    around.take_attributes();
    let ends = |node: Option<Node<'_>>| {
        let read = |name: &str| node.and_then(|node| node.get(name)).and_then(time::peek_time);
        (read("low"), read("high"))
    };
    let (own_ends, ends) = (ends(own), ends(Some(around)));
    around.children().for_each(Node::take_attributes);
    if own_ends.1.is_none() && ends.1.is_some() && to.as_element().get("abatementDateTime").is_none() {
        if let Some(high) = around.get("high") {
            abatement(cx, high, to);
        }
    } else if own_ends.1 != ends.1 && ends.1.is_some() {
        entry::push_note(to, &format!("Concern closed: {}", ends.1.clone().unwrap_or_default()));
    }
    if ends.0.is_some() && own_ends.0 != ends.0 {
        let point = own.and_then(time::peek_time);
        if own_ends.0.is_none() && point.is_none() && to.as_element().get("onsetDateTime").is_none() {
            if let Some(low) = around.get("low") {
                onset(cx, low, to);
            }
        } else if point != ends.0 {
            entry::push_note(to, &format!("Concern opened: {}", ends.0.unwrap_or_default()));
        }
    }
    if let Some(value) = time::peek_time(around).filter(|value| own.and_then(time::peek_time).as_ref() != Some(value)) {
        entry::push_note(to, &format!("Concern: {value}"));
    }
}

fn onset(cx: &mut Context<'_>, low: Node<'_>, to: &mut ElementMut<'_>) {
    match low.null_flavor() {
        Some("NA" | "NI" | "NINF") => {}
        _ => time::set_time(cx, low, to, "onsetDateTime"),
    }
}

fn abatement(cx: &mut Context<'_>, high: Node<'_>, to: &mut ElementMut<'_>) {
    // An end of unknown date would say that it has ended, which a null flavour here does not; nor has one to come.
    if is_later(cx, high) {
        high.take_attributes();
        entry::push_note(to, &format!("Expected to end: {}", time::peek_time(high).unwrap_or_default()));
    } else if high.peek("value").is_some() {
        time::set_time(cx, high, to, "abatementDateTime");
    } else {
        high.null_flavor();
    }
}
