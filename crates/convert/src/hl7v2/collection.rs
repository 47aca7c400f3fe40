//! What a message says beside its results: visit, allergies, diagnoses, coverages, appointments, documents; and messages
//! that are no document of a priority category, which become a collection of resources.

use model::{Severity, Tree};

use super::clinical;
use super::coded;
use super::context::Context;
use super::datatypes;
use super::fields;
use super::group::Group;
use super::immunization;
use super::medication::{self, Pharmacy};
use super::observation::{self, Made};
use super::order;
use super::patient;
use super::people;
use super::read::{Message, Segment};

const EVENTS: &str = "http://terminology.hl7.org/CodeSystem/v2-0003";

/// Resources of single segments, in order; gives those that nothing else points to.
pub(super) fn singles(cx: &mut Context<'_>, message: &Message) -> Vec<String> {
    let mut made = Vec::new();
    for segment in &message.segments {
        let reference = match segment.name() {
            "AL1" | "IAM" => clinical::allergy(cx, segment),
            "DG1" => clinical::diagnosis(cx, segment),
            "PRB" => Some(clinical::problem(cx, segment)),
            "PDA" => {
                made.extend(clinical::causes_of_death(cx, segment));
                None
            }
            "PR1" => Some(clinical::procedure(cx, segment)),
            "NK1" | "GT1" if (2..=segment.last()).any(|field| segment.f(field).is_some()) => {
                Some(patient::related(cx, segment))
            }
            "IN1" => Some(coverage(cx, segment)),
            "SCH" => Some(appointment(cx, message, segment)),
            "FT1" => Some(charge(cx, segment)),
            "TXA" => Some(document_reference(cx, segment)),
            "MRG" => {
                patient::merge(cx, segment, message.event());
                None
            }
            _ => None,
        };
        made.extend(reference);
    }
    made
}

fn coverage(cx: &mut Context<'_>, segment: &Segment) -> String {
    let mut tree = Tree::new("Coverage");
    let mut to = tree.edit();
    to.set("status", "active");
    fields::carry(cx, segment, &mut to);
    let classes = to.as_element().all("class").count();
    if classes > 0 {
        // IN1-2 names the plan, IN1-8 the group.
        let mut class = to.object("class");
        class
            .object("type")
            .item("coding")
            .set("system", "http://terminology.hl7.org/CodeSystem/coverage-class")
            .set("code", "plan");
    }
    let group = segment.f(8);
    if let Some(number) = group.text() {
        let mut class = to.item("class");
        class
            .object("type")
            .item("coding")
            .set("system", "http://terminology.hl7.org/CodeSystem/coverage-class")
            .set("code", "group");
        class.set("value", number);
        class.set_some("name", segment.f(9).whole().as_deref());
    }
    if to.as_element().get("payor").is_none() {
        coded::absent(&mut to.item("payor"), "unknown");
    }
    cx.set_patient(&mut to, "beneficiary");
    cx.add(segment, tree)
}

fn charge(cx: &mut Context<'_>, segment: &Segment) -> String {
    let mut tree = Tree::new("ChargeItem");
    let mut to = tree.edit();
    to.set("status", "unknown");
    fields::carry(cx, segment, &mut to);
    to.remove("context");
    if to.as_element().get("code").is_none() {
        coded::absent(&mut to.object("code"), "unknown");
    }
    cx.set_patient(&mut to, "subject");
    if let Some(encounter) = cx.encounter.clone() {
        to.object("context").set("reference", &encounter);
    }
    cx.add(segment, tree)
}

/// SCH with the persons, places and services of AIP, AIL and AIS.
fn appointment(cx: &mut Context<'_>, message: &Message, segment: &Segment) -> String {
    let mut tree = Tree::new("Appointment");
    let mut to = tree.edit();
    let filler = segment.f(25);
    let by_code = filler.peek().and_then(|code| coded::lookup("appointment", code));
    let status = match message.event() {
        Some("S15") => "cancelled",
        Some("S16") => "cancelled",
        Some("S17") => "entered-in-error",
        Some("S26") => "noshow",
        _ => by_code.unwrap_or("booked"),
    };
    if by_code.is_some() {
        filler.take_all();
    }
    to.set("status", status);
    fields::carry(cx, segment, &mut to);
    let timing = segment.f(11);
    let start = if timing.c(4).is_some() { Some(timing.c(4)) } else { None };
    let of_segment = |name: &str, field: usize| {
        let mut found = message.segments.iter().filter(|other| other.name() == name);
        found.next().map(|other| other.f(field)).filter(|part| part.is_some())
    };
    let start = start.or_else(|| of_segment("TQ1", 7)).or_else(|| of_segment("AIS", 4));
    if let Some(part) = start {
        let end = if timing.c(5).is_some() { Some(timing.c(5)) } else { of_segment("TQ1", 8) };
        let both = end.map(|end| (datatypes::peek_time(cx, part), datatypes::peek_time(cx, end)));
        if let Some((Some(from), Some(until))) = both
            && from.len() > 10
            && until.len() > 10
            && !datatypes::ends_before(&from, &until)
        {
            part.text();
            to.set("start", &from);
            end.map(|end| end.text());
            to.set("end", &until);
        }
    }
    let mut patient = to.item("participant");
    patient.object("actor").set("reference", &cx.patient);
    patient.set("status", "accepted");
    for other in &message.segments {
        let actors: Vec<String> = match other.name() {
            "AIP" => other.reps(3).filter_map(|part| people::practitioner(cx, part)).collect(),
            "AIL" => other.reps(3).filter_map(|part| people::location(cx, part)).collect(),
            "AIS" => {
                coded::push_concept(cx, other.f(3), &mut to, "serviceType");
                Vec::new()
            }
            _ => continue,
        };
        [1, 2].into_iter().for_each(|field| other.f(field).take_all());
        for actor in actors {
            let mut participant = to.item("participant");
            if other.name() == "AIP" {
                coded::push_concept(cx, other.f(4), &mut participant, "type");
            }
            participant.object("actor").set("reference", &actor);
            participant.set("status", "tentative");
        }
        cx.mapped(other, "Appointment");
    }
    if to.as_element().get("start").is_none()
        && matches!(status, "booked" | "entered-in-error" | "pending" | "arrived" | "fulfilled")
    {
        // Only a proposed, cancelled or waitlisted appointment may be without a time.
        to.set("status", "proposed");
        cx.remark(
            Severity::Warning,
            segment,
            "The appointment has no time with a zone for its start and end: it is carried as proposed.",
        );
    }
    cx.add(segment, tree)
}

/// TXA: the document that the message is about.
pub(super) fn document_reference(cx: &mut Context<'_>, segment: &Segment) -> String {
    let mut tree = Tree::new("DocumentReference");
    let mut to = tree.edit();
    let completion = segment.f(17);
    let availability = segment.f(19);
    to.set(
        "status",
        match (availability.text(), completion.peek()) {
            (Some("CA" | "OB"), _) => "superseded",
            _ => "current",
        },
    );
    if let Some(status) = completion.peek().and_then(|code| coded::lookup("document", code)) {
        completion.take_all();
        to.set("docStatus", status);
    }
    fields::carry(cx, segment, &mut to);
    cx.set_patient(&mut to, "subject");
    let when = segment.f(6);
    if let Some(date) = datatypes::peek_time(cx, when).filter(|text| text.len() > 10) {
        when.take_all();
        to.set("date", &date);
    }
    let authenticators: Vec<_> = segment.reps(22).collect();
    for part in authenticators {
        if let Some(reference) = people::practitioner(cx, part)
            && to.as_element().get("authenticator").is_none()
        {
            to.object("authenticator").set("reference", &reference);
        }
    }
    // Who did what the document is about is one of its authors, as in a document of minimal metadata.
    for part in segment.reps(5) {
        let Some(reference) = people::practitioner(cx, part) else { continue };
        if !to.as_element().every("author.reference").iter().any(|known| known.text() == Some(reference.as_str())) {
            to.item("author").set("reference", &reference);
        }
    }
    let parent = segment.f(13);
    if parent.is_some() {
        let mut related = to.item("relatesTo");
        related.set("code", "appends");
        datatypes::fill_entity(cx, parent, None, &mut related.object("target").object("identifier"));
    }
    let known = to.as_element().get("content").is_some();
    let mut content = if known { to.object("content") } else { to.item("content") };
    let kind = super::file::media_type(None, segment.f(3).text());
    let mut attachment = content.object("attachment");
    attachment.set_some("contentType", kind.filter(|kind| kind.contains('/')).as_deref());
    let creation = segment.f(4);
    if creation.is_some() {
        datatypes::set_time(cx, creation, &mut attachment, "creation");
    }
    if !attachment.as_element().has_children() {
        attachment.set("title", "Document");
    }
    if let Some(encounter) = cx.encounter.clone() {
        to.object("context").item("encounter").set("reference", &encounter);
    }
    cx.add(segment, tree)
}

/// Requests, prescriptions, dispenses and vaccinations with the observations beside them.
pub(super) fn orders(cx: &mut Context<'_>, message: &Message, groups: &[Group<'_>]) {
    let mut prescriptions: Vec<(&str, String)> = Vec::new();
    for group in groups {
        let specimens: Vec<&Segment> = group.specimens.clone();
        let main = match group.drug.map(|drug| (drug.name(), drug)) {
            Some(("RXA", drug)) => {
                let route = group.beside.iter().copied().find(|segment| segment.name() == "RXR");
                immunization::immunization(cx, drug, group.order.common, route)
            }
            Some((name, drug)) => {
                let number = medication::number(group.order.common, drug);
                let known = prescriptions.iter().find(|(other, _)| Some(*other) == number);
                let pharmacy = Pharmacy {
                    common: group.order.common,
                    main: drug,
                    others: group.beside.clone(),
                    ordered: group.ordered.clone(),
                    prescription: known.map(|(_, reference)| reference.clone()),
                };
                if name == "RXD" {
                    Some(medication::dispense(cx, &pharmacy))
                } else {
                    let made = message.segments.first().map(|header| medication::request(cx, &pharmacy, header.f(7)));
                    prescriptions.extend(number.zip(made.clone()));
                    made
                }
            }
            None => order::service_request(cx, group.order, false),
        };
        for specimen in specimens {
            order::specimen(cx, specimen, main.as_deref().filter(|_| group.drug.is_none()));
        }
        for segment in &group.observations {
            let made = observation::observation(cx, segment, None, None);
            let (Some(main), Some(Made::Observation(reference))) = (&main, made) else { continue };
            match cx.document.type_of(main) {
                "Immunization" => {
                    if let Some(tree) = cx.document.resource_mut(&reference) {
                        tree.edit().item("partOf").set("reference", main);
                    }
                }
                "ServiceRequest" => {
                    if let Some(tree) = cx.document.resource_mut(main) {
                        tree.edit().item("supportingInfo").set("reference", &reference);
                    }
                }
                "MedicationRequest" | "MedicationDispense" => {
                    if let Some(tree) = cx.document.resource_mut(main) {
                        tree.edit().item("supportingInformation").set("reference", &reference);
                    }
                }
                _ => {}
            }
        }
    }
}

/// MSH as MessageHeader, at the head of a collection.
pub(super) fn header(cx: &mut Context<'_>, segment: &Segment) {
    let mut tree = Tree::new("MessageHeader");
    let mut to = tree.edit();
    let kind = segment.f(9);
    let event = kind.c(2).peek().or(kind.peek()).unwrap_or_default();
    to.object("eventCoding").set("system", EVENTS).set("code", event);
    kind.take_all();
    fields::carry(cx, segment, &mut to);
    let mut source = to.object("source");
    coded::absent(&mut source.primitive("endpoint"), "unknown");
    if to.as_element().get("destination").is_some() {
        let mut destination = to.object("destination");
        coded::absent(&mut destination.primitive("endpoint"), "unknown");
    }
    cx.add(segment, tree);
}

/// Notes (NTE) and participations (PRT, ROL) of the resource that the segment before them became.
///
/// A note of something that FHIR has no note for becomes an Observation of its own where `alone` says so.
pub(super) fn attachments(cx: &mut Context<'_>, message: &Message, alone: bool) {
    for (at, segment) in message.segments.iter().enumerate() {
        let name = segment.name();
        if !matches!(name, "NTE" | "PRT" | "ROL") {
            continue;
        }
        let before = message.segments.get(..at).unwrap_or_default().iter().rev();
        let target =
            before.filter(|other| !matches!(other.name(), "NTE" | "PRT" | "ROL")).find_map(|other| cx.place_of(other));
        let target = target.unwrap_or_else(|| cx.patient.clone());
        if name != "NTE" {
            people::participation(cx, segment, &target);
            continue;
        }
        let noted = matches!(
            cx.document.type_of(&target),
            "Observation"
                | "ServiceRequest"
                | "Condition"
                | "AllergyIntolerance"
                | "Procedure"
                | "MedicationRequest"
                | "MedicationDispense"
                | "Immunization"
                | "Specimen"
                | "ChargeItem"
        );
        if !noted && !alone {
            continue;
        }
        let Some(note) = observation::note(cx, segment) else { continue };
        if noted {
            observation::push_note(cx, &target, &note);
            cx.mapped(segment, &format!("a note of {target}"));
        } else {
            comment(cx, segment, &target, &note);
        }
    }
}

/// An annotation comment about a resource.
fn comment(cx: &mut Context<'_>, segment: &Segment, target: &str, note: &Tree) {
    let mut tree = Tree::new("Observation");
    let mut to = tree.edit();
    to.set("status", "final");
    let mut code = to.object("code");
    code.item("coding").set("system", "http://loinc.org").set("code", "48767-8").set("display", "Annotation comment");
    cx.set_patient(&mut to, "subject");
    if target != cx.patient {
        to.item("focus").set("reference", target);
    }
    if let Some(author) = note.root().get("authorReference") {
        to.copy_as("performer", author, true);
    }
    if let Some(time) = note.root().get("time") {
        to.copy_as("effectiveDateTime", time, false);
    }
    to.set_some("valueString", note.root().text_at("text"));
    cx.add(segment, tree);
}
