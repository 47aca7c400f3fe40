//! What a pass finds, before positions and paths are worked out.

use model::{ElementId, IssueType, Severity};

/// One finding at an element.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    pub(crate) element: ElementId,
    pub(crate) severity: Severity,
    pub(crate) code: IssueType,
    pub(crate) text: String,
    pub(crate) rule: Box<str>,
}
