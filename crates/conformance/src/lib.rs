//! Published suites run as data, one adapter each, with a ledger of the cases that do not pass.
//!
//! `cargo run --release -p conformance -- SUITE PATH…` runs one; `.ci/run` runs all of them that it has the data for.
//! The suites belong to others and stay outside of the repository; the ledgers, in `ledgers/`, are ours. A run prints
//! its counts and each fault, and fails where there is one (see [`ledger`]).

pub mod connection;
pub mod documents;
pub mod expected;
pub mod facts;
pub mod json_text;
pub mod program;
pub mod suites;
pub mod xml_text;
