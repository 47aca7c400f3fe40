//! The CDA header into Composition, or into DocumentReference where the European format has no document: identifier,
//! type, date, language, confidentiality, authors, custodian, attesters, related documents, events.

use model::{ElementMut, Tree};

use super::coded;
use super::context::Context;
use super::encounter;
use super::participation;
use super::parts;
use super::people;
use super::read::Node;
use super::table;
use super::time;

const VERSION: &str = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Composition.version";
const LOINC: &str = "http://loinc.org";
const LEVELS: [&str; 6] = ["U", "L", "M", "N", "R", "V"];
const RECIPIENT: &str = "http://hl7.eu/fhir/StructureDefinition/information-recipient";
const BASED_ON: &str = "http://hl7.org/fhir/StructureDefinition/event-basedOn";

/// Language, date and first author, which entries refer to; to be called before any entry is read.
pub(super) fn prepare(cx: &mut Context<'_>, root: Node<'_>) {
    cx.language = root.get("languageCode").and_then(|language| language.attr("code")).map(language_tag);
    if cx.language.as_deref().is_some_and(|tag| !is_language_tag(tag)) {
        let tag = cx.language.take().unwrap_or_default();
        cx.defect(root, format!("The language {tag:?} is no BCP 47 tag; the document has none."));
    }
    cx.date = root.get("effectiveTime").and_then(time::peek_time);
    cx.author = root.all("author").find_map(|author| people::participant(cx, author)).map(|party| party.reference);
}

/// The BCP 47 tag of a language code: `en_GB` is `en-GB`, `eng` is `en`.
pub(crate) fn language_tag(code: &str) -> String {
    let tag = code.replace('_', "-");
    let (primary, rest) = tag.split_once('-').map_or((tag.as_str(), ""), |(primary, rest)| (primary, rest));
    let mut rows = include_str!("languages.tsv").lines().filter_map(|row| row.split_once('\t'));
    let short = rows.find(|(long, _)| primary.eq_ignore_ascii_case(long)).map_or(primary, |(_, short)| short);
    if rest.is_empty() { short.to_owned() } else { format!("{short}-{rest}") }
}

fn is_language_tag(tag: &str) -> bool {
    let mut parts = tag.split('-');
    parts.next().is_some_and(|part| (2..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphabetic()))
        && parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// A Composition with everything of the header; sections are the caller's. `kind` is the LOINC type of the European
/// category with its name, where the source's own type is another one.
pub(super) fn composition(
    cx: &mut Context<'_>,
    root: Node<'_>,
    profile: Option<&str>,
    kind: Option<(&str, &str)>,
) -> Tree {
    let mut tree = Tree::new("Composition");
    let mut to = tree.edit();
    if let Some(profile) = profile {
        to.object("meta").push("profile", profile);
    }
    to.set_some("language", cx.language.as_deref());
    extensions(cx, root, &mut to);
    identifier(cx, root, &mut to);
    to.set("status", "final");
    document_type(cx, root, kind, &mut to);
    cx.set_patient(&mut to, "subject");
    if let Some(encounter) = encounter::encompassing(cx, root) {
        to.object("encounter").set("reference", &encounter);
    }
    date(cx, root, "date", &mut to);
    authors(cx, root, &mut to);
    let title = root.get("title").and_then(Node::text);
    let display = root.get("code").and_then(|code| code.peek("displayName"));
    to.set("title", title.as_deref().or(display).unwrap_or("Document"));
    confidentiality(cx, root, &mut to);
    attesters(cx, root, &mut to);
    if let Some(custodian) = custodian(cx, root) {
        to.object("custodian").set("reference", &custodian);
    }
    related_documents(cx, root, &mut to);
    events(cx, root, &mut to);
    let own = cx.document.reference("Composition");
    participation::provenance(cx, root, &own);
    tree
}

/// Whether the header names its language, for the Bundle too.
pub(super) fn date(cx: &mut Context<'_>, root: Node<'_>, name: &str, to: &mut ElementMut<'_>) {
    match root.get("effectiveTime") {
        Some(time) => time::set_time(cx, time, to, name),
        None => coded::absent(&mut to.primitive(name), None),
    }
}

fn extensions(cx: &mut Context<'_>, root: Node<'_>, to: &mut ElementMut<'_>) {
    if let Some(version) = root.get("versionNumber").and_then(|version| version.attr("value")) {
        to.item("extension").set("url", VERSION).set("valueString", version);
    }
    for recipient in root.all("informationRecipient") {
        if let Some(party) = recipient.get("intendedRecipient").and_then(|entity| people::party(cx, entity, None)) {
            to.item("extension").set("url", RECIPIENT).object("valueReference").set("reference", &party.reference);
        }
    }
    for order in root.all("inFulfillmentOf").filter_map(|relation| relation.get("order")) {
        for id in order.all("id").filter(|id| id.peek("root").or(id.peek("extension")).is_some()) {
            let mut holder = Tree::new("Composition");
            parts::fill_identifier(cx, id, &mut holder.edit().object("identifier"));
            let mut extension = to.item("extension");
            extension.set("url", BASED_ON);
            let mut reference = extension.object("valueReference");
            reference.set("type", "ServiceRequest");
            if let Some(identifier) = holder.root().get("identifier") {
                reference.copy(identifier);
            }
        }
    }
}

fn identifier(cx: &mut Context<'_>, root: Node<'_>, to: &mut ElementMut<'_>) {
    // The set's identifier stays the same through all versions, as FHIR asks of Composition.identifier.
    let set = root.get("setId").filter(|id| id.peek("root").or(id.peek("extension")).is_some());
    let id = root.get("id");
    match set.or(id) {
        Some(node) => parts::fill_identifier(cx, node, &mut to.object("identifier")),
        None => {
            let uri = cx.document.reference("Composition.identifier");
            to.object("identifier").set("system", "urn:ietf:rfc:3986").set("value", &uri);
        }
    }
}

fn document_type(cx: &mut Context<'_>, root: Node<'_>, kind: Option<(&str, &str)>, to: &mut ElementMut<'_>) {
    let own = root.get("code");
    let same = own.and_then(|code| coded::code_in(cx, code, LOINC)).as_deref() == kind.map(|(code, _)| code);
    if let Some((code, display)) = kind.filter(|_| !same) {
        to.object("type").item("coding").set("system", LOINC).set("code", code).set("display", display);
    }
    match own {
        Some(node) if same || kind.is_none() => coded::fill_concept(cx, node, &mut to.object("type")),
        // Another type than the category's: its codes stand behind the category's.
        Some(node) => {
            let mut holder = Tree::new("Composition");
            coded::fill_concept(cx, node, &mut holder.edit().object("type"));
            for child in holder.root().every("type.coding") {
                to.object("type").copy(child);
            }
            if let Some(text) = holder.root().text_at("type.text") {
                to.object("type").set("text", text);
            }
        }
        None if kind.is_none() => coded::absent(&mut to.object("type"), None),
        None => {}
    }
}

fn authors(cx: &mut Context<'_>, root: Node<'_>, to: &mut ElementMut<'_>) {
    let mut seen: Vec<String> = Vec::new();
    for author in root.all("author") {
        let when = author.get("time");
        let Some(party) = people::participant(cx, author) else { continue };
        if let Some(time) = when {
            // When an author took part has no place in Composition unless it is the document's own time.
            let unknown = time.peek("value").is_none();
            let same = unknown || time::peek_time(time).is_some_and(|text| cx.date.as_ref() == Some(&text));
            time.take_attributes();
            if !same {
                cx.note(
                    time,
                    format!(
                        "The author took part at {}; the Composition only keeps the document's time.",
                        time.peek("value").unwrap_or_default()
                    ),
                );
            }
        }
        if !seen.contains(&party.reference) {
            to.item("author").set("reference", &party.reference);
            seen.push(party.reference);
        }
    }
    if seen.is_empty() {
        match root.get("custodian").and_then(|node| people::participant(cx, node)) {
            Some(party) => {
                to.item("author").set("reference", &party.reference);
            }
            None => coded::absent(&mut to.item("author"), None),
        }
    }
}

/// How confidential the document is, in FHIR's letters; what else the source says of it stands beside them.
fn confidentiality(cx: &mut Context<'_>, root: Node<'_>, to: &mut ElementMut<'_>) {
    let Some(node) = root.get("confidentialityCode").filter(|node| coded::names_something(cx, *node)) else { return };
    match level(node) {
        Some(level) => {
            to.set("confidentiality", level);
            if node.peek("code") != Some(level) || node.get("translation").is_some() {
                coded::alternate(cx, node, &mut to.primitive("confidentiality"));
            }
            node.take_attributes();
        }
        None => {
            let said = super::entry::said(cx, node).unwrap_or_default();
            cx.loss(node, format!("The confidentiality {said} is none of U, L, M, N, R, V and was not carried."));
            node.take_all();
        }
    }
}

/// The letter of a level of confidentiality: its own, or that of a code that means it.
pub(super) fn level(node: Node<'_>) -> Option<&'static str> {
    let code = node.peek("code")?;
    LEVELS.into_iter().find(|level| *level == code).or_else(|| table::lookup("confidentiality", code))
}

fn attesters(cx: &mut Context<'_>, root: Node<'_>, to: &mut ElementMut<'_>) {
    for (name, mode) in [("legalAuthenticator", "legal"), ("authenticator", "professional")] {
        for node in root.all(name) {
            let party = people::participant(cx, node);
            node.get("signatureCode").into_iter().for_each(Node::take_attributes);
            let Some(party) = party else { continue };
            let mut attester = to.item("attester");
            attester.set("mode", mode);
            match node.get("time") {
                Some(time) => time::set_time(cx, time, &mut attester, "time"),
                None => coded::absent(&mut attester.primitive("time"), None),
            }
            attester.object("party").set("reference", &party.reference);
        }
    }
}

/// The Organization that keeps the document.
pub(super) fn custodian(cx: &mut Context<'_>, root: Node<'_>) -> Option<String> {
    people::participant(cx, root.get("custodian")?)?.organization
}

/// The relations to other documents: replaces, appends, transforms.
pub(super) fn related_documents(cx: &mut Context<'_>, root: Node<'_>, to: &mut ElementMut<'_>) {
    for related in root.all("relatedDocument") {
        let code = related.peek("typeCode").unwrap_or("XFRM");
        let Some(parent) = related.get("parentDocument") else { continue };
        let Some(relation) = table::lookup("relates", code) else {
            cx.loss(related, format!("The relation {code:?} to another document has no counterpart."));
            continue;
        };
        for id in parent.all("id").filter(|id| id.peek("root").or(id.peek("extension")).is_some()) {
            let mut item = to.item("relatesTo");
            item.set("code", relation);
            parts::fill_identifier(cx, id, &mut item.object("targetIdentifier"));
        }
    }
    // The document's own id stands beside that of its set: this version is one of the set.
    if let (Some(id), Some(_)) =
        (root.get("id"), root.get("setId").filter(|set| set.peek("root").or(set.peek("extension")).is_some()))
        && !id.attributes_taken()
        && id.peek("root").is_some()
    {
        let mut item = to.item("relatesTo");
        item.set("code", "transforms");
        parts::fill_identifier(cx, id, &mut item.object("targetIdentifier"));
    }
}

fn events(cx: &mut Context<'_>, root: Node<'_>, to: &mut ElementMut<'_>) {
    for service in root.all("documentationOf").filter_map(|relation| relation.get("serviceEvent")) {
        let team = care_team(cx, service);
        let mut event = to.item("event");
        if let Some(code) = service.get("code") {
            coded::push_concept(cx, code, &mut event, "code");
        }
        match time::when(service.get("effectiveTime")) {
            time::When::Interval(interval) => time::fill_period(cx, interval, &mut event.object("period")),
            time::When::Point(point) => time::set_time(cx, point, &mut event.object("period"), "start"),
            time::When::Unknown(node) => {
                node.and_then(time::unknown_flavor);
            }
        }
        if let Some(team) = team {
            event.item("detail").set("reference", &team);
        }
        if !event.as_element().has_children() {
            event.detach();
        }
    }
}

/// The performers of a documented service as a CareTeam.
fn care_team(cx: &mut Context<'_>, service: Node<'_>) -> Option<String> {
    let mut tree = Tree::new("CareTeam");
    let mut to = tree.edit();
    parts::push_identifiers(cx, service, &mut to);
    to.set("status", "active");
    cx.set_patient(&mut to, "subject");
    let mut some = to.as_element().get("identifier").is_some();
    for performer in service.all("performer") {
        let Some(party) = people::participant(cx, performer) else { continue };
        let mut participant = to.item("participant");
        participant.object("member").set("reference", &party.reference);
        if let time::When::Interval(interval) = time::when(performer.get("time")) {
            time::fill_period(cx, interval, &mut participant.object("period"));
        } else if let Some(time) = performer.get("time") {
            time.descendants().for_each(Node::take_attributes);
            if let Some(value) = time.peek("value") {
                cx.note(time, format!("The performer took part at {value}, which CareTeam cannot say of a moment."));
            }
        }
        some = true;
    }
    some.then(|| cx.add(service, tree))
}
