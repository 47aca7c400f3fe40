//! Counting a run's cases against its ledger.

use std::collections::BTreeSet;

use crate::{Ledger, Verdict};

/// A run in progress.
#[derive(Debug)]
pub struct Tally<'l> {
    ledger: &'l Ledger,
    report: Report,
    seen: BTreeSet<String>,
}

/// What a run came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// Cases that passed, and that no row says fail.
    pub passed: usize,
    /// Cases that failed as their row says.
    pub known: usize,
    /// Cases that failed, and that their row puts out of scope.
    pub out_of_scope: usize,
    /// What makes the run fail, one line each, in the order in which it came up.
    pub faults: Vec<String>,
}

impl<'l> Tally<'l> {
    /// A run of the suite that this ledger belongs to.
    pub fn new(ledger: &'l Ledger) -> Tally<'l> {
        Tally { ledger, report: Report::default(), seen: BTreeSet::new() }
    }

    /// Counts one case; an error says in one line how it failed. An id that comes twice is a fault.
    pub fn record(&mut self, id: &str, outcome: Result<(), String>) {
        if !self.seen.insert(id.to_owned()) {
            self.report.faults.push(format!("{id}: two cases have this id"));
            return;
        }
        match (outcome, self.ledger.row(id)) {
            (Ok(()), None) => self.report.passed += 1,
            (Ok(()), Some(row)) => {
                self.report.faults.push(format!("{id}: passes, though its row says: {}", row.reason));
            }
            (Err(how), None) => self.report.faults.push(format!("{id}: {how}")),
            (Err(_), Some(row)) => match row.verdict {
                Verdict::Fails => self.report.known += 1,
                Verdict::OutOfScope => self.report.out_of_scope += 1,
            },
        }
    }

    /// Ends the run: a row whose case never came is a fault.
    pub fn finish(mut self) -> Report {
        for (id, _) in self.ledger.rows().filter(|(id, _)| !self.seen.contains(*id)) {
            self.report.faults.push(format!("{id}: has a row, but there is no such case"));
        }
        self.report
    }
}

impl Report {
    /// Whether nothing is at fault.
    pub fn is_ok(&self) -> bool {
        self.faults.is_empty()
    }
}

impl std::fmt::Display for Report {
    /// `12 passed, 1 failed as listed, 2 out of scope, 0 faults`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Report { passed, known, out_of_scope, faults } = self;
        write!(f, "{passed} passed, {known} failed as listed, {out_of_scope} out of scope, {} faults", faults.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEDGER: &str = "[[case]]\nid = 'known'\nverdict = 'fails'\nreason = 'later'\n\
        [[case]]\nid = 'other'\nverdict = 'out of scope'\nreason = 'R5'\n";

    fn run(cases: &[(&str, Result<(), &str>)]) -> Report {
        let ledger = Ledger::read(LEDGER).unwrap();
        let mut tally = Tally::new(&ledger);
        for (id, outcome) in cases {
            tally.record(id, outcome.map_err(str::to_owned));
        }
        tally.finish()
    }

    #[test]
    fn a_run_as_listed_has_no_fault() {
        let report = run(&[("a", Ok(())), ("known", Err("x")), ("other", Err("y"))]);
        assert_eq!(report, Report { passed: 1, known: 1, out_of_scope: 1, faults: vec![] });
        assert!(report.is_ok());
    }

    #[test]
    fn each_departure_from_the_ledger_is_a_fault() {
        let report = run(&[("a", Err("no answer")), ("known", Ok(())), ("a", Ok(()))]);
        assert_eq!(
            report.faults,
            [
                "a: no answer",
                "known: passes, though its row says: later",
                "a: two cases have this id",
                "other: has a row, but there is no such case"
            ]
        );
        assert_eq!(report.to_string(), "0 passed, 0 failed as listed, 0 out of scope, 4 faults");
        assert!(!report.is_ok());
    }
}
