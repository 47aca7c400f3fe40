//! What is built in is whole, and what it says is what the specifications say.

#![allow(clippy::unwrap_used, clippy::panic)]

use catalog::{BindingStrength, Catalog, Content, DiscriminatorType, SlicingRules, UNBOUNDED};
use model::{Form, Name, Shapes};

fn child(catalog: &Catalog, parent: &str, name: &str) -> model::Child {
    let parent = catalog.named(Name::of(parent).unwrap()).unwrap();
    catalog.child(parent, Name::of(name).unwrap()).unwrap()
}

#[test]
fn every_structure_has_a_snapshot_without_a_fault() {
    let catalog = Catalog::built_in();
    assert!(catalog.issues().is_empty(), "{:?}", catalog.issues());
    let all = catalog.resources("StructureDefinition");
    assert!(all.len() > 1200);
    for resource in all {
        let structure = catalog.structure(resource.url()).unwrap();
        assert!(structure.issues.is_empty(), "{}: {:?}", resource.url(), structure.issues);
        assert!(structure.elements().len() > 1 || &*structure.facts.r#type == "Element", "{}", resource.url());
    }
}

#[test]
fn a_profile_narrows_what_its_base_allows() {
    let catalog = Catalog::built_in();
    let bundle = catalog.structure("http://hl7.eu/fhir/eps/StructureDefinition/bundle-eu-eps").unwrap();
    let entry = bundle.by_id("Bundle.entry").unwrap();
    let slicing = bundle.element(entry).slicing.clone().unwrap();
    assert_eq!(slicing.rules, SlicingRules::Open);
    let composition = bundle.slice(entry, "composition").unwrap();
    assert_eq!((bundle.element(composition).min, bundle.element(composition).max), (1, 1));
    assert_eq!(bundle.parent(composition), Some(0));
    assert!(bundle.facts.imposes.iter().any(|url| url.ends_with("/Bundle-uv-ips")));

    let summary = catalog.structure("http://hl7.eu/fhir/eps/StructureDefinition/composition-eu-eps").unwrap();
    let section = summary.by_id("Composition.section").unwrap();
    let problems = summary.slice(section, "sectionProblems").unwrap();
    let code = summary.child(problems, "code").unwrap();
    let pattern = summary.element(code).pattern.clone().unwrap();
    assert_eq!(pattern.root().text_at("coding.code"), Some("11450-4"));
    assert_eq!(summary.element(section).max, UNBOUNDED);
}

#[test]
fn types_slices_and_bindings_of_the_core() {
    let catalog = Catalog::built_in();
    let observation = catalog.structure("Observation").unwrap();
    let value = observation.element(observation.child(0, "value").unwrap());
    assert!(value.is_choice() && value.types.len() == 11);
    let status = observation.element(observation.child(0, "status").unwrap());
    let binding = status.binding.as_ref().unwrap();
    assert_eq!(binding.strength, BindingStrength::Required);
    assert!(catalog.value_set(binding.value_set.as_deref().unwrap()).is_some());
    assert_eq!(&*status.base.as_ref().unwrap().path, "Observation.status");
    assert!(observation.root().constraints.iter().any(|rule| &*rule.key == "dom-2"));
    let best = observation.root().constraints.iter().find(|rule| &*rule.key == "dom-6").unwrap();
    assert!(best.best_practice && best.human.is_none());
    let range = observation.by_id("Observation.component.referenceRange").unwrap();
    let reference = observation.element(range).content_reference.clone().unwrap();
    assert_eq!(observation.content_reference(&reference), observation.by_id("Observation.referenceRange"));

    let vital = catalog.structure("http://hl7.org/fhir/StructureDefinition/vitalsigns").unwrap();
    let category = vital.by_id("Observation.category").unwrap();
    assert_eq!(vital.element(category).slicing.as_ref().unwrap().discriminators[0].kind, DiscriminatorType::Value);
    let text = catalog.structure("string").unwrap();
    assert!(text.element(text.child(0, "value").unwrap()).regex.is_some());
}

#[test]
fn shapes_know_choices_references_primitives_and_resources() {
    let catalog = Catalog::built_in();
    let quantity = child(&catalog, "Observation", "valueQuantity");
    assert_eq!(catalog.type_name(quantity.ty), "Quantity");
    assert_eq!(quantity.choice, Some((Name::of("value").unwrap(), Name::of("Quantity").unwrap())));
    assert_eq!(child(&catalog, "Patient", "active").form, Form::Boolean);
    assert_eq!(child(&catalog, "Patient", "birthDate").form, Form::String);
    assert_eq!(child(&catalog, "Quantity", "value").form, Form::Number);
    assert_eq!(child(&catalog, "Narrative", "div").form, Form::Xhtml);
    assert_eq!(child(&catalog, "Patient", "contained").form, Form::Resource);
    assert!(child(&catalog, "Patient", "name").list && !child(&catalog, "Patient", "gender").list);
    let contact = child(&catalog, "Patient", "contact");
    assert_eq!(catalog.type_name(contact.ty), "Patient.contact");
    assert_eq!(catalog.type_name(catalog.base(contact.ty).unwrap()), "BackboneElement");
    let component = child(&catalog, "Observation", "component");
    let range = catalog.child(component.ty, Name::of("referenceRange").unwrap()).unwrap();
    assert_eq!(catalog.type_name(range.ty), "Observation.referenceRange");
    assert!(range.list);
    let code = catalog.named(Name::of("code").unwrap()).unwrap();
    assert_eq!(catalog.base(code).map(|base| catalog.type_name(base)), Some("string"));
    assert!(catalog.child(code, Name::of("value").unwrap()).is_none());
    assert!(catalog.child(code, Name::of("extension").unwrap()).is_some());
    assert!(catalog.child(contact.ty, Name::of("birthDate").unwrap()).is_none());
    let patient = catalog.named(Name::of("Patient").unwrap()).unwrap();
    let names: Vec<&str> = catalog.children(patient).iter().filter_map(|(name, _)| name.known()).collect();
    assert_eq!(&names[..5], ["id", "meta", "implicitRules", "language", "text"]);
    assert!(names.contains(&"deceasedBoolean") && names.contains(&"deceasedDateTime"));
}

#[test]
fn terminology_is_there_as_far_as_its_owners_allow() {
    let catalog = Catalog::built_in();
    let gender = catalog.code_system("http://hl7.org/fhir/administrative-gender").unwrap();
    assert_eq!(gender.content, Content::Complete);
    assert_eq!(gender.find("other").and_then(|code| gender.display(code)), Some("Other"));
    let act = catalog.code_system("http://terminology.hl7.org/CodeSystem/v3-ActReason").unwrap();
    let [purpose, treat] = ["PurposeOfUse", "TREAT"].map(|code| act.find(code).unwrap());
    assert!(act.is_a(treat, purpose) && act.is_abstract(purpose));
    for closed in
        ["http://snomed.info/sct", "http://loinc.org", "http://www.whocc.no/atc", "http://standardterms.edqm.eu"]
    {
        assert!(catalog.code_system(closed).is_none_or(|system| system.is_empty()), "{closed}");
    }
    for resource in catalog.resources("ValueSet") {
        assert!(!resource.url().starts_with("http://terminology.ehdsi.eu/"));
        let set = catalog.value_set(resource.url()).unwrap();
        for part in set.include.iter().chain(&set.exclude) {
            let system = part.system.as_deref().unwrap_or_default();
            if ["http://snomed.info/sct", "http://loinc.org"].contains(&system) {
                assert!(part.concepts.iter().all(|concept| concept.display.is_none()), "{}", resource.url());
            }
        }
    }
}

#[test]
fn names_lead_both_ways() {
    let catalog = Catalog::built_in();
    let naming = catalog.naming();
    for (oid, uri) in [
        ("2.16.840.1.113883.6.96", "http://snomed.info/sct"),
        ("urn:oid:2.16.840.1.113883.6.1", "http://loinc.org"),
        ("2.16.840.1.113883.5.8", "http://terminology.hl7.org/CodeSystem/v3-ActReason"),
        ("2.16.840.1.113883.12.203", "http://terminology.hl7.org/CodeSystem/v2-0203"),
        ("0.4.0.127.0.16.1.1.2.1", "http://standardterms.edqm.eu"),
        ("1.0.3166.1.2.2", "urn:iso:std:iso:3166"),
    ] {
        assert_eq!(naming.uri(oid), Some(uri));
    }
    assert_eq!(naming.oid("http://www.whocc.no/atc"), Some("2.16.840.1.113883.6.73"));
    assert_eq!(naming.system("2.999.1"), "urn:oid:2.999.1");
    let spellings = naming.spellings("http://hl7.it/sid/codiceFiscale");
    assert!(spellings.contains(&"urn:oid:2.16.840.1.113883.2.9.4.3.2".to_owned()), "{spellings:?}");
}

#[test]
fn the_six_categories_name_profiles_and_sections_that_exist() {
    let catalog = Catalog::built_in();
    let codes: Vec<&str> = catalog.categories().iter().map(|category| &*category.code).collect();
    assert_eq!(
        codes,
        [
            "patient-summary",
            "electronic-prescription",
            "electronic-dispensation",
            "medical-imaging",
            "laboratory-report",
            "discharge-report"
        ]
    );
    let profiles = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../profiles");
    let folders =
        std::fs::read_dir(profiles).unwrap().filter_map(|entry| Some(entry.ok()?.path().join("category.toml")));
    assert_eq!(folders.filter(|file| file.is_file()).count(), codes.len(), "a category.toml that cannot be read");
    for category in catalog.categories() {
        catalog.structure(&category.root_profile).unwrap();
        category.resource_profiles.iter().for_each(|profile| assert!(catalog.structure(profile).is_ok(), "{profile}"));
        assert!(catalog.packages().iter().any(|package| package.name == category.package));
        let Some(profile) = &category.composition_profile else { continue };
        let composition = catalog.structure(profile).unwrap();
        let section = composition.by_id("Composition.section").unwrap();
        let slices = composition.slices(section).len();
        assert_eq!(category.sections.len(), slices, "{}", category.code);
        for known in &category.sections {
            let slice = composition.slice(section, &known.slice).unwrap();
            assert_eq!(composition.element(slice).min > 0, known.required, "{}", known.slice);
            let code = composition.element(composition.child(slice, "code").unwrap());
            let pattern = code.pattern.as_ref().unwrap();
            assert_eq!(pattern.root().text_at("coding.code"), Some(&*known.code));
        }
    }
}

#[test]
fn search_parameters_compartments_and_operations_are_there() {
    let catalog = Catalog::built_in();
    let birth = catalog.search_parameters_of("Patient").find(|parameter| &*parameter.code == "birthdate").unwrap();
    assert_eq!((&*birth.kind, birth.expression.is_some()), ("date", true));
    assert!(catalog.search_parameters_of("Bundle").all(|parameter| &*parameter.code != "_text"));
    assert!(catalog.search_parameters_of("Patient").any(|parameter| &*parameter.code == "_lastUpdated"));
    let creation = "https://profiles.ihe.net/ITI/MHD/SearchParameter/DocumentReference-Creation";
    assert!(catalog.search_parameters().iter().any(|parameter| &*parameter.url == creation));
    let patient = catalog.compartment("Patient").unwrap();
    assert!(patient.parameters("Observation").iter().any(|code| &**code == "subject"));
    assert!(patient.parameters("Medication").is_empty());
    let everything = "http://hl7.org/fhir/OperationDefinition/Patient-everything";
    assert_eq!(&*catalog.operation_definition(everything).unwrap().code, "everything");
}

#[test]
fn the_specification_set_pins_what_is_built_in() {
    let catalog = Catalog::built_in();
    let sets = catalog.specification_sets();
    assert_eq!(sets.len(), 1);
    assert_eq!(sets[0].packages.len(), catalog.packages().len());
    catalog.verify(&sets[0]).unwrap();
    let mut other = sets[0].clone();
    other.packages[3].sha256 = "00".into();
    assert!(catalog.verify(&other).unwrap_err().to_string().contains("pins"));
    other.packages[3].version = "0.0.0".into();
    let message = catalog.verify(&other).unwrap_err().to_string();
    assert!(message.contains("0.0.0") && message.contains("loaded: "), "{message}");
}
