//! Which Patient of the store a document is about.

use model::{Element, Tree};

use super::apart::identifier;
use crate::query::{Query, encode};
use crate::refusal::{Class, Refusal};
use crate::request::Request;
use crate::{derived, search_type};

/// The most people of one identifier that are looked at.
const MOST: usize = 20;

/// The patient of a document.
pub(crate) struct Subject {
    /// The `fullUrl` of the patient's entry in the document, where there is one.
    pub(crate) url: Option<String>,
    /// The id of the Patient in the store.
    pub(crate) id: Option<String>,
    /// The Patient as the document has it, where the store has none yet.
    pub(crate) new: Option<Tree>,
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
        return Ok(Subject { url, id: Some(id.to_owned()), new: None });
    }
    let logical =
        given.and_then(|subject| Some((subject.text_at("identifier.system")?, subject.text_at("identifier.value")?)));
    let patient = entry.and_then(|entry| entry.get("resource"));
    let known = logical.or_else(|| patient.and_then(identifier));
    let birth_date = patient.and_then(|patient| patient.text_at("birthDate"));
    if let Some((system, value)) = known
        && let Some(id) = known_patient(request, system, value, birth_date)?
    {
        return Ok(Subject { url, id: Some(id), new: None });
    }
    // An identifier that stands for people with different birth dates is not trusted to name one person.
    let id = match known {
        Some((system, value)) => Some(derived::id(&["Patient", system, value, birth_date.unwrap_or_default()])),
        None => patient.map(|_| request.call.ids.next(request.call.now)),
    };
    let Some(id) = id else {
        return Ok(Subject { url, id: None, new: None });
    };
    if is_there(request, &id)? {
        return Ok(Subject { url, id: Some(id), new: None });
    }
    let tree = match patient {
        Some(patient) => copy(patient),
        None => identified(given),
    };
    Ok(Subject { url, id: Some(id), new: Some(tree) })
}

/// The Patient of the store with this identifier, and no other birth date.
///
/// # Errors
/// [`Class::Unprocessable`] where several people have it and the birth date does not tell which one is meant.
fn known_patient(
    request: &Request<'_>,
    system: &str,
    value: &str,
    birth_date: Option<&str>,
) -> Result<Option<String>, Refusal> {
    let view = request.service.store().view(None).map_err(Refusal::fault)?;
    let query = format!("identifier={}%7C{}", token(system), token(value));
    let found = search_type::matches(request, &view, "Patient", &Query::parse(&query), MOST)?;
    let mut fitting = Vec::new();
    for (id, _) in found {
        let body = match view.read("Patient", &id).map_err(Refusal::fault)? {
            Some(version) => version.body().map_err(Refusal::fault)?.unwrap_or_default(),
            None => continue,
        };
        let stored = model::json::read(&body, &request.service.settings().limits)?;
        let other = stored.root().text_at("birthDate");
        if birth_date.is_none() || other.is_none() || birth_date == other {
            fitting.push((id, other == birth_date));
        }
    }
    let exact: Vec<&String> = fitting.iter().filter(|(_, exact)| *exact).map(|(id, _)| id).collect();
    match (fitting.as_slice(), exact.as_slice()) {
        ([], _) => Ok(None),
        ([(id, _)], _) => Ok(Some(id.clone())),
        (_, [id]) => Ok(Some((*id).clone())),
        _ => {
            let text = "Several Patients have this identifier; say which one is meant by reference.";
            Err(Refusal::new(Class::Unprocessable, text).at("DocumentReference.subject"))
        }
    }
}

/// A part of a token on its way into a query: what separates values is escaped, then percent-encoded.
fn token(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if "\\,|$".contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    encode(&escaped, "")
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
