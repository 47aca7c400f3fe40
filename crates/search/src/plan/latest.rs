//! `_sort=_lastUpdated` without sorting: the store's log of changes is in that order.
//!
//! A change counts where the version that it brought is still the current one as of the view.

use storage::{Bounds, Direction, EngineError, Position as Place, Scope};

use crate::plan::candidate::Candidate;
use crate::plan::ordered::are_many;
use crate::plan::page::{Continuation, Position};
use crate::plan::run::{Answer, Context, Hit, Planned};

/// Whether the log is walked rather than the matches sorted; a later page is served as the first was.
pub(crate) fn is_worth(
    context: &Context<'_>,
    plan: &Planned,
    position: Option<&Position>,
) -> Result<bool, EngineError> {
    match position {
        Some(Position::Change(..)) => Ok(true),
        Some(_) => Ok(false),
        None if plan.sets.is_empty() => Ok(true),
        None => match context.index.parameters(&plan.type_name) {
            Some(of_type) => are_many(context, plan, of_type),
            None => Ok(false),
        },
    }
}

/// A page from the log.
pub(crate) fn page(
    context: &Context<'_>,
    plan: &Planned,
    descending: bool,
    count: usize,
    position: Option<&Position>,
    answer: &mut Answer,
) -> Result<(), EngineError> {
    let direction = if descending { Direction::Backward } else { Direction::Forward };
    let after = match position {
        Some(Position::Change(t, ordinal)) => Some(Place { t: *t, ordinal: *ordinal }),
        _ => None,
    };
    answer.explained.steps.push("walk the log of changes".to_owned());
    answer.explained.steps.extend(plan.sets.iter().map(|set| format!("test {}", set.describe())));
    let mut last: Option<Place> = None;
    let bounds = Bounds { after, direction, ..Bounds::default() };
    'changes: for change in context.view.history(&Scope::Type(&plan.type_name), bounds)? {
        let change = change?;
        let candidate = Candidate::new(context, change.number);
        if candidate.resource()?.is_none_or(|(_, version)| version.version != change.version) {
            continue;
        }
        for set in &plan.sets {
            if !candidate.is_in(set)? {
                continue 'changes;
            }
        }
        if !context.may_see(&candidate)? {
            continue;
        }
        if answer.matches.len() == count {
            answer.next = last.map(|place| {
                let position = Position::Change(place.t, place.ordinal);
                Continuation { t: context.view.t(), position }
            });
            return Ok(());
        }
        last = Some(change.position);
        if let Some((identity, version)) = candidate.into_resource()? {
            answer.matches.push(Hit { identity, version });
        }
    }
    Ok(())
}
