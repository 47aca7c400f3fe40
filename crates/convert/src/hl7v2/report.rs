//! ORU and OUL into the laboratory or the imaging report.

use model::{ElementMut, Severity, Tree};

use super::coded;
use super::collection;
use super::context::Context;
use super::datatypes;
use super::group::Group;
use super::observation::{self, Made};
use super::order;
use super::people;
use super::read::{Message, Part, Segment};
use crate::european::{self, Facts, Section, begin_study};
use crate::markup::with_breaks;

const CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/observation-category";
const PROCEDURE: &str = "http://hl7.eu/fhir/imaging/StructureDefinition/ProcedureEuImaging";
const ORDER: &str = "http://hl7.eu/fhir/imaging/StructureDefinition/ServiceRequestOrderEuImaging";
const FINDINGS: &str = "59776-5";
const IMPRESSION: &str = "19005-8";
const HISTORY: &str = "11329-0";

/// What the reports of a message are of, by OBR-24 (table 0074): `None` where it is neither laboratory nor imaging.
pub(super) fn category(groups: &[Group<'_>]) -> Option<&'static str> {
    let sections = groups.iter().filter_map(|group| group.order.request?.f(24).peek());
    let mut kinds = sections.map(|code| coded::lookup("section", code).unwrap_or("laboratory"));
    match kinds.next() {
        Some("imaging") => Some("Medical-Imaging"),
        Some("other") => None,
        _ => Some("Laboratory-Reports"),
    }
}

/// The document of the groups' results.
pub(super) fn assemble(cx: &mut Context<'_>, message: &Message, groups: &[Group<'_>], category: &str) -> Tree {
    let imaging = category == "Medical-Imaging";
    let mut facts = facts(cx, message, groups);
    let further = collection::singles(cx, message);
    let mut observations = Vec::new();
    for group in groups {
        one_group(cx, group, imaging, &mut facts, &mut observations);
    }
    if imaging {
        studies(cx, message, groups, &mut facts);
    }
    collection::attachments(cx, message, false);
    comments(cx, message, &mut facts);
    if !further.is_empty() {
        facts.sections.push(Section {
            slot: imaging.then_some("48767-8"),
            code: None,
            title: "Further entries".to_owned(),
            html: "<p>What the message says beside the report.</p>".to_owned(),
            entries: further,
            note: None,
        });
    }
    let document = std::mem::replace(&mut cx.document, crate::document::Document::new([0; 32]));
    match imaging {
        true => european::imaging(document, &facts, cx.now),
        false => european::laboratory(document, &facts, &observations, cx.now),
    }
}

/// What the header and the orders say of the document as a whole.
pub(super) fn facts(cx: &mut Context<'_>, message: &Message, groups: &[Group<'_>]) -> Facts {
    let mut facts = Facts { patient: cx.patient.clone(), encounter: cx.encounter.clone(), ..Facts::default() };
    facts.language = cx.language.clone();
    let (status, composition) = status(cx, groups);
    (facts.status, facts.composition_status) = (status, composition);
    let mut holder = Tree::new("DiagnosticReport");
    let mut to = holder.edit();
    for group in groups {
        if let Some(part) = group.order.filler() {
            datatypes::fill_entity(cx, part, Some("FILL"), &mut to.item("identifier"));
        }
    }
    let header = message.segments.first();
    if let Some(header) = header {
        let named = message.first("TXA").is_some_and(|segment| segment.f(12).is_some());
        if !named
            && to.as_element().get("identifier").is_none()
            && let Some(id) = header.f(10).text()
        {
            let mut identifier = to.item("identifier");
            identifier.set("value", id);
            if let Some(facility) = header.f(4).peek() {
                identifier.object("assigner").set("display", facility);
            }
        }
        facts.organizations.extend(people::facility(cx, header.f(4)).or_else(|| people::facility(cx, header.f(3))));
        facts.date = datatypes::peek_time(cx, header.f(7));
        header.f(9).take_all();
    }
    facts.identifiers = Some(holder);
    let mut issued = false;
    for request in groups.iter().filter_map(|group| group.order.request) {
        if let Some(date) = datatypes::peek_time(cx, request.f(22)) {
            request.f(22).text();
            facts.date = Some(date);
            issued = true;
        }
        let when = request.f(7);
        if facts.effective.is_none() {
            facts.effective = datatypes::peek_time(cx, when);
        }
        let interpreters: Vec<Part<'_>> = request.reps(32).collect();
        for part in interpreters {
            let person = if part.c(1).c(2).is_some() { part.c(1) } else { part };
            if let Some(reference) = people::practitioner(cx, person)
                && !facts.people.contains(&reference)
            {
                facts.people.push(reference);
            }
        }
    }
    if let Some(header) = header.filter(|_| !issued) {
        header.f(7).text();
    }
    if let Some(part) =
        groups.iter().filter_map(|group| group.order.request).map(|request| request.f(24)).find(|part| part.is_some())
    {
        facts.department = part.text().map(str::to_owned);
    }
    let named = groups.iter().filter_map(|group| group.order.request).find_map(title);
    facts.title = named.unwrap_or_else(|| "Report".to_owned());
    facts
}

fn title(request: &Segment) -> Option<String> {
    let code = request.f(4);
    code.c(9).peek().or(code.c(2).peek()).or(code.c(5).peek()).or(code.peek()).map(str::to_owned)
}

/// The report as a whole is what its least final order is; one correction makes it corrected.
fn status(cx: &mut Context<'_>, groups: &[Group<'_>]) -> (&'static str, &'static str) {
    let mut found: Vec<&str> = Vec::new();
    for part in groups.iter().filter_map(|group| group.order.request).map(|request| request.f(25)) {
        let Some(code) = part.text() else { continue };
        match coded::lookup("report", code) {
            Some(status) => found.push(status),
            None => {
                cx.loss(part, format!("The status {code:?} is none of table 0123; it counts as unknown."));
                found.push("unknown");
            }
        }
    }
    let order = ["corrected", "preliminary", "partial", "registered", "unknown", "final", "cancelled"];
    let status = order.into_iter().find(|status| found.contains(status)).unwrap_or("unknown");
    (status, coded::lookup("composition", status).unwrap_or("preliminary"))
}

fn one_group(
    cx: &mut Context<'_>,
    group: &Group<'_>,
    imaging: bool,
    facts: &mut Facts,
    observations: &mut Vec<String>,
) {
    let order = order::service_request(cx, group.order, true);
    for segment in &group.specimens {
        let reference = order::specimen(cx, segment, order.as_deref());
        facts.specimens.push(reference);
    }
    if imaging && let Some(tree) = order.as_deref().and_then(|order| cx.document.resource_mut(order)) {
        let mut to = tree.edit();
        to.object("meta").push("profile", ORDER);
        to.item("category").item("coding").set("system", "http://snomed.info/sct").set("code", "363679005");
    }
    let specimen = match group.specimens.is_empty() {
        false => facts.specimens.last().cloned(),
        true => group.order.request.and_then(|request| old_specimen(cx, request, order.as_deref())),
    };
    if group.specimens.is_empty() {
        facts.specimens.extend(specimen.clone());
    }
    facts.orders.extend(order);
    if imaging {
        imaging_group(cx, group, facts);
        return;
    }
    let time = group.order.request.map(|request| request.f(7)).filter(|part| part.is_some());
    let mut members = Vec::new();
    let mut rows = String::new();
    for segment in &group.observations {
        rows.push_str(&observation::row(segment));
        match observation::observation(cx, segment, Some("laboratory"), time) {
            Some(Made::Observation(reference)) => {
                if let (Some(specimen), Some(tree)) = (&specimen, cx.document.resource_mut(&reference)) {
                    tree.edit().object("specimen").set("reference", specimen);
                }
                members.push(reference);
            }
            Some(Made::File(reference)) => facts.attachments.push(reference),
            None => {}
        }
    }
    observations.extend(members.iter().cloned());
    let top = match group.order.request {
        Some(request) if is_panel(request, group) => {
            let panel = panel(cx, request, &members, specimen.as_deref());
            observations.push(panel.clone());
            vec![panel]
        }
        _ => members,
    };
    facts.results.extend(top.iter().cloned());
    facts.sections.push(section(cx, group.order.request, rows, top));
}

/// One observation of the order's own code is no panel.
fn is_panel(request: &Segment, group: &Group<'_>) -> bool {
    match group.observations.as_slice() {
        [one] => one.f(3).peek() != request.f(4).peek(),
        several => !several.is_empty(),
    }
}

fn panel(cx: &mut Context<'_>, request: &Segment, members: &[String], specimen: Option<&str>) -> String {
    let mut tree = Tree::new("Observation");
    let mut to = tree.edit();
    let status = match request.f(25).peek().and_then(|code| coded::lookup("report", code)) {
        Some("partial") => "preliminary",
        Some(status) => status,
        None => "unknown",
    };
    to.set("status", status);
    to.item("category").item("coding").set("system", CATEGORY).set("code", "laboratory");
    coded::require_concept(cx, request.f(4), &mut to, "code");
    cx.set_patient(&mut to, "subject");
    cx.set_encounter(&mut to);
    if request.f(8).is_some() {
        let mut period = to.object("effectivePeriod");
        datatypes::set_time(cx, request.f(7), &mut period, "start");
        datatypes::set_time(cx, request.f(8), &mut period, "end");
    } else {
        datatypes::set_time(cx, request.f(7), &mut to, "effectiveDateTime");
    }
    if let Some(specimen) = specimen {
        to.object("specimen").set("reference", specimen);
    }
    for member in members {
        to.item("hasMember").set("reference", member);
    }
    if members.is_empty() {
        to.object("dataAbsentReason")
            .item("coding")
            .set("system", "http://terminology.hl7.org/CodeSystem/data-absent-reason")
            .set("code", "unknown");
    }
    cx.add(request, tree)
}

fn section(cx: &mut Context<'_>, request: Option<&Segment>, rows: String, entries: Vec<String>) -> Section {
    let mut code = Tree::new("Observation");
    let mut named = None;
    if let Some(request) = request {
        coded::set_concept(cx, request.f(4), &mut code.edit(), "code");
        named = title(request);
    }
    let head: String =
        ["Test", "Result", "Unit", "Reference", "Flag"].iter().map(|cell| format!("<th>{cell}</th>")).collect();
    let title = named.unwrap_or_else(|| "Results".to_owned());
    let html = match rows.is_empty() {
        true => format!("<p>{}: no results.</p>", with_breaks(&title)),
        false => format!("<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"),
    };
    Section { slot: None, code: Some(code), title, html, entries, note: None }
}

/// OBR-15, the specimen of messages before version 2.5.
fn old_specimen(cx: &mut Context<'_>, request: &Segment, order: Option<&str>) -> Option<String> {
    let source = request.f(15);
    if !source.is_some() {
        return None;
    }
    let mut tree = Tree::new("Specimen");
    let mut to = tree.edit();
    cx.set_patient(&mut to, "subject");
    let kind = source.c(1);
    match kind.c(2).is_some() {
        true => {
            coded::set_concept(cx, kind, &mut to, "type");
        }
        false => match kind.text() {
            Some(code) => {
                to.object("type")
                    .item("coding")
                    .set("system", "http://terminology.hl7.org/CodeSystem/v2-0487")
                    .set("code", code);
                if code.contains(' ') {
                    to.object("type").remove("coding");
                    to.object("type").set("text", code);
                }
            }
            None => coded::absent(&mut to.object("type"), "unknown"),
        },
    }
    if let Some(words) = source.c(3).whole() {
        to.item("note").set("text", &words);
    }
    if let Some(site) = source.c(4).whole() {
        to.object("collection").object("bodySite").set("text", &site);
    }
    datatypes::set_time(cx, request.f(14), &mut to, "receivedTime");
    if let Some(order) = order {
        to.item("request").set("reference", order);
    }
    let name = format!("{}#Specimen", request.key());
    Some(cx.document.add(&name, tree))
}

/// Observations of an imaging report stand by their code or suffix in findings, impression or history.
fn imaging_group(cx: &mut Context<'_>, group: &Group<'_>, facts: &mut Facts) {
    if let Some(request) = group.order.request {
        let mut tree = Tree::new("Procedure");
        let mut to = tree.edit();
        to.object("meta").push("profile", PROCEDURE);
        let cancelled = request.f(25).peek() == Some("X");
        to.set("status", if cancelled { "not-done" } else { "completed" });
        coded::require_concept(cx, request.f(4), &mut to, "code");
        cx.set_patient(&mut to, "subject");
        datatypes::set_time(cx, request.f(7), &mut to, "performedDateTime");
        facts.procedures.push(cx.add(request, tree));
    }
    for segment in &group.observations {
        let slot = slot(segment);
        let words = segment.reps(5).filter_map(Part::words).collect::<Vec<_>>().join("\n");
        let name = segment.f(3).c(2).peek().unwrap_or_default().to_owned();
        let file = matches!(segment.f(2).peek(), Some("ED" | "RP"));
        let valid = coded::lookup("observation", segment.f(11).peek().unwrap_or_default());
        let valid = !matches!(valid, Some("cancelled" | "entered-in-error" | "registered"));
        let made =
            observation::observation(cx, segment, Some("imaging"), group.order.request.map(|request| request.f(7)));
        let entry = match made {
            Some(Made::File(reference)) => {
                facts.attachments.push(reference);
                continue;
            }
            Some(Made::Observation(reference)) => reference,
            None => continue,
        };
        if slot == IMPRESSION && valid {
            let said = facts.conclusion.take().map(|said| format!("{said}\n")).unwrap_or_default();
            facts.conclusion = Some(format!("{said}{words}"));
        }
        if slot != HISTORY {
            facts.results.push(entry.clone());
        }
        let words = if valid { words } else { "no result".to_owned() };
        let line = if file { String::new() } else { format!("<p>{}: {}</p>", with_breaks(&name), with_breaks(&words)) };
        place(facts, slot, &line, &words, Some(entry).filter(|_| slot == FINDINGS));
    }
}

fn slot(segment: &Segment) -> &'static str {
    let code = segment.f(3);
    let suffix = code.c(1).c(2).text().or_else(|| code.peek()?.split_once('&').map(|(_, suffix)| suffix));
    match (suffix, code.peek()) {
        (Some("IMP" | "CNP" | "REC"), _) | (_, Some("19005-8" | "IMP" | "18784-9")) => IMPRESSION,
        (Some("ADT" | "HIS"), _) | (_, Some("11329-0" | "HIST")) => HISTORY,
        _ => FINDINGS,
    }
}

fn place(facts: &mut Facts, slot: &'static str, html: &str, words: &str, entry: Option<String>) {
    let title = match slot {
        IMPRESSION => "Impression",
        HISTORY => "History",
        _ => "Findings",
    };
    let known = facts.sections.iter().position(|section| section.slot == Some(slot));
    let at = known.unwrap_or_else(|| {
        facts.sections.push(Section {
            slot: Some(slot),
            code: None,
            title: title.to_owned(),
            html: String::new(),
            entries: Vec::new(),
            note: None,
        });
        facts.sections.len() - 1
    });
    if let Some(section) = facts.sections.get_mut(at) {
        section.html.push_str(html);
        section.entries.extend(entry);
        let said = section.note.take().map(|said| format!("{said}\n")).unwrap_or_default();
        section.note = Some(format!("{said}{words}"));
    }
}

/// The study by its UID in ZDS or IPC.
fn studies(cx: &mut Context<'_>, message: &Message, groups: &[Group<'_>], facts: &mut Facts) {
    // IPC-1 is the accession number; before there was IPC, imaging departments gave it in OBR-18.
    let control = message.first("IPC").map(|segment| segment.f(1));
    let fields = groups.iter().filter_map(|group| group.order.request).map(|request| request.f(18));
    if let Some(part) = control.into_iter().chain(fields).find(|part| part.is_some()) {
        let mut holder = Tree::new("ServiceRequest");
        datatypes::fill_entity(cx, part, Some("ACSN"), &mut holder.edit().object("identifier"));
        facts.accession = Some(holder);
    }
    let of_profile = message.first("ZDS").map(|segment| segment.f(1));
    let of_standard = message.first("IPC").map(|segment| segment.f(3));
    let found = of_profile.into_iter().chain(of_standard).find(|part| part.peek().is_some_and(coded::is_oid));
    let Some(part) = found else {
        if let Some(request) = groups.iter().find_map(|group| group.order.request) {
            cx.remark(
                Severity::Information,
                request,
                "The message names no DICOM study: the required ImagingStudy says that its UID is unknown.",
            );
        }
        return;
    };
    let uid = part.text().unwrap_or_default().to_owned();
    part.take_all();
    let mut tree = Tree::new("ImagingStudy");
    let patient = cx.patient.clone();
    begin_study(Some(&uid), &patient, &mut tree.edit());
    let reference = cx.document.add(&format!("ImagingStudy {uid}"), tree);
    facts.studies.push(reference);
}

/// NTE of the patient or the order that no resource has a note for: a section of comments.
fn comments(cx: &mut Context<'_>, message: &Message, facts: &mut Facts) {
    let mut html = String::new();
    let mut words = Vec::new();
    for segment in message.segments.iter().filter(|segment| segment.name() == "NTE") {
        let lines: Vec<String> =
            segment.reps(3).filter(|part| !part.untaken().is_empty()).filter_map(Part::whole).collect();
        if lines.is_empty() {
            continue;
        }
        observation::take_frame(segment);
        html.push_str(&format!("<p>{}</p>", with_breaks(&lines.join("\n"))));
        words.push(lines.join("\n"));
        cx.mapped(segment, "Composition.section \"Comments\"");
    }
    if !words.is_empty() {
        let slot = Some("48767-8");
        let title = "Comments".to_owned();
        facts.sections.push(Section {
            slot,
            code: None,
            title,
            html,
            entries: Vec::new(),
            note: Some(words.join("\n")),
        });
    }
}

/// A report of another kind as a DiagnosticReport without a European profile, for a collection.
pub(super) fn plain(cx: &mut Context<'_>, message: &Message, groups: &[Group<'_>]) {
    for group in groups {
        let order = order::service_request(cx, group.order, true);
        let mut results = Vec::new();
        let mut files = Vec::new();
        let time = group.order.request.map(|request| request.f(7)).filter(|part| part.is_some());
        for segment in &group.observations {
            match observation::observation(cx, segment, None, time) {
                Some(Made::Observation(reference)) => results.push(reference),
                Some(Made::File(reference)) => files.push(reference),
                None => {}
            }
        }
        let Some(request) = group.order.request else { continue };
        let mut tree = Tree::new("DiagnosticReport");
        let mut to = tree.edit();
        if let Some(part) = group.order.filler() {
            datatypes::fill_entity(cx, part, Some("FILL"), &mut to.item("identifier"));
        }
        if let Some(order) = order {
            to.item("basedOn").set("reference", &order);
        }
        let status = request.f(25).text().and_then(|code| coded::lookup("report", code)).unwrap_or("unknown");
        to.set("status", status);
        service_section(request, &mut to);
        coded::require_concept(cx, request.f(4), &mut to, "code");
        cx.set_patient(&mut to, "subject");
        cx.set_encounter(&mut to);
        datatypes::set_time(cx, request.f(7), &mut to, "effectiveDateTime");
        datatypes::set_instant(cx, request.f(22), &mut to, "issued");
        for result in results {
            to.item("result").set("reference", &result);
        }
        cx.add(request, tree);
    }
    let _ = message;
}

fn service_section(request: &Segment, to: &mut ElementMut<'_>) {
    if let Some(code) = request.f(24).text() {
        to.item("category")
            .item("coding")
            .set("system", "http://terminology.hl7.org/CodeSystem/v2-0074")
            .set("code", code);
    }
}
