//! HL7 v2 text into segments, fields, repetitions, components and subcomponents that remember what was taken:
//! <https://www.hl7.eu/HL7v2x/v251/std251/ch02.html>. Separators come from MSH; lines may end in CR, LF or both.
//!
//! Reading a text takes it; looking ([`Part::peek`]) does not. What nobody took is listed by [`super::account`].

use std::cell::Cell;
use std::collections::HashMap;

use encoding_rs::Encoding;
use model::{Issue, IssueType, Limits, Position, Severity};

use super::charset;
use super::escape::{self, Separators};
use crate::Refusal;

/// One message.
pub(super) struct Message {
    /// Its segments in order, MSH first.
    pub(super) segments: Vec<Segment>,
    /// What was odd about its text: line and words.
    pub(super) oddities: Vec<(u32, String)>,
}

/// One line of a message.
pub(super) struct Segment {
    name: String,
    line: u32,
    /// From 1 among the segments of its name.
    occurrence: u32,
    fields: Vec<Vec<Repetition>>,
}

struct Repetition {
    column: u32,
    components: Vec<Vec<Leaf>>,
}

struct Leaf {
    text: String,
    /// The two quotes that say "no value, delete the one you have".
    null: bool,
    taken: Cell<bool>,
}

/// Reads the one message in the text.
pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Message, Refusal> {
    let bytes = bytes.strip_prefix(b"\x0b").unwrap_or(bytes);
    let (text, encoding, mut oddities) = charset::decode(bytes)?;
    let lines = lines(&text, &mut oddities);
    let headers = lines.iter().filter(|(_, line)| line.starts_with("MSH")).count();
    if headers != 1 {
        let said = if headers == 0 { "no message header (MSH)".to_owned() } else { format!("{headers} messages") };
        let text = format!("The text holds {said}; exactly one message is converted at a time.");
        return Err(refuse(IssueType::NotSupported, &text));
    }
    let separators = lines.iter().find(|(_, line)| line.starts_with("MSH")).and_then(|(_, line)| Separators::of(line));
    let Some(separators) = separators else {
        return Err(refuse(IssueType::Structure, "The message header names no separators in MSH-1 and MSH-2."));
    };
    let mut reader = Reader { separators, encoding, left: limits.elements };
    let mut segments = Vec::new();
    let mut counts: HashMap<String, u32> = HashMap::new();
    for (line, text) in lines {
        let name: String = text.chars().take(3).collect();
        if matches!(name.as_str(), "FHS" | "BHS" | "BTS" | "FTS") {
            oddities.push((line, format!("The batch envelope {name} is not part of the message.")));
            continue;
        }
        let occurrence = counts.entry(name.clone()).or_default();
        *occurrence += 1;
        let fields = reader.segment(&name, &text)?;
        segments.push(Segment { name, line, occurrence: *occurrence, fields });
    }
    if segments.first().is_none_or(|first| first.name != "MSH") {
        return Err(refuse(IssueType::Structure, "The message does not begin with MSH."));
    }
    Ok(Message { segments, oddities })
}

fn refuse(code: IssueType, text: &str) -> Refusal {
    Refusal::new(Issue::new(Severity::Fatal, code, "", text))
}

/// Segments with their line numbers. A line that begins no segment continues the field before it.
fn lines(text: &str, oddities: &mut Vec<(u32, String)>) -> Vec<(u32, String)> {
    let text = text.replace("\r\n", "\n").replace(['\r', '\u{b}'], "\n");
    let mut found: Vec<(u32, String)> = Vec::new();
    for (number, line) in text.split('\n').enumerate() {
        let number = number as u32 + 1;
        let line = line.trim_end_matches('\u{1c}');
        let name = line.get(..3).filter(|name| {
            name.starts_with(|c: char| c.is_ascii_uppercase())
                && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
        });
        let begins = name.is_some() && line.chars().nth(3).is_none_or(|next| !next.is_alphanumeric() && next != ' ');
        match found.last_mut() {
            _ if begins => found.push((number, line.to_owned())),
            _ if line.trim().is_empty() => {}
            Some((_, before)) => {
                oddities
                    .push((number, "The line begins no segment and was read as text of the line before.".to_owned()));
                before.push('\n');
                before.push_str(line);
            }
            None => oddities.push((number, format!("Text before the message was not read: {line:?}."))),
        }
    }
    found
}

struct Reader {
    separators: Separators,
    encoding: &'static Encoding,
    left: usize,
}

impl Reader {
    fn segment(&mut self, name: &str, text: &str) -> Result<Vec<Vec<Repetition>>, Refusal> {
        let mut pieces = text.split(self.separators.field);
        let mut column = pieces.next().map_or(0, |name| name.chars().count()) as u32 + 2;
        // The name stands where a field 0 would.
        let mut fields = vec![Vec::new()];
        if name == "MSH" {
            fields.push(vec![self.bare(&self.separators.field.to_string(), 4)]);
            let characters = pieces.next().unwrap_or_default();
            fields.push(vec![self.bare(characters, column)]);
            column += characters.chars().count() as u32 + 1;
        }
        for piece in pieces {
            let mut repetitions = Vec::new();
            for repetition in piece.split(self.separators.repetition) {
                repetitions.push(self.repetition(repetition, column)?);
                column += repetition.chars().count() as u32 + 1;
            }
            fields.push(repetitions);
        }
        Ok(fields)
    }

    fn bare(&self, text: &str, column: u32) -> Repetition {
        let leaf = Leaf { text: text.to_owned(), null: false, taken: Cell::new(true) };
        Repetition { column, components: vec![vec![leaf]] }
    }

    fn repetition(&mut self, text: &str, column: u32) -> Result<Repetition, Refusal> {
        let mut components = Vec::new();
        for component in text.split(self.separators.component) {
            let mut leaves = Vec::new();
            for leaf in component.split(self.separators.subcomponent) {
                self.left = self
                    .left
                    .checked_sub(1)
                    .ok_or_else(|| refuse(IssueType::TooLong, "The message has more parts than are read."))?;
                let null = leaf == "\"\"";
                let text = if null { String::new() } else { escape::unescape(leaf, &self.separators, self.encoding) };
                leaves.push(Leaf { text: text.trim().to_owned(), null, taken: Cell::new(false) });
            }
            components.push(leaves);
        }
        Ok(Repetition { column, components })
    }
}

impl Message {
    /// The trigger event: `A01`.
    pub(super) fn event(&self) -> Option<&str> {
        let header = self.segments.first()?.f(9);
        // Old messages name type and event in one component.
        header.c(2).peek().or_else(|| header.peek()?.split_once('_').map(|(_, event)| event))
    }

    /// The type of the message: `ORU`.
    pub(super) fn kind(&self) -> Option<&str> {
        let header = self.segments.first()?.f(9).peek()?;
        Some(header.split_once('_').map_or(header, |(kind, _)| kind))
    }

    /// The first segment of a name.
    pub(super) fn first(&self, name: &str) -> Option<&Segment> {
        self.segments.iter().find(|segment| segment.name == name)
    }
}

impl Segment {
    /// Three letters.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// `OBX[2]`, the second OBX.
    pub(super) fn path(&self) -> String {
        format!("{}[{}]", self.name, self.occurrence)
    }

    /// Where it begins.
    pub(super) fn position(&self) -> Position {
        Position { line: self.line, column: 1 }
    }

    /// A name that is unique in the message.
    pub(super) fn key(&self) -> String {
        format!("{}:{}", self.line, self.path())
    }

    /// The first repetition of a field (from 1) that says anything; an empty part where none does.
    pub(super) fn f(&self, field: usize) -> Part<'_> {
        let first = self.reps(field).next();
        first.unwrap_or(Part { segment: self, field, repetition: 0, level: Level::Leaves(&[]) })
    }

    /// The repetitions of a field that say anything.
    pub(super) fn reps(&self, field: usize) -> impl Iterator<Item = Part<'_>> {
        self.all_reps(field).filter(|part| part.is_some())
    }

    /// All repetitions of a field, null ones too.
    pub(super) fn all_reps(&self, field: usize) -> impl Iterator<Item = Part<'_>> {
        let repetitions = self.fields.get(field).map(Vec::as_slice).unwrap_or_default();
        repetitions.iter().enumerate().map(move |(repetition, found)| Part {
            segment: self,
            field,
            repetition,
            level: Level::Components(&found.components),
        })
    }

    /// The number of its last field.
    pub(super) fn last(&self) -> usize {
        self.fields.len().saturating_sub(1)
    }
}

/// A repetition of a field, a component or a subcomponent.
#[derive(Clone, Copy)]
pub(super) struct Part<'m> {
    segment: &'m Segment,
    field: usize,
    repetition: usize,
    level: Level<'m>,
}

#[derive(Clone, Copy)]
enum Level<'m> {
    Components(&'m [Vec<Leaf>]),
    Leaves(&'m [Leaf]),
}

impl<'m> Part<'m> {
    /// The component, or in a component the subcomponent, of this number (from 1).
    pub(super) fn c(self, number: usize) -> Part<'m> {
        let at = number.wrapping_sub(1);
        let leaves = match self.level {
            Level::Components(components) => components.get(at).map(Vec::as_slice).unwrap_or_default(),
            Level::Leaves(leaves) => leaves.get(at..number).unwrap_or_default(),
        };
        Part { level: Level::Leaves(leaves), ..self }
    }

    fn leaves(self) -> impl Iterator<Item = &'m Leaf> {
        let (components, leaves): (&[Vec<Leaf>], &[Leaf]) = match self.level {
            Level::Components(components) => (components, &[]),
            Level::Leaves(leaves) => (&[], leaves),
        };
        components.iter().flatten().chain(leaves)
    }

    /// Whether any leaf has text.
    pub(super) fn is_some(self) -> bool {
        self.leaves().any(|leaf| !leaf.text.is_empty())
    }

    /// Whether it says "delete the value" and nothing else.
    pub(super) fn is_null(self) -> bool {
        !self.is_some() && self.leaves().any(|leaf| leaf.null)
    }

    /// The text of its first leaf, not taken.
    pub(super) fn peek(self) -> Option<&'m str> {
        self.leaves().next().map(|leaf| leaf.text.as_str()).filter(|text| !text.is_empty())
    }

    /// The text of its first leaf.
    pub(super) fn text(self) -> Option<&'m str> {
        let leaf = self.leaves().next().filter(|leaf| !leaf.text.is_empty())?;
        leaf.taken.set(true);
        Some(&leaf.text)
    }

    /// All its text, components with blanks between them; all of it counts as taken.
    pub(super) fn whole(self) -> Option<String> {
        self.take_all();
        self.words()
    }

    /// All its text, not taken.
    pub(super) fn words(self) -> Option<String> {
        let words: Vec<&str> = self.leaves().map(|leaf| leaf.text.as_str()).filter(|text| !text.is_empty()).collect();
        (!words.is_empty()).then(|| words.join(" "))
    }

    /// Counts all of it as taken.
    pub(super) fn take_all(self) {
        self.leaves().for_each(|leaf| leaf.taken.set(true));
    }

    /// What was not taken: component number, subcomponent number, text; null ones without text.
    pub(super) fn untaken(self) -> Vec<(usize, usize, &'m str)> {
        let Level::Components(components) = self.level else { return Vec::new() };
        let mut found = Vec::new();
        for (component, leaves) in components.iter().enumerate() {
            for (sub, leaf) in leaves.iter().enumerate() {
                if !leaf.taken.get() && (leaf.null || !leaf.text.is_empty()) {
                    found.push((component + 1, sub + 1, leaf.text.as_str()));
                }
            }
        }
        found
    }

    /// `PID[1]-3(2)`, the second repetition of the field.
    pub(super) fn path(self) -> String {
        let several = self.segment.fields.get(self.field).is_some_and(|all| all.len() > 1);
        let place = if several { format!("({})", self.repetition + 1) } else { String::new() };
        format!("{}-{}{place}", self.segment.path(), self.field)
    }

    /// Where its repetition begins.
    pub(super) fn position(self) -> Position {
        let repetitions = self.segment.fields.get(self.field);
        let column = repetitions.and_then(|all| all.get(self.repetition)).map_or(1, |found| found.column);
        Position { line: self.segment.line, column }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { bytes: 1 << 20, depth: 10, elements: 1000 };

    fn message(text: &str) -> Message {
        read(text.as_bytes(), &LIMITS).unwrap_or_else(|refusal| panic!("{refusal}"))
    }

    #[test]
    fn separators_are_those_of_the_header() {
        let message = message("MSH#:;?!#APP\rPID#1##A:B!C;D#\"\"\nZZZ#?F?");
        let pid = &message.segments[1];
        let parts: Vec<_> = pid.reps(3).collect();
        assert_eq!(parts[0].c(2).c(2).peek(), Some("C"));
        assert_eq!(parts[1].peek(), Some("D"));
        assert_eq!((parts[1].path(), parts[1].position().column), ("PID[1]-3(2)".to_owned(), 14));
        assert!(!pid.f(4).is_some() && pid.all_reps(4).next().is_some_and(Part::is_null));
        assert_eq!((message.segments[2].f(1).peek(), message.segments[2].position().line), (Some("#"), 3));
        assert_eq!(message.segments[0].f(3).peek(), Some("APP"));
    }

    #[test]
    fn taking_leaves_only_what_nobody_read() {
        let message = message("MSH|^~\\&|A\rOBX|1|CE|a^b^c&d");
        let field = message.segments[1].f(3);
        assert_eq!(field.c(2).text(), Some("b"));
        assert_eq!(field.untaken(), [(1, 1, "a"), (3, 1, "c"), (3, 2, "d")]);
        assert_eq!(field.whole().as_deref(), Some("a b c d"));
        assert!(field.untaken().is_empty());
    }

    #[test]
    fn lines_that_begin_no_segment_continue_the_one_before() {
        let message = message("\u{feff}MSH|^~\\&|A\r\nOBX|1|TX|x||first\nsecond line|\n\nNTE|1||n\u{1c}\r");
        assert_eq!(message.segments[1].f(5).peek(), Some("first\nsecond line"));
        assert_eq!(message.segments[2].f(3).peek(), Some("n"));
        assert_eq!(message.oddities[0].0, 3);
    }

    #[test]
    fn what_is_no_single_message_is_refused() {
        for text in ["", "PID|1", "MSH", "MSH|^~\\&|A\rMSH|^~\\&|B", "MSH|"] {
            assert!(read(text.as_bytes(), &LIMITS).is_err(), "{text:?}");
        }
        let long = format!("MSH|^~\\&|A\rOBX|{}", "|".repeat(2000));
        let refusal = read(long.as_bytes(), &LIMITS).err().map(|refusal| refusal.issues[0].code);
        assert_eq!(refusal, Some(IssueType::TooLong));
    }
}
