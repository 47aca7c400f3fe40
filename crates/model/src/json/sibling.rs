//! `_field` beside `field`: the `id` and the extensions of primitives, in whichever order the two come.

use super::read::{Fault, Reader};
use crate::tree::{Kind, NO_NODE, Node, mark, position_in};
use crate::{Issue, IssueType, Name, Tree};

impl Reader<'_> {
    /// `_field` after or before `field`: `id` and extensions of primitives.
    pub(super) fn sibling(&mut self, parent: u32, place: usize, position: u32, depth: usize) -> Result<(), Fault> {
        let name = self.keys[place].name;
        let mut target = self.keys[place].first;
        if self.peek() != Some(b'[') {
            return self.sibling_item(parent, place, position, &mut target, 0, depth);
        }
        let mut count = 0;
        self.items(|reader| {
            count += 1;
            let at = reader.at as u32;
            reader.sibling_item(parent, place, at, &mut target, mark::LIST, depth)
        })?;
        if count == 0 {
            let text = format!("The array '_{}' is empty.", self.tree.name(name));
            let path = self.tree.element(crate::ElementId(parent)).path();
            self.tree.issues.push(
                Issue::error(IssueType::Structure, path, text).at(Some(position_in(self.text, position as usize))),
            );
        }
        Ok(())
    }

    fn sibling_item(
        &mut self,
        parent: u32,
        place: usize,
        position: u32,
        target: &mut u32,
        marks: u8,
        depth: usize,
    ) -> Result<(), Fault> {
        let name = self.keys[place].name;
        if *target == NO_NODE {
            let mut node = Node::new(name, position);
            node.marks = marks | mark::PRIMITIVE;
            if marks & mark::LIST != 0 && self.peek() == Some(b'n') {
                node.kind = Kind::Null;
            }
            *target = self.tree.push_node(parent, node);
            if self.keys[place].first == NO_NODE {
                self.keys[place].first = *target;
            }
        }
        let id = *target;
        // The run ends where a sibling of another name follows: further items make new elements behind it.
        let next = self.tree.nodes[id as usize].next;
        *target = if next != NO_NODE && self.tree.nodes[next as usize].name == name { next } else { NO_NODE };
        match self.peek() {
            Some(b'{') => {
                let node = &mut self.tree.nodes[id as usize];
                if node.kind == Kind::Null {
                    node.kind = Kind::None;
                }
                if node.first != NO_NODE {
                    self.issue(id, IssueType::Structure, "A complex element has no sibling with an underscore.");
                }
                if (marks ^ self.tree.nodes[id as usize].marks) & mark::LIST != 0 {
                    self.issue(
                        id,
                        IssueType::Structure,
                        "The element and its sibling with an underscore are not both arrays.",
                    );
                }
                self.tree.nodes[id as usize].marks |= mark::PRIMITIVE;
                self.object(id, depth + 1)
            }
            Some(b'n') if marks & mark::LIST != 0 => {
                let mut unused = Node::new(name, position);
                self.word("null", &mut unused, Kind::Null)
            }
            _ => {
                self.issue(id, IssueType::Structure, "A property with an underscore must hold an object.");
                self.skip(depth)
            }
        }
    }

    /// `field` after `_field`: values for elements that are there already.
    pub(super) fn late_value(&mut self, parent: u32, place: usize, position: u32, depth: usize) -> Result<(), Fault> {
        let name = self.keys[place].name;
        let mut target = self.keys[place].first;
        mark_run(&mut self.tree, target, name);
        if self.peek() != Some(b'[') {
            return self.late_item(parent, name, position, &mut target, depth, 0);
        }
        self.items(|reader| {
            let at = reader.at as u32;
            reader.late_item(parent, name, at, &mut target, depth, mark::LIST)
        })
    }

    fn late_item(
        &mut self,
        parent: u32,
        name: Name,
        position: u32,
        target: &mut u32,
        depth: usize,
        marks: u8,
    ) -> Result<(), Fault> {
        if *target == NO_NODE {
            return self.value(parent, name, position, marks, depth);
        }
        let id = *target;
        let next = self.tree.nodes[id as usize].next;
        *target = if next != NO_NODE && self.tree.nodes[next as usize].name == name { next } else { NO_NODE };
        if matches!(self.peek(), Some(b'{' | b'[')) {
            self.issue(id, IssueType::Structure, "A complex element has no sibling with an underscore.");
            return self.skip(depth);
        }
        let mut node = self.tree.nodes[id as usize].clone();
        self.primitive(&mut node)?;
        if node.kind == Kind::Null && node.first != NO_NODE {
            node.kind = Kind::None;
        }
        node.position = position;
        self.tree.nodes[id as usize] = node;
        Ok(())
    }
}

pub(super) fn mark_run(tree: &mut Tree, first: u32, name: Name) {
    let mut id = first;
    while id != NO_NODE && tree.nodes[id as usize].name == name {
        tree.nodes[id as usize].marks |= mark::PRIMITIVE;
        id = tree.nodes[id as usize].next;
    }
}
