//! DICOM object catalogs into ImagingStudy (<http://hl7.eu/fhir/imaging/StructureDefinition/ImagingStudyEuImaging>).

use model::{ElementMut, Tree};

use super::coded;
use super::context::Context;
use super::entry;
use super::read::Node;
use super::time;

const PROFILE: &str = "http://hl7.eu/fhir/imaging/StructureDefinition/ImagingStudyEuImaging";
const DCM: &str = "http://dicom.nema.org/resources/ontology/DCM";
/// DICOM codes of the study act, of a series act, of the qualifier that names its modality.
const STUDY: &str = "113014";
const SERIES: &str = "113015";
const MODALITY: &str = "121139";

/// Whether a statement is the study of a DICOM object catalog.
pub(super) fn is_study(act: Node<'_>) -> bool {
    act.name() == "act" && act.is_coded(STUDY)
}

/// The ImagingStudy of a study act with its series and instances.
pub(super) fn imaging_study(cx: &mut Context<'_>, act: Node<'_>) -> String {
    let mut tree = Tree::new("ImagingStudy");
    let mut to = tree.edit();
    act.get("code").into_iter().for_each(Node::take_all);
    let uid = act.get("id").and_then(|id| id.attr("root")).map(str::to_owned);
    begin(uid.as_deref(), cx, &mut to);
    if let time::When::Point(point) = time::when(act.get("effectiveTime")) {
        time::set_time(cx, point, &mut to, "started");
    }
    if let Some(text) = entry::statement_text(cx, act) {
        to.set("description", &text);
    }
    for (_, series) in entry::inner(act).filter(|(_, inner)| inner.is_coded(SERIES)) {
        push_series(cx, series, &mut to);
    }
    cx.add(act, tree)
}

/// A study of which only the identifier is known, or nothing at all.
pub(super) fn bare_study(cx: &mut Context<'_>, uid: Option<&str>) -> String {
    let mut tree = Tree::new("ImagingStudy");
    begin(uid, cx, &mut tree.edit());
    cx.document.add(&format!("ImagingStudy {}", uid.unwrap_or_default()), tree)
}

fn begin(uid: Option<&str>, cx: &Context<'_>, to: &mut ElementMut<'_>) {
    to.object("meta").push("profile", PROFILE);
    let mut identifier = to.item("identifier");
    identifier
        .object("type")
        .item("coding")
        .set("system", DCM)
        .set("code", "110180")
        .set("display", "Study Instance UID");
    identifier.set("system", "urn:dicom:uid");
    match uid.filter(|uid| coded::is_oid(uid)) {
        Some(uid) => {
            identifier.set("value", &format!("urn:oid:{uid}"));
        }
        None => coded::absent(&mut identifier.primitive("value"), None),
    }
    to.set("status", if uid.is_some() { "available" } else { "unknown" });
    cx.set_patient(to, "subject");
}

fn push_series(cx: &mut Context<'_>, series: Node<'_>, to: &mut ElementMut<'_>) {
    let mut item = to.item("series");
    item.set_some("uid", series.get("id").and_then(|id| id.attr("root")));
    let code = series.get("code");
    code.into_iter().for_each(Node::take_attributes);
    let qualifier = code.and_then(|code| {
        code.all("qualifier")
            .find(|qualifier| qualifier.get("name").is_some_and(|name| name.peek("code") == Some(MODALITY)))
    });
    match qualifier.and_then(|qualifier| qualifier.get("value")) {
        Some(value) => {
            coded::fill_coding(cx, value, &mut item.object("modality"));
            value.parent().and_then(|qualifier| qualifier.get("name")).into_iter().for_each(Node::take_attributes);
        }
        None => coded::absent(&mut item.object("modality"), None),
    }
    if let Some(text) = entry::statement_text(cx, series) {
        item.set("description", &text);
    }
    if let time::When::Point(point) = time::when(series.get("effectiveTime")) {
        time::set_time(cx, point, &mut item, "started");
    }
    for (_, instance) in entry::inner(series).filter(|(_, inner)| inner.name() == "observation") {
        let mut part = item.item("instance");
        part.set_some("uid", instance.get("id").and_then(|id| id.attr("root")));
        if let Some(class) = instance.get("code").and_then(|code| code.attr("code")) {
            let mut coding = part.object("sopClass");
            coding.set("system", "urn:ietf:rfc:3986").set("code", &format!("urn:oid:{class}"));
            coding.set_some("display", instance.get("code").and_then(|code| code.peek("displayName")));
        }
        // When one image was made has no place in the study; the image itself says so.
        instance.get("effectiveTime").into_iter().for_each(Node::take_attributes);
        if let Some(text) = instance.get("text") {
            text.take_all();
        }
    }
}
