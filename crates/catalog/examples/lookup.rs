//! What a look-up costs: `cargo run --release -p catalog --example lookup`.

use std::hint::black_box;
use std::time::Instant;

use catalog::Catalog;
use model::{Name, Shapes};

fn main() {
    let catalog = Catalog::built_in();
    let names = ["Observation", "Patient", "Bundle", "CodeableConcept", "Quantity"];
    let types: Vec<_> = names.iter().filter_map(|name| catalog.named(Name::of(name)?)).collect();
    let pairs: Vec<_> =
        types.iter().flat_map(|ty| catalog.children(*ty).iter().map(move |(name, _)| (*ty, *name))).collect();
    let rounds = 2_000_000 / pairs.len().max(1);
    measure("Shapes::child", rounds * pairs.len(), || {
        for _ in 0..rounds {
            for (ty, name) in &pairs {
                black_box(catalog.child(*ty, *name));
            }
        }
    });
    let url = "http://hl7.eu/fhir/eps/StructureDefinition/bundle-eu-eps";
    measure("Catalog::structure", 1_000_000, || (0..1_000_000).for_each(|_| drop(black_box(catalog.structure(url)))));
    let gender = "http://hl7.org/fhir/administrative-gender";
    measure("Catalog::code_system", 1_000_000, || {
        (0..1_000_000).for_each(|_| drop(black_box(catalog.code_system(gender))));
    });
    let layered = catalog.with([]);
    measure("Catalog::structure, one layer up", 1_000_000, || {
        (0..1_000_000).for_each(|_| drop(black_box(layered.structure(url))));
    });
    measure("Catalog::with nothing", 1000, || (0..1000).for_each(|_| drop(black_box(catalog.with([])))));
}

fn measure(what: &str, count: usize, run: impl FnOnce()) {
    let start = Instant::now();
    run();
    println!("{:>10.1} ns  {what}", start.elapsed().as_secs_f64() * 1e9 / count as f64);
}
