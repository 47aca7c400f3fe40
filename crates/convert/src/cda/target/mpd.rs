//! ePrescription and eDispensation: a collection of MedicationRequest or MedicationDispense with all they refer to
//! (<http://hl7.eu/fhir/mpd/StructureDefinition/MedicationRequest-eu-mpd>). The European format has no document for
//! them; a DocumentReference keeps what the source's header says.

use model::{Issue, IssueType, Severity, Tree};

use crate::Refusal;
use crate::cda::context::Context;
use crate::cda::entry;
use crate::cda::header;
use crate::cda::medication::{self, Prescription};
use crate::cda::narrative;
use crate::cda::parts;
use crate::cda::read::Node;
use crate::cda::unstructured;

const PATIENT: &str = "http://hl7.eu/fhir/base/StructureDefinition/patient-eu-core";

/// One MedicationRequest for each item of the prescription.
pub(super) fn prescription<'d>(cx: &mut Context<'d>, root: Node<'d>) -> Result<Tree, Refusal> {
    collection(cx, root, "substanceAdministration", |cx, root, section, act| {
        let group = section.all("id").find(|id| id.peek("root").is_some()).or(root.get("id"));
        let authored =
            root.all("author").find_map(|author| author.get("time")).filter(|when| when.peek("value").is_some());
        let authored = authored.or(root.get("effectiveTime"));
        let requester = section.all("author").find_map(|author| crate::cda::people::participant(cx, author));
        let requester = requester.map(|party| party.reference).or_else(|| cx.author.clone());
        medication::request(cx, act, &Prescription { group, requester, authored, planned: false })
    })
}

/// One MedicationDispense for each dispensed item.
pub(super) fn dispensation<'d>(cx: &mut Context<'d>, root: Node<'d>) -> Result<Tree, Refusal> {
    collection(cx, root, "supply", |cx, root, _, act| {
        let dispense = medication::dispense(cx, act, None, true);
        let items = entry::inner(act).filter(|(relation, inner)| {
            relation.peek("typeCode") == Some("REFR") && inner.name() == "substanceAdministration"
        });
        let items: Vec<Node<'_>> = items.filter_map(|(_, inner)| inner.get("id")).collect();
        let orders = root.all("inFulfillmentOf").filter_map(|relation| relation.at("order/id"));
        let found: Vec<Node<'_>> = if items.is_empty() { orders.collect() } else { items };
        for id in found.into_iter().filter(|id| id.peek("root").is_some()) {
            medication::authorizing(cx, &dispense, id);
        }
        dispense
    })
}

type Item = for<'d> fn(&mut Context<'d>, Node<'d>, Node<'d>, Node<'d>) -> String;

fn collection<'d>(cx: &mut Context<'d>, root: Node<'d>, statement: &str, item: Item) -> Result<Tree, Refusal> {
    crate::cda::add_patient(cx, root, PATIENT);
    cx.narrator = cx.document.reference("DocumentReference");
    let mut narrative = Vec::new();
    let mut titles: Vec<String> = Vec::new();
    let mut codes = Vec::new();
    let mut count = 0;
    let body = root.at("component/structuredBody");
    let sections = body.into_iter().flat_map(|body| body.descendants().filter(|node| node.name() == "section"));
    for section in sections {
        codes.extend(section.get("code"));
        let title = section.get("title").and_then(Node::text);
        if let Some(div) = section.get("text").and_then(|text| narrative::div(cx, text)) {
            narrative.push((title.clone().unwrap_or_default(), div));
        }
        titles.extend(title);
        for act in section.all("entry").flat_map(entry::statements) {
            if act.name() == statement {
                let made = item(cx, root, section, act);
                further(cx, act, &made);
                count += 1;
            } else {
                crate::cda::entries::statement(cx, act, crate::cda::section::Family::Other);
            }
        }
        cx.mapped(section, "the resources of its entries");
    }
    let embedded = root.at("component/nonXMLBody");
    if let Some(body) = body.filter(|_| count == 0 && embedded.is_none()) {
        let text = format!("No section has an entry with {statement}: no medication resource was made.");
        cx.defect(body, text);
    }
    if body.is_none() && embedded.is_none() {
        let text = "The document has no body: there is no item to convert.".to_owned();
        return Err(Refusal::new(Issue::new(Severity::Error, IssueType::Required, root.path(), text)));
    }
    match embedded {
        Some(body) => {
            unstructured::document_reference(cx, root, body)?;
            cx.defect(
                body,
                "The document has no coded items: it is carried as it came, and no medication resource was made.",
            );
        }
        None => document_reference(cx, root, &narrative, &titles, &codes),
    }
    let document = std::mem::replace(&mut cx.document, crate::document::Document::new([0; 32]));
    Ok(document.bundle("collection", None, cx.now, None))
}

/// Statements inside an item that no element of it takes up support it.
fn further(cx: &mut Context<'_>, act: Node<'_>, item: &str) {
    let mut found = Vec::new();
    crate::cda::entries::leftovers(cx, act, crate::cda::section::Family::Other, &mut found);
    if let Some(tree) = cx.document.resource_mut(item) {
        for reference in &found {
            tree.edit().item("supportingInformation").set("reference", reference);
        }
    }
    crate::cda::entries::participations(cx, act, item);
}

/// What the header says and the narrative: they have no place in the items.
pub(super) fn document_reference(
    cx: &mut Context<'_>,
    root: Node<'_>,
    narrative: &[(String, String)],
    titles: &[String],
    codes: &[Node<'_>],
) {
    let mut tree = Tree::new("DocumentReference");
    let mut to = tree.edit();
    to.set_some("language", cx.language.as_deref());
    if let Some(div) = narrative::joined(narrative) {
        to.object("text").set("status", "additional").set("div", &div);
    }
    if let Some(id) = root.get("id").filter(|id| id.peek("root").is_some()) {
        parts::fill_identifier(cx, id, &mut to.object("masterIdentifier"));
    }
    if let Some(set) = root.get("setId") {
        parts::push_identifier(cx, set, &mut to, "identifier");
    }
    unstructured::describe(cx, root, &mut to);
    let own = cx.document.reference("DocumentReference");
    crate::cda::participation::provenance(cx, root, &own);
    if let Some(party) = root.get("legalAuthenticator").and_then(|node| crate::cda::people::participant(cx, node)) {
        to.object("authenticator").set("reference", &party.reference);
    }
    let mut holder = Tree::new("Composition");
    header::related_documents(cx, root, &mut holder.edit());
    for related in holder.root().all("relatesTo") {
        let mut item = to.item("relatesTo");
        item.set_some("code", related.text_at("code"));
        if let Some(identifier) = related.get("targetIdentifier") {
            item.object("target").copy_as("identifier", identifier, false);
        }
    }
    let mut content = to.item("content");
    let mut attachment = content.object("attachment");
    attachment.set("contentType", "application/hl7-cda+xml");
    attachment.set_some("language", cx.language.as_deref());
    attachment.set_some("title", Some(titles.join("; ")).filter(|title| !title.is_empty()).as_deref());
    if let Some(time) = root.get("effectiveTime") {
        crate::cda::time::set_time(cx, time, &mut attachment, "creation");
    }
    for code in codes {
        if crate::cda::coded::names_something(cx, *code) {
            crate::cda::coded::push_concept(cx, *code, &mut to.object("context"), "event");
        }
    }
    cx.document.add("DocumentReference", tree);
}
