//! Medicinal products: `manufacturedProduct` with the pharmacy extensions into Medication
//! (<http://hl7.eu/fhir/base/StructureDefinition/medication-eu-core>, <http://hl7.eu/fhir/mpd/StructureDefinition/Medication-eu-mpd>).

use model::{ElementMut, Tree};

use super::coded;
use super::context::Context;
use super::parts;
use super::people;
use super::quantity;
use super::read::Node;
use super::time;

const CLASSIFICATION: &str = "https://profiles.ihe.net/PHARM/MPD/StructureDefinition/ihe-ext-medication-classification";
const PRODUCT_NAME: &str = "https://profiles.ihe.net/PHARM/MPD/StructureDefinition/ihe-ext-medication-productname";
const SIZE_OF_ITEM: &str = "https://profiles.ihe.net/PHARM/MPD/StructureDefinition/ihe-ext-medication-sizeofitem";
const CHARACTERISTIC: &str = "https://profiles.ihe.net/PHARM/MPD/StructureDefinition/ihe-ext-medication-characteristic";
const PACKAGE_TYPE: &str = "http://hl7.eu/fhir/StructureDefinition/medication-package-type";

/// The Medication of a `manufacturedProduct`, equal ones once; `None` where it names nothing.
pub(super) fn medication(cx: &mut Context<'_>, product: Node<'_>, profile: &str) -> Option<String> {
    let material = product.get("manufacturedMaterial").or(product.get("manufacturedLabeledDrug"))?;
    let code = material.get("code").filter(|code| coded::names_something(cx, *code));
    let name = material.all("name").find_map(|name| name.text().or_else(|| name.null_flavor().and(None)));
    let ingredients: Vec<Node<'_>> = material.all("ingredient").collect();
    let kinds: Vec<Node<'_>> = material.all("asSpecializedKind").filter_map(kind_of).collect();
    if code.is_none() && name.is_none() && ingredients.is_empty() && kinds.is_empty() {
        material.get("code").and_then(Node::null_flavor);
        return None;
    }
    let mut tree = Tree::new("Medication");
    let mut to = tree.edit();
    to.object("meta").push("profile", profile);
    for kind in &kinds {
        let Some(code) = kind.get("code").filter(|code| coded::names_something(cx, *code)) else { continue };
        let name = kind.get("name").and_then(Node::text);
        let mut extension = to.item("extension");
        extension.set("url", CLASSIFICATION);
        let mut concept = extension.object("valueCodeableConcept");
        coded::fill_concept(cx, code, &mut concept);
        if concept.as_element().get("text").is_none() {
            concept.set_some("text", name.as_deref());
        }
    }
    if let Some(name) = &name {
        to.item("extension").set("url", PRODUCT_NAME).set("valueString", name);
    }
    package(cx, material, &mut to);
    for id in product.all("id").chain(material.all("id")) {
        parts::push_identifier(cx, id, &mut to, "identifier");
    }
    set_code(cx, material, code, name, &kinds, &mut to);
    if let Some(maker) = product.get("manufacturerOrganization").and_then(|maker| people::organization(cx, maker)) {
        to.object("manufacturer").set("reference", &maker);
    }
    if let Some(form) = material.get("formCode") {
        coded::set_concept(cx, Some(form).filter(|form| coded::names_something(cx, *form)), &mut to, "form");
        form.null_flavor();
    }
    for part in ingredients {
        ingredient(cx, part, &mut to);
    }
    for part in material.all("part").filter_map(|part| part.get("partProduct")) {
        if let Some(reference) = part_product(cx, part, profile) {
            to.item("ingredient").object("itemReference").set("reference", &reference);
        }
    }
    batch(cx, material, &mut to);
    Some(cx.document.add_once(tree))
}

fn kind_of(kind: Node<'_>) -> Option<Node<'_>> {
    ["generalizedMaterialKind", "generalizedMedicineClass", "generalizedPharmaceuticalClass"]
        .iter()
        .find_map(|name| kind.get(name))
}

/// One part of a kit, a Medication of its own.
fn part_product(cx: &mut Context<'_>, part: Node<'_>, profile: &str) -> Option<String> {
    let mut tree = Tree::new("Medication");
    let mut to = tree.edit();
    to.object("meta").push("profile", profile);
    package(cx, part, &mut to);
    let code = part.get("code").filter(|code| coded::names_something(cx, *code));
    let name = part.all("name").find_map(Node::text);
    set_code(cx, part, code, name, &[], &mut to);
    coded::set_concept(cx, part.get("formCode").filter(|form| coded::names_something(cx, *form)), &mut to, "form");
    for ingredient_part in part.all("ingredient") {
        ingredient(cx, ingredient_part, &mut to);
    }
    Some(cx.document.add_once(tree))
}

/// The product code, named; where the product itself has none, what it is made of or classified as names it.
fn set_code(
    cx: &mut Context<'_>,
    material: Node<'_>,
    code: Option<Node<'_>>,
    name: Option<String>,
    kinds: &[Node<'_>],
    to: &mut ElementMut<'_>,
) {
    let desc = material.get("desc").and_then(Node::text);
    let named = match (name, desc) {
        (Some(name), Some(desc)) => Some(format!("{name}, {desc}")),
        (name, desc) => name.or(desc),
    };
    if let Some(code) = code {
        coded::fill_concept(cx, code, &mut to.object("code"));
    } else {
        material.get("code").and_then(Node::null_flavor);
    }
    if let Some(named) = &named {
        match to.as_element().text_at("code.text").map(str::to_owned) {
            Some(text) if text.contains(named.as_str()) => {}
            Some(text) => {
                to.object("code").set("text", &format!("{named} ({text})"));
            }
            None => {
                to.object("code").set("text", named);
            }
        }
    }
    if to.as_element().get("code").is_some() {
        return;
    }
    let label = |node: Node<'_>| {
        let code = node.get("code");
        let text = code.and_then(|code| coded::original_text(cx, code).or(code.peek("displayName").map(str::to_owned)));
        text.or_else(|| node.get("name").and_then(Node::peek_text))
            .or_else(|| code.and_then(|code| code.peek("code")).map(str::to_owned))
    };
    let substances = material.all("ingredient").filter_map(substance_of).filter_map(label).collect::<Vec<_>>();
    let labels = if substances.is_empty() { kinds.iter().copied().filter_map(label).collect() } else { substances };
    match labels.is_empty() {
        false => {
            to.object("code").set("text", &labels.join(" + "));
        }
        true => coded::absent(&mut to.object("code"), None),
    }
}

fn substance_of(part: Node<'_>) -> Option<Node<'_>> {
    ["ingredientSubstance", "ingredient", "ingredientMaterialKind"].iter().find_map(|name| part.get(name))
}

fn ingredient(cx: &mut Context<'_>, part: Node<'_>, to: &mut ElementMut<'_>) {
    let Some(substance) = substance_of(part) else { return };
    let mut item = to.item("ingredient");
    let code = substance.get("code").filter(|code| coded::names_something(cx, *code));
    let name = substance.all("name").find_map(Node::text);
    match code {
        Some(code) => {
            let mut concept = item.object("itemCodeableConcept");
            coded::fill_concept(cx, code, &mut concept);
            if concept.as_element().get("text").is_none() {
                concept.set_some("text", name.as_deref());
            } else if let Some(name) = name {
                let text = concept.as_element().text_at("text").unwrap_or_default().to_owned();
                if !text.contains(&name) {
                    concept.set("text", &format!("{name} ({text})"));
                }
            }
        }
        None => {
            let flavor = substance.get("code").and_then(Node::null_flavor);
            match name {
                Some(name) => {
                    item.object("itemCodeableConcept").set("text", &name);
                }
                None => coded::absent(&mut item.object("itemCodeableConcept"), flavor),
            }
        }
    }
    match part.peek("classCode") {
        Some("ACTI" | "ACTIB" | "ACTIM" | "ACTIR") => {
            item.set("isActive", true);
        }
        Some("IACT" | "ADTV" | "BASE" | "COLR" | "FLVR" | "PRSV" | "STBL") => {
            item.set("isActive", false);
        }
        _ => {}
    }
    if let Some(strength) = part.get("quantity") {
        let known = ["numerator", "denominator"].iter().any(|name| {
            strength.get(name).is_some_and(|node| node.peek("value").is_some() || quantity::is_range(node))
        });
        if known {
            quantity::fill_ratio(cx, strength, &mut item.object("strength"));
            // rat-1: a ratio with one side only is none.
            let ratio = item.as_element().get("strength");
            let sides = ratio.map_or(0, |ratio| ratio.children().count());
            if sides == 1 {
                let missing = if ratio.is_some_and(|ratio| ratio.get("numerator").is_some()) {
                    "denominator"
                } else {
                    "numerator"
                };
                let flavor = strength.get(missing).and_then(Node::null_flavor);
                coded::absent(&mut item.object("strength").object(missing).primitive("value"), flavor);
            }
        } else {
            strength.descendants().for_each(|node| {
                node.null_flavor();
            });
        }
    }
}

/// How it is packed: kind of package, what is in it, the size of one item.
fn package(cx: &mut Context<'_>, material: Node<'_>, to: &mut ElementMut<'_>) {
    let Some(content) = material.get("asContent") else { return };
    let container = ["containerPackagedMedicine", "containerPackagedProduct"].iter().find_map(|name| content.get(name));
    let valued = |node: &Node<'_>| node.peek("value").is_some();
    let filled =
        content.get("quantity").filter(|node| valued(node) || node.at("numerator").is_some_and(|part| valued(&part)));
    let capacity = container.and_then(|container| container.get("capacityQuantity")).filter(valued);
    if let (Some(_), Some(capacity)) = (filled, capacity) {
        let mut extension = to.item("extension");
        extension.set("url", SIZE_OF_ITEM);
        quantity::fill_quantity(cx, capacity, &mut extension.object("valueQuantity"));
    }
    if let Some(amount) = filled.or(capacity) {
        let mut ratio = to.object("amount");
        if amount.get("numerator").is_some() {
            quantity::fill_ratio(cx, amount, &mut ratio);
        } else {
            quantity::fill_quantity(cx, amount, &mut ratio.object("numerator"));
            ratio.object("denominator").set("value", 1);
        }
    }
    let Some(container) = container else { return };
    outer_packages(cx, container, to);
    container.get("capacityQuantity").and_then(Node::null_flavor);
    if let Some(form) = container.get("formCode").filter(|form| coded::names_something(cx, *form)) {
        let mut extension = to.item("extension");
        extension.set("url", PACKAGE_TYPE);
        coded::fill_concept(cx, form, &mut extension.object("valueCodeableConcept"));
    }
    if let Some(name) = container.get("name").and_then(Node::text) {
        let known = to.as_element().all("extension").any(|extension| extension.text_at("valueString") == Some(&name));
        let taken = to.as_element().all("extension").any(|extension| extension.text_at("url") == Some(PRODUCT_NAME));
        if !taken {
            to.item("extension").set("url", PRODUCT_NAME).set("valueString", &name);
        } else if !known {
            cx.note(container, format!("The package is named {name:?}."));
            let place = to.as_element().text_at("code.text").map(str::to_owned);
            to.object("code").set("text", &place.map_or(name.clone(), |text| format!("{text} ({name})")));
        }
    }
    if let Some(code) = container.get("code").filter(|code| coded::names_something(cx, *code)) {
        let mut package = Tree::new("Medication");
        coded::fill_concept(cx, code, &mut package.edit().object("code"));
        for coding in package.root().every("code.coding") {
            to.object("code").copy(coding);
        }
    }
}

/// The packages around the innermost one: what each is, and how many of the next smaller it holds.
fn outer_packages(cx: &mut Context<'_>, container: Node<'_>, to: &mut ElementMut<'_>) {
    let mut inner = container;
    while let Some(content) = inner.get("asContent") {
        let Some(outer) =
            ["containerPackagedMedicine", "containerPackagedProduct"].iter().find_map(|name| content.get(name))
        else {
            return;
        };
        if let Some(form) = outer.get("formCode").filter(|form| coded::names_something(cx, *form)) {
            characteristic(to, "Outer package", |value| {
                coded::fill_concept(cx, form, &mut value.object("valueCodeableConcept"));
            });
        }
        if let Some(amount) = content.get("quantity").filter(|amount| amount.peek("value").is_some()) {
            characteristic(to, "Packages in the outer package", |value| {
                quantity::fill_quantity(cx, amount, &mut value.object("valueQuantity"));
            });
        }
        if let Some(code) = outer.get("code").filter(|code| coded::names_something(cx, *code)) {
            characteristic(to, "Code of the outer package", |value| {
                coded::fill_concept(cx, code, &mut value.object("valueCodeableConcept"));
            });
        }
        if let Some(name) = outer.get("name").and_then(Node::text) {
            characteristic(to, "Name of the outer package", |value| {
                value.set("valueString", &name);
            });
        }
        inner = outer;
    }
}

fn characteristic(to: &mut ElementMut<'_>, what: &str, fill: impl FnOnce(&mut ElementMut<'_>)) {
    let mut extension = to.item("extension");
    extension.set("url", CHARACTERISTIC);
    extension.item("extension").set("url", "type").object("valueCodeableConcept").set("text", what);
    let mut value = extension.item("extension");
    fill(value.set("url", "value"));
}

fn batch(cx: &mut Context<'_>, material: Node<'_>, to: &mut ElementMut<'_>) {
    if let Some(lot) = material.get("lotNumberText").and_then(Node::text) {
        to.object("batch").set("lotNumber", &lot);
    }
    if let Some(expiry) = material.get("expirationTime").filter(|time| time.peek("value").is_some()) {
        time::set_time(cx, expiry, &mut to.object("batch"), "expirationDate");
    }
}
