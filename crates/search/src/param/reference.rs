//! Parameters of type reference: <http://hl7.org/fhir/R4/search.html#reference>.
//!
//! A resource here, by id, by type and id, or by its absolute URL at this server (relative and absolute are one, versions do not
//! matter); a URL elsewhere; a canonical URL with or without version; with `:identifier` a logical reference.
//!
//! Keys:
//!
//! ```text
//! 01 uuid(16) type     a resource here whose id is a UUID; the type is the line of numbers.txt
//! 02 id 00 type        a resource here
//! 03 url               a URL elsewhere, as parameters of type uri write it
//! 04 token             a logical reference, as parameters of type token write it
//! 05 url               a canonical URL
//! 06                   words only, or a contained resource
//! ```

use std::collections::BTreeSet;

use model::Element;

use super::{token, uri};
use crate::context::Context;
use crate::key::{put_text, take_text, uuid, uuid_text};
use crate::numbers;
use crate::span::{Span, Verdict};
use crate::value::{Kind, Reference, Value};

/// What an element refers to.
pub(crate) fn collect<'t>(element: Element<'t>, kind: Kind, context: &'t Context, found: &mut Vec<Value<'t>>) {
    let mut add = |reference| found.push(Value::Reference(reference));
    match kind {
        Kind::Reference => {
            let text = element.get("reference").and_then(Element::text).filter(|text| !text.starts_with('#'));
            let target = text.and_then(|text| read(text, context));
            let identifier = element.get("identifier");
            match target {
                Some(target) => add(target),
                None if identifier.is_none() => add(Reference::Display),
                None => {}
            }
            if let Some(identifier) = identifier {
                let mut tokens = Vec::new();
                token::collect(identifier, Kind::Identifier, context, &mut tokens);
                for value in tokens {
                    if let Value::Token(token) = value {
                        add(Reference::Identifier(token));
                    }
                }
            }
        }
        Kind::Resource => {
            let target = element.resource_type().zip(element.text_at("id"));
            if let Some((type_name, id)) = target {
                add(Reference::Local(type_name, id));
            }
        }
        Kind::Canonical => {
            if let Some(text) = element.text() {
                let (url, version) = uri::split(text);
                add(Reference::Canonical(url, version));
            }
        }
        Kind::Other => {}
        _ => {
            if let Some(target) = element.text().and_then(|text| read(text, context)) {
                add(target);
            }
        }
    }
}

/// The target of a `Reference.reference` or a URI.
pub(crate) fn read<'t>(text: &'t str, context: &Context) -> Option<Reference<'t>> {
    if text.is_empty() {
        return None;
    }
    let relative = context.below_base(text).unwrap_or(text);
    Some(match local(relative) {
        Some((type_name, id)) => Reference::Local(type_name, id),
        None => Reference::Url(text),
    })
}

/// `Patient/1` and `Patient/1/_history/2`.
fn local(text: &str) -> Option<(&str, &str)> {
    let mut parts = text.split('/');
    let (type_name, id) = (parts.next()?, parts.next()?);
    let version =
        matches!((parts.next(), parts.next(), parts.next()), (None, _, _) | (Some("_history"), Some(_), None));
    let known = numbers::of_type(type_name).is_some();
    (version && known && is_id(id)).then_some((type_name, id))
}

/// Whether a text is a FHIR id.
pub(crate) fn is_id(text: &str) -> bool {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    !text.is_empty() && text.len() <= 64 && text.bytes().all(valid)
}

/// Appends the key of a reference behind `prefix`.
pub(crate) fn put(prefix: &[u8], reference: &Reference<'_>, keys: &mut Vec<Vec<u8>>) {
    let mut key = Vec::with_capacity(prefix.len() + 24);
    key.extend_from_slice(prefix);
    match reference {
        Reference::Local(type_name, id) => {
            put_id(&mut key, id);
            key.push(numbers::of_type(type_name).unwrap_or(0));
        }
        Reference::Url(url) => {
            key.push(3);
            key = uri::key_of(&key, url);
        }
        Reference::Identifier(token) => {
            key.push(4);
            token::put_token(&mut key, token);
        }
        Reference::Canonical(url, version) => {
            key.push(5);
            let text = version.map_or_else(|| (*url).to_owned(), |version| format!("{url}|{version}"));
            key = uri::key_of(&key, &text);
        }
        Reference::Display => key.push(6),
    }
    keys.push(key);
}

/// Appends the form, the id and what ends it.
pub(crate) fn put_id(key: &mut Vec<u8>, id: &str) {
    match uuid(id) {
        Some(bytes) => {
            key.push(1);
            key.extend_from_slice(&bytes);
        }
        None => {
            key.push(2);
            put_text(key, id);
            key.push(0);
        }
    }
}

/// The type (line of numbers.txt) and id of the resource here that a key refers to.
pub(crate) fn target(value: &[u8]) -> Option<(u8, String)> {
    let (form, rest) = value.split_first()?;
    match form {
        1 => {
            let (id, rest) = rest.split_first_chunk::<16>()?;
            Some((*rest.first()?, uuid_text(id)))
        }
        2 => {
            let taken = take_text(rest)?;
            Some((*taken.rest.first()?, String::from_utf8(taken.text.to_vec()).ok()?))
        }
        _ => None,
    }
}

/// Whether the reference in a key is to a resource of a type, as far as the key tells.
pub(crate) fn refers_to(value: &[u8], target: u8) -> Verdict {
    match value.first() {
        Some(1 | 2) => Verdict::of(value.last() == Some(&target)),
        _ => Verdict::Unsure,
    }
}

/// What a reference is compared with.
#[derive(Clone, Debug)]
pub(crate) enum Criterion {
    /// A resource here; `None`: of any type.
    Local {
        /// Its type, by its line in numbers.txt.
        of_type: Option<u8>,
        /// Its id.
        id: String,
    },
    /// A URL elsewhere, or a canonical URL.
    Url(uri::Criterion),
    /// A logical reference.
    Identifier(token::Criterion),
    /// One of these resources here: type and id.
    AnyOf(BTreeSet<(u8, String)>),
    /// One of the resources with these canonical URLs and versions: what names no version means any.
    Canonicals(BTreeSet<(String, Option<String>)>),
}

impl Criterion {
    /// A value as it stands in a query. `of_type`: the type after `:`, or the only one that the parameter can refer to.
    pub(crate) fn parse(text: &str, of_type: Option<u8>, context: &Context) -> Criterion {
        match read(text, context) {
            Some(Reference::Local(type_name, id)) => {
                Criterion::Local { of_type: numbers::of_type(type_name), id: id.to_owned() }
            }
            _ if is_id(text) => Criterion::Local { of_type, id: text.to_owned() },
            _ => Criterion::Url(uri::Criterion::new(uri::How::Is, text)),
        }
    }

    /// Whether a reference meets it.
    pub(crate) fn matches(&self, reference: &Reference<'_>) -> bool {
        let type_is = |type_name: &str, asked: u8| numbers::of_type(type_name) == Some(asked);
        match (self, reference) {
            (Criterion::Local { of_type, id }, Reference::Local(type_name, found)) => {
                id == found && of_type.is_none_or(|asked| type_is(type_name, asked))
            }
            (Criterion::AnyOf(asked), Reference::Local(type_name, id)) => {
                numbers::of_type(type_name).is_some_and(|number| asked.contains(&(number, (*id).to_owned())))
            }
            (Criterion::Url(criterion), Reference::Url(url)) => criterion.matches(url),
            (Criterion::Url(criterion), Reference::Canonical(url, version)) => {
                criterion.matches(&version.map_or_else(|| (*url).to_owned(), |version| format!("{url}|{version}")))
            }
            (Criterion::Identifier(criterion), Reference::Identifier(token)) => criterion.matches(token),
            (Criterion::Canonicals(asked), Reference::Canonical(url, version)) => {
                asked.iter().any(|(known, of)| known == url && (version.is_none() || of.as_deref() == *version))
            }
            _ => false,
        }
    }

    /// Whether the reference in a key meets it.
    pub(crate) fn keep(&self, value: &[u8]) -> Verdict {
        match self {
            Criterion::Local { .. } | Criterion::AnyOf(_) | Criterion::Canonicals(_) => Verdict::Yes,
            Criterion::Url(criterion) => criterion.keep(value.get(1..).unwrap_or(&[])),
            Criterion::Identifier(criterion) => criterion.keep(value.get(1..).unwrap_or(&[])),
        }
    }

    /// Where such references lie behind `prefix`.
    pub(crate) fn spans(&self, prefix: &[u8]) -> Vec<Span> {
        let form = |form: u8| [prefix, &[form]].concat();
        match self {
            Criterion::Local { of_type, id } => {
                let mut key = prefix.to_vec();
                put_id(&mut key, id);
                key.extend(of_type);
                vec![if of_type.is_some() { Span::point(key) } else { Span::prefix(key) }]
            }
            Criterion::Url(criterion) => [criterion.spans(&form(3)), criterion.spans(&form(5))].concat(),
            Criterion::Identifier(criterion) => criterion.spans(&form(4)),
            Criterion::AnyOf(asked) => {
                let point = |(of_type, id): &(u8, String)| {
                    let mut key = prefix.to_vec();
                    put_id(&mut key, id);
                    key.push(*of_type);
                    Span::point(key)
                };
                asked.iter().map(point).collect()
            }
            Criterion::Canonicals(asked) => {
                let point = |text: &str| Span::point(uri::key_of(&form(5), text));
                let both = |(url, version): &(String, Option<String>)| {
                    let of_version = version.as_ref().map(|version| point(&format!("{url}|{version}")));
                    std::iter::once(point(url)).chain(of_version)
                };
                let mut spans: Vec<Span> = asked.iter().flat_map(both).collect();
                spans.sort();
                spans.dedup();
                spans
            }
        }
    }
}

/// A token as it may stand behind `:identifier`.
pub(crate) fn identifier(text: &str, context: &Context) -> Criterion {
    Criterion::Identifier(token::Criterion::parse(text, context))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(asked: &str, of_type: Option<&str>, text: &str) -> bool {
        let context = Context::new(vec!["https://here.example/fhir".to_owned()]);
        let criterion = Criterion::parse(asked, of_type.and_then(numbers::of_type), &context);
        let reference = read(text, &context).unwrap();
        let mut keys = Vec::new();
        put(b"p", &reference, &mut keys);
        let found = criterion.spans(b"p").iter().any(|span| span.contains(&keys[0]));
        let by_key = found && criterion.keep(&keys[0][1..]) == Verdict::Yes;
        assert_eq!(by_key, criterion.matches(&reference), "{asked} {text}");
        by_key
    }

    #[test]
    fn a_resource_here_by_id_type_or_url() {
        let uuid = "0d1b5c9a-0000-4f00-8abc-00ff00ff00ff";
        for id in ["1", uuid] {
            let text = format!("Patient/{id}");
            assert!(check(id, None, &text));
            assert!(check(id, Some("Patient"), &text));
            assert!(!check(id, Some("Group"), &text));
            assert!(check(&text, None, &format!("https://here.example/fhir/{text}/_history/3")));
            assert!(check(&format!("https://here.example/fhir/{text}"), None, &text));
            assert!(!check(&format!("Group/{id}"), None, &text));
            assert!(!check(&format!("https://there.example/fhir/{text}"), None, &text));
        }
        assert!(check("https://there.example/fhir/Patient/1", None, "https://there.example/fhir/Patient/1"));
        assert!(!check("1", None, "https://there.example/fhir/Patient/1"));
        assert!(!check("1", None, "Patient/11"));
    }

    #[test]
    fn a_canonical_url_without_version_means_any() {
        for (version, found) in [(None, true), (Some("1"), true), (Some("2"), false)] {
            let reference = Reference::Canonical("http://x/q", version);
            let own = [("http://x/q".to_owned(), Some("1".to_owned()))];
            let criterion = Criterion::Canonicals(own.into());
            assert_eq!(criterion.matches(&reference), found);
            let mut keys = Vec::new();
            put(b"p", &reference, &mut keys);
            assert_eq!(criterion.spans(b"p").iter().any(|span| span.contains(&keys[0])), found);
        }
    }

    #[test]
    fn a_key_gives_its_target_back() {
        for id in ["a.b-C", "0d1b5c9a-0000-4f00-8abc-00ff00ff00ff"] {
            let mut keys = Vec::new();
            put(b"", &Reference::Local("Patient", id), &mut keys);
            let (of_type, found) = target(&keys[0]).unwrap();
            assert_eq!((numbers::type_name(of_type), found.as_str()), (Some("Patient"), id));
        }
    }

    #[test]
    fn a_logical_reference_is_found_by_its_identifier() {
        let context = Context::default();
        let tree = model::json::read(
            br#"{"resourceType":"Basic","subject":{"identifier":{"system":"urn:x","value":"7"}}}"#,
            &model::Limits::default(),
        )
        .unwrap();
        let mut found = Vec::new();
        collect(tree.root().get("subject").unwrap(), Kind::Reference, &context, &mut found);
        let [Value::Reference(reference @ Reference::Identifier(token))] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(token.code, Some("7"));
        assert!(identifier("urn:x|7", &context).matches(reference));
        assert!(!identifier("urn:y|7", &context).matches(reference));
    }
}
