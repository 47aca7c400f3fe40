//! Faults in what the European guides ask of a document: its sections, its entries, the profiles it claims.

use model::{Element, Tree};

use super::{Places, Put, copy, with_value};

/// An entry whose resource is of a type that does not exist.
pub(super) fn alien_resource(places: &Places<'_>, element: Element<'_>) -> Put {
    (element.name() == "resource" && element.resource_type().is_some()).then(|| {
        let mut tree = copy(element);
        tree.edit_at(element.id()).set_resource_type("Patience");
        (places.path(element), tree)
    })
}

/// The Composition whose profile requires a section, which is the only one with its code.
fn required_section<'t>(places: &Places<'_>, element: Element<'t>) -> Option<Element<'t>> {
    let composition = element.parent().filter(|parent| parent.resource_type() == Some("Composition"))?;
    if element.name() != "section" {
        return None;
    }
    let code = |section: Element<'_>| section.text_at("code.coding.code").map(str::to_owned);
    let own = code(element)?;
    let claimed = composition.every("meta.profile");
    let category = places.catalog.categories().iter().find(|category| {
        let profile = category.composition_profile.as_deref();
        claimed.iter().any(|claimed| claimed.text().map(|text| text.split('|').next()) == Some(profile))
    })?;
    let required = category.sections.iter().any(|section| section.required && *section.code == *own);
    let alone = composition.all("section").filter(|other| code(*other).as_deref() == Some(&own)).count() == 1;
    (required && alone).then_some(composition)
}

/// Without a section that the profile of the document requires.
pub(super) fn no_section(places: &Places<'_>, element: Element<'_>) -> Put {
    let composition = required_section(places, element)?;
    let mut tree = copy(element);
    tree.edit_at(element.id()).detach();
    Some((places.path(composition), tree))
}

/// With another code on such a section.
pub(super) fn other_section(places: &Places<'_>, element: Element<'_>) -> Put {
    let composition = required_section(places, element)?;
    let code = element.at("code.coding.code")?;
    Some((places.path(composition), with_value(code, "0-0")))
}

/// Vital signs whose units R4 fixes: body weight, height and temperature, heart and breathing rate, pressures, saturation.
const VITAL_SIGNS: [&str; 8] = ["29463-7", "8302-2", "8310-5", "8867-4", "9279-1", "8480-6", "8462-4", "2708-6"];

/// A unit of UCUM that is none of the vital sign.
pub(super) fn other_unit(places: &Places<'_>, element: Element<'_>) -> Put {
    let quantity = element.parent().filter(|parent| parent.name() == "valueQuantity")?;
    let observation = quantity.parent().filter(|parent| parent.resource_type() == Some("Observation"))?;
    let codes = observation.every("code.coding.code");
    let is_vital = codes.iter().any(|code| code.text().is_some_and(|code| VITAL_SIGNS.contains(&code)));
    (is_vital && element.name() == "code").then(|| (places.path(quantity), with_value(element, "mol")))
}

/// A claim of a profile in a version that does not exist.
pub(super) fn unknown_version(places: &Places<'_>, element: Element<'_>) -> Put {
    let is_claim = element.name() == "profile" && element.parent()?.name() == "meta";
    let url = element.text().filter(|_| is_claim)?.split('|').next()?;
    places.catalog.structure(url).ok()?;
    Some((places.path(element), with_value(element, &format!("{url}|99.0.0"))))
}

/// A fullUrl that is none, or that of another resource.
pub(super) fn bad_full_url(places: &Places<'_>, element: Element<'_>) -> Put {
    let url = element.text().filter(|_| element.name() == "fullUrl")?;
    let changed = match element.id().index() % 3 {
        0 => "Patient/x".to_owned(),
        1 => "urn:uuid:NO".to_owned(),
        _ if url.starts_with("http") => format!("{url}x"),
        _ => "x".to_owned(),
    };
    Some((places.path(element), with_value(element, &changed)))
}

/// Two entries of one fullUrl and version.
pub(super) fn same_full_url(places: &Places<'_>, element: Element<'_>) -> Put {
    let root = element.tree().root();
    let first = root.get("entry")?.text_at("fullUrl")?;
    let is_other = element.name() == "fullUrl" && element.text() != Some(first);
    is_other.then(|| -> (String, Tree) { (places.path(root), with_value(element, first)) })
}

/// An entry of a document that asks for something.
pub(super) fn request(places: &Places<'_>, element: Element<'_>) -> Put {
    let in_document = element.name() == "entry" && element.parent()?.text_at("type") == Some("document");
    in_document.then(|| {
        let mut tree = copy(element);
        tree.edit_at(element.id()).object("request").set("method", "POST").set("url", "Patient");
        (places.path(element.tree().root()), tree)
    })
}

/// Without what opens a document: its time, its identifier, its type, its author.
pub(super) fn no_opening(places: &Places<'_>, element: Element<'_>) -> Put {
    let holder = element.parent()?;
    let needed = match holder.resource_type() {
        Some("Bundle") => matches!(element.name(), "timestamp" | "identifier" | "type"),
        Some("Composition") => matches!(element.name(), "status" | "type" | "date" | "title"),
        _ => false,
    };
    needed.then(|| {
        let mut tree = copy(element);
        tree.edit_at(element.id()).detach();
        (places.path(holder), tree)
    })
}
