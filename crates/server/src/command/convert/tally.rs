//! What became of the sources of a run: a line each, and a table by format.

use std::collections::BTreeMap;
use std::time::Duration;

use convert::Draft;
use model::{Issue, Severity};

/// What became of one source.
pub(super) struct Line {
    place: usize,
    text: String,
    /// `None` for a source that was refused.
    counts: Option<(&'static str, Counts)>,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    documents: usize,
    unchanged: usize,
    mapped: usize,
    losses: usize,
    notes: usize,
    whole: usize,
}

impl Line {
    /// That of a source.
    pub(super) fn of(place: usize, name: String, result: Result<&Draft, &Vec<Issue>>) -> Line {
        match result {
            Ok(draft) => {
                let (mapped, losses) = (draft.report.mapped.len(), draft.report.losses().count());
                let category = if draft.category.is_empty() { "no document" } else { draft.category.as_str() };
                let text = format!("{name}: {category}, {mapped} parts mapped, {losses} losses or doubts");
                let counts = Counts {
                    documents: 1,
                    unchanged: usize::from(draft.unchanged),
                    mapped,
                    losses,
                    notes: draft.report.issues.len() - losses,
                    whole: usize::from(losses == 0),
                };
                Line { place, text, counts: Some((draft.format, counts)) }
            }
            Err(issues) => {
                let reason = issues.iter().find(|issue| issue.severity <= Severity::Error).or(issues.first());
                let text = format!("{name}: refused: {}", reason.map(Issue::to_string).unwrap_or_default());
                Line { place, text, counts: None }
            }
        }
    }
}

/// All lines, and the sums of each format.
#[derive(Default)]
pub(super) struct Tally {
    lines: Vec<(usize, String)>,
    formats: BTreeMap<&'static str, Counts>,
    refused: usize,
}

impl Tally {
    /// Takes up a line.
    pub(super) fn add(&mut self, line: Line) {
        self.lines.push((line.place, line.text));
        match line.counts {
            Some((format, counts)) => self.formats.entry(format).or_default().add(&counts),
            None => self.refused += 1,
        }
    }

    /// Takes up another tally.
    pub(super) fn join(&mut self, other: Tally) {
        self.lines.extend(other.lines);
        for (format, counts) in other.formats {
            self.formats.entry(format).or_default().add(&counts);
        }
        self.refused += other.refused;
    }

    /// How many sources were refused.
    pub(super) fn refused(&self) -> usize {
        self.refused
    }

    /// The lines in the order of the command line, the table, the sum.
    pub(super) fn text(&self, took: Duration) -> String {
        let mut lines: Vec<&(usize, String)> = self.lines.iter().collect();
        lines.sort();
        let mut text: String = lines.iter().map(|(_, line)| format!("{line}\n")).collect();
        let converted: usize = self.formats.values().map(|counts| counts.documents).sum();
        if lines.len() > 1 {
            text.push_str("\nformat  documents  without loss  as they came  parts mapped  losses or doubts  notes\n");
            for (format, counts) in &self.formats {
                let Counts { documents, unchanged, mapped, losses, notes, whole } = counts;
                text.push_str(&format!(
                    "{format:<6}  {documents:>9}  {whole:>12}  {unchanged:>12}  {mapped:>12}  {losses:>16}  {notes:>5}\n"
                ));
            }
            let seconds = took.as_secs_f64();
            text.push_str(&format!("\n{:.0} documents/s in {seconds:.1} s\n", lines.len() as f64 / seconds.max(0.001)));
        }
        text.push_str(&format!("{converted} converted, {} refused\n", self.refused));
        text
    }
}

impl Counts {
    fn add(&mut self, other: &Counts) {
        self.documents += other.documents;
        self.unchanged += other.unchanged;
        self.mapped += other.mapped;
        self.losses += other.losses;
        self.notes += other.notes;
        self.whole += other.whole;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stand_in_order_and_refusals_are_counted() {
        let refused = vec![Issue::error(model::IssueType::NotSupported, "a", "No.")];
        let mut tally = Tally::default();
        tally.add(Line::of(1, "b".into(), Err(&refused)));
        let mut other = Tally::default();
        other.add(Line::of(0, "a".into(), Err(&refused)));
        tally.join(other);
        let text = tally.text(Duration::from_secs(1));
        assert!(text.starts_with("a: refused: error not-supported a: No.\nb: refused"), "{text}");
        assert!(text.ends_with("0 converted, 2 refused\n"), "{text}");
    }
}
