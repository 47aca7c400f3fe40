//! XCN, XON and PL into Practitioner, Organization and Location; participations of PRT and ROL.

use model::{ElementMut, Tree};

use super::coded;
use super::context::Context;
use super::datatypes;
use super::read::{Part, Segment};

const PHYSICAL: &str = "http://terminology.hl7.org/CodeSystem/location-physical-type";

/// The Practitioner of an XCN, or of the CNN that an NDL begins with; `None` where it says nothing.
pub(super) fn practitioner(cx: &mut Context<'_>, part: Part<'_>) -> Option<String> {
    if !part.is_some() {
        return None;
    }
    let mut tree = Tree::new("Practitioner");
    let mut to = tree.edit();
    let bare = part.peek().filter(|text| text.contains(' ') && !part.c(2).is_some());
    if let (Some(_), None) = (part.peek(), bare) {
        let mut identifier = to.item("identifier");
        datatypes::fill_kind(part.c(13).text(), &mut identifier);
        let authority = part.c(9);
        let system = datatypes::authority(cx, authority);
        identifier.set_some("system", system.as_deref());
        identifier.set_some("value", part.text());
        let name = datatypes::authority_name(authority, system.is_some());
        // The facility stands for an authority that is not named; beside one it has no place.
        let facility = if name.is_none() { part.c(14).whole() } else { None };
        if let Some(name) = name.or(facility) {
            identifier.object("assigner").set("display", &name);
        }
    }
    let mut holder = Tree::new("Practitioner");
    let named = datatypes::fill_name(cx, part, 1, &mut holder.edit());
    match (named, bare) {
        (true, _) => {
            let mut name = to.item("name");
            for child in holder.root().children() {
                name.copy(child);
            }
        }
        (false, Some(text)) => {
            part.text();
            to.item("name").set("text", text);
        }
        (false, None) => {
            coded::absent(&mut to.item("name").primitive("text"), "unknown");
        }
    }
    Some(cx.document.add_once(tree))
}

/// The Organization of an XON: name, identifier (component 10, in old messages 3) and its authority.
pub(super) fn organization(cx: &mut Context<'_>, part: Part<'_>) -> Option<String> {
    if !part.is_some() {
        return None;
    }
    let mut tree = Tree::new("Organization");
    let mut to = tree.edit();
    let (id, authority) = (part.c(10).text().or_else(|| part.c(3).text()), part.c(6));
    if let Some(id) = id {
        let mut identifier = to.item("identifier");
        datatypes::fill_kind(part.c(7).text(), &mut identifier);
        let system = datatypes::authority(cx, authority);
        identifier.set_some("system", system.as_deref()).set("value", id);
        if let Some(name) = datatypes::authority_name(authority, system.is_some()) {
            identifier.object("assigner").set("display", &name);
        }
        // The check digit and its scheme repeat what the identifier says; so may its older form.
        [4, 5].into_iter().for_each(|number| part.c(number).take_all());
        if part.c(3).peek() == Some(id) {
            part.c(3).text();
        }
    }
    // Table 0204: alias, display, legal or stock listing name.
    if matches!(part.c(2).peek(), Some("A" | "D" | "L" | "SL")) {
        part.c(2).text();
    }
    match part.text().or_else(|| part.c(8).whole().map(|_| "").filter(|text| !text.is_empty())) {
        Some(name) => {
            to.set("name", name);
        }
        None if to.as_element().get("identifier").is_none() => {
            to.set_some("name", part.whole().as_deref());
        }
        None => {}
    }
    Some(cx.document.add_once(tree))
}

/// An Organization that is only named: application, facility, manufacturer (HD or CE).
pub(super) fn facility(cx: &mut Context<'_>, part: Part<'_>) -> Option<String> {
    if !part.is_some() {
        return None;
    }
    let mut tree = Tree::new("Organization");
    let mut to = tree.edit();
    let id = part.c(2).peek().filter(|id| coded::is_oid(id));
    if let Some(id) = id {
        to.item("identifier").set("system", "urn:ietf:rfc:3986").set("value", &format!("urn:oid:{id}"));
        part.c(2).text();
        part.c(3).text();
    }
    let name = part.peek().map(str::to_owned).or_else(|| part.words());
    part.text();
    to.set_some("name", name.as_deref());
    Some(cx.document.add_once(tree))
}

/// The Organization that a code names: producer, manufacturer.
pub(super) fn facility_of_code(cx: &mut Context<'_>, part: Part<'_>) -> Option<String> {
    let mut tree = Tree::new("Organization");
    let mut to = tree.edit();
    let name = part.c(2).text().or(part.peek())?;
    if let Some(code) = part.text().filter(|code| *code != name) {
        let mut identifier = to.item("identifier");
        let system = coded::system(cx, part.c(3).peek(), part.c(3).peek());
        if system.is_some() {
            part.c(3).text();
        }
        identifier.set_some("system", system.as_deref()).set("value", code);
    }
    to.set("name", name);
    Some(cx.document.add_once(tree))
}

/// The Location of a PL with the rooms and buildings around it in its name.
pub(super) fn location(cx: &mut Context<'_>, part: Part<'_>) -> Option<String> {
    if !part.is_some() {
        return None;
    }
    let mut tree = Tree::new("Location");
    let mut to = tree.edit();
    let levels =
        [(3, "Bed", "bd"), (2, "Room", "ro"), (8, "Floor", "lvl"), (1, "", "wa"), (7, "Building", "bu"), (4, "", "si")];
    let mut kind = None;
    let mut words = Vec::new();
    for (number, label, code) in levels {
        let level = part.c(number);
        let Some(text) = level.text() else { continue };
        kind = kind.or(Some(code));
        words.push(format!("{label} {text}").trim().to_owned());
        // The authority of the level's name.
        if let Some(oid) = level.c(2).text().filter(|oid| coded::is_oid(oid)) {
            let identifier = format!("urn:oid:{oid}");
            to.item("identifier").set("system", &identifier).set("value", text);
            level.c(3).text();
        } else if let Some(space) = level.c(2).peek() {
            words.push(format!("({space})"));
        }
    }
    to.set_some("description", part.c(9).text());
    let identifier = part.c(10);
    if identifier.is_some() {
        datatypes::fill_entity(cx, identifier, None, &mut to.item("identifier"));
    }
    if words.is_empty() {
        words.extend(part.whole());
    }
    to.set("name", &words.join(", "));
    if let Some(kind) = kind {
        to.object("physicalType").item("coding").set("system", PHYSICAL).set("code", kind);
    }
    Some(cx.document.add_once(tree))
}

/// Sets a reference to a practitioner, an organisation or a place, where the part says one.
pub(super) fn refer(reference: Option<String>, to: &mut ElementMut<'_>, name: &str, list: bool) -> bool {
    let Some(reference) = reference else { return false };
    let mut target = if list { to.item(name) } else { to.object(name) };
    target.set("reference", &reference);
    true
}

/// PRT or ROL: who took part in what the resource `target` stands for, as a Provenance.
pub(super) fn participation(cx: &mut Context<'_>, segment: &Segment, target: &str) {
    let role = if segment.name() == "ROL" { segment.f(3) } else { segment.f(4) };
    if segment.f(2).peek() == Some("DE") {
        cx.remark(model::Severity::Warning, segment, "The participation is taken back (DE): nothing was made of it.");
        return;
    }
    let mut parties = Vec::new();
    if segment.name() == "ROL" {
        let people: Vec<Part<'_>> = segment.reps(4).collect();
        parties.extend(people.into_iter().filter_map(|part| practitioner(cx, part)));
        [1, 2].into_iter().for_each(|field| segment.f(field).take_all());
    } else {
        let people: Vec<Part<'_>> = segment.reps(5).collect();
        parties.extend(people.into_iter().filter_map(|part| practitioner(cx, part)));
        let organizations: Vec<Part<'_>> = segment.reps(8).collect();
        parties.extend(organizations.into_iter().filter_map(|part| organization(cx, part)));
        [1, 2].into_iter().for_each(|field| segment.f(field).take_all());
    }
    if parties.is_empty() {
        return;
    }
    let mut tree = Tree::new("Provenance");
    let mut to = tree.edit();
    to.item("target").set("reference", target);
    if segment.name() == "PRT" {
        let mut period = Tree::new("Period");
        datatypes::set_time(cx, segment.f(11), &mut period.edit(), "start");
        datatypes::set_time(cx, segment.f(12), &mut period.edit(), "end");
        datatypes::pour(&period, &mut to, "occurredPeriod");
    }
    let recorded = cx.now.to_fhir();
    to.set("recorded", &recorded);
    for (number, party) in parties.iter().enumerate() {
        let mut agent = to.item("agent");
        if number == 0 {
            coded::push_concept(cx, role, &mut agent, "role");
        }
        agent.object("who").set("reference", party);
    }
    if segment.name() == "PRT" {
        let place = segment.f(9);
        refer(location(cx, place), &mut to, "location", false);
    }
    cx.add(segment, tree);
}
