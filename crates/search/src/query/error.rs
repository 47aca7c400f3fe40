//! What is wrong with a query.

use model::{Issue, IssueType};

/// A parameter of a query that cannot be answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{parameter}: {reason}")]
pub struct QueryError {
    /// The parameter as it was written, with modifiers and chain.
    pub parameter: String,
    /// What is wrong, and what would be right.
    pub reason: String,
    /// What kind of fault.
    pub code: IssueType,
}

impl QueryError {
    /// A value or a combination that has no meaning.
    pub(crate) fn invalid(parameter: &str, reason: impl Into<String>) -> QueryError {
        QueryError { parameter: parameter.to_owned(), reason: reason.into(), code: IssueType::Invalid }
    }

    /// A name, modifier or feature that there is not.
    pub(crate) fn unsupported(parameter: &str, reason: impl Into<String>) -> QueryError {
        QueryError { parameter: parameter.to_owned(), reason: reason.into(), code: IssueType::NotSupported }
    }

    /// The same as an issue for an OperationOutcome.
    pub fn issue(&self) -> Issue {
        Issue::error(self.code, format!("http.{}", self.parameter), format!("{}: {}", self.parameter, self.reason))
    }
}

/// The name among `known` that is nearest to `asked`, where one is near.
pub(crate) fn nearest<'k>(asked: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let asked = asked.to_ascii_lowercase();
    let most = 1 + asked.len() / 3;
    // The distance is never less than the difference of the lengths.
    let known = known.filter(|name| name.chars().count().abs_diff(asked.chars().count()) <= most);
    let near = known.map(|name| (distance(&asked, &name.to_ascii_lowercase()), name));
    let (distance, name) = near.min()?;
    (distance <= most).then_some(name)
}

/// Characters to insert, remove or replace.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        for (j, right) in b.iter().enumerate() {
            let at = |row: &[usize], place: usize| row.get(place).copied().unwrap_or(usize::MAX - 1);
            let cost = at(&row, j) + usize::from(left != *right);
            next.push(cost.min(at(&row, j + 1) + 1).min(at(&next, j) + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_if_it_is_near() {
        let known = ["birthdate", "gender", "family", "given"];
        assert_eq!(nearest("birthDate", known.into_iter()), Some("birthdate"));
        assert_eq!(nearest("famly", known.into_iter()), Some("family"));
        assert_eq!(nearest("x", known.into_iter()), None);
    }
}
