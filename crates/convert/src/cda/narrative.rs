//! The CDA narrative block into XHTML that FHIR allows: <http://hl7.org/fhir/R4/narrative.html>.
//!
//! Elements are mapped by table, unknown ones keep their text; ids are kept where they are unique, so that entries can
//! point to them; scripts, styles, events and links to anything but http, mail and `#id` do not pass.

use model::ElementMut;

use super::context::Context;
use super::read::Node;
use crate::markup::{self, escape};

const LINK: &str = "http://hl7.org/fhir/StructureDefinition/narrativeLink";

/// The `div` of a section's `text`, everything in it taken; `None` where the source has no narrative.
pub(super) fn div(cx: &mut Context<'_>, text: Node<'_>) -> Option<String> {
    text.take_all();
    if !text.has_text() && !text.descendants().any(|node| node.name() == "renderMultiMedia") {
        return None;
    }
    let mut html = open(cx);
    let before = html.len();
    write_content(cx, text, &mut html);
    if html.get(before..).is_none_or(|inner| inner.trim().is_empty()) {
        return None;
    }
    html.push_str("</div>");
    Some(html)
}

/// Links an element to the part of the narrative that the `reference` of a `text` or an `originalText` names, where the
/// narrative kept its id: <http://hl7.org/fhir/R4/extension-narrativelink.html>. A reference to nothing is named.
pub(super) fn link(cx: &mut Context<'_>, text: Node<'_>, to: &mut ElementMut<'_>) {
    let Some(reference) = text.get("reference") else { return };
    let Some(target) = reference.peek("value") else { return };
    let id = target.trim_start_matches('#');
    if cx.html_ids.contains(id) {
        let url = format!("{}#{id}", cx.narrator);
        to.item("extension").set("url", LINK).set("valueUrl", &url);
    } else if target.starts_with('#') && cx.cda.anchor(target).is_none() {
        cx.note(reference, format!("The reference {target:?} leads to nothing in the document."));
    }
}

/// The narratives of several sections as one `div`, each after the first under its title.
pub(super) fn joined(parts: &[(String, String)]) -> Option<String> {
    let (first, more) = parts.split_first()?;
    let mut whole = first.1.strip_suffix("</div>").unwrap_or(&first.1).to_owned();
    for (title, div) in more {
        let title = markup::escaped(title);
        let inner = div.find('>').and_then(|at| div.get(at + 1..)).unwrap_or_default();
        whole.push_str(&format!("<p><b>{title}</b></p>{}", inner.strip_suffix("</div>").unwrap_or(inner)));
    }
    whole.push_str("</div>");
    Some(whole)
}

/// A `div` of one paragraph of plain text.
pub(super) fn plain(cx: &Context<'_>, text: &str) -> String {
    let mut html = open(cx);
    html.push_str("<p>");
    escape(text, &mut html);
    html.push_str("</p></div>");
    html
}

fn open(cx: &Context<'_>) -> String {
    let mut html = "<div xmlns=\"http://www.w3.org/1999/xhtml\"".to_owned();
    if let Some(language) = &cx.language {
        for name in ["lang", "xml:lang"] {
            attribute(name, language, &mut html);
        }
    }
    html.push('>');
    html
}

/// CDA element to XHTML element.
fn tag(name: &str) -> Option<&'static str> {
    Some(match name {
        "content" | "footnoteRef" => "span",
        "paragraph" => "p",
        "item" => "li",
        "table" => "table",
        "thead" => "thead",
        "tbody" => "tbody",
        "tfoot" => "tfoot",
        "tr" => "tr",
        "td" => "td",
        "th" => "th",
        "br" => "br",
        "sub" => "sub",
        "sup" => "sup",
        "linkHtml" => "a",
        "footnote" => "div",
        "renderMultiMedia" => "span",
        _ => return None,
    })
}

fn write_content(cx: &mut Context<'_>, node: Node<'_>, html: &mut String) {
    let rows = matches!(node.name(), "table" | "thead" | "tbody" | "tfoot" | "tr" | "list" | "colgroup");
    for content in node.content() {
        match content {
            Err(text) if rows && text.trim().is_empty() => {}
            Err(text) => escape_words(text, html),
            Ok(child) => write_element(cx, child, html),
        }
    }
}

fn write_element(cx: &mut Context<'_>, node: Node<'_>, html: &mut String) {
    let tag = match node.name() {
        "list" if node.peek("listType") == Some("ordered") => "ol",
        "list" => "ul",
        "caption" if node.parent().is_some_and(|parent| parent.name() == "table") => "caption",
        "caption" => "b",
        "colgroup" | "col" => return,
        name => match tag(name) {
            Some(tag) => tag,
            None => return write_content(cx, node, html),
        },
    };
    html.push('<');
    html.push_str(tag);
    write_attributes(cx, node, tag, html);
    if tag == "br" {
        html.push_str("/>");
        return;
    }
    html.push('>');
    let styles = styles(node);
    for style in &styles {
        element(style, false, html);
    }
    if node.name() == "renderMultiMedia" && !node.has_text() {
        escape(&format!("[{}]", node.peek("referencedObject").unwrap_or("image")), html);
    }
    if matches!(tag, "ul" | "ol") && node.get("item").is_none() {
        html.push_str("<li/>");
    }
    write_content(cx, node, html);
    for style in styles.iter().rev() {
        element(style, true, html);
    }
    element(tag, true, html);
}

fn element(name: &str, ends: bool, html: &mut String) {
    html.push_str(if ends { "</" } else { "<" });
    html.push_str(name);
    html.push('>');
}

fn write_attributes(cx: &mut Context<'_>, node: Node<'_>, tag: &str, html: &mut String) {
    if let Some(id) = node.peek("ID").or(node.peek("id")).filter(|id| !id.contains(char::is_whitespace)) {
        if cx.html_ids.insert(id.to_owned()) {
            attribute("id", id, html);
        } else {
            cx.note(node, format!("The id {id:?} stands more than once; only its first place keeps it."));
        }
    }
    match tag {
        "td" | "th" => {
            for name in ["colspan", "rowspan"] {
                if let Some(count) = node.peek(name).filter(|count| count.parse::<u16>().is_ok()) {
                    attribute(name, count, html);
                }
            }
        }
        "a" => {
            let href = node.peek("href").unwrap_or_default();
            let scheme = href.split_once(':').map_or("", |(scheme, _)| scheme).to_ascii_lowercase();
            if href.starts_with('#') || matches!(scheme.as_str(), "http" | "https" | "mailto" | "tel") {
                attribute("href", href, html);
            } else if !href.is_empty() {
                cx.note(node, format!("The link to {href:?} was not carried over; its text was."));
            }
        }
        _ => {}
    }
}

/// `styleCode` as elements: bold, italics, underline, emphasis.
fn styles(node: Node<'_>) -> Vec<&'static str> {
    let codes = node.peek("styleCode").unwrap_or_default();
    let mut tags: Vec<&'static str> = Vec::new();
    for code in codes.split_whitespace() {
        match code.to_ascii_lowercase().as_str() {
            "bold" => tags.push("b"),
            "italics" => tags.push("i"),
            "emphasis" => tags.push("em"),
            _ => {}
        }
    }
    let inline = matches!(node.name(), "content" | "paragraph" | "td" | "th" | "item" | "caption");
    if inline { tags } else { Vec::new() }
}

fn attribute(name: &str, value: &str, html: &mut String) {
    html.push(' ');
    html.push_str(name);
    html.push_str("=\"");
    escape(value, html);
    html.push('"');
}

/// The text with each run of blanks as one.
fn escape_words(text: &str, html: &mut String) {
    let blank = |character: char| character.is_ascii_whitespace();
    if text.starts_with(blank) {
        html.push(' ');
    }
    let mut words = text.split_ascii_whitespace().peekable();
    while let Some(word) = words.next() {
        escape(word, html);
        if words.peek().is_some() || text.ends_with(blank) {
            html.push(' ');
        }
    }
}
