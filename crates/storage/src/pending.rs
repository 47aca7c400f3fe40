//! A commit that has its place in the order but is not yet known to be on disk: nobody may be told of it before it is.

use std::sync::{Arc, PoisonError};

use crate::engine::{EngineError, Ticket};
use crate::store::{Inner, Point};

/// What [`crate::Store::submit`] leaves to be waited for. Views see the commit once it is durable, whoever waits; dropping this waits for
/// nothing and loses nothing.
#[must_use = "the commit must not be acknowledged before it is durable"]
pub struct Pending {
    inner: Arc<Inner>,
    /// `None`: nothing is left to be done.
    ticket: Option<Ticket>,
    point: Point,
}

impl Pending {
    pub(crate) fn new(inner: Arc<Inner>, ticket: Option<Ticket>, point: Point) -> Pending {
        Pending { inner, ticket, point }
    }

    /// Returns when the commit and all before it are on stable storage, and new views see it. Concurrent waiters share an fsync.
    ///
    /// # Errors
    /// The commit must not be acknowledged: it may or may not be there after the next open.
    pub fn wait(mut self) -> Result<(), EngineError> {
        if let Some(ticket) = self.ticket.take() {
            self.inner.engine.wait(ticket)?;
        }
        publish(&self.inner, self.point);
        Ok(())
    }

    /// Calls `told` where [`Pending::wait`] would return, in a thread of the engine's: it must be quick and must not commit.
    pub fn when_durable(mut self, told: impl FnOnce(Result<(), EngineError>) + Send + 'static) {
        match self.ticket.take() {
            Some(ticket) => later(&self.inner, ticket, self.point, told),
            None => {
                publish(&self.inner, self.point);
                told(Ok(()));
            }
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            later(&self.inner, ticket, self.point, drop);
        }
    }
}

fn later(
    inner: &Arc<Inner>,
    ticket: Ticket,
    point: Point,
    told: impl FnOnce(Result<(), EngineError>) + Send + 'static,
) {
    let shared = inner.clone();
    let told = move |durable: Result<(), EngineError>| {
        if durable.is_ok() {
            publish(&shared, point);
        }
        told(durable);
    };
    inner.engine.when_durable(ticket, Box::new(told));
}

fn publish(inner: &Inner, point: Point) {
    let mut published = inner.published.write().unwrap_or_else(PoisonError::into_inner);
    if published.t < point.t {
        *published = point;
    }
}
