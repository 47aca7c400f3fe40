//! What a European document asks of its sections, as data: LOINC code, allowed types of entries, whether it is required,
//! its title.

use model::{ElementMut, Tree};

use super::sections::Placed;
use crate::cda::context::Context;
use crate::cda::read::Node;
use crate::cda::section::{self, Family};

/// One row of a table of sections.
pub(super) struct Rule {
    /// LOINC code.
    pub(super) code: &'static str,
    types: &'static str,
    required: bool,
    title: &'static str,
}

impl Rule {
    /// Whether a resource of a type may be an entry; `*` allows all.
    pub(super) fn allows(&self, kind: &str) -> bool {
        self.types.split(',').any(|allowed| allowed == "*" || allowed == kind)
    }
}

/// The rows of a table.
pub(super) fn rules(table: &'static str) -> Vec<Rule> {
    let rows = table.lines().filter(|line| !line.starts_with('#'));
    rows.filter_map(|row| {
        let mut cells = row.split('\t');
        let (code, types, required, title) = (cells.next()?, cells.next()?, cells.next()?, cells.next()?);
        Some(Rule { code, types, required: required == "required", title })
    })
    .collect()
}

/// A section with the code and the family that place it.
pub(super) type Slot<'d> = (Option<&'d str>, Family, Placed);

/// The source's sections, those of one code together.
pub(super) fn place<'d>(
    cx: &mut Context<'d>,
    root: Node<'d>,
    alias: &dyn Fn(&str) -> Option<&'static str>,
) -> Vec<Slot<'d>> {
    let mut placed: Vec<Slot<'d>> = Vec::new();
    let Some(body) = root.at("component/structuredBody") else { return placed };
    for section in section::sections(cx, body) {
        let family = section.code.map_or(Family::Other, Family::of);
        let other = section.code.and_then(alias);
        let code = other.or(section.code);
        let mut next = Placed::of(section);
        next.code = other;
        match placed.iter_mut().find(|(known, _, _)| code.is_some() && *known == code) {
            Some((_, _, first)) => first.merge(next),
            None => placed.push((code, family, next)),
        }
    }
    placed
}

/// Gives each required section its place: the source's own, one of the same family under another code, or an empty one.
pub(super) fn require<'d>(cx: &mut Context<'d>, root: Node<'d>, rules: &[Rule], placed: &mut Vec<Slot<'d>>) {
    for rule in rules.iter().filter(|rule| rule.required) {
        if placed.iter().any(|(code, _, _)| *code == Some(rule.code)) {
            continue;
        }
        let family = Family::of(rule.code);
        let free = |code: &Option<&str>| !code.is_some_and(|code| rules.iter().any(|rule| rule.code == code));
        let other = placed.iter_mut().find(|(code, of, _)| family != Family::Other && *of == family && free(code));
        match other {
            Some((code, _, section)) => {
                *code = Some(rule.code);
                section.code = Some(rule.code);
            }
            None => {
                cx.note(
                    root,
                    format!("The source has no section {} ({}); the European one says so.", rule.code, rule.title),
                );
                placed.push((Some(rule.code), family, Placed::missing(rule.code, rule.title)));
            }
        }
    }
}

/// A section of its own for entries that their section may not hold.
pub(super) fn further(entries: Vec<String>) -> Option<Placed> {
    let mut section = Placed::missing("48767-8", "Further entries");
    section.from_source = true;
    section.entries = entries;
    (!section.entries.is_empty()).then_some(section)
}

/// Writes the sections, then the entries that none of them may hold.
pub(super) fn write(cx: &mut Context<'_>, placed: Vec<Slot<'_>>, moved: Vec<String>, to: &mut ElementMut<'_>) {
    let sections = placed.into_iter().map(|(_, _, section)| section).chain(further(moved));
    sections.for_each(|section| section.write(cx, to));
}

/// Planned activities stand in a CarePlan.
pub(super) fn care_plan(cx: &mut Context<'_>, title: &str, planned: &[String]) -> String {
    const REQUESTS: [&str; 9] = [
        "Appointment",
        "CommunicationRequest",
        "DeviceRequest",
        "MedicationRequest",
        "NutritionOrder",
        "Task",
        "ServiceRequest",
        "VisionPrescription",
        "RequestGroup",
    ];
    let mut tree = Tree::new("CarePlan");
    let mut to = tree.edit();
    to.set("status", "active").set("intent", "plan").set("title", title);
    cx.set_patient(&mut to, "subject");
    for reference in planned {
        let kind = cx.document.type_of(reference);
        if REQUESTS.contains(&kind) {
            to.item("activity").object("reference").set("reference", reference);
        } else if kind == "Goal" {
            to.item("goal").set("reference", reference);
        } else {
            to.item("supportingInfo").set("reference", reference);
        }
    }
    cx.document.add(&format!("CarePlan {title} {}", planned.join(" ")), tree)
}
