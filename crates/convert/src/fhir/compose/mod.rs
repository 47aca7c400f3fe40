//! A European document made of resources: Composition, sections, narrative, Bundle.
//! <http://hl7.org/fhir/R4/documents.html>
//!
//! Every resource keeps what it says; it is copied, never rebuilt. What the European profiles demand and a resource lacks
//! is added as "unknown" (`complete`). A section without resources says that nothing is available, never that there is
//! nothing. What no section holds and nothing names stands among the further entries.

mod complete;
mod goal;
mod hold;
mod narrative;
mod sections;
mod words;

pub(super) use goal::Goal;
pub(crate) use narrative::section;
pub(super) use sections::{Place, is_wrong, of_summary};
pub(crate) use words::Language;

use std::collections::HashSet;

use model::{ElementMut, Instant, Issue, IssueType, Tree};

use super::pool::{Member, Pool};
use crate::{Report, identity};
use goal::Facts;

const LOINC: &str = "http://loinc.org";
const EMPTY_REASON: &str = "http://terminology.hl7.org/CodeSystem/list-empty-reason";
const FURTHER: &str = "48767-8";

/// What a document is made from besides its resources.
pub(super) struct Order<'a> {
    /// Which document.
    pub(super) goal: Goal,
    /// The place of its patient in the pool.
    pub(super) patient: usize,
    /// BCP 47 tag that was asked for.
    pub(super) language: Option<&'a str>,
    /// The time of the conversion.
    pub(super) now: Instant,
    /// What ids follow from.
    pub(super) seed: [u8; 32],
}

/// One section that is being filled.
pub(super) struct Section {
    pub(super) code: &'static str,
    /// Places in the pool, in their order.
    pub(super) members: Vec<usize>,
    /// Entries that stand in their stead.
    pub(super) instead: Option<Vec<String>>,
    /// Paragraphs of the narrative.
    pub(super) words: Vec<String>,
}

/// Makes the document.
pub(super) fn compose(mut pool: Pool, order: &Order<'_>, report: &mut Report) -> Tree {
    let facts = order.goal.facts();
    let language = language(&pool, order);
    for member in &mut pool.members {
        if order.goal == Goal::Summary && member.kind() == "Composition" {
            let text = "A patient summary has one Composition, its own: that of the source is not in it.";
            let issue = Issue::warning(IssueType::NotSupported, member.path.as_str(), text);
            report.issues.push(issue.at(member.position));
            member.inside = true;
        }
        complete::complete(&mut member.tree, &member.path, report);
    }
    let composition_url = format!("urn:uuid:{}", identity::uuid(&order.seed, "Composition"));
    let author_url = format!("urn:uuid:{}", identity::uuid(&order.seed, "Device"));
    let mut composition = head(&mut pool, order, &facts, language, &composition_url, &author_url);
    let mut sections = place(&pool, order, &facts);
    let mut holders = Vec::new();
    order.goal.arrange(&mut pool, &mut sections, order, language, &mut holders, report);
    holders.push((author_url, device()));
    for (url, tree) in holders {
        let path = tree.resource_type().to_owned();
        pool.adopt(Member { url, path, position: None, tree, inside: false });
    }
    further(&pool, &composition, &mut sections);
    sections.sort_by_key(|section| section.code == FURTHER);
    for section in &sections {
        if section.members.is_empty() && section.words.is_empty() {
            let text = format!(
                "The resources hold nothing for the section {} ({}); it says that nothing is available.",
                section.code,
                Language::of("en").word(section.code)
            );
            report.issues.push(Issue::information(IssueType::Incomplete, "", text));
        }
        write(&pool, section, &facts, language, &mut composition.edit());
    }
    for section in &sections {
        let mapped = section.members.iter().filter_map(|place| pool.members.get(*place));
        report.mapped.extend(mapped.map(|member| crate::Mapped {
            source: member.path.clone(),
            position: member.position,
            target: format!("Composition.section {} ({})", section.code, member.url),
        }));
    }
    bundle(&pool, &composition, &composition_url, &facts, order)
}

/// The language that was asked for, else that of the resources, else the patient's, where there are words for it.
fn language(pool: &Pool, order: &Order<'_>) -> Language {
    let own = pool.members.iter().find_map(|member| member.root().text_at("language"));
    let patient = pool.members.get(order.patient);
    let spoken = patient.and_then(|patient| patient.root().text_at("communication.language.coding.code"));
    let tags = [order.language, own, spoken];
    tags.into_iter().flatten().find(|tag| Language::is_known(tag)).map_or(Language::of("en"), Language::of)
}

/// The Composition without its sections.
fn head(
    pool: &mut Pool,
    order: &Order<'_>,
    facts: &Facts,
    language: Language,
    own_url: &str,
    author_url: &str,
) -> Tree {
    let mut tree = Tree::new("Composition");
    let mut to = tree.edit();
    to.set("id", &identity::uuid(&order.seed, "Composition"));
    to.object("meta").push("profile", facts.composition);
    to.set("language", language.tag);
    let identifier = format!("urn:uuid:{}", identity::uuid(&order.seed, "Composition.identifier"));
    to.object("identifier").set("system", "urn:ietf:rfc:3986").set("value", &identifier);
    to.set("status", "final");
    let (code, display) = facts.document_type;
    to.object("type").item("coding").set("system", LOINC).set("code", code).set("display", display);
    let patient = pool.members.get(order.patient).map(|patient| patient.url.clone()).unwrap_or_default();
    to.object("subject").set("reference", &patient);
    to.set("date", &order.now.to_fhir());
    to.item("author").set("reference", author_url);
    to.set("title", language.word(facts.title));
    order.goal.describe(pool, &mut tree, own_url);
    tree
}

/// The program as the author of what it puts together.
fn device() -> Tree {
    let mut tree = Tree::new("Device");
    let mut to = tree.edit();
    to.set("status", "active");
    to.item("deviceName").set("name", "Passerelle").set("type", "model-name");
    to.item("version").set("value", env!("CARGO_PKG_VERSION"));
    tree
}

/// The sections, those that the document must have first, each with its resources in the order of the source.
fn place(pool: &Pool, order: &Order<'_>, facts: &Facts) -> Vec<Section> {
    let section = |code: &'static str| Section { code, members: Vec::new(), instead: None, words: Vec::new() };
    let mut sections: Vec<Section> = facts.required.iter().map(|code| section(code)).collect();
    let inner = inner(pool);
    for (number, member) in pool.members.iter().enumerate() {
        let code = match (facts.place)(member) {
            Place::Section(_) if inner.contains(&number) || order.goal.heads(number) => continue,
            Place::Section(code) => code,
            Place::Further => FURTHER,
            Place::Named => continue,
        };
        match sections.iter_mut().find(|section| section.code == code) {
            Some(section) => section.members.push(number),
            None => sections.push(Section { members: vec![number], ..section(code) }),
        }
    }
    sections
}

/// Observations that others group: they stand behind those.
fn inner(pool: &Pool) -> HashSet<usize> {
    let mut inner = HashSet::new();
    for (number, member) in pool.members.iter().enumerate() {
        for name in ["result", "hasMember"] {
            let references = member.root().all(name).filter_map(|reference| reference.text_at("reference"));
            let found = references.filter_map(|reference| pool.resolve(reference, &member.url));
            inner.extend(found.filter(|place| *place != number));
        }
    }
    inner
}

/// What nothing leads to becomes a further entry: a document holds nothing that it does not point to.
fn further(pool: &Pool, composition: &Tree, sections: &mut Vec<Section>) {
    let mut reached: HashSet<usize> = HashSet::new();
    let mut open: Vec<usize> = Vec::new();
    for element in composition.root().descendants().into_iter().filter(|element| element.name() == "reference") {
        open.extend(element.text().and_then(|reference| pool.resolve(reference, "")));
    }
    for section in sections.iter() {
        open.extend(&section.members);
        open.extend(section.instead.iter().flatten().filter_map(|url| pool.resolve(url, "")));
    }
    let mut rest: Vec<usize> = Vec::new();
    let mut next = 0;
    loop {
        while let Some(place) = open.pop() {
            if !reached.insert(place) {
                continue;
            }
            let Some(member) = pool.members.get(place) else { continue };
            open.extend(pool.references(member).into_iter().map(|(_, target)| target));
        }
        // The first that is not reached, and then what it leads to.
        let Some(member) = pool.members.get(next) else { break };
        if !reached.contains(&next) && !member.inside && member.kind() != "Provenance" {
            rest.push(next);
            open.push(next);
        }
        next += 1;
    }
    if rest.is_empty() {
        return;
    }
    match sections.iter_mut().find(|section| section.code == FURTHER) {
        Some(section) => section.members.extend(rest),
        None => sections.push(Section { code: FURTHER, members: rest, instead: None, words: Vec::new() }),
    }
}

fn write(pool: &Pool, section: &Section, facts: &Facts, language: Language, composition: &mut ElementMut<'_>) {
    let members: Vec<&Member> = section.members.iter().filter_map(|place| pool.members.get(*place)).collect();
    let mut to = composition.item("section");
    let title = language.word(section.code);
    to.set("title", title);
    if section.code == FURTHER && !facts.codes_further {
        to.object("code").set("text", title);
    } else {
        to.object("code").item("coding").set("system", LOINC).set("code", section.code);
    }
    let words: Vec<&str> = section.words.iter().map(String::as_str).collect();
    let div = narrative::section(pool, &members, language, &words);
    to.object("text").set("status", "generated").set("div", &div);
    let entries: Vec<&str> = match &section.instead {
        Some(instead) => instead.iter().map(String::as_str).collect(),
        None => members.iter().map(|member| member.url.as_str()).collect(),
    };
    if entries.is_empty() {
        facts.empty(section, &mut to);
    }
    for entry in entries {
        to.item("entry").set("reference", entry);
    }
}

fn bundle(pool: &Pool, composition: &Tree, composition_url: &str, facts: &Facts, order: &Order<'_>) -> Tree {
    let mut bundle = Tree::new("Bundle");
    let mut root = bundle.edit();
    root.set("id", &identity::uuid(&order.seed, "Bundle"));
    let mut meta = root.object("meta");
    meta.push("profile", facts.bundle);
    for label in pool.labels.iter().flat_map(|labels| labels.root().children()) {
        meta.copy(label);
    }
    let identifier = format!("urn:uuid:{}", identity::uuid(&order.seed, "Bundle.identifier"));
    root.object("identifier").set("system", "urn:ietf:rfc:3986").set("value", &identifier);
    root.set("type", "document").set("timestamp", &order.now.to_fhir());
    let head = std::iter::once((composition_url, composition));
    for (url, tree) in head
        .chain(pool.members.iter().filter(|member| !member.inside).map(|member| (member.url.as_str(), &member.tree)))
    {
        let mut entry = root.item("entry");
        entry.set("fullUrl", url);
        entry.object("resource").fill(tree.root());
    }
    bundle
}
