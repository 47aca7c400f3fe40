//! Whom the entries of a document are about: one document, one patient (<http://hl7.org/fhir/R4/documents.html>). FHIR does
//! not forbid another one (a mother in her child's document), so that it is a warning.

use model::{Element, IssueType};

use crate::pass::Pass;
use crate::places::Target;

/// Warns of each entry that is about another Patient than the Composition, or about one that is not in the document.
pub(crate) fn check<'t>(pass: &mut Pass<'_, 't>, bundle: Element<'t>, composition: Element<'t>) {
    let target = |pass: &Pass<'_, 't>, subject: Element<'t>| {
        subject.text_at("reference").map(|text| (text, pass.places().target(subject, text)))
    };
    let Some((_, Target::Here(own))) = composition.get("subject").and_then(|subject| target(pass, subject)) else {
        return;
    };
    if own.resource_type() != Some("Patient") {
        return;
    }
    for resource in bundle.all("entry").filter_map(|entry| entry.get("resource")) {
        for subject in resource.all("subject").chain(resource.all("patient")) {
            match target(pass, subject) {
                Some((_, Target::Here(other))) if other.resource_type() == Some("Patient") && other != own => {
                    pass.warning(IssueType::BusinessRule, subject, "subject", || {
                        "This is about another patient than the document.".into()
                    });
                }
                Some((text, Target::Elsewhere)) if !text.starts_with(['#', 'u']) => {
                    pass.warning(IssueType::NotFound, subject, "subject", || {
                        format!("Whom this is about, '{text}', is not in the document.")
                    });
                }
                _ => {}
            }
        }
    }
}
