//! Walking a tree: a cursor that costs nothing to copy.

use crate::tree::{Kind, NO_NODE, Node, mark, position_in};
use crate::{ElementId, Name, Position, Tree};

/// The value of a primitive, as it is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Value<'t> {
    /// A JSON string (every primitive of FHIR but numbers and booleans).
    String(&'t str),
    /// A JSON number with its digits.
    Number(&'t str),
    /// `true` or `false`.
    Boolean(bool),
}

/// One element of a [`Tree`].
#[derive(Clone, Copy)]
pub struct Element<'t> {
    tree: &'t Tree,
    id: u32,
}

impl<'t> Element<'t> {
    pub(crate) fn new(tree: &'t Tree, id: u32) -> Element<'t> {
        Element { tree, id }
    }

    fn node(self) -> &'t Node {
        self.tree.node(self.id)
    }

    fn to(self, id: u32) -> Option<Element<'t>> {
        (id != NO_NODE).then_some(Element { tree: self.tree, id })
    }

    /// The tree it belongs to.
    pub fn tree(self) -> &'t Tree {
        self.tree
    }

    /// Its number in the tree.
    pub fn id(self) -> ElementId {
        ElementId(self.id)
    }

    /// Its name, choice elements with their type suffix (`valueQuantity`); the root's is the resource type.
    pub fn name(self) -> &'t str {
        self.tree.name(self.node().name)
    }

    /// Its name as a number.
    pub fn name_id(self) -> Name {
        self.node().name
    }

    /// The element it stands in; `None` for the root.
    pub fn parent(self) -> Option<Element<'t>> {
        self.to(self.node().parent)
    }

    /// Its children, in order; for a primitive its `id` and extensions.
    pub fn children(self) -> Children<'t> {
        Children { tree: self.tree, next: self.node().first }
    }

    /// Whether it has children.
    pub fn has_children(self) -> bool {
        self.node().first != NO_NODE
    }

    /// The next sibling.
    pub fn next(self) -> Option<Element<'t>> {
        self.to(self.node().next)
    }

    /// The children of one name, by number.
    pub fn named(self, name: Name) -> Named<'t> {
        Named { children: self.children(), name }
    }

    /// The children of one name.
    pub fn all(self, name: &str) -> Named<'t> {
        // An unknown name equals no child's: find_name covers the names of this tree.
        self.named(self.tree.find_name(name).unwrap_or(Name::NONE))
    }

    /// The first child of a name.
    pub fn get(self, name: &str) -> Option<Element<'t>> {
        self.all(name).next()
    }

    /// The first descendant along a path of names: `at("code.coding.code")`.
    pub fn at(self, path: &str) -> Option<Element<'t>> {
        path.split('.').try_fold(self, |element, name| element.get(name))
    }

    /// The text of the first descendant along a path of names.
    pub fn text_at(self, path: &str) -> Option<&'t str> {
        self.at(path)?.text()
    }

    /// All descendants along a path of names, through every repetition, in order.
    pub fn every(self, path: &str) -> Vec<Element<'t>> {
        path.split('.')
            .fold(vec![self], |found, name| found.into_iter().flat_map(|element| element.all(name)).collect())
    }

    /// The primitive's value; `None` where there is none.
    pub fn value(self) -> Option<Value<'t>> {
        let node = self.node();
        match node.kind {
            Kind::String => Some(Value::String(self.tree.text_of(node))),
            Kind::Number => Some(Value::Number(self.tree.text_of(node))),
            Kind::True => Some(Value::Boolean(true)),
            Kind::False => Some(Value::Boolean(false)),
            Kind::None | Kind::Null => None,
        }
    }

    /// The primitive's value as text: the string, the number's digits, `true` or `false`.
    pub fn text(self) -> Option<&'t str> {
        match self.value()? {
            Value::String(text) | Value::Number(text) => Some(text),
            Value::Boolean(true) => Some("true"),
            Value::Boolean(false) => Some("false"),
        }
    }

    /// Whether it is a primitive: it has a value, or is known to be able to have one.
    pub fn is_primitive(self) -> bool {
        self.node().is(mark::PRIMITIVE) || self.node().kind != Kind::None
    }

    /// Whether JSON wrote `null` in its place.
    pub fn is_null(self) -> bool {
        self.node().kind == Kind::Null
    }

    /// Whether it stands in a JSON array.
    pub fn is_list(self) -> bool {
        self.node().is(mark::LIST)
    }

    /// The type of the resource that stands in this element, root included.
    pub fn resource_type(self) -> Option<&'t str> {
        let name = self.node().resource;
        (name != Name::NONE).then(|| self.tree.name(name))
    }

    /// The same as a number.
    pub fn resource_type_id(self) -> Option<Name> {
        let name = self.node().resource;
        (name != Name::NONE).then_some(name)
    }

    /// The nearest resource that it stands in, itself included.
    pub fn resource(self) -> Element<'t> {
        let mut element = self;
        while element.node().resource == Name::NONE {
            match element.parent() {
                Some(parent) => element = parent,
                None => break,
            }
        }
        element
    }

    /// Its place among the siblings of its name, from 0.
    pub fn index(self) -> usize {
        match self.parent() {
            Some(parent) => parent.named(self.name_id()).take_while(|sibling| sibling.id != self.id).count(),
            None => 0,
        }
    }

    /// Itself and all that is in it, parents before children, in order.
    pub fn descendants(self) -> Vec<Element<'t>> {
        let mut found = vec![self];
        let mut stack = vec![self.node().first];
        while let Some(id) = stack.pop() {
            if let Some(element) = self.to(id) {
                stack.push(element.node().next);
                stack.push(element.node().first);
                found.push(element);
            }
        }
        found
    }

    /// Where it begins in the text that was read; `None` for what was built.
    pub fn position(self) -> Option<Position> {
        let offset = self.node().position;
        (offset < self.tree.source).then(|| position_in(self.tree.source(), offset as usize))
    }

    /// The byte at which it begins in [`Tree::source`].
    pub fn offset(self) -> Option<usize> {
        let offset = self.node().position;
        (offset < self.tree.source).then_some(offset as usize)
    }
}

impl PartialEq for Element<'_> {
    /// The same element of the same tree.
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && std::ptr::eq(self.tree, other.tree)
    }
}

impl Eq for Element<'_> {}

impl std::fmt::Debug for Element<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.path())?;
        self.text().map_or(Ok(()), |text| write!(f, " = {text:?}"))
    }
}

/// The children of an element.
#[derive(Clone)]
pub struct Children<'t> {
    tree: &'t Tree,
    next: u32,
}

impl<'t> Iterator for Children<'t> {
    type Item = Element<'t>;

    fn next(&mut self) -> Option<Element<'t>> {
        if self.next == NO_NODE {
            return None;
        }
        let element = Element { tree: self.tree, id: self.next };
        self.next = element.node().next;
        Some(element)
    }
}

/// The children of one name.
#[derive(Clone)]
pub struct Named<'t> {
    children: Children<'t>,
    name: Name,
}

impl<'t> Iterator for Named<'t> {
    type Item = Element<'t>;

    fn next(&mut self) -> Option<Element<'t>> {
        let name = self.name;
        self.children.find(|element| element.name_id() == name)
    }
}
