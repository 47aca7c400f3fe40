//! Value sets that only a terminology service can tell: asked code by code, where they cannot be listed.

use std::fmt;
use std::sync::Arc;

/// Told by whoever has the terminology.
pub trait ValueSets: Send + Sync {
    /// Whether the value set of a canonical URL is known.
    fn is_known(&self, value_set: &str) -> bool;

    /// Whether a code is in it; `system`: `None` where the element's definition implies it. `None`: it cannot be told.
    fn contains(&self, value_set: &str, system: Option<&str>, code: &str) -> Option<bool>;
}

/// One value set, asked of whoever tells.
#[derive(Clone)]
pub(crate) struct Members {
    pub(crate) sets: Arc<dyn ValueSets>,
    pub(crate) url: String,
}

impl fmt::Debug for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "members of {}", self.url)
    }
}
