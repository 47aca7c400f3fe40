//! Any JSON value with its digits and its order, for JSON Patch, which knows no FHIR.

/// A JSON value.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// `null`, `true`, `false`, or a number by its digits.
    Word(String),
    /// A string, unescaped.
    Text(String),
    /// An array.
    Array(Vec<Value>),
    /// An object in the order of its text; of two equal keys the later one counts.
    Object(Vec<(String, Value)>),
}

/// The deepest nesting that is read.
const DEPTH: usize = 256;

impl Value {
    /// Reads a text; `None` where it is no JSON or too deep.
    pub(crate) fn read(text: &str) -> Option<Value> {
        let mut reader = Reader { text, at: 0 };
        let value = reader.value(0)?;
        reader.blank();
        (reader.at == text.len()).then_some(value)
    }

    /// Its compact text.
    pub(crate) fn write(&self, out: &mut String) {
        match self {
            Value::Word(word) => out.push_str(word),
            Value::Text(text) => model::json::put_string(text, out),
            Value::Array(items) => {
                out.push('[');
                for (number, item) in items.iter().enumerate() {
                    if number > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Value::Object(members) => {
                out.push('{');
                for (number, (name, value)) in members.iter().enumerate() {
                    if number > 0 {
                        out.push(',');
                    }
                    model::json::put_string(name, out);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }

    /// The member of an object.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Value::Object(members) => members.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The text of a string.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl PartialEq for Value {
    /// Equal as RFC 6902 wants it: numbers by value, objects whatever their order.
    fn eq(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Word(a), Value::Word(b)) => {
                a == b || a.parse::<f64>().ok().zip(b.parse::<f64>().ok()).is_some_and(|(a, b)| a.total_cmp(&b).is_eq())
            }
            (Value::Text(a), Value::Text(b)) => a == b,
            (Value::Array(a), Value::Array(b)) => a == b,
            (Value::Object(a), Value::Object(b)) => {
                a.len() == b.len() && a.iter().all(|(name, value)| other.get(name) == Some(value))
            }
            _ => false,
        }
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn blank(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    fn take(&mut self, mark: char) -> Option<()> {
        self.blank();
        self.rest().starts_with(mark).then(|| self.at += mark.len_utf8())
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > DEPTH {
            return None;
        }
        self.blank();
        match self.rest().chars().next()? {
            '"' => self.string().map(Value::Text),
            '[' => {
                self.take('[')?;
                let mut items = Vec::new();
                if self.take(']').is_some() {
                    return Some(Value::Array(items));
                }
                loop {
                    items.push(self.value(depth + 1)?);
                    if self.take(']').is_some() {
                        return Some(Value::Array(items));
                    }
                    self.take(',')?;
                }
            }
            '{' => {
                self.take('{')?;
                let mut members: Vec<(String, Value)> = Vec::new();
                if self.take('}').is_some() {
                    return Some(Value::Object(members));
                }
                loop {
                    self.blank();
                    let name = self.string()?;
                    self.take(':')?;
                    let value = self.value(depth + 1)?;
                    members.retain(|(key, _)| *key != name);
                    members.push((name, value));
                    if self.take('}').is_some() {
                        return Some(Value::Object(members));
                    }
                    self.take(',')?;
                }
            }
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Option<Value> {
        let rest = self.rest();
        let end = rest.find([',', ']', '}', ' ', '\t', '\n', '\r']).unwrap_or(rest.len());
        let word = rest.get(..end)?.to_owned();
        let is_number =
            word.starts_with(|first: char| first == '-' || first.is_ascii_digit()) && word.parse::<f64>().is_ok();
        self.at += end;
        (is_number || matches!(word.as_str(), "null" | "true" | "false")).then_some(Value::Word(word))
    }

    fn string(&mut self) -> Option<String> {
        self.take('"')?;
        let mut out = String::new();
        loop {
            let character = self.rest().chars().next()?;
            self.at += character.len_utf8();
            match character {
                '"' => return Some(out),
                '\\' => out.push(self.escape()?),
                character if character < ' ' => return None,
                character => out.push(character),
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        let character = self.rest().chars().next()?;
        self.at += character.len_utf8();
        Some(match character {
            '"' | '\\' | '/' => character,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let unit = self.unit()?;
                if !(0xD800..0xDC00).contains(&unit) {
                    return char::from_u32(unit);
                }
                self.at += self.rest().starts_with("\\u").then_some(2)?;
                let low = self.unit()?;
                let low = low.checked_sub(0xDC00).filter(|low| *low < 0x400)?;
                char::from_u32(0x10000 + ((unit - 0xD800) << 10) + low)?
            }
            _ => return None,
        })
    }

    fn unit(&mut self) -> Option<u32> {
        let digits = self.rest().get(..4)?;
        let unit = u32::from_str_radix(digits, 16).ok()?;
        self.at += 4;
        Some(unit)
    }
}

#[cfg(test)]
mod tests {
    use super::Value;

    #[test]
    fn what_is_read_is_written_with_its_digits() {
        let text = r#"{"a":[1.10,-2e3,null,true],"b":{"c":"é\"\\\n\ud83d\ude00"},"d":[]}"#;
        let value = Value::read(text).unwrap();
        let mut out = String::new();
        value.write(&mut out);
        assert_eq!(out, r#"{"a":[1.10,-2e3,null,true],"b":{"c":"é\"\\\n😀"},"d":[]}"#);
    }

    #[test]
    fn numbers_are_equal_by_value_and_broken_text_is_none() {
        assert_eq!(Value::read("[1.0]"), Value::read(" [ 1 ] "));
        assert_eq!(Value::read(r#"{"a":1,"b":2}"#), Value::read(r#"{"b":2,"a":1}"#));
        assert_ne!(Value::read("1"), Value::read("\"1\""));
        for broken in ["", "[1", "{\"a\"}", "[1,]", "tru", "\"\\x\"", "1 2", &"[".repeat(5000)] {
            assert!(Value::read(broken).is_none(), "{broken}");
        }
    }
}
