//! `docs/operations.md` says what the program does: its table of options is made of the same table as `--help`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use server::configuration::to_markdown;

#[test]
fn the_table_of_options_in_the_documentation_is_that_of_the_program() {
    let page = include_str!("../../../docs/operations.md");
    let (_, rest) = page.split_once("<!-- options -->\n").unwrap();
    let (table, _) = rest.split_once("<!-- end of options -->").unwrap();
    assert_eq!(table, to_markdown(), "write it again: passerelle config --print --format markdown");
}
