//! The text of a search: names with modifiers and chains, values with prefixes, lists and escapes.
//!
//! <http://hl7.org/fhir/R4/search.html#escaping>: `\` makes `, | $ \` plain.

mod error;
pub(crate) mod filter;
mod parse;

pub use error::QueryError;
pub(crate) use error::nearest;
pub use parse::{Clause, Include, Query, Sort, Step, Summary, Total};

/// <http://hl7.org/fhir/R4/search.html#prefix>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefix {
    /// Contained in what is asked; also without a prefix.
    Eq,
    /// Not contained.
    Ne,
    /// Reaches above.
    Gt,
    /// Reaches below.
    Lt,
    /// Reaches above, or is contained.
    Ge,
    /// Reaches below, or is contained.
    Le,
    /// Lies all above.
    Sa,
    /// Lies all below.
    Eb,
    /// Is about there.
    Ap,
}

/// The prefix of a value and the rest.
pub(crate) fn prefix(text: &str) -> (Prefix, &str) {
    let known = text.get(..2).and_then(|word| {
        Some(match word {
            "eq" => Prefix::Eq,
            "ne" => Prefix::Ne,
            "gt" => Prefix::Gt,
            "lt" => Prefix::Lt,
            "ge" => Prefix::Ge,
            "le" => Prefix::Le,
            "sa" => Prefix::Sa,
            "eb" => Prefix::Eb,
            "ap" => Prefix::Ap,
            _ => return None,
        })
    });
    match known {
        Some(prefix) => (prefix, text.get(2..).unwrap_or("")),
        None => (Prefix::Eq, text),
    }
}

/// The parts of a text between separators that no `\` stands before, each without its escapes.
pub(crate) fn split(text: &str, separator: char) -> Vec<String> {
    cut(text, separator).iter().map(|part| unescape(part)).collect()
}

/// The parts as they are written, escapes still there.
pub(crate) fn cut(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if character == '\\' {
            escaped = true;
        } else if character == separator {
            parts.push(text.get(start..at).unwrap_or(""));
            start = at + character.len_utf8();
        }
    }
    parts.push(text.get(start..).unwrap_or(""));
    parts
}

/// The text without its escapes; a `\` before any other character stays.
pub(crate) fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, characters.peek()) {
            ('\\', Some(next @ (',' | '|' | '$' | '\\'))) => {
                out.push(*next);
                characters.next();
            }
            _ => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_protect_separators() {
        assert_eq!(split(r"a\,b,c", ','), ["a,b", "c"]);
        assert_eq!(cut(r"a\,b,c", ','), [r"a\,b", "c"]);
        assert_eq!(split(r"a\\|b\|c", '|'), [r"a\", "b|c"]);
        assert_eq!(split(r"\d\", '|'), [r"\d\"]);
        assert_eq!(split("", ','), [""]);
    }

    #[test]
    fn a_prefix_is_two_letters() {
        assert_eq!(prefix("ge2020"), (Prefix::Ge, "2020"));
        assert_eq!(prefix("2020"), (Prefix::Eq, "2020"));
        assert_eq!(prefix("é"), (Prefix::Eq, "é"));
    }
}
