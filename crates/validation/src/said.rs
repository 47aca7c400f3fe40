//! What is said once however often it is met, with a way back: what a trial said that failed was not said.

use crate::Set;

/// Texts that were said.
#[derive(Default)]
pub(crate) struct Said {
    known: Set<Box<str>>,
    log: Vec<Box<str>>,
}

impl Said {
    /// Whether this is new; now it is said.
    pub(crate) fn insert(&mut self, what: Box<str>) -> bool {
        let new = self.known.insert(what.clone());
        if new {
            self.log.push(what);
        }
        new
    }

    /// The present, for [`Said::since`].
    pub(crate) fn mark(&self) -> usize {
        self.log.len()
    }

    /// What was said since a mark; it counts as said further on.
    pub(crate) fn since(&mut self, mark: usize) -> Vec<Box<str>> {
        self.log.split_off(mark.min(self.log.len()))
    }

    /// Forgets.
    pub(crate) fn forget(&mut self, what: &[Box<str>]) {
        for text in what {
            self.known.remove(text);
        }
    }

    /// Takes back what was forgotten.
    pub(crate) fn remember(&mut self, what: &[Box<str>]) {
        self.known.extend(what.iter().cloned());
    }
}
