//! The parameters of a search, taken apart but not yet compared with what there is to search.
//!
//! ```text
//! name    := "_has:" type ":" code ":" name | code [":" type] "." name | code [":" modifier]
//! value   := text ("," text)*
//! ```

use crate::query::{QueryError, cut};

/// A search: what must hold, and how the answer shall look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// What must hold, all of it.
    pub clauses: Vec<Clause>,
    /// `_sort`, the weightiest first.
    pub sort: Vec<Sort>,
    /// `_count`
    pub count: Option<usize>,
    /// `_total`
    pub total: Total,
    /// `_include`
    pub include: Vec<Include>,
    /// `_revinclude`
    pub revinclude: Vec<Include>,
    /// `_summary`
    pub summary: Summary,
    /// `_elements`
    pub elements: Vec<String>,
    /// `_type`, of a search of the whole system
    pub types: Vec<String>,
    /// `_explain=true`
    pub explain: bool,
}

/// One parameter that resources must meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// The name as it was written.
    pub written: String,
    /// The name, taken apart.
    pub step: Step,
    /// The value as it was written, escapes included.
    pub value: String,
}

/// A name, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// `code[:modifier]`
    Parameter {
        /// The parameter.
        code: String,
        /// What follows the colon.
        modifier: Option<String>,
    },
    /// `code[:type].rest`
    Chain {
        /// A reference parameter.
        code: String,
        /// The type that it shall refer to.
        of_type: Option<String>,
        /// What the resource referred to must meet.
        rest: Box<Step>,
    },
    /// `_has:type:code:rest`
    Has {
        /// The type that refers here.
        of_type: String,
        /// By this reference parameter.
        code: String,
        /// What it must meet.
        rest: Box<Step>,
    },
}

/// One key of `_sort`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sort {
    /// The parameter.
    pub code: String,
    /// Whether the last comes first.
    pub descending: bool,
}

/// `_include` or `_revinclude`: `type:code[:target type]`, `type:*` or `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Include {
    /// As it was written.
    pub written: String,
    /// The type that refers; `None`: any.
    pub source: Option<String>,
    /// The reference parameter; `None`: all.
    pub code: Option<String>,
    /// The type referred to; `None`: any.
    pub target: Option<String>,
    /// Whether it is applied to what was included, too.
    pub iterate: bool,
}

/// `_total`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Total {
    /// Not said: told where it costs nothing.
    #[default]
    Free,
    /// `none`
    None,
    /// `estimate`
    Estimate,
    /// `accurate`
    Accurate,
}

/// `_summary`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Summary {
    /// `false`, or not said
    #[default]
    False,
    /// `true`
    True,
    /// `text`
    Text,
    /// `data`
    Data,
    /// `count`: no resources at all
    Count,
}

/// Parameters that are not for search: others have read them.
const ELSEWHERE: [&str; 2] = ["_format", "_pretty"];

impl Query {
    /// Takes decoded name and value pairs apart.
    ///
    /// # Errors
    /// What is malformed, each parameter once; with them the query that is left when those are ignored.
    pub fn parse(pairs: &[(String, String)]) -> (Query, Vec<QueryError>) {
        let mut query = Query::default();
        let mut errors = Vec::new();
        for (name, value) in pairs {
            if let Err(error) = query.add(name, value) {
                errors.push(error);
            }
        }
        (query, errors)
    }

    fn add(&mut self, name: &str, value: &str) -> Result<(), QueryError> {
        let items = || value.split(',').map(str::trim).filter(|item| !item.is_empty());
        let invalid = |allowed: &str| QueryError::invalid(name, format!("{value} is none of {allowed}"));
        match name {
            _ if ELSEWHERE.contains(&name) => {}
            "_sort" => self.sort.extend(items().map(|item| match item.strip_prefix('-') {
                Some(code) => Sort { code: code.to_owned(), descending: true },
                None => Sort { code: item.to_owned(), descending: false },
            })),
            "_count" => {
                let count = value.parse().map_err(|_| QueryError::invalid(name, format!("{value} is no number")))?;
                self.count = Some(count);
            }
            "_total" => {
                self.total = match value {
                    "none" => Total::None,
                    "estimate" => Total::Estimate,
                    "accurate" => Total::Accurate,
                    _ => return Err(invalid("none, estimate, accurate")),
                }
            }
            "_summary" => {
                self.summary = match value {
                    "true" => Summary::True,
                    "false" => Summary::False,
                    "text" => Summary::Text,
                    "data" => Summary::Data,
                    "count" => Summary::Count,
                    _ => return Err(invalid("true, false, text, data, count")),
                }
            }
            "_contained" if value != "false" => {
                return Err(QueryError::unsupported(
                    name,
                    "contained resources are not found by themselves; only false",
                ));
            }
            "_containedType" if value != "container" => {
                return Err(QueryError::unsupported(
                    name,
                    "contained resources are not found by themselves; only container",
                ));
            }
            "_contained" | "_containedType" => {}
            "_elements" => self.elements.extend(items().map(str::to_owned)),
            "_type" => self.types.extend(items().map(str::to_owned)),
            "_explain" => self.explain = value == "true",
            "_include" | "_include:iterate" | "_include:recurse" => self.include.push(include(name, value)?),
            "_revinclude" | "_revinclude:iterate" | "_revinclude:recurse" => {
                self.revinclude.push(include(name, value)?)
            }
            _ => {
                let clause = Clause { written: name.to_owned(), step: step(name, name)?, value: value.to_owned() };
                if value.is_empty() {
                    return Err(QueryError::invalid(name, "it has no value"));
                }
                self.clauses.push(clause);
            }
        }
        Ok(())
    }
}

impl Clause {
    /// The alternatives in its value, escapes still there; empty ones left out.
    pub(crate) fn values(&self) -> Vec<&str> {
        cut(&self.value, ',').into_iter().filter(|value| !value.is_empty()).collect()
    }
}

fn include(name: &str, value: &str) -> Result<Include, QueryError> {
    let mut parts = value.split(':');
    let mut next = || parts.next().filter(|part| !part.is_empty()).map(str::to_owned);
    let (source, code, target) = (next(), next(), next());
    let source = source.ok_or_else(|| QueryError::invalid(name, "it names nothing to include"))?;
    if source != "*" && code.is_none() {
        return Err(QueryError::invalid(name, format!("{value} must be Type:parameter, Type:* or *")));
    }
    Ok(Include {
        written: value.to_owned(),
        source: (source != "*").then_some(source),
        code: code.filter(|code| code != "*"),
        target,
        iterate: name.contains(':'),
    })
}

fn step(name: &str, written: &str) -> Result<Step, QueryError> {
    let malformed = || QueryError::invalid(written, "it must be _has:Type:reference:parameter");
    if let Some(rest) = name.strip_prefix("_has:") {
        let (of_type, rest) = rest.split_once(':').ok_or_else(malformed)?;
        let (code, rest) = rest.split_once(':').ok_or_else(malformed)?;
        let rest = Box::new(step(rest, written)?);
        return Ok(Step::Has { of_type: of_type.to_owned(), code: code.to_owned(), rest });
    }
    let (first, rest) = match name.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (name, None),
    };
    let (code, modifier) = match first.split_once(':') {
        Some((code, modifier)) => (code, Some(modifier.to_owned())),
        None => (first, None),
    };
    let code = code.to_owned();
    Ok(match rest {
        Some(rest) => Step::Chain { code, of_type: modifier, rest: Box::new(step(rest, written)?) },
        None => Step::Parameter { code, modifier },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(name: &str) -> Step {
        step(name, name).unwrap()
    }

    fn parameter(code: &str, modifier: Option<&str>) -> Step {
        Step::Parameter { code: code.to_owned(), modifier: modifier.map(str::to_owned) }
    }

    #[test]
    fn chains_and_reverse_chains_of_any_depth() {
        assert_eq!(parsed("name:exact"), parameter("name", Some("exact")));
        assert_eq!(
            parsed("subject:Patient.general-practitioner.name:contains"),
            Step::Chain {
                code: "subject".into(),
                of_type: Some("Patient".into()),
                rest: Box::new(Step::Chain {
                    code: "general-practitioner".into(),
                    of_type: None,
                    rest: Box::new(parameter("name", Some("contains"))),
                }),
            }
        );
        assert_eq!(
            parsed("_has:Observation:patient:_has:AuditEvent:entity:agent:missing"),
            Step::Has {
                of_type: "Observation".into(),
                code: "patient".into(),
                rest: Box::new(Step::Has {
                    of_type: "AuditEvent".into(),
                    code: "entity".into(),
                    rest: Box::new(parameter("agent", Some("missing"))),
                }),
            }
        );
        assert!(step("_has:Observation:patient", "").is_err());
    }

    #[test]
    fn what_shapes_the_answer_is_told_from_what_must_hold() {
        let pairs = [
            ("_sort", "-date,name"),
            ("_count", "7"),
            ("_include:iterate", "Observation:subject:Patient"),
            ("_revinclude", "*"),
            ("code", r"a\,b,c"),
            ("_total", "all"),
            ("status", ""),
        ];
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let (query, errors) = Query::parse(&pairs);
        assert_eq!(
            query.sort.iter().map(|sort| (sort.code.as_str(), sort.descending)).collect::<Vec<_>>(),
            [("date", true), ("name", false)]
        );
        assert_eq!(query.count, Some(7));
        assert!(query.include[0].iterate && query.include[0].target.as_deref() == Some("Patient"));
        assert_eq!(query.revinclude[0].source, None);
        assert_eq!(query.clauses[0].values(), [r"a\,b", "c"]);
        assert_eq!(errors.iter().map(|error| error.parameter.as_str()).collect::<Vec<_>>(), ["_total", "status"]);
    }
}
