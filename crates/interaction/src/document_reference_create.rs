//! ITI-105 Simplified Publish: `POST [base]/DocumentReference` with the document inside (requirement A-40).
//!
//! <https://profiles.ihe.net/ITI/MHD/ITI-105.html>. A CDA, FHIR or HL7 v2 attachment or a DICOM structured report becomes
//! the European document, stored as a Bundle; so does a PDF where the DocumentReference says whom it is about and what it is (C-32).
//! Other content becomes a Binary. `data` is dropped, `url`, `size` and `hash` are set. Nothing is
//! stored on failure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::{Element, Tree};
use storage::{Expect, Method};

use crate::answer::Answer;
use crate::checked::{check, part};
use crate::convert::Wanted;
use crate::document::{Original, attach, deposit, hash, replaced, stored};
use crate::refusal::{Class, Refusal};
use crate::request::Request;
use crate::write::{self, Draft};
use crate::{binary, convert, derived, read, written};

/// The element that holds the document.
const DATA: &str = "DocumentReference.content[0].attachment.data";
/// The element that says whom it is about.
const SUBJECT: &str = "DocumentReference.subject";

/// Whether a resource is a DocumentReference with a document inside.
pub(crate) fn is_publish(tree: &Tree) -> bool {
    tree.resource_type() == "DocumentReference" && !tree.root().every("content.attachment.data").is_empty()
}

/// Stores the document and its DocumentReference.
pub(crate) fn run(request: &Request<'_>, reference: Tree) -> Result<Answer, Refusal> {
    if reference.root().all("content").count() > 1 {
        let text = "A DocumentReference has one content here (IHE MHD); send one for each document.";
        return Err(Refusal::new(Class::Unprocessable, text).at("DocumentReference.content"));
    }
    let attachment = reference.root().at("content.attachment");
    let attachment = attachment.ok_or_else(|| Refusal::new(Class::Malformed, "There is no attachment."))?;
    let bytes = decoded(attachment)?;
    let content_type = attachment.text_at("contentType").map(str::to_owned);
    if content_type.is_none() {
        let text = "An attachment with data has a contentType.";
        return Err(Refusal::new(Class::Unprocessable, text).at("DocumentReference.content[0].attachment.contentType"));
    }
    let mut reference = checked_reference(request, reference)?;
    let content_type = content_type.unwrap_or_default();
    let stored = match converted(request, &reference, &bytes, &content_type)? {
        Some(converted) => {
            clear(&mut reference);
            let original = Original { content_type: &content_type, bytes: &bytes };
            deposit(request, &converted, Some(&original).filter(|_| !converted.unchanged), Some(&reference))?
        }
        None => {
            let drafts = raw(request, reference, &content_type, &bytes)?;
            write::commit(request.service, &request.permit, request.call.now, drafts)?
        }
    };
    written::answer(request, stored.first())
}

/// The document that the content becomes; `None` where it is kept as it came: files of no format that is read, DICOM objects that
/// are no report, and PDF of which too little is known.
fn converted(
    request: &Request<'_>,
    reference: &Tree,
    bytes: &[u8],
    content_type: &str,
) -> Result<Option<::convert::Draft>, Refusal> {
    let Some(format) = ::convert::sniff(bytes, Some(content_type)) else { return Ok(None) };
    let (image, file) = (format.name == "dicom", format.name == "pdf");
    let mut wanted = Wanted { content_type: Some(content_type), ..Wanted::default() };
    if file {
        let Some(patient) = patient(request, reference)? else { return Ok(None) };
        wanted.metadata = Some(::convert::pdf::Metadata { reference: reference.clone(), patient });
    }
    match convert::to_store(request, bytes, &wanted) {
        Ok(draft) => {
            Ok(Some(draft).filter(|draft| !image || draft.document.root().text_at("type") == Some("document")))
        }
        Err(_) if image || file => Ok(None),
        Err(mut refusal) => {
            refusal.issues = convert::below(refusal.issues, DATA);
            Err(refusal)
        }
    }
}

/// The Patient that a DocumentReference is about, as the caller may see it, else what the DocumentReference itself says of them.
///
/// # Errors
/// Where it names a Patient of this server that is not there, or not for the caller.
fn patient(request: &Request<'_>, reference: &Tree) -> Result<Option<Tree>, Refusal> {
    let root = reference.root();
    let Some(subject) = root.get("subject") else { return Ok(None) };
    if let Some(text) = subject.text_at("reference") {
        if let Some(id) = text.strip_prefix('#') {
            let inside = root.all("contained").find(|resource| resource.text_at("id") == Some(id));
            return Ok(inside.map(Tree::from_element));
        }
        let id = text.rsplit_once("Patient/").map(|(_, id)| id).filter(|id| crate::target::is_id(id));
        return id.map(|id| read::current(request, "Patient", id).map_err(|refusal| refusal.at(SUBJECT))).transpose();
    }
    let Some(identifier) = subject.get("identifier") else { return Ok(None) };
    let mut patient = Tree::new("Patient");
    let mut to = patient.edit();
    to.copy_as("identifier", identifier, true);
    if let Some(name) = subject.text_at("display") {
        to.item("name").set("text", name);
    }
    Ok(Some(patient))
}

/// What must hold of the DocumentReference before its document is looked at.
fn checked_reference(request: &Request<'_>, reference: Tree) -> Result<Tree, Refusal> {
    if let Some(status) = reference.root().text_at("status").filter(|status| *status != "current") {
        let text = format!("A document is published with status current, not {status}.");
        return Err(Refusal::new(Class::Unprocessable, text).at("DocumentReference.status"));
    }
    Ok(check(request.service, request.call.now, reference, "DocumentReference")?.into_tree())
}

fn decoded(attachment: Element<'_>) -> Result<Vec<u8>, Refusal> {
    let data: String = attachment.text_at("data").unwrap_or_default().split_ascii_whitespace().collect();
    let bytes = STANDARD
        .decode(data)
        .map_err(|error| Refusal::new(Class::Malformed, format!("The data is no base64: {error}.")).at(DATA))?;
    if bytes.is_empty() {
        return Err(Refusal::new(Class::Malformed, "The document is empty.").at(DATA));
    }
    let wrong = |name: &str| {
        let text = format!("The {name} is not that of the data.");
        Err(Refusal::new(Class::Unprocessable, text).at(format!("DocumentReference.content[0].attachment.{name}")))
    };
    if attachment.text_at("size").is_some_and(|size| size.parse() != Ok(bytes.len())) {
        return wrong("size");
    }
    if attachment.text_at("hash").is_some_and(|given| given != hash(&bytes)) {
        return wrong("hash");
    }
    Ok(bytes)
}

/// Drops what was said of the bytes as they were sent: the document lies in the store in another form.
fn clear(reference: &mut Tree) {
    if let Some(attachment) = reference.root().at("content.attachment").map(|attachment| attachment.id()) {
        reference.edit_at(attachment).remove("data").remove("url").remove("size").remove("hash");
    }
}

/// Content that is no document of a known format: kept as it is.
fn raw(request: &Request<'_>, mut reference: Tree, content_type: &str, bytes: &[u8]) -> Result<Vec<Draft>, Refusal> {
    let digest = hash(bytes);
    let known =
        |name: &str| reference.root().get(name).map(|element| model::json::to_string(element)).unwrap_or_default();
    let said = ["masterIdentifier", "subject", "type", "relatesTo"].map(known);
    // The same content, said to be the same, is one DocumentReference however often it is sent.
    let id = derived::id(
        &[&["DocumentReference of content", content_type, &digest], said.each_ref().map(String::as_str).as_slice()]
            .concat(),
    );
    let before = stored(request, "DocumentReference", &id)?;
    let binary_id = derived::id(&["Binary of content", content_type, &digest]);
    if let Some(attachment) = reference.root().at("content.attachment").map(|attachment| attachment.id()) {
        let url = format!("{}/Binary/{binary_id}", request.call.base);
        attach(&mut reference.edit_at(attachment), content_type, bytes, &url);
    }
    let master = reference.root().get("masterIdentifier").is_some();
    let mut root = reference.edit();
    if !master {
        let mut identifier = root.object("masterIdentifier");
        identifier.set("system", "urn:ietf:rfc:3986").set("value", format!("urn:uuid:{binary_id}").as_str());
    }
    let replaced = replaced(request, &reference)?;
    let before = before.as_ref().map(Tree::root);
    if reference.root().get("date").is_none() {
        let date = before.and_then(|before| before.text_at("date")).map(str::to_owned);
        reference.edit().set("date", date.unwrap_or_else(|| request.call.now.to_fhir()).as_str());
    }
    if before.and_then(|before| before.text_at("status")) == Some("superseded") {
        reference.edit().set("status", "superseded");
    }
    let content = part(reference, "DocumentReference")?;
    let mut described = Draft::create(id, content);
    (described.expect, described.method, described.unless_same) = (Expect::Any, Method::Update, true);
    let mut drafts = vec![described];
    let content = part(binary::of(content_type, bytes), "Binary")?;
    let mut original = Draft::create(binary_id, content);
    (original.expect, original.method, original.unless_same) = (Expect::Any, Method::Update, true);
    drafts.push(original);
    drafts.extend(replaced);
    Ok(drafts)
}
