//! JSON text to tree, in one pass.

use super::scan::Text;
use super::sibling::mark_run;
use crate::tree::{Kind, NO_NODE, Node, mark, position_in};
use crate::{Issue, IssueType, Limits, Name, SyntaxError, Tree};

/// Reads one FHIR resource (or any JSON object) from UTF-8 text; a byte order mark is skipped. Where several resources
/// or other text follow, that is an error. Nothing is kept on error.
pub fn read(bytes: &[u8], limits: &Limits) -> Result<Tree, SyntaxError> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let valid = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
            let position = position_in(valid, valid.len());
            return Err(SyntaxError { message: "The text is not UTF-8.".into(), position, limit: false });
        }
    };
    let mut reader = Reader {
        text,
        bytes: text.as_bytes(),
        at: 0,
        tree: Tree {
            nodes: Vec::with_capacity(bytes.len() / 24),
            text: String::new(),
            source: bytes.len() as u32,
            local: Vec::new(),
            issues: Vec::new(),
        },
        escaped: String::new(),
        keys: Vec::new(),
        limits,
    };
    match reader.document() {
        Ok(()) => Ok(reader.finish()),
        Err(fault) => {
            Err(SyntaxError { message: fault.message, position: position_in(text, fault.at), limit: fault.limit })
        }
    }
}

pub(super) struct Fault {
    pub(super) message: String,
    pub(super) at: usize,
    pub(super) limit: bool,
}

/// A key seen in an object that is still open: with its first node, and whether it came plain and with underscore.
pub(super) struct Key {
    pub(super) name: Name,
    pub(super) first: u32,
    plain: bool,
    underscore: bool,
}

pub(super) struct Reader<'s> {
    pub(super) text: &'s str,
    pub(super) bytes: &'s [u8],
    pub(super) at: usize,
    pub(super) tree: Tree,
    /// Strings that held escapes, to stand behind the source.
    pub(super) escaped: String,
    pub(super) keys: Vec<Key>,
    limits: &'s Limits,
}

impl<'s> Reader<'s> {
    fn finish(mut self) -> Tree {
        let mut text = String::with_capacity(self.text.len() + self.escaped.len());
        text.push_str(self.text);
        text.push_str(&self.escaped);
        self.tree.text = text;
        self.tree
    }

    pub(super) fn fault<T>(&self, message: impl Into<String>) -> Result<T, Fault> {
        Err(Fault { message: message.into(), at: self.at, limit: false })
    }

    fn limit<T>(&self, message: String) -> Result<T, Fault> {
        Err(Fault { message, at: self.at, limit: true })
    }

    fn document(&mut self) -> Result<(), Fault> {
        if self.bytes.len() > self.limits.bytes.min(u32::MAX as usize / 2) {
            return self.limit(format!("The text is longer than the limit of {} bytes.", self.limits.bytes));
        }
        self.blank();
        if self.peek() != Some(b'{') {
            return self.fault("A FHIR resource in JSON begins with '{'.");
        }
        self.tree.nodes.push(Node::new(Name::NONE, self.at as u32));
        self.object(0, 1)?;
        if self.tree.nodes[0].resource == Name::NONE {
            self.tree.nodes[0].name = self.tree.intern("");
            self.issue(0, IssueType::Structure, "There is no 'resourceType'.");
        }
        self.blank();
        if self.at < self.bytes.len() {
            return self.fault("Text follows after the end of the resource.");
        }
        Ok(())
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blank(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    pub(super) fn issue(&mut self, node: u32, code: IssueType, message: impl Into<String>) {
        let at = self.tree.nodes[node as usize].position as usize;
        let path = self.tree.element(crate::ElementId(node)).path();
        let issue = Issue::error(code, path, message).at(Some(position_in(self.text, at)));
        self.tree.issues.push(issue);
    }

    /// The members of an object; `at` is on the brace, and behind the closing one afterwards.
    pub(super) fn object(&mut self, parent: u32, depth: usize) -> Result<(), Fault> {
        if depth > self.limits.depth {
            return self.limit(format!("Elements are nested deeper than the limit of {}.", self.limits.depth));
        }
        let base = self.keys.len();
        self.at += 1;
        self.blank();
        if self.peek() == Some(b'}') {
            self.at += 1;
            if depth > 1 {
                self.issue(parent, IssueType::Structure, "An object must not be empty.");
            }
            return Ok(());
        }
        loop {
            self.blank();
            if self.peek() != Some(b'"') {
                return self.fault("A property name in double quotes is expected.");
            }
            let position = self.at as u32;
            let key = self.string()?;
            self.blank();
            if self.peek() != Some(b':') {
                return self.fault("':' is expected after a property name.");
            }
            self.at += 1;
            self.blank();
            self.member(parent, key, position, base, depth)?;
            self.blank();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return self.fault("',' or '}' is expected after a property."),
            }
        }
        self.at += 1;
        for key in self.keys.drain(base..) {
            if !key.plain {
                // Only `_field` came: the element is a primitive without a value.
                mark_run(&mut self.tree, key.first, key.name);
            }
        }
        Ok(())
    }

    fn text_at(&self, text: &Text) -> &str {
        let start = text.start as usize;
        let end = start + text.length as usize;
        if start < self.text.len() {
            &self.text[start..end]
        } else {
            &self.escaped[start - self.text.len()..end - self.text.len()]
        }
    }

    fn member(&mut self, parent: u32, key: Text, position: u32, base: usize, depth: usize) -> Result<(), Fault> {
        if self.text_at(&key) == "resourceType" && self.holds_resource(parent) {
            return self.resource_type(parent);
        }
        let underscore = self.text_at(&key).starts_with('_') && key.length > 1;
        let skip = usize::from(underscore);
        let name = match key
            .plain
            .then(|| Name::of(&self.text[key.start as usize + skip..(key.start + key.length) as usize]))
            .flatten()
        {
            Some(name) => name,
            None => {
                let text = self.text_at(&key)[skip..].to_owned();
                self.tree.intern(&text)
            }
        };
        let known = self.keys[base..].iter().position(|key| key.name == name).map(|place| base + place);
        let place = match known {
            Some(place) => {
                let key = &self.keys[place];
                if if underscore { key.underscore } else { key.plain } {
                    self.duplicate(parent, name, position);
                    return self.skip(depth);
                }
                place
            }
            None => {
                if self.keys.len() - base > 1_000 {
                    return self.limit("An object has more than 1,000 properties.".into());
                }
                self.keys.push(Key { name, first: NO_NODE, plain: false, underscore: false });
                self.keys.len() - 1
            }
        };
        if underscore {
            self.keys[place].underscore = true;
            return self.sibling(parent, place, position, depth);
        }
        self.keys[place].plain = true;
        if self.keys[place].first != NO_NODE {
            return self.late_value(parent, place, position, depth);
        }
        let first = self.tree.nodes.len() as u32;
        if self.peek() == Some(b'[') {
            self.array(parent, name, position, depth)?
        } else {
            self.value(parent, name, position, 0, depth)?
        }
        if self.tree.nodes.len() as u32 > first {
            self.keys[place].first = first;
        }
        Ok(())
    }

    /// Whether `resourceType` names a type here, rather than being an element (`ExampleScenario.instance.resourceType`).
    fn holds_resource(&self, parent: u32) -> bool {
        parent == 0
            || matches!(self.tree.nodes[parent as usize].name.known(), Some("contained" | "resource" | "outcome"))
    }

    fn resource_type(&mut self, parent: u32) -> Result<(), Fault> {
        if self.peek() != Some(b'"') {
            return self.fault("'resourceType' must be a string.");
        }
        let text = self.string()?;
        let text = self.text_at(&text).to_owned();
        let name = self.tree.intern(&text);
        if self.tree.nodes[parent as usize].resource != Name::NONE {
            self.issue(parent, IssueType::Structure, "There is more than one 'resourceType'.");
        }
        self.tree.nodes[parent as usize].resource = name;
        if parent == 0 {
            self.tree.nodes[0].name = name;
        }
        Ok(())
    }

    fn duplicate(&mut self, parent: u32, name: Name, position: u32) {
        let path = self.tree.element(crate::ElementId(parent)).path();
        let text =
            format!("The property '{}' stands twice in one object; the second one was not read.", self.tree.name(name));
        let issue = Issue::error(IssueType::Structure, path, text).at(Some(position_in(self.text, position as usize)));
        self.tree.issues.push(issue);
    }

    fn array(&mut self, parent: u32, name: Name, position: u32, depth: usize) -> Result<(), Fault> {
        let mut count = 0;
        self.items(|reader| {
            let item_position = if count == 0 { position.max(reader.at as u32) } else { reader.at as u32 };
            count += 1;
            if reader.peek() == Some(b'[') {
                reader.nested_array(parent, name);
                return reader.skip(depth + 1);
            }
            reader.value(parent, name, item_position, mark::LIST, depth)
        })?;
        if count == 0 {
            let path = self.tree.element(crate::ElementId(parent)).path();
            let text = format!("The array '{}' is empty.", self.tree.name(name));
            let path = format!("{path}.{}", self.tree.name(name));
            self.tree.issues.push(
                Issue::error(IssueType::Structure, path, text).at(Some(position_in(self.text, position as usize))),
            );
        }
        Ok(())
    }

    fn nested_array(&mut self, parent: u32, name: Name) {
        let path = self.tree.element(crate::ElementId(parent)).path();
        let text = format!("'{}' holds an array in an array; it was not read.", self.tree.name(name));
        self.tree.issues.push(Issue::error(IssueType::Structure, path, text).at(Some(position_in(self.text, self.at))));
    }

    /// Calls `item` at each item of the array that begins here.
    pub(super) fn items(&mut self, mut item: impl FnMut(&mut Self) -> Result<(), Fault>) -> Result<(), Fault> {
        self.at += 1;
        self.blank();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.blank();
            item(self)?;
            self.blank();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return self.fault("',' or ']' is expected after an item."),
            }
        }
        self.at += 1;
        Ok(())
    }

    /// One value that is no array, as a new child.
    pub(super) fn value(
        &mut self,
        parent: u32,
        name: Name,
        position: u32,
        marks: u8,
        depth: usize,
    ) -> Result<(), Fault> {
        if self.tree.nodes.len() >= self.limits.elements {
            return self.limit(format!("There are more than {} elements.", self.limits.elements));
        }
        let mut node = Node::new(name, position);
        node.marks = marks;
        if self.peek() == Some(b'{') {
            let id = self.tree.push_node(parent, node);
            return self.object(id, depth + 1);
        }
        self.primitive(&mut node)?;
        let null = node.kind == Kind::Null;
        let id = self.tree.push_node(parent, node);
        if null && marks & mark::LIST == 0 {
            self.issue(id, IssueType::Structure, "'null' is no value: leave the property out.");
        }
        Ok(())
    }

    /// Reads a value and forgets it; the caller has reported it.
    pub(super) fn skip(&mut self, depth: usize) -> Result<(), Fault> {
        let from = self.tree.nodes.len();
        let local = Node::new(Name::NONE, self.at as u32);
        self.tree.nodes.push(local);
        let keys = std::mem::take(&mut self.keys);
        let issues = self.tree.issues.len();
        let result = self.skip_value(from as u32, depth);
        self.keys = keys;
        self.tree.issues.truncate(issues);
        self.tree.nodes.truncate(from);
        result
    }

    fn skip_value(&mut self, node: u32, depth: usize) -> Result<(), Fault> {
        if depth > self.limits.depth {
            return self.limit(format!("Elements are nested deeper than the limit of {}.", self.limits.depth));
        }
        match self.peek() {
            Some(b'{') => self.object(node, depth + 1),
            Some(b'[') => self.items(|reader| reader.skip_value(node, depth + 1)),
            _ => self.primitive(&mut Node::new(Name::NONE, 0)),
        }
    }
}
