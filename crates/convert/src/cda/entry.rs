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

/// The statement inside an `entry`, `entryRelationship` or `component`.
pub(super) fn statement(relation: Node<'_>) -> Option<Node<'_>> {
    relation.children().find(|child| STATEMENTS.contains(&child.name()))
}

/// The statements inside a statement, each with its relation.
pub(super) fn inner<'d>(act: Node<'d>) -> impl Iterator<Item = (Node<'d>, Node<'d>)> {
    let relations = act.children().filter(|child| matches!(child.name(), "entryRelationship" | "component"));
    relations.filter_map(|relation| Some((relation, statement(relation)?)))
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

/// Comments inside the statement become notes.
pub(super) fn push_notes(cx: &mut Context<'_>, act: Node<'_>, to: &mut ElementMut<'_>) {
    for (relation, comment) in inner(act) {
        let is_comment = comment.is_coded(EXPOSED_COMMENT)
            || comment.has_template("1.3.6.1.4.1.19376.1.5.3.1.4.2")
            || comment.has_template("2.16.840.1.113883.10.20.22.4.64");
        if !is_comment {
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
