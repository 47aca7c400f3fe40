//! The smallest parts of JSON: strings with their escapes, numbers, words.

use super::read::{Fault, Reader};
use crate::tree::{Kind, Node, mark};

/// A string of the input: where its text stands, and whether that is the source itself.
pub(super) struct Text {
    pub(super) start: u32,
    pub(super) length: u32,
    pub(super) plain: bool,
}

impl Reader<'_> {
    pub(super) fn primitive(&mut self, node: &mut Node) -> Result<(), Fault> {
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

    pub(super) fn word(&mut self, word: &str, node: &mut Node, kind: Kind) -> Result<(), Fault> {
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
    pub(super) fn string(&mut self) -> Result<Text, Fault> {
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
