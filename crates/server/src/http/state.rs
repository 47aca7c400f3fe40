//! What all requests of a server share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use actix_web::web::Bytes;
use interaction::{Ids, Service};
use model::{Clock, Instant};
use tokio::sync::{Semaphore, SemaphorePermit, TryAcquireError};

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
    open_api: Mutex<Option<OpenApi>>,
}

/// The description of the API as it was made last.
struct OpenApi {
    base: String,
    index: Weak<search::Index>,
    text: Bytes,
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
            open_api: Mutex::new(None),
        }
    }

    /// The description of the API for a base.
    pub(crate) fn open_api(&self, base: &str) -> Bytes {
        let index = self.service.rules().index;
        let mut kept = self.open_api.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.as_ref().filter(|kept| kept.base == base);
        let known = known.filter(|kept| std::ptr::eq(kept.index.as_ptr(), Arc::as_ptr(&index)));
        if let Some(kept) = known {
            return kept.text.clone();
        }
        let text = Bytes::from(interaction::open_api::text(&self.service, base).into_bytes());
        *kept = Some(OpenApi { base: base.to_owned(), index: Arc::downgrade(&index), text: text.clone() });
        text
    }

    /// How long a body may be.
    pub(crate) fn longest_body(&self) -> usize {
        self.longest_body
    }

    /// How many connections a listener beside HTTP serves at a time.
    pub(crate) fn connections(&self) -> usize {
        self.slots.available_permits().clamp(1, 1024)
    }

    /// The right to be one of the requests at a time, while it is held.
    pub(crate) fn slot(&self) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.slots.try_acquire()
    }

    /// What time it is.
    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// A request id that no other request has.
    pub(crate) fn next_request_id(&self) -> String {
        format!("{}-{:x}", self.process, self.requests.fetch_add(1, Ordering::Relaxed))
    }
}
