//! Bundles: <http://hl7.org/fhir/R4/bundle.html>, documents: <http://hl7.org/fhir/R4/documents.html>.

use std::collections::HashSet;

use model::{Element, ElementId, IssueType};

use crate::Map;
use crate::known;
use crate::pass::Pass;
use crate::places::{Target, base_of};

/// The rules of every Bundle, and those of its type.
pub(crate) fn check<'t>(pass: &mut Pass<'_, 't>, bundle: Element<'t>) {
    let ty = bundle.text_at("type").unwrap_or_default();
    links(pass, bundle);
    for entry in bundle.all("entry") {
        full_url(pass, entry, ty);
    }
    let first = bundle.get("entry").and_then(|entry| entry.get("resource"));
    match ty {
        "document" => opening(pass, bundle, first, "Composition"),
        "message" => opening(pass, bundle, first, "MessageHeader"),
        "searchset" => return super::authoring::search_set(pass, bundle),
        _ => return,
    }
    if let Some(first) = first.filter(|first| matches!(first.resource_type(), Some("Composition" | "MessageHeader"))) {
        resolvable(pass, first);
        reachable(pass, bundle, first, ty == "document");
        super::subject::check(pass, bundle, first);
    }
}

/// A link relation stands for one page.
fn links<'t>(pass: &mut Pass<'_, 't>, bundle: Element<'t>) {
    let mut seen = HashSet::new();
    for link in bundle.all("link") {
        let Some(relation) = link.text_at("relation") else { continue };
        let single = matches!(relation, "self" | "first" | "prev" | "previous" | "next" | "last");
        if single && !seen.insert(relation) {
            pass.error(IssueType::Duplicate, link, "bundle", || format!("There is more than one link '{relation}'."));
        }
    }
}

fn full_url<'t>(pass: &mut Pass<'_, 't>, entry: Element<'t>, bundle_type: &str) {
    let Some(resource) = entry.get("resource") else { return };
    let Some(full_url) = entry.get("fullUrl") else {
        let free =
            matches!(bundle_type, "batch" | "transaction" | "batch-response" | "transaction-response" | "history");
        if !free {
            pass.error(IssueType::Required, entry, "bundle", || {
                "An entry must have a fullUrl, except in transactions and batches.".into()
            });
        }
        return;
    };
    let Some(url) = full_url.text() else { return };
    if !url.contains(':') {
        pass.error(IssueType::Invalid, full_url, "bundle", || format!("The fullUrl '{url}' must be absolute."));
        return;
    }
    if base_of(url).is_none() {
        return;
    }
    let Some((rest, id)) = url.rsplit_once('/') else { return };
    let ty = rest.rsplit('/').next().unwrap_or_default();
    if super::resource::root(pass.programs, ty).is_none() {
        return;
    }
    let actual = (resource.resource_type().unwrap_or_default(), resource.text_at("id"));
    match actual.1 {
        None => pass.error(IssueType::Invalid, full_url, "bundle", || {
            format!("The fullUrl '{url}' is that of a resource on a server, but the resource has no id.")
        }),
        Some(own) if own != id || actual.0 != ty => pass.error(IssueType::Invalid, full_url, "bundle", || {
            format!("The fullUrl '{url}' must end with the type and id of the resource (/{}/{own}).", actual.0)
        }),
        Some(_) => {}
    }
}

fn opening<'t>(pass: &mut Pass<'_, 't>, bundle: Element<'t>, first: Option<Element<'t>>, wanted: &str) {
    let found = first.and_then(Element::resource_type);
    if found != Some(wanted) {
        let place = first.unwrap_or(bundle);
        pass.error(IssueType::Invalid, place, "bundle", || format!("The first entry must be a {wanted}."));
    }
}

/// The references of the first resource that a document or message must hold itself.
const CARRIED: [&str; 10] = [
    "Composition.subject",
    "Composition.encounter",
    "Composition.author",
    "Composition.attester.party",
    "Composition.custodian",
    "Composition.event.detail",
    "Composition.section.author",
    "Composition.section.focus",
    "Composition.section.entry",
    "MessageHeader.focus",
];

fn resolvable<'t>(pass: &mut Pass<'_, 't>, first: Element<'t>) {
    let mut found = Vec::new();
    for path in CARRIED {
        let Some((ty, path)) = path.split_once('.') else { continue };
        if first.resource_type() == Some(ty) {
            match path.strip_prefix("section.") {
                Some(name) => sections(first, name, &mut found),
                None => found.extend(first.every(path)),
            }
        }
    }
    for reference in found {
        let Some(text) = reference.text_at("reference") else { continue };
        if pass.places().target(reference, text) != Target::Elsewhere || text.starts_with('#') {
            continue;
        }
        let similar = pass.places().named(reference, text);
        let similar = similar.and_then(Element::parent).and_then(|entry| entry.text_at("fullUrl"));
        pass.error(IssueType::NotFound, reference, "bundle", || {
            let hint = similar.map(|url| format!(" (there is one with that type and id, but its fullUrl is '{url}')"));
            format!("'{text}' is not in this Bundle{}.", hint.unwrap_or_default())
        });
    }
}

fn sections<'t>(holder: Element<'t>, name: &str, found: &mut Vec<Element<'t>>) {
    for section in holder.all("section") {
        found.extend(section.all(name));
        sections(section, name, found);
    }
}

/// Every entry must be linked with the first one, by references in either direction.
fn reachable<'t>(pass: &mut Pass<'_, 't>, bundle: Element<'t>, first: Element<'t>, is_document: bool) {
    let resources: Vec<Element<'t>> = bundle.all("entry").filter_map(|entry| entry.get("resource")).collect();
    let numbers: Map<ElementId, usize> =
        resources.iter().enumerate().map(|(number, resource)| (resource.id(), number)).collect();
    let mut links: Vec<Vec<usize>> = vec![Vec::new(); resources.len()];
    for (number, resource) in resources.iter().enumerate() {
        for target in targets(pass, *resource) {
            let Some(other) = numbers.get(&target.id()).copied() else { continue };
            if let Some(list) = links.get_mut(number) {
                list.push(other);
            }
            if let Some(list) = links.get_mut(other) {
                list.push(number);
            }
        }
    }
    let mut seen = vec![false; resources.len()];
    let mut waiting: Vec<usize> = numbers.get(&first.id()).copied().into_iter().collect();
    while let Some(number) = waiting.pop() {
        if let Some(seen) = seen.get_mut(number)
            && !std::mem::replace(seen, true)
        {
            waiting.extend(links.get(number).into_iter().flatten().copied());
        }
    }
    for (resource, seen) in resources.iter().zip(&seen) {
        let entry = resource.parent().unwrap_or(*resource);
        if *seen {
            continue;
        }
        let severity = if is_document { model::Severity::Error } else { model::Severity::Warning };
        pass.report(severity, IssueType::Informational, entry, "bundle", || {
            let ty = first.resource_type().unwrap_or_default();
            format!("No references, in either direction, connect this entry with the {ty}.")
        });
    }
}

/// What the references in a resource lead to.
fn targets<'t>(pass: &Pass<'_, 't>, resource: Element<'t>) -> Vec<Element<'t>> {
    let mut found = Vec::new();
    for element in resource.descendants() {
        let link =
            known::get(element, &known::REFERENCE).or_else(|| known::get(element, &known::URL)).and_then(Element::text);
        if let Some(text) = link.filter(|text| !text.starts_with('#')) {
            match pass.places().target(element, text) {
                Target::Here(target) => found.push(target),
                Target::Several(several) => found.extend(several),
                Target::Elsewhere => {}
            }
        }
    }
    found
}
