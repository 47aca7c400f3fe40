//! `model` against `serde_json::Value`: the same bytes read, and what was read written again as compact JSON.

use std::hint::black_box;
use std::path::{Path, PathBuf};

use model::{Limits, Tree, json};
use serde_json::Value;

use crate::against::{Against, against};

const ROUNDS: usize = 15;
/// Bytes of one class at most: enough to leave the caches, little enough for a quick run.
const CLASS_BYTES: usize = 24 << 20;

/// Measures classes of documents by size: those of a folder, else generated ones.
pub(crate) fn run(paths: &[PathBuf]) -> Result<(), String> {
    let documents = match paths {
        [folder] => from_folder(folder)?,
        [] => generated(),
        _ => return Err("one folder at most is expected".into()),
    };
    println!("{:<22} {:>6} {:>8}   {:>22}   {:>22}", "", "files", "MB", "read MB/s, ratio", "write MB/s, ratio");
    for (class, least, most) in
        [("below 4 KB", 0, 4 << 10), ("4 KB to 64 KB", 4 << 10, 64 << 10), ("from 64 KB", 64 << 10, usize::MAX)]
    {
        let mut bytes = 0;
        let chosen = documents.iter().filter(|document| (least..most).contains(&document.len()));
        let chosen: Vec<&[u8]> = chosen
            .take_while(|document| {
                bytes += document.len();
                bytes < CLASS_BYTES
            })
            .map(Vec::as_slice)
            .collect();
        if !chosen.is_empty() {
            measure(class, &chosen)?;
        }
    }
    Ok(())
}

fn measure(class: &str, documents: &[&[u8]]) -> Result<(), String> {
    let limits = Limits::default();
    let read = against(
        ROUNDS,
        || documents.iter().for_each(|bytes| drop(black_box(json::read(black_box(bytes), &limits)))),
        || documents.iter().for_each(|bytes| drop(black_box(serde_json::from_slice::<Value>(black_box(bytes))))),
    );
    let trees: Result<Vec<Tree>, _> = documents.iter().map(|bytes| json::read(bytes, &limits)).collect();
    let trees = trees.map_err(|error| error.to_string())?;
    let values: Result<Vec<Value>, _> = documents.iter().map(|bytes| serde_json::from_slice(bytes)).collect();
    let values = values.map_err(|error| error.to_string())?;
    let write = against(
        ROUNDS,
        || trees.iter().for_each(|tree| drop(black_box(json::to_string(black_box(tree).root())))),
        || values.iter().for_each(|value| drop(black_box(serde_json::to_string(black_box(value))))),
    );
    let source: usize = documents.iter().map(|bytes| bytes.len()).sum();
    let written: usize = trees.iter().map(|tree| json::to_string(tree.root()).len()).sum();
    println!(
        "{class:<22} {:>6} {:>8.1}   {}   {}",
        documents.len(),
        source as f64 / 1e6,
        figures(source, read),
        figures(written, write)
    );
    Ok(())
}

/// `812 | 241 = 3.37`: ours, theirs, in MB/s, and the ratio.
fn figures(bytes: usize, times: Against) -> String {
    let rate = |time: std::time::Duration| bytes as f64 / 1e6 / time.as_secs_f64();
    format!("{:>6.0} | {:>5.0} = {:>5.2}x", rate(times.ours), rate(times.theirs), times.ratio)
}

fn from_folder(folder: &Path) -> Result<Vec<Vec<u8>>, String> {
    let fault = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut documents = Vec::new();
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).map_err(fault)?.flatten().map(|entry| entry.path()).collect();
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|end| end == "json")) {
        documents.push(std::fs::read(file).map_err(fault)?);
    }
    Ok(documents)
}

/// Bundles of observations as a laboratory sends them: compact and indented, from one entry to some hundred.
fn generated() -> Vec<Vec<u8>> {
    let mut documents = Vec::new();
    for round in 0..400_usize {
        let entries = [1, 1, 4, 16, 120][round % 5];
        let text = bundle(entries, round);
        if round % 2 == 0 {
            documents.push(text.into_bytes());
        } else if let Ok(value) = serde_json::from_str::<Value>(&text) {
            documents.push(format!("{value:#}").into_bytes());
        }
    }
    documents
}

fn bundle(entries: usize, seed: usize) -> String {
    let entry = |number: usize| {
        let value = (seed * 31 + number * 7) % 400;
        format!(
            r#"{{"fullUrl":"urn:uuid:00000000-0000-4000-8000-{number:012}","resource":{{"resourceType":"Observation","id":"o{number}","status":"final","category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}}]}}],"code":{{"coding":[{{"system":"http://loinc.org","code":"{value}-1","display":"Sodium \"Na\" [Moles/volume] in Serum — μmol"}}],"text":"Natrium\nim Serum"}},"subject":{{"reference":"Patient/p{seed}"}},"effectiveDateTime":"2026-03-{:02}T08:15:00+01:00","valueQuantity":{{"value":{value}.50,"unit":"mmol/L","system":"http://unitsofmeasure.org","code":"mmol/L"}},"referenceRange":[{{"low":{{"value":136.0}},"high":{{"value":145}}}}],"text":{{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>Natrium: {value}.50 mmol/L</p></div>"}}}}}}"#,
            number % 28 + 1
        )
    };
    let entries: Vec<String> = (0..entries).map(entry).collect();
    format!(r#"{{"resourceType":"Bundle","id":"b{seed}","type":"collection","entry":[{}]}}"#, entries.join(","))
}
