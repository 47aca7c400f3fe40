//! Numbers in ascending order: from index rows, from lists, merged and leapt over.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use storage::{Bounds, Direction, EngineError, IndexScan, KeyRange, Number, Scope};

use crate::numbers;
use crate::param::{Criterion, date, quantity, reference};
use crate::parameter::Parameter;
use crate::parameters::TypeParameters;
use crate::plan::candidate::Candidate;
use crate::plan::canonical;
use crate::plan::run::Context;
use crate::plan::set::{Rows, Set};
use crate::span::{Span, Verdict};

/// Keys under which one stretch may fall apart before all its rows are read at once instead: each costs a scan to be found.
const KEYS: usize = 16;
/// Keys that are known whose rows are merged: to begin one more costs about as much as to read ten rows.
const POINTS: usize = 128;
/// Index rows that are read in the time of the keys of one resource.
pub(crate) const KEYS_OF_ONE: u64 = 10;
/// Rows of a merge that are stepped over before it is sought again.
const STEPS: usize = 6;

/// Numbers, ascending, none twice.
pub(crate) enum Stream<'v> {
    List(Vec<Number>, usize),
    Rows(Vec<Points<'v>>),
}

/// The rows of one key.
pub(crate) struct Points<'v> {
    scan: IndexScan<'v>,
    key: Vec<u8>,
    head: Option<Number>,
}

impl<'v> Points<'v> {
    fn open(context: &Context<'v>, key: Vec<u8>) -> Result<Points<'v>, EngineError> {
        let mut points = Points { scan: context.view.index_prefix(&key, Direction::Forward), key, head: None };
        points.step()?;
        Ok(points)
    }

    fn step(&mut self) -> Result<(), EngineError> {
        self.head = self.scan.next().transpose()?.map(|row| row.number);
        Ok(())
    }

    /// To the first row of `number` or behind.
    fn seek(&mut self, number: Number) -> Result<(), EngineError> {
        for _ in 0..STEPS {
            match self.head {
                Some(head) if head < number => self.step()?,
                _ => return Ok(()),
            }
        }
        if self.head.is_some_and(|head| head < number) {
            self.scan.seek(&[self.key.as_slice(), &number.to_bytes()].concat());
            self.step()?;
        }
        Ok(())
    }
}

impl<'v> Stream<'v> {
    /// The next number at or behind `from`, without going on.
    pub(crate) fn at(&mut self, from: Number) -> Result<Option<Number>, EngineError> {
        match self {
            Stream::List(numbers, place) => {
                let rest = numbers.get(*place..).unwrap_or(&[]);
                // Most steps are short.
                *place += match rest.first() {
                    Some(first) if *first >= from => 0,
                    _ => rest.partition_point(|number| *number < from),
                };
                Ok(numbers.get(*place).copied())
            }
            Stream::Rows(points) => {
                let mut least = None;
                for point in points {
                    point.seek(from)?;
                    least = match (least, point.head) {
                        (Some(a), Some(b)) => Some(std::cmp::min::<Number>(a, b)),
                        (a, b) => a.or(b),
                    };
                }
                Ok(least)
            }
        }
    }

    /// Index rows that were read for it.
    pub(crate) fn read(&self) -> u64 {
        match self {
            Stream::List(..) => 0,
            Stream::Rows(points) => points.iter().map(|point| point.scan.read()).sum(),
        }
    }
}

/// The number behind another.
pub(crate) fn after(number: Number) -> Option<Number> {
    Number::from_bits(number.get() + 1)
}

/// The least number.
pub(crate) fn first() -> Number {
    Number::from_bytes([0; Number::LENGTH])
}

/// The stream of a set, where its numbers can be had in order from rows or lists without reading them all. `exact` becomes
/// false where it may hold numbers that are not in the set.
pub(crate) fn open<'v>(
    context: &Context<'v>,
    of_type: &TypeParameters,
    set: &Set,
    exact: &mut bool,
) -> Result<Option<Stream<'v>>, EngineError> {
    match set {
        Set::Every => Ok(Some(Stream::Rows(vec![Points::open(context, of_type.every.clone())?]))),
        Set::Numbers(numbers) => Ok(Some(Stream::List(numbers.clone(), 0))),
        Set::Rows(_) | Set::Or(_) => {
            let mut keys = Vec::new();
            if !gather(context, set, &mut keys, exact)? {
                return Ok(None);
            }
            let points: Result<Vec<_>, _> = keys.into_iter().map(|key| Points::open(context, key)).collect();
            Ok(Some(Stream::Rows(points?)))
        }
        _ => Ok(None),
    }
}

/// Adds the keys of a set's rows; `false` where they are too many.
fn gather(context: &Context<'_>, set: &Set, keys: &mut Vec<Vec<u8>>, exact: &mut bool) -> Result<bool, EngineError> {
    match set {
        Set::Rows(rows) => {
            for (span, prefix) in &rows.spans {
                if span.point {
                    match rows.keep(span.start.get(*prefix..).unwrap_or(&[])) {
                        Verdict::Yes => {}
                        Verdict::Unsure => *exact = false,
                        Verdict::No => continue,
                    }
                    keys.push(span.start.clone());
                } else if !fall_apart(context, rows, span, *prefix, keys, exact)? {
                    return Ok(false);
                }
                if keys.len() > POINTS {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Set::Or(sets) => {
            for set in sets {
                if !gather(context, set, keys, exact)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        // One of them that falls apart holds all of it, and more.
        Set::And(sets) => {
            let before = keys.len();
            for set in sets {
                if gather(context, set, keys, exact)? {
                    *exact = false;
                    return Ok(true);
                }
                keys.truncate(before);
            }
            Ok(false)
        }
        _ => Ok(false),
    }
}

/// The keys inside a stretch that are there, if they are few.
fn fall_apart(
    context: &Context<'_>,
    rows: &Rows,
    span: &Span,
    prefix: usize,
    keys: &mut Vec<Vec<u8>>,
    exact: &mut bool,
) -> Result<bool, EngineError> {
    let mut from = span.start.clone();
    for _ in 0..=KEYS {
        let range =
            KeyRange { start: Bound::Included(from), end: span.end.clone().map_or(Bound::Unbounded, Bound::Excluded) };
        context.cost.rows.set(context.cost.rows.get() + 1);
        let Some(row) = context.view.index(range, Direction::Forward).next().transpose()? else { return Ok(true) };
        let key = row.key().to_vec();
        let next = storage::prefix_end(&key);
        match rows.keep(key.get(prefix..).unwrap_or(&[])) {
            Verdict::No => {}
            verdict => {
                *exact &= verdict == Verdict::Yes;
                keys.push(key);
            }
        }
        match next {
            Some(next) => from = next,
            None => return Ok(true),
        }
    }
    Ok(false)
}

/// The sets of which one must hold, without a level between.
fn alternatives(set: &Set) -> Vec<&Set> {
    match set {
        Set::Or(sets) => sets.iter().flat_map(alternatives).collect(),
        other => vec![other],
    }
}

/// The rows of a set that is made of rows only, read one after the other: at most `most`, else `None`.
pub(crate) fn gather_numbers(
    context: &Context<'_>,
    set: &Set,
    most: usize,
    exact: &mut bool,
) -> Result<Option<BTreeSet<Number>>, EngineError> {
    let mut found = BTreeSet::new();
    for set in alternatives(set) {
        match set {
            Set::Rows(rows) => {
                let mut read = 0;
                for (span, prefix) in &rows.spans {
                    let mut scan = context.view.index(span.rows(), Direction::Forward);
                    for row in scan.by_ref() {
                        let row = row?;
                        read += 1;
                        let verdict = rows.keep(row.key().get(*prefix..).unwrap_or(&[]));
                        if verdict != Verdict::No {
                            *exact &= verdict == Verdict::Yes;
                            found.insert(row.number);
                        }
                        if read > most {
                            return Ok(None);
                        }
                    }
                    context.cost.rows.set(context.cost.rows.get() + scan.read());
                }
            }
            Set::Numbers(numbers) => found.extend(numbers.iter().copied()),
            Set::And(all) => {
                // One of them that is made of rows holds all of it, and more.
                let mut part = None;
                for one in all.iter().filter(|one| matches!(one, Set::Rows(_) | Set::Or(_) | Set::Numbers(_))) {
                    part = gather_numbers(context, one, most, exact)?;
                    if part.is_some() {
                        break;
                    }
                }
                *exact = false;
                match part {
                    Some(part) => found.extend(part),
                    None => return Ok(None),
                }
            }
            _ => return Ok(None),
        }
    }
    Ok(Some(found))
}

/// The resources of a type that were changed since the time that a criterion asks for, if they are at most `most`; `None` also where it asks
/// for no beginning.
pub(crate) fn updated(
    context: &Context<'_>,
    of_type: &TypeParameters,
    criterion: &date::Criterion,
    most: usize,
) -> Result<Option<BTreeSet<Number>>, EngineError> {
    let Some(low) = criterion.since() else { return Ok(None) };
    let Some(type_name) = of_type.every.first().and_then(|number| numbers::type_name(*number)) else { return Ok(None) };
    let millis = i64::try_from(low.div_euclid(1_000_000)).unwrap_or(i64::MIN + 1);
    let from = context.view.t_at(storage::Instant(millis - 1))? + 1;
    let bounds = Bounds { from, direction: Direction::Backward, ..Bounds::default() };
    let mut found = BTreeSet::new();
    for (read, change) in context.view.history(&Scope::Type(type_name), bounds)?.enumerate() {
        if read > most {
            return Ok(None);
        }
        found.insert(change?.number);
    }
    Ok(Some(found))
}

/// The units of UCUM that quantities of a parameter are in, each once: from the first row of one unit to the first of the next.
pub(crate) fn units(context: &Context<'_>, rows: &Rows) -> Result<Vec<String>, EngineError> {
    let mut found = Vec::new();
    for (span, prefix) in &rows.spans {
        let mut range = span.rows();
        loop {
            context.cost.rows.set(context.cost.rows.get() + 1);
            let Some(row) = context.view.index(range.clone(), Direction::Forward).next().transpose()? else { break };
            let Some((unit, length)) = quantity::unit_in(row.key().get(*prefix..).unwrap_or(&[])) else { break };
            found.extend(unit);
            let next = row.key().get(..prefix + length).and_then(storage::prefix_end);
            match next {
                Some(next) if range.contains(&next) => range.start = Bound::Included(next),
                _ => break,
            }
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// The ids of all resources of a type that are in a set and may be seen.
pub(crate) fn identities(context: &Context<'_>, type_name: &str, set: &Set) -> Result<Vec<String>, EngineError> {
    let Some(of_type) = context.index.parameters(type_name) else { return Ok(Vec::new()) };
    let mut matches = super::matches::Matches::new(context, of_type, std::slice::from_ref(set), first())?;
    let mut numbers = Vec::new();
    while let Some(candidate) = matches.next()? {
        numbers.push(candidate.number());
    }
    let found = context.view.identities(&numbers)?;
    context.cost.resources.set(context.cost.resources.get() + numbers.len() as u64);
    Ok(found.into_iter().flatten().map(|identity| identity.id).collect())
}

/// The resources of `target` that a set's resources refer to by a parameter, ascending.
pub(crate) fn referred(
    context: &Context<'_>,
    source_name: &str,
    set: &Set,
    of_type: &TypeParameters,
    parameter: &Arc<Parameter>,
    target: &str,
) -> Result<Vec<Number>, EngineError> {
    let rows = Rows::new(parameter, Criterion::Present, of_type);
    let target_number = numbers::of_type(target);
    let mut ids = BTreeSet::new();
    let Some(source) = context.index.parameters(source_name) else { return Ok(Vec::new()) };
    let mut matches = super::matches::Matches::new(context, source, std::slice::from_ref(set), first())?;
    let mut found = Vec::new();
    while let Some(candidate) = matches.next()? {
        found.push(candidate.number());
    }
    if (found.len() as u64) * KEYS_OF_ONE < context.view.count(source_name)? {
        for number in &found {
            let targets = targets(&Candidate::new(context, *number), &rows)?;
            ids.extend(targets.into_iter().filter(|(of, _)| Some(*of) == target_number).map(|(_, id)| id));
        }
    } else {
        for (span, prefix) in &rows.spans {
            let mut scan = context.view.index(span.rows(), Direction::Forward);
            for row in scan.by_ref() {
                let row = row?;
                let value = row.key().get(*prefix..).unwrap_or(&[]);
                if found.binary_search(&row.number).is_ok()
                    && rows.keep(value) == Verdict::Yes
                    && let Some((of, id)) = reference::target(value)
                    && Some(of) == target_number
                {
                    ids.insert(id);
                }
            }
            context.cost.rows.set(context.cost.rows.get() + scan.read());
        }
    }
    let mut numbers = Vec::new();
    if canonical::is(parameter) {
        for number in &found {
            numbers.extend(canonical::targets(context, &Candidate::new(context, *number), parameter, target)?);
        }
    }
    for id in ids {
        numbers.extend(live(context, target, &id)?);
    }
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}

/// The number of a resource, if it is live.
pub(crate) fn live(context: &Context<'_>, type_name: &str, id: &str) -> Result<Option<Number>, EngineError> {
    if !reference::is_id(id) {
        return Ok(None);
    }
    let version = context.view.read(type_name, id)?;
    Ok(version.filter(|version| !version.is_deleted()).map(|version| version.number))
}

/// The resources of a type that refer to another by a parameter.
pub(crate) fn referring(
    context: &Context<'_>,
    of_type: &TypeParameters,
    parameter: &Arc<Parameter>,
    (target, id): (&str, &str),
    found: &mut Vec<Number>,
) -> Result<(), EngineError> {
    let criterion = reference::Criterion::Local { of_type: numbers::of_type(target), id: id.to_owned() };
    let rows = Rows::new(parameter, Criterion::Reference(criterion), of_type);
    for (span, prefix) in &rows.spans {
        let mut scan = context.view.index(span.rows(), Direction::Forward);
        for row in scan.by_ref() {
            let row = row?;
            if rows.keep(row.key().get(*prefix..).unwrap_or(&[])) == Verdict::Yes {
                found.push(row.number);
            }
        }
        context.cost.rows.set(context.cost.rows.get() + scan.read());
    }
    Ok(())
}

/// The resources here that a candidate refers to by a parameter: type and id.
pub(crate) fn targets(candidate: &Candidate<'_, '_>, rows: &Rows) -> Result<Vec<(u8, String)>, EngineError> {
    let mut found = Vec::new();
    candidate.row_values(rows, |value, verdict| {
        found.extend(reference::target(value).filter(|_| verdict == Verdict::Yes));
        std::ops::ControlFlow::Continue(())
    })?;
    Ok(found)
}
