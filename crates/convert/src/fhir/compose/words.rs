//! The words of generated titles and narratives, in the languages of `words.tsv`.

use std::collections::HashMap;
use std::sync::LazyLock;

type Row = [&'static str; 5];

static WORDS: LazyLock<HashMap<&'static str, Row>> = LazyLock::new(|| {
    let rows = include_str!("words.tsv").lines().filter(|line| !line.starts_with('#'));
    rows.filter_map(|row| {
        let mut cells = row.split('\t');
        let mut next = || cells.next();
        Some((next()?, [next()?, next()?, next()?, next()?, next()?]))
    })
    .collect()
});

/// A language of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Language {
    column: usize,
    /// Its tag, with the region that was asked for.
    pub(crate) tag: &'static str,
}

const LANGUAGES: [&str; 5] = ["en", "fr", "de", "it", "es"];

impl Language {
    /// The language of a BCP 47 tag; English where the table does not have it.
    pub(crate) fn of(tag: &str) -> Language {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        let column = LANGUAGES.iter().position(|known| known.eq_ignore_ascii_case(primary)).unwrap_or(0);
        Language { column, tag: LANGUAGES.get(column).copied().unwrap_or("en") }
    }

    /// Whether the table has the language of a tag.
    pub(crate) fn is_known(tag: &str) -> bool {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        LANGUAGES.iter().any(|known| known.eq_ignore_ascii_case(primary))
    }

    /// A word by its key; a code that is no key stands for itself.
    pub(crate) fn word(self, key: &str) -> &str {
        WORDS.get(key).and_then(|row| row.get(self.column)).copied().unwrap_or(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_the_language_and_unknown_ones_stay() {
        assert_eq!(Language::of("fr-BE").word("11450-4"), "Problèmes");
        assert_eq!(Language::of("fi").word("what"), "What");
        assert_eq!(Language::of("de").word("x-new"), "x-new");
        assert!(Language::is_known("es-ES") && !Language::is_known("mt"));
        let rows = include_str!("words.tsv").lines().filter(|line| !line.starts_with('#'));
        for row in rows {
            assert!(row.split('\t').count() == 6 && row.split('\t').all(|cell| !cell.is_empty()), "{row}");
        }
    }
}
