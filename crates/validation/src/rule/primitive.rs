//! The text of primitives: <http://hl7.org/fhir/R4/datatypes.html#primitive>.

use model::{DatePrecision, Element, IssueType, PartialDateTime, PartialTime, Value};

use crate::pass::Pass;
use crate::program::{Kind, State};

/// The primitive types.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Type {
    Boolean,
    Integer,
    PositiveInt,
    UnsignedInt,
    Decimal,
    String,
    Markdown,
    Code,
    Id,
    Uri,
    Url,
    Canonical,
    Oid,
    Uuid,
    Base64Binary,
    Date,
    DateTime,
    Instant,
    Time,
}

impl Type {
    /// The type of a name.
    pub(crate) fn of(name: &str) -> Option<Type> {
        Some(match name {
            "boolean" => Type::Boolean,
            "integer" => Type::Integer,
            "positiveInt" => Type::PositiveInt,
            "unsignedInt" => Type::UnsignedInt,
            "decimal" => Type::Decimal,
            "string" => Type::String,
            "markdown" => Type::Markdown,
            "code" => Type::Code,
            "id" => Type::Id,
            "uri" => Type::Uri,
            "url" => Type::Url,
            "canonical" => Type::Canonical,
            "oid" => Type::Oid,
            "uuid" => Type::Uuid,
            "base64Binary" => Type::Base64Binary,
            "date" => Type::Date,
            "dateTime" => Type::DateTime,
            "instant" => Type::Instant,
            "time" => Type::Time,
            _ => return None,
        })
    }
}

/// Holds the value of a primitive against its type; a complex element may not have one.
pub(crate) fn check<'t>(pass: &mut Pass<'_, 't>, element: Element<'t>, state: &State) {
    match (state.kind, element.value()) {
        (Kind::Primitive, Some(value)) => {
            let Some(ty) = state.primitive else { return };
            if let Err(fault) = of_type(ty, value) {
                let text = shortened(element.text().unwrap_or_default());
                pass.error(IssueType::Value, element, "primitive", || format!("'{text}' {fault}."));
            } else if let Some(warning) = doubt(ty, value) {
                pass.warning(IssueType::Value, element, "primitive", || warning.into());
            }
            questionable(pass, element, ty);
        }
        (Kind::Primitive, None) if element.children().any(|child| !matches!(child.name(), "id" | "extension")) => {
            let ty = &state.ty;
            pass.error(IssueType::Structure, element, "primitive", || format!("A {ty} is a value, not an object."));
        }
        (Kind::Complex, Some(_)) => {
            let ty = if state.ty.is_empty() { "this element" } else { &state.ty };
            pass.error(IssueType::Structure, element, "structure", || {
                format!("A value stands where an object is wanted ({ty}).")
            });
        }
        _ => {}
    }
}

/// What the options forbid beyond the type: example URLs, markup in text.
fn questionable<'t>(pass: &mut Pass<'_, 't>, element: Element<'t>, ty: Type) {
    let Some(text) = element.text() else { return };
    match ty {
        Type::Uri | Type::Url | Type::Canonical => {
            if let Some(severity) = pass.options.example_urls
                && super::extension::is_example(text)
            {
                pass.report(severity, IssueType::Value, element, "example", || format!("'{text}' is an example URL."));
            }
        }
        Type::String | Type::Markdown => {
            if let Some(severity) = pass.options.markup_in_text
                && has_tag(text)
            {
                pass.report(severity, IssueType::Security, element, "markup", || "The text looks like HTML.".into());
            }
        }
        _ => {}
    }
}

/// Whether a text has something like a tag: `<` and a letter, or `</`, and somewhere behind it `>`.
fn has_tag(text: &str) -> bool {
    let starts = |rest: &str| rest.trim_start_matches('/').starts_with(|first: char| first.is_ascii_alphabetic());
    text.match_indices('<').any(|(at, _)| text.get(at + 1..).is_some_and(|rest| starts(rest) && rest.contains('>')))
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Whether a value is one of a primitive type; the fault completes a sentence that begins with the value.
pub(crate) fn of_type(ty: Type, value: Value<'_>) -> Result<(), &'static str> {
    match (ty, value) {
        (Type::Boolean, Value::Boolean(_)) => Ok(()),
        (Type::Boolean, _) => Err("is no boolean (true or false)"),
        (Type::Integer | Type::PositiveInt | Type::UnsignedInt | Type::Decimal, Value::Number(text)) => {
            number(ty, text)
        }
        (Type::Integer | Type::PositiveInt | Type::UnsignedInt | Type::Decimal, _) => Err("must be a number"),
        (_, Value::String(text)) => of_text(ty, text),
        _ => Err("must be a string"),
    }
}

fn number(ty: Type, text: &str) -> Result<(), &'static str> {
    let whole = || text.parse::<i32>().ok().filter(|_| text == "0" || !text.trim_start_matches('-').starts_with('0'));
    match ty {
        Type::Decimal => Ok(()),
        Type::Integer => whole().map(|_| ()).ok_or("is no integer (a whole number of 32 bits)"),
        Type::PositiveInt => whole().filter(|value| *value > 0).map(|_| ()).ok_or("is no positive whole number"),
        _ => whole().filter(|value| *value >= 0).map(|_| ()).ok_or("is no whole number from 0"),
    }
}

fn of_text(ty: Type, text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("may not be empty");
    }
    match ty {
        Type::String | Type::Markdown => string(text),
        Type::Code => code(text),
        Type::Id => id(text),
        Type::Uri | Type::Url | Type::Canonical => no_blanks(text).and_then(|()| uri(text)),
        Type::Oid => oid(text),
        Type::Uuid => uuid(text),
        Type::Base64Binary => base64(text),
        Type::Date => date(text, false),
        Type::DateTime => date(text, true),
        Type::Instant => instant(text),
        Type::Time => time(text),
        _ => Ok(()),
    }
}

fn string(text: &str) -> Result<(), &'static str> {
    if text.trim().is_empty() {
        return Err("holds nothing but blanks");
    }
    if text.len() > 1024 * 1024 {
        return Err("is longer than 1,048,576 characters");
    }
    match text.bytes().any(|byte| matches!(byte, 0..=8 | 0xb | 0xc | 0xe..=0x1f)) {
        true => Err("holds a control character"),
        false => Ok(()),
    }
}

fn code(text: &str) -> Result<(), &'static str> {
    let blank = |char: char| char != ' ' && (char.is_whitespace() || char.is_control());
    if text.starts_with(' ') || text.ends_with(' ') || text.contains("  ") || text.contains(blank) {
        return Err("is no code: blanks only singly, between other characters");
    }
    Ok(())
}

fn id(text: &str) -> Result<(), &'static str> {
    let valid =
        text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
    if valid { Ok(()) } else { Err("is no id (1 to 64 letters, digits, '-' and '.')") }
}

fn no_blanks(text: &str) -> Result<(), &'static str> {
    if text.contains(char::is_whitespace) { Err("is no URI: it holds blanks") } else { Ok(()) }
}

/// OIDs and UUIDs in URIs have a form of their own.
fn uri(text: &str) -> Result<(), &'static str> {
    let text = text.split(['#', '|']).next().unwrap_or_default();
    match text.get(..9) {
        Some("urn:uuid:") => uuid(text),
        _ if text.starts_with("urn:oid:") => oid(text),
        _ => Ok(()),
    }
}

fn oid(text: &str) -> Result<(), &'static str> {
    let fault = "is no OID (urn:oid:…, numbers without leading zeros)";
    let mut arcs = text.strip_prefix("urn:oid:").ok_or(fault)?.split('.');
    let first = arcs.next().is_some_and(|arc| matches!(arc, "0" | "1" | "2"));
    let mut count = 1;
    let others = arcs.all(|arc| {
        count += 1;
        !arc.is_empty() && arc.bytes().all(|byte| byte.is_ascii_digit()) && (arc == "0" || !arc.starts_with('0'))
    });
    if first && others && count > 1 { Ok(()) } else { Err(fault) }
}

fn uuid(text: &str) -> Result<(), &'static str> {
    let fault = "is no UUID (urn:uuid:…, lower case)";
    let digits = text.strip_prefix("urn:uuid:").ok_or(fault)?;
    let parts: Vec<&str> = digits.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    let hex = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'));
    if hex && lengths == [8, 4, 4, 4, 12] { Ok(()) } else { Err(fault) }
}

/// Blanks within base64 are tolerated, as the standard's expression does.
fn base64(text: &str) -> Result<(), &'static str> {
    let fault = "is no base64";
    let (mut count, mut padding) = (0usize, 0usize);
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' if padding == 0 => count += 1,
            b'=' => padding += 1,
            b' ' | b'\n' | b'\r' | b'\t' => {}
            _ => return Err(fault),
        }
    }
    if padding <= 2 && (count + padding).is_multiple_of(4) { Ok(()) } else { Err(fault) }
}

fn date(text: &str, with_time: bool) -> Result<(), &'static str> {
    let fault = if with_time {
        "is no dateTime (YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with a time zone)"
    } else {
        "is no date (YYYY, YYYY-MM or YYYY-MM-DD)"
    };
    let parsed = PartialDateTime::parse(text).ok_or(fault)?;
    match parsed.precision() {
        DatePrecision::Year | DatePrecision::Month | DatePrecision::Day => Ok(()),
        DatePrecision::Minute => Err(fault),
        _ if with_time && parsed.offset.is_some() => Ok(()),
        _ => Err(fault),
    }
}

fn instant(text: &str) -> Result<(), &'static str> {
    let fault = "is no instant (YYYY-MM-DDThh:mm:ss with a time zone)";
    let parsed = PartialDateTime::parse(text).ok_or(fault)?;
    let whole = parsed.precision() >= DatePrecision::Second && parsed.offset.is_some();
    if whole { Ok(()) } else { Err(fault) }
}

fn time(text: &str) -> Result<(), &'static str> {
    match PartialTime::parse(text) {
        Some(PartialTime { second: Some(_), .. }) => Ok(()),
        _ => Err("is no time (hh:mm:ss)"),
    }
}

/// What is allowed but hardly meant.
fn doubt(ty: Type, value: Value<'_>) -> Option<&'static str> {
    let Value::String(text) = value else { return None };
    if ty == Type::String && (text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace)) {
        return Some("The text begins or ends with blanks.");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Type, of_type};
    use model::Value;

    fn judge(ty: &str, value: Value<'_>) -> Result<(), &'static str> {
        of_type(Type::of(ty).unwrap(), value)
    }

    #[test]
    fn texts_of_each_type() {
        for (ty, good, bad) in [
            ("id", "a-1.B", "a_1"),
            ("code", "a b", "a  b"),
            ("date", "2024-02-29", "2023-02-29"),
            ("date", "2024", "2024-02-29T10:00:00Z"),
            ("dateTime", "2024-02-29T10:00:00.5+01:00", "2024-02-29T10:00:00"),
            ("dateTime", "2024-02", "2024-02-29T10:00Z"),
            ("instant", "2024-02-29T10:00:00Z", "2024-02-29"),
            ("time", "23:59:59", "23:59"),
            ("oid", "urn:oid:1.2.840", "urn:oid:1.02"),
            ("uuid", "urn:uuid:0aaf815f-3ebe-4a03-9b87-05d0700313b2", "urn:uuid:0AAF815F-3ebe-4a03-9b87-05d0700313b2"),
            ("uri", "urn:oid:2.16.1", "http://a b"),
            ("base64Binary", "AAA=", "A.A="),
            ("string", "x", " "),
        ] {
            assert_eq!(judge(ty, Value::String(good)), Ok(()), "{ty} {good}");
            assert!(judge(ty, Value::String(bad)).is_err(), "{ty} {bad}");
        }
        for (ty, good, bad) in [("integer", "-5", "5.0"), ("positiveInt", "1", "0"), ("unsignedInt", "0", "-1")] {
            assert_eq!(judge(ty, Value::Number(good)), Ok(()), "{ty} {good}");
            assert!(judge(ty, Value::Number(bad)).is_err(), "{ty} {bad}");
            assert!(judge(ty, Value::String(good)).is_err(), "{ty} as a string");
        }
        assert!(judge("boolean", Value::String("true")).is_err());
        assert!(judge("string", Value::Boolean(true)).is_err());
        assert!(judge("integer", Value::Number("2147483648")).is_err());
    }
}
