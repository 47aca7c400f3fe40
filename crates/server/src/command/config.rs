//! `passerelle config --print`: the configuration in force, or the table for the documentation.

use std::error::Error;
use std::process::ExitCode;

use clap::ArgMatches;

use super::output::say;
use crate::configuration::{Values, to_markdown};

/// Prints it.
pub(crate) fn run(matches: &ArgMatches, values: &Values) -> Result<ExitCode, Box<dyn Error>> {
    match matches.get_one::<String>("format").map(String::as_str) {
        Some("markdown") => say!("{}", to_markdown().trim_end()),
        _ => say!("{}", values.to_toml().trim_end()),
    }
    Ok(ExitCode::SUCCESS)
}
