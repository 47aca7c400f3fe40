//! HL7 CDA R2 documents of any country: the MyHealth@EU pivot by its structure, others by section code and entry class.
//!
//! Specification: HL7 CDA R2, <https://www.hl7.org/implement/standards/product_brief.cfm?product_id=7>; the pivot's
//! templates, <https://art-decor.ehdsi.eu/publication/epsos-html-20240422T073854/>. What is covered stands in `README.md`.

mod account;
mod allergy;
mod coded;
mod context;
mod device;
mod dosage;
mod encounter;
mod entries;
mod entry;
mod family;
mod goal;
mod header;
mod immunization;
mod media;
mod medication;
mod narrative;
mod national;
mod observation;
mod participation;
mod parts;
mod patient;
mod people;
mod pressure;
mod problem;
mod procedure;
mod product;
mod quantity;
mod read;
mod section;
mod specimen;
mod study;
mod table;
mod target;
pub(crate) mod time;
mod timing;
mod told;
pub(crate) mod ucum;
mod unstructured;
mod value;
mod vital;

use std::collections::{HashMap, HashSet};

use model::{Issue, IssueType, Severity, Tree};

use crate::document::Document;
use crate::{Draft, Format, Knowledge, Options, Refusal, Report, Source, encoding, identity};
use context::Context;
pub(crate) use header::language_tag;
pub(crate) use quantity::decimal;
use read::{Cda, Node};

/// The row of the table of formats.
pub(crate) const FORMAT: Format = Format { name: "cda", title: "HL7 CDA R2", sniff, convert };

fn sniff(bytes: &[u8], _: Option<&str>) -> bool {
    let head = encoding::head(bytes);
    let mut rest = head.as_str();
    while let Some(at) = rest.find("ClinicalDocument") {
        let before = rest.get(..at).unwrap_or_default();
        let open = before.rfind('<').and_then(|open| before.get(open + 1..)).unwrap_or(" ");
        if open.is_empty()
            || (open.ends_with(':') && open.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":_-.".contains(&byte)))
        {
            return true;
        }
        rest = rest.get(at + 16..).unwrap_or_default();
    }
    false
}

fn convert(knowledge: &Knowledge<'_>, source: &Source<'_>, options: &Options) -> Result<Draft, Refusal> {
    let (text, broken) = encoding::decode(source.bytes).map_err(|label| {
        let text = format!("The encoding {label:?} that the XML declares is not known.");
        Refusal::new(Issue::new(Severity::Fatal, IssueType::NotSupported, "", text))
    })?;
    let document = read::parse(&text, &options.limits)?;
    let cda = Cda::new(&document);
    let root = cda.root();
    if root.name() != "ClinicalDocument" {
        let text = format!("The document's element is {:?}, not ClinicalDocument.", root.name());
        return Err(Refusal::new(Issue::new(Severity::Fatal, IssueType::Structure, root.path(), text)));
    }
    one_patient(root)?;
    let category = category(root, options)?;
    let hash = identity::hash(source.bytes);
    let document = Document::new(hash);
    let patient = document.reference("Patient");
    let narrator = document.reference("Composition");
    let mut cx = Context {
        cda: &cda,
        systems: knowledge.systems,
        document,
        report: Report::default(),
        patient,
        author: None,
        language: None,
        date: None,
        now: options.now,
        laboratory: false,
        parties: HashMap::new(),
        narrator,
        html_ids: HashSet::new(),
    };
    if broken {
        cx.defect(root, "Some bytes have no meaning in the document's encoding; they became U+FFFD.");
    }
    header::prepare(&mut cx, root);
    let document = target::assemble(&mut cx, root, &category)?;
    account::losses(&mut cx, root);
    Ok(Draft::made(document, category, FORMAT.name, cx.report, source, hash, options.now))
}

/// Refuses a document about several patients: nothing in it says which statement is whose.
fn one_patient(root: Node<'_>) -> Result<(), Refusal> {
    let ids = |role: Node<'_>| -> Vec<String> {
        let said = |id: Node<'_>| Some([id.peek("root")?, id.peek("extension").unwrap_or_default()].join(" "));
        role.all("id").filter_map(said).collect()
    };
    let mut roles = root.all("recordTarget").filter_map(|target| target.get("patientRole"));
    let first = roles.next().map(ids).unwrap_or_default();
    let other = roles.find(|role| {
        let own = ids(*role);
        !own.is_empty() && !own.iter().any(|id| first.contains(id))
    });
    let Some(other) = other else { return Ok(()) };
    let text = "The document is about several patients; each needs a document of its own.";
    let issue = Issue::new(Severity::Error, IssueType::NotSupported, other.path(), text);
    Err(Refusal::new(issue.at(Some(other.position()))))
}

/// The category of the document by its type; what is asked for wins where the type names none. A type of no category
/// becomes a plain document, no type is refused.
fn category(root: Node<'_>, options: &Options) -> Result<String, Refusal> {
    let code = root.get("code");
    let codes = code.into_iter().chain(code.into_iter().flat_map(|code| code.all("translation").collect::<Vec<_>>()));
    let found = codes.filter_map(|code| code.peek("code")).find_map(crate::category::of_type);
    let refuse = |text: String| {
        let at = code.unwrap_or(root);
        Err(Refusal::new(Issue::new(Severity::Error, IssueType::NotSupported, at.path(), text).at(Some(at.position()))))
    };
    let said = code.map_or("no code".to_owned(), |code| {
        format!("{} {:?}", code.peek("code").unwrap_or("no code"), code.peek("displayName").unwrap_or_default())
    });
    match (found, options.category.as_deref()) {
        (_, Some(crate::OTHER_DOCUMENTS)) => Ok(crate::OTHER_DOCUMENTS.to_owned()),
        (Some(found), Some(wanted)) if found != wanted => {
            refuse(format!("The document's type {said} is of the category {found}, not {wanted}."))
        }
        (Some(found), _) => Ok(found.to_owned()),
        (None, Some(wanted)) if target::is_supported(wanted) => Ok(wanted.to_owned()),
        (None, Some(wanted)) => refuse(format!("There is no conversion of CDA to the category {wanted}.")),
        (None, None) if code.is_some_and(coded::says_something) => Ok(crate::OTHER_DOCUMENTS.to_owned()),
        (None, None) => refuse("The document names no type (no code): name its category to convert it.".to_owned()),
    }
}

/// The Patient, first of the resources.
fn add_patient(cx: &mut Context<'_>, root: Node<'_>, profile: &str) {
    let patient: Tree = patient::patient(cx, root, Some(profile));
    let reference = cx.document.add("Patient", patient);
    if let Some(role) = root.at("recordTarget/patientRole") {
        cx.mapped(role, &format!("Patient {reference}"));
    }
}
