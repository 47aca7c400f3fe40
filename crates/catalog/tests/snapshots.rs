//! Our snapshots against those that the publishers put into their packages, over every package in `../shared/packages`
//! beside the workspace; skipped, loudly, where that folder is not there. What differs stands in
//! `ledgers/snapshots.toml` with its reason.

use std::path::PathBuf;

use catalog::{Loader, compare};
use ledger::{Ledger, Tally};

/// Packages of FHIR R5.
const OTHER_VERSION: [&str; 2] = ["ihe.pharm.mpd#", "xtehr.eu.ehds.models#"];

fn packages() -> Option<Vec<PathBuf>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/packages");
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(".tgz") && !OTHER_VERSION.iter().any(|other| name.starts_with(other))
    });
    paths.sort();
    Some(paths)
}

#[test]
fn our_snapshots_are_the_published_ones() {
    let Some(paths) = packages() else {
        eprintln!("SKIPPED: ../shared/packages is not there; no snapshot was compared");
        return;
    };
    let loader = paths.iter().try_fold(Loader::new(), |loader, path| loader.path(path));
    let catalog = loader.expect("every package loads").finish();
    assert!(catalog.issues().is_empty(), "{:?}", catalog.issues());

    let ledger = Ledger::read(include_str!("ledgers/snapshots.toml")).expect("a ledger");
    let mut tally = Tally::new(&ledger);
    let (mut structures, mut elements) = (0, 0);
    for resource in catalog.resources("StructureDefinition") {
        let canonical = match resource.version() {
            Some(version) => format!("{}|{version}", resource.url()),
            None => resource.url().to_owned(),
        };
        let Ok(published) = catalog.published_snapshot(&canonical) else { continue };
        structures += 1;
        elements += published.elements().len();
        let ours = match catalog.structure(&canonical) {
            Ok(ours) => ours,
            Err(error) => {
                tally.record(&canonical, Err(error.to_string()));
                continue;
            }
        };
        for issue in &ours.issues {
            tally.record(&format!("{} issue", resource.url()), Err(issue.to_string()));
        }
        let differences = compare(&ours, &published);
        if differences.is_empty() {
            tally.record(&canonical, Ok(()));
        }
        for difference in differences {
            let id = format!("{} {} {}", difference.url, difference.element, difference.what);
            tally.record(&id, Err(difference.to_string()));
        }
    }
    let report = tally.finish();
    eprintln!("{structures} structures, {elements} elements, {} known differences", report.known + report.out_of_scope);
    assert!(structures > 1600 && elements > 43_000);
    assert!(report.is_ok(), "{}", report.faults.join("\n"));
}
