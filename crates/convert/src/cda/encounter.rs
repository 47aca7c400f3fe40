//! Encounters: entries and `componentOf/encompassingEncounter` into Encounter (<http://hl7.org/fhir/R4/encounter.html>).

use model::{ElementMut, Tree};

use super::coded;
use super::context::Context;
use super::entry;
use super::parts;
use super::people;
use super::read::Node;
use super::time;

const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
const PARTICIPATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";

/// The Encounter of an entry.
pub(super) fn encounter(cx: &mut Context<'_>, act: Node<'_>) -> String {
    let mut tree = entry::begin(cx, act, "Encounter", None, "");
    let mut to = tree.edit();
    let status = match act.get("statusCode") {
        Some(_) => entry::mapped_status(cx, act, "encounter", "unknown"),
        None => "finished",
    };
    to.set("status", status);
    class_and_type(cx, act, &mut to);
    cx.set_patient(&mut to, "subject");
    for party in entry::parties(cx, act, "performer") {
        participant(cx, act, &party.reference, None, &mut to);
    }
    period(cx, act, &mut to);
    for role in act.all("participant").filter_map(|participant| participant.get("participantRole")) {
        location(cx, role, &mut to);
    }
    if let Some(disposition) = act.get("dischargeDispositionCode").filter(|code| coded::names_something(cx, *code)) {
        coded::fill_concept(cx, disposition, &mut to.object("hospitalization").object("dischargeDisposition"));
    }
    super::procedure::reasons(cx, act, &mut to);
    // Encounter has no note.
    let notes: Vec<String> =
        to.as_element().every("note.text").iter().filter_map(|text| text.text().map(str::to_owned)).collect();
    to.remove("note");
    for note in notes {
        cx.loss(act, format!("An Encounter has no place for a note: {note}"));
    }
    cx.add(act, tree)
}

/// Says on a resource in which encounter it came about, where a statement inside only identifies that.
pub(super) fn identify(cx: &mut Context<'_>, act: Node<'_>, resource: &str) {
    let id = act.get("id").filter(|id| id.peek("root").is_some() && !id.attributes_taken());
    let Some(id) = id.filter(|_| act.get("code").is_none()) else { return };
    let name = match cx.document.type_of(resource) {
        "MedicationStatement" | "MedicationDispense" => "context",
        "AllergyIntolerance" | "Condition" | "Observation" | "Procedure" | "Immunization" | "MedicationRequest"
        | "ServiceRequest" | "DiagnosticReport" => "encounter",
        _ => return,
    };
    let mut holder = Tree::new("Encounter");
    parts::fill_identifier(cx, id, &mut holder.edit().object("identifier"));
    let Some(tree) = cx.document.resource_mut(resource) else { return };
    if tree.root().get(name).is_none()
        && let Some(identifier) = holder.root().get("identifier")
    {
        tree.edit().object(name).set("type", "Encounter").copy(identifier);
    }
}

/// The Encounter that the document was written in; `None` where the header has none.
pub(super) fn encompassing(cx: &mut Context<'_>, root: Node<'_>) -> Option<String> {
    let node = root.at("componentOf/encompassingEncounter")?;
    let mut tree = Tree::new("Encounter");
    let mut to = tree.edit();
    parts::push_identifiers(cx, node, &mut to);
    let ended =
        node.get("effectiveTime").and_then(|when| when.get("high")).is_some_and(|high| high.peek("value").is_some());
    to.set("status", if ended { "finished" } else { "unknown" });
    class_and_type(cx, node, &mut to);
    cx.set_patient(&mut to, "subject");
    if let Some(responsible) = node.get("responsibleParty").and_then(|party| people::participant(cx, party)) {
        participant(cx, node, &responsible.reference, Some("PPRF"), &mut to);
    }
    for one in node.all("encounterParticipant") {
        if let Some(party) = people::participant(cx, one) {
            participant(cx, one, &party.reference, one.peek("typeCode"), &mut to);
        }
        if let Some(when) = one.get("time") {
            when.descendants().for_each(Node::take_attributes);
        }
    }
    period(cx, node, &mut to);
    if let Some(disposition) = node.get("dischargeDispositionCode").filter(|code| coded::names_something(cx, *code)) {
        coded::fill_concept(cx, disposition, &mut to.object("hospitalization").object("dischargeDisposition"));
    }
    if let Some(facility) = node.at("location/healthCareFacility") {
        location(cx, facility, &mut to);
        if let Some(provider) =
            facility.get("serviceProviderOrganization").and_then(|node| people::organization(cx, node))
        {
            to.object("serviceProvider").set("reference", &provider);
        }
    }
    Some(cx.add(node, tree))
}

fn class_and_type(cx: &mut Context<'_>, node: Node<'_>, to: &mut ElementMut<'_>) {
    let code = node.get("code");
    let class = code.and_then(|code| coded::code_in(cx, code, ACT_CODE));
    let of_class = code.filter(|_| class.is_some());
    let translated = code.into_iter().flat_map(|code| code.all("translation").collect::<Vec<_>>());
    let translated = translated.into_iter().find(|translation| coded::code_in(cx, *translation, ACT_CODE).is_some());
    match of_class.or(translated) {
        Some(code) => coded::fill_coding(cx, code, &mut to.object("class")),
        None => coded::absent(&mut to.object("class"), None),
    }
    if let Some(code) = code.filter(|_| of_class.is_none()) {
        coded::push_concept(cx, code, to, "type");
    }
}

/// People take part; an organisation provides the service.
fn participant(cx: &mut Context<'_>, node: Node<'_>, reference: &str, kind: Option<&str>, to: &mut ElementMut<'_>) {
    match cx.document.type_of(reference) {
        "Organization" if to.as_element().get("serviceProvider").is_none() => {
            to.object("serviceProvider").set("reference", reference);
            return;
        }
        "Organization" | "Device" => {
            cx.loss(
                node,
                "A further organisation or device has no place in Encounter; it stands alone in the document.",
            );
            return;
        }
        _ => {}
    }
    let mut item = to.item("participant");
    if let Some(kind) = kind {
        item.item("type").item("coding").set("system", PARTICIPATION).set("code", kind);
    }
    item.object("individual").set("reference", reference);
}

fn period(cx: &mut Context<'_>, node: Node<'_>, to: &mut ElementMut<'_>) {
    match time::when(node.get("effectiveTime")) {
        time::When::Interval(interval) => time::fill_period(cx, interval, &mut to.object("period")),
        time::When::Point(point) => time::set_time(cx, point, &mut to.object("period"), "start"),
        time::When::Unknown(node) => {
            node.and_then(time::unknown_flavor);
        }
    }
}

fn location(cx: &mut Context<'_>, role: Node<'_>, to: &mut ElementMut<'_>) {
    let place = role.get("playingEntity").or(role.get("location"));
    let name = place.and_then(|place| place.get("name")).and_then(Node::text);
    let code = role.get("code").filter(|code| coded::names_something(cx, *code));
    if name.is_none() && code.is_none() && role.all("id").all(|id| id.peek("root").is_none()) {
        return;
    }
    let mut tree = Tree::new("Location");
    let mut location = tree.edit();
    parts::push_identifiers(cx, role, &mut location);
    location.set_some("name", name.as_deref());
    if let Some(code) = code {
        coded::push_concept(cx, code, &mut location, "type");
    }
    parts::push_telecoms(cx, role, &mut location);
    let address = role.get("addr").or(place.and_then(|place| place.get("addr"))).filter(|address| address.has_text());
    if let Some(address) = address {
        parts::fill_address(cx, address, &mut location.object("address"));
    }
    let reference = cx.document.add_once(tree);
    to.item("location").object("location").set("reference", &reference);
}
