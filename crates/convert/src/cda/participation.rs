//! Who else took part, and what else was drawn on: participations and external documents that no element of a resource
//! takes stand in a Provenance of that resource (<http://hl7.org/fhir/R4/provenance.html>).

use model::{ElementMut, Tree};

use super::context::Context;
use super::entry;
use super::parts;
use super::people;
use super::read::Node;
use super::time;

const TYPE: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";

/// Participation elements of a header or a statement, and what they are when `typeCode` does not say.
const ROLES: [(&str, &str); 9] = [
    ("author", "AUT"),
    ("dataEnterer", "ENT"),
    ("informant", "INF"),
    ("performer", "PRF"),
    ("authenticator", "AUTHEN"),
    ("legalAuthenticator", "LA"),
    ("custodian", "CST"),
    ("informationRecipient", "IRCP"),
    ("participant", "IND"),
];
const ENTITIES: [&str; 7] = [
    "assignedAuthor",
    "assignedEntity",
    "assignedCustodian",
    "intendedRecipient",
    "associatedEntity",
    "participantRole",
    "relatedEntity",
];

/// Adds a Provenance of `target` with the participations of `node` that nobody has taken; nothing where there are none.
pub(super) fn provenance(cx: &mut Context<'_>, node: Node<'_>, target: &str) {
    let takes_part = |part: Node<'_>| ROLES.iter().any(|(name, _)| part.name() == *name) && entry::is_untouched(part);
    if !node.children().any(|part| part.name() == "reference" || takes_part(part)) {
        return;
    }
    let mut tree = Tree::new("Provenance");
    let mut to = tree.edit();
    to.item("target").set("reference", target);
    let mut times = Vec::new();
    for (name, role) in ROLES {
        for participation in node.all(name).filter(|participation| entry::is_untouched(*participation)) {
            let Some(entity) = ENTITIES.iter().find_map(|entity| participation.get(entity)) else { continue };
            let party = if entity.name() == "relatedEntity" {
                people::related_person(cx, entity)
            } else {
                people::party(cx, entity, participation.get("functionCode")).map(|party| party.reference)
            };
            let Some(reference) = party else { continue };
            let mut agent = to.item("agent");
            agent
                .object("type")
                .item("coding")
                .set("system", TYPE)
                .set("code", participation.peek("typeCode").unwrap_or(role));
            agent.object("who").set("reference", &reference);
            participation.get("signatureCode").into_iter().for_each(Node::take_attributes);
            times.extend(participation.get("time"));
        }
    }
    sources(cx, node, &mut to);
    let heard = to.as_element().get("agent").is_some();
    if !heard && to.as_element().get("entity").is_none() {
        return;
    }
    if !heard {
        let author = cx.author.clone();
        let mut agent = to.item("agent");
        agent.object("type").item("coding").set("system", TYPE).set("code", "AUT");
        match author {
            Some(author) => agent.object("who").set("reference", &author),
            None => agent.object("who").set("display", "not named by the source"),
        };
    }
    occurred(cx, &times, &mut to);
    let recorded = cx.now.to_fhir();
    to.set("recorded", &recorded);
    cx.document.add(&format!("Provenance {target} {}", node.number()), tree);
}

/// When they took part: one time has its place, further ones are reported.
fn occurred(cx: &mut Context<'_>, times: &[Node<'_>], to: &mut ElementMut<'_>) {
    for when in times {
        if to.as_element().get("occurredDateTime").or(to.as_element().get("occurredPeriod")).is_none() {
            match time::when(Some(*when)) {
                time::When::Unknown(node) => {
                    node.and_then(time::unknown_flavor);
                }
                _ => time::set_when(cx, Some(*when), to, "occurred", false),
            }
        } else if let Some(text) = time::peek_time(*when) {
            let same = to.as_element().text_at("occurredDateTime") == Some(text.as_str());
            if same {
                when.take_attributes();
            }
        }
    }
}

/// External documents that the statement refers to.
fn sources(cx: &mut Context<'_>, node: Node<'_>, to: &mut ElementMut<'_>) {
    for external in node.all("reference") {
        let kinds = ["externalDocument", "externalAct", "externalObservation", "externalProcedure"];
        let Some(document) = kinds.iter().find_map(|kind| external.get(kind)) else { continue };
        for id in document.all("id").filter(|id| id.peek("root").or(id.peek("extension")).is_some()) {
            let mut entity = to.item("entity");
            entity.set("role", "source");
            parts::fill_identifier(cx, id, &mut entity.object("what").object("identifier"));
            let said: Vec<String> =
                ["code", "text"].iter().filter_map(|name| entry::said(cx, document.get(name)?)).collect();
            entity.object("what").set_some("display", Some(said.join(": ")).filter(|said| !said.is_empty()).as_deref());
        }
        for part in ["code", "text"].iter().filter_map(|name| document.get(name)) {
            part.take_all();
        }
    }
}
