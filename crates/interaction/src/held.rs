//! An answer that must not leave before what it tells is on disk: so that no thread has to wait for each write.

use std::cell::RefCell;
use std::sync::Arc;

use catalog::Catalog;
use storage::{EngineError, Pending};

use crate::answer::Answer;
use crate::media::Media;
use crate::refusal::Refusal;

/// An [`Answer`], out of reach until all that it tells is durable and visible.
#[must_use = "the answer is inside"]
pub struct Held {
    answer: Answer,
    /// With the catalog for the answer where the disk fails.
    pending: Option<(Submitted, Catalog)>,
}

impl Held {
    pub(crate) fn new(answer: Answer, later: Later, catalog: impl FnOnce() -> Catalog) -> Held {
        Held { answer, pending: later.0.into_inner().map(|submitted| (submitted, catalog())) }
    }

    /// Waits. Where the disk failed, the answer is that.
    pub fn wait(self) -> Answer {
        let Some((submitted, catalog)) = self.pending else {
            return self.answer;
        };
        match submitted.wait() {
            Ok(()) => self.answer,
            Err(error) => failed(error, &catalog),
        }
    }

    /// Calls `told` where [`Held::wait`] would return: at once where nothing is to be waited for, else in a thread of the
    /// store's, so it must be quick.
    pub fn when_durable(self, told: impl FnOnce(Answer) + Send + 'static) {
        let Held { answer, pending } = self;
        match pending {
            None => told(answer),
            Some((submitted, catalog)) => submitted.when_durable(move |durable| {
                told(match durable {
                    Ok(()) => answer,
                    Err(error) => failed(error, &catalog),
                });
            }),
        }
    }
}

fn failed(error: EngineError, catalog: &Catalog) -> Answer {
    Answer::refusal(Refusal::fault(error), &Media::JSON, catalog)
}

/// A commit that has its place in the order, and what must live until it is seen.
pub(crate) struct Submitted {
    pub(crate) pending: Pending,
    /// What gave its index keys.
    pub(crate) indexed_by: Option<Arc<search::Index>>,
}

impl Submitted {
    /// Returns when it is durable and seen.
    pub(crate) fn wait(self) -> Result<(), EngineError> {
        let Submitted { pending, indexed_by } = self;
        let durable = pending.wait();
        drop(indexed_by);
        durable
    }

    fn when_durable(self, told: impl FnOnce(Result<(), EngineError>) + Send + 'static) {
        let Submitted { pending, indexed_by } = self;
        pending.when_durable(move |durable| {
            drop(indexed_by);
            told(durable);
        });
    }
}

/// Where the commit of a request is left for [`Held`] to wait for.
#[derive(Default)]
pub struct Later(RefCell<Option<Submitted>>);

impl Later {
    /// Of two, the second is durable only when the first is.
    pub(crate) fn put(&self, pending: Submitted) {
        *self.0.borrow_mut() = Some(pending);
    }
}
