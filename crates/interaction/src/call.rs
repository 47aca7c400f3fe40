//! A request without its transport: what HTTP, a batch entry and the command line have in common.

use access::Caller;
use model::Instant;

/// The verb of a request: <http://hl7.org/fhir/R4/valueset-http-verb.html>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `GET`
    Get,
    /// `HEAD`: answered as `GET`; the transport leaves the body out.
    Head,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `PATCH`
    Patch,
    /// `DELETE`
    Delete,
}

impl Method {
    /// The method of this name, in capitals as HTTP has it.
    pub fn of(name: &str) -> Option<Method> {
        Some(match name {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "POST" => Method::Post,
            "PUT" => Method::Put,
            "PATCH" => Method::Patch,
            "DELETE" => Method::Delete,
            _ => return None,
        })
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }
}

/// The headers that FHIR gives a meaning, as sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Headers<'a> {
    /// `Accept`
    pub accept: Option<&'a str>,
    /// `Accept-Language`
    pub accept_language: Option<&'a str>,
    /// `Content-Type`
    pub content_type: Option<&'a str>,
    /// `If-Match`
    pub if_match: Option<&'a str>,
    /// `If-None-Match`
    pub if_none_match: Option<&'a str>,
    /// `If-Modified-Since`
    pub if_modified_since: Option<&'a str>,
    /// `If-None-Exist`
    pub if_none_exist: Option<&'a str>,
    /// `Prefer`
    pub prefer: Option<&'a str>,
    /// `X-Security-Context`, of raw Binary content
    pub security_context: Option<&'a str>,
    /// `Range`, where no `If-Range` stands beside it: of raw Binary content
    pub range: Option<&'a str>,
}

/// Where logical ids come from: randomness is a parameter, the server supplies it.
pub trait Ids: Send + Sync {
    /// An id that was never given before: a UUID in its canonical lower-case text.
    fn next(&self, now: Instant) -> String;
}

/// One request.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// Who asks.
    pub caller: &'a Caller,
    /// How.
    pub method: Method,
    /// The path below the FHIR base without a leading `/`, percent-encoded as sent: `Patient/1/_history`.
    pub path: &'a str,
    /// The query without `?`, percent-encoded as sent.
    pub query: &'a str,
    /// The headers.
    pub headers: Headers<'a>,
    /// The body; empty where there is none.
    pub body: &'a [u8],
    /// The absolute URL of the FHIR base without a trailing `/`.
    pub base: &'a str,
    /// When it arrived.
    pub now: Instant,
    /// Where new ids come from.
    pub ids: &'a dyn Ids,
}
