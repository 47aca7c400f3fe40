//! A PDF and what is known of it: a document with minimal metadata (C-32) that holds the file byte for byte. Nothing is read out
//! of the file; whom it is about and what it is says the [`Metadata`] beside it. What is covered stands in `README.md`.

mod metadata;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::{Element, Issue, IssueType, Severity, Tree};

pub use metadata::{Metadata, PARAMETERS};

use crate::document::Document;
use crate::european::{self, CATEGORIES, Facts, absent};
use crate::report::Mapped;
use crate::{Draft, Format, Knowledge, Options, Refusal, Report, Source, category, identity, issue, provenance};

/// The row of the table of formats.
pub(crate) const FORMAT: Format = Format { name: "pdf", title: "PDF with metadata beside it", sniff, convert };

/// Categories that a file alone makes a document of.
const FILES: [&str; 3] = ["Laboratory-Reports", "Medical-Imaging", "Discharge-Reports"];

fn sniff(bytes: &[u8], _: Option<&str>) -> bool {
    bytes.starts_with(b"%PDF-")
}

fn convert(_: &Knowledge<'_>, source: &Source<'_>, options: &Options) -> Result<Draft, Refusal> {
    let Some(metadata) = &options.metadata else {
        return Err(Refusal::new(issue::pdf_alone()));
    };
    let category = category_of(metadata, options)?;
    let patient = metadata.patient.root();
    if patient.get("identifier").is_none() {
        return Err(refuse("patient", "The patient has no identifier: it cannot be known whom the PDF is about."));
    }
    let mut report = Report::default();
    let hash = identity::hash(source.bytes);
    // The same file for another patient, or as another kind of document, is another document.
    let who: String = patient.all("identifier").map(|identifier| model::json::to_string(identifier)).collect();
    let seed = identity::hash(format!("{} {category} {who}", identity::hex(&hash)).as_bytes());
    let mut document = Document::new(seed);
    let mut facts = facts(&mut document, metadata, &mut report);
    let attachment = attachment(metadata, source.bytes, &facts);
    let mut made = european::minimal(document, &mut facts, &category, &attachment, options.now)?;
    // Who may see the file may be said of it; the same holds for the document around it.
    for label in metadata.reference.root().every("securityLabel.coding") {
        made.edit().object("meta").item("security").fill(label);
    }
    report.mapped.push(Mapped {
        source: String::new(),
        position: None,
        target: "the attached file, as it came".to_owned(),
    });
    let id = made.root().text_at("id").unwrap_or_default().to_owned();
    let provenance = provenance::provenance(&id, source, &hash, FORMAT.name, options.now);
    Ok(Draft { document: made, category, format: FORMAT.name, report, provenance, source_hash: hash, unchanged: false })
}

/// The category: the wanted one, else that of the metadata, else that of the type.
fn category_of(metadata: &Metadata, options: &Options) -> Result<String, Refusal> {
    let root = metadata.reference.root();
    let named = root.every("category.coding").into_iter().find(|coding| coding.text_at("system") == Some(CATEGORIES));
    let named = named.and_then(|coding| coding.text_at("code"));
    let by_type = || root.every("type.coding.code").into_iter().filter_map(Element::text).find_map(category::of_type);
    match options.category.as_deref().or(named).or_else(by_type) {
        Some(category) if FILES.contains(&category) => Ok(category.to_owned()),
        Some(category) => {
            let text = format!(
                "A PDF alone makes no document of the category {category}; it can be carried for {}.",
                FILES.join(", ")
            );
            Err(refuse("category", &text))
        }
        None => {
            let text =
                format!("Neither category nor type says what the PDF is; the category is one of {}.", FILES.join(", "));
            Err(refuse("category", &text))
        }
    }
}

/// What the metadata say, as parts of the document.
fn facts(document: &mut Document, metadata: &Metadata, report: &mut Report) -> Facts {
    let root = metadata.reference.root();
    let attachment = root.at("content.attachment");
    let of_attachment = |name: &str| attachment.and_then(|attachment| attachment.text_at(name));
    let status = match root.text_at("docStatus") {
        Some("preliminary") => "preliminary",
        Some("amended") => "amended",
        Some("entered-in-error") => "entered-in-error",
        Some(_) => "final",
        None => {
            let text = "The metadata do not say how far the document is (docStatus); it is taken for final.";
            report.issues.push(Issue::information(IssueType::Incomplete, "DocumentReference.docStatus", text));
            "final"
        }
    };
    let mut facts = Facts {
        status,
        composition_status: status,
        date: root.text_at("date").or(of_attachment("creation")).map(str::to_owned),
        language: of_attachment("language").map(str::to_owned),
        title: root.text_at("description").or(of_attachment("title")).unwrap_or("PDF document").to_owned(),
        patient: document.add("Patient", patient(metadata, report)),
        ..Facts::default()
    };
    let mut identifiers = Tree::new("DiagnosticReport");
    for identifier in root.all("masterIdentifier").chain(root.all("identifier")) {
        identifiers.edit().copy_as("identifier", identifier, true);
    }
    if !identifiers.root().has_children() {
        let own = document.reference("Composition.identifier");
        identifiers.edit().item("identifier").set("system", "urn:ietf:rfc:3986").set("value", own.as_str());
    }
    facts.identifiers = Some(identifiers);
    let mut kind = Tree::new("DocumentReference");
    if let Some(found) = root.get("type") {
        kind.edit().copy_as("type", found, false);
    }
    facts.file_kind = Some(kind);
    for author in root.all("author") {
        match party(document, root, author) {
            Some((reference, true)) => facts.organizations.push(reference),
            Some((reference, false)) => facts.people.push(reference),
            None => {
                let text = "The author is named by a reference only: who it is stands in the DocumentReference, not in the document.";
                report.issues.push(Issue::warning(IssueType::Incomplete, author.path(), text));
            }
        }
    }
    if let Some((reference, true)) = root.get("custodian").and_then(|custodian| party(document, root, custodian))
        && !facts.organizations.contains(&reference)
    {
        facts.organizations.push(reference);
    }
    facts
}

/// The Patient with what the European profiles demand; what is not known is said to be unknown.
fn patient(metadata: &Metadata, report: &mut Report) -> Tree {
    let mut tree = metadata.patient.clone();
    let mut to = tree.edit();
    for name in ["id", "meta", "text", "contained", "generalPractitioner", "managingOrganization", "link"] {
        to.remove(name);
    }
    let mut unknown = |name: &str| {
        let text = format!("The metadata do not give the patient's {name}: it is said to be unknown.");
        report.issues.push(Issue::information(IssueType::Incomplete, format!("Patient.{name}"), text));
    };
    if to.as_element().get("name").is_none() {
        absent(&mut to.item("name"));
        unknown("name");
    }
    if to.as_element().get("birthDate").is_none() {
        absent(&mut to.primitive("birthDate"));
        unknown("birthDate");
    }
    tree
}

/// A person or organisation that the metadata name: contained, or by name or identifier; whether it is an organisation.
fn party(document: &mut Document, root: Element<'_>, named: Element<'_>) -> Option<(String, bool)> {
    let reference = named.text_at("reference");
    let inside = reference
        .and_then(|text| text.strip_prefix('#'))
        .and_then(|id| root.all("contained").find(|resource| resource.text_at("id") == Some(id)));
    if let Some(resource) =
        inside.filter(|inside| matches!(inside.resource_type(), Some("Practitioner" | "Organization")))
    {
        let mut tree = Tree::from_element(resource);
        tree.edit().remove("id");
        let is_organization = tree.resource_type() == "Organization";
        return Some((document.add_once(tree), is_organization));
    }
    let display = named.text_at("display");
    let identifier = named.get("identifier");
    if display.is_none() && identifier.is_none() {
        return None;
    }
    let kind = reference.and_then(|text| text.rsplit('/').nth(1)).or_else(|| named.text_at("type"));
    let is_organization = kind == Some("Organization") || named.name() == "custodian";
    let mut tree = Tree::new(if is_organization { "Organization" } else { "Practitioner" });
    let mut to = tree.edit();
    if let Some(identifier) = identifier {
        to.copy_as("identifier", identifier, true);
    }
    match (is_organization, display) {
        (true, Some(name)) => {
            to.set("name", name);
        }
        (false, Some(name)) => {
            to.item("name").set("text", name);
        }
        (true, None) => absent(&mut to.primitive("name")),
        (false, None) => absent(&mut to.item("name")),
    }
    Some((document.add_once(tree), is_organization))
}

fn attachment(metadata: &Metadata, bytes: &[u8], facts: &Facts) -> Tree {
    let mut tree = Tree::new("Attachment");
    let mut to = tree.edit();
    let given = metadata.reference.root().at("content.attachment");
    to.set("contentType", "application/pdf");
    to.set_some("language", facts.language.as_deref());
    to.set("data", STANDARD.encode(bytes).as_str());
    to.set("title", facts.title.as_str());
    to.set_some("creation", given.and_then(|given| given.text_at("creation")));
    tree
}

fn refuse(parameter: &str, text: &str) -> Refusal {
    Refusal::new(Issue::new(Severity::Error, IssueType::Required, parameter, text))
}
