//! `cargo run -p xtask -- distil PACKAGES_DIR PROFILES_DIR`
//!
//! Writes the facts of the packages in `PACKAGES_DIR` (archives `NAME#VERSION.tgz`) to `PROFILES_DIR`; what people
//! wrote there (categories, `naming-systems.toml`, `NOTICE`) stays.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["distil", packages, profiles] => xtask::distil(Path::new(packages), Path::new(profiles)),
        _ => {
            eprintln!("usage: cargo run -p xtask -- distil PACKAGES_DIR PROFILES_DIR");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
