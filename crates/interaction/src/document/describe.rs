//! The DocumentReference of a document: <https://profiles.ihe.net/ITI/MHD/4.2.2/StructureDefinition-IHE.MHD.Minimal.DocumentReference.html>.
//!
//! What the sender says stays; what only the server knows (where the document lies, its size and hash) is set; what is
//! missing is taken from the Composition. Nothing is guessed: what neither of them says is left out, or carries a
//! data-absent-reason where the European profile demands the element. `docStatus` stays empty, as that profile asks: the status of the
//! Composition is in the document.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use catalog::Category;
use model::{Element, ElementMut, Instant, Tree};
use sha1::{Digest, Sha1};

use super::apart::Places;

/// The code system of the priority categories.
pub(crate) const CATEGORY_SYSTEM: &str =
    "http://hl7.eu/fhir/health-data-api/CodeSystem/eehrxf-document-priority-category-cs";
const ABSENT: &str = "http://hl7.org/fhir/StructureDefinition/data-absent-reason";
const IDENTIFIER_TYPE_SYSTEM: &str = "https://profiles.ihe.net/ITI/MHD/CodeSystem/IHE.MHD.MHDIdentifierType";
const FORMAT_SYSTEM: &str = "http://ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode";

/// What is known of a document besides its content.
pub(crate) struct Facts<'a> {
    /// Absolute URL under which it is read.
    pub(crate) url: String,
    /// The bytes that are read there.
    pub(crate) bytes: &'a [u8],
    /// The priority category's code; empty where the source is of none.
    pub(crate) category_code: &'a str,
    /// The priority category, where the catalog knows it.
    pub(crate) category: Option<&'a Category>,
    /// The Patient, as a reference.
    pub(crate) patient: Option<String>,
    /// Where references of the Composition lead.
    pub(crate) places: &'a Places,
    /// When it was received.
    pub(crate) now: Instant,
}

/// Completes a DocumentReference, an empty one where none was given.
pub(crate) fn describe(reference: &mut Tree, document: &Tree, facts: &Facts<'_>) {
    let entry = document
        .root()
        .all("entry")
        .find(|entry| entry.get("resource").and_then(|resource| resource.resource_type()) == Some("Composition"));
    let composition = entry.and_then(|entry| entry.get("resource"));
    let from = entry.and_then(|entry| entry.text_at("fullUrl")).unwrap_or_default();
    inherit(reference, document, facts.places);
    identify(reference, document);
    let has = |reference: &Tree, name: &str| reference.root().get(name).is_some();
    if !has(reference, "status") {
        reference.edit().set("status", "current");
    }
    if !has(reference, "date") {
        reference.edit().set("date", facts.now.to_fhir().as_str());
    }
    classify(reference, composition, facts);
    subject(reference, facts);
    people(reference, composition, facts.places, from);
    if !has(reference, "description")
        && let Some(title) = composition.and_then(|composition| composition.text_at("title"))
    {
        reference.edit().set("description", title);
    }
    label(reference, composition);
    context(reference, composition, facts);
    attach(&mut content(reference), "application/fhir+json", facts.bytes, &facts.url);
    content_facts(reference, document, composition);
}

/// Sets what the server knows of an attachment; the data itself goes.
pub(crate) fn attach(attachment: &mut ElementMut<'_>, content_type: &str, bytes: &[u8], url: &str) {
    attachment.remove("data");
    attachment.set("contentType", content_type);
    attachment.set("url", url);
    attachment.set("size", i64::try_from(bytes.len()).unwrap_or(i64::MAX));
    attachment.set("hash", hash(bytes).as_str());
}

/// SHA-1 in base64, as `Attachment.hash` has it.
pub(crate) fn hash(bytes: &[u8]) -> String {
    STANDARD.encode(Sha1::digest(bytes))
}

/// Prescriptions have no Composition: their collection brings a DocumentReference of its own with the source's header.
fn inherit(reference: &mut Tree, document: &Tree, places: &Places) {
    let entry = document
        .root()
        .all("entry")
        .find(|entry| entry.get("resource").and_then(|resource| resource.resource_type()) == Some("DocumentReference"));
    let Some((entry, own)) = entry.and_then(|entry| Some((entry, entry.get("resource")?))) else {
        return;
    };
    let from = entry.text_at("fullUrl").unwrap_or_default();
    let given: Vec<String> = reference.root().children().map(|child| child.name().to_owned()).collect();
    let inherited = own.children().filter(|child| {
        !matches!(child.name(), "id" | "meta" | "text" | "status" | "subject")
            && !given.iter().any(|name| name == child.name())
    });
    for child in inherited {
        reference.edit().copy(child);
        let copied = reference.root().children().last().map(|child| child.id());
        if let Some(copied) = copied {
            places.redirect(reference, copied, from);
        }
    }
}

fn identify(reference: &mut Tree, document: &Tree) {
    if reference.root().get("masterIdentifier").is_none()
        && let Some(identifier) = document.root().get("identifier")
    {
        reference.edit().copy_as("masterIdentifier", identifier, false);
    }
    let Some(identifier) = reference.root().get("masterIdentifier") else { return };
    if identifier.every("type.coding.system").iter().any(|system| system.text() == Some(IDENTIFIER_TYPE_SYSTEM)) {
        return;
    }
    let id = identifier.id();
    reference.edit_at(id).object("type").item("coding").set("system", IDENTIFIER_TYPE_SYSTEM).set("code", "uniqueId");
}

fn classify(reference: &mut Tree, composition: Option<Element<'_>>, facts: &Facts<'_>) {
    if reference.root().get("type").is_none()
        && let Some(found) = composition.and_then(|composition| composition.get("type"))
    {
        reference.edit().copy_as("type", found, false);
    }
    // Found by the code of the European API too, where the document's own type is another of the category's.
    if let Some(code) = facts.category.and_then(|category| category.document_types.first()) {
        let has = |ty: Element<'_>| {
            ty.all("coding").any(|coding| {
                coding.text_at("code") == Some(&code.code) && coding.text_at("system") == Some(&code.system)
            })
        };
        if !reference.root().get("type").is_some_and(has) {
            let mut root = reference.edit();
            let mut ty = root.object("type");
            let mut coding = ty.item("coding");
            coding.set("system", &*code.system).set("code", &*code.code);
            coding.set_some("display", code.display.as_deref());
        }
    }
    let known = reference.root().every("category.coding").iter().any(|coding| {
        coding.text_at("system") == Some(CATEGORY_SYSTEM) && coding.text_at("code") == Some(facts.category_code)
    });
    // A message of no priority category is kept without one; a document has one category (MHD), in as many codings as are known.
    if !known && !matches!(facts.category_code, convert::OTHER_DOCUMENTS | "") {
        if reference.root().get("category").is_none() {
            reference.edit().item("category");
        }
        if let Some(category) = reference.root().get("category").map(|category| category.id()) {
            let mut category = reference.edit_at(category);
            category.item("coding").set("system", CATEGORY_SYSTEM).set("code", facts.category_code);
        }
    }
}

fn subject(reference: &mut Tree, facts: &Facts<'_>) {
    if let Some(patient) = &facts.patient {
        let mut root = reference.edit();
        root.object("subject").set("reference", patient.as_str());
    }
}

fn people(reference: &mut Tree, composition: Option<Element<'_>>, places: &Places, from: &str) {
    for (name, list) in [("author", true), ("custodian", false)] {
        if reference.root().get(name).is_some() {
            continue;
        }
        for person in composition.into_iter().flat_map(|composition| composition.all(name)) {
            reference.edit().copy_as(name, person, list);
        }
        let added: Vec<_> = reference.root().all(name).map(|element| element.id()).collect();
        for id in added {
            places.redirect(reference, id, from);
        }
    }
    if reference.root().get("custodian").is_none() {
        let mut root = reference.edit();
        let mut custodian = root.object("custodian");
        custodian.item("extension").set("url", ABSENT).set("valueCode", "unknown");
    }
}

fn label(reference: &mut Tree, composition: Option<Element<'_>>) {
    let confidentiality = composition.and_then(|composition| composition.text_at("confidentiality"));
    if reference.root().get("securityLabel").is_none()
        && let Some(code) = confidentiality
    {
        let mut root = reference.edit();
        let mut label = root.item("securityLabel");
        let system = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";
        label.item("coding").set("system", system).set("code", code);
    }
}

fn context(reference: &mut Tree, composition: Option<Element<'_>>, facts: &Facts<'_>) {
    if reference.root().get("context").is_some() {
        return;
    }
    let period = composition.and_then(|composition| composition.at("event.period"));
    if period.is_none() && facts.patient.is_none() {
        return;
    }
    let mut root = reference.edit();
    let mut context = root.object("context");
    if let Some(period) = period {
        context.copy_as("period", period, false);
    }
    if let Some(patient) = &facts.patient {
        context.object("sourcePatientInfo").set("reference", patient.as_str());
    }
}

/// The attachment of the first content, made where there is none.
fn content(reference: &mut Tree) -> ElementMut<'_> {
    if reference.root().at("content.attachment").is_none() {
        reference.edit().item("content").object("attachment");
    }
    let id = reference.root().at("content.attachment").map(|attachment| attachment.id());
    let id = id.unwrap_or_else(|| reference.root().id());
    reference.edit_at(id)
}

fn content_facts(reference: &mut Tree, document: &Tree, composition: Option<Element<'_>>) {
    let text = |path: &str| composition.and_then(|composition| composition.text_at(path));
    let language = text("language").or_else(|| document.root().text_at("language"));
    let facts = [
        ("language", language),
        ("title", text("title")),
        ("creation", text("date").or_else(|| document.root().text_at("timestamp"))),
    ];
    for (name, value) in facts {
        let mut attachment = content(reference);
        if attachment.as_element().get(name).is_none() {
            attachment.set_some(name, value);
        }
    }
    let first = reference.root().get("content").map(|content| (content.id(), content.get("format").is_none()));
    if let Some((id, true)) = first {
        let mut content = reference.edit_at(id);
        content.object("format").set("system", FORMAT_SYSTEM).set("code", "urn:ihe:iti:xds:2017:mimeTypeSufficient");
    }
}
