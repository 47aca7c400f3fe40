//! One resource that may match: what is known of it, read when it is first asked for.

use std::cell::OnceCell;

use model::{Limits, Tree};
use storage::{EngineError, Identity, Number, Version};

use crate::param::date;
use crate::parameter::values;
use crate::plan::run::Context;
use crate::plan::set::{Content, Rows, Set};
use crate::plan::special;
use crate::value::Value;

/// A resource that may match.
pub(crate) struct Candidate<'s, 'c> {
    context: &'s Context<'c>,
    number: Number,
    resource: OnceCell<Option<(Identity, Version)>>,
    tree: OnceCell<Option<Tree>>,
}

impl<'s, 'c> Candidate<'s, 'c> {
    pub(crate) fn new(context: &'s Context<'c>, number: Number) -> Candidate<'s, 'c> {
        Candidate { context, number, resource: OnceCell::new(), tree: OnceCell::new() }
    }

    /// Its number.
    pub(crate) fn number(&self) -> Number {
        self.number
    }

    /// Which resource it is, and its current version; `None` where it is gone.
    pub(crate) fn resource(&self) -> Result<Option<&(Identity, Version)>, EngineError> {
        if self.resource.get().is_none() {
            self.context.cost.resources.set(self.context.cost.resources.get() + 1);
            let found = self.context.view.resource(self.number)?.filter(|(_, version)| !version.is_deleted());
            let _ = self.resource.set(found);
        }
        Ok(self.resource.get().and_then(Option::as_ref))
    }

    /// It, taken.
    pub(crate) fn into_resource(self) -> Result<Option<(Identity, Version)>, EngineError> {
        self.resource()?;
        Ok(self.resource.into_inner().flatten())
    }

    /// Its content.
    pub(crate) fn tree(&self) -> Result<Option<&Tree>, EngineError> {
        if self.tree.get().is_none() {
            self.context.cost.bodies.set(self.context.cost.bodies.get() + 1);
            let body = match self.resource()? {
                Some((_, version)) => version.body()?,
                None => None,
            };
            // What was stored was read before: it can be read again.
            let tree = body.and_then(|body| model::json::read(&body, &Limits::default()).ok());
            let _ = self.tree.set(tree);
        }
        Ok(self.tree.get().and_then(Option::as_ref))
    }

    /// What it holds for the parameter of rows.
    pub(crate) fn values(&self, rows: &Rows) -> Result<Vec<Value<'_>>, EngineError> {
        let Some(tree) = self.tree()? else { return Ok(Vec::new()) };
        Ok(rows.parameter.values(tree.root(), &self.context.index.context))
    }

    /// Whether it is in a set.
    pub(crate) fn is_in(&self, set: &Set) -> Result<bool, EngineError> {
        Ok(match set {
            Set::Every => true,
            Set::Rows(rows) => self.has_row(rows)?,
            Set::Numbers(numbers) => numbers.binary_search(&self.number).is_ok(),
            Set::And(sets) => {
                for set in sets {
                    if !self.is_in(set)? {
                        return Ok(false);
                    }
                }
                true
            }
            Set::Or(sets) => {
                for set in sets {
                    if self.is_in(set)? {
                        return Ok(true);
                    }
                }
                false
            }
            Set::Not(set) => !self.is_in(set)?,
            Set::Updated(criterion) => {
                let resource = self.resource()?;
                resource.is_some_and(|(_, version)| criterion.matches(updated(version)))
            }
            Set::Content(content) => self.says(content)?,
        })
    }

    fn has_row(&self, rows: &Rows) -> Result<bool, EngineError> {
        if rows.spans.len() <= 4 && self.tree.get().is_none() && rows.is_plain() {
            let asked: Vec<(&[u8], Number)> =
                rows.spans.iter().map(|(span, _)| (span.start.as_slice(), self.number)).collect();
            self.context.cost.rows.set(self.context.cost.rows.get() + asked.len() as u64);
            return Ok(self.context.view.index_has_many(&asked)?.contains(&true));
        }
        Ok(self.values(rows)?.iter().any(|value| rows.criterion.matches(value)))
    }

    fn says(&self, content: &Content) -> Result<bool, EngineError> {
        let Some(tree) = self.tree()? else { return Ok(false) };
        Ok(match content {
            Content::Narrative(words) => special::narrative_holds(tree.root(), words),
            Content::Text(words) => special::text_holds(tree.root(), words),
            Content::Composite(parameter, criteria) => {
                let Some(parts) = &parameter.parts else { return Ok(false) };
                let context = &self.context.index.context;
                parts.from.iter().any(|(route, each)| {
                    let mut places = crate::walk::follow(route, tree.root()).into_iter();
                    places.any(|place| {
                        each.iter().zip(criteria).zip(&parts.each).all(|((routes, criterion), (of, _))| {
                            values(routes, *of, place, context).iter().any(|value| criterion.matches(value))
                        })
                    })
                })
            }
        })
    }
}

/// The moment of a version, at the precision of `meta.lastUpdated`.
pub(crate) fn updated(version: &Version) -> date::Range {
    let low = i128::from(version.instant.0) * 1_000_000;
    date::Range { low, high: low + 1_000_000 }
}
