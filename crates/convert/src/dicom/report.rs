//! Structured reports: the content tree into sections and Observations
//! (<https://dicom.nema.org/medical/dicom/current/output/chtml/part03/sect_C.17.3.html>). Every item stands in the narrative;
//! measurements, coded findings and texts also become Observations.

use model::{ElementMut, Primitive, Tree};

use super::object::{Object, named};
use super::{Context, Tag, header};
use crate::cda::{decimal, ucum};
use crate::european::{Facts, Section, complete_vital_sign};
use crate::markup::with_breaks;

const CONTENT: Tag = 0x0040_a730;
const CONCEPT: Tag = 0x0040_a043;
const UCUM: &str = "http://unitsofmeasure.org";
const FINDINGS: &str = "59776-5";
const IMPRESSION: &str = "19005-8";

/// What holds for all items of a group: findings, sites, methods, tracking identifiers.
#[derive(Clone, Default)]
struct Group {
    components: Vec<Tree>,
    notes: Vec<String>,
}

/// The whole document's facts and sections.
pub(super) fn facts(cx: &mut Context, object: &Object<'_, '_>) -> Facts {
    let mut facts = Facts { patient: cx.patient.clone(), ..Facts::default() };
    for tag in [0x0040_a040, 0x0040_a050] {
        object.set.take(tag);
    }
    object.items(0x0040_a504).iter().for_each(|template| template.set.take_all());
    let mut identifiers = Tree::new("DiagnosticReport");
    if let Some(uid) = object.uid(0x0008_0018) {
        let value = format!("urn:oid:{uid}");
        identifiers.edit().item("identifier").set("system", "urn:dicom:uid").set("value", &value);
    }
    facts.identifiers = Some(identifiers);
    status(object, &mut facts);
    facts.date = object.date_time(0x0008_0023, 0x0008_0033, &cx.zone);
    facts.effective = object.date_time(0x0008_0020, 0x0008_0030, &cx.zone);
    facts.title = object.meaning(CONCEPT).unwrap_or_else(|| "Structured report".to_owned());
    let mut kind = Tree::new("DiagnosticReport");
    let mut code = kind.edit();
    let mut code = code.object("code");
    code.item("coding")
        .set("system", "http://loinc.org")
        .set("code", "18748-4")
        .set("display", "Diagnostic imaging study");
    object.fill_concept(CONCEPT, &mut code);
    facts.kind = Some(kind);
    people(cx, object, &mut facts);
    accession(object, &mut facts);
    let mut instances = Vec::new();
    header::evidence(object, 0x0040_a375, &mut instances);
    header::evidence(object, 0x0040_a385, &mut instances);
    instances.extend(header::own(object));
    facts.studies = header::studies(cx, object, &instances);
    sections(cx, object, &mut facts);
    facts
}

/// What a key object selection says: its title, its descriptions, and which objects it selects.
pub(super) fn selection(object: &Object<'_, '_>) -> Vec<String> {
    for tag in [0x0040_a040, 0x0040_a050] {
        object.set.take(tag);
    }
    object.items(0x0040_a504).iter().for_each(|template| template.set.take_all());
    let mut words: Vec<String> = object.meaning(CONCEPT).into_iter().collect();
    for item in object.items(CONTENT) {
        narrate(&item, &mut String::new(), &mut words);
    }
    words
}

/// Completion (0040,A491) and verification (0040,A493): only what is complete and verified is final.
fn status(object: &Object<'_, '_>, facts: &mut Facts) {
    let complete = object.text(0x0040_a491);
    let verified = object.text(0x0040_a493);
    let preliminary = object.text(0x0040_a496);
    (facts.status, facts.composition_status) = match (complete.as_deref(), verified.as_deref()) {
        _ if preliminary.as_deref() == Some("PRELIMINARY") => ("preliminary", "preliminary"),
        (Some("PARTIAL"), _) => ("partial", "preliminary"),
        (_, Some("VERIFIED")) => ("final", "final"),
        (Some("COMPLETE"), _) if preliminary.as_deref() == Some("FINAL") => ("final", "final"),
        (Some("COMPLETE"), _) => ("preliminary", "preliminary"),
        _ => ("unknown", "preliminary"),
    };
}

fn people(cx: &mut Context, object: &Object<'_, '_>, facts: &mut Facts) {
    let mut organizations: Vec<String> = object.text(0x0008_0080).into_iter().collect();
    for observer in object.items(0x0040_a073) {
        let Some(name) = observer.text(0x0040_a075) else { continue };
        let mut person = named("Practitioner", &name);
        if let Some(code) = observer.item(0x0040_a088).filter(|item| item.peek(0x0008_0100).is_some()) {
            let mut to = person.edit();
            let mut identifier = to.item("identifier");
            identifier.set_some("value", code.text(0x0008_0100).as_deref());
            if let Some(scheme) = code.text(0x0008_0102) {
                identifier.object("assigner").set("display", &scheme);
            }
        }
        let reference = cx.document.add_once(person);
        facts.attesters.push((reference.clone(), observer.moment(0x0040_a030, &cx.zone)));
        facts.people.push(reference);
        organizations.extend(observer.text(0x0040_a027));
    }
    for author in object.items(0x0040_a078) {
        if let Some(name) = author.text(0x0040_a123) {
            let reference = cx.document.add_once(named("Practitioner", &name));
            if !facts.people.contains(&reference) {
                facts.people.push(reference);
            }
        }
        organizations.extend(author.text(0x0008_0080));
    }
    for name in organizations {
        let reference = cx.document.add_once(named("Organization", &name));
        if !facts.organizations.contains(&reference) {
            facts.organizations.push(reference);
        }
    }
}

fn accession(object: &Object<'_, '_>, facts: &mut Facts) {
    let requests = object.items(0x0040_a370);
    let of_request = requests.iter().find_map(|request| request.text(0x0008_0050));
    if let Some(number) = object.text(0x0008_0050).or(of_request) {
        let mut holder = Tree::new("ServiceRequest");
        holder.edit().object("identifier").set("value", &number);
        facts.accession = Some(holder);
    }
}

fn sections(cx: &mut Context, object: &Object<'_, '_>, facts: &mut Facts) {
    for item in object.items(CONTENT) {
        let container = item.text(0x0040_a040).as_deref() == Some("CONTAINER");
        let relation = item.text(0x0040_a010).unwrap_or_default();
        observer(cx, &item, facts);
        let (slot, title) = match (container, relation.as_str()) {
            (true, _) => (slot(&item), item.meaning(CONCEPT).unwrap_or_else(|| "Section".to_owned())),
            (false, "CONTAINS") => (Some(FINDINGS), "Findings".to_owned()),
            _ => (None, "Context of the report".to_owned()),
        };
        let slot = if container { slot } else { slot.filter(|_| relation == "CONTAINS") };
        let mut code = Tree::new("Observation");
        let coded = container && item.fill_concept(CONCEPT, &mut code.edit().object("code"));
        let mut html = String::new();
        let mut words = Vec::new();
        narrate(&item, &mut html, &mut words);
        let mut made = Vec::new();
        walk(cx, &item, &Group::default(), facts.status, &mut made);
        facts.results.extend(made.iter().cloned());
        if slot == Some(IMPRESSION) {
            facts.conclusion = Some(words.join("\n"));
        }
        let known = facts.sections.iter().position(|section| match slot {
            Some(_) => section.slot == slot,
            None => section.slot.is_none() && section.title == title,
        });
        let section = match known.and_then(|at| facts.sections.get_mut(at)) {
            Some(section) => section,
            None => {
                facts.sections.push(Section {
                    slot,
                    code: coded.then_some(code),
                    title,
                    html: String::new(),
                    entries: Vec::new(),
                    note: None,
                });
                let Some(section) = facts.sections.last_mut() else { return };
                section
            }
        };
        section.html.push_str(&format!("<ul>{html}</ul>"));
        let said = section.note.take().map(|said| format!("{said}\n")).unwrap_or_default();
        section.note = Some(format!("{said}{}", words.join("\n")));
        if slot == Some(FINDINGS) || slot.is_none() {
            section.entries.extend(made);
        }
    }
}

/// The language and the person observer, which TID 1204 and TID 1002 give as content items.
fn observer(cx: &mut Context, item: &Object<'_, '_>, facts: &mut Facts) {
    match item.peek_code(CONCEPT).as_deref() {
        Some("121049") => {
            let tag = item.code(0x0040_a168).map(|(code, _)| crate::cda::language_tag(&code));
            let clean = |tag: &String| {
                (2..=12).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            };
            facts.language = tag.filter(clean);
        }
        Some("121008") => {
            if let Some(name) = item.text(0x0040_a123) {
                let reference = cx.document.add_once(named("Practitioner", &name));
                if !facts.people.contains(&reference) {
                    facts.people.push(reference);
                }
            }
        }
        Some("121009") => {
            if let Some(name) = item.text(0x0040_a160) {
                let reference = cx.document.add_once(named("Organization", &name));
                if !facts.organizations.contains(&reference) {
                    facts.organizations.push(reference);
                }
            }
        }
        _ => {}
    }
}

/// The European section of a container by its concept: DICOM's own codes and LOINC's.
fn slot(item: &Object<'_, '_>) -> Option<&'static str> {
    match item.peek_code(CONCEPT)?.as_str() {
        "121070" | "126010" | "59776-5" | "18782-3" | "125007" | "121071" | "117021" => Some(FINDINGS),
        "121072" | "121073" | "121076" | "121077" | "19005-8" | "55110-1" => Some(IMPRESSION),
        "121060" | "11329-0" => Some("11329-0"),
        "121062" | "55115-0" => Some("55115-0"),
        "121064" | "121065" | "55111-9" => Some("55111-9"),
        _ => None,
    }
}

/// An item with all below it as list items, and its words.
fn narrate(item: &Object<'_, '_>, html: &mut String, words: &mut Vec<String>) {
    let name = item.meaning(CONCEPT).unwrap_or_default();
    let value = value_words(item);
    item.text(0x0040_a010);
    item.text(0x0040_a050);
    for template in item.items(0x0040_a504) {
        template.set.take_all();
    }
    let label = if name.is_empty() { String::new() } else { format!("<b>{}</b>", with_breaks(&name)) };
    let joined = if name.is_empty() || value.is_empty() { "" } else { ": " };
    html.push_str(&format!("<li>{label}{joined}{}", with_breaks(&value)));
    if !value.is_empty() {
        words.push(format!("{name}{joined}{value}"));
    }
    let children = item.items(CONTENT);
    if !children.is_empty() {
        html.push_str("<ul>");
        children.iter().for_each(|child| narrate(child, html, words));
        html.push_str("</ul>");
    }
    html.push_str("</li>");
}

/// The value of an item in words.
fn value_words(item: &Object<'_, '_>) -> String {
    let kind = item.text(0x0040_a040).unwrap_or_default();
    let found = match kind.as_str() {
        "TEXT" => item.text(0x0040_a160),
        "CODE" => {
            let meaning = item.meaning(0x0040_a168);
            item.set.items(0x0040_a168).iter().for_each(super::read::DataSet::take_all);
            let code = item.code(0x0040_a168);
            meaning.map(|meaning| match code {
                Some((code, scheme)) => format!("{meaning} ({scheme} {code})"),
                None => meaning,
            })
        }
        "NUM" => item.item(0x0040_a300).map(|value| {
            let unit = value.meaning(0x0040_08ea).unwrap_or_default();
            let code = value.code(0x0040_08ea).map(|(code, _)| code).unwrap_or_default();
            value.set.items(0x0040_08ea).iter().for_each(super::read::DataSet::take_all);
            [0x0040_a161, 0x0040_a162, 0x0040_a163].into_iter().for_each(|tag| {
                value.set.take(tag);
            });
            let qualifier = item.meaning(0x0040_a301).map(|words| format!(" ({words})")).unwrap_or_default();
            let unit = if code.is_empty() || code == unit { unit } else { format!("{code} ({unit})") };
            format!("{} {unit}{qualifier}", value.text(0x0040_a30a).unwrap_or_default()).trim().to_owned()
        }),
        "DATETIME" => item.text(0x0040_a120),
        "DATE" => item.text(0x0040_a121),
        "TIME" => item.text(0x0040_a122),
        "PNAME" => item.text(0x0040_a123).map(|name| name.replace('^', " ")),
        "UIDREF" => item.uid(0x0040_a124),
        "IMAGE" | "COMPOSITE" | "WAVEFORM" => {
            let references = item.items(0x0008_1199);
            let names = references.iter().filter_map(|reference| {
                let uid = reference.uid(0x0008_1155)?;
                let frames = reference.text(0x0008_1160).map(|frames| format!(" frames {frames}")).unwrap_or_default();
                let class = reference.uid(0x0008_1150).map(|class| format!(" (class {class})")).unwrap_or_default();
                Some(format!("image {uid}{class}{frames}"))
            });
            Some(names.collect::<Vec<_>>().join(", "))
        }
        "SCOORD" | "SCOORD3D" | "TCOORD" => {
            item.text(0x0070_0023).or_else(|| item.text(0x0040_a130)).map(|shape| format!("region ({shape})"))
        }
        _ => None,
    };
    found.unwrap_or_default()
}

/// Observations of an item and of all below it.
fn walk(cx: &mut Context, item: &Object<'_, '_>, group: &Group, status: &str, made: &mut Vec<String>) {
    let kind = item.text(0x0040_a040).unwrap_or_default();
    let relation = item.text(0x0040_a010).unwrap_or_default();
    let said = !matches!(relation.as_str(), "HAS CONCEPT MOD" | "HAS OBS CONTEXT" | "HAS ACQ CONTEXT");
    let children = item.items(CONTENT);
    if kind == "CONTAINER" {
        let mut inner = group.clone();
        children.iter().for_each(|child| describe(child, &mut inner, true));
        children.iter().for_each(|child| walk(cx, child, &inner, status, made));
        return;
    }
    let observed = match kind.as_str() {
        "NUM" => true,
        "CODE" | "TEXT" => said && relation == "CONTAINS",
        _ => false,
    };
    if observed {
        let mut own = group.clone();
        children.iter().for_each(|child| describe(child, &mut own, false));
        made.push(observation(cx, item, &own, status));
    }
    children.iter().for_each(|child| walk(cx, child, group, status, made));
}

/// What an item says of the group or the measurement that it stands in.
fn describe(item: &Object<'_, '_>, group: &mut Group, container: bool) {
    let kind = item.text(0x0040_a040).unwrap_or_default();
    let relation = item.text(0x0040_a010).unwrap_or_default();
    let modifies =
        matches!(relation.as_str(), "HAS CONCEPT MOD" | "HAS OBS CONTEXT" | "HAS ACQ CONTEXT" | "HAS PROPERTIES");
    match kind.as_str() {
        "CODE" if modifies && (!container || relation != "HAS OBS CONTEXT") => {
            let mut holder = Tree::new("Observation");
            let mut edit = holder.edit();
            item.fill_concept(CONCEPT, &mut edit.object("code"));
            item.fill_concept(0x0040_a168, &mut edit.object("valueCodeableConcept"));
            group.components.push(holder);
        }
        "TEXT" | "UIDREF" | "PNAME" | "DATETIME" | "DATE" | "TIME" if modifies => {
            let name = item.meaning(CONCEPT).unwrap_or_default();
            group.notes.push(format!("{name}: {}", value_words(item)));
        }
        _ => {}
    }
}

fn observation(cx: &mut Context, item: &Object<'_, '_>, group: &Group, status: &str) -> String {
    let mut tree = Tree::new("Observation");
    let mut to = tree.edit();
    to.set(
        "status",
        match status {
            "final" => "final",
            "unknown" => "unknown",
            _ => "preliminary",
        },
    );
    let category = "http://terminology.hl7.org/CodeSystem/observation-category";
    to.item("category").item("coding").set("system", category).set("code", "imaging");
    if !item.fill_concept(CONCEPT, &mut to.object("code")) {
        to.object("code").set("text", "Finding");
    }
    to.object("subject").set("reference", &cx.patient);
    match item.text(0x0040_a040).as_deref() {
        Some("NUM") => measured(item, &mut to),
        Some("CODE") => {
            item.fill_concept(0x0040_a168, &mut to.object("valueCodeableConcept"));
        }
        _ => {
            to.set_some("valueString", item.text(0x0040_a160).as_deref());
        }
    }
    for component in &group.components {
        let site = component
            .root()
            .every("code.coding.code")
            .iter()
            .any(|code| matches!(code.text(), Some("363698007" | "G-C0E3")));
        let value = component.root().get("valueCodeableConcept").filter(|value| value.has_children());
        match value {
            Some(value) if site && to.as_element().get("bodySite").is_none() => {
                to.copy_as("bodySite", value, false);
            }
            _ => {
                let mut target = to.item("component");
                for child in component.root().children().filter(|child| child.has_children()) {
                    target.copy(child);
                }
            }
        }
    }
    for note in &group.notes {
        to.item("note").set("text", note);
    }
    let defects = complete_vital_sign(&mut to);
    cx.count += 1;
    let name = format!("Observation {} {}", cx.count, item.set.elements.first().map_or(0, |element| element.offset));
    let reference = cx.document.add(&name, tree);
    let place =
        format!("ContentSequence item at byte {}", item.set.elements.first().map_or(0, |element| element.offset));
    cx.mapped(&place, &format!("Observation {reference}"));
    for text in defects {
        let issue = model::Issue::warning(model::IssueType::Value, place.as_str(), text);
        cx.report.issues.push(issue);
    }
    reference
}

fn measured(item: &Object<'_, '_>, to: &mut ElementMut<'_>) {
    let value = item.item(0x0040_a300);
    let number = value.as_ref().and_then(|value| value.text(0x0040_a30a)).and_then(|text| decimal(&text));
    let Some((value, number)) = value.as_ref().zip(number) else {
        let mut reason = to.object("dataAbsentReason");
        if !item.fill_concept(0x0040_a301, &mut reason) {
            let system = "http://terminology.hl7.org/CodeSystem/data-absent-reason";
            reason.item("coding").set("system", system).set("code", "unknown");
        }
        return;
    };
    let mut quantity = to.object("valueQuantity");
    quantity.set("value", Primitive::Number(&number));
    let Some((code, scheme)) = value.code(0x0040_08ea) else { return };
    let meaning = value.meaning(0x0040_08ea);
    quantity.set("unit", meaning.as_deref().unwrap_or(&code));
    if let Some(ucum) = ucum::code(&code).filter(|_| matches!(scheme.as_str(), "UCUM" | "")) {
        quantity.set("system", UCUM).set("code", ucum);
    }
}
