//! Cross-origin calls from pages, by configuration: <https://fetch.spec.whatwg.org/#http-cors-protocol>.

use actix_web::HttpRequest;
use actix_web::HttpResponseBuilder;
use actix_web::http::header;

const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";
const SENT: &str = "Accept, Authorization, Content-Type, If-Match, If-Modified-Since, If-None-Exist, If-None-Match, \
                    Prefer, Range, X-Request-Id, X-Security-Context";
const SHOWN: &str = "Allow, Content-Location, Content-Range, ETag, Last-Modified, Location, Retry-After, \
                     X-Request-Id, X-Security-Context";

/// Adds the headers that let a page of an allowed origin see the response.
pub(crate) fn allow(request: &HttpRequest, origins: &[String], response: &mut HttpResponseBuilder) {
    let Some(origin) = request.headers().get(header::ORIGIN).and_then(|value| value.to_str().ok()) else {
        return;
    };
    if !origins.iter().any(|allowed| allowed == "*" || allowed == origin) {
        return;
    }
    response.insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, origin));
    response.append_header((header::VARY, "Origin"));
    response.insert_header((header::ACCESS_CONTROL_EXPOSE_HEADERS, SHOWN));
    if request.method() == actix_web::http::Method::OPTIONS {
        response.insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, METHODS));
        response.insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, SENT));
        response.insert_header((header::ACCESS_CONTROL_MAX_AGE, "600"));
    }
}
