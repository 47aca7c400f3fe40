//! The documents that can be made of resources, and what each demands: <http://hl7.eu/fhir/eps>,
//! <http://hl7.eu/fhir/laboratory>, <http://hl7.eu/fhir/hdr>, <http://hl7.eu/fhir/imaging>.

use model::{ElementMut, Tree};

use super::hold;
use super::sections::{self, Place};
use super::words::Language;
use super::{EMPTY_REASON, LOINC, Order, Section};
use crate::fhir::pool::{Member, Pool};
use crate::{Report, identity};

const REPORT_LINK: &str = "http://hl7.eu/fhir/extensions/StructureDefinition/composition-diagnosticReportReference";
const COMPOSITION_LINK: &str = "http://hl7.org/fhir/5.0/StructureDefinition/extension-DiagnosticReport.composition";
const CATEGORY: &str = "http://hl7.eu/fhir/health-data-api/CodeSystem/eehrxf-document-priority-category-cs";
const OBSERVATION_CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/observation-category";
const ABSENT: &str = "http://hl7.org/fhir/StructureDefinition/data-absent-reason";
const ABSENT_REASON: &str = "http://terminology.hl7.org/CodeSystem/data-absent-reason";
const NOTE: &str = "http://hl7.org/fhir/StructureDefinition/note";
const DCM: &str = "http://dicom.nema.org/resources/ontology/DCM";

/// A document, by the resource that it is about besides its patient: a place in the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::fhir) enum Goal {
    /// A patient summary.
    Summary,
    /// A laboratory report, of a DiagnosticReport.
    Laboratory(usize),
    /// An imaging report, of a DiagnosticReport; `None` where there is only the study.
    Imaging(Option<usize>),
    /// A discharge report, of an Encounter.
    Discharge(usize),
}

/// What a document demands.
pub(super) struct Facts {
    pub(super) bundle: &'static str,
    pub(super) composition: &'static str,
    /// LOINC code and display.
    pub(super) document_type: (&'static str, &'static str),
    /// Key of its title among the words.
    pub(super) title: &'static str,
    pub(super) required: &'static [&'static str],
    /// Whether the further entries' section has a code.
    pub(super) codes_further: bool,
    pub(super) place: fn(&Member) -> Place,
    imaging: bool,
}

impl Facts {
    /// Says that a section has no entries, and why.
    pub(super) fn empty(&self, section: &Section, to: &mut ElementMut<'_>) {
        if self.imaging && !section.words.is_empty() {
            to.item("extension").set("url", NOTE).object("valueAnnotation").set("text", &section.words.join("\n"));
            return;
        }
        to.object("emptyReason").item("coding").set("system", EMPTY_REASON).set("code", "unavailable");
    }
}

impl Goal {
    /// The category of the document.
    pub(in crate::fhir) fn category(self) -> &'static str {
        match self {
            Goal::Summary => "Patient-Summaries",
            Goal::Laboratory(_) => "Laboratory-Reports",
            Goal::Imaging(_) => "Medical-Imaging",
            Goal::Discharge(_) => "Discharge-Reports",
        }
    }

    /// What the document demands.
    pub(super) fn facts(self) -> Facts {
        match self {
            Goal::Summary => Facts {
                bundle: "http://hl7.eu/fhir/eps/StructureDefinition/bundle-eu-eps",
                composition: "http://hl7.eu/fhir/eps/StructureDefinition/composition-eu-eps",
                document_type: ("60591-5", "Patient summary Document"),
                title: "title-summary",
                required: &["11450-4", "48765-2", "10160-0", "47519-4", "46264-8"],
                codes_further: true,
                place: sections::of_summary,
                imaging: false,
            },
            Goal::Laboratory(_) => Facts {
                bundle: "http://hl7.eu/fhir/laboratory/StructureDefinition/Bundle-eu-lab",
                composition: "http://hl7.eu/fhir/laboratory/StructureDefinition/Composition-eu-lab",
                document_type: ("11502-2", "Laboratory report"),
                title: "title-laboratory",
                required: &["26436-6"],
                codes_further: false,
                place: sections::of_laboratory,
                imaging: false,
            },
            Goal::Imaging(_) => Facts {
                bundle: "http://hl7.eu/fhir/imaging/StructureDefinition/BundleReportEuImaging",
                composition: "http://hl7.eu/fhir/imaging/StructureDefinition/CompositionEuImaging",
                document_type: ("85430-7", "Diagnostic imaging report"),
                title: "title-imaging",
                required: &["18726-0", "55115-0", "11329-0", "55111-9"],
                codes_further: true,
                place: sections::of_imaging,
                imaging: true,
            },
            Goal::Discharge(_) => Facts {
                bundle: "http://hl7.eu/fhir/hdr/StructureDefinition/bundle-eu-hdr",
                composition: "http://hl7.eu/fhir/hdr/StructureDefinition/composition-eu-hdr",
                document_type: ("34105-7", "Hospital Discharge summary"),
                title: "title-discharge",
                required: &["8648-8"],
                codes_further: true,
                place: sections::of_discharge,
                imaging: false,
            },
        }
    }

    /// Whether a member is what the document is about, and stands in no section.
    pub(super) fn heads(self, place: usize) -> bool {
        matches!(self, Goal::Laboratory(head) | Goal::Imaging(Some(head)) | Goal::Discharge(head) if head == place)
    }

    /// Takes into the Composition what the report or stay says of itself, and links the two.
    pub(super) fn describe(self, pool: &mut Pool, composition: &mut Tree, own_url: &str) {
        match self {
            Goal::Summary => {}
            Goal::Discharge(stay) => {
                let url = pool.members.get(stay).map(|member| member.url.clone()).unwrap_or_default();
                composition.edit().object("encounter").set("reference", &url);
            }
            Goal::Laboratory(report) => link(pool, report, composition, own_url, None),
            Goal::Imaging(report) => {
                let mut to = composition.edit();
                categories(&mut to);
                if let Some(report) = report {
                    link(pool, report, composition, own_url, Some(categories));
                }
            }
        }
    }

    /// What this document does otherwise than to list resources in sections.
    pub(super) fn arrange(
        self,
        pool: &mut Pool,
        sections: &mut Vec<Section>,
        order: &Order<'_>,
        language: Language,
        holders: &mut Vec<(String, Tree)>,
        report: &mut Report,
    ) {
        match self {
            Goal::Summary | Goal::Discharge(_) => hold::arrange(self, pool, sections, order, language, holders, report),
            Goal::Laboratory(report) => laboratory(pool, report, sections),
            Goal::Imaging(report) => imaging(pool, report, sections, order, holders),
        }
    }
}

fn categories(to: &mut ElementMut<'_>) {
    let known: Vec<String> = to
        .as_element()
        .every("category.coding.code")
        .iter()
        .filter_map(|code| code.text().map(str::to_owned))
        .collect();
    for (system, code) in [(LOINC, "85430-7"), (CATEGORY, "Medical-Imaging")] {
        if !known.iter().any(|known| known == code) {
            to.item("category").item("coding").set("system", system).set("code", code);
        }
    }
}

/// Leads what the report refers to by a relative reference, and the Composition too, to its `fullUrl`.
fn absolute(pool: &mut Pool, report: usize) {
    let Some(member) = pool.members.get(report) else { return };
    let references = ["subject.reference", "encounter.reference"].iter().filter_map(|path| member.root().at(path));
    let changes: Vec<_> = references
        .filter_map(|element| {
            let target = pool.members.get(pool.resolve(element.text()?, &member.url)?)?;
            Some((element.id(), target.url.clone()))
        })
        .collect();
    if let Some(member) = pool.members.get_mut(report) {
        for (id, url) in changes {
            member.tree.edit_at(id).set_value(url.as_str());
        }
    }
}

/// Report and Composition point to each other and share identifier, type, category and encounter.
fn link(pool: &mut Pool, report: usize, composition: &mut Tree, own_url: &str, both: Option<fn(&mut ElementMut<'_>)>) {
    absolute(pool, report);
    let Some(member) = pool.members.get_mut(report) else { return };
    let mut to = composition.edit();
    to.item("extension").set("url", REPORT_LINK).object("valueReference").set("reference", &member.url);
    let root = member.tree.root();
    match root.get("identifier") {
        Some(identifier) => {
            to.remove("identifier");
            to.copy_as("identifier", identifier, false);
        }
        None => {
            let own = to.as_element().get("identifier").map(Tree::from_element);
            if let Some(own) = own {
                member.tree.edit().copy_as("identifier", own.root(), true);
            }
        }
    }
    let root = member.tree.root();
    for coding in root.every("code.coding") {
        let same = |known: &model::Element<'_>| known.text_at("code") == coding.text_at("code");
        // Where both name a code, the report's own coding stands on both sides, its display and all.
        if to.as_element().every("type.coding").iter().any(same) {
            to.object("type").remove("coding");
        }
        to.object("type").copy(coding);
    }
    if both.is_none() {
        for category in root.all("category") {
            to.copy(category);
        }
    }
    for name in ["subject", "encounter"] {
        if let Some(reference) = root.get(name) {
            to.remove(name);
            to.copy(reference);
        }
    }
    if let Some(status) = root.text_at("status") {
        // A report that is not final makes no final document.
        let status = match status {
            "registered" | "partial" | "preliminary" => "preliminary",
            "amended" | "corrected" | "appended" => "amended",
            "entered-in-error" | "cancelled" => "entered-in-error",
            _ => "final",
        };
        to.set("status", status);
    }
    // The same type on both sides, whichever of them named it.
    let codings: Vec<Tree> = to.as_element().every("type.coding").into_iter().map(Tree::from_element).collect();
    let mut member_to = member.tree.edit();
    if member_to.as_element().at("code.coding").is_none() {
        for coding in &codings {
            let mut code = member_to.object("code");
            code.copy_as("coding", coding.root(), true);
        }
    }
    member_to.item("extension").set("url", COMPOSITION_LINK).object("valueReference").set("reference", own_url);
    if let Some(both) = both {
        both(&mut member_to);
    }
}

/// The results of the report in the section, each as the guide asks; the report's conclusion in words.
fn laboratory(pool: &mut Pool, report: usize, sections: &mut [Section]) {
    let Some(member) = pool.members.get(report) else { return };
    let performer = member.root().get("performer").map(Tree::from_element);
    let words = member.root().text_at("conclusion").map(str::to_owned);
    let results: Vec<usize> = member
        .root()
        .all("result")
        .filter_map(|result| pool.resolve(result.text_at("reference")?, &member.url))
        .collect();
    let mut open = results.clone();
    let mut seen = Vec::new();
    while let Some(place) = open.pop() {
        let Some(member) = pool.members.get(place).filter(|_| !seen.contains(&place)) else { continue };
        seen.push(place);
        let members = member.root().all("hasMember");
        open.extend(members.filter_map(|inner| pool.resolve(inner.text_at("reference")?, &member.url)));
        if let Some(member) = pool.members.get_mut(place) {
            result(&mut member.tree, performer.as_ref());
        }
    }
    if let Some(section) = sections.first_mut() {
        let mut members = results;
        members.extend(section.members.iter().copied().filter(|place| !seen.contains(place)));
        section.members = members;
        section.words.extend(words);
    }
}

/// A laboratory result has its category, a performer, and a value or the reason why not (eu-lab-1).
fn result(tree: &mut Tree, performer: Option<&Tree>) {
    if tree.resource_type() != "Observation" {
        return;
    }
    let mut to = tree.edit();
    let laboratory = to.as_element().every("category.coding.code").iter().any(|code| code.text() == Some("laboratory"));
    if !laboratory {
        to.item("category").item("coding").set("system", OBSERVATION_CATEGORY).set("code", "laboratory");
    }
    if to.as_element().get("performer").is_none() {
        match performer {
            Some(performer) => {
                to.copy_as("performer", performer.root(), true);
            }
            None => {
                to.item("performer").item("extension").set("url", ABSENT).set("valueCode", "unknown");
            }
        }
    }
    let says = |name: &str| name.starts_with("value") || matches!(name, "dataAbsentReason" | "hasMember" | "component");
    if !to.as_element().children().any(|child| says(child.name())) {
        to.object("dataAbsentReason").item("coding").set("system", ABSENT_REASON).set("code", "unknown");
    }
}

/// The study, the order, the procedure and the conclusion in the sections that the guide demands.
fn imaging(
    pool: &mut Pool,
    report: Option<usize>,
    sections: &mut Vec<Section>,
    order: &Order<'_>,
    holders: &mut Vec<(String, Tree)>,
) {
    let mut say = |code: &'static str, text: String| {
        if text.is_empty() {
            return;
        }
        match sections.iter_mut().find(|section| section.code == code) {
            Some(section) => section.words.push(text),
            None => sections.push(Section { code, members: Vec::new(), instead: None, words: vec![text] }),
        }
    };
    let conclusion =
        report.and_then(|report| pool.members.get(report)?.root().text_at("conclusion").map(str::to_owned));
    say("19005-8", conclusion.unwrap_or_default());
    for member in &pool.members {
        let text = ["code.text", "code.coding.display"].iter().find_map(|path| member.root().text_at(path));
        match member.kind() {
            "Procedure" => say("55111-9", text.unwrap_or_default().to_owned()),
            "ServiceRequest" => say("55115-0", text.unwrap_or_default().to_owned()),
            _ => {}
        }
    }
    for member in &mut pool.members {
        if member.kind() == "ImagingStudy" {
            study_identifier(&mut member.tree);
        }
    }
    let Some(section) = sections.iter_mut().find(|section| section.code == "18726-0") else { return };
    if section.members.is_empty() {
        let mut tree = Tree::new("ImagingStudy");
        tree.edit().set("status", "unknown");
        if let Some(patient) = pool.members.get(order.patient) {
            tree.edit().object("subject").set("reference", &patient.url);
        }
        study_identifier(&mut tree);
        let url = format!("urn:uuid:{}", identity::uuid(&order.seed, "ImagingStudy"));
        if let Some(report) = report.and_then(|report| pool.members.get_mut(report)) {
            report.tree.edit().item("imagingStudy").set("reference", &url);
        }
        section.instead = Some(vec![url.clone()]);
        holders.push((url, tree));
    }
}

/// The Study Instance UID as the guide types it; one that the source does not give is unknown.
fn study_identifier(tree: &mut Tree) {
    let uids: Vec<_> = tree
        .root()
        .all("identifier")
        .filter(|identifier| identifier.text_at("system") == Some("urn:dicom:uid"))
        .map(|identifier| (identifier.id(), identifier.get("type").is_some()))
        .collect();
    let typed = |to: &mut ElementMut<'_>| {
        let mut kind = to.object("type");
        kind.item("coding").set("system", DCM).set("code", "110180").set("display", "Study Instance UID");
    };
    match uids.as_slice() {
        [] => {
            let mut root = tree.edit();
            let mut identifier = root.item("identifier");
            typed(&mut identifier);
            identifier.set("system", "urn:dicom:uid");
            identifier.primitive("value").item("extension").set("url", ABSENT).set("valueCode", "unknown");
        }
        found => {
            for (id, _) in found.iter().filter(|(_, typed)| !typed) {
                typed(&mut tree.edit_at(*id));
            }
        }
    }
}
