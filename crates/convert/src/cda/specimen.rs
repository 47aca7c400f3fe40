//! Samples into Specimen (<http://hl7.org/fhir/R4/specimen.html>): `specimen` participations, and the collections of a
//! laboratory report, which name the sample, who took it and when, and when it was received.

use model::{ElementMut, Tree};

use super::coded;
use super::context::Context;
use super::entry;
use super::observation;
use super::parts;
use super::read::Node;
use super::time;

const COLLECTION: &str = "1.3.6.1.4.1.19376.1.3.1.2";
const RECEIVED: &str = "SPRECEIVE";

/// Sets the Specimen of an observation: its own, else that of an organizer or act around it.
pub(super) fn set(cx: &mut Context<'_>, act: Node<'_>, to: &mut ElementMut<'_>) {
    let own = || std::iter::once(act).chain(observation::around(act));
    let role = own().flat_map(|act| act.all("specimen")).find_map(|specimen| specimen.get("specimenRole"));
    let made = match role {
        Some(role) => of_role(cx, role),
        None => own()
            .flat_map(|act| entry::inner(act).collect::<Vec<_>>())
            .map(|(_, inner)| inner)
            .find(|inner| is_collection(*inner))
            .and_then(|procedure| collection(cx, procedure)),
    };
    if let Some(reference) = made {
        to.object("specimen").set("reference", &reference);
    }
}

/// The Specimen of a `specimenRole`, equal ones once; `None` where nothing is said of it.
pub(super) fn of_role(cx: &mut Context<'_>, role: Node<'_>) -> Option<String> {
    let entity = role.get("specimenPlayingEntity");
    let mut tree = Tree::new("Specimen");
    describe(cx, role, entity, &mut tree.edit()).then(|| cx.document.add_once(tree))
}

/// Whether a procedure took the sample of a laboratory.
pub(super) fn is_collection(act: Node<'_>) -> bool {
    act.name() == "procedure" && (act.has_template(COLLECTION) || sample(act).is_some())
}

fn sample(procedure: Node<'_>) -> Option<Node<'_>> {
    let roles = procedure.all("participant").filter_map(|participant| participant.get("participantRole"));
    let mut roles = roles.filter(|role| role.peek("classCode") == Some("SPEC"));
    roles.next()
}

/// The Specimen of a collection; `None` where it names no sample.
pub(super) fn collection(cx: &mut Context<'_>, procedure: Node<'_>) -> Option<String> {
    let role = sample(procedure)?;
    let mut tree = Tree::new("Specimen");
    let mut to = tree.edit();
    if !describe(cx, role, role.get("playingEntity"), &mut to) {
        return None;
    }
    let received = entry::inner_coded(procedure, RECEIVED);
    if let Some(act) = received {
        if let Some(when) = act.get("effectiveTime").filter(|when| when.peek("value").is_some()) {
            time::set_time(cx, when, &mut to, "receivedTime");
        }
        super::problem::take_status(cx, act);
    }
    entry::status(procedure);
    if let Some(text) = entry::statement_text(cx, procedure) {
        entry::push_note(&mut to, &text);
    }
    let mut taken = to.object("collection");
    if !matches!(time::when(procedure.get("effectiveTime")), time::When::Unknown(_)) {
        time::set_when(cx, procedure.get("effectiveTime"), &mut taken, "collected", false);
    }
    if let Some(party) = entry::parties(cx, procedure, "performer").into_iter().next()
        && cx.document.type_of(&party.reference).starts_with("Practitioner")
    {
        taken.object("collector").set("reference", &party.reference);
    }
    // What kind of collection it was: its method, else the code of the procedure.
    for (source, name) in
        [("methodCode", "method"), ("code", "method"), ("targetSiteCode", "bodySite"), ("approachSiteCode", "bodySite")]
    {
        let code = procedure.get(source).filter(|code| coded::names_something(cx, *code));
        if taken.as_element().get(name).is_none() {
            coded::set_concept(cx, code, &mut taken, name);
        }
    }
    if !taken.as_element().has_children() {
        taken.detach();
    }
    procedure.get("effectiveTime").and_then(time::unknown_flavor);
    Some(cx.document.add_once(tree))
}

fn describe(cx: &mut Context<'_>, role: Node<'_>, entity: Option<Node<'_>>, to: &mut ElementMut<'_>) -> bool {
    let code = entity.and_then(|entity| entity.get("code")).filter(|code| coded::names_something(cx, *code));
    let identified = role.all("id").any(|id| id.peek("root").is_some());
    if code.is_none() && !identified {
        return false;
    }
    parts::push_identifiers(cx, role, to);
    coded::require_concept(cx, code, to, "type");
    if entry::other_subject(cx, role).is_none() {
        cx.set_patient(to, "subject");
    }
    if let Some(text) = entity.and_then(|entity| entity.get("desc")).and_then(Node::text) {
        entry::push_note(to, &text);
    }
    true
}
