//! Sections: their family by code, their narrative, their entries.

use std::collections::HashMap;
use std::sync::LazyLock;

use model::Tree;

use super::coded;
use super::context::Context;
use super::entries;
use super::narrative;
use super::people;
use super::read::Node;

/// What the entries of a section speak of: it decides how an entry is read that does not say itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Family {
    Problems,
    PastProblems,
    Allergies,
    Medications,
    Procedures,
    Devices,
    Immunizations,
    Results,
    Findings,
    Vitals,
    Social,
    Pregnancy,
    Functional,
    Plan,
    Directives,
    Alerts,
    Encounters,
    Other,
}

impl Family {
    /// The family of a section with this LOINC code.
    pub(super) fn of(code: &str) -> Family {
        static FAMILIES: LazyLock<HashMap<&str, Family>> = LazyLock::new(|| {
            let rows = include_str!("sections.tsv").lines().filter(|line| !line.starts_with('#'));
            rows.filter_map(|line| line.split_once('\t')).map(|(code, name)| (code, named(name))).collect()
        });
        FAMILIES.get(code).copied().unwrap_or(Family::Other)
    }

    /// The code of `observation-category` for its observations.
    pub(super) fn observation_category(self) -> Option<&'static str> {
        Some(match self {
            Family::Results => "laboratory",
            Family::Vitals => "vital-signs",
            Family::Social | Family::Pregnancy => "social-history",
            Family::Findings => "exam",
            Family::Functional => "survey",
            _ => return None,
        })
    }

    /// Whether its observations must say when, or why not.
    pub(super) fn needs_time(self) -> bool {
        matches!(self, Family::Results | Family::Vitals | Family::Social | Family::Pregnancy | Family::Functional)
    }
}

fn named(name: &str) -> Family {
    match name {
        "problems" => Family::Problems,
        "past-problems" => Family::PastProblems,
        "allergies" => Family::Allergies,
        "medications" => Family::Medications,
        "procedures" => Family::Procedures,
        "devices" => Family::Devices,
        "immunizations" => Family::Immunizations,
        "results" => Family::Results,
        "findings" => Family::Findings,
        "vitals" => Family::Vitals,
        "social" => Family::Social,
        "pregnancy" => Family::Pregnancy,
        "functional" => Family::Functional,
        "plan" => Family::Plan,
        "directives" => Family::Directives,
        "alerts" => Family::Alerts,
        "encounters" => Family::Encounters,
        _ => Family::Other,
    }
}

/// One section of the source, converted.
pub(super) struct Section<'d> {
    /// Its LOINC code, where it has one.
    pub(super) code: Option<&'d str>,
    /// Its title; that of its code where it has none.
    pub(super) title: String,
    /// A holder of `code`, and of `author` where the section has its own.
    pub(super) parts: Tree,
    /// Its narrative as an XHTML `div`.
    pub(super) div: Option<String>,
    /// References to what its entries became.
    pub(super) entries: Vec<String>,
    /// The null flavour that says why it is empty.
    pub(super) flavor: Option<&'d str>,
}

/// Converts all sections of the body, nested ones after the one they stand in.
pub(super) fn sections<'d>(cx: &mut Context<'_>, body: Node<'d>) -> Vec<Section<'d>> {
    let mut converted = Vec::new();
    for component in body.all("component") {
        for section in component.all("section") {
            convert(cx, section, &mut converted);
        }
    }
    converted
}

fn convert<'d>(cx: &mut Context<'_>, source: Node<'d>, converted: &mut Vec<Section<'d>>) {
    let code = source.get("code");
    let loinc = code.and_then(|code| code.peek("code"));
    let family = family(source, loinc);
    let mut parts = Tree::new("Composition");
    let mut to = parts.edit();
    if let Some(code) = code.filter(|code| coded::names_something(cx, *code)) {
        coded::fill_concept(cx, code, &mut to.object("code"));
    }
    let title = source.get("title").and_then(Node::text);
    let title = title.or_else(|| code.and_then(|code| code.peek("displayName")).map(str::to_owned));
    let title = title.or_else(|| loinc.map(str::to_owned)).unwrap_or_else(|| "Section".to_owned());
    for author in source.all("author") {
        if let Some(party) = people::participant(cx, author) {
            to.item("author").set("reference", &party.reference);
        }
        if let Some(time) = author.get("time") {
            time.take_attributes();
            if let Some(value) = time.peek("value") {
                cx.note(
                    time,
                    format!("The section's author took part at {value}, which Composition.section cannot say."),
                );
            }
        }
    }
    let div = source.get("text").and_then(|text| narrative::div(cx, text));
    let mut references = Vec::new();
    for entry in source.all("entry") {
        entry.null_flavor();
        references.extend(entries::entry(cx, entry, family));
    }
    cx.mapped(source, &format!("Composition.section {title:?}"));
    converted.push(Section { code: loinc, title, parts, div, entries: references, flavor: source.null_flavor() });
    for component in source.all("component") {
        for inner in component.all("section") {
            convert(cx, inner, converted);
        }
    }
}

/// The family by code; a section inside another that has no code of its own is of the family around it.
fn family(source: Node<'_>, loinc: Option<&str>) -> Family {
    if let Some(code) = loinc {
        let found = Family::of(code);
        if found != Family::Other {
            return found;
        }
    }
    let around = source.parent().and_then(|component| component.parent()).filter(|around| around.name() == "section");
    match around {
        Some(around) => family(around, around.get("code").and_then(|code| code.peek("code"))),
        None => Family::Other,
    }
}
