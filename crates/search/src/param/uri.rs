//! Parameters of type uri: <http://hl7.org/fhir/R4/search.html#uri>.
//!
//! The whole URI, to the letter; `:below` finds what begins so, `:above` what it begins with. Of a canonical URL the version may be
//! left out of what is asked.
//!
//! Keys: at most 120 bytes of the URI and 00, or 01 and a hash of it where it is longer; of a canonical URL with a version
//! the URL, 00, the version, 00.

use model::Element;

use crate::key::{put_exact, put_text, take_exact};
use crate::span::{Span, Verdict};
use crate::value::{Kind, Value};

const MOST: usize = 120;

/// The URI of an element.
pub(crate) fn collect<'t>(element: Element<'t>, kind: Kind, found: &mut Vec<Value<'t>>) {
    let text = match kind {
        Kind::Identifier => element.text_at("value"),
        Kind::Attachment => element.text_at("url"),
        _ => element.text(),
    };
    found.extend(text.map(Value::Uri));
}

/// Appends the key of a URI behind `prefix`.
pub(crate) fn put(prefix: &[u8], uri: &str, keys: &mut Vec<Vec<u8>>) {
    keys.push(key_of(prefix, uri));
}

/// A canonical URL and its version.
pub(crate) fn split(uri: &str) -> (&str, Option<&str>) {
    match uri.split_once('|') {
        Some((url, version)) => (url, Some(version)),
        None => (uri, None),
    }
}

pub(crate) fn key_of(prefix: &[u8], uri: &str) -> Vec<u8> {
    let (url, version) = split(uri);
    let mut key = Vec::with_capacity(prefix.len() + uri.len() + 2);
    key.extend_from_slice(prefix);
    put_exact(&mut key, url, MOST);
    if let Some(version) = version {
        put_exact(&mut key, version, MOST);
    }
    // Behind a version, and where there is none: what comes next is a number, never another text.
    key.push(0);
    key
}

/// How a URI is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// It is this one.
    Is,
    /// It begins with this.
    Below,
    /// This begins with it.
    Above,
    /// Its text begins so, whether or not a part of a path ends there.
    Starts,
    /// Its text ends so.
    Ends,
    /// Its text has this in it.
    Contains,
}

/// What a URI is compared with.
#[derive(Clone, Debug)]
pub(crate) struct Criterion {
    how: How,
    asked: String,
}

impl Criterion {
    pub(crate) fn new(how: How, asked: &str) -> Criterion {
        Criterion { how, asked: asked.to_owned() }
    }

    /// Whether a URI meets it.
    pub(crate) fn matches(&self, uri: &str) -> bool {
        let (url, version) = split(uri);
        let (asked, asked_version) = split(&self.asked);
        match self.how {
            How::Is => url == asked && (asked_version.is_none() || asked_version == version),
            How::Below => is_below(url, asked),
            How::Above => is_below(asked, url),
            How::Starts => uri.starts_with(&self.asked),
            How::Ends => uri.ends_with(&self.asked),
            How::Contains => uri.contains(&self.asked),
        }
    }

    /// Whether the URI in a key meets it.
    pub(crate) fn keep(&self, value: &[u8]) -> Verdict {
        let Some(taken) = take_exact(value) else { return Verdict::No };
        match (self.how, std::str::from_utf8(taken.text)) {
            // The span is the URI itself, its hash included.
            (How::Is, _) => Verdict::Yes,
            // The text goes on with its version.
            (How::Starts | How::Ends | How::Contains, _) if !taken.rest.is_empty() && taken.rest != [0] => {
                Verdict::Unsure
            }
            (_, Ok(url)) if taken.whole => Verdict::of(self.matches(url)),
            _ => Verdict::Unsure,
        }
    }

    /// Where such URIs lie behind `prefix`.
    pub(crate) fn spans(&self, prefix: &[u8]) -> Vec<Span> {
        let mut start = prefix.to_vec();
        let (asked, version) = split(&self.asked);
        match self.how {
            How::Is => {
                put_exact(&mut start, asked, MOST);
                if let Some(version) = version {
                    put_exact(&mut start, version, MOST);
                    start.push(0);
                    return vec![Span::point(start)];
                }
                vec![Span::prefix(start)]
            }
            How::Starts | How::Ends | How::Contains => vec![Span::prefix(start)],
            How::Below => {
                put_text(&mut start, crate::key::head(asked, MOST));
                vec![Span::prefix(start)]
            }
            How::Above => ancestors(asked)
                .map(|above| {
                    let mut key = prefix.to_vec();
                    put_exact(&mut key, above, MOST);
                    Span::prefix(key)
                })
                .collect(),
        }
    }
}

/// Whether `uri` is `above` or a path below it.
fn is_below(uri: &str, above: &str) -> bool {
    match uri.strip_prefix(above) {
        None => false,
        Some(rest) => {
            rest.is_empty() || above.ends_with(['/', ':', '.', '#']) || rest.starts_with(['/', ':', '.', '#'])
        }
    }
}

/// Every URI that `uri` is below of, itself included.
fn ancestors(uri: &str) -> impl Iterator<Item = &str> {
    let ends = uri.char_indices().filter(|(_, character)| matches!(character, '/' | ':' | '.' | '#'));
    let cuts = ends.flat_map(|(at, _)| [at, at + 1]).chain([uri.len()]);
    let mut cuts: Vec<usize> = cuts.filter(|at| *at > 0).collect();
    cuts.dedup();
    cuts.into_iter().filter_map(move |at| uri.get(..at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(how: How, asked: &str, uri: &str) -> bool {
        let criterion = Criterion::new(how, asked);
        let key = key_of(b"p", uri);
        let found = criterion.spans(b"p").iter().any(|span| span.contains(&key));
        let verdict = if found { criterion.keep(&key[1..]) } else { Verdict::No };
        if verdict != Verdict::Unsure {
            assert_eq!(verdict == Verdict::Yes, criterion.matches(uri), "{how:?} {asked} {uri}");
        }
        verdict != Verdict::No
    }

    #[test]
    fn a_uri_is_found_whole_below_and_above() {
        let uri = "http://example.org/fhir/ValueSet/colours";
        assert!(check(How::Is, uri, uri));
        assert!(!check(How::Is, "http://example.org/fhir/ValueSet/colour", uri));
        assert!(check(How::Below, "http://example.org/fhir/", uri));
        assert!(check(How::Below, "http://example.org/fhir", uri));
        assert!(!check(How::Below, "http://example.org/fh", uri));
        assert!(check(How::Above, "http://example.org/fhir/ValueSet/colours/red", uri));
        assert!(!check(How::Above, "http://example.org/fhir/ValueSet/coloursx", uri));
        assert!(check(How::Below, "urn:oid:2.16", "urn:oid:2.16.840"));
        assert!(check(How::Below, &"x/".repeat(90), &("x/".repeat(90) + "y")));
    }

    #[test]
    fn the_version_of_a_canonical_url_may_be_left_out() {
        assert!(check(How::Is, "http://example.org/a", "http://example.org/a|1"));
        assert!(check(How::Is, "http://example.org/a|1", "http://example.org/a|1"));
        assert!(!check(How::Is, "http://example.org/a|2", "http://example.org/a|1"));
        assert!(!check(How::Is, "http://example.org/a|1", "http://example.org/a"));
    }
}
