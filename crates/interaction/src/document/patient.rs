//! Which Patient of the store a document is about.

use model::{Element, Tree};

use super::apart::identifier;
use crate::derived;
use crate::refusal::{Class, Refusal};
use crate::request::Request;
use crate::write::Draft;

/// The patient of a document.
pub(crate) struct Subject {
    /// The `fullUrl` of the patient's entry in the document, where there is one.
    pub(crate) url: Option<String>,
    /// The id of the Patient in the store.
    pub(crate) id: Option<String>,
    /// The Patient, where the store has none yet.
    pub(crate) draft: Option<Draft>,
}

/// Finds the patient: by the DocumentReference that came along, by identifier, else the document's own becomes a new one.
///
/// # Errors
/// [`Class::Unprocessable`] where the DocumentReference names a Patient that is not there.
pub(crate) fn subject(request: &Request<'_>, document: &Tree, reference: Option<&Tree>) -> Result<Subject, Refusal> {
    let entry = entry(document);
    let url = entry.and_then(|entry| entry.text_at("fullUrl")).map(str::to_owned);
    let given = reference.and_then(|reference| reference.root().get("subject"));
    if let Some(id) = given.and_then(|subject| subject.text_at("reference")).and_then(stored_patient) {
        if !is_there(request, id)? {
            let text = format!("Patient/{id} is not known.");
            return Err(Refusal::new(Class::Unprocessable, text).at("DocumentReference.subject"));
        }
        return Ok(Subject { url, id: Some(id.to_owned()), draft: None });
    }
    let logical =
        given.and_then(|subject| Some((subject.text_at("identifier.system")?, subject.text_at("identifier.value")?)));
    let patient = entry.and_then(|entry| entry.get("resource"));
    let known = logical.or_else(|| patient.and_then(identifier));
    // An identifier that stands for people with different birth dates is not trusted to name one person.
    let birth_date = patient.and_then(|patient| patient.text_at("birthDate")).unwrap_or_default();
    let id = match known {
        Some((system, value)) => Some(derived::id(&["Patient", system, value, birth_date])),
        None => patient.map(|_| request.call.ids.next(request.call.now)),
    };
    let Some(id) = id else {
        return Ok(Subject { url, id: None, draft: None });
    };
    if is_there(request, &id)? {
        return Ok(Subject { url, id: Some(id), draft: None });
    }
    let tree = match patient {
        Some(patient) => copy(patient),
        None => identified(given),
    };
    let content = crate::checked::part(tree, "Patient")?;
    let draft = Draft { id: id.clone(), expect: storage::Expect::Absent, ..Draft::create(String::new(), content) };
    Ok(Subject { url, id: Some(id), draft: Some(draft) })
}

/// The entry of the patient: the Composition's subject, else the first Patient.
fn entry(document: &Tree) -> Option<Element<'_>> {
    let entries = || document.root().all("entry");
    let composition =
        entries().find_map(|entry| entry.get("resource").filter(|r| r.resource_type() == Some("Composition")));
    let subject = composition.and_then(|composition| composition.text_at("subject.reference"));
    let is_patient = |entry: &Element<'_>| entry.get("resource").and_then(|r| r.resource_type()) == Some("Patient");
    let named = entries().filter(is_patient).find(|entry| {
        let url = entry.text_at("fullUrl");
        subject.is_some_and(|subject| url.is_some_and(|url| url == subject || url.ends_with(&format!("/{subject}"))))
    });
    named.or_else(|| entries().find(is_patient))
}

fn copy(patient: Element<'_>) -> Tree {
    let mut tree = Tree::new("Patient");
    tree.edit().fill(patient);
    tree
}

/// A Patient of whom only an identifier is known.
fn identified(subject: Option<Element<'_>>) -> Tree {
    let mut tree = Tree::new("Patient");
    if let Some(identifier) = subject.and_then(|subject| subject.get("identifier")) {
        tree.edit().copy_as("identifier", identifier, true);
    }
    tree
}

fn is_there(request: &Request<'_>, id: &str) -> Result<bool, Refusal> {
    let view = request.service.store().view(None).map_err(Refusal::fault)?;
    Ok(view.read("Patient", id).map_err(Refusal::fault)?.is_some_and(|version| !version.is_deleted()))
}

/// The id in `Patient/[id]` or an absolute URL of one; `None` for `urn:uuid:` and `#contained`.
fn stored_patient(reference: &str) -> Option<&str> {
    let (_, id) = reference.rsplit_once("Patient/")?;
    crate::target::is_id(id).then_some(id)
}
