//! The command line: one file a command.

mod config;
mod convert;
mod demo;
mod export;
mod fhirpath;
mod files;
mod line;
mod load;
mod log;
mod output;
mod packages;
mod progress;
mod serve;
mod texts;
mod validate;

use std::ffi::OsString;
use std::process::ExitCode;

pub use line::{command_line, values};
pub use serve::{serve, settings};

/// Runs the program: 0 when all went well, 1 when something was refused or failed, 2 when it was called wrongly.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let matches = match command_line().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) => {
            // Help and version are printed to standard output and are no failure.
            let code = if error.use_stderr() { 2 } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let Some((name, matches)) = matches.subcommand() else {
        return ExitCode::from(2);
    };
    let values = match values(matches, |name| std::env::var(name).ok()) {
        Ok(values) => values,
        Err(error) => return failed(&error),
    };
    log::start(&values);
    let done = match name {
        "serve" => serve::run(&values),
        "convert" => convert::run(matches, &values),
        "validate" => validate::run(matches, &values),
        "fhirpath" => fhirpath::run(matches, &values),
        "load" => load::run(matches, &values),
        "export" => export::run(matches, &values),
        "packages" => packages::run(matches, &values),
        _ => config::run(matches, &values),
    };
    match done {
        Ok(code) => code,
        Err(error) => failed(&*error),
    }
}

fn failed(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("passerelle: {error}");
    ExitCode::from(1)
}
