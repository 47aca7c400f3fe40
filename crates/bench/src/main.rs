//! `bench NAME [PATH…] [--OPTION NUMBER…]`: measurements. Figures of speed are comparisons of two ways within one run, or stand
//! beside the processor time that they took.
//!
//! The figures that count, with their machine and commit, stand in `docs/performance.md`.

mod against;
mod compare;
mod conversion;
mod documents;
mod growth;
mod http;
mod load;
mod model;
mod options;
mod peer;
mod search;
mod soak;
mod transactions;
mod validation;
mod whole;

use std::process::ExitCode;

use options::Options;

/// One measurement.
struct Measurement {
    name: &'static str,
    about: &'static str,
    /// Names of its options.
    options: &'static [&'static str],
    run: fn(&Options) -> Result<(), String>,
}

const MEASUREMENTS: &[Measurement] = &[
    Measurement {
        name: "model",
        about: "JSON read and written by `model` against `serde_json::Value`; [DIR of JSON], else generated documents",
        options: &[],
        run: |options| model::run(&options.paths),
    },
    Measurement {
        name: "validation",
        about: "[memory] FILE…: documents against every profile beside serde_json, and grown; or memory over 100,000 of them",
        options: &[],
        run: |options| validation::run(&options.paths),
    },
    Measurement {
        name: "conversion",
        about: "FILE… of CDA: converted, and converted and validated, on one core; also grown to 100 KB",
        options: &[],
        run: |options| conversion::run(&options.paths),
    },
    Measurement {
        name: "http",
        about: "reads by id against static bytes, durable creates against the engine alone; the program beside this one",
        options: &[],
        run: |options| http::run(&options.paths),
    },
    Measurement {
        name: "load",
        about: "DIR of transactions, sent by 4 clients",
        options: whole::OPTIONS,
        run: whole::load_set,
    },
    Measurement {
        name: "transactions",
        about: "made-up transactions of 100 entries, 8 clients",
        options: whole::OPTIONS,
        run: whole::transactions,
    },
    Measurement {
        name: "creates",
        about: "durable creates one by one, 32 clients; [STORE that is filled, and grows], else an empty one",
        options: whole::OPTIONS,
        run: whole::single_creates,
    },
    Measurement {
        name: "mix",
        about: "reads, searches and creates together, 8 clients",
        options: whole::OPTIONS,
        run: whole::mixed,
    },
    Measurement {
        name: "big-transaction",
        about: "one transaction of 27,000 entries; [DIR of transactions], else made up",
        options: whole::OPTIONS,
        run: whole::big_transaction,
    },
    Measurement {
        name: "soak",
        about: "writers, deleters, readers and pagers, half of the time with a SIGKILL loop; 10 minutes",
        options: soak::OPTIONS,
        run: soak::run,
    },
    Measurement {
        name: "growth",
        about: "writes, reads and searches with 1,000 resources, 10,000 … 1,000,000",
        options: growth::OPTIONS,
        run: growth::run,
    },
    Measurement {
        name: "whole",
        about: "DIR of transactions: all of these on one store, then memory, disk and start",
        options: whole::OPTIONS,
        run: whole::whole,
    },
    Measurement {
        name: "compare",
        about: "NAME=URL@PID[,PID…]… of FHIR servers that run, [DIR of transactions]: one script against them and ours, by processor time",
        options: compare::OPTIONS,
        run: compare::run,
    },
    Measurement {
        name: "search",
        about: "processor time of each kind of search inside the service; DIR of a filled store",
        options: &[],
        run: |options| search::inside(&options.paths),
    },
    Measurement {
        name: "searches",
        about: "searches over HTTP, 8 clients, each kind and their mix; DIR of a filled store, the program beside this one",
        options: &[],
        run: |options| search::http(&options.paths),
    },
];

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let name = words.next().unwrap_or_default();
    let Some(measurement) = MEASUREMENTS.iter().find(|measurement| measurement.name == name) else {
        eprintln!("usage: bench NAME [PATH…] [--OPTION NUMBER…]");
        for Measurement { name, about, .. } in MEASUREMENTS {
            eprintln!("  {name:<16} {about}");
        }
        return ExitCode::from(2);
    };
    match Options::of(words, measurement.options).and_then(|options| (measurement.run)(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {error}");
            ExitCode::FAILURE
        }
    }
}
