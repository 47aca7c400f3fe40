//! Listening: HTTP/1.1 and HTTP/2, in the clear or over TLS, until it is told to stop.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::middleware::Compress;
use actix_web::web::{self, Data, PayloadConfig};
use actix_web::{App, HttpServer};

use super::state::State;
use super::tls::{self, TlsError};
use super::{call, respond};
use crate::configuration::Values;

/// Threads for work that may block, for each that serves connections: a write does not wait in one until it is durable, and each
/// keeps some memory.
const WRITERS: usize = 8;

/// Why the server does not listen.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The address cannot be used.
    #[error("{address}: {source}")]
    Bind {
        /// The address.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// The TLS files cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A server that listens.
pub struct Running {
    /// Where.
    pub address: SocketAddr,
    /// Where HL7 v2 messages are taken, if anywhere.
    pub mllp: Option<SocketAddr>,
    /// `http` or `https`.
    pub scheme: &'static str,
    /// Runs until it is stopped; to be awaited.
    pub server: Server,
}

impl Running {
    /// The handle by which it is stopped: `stop(true)` lets requests under way end.
    pub fn handle(&self) -> ServerHandle {
        self.server.handle()
    }

    /// The URL of the FHIR base on this machine.
    pub fn base(&self) -> String {
        format!("{}://{}/fhir", self.scheme, self.address)
    }
}

/// Begins to listen as the configuration says. Requests are answered when [`Running::server`] is awaited.
///
/// # Errors
/// See [`HttpError`]; nothing listens then.
pub fn start(state: Data<State>, values: &Values) -> Result<Running, HttpError> {
    let workers = match values.number("workers") {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        number => usize::try_from(number).unwrap_or(1),
    };
    let writers = match values.number("writers") {
        0 => WRITERS,
        number => usize::try_from(number).unwrap_or(WRITERS).div_ceil(workers),
    };
    let longest = state.longest_body;
    let has_probe = !state.static_probe.is_empty();
    let application = move || {
        let app = App::new()
            .app_data(state.clone())
            .app_data(PayloadConfig::new(longest))
            .wrap(Compress::default())
            .service(web::resource("/health").get(respond::health).head(respond::health))
            .service(web::resource("/openapi.json").get(respond::open_api).head(respond::open_api));
        let app = if has_probe { app.route("/static-probe", web::get().to(respond::static_probe)) } else { app };
        // The handler looks at the path itself: a pattern of the router would be a regular expression for each request.
        app.default_service(web::to(respond::any))
    };
    let mut server = HttpServer::new(application)
        .workers(workers)
        .worker_max_blocking_threads(writers)
        .client_request_timeout(Duration::from_secs(10))
        .shutdown_timeout(values.number("shutdown-timeout"))
        .on_connect(|connection, data| {
            if let Some(subject) = tls::client_subject(connection) {
                data.insert(call::CertificateSubject(subject));
            }
        })
        .disable_signals();
    let address = values.text("listen");
    let failed = |source| HttpError::Bind { address: address.to_owned(), source };
    let scheme = match tls::configuration(values)? {
        Some(configuration) => {
            server = server.bind_rustls_0_23(address, configuration).map_err(failed)?;
            "https"
        }
        None => {
            server = server.bind_auto_h2c(address).map_err(failed)?;
            "http"
        }
    };
    let bound = server.addrs().first().copied();
    let address = bound.ok_or_else(|| failed(io::Error::other("it names no interface")))?;
    Ok(Running { address, mllp: None, scheme, server: server.run() })
}
