//! An XML document that can be changed: what XML Patch works on. It knows no FHIR.

use roxmltree::{Document, NodeType, ParsingOptions};

/// The deepest nesting that is read.
const DEPTH: usize = 256;
/// The most nodes that are read.
const NODES: u32 = 4_000_000;
/// The namespace of `xml:lang` and `xml:id`.
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// A node; a document is an element without a name around the root element and what stands beside it.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    /// An element.
    Element(Element),
    /// Text, entities resolved.
    Text(String),
    /// A comment.
    Comment(String),
    /// A processing instruction: target and content.
    Instruction(String, String),
}

/// An element.
#[derive(Clone, Debug, Default)]
pub(crate) struct Element {
    /// Its namespace; empty for none.
    pub(crate) namespace: String,
    /// Its local name.
    pub(crate) name: String,
    /// Prefix and namespace of what it declares for its content, the default namespace left out.
    pub(crate) declarations: Vec<(String, String)>,
    /// Its attributes: namespace, local name, value.
    pub(crate) attributes: Vec<(String, String, String)>,
    /// What it holds, in order.
    pub(crate) children: Vec<Node>,
}

impl Element {
    /// All text in it, as XPath has its string-value.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        for child in &self.children {
            match child {
                Node::Text(text) => out.push_str(text),
                Node::Element(element) => out.push_str(&element.text()),
                Node::Comment(_) | Node::Instruction(..) => {}
            }
        }
        out
    }

    /// The node at the end of a path of places; `None` for the element itself or a path that leads nowhere.
    pub(crate) fn node(&self, path: &[usize]) -> Option<&Node> {
        let (first, rest) = path.split_first()?;
        match (self.children.get(*first)?, rest) {
            (node, []) => Some(node),
            (Node::Element(element), rest) => element.node(rest),
            _ => None,
        }
    }

    /// The element at the end of a path of places; the empty path is the element itself.
    pub(crate) fn element_mut(&mut self, path: &[usize]) -> Option<&mut Element> {
        path.iter().try_fold(self, |element, place| match element.children.get_mut(*place)? {
            Node::Element(child) => Some(child),
            _ => None,
        })
    }
}

/// Reads a text. Document type declarations are refused, so no entity is ever expanded but the five of XML.
///
/// # Errors
/// What is wrong with it, as a clause.
pub(crate) fn read(text: &str) -> Result<Element, String> {
    let options = ParsingOptions { nodes_limit: NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).map_err(|error| format!("it is no XML: {error}"))?;
    Ok(Element { children: children(document.root(), DEPTH)?, ..Element::default() })
}

fn children(node: roxmltree::Node<'_, '_>, depth: usize) -> Result<Vec<Node>, String> {
    let depth = depth.checked_sub(1).ok_or("it is nested too deep")?;
    let mut out = Vec::new();
    for child in node.children() {
        match child.node_type() {
            NodeType::Root => {}
            NodeType::Element => out.push(Node::Element(element(child, depth)?)),
            NodeType::Text => out.push(Node::Text(child.text().unwrap_or_default().to_owned())),
            NodeType::Comment => out.push(Node::Comment(child.text().unwrap_or_default().to_owned())),
            NodeType::PI => {
                let instruction = child.pi().map(|pi| (pi.target.to_owned(), pi.value.unwrap_or_default().to_owned()));
                out.extend(instruction.map(|(target, value)| Node::Instruction(target, value)));
            }
        }
    }
    Ok(out)
}

fn element(node: roxmltree::Node<'_, '_>, depth: usize) -> Result<Element, String> {
    let outer = |prefix: &str| node.parent().and_then(|parent| parent.lookup_namespace_uri(Some(prefix)));
    let own = node.namespaces().filter_map(|declared| {
        let prefix = declared.name().filter(|prefix| *prefix != "xml")?;
        (outer(prefix) != Some(declared.uri())).then(|| (prefix.to_owned(), declared.uri().to_owned()))
    });
    let attributes = node.attributes().map(|attribute| {
        let namespace = attribute.namespace().unwrap_or_default().to_owned();
        (namespace, attribute.name().to_owned(), attribute.value().to_owned())
    });
    Ok(Element {
        namespace: node.tag_name().namespace().unwrap_or_default().to_owned(),
        name: node.tag_name().name().to_owned(),
        declarations: own.collect(),
        attributes: attributes.collect(),
        children: children(node, depth)?,
    })
}

/// The text of a document.
pub(crate) fn write(document: &Element) -> String {
    let mut out = String::new();
    document.children.iter().for_each(|child| write_node(child, "", &mut out));
    out
}

fn write_node(node: &Node, namespace: &str, out: &mut String) {
    match node {
        Node::Element(element) => write_element(element, namespace, out),
        Node::Text(text) => escape(text, false, out),
        Node::Comment(text) => out.push_str(&format!("<!--{text}-->")),
        Node::Instruction(target, value) => out.push_str(&format!("<?{target} {value}?>")),
    }
}

fn write_element(element: &Element, namespace: &str, out: &mut String) {
    out.push('<');
    out.push_str(&element.name);
    let mut attribute = |name: &str, value: &str| {
        out.push_str(&format!(" {name}=\""));
        escape(value, true, out);
        out.push('"');
    };
    if element.namespace != namespace {
        attribute("xmlns", &element.namespace);
    }
    for (prefix, uri) in &element.declarations {
        attribute(&format!("xmlns:{prefix}"), uri);
    }
    for (number, (uri, name, value)) in element.attributes.iter().enumerate() {
        match uri.as_str() {
            "" => attribute(name, value),
            XML => attribute(&format!("xml:{name}"), value),
            uri => {
                attribute(&format!("xmlns:p{number}"), uri);
                attribute(&format!("p{number}:{name}"), value);
            }
        }
    }
    if element.children.is_empty() {
        out.push_str("/>");
        return;
    }
    out.push('>');
    element.children.iter().for_each(|child| write_node(child, &element.namespace, out));
    out.push_str(&format!("</{}>", element.name));
}

fn escape(text: &str, in_attribute: bool, out: &mut String) {
    for character in text.chars() {
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' if in_attribute => out.push_str("&quot;"),
            // Written as they are, these would be read as something else.
            '\r' => out.push_str("&#13;"),
            '\t' | '\n' if in_attribute => out.push_str(&format!("&#{};", u32::from(character))),
            character => out.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_again() {
        let text = "<a xmlns=\"urn:a\" xmlns:x=\"urn:x\" b=\"1&amp;&quot;\"><!-- c --><b xml:lang=\"de\">&lt;é</b>\
                    <?t v?><div xmlns=\"urn:h\"><p/></div></a>";
        assert_eq!(write(&read(text).unwrap()), text);
    }

    #[test]
    fn hostile_text_is_refused() {
        assert!(read("<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>").is_err());
        assert!(read(&("<a>".repeat(300) + &"</a>".repeat(300))).is_err());
        assert!(read("").is_err());
    }
}
