//! What all requests of a server share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use interaction::{Ids, Service};
use model::Clock;
use tokio::sync::Semaphore;

use crate::configuration::Values;

/// The state of a server.
pub struct State {
    /// What answers.
    pub service: Arc<Service>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where ids come from.
    pub ids: Arc<dyn Ids>,
    /// Public URL of the FHIR base, where it is configured.
    pub(crate) base_url: Option<String>,
    pub(crate) slots: Semaphore,
    pub(crate) timeout: Duration,
    pub(crate) longest_body: usize,
    pub(crate) origins: Vec<String>,
    pub(crate) static_probe: Vec<u8>,
    /// What the request ids of this process begin with.
    process: String,
    requests: AtomicU64,
}

impl State {
    /// The state that a configuration asks for.
    pub fn new(service: Arc<Service>, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>, values: &Values) -> State {
        let origins = values.text("cors-origins").split(',').map(str::trim).filter(|origin| !origin.is_empty());
        let process = ids.next(clock.now());
        State {
            service,
            clock,
            ids,
            base_url: values.some_text("base-url").map(|url| url.trim_end_matches('/').to_owned()),
            slots: Semaphore::new(usize::try_from(values.number("max-requests")).unwrap_or(usize::MAX >> 4)),
            timeout: Duration::from_secs(values.number("request-timeout")),
            longest_body: values.bytes("max-body"),
            origins: origins.map(str::to_owned).collect(),
            static_probe: vec![b'x'; values.bytes("static-probe")],
            process,
            requests: AtomicU64::new(0),
        }
    }

    /// A request id that no other request has.
    pub(crate) fn next_request_id(&self) -> String {
        format!("{}-{:x}", self.process, self.requests.fetch_add(1, Ordering::Relaxed))
    }
}
