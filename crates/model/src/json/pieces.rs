//! Where the parts of a JSON text stand, told by its brackets and quotes alone: so that a large text can be read piece by piece.
//!
//! What stands inside a piece is not looked at. Of a text that is no JSON, some piece is none either.

use std::ops::Range;

/// Where the value of a member of the outermost object stands, without blanks around it. `None`: there is no such member, it
/// stands twice, or that cannot be told plainly (no object, a name written with escapes, text behind the object).
pub fn member(text: &[u8], name: &str) -> Option<Range<usize>> {
    let mut scan = Scan { text, at: 0 };
    scan.past(b'{')?;
    let mut found = None;
    loop {
        scan.blank();
        let key = scan.string()?;
        let key = text.get(key.start + 1..key.end - 1)?;
        if key.contains(&b'\\') {
            return None;
        }
        scan.past(b':')?;
        scan.blank();
        let value = scan.value()?;
        if key == name.as_bytes() && found.replace(value).is_some() {
            return None;
        }
        if !scan.is_followed(b'}')? {
            break;
        }
    }
    scan.blank();
    found.filter(|_| scan.at == text.len())
}

/// Where the items of an array stand, `array` being its place in `text`. `None`: it is no array, has no items, or one is no
/// object.
pub fn items(text: &[u8], array: Range<usize>) -> Option<Vec<Range<usize>>> {
    let mut scan = Scan { text: text.get(..array.end)?, at: array.start };
    scan.past(b'[')?;
    let mut items = Vec::new();
    loop {
        scan.blank();
        if scan.peek()? != b'{' {
            return None;
        }
        items.push(scan.value()?);
        if !scan.is_followed(b']')? {
            return (scan.at == array.end).then_some(items);
        }
    }
}

struct Scan<'t> {
    text: &'t [u8],
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn blank(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn past(&mut self, byte: u8) -> Option<()> {
        self.blank();
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Steps over the comma before another part, or over `end`; whether another part follows.
    fn is_followed(&mut self, end: u8) -> Option<bool> {
        self.blank();
        let byte = self.peek()?;
        self.at += 1;
        match byte {
            b',' => Some(true),
            _ => (byte == end).then_some(false),
        }
    }

    /// A string with its quotes.
    fn string(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        if self.peek()? != b'"' {
            return None;
        }
        self.at += 1;
        loop {
            let rest = self.text.get(self.at..)?;
            self.at += rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
            match self.peek()? {
                b'"' => break,
                _ => self.at += 2,
            }
        }
        self.at += 1;
        Some(start..self.at)
    }

    fn value(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        match self.peek()? {
            b'"' => return self.string(),
            b'{' | b'[' => self.nested()?,
            _ => {
                let is_end = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t');
                self.at += self.text.get(start..)?.iter().position(is_end)?;
            }
        }
        (self.at > start).then_some(start..self.at)
    }

    fn nested(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            let rest = self.text.get(self.at..)?;
            self.at += rest.iter().position(|byte| STRUCTURE[usize::from(*byte)])?;
            match self.peek()? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                _ => depth = depth.checked_sub(1)?,
            }
            self.at += 1;
            if depth == 0 {
                return Some(());
            }
        }
    }
}

/// Quotes and brackets.
static STRUCTURE: [bool; 256] = {
    let mut table = [false; 256];
    table[b'"' as usize] = true;
    table[b'{' as usize] = true;
    table[b'}' as usize] = true;
    table[b'[' as usize] = true;
    table[b']' as usize] = true;
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(text: &str) -> Option<Vec<&str>> {
        let places = items(text.as_bytes(), member(text.as_bytes(), "entry")?)?;
        Some(places.into_iter().map(|place| &text[place]).collect())
    }

    #[test]
    fn pieces_are_found_whatever_stands_in_them() {
        let text =
            r#" {"a":1.5e3, "type":"]}\"", "entry" : [ {"x":"\\"}, {"y":[{"entry":[1,2]}],"z":"}"} ] ,"b":null} "#;
        assert_eq!(entries(text).unwrap(), [r#"{"x":"\\"}"#, r#"{"y":[{"entry":[1,2]}],"z":"}"}"#]);
        assert_eq!(member(text.as_bytes(), "type").map(|place| &text[place]), Some(r#""]}\"""#));
        assert_eq!(member(text.as_bytes(), "b").map(|place| &text[place]), Some("null"));
    }

    #[test]
    fn what_is_not_plain_is_not_told() {
        for text in [
            "",
            "{}",
            "[]",
            r#"{"entry":[]}"#,
            r#"{"entry":{}}"#,
            r#"{"entry":[{},]}"#,
            r#"{"entry":[{}],}"#,
            r#"{"entry":[{}]"#,
            r#"{"entry":[{}]} x"#,
            r#"{"entry":[{}],"entry":[{}]}"#,
            r#"{"\u0065ntry":[{}]}"#,
            r#"{"entry":[{},[{}]]}"#,
            r#"{"entry":[null]}"#,
            r#"{"entry":[{"a":"}]}"#,
            r#"{"a" "b","entry":[{}]}"#,
            r#"{"a":,"entry":[{}]}"#,
        ] {
            assert_eq!(entries(text), None, "{text}");
        }
    }

    #[test]
    fn no_beginning_of_a_text_is_too_short() {
        let text = r#"{"a":"\\\"","entry":[{"b":[{}]}]}"#;
        for end in 0..text.len() {
            assert_eq!(entries(&text[..end]), None);
        }
        assert!(entries(text).is_some());
    }
}
