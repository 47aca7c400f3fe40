//! The parameters of a URL or of a form: `name=value` pairs, percent-encoded.

/// Parameters in the order that they were sent; a name may repeat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Reads `a=b&c=d`; `+` is a blank, `%xx` a byte; what is no UTF-8 becomes U+FFFD.
    pub fn parse(text: &str) -> Query {
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name, true), decode(value, true))
        });
        Query { pairs: pairs.collect() }
    }

    /// The same with those of another behind.
    pub fn and(mut self, other: Query) -> Query {
        self.pairs.extend(other.pairs);
        self
    }

    /// All pairs.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.pairs
    }

    /// The first value of a name.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Every value of a name.
    pub fn all<'q>(&'q self, name: &str) -> impl Iterator<Item = &'q str> {
        self.pairs.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl FromIterator<(String, String)> for Query {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Query {
        Query { pairs: pairs.into_iter().collect() }
    }
}

/// Percent-decodes; `+` is a blank where `form` says so.
pub fn decode(text: &str, form: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        match (first, tail) {
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    out.push(high << 4 | low);
                    rest = after;
                }
                _ => out.push(b'%'),
            },
            (b'+', _) if form => out.push(b' '),
            _ => out.push(first),
        }
    }
    String::from_utf8(out).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Percent-encodes everything but letters, digits and `-._~`, and what `keep` holds.
pub fn encode(text: &str, keep: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let character = char::from(byte);
        if byte.is_ascii_alphanumeric() || "-._~".contains(character) || (byte.is_ascii() && keep.contains(character)) {
            out.push(character);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_decoded_and_broken_escapes_stay() {
        let query = Query::parse("a=%C3%A9+b&a=2&&c&d=%zz%4&e=x%3Dy");
        assert_eq!(query.all("a").collect::<Vec<_>>(), ["é b", "2"]);
        assert_eq!(query.first("c"), Some(""));
        assert_eq!(query.first("d"), Some("%zz%4"));
        assert_eq!(query.first("e"), Some("x=y"));
        assert_eq!(decode("a+b", false), "a+b");
        assert_eq!(decode("%FF", false), "\u{FFFD}");
    }

    #[test]
    fn what_is_encoded_is_decoded_again() {
        let text = "http://loinc.org|60591-5 é&=+";
        assert_eq!(decode(&encode(text, ":/"), true), text);
        assert!(encode(text, ":/").starts_with("http://loinc.org%7C"));
    }
}
