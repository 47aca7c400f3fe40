//! Authors, performers, custodians and other participants into Practitioner, PractitionerRole, Organization, Device and
//! RelatedPerson. Equal ones become one resource.

use model::{ElementMut, Tree};

use super::coded;
use super::context::Context;
use super::parts;
use super::read::Node;

/// Who took part: references to what became of one CDA entity.
#[derive(Clone)]
pub(super) struct Party {
    /// The most telling resource: the role, else the person, the device, the organisation.
    pub(super) reference: String,
    /// The person.
    pub(super) practitioner: Option<String>,
    /// The organisation that the person acts for.
    pub(super) organization: Option<String>,
}

/// What became of an entity without fault, to be met again: many statements repeat who made them.
pub(super) struct Known {
    party: Option<Party>,
    entity: usize,
    function: Option<(usize, String)>,
}

/// The party of an `assignedAuthor`, `assignedEntity`, `associatedEntity` or `participantRole`; `function` is the
/// `functionCode` of the participation. `None` where the source says nothing of it.
pub(super) fn party(cx: &mut Context<'_>, entity: Node<'_>, function: Option<Node<'_>>) -> Option<Party> {
    let text = function.map(Node::source);
    if let Some(known) = cx.parties.get(entity.source()) {
        let before = known.function.as_ref();
        if before.map(|(_, text)| text.as_str()) == text {
            entity.take_like(known.entity);
            if let (Some(function), Some((number, _))) = (function, before) {
                function.take_like(*number);
            }
            return known.party.clone();
        }
    }
    let issues = cx.report.issues.len();
    let party = new_party(cx, entity, function);
    if cx.report.issues.len() == issues {
        let function = function.map(|function| (function.number(), function.source().to_owned()));
        let known = Known { party: party.clone(), entity: entity.number(), function };
        cx.parties.insert(entity.source().to_owned(), known);
    }
    party
}

fn new_party(cx: &mut Context<'_>, entity: Node<'_>, function: Option<Node<'_>>) -> Option<Party> {
    let person = first(entity, &["assignedPerson", "associatedPerson", "informationRecipient", "playingEntity"]);
    let person = person.filter(|person| person.name() != "playingEntity" || person.get("name").is_some());
    let device = first(entity, &["assignedAuthoringDevice"]);
    let owner = first(
        entity,
        &["representedOrganization", "representedCustodianOrganization", "scopingOrganization", "receivedOrganization"],
    );
    let organization = owner.and_then(|owner| organization(cx, owner));
    if let Some(device) = device {
        let reference = authoring_device(cx, entity, device, organization.as_deref());
        return Some(Party { reference, practitioner: None, organization });
    }
    let practitioner = person.filter(|person| says_who(entity, *person)).map(|person| practitioner(cx, entity, person));
    let identified = entity.all("id").any(|id| id.peek("root").or(id.peek("extension")).is_some());
    let codes: Vec<Node<'_>> = entity.get("code").into_iter().chain(function).collect();
    let coded = codes.iter().any(|code| coded::names_something(cx, *code));
    let needs_role =
        coded || (practitioner.is_some() && organization.is_some()) || (practitioner.is_none() && identified);
    if !needs_role {
        let reference = practitioner.clone().or_else(|| organization.clone())?;
        return Some(Party { reference, practitioner, organization });
    }
    let mut tree = Tree::new("PractitionerRole");
    let mut role = tree.edit();
    if practitioner.is_none() {
        parts::push_identifiers(cx, entity, &mut role);
    }
    if let Some(reference) = &practitioner {
        role.object("practitioner").set("reference", reference);
    }
    if let Some(reference) = &organization {
        role.object("organization").set("reference", reference);
    }
    for code in codes {
        coded::push_concept(cx, code, &mut role, "code");
    }
    if practitioner.is_none() {
        if let Some(location) = location(cx, entity) {
            role.item("location").set("reference", &location);
        }
        parts::push_telecoms(cx, entity, &mut role);
    }
    let reference = cx.document.add_once(tree);
    Some(Party { reference, practitioner, organization })
}

/// The party of a participation element: `author`, `performer`, `legalAuthenticator`, `informant` …
pub(super) fn participant(cx: &mut Context<'_>, participation: Node<'_>) -> Option<Party> {
    let entity = first(
        participation,
        &[
            "assignedAuthor",
            "assignedEntity",
            "assignedCustodian",
            "intendedRecipient",
            "responsibleParty",
            "relatedEntity",
        ],
    )?;
    if entity.name() == "relatedEntity" {
        let reference = related_person(cx, entity)?;
        return Some(Party { reference, practitioner: None, organization: None });
    }
    party(cx, entity, participation.get("functionCode"))
}

/// The Organization of an organisation element with its parents; `None` where it says nothing.
pub(super) fn organization(cx: &mut Context<'_>, node: Node<'_>) -> Option<String> {
    let says = |name: &str| {
        node.all(name)
            .any(|part| part.peek_text().or(part.peek("root").or(part.peek("value")).map(str::to_owned)).is_some())
    };
    let whole = node.at("asOrganizationPartOf/wholeOrganization").and_then(|whole| organization(cx, whole));
    if !["id", "name", "telecom", "addr"].iter().any(|name| says(name)) {
        node.descendants().for_each(|part| {
            part.null_flavor();
        });
        return whole;
    }
    let mut tree = Tree::new("Organization");
    let mut to = tree.edit();
    parts::push_identifiers(cx, node, &mut to);
    if let Some(code) = node.get("standardIndustryClassCode") {
        coded::push_concept(cx, code, &mut to, "type");
    }
    parts::set_organization_name(node, &mut to);
    parts::push_contacts_of_organization(cx, node, &mut to);
    if let Some(whole) = whole {
        to.object("partOf").set("reference", &whole);
    }
    Some(cx.document.add_once(tree))
}

/// Where a role without a person is: PractitionerRole has no address of its own.
fn location(cx: &mut Context<'_>, entity: Node<'_>) -> Option<String> {
    let address = entity.all("addr").find(|address| address.has_text())?;
    let mut tree = Tree::new("Location");
    parts::fill_address(cx, address, &mut tree.edit().object("address"));
    Some(cx.document.add_once(tree))
}

fn says_who(entity: Node<'_>, person: Node<'_>) -> bool {
    person.all("name").any(|name| name.has_text())
        || entity.all("id").any(|id| id.peek("root").or(id.peek("extension")).is_some())
        || person.has_text()
}

fn practitioner(cx: &mut Context<'_>, entity: Node<'_>, person: Node<'_>) -> String {
    let mut tree = Tree::new("Practitioner");
    let mut to = tree.edit();
    parts::push_identifiers(cx, entity, &mut to);
    require_name(cx, person, &mut to);
    parts::push_telecoms(cx, entity, &mut to);
    parts::push_addresses(cx, entity, &mut to);
    cx.document.add_once(tree)
}

/// Appends the names, or one that says that the name is unknown.
pub(super) fn require_name(cx: &mut Context<'_>, person: Node<'_>, to: &mut ElementMut<'_>) {
    if !parts::push_names(cx, person, to) {
        let flavor = person.get("name").and_then(|name| name.peek("nullFlavor"));
        coded::absent(&mut to.item("name").primitive("text"), flavor);
    }
}

fn authoring_device(cx: &mut Context<'_>, entity: Node<'_>, device: Node<'_>, owner: Option<&str>) -> String {
    let mut tree = Tree::new("Device");
    let mut to = tree.edit();
    parts::push_identifiers(cx, entity, &mut to);
    for (name, kind) in [("manufacturerModelName", "model-name"), ("softwareName", "user-friendly-name")] {
        if let Some(text) = device.get(name).and_then(name_text) {
            to.item("deviceName").set("name", &text).set("type", kind);
        }
    }
    let code = device.get("code").or(entity.get("code"));
    coded::set_concept(cx, code, &mut to, "type");
    if let Some(owner) = owner {
        to.object("owner").set("reference", owner);
    }
    if let Some(location) = location(cx, entity) {
        to.object("location").set("reference", &location);
    }
    let mut holder = Tree::new("Practitioner");
    parts::push_telecoms(cx, entity, &mut holder.edit());
    for point in holder.root().all("telecom") {
        to.copy_as("contact", point, true);
    }
    cx.document.add_once(tree)
}

/// The text of an SC element, or its display name.
fn name_text(node: Node<'_>) -> Option<String> {
    node.take_attributes();
    node.text().or_else(|| node.peek("displayName").map(str::to_owned))
}

/// The RelatedPerson of a `relatedEntity`; the patient's own statements give the patient.
pub(super) fn related_person(cx: &mut Context<'_>, entity: Node<'_>) -> Option<String> {
    if entity.peek("classCode") == Some("PAT") {
        return Some(cx.patient.clone());
    }
    let mut tree = Tree::new("RelatedPerson");
    let mut to = tree.edit();
    parts::push_identifiers(cx, entity, &mut to);
    cx.set_patient(&mut to, "patient");
    if let Some(code) = entity.get("code") {
        coded::push_concept(cx, code, &mut to, "relationship");
    }
    if let Some(person) = entity.get("relatedPerson") {
        parts::push_names(cx, person, &mut to);
    }
    parts::push_telecoms(cx, entity, &mut to);
    parts::push_addresses(cx, entity, &mut to);
    Some(cx.document.add_once(tree))
}

fn first<'d>(node: Node<'d>, names: &[&str]) -> Option<Node<'d>> {
    names.iter().find_map(|name| node.get(name))
}
