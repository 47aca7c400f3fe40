//! `_sort`: <http://hl7.org/fhir/R4/search.html#sort>.
//!
//! Of several values the one that comes first in the asked order counts. Resources without a value come last, whatever
//! the order. Dates go by their first moment, quantities by their number whatever the unit, texts by the first 40 bytes of their
//! folded form. What is equal in all keys goes by number.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::ops::ControlFlow;

use storage::{Direction, EngineError, Number};

use crate::key::{put_decimal, take_text};
use crate::param::{Criterion, ParameterType, date, number, quantity};
use crate::parameters::TypeParameters;
use crate::plan::candidate::Candidate;
use crate::plan::matches::Matches;
use crate::plan::page::{Continuation, Position};
use crate::plan::run::{Answer, Context, Hit, Planned};
use crate::plan::set::Rows;
use crate::plan::{latest, ordered, stream};
use crate::query::{QueryError, Sort, nearest};
use crate::span::Verdict;

/// One key, with the rows that it is read from in each type.
pub(crate) struct Key {
    pub(crate) descending: bool,
    pub(crate) of: Of,
}

pub(crate) enum Of {
    Id,
    LastUpdated,
    /// For each type of the search, in order.
    Rows(Vec<Option<Rows>>),
}

/// The keys of a search. What cannot be sorted by is added to `errors`.
pub(crate) fn keys(context: &Context<'_>, plans: &[Planned], sorts: &[Sort], errors: &mut Vec<QueryError>) -> Vec<Key> {
    let mut keys = Vec::new();
    for sort in sorts {
        let of = match sort.code.as_str() {
            "_id" => Of::Id,
            "_lastUpdated" => Of::LastUpdated,
            code => {
                let types = || plans.iter().filter_map(|plan| context.index.parameters(&plan.type_name));
                let rows: Vec<Option<Rows>> = types().map(|of_type| rows(of_type, code)).collect();
                if rows.iter().all(Option::is_none) {
                    let known = types().flat_map(TypeParameters::list).map(|parameter| parameter.code.as_str());
                    let near = nearest(code, known.chain(["_id", "_lastUpdated"]));
                    let hint = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
                    errors.push(QueryError::unsupported("_sort", format!("cannot sort by {code}{hint}")));
                    continue;
                }
                Of::Rows(rows)
            }
        };
        keys.push(Key { descending: sort.descending, of });
    }
    keys
}

fn rows(of_type: &TypeParameters, code: &str) -> Option<Rows> {
    let parameter = of_type.get(code)?;
    let sortable = !matches!(parameter.of, ParameterType::Composite | ParameterType::Special);
    sortable.then(|| Rows::new(parameter, Criterion::Present, of_type))
}

/// A match with its values for the keys.
struct Sorted {
    place: usize,
    number: Number,
    values: Vec<Option<Vec<u8>>>,
}

/// A page in the order of the keys.
pub(crate) fn by_keys(
    context: &Context<'_>,
    plans: &[Planned],
    keys: &[Key],
    count: usize,
    after: Option<&Continuation>,
    answer: &mut Answer,
) -> Result<(), EngineError> {
    let position = after.map(|after| &after.position);
    if let ([plan], [key]) = (plans, keys)
        && let Some(ordered) = ordered::source(context, plan, key, position)?
    {
        return ordered::page(context, plan, &ordered, count, position, answer);
    }
    if let ([plan], [Key { descending, of: Of::LastUpdated }]) = (plans, keys)
        && latest::is_worth(context, plan, position)?
    {
        return latest::page(context, plan, *descending, count, position, answer);
    }
    let mut sorted = Vec::new();
    for (place, plan) in plans.iter().enumerate() {
        let Some(of_type) = context.index.parameters(&plan.type_name) else { continue };
        let mut matches = Matches::new(context, of_type, &plan.sets, stream::first())?;
        answer.explained.steps.extend(matches.steps().iter().map(|step| format!("{}: {step}", plan.type_name)));
        let mut numbers = Vec::new();
        while let Some(candidate) = matches.next()? {
            numbers.push(candidate.number());
        }
        if numbers.len() as u64 * stream::KEYS_OF_ONE < context.view.count(&plan.type_name)? {
            for number in numbers {
                let candidate = Candidate::new(context, number);
                let values: Result<Vec<_>, _> = keys.iter().map(|key| key.value(&candidate, place)).collect();
                sorted.push(Sorted { place, number, values: values? });
            }
        } else {
            all_at_once(context, keys, place, &numbers, &mut sorted)?;
        }
    }
    answer.explained.steps.push(format!("sort {} matches", sorted.len()));
    sorted.sort_by(|a, b| compare(keys, a, b));
    let skip = match position {
        Some(Position::Place(place)) => usize::try_from(*place).unwrap_or(usize::MAX),
        _ => 0,
    };
    answer.total = Some(sorted.len() as u64);
    let end = skip.saturating_add(count);
    if sorted.len() > end {
        let position = Position::Place(end as u64);
        answer.next = Some(Continuation { t: context.view.t(), position });
    }
    let page: Vec<Number> = sorted.iter().skip(skip).take(count).map(|sorted| sorted.number).collect();
    for (identity, version) in context.view.resources(&page)?.into_iter().flatten() {
        answer.matches.push(Hit { identity, version });
    }
    Ok(())
}

fn compare(keys: &[Key], a: &Sorted, b: &Sorted) -> Ordering {
    for ((key, left), right) in keys.iter().zip(&a.values).zip(&b.values) {
        let order = match (left, right) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(left), Some(right)) if key.descending => right.cmp(left),
            (Some(left), Some(right)) => left.cmp(right),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    a.place.cmp(&b.place).then(a.number.cmp(&b.number))
}

/// The values of many matches: all rows of each key, kept where a match has them.
fn all_at_once(
    context: &Context<'_>,
    keys: &[Key],
    place: usize,
    numbers: &[Number],
    sorted: &mut Vec<Sorted>,
) -> Result<(), EngineError> {
    let mut values: HashMap<Number, Vec<Option<Vec<u8>>>> =
        numbers.iter().map(|number| (*number, vec![None; keys.len()])).collect();
    for (at, key) in keys.iter().enumerate() {
        let Of::Rows(rows) = &key.of else {
            for number in numbers {
                let value = key.value(&Candidate::new(context, *number), place)?;
                if let Some(slot) = values.get_mut(number).and_then(|values| values.get_mut(at)) {
                    *slot = value;
                }
            }
            continue;
        };
        let Some(rows) = rows.get(place).and_then(Option::as_ref) else { continue };
        for (span, prefix) in &rows.spans {
            let mut scan = context.view.index(span.rows(), Direction::Forward);
            for row in scan.by_ref() {
                let row = row?;
                let Some(slot) = values.get_mut(&row.number).and_then(|values| values.get_mut(at)) else { continue };
                let value = row.key().get(*prefix..).unwrap_or(&[]);
                if rows.keep(value) == Verdict::Yes {
                    key.better(slot, sort_value(rows.parameter.of, value));
                }
            }
            context.cost.rows.set(context.cost.rows.get() + scan.read());
        }
    }
    for number in numbers {
        sorted.push(Sorted { place, number: *number, values: values.remove(number).unwrap_or_default() });
    }
    Ok(())
}

impl Key {
    fn value(&self, candidate: &Candidate<'_, '_>, place: usize) -> Result<Option<Vec<u8>>, EngineError> {
        match &self.of {
            Of::Id => Ok(candidate.resource()?.map(|(identity, _)| identity.id.clone().into_bytes())),
            Of::LastUpdated => Ok(candidate.resource()?.map(|(_, version)| version.t.to_be_bytes().to_vec())),
            Of::Rows(rows) => {
                let Some(rows) = rows.get(place).and_then(Option::as_ref) else { return Ok(None) };
                let mut best = None;
                candidate.row_values(rows, |value, verdict| {
                    if verdict == Verdict::Yes {
                        self.better(&mut best, sort_value(rows.parameter.of, value));
                    }
                    ControlFlow::Continue(())
                })?;
                Ok(best)
            }
        }
    }

    fn better(&self, best: &mut Option<Vec<u8>>, value: Option<Vec<u8>>) {
        let Some(value) = value else { return };
        let is_better = match best {
            None => true,
            Some(best) if self.descending => value > *best,
            Some(best) => value < *best,
        };
        if is_better {
            *best = Some(value);
        }
    }
}

/// What a key's value is sorted by; byte order is the order.
pub(crate) fn sort_value(of: ParameterType, value: &[u8]) -> Option<Vec<u8>> {
    match of {
        ParameterType::Date => Some(moment(date::sort_moment(value)?)),
        ParameterType::Number => decimal(number::take(value)?.low),
        ParameterType::Quantity => decimal(quantity::sort_number(value)?),
        ParameterType::String => Some(take_text(value)?.text.to_vec()),
        _ => Some(value.to_vec()),
    }
}

/// A moment so that byte order is time: the sign bit flipped, for what is before 1970.
pub(crate) fn moment(moment: i128) -> Vec<u8> {
    (moment.cast_unsigned() ^ (1 << 127)).to_be_bytes().to_vec()
}

fn decimal(value: Option<model::Decimal>) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(value) = value {
        put_decimal(&mut bytes, value);
    }
    Some(bytes)
}
