//! A document of no EHDS priority category (a consultation note, a treatment plan, an order): a plain FHIR document, whole,
//! which claims no European profile of a document: <http://hl7.org/fhir/R4/documents.html>.

use model::{Issue, IssueType, Severity, Tree};

use super::rules;
use crate::Refusal;
use crate::cda::context::Context;
use crate::cda::header;
use crate::cda::read::Node;
use crate::cda::section::Family;
use crate::cda::unstructured;

const PATIENT: &str = "http://hl7.eu/fhir/base/StructureDefinition/patient-eu-core";

/// The document Bundle: the source's header, its sections in their order, and everything of its entries.
pub(super) fn assemble<'d>(cx: &mut Context<'d>, root: Node<'d>) -> Result<Tree, Refusal> {
    let bodies = ["component/structuredBody", "component/nonXMLBody"];
    if bodies.iter().all(|body| root.at(body).is_none()) {
        let text = "The document has no body: there is nothing to convert.";
        return Err(Refusal::new(Issue::new(Severity::Error, IssueType::Required, root.path(), text)));
    }
    cx.note(
        root.get("code").unwrap_or(root),
        "The document's type is of no EHDS priority category: it became a plain FHIR document without a European profile.",
    );
    crate::cda::add_patient(cx, root, PATIENT);
    let mut composition = header::composition(cx, root, None, None);
    let mut placed = rules::place(cx, root, &|_| None);
    if let Some(body) = root.at("component/nonXMLBody") {
        placed.push((None, Family::Other, unstructured::section(cx, root, body)?));
    }
    let mut to = composition.edit();
    for (_, _, section) in placed {
        section.write(cx, &mut to);
    }
    Ok(cx.take_document(None, composition))
}
