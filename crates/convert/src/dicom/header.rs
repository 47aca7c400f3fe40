//! Patient, study, series and instance of an object: Patient and ImagingStudy with all instances that it names.

use model::{ElementMut, Tree};

use super::object::{Object, named, push_names};
use super::{Context, Tag};
use crate::european::{absent, begin_study};

const PATIENT: &str = "http://hl7.eu/fhir/base/StructureDefinition/patient-eu-core";
const DCM: &str = "http://dicom.nema.org/resources/ontology/DCM";

/// The Patient module.
pub(super) fn patient(cx: &mut Context, object: &Object<'_, '_>) {
    let mut tree = Tree::new("Patient");
    let mut to = tree.edit();
    to.object("meta").push("profile", PATIENT);
    if let Some(id) = object.text(0x0010_0020) {
        let mut identifier = to.item("identifier");
        issuer(object, &mut identifier);
        identifier.set("value", &id);
        if let Some(issuer) = object.text(0x0010_0021) {
            identifier.object("assigner").set("display", &issuer);
        }
    }
    for other in object.items(0x0010_1002) {
        if let Some(id) = other.text(0x0010_0020) {
            let mut identifier = to.item("identifier");
            issuer(&other, &mut identifier);
            identifier.set("value", &id);
            if let Some(issuer) = other.text(0x0010_0021) {
                identifier.object("assigner").set("display", &issuer);
            }
        }
    }
    push_names(&object.text(0x0010_0010).unwrap_or_default(), &mut to);
    if to.as_element().get("name").is_none() {
        absent(&mut to.item("name").primitive("text"));
    }
    match object.text(0x0010_0040).as_deref() {
        Some("M") => to.set("gender", "male"),
        Some("F") => to.set("gender", "female"),
        Some("O") => to.set("gender", "other"),
        _ => &mut to,
    };
    let born: Option<String> = object.text(0x0010_0030).map(|text| text.chars().filter(char::is_ascii_digit).collect());
    match born.and_then(|digits| crate::cda::time::read(&digits)) {
        Some(date) => {
            to.set("birthDate", &date.text);
        }
        None => absent(&mut to.primitive("birthDate")),
    }
    let reference = cx.document.add("Patient", tree);
    cx.mapped("(0010,0020)", &format!("Patient {reference}"));
}

/// The system of an identifier by its issuer's universal entity id.
fn issuer(object: &Object<'_, '_>, to: &mut ElementMut<'_>) {
    let Some(qualifiers) = object.item(0x0010_0024) else { return };
    let system = match (qualifiers.peek(0x0040_0032), qualifiers.peek(0x0040_0033).as_deref()) {
        (Some(id), Some("ISO")) => format!("urn:oid:{id}"),
        (Some(id), Some("UUID")) if id.len() == 36 => format!("urn:uuid:{}", id.to_ascii_lowercase()),
        (Some(id), Some("URI")) if id.contains(':') && !id.contains(' ') => id,
        _ => return,
    };
    [0x0040_0032, 0x0040_0033].into_iter().for_each(|tag| {
        qualifiers.set.take(tag);
    });
    to.set("system", &system);
}

/// One instance of a series of a study.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Instance {
    pub(super) study: String,
    pub(super) series: String,
    pub(super) modality: Option<String>,
    pub(super) description: Option<String>,
    pub(super) class: String,
    pub(super) uid: String,
    pub(super) number: Option<String>,
}

/// The instances of an evidence sequence: studies, series, instances.
pub(super) fn evidence(object: &Object<'_, '_>, tag: Tag, found: &mut Vec<Instance>) {
    for study in object.items(tag) {
        let Some(study_uid) = study.uid(0x0020_000d) else { continue };
        for series in study.items(0x0008_1115) {
            let Some(series_uid) = series.uid(0x0020_000e) else { continue };
            let (modality, description) = (series.text(0x0008_0060), series.text(0x0008_103e));
            for instance in series.items(0x0008_1199) {
                let (Some(class), Some(uid)) = (instance.uid(0x0008_1150), instance.uid(0x0008_1155)) else { continue };
                found.push(Instance {
                    study: study_uid.clone(),
                    series: series_uid.clone(),
                    modality: modality.clone(),
                    description: description.clone(),
                    class,
                    uid,
                    number: None,
                });
            }
        }
    }
}

/// The object itself as an instance.
pub(super) fn own(object: &Object<'_, '_>) -> Option<Instance> {
    Some(Instance {
        study: object.uid(0x0020_000d)?,
        series: object.uid(0x0020_000e)?,
        modality: object.text(0x0008_0060),
        description: object.text(0x0008_103e),
        class: object.uid(0x0008_0016)?,
        uid: object.uid(0x0008_0018)?,
        number: object.text(0x0020_0013),
    })
}

/// An ImagingStudy for each study that is named; the object's own study first, with its date, description and number.
pub(super) fn studies(cx: &mut Context, object: &Object<'_, '_>, instances: &[Instance]) -> Vec<String> {
    let own = object.uid(0x0020_000d);
    let mut uids: Vec<String> = own.iter().cloned().collect();
    for instance in instances {
        if !uids.contains(&instance.study) {
            uids.push(instance.study.clone());
        }
    }
    let mut made = Vec::new();
    for uid in uids {
        let mut tree = Tree::new("ImagingStudy");
        let mut to = tree.edit();
        begin_study(Some(&uid), &cx.patient, &mut to);
        if own.as_deref() == Some(uid.as_str()) {
            to.set_some("started", object.date_time(0x0008_0020, 0x0008_0030, &cx.zone).as_deref());
            to.set_some("description", object.text(0x0008_1030).as_deref());
            if let Some(referrer) = object.text(0x0008_0090).filter(|name| !name.trim_matches('^').is_empty()) {
                let reference = cx.document.add_once(named("Practitioner", &referrer));
                to.object("referrer").set("reference", &reference);
            }
            for procedure in object.items(0x0008_1032).iter().take(1) {
                let mut holder = Tree::new("ImagingStudy");
                let words = procedure.text(0x0008_0104);
                holder.edit().set_some("description", words.as_deref());
                object.fill_concept(0x0008_1032, &mut to.item("procedureCode"));
            }
        }
        series(&uid, instances, object, &mut to);
        let reference = cx.document.add(&format!("ImagingStudy {uid}"), tree);
        cx.mapped("(0020,000D)", &format!("ImagingStudy {reference}"));
        made.push(reference);
    }
    made
}

fn series(study: &str, instances: &[Instance], object: &Object<'_, '_>, to: &mut ElementMut<'_>) {
    let mut uids: Vec<&str> = Vec::new();
    for instance in instances.iter().filter(|instance| instance.study == study) {
        if !uids.contains(&instance.series.as_str()) {
            uids.push(&instance.series);
        }
    }
    for uid in uids {
        let mut item = to.item("series");
        item.set("uid", uid);
        let of_series: Vec<&Instance> = instances.iter().filter(|instance| instance.series == uid).collect();
        let own = object.uid(0x0020_000e).as_deref() == Some(uid);
        if own && let Some(number) = object.text(0x0020_0011).and_then(|text| text.parse::<u32>().ok()) {
            item.set("number", i64::from(number));
        }
        let modality = of_series.iter().find_map(|instance| instance.modality.clone());
        match modality {
            Some(modality) => {
                item.object("modality").set("system", DCM).set("code", &modality);
            }
            None => absent(&mut item.object("modality")),
        }
        item.set_some("description", of_series.iter().find_map(|instance| instance.description.as_deref()));
        if own && let Some(part) = object.text(0x0018_0015) {
            item.object("bodySite").set("display", &part);
        }
        for instance in of_series {
            let mut part = item.item("instance");
            part.set("uid", &instance.uid);
            let class = format!("urn:oid:{}", instance.class);
            part.object("sopClass").set("system", "urn:ietf:rfc:3986").set("code", &class);
            if let Some(number) = instance.number.as_deref().and_then(|text| text.parse::<u32>().ok()) {
                part.set("number", i64::from(number));
            }
        }
    }
}
