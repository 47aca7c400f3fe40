//! Sorted pages without sorting: rows that already are in the asked order, walked from where the page before ended.
//!
//! Two kinds of rows serve: those of a patient's course ([`crate::course`]), where the search names one patient and sorts by the date of
//! the course; and those of the sort parameter itself, where it has at most one value per resource and the matches are many. The
//! matches that have no such row follow at the end, by number.

use storage::{Direction, EngineError, IndexScan, KeyRange, Number};

use crate::course;
use crate::param::{Criterion, ParameterType, date, reference};
use crate::parameters::TypeParameters;
use crate::plan::candidate::Candidate;
use crate::plan::matches::Matches;
use crate::plan::page::{Continuation, Position};
use crate::plan::run::{Answer, Context, Hit, Planned};
use crate::plan::set::{Rows, Set};
use crate::plan::sort::{Key, Of, moment, sort_value};
use crate::plan::stream;
use crate::span::Span;
use crate::value::Value;

/// Rows in order.
pub(crate) struct Ordered<'p> {
    kind: Kind,
    descending: bool,
    /// Stretches of rows and the length of what is before the value; each is in order by itself.
    spans: Vec<(Span, usize)>,
    /// The rows of the sort parameter.
    rows: &'p Rows,
    /// What a row does not imply by itself.
    tests: Vec<&'p Set>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Course,
    Parameter,
}

/// The rows for a search of one type sorted by one key, where there are some that serve; a later page is served as the first was.
pub(crate) fn source<'p>(
    context: &Context<'_>,
    plan: &'p Planned,
    key: &'p Key,
    position: Option<&Position>,
) -> Result<Option<Ordered<'p>>, EngineError> {
    let Of::Rows(rows) = &key.of else { return Ok(None) };
    let (Some(rows), Some(of_type)) =
        (rows.first().and_then(Option::as_ref), context.index.parameters(&plan.type_name))
    else {
        return Ok(None);
    };
    if matches!(position, Some(Position::Place(_))) {
        return Ok(None);
    }
    if let Some(ordered) = of_course(plan, key, rows, of_type) {
        return Ok(Some(ordered));
    }
    if !rows.parameter.single || rows.spans.len() != 1 {
        return Ok(None);
    }
    if position.is_none() && !is_worth(context, plan, rows, of_type)? {
        return Ok(None);
    }
    let own = plan.sets.iter().find_map(|set| match set {
        Set::Rows(asked) if std::sync::Arc::ptr_eq(&asked.parameter, &rows.parameter) => Some(asked),
        _ => None,
    });
    let spans = match rows.parameter.of {
        ParameterType::Date => date_spans(own.unwrap_or(rows)),
        ParameterType::Quantity => return Ok(None),
        _ => own.unwrap_or(rows).spans.clone(),
    };
    let tests = plan.sets.iter().collect();
    Ok(Some(Ordered { kind: Kind::Parameter, descending: key.descending, spans, rows, tests }))
}

/// Where the search names one patient and the key is the date of the course.
fn of_course<'p>(plan: &'p Planned, key: &Key, rows: &'p Rows, of_type: &TypeParameters) -> Option<Ordered<'p>> {
    let (patient, date) = of_type.course?;
    let (patient, date) = (of_type.own.get(patient)?, of_type.own.get(date)?);
    if date.code != rows.parameter.code {
        return None;
    }
    let spans_of = Rows::new(patient, Criterion::Present, of_type).spans;
    let (at, id) = plan.sets.iter().enumerate().find_map(|(at, set)| {
        let Set::Rows(asked) = set else { return None };
        let Criterion::Reference(criterion) = &asked.criterion else { return None };
        // The same rows, asked for by this or another parameter (`subject`, `patient`).
        let same = asked.spans.iter().all(|(span, _)| spans_of.iter().any(|(own, _)| own.contains(&span.start)));
        let patient_type = crate::numbers::of_type("Patient");
        match criterion {
            reference::Criterion::Local { of_type, id } if same && *of_type == patient_type => Some((at, id.clone())),
            reference::Criterion::AnyOf(targets) if same && targets.len() == 1 => {
                targets.iter().find(|(of_type, _)| Some(*of_type) == patient_type).map(|(_, id)| (at, id.clone()))
            }
            _ => None,
        }
    })?;
    let prefix = course::prefix(*of_type.every.first()?, &id);
    let length = prefix.len();
    let tests = plan.sets.iter().enumerate().filter(|(place, _)| *place != at).map(|(_, set)| set).collect();
    let spans = vec![(Span::prefix(prefix), length)];
    Some(Ordered { kind: Kind::Course, descending: key.descending, spans, rows, tests })
}

/// Whether matches are so many that walking rows finds a page sooner than sorting them: of N resources, a page of p lies
/// within about N·p / matches rows.
fn is_worth(context: &Context<'_>, plan: &Planned, rows: &Rows, of_type: &TypeParameters) -> Result<bool, EngineError> {
    let only = |set: &Set| matches!(set, Set::Rows(asked) if std::sync::Arc::ptr_eq(&asked.parameter, &rows.parameter));
    if plan.sets.iter().all(only) {
        return Ok(true);
    }
    are_many(context, plan, of_type)
}

/// Whether matches are so many that walking all resources in order finds a page sooner than sorting them.
pub(crate) fn are_many(context: &Context<'_>, plan: &Planned, of_type: &TypeParameters) -> Result<bool, EngineError> {
    let enough = (context.view.count(&plan.type_name)? * 20).isqrt();
    let mut matches = Matches::new(context, of_type, &plan.sets, stream::first())?;
    let mut found = 0;
    while found < enough {
        if matches.next()?.is_none() {
            return Ok(false);
        }
        found += 1;
    }
    Ok(true)
}

/// The stretches of a date's rows that are in order by their first moments. Of rows that lie twice only those by first moment: where
/// those by last moment are asked for, all of them, since each row is looked at.
fn date_spans(rows: &Rows) -> Vec<(Span, usize)> {
    let mut found: Vec<(Span, usize)> = Vec::new();
    for (span, prefix) in &rows.spans {
        let form = |number: u8| {
            let mut start = span.start.get(..*prefix).unwrap_or(&[]).to_vec();
            start.push(number);
            Span::prefix(start)
        };
        match span.start.get(*prefix) {
            // All forms at once.
            None => found.extend((1..=6).map(|number| (form(number), *prefix))),
            Some(7) => {
                found.retain(|(span, at)| span.start.get(*at) != Some(&6));
                found.push((form(6), *prefix));
            }
            Some(6) if found.iter().any(|(known, _)| *known == form(6)) => {}
            Some(_) => found.push((span.clone(), *prefix)),
        }
    }
    found
}

/// One stretch being walked.
struct Walked<'v> {
    scan: IndexScan<'v>,
    prefix: usize,
    head: Option<Row>,
}

/// A row and what it is sorted by.
struct Row {
    value: Vec<u8>,
    row: Vec<u8>,
    number: Number,
}

impl Ordered<'_> {
    fn sort_value(&self, value: &[u8]) -> Option<Vec<u8>> {
        match self.kind {
            Kind::Course => date::take_ordered(value).map(|range| moment(range.low)),
            Kind::Parameter => sort_value(self.rows.parameter.of, value),
        }
    }

    fn next(&self, walked: &mut Walked<'_>) -> Result<(), EngineError> {
        loop {
            let Some(row) = walked.scan.next().transpose()? else {
                walked.head = None;
                return Ok(());
            };
            if let Some(value) = self.sort_value(row.key().get(walked.prefix..).unwrap_or(&[])) {
                walked.head = Some(Row { value, row: row.row().to_vec(), number: row.number });
                return Ok(());
            }
        }
    }

    fn open<'v>(&self, context: &Context<'v>, after: Option<&[u8]>) -> Result<Vec<Walked<'v>>, EngineError> {
        let direction = if self.descending { Direction::Backward } else { Direction::Forward };
        let last = after.and_then(|row| {
            let (key, _) = Number::split_row(row)?;
            let prefix = self.spans.first()?.1;
            Some((self.sort_value(key.get(prefix..)?)?, row))
        });
        let mut all = Vec::new();
        for (span, prefix) in &self.spans {
            let mut range = span.rows();
            if let Some((_, row)) = &last {
                range = self.behind(range, row, *prefix);
            }
            let mut walked = Walked { scan: context.view.index(range, direction), prefix: *prefix, head: None };
            self.next(&mut walked)?;
            while let (Some(head), Some((value, row))) = (&walked.head, &last) {
                let order = head.value.cmp(value).then_with(|| head.row.as_slice().cmp(row));
                if (order == std::cmp::Ordering::Less) == self.descending && order != std::cmp::Ordering::Equal {
                    break;
                }
                self.next(&mut walked)?;
            }
            all.push(walked);
        }
        Ok(all)
    }

    /// The part of a stretch from about where a row of this or another stretch has its place.
    fn behind(&self, mut range: KeyRange, row: &[u8], prefix: usize) -> KeyRange {
        use std::ops::Bound;
        let form = usize::from(self.kind == Kind::Parameter && self.rows.parameter.of == ParameterType::Date);
        let start = match &range.start {
            Bound::Included(start) | Bound::Excluded(start) => start.get(..prefix + form).unwrap_or(&[]).to_vec(),
            Bound::Unbounded => Vec::new(),
        };
        // Forms of dates differ in the byte before the moment; all else is one stretch, where the row itself is the place.
        let place = match form {
            0 => row.to_vec(),
            _ => [start.as_slice(), row.get(prefix + 1..prefix + 6).unwrap_or(&[])].concat(),
        };
        if self.descending {
            let end = storage::prefix_end(&place);
            if let (Some(end), true) = (&end, end.as_ref().is_some_and(|end| range.contains(end))) {
                range.end = Bound::Excluded(end.clone());
            }
        } else if range.contains(&place) {
            range.start = Bound::Included(place);
        }
        range
    }
}

/// The next row of all stretches.
fn first<'w, 'v>(all: &'w mut [Walked<'v>], descending: bool) -> Option<&'w mut Walked<'v>> {
    let order = |a: &Row, b: &Row| (&a.value, &a.row).cmp(&(&b.value, &b.row));
    let walked = all.iter_mut().filter(|walked| walked.head.is_some());
    walked.reduce(|best, other| match (&best.head, &other.head) {
        (Some(a), Some(b)) if (order(b, a) == std::cmp::Ordering::Less) != descending => other,
        _ => best,
    })
}

/// A page from rows in order.
pub(crate) fn page(
    context: &Context<'_>,
    plan: &Planned,
    ordered: &Ordered<'_>,
    count: usize,
    position: Option<&Position>,
    answer: &mut Answer,
) -> Result<(), EngineError> {
    let what = if ordered.kind == Kind::Course { "patient and date" } else { ordered.rows.parameter.code.as_str() };
    answer.explained.steps.push(format!("walk the rows of {what} in order"));
    answer.explained.steps.extend(ordered.tests.iter().map(|test| format!("test {}", test.describe())));
    let mut last = None;
    if !matches!(position, Some(Position::Rest(_))) {
        let after = match position {
            Some(Position::Row(row)) => Some(row.as_slice()),
            _ => None,
        };
        let mut all = ordered.open(context, after)?;
        while let Some(walked) = first(&mut all, ordered.descending) {
            if let Some(row) = walked.head.take() {
                let value = row.row.get(walked.prefix..row.row.len().saturating_sub(Number::LENGTH)).unwrap_or(&[]);
                let candidate = Candidate::new(context, row.number);
                if ordered.fits(&candidate, value)? && context.may_see(&candidate)? {
                    if answer.matches.len() == count {
                        answer.next =
                            last.map(|row| Continuation { t: context.view.t(), position: Position::Row(row) });
                        return Ok(());
                    }
                    if let Some((identity, version)) = candidate.into_resource()? {
                        answer.matches.push(Hit { identity, version });
                        last = Some(row.row);
                    }
                }
            }
            ordered.next(walked)?;
        }
        for walked in &all {
            context.cost.rows.set(context.cost.rows.get() + walked.scan.read());
        }
    }
    rest(context, plan, ordered, count, (position, last), answer)
}

impl Ordered<'_> {
    /// Whether a resource is in all other sets; what is asked of the sort parameter itself, its row tells.
    fn fits(&self, candidate: &Candidate<'_, '_>, value: &[u8]) -> Result<bool, EngineError> {
        for test in &self.tests {
            let holds = match self.told(test, value) {
                Some(holds) => holds,
                None => candidate.is_in(test)?,
            };
            if !holds {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether the row's value is in a set that is about the sort parameter.
    fn told(&self, set: &Set, value: &[u8]) -> Option<bool> {
        match set {
            Set::Rows(asked) if asked.parameter.code == self.rows.parameter.code => {
                let (ParameterType::Date, true) = (asked.parameter.of, asked.parameter.single) else { return None };
                let range = if self.kind == Kind::Course { date::take_ordered(value) } else { date::take(value) };
                range.map(|range| asked.criterion.matches(&Value::Date(range)))
            }
            Set::Or(sets) => {
                let mut any = false;
                for set in sets {
                    any |= self.told(set, value)?;
                }
                Some(any)
            }
            _ => None,
        }
    }
}

/// The matches without a row, by number.
fn rest(
    context: &Context<'_>,
    plan: &Planned,
    ordered: &Ordered<'_>,
    count: usize,
    (position, mut last): (Option<&Position>, Option<Vec<u8>>),
    answer: &mut Answer,
) -> Result<(), EngineError> {
    let Some(of_type) = context.index.parameters(&plan.type_name) else { return Ok(()) };
    if plan.sets.iter().any(|set| ordered.asks_a_value(set)) {
        return Ok(());
    }
    let from = match position {
        Some(Position::Rest(number)) => Number::from_bits(*number).and_then(stream::after),
        _ => Some(stream::first()),
    };
    let Some(from) = from else { return Ok(()) };
    let mut with_row = Vec::new();
    for (span, _) in &ordered.all_spans() {
        for row in context.view.index(span.rows(), Direction::Forward) {
            with_row.push(row?.number);
            context.cost.rows.set(context.cost.rows.get() + 1);
        }
    }
    with_row.sort_unstable();
    let mut matches = Matches::new(context, of_type, &plan.sets, from)?.except(with_row);
    let mut last_rest = None;
    while let Some(candidate) = matches.next()? {
        if answer.matches.len() == count {
            let position = match (last_rest, last.take()) {
                (Some(number), _) => Position::Rest(number),
                (None, Some(row)) => Position::Row(row),
                (None, None) => return Ok(()),
            };
            answer.next = Some(Continuation { t: context.view.t(), position });
            return Ok(());
        }
        if let Some((identity, version)) = candidate.into_resource()? {
            last_rest = Some(version.number.get());
            answer.matches.push(Hit { identity, version });
        }
    }
    Ok(())
}

impl Ordered<'_> {
    /// Whether only what has a value of the sort parameter can be in a set: then nothing is without a row.
    fn asks_a_value(&self, set: &Set) -> bool {
        match set {
            Set::Rows(asked) => std::sync::Arc::ptr_eq(&asked.parameter, &self.rows.parameter),
            Set::Or(sets) => sets.iter().all(|set| self.asks_a_value(set)),
            _ => false,
        }
    }

    /// Every row that says where a resource stands in the order.
    fn all_spans(&self) -> Vec<(Span, usize)> {
        match self.kind {
            Kind::Course => self.spans.clone(),
            Kind::Parameter => self.rows.spans.clone(),
        }
    }
}
