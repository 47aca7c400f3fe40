//! Where issues stand in a text: line and column, counted in characters. Which element an issue is of is not known here.

use model::Position;

/// Lines and columns of ascending offsets: each character of a text is counted once, however long its lines are.
pub(crate) struct TextPlaces<'s> {
    source: &'s str,
    /// Where the counting is, with the line and column of that byte.
    at: usize,
    here: Position,
}

impl<'s> TextPlaces<'s> {
    /// From the beginning of a text.
    pub(crate) fn of(source: &'s str) -> TextPlaces<'s> {
        TextPlaces { source, at: 0, here: Position { line: 1, column: 1 } }
    }

    /// The place of a byte, past the end that of the end; one before the last that was asked for is counted from the beginning.
    pub(crate) fn position(&mut self, offset: usize) -> Position {
        let offset = offset.min(self.source.len());
        if offset < self.at {
            *self = TextPlaces::of(self.source);
        }
        let passed = self.source.get(self.at..offset).unwrap_or_default();
        let lines = passed.bytes().filter(|byte| *byte == b'\n').count() as u32;
        let last = passed.rfind('\n').map_or(passed, |at| passed.get(at + 1..).unwrap_or_default());
        let before = if lines == 0 { self.here.column } else { 1 };
        self.here = Position { line: self.here.line + lines, column: before + last.chars().count() as u32 };
        self.at = offset;
        self.here
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_lines_and_characters_in_any_order() {
        let text = "aé\nœb\n\nc";
        let mut places = TextPlaces::of(text);
        let mut at = |offset| {
            let Position { line, column } = places.position(offset);
            (line, column)
        };
        let found = [0, 1, 3, 4, 6, 7, 8, 9, 10, 3, 99].map(&mut at);
        let wanted = [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3), (3, 1), (4, 1), (4, 2), (1, 3), (4, 2)];
        assert_eq!(found, wanted);
    }
}
