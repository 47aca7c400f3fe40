//! `validation`, warm, on one core: whole documents against every profile and invariant, beside reading the same bytes
//! with `serde_json`; how the time grows with the size of a Bundle; whether memory stays where it is.

use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use catalog::Catalog;
use conformance::program::resident;
use model::{Limits, Tree, json};
use serde_json::Value;
use validation::{Options, Validator};

use crate::against::against;

const ROUNDS: usize = 200;
/// Copies of the entries in the growing Bundle.
const COPIES: [usize; 5] = [1, 2, 4, 8, 16];
/// Validations between two looks at the memory.
const STRIDE: usize = 20_000;

/// Measures each file, the first also grown; where the word `memory` stands before them, looks only at the memory, over
/// 100,000 validations.
pub(crate) fn run(paths: &[PathBuf]) -> Result<(), String> {
    let (only_memory, paths) = match paths {
        [word, files @ ..] if word.as_os_str() == "memory" => (true, files),
        files => (false, files),
    };
    if paths.is_empty() {
        return Err("files of JSON are expected".into());
    }
    let validator = Validator::new(Arc::new(Catalog::built_in()));
    let options = Options { now: model::Instant(1_790_000_000_000), ..Options::default() };
    let mut texts = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        if only_memory {
            texts.push(text);
            continue;
        }
        measure(&validator, &options, path.file_name().unwrap_or_default().to_string_lossy().as_ref(), &text)?;
        texts.push(text);
    }
    if only_memory {
        return memory(&validator, &options, &texts);
    }
    let Some(first) = texts.first() else { return Ok(()) };
    println!("grown:");
    for copies in COPIES {
        measure(&validator, &options, &format!("  its entries {copies} times"), &grown(first, copies)?)?;
    }
    Ok(())
}

/// What this thread has had of a processor (Linux; else 0).
pub(crate) fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or_default())
}

fn read(text: &str) -> Result<Tree, String> {
    json::read(text.as_bytes(), &Limits::default()).map_err(|error| error.to_string())
}

fn measure(validator: &Validator, options: &Options, name: &str, text: &str) -> Result<(), String> {
    let tree = read(text)?;
    let rounds = (ROUNDS * 200_000 / text.len().max(200_000)).max(15);
    let mut issues = Vec::new();
    let times = against(
        rounds,
        || issues = black_box(validator.validate(black_box(&tree), options)),
        || drop(black_box(serde_json::from_slice::<Value>(black_box(text.as_bytes())))),
    );
    let start = processor_time();
    for _ in 0..rounds {
        black_box(validator.validate(black_box(&tree), options));
    }
    let alone = processor_time().saturating_sub(start) / rounds as u32;
    let errors = issues.iter().filter(|issue| issue.severity.is_error()).count();
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "{name:<60} {:>7} bytes, {errors} errors: p50 {:.2} ms in turns with serde_json, which reads it {:.1} times as fast; {:.2} ms of processor time on average, {:.1} ms per MB",
        text.len(),
        millis(times.ours),
        1.0 / times.ratio,
        millis(alone),
        millis(alone) * 1e6 / text.len() as f64
    );
    Ok(())
}

/// A collection with the entries of a document but the first (its Composition), each copy under its own UUIDs.
fn grown(text: &str, copies: usize) -> Result<String, String> {
    let bundle: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let entries: Vec<&Value> = bundle.get("entry").and_then(Value::as_array).into_iter().flatten().skip(1).collect();
    let plain = serde_json::to_string(&entries).map_err(|error| error.to_string())?;
    let plain = plain.trim_start_matches('[').trim_end_matches(']');
    let ids: Vec<&str> =
        entries.iter().filter_map(|entry| entry.get("fullUrl")?.as_str()).filter_map(|url| url.get(9..)).collect();
    let all: Vec<String> = (0..copies)
        .map(|copy| {
            ids.iter().fold(plain.to_owned(), |text, id| match id.get(..id.len().saturating_sub(4)) {
                Some(stem) => text.replace(id, &format!("{stem}{copy:04x}")),
                None => text,
            })
        })
        .collect();
    Ok(format!(r#"{{"resourceType":"Bundle","type":"collection","entry":[{}]}}"#, all.join(",")))
}

fn memory(validator: &Validator, options: &Options, texts: &[String]) -> Result<(), String> {
    let start = Instant::now();
    print!("resident, MB, every {STRIDE} validations of all files in turn:");
    for round in 0..=5 {
        if round > 0 {
            for number in 0..STRIDE {
                let Some(text) = texts.get(number % texts.len().max(1)) else { break };
                // A foreign code and url each time, so that what is remembered of them would be seen to grow.
                let text = text.replacen("http://loinc.org", &format!("http://example.org/{round}/{number}"), 1);
                let tree = read(&text)?;
                black_box(validator.validate(&tree, options));
            }
        }
        print!(" {:.1}", resident(std::process::id()) as f64 / 1e6);
    }
    println!(" ({:.0} s)", start.elapsed().as_secs_f64());
    Ok(())
}
