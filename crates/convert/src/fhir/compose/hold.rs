//! Resources that a section's slices cannot hold stand behind a DocumentReference, which every section may hold: the section
//! shows them, the DocumentReference leads to them.

use model::{Element, Issue, IssueType, Tree};

use super::goal::Goal;
use super::words::Language;
use super::{Order, Section};
use crate::fhir::pool::{Member, Pool};
use crate::{Report, identity};

/// Sections whose slices are all Observation, so that no Observation matches just one of them.
const AMBIGUOUS: [&str; 2] = ["29762-2", "10162-6"];
/// The section of results, which asks more of an Observation than FHIR does.
const RESULTS: &str = "30954-2";

/// Puts behind a holder what cannot stand in its section.
pub(super) fn arrange(
    goal: Goal,
    pool: &mut Pool,
    sections: &mut [Section],
    order: &Order<'_>,
    language: Language,
    holders: &mut Vec<(String, Tree)>,
    report: &mut Report,
) {
    for section in sections.iter_mut() {
        let (held, kept): (Vec<usize>, Vec<usize>) = section.members.iter().partition(|place| {
            let member = pool.members.get(**place);
            match section.code {
                RESULTS => member.is_some_and(|member| !fits_results(pool, member, 0)),
                code => AMBIGUOUS.contains(&code) && goal == Goal::Summary,
            }
        });
        if held.is_empty() {
            continue;
        }
        let (url, mut tree) = holder(pool, section.code, order, language);
        let mut to = tree.edit();
        let mut context = to.object("context");
        for member in held.iter().filter_map(|place| pool.members.get(*place)) {
            context.item("related").set("reference", &member.url);
        }
        let kept = kept.iter().filter_map(|place| pool.members.get(*place)).map(|member| member.url.clone());
        section.instead = Some(kept.chain([url.clone()]).collect());
        holders.push((url, tree));
    }
    if goal == Goal::Summary {
        consents(pool, sections, order, language, holders, report);
    }
}

fn holder(pool: &Pool, code: &'static str, order: &Order<'_>, language: Language) -> (String, Tree) {
    let mut tree = Tree::new("DocumentReference");
    let mut to = tree.edit();
    to.set("status", "current");
    if let Some(patient) = pool.members.get(order.patient) {
        to.object("subject").set("reference", &patient.url);
    }
    let title = language.word(code);
    to.set("description", title);
    to.item("content").object("attachment").set("title", title);
    (format!("urn:uuid:{}", identity::uuid(&order.seed, &format!("DocumentReference {code}"))), tree)
}

/// Whether an Observation, and those that it groups, may stand among results: the guide narrows whom and what it refers to
/// (<http://hl7.eu/fhir/base/StructureDefinition/medicalTestResult-eu-core>).
fn fits_results(pool: &Pool, member: &Member, depth: usize) -> bool {
    if member.kind() != "Observation" {
        return true;
    }
    let root = member.root();
    let only = |name: &str, kinds: &[&str]| {
        root.all(name).all(|reference| kind_of(pool, member, reference).is_none_or(|kind| kinds.contains(&kind)))
    };
    let inner = || {
        let members = root.all("hasMember").filter_map(|reference| pool.follow(member, Some(reference)));
        depth > 8 || members.into_iter().all(|inner| fits_results(pool, inner, depth + 1))
    };
    only("focus", &["Patient", "RelatedPerson", "Group", "Device", "Location"])
        && only("derivedFrom", &["Observation", "ImagingStudy"])
        && only("performer", &["Practitioner", "PractitionerRole", "Organization"])
        && only("hasMember", &["Observation"])
        && inner()
}

/// The type that a reference leads to, as far as that can be told.
fn kind_of<'p>(pool: &'p Pool, member: &'p Member, reference: Element<'p>) -> Option<&'p str> {
    let target = pool.follow(member, Some(reference)).map(Member::kind);
    target.or_else(|| reference.text_at("type")).or_else(|| {
        let (kind, _) = reference.text_at("reference")?.rsplit_once('/')?;
        kind.rsplit('/').next().filter(|kind| crate::fhir::kind::of(kind).is_some())
    })
}

/// A rule of the guide's Bundle (eps-bundle-subject-ref) asks of each Consent an element that R4's Consent does not have:
/// consents stand inside a DocumentReference.
fn consents(
    pool: &mut Pool,
    sections: &mut [Section],
    order: &Order<'_>,
    language: Language,
    holders: &mut Vec<(String, Tree)>,
    report: &mut Report,
) {
    let found: Vec<usize> = (0..pool.members.len())
        .filter(|place| pool.members.get(*place).is_some_and(|member| member.kind() == "Consent"))
        .collect();
    if found.is_empty() {
        return;
    }
    found.iter().for_each(|place| pool.lead(*place));
    let (url, mut tree) = holder(pool, "42348-3", order, language);
    let mut ids: Vec<String> = Vec::new();
    for (number, member) in found.iter().filter_map(|place| pool.members.get(*place)).enumerate() {
        let own = member.root().text_at("id").filter(|id| !ids.iter().any(|known| known == id));
        let id = own.map_or_else(|| format!("consent-{}", number + 1), str::to_owned);
        let mut root = tree.edit();
        let mut contained = root.item("contained");
        contained.fill(member.root());
        contained.set("id", &id);
        // Inside another resource there is no narrative, no version, no label (dom-3 … dom-5): the label stands outside.
        contained.remove("text");
        for name in ["versionId", "lastUpdated", "security"] {
            contained.object("meta").remove(name);
        }
        tell(member, report);
        if contained.as_element().get("meta").is_some_and(|meta| !meta.has_children()) {
            contained.remove("meta");
        }
        for label in member.root().every("meta.security") {
            root.object("meta").copy(label);
        }
        ids.push(id);
    }
    let mut to = tree.edit();
    let mut context = to.object("context");
    for id in ids {
        context.item("related").set("reference", &format!("#{id}"));
    }
    for section in sections.iter_mut().filter(|section| section.members.iter().any(|place| found.contains(place))) {
        let kept = section.members.iter().filter(|place| !found.contains(place));
        let kept = kept.filter_map(|place| pool.members.get(*place)).map(|member| member.url.clone());
        section.instead = Some(kept.chain([url.clone()]).collect());
    }
    for place in &found {
        if let Some(member) = pool.members.get_mut(*place) {
            member.inside = true;
        }
    }
    holders.push((url, tree));
}

/// Says of a consent where it stands, and what it does not keep there.
fn tell(member: &Member, report: &mut Report) {
    let text = "The consent stands inside a DocumentReference, which is labelled as it was.";
    let issue = Issue::information(IssueType::Informational, member.path.as_str(), text);
    report.issues.push(issue.at(member.position));
    let meta = member.root().get("meta").into_iter().flat_map(Element::children);
    let meta = meta.filter(|child| matches!(child.name(), "versionId" | "lastUpdated" | "security"));
    for element in member.root().get("text").into_iter().chain(meta) {
        let path = element.path();
        let place = path.split_once('.').map(|(_, rest)| format!("{}.{rest}", member.path)).unwrap_or(path);
        let (text, rule) = match element.name() {
            "security" => ("It stands on the DocumentReference around the consent.", "moved"),
            _ => {
                ("Not in the document: FHIR has no place for it in a resource that stands inside another.", "left-out")
            }
        };
        let issue = Issue::information(IssueType::Informational, place, text);
        report.issues.push(issue.with_rule(rule).at(member.position));
    }
}
