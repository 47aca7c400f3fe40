//! FHIR XML text as it is written, and where two texts differ: a second reader (roxmltree), so that `model` does not
//! judge itself.
//!
//! Blanks between elements, comments, attribute order and prefixes are no content in FHIR; inside of the narrative every
//! character counts, comments too.

use roxmltree::{Document, Node, NodeType, ParsingOptions};

const XHTML: &str = "http://www.w3.org/1999/xhtml";

/// The first difference between two XML texts, with its place; an error where one of them is no XML.
///
/// # Errors
/// What is wrong with the text, and with which.
pub fn difference(one: &str, other: &str) -> Result<Option<String>, String> {
    let options = || ParsingOptions { nodes_limit: 4_000_000, ..ParsingOptions::default() };
    let parse = |text, which| {
        Document::parse_with_options(text, options()).map_err(|error| format!("{which} is no XML: {error}"))
    };
    let one = parse(one.trim_start_matches('\u{feff}'), "the source")?;
    let other = parse(other, "what was written")?;
    Ok(differ(one.root_element(), other.root_element(), &mut String::new()))
}

/// Whether this is the XML text of a FHIR resource: its root element is in FHIR's namespace.
pub fn is_fhir(text: &str) -> bool {
    let document = Document::parse(text.trim_start_matches('\u{feff}'));
    document.is_ok_and(|document| document.root_element().tag_name().namespace() == Some("http://hl7.org/fhir"))
}

fn differ(one: Node<'_, '_>, other: Node<'_, '_>, path: &mut String) -> Option<String> {
    let length = path.len();
    path.push('/');
    path.push_str(one.tag_name().name());
    if one.tag_name() != other.tag_name() {
        return Some(format!("{path}: {:?} | {:?}", one.tag_name(), other.tag_name()));
    }
    let (mine, its) = (attributes(one), attributes(other));
    if mine != its {
        return Some(format!("{path}: {mine:?} | {its:?}"));
    }
    let (mine, its) = (content(one), content(other));
    for (place, (child, other_child)) in mine.iter().zip(&its).enumerate() {
        let found = if child.is_element() && other_child.is_element() {
            differ(*child, *other_child, path)
        } else if (child.node_type(), child.text()) != (other_child.node_type(), other_child.text()) {
            Some(format!("{path}[{place}]: {:?} | {:?}", child.text(), other_child.text()))
        } else {
            None
        };
        if found.is_some() {
            return found;
        }
    }
    let found = (mine.len() != its.len()).then(|| format!("{path}: {} | {} children", mine.len(), its.len()));
    path.truncate(length);
    found
}

fn attributes<'d>(node: Node<'d, '_>) -> Vec<(Option<&'d str>, &'d str, &'d str)> {
    let skip = |name: Option<&str>| name == Some("http://www.w3.org/2001/XMLSchema-instance");
    let attributes = node.attributes().filter(|attribute| !skip(attribute.namespace()));
    let mut attributes: Vec<_> = attributes.map(|a| (a.namespace(), a.name(), a.value())).collect();
    attributes.sort_unstable();
    attributes
}

fn content<'d, 'i>(node: Node<'d, 'i>) -> Vec<Node<'d, 'i>> {
    let narrative = node.tag_name().namespace() == Some(XHTML);
    let counts = |child: &Node<'_, '_>| match child.node_type() {
        NodeType::Element => true,
        NodeType::Text => narrative || !child.text().unwrap_or_default().trim().is_empty(),
        _ => narrative,
    };
    node.children().filter(counts).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(one: &str, other: &str) -> Option<String> {
        let text = |body: &str| format!("<P xmlns='http://hl7.org/fhir'>{body}</P>");
        difference(&text(one), &text(other)).unwrap()
    }

    #[test]
    fn layout_is_no_content() {
        assert_eq!(compare("<a id='1' value=\"x\"/>\n <!-- c --><b/>", "<a value='x' id='1'></a><b/>"), None);
        assert_eq!(difference("<f:P xmlns:f='http://hl7.org/fhir'/>", "<P xmlns='http://hl7.org/fhir'/>"), Ok(None));
    }

    #[test]
    fn content_is() {
        let div = |body: &str| format!("<div xmlns='http://www.w3.org/1999/xhtml'>{body}</div>");
        for (one, other, place) in [
            ("<a value='1'/>".to_owned(), "<a value='2'/>".to_owned(), "/P/a: "),
            ("<a/><b/>".into(), "<b/><a/>".into(), "/P/a: "),
            ("<a/>".into(), "<a/><a/>".into(), "/P: 1 | 2 children"),
            (div("<b>a</b> <i>b</i>"), div("<b>a</b><i>b</i>"), "/P/div[1]: "),
            (div("a<!-- c -->"), div("a"), "/P/div: 2 | 1 children"),
        ] {
            let found = compare(&one, &other).unwrap_or_default();
            assert!(found.starts_with(place), "{one} {other}: {found}");
        }
        assert!(difference("<a>", "<a/>").is_err());
    }

    #[test]
    fn fhir_is_known_by_its_namespace() {
        assert!(is_fhir("<Patient xmlns='http://hl7.org/fhir'/>"));
        assert!(!is_fhir("<ClinicalDocument xmlns='urn:hl7-org:v3'/>"));
    }
}
