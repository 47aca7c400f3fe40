//! What starting costs: `cargo run --release -p catalog --example startup`.
//!
//! Prints the time from the start of `main` to a built-in catalog, to its types, and to all snapshots, with the
//! resident memory (Linux) after each.

use std::time::Instant;

use catalog::Catalog;
use model::{Name, Shapes};

fn main() {
    let start = Instant::now();
    let catalog = Catalog::built_in();
    let resources = catalog.resources("").len();
    report(start, &format!("catalog ready: {resources} resources, {} packages", catalog.packages().len()));
    let patient = Name::of("Patient").and_then(|name| catalog.named(name));
    report(start, &format!("types settled, Patient is {patient:?}"));
    let eps = catalog.structure("http://hl7.eu/fhir/eps/StructureDefinition/bundle-eu-eps");
    report(start, &format!("one profile: {:?} elements", eps.map(|structure| structure.elements().len()).ok()));
    report(start, &format!("naming: {} systems", catalog.naming().len()));
    report(start, &format!("search: {} parameters", catalog.search_parameters().len()));
    let mut elements = 0;
    let mut failed = Vec::new();
    let mut issues = Vec::new();
    for resource in catalog.resources("StructureDefinition") {
        match catalog.structure(resource.url()) {
            Ok(structure) => {
                elements += structure.elements().len();
                issues.extend(structure.issues.iter().map(ToString::to_string));
            }
            Err(error) => failed.push(error.to_string()),
        }
    }
    report(start, &format!("all snapshots: {elements} elements, {} failed, {} issues", failed.len(), issues.len()));
    for kind in ["CodeSystem", "ValueSet"] {
        for resource in catalog.resources(kind) {
            let _ = (catalog.code_system(resource.url()), catalog.value_set(resource.url()));
        }
    }
    report(start, "all terminology");
    failed.iter().chain(&issues).for_each(|text| println!("  {text}"));
}

fn report(start: Instant, what: &str) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("?").trim();
    println!("{:>9.3} ms {resident:>12}  {what}", start.elapsed().as_secs_f64() * 1000.0);
}
