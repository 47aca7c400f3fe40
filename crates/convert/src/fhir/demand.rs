//! Documents on demand, made of the resources of a store as they are now: the European Patient Summary of a Patient, the
//! laboratory or imaging report of a DiagnosticReport, the discharge report of an Encounter.
//!
//! Nothing is read here: the caller brings the resources that it may see. A section for which it brings none says that
//! nothing is available, whether there is nothing or nothing may be seen.

use std::collections::HashMap;

use model::{Instant, Issue, IssueType, Severity, Tree};

use super::FORMAT;
use super::compose::{self, Goal, Order, is_wrong};
use super::kind::{self, Kind};
use super::pool::{Member, Pool};
use crate::{Draft, Refusal, Report, Source, identity, provenance};

/// A document that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Of a Patient, what holds now: <http://hl7.eu/fhir/eps>.
    PatientSummary,
    /// Of a DiagnosticReport: <http://hl7.eu/fhir/laboratory>, or <http://hl7.eu/fhir/imaging> where it is one of imaging.
    Report,
    /// Of an Encounter: <http://hl7.eu/fhir/hdr>.
    DischargeReport,
}

/// What a document on demand is made of.
#[derive(Debug)]
pub struct Material<'a> {
    /// Resources with the absolute URL that each is read under. The first is the one that the document is of; its Patient
    /// must be among them.
    pub resources: Vec<(String, Tree)>,
    /// BCP 47 tag of the language for titles and narrative; `None` takes that of the resources.
    pub language: Option<&'a str>,
    /// What the document's ids follow from: different for each document.
    pub seed: &'a str,
    /// The time of the document.
    pub now: Instant,
}

/// Makes the document. Its [`Draft::format`] is `fhir`.
///
/// # Errors
/// Where the Patient is not among the resources, or the resources are of several patients.
pub fn on_demand(demand: Demand, material: Material<'_>) -> Result<Draft, Refusal> {
    let seed = identity::hash(material.seed.as_bytes());
    let mut report = Report::default();
    let mut pool = Pool::of_resources(material.resources);
    let refused = |text: String| Refusal::new(Issue::new(Severity::Error, IssueType::NotFound, "", text));
    let goal = |pool: &Pool| match demand {
        Demand::PatientSummary => Goal::Summary,
        Demand::DischargeReport => Goal::Discharge(0),
        Demand::Report if super::recognise::is_imaging(pool, 0) => Goal::Imaging(Some(0)),
        Demand::Report => Goal::Laboratory(0),
    };
    only_of_one(&mut pool, &mut report);
    if demand == Demand::PatientSummary {
        select(&mut pool, &mut report);
    }
    let patient = pool.patient().map_err(|patients| match patients.as_slice() {
        [] => refused("The Patient of the document is not there.".to_owned()),
        several => refused(format!("The resources are about several patients: {}.", several.join(", "))),
    })?;
    let goal = goal(&pool);
    let order = Order { goal, patient, language: material.language, now: material.now, seed };
    let document = compose::compose(pool, &order, &mut report);
    let id = document.root().text_at("id").unwrap_or_default().to_owned();
    let source = Source { bytes: &[], content_type: None, name: Some("resources of the store") };
    let provenance = provenance::provenance(&id, &source, &seed, FORMAT.name, material.now);
    let category = goal.category().to_owned();
    Ok(Draft { document, category, format: FORMAT.name, report, provenance, source_hash: seed, unchanged: false })
}

/// Leaves out what is about another patient than the first resource: a compartment also holds what its patient did for others.
fn only_of_one(pool: &mut Pool, report: &mut Report) {
    let Some(first) = pool.members.first() else { return };
    let own = match first.kind() {
        "Patient" => Some(0),
        _ => about(first).and_then(|reference| pool.resolve(reference, &first.url)),
    };
    let mut keep = vec![true; pool.members.len()];
    for (place, member) in pool.members.iter().enumerate().skip(1) {
        let Some(reference) = about(member).filter(|reference| reference.contains("Patient/")) else { continue };
        if own.is_none() || pool.resolve(reference, &member.url) != own {
            let text = "Not in the document: it is about another patient.";
            let issue = Issue::information(IssueType::Informational, member.path.as_str(), text);
            report.issues.push(issue.with_rule("left-out"));
            if let Some(keep) = keep.get_mut(place) {
                *keep = false;
            }
        }
    }
    for (place, member) in pool.members.iter().enumerate() {
        if let Some(keep) = keep.get_mut(place).filter(|_| member.kind() == "Patient" && own.is_some()) {
            *keep = Some(place) == own;
        }
    }
    pool.retain(&keep);
}

/// Whom a resource is about.
fn about(member: &Member) -> Option<&str> {
    ["subject", "patient"].iter().find_map(|name| member.root().text_at(&format!("{name}.reference")))
}

/// Keeps what a summary says of the patient now; what it leaves out is in the report.
fn select(pool: &mut Pool, report: &mut Report) {
    let latest = latest(pool);
    let mut reasons: Vec<Option<&str>> = Vec::with_capacity(pool.members.len());
    let mut keep: Vec<bool> = Vec::with_capacity(pool.members.len());
    for (place, member) in pool.members.iter().enumerate() {
        let current = latest.get(&place).copied().unwrap_or(true);
        let why = match place {
            0 => None,
            _ => left_out(member, current).or((!is_clinical(member)).then_some("no section of the summary is for it.")),
        };
        keep.push(why.is_none());
        reasons.push(why);
    }
    // What the kept ones name, through any number of steps.
    let mut open: Vec<usize> = (0..keep.len()).filter(|place| keep.get(*place) == Some(&true)).collect();
    while let Some(place) = open.pop() {
        let Some(member) = pool.members.get(place) else { continue };
        for (_, target) in pool.references(member) {
            if let Some(kept) = keep.get_mut(target).filter(|kept| !**kept) {
                *kept = true;
                open.push(target);
            }
        }
    }
    for (place, member) in pool.members.iter().enumerate().filter(|(place, _)| keep.get(*place) == Some(&false)) {
        let why = reasons.get(place).copied().flatten().unwrap_or_default();
        let text = format!("Not in the summary: {why}");
        let issue = Issue::information(IssueType::Informational, member.path.as_str(), text);
        report.issues.push(issue.with_rule("left-out"));
    }
    pool.retain(&keep);
}

/// Whether a type has a section in the summary.
fn is_clinical(member: &Member) -> bool {
    kind::of(member.kind()) == Some(Kind::Record)
        && !matches!(compose::of_summary(member), compose::Place::Named | compose::Place::Further)
}

/// Why a summary does not hold a resource.
fn left_out(member: &Member, is_latest: bool) -> Option<&'static str> {
    let status = member.root().text_at("status").unwrap_or_default();
    if is_wrong(member) {
        return Some("it was entered in error or found not to be so.");
    }
    match member.kind() {
        "MedicationStatement" | "MedicationRequest" | "MedicationDispense" | "MedicationAdministration"
            if matches!(
                status,
                "completed" | "stopped" | "cancelled" | "not-taken" | "draft" | "declined" | "not-done"
            ) =>
        {
            Some("the medication is not current.")
        }
        "CarePlan" if matches!(status, "completed" | "revoked" | "draft") => Some("the plan is not current."),
        "Flag" if status == "inactive" => Some("the alert is over."),
        "Observation" | "DiagnosticReport" if matches!(status, "cancelled" | "registered") => {
            Some("it holds no result.")
        }
        "Observation" | "DiagnosticReport" if !is_latest => Some("a later one of the same code is in the summary."),
        _ => None,
    }
}

/// Whether an Observation or DiagnosticReport is the latest of its code; one without code or date always is.
fn latest(pool: &Pool) -> HashMap<usize, bool> {
    let mut best: HashMap<(String, String), (String, usize)> = HashMap::new();
    let mut dated: Vec<(usize, (String, String))> = Vec::new();
    for (place, member) in pool.members.iter().enumerate() {
        if !matches!(member.kind(), "Observation" | "DiagnosticReport") || is_wrong(member) {
            continue;
        }
        let root = member.root();
        let text = |path: &str| root.text_at(path).unwrap_or_default();
        let key = (format!("{} {}", member.kind(), text("code.coding.system")), text("code.coding.code").to_owned());
        let when = ["effectiveDateTime", "effectiveInstant", "effectivePeriod.start", "issued"];
        let Some(when) = when.iter().find_map(|path| root.text_at(path)).filter(|_| !key.1.is_empty()) else {
            continue;
        };
        match best.get(&key) {
            // Texts of dates in order of time, but for zones: of two within a day either may stand.
            Some((known, _)) if known.as_str() >= when => {}
            _ => {
                best.insert(key.clone(), (when.to_owned(), place));
            }
        }
        dated.push((place, key));
    }
    dated.into_iter().map(|(place, key)| (place, best.get(&key).is_some_and(|(_, kept)| *kept == place))).collect()
}
