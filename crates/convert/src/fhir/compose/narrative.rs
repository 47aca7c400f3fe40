//! Resources as a table that a clinician reads: <http://hl7.org/fhir/R4/narrative.html>. One row a resource; nothing that
//! changes what a row means (negation, doubt, error, prohibition) is left out of it.

use std::collections::HashSet;

use model::Element;

use super::words::Language;
use crate::fhir::pool::{Member, Pool};
use crate::markup::escape;

/// One row.
#[derive(Default)]
struct Row {
    what: String,
    value: String,
    when: String,
    status: String,
    details: Vec<String>,
}

/// The `div` of a section over its resources; says that nothing is available where there are none.
pub(crate) fn section<'p>(pool: &'p Pool, members: &[&'p Member], language: Language, free: &[&str]) -> String {
    let mut html = format!("<div xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"{0}\" xml:lang=\"{0}\">", language.tag);
    for text in free {
        html.push_str("<p>");
        escape(text, &mut html);
        html.push_str("</p>");
    }
    if members.is_empty() && free.is_empty() {
        html.push_str("<p>");
        escape(language.word("missing"), &mut html);
        html.push_str("</p>");
    }
    if !members.is_empty() {
        html.push_str("<table><thead><tr>");
        for key in ["what", "value", "when", "status", "details"] {
            cell("th", language.word(key), &mut html);
        }
        html.push_str("</tr></thead><tbody>");
        let mut seen = HashSet::new();
        for member in members {
            rows(pool, member, language, 0, &mut seen, &mut html);
        }
        html.push_str("</tbody></table>");
    }
    html.push_str("</div>");
    html
}

/// The row of a member, and those of the observations that it groups; each once.
fn rows<'p>(
    pool: &'p Pool,
    member: &'p Member,
    language: Language,
    depth: usize,
    seen: &mut HashSet<&'p str>,
    html: &mut String,
) {
    if !seen.insert(&member.url) {
        return;
    }
    let row = row(pool, member, language);
    html.push_str("<tr>");
    let what = if depth == 0 { row.what } else { format!("{} {}", "–".repeat(depth), row.what) };
    for text in [&what, &row.value, &row.when, &row.status, &row.details.join("; ")] {
        cell("td", text, html);
    }
    html.push_str("</tr>");
    if depth >= 4 {
        return;
    }
    for name in ["result", "hasMember"] {
        for reference in member.root().all(name) {
            if let Some(inner) = pool.follow(member, Some(reference)) {
                rows(pool, inner, language, depth + 1, seen, html);
            }
        }
    }
}

fn row(pool: &Pool, member: &Member, language: Language) -> Row {
    let root = member.root();
    let mut row = Row { what: what(pool, member, language), value: value(root), ..Row::default() };
    row.when = when(root);
    let mut status: Vec<&str> = Vec::new();
    // What was refuted or never meant is not "active", whatever its clinical status says.
    let verified = root.text_at("verificationStatus.coding.code");
    let settled = matches!(verified, Some("refuted" | "entered-in-error"));
    let names = ["clinicalStatus", "verificationStatus"].into_iter().skip(usize::from(settled));
    for name in names {
        status.extend(root.every(&format!("{name}.coding.code")).iter().take(1).filter_map(|code| code.text()));
    }
    status.extend(root.text_at("status"));
    row.status = status.iter().map(|code| language.word(code)).collect::<Vec<_>>().join(", ");
    if root.text_at("doNotPerform") == Some("true") {
        row.status = format!("{} ({})", language.word("prohibited"), row.status);
    }
    row.details = details(pool, member, language);
    row
}

fn what(pool: &Pool, member: &Member, language: Language) -> String {
    let root = member.root();
    let named = ["code", "medicationCodeableConcept", "vaccineCode", "type", "category", "scope", "class"];
    let text = match member.kind() {
        "CarePlan" | "RequestGroup" | "Goal" | "ClinicalImpression" | "ImagingStudy" | "DocumentReference" => {
            let free = ["title", "description", "summary"].iter().find_map(|name| root.text_at(name));
            free.map(str::to_owned).or_else(|| concept_at(root, "description"))
        }
        "MedicationRequest" | "MedicationStatement" | "MedicationDispense" | "MedicationAdministration" => {
            concept_at(root, "medicationCodeableConcept").or_else(|| medication(pool, member))
        }
        "DeviceUseStatement" => pool.follow(member, root.get("device")).map(|device| device_name(device.root())),
        "Device" => Some(device_name(root)),
        "FamilyMemberHistory" => concept_at(root, "relationship"),
        "Practitioner" | "RelatedPerson" | "Organization" | "Location" | "Patient" => name(root),
        _ => None,
    };
    let text = text.filter(|text| !text.is_empty()).or_else(|| named.iter().find_map(|name| concept_at(root, name)));
    let display = || {
        ["medicationReference.display", "device.display"].iter().find_map(|path| root.text_at(path)).map(str::to_owned)
    };
    text.or_else(display).unwrap_or_else(|| format!("{} ({})", language.word("unnamed"), member.kind()))
}

/// The name of the medication that a member refers to, in the pool or contained.
fn medication(pool: &Pool, member: &Member) -> Option<String> {
    let reference = member.root().get("medicationReference")?;
    let contained = reference
        .text_at("reference")
        .and_then(|text| text.strip_prefix('#'))
        .and_then(|id| member.root().all("contained").find(|resource| resource.text_at("id") == Some(id)));
    let resource = contained.or_else(|| pool.follow(member, Some(reference)).map(Member::root));
    let named = resource.and_then(|resource| {
        concept_at(resource, "code").or_else(|| {
            let items: Vec<String> =
                resource.every("ingredient.itemCodeableConcept").into_iter().filter_map(concept).collect();
            (!items.is_empty()).then(|| items.join(" + "))
        })
    });
    named.or_else(|| reference.text_at("display").map(str::to_owned))
}

fn device_name(device: Element<'_>) -> String {
    let name = device.text_at("deviceName.name").map(str::to_owned);
    let parts = [concept_at(device, "type"), name, device.text_at("modelNumber").map(str::to_owned)];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn name(resource: Element<'_>) -> Option<String> {
    let name = resource.get("name")?;
    if let Some(text) = name.text().or_else(|| name.text_at("text")) {
        return Some(text.to_owned());
    }
    let parts: Vec<&str> =
        name.every("given").into_iter().chain(name.all("family")).filter_map(Element::text).collect();
    Some(parts.join(" "))
}

fn value(root: Element<'_>) -> String {
    let mut parts: Vec<String> = Vec::new();
    for child in root.children().filter(|child| child.name().starts_with("value") && child.name() != "valueSet") {
        parts.extend(any(child));
    }
    parts.extend(concept_at(root, "dataAbsentReason").map(|reason| format!("({reason})")));
    for component in root.all("component") {
        let inner: Vec<String> =
            component.children().filter(|child| child.name().starts_with("value")).filter_map(any).collect();
        let inner = if inner.is_empty() {
            concept_at(component, "dataAbsentReason").map(|reason| format!("({reason})")).unwrap_or_default()
        } else {
            inner.join(" ")
        };
        parts.push(format!("{}: {inner}", concept_at(component, "code").unwrap_or_default()));
    }
    let flags: Vec<String> = root.all("interpretation").filter_map(concept).collect();
    if !flags.is_empty() {
        parts.push(format!("[{}]", flags.join(", ")));
    }
    parts.join("; ")
}

fn when(root: Element<'_>) -> String {
    const STEMS: [&str; 10] = [
        "effective",
        "onset",
        "performed",
        "occurrence",
        "timing",
        "period",
        "started",
        "authoredOn",
        "date",
        "whenHandedOver",
    ];
    let child = STEMS.iter().find_map(|stem| root.children().find(|child| child.name().starts_with(stem)));
    let mut text = child.and_then(any).unwrap_or_default();
    if text.is_empty() {
        text = ["issued", "recordedDate"].iter().find_map(|name| root.text_at(name)).unwrap_or_default().to_owned();
    }
    let by_extension = || {
        let ends = |extension: &Element<'_>| extension.text_at("url").is_some_and(|url| url.ends_with("-abatement"));
        root.all("extension").find(ends)?.children().find(|child| child.name().starts_with("value"))
    };
    let end = root.children().find(|child| child.name().starts_with("abatement")).or_else(by_extension);
    if let Some(end) = end.and_then(any) {
        text = format!("{text} – {end}");
    }
    text
}

fn details(pool: &Pool, member: &Member, language: Language) -> Vec<String> {
    let root = member.root();
    let mut details: Vec<String> = Vec::new();
    let mut say = |key: &str, text: String| {
        if !text.is_empty() {
            details.push(format!("{}: {text}", language.word(key)));
        }
    };
    for name in ["dosageInstruction", "dosage"] {
        for dosage in root.all(name) {
            say("dose", dose(dosage));
        }
    }
    for reaction in root.all("reaction") {
        let mut parts: Vec<String> = reaction.all("manifestation").filter_map(concept).collect();
        parts.extend(reaction.text_at("severity").map(|code| language.word(code).to_owned()));
        say("reaction", parts.join(", "));
    }
    if let Some(criticality) = root.text_at("criticality") {
        say("criticality", language.word(criticality).to_owned());
    }
    for range in root.all("referenceRange") {
        let text = range.text_at("text").map(str::to_owned).or_else(|| any(range));
        say("range", text.unwrap_or_default());
    }
    for name in ["severity", "bodySite", "method", "statusReason", "reasonCode", "category"] {
        let found: Vec<String> = root.all(name).filter_map(concept).collect();
        match name {
            "reasonCode" | "statusReason" => say("reason", found.join(", ")),
            "category" => {}
            _ if found.is_empty() => {}
            _ => say("details", found.join(", ")),
        }
    }
    if let Some(text) = root.text_at("conclusion") {
        say("conclusion", text.to_owned());
    }
    for condition in root.all("condition").filter(|condition| !condition.is_primitive()) {
        say("details", concept_at(condition, "code").unwrap_or_default());
    }
    if let Some(text) = root.all("note").filter_map(|note| note.text_at("text")).reduce(|first, _| first) {
        say("note", text.to_owned());
    }
    let specimen = pool.follow(member, root.get("specimen"));
    if let Some(text) = specimen.and_then(|specimen| concept_at(specimen.root(), "type")) {
        details.push(text);
    }
    details
}

/// A Dosage in words: its own text, else dose, frequency and route.
fn dose(dosage: Element<'_>) -> String {
    if let Some(text) = dosage.text_at("text") {
        return text.to_owned();
    }
    let mut parts: Vec<String> = Vec::new();
    for rate in dosage.all("doseAndRate") {
        parts.extend(rate.children().filter(|child| child.name() != "type").filter_map(any));
    }
    if let Some(repeat) = dosage.at("timing.repeat") {
        let text = |name: &str| repeat.text_at(name).unwrap_or_default();
        if repeat.get("frequency").is_some() || repeat.get("period").is_some() {
            parts.push(format!("{}× / {} {}", text("frequency"), text("period"), text("periodUnit")));
        }
        parts.extend(
            repeat.all("when").chain(repeat.all("dayOfWeek")).filter_map(|code| code.text().map(str::to_owned)),
        );
        parts.extend(repeat.children().filter(|child| child.name().starts_with("bounds")).filter_map(any));
    }
    parts.extend(concept_at(dosage, "route"));
    parts.extend(dosage.text_at("patientInstruction").map(str::to_owned));
    parts.join(", ")
}

fn concept_at(element: Element<'_>, path: &str) -> Option<String> {
    concept(element.at(path)?)
}

/// A CodeableConcept or Coding in words: its text, else the first display, else the first code.
fn concept(concept: Element<'_>) -> Option<String> {
    if concept.is_primitive() {
        return None;
    }
    let codings = concept.every("coding");
    let display = codings.iter().find_map(|coding| coding.text_at("display"));
    let own = concept.text_at("display").or_else(|| concept.text_at("code"));
    let code = codings.iter().find_map(|coding| coding.text_at("code"));
    concept.text_at("text").or(display).or(own).or(code).map(str::to_owned)
}

/// A value of any data type in words.
fn any(value: Element<'_>) -> Option<String> {
    if let Some(text) = value.text() {
        return Some(text.to_owned());
    }
    if let Some(text) = concept(value) {
        // A Quantity has a code too: its number goes before it.
        if value.get("value").is_none() {
            return Some(text);
        }
    }
    if let Some(number) = value.text_at("value") {
        let unit = value.text_at("unit").or_else(|| value.text_at("code")).unwrap_or_default();
        let comparator = value.text_at("comparator").unwrap_or_default();
        return Some(format!("{comparator}{number} {unit}").trim().to_owned());
    }
    let pair = |first: &str, second: &str, between: &str| {
        let (a, b) = (value.get(first), value.get(second));
        (a.is_some() || b.is_some()).then(|| {
            let side = |one: Option<Element<'_>>| one.and_then(any).unwrap_or_default();
            format!("{}{between}{}", side(a), side(b)).trim().to_owned()
        })
    };
    pair("low", "high", " – ")
        .or_else(|| pair("start", "end", " – "))
        .or_else(|| pair("numerator", "denominator", " / "))
        .or_else(|| value.text_at("text").map(str::to_owned))
        .or_else(|| value.text_at("display").map(str::to_owned))
}

fn cell(tag: &str, text: &str, html: &mut String) {
    html.push_str(&format!("<{tag}>"));
    escape(text, html);
    html.push_str(&format!("</{tag}>"));
}
