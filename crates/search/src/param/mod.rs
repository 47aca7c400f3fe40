//! The types of search parameters, one file each: <http://hl7.org/fhir/R4/search.html#ptypes>.
//!
//! Every file says how an element becomes values, a value a key, a text of a query a criterion, and how a criterion meets
//! values and keys. A key and the value that it was made of always give the same answer, or the key says that it cannot tell.

pub(crate) mod date;
pub(crate) mod number;
pub(crate) mod quantity;
pub(crate) mod reference;
pub(crate) mod special;
pub(crate) mod string;
pub(crate) mod token;
pub(crate) mod uri;

use model::Element;

use crate::context::Context;
use crate::span::{Span, Verdict};
use crate::value::{Kind, Value};

/// <http://hl7.org/fhir/R4/valueset-search-param-type.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParameterType {
    /// `number`
    Number,
    /// `date`
    Date,
    /// `string`
    String,
    /// `token`
    Token,
    /// `reference`
    Reference,
    /// `composite`
    Composite,
    /// `quantity`
    Quantity,
    /// `uri`
    Uri,
    /// `special`: of these, `near`
    Special,
}

impl ParameterType {
    /// The type of a FHIR code.
    pub fn of(code: &str) -> Option<ParameterType> {
        Some(match code {
            "number" => ParameterType::Number,
            "date" => ParameterType::Date,
            "string" => ParameterType::String,
            "token" => ParameterType::Token,
            "reference" => ParameterType::Reference,
            "composite" => ParameterType::Composite,
            "quantity" => ParameterType::Quantity,
            "uri" => ParameterType::Uri,
            "special" => ParameterType::Special,
            _ => return None,
        })
    }

    /// The FHIR code.
    pub fn code(self) -> &'static str {
        match self {
            ParameterType::Number => "number",
            ParameterType::Date => "date",
            ParameterType::String => "string",
            ParameterType::Token => "token",
            ParameterType::Reference => "reference",
            ParameterType::Composite => "composite",
            ParameterType::Quantity => "quantity",
            ParameterType::Uri => "uri",
            ParameterType::Special => "special",
        }
    }
}

/// Whether elements of a kind can hold a value for a parameter of a type.
pub(crate) fn takes(of: ParameterType, kind: Kind) -> bool {
    match of {
        ParameterType::Number => matches!(kind, Kind::Number | Kind::Range | Kind::Extension),
        ParameterType::Date => matches!(kind, Kind::Date | Kind::Period | Kind::Timing | Kind::Extension),
        ParameterType::Quantity => {
            matches!(kind, Kind::Quantity | Kind::Range | Kind::Money | Kind::Number | Kind::Extension)
        }
        _ => true,
    }
}

/// Adds what an element holds for a parameter of a type.
pub(crate) fn collect<'t>(
    of: ParameterType,
    element: Element<'t>,
    kind: Kind,
    context: &'t Context,
    found: &mut Vec<Value<'t>>,
) {
    if kind == Kind::Extension {
        let values = element.children().filter(|child| child.name().starts_with("value"));
        for value in values {
            let kind = Kind::of(&type_of_choice(value.name()));
            collect(of, value, kind, context, found);
        }
        return;
    }
    match of {
        ParameterType::Number => number::collect(element, kind, found),
        ParameterType::Date => date::collect(element, kind, found),
        ParameterType::String => string::collect(element, kind, found),
        ParameterType::Token => token::collect(element, kind, context, found),
        ParameterType::Reference => reference::collect(element, kind, context, found),
        ParameterType::Quantity => quantity::collect(element, kind, found),
        ParameterType::Uri => uri::collect(element, kind, found),
        ParameterType::Special => special::collect(element, found),
        ParameterType::Composite => {}
    }
}

/// `valueString` gives `string`, `valueCodeableConcept` gives `CodeableConcept`.
fn type_of_choice(name: &str) -> String {
    let suffix = name.strip_prefix("value").unwrap_or(name);
    let primitive = format!("{}{}", suffix.get(..1).unwrap_or("").to_ascii_lowercase(), suffix.get(1..).unwrap_or(""));
    match Kind::of(suffix) {
        Kind::Other => primitive,
        _ => suffix.to_owned(),
    }
}

/// Appends the keys of a value behind `prefix`.
pub(crate) fn put(prefix: &[u8], value: &Value<'_>, keys: &mut Vec<Vec<u8>>) {
    match value {
        Value::Text(text) => string::put(prefix, text, keys),
        Value::Token(token) => token::put(prefix, token, keys),
        Value::Date(range) => date::put(prefix, *range, keys),
        Value::Number(interval) => number::put(prefix, *interval, keys),
        Value::Quantity(quantity) => quantity::put(prefix, quantity, keys),
        Value::Uri(uri) => uri::put(prefix, uri, keys),
        Value::Reference(reference) => reference::put(prefix, reference, keys),
        Value::Position { latitude, longitude } => special::put(prefix, *latitude, *longitude, keys),
    }
}

/// What values are compared with.
#[derive(Clone, Debug)]
pub(crate) enum Criterion {
    Number(number::Criterion),
    Date(date::Criterion),
    String(string::Criterion),
    Token(token::Criterion),
    Reference(reference::Criterion),
    Quantity(Box<quantity::Criterion>),
    Uri(uri::Criterion),
    Near(special::Criterion),
    /// Any value at all.
    Present,
    /// Any value that meets none of these.
    Other(Vec<Criterion>),
}

impl Criterion {
    /// Whether a value meets it.
    pub(crate) fn matches(&self, value: &Value<'_>) -> bool {
        match (self, value) {
            (Criterion::Present, _) => true,
            (Criterion::Other(criteria), value) => !criteria.iter().any(|criterion| criterion.matches(value)),
            (Criterion::Number(criterion), Value::Number(interval)) => criterion.matches(*interval),
            (Criterion::Date(criterion), Value::Date(range)) => criterion.matches(*range),
            (Criterion::String(criterion), Value::Text(text)) => criterion.matches(text),
            (Criterion::Token(criterion), Value::Token(token)) => criterion.matches(token),
            (Criterion::Reference(criterion), Value::Reference(reference)) => criterion.matches(reference),
            (Criterion::Quantity(criterion), Value::Quantity(quantity)) => criterion.matches(quantity),
            (Criterion::Uri(criterion), Value::Uri(uri)) => criterion.matches(uri),
            (Criterion::Near(criterion), Value::Position { latitude, longitude }) => {
                criterion.matches(*latitude, *longitude)
            }
            _ => false,
        }
    }

    /// Whether the value in a key, given without the parameter's prefix, meets it. Only for keys in [`Criterion::spans`].
    pub(crate) fn keep(&self, value: &[u8]) -> Verdict {
        match self {
            Criterion::Present => Verdict::Yes,
            Criterion::Other(criteria) => other(criteria, value),
            Criterion::Number(criterion) => criterion.keep(value),
            Criterion::Date(criterion) => criterion.keep(value),
            Criterion::String(criterion) => criterion.keep(value),
            Criterion::Token(criterion) => criterion.keep(value),
            Criterion::Reference(criterion) => criterion.keep(value),
            Criterion::Quantity(criterion) => criterion.keep(value),
            Criterion::Uri(criterion) => criterion.keep(value),
            Criterion::Near(criterion) => criterion.keep(value),
        }
    }

    /// Where keys that may meet it lie behind a parameter's prefix.
    pub(crate) fn spans(&self, prefix: &[u8]) -> Vec<Span> {
        match self {
            Criterion::Present | Criterion::Other(_) => vec![Span::prefix(prefix.to_vec())],
            Criterion::Number(criterion) => criterion.spans(prefix),
            Criterion::Date(criterion) => criterion.spans(prefix),
            Criterion::String(criterion) => criterion.spans(prefix),
            Criterion::Token(criterion) => criterion.spans(prefix),
            Criterion::Reference(criterion) => criterion.spans(prefix),
            Criterion::Quantity(criterion) => criterion.spans(prefix),
            Criterion::Uri(criterion) => criterion.spans(prefix),
            Criterion::Near(criterion) => criterion.spans(prefix),
        }
    }
}

/// Whether the value in a key meets none of the criteria.
fn other(criteria: &[Criterion], value: &[u8]) -> Verdict {
    let mut verdict = Verdict::Yes;
    for criterion in criteria.iter().filter(|criterion| criterion.spans(&[]).iter().any(|span| span.contains(value))) {
        match criterion.keep(value) {
            Verdict::Yes => return Verdict::No,
            Verdict::Unsure => verdict = Verdict::Unsure,
            Verdict::No => {}
        }
    }
    verdict
}
