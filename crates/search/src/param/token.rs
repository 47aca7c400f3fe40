//! Parameters of type token: <http://hl7.org/fhir/R4/search.html#token>.
//!
//! A code with or without its system, whatever the case of the code (R4: "not case sensitive"). Where the element's definition
//! implies the system (type code, boolean, ContactPoint, plain strings), a system that is asked for does not matter.
//! Systems known by an OID and a URI are one ([`crate::Systems`]).
//!
//! Keys: the code in lower case, then the system.
//!
//! ```text
//! 01                       no code, only text
//! 02 uuid(16)              a UUID                        03 uuid(16)   urn:uuid: and a UUID
//! text 00                  any other, at most 64 bytes   text 01 hash(16)  longer
//! … 00                     no system                     … 02          implied by the definition
//! … 01 hash(8)             a system                      … 10+n        line n of systems.txt
//! ```

use std::collections::HashMap;
use std::sync::LazyLock;

use model::Element;

use crate::context::Context;
use crate::fold::fold;
use crate::key::{hash, put_exact, uuid};
use crate::span::{Span, Verdict};
use crate::value::{Kind, System, Token, Value};
use crate::value_sets::Members;

const MOST: usize = 64;
const TEXT_ONLY: u8 = 1;
const IMPLIED: u8 = 2;

static KNOWN: LazyLock<HashMap<&'static str, u8>> =
    LazyLock::new(|| include_str!("../systems.txt").lines().zip(0x10..=u8::MAX).collect());

/// The tokens of an element.
pub(crate) fn collect<'t>(element: Element<'t>, kind: Kind, context: &'t Context, found: &mut Vec<Value<'t>>) {
    let text_of =
        |element: Element<'t>, name: &str| element.get(name).and_then(Element::text).filter(|text| !text.is_empty());
    let uri = |element: Element<'t>| text_of(element, "system").map_or(System::None, |uri| context.system(uri));
    let mut add = |system: System<'t>, code: Option<&'t str>, text: Option<&'t str>| {
        if code.is_some() || text.is_some() {
            found.push(Value::Token(Token { system, code, text, identifier_type: None }));
        }
    };
    match kind {
        Kind::CodeableConcept => {
            let text = text_of(element, "text");
            for coding in element.all("coding") {
                add(uri(coding), text_of(coding, "code"), text_of(coding, "display"));
            }
            add(System::None, None, text);
        }
        Kind::Coding => add(uri(element), text_of(element, "code"), text_of(element, "display")),
        Kind::Identifier => {
            let identifier_type = element.get("type");
            let text = identifier_type.and_then(|kind| text_of(kind, "text"));
            let code = text_of(element, "value");
            if code.is_some() || text.is_some() || element.has_children() {
                found.push(Value::Token(Token { system: uri(element), code, text, identifier_type }));
            }
        }
        Kind::ContactPoint => add(System::Implied, text_of(element, "value"), None),
        Kind::Quantity => add(uri(element), text_of(element, "code"), text_of(element, "unit")),
        Kind::Reference => {
            if let Some(identifier) = element.get("identifier") {
                collect(identifier, Kind::Identifier, context, found);
            }
        }
        _ => {
            let text = element.text().filter(|text| !text.is_empty());
            add(System::Implied, text, text);
        }
    }
}

/// Appends the key of a token behind `prefix`.
pub(crate) fn put(prefix: &[u8], token: &Token<'_>, keys: &mut Vec<Vec<u8>>) {
    let mut key = Vec::with_capacity(prefix.len() + 24);
    key.extend_from_slice(prefix);
    put_token(&mut key, token);
    keys.push(key);
}

pub(crate) fn put_token(key: &mut Vec<u8>, token: &Token<'_>) {
    match token.code {
        None => key.push(TEXT_ONLY),
        Some(code) => {
            put_code(key, code);
            put_system(key, token.system);
        }
    }
}

/// The code in lower case.
fn lower(code: &str) -> String {
    if code.is_ascii() { code.to_ascii_lowercase() } else { code.to_lowercase() }
}

fn put_code(key: &mut Vec<u8>, code: &str) {
    let code = lower(code);
    if let Some(bytes) = uuid(&code) {
        key.push(2);
        key.extend_from_slice(&bytes);
    } else if let Some(bytes) = code.strip_prefix("urn:uuid:").and_then(uuid) {
        key.push(3);
        key.extend_from_slice(&bytes);
    } else {
        // Control characters at the start could be taken for the forms above; FHIR's strings have none.
        put_exact(key, code.trim_start_matches(|character: char| character < '\u{4}'), MOST);
    }
}

pub(crate) fn put_system(key: &mut Vec<u8>, system: System<'_>) {
    match system {
        System::None => key.push(0),
        System::Implied => key.push(IMPLIED),
        System::Uri(uri) => match KNOWN.get(uri) {
            Some(byte) => key.push(*byte),
            None => {
                key.push(1);
                key.extend_from_slice(&hash::<8>(uri.as_bytes()));
            }
        },
    }
}

/// What follows the code in a key behind the parameter's prefix.
fn system_in(value: &[u8]) -> Option<&[u8]> {
    match value.first()? {
        &TEXT_ONLY => None,
        2 | 3 => value.get(17..),
        _ => crate::key::take_exact(value).map(|taken| taken.rest),
    }
}

/// Which system a token must be in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Any, or none.
    Any,
    /// None.
    None,
    /// This one.
    Uri(String),
}

impl Asked {
    fn matches(&self, system: System<'_>) -> bool {
        match (self, system) {
            (Asked::Any, _) | (_, System::Implied) | (Asked::None, System::None) => true,
            (Asked::Uri(asked), System::Uri(uri)) => asked == uri,
            _ => false,
        }
    }

    fn as_system(&self) -> System<'_> {
        match self {
            Asked::Uri(uri) => System::Uri(uri),
            _ => System::None,
        }
    }
}

/// What a token is compared with.
#[derive(Clone, Debug)]
pub(crate) enum Criterion {
    /// `[system|][code]`
    Code {
        /// The part before `|`.
        system: Asked,
        /// The part behind it; `None`: any code of the system.
        code: Option<String>,
    },
    /// `:text`: what a person reads begins so.
    Text(String),
    /// `:in` of a value set that cannot be listed.
    Members(Members),
    /// `:of-type`: `type system|type code|value`
    OfType {
        /// The system of Identifier.type.coding.
        system: String,
        /// Its code.
        code: String,
        /// Identifier.value
        value: String,
    },
}

impl Criterion {
    /// `[system|][code]` with its escapes still there.
    pub(crate) fn parse(text: &str, context: &Context) -> Criterion {
        let parts = crate::query::split(text, '|');
        let (system, code) = match parts.as_slice() {
            [code] => (Asked::Any, code.clone()),
            [system, rest @ ..] if system.is_empty() => (Asked::None, rest.join("|")),
            [system, rest @ ..] => (Asked::Uri(context.canonical_system(system).to_owned()), rest.join("|")),
            [] => (Asked::Any, String::new()),
        };
        Criterion::Code { system, code: (!code.is_empty()).then_some(code) }
    }

    /// Whether a token meets it.
    pub(crate) fn matches(&self, token: &Token<'_>) -> bool {
        match self {
            Criterion::Code { system, code } => {
                let Some(found) = token.code else { return false };
                system.matches(token.system) && code.as_deref().is_none_or(|code| lower(code) == lower(found))
            }
            Criterion::Members(Members { sets, url }) => {
                let system = match token.system {
                    System::None => return false,
                    System::Implied => None,
                    System::Uri(uri) => Some(uri),
                };
                token.code.is_some_and(|code| sets.contains(url, system, code) == Some(true))
            }
            Criterion::Text(asked) => token.text.is_some_and(|text| fold(text).starts_with(&fold(asked))),
            Criterion::OfType { system, code, value } => {
                let typed = token.identifier_type.into_iter().flat_map(|kind| kind.all("coding")).any(|coding| {
                    coding.text_at("system") == Some(system)
                        && coding.text_at("code").is_some_and(|found| lower(found) == lower(code))
                });
                typed && token.code.is_some_and(|found| lower(found) == lower(value))
            }
        }
    }

    /// Whether the token in a key meets it.
    pub(crate) fn keep(&self, value: &[u8]) -> Verdict {
        match self {
            Criterion::Code { system: Asked::Any, code: Some(_) } => Verdict::Yes,
            Criterion::Code { system, .. } => {
                let Some(found) = system_in(value) else { return Verdict::No };
                let mut asked = Vec::with_capacity(9);
                put_system(&mut asked, system.as_system());
                Verdict::of(*system == Asked::Any || found == asked || found == [IMPLIED])
            }
            Criterion::Text(_) | Criterion::Members(_) | Criterion::OfType { .. } => Verdict::Unsure,
        }
    }

    /// Where such tokens lie behind `prefix`.
    pub(crate) fn spans(&self, prefix: &[u8]) -> Vec<Span> {
        let with_code = |code: &str| {
            let mut key = prefix.to_vec();
            put_code(&mut key, code);
            key
        };
        match self {
            Criterion::Code { code: None, .. } | Criterion::Text(_) | Criterion::Members(_) => {
                vec![Span::prefix(prefix.to_vec())]
            }
            Criterion::Code { system: Asked::Any, code: Some(code) } => vec![Span::prefix(with_code(code))],
            Criterion::Code { system, code: Some(code) } => {
                let mut exact = with_code(code);
                let mut implied = exact.clone();
                put_system(&mut exact, system.as_system());
                implied.push(IMPLIED);
                vec![Span::point(exact), Span::point(implied)]
            }
            Criterion::OfType { value, .. } => vec![Span::prefix(with_code(value))],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOINC: System<'_> = System::Uri("http://loinc.org");
    const LOCAL: System<'_> = System::Uri("http://example.org/local");

    fn check(asked: &str, system: System<'_>, code: &str) -> bool {
        let context = Context::default();
        let criterion = Criterion::parse(asked, &context);
        let token = Token { system, code: Some(code), text: None, identifier_type: None };
        let mut keys = Vec::new();
        put(b"p", &token, &mut keys);
        let found = criterion.spans(b"p").iter().any(|span| span.contains(&keys[0]));
        let by_key = found && criterion.keep(&keys[0][1..]) == Verdict::Yes;
        assert_eq!(by_key, criterion.matches(&token), "{asked} {system:?}|{code}");
        by_key
    }

    #[test]
    fn system_and_code_in_every_combination() {
        for (asked, system, code, expected) in [
            ("60591-5", LOINC, "60591-5", true),
            ("http://loinc.org|60591-5", LOINC, "60591-5", true),
            ("http://loinc.org|60591-5", LOCAL, "60591-5", false),
            ("http://example.org/local|a", LOCAL, "A", true),
            ("|a", System::None, "a", true),
            ("|a", LOCAL, "a", false),
            ("|a", System::Implied, "a", true),
            ("http://any|male", System::Implied, "male", true),
            ("http://loinc.org|", LOINC, "x", true),
            ("http://loinc.org|", System::None, "x", false),
            ("a", LOCAL, "ab", false),
            ("0D1B5C9A-0000-4f00-8abc-00ff00ff00ff", LOCAL, "0d1b5c9a-0000-4f00-8abc-00ff00ff00ff", true),
            ("urn:uuid:0d1b5c9a-0000-4f00-8abc-00ff00ff00ff", LOCAL, "0d1b5c9a-0000-4f00-8abc-00ff00ff00ff", false),
            (r"a\|b", System::None, "a|b", true),
        ] {
            assert_eq!(check(asked, system, code), expected, "{asked} {system:?}|{code}");
        }
        let long = "x".repeat(70);
        assert!(check(&long, LOCAL, &long));
        assert!(!check(&long, LOCAL, &(long.clone() + "y")));
    }

    #[test]
    fn the_list_of_systems_fits_its_byte_and_names_none_twice() {
        let lines = include_str!("../systems.txt").lines().count();
        assert_eq!(KNOWN.len(), lines);
        assert!(lines < 0xF0);
    }
}
