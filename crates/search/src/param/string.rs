//! Parameters of type string: <http://hl7.org/fhir/R4/search.html#string>.
//!
//! By default a value begins with what is asked for, case, accents and punctuation aside ([`crate::fold`]); `:contains` finds it
//! anywhere, `:exact` compares as written. Of a HumanName or Address every part counts on its own.
//!
//! Keys: the folded text, at most 40 bytes of it, then 00, or 01 where it goes on.

use model::Element;

use crate::fold::fold;
use crate::key::{CUT, WHOLE, head, put_text, take_text};
use crate::span::{Span, Verdict};
use crate::value::{Kind, Value};

const MOST: usize = 40;
const NAME_PARTS: [&str; 5] = ["family", "given", "text", "prefix", "suffix"];
const ADDRESS_PARTS: [&str; 7] = ["text", "line", "city", "district", "state", "postalCode", "country"];

/// The texts of an element.
pub(crate) fn collect<'t>(element: Element<'t>, kind: Kind, found: &mut Vec<Value<'t>>) {
    let parts: &[&str] = match kind {
        Kind::HumanName => &NAME_PARTS,
        Kind::Address => &ADDRESS_PARTS,
        Kind::CodeableConcept => &["text"],
        Kind::Coding | Kind::Reference => &["display"],
        Kind::Identifier | Kind::ContactPoint => &["value"],
        _ => {
            found.extend(element.text().map(Value::Text));
            return;
        }
    };
    for part in parts {
        found.extend(element.all(part).filter_map(Element::text).map(Value::Text));
    }
}

/// Appends the key of a text behind `prefix`.
pub(crate) fn put(prefix: &[u8], text: &str, keys: &mut Vec<Vec<u8>>) {
    let folded = fold(text);
    let kept = head(&folded, MOST);
    let mut key = Vec::with_capacity(prefix.len() + kept.len() + 1);
    key.extend_from_slice(prefix);
    put_text(&mut key, kept);
    key.push(if kept.len() < folded.len() { CUT } else { WHOLE });
    keys.push(key);
}

/// How a text is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// It begins so.
    Starts,
    /// It holds this.
    Contains,
    /// It ends so.
    Ends,
    /// It is this, case, accents and punctuation aside.
    Whole,
    /// It is this, to the letter.
    Exact,
}

/// What a text is compared with.
#[derive(Clone, Debug)]
pub(crate) struct Criterion {
    how: How,
    asked: String,
    folded: String,
}

impl Criterion {
    pub(crate) fn new(how: How, asked: &str) -> Criterion {
        Criterion { how, asked: asked.to_owned(), folded: fold(asked) }
    }

    /// What is asked for, folded.
    pub(crate) fn folded(&self) -> &str {
        &self.folded
    }

    /// Whether a text meets it.
    pub(crate) fn matches(&self, text: &str) -> bool {
        match self.how {
            How::Exact => text == self.asked,
            How::Starts => fold(text).starts_with(&self.folded),
            How::Contains => fold(text).contains(&self.folded),
            How::Ends => fold(text).ends_with(&self.folded),
            How::Whole => fold(text) == self.folded,
        }
    }

    /// Whether the text in a key meets it.
    pub(crate) fn keep(&self, value: &[u8]) -> Verdict {
        let Some(taken) = take_text(value) else { return Verdict::No };
        let asked = self.folded.as_bytes();
        match self.how {
            How::Starts if taken.text.starts_with(asked) => Verdict::Yes,
            How::Starts if !taken.whole && asked.starts_with(taken.text) => Verdict::Unsure,
            How::Contains if holds(taken.text, asked) => Verdict::Yes,
            How::Contains | How::Ends if !taken.whole => Verdict::Unsure,
            How::Ends if taken.text.ends_with(asked) => Verdict::Yes,
            How::Whole if taken.whole && taken.text == asked => Verdict::Yes,
            How::Whole if !taken.whole && asked.starts_with(taken.text) => Verdict::Unsure,
            How::Exact if taken.whole && taken.text == asked => Verdict::Unsure,
            How::Exact if !taken.whole && asked.starts_with(taken.text) => Verdict::Unsure,
            _ => Verdict::No,
        }
    }

    /// Where such texts lie behind `prefix`.
    pub(crate) fn spans(&self, prefix: &[u8]) -> Vec<Span> {
        let mut start = prefix.to_vec();
        match self.how {
            How::Contains | How::Ends => {}
            How::Starts => put_text(&mut start, head(&self.folded, MOST)),
            How::Exact | How::Whole => {
                let kept = head(&self.folded, MOST);
                put_text(&mut start, kept);
                start.push(if kept.len() < self.folded.len() { CUT } else { WHOLE });
            }
        }
        vec![Span::prefix(start)]
    }
}

fn holds(text: &[u8], asked: &[u8]) -> bool {
    asked.is_empty() || text.windows(asked.len()).any(|window| window == asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(how: How, asked: &str, text: &str) -> Verdict {
        let criterion = Criterion::new(how, asked);
        let mut keys = Vec::new();
        put(b"p", text, &mut keys);
        let found = criterion.spans(b"p").iter().any(|span| span.contains(&keys[0]));
        let verdict = if found { criterion.keep(&keys[0][1..]) } else { Verdict::No };
        match verdict {
            Verdict::Yes => assert!(criterion.matches(text), "{asked} {text}"),
            Verdict::No => assert!(!criterion.matches(text), "{asked} {text}"),
            Verdict::Unsure => {}
        }
        verdict
    }

    #[test]
    fn the_beginning_counts_whatever_its_case_and_accents() {
        assert_eq!(check(How::Starts, "mull", "MÜLLER"), Verdict::Yes);
        assert_eq!(check(How::Starts, "ller", "Müller"), Verdict::No);
        assert_eq!(check(How::Contains, "LLE", "Müller"), Verdict::Yes);
        assert_eq!(check(How::Ends, "LER", "Müller"), Verdict::Yes);
        assert_eq!(check(How::Whole, "MULLER", "Müller"), Verdict::Yes);
        assert_eq!(check(How::Whole, "MULLE", "Müller"), Verdict::No);
        assert_eq!(check(How::Exact, "Muller", "Müller"), Verdict::Unsure);
        assert_eq!(check(How::Exact, "Mull", "Müller"), Verdict::No);
    }

    #[test]
    fn of_long_texts_the_resource_itself_tells() {
        let long = "a".repeat(39) + "éb" + &"c".repeat(30);
        assert_eq!(check(How::Starts, &"a".repeat(39), &long), Verdict::Yes);
        assert_eq!(check(How::Starts, &long[..60], &long), Verdict::Unsure);
        assert_eq!(check(How::Contains, "cc", &long), Verdict::Unsure);
        assert_eq!(check(How::Exact, &long, &long), Verdict::Unsure);
        assert_eq!(check(How::Whole, &long, &long), Verdict::Unsure);
        assert_eq!(check(How::Ends, "cc", &long), Verdict::Unsure);
    }
}
