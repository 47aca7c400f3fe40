//! The parts of a source as people read them: narrative and codes of CDA, rows of FHIR, lines of the rest.

use std::borrow::Cow;

use model::{Element, Tree};
use roxmltree::{Document, Node};

use crate::fhir::compose::{Language, section as table};
use crate::fhir::pool::Pool;
use crate::markup::escape;
use crate::{Mapped, Source, encoding};

/// The most characters of raw text that one part shows.
const MOST: usize = 4000;

/// A source that is looked up by the paths of its report.
pub(crate) struct Excerpts<'s> {
    text: &'s str,
    xml: Option<Document<'s>>,
    fhir: Option<Tree>,
}

/// The text of a source, however it is encoded; empty where it is no text.
pub(crate) fn text<'s>(source: &Source<'s>) -> Cow<'s, str> {
    encoding::decode(source.bytes).map(|(text, _)| text).unwrap_or_default()
}

impl<'s> Excerpts<'s> {
    /// Reads the text of a source again.
    pub(crate) fn of(text: &'s str) -> Excerpts<'s> {
        let limits = model::Limits { bytes: 64 << 20, depth: 100, elements: 2 << 20 };
        let start = text.trim_start_matches('\u{feff}').trim_start();
        let fhir = start.starts_with('{').then(|| model::json::read(text.as_bytes(), &limits).ok()).flatten();
        let xml = start.starts_with('<').then(|| Document::parse(text).ok()).flatten();
        Excerpts { text, xml, fhir }
    }

    /// Shows one part.
    pub(crate) fn show(&self, part: &Mapped, html: &mut String) {
        if part.source.starts_with('/') && self.show_xml(&part.source, html) {
            return;
        }
        if let Some(element) = self.fhir.as_ref().and_then(|tree| at(tree.root(), &part.source)) {
            let tree = Tree::from_element(element);
            let resource = Pool::of_resources(vec![(String::new(), tree)]);
            let members: Vec<_> = resource.members.iter().collect();
            html.push_str(&table(&resource, &members, Language::of("en"), &[]));
            let mut text = String::new();
            model::json::write_pretty(element, &mut text);
            raw(&text, html);
            return;
        }
        let line = part.position.and_then(|position| self.text.lines().nth((position.line as usize).saturating_sub(1)));
        match line {
            Some(line) => {
                html.push_str("<pre>");
                escape(&clip(line), html);
                html.push_str("</pre>");
            }
            None => escape(&part.source, html),
        }
    }

    fn show_xml(&self, path: &str, html: &mut String) -> bool {
        let Some(document) = &self.xml else { return false };
        let Some(node) = step(document.root_element(), path) else { return false };
        if let Some(title) = child(node, "title").and_then(|title| title.text()) {
            html.push_str("<b>");
            escape(title, html);
            html.push_str("</b>");
        }
        if node.tag_name().name() == "section" {
            if let Some(text) = child(node, "text") {
                narrative(text, html, 0);
            }
        } else {
            codes(node, html);
        }
        raw(self.text.get(node.range()).unwrap_or_default(), html);
        true
    }
}

fn raw(text: &str, html: &mut String) {
    html.push_str("<details><summary>source text</summary><pre>");
    escape(&clip(text), html);
    html.push_str("</pre></details>");
}

fn clip(text: &str) -> String {
    let clipped: String = text.chars().take(MOST).collect();
    if clipped.len() < text.len() { format!("{clipped} …") } else { clipped }
}

/// The element of a FHIRPath of names and indexes.
fn at<'t>(root: Element<'t>, path: &str) -> Option<Element<'t>> {
    let mut steps = path.split('.');
    steps.next().filter(|name| root.resource_type() == Some(name))?;
    steps.try_fold(root, |element, step| match step.split_once('[') {
        Some((name, index)) => element.all(name).nth(index.strip_suffix(']')?.parse().ok()?),
        None => element.get(step),
    })
}

/// The node of an XPath of local names and indexes from 1.
fn step<'d>(root: Node<'d, 'd>, path: &str) -> Option<Node<'d, 'd>> {
    let mut steps = path.trim_start_matches('/').split('/');
    steps.next().filter(|name| *name == root.tag_name().name())?;
    steps.try_fold(root, |node, step| {
        let (name, index) = match step.split_once('[') {
            Some((name, index)) => (name, index.strip_suffix(']')?.parse::<usize>().ok()?.checked_sub(1)?),
            None => (step, 0),
        };
        node.children().filter(|child| child.is_element() && child.tag_name().name() == name).nth(index)
    })
}

fn child<'d>(node: Node<'d, 'd>, name: &str) -> Option<Node<'d, 'd>> {
    node.children().find(|child| child.is_element() && child.tag_name().name() == name)
}

/// A narrative with its tables, lists and paragraphs, and nothing else of it.
fn narrative(node: Node<'_, '_>, html: &mut String, depth: usize) {
    for child in node.children() {
        if let Some(text) = child.text().filter(|_| child.is_text()) {
            escape(text, html);
            continue;
        }
        if !child.is_element() || depth > 60 {
            continue;
        }
        let tag = match child.tag_name().name() {
            "table" | "thead" | "tbody" | "tfoot" | "tr" | "td" | "th" | "ul" | "ol" | "li" | "p" => {
                child.tag_name().name()
            }
            "paragraph" => "p",
            "list" => "ul",
            "item" => "li",
            "br" => {
                html.push_str("<br>");
                continue;
            }
            _ => "span",
        };
        html.push_str(&format!("<{tag}>"));
        narrative(child, html, depth + 1);
        html.push_str(&format!("</{tag}>"));
    }
}

/// The codes, values and dates of a statement, one line each.
fn codes(node: Node<'_, '_>, html: &mut String) {
    html.push_str("<table><tbody>");
    for element in node.descendants().filter(Node::is_element).take(400) {
        let get = |name: &str| element.attribute(name);
        let denied = get("negationInd").filter(|negated| *negated == "true").map(|_| "DENIED: it is not so");
        let said = [denied, get("displayName"), get("code"), get("value"), get("unit"), get("extension")];
        let mut said: Vec<&str> = said.into_iter().flatten().collect();
        let missing = get("nullFlavor").map(|flavor| format!("no value ({flavor})"));
        said.extend(missing.as_deref());
        if element.children().all(|child| !child.is_element()) {
            said.extend(element.text().map(str::trim).filter(|text| !text.is_empty()));
        }
        if said.is_empty() || matches!(element.tag_name().name(), "templateId" | "reference") {
            continue;
        }
        html.push_str("<tr><td>");
        escape(element.tag_name().name(), html);
        html.push_str("</td><td>");
        escape(&clip(&said.join(" · ")), html);
        html.push_str("</td></tr>");
    }
    html.push_str("</tbody></table>");
}
