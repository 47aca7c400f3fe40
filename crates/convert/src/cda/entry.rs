//! What all clinical statements share: narrative, identifiers, notes, authors, the statements inside them.

use model::{ElementMut, Tree};

use super::coded;
use super::context::Context;
use super::narrative;
use super::parts;
use super::people;
use super::read::Node;
use super::table;
use super::time;

const STATEMENTS: [&str; 10] = [
    "act",
    "observation",
    "procedure",
    "substanceAdministration",
    "supply",
    "encounter",
    "organizer",
    "observationMedia",
    "regionOfInterest",
    "section",
];
const EXPOSED_COMMENT: &str = "48767-8";

/// A new resource for a clinical statement: its profile, its own narrative, its identifiers, its patient.
pub(super) fn begin(cx: &mut Context<'_>, act: Node<'_>, kind: &str, profile: Option<&str>, patient: &str) -> Tree {
    let mut tree = Tree::new(kind);
    let mut to = tree.edit();
    if let Some(profile) = profile {
        to.object("meta").push("profile", profile);
    }
    if let Some(text) = statement_text(cx, act) {
        let div = narrative::plain(cx, &text);
        to.object("text").set("status", "additional").set("div", &div);
    }
    if let Some(text) = act.get("text") {
        narrative::link(cx, text, &mut to);
    }
    // What is confidential of itself stays so.
    for label in act.all("confidentialityCode").filter(|label| label.peek("code").is_some()) {
        coded::fill_coding(cx, label, &mut to.object("meta").item("security"));
    }
    parts::push_identifiers(cx, act, &mut to);
    if !patient.is_empty() {
        cx.set_patient(&mut to, patient);
    }
    tree
}

/// What the statement's `text` says, references followed; taken.
pub(super) fn statement_text(cx: &Context<'_>, act: Node<'_>) -> Option<String> {
    let text = act.get("text")?;
    text.take_all();
    coded::referenced_text(cx, text)
}

/// The statements inside an `entry`, `entryRelationship` or `component`: one, though some sources put in more.
pub(super) fn statements(relation: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    relation.children().filter(|child| STATEMENTS.contains(&child.name()))
}

/// The statements inside a statement, each with its relation.
pub(super) fn inner<'d>(act: Node<'d>) -> impl Iterator<Item = (Node<'d>, Node<'d>)> {
    let relations = act.children().filter(|child| matches!(child.name(), "entryRelationship" | "component"));
    relations.flat_map(|relation| statements(relation).map(move |statement| (relation, statement)))
}

/// The first inner statement with this code.
pub(super) fn inner_coded<'d>(act: Node<'d>, code: &str) -> Option<Node<'d>> {
    inner(act).map(|(_, statement)| statement).find(|statement| statement.is_coded(code))
}

/// The `statusCode`; taken.
pub(super) fn status<'d>(act: Node<'d>) -> Option<&'d str> {
    let status = act.get("statusCode")?;
    status.null_flavor();
    status.attr("code")
}

/// The status in a map of `codes.tsv`; `otherwise` where the source gives none or one that the map does not have.
pub(super) fn mapped_status(cx: &mut Context<'_>, act: Node<'_>, map: &str, otherwise: &'static str) -> &'static str {
    let Some(code) = status(act) else { return otherwise };
    match table::lookup(map, &code.to_ascii_lowercase()) {
        Some(status) => status,
        None => {
            cx.loss(act, format!("The status {code:?} has no counterpart; it became {otherwise:?}."));
            otherwise
        }
    }
}

/// Whether the statement says that something is not so.
pub(super) fn is_negated(act: Node<'_>) -> bool {
    act.peek("negationInd") == Some("true")
}

/// Whether a statement only comments the one around it.
pub(super) fn is_comment(act: Node<'_>) -> bool {
    act.is_coded(EXPOSED_COMMENT)
        || act.has_template("1.3.6.1.4.1.19376.1.5.3.1.4.2")
        || act.has_template("2.16.840.1.113883.10.20.22.4.64")
}

/// Comments inside the statement become notes.
pub(super) fn push_notes(cx: &mut Context<'_>, act: Node<'_>, to: &mut ElementMut<'_>) {
    for (relation, comment) in inner(act) {
        if !is_comment(comment) {
            continue;
        }
        relation.take_attributes();
        let text = statement_text(cx, comment).or_else(|| {
            let value = comment.get("value")?;
            value.text()
        });
        if let Some(code) = comment.get("code") {
            code.take_all();
        }
        status(comment);
        let Some(text) = text else { continue };
        let author = comment.get("author");
        let party = author.and_then(|author| people::participant(cx, author));
        let mut note = to.item("note");
        if let Some(party) = party {
            // Annotation.author takes people and organisations, not roles.
            if let Some(reference) = party.practitioner.or(party.organization) {
                note.object("authorReference").set("reference", &reference);
            }
        }
        if let Some(when) = author.and_then(|author| author.get("time")).filter(|when| when.peek("value").is_some()) {
            time::set_time(cx, when, &mut note, "time");
        }
        note.set("text", &text);
    }
}

/// What a statement and those inside it say, in words with their codes, for places that take text only; taken whole.
pub(super) fn in_words(cx: &Context<'_>, act: Node<'_>) -> Option<String> {
    let mut parts = Vec::new();
    if is_negated(act) {
        parts.push("not:".to_owned());
    }
    for name in ["code", "text", "effectiveTime", "value", "priorityCode", "interpretationCode", "targetSiteCode"] {
        parts.extend(act.all(name).filter_map(|part| said(cx, part)));
    }
    let more: Vec<String> = inner(act).filter_map(|(_, inner)| in_words(cx, inner)).collect();
    act.take_all();
    let own = parts.join(" ");
    let text = [own].into_iter().chain(more).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; ");
    (!text.is_empty()).then_some(text)
}

/// One coded element, quantity, time or text in words.
pub(super) fn said(cx: &Context<'_>, part: Node<'_>) -> Option<String> {
    let text = coded::original_text(cx, part).or_else(|| part.peek("displayName").map(str::to_owned));
    let text = text.or_else(|| part.get("reference").and_then(|_| coded::referenced_text(cx, part)));
    let text = text.or_else(|| part.peek_text());
    let ends = part.children().filter(|child| child.peek("value").is_some());
    let ends: Vec<String> = ends.map(|end| value_in_words(end)).collect();
    let code = part.peek("code").map(|code| if text.is_some() { format!("({code})") } else { code.to_owned() });
    let more = part.all("translation").filter_map(|translation| said(cx, translation));
    let own = Some(value_in_words(part)).filter(|text| !text.is_empty());
    let words: Vec<String> = [text, code, own].into_iter().flatten().chain([ends.join(" - ")]).chain(more).collect();
    let words: Vec<String> = words.into_iter().filter(|word| !word.is_empty()).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

fn value_in_words(part: Node<'_>) -> String {
    let time = time::peek_time(part).filter(|_| part.peek("unit").is_none());
    let value = time.or_else(|| part.peek("value").map(str::to_owned));
    [value, part.peek("unit").map(str::to_owned)].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Recorder, asserter and time of recording, from the statement and the concern around it.
pub(super) fn recorded(cx: &mut Context<'_>, act: Node<'_>, concern: Option<Node<'_>>, to: &mut ElementMut<'_>) {
    for statement in [Some(act), concern].into_iter().flatten() {
        if let Some(when) = author_time(statement).filter(|_| to.as_element().get("recordedDate").is_none()) {
            time::set_time(cx, when, to, "recordedDate");
        }
        if let Some(party) = parties(cx, statement, "author").into_iter().next()
            && cx.document.type_of(&party.reference).starts_with("Practitioner")
            && to.as_element().get("recorder").is_none()
        {
            to.object("recorder").set("reference", &party.reference);
        }
        if let Some(party) = parties(cx, statement, "informant").into_iter().next()
            && to.as_element().get("asserter").is_none()
            && cx.document.type_of(&party.reference) != "Organization"
        {
            to.object("asserter").set("reference", &party.reference);
        }
    }
}

/// The relative, fetus or donor that a statement is about where it is not the patient: said by the statement, by one
/// around it or by their section.
pub(super) fn other_subject<'d>(cx: &Context<'_>, act: Node<'d>) -> Option<Node<'d>> {
    let mut node = Some(act).filter(|_| cx.cda.has_relatives());
    while let Some(current) = node {
        if let Some(subject) = current.at("subject/relatedSubject") {
            return Some(subject);
        }
        if current.name() == "structuredBody" {
            return None;
        }
        node = current.parent();
    }
    None
}

/// Appends a note of plain text.
pub(super) fn push_note(to: &mut ElementMut<'_>, text: &str) {
    to.item("note").set("text", text);
}

/// References to the parties of the participations of a name: `author`, `performer`, `informant`.
pub(super) fn parties(cx: &mut Context<'_>, act: Node<'_>, name: &str) -> Vec<people::Party> {
    act.all(name).filter_map(|participation| people::participant(cx, participation)).collect()
}

/// When the first author of the statement wrote it, where the source says so.
pub(super) fn author_time<'d>(act: Node<'d>) -> Option<Node<'d>> {
    act.all("author").find_map(|author| author.get("time")).filter(|when| when.peek("value").is_some())
}

/// Whether nothing inside a statement was taken: no map knew it.
pub(super) fn is_untouched(act: Node<'_>) -> bool {
    !act.descendants().any(|node| node.attributes_taken() || node.text_taken())
}
