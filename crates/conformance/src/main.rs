//! `conformance SUITE PATH…`: runs one published suite and says what it came to.

use std::path::PathBuf;
use std::process::ExitCode;

use conformance::suites::SUITES;

/// Faults shown of one run; the count is of all.
const SHOWN: usize = 100;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let Some(suite) = SUITES.iter().find(|suite| suite.name == name) else {
        eprintln!("usage: conformance SUITE PATH…");
        for suite in SUITES {
            eprintln!("  {:<16} {}", suite.name, suite.about);
        }
        return ExitCode::from(2);
    };
    let paths: Vec<PathBuf> = arguments.map(PathBuf::from).collect();
    match (suite.run)(&paths) {
        Ok(report) => {
            for fault in report.faults.iter().take(SHOWN) {
                println!("  {fault}");
            }
            println!("{name}: {report}");
            if report.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            println!("{name}: did not run: {error}");
            ExitCode::FAILURE
        }
    }
}
