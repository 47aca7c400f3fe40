//! What is known of a file that says nothing itself.

use model::{Issue, IssueType, PartialDateTime, Severity, Tree};

use crate::Refusal;

/// What is known of a file: a DocumentReference (type, category, date, author, custodian, identifiers, labels, title, language) and the
/// Patient that it is about.
#[derive(Clone, Debug)]
pub struct Metadata {
    /// The DocumentReference; its own content is not looked at, but for language, title and time of the attachment.
    pub reference: Tree,
    /// The Patient, with an identifier.
    pub patient: Tree,
}

/// The parameters that [`Metadata::of_parameters`] reads: name, form, what it says. The same on the command line (`--patient`)
/// and in the URL of `$convert`.
pub const PARAMETERS: [(&str, &str, &str); 8] = [
    ("patient", "SYSTEM|VALUE", "Identifier of the patient that a PDF is about; a PDF is converted only with it."),
    ("patient-name", "FAMILY,GIVEN", "Name of the patient that a PDF is about."),
    ("birth-date", "DATE", "Birth date of the patient that a PDF is about."),
    (
        "type",
        "SYSTEM|CODE",
        "What document a PDF is; a LOINC code without system will do, and can stand for the category.",
    ),
    ("date", "DATE", "When a PDF was written: a FHIR date or time."),
    ("author", "NAME", "Who wrote a PDF."),
    ("title", "TEXT", "Title of a PDF."),
    ("language", "TAG", "Language of a PDF: a BCP 47 tag."),
];

impl Metadata {
    /// What parameters say, by name; `None` where `patient` is not among them.
    ///
    /// # Errors
    /// A value that is not of its form, by the parameter's name.
    pub fn of_parameters(get: impl Fn(&str) -> Option<String>) -> Result<Option<Metadata>, Refusal> {
        let Some(identifier) = get("patient") else { return Ok(None) };
        let mut patient = Tree::new("Patient");
        let mut to = patient.edit();
        match identifier.split_once('|') {
            Some((system, value)) if !value.is_empty() && system.contains(':') => {
                to.item("identifier").set("system", system).set("value", value);
            }
            _ => return Err(wrong("patient", "an identifier SYSTEM|VALUE whose system is a URI")),
        }
        if let Some(name) = get("patient-name") {
            let mut to = to.item("name");
            match name.split_once(',') {
                Some((family, given)) => {
                    to.set("family", family.trim());
                    for given in given.split_whitespace() {
                        to.push("given", given);
                    }
                }
                None => {
                    to.set("text", name.trim());
                }
            }
        }
        if let Some(date) = get("birth-date") {
            if date.len() > 10 || PartialDateTime::parse(&date).is_none() {
                return Err(wrong("birth-date", "a date"));
            }
            to.set("birthDate", date.as_str());
        }
        Ok(Some(Metadata { reference: reference(&get)?, patient }))
    }
}

fn reference(get: &impl Fn(&str) -> Option<String>) -> Result<Tree, Refusal> {
    let mut reference = Tree::new("DocumentReference");
    let mut to = reference.edit();
    if let Some(kind) = get("type") {
        let (system, code) = kind.split_once('|').unwrap_or(("http://loinc.org", &kind));
        if code.is_empty() || !system.contains(':') {
            return Err(wrong("type", "a code SYSTEM|CODE whose system is a URI"));
        }
        to.object("type").item("coding").set("system", system).set("code", code);
    }
    if let Some(author) = get("author") {
        to.item("author").set("display", author.as_str());
    }
    to.set_some("description", get("title").as_deref());
    let (date, language) = (get("date"), get("language"));
    if date.as_deref().is_some_and(|date| PartialDateTime::parse(date).is_none()) {
        return Err(wrong("date", "a FHIR date or time"));
    }
    let is_tag = |tag: &str| tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') && !tag.is_empty();
    if language.as_deref().is_some_and(|tag| !is_tag(tag)) {
        return Err(wrong("language", "a BCP 47 tag"));
    }
    if date.is_some() || language.is_some() {
        let mut content = to.item("content");
        let mut attachment = content.object("attachment");
        attachment.set_some("language", language.as_deref()).set_some("creation", date.as_deref());
    }
    Ok(reference)
}

fn wrong(parameter: &str, form: &str) -> Refusal {
    let text = format!("The parameter {parameter} is not {form}.");
    Refusal::new(Issue::new(Severity::Error, IssueType::Value, parameter, text))
}
