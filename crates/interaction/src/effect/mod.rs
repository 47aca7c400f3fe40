//! What happens beside a write, inside the same commit: an ordered list, one file each.

mod index;

use crate::refusal::Refusal;
use crate::service::Service;
use crate::write::Plan;

/// One effect.
pub(crate) struct Effect {
    /// Looks at the plan and adds to it.
    pub(crate) run: fn(&Service, &mut Plan) -> Result<(), Refusal>,
}

/// The effects, in the order that they run.
pub(crate) static EFFECTS: &[Effect] = &[Effect { run: index::run }];
