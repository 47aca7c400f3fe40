//! European documents from parts that a format without sections of its own gives: a laboratory report, an imaging report,
//! or a report that is only a file. CDA has sections and so assembles its documents itself.

use model::{ElementMut, Instant, Tree};

pub(crate) use crate::european_imaging::{begin_study, imaging};
pub(crate) use crate::european_laboratory::laboratory;
pub(crate) use crate::european_minimal::minimal;
pub(crate) use crate::vital_sign::complete_vital_sign;

use crate::document::Document;
use crate::markup;

const ABSENT: &str = "http://hl7.org/fhir/StructureDefinition/data-absent-reason";
const COMPOSITION_LINK: &str = "http://hl7.org/fhir/5.0/StructureDefinition/extension-DiagnosticReport.composition";
pub(crate) const CATEGORIES: &str =
    "http://hl7.eu/fhir/health-data-api/CodeSystem/eehrxf-document-priority-category-cs";
const DEPARTMENTS: &str = "http://terminology.hl7.org/CodeSystem/v2-0074";
const EMPTY_REASON: &str = "http://terminology.hl7.org/CodeSystem/list-empty-reason";
pub(crate) const LOINC: &str = "http://loinc.org";

/// What a document says besides its resources. References are those of [`Document`].
#[derive(Default)]
pub(crate) struct Facts {
    /// Identifiers, as `identifier` children; the first is that of the document.
    pub(crate) identifiers: Option<Tree>,
    /// `code` of the document; the category's own where there is none.
    pub(crate) kind: Option<Tree>,
    /// Status of the DiagnosticReport.
    pub(crate) status: &'static str,
    /// Status of the Composition.
    pub(crate) composition_status: &'static str,
    /// FHIR `dateTime` of the document, unknown where there is none.
    pub(crate) date: Option<String>,
    /// FHIR `dateTime` of what it reports on.
    pub(crate) effective: Option<String>,
    /// BCP 47 tag.
    pub(crate) language: Option<String>,
    /// Title for people.
    pub(crate) title: String,
    /// The Patient.
    pub(crate) patient: String,
    /// The Encounter.
    pub(crate) encounter: Option<String>,
    /// Organizations that answer for it.
    pub(crate) organizations: Vec<String>,
    /// Practitioners that wrote or interpreted it.
    pub(crate) people: Vec<String>,
    /// Who attested it (reference) and when.
    pub(crate) attesters: Vec<(String, Option<String>)>,
    /// Orders it answers.
    pub(crate) orders: Vec<String>,
    /// Accession number of the imaging order, as `identifier` of a holder.
    pub(crate) accession: Option<Tree>,
    /// Specimens.
    pub(crate) specimens: Vec<String>,
    /// Observations at the top.
    pub(crate) results: Vec<String>,
    /// Procedures that were done.
    pub(crate) procedures: Vec<String>,
    /// Imaging studies.
    pub(crate) studies: Vec<String>,
    /// Sections in order.
    pub(crate) sections: Vec<Section>,
    /// Attached files (DocumentReference).
    pub(crate) attachments: Vec<String>,
    /// Code of the department (HL7 table 0074).
    pub(crate) department: Option<String>,
    /// `type` of the attached file.
    pub(crate) file_kind: Option<Tree>,
    /// Conclusion in words.
    pub(crate) conclusion: Option<String>,
}

/// One section of the document.
pub(crate) struct Section {
    /// LOINC code of the European section, where it is one.
    pub(crate) slot: Option<&'static str>,
    /// `code` children of the source, where it has a code.
    pub(crate) code: Option<Tree>,
    /// Title.
    pub(crate) title: String,
    /// XHTML inside the `div`.
    pub(crate) html: String,
    /// References.
    pub(crate) entries: Vec<String>,
    /// Its words, repeated as a note where the guide wants one.
    pub(crate) note: Option<String>,
}

/// Says that a value is not known.
pub(crate) fn absent(to: &mut ElementMut<'_>) {
    to.item("extension").set("url", ABSENT).set("valueCode", "unknown");
}

fn div(language: Option<&str>, html: &str) -> String {
    let language = language.map_or(String::new(), |tag| format!(" lang=\"{tag}\" xml:lang=\"{tag}\""));
    format!("<div xmlns=\"http://www.w3.org/1999/xhtml\"{language}>{html}</div>")
}

/// The Composition without its sections; `kind` is the type where the source has none.
pub(crate) fn composition(document: &Document, facts: &Facts, profile: &str, kind: (&str, &str)) -> Tree {
    let mut tree = Tree::new("Composition");
    let mut to = tree.edit();
    to.object("meta").push("profile", profile);
    to.set_some("language", facts.language.as_deref());
    let identifier = facts.identifiers.as_ref().and_then(|holder| holder.root().get("identifier"));
    match identifier {
        Some(identifier) => {
            to.copy_as("identifier", identifier, false);
        }
        None => {
            let uri = document.reference("Composition.identifier");
            to.object("identifier").set("system", "urn:ietf:rfc:3986").set("value", &uri);
        }
    }
    to.set("status", facts.composition_status);
    fill_kind(facts, kind, &mut to.object("type"));
    if let Some(code) = &facts.department {
        to.item("category").item("coding").set("system", DEPARTMENTS).set("code", code);
    }
    to.object("subject").set("reference", &facts.patient);
    if let Some(encounter) = &facts.encounter {
        to.object("encounter").set("reference", encounter);
    }
    match &facts.date {
        Some(date) => {
            to.set("date", date);
        }
        None => absent(&mut to.primitive("date")),
    }
    for author in facts.people.iter().chain(&facts.organizations) {
        to.item("author").set("reference", author);
    }
    if facts.people.is_empty() && facts.organizations.is_empty() {
        absent(&mut to.item("author"));
    }
    to.set("title", &facts.title);
    for (party, time) in &facts.attesters {
        let mut attester = to.item("attester");
        attester.set("mode", "legal");
        match time {
            Some(time) => {
                attester.set("time", time);
            }
            None => absent(&mut attester.primitive("time")),
        }
        attester.object("party").set("reference", party);
    }
    if let Some(custodian) = facts.organizations.first() {
        to.object("custodian").set("reference", custodian);
    }
    tree
}

pub(crate) fn fill_kind(facts: &Facts, kind: (&str, &str), to: &mut ElementMut<'_>) {
    match facts.kind.as_ref().and_then(|holder| holder.root().get("code")) {
        Some(code) => {
            for child in code.children() {
                to.copy(child);
            }
        }
        None => {
            to.item("coding").set("system", LOINC).set("code", kind.0).set("display", kind.1);
        }
    }
}

/// What every DiagnosticReport shares with the Composition.
pub(crate) fn report(document: &Document, facts: &Facts, profile: &str, composition: &Tree, linked: bool) -> Tree {
    let mut tree = Tree::new("DiagnosticReport");
    let mut to = tree.edit();
    to.object("meta").push("profile", profile);
    if linked {
        let own = document.reference("Composition");
        to.item("extension").set("url", COMPOSITION_LINK).object("valueReference").set("reference", &own);
    }
    if let Some(identifier) = composition.root().get("identifier") {
        to.copy_as("identifier", identifier, true);
    }
    for further in facts.identifiers.iter().flat_map(|holder| holder.root().all("identifier").skip(1)) {
        to.copy_as("identifier", further, true);
    }
    let numbered = profile.contains("/imaging/");
    for order in facts.orders.iter().filter(|_| !numbered) {
        to.item("basedOn").set("reference", order);
    }
    to.set("status", facts.status);
    for category in composition.root().all("category") {
        to.copy(category);
    }
    if let Some(kind) = composition.root().get("type") {
        to.copy_as("code", kind, false);
    }
    for name in ["subject", "encounter"] {
        if let Some(found) = composition.root().get(name) {
            to.copy(found);
        }
    }
    to.set_some("effectiveDateTime", facts.effective.as_deref());
    to.set_some("issued", facts.date.as_deref().filter(|date| date.len() > 10));
    for organization in &facts.organizations {
        to.item("performer").set("reference", organization);
    }
    for person in &facts.people {
        to.item("resultsInterpreter").set("reference", person);
    }
    for reference in &facts.specimens {
        to.item("specimen").set("reference", reference);
    }
    for reference in &facts.results {
        to.item("result").set("reference", reference);
    }
    to.set_some("conclusion", facts.conclusion.as_deref());
    tree
}

pub(crate) fn write_section(facts: &Facts, section: &Section, composition: &mut ElementMut<'_>, notes: bool) {
    const NOTE: &str = "http://hl7.org/fhir/StructureDefinition/note";
    let mut to = composition.item("section");
    if let Some(note) = section.note.as_deref().filter(|_| notes) {
        to.item("extension").set("url", NOTE).object("valueAnnotation").set("text", note);
    }
    to.set("title", &section.title);
    if let Some(slot) = section.slot {
        to.object("code").item("coding").set("system", LOINC).set("code", slot);
    }
    if let Some(code) = section.code.as_ref().and_then(|holder| holder.root().get("code")) {
        for child in code.children() {
            to.object("code").copy(child);
        }
    }
    if to.as_element().get("code").is_none() {
        to.object("code").set("text", &section.title);
    }
    let html = match section.html.is_empty() {
        true => {
            format!(
                "<p>{}: the source says nothing of this; no information is available.</p>",
                markup::with_breaks(&section.title)
            )
        }
        false => section.html.clone(),
    };
    to.object("text").set("status", "generated").set("div", &div(facts.language.as_deref(), &html));
    if section.entries.is_empty() && to.as_element().get("extension").is_none() {
        let mut reason = to.object("emptyReason");
        reason.item("coding").set("system", EMPTY_REASON).set("code", "unavailable");
        if !section.html.is_empty() {
            reason.set("text", "The source gives this section as text only, without coded entries.");
        }
    }
    for entry in &section.entries {
        to.item("entry").set("reference", entry);
    }
}

pub(crate) fn finish(document: Document, profile: &str, kind: &str, now: Instant, composition: Option<Tree>) -> Tree {
    document.bundle(kind, Some(profile), now, composition.map(|tree| ("Composition", tree)))
}
