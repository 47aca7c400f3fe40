//! The command line's contract, which scripts rely on, held against the real program: `convert`, `validate`, `config`, and
//! `serve --demo` from its first line to SIGTERM.
//!
//! DIR holds our own source documents (`examples/`): every one of them must be converted, and what comes out must be valid.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use ledger::{Ledger, Report, Tally};
use model::{Limits, Tree, json};

use crate::connection::{Connection, request};
use crate::documents::below;
use crate::program::{self, Program};

pub(super) fn run(paths: &[PathBuf]) -> Result<Report, String> {
    let [examples] = paths else { return Err("one folder is expected".into()) };
    let ledger = Ledger::read(include_str!("../../ledgers/contract.toml")).map_err(|error| error.to_string())?;
    program::path()?;
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let out = folder.path();
    let mut tally = Tally::new(&ledger);
    for document in below(examples, &["xml", "json"])? {
        tally.record(&format!("convert/{}", document.id), converted(&document.path, out));
        tally.record(&format!("validate/{}", document.id), valid(&document.path, out));
    }
    tally.record("convert/refused", refused(out));
    tally.record("validate/invalid", invalid(out));
    tally.record("config/print", config());
    tally.record("serve/demo", demo(out));
    Ok(tally.finish())
}

fn passerelle(arguments: &[&str]) -> Result<Output, String> {
    Command::new(program::path()?).args(arguments).output().map_err(|error| error.to_string())
}

fn exits(output: &Output, code: i32) -> Result<(), String> {
    match output.status.code() {
        Some(found) if found == code => Ok(()),
        found => Err(format!("exit {found:?} instead of {code}: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}

fn resource(path: &Path, resource_type: &str) -> Result<Tree, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", name(path)))?;
    let tree = json::read(&bytes, &Limits::default()).map_err(|error| format!("{}: {error}", name(path)))?;
    if tree.resource_type() == resource_type {
        Ok(tree)
    } else {
        Err(format!("{} holds a {}, not a {resource_type}", name(path), tree.resource_type()))
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The name that `convert` gives its output: the file's name without its last extension.
fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn converted(file: &Path, out: &Path) -> Result<(), String> {
    let output = passerelle(&["convert", &file.to_string_lossy(), "--out", &out.to_string_lossy()])?;
    exits(&output, 0)?;
    resource(&out.join(format!("{}.json", stem(file))), "Bundle")?;
    resource(&out.join(format!("{}.report.json", stem(file))), "OperationOutcome")?;
    Ok(())
}

fn valid(file: &Path, out: &Path) -> Result<(), String> {
    let converted = out.join(format!("{}.json", stem(file)));
    let output = passerelle(&["validate", &converted.to_string_lossy()])?;
    exits(&output, 0).map_err(|fault| format!("{fault} {}", String::from_utf8_lossy(&output.stdout).trim()))
}

fn refused(out: &Path) -> Result<(), String> {
    let file = out.join("odd.txt");
    std::fs::write(&file, "Dear colleague, thank you for referring the patient.").map_err(|error| error.to_string())?;
    exits(&passerelle(&["convert", &file.to_string_lossy(), "--out", &out.to_string_lossy()])?, 1)?;
    resource(&out.join("odd.report.json"), "OperationOutcome")?;
    if out.join("odd.json").exists() { Err("odd.json is there, though refused".into()) } else { Ok(()) }
}

fn invalid(out: &Path) -> Result<(), String> {
    let file = out.join("patient.json");
    let text = r#"{"resourceType":"Patient","birthDate":"yesterday","favouriteColour":"red"}"#;
    std::fs::write(&file, text).map_err(|error| error.to_string())?;
    let output = passerelle(&["validate", &file.to_string_lossy(), "--format", "json"])?;
    exits(&output, 1)?;
    let tree = json::read(&output.stdout, &Limits::default()).map_err(|error| format!("the outcome: {error}"))?;
    let text = json::to_string(tree.root());
    match ["birthDate", "favouriteColour"].iter().find(|path| !text.contains(*path)) {
        Some(path) => Err(format!("the outcome does not name {path}: {text}")),
        None => Ok(()),
    }
}

fn config() -> Result<(), String> {
    let output = passerelle(&["config", "--print"])?;
    exits(&output, 0)?;
    let text = String::from_utf8_lossy(&output.stdout);
    if text.contains("listen = \"127.0.0.1:8080\"") { Ok(()) } else { Err(format!("no 'listen' in it: {text}")) }
}

fn demo(out: &Path) -> Result<(), String> {
    let program = Program::start(&out.join("data"), &["--demo"])?;
    let mut connection = Connection::open(&program.address)?;
    let mut get = |path: &str| {
        let answer = connection.exchange(&request("GET", path, "", ""))?;
        match answer.status {
            200 => json::read(&answer.body, &Limits::default()).map_err(|error| format!("{path}: {error}")),
            status => Err(format!("GET {path}: {status}")),
        }
    };
    let health = get("/health")?;
    if health.root().text_at("status") != Some("pass") {
        return Err("GET /health does not say pass".into());
    }
    let metadata = get("/fhir/metadata")?;
    if metadata.resource_type() != "CapabilityStatement" {
        return Err("GET /fhir/metadata is no CapabilityStatement".into());
    }
    let found = get("/fhir/DocumentReference?status=current")?;
    if found.root().get("entry").is_none() {
        return Err("the demo holds no DocumentReference".into());
    }
    program.stop(Duration::from_secs(20))
}
