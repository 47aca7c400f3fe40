//! A conversion side by side, for people who know medicine and not FHIR: the source's section on the left, what the document
//! says on the right, losses in red. One HTML page that needs nothing else: no script, no address, everything escaped.

use model::{Element, Issue, Severity, Tree};

use crate::excerpt::{self, Excerpts};
use crate::fhir::compose::{Language, section as table};
use crate::fhir::pool::{Member, Pool};
use crate::markup::{self, escape};
use crate::{Draft, Report, Source};

const STYLE: &str = "body{font:15px/1.45 system-ui,sans-serif;margin:0;color:#1a2530;background:#f4f6f8}\
header{background:#12395b;color:#fff;padding:1rem 1.5rem}header h1{font-size:1.25rem;margin:0 0 .3rem}header p{margin:.15rem 0}\
main{padding:1rem 1.5rem;max-width:1500px;margin:auto}section{background:#fff;border:1px solid #d5dce3;border-radius:6px;margin:0 0 1rem}\
h2{font-size:1.05rem;margin:0;padding:.55rem .9rem;border-bottom:1px solid #d5dce3;background:#eaf0f5}\
.pair{display:grid;grid-template-columns:1fr 1fr}.pair>div{padding:.7rem .9rem;min-width:0;overflow-wrap:anywhere}\
.pair>div+div{border-left:1px solid #d5dce3}h3{font-size:.75rem;text-transform:uppercase;letter-spacing:.06em;color:#5c6b7a;margin:0 0 .4rem}\
table{border-collapse:collapse;width:100%;font-size:.88rem;margin:.2rem 0}td,th{border:1px solid #d5dce3;padding:.2rem .4rem;text-align:left;vertical-align:top}\
th{background:#f4f6f8;white-space:nowrap}td{overflow-wrap:break-word}.loss{color:#a40000;background:#fdecec;border-left:4px solid #c00;padding:.4rem .6rem;margin:.4rem .9rem}\
.note{color:#4b5a68;border-left:4px solid #b9c6d2;padding:.2rem .6rem;margin:.3rem .9rem;font-size:.88rem}\
.where{font-size:.78rem;color:#7a5a5a;display:block}.part{border-top:1px dotted #c4ced8;margin-top:.4rem;padding-top:.4rem;font-size:.88rem}\
pre{white-space:pre-wrap;font-size:.78rem;max-height:22rem;overflow:auto}summary{cursor:pointer;color:#5c6b7a;font-size:.85rem}\
@media print{section{break-inside:avoid}}";

/// What stands side by side: a section of the document, or what is in none.
struct Group {
    title: String,
    /// Places in the pool.
    members: Vec<usize>,
    /// The section's own words, where it has no entries.
    words: Option<String>,
    /// Numbers in [`Report::mapped`].
    mapped: Vec<usize>,
}

/// The page. The source is that of the draft.
pub fn explain(source: &Source<'_>, draft: &Draft) -> String {
    let mut silent = Report::default();
    let root = draft.document.root();
    let pool = match root.resource_type() {
        Some("Bundle") => Pool::of_bundle(root, &draft.source_hash, &mut silent),
        _ => Pool::of_resources(vec![(String::new(), draft.document.clone())]),
    };
    let groups = groups(&pool, draft);
    let text = excerpt::text(source);
    let excerpts = Excerpts::of(&text);
    let mut told = vec![false; draft.report.issues.len()];
    let mut html = String::with_capacity(64 << 10);
    head(source, draft, &pool, &mut html);
    for group in &groups {
        html.push_str("<section><h2>");
        escape(&group.title, &mut html);
        html.push_str("</h2><div class=\"pair\"><div><h3>Source</h3>");
        left(group, draft, &excerpts, &mut html);
        html.push_str("</div><div><h3>European document</h3>");
        right(group, &pool, &mut html);
        html.push_str("</div></div>");
        let paths: Vec<&str> = group
            .mapped
            .iter()
            .filter_map(|place| draft.report.mapped.get(*place))
            .map(|part| part.source.as_str())
            .collect();
        for (issue, told) in draft.report.issues.iter().zip(&mut told) {
            if !*told && paths.iter().any(|path| is_below(&issue.path, path)) {
                *told = true;
                say(issue, &mut html);
            }
        }
        html.push_str("</section>");
    }
    rest(draft, &told, &mut html);
    html.push_str("</main></body></html>\n");
    html
}

fn head(source: &Source<'_>, draft: &Draft, pool: &Pool, html: &mut String) {
    let name = source.name.unwrap_or("source");
    html.push_str("<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"><title>");
    escape(name, html);
    html.push_str("</title><style>");
    html.push_str(STYLE);
    html.push_str("</style></head><body><header><h1>");
    escape(name, html);
    html.push_str("</h1><p>");
    if let Some(patient) = pool.members.iter().find(|member| member.kind() == "Patient") {
        escape(&who(patient.root()), html);
    }
    let losses = draft.report.losses().count();
    let category = if draft.category.is_empty() { "no document" } else { &draft.category };
    let counts = format!(
        "</p><p>{} → {category} · {} parts mapped · {losses} losses or doubts · {} notes</p></header><main>",
        draft.format,
        draft.report.mapped.len(),
        draft.report.issues.len() - losses,
    );
    html.push_str(&counts);
    if draft.unchanged {
        html.push_str("<p>The source was taken over as it came: both sides are the same.</p>");
    }
}

/// Name, birth date and identifiers of a Patient.
fn who(patient: Element<'_>) -> String {
    let name = patient.get("name").map(|name| {
        let parts = name.every("given").into_iter().chain(name.all("family"));
        let parts: Vec<&str> = parts.filter_map(Element::text).collect();
        if parts.is_empty() { name.text_at("text").unwrap_or_default().to_owned() } else { parts.join(" ") }
    });
    let mut parts: Vec<String> = name.into_iter().collect();
    parts.extend(patient.text_at("birthDate").map(|date| format!("born {date}")));
    parts.extend(patient.text_at("gender").map(str::to_owned));
    parts.extend(patient.every("identifier.value").into_iter().filter_map(|value| value.text().map(str::to_owned)));
    parts.join(" · ")
}

fn groups(pool: &Pool, draft: &Draft) -> Vec<Group> {
    let composition = pool.members.iter().find(|member| member.kind() == "Composition");
    let mut groups: Vec<Group> = Vec::new();
    for section in composition.into_iter().flat_map(|member| sections(member.root())) {
        let references = section.all("entry").filter_map(|entry| entry.text_at("reference"));
        let from = composition.map(|member| member.url.as_str()).unwrap_or_default();
        let entries: Vec<usize> = references.filter_map(|reference| pool.resolve(reference, from)).collect();
        let members = behind_holders(pool, entries);
        let words = section.text_at("text.div").filter(|_| members.is_empty()).map(markup::words);
        let title = section.text_at("title").unwrap_or("Section").to_owned();
        groups.push(Group { title, members, words, mapped: Vec::new() });
    }
    if composition.is_none() {
        let members = (0..pool.members.len()).collect();
        groups.push(Group { title: "Resources".to_owned(), members, words: None, mapped: Vec::new() });
    }
    let patient: Vec<usize> = (0..pool.members.len())
        .filter(|place| pool.members.get(*place).is_some_and(|m| m.kind() == "Patient"))
        .collect();
    if composition.is_some() {
        groups.insert(0, Group { title: "Patient".to_owned(), members: patient, words: None, mapped: Vec::new() });
    }
    assign(pool, draft, &mut groups);
    groups
}

/// All sections, nested ones too.
fn sections(of: Element<'_>) -> Vec<Element<'_>> {
    let mut found = Vec::new();
    for section in of.all("section") {
        found.push(section);
        found.extend(sections(section));
    }
    found
}

/// A DocumentReference that only leads to other resources stands for them.
fn behind_holders(pool: &Pool, entries: Vec<usize>) -> Vec<usize> {
    let mut members = Vec::new();
    for place in entries {
        let Some(member) = pool.members.get(place) else { continue };
        let related = member.root().every("context.related.reference");
        let related = related.into_iter().filter_map(|reference| pool.resolve(reference.text()?, &member.url));
        let related: Vec<usize> = related.collect();
        match member.kind() {
            "DocumentReference" if !related.is_empty() => members.extend(related),
            _ => members.push(place),
        }
    }
    members
}

/// Gives each mapped part of the source to the group of what it became: by the resource, by the section's title, or by the
/// part of the source that it stands in.
fn assign(pool: &Pool, draft: &Draft, groups: &mut [Group]) {
    let mut urls: std::collections::HashMap<&str, usize> = std::collections::HashMap::new();
    for (number, group) in groups.iter().enumerate() {
        let mut open = group.members.clone();
        let mut steps = 0;
        while let Some(member) = open.pop().and_then(|place| pool.members.get(place)) {
            steps += 1;
            if steps > 10_000 {
                break;
            }
            if urls.insert(member.url.as_str(), number).is_none() {
                let inner = member
                    .root()
                    .every("result.reference")
                    .into_iter()
                    .chain(member.root().every("hasMember.reference"));
                open.extend(inner.filter_map(|reference| pool.resolve(reference.text()?, &member.url)));
            }
        }
    }
    let mut left: Vec<usize> = Vec::new();
    for (number, mapped) in draft.report.mapped.iter().enumerate() {
        let url = mapped.target.split([' ', '(', ')', '"']).find_map(|word| urls.get(word).copied());
        let titled =
            || groups.iter().position(|group| mapped.target == format!("Composition.section {:?}", group.title));
        match url.or_else(titled) {
            Some(group) => groups.get_mut(group).into_iter().for_each(|group| group.mapped.push(number)),
            None => left.push(number),
        }
    }
    let path = |number: usize| draft.report.mapped.get(number).map(|mapped| mapped.source.as_str()).unwrap_or_default();
    for number in left {
        let home =
            groups.iter_mut().find(|group| group.mapped.iter().any(|known| is_below(path(number), path(*known))));
        home.into_iter().for_each(|group| group.mapped.push(number));
    }
}

fn left(group: &Group, draft: &Draft, excerpts: &Excerpts<'_>, html: &mut String) {
    if group.mapped.is_empty() {
        html.push_str("<p>Nothing in the source.</p>");
        return;
    }
    let mut parts: Vec<&crate::Mapped> =
        group.mapped.iter().filter_map(|place| draft.report.mapped.get(*place)).collect();
    // A section before what is in it.
    parts.sort_by_key(|part| part.source.len());
    let mut shown: Vec<&str> = Vec::new();
    for part in parts {
        if !shown.contains(&part.source.as_str()) {
            html.push_str("<div class=\"part\">");
            excerpts.show(part, html);
            html.push_str("</div>");
            shown.push(&part.source);
        }
    }
}

fn right(group: &Group, pool: &Pool, html: &mut String) {
    let members: Vec<&Member> = group.members.iter().filter_map(|place| pool.members.get(*place)).collect();
    if group.title == "Patient" && members.iter().all(|member| member.kind() == "Patient") {
        members.iter().for_each(|member| facts(member.root(), html));
    } else if members.is_empty() {
        html.push_str("<p>");
        escape(group.words.as_deref().unwrap_or("No entries."), html);
        html.push_str("</p>");
    } else {
        html.push_str(&table(pool, &members, Language::of("en"), &[]));
    }
}

/// Everything that a resource says, one line each.
fn facts(resource: Element<'_>, html: &mut String) {
    const FRAME: [&str; 8] = ["id", "profile", "system", "url", "div", "reference", "status", "use"];
    html.push_str("<table><tbody>");
    for element in resource.descendants() {
        let Some(text) = element.text().filter(|_| !FRAME.contains(&element.name())) else { continue };
        let around = element.parent().filter(|parent| parent.parent().is_some());
        let kind = around.and_then(|parent| parent.text_at("url")).and_then(|url| url.rsplit('/').next());
        html.push_str("<tr><td>");
        match kind.or(around.map(Element::name)) {
            Some(kind) if kind != element.name() => escape(&format!("{kind} {}", element.name()), html),
            _ => escape(element.name(), html),
        }
        html.push_str("</td><td>");
        escape(text, html);
        html.push_str("</td></tr>");
    }
    html.push_str("</tbody></table>");
}

fn rest(draft: &Draft, told: &[bool], html: &mut String) {
    let open: Vec<&Issue> =
        draft.report.issues.iter().zip(told).filter(|(_, told)| !**told).map(|(issue, _)| issue).collect();
    if open.is_empty() {
        return;
    }
    html.push_str("<section><h2>About the whole document</h2>");
    for issue in open {
        say(issue, html);
    }
    html.push_str("</section>");
}

fn say(issue: &Issue, html: &mut String) {
    let is_loss = issue.severity <= Severity::Warning;
    html.push_str(if is_loss { "<div class=\"loss\">" } else { "<div class=\"note\">" });
    escape(&issue.text, html);
    html.push_str("<span class=\"where\">");
    escape(&issue.path, html);
    if let Some(position) = issue.position {
        html.push_str(&format!(" (line {})", position.line));
    }
    html.push_str("</span></div>");
}

/// Whether a path is another one or lies below it.
fn is_below(path: &str, above: &str) -> bool {
    !above.is_empty()
        && path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '.', '[']))
}

/// The page of a source that was refused: why.
pub fn explain_refusal(source: &Source<'_>, refusal: &[Issue]) -> String {
    let mut html = String::new();
    let nothing = Draft {
        document: Tree::new("Bundle"),
        category: String::new(),
        format: "refused",
        report: Report { mapped: Vec::new(), issues: refusal.to_vec() },
        provenance: Tree::new("Provenance"),
        source_hash: [0; 32],
        unchanged: false,
    };
    head(source, &nothing, &Pool::default(), &mut html);
    rest(&nothing, &vec![false; refusal.len()], &mut html);
    html.push_str("</main></body></html>\n");
    html
}
