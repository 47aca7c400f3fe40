//! Which form of FHIR a caller sends and wants: <http://hl7.org/fhir/R4/http.html#mime-type>.
//!
//! `_format` goes before `Accept`. A `fhirVersion` parameter other than 4.0 is refused.

use crate::query::Query;
use crate::refusal::{Class, Refusal};

/// A text form of FHIR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `application/fhir+json`
    Json,
    /// `application/fhir+xml`
    Xml,
}

impl Format {
    /// The form of a media type, or of the short names that `_format` may have; parameters count for `fhirVersion` only.
    pub fn of(text: &str) -> Option<Format> {
        let mut parts = text.split(';').map(str::trim);
        // A `+` that was not percent-encoded in a URL arrives as a blank.
        let name = parts.next()?.to_ascii_lowercase().replace(' ', "+");
        let format = match name.as_str() {
            "json" | "application/json" | "application/fhir+json" | "application/json+fhir" | "text/json" => {
                Format::Json
            }
            "xml" | "application/xml" | "application/fhir+xml" | "application/xml+fhir" | "text/xml" => Format::Xml,
            _ => return None,
        };
        let version = parts.find_map(|part| part.strip_prefix("fhirVersion="));
        version.is_none_or(|version| version.trim_matches('"').starts_with("4.0")).then_some(format)
    }

    /// The media type in answers.
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Json => "application/fhir+json; charset=utf-8",
            Format::Xml => "application/fhir+xml; charset=utf-8",
        }
    }
}

/// How an answer is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Media {
    /// The form.
    pub format: Format,
    /// With line breaks and indents.
    pub pretty: bool,
}

impl Media {
    /// Compact JSON.
    pub const JSON: Media = Media { format: Format::Json, pretty: false };

    /// What the caller asks for.
    ///
    /// # Errors
    /// [`Class::NotAcceptable`] where it is nothing that can be given.
    pub fn asked(query: &Query, accept: Option<&str>) -> Result<Media, Refusal> {
        let pretty = query.first("_pretty").is_some_and(|value| value == "true" || value.is_empty());
        let format = match query.first("_format") {
            Some(text) => Format::of(text).or_else(|| text.contains("html").then_some(Format::Json)),
            None => accept.map_or(Some(Format::Json), accepted),
        };
        let format = format.ok_or_else(|| {
            Refusal::new(
                Class::NotAcceptable,
                "Answers are application/fhir+json or application/fhir+xml, version 4.0.",
            )
        })?;
        Ok(Media { format, pretty })
    }

    /// The media type in answers.
    pub fn content_type(&self) -> &'static str {
        self.format.content_type()
    }
}

/// One media range of an `Accept` header: lower-case type, parameters as they are, weight.
pub(crate) struct Range<'a> {
    pub(crate) text: &'a str,
    pub(crate) weight: f32,
}

/// The ranges of an `Accept` header, heaviest first, earlier first among equals; those of weight 0 are left out.
pub(crate) fn ranges(accept: &str) -> Vec<Range<'_>> {
    let mut ranges: Vec<Range<'_>> = accept
        .split(',')
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .map(|text| {
            let weight = text.split(';').find_map(|part| part.trim().strip_prefix(['q', 'Q'])?.strip_prefix('='));
            Range { text, weight: weight.and_then(|weight| weight.parse().ok()).unwrap_or(1.0) }
        })
        .filter(|range| range.weight > 0.0)
        .collect();
    ranges.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    ranges
}

fn accepted(accept: &str) -> Option<Format> {
    let ranges = ranges(accept);
    if ranges.is_empty() {
        return Some(Format::Json);
    }
    // A browser names HTML and XHTML before XML; it gets JSON by its `*/*`, not XML that it would style.
    let browser = accept.contains("text/html");
    let named = |range: &Range<'_>| Format::of(range.text).filter(|_| !browser);
    let any = |range: &Range<'_>| {
        let name = range.text.split(';').next().unwrap_or_default().trim();
        matches!(name, "*/*" | "application/*" | "text/html" | "text/*" | "*").then_some(Format::Json)
    };
    ranges.iter().find_map(|range| named(range).or_else(|| any(range)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str, accept: Option<&str>) -> Option<Format> {
        Media::asked(&Query::parse(query), accept).ok().map(|media| media.format)
    }

    #[test]
    fn the_heaviest_known_range_wins_and_format_goes_before_it() {
        assert_eq!(asked("", None), Some(Format::Json));
        assert_eq!(asked("", Some("*/*")), Some(Format::Json));
        assert_eq!(asked("", Some("application/fhir+xml")), Some(Format::Xml));
        assert_eq!(asked("", Some("application/fhir+json;q=0.5, application/fhir+xml")), Some(Format::Xml));
        assert_eq!(asked("", Some("application/fhir+xml;Q=0.1,application/fhir+json;q=0.9")), Some(Format::Json));
        assert_eq!(asked("", Some("application/pdf, application/fhir+xml;q=0.1")), Some(Format::Xml));
        assert_eq!(asked("", Some("application/pdf")), None);
        assert_eq!(asked("", Some("application/fhir+xml;q=0")), Some(Format::Json));
        assert_eq!(asked("_format=xml", Some("application/fhir+json")), Some(Format::Xml));
        assert_eq!(asked("_format=application/fhir+xml", None), Some(Format::Xml));
        assert_eq!(asked("_format=turtle", None), None);
    }

    #[test]
    fn a_browser_gets_json_and_another_version_nothing() {
        assert_eq!(
            asked("", Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")),
            Some(Format::Json)
        );
        assert_eq!(asked("", Some("application/fhir+json; fhirVersion=4.0")), Some(Format::Json));
        assert_eq!(asked("", Some("application/fhir+json; fhirVersion=5.0")), None);
    }
}
