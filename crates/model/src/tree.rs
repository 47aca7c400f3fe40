//! The element tree: one resource with everything in it, in one vector of nodes over one text.
//!
//! Shape: a node is an element. An array of JSON is a run of neighbouring siblings of one name that carry the list mark;
//! a primitive's `id` and `extension` (JSON's `_field`) are its children; a resource inside an element (`contained`,
//! `entry.resource`) is that element's node with a resource type. A string slice points into the text that was read
//! where that holds no escape, else into text appended behind it.

use std::sync::Arc;

use crate::{Element, Issue, Name, Position};

/// Reading stopped: the text is no JSON or XML of FHIR at all, or passes a limit. Nothing was kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{position}: {message}")]
pub struct SyntaxError {
    /// What is wrong.
    pub message: String,
    /// Where.
    pub position: Position,
    /// Whether a limit of [`Limits`](crate::Limits) was passed, rather than the syntax broken.
    pub limit: bool,
}

/// The number of an element in its tree. It stays valid while the tree lives; a removed element's number stays unused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ElementId(pub(crate) u32);

impl ElementId {
    /// A dense number from 0, for tables beside a tree.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

pub(crate) const NO_NODE: u32 = u32::MAX;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    None,
    Null,
    String,
    Number,
    True,
    False,
}

impl Kind {
    pub(crate) fn has_value(self) -> bool {
        !matches!(self, Kind::None | Kind::Null)
    }
}

pub(crate) mod mark {
    /// The element stands in a JSON array.
    pub(crate) const LIST: u8 = 1;
    /// The element is a primitive, also when only its extensions are there.
    pub(crate) const PRIMITIVE: u8 = 2;
    /// The string needs no escape in JSON.
    pub(crate) const PLAIN: u8 = 4;
}

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) name: Name,
    pub(crate) resource: Name,
    pub(crate) kind: Kind,
    pub(crate) marks: u8,
    pub(crate) parent: u32,
    pub(crate) next: u32,
    pub(crate) first: u32,
    pub(crate) last: u32,
    pub(crate) start: u32,
    pub(crate) length: u32,
    pub(crate) position: u32,
}

impl Node {
    pub(crate) fn new(name: Name, position: u32) -> Node {
        Node {
            name,
            resource: Name::NONE,
            kind: Kind::None,
            marks: 0,
            parent: NO_NODE,
            next: NO_NODE,
            first: NO_NODE,
            last: NO_NODE,
            start: 0,
            length: 0,
            position,
        }
    }

    pub(crate) fn is(&self, mark: u8) -> bool {
        self.marks & mark != 0
    }
}

/// One FHIR resource (or any element) with everything in it.
#[derive(Clone, Debug)]
pub struct Tree {
    pub(crate) nodes: Vec<Node>,
    pub(crate) text: String,
    /// Bytes of `text` that are the source as it was read.
    pub(crate) source: u32,
    pub(crate) local: Vec<Arc<str>>,
    pub(crate) issues: Vec<Issue>,
}

impl Tree {
    /// An empty resource of a type.
    pub fn new(resource_type: &str) -> Tree {
        // Room for a small resource.
        let (nodes, text) = (Vec::with_capacity(24), String::with_capacity(512));
        let mut tree = Tree { nodes, text, source: 0, local: Vec::new(), issues: Vec::new() };
        let name = tree.intern(resource_type);
        let mut node = Node::new(name, NO_NODE);
        node.resource = name;
        tree.nodes.push(node);
        tree
    }

    /// A tree of its own from one element, which keeps the text that was read, the positions in it, and the text's issues
    /// below the element. It takes as much memory as that text; [`Tree::from_element`] copies only what is in the element.
    pub fn part(element: Element<'_>) -> Tree {
        let from = element.tree();
        let mut tree = Tree {
            nodes: Vec::new(),
            text: from.text.clone(),
            source: from.source,
            local: from.local.clone(),
            issues: Vec::new(),
        };
        let mut root = from.node(element.id().0).clone();
        if root.resource != Name::NONE {
            root.name = root.resource;
        }
        (root.parent, root.next, root.first, root.last) = (NO_NODE, NO_NODE, NO_NODE, NO_NODE);
        tree.nodes.push(root);
        tree.take_below(element, 0);
        let (above, own) = (element.path(), tree.root().path());
        for issue in from.issues() {
            let below =
                issue.path.strip_prefix(above.as_str()).filter(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
            if let Some(rest) = below {
                tree.issues.push(Issue { path: format!("{own}{rest}"), ..issue.clone() });
            }
        }
        tree
    }

    fn take_below(&mut self, source: Element<'_>, parent: u32) {
        for child in source.children() {
            let mut node = source.tree().node(child.id().0).clone();
            (node.next, node.first, node.last) = (NO_NODE, NO_NODE, NO_NODE);
            let id = self.push_node(parent, node);
            self.take_below(child, id);
        }
    }

    /// The resource itself.
    pub fn root(&self) -> Element<'_> {
        self.element(ElementId(0))
    }

    /// The element of a number that this tree gave.
    pub fn element(&self, id: ElementId) -> Element<'_> {
        Element::new(self, id.0)
    }

    /// The resource's type; empty where the text that was read names none.
    pub fn resource_type(&self) -> &str {
        self.root().resource_type().unwrap_or_default()
    }

    /// The text of a name in this tree.
    pub fn name(&self, name: Name) -> &str {
        match name.known() {
            Some(text) => text,
            None => self.local.get(usize::from(name.0.wrapping_sub(Name::LOCAL))).map_or("", |text| text),
        }
    }

    /// The name of a text, where some element of this tree or FHIR R4 has it.
    pub fn find_name(&self, text: &str) -> Option<Name> {
        Name::of(text).or_else(|| {
            let place = self.local.iter().position(|known| **known == *text)?;
            Some(Name(Name::LOCAL + place as u16))
        })
    }

    pub(crate) fn intern(&mut self, text: &str) -> Name {
        if let Some(name) = self.find_name(text) {
            return name;
        }
        // Beyond 16,384 foreign names all further ones share the last: the input is reported, and is no FHIR.
        if self.local.len() < 0x4000 {
            self.local.push(text.into());
        }
        Name(Name::LOCAL + (self.local.len() - 1) as u16)
    }

    /// How many elements there are, removed ones included: the bound of [`ElementId::index`].
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Never true: a tree has a root.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// What the reader found wrong with the text though it could go on: each names something that the tree does not
    /// hold as it stood (an empty array, a duplicate key, an array in an array).
    pub fn issues(&self) -> &[Issue] {
        &self.issues
    }

    /// The text this tree was read from; empty for one that was built.
    pub fn source(&self) -> &str {
        self.text.get(..self.source as usize).unwrap_or_default()
    }

    pub(crate) fn node(&self, id: u32) -> &Node {
        &self.nodes[id as usize]
    }

    pub(crate) fn text_of(&self, node: &Node) -> &str {
        let start = node.start as usize;
        self.text.get(start..start + node.length as usize).unwrap_or_default()
    }

    pub(crate) fn append_text(&mut self, text: &str) -> (u32, u32) {
        let start = self.text.len() as u32;
        self.text.push_str(text);
        (start, text.len() as u32)
    }

    /// Puts a new node behind the last child of `parent`.
    pub(crate) fn push_node(&mut self, parent: u32, mut node: Node) -> u32 {
        let id = self.nodes.len() as u32;
        node.parent = parent;
        self.nodes.push(node);
        let last = self.nodes[parent as usize].last;
        if last == NO_NODE {
            self.nodes[parent as usize].first = id;
        } else {
            self.nodes[last as usize].next = id;
        }
        self.nodes[parent as usize].last = id;
        id
    }
}

/// Line and column of byte `offset` in `text`; past the end it is the end.
pub(crate) fn position_in(text: &str, offset: usize) -> Position {
    let before = text.get(..offset.min(text.len())).unwrap_or(text);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() as u32 + 1;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    Position { line, column: before[start..].chars().count() as u32 + 1 }
}
