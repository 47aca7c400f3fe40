//! An International Patient Summary into a European one: <http://hl7.eu/fhir/eps/StructureDefinition/composition-eu-eps>.
//! Sections that Europe requires and the source lacks are added and say that nothing is available, and references are led
//! to the entries that they mean (`links`); nothing else changes.

use model::{ElementMut, Issue, IssueType, Tree};

use super::links;
use crate::Report;

const BUNDLE: &str = "http://hl7.eu/fhir/eps/StructureDefinition/bundle-eu-eps";
const COMPOSITION: &str = "http://hl7.eu/fhir/eps/StructureDefinition/composition-eu-eps";
const EMPTY_REASON: &str = "http://terminology.hl7.org/CodeSystem/list-empty-reason";
/// The code system of IPS 1 for "none" and "no information", which IPS 2.0 and the European guide no longer have.
const ABSENT_UNKNOWN: &str = "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips";
const REQUIRED: [(&str, &str); 5] = [
    ("11450-4", "Problem list"),
    ("48765-2", "Allergies and intolerances"),
    ("10160-0", "Medication list"),
    ("47519-4", "History of procedures"),
    ("46264-8", "Medical devices and implants"),
];

/// Adds what is missing; tells whether anything was.
pub(super) fn europeanise(tree: &mut Tree, report: &mut Report) -> bool {
    name_old_codes(tree, report);
    let Some(composition) = tree.root().at("entry.resource") else { return false };
    let id = composition.id();
    let sections = composition.every("section.code.coding.code");
    let has = |code: &str| sections.iter().any(|element| element.text() == Some(code));
    let missing: Vec<(&str, &str)> = REQUIRED.into_iter().filter(|(code, _)| !has(code)).collect();
    if missing.is_empty() {
        return false;
    }
    let path = composition.path();
    let language = composition.text_at("language").map(str::to_owned);
    for (code, title) in missing {
        let mut to = tree.edit_at(id);
        add_section(&mut to.item("section"), code, title, language.as_deref());
        let text =
            format!("The source has no section {code} ({title}); it was added and says that nothing is available.");
        report
            .issues
            .push(Issue::information(IssueType::Incomplete, path.as_str(), text).with_rule("composition-eu-eps"));
    }
    links::mend(tree, report);
    claim(&mut tree.edit_at(id), COMPOSITION);
    claim(&mut tree.edit(), BUNDLE);
    true
}

/// Names codes that a European reader cannot look up; they stay, with their display.
fn name_old_codes(tree: &Tree, report: &mut Report) {
    for coding in tree.root().descendants().into_iter().filter(|element| element.name() == "coding") {
        if coding.text_at("system") == Some(ABSENT_UNKNOWN) {
            let code = coding.text_at("code").unwrap_or_default();
            let text = format!(
                "The code {code} is of the code system {ABSENT_UNKNOWN}, which the International Patient Summary 2.0 no longer has; it \
                 is kept as it came."
            );
            let issue = Issue::warning(IssueType::CodeInvalid, coding.path(), text);
            report.issues.push(issue.with_rule("absent-unknown").at(coding.position()));
        }
    }
}

fn add_section(to: &mut ElementMut<'_>, code: &str, title: &str, language: Option<&str>) {
    to.set("title", title);
    to.object("code").item("coding").set("system", "http://loinc.org").set("code", code);
    let language = language.filter(|tag| tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
    let language = language.map_or(String::new(), |tag| format!(" lang=\"{tag}\" xml:lang=\"{tag}\""));
    let div = format!(
        "<div xmlns=\"http://www.w3.org/1999/xhtml\"{language}><p>{title}: the source document has no such section; \
         no information is available.</p></div>"
    );
    to.object("text").set("status", "generated").set("div", &div);
    to.object("emptyReason").item("coding").set("system", EMPTY_REASON).set("code", "unavailable");
}

fn claim(to: &mut ElementMut<'_>, profile: &str) {
    let named = to.as_element().every("meta.profile").iter().any(|element| element.text() == Some(profile));
    if !named {
        to.object("meta").push("profile", profile);
    }
}
