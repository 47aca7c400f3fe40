//! `bench NAME [PATH…]`: measurements, each a comparison of two ways within one run.
//!
//! The figures that count, with their machine and commit, stand in `docs/performance.md`.

mod against;
mod documents;
mod http;
mod load;
mod model;
mod search;

use std::path::PathBuf;
use std::process::ExitCode;

/// One measurement.
struct Measurement {
    name: &'static str,
    about: &'static str,
    run: fn(&[PathBuf]) -> Result<(), String>,
}

const MEASUREMENTS: &[Measurement] = &[
    Measurement {
        name: "model",
        about: "JSON read and written by `model` against `serde_json::Value`; [DIR of JSON], else generated documents",
        run: model::run,
    },
    Measurement {
        name: "http",
        about: "reads by id against static bytes, durable creates against the engine alone; the program beside this one",
        run: http::run,
    },
    Measurement {
        name: "search",
        about: "processor time of each kind of search inside the service; DIR of a filled store",
        run: search::inside,
    },
    Measurement {
        name: "searches",
        about: "searches over HTTP, 8 clients, each kind and their mix; DIR of a filled store, the program beside this one",
        run: search::http,
    },
];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let Some(measurement) = MEASUREMENTS.iter().find(|measurement| measurement.name == name) else {
        eprintln!("usage: bench NAME [PATH…]");
        for Measurement { name, about, .. } in MEASUREMENTS {
            eprintln!("  {name:<10} {about}");
        }
        return ExitCode::from(2);
    };
    let paths: Vec<PathBuf> = arguments.map(PathBuf::from).collect();
    match (measurement.run)(&paths) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {error}");
            ExitCode::FAILURE
        }
    }
}
