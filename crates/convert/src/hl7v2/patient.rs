//! PID, PD1, NK1 and MRG into Patient and RelatedPerson (patient-eu-core:
//! <http://hl7.eu/fhir/base/StructureDefinition/patient-eu-core>).

use model::{Issue, IssueType, Severity, Tree};

use super::coded;
use super::context::Context;
use super::datatypes;
use super::fields;
use super::read::{Message, Segment};
use crate::{Refusal, cda};

const PROFILE: &str = "http://hl7.eu/fhir/base/StructureDefinition/patient-eu-core";
const EXTENSION: &str = "http://hl7.org/fhir/StructureDefinition/";
const ROLES: &str = "http://terminology.hl7.org/CodeSystem/v3-RoleCode";

/// Makes the Patient of the first PID, with what PD1 says; a message without one is of an unknown patient.
pub(super) fn patient(cx: &mut Context<'_>, message: &Message) {
    let mut tree = Tree::new("Patient");
    let mut to = tree.edit();
    to.object("meta").push("profile", PROFILE);
    let mut patients = message.segments.iter().filter(|segment| segment.name() == "PID");
    let Some(segment) = patients.next() else {
        coded::absent(&mut to.item("name").primitive("text"), "unknown");
        coded::absent(&mut to.primitive("birthDate"), "unknown");
        if let Some(header) = message.segments.first() {
            cx.remark(Severity::Warning, header, "The message names no patient.");
        }
        cx.document.add("Patient", tree);
        return;
    };
    fields::carry(cx, segment, &mut to);
    if to.as_element().get("name").is_none() {
        coded::absent(&mut to.item("name").primitive("text"), "unknown");
    }
    demographics(cx, segment, &mut to);
    further(cx, segment, &mut to);
    for primary in message.segments.iter().filter(|segment| segment.name() == "PD1").take(1) {
        fields::carry(cx, primary, &mut to);
    }
    if message.event() == Some("A29") {
        // Delete person information: the record is no longer in use, the person is not dead.
        to.set("active", false);
    }
    let reference = cx.document.add("Patient", tree);
    cx.mapped(segment, &format!("Patient {reference}"));
    for other in patients {
        let text = match is_same(segment, other) {
            true => "The patient is named again; what is said here beyond the first time was not carried.",
            false => "A second patient in one message: nothing of it was carried.",
        };
        cx.remark(Severity::Warning, other, text);
    }
}

/// Refuses a message that says something clinical of a second patient: it would be taken for the first one's. What merges or
/// links records names two and says nothing of them.
pub(super) fn one(message: &Message) -> Result<(), Refusal> {
    const OF_RECORDS: [&str; 6] = ["PID", "PD1", "MRG", "PV1", "PV2", "DB1"];
    let Some(first) = message.first("PID") else { return Ok(()) };
    let mut second = None;
    for segment in &message.segments {
        if segment.name() == "PID" {
            second = Some(segment).filter(|segment| !is_same(first, segment));
        } else if let Some(second) = second
            && !OF_RECORDS.contains(&segment.name())
            && !segment.name().starts_with('Z')
        {
            let text = format!(
                "The message is about several patients ({} is another than that of {}); each needs a message of its own.",
                second.path(),
                first.path()
            );
            let issue = Issue::new(Severity::Error, IssueType::NotSupported, second.path(), text);
            return Err(Refusal::new(issue.at(Some(second.position()))));
        }
    }
    Ok(())
}

/// Whether two PID are of one patient: they share an identifier.
fn is_same(one: &Segment, other: &Segment) -> bool {
    let ids = |segment: &Segment| -> Vec<String> {
        let reps = segment.all_reps(3).filter_map(|id| {
            let number = id.c(1).peek()?;
            Some(format!("{number} {} {}", id.c(4).peek().unwrap_or_default(), id.c(5).peek().unwrap_or_default()))
        });
        reps.collect()
    };
    let known = ids(one);
    std::ptr::eq(one, other) || ids(other).iter().any(|id| known.contains(id))
}

fn demographics(cx: &mut Context<'_>, segment: &Segment, to: &mut model::ElementMut<'_>) {
    let gender = segment.f(8);
    if let Some(code) = gender.text() {
        let found = coded::lookup("gender", code);
        if found.is_none() {
            cx.loss(gender, format!("The sex {code:?} is none of table 0001; it became \"unknown\"."));
        }
        gender.take_all();
        to.set("gender", found.unwrap_or("unknown"));
    }
    if !datatypes::set_date(cx, segment.f(7), to, "birthDate") {
        coded::absent(&mut to.primitive("birthDate"), "unknown");
    }
    let (died, dead) = (segment.f(29), segment.f(30));
    if datatypes::set_time(cx, died, to, "deceasedDateTime") {
        if dead.peek() == Some("N") {
            cx.defect(dead, "The patient has a time of death, and is said not to be dead: the time stands.");
        }
        dead.text();
    } else {
        let said = match dead.peek().map(str::to_ascii_uppercase).as_deref() {
            Some("Y" | "YES") => Some(true),
            Some("N" | "NO") => Some(false),
            _ => None,
        };
        if let Some(said) = said {
            dead.text();
            to.set("deceasedBoolean", said);
        }
    }
    let (order, multiple) = (segment.f(25), segment.f(24));
    match order.peek().and_then(|text| text.parse::<i64>().ok()) {
        Some(number) => {
            order.text();
            multiple.text();
            to.set("multipleBirthInteger", number);
        }
        None => match multiple.text() {
            Some("Y") => {
                to.set("multipleBirthBoolean", true);
            }
            Some("N") => {
                to.set("multipleBirthBoolean", false);
            }
            _ => {}
        },
    }
}

/// Language, religion, birth place, mother's name, citizenship, nationality, driver's licence.
fn further(cx: &mut Context<'_>, segment: &Segment, to: &mut model::ElementMut<'_>) {
    let language = segment.f(15);
    if let Some(code) = language.peek() {
        let tag = cda::language_tag(&code.to_ascii_lowercase());
        let mut item = to.item("communication");
        let mut concept = item.object("language");
        if tag.len() == 2 && tag.bytes().all(|byte| byte.is_ascii_lowercase()) {
            concept.item("coding").set("system", "urn:ietf:bcp:47").set("code", &tag);
            concept.set_some("text", language.c(2).text());
            [1, 3, 7].into_iter().for_each(|number| language.c(number).take_all());
        } else {
            concept.set_some("text", language.whole().as_deref());
        }
    }
    let religion = segment.f(17);
    if religion.is_some() {
        let mut extension = to.item("extension");
        extension.set("url", &format!("{EXTENSION}patient-religion"));
        coded::set_concept(cx, religion, &mut extension, "valueCodeableConcept");
    }
    if let Some(place) = segment.f(23).whole() {
        let mut extension = to.item("extension");
        extension.set("url", &format!("{EXTENSION}patient-birthPlace"));
        extension.object("valueAddress").set("text", &place);
    }
    if let Some(name) = segment.f(6).whole() {
        let mut extension = to.item("extension");
        extension.set("url", &format!("{EXTENSION}patient-mothersMaidenName")).set("valueString", &name);
    }
    for (field, name) in [(26, "patient-citizenship"), (28, "patient-nationality")] {
        let part = segment.f(field);
        if part.is_some() {
            let mut extension = to.item("extension");
            extension.set("url", &format!("{EXTENSION}{name}"));
            let mut inner = extension.item("extension");
            inner.set("url", "code");
            coded::set_concept(cx, part, &mut inner, "valueCodeableConcept");
        }
    }
    let licence = segment.f(20);
    if let Some(number) = licence.text() {
        let mut identifier = to.item("identifier");
        datatypes::fill_kind(Some("DL"), &mut identifier);
        identifier.set("value", number);
        if let Some(issuer) = licence.c(2).text() {
            identifier.object("assigner").set("display", issuer);
        }
        let mut period = Tree::new("Period");
        datatypes::set_time(cx, licence.c(3), &mut period.edit(), "end");
        datatypes::pour(&period, &mut identifier, "period");
    }
}

/// NK1 and GT1: a person beside the patient.
pub(super) fn related(cx: &mut Context<'_>, segment: &Segment) -> String {
    let mut tree = Tree::new("RelatedPerson");
    let mut to = tree.edit();
    cx.set_patient(&mut to, "patient");
    if segment.name() == "NK1" {
        for field in [3, 7] {
            let part = segment.f(field);
            if !part.is_some() {
                continue;
            }
            let known = part.peek().and_then(|code| coded::lookup("relation", code));
            let mut holder = Tree::new("RelatedPerson");
            coded::set_concept(cx, part, &mut holder.edit(), "relationship");
            let mut concept = to.item("relationship");
            if let Some(code) = known.filter(|_| field == 3) {
                concept.item("coding").set("system", ROLES).set("code", code);
            }
            for child in holder.root().get("relationship").into_iter().flat_map(|found| found.children()) {
                concept.copy(child);
            }
        }
    } else {
        to.item("relationship").item("coding").set("system", ROLES).set("code", "GUARD");
        to.remove("relationship");
        to.item("relationship").set("text", "Guarantor");
    }
    fields::carry(cx, segment, &mut to);
    cx.add(segment, tree)
}

/// MRG: the record that the message's patient takes the place of. Only a merge of patients says that both are one person.
pub(super) fn merge(cx: &mut Context<'_>, segment: &Segment, event: Option<&str>) {
    let merges = matches!(event, Some("A18" | "A34" | "A35" | "A36" | "A39" | "A40" | "A41"));
    if !merges {
        cx.remark(
            Severity::Warning,
            segment,
            "The identifiers of another record are named, but the event does not merge two patients: they stand in this \
             report only.",
        );
        return;
    }
    let mut tree = Tree::new("Patient");
    let mut to = tree.edit();
    to.set("active", false);
    for field in [1, 2, 3, 4] {
        for part in segment.reps(field) {
            datatypes::fill_identifier(cx, part, &mut to.item("identifier"));
        }
    }
    for part in segment.reps(7) {
        datatypes::fill_name(cx, part, 0, &mut to.item("name"));
    }
    let mut link = to.item("link");
    link.object("other").set("reference", &cx.patient);
    link.set("type", "replaced-by");
    let old = cx.add(segment, tree);
    let patient = cx.patient.clone();
    if let Some(tree) = cx.document.resource_mut(&patient) {
        let mut to = tree.edit();
        let mut link = to.item("link");
        link.object("other").set("reference", &old);
        link.set("type", "replaces");
    }
}
