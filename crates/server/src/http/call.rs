//! An HTTP request as a call that can go to another thread.

use access::{Caller, Evidence};
use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderMap, HeaderName};
use actix_web::web::Bytes;
use interaction::{Call, Class, Headers, Method, Refusal};
use model::Instant;

use super::state::State;

/// What a call borrows from.
pub(crate) struct OwnedCall {
    caller: Caller,
    method: Method,
    path: String,
    query: String,
    headers: [Option<String>; 10],
    body: Bytes,
    base: String,
    now: Instant,
}

/// The subject of the client's certificate, put beside a connection by the TLS layer.
#[derive(Clone, Debug)]
pub(crate) struct CertificateSubject(pub(crate) String);

const NAMES: [HeaderName; 8] = [
    header::ACCEPT,
    header::ACCEPT_LANGUAGE,
    header::CONTENT_TYPE,
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    HeaderName::from_static("if-none-exist"),
    HeaderName::from_static("prefer"),
];

impl OwnedCall {
    /// Takes a request apart.
    pub(crate) fn of(request: &HttpRequest, body: Bytes, state: &State) -> Result<OwnedCall, Refusal> {
        let map = request.headers();
        let certificate = request.conn_data::<CertificateSubject>().map(|subject| subject.0.as_str());
        let evidence = Evidence { authorization: text(map, &header::AUTHORIZATION), certificate };
        let caller = state.service.settings().policy.identify(&evidence)?;
        let method = Method::of(request.method().as_str()).ok_or_else(|| {
            Refusal::new(Class::MethodNotAllowed, format!("The method {} is not used in FHIR.", request.method()))
        })?;
        let mut headers = [const { None }; 10];
        let security = HeaderName::from_static("x-security-context");
        // Versions have weak tags, by which no range may be asked for: with `If-Range` the whole is sent.
        let range = Some(header::RANGE).filter(|_| !map.contains_key(header::IF_RANGE));
        for (slot, name) in headers.iter_mut().zip(NAMES.iter().chain([&security]).chain(&range)) {
            *slot = text(map, name).map(str::to_owned);
        }
        let uri = request.uri();
        let path = uri.path().strip_prefix("/fhir").unwrap_or_default().trim_start_matches('/').to_owned();
        let query = uri.query().unwrap_or_default().to_owned();
        let base = base(request, state);
        Ok(OwnedCall { caller, method, path, query, headers, body, base, now: state.clock.now() })
    }

    /// How many bytes its body has.
    pub(crate) fn bytes(&self) -> usize {
        self.body.len()
    }

    /// The call.
    pub(crate) fn call<'a>(&'a self, state: &'a State) -> Call<'a> {
        let [
            accept,
            accept_language,
            content_type,
            if_match,
            if_none_match,
            if_modified_since,
            if_none_exist,
            prefer,
            security,
            range,
        ] = self.headers.each_ref().map(Option::as_deref);
        Call {
            caller: &self.caller,
            method: self.method,
            path: &self.path,
            query: &self.query,
            headers: Headers {
                accept,
                accept_language,
                content_type,
                if_match,
                if_none_match,
                if_modified_since,
                if_none_exist,
                prefer,
                security_context: security,
                range,
            },
            body: &self.body,
            base: &self.base,
            now: self.now,
            ids: &*state.ids,
        }
    }
}

/// The URL of the FHIR base: as configured, else as the caller sees it.
pub(super) fn base(request: &HttpRequest, state: &State) -> String {
    if let Some(url) = &state.base_url {
        return url.clone();
    }
    let scheme = if request.app_config().secure() { "https" } else { "http" };
    let host = text(request.headers(), &header::HOST).or_else(|| request.uri().authority().map(|name| name.as_str()));
    format!("{scheme}://{}/fhir", host.unwrap_or_else(|| request.app_config().host()))
}

fn text<'m>(map: &'m HeaderMap, name: &HeaderName) -> Option<&'m str> {
    map.get(name).and_then(|value| value.to_str().ok())
}
