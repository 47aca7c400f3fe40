//! Transactions to send: those of a folder (Synthea writes such), or made-up ones of any size.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use conformance::connection::request;
use serde_json::Value;

use crate::documents::observation;

/// The JSON files of a folder, those that others refer to first: hospitals, then practitioners, then by name.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|ending| ending == "json") {
            files.push(path);
        }
    }
    let first = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        (!name.starts_with("hospital"), !name.starts_with("practitioner"), name)
    };
    files.sort_by_key(first);
    Ok(files)
}

/// `POST [base]` of a transaction, to our program.
pub(crate) fn post(body: &[u8]) -> Vec<u8> {
    post_to("/fhir", body)
}

/// The same where the base has another path.
pub(crate) fn post_to(base: &str, body: &[u8]) -> Vec<u8> {
    let mut head = request("POST", base, "", "");
    let length = format!("Content-Length: {}\r\n\r\n", body.len());
    if let Some(place) = head.windows(15).position(|window| window == b"Content-Length:") {
        head.truncate(place);
    }
    head.extend_from_slice(length.as_bytes());
    head.extend_from_slice(body);
    head
}

/// How many resources came to be, by the answer to a transaction.
pub(crate) fn created(answer: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(answer);
    text.matches("\"status\":\"201").count() as u64
}

/// A transaction of one patient and his laboratory results, `entries` in all; another number gives another patient.
pub(crate) fn made_up(number: u64, entries: usize) -> Vec<u8> {
    let patient = format!("urn:uuid:{:08x}-0000-4000-8000-{:012x}", number >> 32, number & 0xffff_ffff);
    let entry = |url: &str, resource: &str, name: &str| {
        format!(r#"{{"fullUrl":"{url}","resource":{resource},"request":{{"method":"POST","url":"{name}"}}}}"#)
    };
    let text = format!(
        r#"{{"resourceType":"Patient","identifier":[{{"system":"http://example.org/patients","value":"{number}"}}],"name":[{{"family":"Rossi{}","given":["Anna"]}}],"gender":"female","birthDate":"1970-01-{:02}"}}"#,
        number % 1000,
        number % 28 + 1
    );
    let mut all = vec![entry(&patient, &text, "Patient")];
    for place in 1..entries as u64 {
        let mixed = number.wrapping_mul(1 << 20).wrapping_add(place);
        let text = observation(mixed);
        let (before, rest) = text.split_once("Patient/p").unwrap_or((&text, ""));
        let text = format!("{before}{patient}{}", rest.trim_start_matches(|digit: char| digit.is_ascii_digit()));
        let url = format!("urn:uuid:{:08x}-0000-4000-9000-{:012x}", number & 0xffff_ffff, place);
        all.push(entry(&url, &text, "Observation"));
    }
    format!(r#"{{"resourceType":"Bundle","type":"transaction","entry":[{}]}}"#, all.join(",")).into_bytes()
}

/// One transaction of `entries` out of those of a folder. Of entries with the same `fullUrl` the first is taken: two in one
/// transaction are refused.
pub(crate) fn joined(folder: &Path, entries: usize) -> Result<Vec<u8>, String> {
    let mut all: Vec<Value> = Vec::new();
    let mut urls: HashSet<String> = HashSet::new();
    let mut is_first = |entry: &Value| match entry.get("fullUrl").and_then(Value::as_str) {
        Some(url) => urls.insert(url.to_owned()),
        None => true,
    };
    for file in files(folder)? {
        let bytes = std::fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        let mut bundle: Value =
            serde_json::from_slice(&bytes).map_err(|error| format!("{}: {error}", file.display()))?;
        if let Some(Value::Array(more)) = bundle.get_mut("entry").map(Value::take) {
            all.extend(more.into_iter().filter(&mut is_first));
        }
        if all.len() >= entries {
            break;
        }
    }
    all.truncate(entries);
    let bundle = serde_json::json!({"resourceType": "Bundle", "type": "transaction", "entry": all});
    serde_json::to_vec(&bundle).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_up_transaction_has_its_entries_and_links() {
        let bundle: Value = serde_json::from_slice(&made_up(7, 100)).unwrap();
        let entries = bundle["entry"].as_array().unwrap();
        assert_eq!(entries.len(), 100);
        assert_eq!(entries[99]["resource"]["subject"]["reference"], entries[0]["fullUrl"]);
        let text = String::from_utf8(post(b"{}")).unwrap();
        assert!(text.ends_with("Content-Length: 2\r\n\r\n{}"), "{text}");
    }
}
