//! A search from beginning to end.

use std::cell::Cell;

use model::Instant;
use storage::{EngineError, Identity, Number, Version, View};

use crate::index::Index;
use crate::plan::candidate::Candidate;
use crate::plan::matches::Matches;
use crate::plan::page::{Continuation, Position};
use crate::plan::resolve::Fault;
use crate::plan::set::Set;
use crate::plan::terminology::Terminology;
use crate::plan::{compartment, include, sort, stream};
use crate::query::{Query, QueryError, Summary, Total};

/// Which records a caller may see. What it may not see does not exist: it is not counted, not listed, not included, and no chain
/// leads through it.
pub trait Sight {
    /// Whether this record may be seen.
    fn sees(&self, type_name: &str, id: &str, version: u64) -> bool;

    /// Whether every record may be seen: then none is asked about.
    fn sees_all(&self) -> bool {
        false
    }
}

/// Sees everything.
impl Sight for () {
    fn sees(&self, _: &str, _: &str, _: u64) -> bool {
        true
    }

    fn sees_all(&self) -> bool {
        true
    }
}

/// How large an answer may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Matches on a page where `_count` is not given.
    pub page: usize,
    /// The most matches on a page.
    pub longest_page: usize,
    /// The most included resources of a page; further ones are left out, and [`Answer::truncated`] says so.
    pub included: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { page: 20, longest_page: 1_000, included: 10_000 }
    }
}

/// A search to be made.
pub struct Search<'a> {
    /// The parameters.
    pub index: &'a Index,
    /// The store as of the `t` of the first page.
    pub view: &'a View,
    /// The time that `ap` refers to.
    pub now: Instant,
    /// What the caller may see.
    pub sight: &'a dyn Sight,
    /// How large the answer may become.
    pub limits: Limits,
    /// The resource types to search, in the order of the answer; none: all that there are.
    pub types: Vec<String>,
    /// Only what belongs to the compartment of this resource: type and id.
    pub compartment: Option<(String, String)>,
    /// Whether parameters that are not understood are ignored.
    pub lenient: bool,
}

/// One resource of an answer.
#[derive(Clone, Debug)]
pub struct Hit {
    /// Which resource.
    pub identity: Identity,
    /// Its version as of the view.
    pub version: Version,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Answer {
    /// The matches of this page, in order.
    pub matches: Vec<Hit>,
    /// What is included for their sake.
    pub included: Vec<Hit>,
    /// All matches, where they were counted.
    pub total: Option<u64>,
    /// Where the next page goes on.
    pub next: Option<Continuation>,
    /// Parameters that were ignored.
    pub ignored: Vec<QueryError>,
    /// Whether some resources to be included were left out.
    pub truncated: bool,
    /// How it was done.
    pub explained: Explained,
}

/// How a search was done: `_explain`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explained {
    /// What was done, in order.
    pub steps: Vec<String>,
    /// Index rows read.
    pub rows: u64,
    /// Resources looked up by number.
    pub resources: u64,
    /// Resources whose content was read.
    pub bodies: u64,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// Parameters that are not understood.
    #[error("the search is not understood")]
    Query(Vec<QueryError>),
    /// The store cannot be read.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// What every part of a search needs.
pub(crate) struct Context<'a> {
    pub(crate) index: &'a Index,
    pub(crate) view: &'a View,
    pub(crate) now: Instant,
    pub(crate) sight: &'a dyn Sight,
    pub(crate) cost: Cost,
}

#[derive(Default)]
pub(crate) struct Cost {
    pub(crate) rows: Cell<u64>,
    pub(crate) resources: Cell<u64>,
    pub(crate) bodies: Cell<u64>,
}

impl Context<'_> {
    pub(crate) fn terminology<'t>(&'t self, written: &'t str) -> Terminology<'t> {
        Terminology { catalog: self.index.context.catalog(), written, value_sets: self.index.value_sets.as_ref() }
    }

    pub(crate) fn may_see(&self, candidate: &Candidate<'_, '_>) -> Result<bool, EngineError> {
        if self.sight.sees_all() {
            return Ok(true);
        }
        let found = candidate.resource()?;
        Ok(found.is_some_and(|(identity, version)| self.sight.sees(&identity.type_name, &identity.id, version.version)))
    }
}

/// The sets of one type that must all hold.
pub(crate) struct Planned {
    pub(crate) type_name: String,
    pub(crate) sets: Vec<Set>,
}

impl Search<'_> {
    /// Searches. `errors`: what [`Query::parse`] found wrong; `after`: the place that the page before ended at.
    ///
    /// # Errors
    /// [`SearchError::Query`] where a parameter is not understood and the search is not lenient, or where no type is.
    pub fn run(
        &self,
        query: &Query,
        errors: Vec<QueryError>,
        after: Option<Continuation>,
    ) -> Result<Answer, SearchError> {
        let context =
            Context { index: self.index, view: self.view, now: self.now, sight: self.sight, cost: Cost::default() };
        let mut answer = Answer { ignored: errors, ..Answer::default() };
        let plans = self.plan(&context, query, &mut answer)?;
        let keys = sort::keys(&context, &plans, &query.sort, &mut answer.ignored);
        let includes = include::check(&context, query, &mut answer.ignored);
        if !self.lenient && !answer.ignored.is_empty() {
            return Err(SearchError::Query(answer.ignored));
        }
        let count = query.count.unwrap_or(self.limits.page).min(self.limits.longest_page);
        if query.summary == Summary::Count || count == 0 {
            answer.total = Some(count_all(&context, &plans, &mut answer.explained.steps)?);
        } else {
            if keys.is_empty() {
                by_number(&context, &plans, count, after.as_ref(), &mut answer)?;
            } else {
                sort::by_keys(&context, &plans, &keys, count, after.as_ref(), &mut answer)?;
            }
            self.total(&context, query, &plans, after.is_none(), &mut answer)?;
            include::add(&context, &includes, self.limits.included, &mut answer)?;
        }
        answer.explained.rows = context.cost.rows.get();
        answer.explained.resources = context.cost.resources.get();
        answer.explained.bodies = context.cost.bodies.get();
        Ok(answer)
    }

    /// What of a query is not understood; nothing is searched. `errors`: what [`Query::parse`] found wrong.
    ///
    /// # Errors
    /// [`SearchError::Engine`] where the store cannot be read.
    pub fn faults(&self, query: &Query, errors: Vec<QueryError>) -> Result<Vec<QueryError>, SearchError> {
        let context =
            Context { index: self.index, view: self.view, now: self.now, sight: self.sight, cost: Cost::default() };
        let mut answer = Answer { ignored: errors, ..Answer::default() };
        let plans = self.plan(&context, query, &mut answer)?;
        sort::keys(&context, &plans, &query.sort, &mut answer.ignored);
        include::check(&context, query, &mut answer.ignored);
        Ok(answer.ignored)
    }

    fn plan(&self, context: &Context<'_>, query: &Query, answer: &mut Answer) -> Result<Vec<Planned>, SearchError> {
        let types: Vec<String> = match (self.types.as_slice(), query.types.as_slice()) {
            ([], []) => stored_types(context),
            ([], asked) => asked.to_vec(),
            (given, _) => given.to_vec(),
        };
        let mut plans = Vec::new();
        let mut faults = Vec::new();
        for type_name in types {
            if self.index.parameters(&type_name).is_none() {
                faults.push(QueryError::invalid("_type", format!("{type_name} is no resource type")));
                continue;
            }
            let mut sets = Vec::new();
            if let Some((of, id)) = &self.compartment {
                sets.push(compartment::set(context, &type_name, of, id)?);
            }
            for clause in &query.clauses {
                match context.resolve(&type_name, clause) {
                    Ok(set) => sets.push(set),
                    Err(Fault::Engine(error)) => return Err(error.into()),
                    Err(Fault::Query(error)) => {
                        if !faults.contains(&error) {
                            faults.push(error);
                        }
                    }
                }
            }
            plans.push(Planned { type_name, sets });
        }
        answer.ignored.extend(faults);
        Ok(plans)
    }

    fn total(
        &self,
        context: &Context<'_>,
        query: &Query,
        plans: &[Planned],
        first: bool,
        answer: &mut Answer,
    ) -> Result<(), EngineError> {
        let all = query.clauses.is_empty() && self.compartment.is_none() && self.sight.sees_all();
        match query.total {
            Total::None => answer.total = None,
            _ if answer.total.is_some() => {}
            _ if first && answer.next.is_none() => answer.total = Some(answer.matches.len() as u64),
            _ if all => {
                let counts: Result<Vec<u64>, _> =
                    plans.iter().map(|plan| context.view.count(&plan.type_name)).collect();
                answer.total = Some(counts?.into_iter().sum());
            }
            Total::Accurate | Total::Estimate => {
                answer.total = Some(count_all(context, plans, &mut answer.explained.steps)?);
            }
            Total::Free => {}
        }
        Ok(())
    }
}

/// The types that there are resources of, sorted.
pub(crate) fn stored_types(context: &Context<'_>) -> Vec<String> {
    context.index.stored_types(context.view)
}

/// How many resources match in all.
fn count_all(context: &Context<'_>, plans: &[Planned], steps: &mut Vec<String>) -> Result<u64, EngineError> {
    let mut total = 0;
    for plan in plans {
        if plan.sets.is_empty() && context.sight.sees_all() {
            total += context.view.count(&plan.type_name)?;
            continue;
        }
        let Some(of_type) = context.index.parameters(&plan.type_name) else { continue };
        let mut matches = Matches::new(context, of_type, &plan.sets, stream::first())?;
        steps.extend(matches.steps().iter().map(|step| format!("count {}: {step}", plan.type_name)));
        while matches.next()?.is_some() {
            total += 1;
        }
    }
    Ok(total)
}

/// A page in the order of types and numbers.
fn by_number(
    context: &Context<'_>,
    plans: &[Planned],
    count: usize,
    after: Option<&Continuation>,
    answer: &mut Answer,
) -> Result<(), EngineError> {
    let (first_type, first_number) = match after.map(|after| &after.position) {
        Some(Position::Number(of_type, number)) => {
            (usize::from(*of_type), Number::from_bits(*number).and_then(stream::after))
        }
        _ => (0, Some(stream::first())),
    };
    let mut last = None;
    for (place, plan) in plans.iter().enumerate().skip(first_type) {
        let from = if place == first_type { first_number } else { Some(stream::first()) };
        let (Some(from), Some(of_type)) = (from, context.index.parameters(&plan.type_name)) else { continue };
        let mut matches = Matches::new(context, of_type, &plan.sets, from)?;
        answer.explained.steps.extend(matches.steps().iter().map(|step| format!("{}: {step}", plan.type_name)));
        while let Some(candidate) = matches.next()? {
            if answer.matches.len() == count {
                let position = last.map(|(place, number): (u16, Number)| Position::Number(place, number.get()));
                answer.next = position.map(|position| Continuation { t: context.view.t(), position });
                return Ok(());
            }
            if let Some((identity, version)) = candidate.into_resource()? {
                last = Some((u16::try_from(place).unwrap_or(u16::MAX), version.number));
                answer.matches.push(Hit { identity, version });
            }
        }
    }
    Ok(())
}
