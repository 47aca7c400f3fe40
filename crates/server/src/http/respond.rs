//! The handler: a request in, a response out, whatever happens.

use std::time::Instant as Stopwatch;

use access::Released;
use actix_web::http::header::{self, HeaderName};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use interaction::{Answer, Class, Refusal, Service};

use super::call::OwnedCall;
use super::cors;
use super::state::State;
use super::stream_body::StreamBody;

/// From so many bytes of body on, a request has a thread of its own, which ends with it and gives back all that it used; those
/// that serve one request after the other keep some for the next.
const LARGE: usize = 4 << 20;

const SECURITY_CONTEXT: HeaderName = HeaderName::from_static("x-security-context");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Every path that has no route of its own.
pub(crate) async fn any(
    request: HttpRequest,
    body: Result<Bytes, actix_web::Error>,
    state: Data<State>,
) -> HttpResponse {
    match request.path().strip_prefix("/fhir") {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => fhir(request, body, state).await,
        _ => elsewhere(&request, &state),
    }
}

async fn fhir(request: HttpRequest, body: Result<Bytes, actix_web::Error>, state: Data<State>) -> HttpResponse {
    let stopwatch = Stopwatch::now();
    let id = request_id(&request, &state);
    if request.method() == Method::OPTIONS {
        return preflight(&request, &state, &id);
    }
    let mut answer = answer(&request, body, &state).await;
    let mut response = response(&request, &state, &id, &answer);
    log(&request, &id, &answer, stopwatch);
    if let Some(stream) = answer.stream.take().filter(|_| request.method() != Method::HEAD) {
        return response.body(StreamBody::new(state, stream));
    }
    response.body(answer.body.map(Released::into_bytes).unwrap_or_default())
}

/// `GET /health`: whether the server serves. Its store answers, or it says 503.
pub(crate) async fn health(state: Data<State>) -> HttpResponse {
    let (status, text) = match state.service.store().view(None) {
        Ok(_) => (StatusCode::OK, "pass"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "fail"),
    };
    let body = format!("{{\"status\":\"{text}\",\"version\":\"{}\"}}", env!("CARGO_PKG_VERSION"));
    HttpResponse::build(status).content_type("application/health+json").body(body)
}

/// `GET /openapi.json`: the description of the API; its text is made anew when the search parameters or the base change.
pub(crate) async fn open_api(request: HttpRequest, state: Data<State>) -> HttpResponse {
    let base = super::call::base(&request, &state);
    HttpResponse::Ok().content_type("application/json").body(state.open_api(&base))
}

/// `GET /static-probe`: bytes from memory, to compare reads with.
pub(crate) async fn static_probe(state: Data<State>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/fhir+json; charset=utf-8").body(state.static_probe.clone())
}

fn elsewhere(request: &HttpRequest, state: &State) -> HttpResponse {
    let id = request_id(request, state);
    let answer = state.service.refuse(Refusal::new(Class::NotFound, "The FHIR API is under /fhir."));
    let mut response = response(request, state, &id, &answer);
    response.body(answer.body.map(Released::into_bytes).unwrap_or_default())
}

async fn answer(request: &HttpRequest, body: Result<Bytes, actix_web::Error>, state: &Data<State>) -> Answer {
    let refuse = |refusal| state.service.refuse(refusal);
    let body = match body {
        Ok(body) => body,
        Err(error) => return refuse(unreadable(&error, state.longest_body)),
    };
    let Ok(_slot) = state.slots.try_acquire() else {
        return refuse(Refusal::new(Class::Busy, "Too many requests at a time; try again in a second."));
    };
    let owned = match OwnedCall::of(request, body, state) {
        Ok(owned) => owned,
        Err(refusal) => return refuse(refusal),
    };
    // A point read is a few microseconds: a change of threads would cost more than the work.
    if Service::is_point_read(&owned.call(state)) {
        return state.service.answer(&owned.call(state));
    }
    let shared = state.clone();
    let (tell, told) = tokio::sync::oneshot::channel();
    let is_large = owned.bytes() >= LARGE;
    // The thread is free again as soon as a write has its place in the journal; whoever syncs it then tells.
    let work = move || {
        let held = shared.service.begin(&owned.call(&shared));
        drop(owned);
        // Nobody listens after a timeout.
        held.when_durable(move |answer| drop(tell.send(answer)));
    };
    if is_large {
        let thread = std::thread::Builder::new().name("large body".to_owned()).spawn(work);
        if let Err(error) = thread {
            return refuse(Refusal::fault(error));
        }
    } else {
        drop(actix_web::rt::task::spawn_blocking(work));
    }
    match tokio::time::timeout(state.timeout, told).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => refuse(Refusal::fault("a worker ended without an answer")),
        Err(_) => refuse(Refusal::new(Class::Timeout, "The request takes too long; a write may still be done.")),
    }
}

fn unreadable(error: &actix_web::Error, longest: usize) -> Refusal {
    match error.as_response_error().status_code() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Refusal::new(Class::TooLarge, format!("A body has at most {longest} bytes, decompressed."))
        }
        _ => Refusal::new(Class::Malformed, "The body could not be read as its headers describe it."),
    }
}

fn response(request: &HttpRequest, state: &State, id: &str, answer: &Answer) -> actix_web::HttpResponseBuilder {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    response.insert_header((REQUEST_ID, id));
    if answer.body.is_some() || answer.stream.is_some() {
        response.content_type(answer.content_type.as_str());
    }
    let texts = [
        (header::LOCATION, &answer.location),
        (header::CONTENT_LOCATION, &answer.content_location),
        (header::ETAG, &answer.etag),
        (header::ALLOW, &answer.allow),
        (header::CONTENT_RANGE, &answer.content_range),
        (SECURITY_CONTEXT, &answer.security_context),
    ];
    for (name, value) in texts {
        if let Some(value) = value {
            response.insert_header((name, value.as_str()));
        }
    }
    if answer.content_range.is_some() {
        // A range is one of the content as it is, not of what a compression makes of it.
        response.insert_header((header::CONTENT_ENCODING, "identity"));
    }
    if let Some(instant) = answer.last_modified {
        response.insert_header((header::LAST_MODIFIED, interaction::conditions::to_http_date(instant)));
    }
    match status {
        StatusCode::SERVICE_UNAVAILABLE => {
            response.insert_header((header::RETRY_AFTER, "1"));
        }
        StatusCode::UNAUTHORIZED => {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        _ => {}
    }
    cors::allow(request, &state.origins, &mut response);
    response
}

fn preflight(request: &HttpRequest, state: &State, id: &str) -> HttpResponse {
    let mut response = HttpResponse::NoContent();
    response.insert_header((REQUEST_ID, id));
    let path = request.path().strip_prefix("/fhir").unwrap_or_default();
    if let Some(methods) = state.service.methods(path.trim_start_matches('/')) {
        response.insert_header((header::ALLOW, format!("{methods}, OPTIONS")));
    }
    cors::allow(request, &state.origins, &mut response);
    response.finish()
}

/// The caller's request id where it is a plain one, else a new one.
fn request_id(request: &HttpRequest, state: &State) -> String {
    let given = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let plain = given.filter(|id| {
        (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte))
    });
    plain.map_or_else(|| state.next_request_id(), str::to_owned)
}

fn log(request: &HttpRequest, id: &str, answer: &Answer, stopwatch: Stopwatch) {
    let (method, path, status, interaction) = (request.method(), request.path(), answer.status, answer.interaction);
    let micros = u64::try_from(stopwatch.elapsed().as_micros()).unwrap_or(u64::MAX);
    if let Some(internal) = &answer.internal {
        tracing::error!(id, %method, path, status, interaction, micros, internal, "fault");
    } else if status >= 400 {
        tracing::info!(id, %method, path, status, interaction, micros, "refused");
    } else {
        tracing::debug!(id, %method, path, status, interaction, micros, "answered");
    }
}
