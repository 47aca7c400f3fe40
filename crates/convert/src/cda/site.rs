//! Body sites: the place as a concept, and its side or part as a BodyStructure, so that "left" stays a code of its own
//! (<http://hl7.org/fhir/R4/bodystructure.html>, <http://hl7.org/fhir/R4/extension-bodysite.html>).

use model::{ElementMut, Tree};

use super::coded;
use super::context::Context;
use super::read::Node;

const STRUCTURE: &str = "http://hl7.org/fhir/StructureDefinition/bodySite";

/// Fills the concept of a `bodySite` from a `targetSiteCode` or `approachSiteCode`.
pub(super) fn fill(cx: &mut Context<'_>, site: Node<'_>, to: &mut ElementMut<'_>) {
    coded::fill_concept(cx, site, to);
    let sides: Vec<Node<'_>> = site
        .all("qualifier")
        .filter_map(|qualifier| qualifier.get("value"))
        .filter(|value| coded::names_something(cx, *value))
        .collect();
    if sides.is_empty() {
        return;
    }
    let mut tree = Tree::new("BodyStructure");
    let mut structure = tree.edit();
    for coding in to.as_element().all("coding").take(1) {
        structure.object("location").copy(coding);
    }
    structure.object("location").set_some("text", coded::original_text(cx, site).as_deref());
    for side in sides {
        coded::fill_concept(cx, side, &mut structure.item("locationQualifier"));
    }
    cx.set_patient(&mut structure, "patient");
    let reference = cx.document.add_once(tree);
    to.item("extension").set("url", STRUCTURE).object("valueReference").set("reference", &reference);
}

/// Appends to the repeating `bodySite` where the element names a place.
pub(super) fn push(cx: &mut Context<'_>, site: Node<'_>, to: &mut ElementMut<'_>) {
    if coded::names_something(cx, site) {
        fill(cx, site, &mut to.item("bodySite"));
    }
}
