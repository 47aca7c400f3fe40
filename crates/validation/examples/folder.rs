//! Validates files and folders over the built-in catalog and counts: `… --example folder -- [-v] [-p PROFILE] PATH…`.
//! `-v` prints every error; `-r N` validates each file N times and prints the median time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use catalog::Catalog;
use model::{Limits, Tree, json, xml};
use validation::{Options, Validator};

fn main() {
    let mut options = Options { now: model::Instant(1_790_000_000_000_000_000), ..Options::default() };
    let (mut verbose, mut rounds, mut paths) = (false, 1, Vec::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "-v" => verbose = true,
            "-p" => options.profiles.push(arguments.next().unwrap()),
            "-r" => rounds = arguments.next().unwrap().parse().unwrap(),
            path => gather(Path::new(path), &mut paths),
        }
    }
    let validator = Validator::new(Arc::new(Catalog::built_in()));
    let mut totals: BTreeMap<(String, String), usize> = BTreeMap::new();
    let (mut valid, mut invalid) = (0, 0);
    for path in paths {
        let Some(tree) = read(&path, validator.catalog()) else {
            println!("UNREADABLE {}", path.display());
            continue;
        };
        let mut times: Vec<u128> = Vec::new();
        let mut issues = Vec::new();
        for _ in 0..rounds {
            let start = Instant::now();
            issues = validator.validate(&tree, &options);
            times.push(start.elapsed().as_micros());
        }
        times.sort_unstable();
        let errors: Vec<_> = issues.iter().filter(|issue| issue.severity.is_error()).collect();
        if rounds > 1 {
            let (first, median) = (times.last().unwrap(), times[times.len() / 2]);
            println!("{median} µs (slowest {first}) {} nodes {} issues {}", tree.len(), issues.len(), path.display());
        }
        if errors.is_empty() {
            valid += 1
        } else {
            invalid += 1
        }
        if verbose && !errors.is_empty() {
            println!("INVALID {}", path.display());
            errors.iter().for_each(|issue| println!("    {issue}"));
        }
        for issue in issues {
            let rule = issue.rule.unwrap_or_default();
            *totals.entry((issue.severity.code().into(), rule)).or_default() += 1;
        }
    }
    println!("{valid} valid, {invalid} invalid");
    for ((severity, rule), count) in totals.iter().filter(|((severity, _), _)| severity != "information") {
        println!("{count:6} {severity} {rule}");
    }
}

fn gather(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        let mut inside: Vec<PathBuf> = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
        inside.sort();
        inside.iter().for_each(|path| gather(path, found));
    } else if path.extension().is_some_and(|extension| extension == "json" || extension == "xml") {
        found.push(path.to_owned());
    }
}

fn read(path: &Path, catalog: &Catalog) -> Option<Tree> {
    let bytes = std::fs::read(path).ok()?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    if path.extension().is_some_and(|extension| extension == "xml") {
        return xml::read(bytes, catalog, &Limits::default()).ok();
    }
    json::read(bytes, &Limits::default()).ok()
}
