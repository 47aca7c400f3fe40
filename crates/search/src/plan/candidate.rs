//! One resource that may match: what is known of it, read when it is first asked for.

use std::cell::OnceCell;
use std::ops::ControlFlow;

use model::{Limits, Tree};
use storage::{EngineError, Identity, IndexKeys, Number, Version};

use crate::param::{Criterion, date};
use crate::parameter::values;
use crate::plan::run::Context;
use crate::plan::set::{Content, Rows, Set};
use crate::plan::special;
use crate::span::Verdict;
use crate::value::{Kind, Value};

/// A resource that may match.
pub(crate) struct Candidate<'s, 'c> {
    context: &'s Context<'c>,
    number: Number,
    resource: OnceCell<Option<(Identity, Version)>>,
    keys: OnceCell<Option<Keys>>,
    tree: OnceCell<Option<Tree>>,
}

/// The search keys under which a resource is found as of the view.
enum Keys {
    /// As the store keeps them beside the current version.
    Kept(IndexKeys),
    /// Of a version that is no longer the current one: made of its content again, by the function that made its rows.
    Made(Vec<Vec<u8>>),
}

impl Keys {
    /// Shows them until `meet` has seen enough.
    fn walk(&self, mut meet: impl FnMut(&[u8]) -> ControlFlow<()>) {
        match self {
            Keys::Kept(kept) => {
                kept.walk(meet);
            }
            Keys::Made(made) => {
                let _ = made.iter().try_for_each(|key| meet(key));
            }
        }
    }
}

impl<'s, 'c> Candidate<'s, 'c> {
    pub(crate) fn new(context: &'s Context<'c>, number: Number) -> Candidate<'s, 'c> {
        Candidate { context, number, resource: OnceCell::new(), keys: OnceCell::new(), tree: OnceCell::new() }
    }

    /// A resource that stands inside another: it has content and the keys that this gives, and no place in the store.
    fn inside(context: &'s Context<'c>, element: model::Element<'_>) -> Candidate<'s, 'c> {
        let candidate = Candidate::new(context, crate::plan::stream::first());
        let _ = candidate.resource.set(None);
        let _ = candidate.keys.set(Some(Keys::Made(context.index.keys(element))));
        let _ = candidate.tree.set(Some(Tree::from_element(element)));
        candidate
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

    /// What its content holds for the parameter of rows.
    fn values(&self, rows: &Rows) -> Result<Vec<Value<'_>>, EngineError> {
        let Some(tree) = self.tree()? else { return Ok(Vec::new()) };
        Ok(rows.parameter.values(tree.root(), &self.context.index.context))
    }

    /// Whether it is in a set.
    pub(crate) fn is_in(&self, set: &Set) -> Result<bool, EngineError> {
        Ok(match set {
            Set::Every => true,
            Set::Rows(rows) => self.has_row(rows)?,
            Set::Numbers(numbers) => {
                // What stands inside another has no number, what is gone is in no set.
                !matches!(self.resource.get(), Some(None)) && numbers.binary_search(&self.number).is_ok()
            }
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

    /// Its search keys; `None` where it is gone.
    fn keys(&self) -> Result<Option<&Keys>, EngineError> {
        if self.keys.get().is_none() {
            self.context.cost.resources.set(self.context.cost.resources.get() + 1);
            let kept = self.context.view.index_keys(&[self.number])?.pop().flatten();
            let found = match kept {
                Some(kept) => Some(Keys::Kept(kept)),
                None => self.tree()?.map(|tree| Keys::Made(self.context.index.keys(tree.root()))),
            };
            let _ = self.keys.set(found);
        }
        Ok(self.keys.get().and_then(Option::as_ref))
    }

    /// Shows the values that its keys hold for rows, each with what the key tells of the criterion, until `meet` has seen enough.
    pub(crate) fn row_values(
        &self,
        rows: &Rows,
        mut meet: impl FnMut(&[u8], Verdict) -> ControlFlow<()>,
    ) -> Result<(), EngineError> {
        let Some(keys) = self.keys()? else { return Ok(()) };
        keys.walk(|key| {
            for prefix in rows.around(key) {
                let value = key.get(prefix..).unwrap_or(&[]);
                match rows.keep(value) {
                    Verdict::No => {}
                    verdict => meet(value, verdict)?,
                }
            }
            ControlFlow::Continue(())
        });
        Ok(())
    }

    /// Whether one of its keys meets a criterion; the content is asked only of what a key cannot tell.
    fn has_row(&self, rows: &Rows) -> Result<bool, EngineError> {
        if let ([(span, _)], true) = (rows.spans.as_slice(), self.keys.get().is_none())
            && rows.is_plain()
        {
            self.context.cost.rows.set(self.context.cost.rows.get() + 1);
            return self.context.view.index_has(&span.start, self.number);
        }
        let mut best = Verdict::No;
        self.row_values(rows, |_, verdict| {
            best = verdict;
            if verdict == Verdict::Yes { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        if best != Verdict::Unsure {
            return Ok(best == Verdict::Yes);
        }
        if let (true, Criterion::String(word)) = (rows.parameter.code == "_text", &rows.criterion) {
            return Ok(self.tree()?.is_some_and(|tree| special::narrative_holds(tree.root(), word.folded())));
        }
        Ok(self.values(rows)?.iter().any(|value| rows.criterion.matches(value)))
    }

    fn says(&self, content: &Content) -> Result<bool, EngineError> {
        let Some(tree) = self.tree()? else { return Ok(false) };
        Ok(match content {
            Content::Narrative(words) => special::narrative_holds(tree.root(), words),
            Content::Text(words) => special::text_holds(tree.root(), words),
            Content::Inside(parameter, set) => {
                let context = self.context;
                for route in parameter.routes.iter().filter(|route| route.end.0 == Kind::Resource) {
                    for element in crate::walk::follow(route, tree.root()) {
                        if Candidate::inside(context, element).is_in(set)? {
                            return Ok(true);
                        }
                    }
                }
                false
            }
            Content::Composite(parameter, criteria) => {
                let Some(parts) = &parameter.parts else { return Ok(false) };
                let context = &self.context.index.context;
                parts.from.iter().any(|(route, each)| {
                    let mut places = crate::walk::follow(route, tree.root()).into_iter();
                    places.any(|place| {
                        let parts = parts.each.iter().zip(&parts.of_resource);
                        each.iter().zip(criteria).zip(parts).all(|((routes, criterion), ((of, _), of_resource))| {
                            let place = if *of_resource { tree.root() } else { place };
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
