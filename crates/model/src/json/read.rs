//! JSON text to tree, in one pass.

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

struct Fault {
    message: String,
    at: usize,
    limit: bool,
}

/// A key seen in an object that is still open: with its first node, and whether it came plain and with underscore.
struct Key {
    name: Name,
    first: u32,
    plain: bool,
    underscore: bool,
}

struct Reader<'s> {
    text: &'s str,
    bytes: &'s [u8],
    at: usize,
    tree: Tree,
    /// Strings that held escapes, to stand behind the source.
    escaped: String,
    keys: Vec<Key>,
    limits: &'s Limits,
}

/// A string of the input: where its text stands, and whether that is the source itself.
struct Text {
    start: u32,
    length: u32,
    plain: bool,
}

impl<'s> Reader<'s> {
    fn finish(mut self) -> Tree {
        let mut text = String::with_capacity(self.text.len() + self.escaped.len());
        text.push_str(self.text);
        text.push_str(&self.escaped);
        self.tree.text = text;
        self.tree
    }

    fn fault<T>(&self, message: impl Into<String>) -> Result<T, Fault> {
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

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blank(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn issue(&mut self, node: u32, code: IssueType, message: impl Into<String>) {
        let at = self.tree.nodes[node as usize].position as usize;
        let path = self.tree.element(crate::ElementId(node)).path();
        let issue = Issue::error(code, path, message).at(Some(position_in(self.text, at)));
        self.tree.issues.push(issue);
    }

    /// The members of an object; `at` is on the brace, and behind the closing one afterwards.
    fn object(&mut self, parent: u32, depth: usize) -> Result<(), Fault> {
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
        let key_bytes =
            &self.bytes[key.start as usize..(key.start as usize + key.length as usize).min(self.bytes.len())];
        if key.plain && key_bytes == b"resourceType" && self.holds_resource(parent) {
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
    fn items(&mut self, mut item: impl FnMut(&mut Self) -> Result<(), Fault>) -> Result<(), Fault> {
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
    fn value(&mut self, parent: u32, name: Name, position: u32, marks: u8, depth: usize) -> Result<(), Fault> {
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

    fn primitive(&mut self, node: &mut Node) -> Result<(), Fault> {
        node.marks |= mark::PRIMITIVE;
        match self.peek() {
            Some(b'"') => {
                let text = self.string()?;
                (node.start, node.length, node.kind) = (text.start, text.length, Kind::String);
                if text.plain {
                    node.marks |= mark::PLAIN;
                }
                Ok(())
            }
            Some(b'-' | b'0'..=b'9') => {
                let start = self.at;
                self.number()?;
                (node.start, node.length, node.kind) = (start as u32, (self.at - start) as u32, Kind::Number);
                Ok(())
            }
            Some(b't') => self.word("true", node, Kind::True),
            Some(b'f') => self.word("false", node, Kind::False),
            Some(b'n') => self.word("null", node, Kind::Null),
            _ => self.fault("A JSON value is expected."),
        }
    }

    fn word(&mut self, word: &str, node: &mut Node, kind: Kind) -> Result<(), Fault> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return self.fault("A JSON value is expected.");
        }
        self.at += word.len();
        node.kind = kind;
        Ok(())
    }

    fn number(&mut self) -> Result<(), Fault> {
        let digits = |reader: &mut Self| {
            let start = reader.at;
            while matches!(reader.peek(), Some(b'0'..=b'9')) {
                reader.at += 1;
            }
            if reader.at == start { reader.fault("A digit is expected.") } else { Ok(()) }
        };
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1
        } else {
            digits(self)?
        }
        if matches!(self.peek(), Some(b'0'..=b'9')) {
            return self.fault("A number must not begin with a superfluous zero.");
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            digits(self)?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            digits(self)?;
        }
        Ok(())
    }

    /// The string that begins here; `at` is behind its closing quote afterwards.
    fn string(&mut self) -> Result<Text, Fault> {
        self.at += 1;
        let start = self.at;
        let rest = &self.bytes[start..];
        let plain = rest.iter().position(|byte| SPECIAL[usize::from(*byte)]);
        match plain.map(|length| (length, rest[length])) {
            Some((length, b'"')) => {
                self.at = start + length + 1;
                Ok(Text { start: start as u32, length: length as u32, plain: true })
            }
            Some((length, _)) => self.escaped_string(start, length),
            None => self.fault("The string has no end."),
        }
    }

    fn escaped_string(&mut self, start: usize, plain: usize) -> Result<Text, Fault> {
        let begin = self.escaped.len();
        self.escaped.push_str(&self.text[start..start + plain]);
        self.at = start + plain;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                Some(byte) if byte < 0x20 => return self.fault("A control character in a string must be escaped."),
                Some(_) => {
                    let from = self.at;
                    let length = self.bytes[from..].iter().position(|byte| SPECIAL[usize::from(*byte)]);
                    let Some(length) = length else { return self.fault("The string has no end.") };
                    self.escaped.push_str(&self.text[from..from + length]);
                    self.at = from + length;
                }
                None => return self.fault("The string has no end."),
            }
        }
        self.at += 1;
        let start = self.text.len() + begin;
        Ok(Text { start: start as u32, length: (self.escaped.len() - begin) as u32, plain: false })
    }

    fn escape(&mut self) -> Result<(), Fault> {
        self.at += 1;
        let character = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                let character = self.unicode()?;
                self.escaped.push(character);
                return Ok(());
            }
            _ => return self.fault("This escape is not JSON."),
        };
        self.at += 1;
        self.escaped.push(character);
        Ok(())
    }

    fn unicode(&mut self) -> Result<char, Fault> {
        let high = self.hex()?;
        if (0xD800..0xDC00).contains(&high) && self.bytes[self.at..].starts_with(b"\\u") {
            self.at += 2;
            let low = self.hex()?;
            if (0xDC00..0xE000).contains(&low) {
                let code = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
                return char::from_u32(code).map_or_else(|| self.fault("This escape is no character."), Ok);
            }
        }
        match char::from_u32(high) {
            Some(character) => Ok(character),
            None => self.fault("Half of a surrogate pair is no character."),
        }
    }

    fn hex(&mut self) -> Result<u32, Fault> {
        let digits =
            self.text.get(self.at..self.at + 4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) {
            Some(code) => {
                self.at += 4;
                Ok(code)
            }
            None => self.fault("Four hexadecimal digits are expected."),
        }
    }

    /// `_field` after or before `field`: `id` and extensions of primitives.
    fn sibling(&mut self, parent: u32, place: usize, position: u32, depth: usize) -> Result<(), Fault> {
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
    fn late_value(&mut self, parent: u32, place: usize, position: u32, depth: usize) -> Result<(), Fault> {
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

    /// Reads a value and forgets it; the caller has reported it.
    fn skip(&mut self, depth: usize) -> Result<(), Fault> {
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

fn mark_run(tree: &mut Tree, first: u32, name: Name) {
    let mut id = first;
    while id != NO_NODE && tree.nodes[id as usize].name == name {
        tree.nodes[id as usize].marks |= mark::PRIMITIVE;
        id = tree.nodes[id as usize].next;
    }
}

/// The bytes that end the plain run of a string: quote, backslash, control characters.
static SPECIAL: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = true;
        byte += 1;
    }
    table[b'"' as usize] = true;
    table[b'\\' as usize] = true;
    table
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::to_string;

    fn tree(text: &str) -> Tree {
        read(text.as_bytes(), &Limits::default()).unwrap()
    }

    #[test]
    fn what_is_read_is_written_again() {
        for text in [
            r#"{"resourceType":"Patient","id":"1","active":true,"multipleBirthInteger":2}"#,
            r#"{"resourceType":"Observation","valueQuantity":{"value":1.50,"unit":"\u0001\n\"\\ é 😀"}}"#,
            r#"{"resourceType":"Patient","name":[{"given":["a",null],"_given":[null,{"extension":[{"url":"u","valueString":"x"}]}]}]}"#,
            r#"{"resourceType":"Patient","birthDate":"1970","_birthDate":{"id":"b"},"gender":"male"}"#,
            r#"{"resourceType":"Patient","_birthDate":{"id":"b"},"contained":[{"resourceType":"Organization","id":"o"}]}"#,
            r#"{"resourceType":"Patient","unknown":{"deep":[1,2.0e+3]},"_x":[null,{"id":"1"}]}"#,
            r#"{"resourceType":"ExampleScenario","instance":[{"resourceId":"a","resourceType":"Patient"}]}"#,
        ] {
            let tree = tree(text);
            assert_eq!(to_string(tree.root()), text.replace(r"\u0001", "\\u0001"));
            assert_eq!(tree.issues(), []);
        }
    }

    #[test]
    fn a_sibling_may_come_first_and_the_type_last() {
        let tree = tree(r#"{"_given":[{"id":"1"},null],"given":[null,"b"],"resourceType":"HumanName"}"#);
        assert_eq!(
            to_string(tree.root()),
            r#"{"resourceType":"HumanName","given":[null,"b"],"_given":[{"id":"1"},null]}"#
        );
    }

    #[test]
    fn what_fhir_forbids_is_an_issue_with_its_place() {
        for (text, path) in [
            ("{\"resourceType\":\"Patient\",\n \"name\":[]}", "Patient.name"),
            ("{\"resourceType\":\"Patient\",\n \"gender\":null}", "Patient.gender"),
            ("{\"resourceType\":\"Patient\",\n \"name\":[[{\"text\":\"a\"}]]}", "Patient"),
            ("{\"resourceType\":\"Patient\",\"id\":\"1\",\n \"id\":\"2\"}", "Patient"),
            ("{\"resourceType\":\"Patient\",\n \"name\":[{}]}", "Patient.name[0]"),
        ] {
            let tree = tree(text);
            let [issue] = tree.issues() else { panic!("{text}: {:?}", tree.issues()) };
            assert_eq!((issue.path.as_str(), issue.position.map(|at| at.line)), (path, Some(2)), "{text}");
        }
    }

    #[test]
    fn broken_text_is_refused_at_its_place() {
        for (text, column) in [
            ("{\"a\" 1}", 6),
            ("{\"a\":01}", 7),
            ("{\"a\":\"\n\"}", 7),
            ("{\"a\":1}}", 8),
            ("[1]", 1),
            ("{\"a\":tru}", 6),
            ("{\"a\":\"\\ud800\"}", 13),
        ] {
            let error = read(text.as_bytes(), &Limits::default()).unwrap_err();
            assert_eq!((error.position.column, error.limit), (column, false), "{text}: {error}");
        }
        assert!(read(b"{\"a\":\"\xff\"}", &Limits::default()).is_err());
    }

    #[test]
    fn limits_hold() {
        let limits = Limits { bytes: 1_000, depth: 10, elements: 20 };
        let deep = "{\"a\":".repeat(30) + "1" + &"}".repeat(30);
        let skipped = format!("{{\"a\":1,\"a\":{}1{}}}", "[".repeat(30), "]".repeat(30));
        let wide = format!("{{\"a\":[{}1]}}", "1,".repeat(30));
        let long = format!("{{\"a\":\"{}\"}}", " ".repeat(1_000));
        for text in [deep, skipped, wide, long] {
            assert!(read(text.as_bytes(), &limits).unwrap_err().limit, "{text}");
        }
    }
}
