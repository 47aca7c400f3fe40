//! Small code maps of `codes.tsv`: statuses, severities, kinds of allergies. A code that is not there is not guessed.

use std::collections::HashMap;
use std::sync::LazyLock;

static ROWS: LazyLock<HashMap<(&'static str, &'static str), &'static str>> = LazyLock::new(|| {
    let rows = include_str!("codes.tsv").lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    rows.filter_map(|line| {
        let mut cells = line.split('\t');
        Some(((cells.next()?, cells.next()?), cells.next()?))
    })
    .collect()
});

/// The target of a source code in a map.
pub(super) fn lookup(map: &str, code: &str) -> Option<&'static str> {
    ROWS.get(&(map, code)).copied()
}

/// Whether a coded element says that there is nothing, or nothing known: "no known allergies", "no information".
pub(super) fn is_absence(node: super::read::Node<'_>) -> bool {
    let own = node.peek("code").is_some_and(|code| lookup("absence", code).is_some());
    own || node.all("translation").any(is_absence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_three_cells_and_stand_once() {
        let rows = include_str!("codes.tsv").lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        let mut count = 0;
        for row in rows {
            assert_eq!(row.split('\t').count(), 3, "{row:?}");
            count += 1;
        }
        assert_eq!(count, ROWS.len());
        assert_eq!(lookup("condition-clinical", "413322009"), Some("resolved"));
        assert_eq!(lookup("condition-clinical", "x"), None);
    }
}
