//! JSON text as it is written, and where two texts differ: a second reader, so that `model` does not judge itself.
//!
//! Numbers are compared by their digits (`1.0` is not `1.00`), strings by their characters (`\/` is `/`), arrays in
//! order. It is made for whole files of a few megabytes, not for speed, and refuses more than 400 levels.

use std::iter::Peekable;
use std::str::CharIndices;

/// One JSON value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Json {
    /// The members in their order, a key that stands twice twice.
    Object(Vec<(String, Json)>),
    /// The items.
    Array(Vec<Json>),
    /// The characters, escapes resolved.
    String(String),
    /// The digits as they stand.
    Number(String),
    /// `true`, `false`, `null`.
    Word(String),
}

/// Whether the order of an object's members counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// As it stands, but for `resourceType`, which Passerelle writes first wherever it stood.
    Kept,
    /// Not at all.
    Free,
}

impl Json {
    /// Reads one JSON text; a byte order mark is skipped.
    ///
    /// # Errors
    /// A line that names the byte at which the text ends to be JSON.
    pub fn read(text: &str) -> Result<Json, String> {
        let text = text.trim_start_matches('\u{feff}');
        let mut reader = Reader { text, rest: text.char_indices().peekable() };
        let value = reader.value(0)?;
        reader.blank();
        if reader.rest.peek().is_some() { reader.fault("more text") } else { Ok(value) }
    }

    /// The first member of this key; `None` where this is no object.
    pub fn get(&self, key: &str) -> Option<&Json> {
        let Json::Object(members) = self else { return None };
        members.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    /// The characters, where this is a string.
    pub fn as_text(&self) -> Option<&str> {
        if let Json::String(text) = self { Some(text) } else { None }
    }

    /// The characters of the member of this key.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_text()
    }

    /// Compact JSON of the value.
    pub fn to_text(&self) -> String {
        let quoted = |text: &str| {
            let mut out = String::from("\"");
            for character in text.chars() {
                match character {
                    '"' | '\\' => out.extend(['\\', character]),
                    control if control < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(control))),
                    other => out.push(other),
                }
            }
            out + "\""
        };
        match self {
            Json::Object(members) => {
                let members: Vec<String> =
                    members.iter().map(|(key, value)| format!("{}:{}", quoted(key), value.to_text())).collect();
                format!("{{{}}}", members.join(","))
            }
            Json::Array(items) => format!("[{}]", items.iter().map(Json::to_text).collect::<Vec<_>>().join(",")),
            Json::String(text) => quoted(text),
            Json::Number(text) | Json::Word(text) => text.clone(),
        }
    }

    /// The items, where this is an array; else none.
    pub fn items(&self) -> &[Json] {
        if let Json::Array(items) = self { items } else { &[] }
    }

    /// The first difference between two values, with its place: `entry[2].resource.status: "a" | "b"`.
    pub fn difference(&self, other: &Json, order: Order) -> Option<String> {
        let mut path = String::new();
        differ(self, other, order, &mut path)
    }
}

fn differ(one: &Json, other: &Json, order: Order, path: &mut String) -> Option<String> {
    let length = path.len();
    match (one, other) {
        (Json::Object(one), Json::Object(other)) => {
            let (one, other) = (sorted(one, order), sorted(other, order));
            for ((key, value), (other_key, other_value)) in one.iter().zip(&other) {
                if key != other_key {
                    return Some(format!("{path}: member {key} | {other_key}"));
                }
                path.push_str(if length > 0 { "." } else { "" });
                path.push_str(key);
                let found = differ(value, other_value, order, path);
                path.truncate(length);
                if found.is_some() {
                    return found;
                }
            }
            let extra = one.get(other.len()).or_else(|| other.get(one.len()));
            extra.map(|(key, _)| format!("{path}: member {key} on one side only"))
        }
        (Json::Array(one), Json::Array(other)) => {
            for (index, (item, other_item)) in one.iter().zip(other).enumerate() {
                path.push_str(&format!("[{index}]"));
                let found = differ(item, other_item, order, path);
                path.truncate(length);
                if found.is_some() {
                    return found;
                }
            }
            (one.len() != other.len()).then(|| format!("{path}: {} | {} items", one.len(), other.len()))
        }
        (one, other) => (one != other).then(|| format!("{path}: {} | {}", short(one), short(other))),
    }
}

fn sorted(members: &[(String, Json)], order: Order) -> Vec<&(String, Json)> {
    let mut members: Vec<_> = members.iter().collect();
    match order {
        Order::Kept => members.sort_by_key(|(key, _)| key != "resourceType"),
        Order::Free => members.sort_by(|one, other| one.0.cmp(&other.0)),
    }
    members
}

fn short(value: &Json) -> String {
    let text = format!("{value:?}");
    match text.char_indices().nth(120) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

struct Reader<'t> {
    text: &'t str,
    rest: Peekable<CharIndices<'t>>,
}

impl Reader<'_> {
    fn fault<T>(&mut self, what: &str) -> Result<T, String> {
        let at = self.rest.peek().map_or(self.text.len(), |(at, _)| *at);
        Err(format!("byte {at}: {what}"))
    }

    fn peek(&mut self) -> Option<char> {
        self.rest.peek().map(|(_, character)| *character)
    }

    fn blank(&mut self) {
        while self.rest.next_if(|(_, character)| " \t\r\n".contains(*character)).is_some() {}
    }

    fn take(&mut self, character: char) -> bool {
        self.blank();
        self.rest.next_if(|(_, next)| *next == character).is_some()
    }

    fn value(&mut self, depth: usize) -> Result<Json, String> {
        if depth > 400 {
            return self.fault("nested too deeply");
        }
        self.blank();
        match self.peek() {
            Some('{') => self.object(depth),
            Some('[') => {
                self.rest.next();
                let mut items = Vec::new();
                while !self.take(']') {
                    if !items.is_empty() && !self.take(',') {
                        return self.fault("no comma");
                    }
                    items.push(self.value(depth + 1)?);
                }
                Ok(Json::Array(items))
            }
            Some('"') => Ok(Json::String(self.string()?)),
            Some('-' | '0'..='9') => Ok(Json::Number(self.run(|next| "+-.eE".contains(next) || next.is_ascii_digit()))),
            _ => match self.run(|next| next.is_ascii_lowercase()).as_str() {
                word @ ("true" | "false" | "null") => Ok(Json::Word(word.to_owned())),
                _ => self.fault("no value"),
            },
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, String> {
        self.rest.next();
        let mut members = Vec::new();
        while !self.take('}') {
            if !members.is_empty() && !self.take(',') {
                return self.fault("no comma");
            }
            self.blank();
            let key = self.string()?;
            if !self.take(':') {
                return self.fault("no colon");
            }
            members.push((key, self.value(depth + 1)?));
        }
        Ok(Json::Object(members))
    }

    fn run(&mut self, belongs: impl Fn(char) -> bool) -> String {
        std::iter::from_fn(|| self.rest.next_if(|(_, next)| belongs(*next)).map(|(_, next)| next)).collect()
    }

    fn string(&mut self) -> Result<String, String> {
        if !self.take('"') {
            return self.fault("no string");
        }
        // UTF-16 units: a pair of `\u` escapes is one character.
        let mut units = Vec::new();
        loop {
            let Some((_, character)) = self.rest.next() else { return self.fault("the string has no end") };
            match character {
                '"' => break,
                '\\' => units.push(self.escape()?),
                _ => units.extend_from_slice(character.encode_utf16(&mut [0; 2])),
            }
        }
        String::from_utf16(&units).or_else(|_| self.fault("half a surrogate pair"))
    }

    fn escape(&mut self) -> Result<u16, String> {
        Ok(match self.rest.next().map(|(_, character)| character) {
            Some('n') => 10,
            Some('r') => 13,
            Some('t') => 9,
            Some('b') => 8,
            Some('f') => 12,
            Some('u') => {
                let digits: String = self.rest.by_ref().take(4).map(|(_, digit)| digit).collect();
                return u16::from_str_radix(&digits, 16).or_else(|_| self.fault("no four digits"));
            }
            Some(character @ ('"' | '\\' | '/')) => character as u16,
            _ => return self.fault("no escape"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(one: &str, other: &str, order: Order) -> Option<String> {
        Json::read(one).unwrap().difference(&Json::read(other).unwrap(), order)
    }

    #[test]
    fn what_means_the_same_is_the_same() {
        assert_eq!(
            compare(r#"{"a":[1, true],"b":"\u00e9\/\ud83d\ude00"}"#, r#"{"a":[1,true],"b":"é/😀"}"#, Order::Kept),
            None
        );
        assert_eq!(compare(r#"{"a":1,"resourceType":"X"}"#, r#"{"resourceType":"X","a":1}"#, Order::Kept), None);
        assert_eq!(compare(r#"{"a":1,"b":{"c":2,"d":3}}"#, r#"{"b":{"d":3,"c":2},"a":1}"#, Order::Free), None);
    }

    #[test]
    fn each_difference_is_found_at_its_place() {
        for (one, other, place) in [
            (r#"{"a":{"b":[1,2.0]}}"#, r#"{"a":{"b":[1,2.00]}}"#, "a.b[1]: "),
            (r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#, ": member a | b"),
            (r#"{"a":[1]}"#, r#"{"a":[1,2]}"#, "a: 1 | 2 items"),
            (r#"{"a":1,"b":2}"#, r#"{"a":1}"#, ": member b on one side only"),
            (r#"{"a":1}"#, r#"{"a":1,"a":1}"#, ": member a on one side only"),
            (r#"{"a":"1"}"#, r#"{"a":1}"#, "a: "),
            (r#"{"a":"x "}"#, r#"{"a":"x"}"#, "a: "),
            (r#"{"a":null}"#, r#"{"a":[]}"#, "a: "),
        ] {
            let found = compare(one, other, Order::Kept).unwrap_or_default();
            assert!(found.starts_with(place), "{one} {other}: {found}");
        }
    }

    #[test]
    fn broken_text_is_refused() {
        for text in ["{", "[1 2]", "{\"a\"}", "nul", "\"\\x\"", "1 1", "\"\\ud800\"", &"[".repeat(1_000)] {
            assert!(Json::read(text).is_err(), "{text}");
        }
    }
}
