//! The account of a message: every field that no map took is listed with its path, line and text.

use model::{Issue, IssueType, Severity};

use super::context::Context;
use super::read::Message;

/// Lists what was not taken. Set ids and the message's own envelope say nothing of the patient.
pub(super) fn losses(cx: &mut Context<'_>, message: &Message) {
    for (line, text) in &message.oddities {
        let position = model::Position { line: *line, column: 1 };
        let issue = Issue::new(Severity::Information, IssueType::Informational, "", text.as_str());
        cx.report.issues.push(issue.at(Some(position)));
    }
    for segment in &message.segments {
        for field in 1..=segment.last() {
            for part in segment.all_reps(field) {
                let untaken = part.untaken();
                if untaken.is_empty() {
                    continue;
                }
                if part.is_null() {
                    cx.loss(part, "The field says \"\" (delete the value that you have), which a document cannot.");
                    continue;
                }
                let words: Vec<String> = untaken.into_iter().map(|(c, s, text)| word(c, s, text)).collect();
                let text = format!("No place in the map, not carried: {}.", words.join(", "));
                match segment.name() {
                    "MSH" | "SFT" | "UAC" | "EVN" | "DSC" => cx.note(part, text),
                    _ => cx.loss(part, text),
                }
            }
        }
    }
}

fn word(component: usize, sub: usize, text: &str) -> String {
    const LONGEST: usize = 2000;
    let place = match (component, sub) {
        (component, 1) => format!("component {component}"),
        (component, sub) => format!("component {component}.{sub}"),
    };
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => {
            format!("{place} {:?}… ({} characters)", text.get(..at).unwrap_or_default(), text.chars().count())
        }
        None if text.is_empty() => format!("{place} \"\" (delete)"),
        None => format!("{place} {text:?}"),
    }
}
