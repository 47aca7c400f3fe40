//! How many times a second two invariants of R4 are evaluated over a Bundle of about 100 KB, and what preparing it costs.
//!
//! `cargo run --release -p fhirpath --example speed`

use std::time::Instant;

use catalog::Catalog;
use fhirpath::{Environment, EvaluationError, Expression, Prepared};
use model::{Element, Name, Shapes, Tree, TypeId, json};

const BDL_7: &str =
    "(type = 'history') or entry.where(fullUrl.exists()).select(fullUrl&resource.meta.versionId).isDistinct()";
const DOM_3: &str = "contained.where((('#'+id in (%resource.descendants().reference | \
    %resource.descendants().as(canonical) | %resource.descendants().as(uri) | %resource.descendants().as(url))) or \
    descendants().where(reference = '#').exists() or descendants().where(as(canonical) = '#').exists()).not())\
    .trace('unmatched', id).empty()";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let catalog = Catalog::built_in();
    let shapes: &dyn Shapes = &catalog;
    let bytes = json::to_string(bundle().root()).into_bytes();
    let tree = json::read(&bytes, &Default::default())?;
    println!("{} bytes, {} elements, {} entries", bytes.len(), tree.len(), tree.root().all("entry").count());

    let parse = rate(|| json::read(&bytes, &Default::default()).map(|tree| tree.len()).unwrap_or(0));
    println!("reading the JSON: {:.0} µs", 1e6 / parse);
    let elements = tree.root().descendants();
    let resolve = Expression::compile("entry[1].resource.subject.resolve()", shapes, None)?;
    let prepare = rate(|| {
        let prepared = Prepared::new(&tree, shapes);
        let typed = elements.iter().filter(|element| prepared.type_of(**element) != TypeId::UNKNOWN).count();
        let found = resolve.evaluate(tree.root(), &Environment::new(&prepared)).map_or(0, |found| found.len());
        typed + found
    });
    println!("preparing: the types of all elements, and an index of full URLs: {:.1} µs", 1e6 / prepare);

    let types = rate(|| {
        let prepared = Prepared::new(&tree, shapes);
        elements.iter().filter(|element| prepared.type_of(**element) != TypeId::UNKNOWN).count()
    });
    println!("of that the types: {:.1} µs", 1e6 / types);
    let prepared = Prepared::new(&tree, shapes);
    let environment = Environment::new(&prepared);
    let named = |name: &str| Name::of(name).and_then(|name| shapes.named(name));
    let ele_1 = Expression::compile("hasValue() or (children().count() > id.count())", shapes, named("Element"))?;
    let within: Vec<Element<'_>> = elements.iter().copied().filter(|e| e.resource_type().is_none()).collect();
    report("ele-1 (each element in turn)", within.len(), || all(&ele_1, &within, &environment));
    let root = [tree.root()];
    for (name, text, ty) in [
        ("bdl-7", BDL_7, "Bundle"),
        (
            "bdl-3",
            "entry.all(request.exists() = (%resource.type = 'batch' or %resource.type = 'transaction'))",
            "Bundle",
        ),
        (
            "entry.resource.ofType(Observation).value.ofType(Quantity).value",
            "entry.resource.ofType(Observation).value.ofType(Quantity).value",
            "Bundle",
        ),
        ("descendants().count()", "descendants().count()", "Bundle"),
        ("resolve all subjects", "entry.resource.subject.resolve().ofType(Patient).count()", "Bundle"),
    ] {
        let expression = Expression::compile(text, shapes, named(ty))?;
        report(name, 1, || all(&expression, &root, &environment));
    }
    let resources: Vec<Element<'_>> =
        elements.iter().copied().filter(|e| e.resource_type().is_some()).skip(1).collect();
    let dom_3 = Expression::compile(DOM_3, shapes, named("DomainResource"))?;
    report("dom-3 (each resource in turn)", resources.len(), || all(&dom_3, &resources, &environment));
    Ok(())
}

fn all<'t>(expression: &Expression, elements: &[Element<'t>], environment: &Environment<'_, 't>) -> usize {
    let holds = |element: &Element<'t>| -> Result<bool, EvaluationError> { expression.is_true(*element, environment) };
    elements.iter().filter(|element| matches!(holds(element), Ok(true))).count()
}

/// Runs a second in batches, and takes the quickest: what the machine does beside is not counted.
fn rate(run: impl Fn() -> usize) -> f64 {
    let start = Instant::now();
    let mut best = 0f64;
    while start.elapsed().as_millis() < 1000 {
        let batch = Instant::now();
        let mut runs = 0u32;
        while batch.elapsed().as_micros() < 500 {
            std::hint::black_box(run());
            runs += 1;
        }
        best = best.max(f64::from(runs) / batch.elapsed().as_secs_f64());
    }
    best
}

fn report(name: &str, evaluations: usize, run: impl Fn() -> usize) {
    let holds = run();
    println!("{name}: {:.0}/s ({holds} of {evaluations} hold)", rate(run) * evaluations as f64);
}

/// A document of invented observations of an invented patient.
fn bundle() -> Tree {
    let mut tree = Tree::new("Bundle");
    let mut root = tree.edit();
    root.set("type", "collection");
    for number in 0..120 {
        let mut entry = root.item("entry");
        entry.set("fullUrl", &format!("urn:uuid:00000000-0000-4000-8000-{number:012}"));
        let mut resource = entry.object("resource");
        if number == 0 {
            resource.set_resource_type("Patient").set("id", "0").set("gender", "female").set("birthDate", "1971-04-05");
            resource.item("name").set("family", "Example").push("given", "Ada");
            continue;
        }
        resource.set_resource_type("Observation").set("id", &number.to_string());
        resource.object("meta").set("versionId", "1").set("lastUpdated", "2026-11-23T10:00:00Z");
        resource.object("text").set("status", "generated").set(
            "div",
            "<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>A measured value of an invented person, with its unit.</p></div>",
        );
        resource.set("status", "final");
        let mut coding = resource.item("category");
        coding
            .item("coding")
            .set("system", "http://terminology.hl7.org/CodeSystem/observation-category")
            .set("code", "laboratory");
        let mut code = resource.object("code");
        code.item("coding").set("system", "http://loinc.org").set("code", "718-7").set("display", "Hemoglobin");
        resource.object("subject").set("reference", "urn:uuid:00000000-0000-4000-8000-000000000000");
        resource.set("effectiveDateTime", "2026-11-20T08:30:00+01:00");
        let mut value = resource.object("valueQuantity");
        value
            .set("value", i64::from(number))
            .set("unit", "g/dL")
            .set("system", "http://unitsofmeasure.org")
            .set("code", "g/dL");
        let mut range = resource.item("referenceRange");
        range.object("low").set("value", 12i64).set("unit", "g/dL");
    }
    tree
}
