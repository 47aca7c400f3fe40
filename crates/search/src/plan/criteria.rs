//! The values of a clause, compared with the type of their parameter: what a value must meet.

use model::Decimal;

use crate::numbers;
use crate::param::{Criterion, ParameterType, date, number, quantity, reference, special, string, token, uri};
use crate::parameter::Parameter;
use crate::plan::run::Context;
use crate::query::{QueryError, prefix, split, unescape};

/// How a parameter's values are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Modifier {
    None,
    Exact,
    Contains,
    Text,
    OfType,
    Identifier,
    Above,
    Below,
    In,
    /// References to a resource of this type, by its number.
    Type(u8),
}

impl Modifier {
    /// The modifier of a text, if the parameter's type has it. `missing`, `not` and `not-in` are the caller's.
    pub(crate) fn of(text: &str, of: ParameterType) -> Option<Modifier> {
        use ParameterType::{Reference, String, Token, Uri};
        Some(match (text, of) {
            ("exact", String) => Modifier::Exact,
            ("contains", String) => Modifier::Contains,
            ("text", Token) => Modifier::Text,
            ("of-type", Token) => Modifier::OfType,
            ("in", Token) => Modifier::In,
            ("identifier", Reference) => Modifier::Identifier,
            ("above", Uri | Token | Reference) => Modifier::Above,
            ("below", Uri | Token | Reference) => Modifier::Below,
            (name, Reference) => Modifier::Type(numbers::of_type(name)?),
            _ => return None,
        })
    }

    /// Those that a type has, as they are written.
    pub(crate) fn all(of: ParameterType) -> &'static [&'static str] {
        match of {
            ParameterType::String => &["missing", "exact", "contains"],
            ParameterType::Token => &["missing", "text", "not", "of-type", "in", "not-in", "above", "below"],
            ParameterType::Reference => &["missing", "identifier", "above", "below", "[type]"],
            ParameterType::Uri => &["missing", "above", "below"],
            _ => &["missing"],
        }
    }
}

/// The criteria of one value of a parameter that is no composite: it is met where one of them is.
pub(crate) fn criteria(
    context: &Context<'_>,
    written: &str,
    parameter: &Parameter,
    modifier: &Modifier,
    text: &str,
) -> Result<Vec<Criterion>, QueryError> {
    let shared = &context.index.context;
    let malformed = |what: &str| QueryError::invalid(written, format!("{text} is no {what}"));
    Ok(vec![match parameter.of {
        ParameterType::Number => {
            let (prefix, rest) = prefix(text);
            let criterion = Decimal::parse(rest).and_then(|value| number::Criterion::new(prefix, value));
            Criterion::Number(criterion.ok_or_else(|| malformed("number"))?)
        }
        ParameterType::Date => Criterion::Date(date_criterion(context, written, text)?),
        ParameterType::String => {
            let how = match modifier {
                Modifier::Exact => string::How::Exact,
                Modifier::Contains => string::How::Contains,
                _ => string::How::Starts,
            };
            Criterion::String(string::Criterion::new(how, &unescape(text)))
        }
        ParameterType::Token => return token_criteria(context, written, modifier, text),
        ParameterType::Reference => Criterion::Reference(match modifier {
            Modifier::Identifier => reference::identifier(text, shared),
            Modifier::Type(of_type) => reference::Criterion::parse(&unescape(text), Some(*of_type), shared),
            _ => {
                let only = match (parameter.target(), parameter.targets.as_slice()) {
                    (None, [only]) => numbers::of_type(only),
                    (only, _) => only,
                };
                reference::Criterion::parse(&unescape(text), only, shared)
            }
        }),
        ParameterType::Quantity => {
            let (prefix, rest) = prefix(text);
            let criterion = quantity::Criterion::parse(prefix, rest);
            Criterion::Quantity(Box::new(criterion.ok_or_else(|| malformed("number, or number|system|code"))?))
        }
        ParameterType::Uri => {
            let how = match modifier {
                Modifier::Above => uri::How::Above,
                Modifier::Below => uri::How::Below,
                _ => uri::How::Is,
            };
            Criterion::Uri(uri::Criterion::new(how, &unescape(text)))
        }
        ParameterType::Special => {
            let criterion = special::Criterion::parse(text);
            Criterion::Near(criterion.ok_or_else(|| malformed("latitude|longitude|distance|unit"))?)
        }
        ParameterType::Composite => return Err(malformed("value of a part")),
    }])
}

pub(crate) fn date_criterion(context: &Context<'_>, written: &str, text: &str) -> Result<date::Criterion, QueryError> {
    let (prefix, rest) = prefix(text);
    // A `+` of a zone that was not percent-encoded arrives as a blank.
    let range = date::Range::parse(&rest.replace(' ', "+"));
    let range = range.ok_or_else(|| QueryError::invalid(written, format!("{text} is no date")))?;
    Ok(date::Criterion::new(prefix, range, i128::from(context.now.0) * 1_000_000))
}

fn token_criteria(
    context: &Context<'_>,
    written: &str,
    modifier: &Modifier,
    text: &str,
) -> Result<Vec<Criterion>, QueryError> {
    let shared = &context.index.context;
    let one = |criterion| Ok(vec![Criterion::Token(criterion)]);
    match modifier {
        Modifier::Text => one(token::Criterion::Text(unescape(text))),
        Modifier::OfType => {
            let parts = split(text, '|');
            match parts.as_slice() {
                [system, code, value] if !code.is_empty() && !value.is_empty() => {
                    one(token::Criterion::OfType { system: system.clone(), code: code.clone(), value: value.clone() })
                }
                _ => Err(QueryError::invalid(written, format!("{text} is no system|code|value"))),
            }
        }
        Modifier::In => context.terminology(written).members(&unescape(text)),
        Modifier::Above | Modifier::Below => {
            let parts = split(text, '|');
            let (system, code) = match parts.as_slice() {
                [code] => ("", code.as_str()),
                [system, code] => (system.as_str(), code.as_str()),
                _ => return Err(QueryError::invalid(written, format!("{text} is no [system|]code"))),
            };
            context.terminology(written).relatives(system, code, *modifier == Modifier::Below)
        }
        _ => one(token::Criterion::parse(text, shared)),
    }
}
