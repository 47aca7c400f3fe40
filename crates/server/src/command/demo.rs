//! `passerelle serve --demo`: a fresh store in a fresh folder, filled with the built-in examples.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;

use interaction::Service;
use interaction::convert::NamingSystems;
use model::{Clock, Limits};

use super::load::Loader;
use super::output::say;
use crate::MachineClock;

include!(concat!(env!("OUT_DIR"), "/examples.rs"));

/// A new folder for the store, removed when it is dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Makes one below the system's folder for temporary files.
    pub(crate) fn fresh() -> std::io::Result<Folder> {
        let name = format!("passerelle-demo-{}-{}", std::process::id(), MachineClock.now().0);
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path)?;
        Ok(Folder(path))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Loads the examples and prints what was converted, what was lost, and what to open.
pub(crate) fn fill(service: &Service, base: &str) -> Result<(), Box<dyn Error>> {
    let loader = Loader { service, base, stored: AtomicU64::new(0) };
    say!("\nLoading the built-in examples:");
    for (name, bytes) in EXAMPLES {
        if name.ends_with(".md") || name.contains("expected") || name.contains("request") {
            continue;
        }
        match loader.content(bytes) {
            Ok(answer) => {
                let location = answer.location.as_deref().unwrap_or_default();
                say!("\n  {name}");
                losses(service, name, bytes);
                say!("    DocumentReference  {location}");
                if let Some(document) = &answer.content_location {
                    say!("    document           {document}");
                }
            }
            Err(reason) => say!("\n  {name}\n    refused: {reason}"),
        }
    }
    say!("\nOpen:");
    say!("  {base}/metadata?_pretty=true");
    say!("  {base}/DocumentReference?_pretty=true");
    say!("  {base}/Patient?_pretty=true");
    say!("  {base}/Provenance?_pretty=true");
    say!("Stop with Ctrl-C; the store goes with it.");
    Ok(())
}

/// Says what the conversion of an example kept and what it could not carry.
fn losses(service: &Service, name: &str, bytes: &[u8]) {
    let catalog = service.catalog();
    let knowledge = convert::Knowledge { shapes: &catalog, systems: &NamingSystems(&catalog) };
    let source = convert::Source { bytes, content_type: None, name: Some(name) };
    let mut options = convert::Options::at(MachineClock.now());
    options.limits = Limits::default();
    let Ok(draft) = convert::convert(&knowledge, &source, &options) else {
        return;
    };
    let lost: Vec<_> = draft.report.losses().collect();
    say!(
        "    {} from {}: {} parts mapped, {} losses or doubts",
        draft.category,
        draft.format,
        draft.report.mapped.len(),
        lost.len()
    );
    for issue in lost.iter().take(5) {
        say!("      {issue}");
    }
    if lost.len() > 5 {
        say!("      … and {} more", lost.len() - 5);
    }
}
