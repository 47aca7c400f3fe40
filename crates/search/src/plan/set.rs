//! Sets of resources of one type, as a query describes them.

use std::sync::Arc;

use storage::Number;

use crate::param::{Criterion, date, reference};
use crate::parameter::{Parameter, Rows as Where};
use crate::parameters::TypeParameters;
use crate::span::{Span, Verdict};

/// A set of resources of one type.
#[derive(Debug)]
pub(crate) enum Set {
    /// All of the type.
    Every,
    /// Those with a row.
    Rows(Rows),
    /// These, ascending.
    Numbers(Vec<Number>),
    /// Those in all of them.
    And(Vec<Set>),
    /// Those in one of them.
    Or(Vec<Set>),
    /// Those not in it.
    Not(Box<Set>),
    /// Those whose current version came to be in such a time.
    Updated(date::Criterion),
    /// Those whose content says so.
    Content(Content),
}

/// What only the content of a resource tells.
#[derive(Debug)]
pub(crate) enum Content {
    /// A composite, with a criterion for each part.
    Composite(Arc<Parameter>, Vec<Criterion>),
    /// `_text`: the narrative holds these words, folded, one behind the other; the last may go on.
    Narrative(String),
    /// `_content`: the same of all texts.
    Text(String),
    /// A resource that stands inside, where the parameter leads to it, is in a set of its own type.
    Inside(Arc<Parameter>, Box<Set>),
}

/// The index rows of a parameter whose values meet a criterion.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) parameter: Arc<Parameter>,
    pub(crate) criterion: Criterion,
    /// Only references to this type of resource.
    target: Option<u8>,
    /// Stretches of keys, by their start, each with the length of the prefix before the value.
    pub(crate) spans: Vec<(Span, usize)>,
}

impl Rows {
    /// Those of a parameter, under whatever prefix its values lie.
    pub(crate) fn new(parameter: &Arc<Parameter>, criterion: Criterion, of_type: &TypeParameters) -> Rows {
        let mut spans = Vec::new();
        let mut add =
            |prefix: &[u8]| spans.extend(criterion.spans(prefix).into_iter().map(|span| (span, prefix.len())));
        let mut only = None;
        match &parameter.rows {
            Where::Own => add(&parameter.prefix),
            Where::Of { codes, target } => {
                only = *target;
                for other in codes.iter().filter_map(|code| of_type.get(code)) {
                    add(&other.prefix);
                }
            }
            Where::None => {}
        }
        spans.sort();
        Rows { parameter: parameter.clone(), criterion, target: only, spans }
    }

    /// Whether the value of a key inside its stretches is one.
    pub(crate) fn keep(&self, value: &[u8]) -> Verdict {
        let target = self.target.map_or(Verdict::Yes, |target| reference::refers_to(value, target));
        match (self.criterion.keep(value), target) {
            (Verdict::No, _) | (_, Verdict::No) => Verdict::No,
            (Verdict::Yes, Verdict::Yes) => Verdict::Yes,
            _ => Verdict::Unsure,
        }
    }

    /// The lengths of the prefixes of the stretches that a key is in.
    pub(crate) fn around<'k>(&'k self, key: &'k [u8]) -> impl Iterator<Item = usize> + 'k {
        // Of many, all are single keys: what comes before the key's place does not hold it.
        let many = self.spans.len() > 8 && self.spans.iter().all(|(span, _)| span.point);
        let from = if many { self.spans.partition_point(|(span, _)| span.start.as_slice() < key) } else { 0 };
        let most = if many { 1 } else { self.spans.len() };
        self.spans.iter().skip(from).take(most).filter(move |(span, _)| span.contains(key)).map(|(_, prefix)| *prefix)
    }

    /// Whether every key inside its stretches is one of its rows', without a look at it.
    pub(crate) fn is_plain(&self) -> bool {
        self.spans.iter().all(|(span, _)| span.point)
            && self
                .spans
                .iter()
                .all(|(span, prefix)| self.keep(span.start.get(*prefix..).unwrap_or(&[])) == Verdict::Yes)
    }
}

impl Set {
    /// Nothing at all.
    pub(crate) fn empty() -> Set {
        Set::Numbers(Vec::new())
    }

    /// One of several; of one, that one.
    pub(crate) fn any(mut sets: Vec<Set>) -> Set {
        match sets.len() {
            1 => sets.pop().unwrap_or_else(Set::empty),
            _ => Set::Or(sets),
        }
    }

    /// What it is, for a person: `_explain`.
    pub(crate) fn describe(&self) -> String {
        let list = |sets: &[Set], word: &str| {
            let parts: Vec<String> = sets.iter().map(Set::describe).collect();
            format!("({})", parts.join(word))
        };
        match self {
            Set::Every => "every resource of the type".to_owned(),
            Set::Rows(rows) => {
                let stretches = rows.spans.len();
                let kind = if rows.spans.iter().all(|(span, _)| span.point) { "key(s)" } else { "stretch(es)" };
                format!("index {}: {stretches} {kind}", rows.parameter.code)
            }
            Set::Numbers(numbers) => format!("{} resource(s) found beforehand", numbers.len()),
            Set::And(sets) => list(sets, " and "),
            Set::Or(sets) => list(sets, " or "),
            Set::Not(set) => format!("not {}", set.describe()),
            Set::Updated(_) => "time of the last change".to_owned(),
            Set::Content(Content::Composite(parameter, _)) => format!("content: {}", parameter.code),
            Set::Content(Content::Inside(parameter, set)) => format!("inside {}: {}", parameter.code, set.describe()),
            Set::Content(_) => "content: text".to_owned(),
        }
    }
}
