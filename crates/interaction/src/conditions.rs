//! Conditions in headers: <http://hl7.org/fhir/R4/http.html#cread> and <http://hl7.org/fhir/R4/http.html#concurrency>.

use model::Instant;
use model::calendar::day_number;
use storage::Expect;

use crate::call::Headers;
use crate::refusal::{Class, Refusal};

/// Whether the caller of a read has this version already.
pub(crate) fn is_unchanged(headers: &Headers<'_>, version: u64, modified: Instant) -> bool {
    if let Some(tags) = headers.if_none_match {
        return tags.split(',').any(|tag| tag.trim() == "*" || entity_version(tag) == Some(version));
    }
    let since = headers.if_modified_since.and_then(http_date);
    since.is_some_and(|since| modified.0.div_euclid(1000) <= since)
}

/// What a write expects by `If-Match` and `If-None-Match: *`.
///
/// # Errors
/// [`Class::PreconditionFailed`] where `If-Match` names no version that could be.
pub(crate) fn expected(headers: &Headers<'_>) -> Result<Expect, Refusal> {
    if let Some(tag) = headers.if_match {
        if tag.trim() == "*" {
            return Ok(Expect::Present);
        }
        let text = "If-Match holds no version of this server, such as W/\"3\".";
        let version = entity_version(tag).ok_or_else(|| Refusal::new(Class::PreconditionFailed, text))?;
        return Ok(Expect::Version(version));
    }
    Ok(if headers.if_none_match.is_some_and(|tag| tag.trim() == "*") { Expect::Absent } else { Expect::Any })
}

/// The version in `W/"3"`, `"3"` or `3`.
fn entity_version(tag: &str) -> Option<u64> {
    let tag = tag.trim();
    tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"').parse().ok()
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Seconds since 1970 of `Sun, 06 Nov 1994 08:49:37 GMT`, the one form of HTTP dates that is sent today.
fn http_date(text: &str) -> Option<i64> {
    let (_, rest) = text.split_once(", ")?;
    let mut parts = rest.split([' ', ':']);
    let mut number = || parts.next().map(str::to_owned);
    let day: u8 = number()?.parse().ok()?;
    let month_name = number()?;
    let month = u8::try_from(MONTHS.iter().position(|name| *name == month_name)?).ok()? + 1;
    let year: u16 = number()?.parse().ok()?;
    let (hour, minute, second): (u8, u8, u8) =
        (number()?.parse().ok()?, number()?.parse().ok()?, number()?.parse().ok()?);
    let of_day = i64::from(hour) * 3_600 + i64::from(minute) * 60 + i64::from(second);
    Some(day_number(i64::from(year), month, day) * 86_400 + of_day)
}

/// An instant as an HTTP date: `Sun, 06 Nov 1994 08:49:37 GMT`.
pub fn to_http_date(instant: Instant) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let text = instant.to_fhir();
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    let day = usize::try_from(instant.0.div_euclid(86_400_000).rem_euclid(7)).unwrap_or(0);
    let month = part(5, 7).parse::<usize>().unwrap_or(1).saturating_sub(1);
    let (day_name, month_name) = (DAYS.get(day).unwrap_or(&""), MONTHS.get(month).unwrap_or(&""));
    format!("{day_name}, {} {month_name} {} {} GMT", part(8, 10), part(0, 4), part(11, 19))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_dates_go_both_ways() {
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(to_http_date(Instant(784_111_777_123)), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(http_date("06 Nov 1994"), None);
    }

    #[test]
    fn a_reader_who_has_it_needs_no_body() {
        let tag = |tag| Headers { if_none_match: Some(tag), ..Headers::default() };
        assert!(is_unchanged(&tag("W/\"3\""), 3, Instant(0)));
        assert!(is_unchanged(&tag("W/\"2\", \"3\""), 3, Instant(0)));
        assert!(!is_unchanged(&tag("W/\"2\""), 3, Instant(0)));
        let since = Headers { if_modified_since: Some("Sun, 06 Nov 1994 08:49:37 GMT"), ..Headers::default() };
        assert!(is_unchanged(&since, 1, Instant(784_111_777_999)));
        assert!(!is_unchanged(&since, 1, Instant(784_111_778_000)));
    }

    #[test]
    fn what_a_writer_expects() {
        let headers = |tag| Headers { if_match: Some(tag), ..Headers::default() };
        assert_eq!(expected(&headers("W/\"7\"")).ok(), Some(Expect::Version(7)));
        assert!(expected(&headers("W/\"x\"")).is_err());
        assert_eq!(expected(&Headers::default()).ok(), Some(Expect::Any));
        let absent = Headers { if_none_match: Some("*"), ..Headers::default() };
        assert_eq!(expected(&absent).ok(), Some(Expect::Absent));
    }
}
