//! XML text to tree: <http://hl7.org/fhir/R4/xml.html>.
//!
//! Comments and processing instructions are no content and are passed over. A document type declaration is refused, so
//! no entity is ever expanded but the five of XML. The narrative is kept as its own markup, character for character.

use std::ops::Range;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;

use super::narrative::ESCAPED_RETURN;
use crate::tree::{Kind, NO_NODE, Node, mark, position_in};
use crate::{Child, Form, Issue, IssueType, Limits, Name, Shapes, SyntaxError, Tree, TypeId};

pub(crate) const FHIR: &str = "http://hl7.org/fhir";
pub(crate) const XHTML: &str = "http://www.w3.org/1999/xhtml";

/// Reads one FHIR resource from UTF-8 text. What FHIR's XML forbids but XML allows (text between elements, foreign
/// attributes and namespaces, elements out of order) ends in [`Tree::issues`]; unknown elements are kept, as complex
/// ones or, with a `value`, as strings. Nothing is kept on error.
pub fn read(bytes: &[u8], shapes: &dyn Shapes, limits: &Limits) -> Result<Tree, SyntaxError> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let valid = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
        SyntaxError {
            message: "The text is not UTF-8.".into(),
            position: position_in(valid, valid.len()),
            limit: false,
        }
    })?;
    let mut reader = NsReader::from_str(text);
    reader.config_mut().check_end_names = true;
    let mut tree = Tree::new("");
    tree.nodes.clear();
    tree.text = text.to_owned();
    tree.source = text.len() as u32;
    let mut state = State { text, reader, tree, shapes, limits, open: Vec::new(), start: 0 };
    match state.document() {
        Ok(()) => Ok(state.tree),
        Err(fault) => {
            Err(SyntaxError { message: fault.message, position: position_in(text, fault.at), limit: fault.limit })
        }
    }
}

struct Fault {
    message: String,
    at: usize,
    limit: bool,
}

/// An element whose end tag is still to come.
struct Open {
    node: u32,
    ty: TypeId,
    /// A resource is expected inside, in an element of its own.
    awaits_resource: bool,
    /// The highest place among its siblings that a child had.
    order: u16,
    /// The name of the child before.
    before: Name,
}

struct State<'s> {
    text: &'s str,
    reader: NsReader<&'s [u8]>,
    tree: Tree,
    shapes: &'s dyn Shapes,
    limits: &'s Limits,
    open: Vec<Open>,
    /// Where the current event begins.
    start: usize,
}

impl<'s> State<'s> {
    fn fault<T>(&self, message: impl Into<String>) -> Result<T, Fault> {
        Err(Fault { message: message.into(), at: self.start, limit: false })
    }

    fn limit<T>(&self, message: String) -> Result<T, Fault> {
        Err(Fault { message, at: self.start, limit: true })
    }

    fn document(&mut self) -> Result<(), Fault> {
        if self.text.len() > self.limits.bytes.min(u32::MAX as usize / 2) {
            return self.limit(format!("The text is longer than the limit of {} bytes.", self.limits.bytes));
        }
        loop {
            self.start = self.reader.buffer_position() as usize;
            let event = match self.reader.read_event() {
                Ok(event) => event,
                Err(error) => {
                    let at = self.reader.error_position() as usize;
                    return Err(Fault { message: format!("The text is not XML: {error}."), at, limit: false });
                }
            };
            match event {
                Event::Start(start) => self.element(&start, false)?,
                Event::Empty(start) => self.element(&start, true)?,
                Event::End(_) => self.end(),
                Event::Text(text) => {
                    if !text.chars().all(|character| character.is_ascii_whitespace()) {
                        self.stray_text()?;
                    }
                }
                Event::CData(_) | Event::GeneralRef(_) => self.stray_text()?,
                Event::DocType(_) => return self.fault("A document type declaration is not allowed."),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
                Event::Eof => break,
            }
        }
        if self.tree.nodes.is_empty() {
            return self.fault("A FHIR resource in XML begins with its element.");
        }
        if !self.open.is_empty() {
            return self.fault("The text ends within an element.");
        }
        Ok(())
    }

    fn issue(&mut self, node: u32, code: IssueType, message: impl Into<String>) {
        let path = self.tree.element(crate::ElementId(node)).path();
        let position = position_in(self.text, self.start);
        self.tree.issues.push(Issue::error(code, path, message).at(Some(position)));
    }

    fn stray_text(&mut self) -> Result<(), Fault> {
        match self.open.last() {
            Some(open) => {
                let node = open.node;
                self.issue(node, IssueType::Structure, "Text must not stand between elements.");
                Ok(())
            }
            None => self.fault("Text must not stand outside the resource."),
        }
    }

    fn end(&mut self) {
        self.open.pop();
    }

    fn element(&mut self, start: &BytesStart<'_>, empty: bool) -> Result<(), Fault> {
        if self.tree.nodes.len() >= self.limits.elements {
            return self.limit(format!("There are more than {} elements.", self.limits.elements));
        }
        if self.open.len() >= self.limits.depth {
            return self.limit(format!("Elements are nested deeper than the limit of {}.", self.limits.depth));
        }
        let namespace = match self.reader.resolver().resolve_element(start.name()).0 {
            ResolveResult::Bound(namespace) => namespace.0.to_owned(),
            ResolveResult::Unbound => String::new(),
            ResolveResult::Unknown(prefix) => return self.fault(format!("The prefix '{prefix}' is not bound.")),
        };
        let local = start.local_name().as_ref().to_owned();
        let Some(parent) = self.open.last() else { return self.root(start, &namespace, &local, empty) };
        let (parent_node, awaits_resource) = (parent.node, parent.awaits_resource);
        if namespace == XHTML && !awaits_resource {
            return self.narrative(start, &local, empty);
        }
        if namespace != FHIR {
            self.issue(parent_node, IssueType::Structure, format!("'{local}' is not in the namespace {FHIR}."));
        }
        if awaits_resource {
            return self.resource(start, parent_node, &local, empty);
        }
        self.child(start, &local, empty)
    }

    fn root(&mut self, start: &BytesStart<'_>, namespace: &str, local: &str, empty: bool) -> Result<(), Fault> {
        if !self.tree.nodes.is_empty() {
            return self.fault("A second element follows after the resource.");
        }
        if namespace != FHIR {
            return self.fault(format!("The element '{local}' is not in the namespace {FHIR}."));
        }
        let name = self.tree.intern(local);
        let mut node = Node::new(name, self.start as u32);
        node.resource = name;
        self.tree.nodes.push(node);
        self.attributes(start, 0, None)?;
        self.push_open(0, name, empty);
        Ok(())
    }

    fn push_open(&mut self, node: u32, resource: Name, empty: bool) {
        let ty = self.shapes.named(resource).unwrap_or(TypeId::UNKNOWN);
        if !empty {
            self.open.push(Open { node, ty, awaits_resource: false, order: 0, before: Name::NONE });
        }
    }

    fn resource(&mut self, start: &BytesStart<'_>, node: u32, local: &str, empty: bool) -> Result<(), Fault> {
        if self.tree.nodes[node as usize].resource != Name::NONE {
            let message = format!("A second resource, '{local}', stands in one element; it was not read.");
            self.issue(node, IssueType::Structure, message);
            return self.pass_over(start, empty);
        }
        let name = self.tree.intern(local);
        self.tree.nodes[node as usize].resource = name;
        self.attributes(start, node, None)?;
        self.push_open(node, name, empty);
        Ok(())
    }

    fn pass_over(&mut self, start: &BytesStart<'_>, empty: bool) -> Result<(), Fault> {
        if !empty && let Err(error) = self.reader.read_to_end(start.name()) {
            return self.fault(format!("The text is not XML: {error}."));
        }
        Ok(())
    }

    fn child(&mut self, start: &BytesStart<'_>, local: &str, empty: bool) -> Result<(), Fault> {
        let name = self.tree.intern(local);
        let Some(parent) = self.open.last_mut() else { return Ok(()) };
        let (parent_node, parent_type) = (parent.node, parent.ty);
        let shape = self.shapes.child(parent_type, name);
        let late = shape.is_some_and(|child| child.order < parent.order);
        if let Some(child) = shape {
            parent.order = parent.order.max(child.order);
        }
        let mut node = Node::new(name, self.start as u32);
        if shape.is_some_and(|child| child.list) {
            node.marks |= mark::LIST;
        }
        if shape.is_some_and(|child| child.form.is_primitive()) {
            node.marks |= mark::PRIMITIVE;
        }
        let id = self.tree.push_node(parent_node, node);
        self.join_repeats(parent_node, id);
        self.attributes(start, id, shape)?;
        if late {
            self.issue(id, IssueType::Structure, format!("The element '{local}' is out of order."));
        }
        let awaits_resource = match shape {
            Some(child) => child.form == Form::Resource,
            None => parent_type == TypeId::UNKNOWN && matches!(local, "contained" | "resource" | "outcome"),
        };
        if empty {
            if self.tree.nodes[id as usize].first == NO_NODE && self.tree.nodes[id as usize].kind == Kind::None {
                self.issue(id, IssueType::Structure, "An element must have a value or children.");
            }
        } else {
            let ty = shape.map_or(TypeId::UNKNOWN, |child| child.ty);
            self.open.push(Open { node: id, ty, awaits_resource, order: 0, before: Name::NONE });
        }
        Ok(())
    }

    /// Repeats of one name stand together and all carry the list mark, whatever their order in the text.
    fn join_repeats(&mut self, parent: u32, id: u32) {
        let name = self.tree.nodes[id as usize].name;
        let (mut before, mut sibling, mut child) = (NO_NODE, NO_NODE, self.tree.nodes[parent as usize].first);
        let Some(open) = self.open.last_mut() else { return };
        let goes_on = std::mem::replace(&mut open.before, name) == name;
        if goes_on && self.tree.nodes[id as usize].is(mark::LIST) {
            // A run of an array that goes on must not cost a walk over all siblings.
            return;
        }
        while child != id && child != NO_NODE {
            if self.tree.nodes[child as usize].name == name {
                sibling = child;
            }
            before = child;
            child = self.tree.nodes[child as usize].next;
        }
        if sibling == NO_NODE {
            return;
        }
        self.tree.nodes[sibling as usize].marks |= mark::LIST;
        self.tree.nodes[id as usize].marks |= mark::LIST;
        if sibling != before {
            self.tree.nodes[before as usize].next = NO_NODE;
            self.tree.nodes[parent as usize].last = before;
            self.tree.nodes[id as usize].next = self.tree.nodes[sibling as usize].next;
            self.tree.nodes[sibling as usize].next = id;
        }
    }

    fn attributes(&mut self, start: &BytesStart<'_>, id: u32, shape: Option<Child>) -> Result<(), Fault> {
        for attribute in start.attributes() {
            let attribute = match attribute {
                Ok(attribute) => attribute,
                Err(error) => return self.fault(format!("The text is not XML: {error}.")),
            };
            let key = attribute.key.0;
            if key == "xmlns" || key.starts_with("xmlns:") || key == "xsi:schemaLocation" {
                continue;
            }
            let value = match attribute.normalized_value(XmlVersion::Implicit1_0) {
                Ok(value) => value,
                Err(error) => return self.fault(format!("The text is not XML: {error}.")),
            };
            let is_resource = self.tree.nodes[id as usize].resource != Name::NONE;
            match key {
                "value" if !is_resource => self.set_value(id, &value, shape.map(|child| child.form)),
                "id" | "url" if !is_resource => {
                    let name = self.tree.intern(key);
                    let mut node = Node::new(name, self.start as u32);
                    node.marks = mark::PRIMITIVE;
                    node.kind = Kind::String;
                    (node.start, node.length) = self.tree.append_text(&value);
                    self.tree.push_node(id, node);
                }
                _ => self.issue(id, IssueType::Structure, format!("The attribute '{key}' is not known here.")),
            }
        }
        Ok(())
    }

    fn set_value(&mut self, id: u32, value: &str, form: Option<Form>) {
        let text = self.tree.append_text(value);
        let node = &mut self.tree.nodes[id as usize];
        node.kind = match (form, value) {
            (Some(Form::Boolean), "true") => Kind::True,
            (Some(Form::Boolean), "false") => Kind::False,
            (Some(Form::Number), _) if is_json_number(value) => Kind::Number,
            _ => Kind::String,
        };
        (node.start, node.length) = text;
        node.marks |= mark::PRIMITIVE;
    }

    /// The markup from this start tag to its end tag, as the value of a primitive.
    fn narrative(&mut self, start: &BytesStart<'_>, local: &str, empty: bool) -> Result<(), Fault> {
        let Some(parent) = self.open.last().map(|open| open.node) else { return Ok(()) };
        let prefixed = start.name().0.contains(':');
        self.pass_over(start, empty)?;
        let end = self.reader.buffer_position() as usize;
        let markup = self.narrative_text(self.start..end, prefixed)?;
        let name = self.tree.intern(local);
        let mut node = Node::new(name, self.start as u32);
        node.marks = mark::PRIMITIVE;
        node.kind = Kind::String;
        (node.start, node.length) = self.tree.append_text(&markup);
        let id = self.tree.push_node(parent, node);
        self.join_repeats(parent, id);
        Ok(())
    }

    /// The markup with line ends as XML has them, carriage returns that writing escaped as they were, and with the namespace on it where an outer element declared that.
    fn narrative_text(&self, range: Range<usize>, prefixed: bool) -> Result<String, Fault> {
        let raw = self.text.get(range).unwrap_or_default();
        let mut markup =
            if raw.contains('\r') { raw.replace("\r\n", "\n").replace('\r', "\n") } else { raw.to_owned() };
        if prefixed {
            markup = super::narrative::without_prefix(&markup).map_err(|message| Fault {
                message,
                at: self.start,
                limit: false,
            })?;
        } else if !super::narrative::declares_namespace(&markup) {
            let end = markup.find([' ', '>', '/', '\n', '\t']).unwrap_or(markup.len());
            markup.insert_str(end, &format!(" xmlns=\"{XHTML}\""));
        }
        if markup.contains(ESCAPED_RETURN) {
            markup = markup.replace(ESCAPED_RETURN, "\r");
        }
        Ok(markup)
    }
}

/// The syntax of a number in JSON.
fn is_json_number(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let begins = unsigned.starts_with(|first: char| first.is_ascii_digit());
    let superfluous = unsigned.len() > 1 && unsigned.starts_with('0') && unsigned.as_bytes()[1].is_ascii_digit();
    let point =
        text.split_once('.').is_none_or(|(_, fraction)| fraction.starts_with(|digit: char| digit.is_ascii_digit()));
    let rest = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    begins && !superfluous && point && rest && text.parse::<f64>().is_ok()
}
