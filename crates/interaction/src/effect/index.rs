//! The rows under which search finds a resource.

use crate::refusal::Refusal;
use crate::service::Service;
use crate::write::Plan;

/// Adds the keys of every resource of the plan.
pub(crate) fn run(service: &Service, plan: &mut Plan) -> Result<(), Refusal> {
    let index = plan.indexed_by.get_or_insert_with(|| service.rules().index).clone();
    for planned in &mut plan.writes {
        if let Some(content) = &planned.draft.content {
            planned.index = index.keys(content.resource());
        }
    }
    Ok(())
}
