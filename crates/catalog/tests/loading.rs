//! Packages and trees from outside: every layout loads, broken content becomes an issue or an error that says why, and
//! layers override without touching what is below.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::io::Write;
use std::path::Path;

use catalog::{Catalog, LoadError, Loader, SpecificationSet, StructureError};
use flate2::{Compression, write::GzEncoder};
use model::{Limits, Tree};

const MANIFEST: &str =
    r#"{"name":"example.guide","version":"0.2.0","license":"CC0-1.0","dependencies":{"hl7.fhir.r4.core":"4.0.1"}}"#;

fn tree(text: &str) -> Tree {
    model::json::read(text.as_bytes(), &Limits::default()).unwrap()
}

fn profile(name: &str, base: &str, elements: &str) -> String {
    format!(
        r#"{{"resourceType":"StructureDefinition","url":"http://example.org/{name}","version":"1.0.0","name":"{name}",
        "status":"draft","kind":"resource","abstract":false,"type":"Patient","baseDefinition":"{base}",
        "derivation":"constraint","differential":{{"element":[{elements}]}}}}"#
    )
}

const PATIENT: &str = "http://hl7.org/fhir/StructureDefinition/Patient";

fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, text.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn archive_folder_and_cache_give_the_same() {
    let one = profile("one", PATIENT, r#"{"path":"Patient.birthDate","min":1}"#);
    let files = [
        ("package/package.json", MANIFEST),
        ("package/StructureDefinition-one.json", &one),
        ("package/.index.json", "{}"),
        ("package/example/Patient-x.json", r#"{"resourceType":"Patient"}"#),
        ("package/readme.md", "no JSON"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::write(root.join("guide.tgz"), archive(&files)).unwrap();
    for (name, text) in files {
        write(&root.join("cache/example.guide#0.2.0").join(name), text);
    }
    for path in ["guide.tgz", "cache", "cache/example.guide#0.2.0", "cache/example.guide#0.2.0/package"] {
        let catalog = Loader::new().built_in().path(&root.join(path)).unwrap().finish();
        let package = catalog.packages().into_iter().find(|package| &*package.name == "example.guide").unwrap();
        assert_eq!((&*package.version, package.resources, package.built_in), ("0.2.0", 1, false), "{path}");
        assert_eq!(package.sha256.len(), 64);
        let structure = catalog.structure("http://example.org/one|1.0.0").unwrap();
        let birth = structure.child(0, "birthDate").unwrap();
        assert_eq!(structure.element(birth).min, 1, "{path}");
    }
}

#[test]
fn the_cache_gives_a_package_with_what_it_depends_on() {
    let folder = tempfile::tempdir().unwrap();
    let add = |label: &str, dependencies: &str| {
        let (name, version) = label.split_once('#').unwrap();
        let manifest = format!(r#"{{"name":"{name}","version":"{version}","dependencies":{{{dependencies}}}}}"#);
        write(&folder.path().join(label).join("package/package.json"), &manifest);
    };
    add("a#1.0.0", r#""b":"2.1.x","hl7.fhir.r4.core":"4.0.1","gone":"1.0.0""#);
    add("b#2.1.0", r#""a":"1.0.0""#);
    add("b#2.1.3", r#""a":"1.0.0""#);
    add("b#2.2.0", "");
    let catalog = Loader::new().built_in().cached(folder.path(), "a", "1.0.0").unwrap().finish();
    let labels: Vec<String> =
        catalog.packages().iter().filter(|package| !package.built_in).map(|package| package.label()).collect();
    assert_eq!(labels, ["b#2.1.3", "a#1.0.0"]);
    let issues = catalog.issues();
    assert!(issues.len() == 1 && issues[0].text.contains("gone#1.0.0"), "{issues:?}");
    assert!(matches!(Loader::new().cached(folder.path(), "a", "3.0.0"), Err(LoadError::Nothing(_))));
}

#[test]
fn what_cannot_be_read_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let missing = Catalog::load(&folder.path().join("no.tgz"));
    assert!(matches!(missing, Err(LoadError::Io { .. })), "{missing:?}");
    assert!(matches!(Catalog::load(folder.path()), Err(LoadError::Nothing(_))));
    fs::write(folder.path().join("broken.tgz"), b"no archive").unwrap();
    assert!(matches!(Catalog::load(&folder.path().join("broken.tgz")), Err(LoadError::Io { .. })));

    let files =
        [("package/package.json", "{"), ("package/ValueSet-x.json", "[1]"), ("package/other.json", "{\"a\":1}")];
    let catalog = Loader::new().archive(Path::new("bad.tgz"), &archive(&files)).unwrap().finish();
    let issues: Vec<String> = catalog.issues().iter().map(ToString::to_string).collect();
    assert_eq!(issues.len(), 2, "{issues:?}");
    assert!(issues.iter().any(|issue| issue.contains("ValueSet-x.json")));

    let garbled = r#"{"resourceType":"StructureDefinition","url":"http://example.org/bad","type":"Patient",,}"#;
    let catalog =
        Loader::new().archive(Path::new("bad.tgz"), &archive(&[("package/StructureDefinition-b.json", garbled)]));
    let catalog = catalog.unwrap().finish();
    assert!(catalog.structure("http://example.org/bad").is_err() || catalog.issues().len() == 1);
}

#[test]
fn an_archive_that_unpacks_to_far_more_than_it_is_is_not_read_on() {
    // Members whose headers promise more than is there: they are refused before anything is read of them.
    for size in [20 << 20, 300 << 20, u64::MAX >> 1] {
        let mut header = tar::Header::new_gnu();
        header.set_path("package/bomb.json").unwrap();
        header.set_size(size);
        header.set_cksum();
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(header.as_bytes()).unwrap();
        let bomb = Loader::new().archive(Path::new("bomb.tgz"), &packed.finish().unwrap());
        assert!(matches!(bomb, Err(LoadError::TooLarge(_))), "{size}: {bomb:?}");
    }
    // Zeros without end in place of an archive.
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    let zeros = vec![0u8; 1 << 20];
    (0..32).for_each(|_| packed.write_all(&zeros).unwrap());
    let nothing = Loader::new().archive(Path::new("zeros.tgz"), &packed.finish().unwrap());
    assert!(nothing.is_err() || nothing.unwrap().finish().structure("http://example.org/x").is_err());
}

#[test]
fn cycles_and_missing_bases_end_in_an_error() {
    let catalog = Catalog::built_in().with([
        tree(&profile("a", "http://example.org/b", r#"{"path":"Patient"}"#)),
        tree(&profile("b", "http://example.org/a", r#"{"path":"Patient"}"#)),
        tree(&profile("self", "http://example.org/self", r#"{"path":"Patient"}"#)),
        tree(&profile("orphan", "http://example.org/nowhere", r#"{"path":"Patient"}"#)),
    ]);
    for name in ["a", "b", "self"] {
        let error = catalog.structure(&format!("http://example.org/{name}")).unwrap_err();
        assert!(matches!(error, StructureError::Cycle(_)), "{error}");
    }
    let error = catalog.structure("http://example.org/orphan").unwrap_err();
    assert!(error.to_string().contains("http://example.org/nowhere"), "{error}");
    assert!(matches!(catalog.structure("http://example.org/none"), Err(StructureError::Unknown(_))));
}

#[test]
fn type_profiles_in_a_circle_end_and_the_rest_stands() {
    let extension = |name: &str, other: &str| {
        profile(
            name,
            "http://hl7.org/fhir/StructureDefinition/Extension",
            &format!(
                r#"{{"path":"Extension.extension","sliceName":"in","type":[{{"code":"Extension","profile":["http://example.org/{other}"]}}]}},
                {{"path":"Extension.extension.url","fixedUri":"http://example.org/{other}"}}"#
            ),
        )
        .replace("\"type\":\"Patient\"", "\"type\":\"Extension\"")
    };
    let catalog = Catalog::built_in().with([tree(&extension("x", "y")), tree(&extension("y", "x"))]);
    for name in ["x", "y"] {
        let structure = catalog.structure(&format!("http://example.org/{name}")).unwrap();
        assert!(structure.by_id("Extension.extension:in.url").is_some());
    }
}

#[test]
fn an_element_that_fits_nowhere_is_an_issue() {
    let elements = r#"{"path":"Patient.nothing","min":1},{"path":"Patient.active","min":1}"#;
    let catalog = Catalog::built_in().with([tree(&profile("odd", PATIENT, elements))]);
    let structure = catalog.structure("http://example.org/odd").unwrap();
    assert_eq!(structure.issues.len(), 1);
    assert_eq!(structure.issues[0].path, "Patient.nothing");
    assert_eq!(structure.element(structure.child(0, "active").unwrap()).min, 1);
}

#[test]
fn slices_reslices_and_content_references_are_opened() {
    let elements = r#"
        {"path":"Patient.identifier","slicing":{"discriminator":[{"type":"value","path":"system"}],"rules":"closed"}},
        {"path":"Patient.identifier","sliceName":"nat","min":1,"slicing":{"discriminator":[{"type":"value","path":"use"}],"rules":"open"}},
        {"path":"Patient.identifier.system","min":1,"fixedUri":"http://example.org/nat"},
        {"path":"Patient.identifier","sliceName":"nat/old","max":"1"},
        {"path":"Patient.identifier.use","patternCode":"old"},
        {"path":"Patient.deceasedBoolean","max":"0"}"#;
    let catalog = Catalog::built_in().with([tree(&profile("sliced", PATIENT, elements))]);
    let structure = catalog.structure("http://example.org/sliced").unwrap();
    assert!(structure.issues.is_empty(), "{:?}", structure.issues);
    let identifier = structure.child(0, "identifier").unwrap();
    let national = structure.slice(identifier, "nat").unwrap();
    let old = structure.slice(identifier, "nat/old").unwrap();
    assert_eq!(structure.slices(national), [old as u32]);
    assert_eq!(&*structure.element(old).id, "Patient.identifier:nat/old");
    assert_eq!((structure.element(national).min, structure.element(old).min), (1, 0));
    let system = structure.child(old, "system").unwrap();
    let fixed = structure.element(system).fixed.clone().unwrap();
    assert_eq!((fixed.root().name(), fixed.root().text()), ("fixedUri", Some("http://example.org/nat")));
    assert!(structure.element(structure.child(old, "use").unwrap()).pattern.is_some());
    assert!(structure.element(structure.child(national, "use").unwrap()).pattern.is_none());
    let deceased = structure.child(0, "deceased").unwrap();
    assert_eq!(structure.element(deceased).types.len(), 1);
    assert!(structure.element(structure.slice(deceased, "deceasedBoolean").unwrap()).is_prohibited());

    let observation = profile(
        "ranged",
        "http://hl7.org/fhir/StructureDefinition/Observation",
        r#"{"path":"Observation.component.referenceRange.low","min":1}"#,
    );
    let catalog = catalog.with([tree(&observation.replace("\"Patient\"", "\"Observation\""))]);
    let structure = catalog.structure("http://example.org/ranged").unwrap();
    let low = structure.by_id("Observation.component.referenceRange.low").unwrap();
    assert_eq!(structure.element(low).min, 1);
    assert!(catalog.structure("http://example.org/sliced").is_ok(), "an earlier layer's resource stays");
}

#[test]
fn a_layer_overrides_and_what_is_below_stays_as_it_was() {
    let base = Catalog::built_in();
    let one = |min: u32| tree(&profile("p", PATIENT, &format!(r#"{{"path":"Patient.gender","min":{min}}}"#)));
    let derived = tree(&profile("q", "http://example.org/p", r#"{"path":"Patient.active","min":1}"#));
    let gender = |catalog: &Catalog, url: &str| {
        let structure = catalog.structure(url).unwrap();
        structure.element(structure.child(0, "gender").unwrap()).min
    };
    let first = base.with([one(0), derived]);
    assert_eq!(gender(&first, "http://example.org/q"), 0);
    let second = first.with([one(1)]);
    assert_eq!((gender(&second, "http://example.org/p"), gender(&second, "http://example.org/q")), (1, 1));
    assert_eq!((gender(&first, "http://example.org/p"), gender(&first, "http://example.org/q")), (0, 0));
    assert!(base.structure("http://example.org/p").is_err());

    // A base that is replaced counts for the profiles below too.
    let patient = base.resource("StructureDefinition", PATIENT).unwrap().tree().unwrap();
    let mut stricter = Tree::from_element(patient.root());
    let element = stricter.root().every("differential.element").into_iter();
    let name =
        element.filter(|element| element.text_at("path") == Some("Patient.name")).map(|name| name.id()).next().unwrap();
    stricter.edit_at(name).set("min", 1);
    let third = base.with([stricter]);
    let min = |catalog: &Catalog| {
        let structure = catalog.structure("http://hl7.org/fhir/uv/ipa/StructureDefinition/ipa-patient").unwrap();
        structure.element(structure.child(0, "telecom").unwrap()).min
            + structure.element(structure.child(0, "name").unwrap()).min
    };
    assert!(min(&third) >= min(&base));
    let patient = third.structure("Patient").unwrap();
    assert_eq!(patient.element(patient.child(0, "name").unwrap()).min, 1);
    let value_set = r#"{"resourceType":"ValueSet","url":"http://hl7.org/fhir/ValueSet/administrative-gender","version":"0.1","status":"draft"}"#;
    let fourth = third.with([tree(value_set)]);
    let url = "http://hl7.org/fhir/ValueSet/administrative-gender";
    assert_eq!(fourth.value_set(url).unwrap().version.as_deref(), Some("0.1"));
    assert_eq!(fourth.value_set(&format!("{url}|4.0.1")).unwrap().version.as_deref(), Some("4.0.1"));
    assert_eq!(base.value_set(url).unwrap().version.as_deref(), Some("4.0.1"));
    assert_eq!(fourth.resources("ValueSet").len(), base.resources("ValueSet").len() + 1);
}

#[test]
fn versions_stand_side_by_side() {
    let version = |version: &str| {
        tree(&profile("v", PATIENT, "").replace("\"version\":\"1.0.0\"", &format!("\"version\":\"{version}\"")))
    };
    let catalog = Catalog::built_in().with([version("1.10.0"), version("1.9.2"), version("2.0.0-ballot")]);
    let found = |canonical: &str| catalog.structure(canonical).ok().and_then(|found| found.facts.version.clone());
    assert_eq!(found("http://example.org/v").as_deref(), Some("2.0.0-ballot"));
    assert_eq!(found("http://example.org/v|1.9.2").as_deref(), Some("1.9.2"));
    assert_eq!(found("http://example.org/v|1").as_deref(), Some("1.10.0"));
    assert_eq!(found("http://example.org/v|3"), None);
    let pinned = catalog.with([tree(&profile("w", "http://example.org/v|7.0", ""))]);
    let derived = pinned.structure("http://example.org/w").unwrap();
    assert!(derived.issues.len() == 1 && derived.issues[0].text.contains("v|2.0.0-ballot"), "{:?}", derived.issues);
    assert_eq!(
        catalog.resources("StructureDefinition").iter().filter(|found| found.url().ends_with("org/v")).count(),
        3
    );
}

#[test]
fn a_set_that_is_not_loaded_is_refused() {
    let text = "title = \"T\"\n[[package]]\nname = \"example.guide\"\nversion = \"0.2.0\"\nsha256 = \"00\"\n";
    let set = SpecificationSet::read("mine", text).unwrap();
    let message = Catalog::built_in().verify(&set).unwrap_err().to_string();
    assert!(message.contains("mine") && message.contains("example.guide#0.2.0"), "{message}");
    let catalog =
        Loader::new().archive(Path::new("g.tgz"), &archive(&[("package/package.json", MANIFEST)])).unwrap().finish();
    let message = catalog.verify(&set).unwrap_err().to_string();
    assert!(message.contains("sha256 00"), "{message}");
    let pinned = text.replace("\"00\"", &format!("\"{}\"", catalog.packages()[0].sha256));
    let set = SpecificationSet::read("mine", &pinned).unwrap();
    catalog.verify(&set).unwrap();
    let loader = || {
        Loader::new().built_in().archive(Path::new("g.tgz"), &archive(&[("package/package.json", MANIFEST)])).unwrap()
    };
    let only = loader().resources([tree(&profile("loose", PATIENT, ""))]).finish_as(&set).unwrap();
    assert_eq!(only.packages().len(), 1);
    assert_eq!(only.resources("StructureDefinition").len(), 1);
    assert!(Loader::new().finish_as(&set).is_err());
    assert!(SpecificationSet::read("mine", "title = 1").is_err());
}

#[test]
fn a_snapshot_that_would_burst_is_refused() {
    // Slices of elements in slices of elements: each level copies all that is below it eight times.
    let mut elements = Vec::new();
    let mut path = "Extension".to_owned();
    for _ in 0..20 {
        path.push_str(".extension");
        elements.push(format!(r#"{{"id":"{path}","path":"{path}"}}"#));
        elements.extend(
            (0..8).map(|slice| format!(r#"{{"id":"{path}:s{slice}","path":"{path}","sliceName":"s{slice}"}}"#)),
        );
    }
    let burst = profile("burst", "http://hl7.org/fhir/StructureDefinition/Extension", &elements.join(","));
    let deep = format!(r#"{{"path":"Extension{}"}}"#, ".extension".repeat(5000));
    let deep = profile("deep", "http://hl7.org/fhir/StructureDefinition/Extension", &deep);
    let resliced = format!(r#"{{"path":"Patient.name","sliceName":"a{}"}}"#, "/a".repeat(5000));
    let resliced = profile("resliced", PATIENT, &resliced);
    let catalog = Catalog::built_in().with([&burst, &deep, &resliced].map(|text| tree(text)));
    for name in ["burst", "deep", "resliced"] {
        let made = catalog.structure(&format!("http://example.org/{name}"));
        assert!(
            matches!(made, Err(StructureError::Broken { .. })),
            "{name}: {:?}",
            made.map(|made| made.elements().len())
        );
    }
}

/// A small generator of numbers, always the same.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound.max(1)
    }
}

#[test]
fn damaged_resources_never_stop_the_program() {
    let base = Catalog::built_in();
    let mut numbers = Numbers(7);
    let words = [
        "",
        "null",
        "Patient.x[x]",
        "a:b/c",
        "*",
        "-1",
        "99999999999",
        "http://example.org/loop",
        "value[x]",
        ".",
        ":",
    ];
    let kinds = ["StructureDefinition", "ValueSet", "CodeSystem", "ConceptMap", "SearchParameter"];
    for kind in kinds {
        let resources = base.resources(kind);
        for _ in 0..60 {
            let resource = &resources[numbers.below(resources.len())];
            let mut damaged = Tree::from_element(resource.tree().unwrap().root());
            for _ in 0..1 + numbers.below(6) {
                let elements = damaged.root().descendants();
                let id = elements[numbers.below(elements.len())].id();
                match numbers.below(3) {
                    0 => damaged.edit_at(id).detach(),
                    _ => drop(damaged.edit_at(id).set_value(words[numbers.below(words.len())])),
                }
            }
            let catalog = base.with([damaged]);
            for resource in catalog.resources(kind).iter().rev().take(1) {
                let url = resource.url();
                let _ = catalog.structure(url).map(|structure| structure.elements().len());
                let _ = catalog.value_set(url).map(|set| set.include.len());
                let _ = catalog
                    .code_system(url)
                    .map(|system| (0..system.len()).map(|index| system.ancestors(index).len()).max());
                let _ = (catalog.concept_map(url), catalog.search_parameter(url));
            }
        }
    }
}

#[test]
fn profiles_deep_in_profiles_end_on_a_small_stack() {
    let profiles: Vec<Tree> = (0..40)
        .map(|number| {
            let path = format!("Extension{}", ".extension".repeat(29));
            let next = number + 1;
            let elements = format!(
                r#"{{"path":"{path}","type":[{{"code":"Extension","profile":["http://example.org/deep{next}"]}}]}},
                {{"path":"{path}.url","min":1}}"#
            );
            let base =
                if number % 2 == 0 { format!("http://example.org/deep{next}") } else { TYPES_EXTENSION.to_owned() };
            tree(&profile(&format!("deep{number}"), &base, &elements))
        })
        .collect();
    let catalog = Catalog::built_in().with(profiles);
    let outcome = std::thread::Builder::new()
        .stack_size(2 << 20)
        .spawn(move || {
            (0..40)
                .map(|number| catalog.structure(&format!("http://example.org/deep{number}")).is_ok())
                .collect::<Vec<_>>()
        })
        .unwrap()
        .join();
    assert_eq!(outcome.unwrap().len(), 40);
}

const TYPES_EXTENSION: &str = "http://hl7.org/fhir/StructureDefinition/Extension";
