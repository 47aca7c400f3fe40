//! What a clause means: names become parameters, values criteria, chains the sets at their far ends.

use std::collections::BTreeSet;
use std::sync::Arc;

use storage::EngineError;

use crate::numbers;
use crate::param::{Criterion, ParameterType, reference};
use crate::parameter::Parameter;
use crate::parameters::TypeParameters;
use crate::plan::candidate::Candidate;
use crate::plan::canonical;
use crate::plan::criteria::{Modifier, criteria, date_criterion};
use crate::plan::run::Context;
use crate::plan::set::{Content, Rows, Set};
use crate::plan::{special, stream};
use crate::query::{Clause, QueryError, Step, cut, filter, nearest, unescape};
use crate::value::{Kind, Reference};

/// Why a clause has no set.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Links of a chain, one after the other.
const DEPTH: usize = 12;

impl Context<'_> {
    /// The resources of a type that meet a clause.
    pub(crate) fn resolve(&self, type_name: &str, clause: &Clause) -> Result<Set, Fault> {
        Resolver { context: self, clause }.step(type_name, &clause.step, DEPTH)
    }

    /// The parameters of a type that exists.
    pub(crate) fn parameters(&self, type_name: &str, written: &str) -> Result<&TypeParameters, QueryError> {
        let known = self.index.parameters(type_name);
        known.ok_or_else(|| QueryError::invalid(written, format!("{type_name} is no resource type")))
    }
}

/// A clause being resolved.
pub(crate) struct Resolver<'r, 'c> {
    pub(super) context: &'r Context<'c>,
    clause: &'r Clause,
}

impl<'r> Resolver<'r, '_> {
    pub(super) fn written(&self) -> &'r str {
        &self.clause.written
    }

    pub(super) fn invalid(&self, reason: String) -> Fault {
        QueryError::invalid(self.written(), reason).into()
    }

    fn step(&self, type_name: &str, step: &Step, depth: usize) -> Result<Set, Fault> {
        if depth == 0 {
            return Err(self.invalid("the chain is too long".to_owned()));
        }
        match step {
            Step::Parameter { code, modifier } => self.parameter(type_name, code, modifier.as_deref()),
            Step::Chain { code, of_type, rest } => self.chain(type_name, code, of_type.as_deref(), rest, depth - 1),
            Step::Has { of_type, code, rest } => self.has(type_name, of_type, code, rest, depth - 1),
        }
    }

    pub(super) fn find(&self, type_name: &str, code: &str) -> Result<(&TypeParameters, &Arc<Parameter>), Fault> {
        let parameters = self.context.parameters(type_name, self.written())?;
        if let Some(parameter) = parameters.get(code) {
            return Ok((parameters, parameter));
        }
        if let Some((_, reason)) = parameters.unsupported().iter().find(|(known, _)| known == code) {
            return Err(QueryError::unsupported(self.written(), format!("{code} cannot be searched: {reason}")).into());
        }
        let known = parameters.list().iter().map(|parameter| parameter.code.as_str());
        let near = nearest(
            code,
            known.chain(["_id", "_lastUpdated", "_has", "_list", "_text", "_content", "_sort", "_count"]),
        );
        let hint = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
        Err(QueryError::unsupported(self.written(), format!("{type_name} has no search parameter {code}{hint}")).into())
    }

    fn parameter(&self, type_name: &str, code: &str, modifier: Option<&str>) -> Result<Set, Fault> {
        if let Some(set) = self.special(type_name, code, modifier, &self.clause.values())? {
            return Ok(set);
        }
        let (of_type, parameter) = self.find(type_name, code)?;
        if modifier == Some("missing") {
            let present = with_value(of_type, parameter);
            return match self.clause.value.as_str() {
                "false" => Ok(present),
                "true" => Ok(Set::Not(Box::new(present))),
                other => Err(self.invalid(format!("{other} is neither true nor false"))),
            };
        }
        let (kind, negated) = self.modifier(parameter, modifier)?;
        let mut sets = Vec::new();
        for value in self.clause.values() {
            if parameter.of == ParameterType::Composite {
                sets.push(self.composite(of_type, parameter, value)?);
                continue;
            }
            let value_set;
            let value = match kind {
                Modifier::In => {
                    value_set = self.value_set(value)?;
                    value_set.as_deref().unwrap_or(value)
                }
                _ => value,
            };
            let found = match (parameter.of, &kind) {
                (ParameterType::Reference, Modifier::Above | Modifier::Below) => {
                    self.relatives(parameter, value, kind == Modifier::Below)?
                }
                _ => criteria(self.context, self.written(), parameter, &kind, value)?,
            };
            for mut criterion in found {
                self.convert(&mut criterion, parameter, of_type)?;
                sets.push(Set::Rows(Rows::new(parameter, criterion, of_type)));
            }
        }
        let set = Set::any(sets);
        Ok(if negated { Set::Not(Box::new(set)) } else { set })
    }

    /// The canonical URL of the ValueSet here that `:in` names by its address; `None` where it names none.
    fn value_set(&self, value: &str) -> Result<Option<String>, Fault> {
        let text = unescape(value);
        let Some(Reference::Local("ValueSet", id)) = reference::read(&text, &self.context.index.context) else {
            return Ok(None);
        };
        if let Some(number) = stream::live(self.context, "ValueSet", id)? {
            let candidate = Candidate::new(self.context, number);
            if self.context.may_see(&candidate)?
                && let Some(url) = candidate.tree()?.and_then(|tree| tree.root().text_at("url"))
            {
                return Ok(Some(url.replace('\\', r"\\")));
            }
        }
        Err(QueryError::unsupported(self.written(), format!("no value set with a url is here under {text}")).into())
    }

    /// Lets a quantity also be found in the other units that there are.
    pub(super) fn convert(
        &self,
        criterion: &mut Criterion,
        parameter: &Arc<Parameter>,
        of_type: &TypeParameters,
    ) -> Result<(), EngineError> {
        let Criterion::Quantity(quantity) = criterion else { return Ok(()) };
        if quantity.is_convertible() {
            let rows = Rows::new(parameter, Criterion::Present, of_type);
            quantity.know(&stream::units(self.context, &rows)?);
        }
        Ok(())
    }

    fn modifier(&self, parameter: &Parameter, modifier: Option<&str>) -> Result<(Modifier, bool), Fault> {
        let token = parameter.of == ParameterType::Token;
        match modifier {
            None => Ok((Modifier::None, false)),
            Some("not") if token => Ok((Modifier::None, true)),
            Some("not-in") if token => Ok((Modifier::In, true)),
            Some(other) => match Modifier::of(other, parameter.of) {
                Some(found) => Ok((found, false)),
                None => {
                    let known = Modifier::all(parameter.of);
                    let near = nearest(other, known.iter().copied());
                    let hint = near.map_or_else(
                        || format!("; it takes {}", known.join(", ")),
                        |near| format!("; did you mean {near}?"),
                    );
                    let reason = format!("a {} takes no modifier {other}{hint}", parameter.of.code());
                    Err(QueryError::unsupported(self.written(), reason).into())
                }
            },
        }
    }

    pub(super) fn composite(
        &self,
        of_type: &TypeParameters,
        parameter: &Arc<Parameter>,
        value: &str,
    ) -> Result<Set, Fault> {
        let Some(parts) = &parameter.parts else { return Ok(Set::empty()) };
        let texts = cut(value, '$');
        if texts.len() != parts.each.len() {
            let reason = format!("{value} must have {} parts with $ between", parts.each.len());
            return Err(self.invalid(reason));
        }
        let mut sets = Vec::new();
        let mut all = Vec::new();
        for (text, (of, holder)) in texts.iter().zip(&parts.each) {
            let stand_in = Parameter {
                code: parameter.code.clone(),
                url: String::new(),
                of: *of,
                targets: Vec::new(),
                prefix: Vec::new(),
                digest: [0; 8],
                built_in: true,
                routes: Vec::new(),
                expression: None,
                rows: crate::parameter::Rows::None,
                single: false,
                parts: None,
            };
            let mut found = criteria(self.context, self.written(), &stand_in, &Modifier::None, text)?;
            if let Some(holder) = holder {
                for criterion in &mut found {
                    self.convert(criterion, holder, of_type)?;
                }
                let rows = found.iter().map(|criterion| Set::Rows(Rows::new(holder, criterion.clone(), of_type)));
                sets.push(Set::any(rows.collect()));
            }
            all.extend(found);
        }
        // The parts' own parameters find all that may match; whether the parts stand together, the content tells, unless
        // the whole resource is where they stand.
        if !parts.whole || sets.len() < parts.each.len() {
            sets.push(Set::Content(Content::Composite(parameter.clone(), all)));
        }
        Ok(Set::And(sets))
    }

    /// Parameters without rows.
    pub(super) fn special(
        &self,
        type_name: &str,
        code: &str,
        modifier: Option<&str>,
        values: &[&str],
    ) -> Result<Option<Set>, Fault> {
        if !matches!(code, "_id" | "_lastUpdated" | "_list" | "_text" | "_content" | "_filter" | "_query") {
            return Ok(None);
        }
        let negated = match modifier {
            None => false,
            Some("not") if code == "_id" => true,
            Some(other) => {
                return Err(QueryError::unsupported(self.written(), format!("{code} takes no modifier {other}")).into());
            }
        };
        if code == "_filter" {
            let filter = filter::parse(&self.clause.value).map_err(|reason| self.invalid(reason))?;
            return Ok(Some(self.filter(type_name, &filter, DEPTH)?));
        }
        let mut sets = Vec::new();
        for value in values {
            sets.push(match code {
                "_id" => {
                    let id = unescape(value);
                    Set::Numbers(stream::live(self.context, type_name, &id)?.into_iter().collect())
                }
                "_lastUpdated" => Set::Updated(date_criterion(self.context, self.written(), value)?),
                "_list" => self.list(type_name, &unescape(value))?,
                "_text" | "_content" => {
                    let of_type = self.context.parameters(type_name, self.written())?;
                    let parsed = special::parse(&unescape(value), &|words| match (code, &of_type.narrative) {
                        ("_text", Some(narrative)) => special::in_narrative(words, narrative, of_type),
                        _ => Set::Content(Content::Text(words.to_owned())),
                    });
                    parsed.map_err(|reason| self.invalid(reason))?
                }
                _ => return Err(QueryError::unsupported(self.written(), format!("{code} is not supported")).into()),
            });
        }
        let set = Set::any(sets);
        Ok(Some(if negated { Set::Not(Box::new(set)) } else { set }))
    }

    fn list(&self, type_name: &str, id: &str) -> Result<Set, Fault> {
        if id.starts_with('$') {
            return Err(QueryError::unsupported(self.written(), format!("the list {id} is not kept here")).into());
        }
        let body = match self.context.view.read("List", id)? {
            Some(version) if self.context.sight.sees("List", id, version.version) => version.body()?,
            _ => None,
        };
        let tree = body.and_then(|body| model::json::read(&body, &model::Limits::default()).ok());
        let mut numbers = Vec::new();
        for reference in tree.iter().flat_map(|tree| tree.root().every("entry.item.reference")) {
            let target = reference.text().and_then(|text| reference::read(text, &self.context.index.context));
            if let Some(crate::value::Reference::Local(of_type, id)) = target
                && of_type == type_name
            {
                numbers.extend(stream::live(self.context, of_type, id)?);
            }
        }
        numbers.sort_unstable();
        numbers.dedup();
        Ok(Set::Numbers(numbers))
    }

    fn reference(&self, type_name: &str, code: &str) -> Result<(&TypeParameters, &Arc<Parameter>), Fault> {
        let (of_type, parameter) = self.find(type_name, code)?;
        if parameter.of != ParameterType::Reference {
            return Err(self.invalid(format!("{type_name}.{code} is no reference")));
        }
        Ok((of_type, parameter))
    }

    fn chain(&self, type_name: &str, code: &str, to: Option<&str>, rest: &Step, depth: usize) -> Result<Set, Fault> {
        let by_target = self.chain_to(type_name, code, to, &mut |target| self.step(target, rest, depth))?;
        match rest {
            Step::Parameter { code: last, modifier: None } if last == "identifier" => {
                self.or_identified(type_name, code, by_target, &self.clause.values())
            }
            _ => Ok(by_target),
        }
    }

    /// `patient.identifier` also finds references that carry the identifier themselves.
    pub(super) fn or_identified(&self, type_name: &str, code: &str, set: Set, values: &[&str]) -> Result<Set, Fault> {
        let (of_type, parameter) = self.reference(type_name, code)?;
        let mut sets = vec![set];
        for value in values {
            let criterion = Criterion::Reference(reference::identifier(value, &self.context.index.context));
            sets.push(Set::Rows(Rows::new(parameter, criterion, of_type)));
        }
        Ok(Set::any(sets))
    }

    /// The resources that refer to those which `far` finds of each type that they can refer to.
    pub(super) fn chain_to(
        &self,
        type_name: &str,
        code: &str,
        to: Option<&str>,
        far: &mut dyn FnMut(&str) -> Result<Set, Fault>,
    ) -> Result<Set, Fault> {
        let (of_type, parameter) = self.reference(type_name, code)?;
        let (targets, open): (Vec<&str>, bool) = match to {
            Some(to) => (vec![to], false),
            None if parameter.targets.is_empty() => (numbers::types().collect(), true),
            None => (parameter.targets.iter().map(String::as_str).collect(), parameter.targets.len() > 1),
        };
        let mut found = BTreeSet::new();
        let mut canonicals = Vec::new();
        let mut inside = Vec::new();
        let holds = parameter.routes.iter().any(|route| route.end.0 == Kind::Resource);
        let mut fitting = false;
        let mut refused = None;
        for target in targets {
            let set = match far(target) {
                Ok(set) => set,
                // Of several types some may not have the parameter.
                Err(Fault::Query(error)) if open => {
                    refused.get_or_insert(error);
                    continue;
                }
                Err(error) => return Err(error),
            };
            fitting = true;
            if let Some(number) = numbers::of_type(target) {
                let ids = stream::identities(self.context, target, &set)?;
                if canonical::is(parameter) {
                    canonicals.extend(canonical::to(self.context, target, ids.iter())?);
                }
                found.extend(ids.into_iter().map(|id| (number, id)));
            }
            if holds {
                // A Bundle's first entry: what it holds need not be stored by itself.
                inside.push(Set::Content(Content::Inside(parameter.clone(), Box::new(set))));
            }
        }
        if let (false, Some(error)) = (fitting, refused) {
            return Err(error.into());
        }
        canonicals.push(Criterion::Reference(reference::Criterion::AnyOf(found)));
        let rows = |criterion| Set::Rows(Rows::new(parameter, criterion, of_type));
        Ok(Set::any(canonicals.into_iter().map(rows).chain(inside).collect()))
    }

    fn has(&self, type_name: &str, source: &str, code: &str, rest: &Step, depth: usize) -> Result<Set, Fault> {
        self.referring(type_name, source, code)?;
        let set = self.step(source, rest, depth)?;
        self.referred(type_name, source, code, &set)
    }

    /// The parameter by which resources of a type refer to another.
    fn referring(
        &self,
        type_name: &str,
        source: &str,
        code: &str,
    ) -> Result<(&TypeParameters, &Arc<Parameter>), Fault> {
        let (of_type, parameter) = self.reference(source, code)?;
        if !parameter.targets.is_empty() && !parameter.targets.iter().any(|target| target == type_name) {
            return Err(self.invalid(format!("{source}.{code} refers to no {type_name}")));
        }
        Ok((of_type, parameter))
    }

    /// The resources that those of a set refer to.
    pub(super) fn referred(&self, type_name: &str, source: &str, code: &str, set: &Set) -> Result<Set, Fault> {
        let (of_type, parameter) = self.referring(type_name, source, code)?;
        let numbers = stream::referred(self.context, source, set, of_type, parameter, type_name)?;
        Ok(Set::Numbers(numbers))
    }
}

/// What has a value for a parameter; of a composite one for each part, where the parts stand together.
pub(super) fn with_value(of_type: &TypeParameters, parameter: &Arc<Parameter>) -> Set {
    let Some(parts) = &parameter.parts else {
        return Set::Rows(Rows::new(parameter, Criterion::Present, of_type));
    };
    let holders = parts.each.iter().filter_map(|(_, holder)| holder.as_ref());
    let mut sets: Vec<Set> = holders.map(|holder| Set::Rows(Rows::new(holder, Criterion::Present, of_type))).collect();
    if !parts.whole || sets.len() < parts.each.len() {
        let any = vec![Criterion::Present; parts.each.len()];
        sets.push(Set::Content(Content::Composite(parameter.clone(), any)));
    }
    Set::And(sets)
}
