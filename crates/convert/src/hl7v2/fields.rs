//! Fields that need no thought, by table: `segments.tsv` says which element of the segment's resource a field becomes.
//!
//! A path is a list of element names with points between; `[]` makes a new item, `[0]` stays with the first one. Kinds are
//! those of [`write`].

use std::collections::HashMap;
use std::sync::LazyLock;

use model::{ElementMut, Primitive};

use super::coded;
use super::context::Context;
use super::datatypes;
use super::people;
use super::read::{Part, Segment};

struct Row {
    field: usize,
    path: Vec<Step>,
    kind: &'static str,
}

struct Step {
    name: &'static str,
    item: Item,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Item {
    Single,
    New,
    First,
}

static ROWS: LazyLock<HashMap<&'static str, Vec<Row>>> = LazyLock::new(|| {
    let mut rows: HashMap<&str, Vec<Row>> = HashMap::new();
    for line in include_str!("segments.tsv").lines().filter(|line| !line.starts_with('#')) {
        let mut columns = line.split('\t');
        let (Some(segment), Some(field), Some(path), Some(kind)) =
            (columns.next(), columns.next(), columns.next(), columns.next())
        else {
            continue;
        };
        let step = |text: &'static str| match (text.strip_suffix("[]"), text.strip_suffix("[0]")) {
            (Some(name), _) => Step { name, item: Item::New },
            (_, Some(name)) => Step { name, item: Item::First },
            _ => Step { name: text, item: Item::Single },
        };
        let path = path.split('.').map(step).collect();
        let field = field.parse().unwrap_or(0);
        rows.entry(segment).or_default().push(Row { field, path, kind });
    }
    rows
});

/// Carries the fields of a segment that the table has a row for. What a single element cannot take of a repeating field
/// stays untaken, and so is listed.
pub(super) fn carry(cx: &mut Context<'_>, segment: &Segment, to: &mut ElementMut<'_>) {
    carry_as(cx, segment, segment.name(), to);
}

/// The same with the rows of a name of its own, for a second resource of the segment.
pub(super) fn carry_as(cx: &mut Context<'_>, segment: &Segment, name: &str, to: &mut ElementMut<'_>) {
    let Some(rows) = ROWS.get(name) else { return };
    for row in rows {
        let repeats = row.path.iter().any(|step| step.item == Item::New);
        for part in segment.reps(row.field).take(if repeats { usize::MAX } else { 1 }) {
            descend(cx, part, to, &row.path, row.kind);
        }
    }
}

fn descend(cx: &mut Context<'_>, part: Part<'_>, to: &mut ElementMut<'_>, path: &[Step], kind: &str) {
    match path {
        [] => {}
        [last] => write(cx, part, to, last.name, last.item != Item::Single, kind),
        [step, rest @ ..] => {
            let known = to.as_element().get(step.name).is_some();
            let mut inner = match step.item {
                Item::Single => to.object(step.name),
                Item::First if known => to.object(step.name),
                _ => to.item(step.name),
            };
            descend(cx, part, &mut inner, rest, kind);
            if !inner.as_element().has_children() {
                inner.detach();
            }
        }
    }
}

fn write(cx: &mut Context<'_>, part: Part<'_>, to: &mut ElementMut<'_>, name: &str, list: bool, kind: &str) {
    let (kind, detail) = kind.split_once(':').unwrap_or((kind, ""));
    // A single element that is there already keeps what it has; what this part says is listed.
    if !list && to.as_element().get(name).is_some() {
        return;
    }
    match kind {
        "skip" => part.take_all(),
        "time" => {
            datatypes::set_time(cx, part, to, name);
        }
        "date" => {
            datatypes::set_date(cx, part, to, name);
        }
        "instant" => {
            datatypes::set_instant(cx, part, to, name);
        }
        "text" => set_text(part.text().map(str::to_owned), to, name, list),
        "words" => set_text(part.whole(), to, name, list),
        "number" | "integer" => {
            let found = part.peek().and_then(datatypes::number);
            if let Some(number) = found.filter(|number| kind == "number" || !number.contains(['.', 'e', 'E'])) {
                part.text();
                to.set(name, Primitive::Number(&number));
            }
        }
        "bool" => {
            let value = match part.peek() {
                Some("Y" | "y" | "1") => true,
                Some("N" | "n" | "0") => false,
                _ => return,
            };
            part.text();
            to.set(name, value);
        }
        "map" => {
            if let Some(code) = part.peek().and_then(|code| coded::lookup(detail, code)) {
                part.text();
                to.set(name, code);
            }
        }
        "practitioner" => {
            people::refer(people::practitioner(cx, part), to, name, list);
        }
        "organization" => {
            people::refer(people::organization(cx, part), to, name, list);
        }
        "facility" => {
            people::refer(people::facility(cx, part), to, name, list);
        }
        "location" => {
            people::refer(people::location(cx, part), to, name, list);
        }
        "telecom" => {
            datatypes::push_telecom(cx, part, Some(detail).filter(|detail| !detail.is_empty()), to, name);
        }
        _ => {
            let mut target = if list { to.item(name) } else { to.object(name) };
            complex(cx, part, &mut target, kind, detail);
            if !target.as_element().has_children() {
                target.detach();
            }
        }
    }
}

fn set_text(text: Option<String>, to: &mut ElementMut<'_>, name: &str, list: bool) {
    match text {
        Some(text) if list => {
            to.push(name, &text);
        }
        text => {
            to.set_some(name, text.as_deref());
        }
    }
}

fn complex(cx: &mut Context<'_>, part: Part<'_>, target: &mut ElementMut<'_>, kind: &str, detail: &str) {
    match kind {
        "concept" => coded::fill_concept(cx, part, target),
        "identifier" => {
            datatypes::fill_identifier(cx, part, target);
            if !detail.is_empty() && target.as_element().get("type").is_none() {
                datatypes::fill_kind(Some(detail), target);
            }
        }
        "entity" => datatypes::fill_entity(cx, part, Some(detail).filter(|detail| !detail.is_empty()), target),
        "name" => {
            datatypes::fill_name(cx, part, 0, target);
        }
        "address" => datatypes::fill_address(cx, part, target),
        "quantity" => {
            if let Some(number) = part.peek().and_then(datatypes::number) {
                part.text();
                let unit = part.c(2);
                datatypes::fill_quantity(cx, &number, unit, target);
            }
        }
        "money" => {
            if let Some(number) = part.c(1).peek().and_then(datatypes::number) {
                part.text();
                target.set("value", Primitive::Number(&number));
                let currency = part.c(1).c(2).text().or_else(|| part.c(2).text());
                target.set_some("currency", currency.filter(|code| code.len() == 3));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_is_understood() {
        const KINDS: [&str; 21] = [
            "skip",
            "time",
            "date",
            "instant",
            "text",
            "words",
            "number",
            "integer",
            "bool",
            "map",
            "practitioner",
            "organization",
            "facility",
            "location",
            "telecom",
            "concept",
            "identifier",
            "entity",
            "name",
            "address",
            "quantity",
        ];
        let mut count = 0;
        for line in include_str!("segments.tsv").lines().filter(|line| !line.starts_with('#')) {
            let columns: Vec<&str> = line.split('\t').collect();
            assert!(columns.len() == 4 && columns[1].parse::<usize>().is_ok_and(|field| field > 0), "{line}");
            let kind = columns[3].split(':').next().unwrap_or_default();
            assert!(KINDS.contains(&kind) || kind == "money", "{line}");
            count += 1;
        }
        assert_eq!(count, ROWS.values().map(Vec::len).sum::<usize>());
    }
}
