//! Building and changing a tree.

use std::fmt::Display;

use crate::tree::{Kind, NO_NODE, Node, mark};
use crate::{Element, ElementId, Name, Tree};

/// A primitive's value on its way into a tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Primitive<'a> {
    /// A JSON string.
    String(&'a str),
    /// A JSON number by its digits; the caller vouches for the syntax.
    Number(&'a str),
    /// A whole number.
    Integer(i64),
    /// `true` or `false`.
    Boolean(bool),
}

impl<'a> From<&'a str> for Primitive<'a> {
    fn from(text: &'a str) -> Self {
        Primitive::String(text)
    }
}

impl<'a> From<&'a String> for Primitive<'a> {
    fn from(text: &'a String) -> Self {
        Primitive::String(text)
    }
}

impl From<bool> for Primitive<'_> {
    fn from(value: bool) -> Self {
        Primitive::Boolean(value)
    }
}

impl From<i64> for Primitive<'_> {
    fn from(value: i64) -> Self {
        Primitive::Integer(value)
    }
}

impl<'a> From<crate::Value<'a>> for Primitive<'a> {
    fn from(value: crate::Value<'a>) -> Self {
        match value {
            crate::Value::String(text) => Primitive::String(text),
            crate::Value::Number(text) => Primitive::Number(text),
            crate::Value::Boolean(value) => Primitive::Boolean(value),
        }
    }
}

impl Tree {
    /// The root, to change it.
    pub fn edit(&mut self) -> ElementMut<'_> {
        self.edit_at(ElementId(0))
    }

    /// An element, to change it.
    pub fn edit_at(&mut self, id: ElementId) -> ElementMut<'_> {
        ElementMut { tree: self, id: id.0 }
    }

    /// A tree of its own from one element; a resource keeps its type.
    pub fn from_element(element: Element<'_>) -> Tree {
        let mut tree = Tree::new(element.resource_type().unwrap_or(element.name()));
        if element.resource_type().is_none() {
            tree.nodes[0].resource = Name::NONE;
        }
        tree.edit().fill(element);
        tree
    }

    fn put_value(&mut self, id: u32, value: Primitive<'_>) {
        let (kind, text) = match value {
            Primitive::String(text) => (Kind::String, self.append_text(text)),
            Primitive::Number(text) => (Kind::Number, self.append_text(text)),
            Primitive::Integer(value) => (Kind::Number, self.append_display(&value)),
            Primitive::Boolean(true) => (Kind::True, (0, 0)),
            Primitive::Boolean(false) => (Kind::False, (0, 0)),
        };
        let node = &mut self.nodes[id as usize];
        node.kind = kind;
        (node.start, node.length) = text;
        node.marks = (node.marks | mark::PRIMITIVE) & !mark::PLAIN;
    }

    /// Copies what stands below `source` below an element that has no children: the order is right as it is.
    fn copy_below(&mut self, source: Element<'_>, parent: u32) {
        for child in source.children() {
            let from = source.tree();
            let own = from.node(child.id().0);
            let mut node = Node::new(self.intern_of(from, own.name), NO_NODE);
            if own.resource != Name::NONE {
                node.resource = self.intern_of(from, own.resource);
            }
            (node.kind, node.marks) = (own.kind, own.marks);
            if matches!(own.kind, Kind::String | Kind::Number) {
                (node.start, node.length) = self.append_text(from.text_of(own));
            }
            let id = self.push_node(parent, node);
            self.copy_below(child, id);
        }
    }

    /// The name that another tree gives a number.
    fn intern_of(&mut self, other: &Tree, name: Name) -> Name {
        if name.known().is_some() { name } else { self.intern(other.name(name)) }
    }

    fn append_display(&mut self, value: &dyn Display) -> (u32, u32) {
        self.append_text(&value.to_string())
    }

    /// A new child, behind the last sibling of its name or else behind all.
    fn insert_child(&mut self, parent: u32, name: &str, marks: u8) -> u32 {
        let name = self.intern(name);
        let mut node = Node::new(name, NO_NODE);
        node.marks = marks;
        let last = self.nodes[parent as usize].last;
        let sibling = if last != NO_NODE && self.nodes[last as usize].name == name {
            None
        } else {
            Element::new(self, parent).named(name).last().map(|element| element.id().0)
        };
        let Some(sibling) = sibling else { return self.push_node(parent, node) };
        let id = self.nodes.len() as u32;
        node.parent = parent;
        node.next = self.nodes[sibling as usize].next;
        self.nodes.push(node);
        self.nodes[sibling as usize].next = id;
        id
    }
}

/// One element of a tree, to change it. Single elements go in with `set`, `object`; repeating ones, which JSON writes as
/// an array also when there is one, with `push`, `item`.
pub struct ElementMut<'t> {
    tree: &'t mut Tree,
    id: u32,
}

impl ElementMut<'_> {
    /// Its number in the tree.
    pub fn id(&self) -> ElementId {
        ElementId(self.id)
    }

    /// The element, to read it.
    pub fn as_element(&self) -> Element<'_> {
        Element::new(self.tree, self.id)
    }

    /// The whole tree, to read it.
    pub fn tree(&self) -> &Tree {
        self.tree
    }

    fn to(&mut self, id: u32) -> ElementMut<'_> {
        ElementMut { tree: self.tree, id }
    }

    fn first(&self, name: &str) -> Option<u32> {
        self.as_element().get(name).map(|element| element.id().0)
    }

    /// Gives the single primitive child `name` a value, in place of the one it had; its extensions stay.
    pub fn set<'a>(&mut self, name: &str, value: impl Into<Primitive<'a>>) -> &mut Self {
        let id = match self.first(name) {
            Some(id) => id,
            None => self.tree.insert_child(self.id, name, mark::PRIMITIVE),
        };
        self.tree.put_value(id, value.into());
        self
    }

    /// The same where there is a value; nothing changes where there is none.
    pub fn set_some<'a>(&mut self, name: &str, value: Option<impl Into<Primitive<'a>>>) -> &mut Self {
        if let Some(value) = value {
            self.set(name, value);
        }
        self
    }

    /// Appends a value to the repeating primitive child `name`.
    pub fn push<'a>(&mut self, name: &str, value: impl Into<Primitive<'a>>) -> &mut Self {
        let id = self.tree.insert_child(self.id, name, mark::LIST | mark::PRIMITIVE);
        self.tree.put_value(id, value.into());
        self
    }

    /// Gives this primitive itself a value.
    pub fn set_value<'a>(&mut self, value: impl Into<Primitive<'a>>) -> &mut Self {
        self.tree.put_value(self.id, value.into());
        self
    }

    /// The single complex child `name`, made where it is missing.
    pub fn object(&mut self, name: &str) -> ElementMut<'_> {
        let id = match self.first(name) {
            Some(id) => id,
            None => self.tree.insert_child(self.id, name, 0),
        };
        self.to(id)
    }

    /// The single primitive child `name`, made without a value where it is missing: to put an extension on it.
    pub fn primitive(&mut self, name: &str) -> ElementMut<'_> {
        let id = match self.first(name) {
            Some(id) => id,
            None => self.tree.insert_child(self.id, name, mark::PRIMITIVE),
        };
        self.to(id)
    }

    /// A new item of the repeating complex child `name`.
    pub fn item(&mut self, name: &str) -> ElementMut<'_> {
        let id = self.tree.insert_child(self.id, name, mark::LIST);
        self.to(id)
    }

    /// A new item of the repeating primitive child `name`, still without a value.
    pub fn primitive_item(&mut self, name: &str) -> ElementMut<'_> {
        let id = self.tree.insert_child(self.id, name, mark::LIST | mark::PRIMITIVE);
        self.to(id)
    }

    /// Makes this element hold a resource of a type.
    pub fn set_resource_type(&mut self, resource_type: &str) -> &mut Self {
        let name = self.tree.intern(resource_type);
        self.tree.nodes[self.id as usize].resource = name;
        if self.id == 0 {
            self.tree.nodes[0].name = name;
        }
        self
    }

    /// Appends to this element a copy of everything in `source`: value, children, and the type where it is a resource.
    pub fn fill(&mut self, source: Element<'_>) -> &mut Self {
        if let Some(resource_type) = source.resource_type() {
            self.set_resource_type(resource_type);
        }
        if source.is_primitive() {
            self.tree.nodes[self.id as usize].marks |= mark::PRIMITIVE;
        }
        if source.is_null() {
            self.tree.nodes[self.id as usize].kind = Kind::Null;
        }
        if let Some(value) = source.value() {
            self.set_value(value);
        }
        if self.as_element().has_children() {
            for child in source.children() {
                self.copy(child);
            }
        } else {
            self.tree.copy_below(source, self.id);
        }
        self
    }

    /// Appends a copy of an element, of this or another tree, under its own name.
    pub fn copy(&mut self, source: Element<'_>) -> &mut Self {
        self.copy_as(source.name(), source, source.is_list())
    }

    /// Appends a copy of an element under another name, as an item of an array or alone.
    pub fn copy_as(&mut self, name: &str, source: Element<'_>, list: bool) -> &mut Self {
        let id = self.tree.insert_child(self.id, name, if list { mark::LIST } else { 0 });
        self.to(id).fill(source);
        self
    }

    /// Removes the children of a name with all that is in them.
    pub fn remove(&mut self, name: &str) -> &mut Self {
        while let Some(id) = self.first(name) {
            self.tree.edit_at(ElementId(id)).detach();
        }
        self
    }

    /// Removes the element with all that is in it; the root stays.
    pub fn detach(self) {
        let parent = self.tree.node(self.id).parent;
        if parent == NO_NODE {
            return;
        }
        let before = Element::new(self.tree, parent)
            .children()
            .map(|child| child.id().0)
            .take_while(|child| *child != self.id)
            .last();
        let next = self.tree.node(self.id).next;
        match before {
            Some(before) => self.tree.nodes[before as usize].next = next,
            None => self.tree.nodes[parent as usize].first = next,
        }
        if self.tree.node(parent).last == self.id {
            self.tree.nodes[parent as usize].last = before.unwrap_or(NO_NODE);
        }
        let node = &mut self.tree.nodes[self.id as usize];
        node.parent = NO_NODE;
        node.next = NO_NODE;
    }

    /// Moves the child that was added last to a place among its siblings of the same parent, from 0.
    pub fn move_last_to(&mut self, place: usize) -> &mut Self {
        let mut order: Vec<u32> = self.as_element().children().map(|child| child.id().0).collect();
        if let Some(last) = order.pop() {
            order.insert(place.min(order.len()), last);
            self.relink(&order);
        }
        self
    }

    fn relink(&mut self, order: &[u32]) {
        for pair in order.windows(2) {
            self.tree.nodes[pair[0] as usize].next = pair[1];
        }
        if let (Some(first), Some(last)) = (order.first(), order.last()) {
            self.tree.nodes[*last as usize].next = NO_NODE;
            self.tree.nodes[self.id as usize].first = *first;
            self.tree.nodes[self.id as usize].last = *last;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Tree, json};

    #[test]
    fn repeats_stay_together_and_single_items_are_arrays() {
        let mut tree = Tree::new("Patient");
        let mut root = tree.edit();
        root.item("name").set("family", "Martin").push("given", "Zoé");
        root.set("gender", "female");
        root.item("name").set("text", "Z.");
        root.primitive("birthDate").item("extension").set("url", "u").set("valueCode", "unknown");
        root.set("active", true).set("multipleBirthInteger", 2);
        assert_eq!(
            json::to_string(tree.root()),
            r#"{"resourceType":"Patient","name":[{"family":"Martin","given":["Zoé"]},{"text":"Z."}],"gender":"female","_birthDate":{"extension":[{"url":"u","valueCode":"unknown"}]},"active":true,"multipleBirthInteger":2}"#
        );
    }

    #[test]
    fn removal_and_copies_leave_the_rest_as_it_was() {
        let read = json::read(
            br#"{"resourceType":"Patient","id":"a","name":[{"text":"1"},{"text":"2"}],"active":true}"#,
            &Default::default(),
        );
        let mut tree = read.unwrap();
        let copy = tree.clone();
        tree.edit().remove("active").remove("id");
        tree.edit().copy(copy.root().get("id").unwrap()).move_last_to(0);
        let second = tree.root().all("name").nth(1).unwrap().id();
        tree.edit_at(second).detach();
        tree.edit().item("name").set("text", "3");
        assert_eq!(
            json::to_string(tree.root()),
            r#"{"resourceType":"Patient","id":"a","name":[{"text":"1"},{"text":"3"}]}"#
        );
    }
}
