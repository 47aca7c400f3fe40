//! CDA bytes into a read-only tree with positions, which remembers what was taken from it.
//!
//! Elements are found by local name, whatever their namespace: the medication extensions stand in `urn:hl7-org:pharm`,
//! `urn:epsos-org:ep:medication`, `urn:ihe:pharm:medication` and others. Reading an attribute or a text takes it; looking
//! ([`Node::peek`], [`Node::get`]) does not. What nobody took is listed by [`super::account`].

use std::cell::Cell;
use std::collections::HashMap;

use model::{Issue, IssueType, Limits, Position, Severity};
use roxmltree::{Document, ParsingOptions};

use crate::Refusal;

const ATTRIBUTES: u8 = 1;
const TEXT: u8 = 2;
const BLOCK: usize = 64;

/// Parses the text; `Err` where it is no XML, has a document type, or passes a limit.
pub(super) fn parse<'t>(text: &'t str, limits: &Limits) -> Result<Document<'t>, Refusal> {
    let options = ParsingOptions {
        allow_dtd: false,
        nodes_limit: limits.elements.min(u32::MAX as usize) as u32,
        ..Default::default()
    };
    let document = Document::parse_with_options(text, options).map_err(|error| {
        let at = error.pos();
        let code = match error {
            roxmltree::Error::DtdDetected => IssueType::Security,
            roxmltree::Error::NodesLimitReached => IssueType::TooLong,
            _ => IssueType::Structure,
        };
        let issue = Issue::new(Severity::Fatal, code, "", format!("The XML cannot be read: {error}."));
        Refusal::new(issue.at(Some(Position { line: at.row, column: at.col })))
    })?;
    let mut depths = vec![0u32; 0];
    for node in document.descendants() {
        let depth = node.parent().and_then(|parent| depths.get(parent.id().get_usize())).map_or(0, |depth| depth + 1);
        depths.push(depth);
        if depth as usize > limits.depth {
            let text = format!("Elements stand more than {} levels deep.", limits.depth);
            return Err(Refusal::new(Issue::new(Severity::Fatal, IssueType::TooLong, "", text)));
        }
    }
    Ok(document)
}

/// A CDA document that is being read.
pub(super) struct Cda<'d> {
    document: &'d Document<'d>,
    taken: Vec<Cell<u8>>,
    lines: Vec<usize>,
    /// Characters before each block of the text.
    blocks: Vec<usize>,
    anchors: HashMap<&'d str, roxmltree::NodeId>,
    relatives: bool,
}

impl<'d> Cda<'d> {
    pub(super) fn new(document: &'d Document<'d>) -> Cda<'d> {
        let mut count = 0;
        let mut anchors = HashMap::new();
        let mut relatives = false;
        for node in document.descendants() {
            count = node.id().get_usize() + 1;
            if !node.is_element() {
                continue;
            }
            relatives |= node.tag_name().name() == "relatedSubject";
            for attribute in node.attributes() {
                if matches!(attribute.name(), "ID" | "id") {
                    anchors.entry(attribute.value()).or_insert(node.id());
                }
            }
        }
        let text = document.input_text();
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let continued = |byte: &u8| *byte & 0xc0 == 0x80;
        let mut blocks = vec![0];
        for block in text.as_bytes().chunks(BLOCK) {
            let characters = block.len() - block.iter().filter(|byte| continued(byte)).count();
            blocks.push(blocks.last().copied().unwrap_or(0) + characters);
        }
        Cda { document, taken: vec![Cell::new(0); count], lines, blocks, anchors, relatives }
    }

    /// The element `ClinicalDocument`.
    pub(super) fn root(&'d self) -> Node<'d> {
        Node { cda: self, xml: self.document.root_element() }
    }

    /// The element of the narrative that `#id` names.
    pub(super) fn anchor(&'d self, reference: &str) -> Option<Node<'d>> {
        let id = self.anchors.get(reference.trim().trim_start_matches('#'))?;
        Some(Node { cda: self, xml: self.document.get_node(*id)? })
    }

    /// Whether anything in the document is about a relative, a fetus or a donor.
    pub(super) fn has_relatives(&self) -> bool {
        self.relatives
    }

    fn position(&self, offset: usize) -> Position {
        let line = self.lines.partition_point(|start| *start <= offset);
        let start = self.lines.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let column = self.characters(offset).saturating_sub(self.characters(start));
        Position { line: line as u32, column: column as u32 + 1 }
    }

    /// Characters before a byte of the text: positions on long lines must not cost a walk along them.
    fn characters(&self, offset: usize) -> usize {
        let block = offset / BLOCK;
        let rest = self.document.input_text().as_bytes().get(block * BLOCK..offset).unwrap_or_default();
        let continued = rest.iter().filter(|byte| **byte & 0xc0 == 0x80).count();
        self.blocks.get(block).copied().unwrap_or(0) + rest.len() - continued
    }
}

/// One element of the source.
#[derive(Clone, Copy)]
pub(super) struct Node<'d> {
    cda: &'d Cda<'d>,
    xml: roxmltree::Node<'d, 'd>,
}

impl<'d> Node<'d> {
    /// Local name.
    pub(super) fn name(self) -> &'d str {
        self.xml.tag_name().name()
    }

    /// Its child elements, in order.
    pub(super) fn children(self) -> impl Iterator<Item = Node<'d>> {
        let cda = self.cda;
        self.xml.children().filter(|node| node.is_element()).map(move |xml| Node { cda, xml })
    }

    /// Its children, texts included: an element, or a piece of text.
    pub(super) fn content(self) -> impl Iterator<Item = Result<Node<'d>, &'d str>> {
        let cda = self.cda;
        self.xml.children().filter_map(move |xml| match xml.is_element() {
            true => Some(Ok(Node { cda, xml })),
            false if xml.is_text() => xml.text().map(Err),
            false => None,
        })
    }

    /// The child elements of a name.
    pub(super) fn all<'n>(self, name: &'n str) -> impl Iterator<Item = Node<'d>> + use<'d, 'n> {
        self.children().filter(move |child| child.name() == name)
    }

    /// The first child element of a name.
    pub(super) fn get(self, name: &str) -> Option<Node<'d>> {
        self.all(name).next()
    }

    /// The first element along a path of names: `at("assignedAuthor/assignedPerson")`.
    pub(super) fn at(self, path: &str) -> Option<Node<'d>> {
        path.split('/').try_fold(self, |node, name| node.get(name))
    }

    /// The element it stands in.
    pub(super) fn parent(self) -> Option<Node<'d>> {
        let cda = self.cda;
        self.xml.parent_element().map(|xml| Node { cda, xml })
    }

    /// All elements below, itself first.
    pub(super) fn descendants(self) -> impl Iterator<Item = Node<'d>> {
        let cda = self.cda;
        self.xml.descendants().filter(|node| node.is_element()).map(move |xml| Node { cda, xml })
    }

    /// An attribute's value without blanks around it, `None` where it is empty or missing; not taken.
    pub(super) fn peek(self, attribute: &str) -> Option<&'d str> {
        let found = self.xml.attributes().find(|candidate| candidate.name() == attribute)?;
        Some(found.value().trim()).filter(|value| !value.is_empty())
    }

    /// The same, and the attributes of this element count as taken.
    pub(super) fn attr(self, attribute: &str) -> Option<&'d str> {
        self.take_attributes();
        self.peek(attribute)
    }

    /// All attributes: name and value; not taken.
    pub(super) fn attributes(self) -> impl Iterator<Item = (&'d str, &'d str)> {
        self.xml.attributes().map(|attribute| (attribute.name(), attribute.value()))
    }

    /// Its own text and that of everything in it, blanks run together; taken. `None` where there is none.
    pub(super) fn text(self) -> Option<String> {
        self.take_all();
        self.peek_text()
    }

    /// The same, not taken.
    pub(super) fn peek_text(self) -> Option<String> {
        let mut text = String::new();
        for node in self.xml.descendants() {
            let blank = match node.is_element() {
                true => matches!(node.tag_name().name(), "br" | "paragraph" | "item" | "tr" | "td" | "th"),
                false => false,
            };
            if blank && !text.ends_with(' ') && !text.is_empty() {
                text.push(' ');
            }
            if let Some(piece) = node.text().filter(|_| node.is_text()) {
                append_words(&mut text, piece);
            }
        }
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// Whether it or anything in it has text.
    pub(super) fn has_text(self) -> bool {
        self.xml.descendants().any(|node| node.is_text() && node.text().is_some_and(|text| !text.trim().is_empty()))
    }

    /// Its source text, from tag to tag.
    pub(super) fn source(self) -> &'d str {
        self.cda.document.input_text().get(self.xml.range()).unwrap_or_default()
    }

    /// Counts as taken what was taken of an element with the same source text, by its [`Node::number`].
    pub(super) fn take_like(self, other: usize) {
        let own = self.number();
        for place in 0..self.xml.descendants().count() {
            if let (Some(from), Some(to)) = (self.cda.taken.get(other + place), self.cda.taken.get(own + place)) {
                to.set(to.get() | from.get());
            }
        }
    }

    /// Whether it has text of its own, not only in elements below.
    pub(super) fn has_own_text(self) -> bool {
        self.xml.children().any(|node| node.is_text() && node.text().is_some_and(|text| !text.trim().is_empty()))
    }

    /// The null flavour; taken with the other attributes when it is there.
    pub(super) fn null_flavor(self) -> Option<&'d str> {
        let flavor = self.peek("nullFlavor")?;
        self.take_attributes();
        Some(flavor)
    }

    /// The type that `xsi:type` names, without prefix.
    pub(super) fn xsi_type(self) -> Option<&'d str> {
        self.peek("type").map(|name| name.rsplit(':').next().unwrap_or(name))
    }

    /// Whether one of its `templateId` has this root.
    pub(super) fn has_template(self, root: &str) -> bool {
        self.all("templateId").any(|template| template.peek("root") == Some(root))
    }

    /// Whether its `code` is this code, of whatever system.
    pub(super) fn is_coded(self, code: &str) -> bool {
        self.get("code").is_some_and(|element| element.peek("code") == Some(code))
    }

    /// Marks the attributes as carried.
    pub(super) fn take_attributes(self) {
        self.mark(ATTRIBUTES);
    }

    /// Marks it and everything in it as carried.
    pub(super) fn take_all(self) {
        for node in self.descendants() {
            node.mark(ATTRIBUTES | TEXT);
        }
    }

    pub(super) fn attributes_taken(self) -> bool {
        self.marks() & ATTRIBUTES != 0
    }

    pub(super) fn text_taken(self) -> bool {
        self.marks() & TEXT != 0
    }

    fn marks(self) -> u8 {
        self.cda.taken.get(self.xml.id().get_usize()).map_or(0, Cell::get)
    }

    fn mark(self, marks: u8) {
        if let Some(cell) = self.cda.taken.get(self.xml.id().get_usize()) {
            cell.set(cell.get() | marks);
        }
    }

    /// `/ClinicalDocument/component/structuredBody/component[3]/section`: an index where siblings share the name.
    pub(super) fn path(self) -> String {
        let mut steps: Vec<Node<'_>> = std::iter::successors(Some(self), |node| node.parent()).collect();
        let mut path = String::with_capacity(24 * steps.len());
        while let Some(step) = steps.pop() {
            path.push('/');
            path.push_str(step.name());
            let same = |node: &roxmltree::Node<'_, '_>| node.is_element() && node.tag_name().name() == step.name();
            let before = step.xml.prev_siblings().skip(1).filter(same).count();
            if before > 0 || step.xml.next_siblings().skip(1).any(|node| same(&node)) {
                path.push('[');
                path.push_str(&(before + 1).to_string());
                path.push(']');
            }
        }
        path
    }

    /// A number that only this element has in its document.
    pub(super) fn number(self) -> usize {
        self.xml.id().get_usize()
    }

    /// Where its tag begins.
    pub(super) fn position(self) -> Position {
        self.cda.position(self.xml.range().start)
    }
}

impl PartialEq for Node<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.xml.id() == other.xml.id()
    }
}

/// Blanks of XML run together; one that may not break (U+00A0) stays.
fn append_words(text: &mut String, piece: &str) {
    let blank_of_xml = |character: char| character.is_ascii_whitespace();
    let blank = |text: &mut String| {
        if !text.is_empty() && !text.ends_with(' ') {
            text.push(' ');
        }
    };
    if piece.is_empty() {
        return;
    }
    if piece.starts_with(blank_of_xml) {
        blank(text);
    }
    for word in piece.split_ascii_whitespace() {
        text.push_str(word);
        text.push(' ');
    }
    if !piece.ends_with(blank_of_xml) && text.ends_with(' ') {
        text.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "<a xmlns='urn:hl7-org:v3'>\n <b ID='x' code='1'> one\n <c>two</c></b>\n  <b/>é<d/></a>";

    #[test]
    fn paths_positions_and_anchors() {
        let limits = Limits::default();
        let document = parse(TEXT, &limits).unwrap();
        let cda = Cda::new(&document);
        let second = cda.root().all("b").nth(1).unwrap();
        assert_eq!(second.path(), "/a/b[2]");
        assert_eq!(second.position(), Position { line: 4, column: 3 });
        assert_eq!(cda.root().get("d").unwrap().position(), Position { line: 4, column: 8 });
        assert_eq!(cda.anchor("#x").unwrap().peek_text().as_deref(), Some("one two"));
        assert!(cda.anchor("#y").is_none());
    }

    #[test]
    fn reading_takes_and_looking_does_not() {
        let document = parse(TEXT, &Limits::default()).unwrap();
        let cda = Cda::new(&document);
        let b = cda.root().get("b").unwrap();
        assert_eq!(b.peek("code"), Some("1"));
        assert!(!b.attributes_taken());
        assert_eq!(b.attr("code"), Some("1"));
        assert!(b.attributes_taken() && !b.text_taken());
    }

    #[test]
    fn doctypes_depth_and_size_are_refused() {
        let limits = Limits { bytes: 1000, depth: 5, elements: 20 };
        let refused = |text: &str| parse(text, &limits).unwrap_err().issues[0].code;
        assert_eq!(refused("<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>"), IssueType::Security);
        assert_eq!(refused("<a><a><a><a><a><a><a/></a></a></a></a></a></a>"), IssueType::TooLong);
        assert_eq!(refused(&format!("<a>{}</a>", "<b/>".repeat(30))), IssueType::TooLong);
        assert_eq!(refused("<a><b></a>"), IssueType::Structure);
    }
}
