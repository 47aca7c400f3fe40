//! Reading a ledger.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Why a case may fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub enum Verdict {
    /// It should pass, and does not.
    #[serde(rename = "fails")]
    Fails,
    /// It asks for what the project does not set out to do, or is itself defective.
    #[serde(rename = "out of scope")]
    OutOfScope,
}

/// What a ledger says of one case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Why the case may fail.
    pub verdict: Verdict,
    /// The reason in words; never blank.
    pub reason: String,
}

/// The text is no ledger; nothing was kept.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The TOML is broken, or holds what a ledger has not.
    #[error("{0}")]
    Syntax(#[from] toml::de::Error),
    /// A row names no case.
    #[error("row {0} has neither 'id' nor 'ids'")]
    Nameless(usize),
    /// A row gives no reason.
    #[error("'{0}' stands without a reason")]
    Unreasoned(String),
    /// Two rows name one case.
    #[error("'{0}' stands twice")]
    Twice(String),
}

/// The rows of one suite by case id.
#[derive(Clone, Default, Debug)]
pub struct Ledger {
    rows: BTreeMap<String, Row>,
}

impl Ledger {
    /// Reads the TOML text of a ledger; an empty text is an empty ledger.
    ///
    /// # Errors
    /// [`LedgerError`] where a row has no id, no reason, an unknown key, or a case stands twice.
    pub fn read(text: &str) -> Result<Ledger, LedgerError> {
        let file: File = toml::from_str(text)?;
        let mut rows = BTreeMap::new();
        for (place, case) in file.case.into_iter().enumerate() {
            let ids: Vec<String> = case.id.into_iter().chain(case.ids).collect();
            let Some(first) = ids.first() else { return Err(LedgerError::Nameless(place + 1)) };
            if case.reason.trim().is_empty() {
                return Err(LedgerError::Unreasoned(first.clone()));
            }
            for id in ids {
                let row = Row { verdict: case.verdict, reason: case.reason.clone() };
                if rows.insert(id.clone(), row).is_some() {
                    return Err(LedgerError::Twice(id));
                }
            }
        }
        Ok(Ledger { rows })
    }

    /// What it says of a case.
    pub fn row(&self, id: &str) -> Option<&Row> {
        self.rows.get(id)
    }

    /// All rows in the order of their ids.
    pub fn rows(&self) -> impl Iterator<Item = (&str, &Row)> {
        self.rows.iter().map(|(id, row)| (id.as_str(), row))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    id: Option<String>,
    #[serde(default)]
    ids: Vec<String>,
    verdict: Verdict,
    #[serde(default)]
    reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_reason_may_serve_several_cases() {
        let text = "[[case]]\nids = ['a', 'b']\nverdict = 'out of scope'\nreason = 'R5'\n";
        let ledger = Ledger::read(text).unwrap();
        assert_eq!(ledger.rows().map(|(id, _)| id).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(ledger.row("b").map(|row| row.verdict), Some(Verdict::OutOfScope));
        assert!(ledger.row("c").is_none());
    }

    #[test]
    fn what_is_no_ledger_is_refused() {
        for (text, message) in [
            ("[[case]]\nid = 'a'\nverdict = 'fails'", "'a' stands without a reason"),
            ("[[case]]\nid = 'a'\nverdict = 'fails'\nreason = ' '", "'a' stands without a reason"),
            ("[[case]]\nverdict = 'fails'\nreason = 'r'", "row 1 has neither 'id' nor 'ids'"),
            ("[[case]]\nids = ['a', 'a']\nverdict = 'fails'\nreason = 'r'", "'a' stands twice"),
        ] {
            assert_eq!(Ledger::read(text).unwrap_err().to_string(), message);
        }
        for text in ["[[case]]\nid = 'a'\nverdict = 'skipped'\nreason = 'r'", "[[row]]\nid = 'a'"] {
            assert!(matches!(Ledger::read(text), Err(LedgerError::Syntax(_))), "{text}");
        }
    }
}
