//! Tree to JSON text.

use crate::Element;
use crate::tree::{Kind, NO_NODE, Node, Tree, mark};

/// The compact JSON text of an element; `resourceType` comes first.
pub fn to_string(element: Element<'_>) -> String {
    let mut out = String::with_capacity(element.tree().text.len());
    write(element, &mut out);
    out
}

/// Appends the compact JSON text of an element.
pub fn write(element: Element<'_>, out: &mut String) {
    Writer { tree: element.tree(), out, indent: None }.item(element.tree().node(element.id().0));
}

/// Appends JSON text with two blanks a level.
pub fn write_pretty(element: Element<'_>, out: &mut String) {
    Writer { tree: element.tree(), out, indent: Some(0) }.item(element.tree().node(element.id().0));
}

struct Writer<'t> {
    tree: &'t Tree,
    out: &'t mut String,
    indent: Option<usize>,
}

impl<'t> Writer<'t> {
    fn item(&mut self, node: &'t Node) {
        if node.is(mark::PRIMITIVE) { self.primitive(node) } else { self.object(node) }
    }

    fn open(&mut self, bracket: char) {
        self.out.push(bracket);
        if let Some(indent) = &mut self.indent {
            *indent += 1;
        }
    }

    fn close(&mut self, bracket: char) {
        if let Some(indent) = &mut self.indent {
            *indent -= 1;
        }
        self.line();
        self.out.push(bracket);
    }

    fn line(&mut self) {
        if let Some(indent) = self.indent {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n("  ", indent));
        }
    }

    fn comma(&mut self, first: &mut bool) {
        if !std::mem::take(first) {
            self.out.push(',');
        }
        self.line();
    }

    fn key(&mut self, first: &mut bool, underscore: bool, name: &str) {
        self.comma(first);
        self.out.push('"');
        if underscore {
            self.out.push('_');
        }
        escape(name, self.out);
        self.out.push_str(if self.indent.is_some() { "\": " } else { "\":" });
    }

    fn object(&mut self, node: &'t Node) {
        self.open('{');
        let mut first = true;
        if node.resource != crate::Name::NONE {
            self.key(&mut first, false, "resourceType");
            self.string(self.tree.name(node.resource));
        }
        self.members(node, first);
        self.close('}');
    }

    fn members(&mut self, node: &'t Node, mut first: bool) {
        let mut id = node.first;
        while id != NO_NODE {
            let child = self.tree.node(id);
            let name = self.tree.name(child.name);
            if child.is(mark::LIST) {
                id = self.run(id, name, &mut first);
                continue;
            }
            if !child.is(mark::PRIMITIVE) {
                self.key(&mut first, false, name);
                self.object(child);
            } else {
                if child.kind != Kind::None || child.first == NO_NODE {
                    self.key(&mut first, false, name);
                    self.primitive(child);
                }
                if child.first != NO_NODE {
                    self.key(&mut first, true, name);
                    self.sibling(child);
                }
            }
            id = child.next;
        }
    }

    /// The array of a run of items that begins at `id`; the number of the node behind it.
    fn run(&mut self, id: u32, name: &str, first: &mut bool) -> u32 {
        let head = self.tree.node(id);
        let (mut values, mut extended, mut end) = (false, false, id);
        while end != NO_NODE {
            let item = self.tree.node(end);
            if item.name != head.name || !item.is(mark::LIST) {
                break;
            }
            values |= !item.is(mark::PRIMITIVE) || item.kind.has_value();
            extended |= item.is(mark::PRIMITIVE) && item.first != NO_NODE;
            end = item.next;
        }
        if values || !extended {
            self.key(first, false, name);
            self.array(id, end, Self::item);
        }
        if extended {
            self.key(first, true, name);
            self.array(id, end, Self::sibling);
        }
        end
    }

    fn array(&mut self, mut id: u32, end: u32, mut write: impl FnMut(&mut Self, &'t Node)) {
        self.open('[');
        let mut first = true;
        while id != end {
            let item = self.tree.node(id);
            self.comma(&mut first);
            write(self, item);
            id = item.next;
        }
        self.close(']');
    }

    fn sibling(&mut self, node: &'t Node) {
        if node.first == NO_NODE {
            self.out.push_str("null");
            return;
        }
        self.open('{');
        self.members(node, true);
        self.close('}');
    }

    fn primitive(&mut self, node: &'t Node) {
        match node.kind {
            Kind::None | Kind::Null => self.out.push_str("null"),
            Kind::True => self.out.push_str("true"),
            Kind::False => self.out.push_str("false"),
            Kind::Number => self.out.push_str(self.tree.text_of(node)),
            Kind::String if node.is(mark::PLAIN) => {
                self.out.push('"');
                self.out.push_str(self.tree.text_of(node));
                self.out.push('"');
            }
            Kind::String => self.string(self.tree.text_of(node)),
        }
    }

    fn string(&mut self, text: &str) {
        put_string(text, self.out);
    }
}

/// Appends a string of JSON with its quotes.
pub fn put_string(text: &str, out: &mut String) {
    out.push('"');
    escape(text, out);
    out.push('"');
}

fn escape(text: &str, out: &mut String) {
    let mut start = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0x08 => "\\b",
            0x0C => "\\f",
            0..0x20 => "",
            _ => continue,
        };
        out.push_str(&text[start..at]);
        if escape.is_empty() {
            out.push_str(&format!("\\u{byte:04x}"));
        } else {
            out.push_str(escape);
        }
        start = at + 1;
    }
    out.push_str(&text[start..]);
}
