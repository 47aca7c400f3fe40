//! Converts files: `cargo run -p convert --example convert -- FILE… --out DIR [--category C] [--now MILLIS]` writes
//! `NAME.json` and `NAME.report.json` (`NAME.refusal.json` for what is refused) and prints one line a file. With
//! `--repeat N` each is converted N times and the median time is printed.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant as Clock;

use catalog::Catalog;
use convert::{BuiltIn, Knowledge, Options, Source};
use model::{Instant, json};

fn main() -> ExitCode {
    let mut files = Vec::new();
    let mut out = ".".to_owned();
    let mut options = Options::at(Instant(1_795_000_000_000));
    let mut repeat = 1usize;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--out" => out = arguments.next().unwrap_or(out),
            "--repeat" => repeat = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(1),
            "--category" => options.category = arguments.next(),
            "--now" => options.now = Instant(arguments.next().and_then(|text| text.parse().ok()).unwrap_or(0)),
            _ => files.push(argument),
        }
    }
    let catalog = Catalog::built_in();
    let knowledge = Knowledge { shapes: &catalog, systems: &BuiltIn };
    let mut refused = 0;
    for file in &files {
        let Ok(bytes) = std::fs::read(file) else {
            eprintln!("{file}: cannot be read");
            refused += 1;
            continue;
        };
        let path = Path::new(file);
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let source = Source { bytes: &bytes, content_type: None, name: name.as_deref() };
        let mut times: Vec<u128> = Vec::new();
        let mut result = convert::convert(&knowledge, &source, &options);
        for _ in 0..repeat.max(1) {
            let started = Clock::now();
            result = convert::convert(&knowledge, &source, &options);
            times.push(started.elapsed().as_micros());
        }
        times.sort_unstable();
        let micros = times.get(times.len() / 2).copied().unwrap_or_default();
        let written = match result {
            Ok(draft) => {
                let losses = draft.report.losses().count();
                println!(
                    "{file}: {} {micros} us, {} mapped, {losses} losses",
                    draft.category,
                    draft.report.mapped.len()
                );
                write(&out, &format!("{stem}.json"), &draft.document).and(write(
                    &out,
                    &format!("{stem}.report.json"),
                    &draft.report.outcome(),
                ))
            }
            Err(refusal) => {
                refused += 1;
                println!("{file}: refused {micros} us: {refusal}");
                write(&out, &format!("{stem}.refusal.json"), &refusal.outcome())
            }
        };
        if let Err(error) = written {
            eprintln!("{file}: {error}");
            refused += 1;
        }
    }
    if refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn write(folder: &str, name: &str, tree: &model::Tree) -> std::io::Result<()> {
    std::fs::write(Path::new(folder).join(name), json::to_string(tree.root()))
}
