//! The rules of the house, held by tests: they read the repository, build nothing and run no program but `git`.
//!
//! Each file is one kind of rule. A rule's exceptions stand in `tests/ledgers/`, each with its reason.

#![allow(clippy::unwrap_used, clippy::panic, reason = "all of it is tests, also what no #[test] stands on")]

mod architecture;
mod decisions;
mod formats;
mod ladder;
mod manifests;
mod names;
mod pages;
mod repository;
mod size;
mod source;
mod traces;
