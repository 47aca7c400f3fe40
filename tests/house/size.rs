//! Size: a file has at most 500 lines, a function at most 80; exceptions stand in `tests/ledgers/size.toml`.

use ledger::{Ledger, Tally};

use crate::repository::{none, rust_files, text};
use crate::source::functions;

const FILE_LINES: usize = 500;
const FUNCTION_LINES: usize = 80;

#[test]
fn files_and_functions_are_short() {
    let ledger = Ledger::read(include_str!("../ledgers/size.toml")).unwrap();
    let mut tally = Tally::new(&ledger);
    for file in rust_files() {
        let text = text(&file).unwrap();
        tally.record(&file, within(text.lines().count(), FILE_LINES));
        let mut functions = functions(&file, &text);
        functions.sort_by(|one, other| (&one.name, other.lines).cmp(&(&other.name, one.lines)));
        // Of several functions of one name the longest stands for all: a ledger names them alike.
        functions.dedup_by(|one, longest| one.name == longest.name);
        for function in functions {
            tally.record(&format!("{file}::{}", function.name), within(function.lines, FUNCTION_LINES));
        }
    }
    none("Too long, or a row of tests/ledgers/size.toml without need:", tally.finish().faults);
}

fn within(lines: usize, most: usize) -> Result<(), String> {
    if lines <= most { Ok(()) } else { Err(format!("{lines} lines, at most {most}")) }
}
