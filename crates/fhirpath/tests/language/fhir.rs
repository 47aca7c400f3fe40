//! FHIR's own functions and variables, and the host.

use std::collections::BTreeSet;

use catalog::Catalog;
use fhirpath::{Environment, EvaluationError, Expression, Fault, Host, Item, Prepared};
use model::{Element, Name, Shapes, Tree, TypeId, json};

use crate::{CATALOG, check, check_errors, patient};

#[test]
fn functions_of_fhir() {
    check(&[
        ("extension('http://example.org/height').value.unit", "cm"),
        ("birthDate.hasExtension('http://example.org/note')", "true"),
        ("birthDate.hasValue()", "true"),
        ("name.hasValue()", "false"),
        ("birthDate.getValue()", "1971-04-05"),
        ("managingOrganization.resolve().name", "Example Clinic"),
        ("generalPractitioner.resolve()", ""),
        ("contained.id", "org"),
        ("%resource.id", "ada"),
        ("contained.select(%rootResource.id)", "ada"),
        ("%context.gender", "female"),
        ("%ucum", "http://unitsofmeasure.org"),
        ("%`vs-name-use`", "http://hl7.org/fhir/ValueSet/name-use"),
        ("%vs-name-use", "http://hl7.org/fhir/ValueSet/name-use"),
        ("%'ext-x'", "http://hl7.org/fhir/StructureDefinition/x"),
        ("gender.memberOf(%'vs-administrative-gender')", ""),
        ("conformsTo('http://example.org/any')", ""),
        ("gender is string", "true"),
        ("gender.is(FHIR.code)", "true"),
        ("gender is System.String", "false"),
        ("gender.ofType(string)", ""),
        ("extension.value is Quantity", "true"),
        ("contained.first() is DomainResource", "true"),
        ("contained.ofType(Resource).id", "org"),
        ("active as boolean", "true"),
        ("'<div>a</div>'.htmlChecks()", "true"),
        ("name.trace('n').count()", "2"),
    ]);
    check_errors(&[
        ("checkModifiers('x')", "needs the profile"),
        ("gender is Nonsense", "no type 'Nonsense'"),
        ("nothing()", "no function 'nothing'"),
        ("name.where()", "takes 1 arguments"),
    ]);
}

struct Knowing<'t> {
    practitioner: &'t Tree,
}

impl<'t> Host<'t> for Knowing<'t> {
    fn resolve(&self, reference: &str, _: Option<Element<'t>>) -> Option<Element<'t>> {
        (reference == "Practitioner/7").then(|| self.practitioner.root())
    }

    fn member_of(&self, item: &Item<'t>, value_set: &str) -> Option<bool> {
        Some(value_set.ends_with("/gender") && item.text() == Some("female"))
    }

    fn conforms_to(&self, _: Element<'t>, profile: &str) -> Result<Option<bool>, String> {
        Err(format!("{profile} is not known"))
    }
}

#[test]
fn the_host_answers_what_the_tree_cannot() {
    let shapes: &dyn Shapes = &*CATALOG;
    let tree = patient();
    let practitioner =
        json::read(br#"{"resourceType":"Practitioner","id":"7","name":[{"family":"Beispiel"}]}"#, &Default::default())
            .unwrap();
    let host = Knowing { practitioner: &practitioner };
    let prepared = Prepared::new(&tree, shapes);
    let environment = Environment::new(&prepared).with_host(&host);
    let run = |text: &str| -> Result<String, EvaluationError> {
        let items = Expression::compile(text, shapes, None).unwrap().evaluate(tree.root(), &environment)?;
        Ok(items.iter().map(ToString::to_string).collect())
    };
    assert_eq!(run("generalPractitioner.resolve().name.family").as_deref(), Ok("Beispiel"));
    assert_eq!(run("generalPractitioner.resolve() is Practitioner").as_deref(), Ok("true"));
    assert_eq!(run("gender.memberOf('http://example.org/gender')").as_deref(), Ok("true"));
    assert_eq!(run("conformsTo('http://trash')").map_err(|error| error.fault), Err(Fault::Unsupported));
}

#[test]
fn variables_and_items_come_from_the_caller() {
    let shapes: &dyn Shapes = &*CATALOG;
    let tree = patient();
    let prepared = Prepared::new(&tree, shapes);
    let environment = Environment::new(&prepared)
        .with_variable("who", [Item::from(tree.root())].into_iter().collect())
        .with_variable("limit", [Item::from(1)].into_iter().collect())
        .with_variable("limit", [Item::from(3)].into_iter().collect());
    let expression = Expression::compile("%who.name.given.count() = %limit", shapes, None).unwrap();
    assert_eq!(expression.test(tree.root(), &environment), Ok(Some(true)));
    let nothing = Expression::compile("photo.title.startsWith('a')", shapes, None).unwrap();
    assert_eq!(nothing.test(tree.root(), &environment), Ok(None));
    assert_eq!(nothing.is_true(tree.root(), &environment), Ok(false));
    let human_name = Name::of("HumanName").and_then(|name| shapes.named(name)).unwrap();
    let name = tree.root().get("name").unwrap();
    let family = Expression::compile("family", shapes, Some(human_name)).unwrap();
    let found = family.evaluate_item(Item::typed(name, human_name), &environment).unwrap();
    assert_eq!(found.iter().map(ToString::to_string).collect::<String>(), "Example");
    assert_eq!(shapes.type_name(environment.type_of(&found[0])), "string");
}

#[test]
fn a_reference_that_leads_nowhere_still_has_a_type_where_that_is_wanted() {
    let shapes: &dyn Shapes = &*CATALOG;
    let tree = patient();
    let prepared = Prepared::new(&tree, shapes);
    let expression = |text: &str| Expression::compile(text, shapes, None).unwrap();
    let typed = Environment::new(&prepared).with_typed_references();
    let is = expression("generalPractitioner.where(resolve() is Practitioner).reference");
    assert_eq!(is.evaluate(tree.root(), &typed).unwrap().len(), 1);
    assert_eq!(is.evaluate(tree.root(), &Environment::new(&prepared)).unwrap().len(), 0);
    let logical = json::read(
        br#"{"resourceType":"Patient","generalPractitioner":[{"type":"Practitioner","identifier":{"value":"1"}}]}"#,
        &Default::default(),
    )
    .unwrap();
    let logical_prepared = Prepared::new(&logical, shapes);
    let logical_typed = Environment::new(&logical_prepared).with_typed_references();
    let counted = expression("generalPractitioner.where(resolve() is Practitioner).count() = 1");
    assert_eq!(counted.test(logical.root(), &logical_typed), Ok(Some(true)));
    let is_not = expression("generalPractitioner.where(resolve() is Patient)");
    assert!(is_not.evaluate(tree.root(), &typed).unwrap().is_empty());
}

#[test]
fn references_in_a_bundle_lead_to_its_entries() {
    let shapes: &dyn Shapes = &*CATALOG;
    let text = r##"{"resourceType":"Bundle","type":"collection","entry":[
      {"fullUrl":"http://example.org/fhir/Patient/p","resource":{"resourceType":"Patient","id":"p"}},
      {"fullUrl":"urn:uuid:00000000-0000-4000-8000-000000000001","resource":{"resourceType":"Patient","id":"u"}},
      {"fullUrl":"http://example.org/fhir/Observation/o","resource":{"resourceType":"Observation","id":"o",
        "contained":[{"resourceType":"Device","id":"d"}],
        "subject":{"reference":"Patient/p"},
        "device":{"reference":"#d"},
        "focus":[{"reference":"urn:uuid:00000000-0000-4000-8000-000000000001"},
          {"reference":"http://example.org/fhir/Patient/p/_history/3"},
          {"reference":"http://example.org/fhir/Observation/o#d"},
          {"reference":"Patient/unknown"}]}},
      {"fullUrl":"urn:uuid:00000000-0000-4000-8000-000000000002","resource":{"resourceType":"Bundle","entry":[
        {"fullUrl":"urn:uuid:00000000-0000-4000-8000-000000000003","resource":{"resourceType":"Device","id":"inner"}},
        {"resource":{"resourceType":"DeviceUseStatement","device":{"reference":
          "urn:uuid:00000000-0000-4000-8000-000000000003"},"subject":{"reference":
          "urn:uuid:00000000-0000-4000-8000-000000000001"}}}]}}]}"##;
    let tree = json::read(text.as_bytes(), &Default::default()).unwrap();
    let prepared = Prepared::new(&tree, shapes);
    let environment = Environment::new(&prepared);
    let ids = |text: &str| -> String {
        let items = Expression::compile(text, shapes, None).unwrap().evaluate(tree.root(), &environment).unwrap();
        items.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    };
    assert_eq!(ids("entry.resource.subject.resolve().id"), "p");
    assert_eq!(ids("entry.resource.focus.resolve().id"), "u,p,d");
    assert_eq!(ids("entry.resource.device.resolve().id"), "d");
    assert_eq!(ids("entry.resource.entry.resource.select(device | subject).resolve().id"), "inner,u");
    assert_eq!(ids("'urn:uuid:00000000-0000-4000-8000-000000000003'.resolve().id"), "");
    assert_eq!(ids("entry.resource.ofType(Observation).contained.select(%resource.id | %rootResource.id)"), "");
}

#[test]
fn resource_and_root_resource_follow_from_the_element() {
    let shapes: &dyn Shapes = &*CATALOG;
    let tree = patient();
    let prepared = Prepared::new(&tree, shapes);
    let environment = Environment::new(&prepared);
    let contained = tree.root().get("contained").unwrap();
    let ids = Expression::compile("%resource.id | %rootResource.id | %context.id", shapes, None).unwrap();
    let ids = ids.evaluate(contained.get("name").unwrap(), &environment).unwrap();
    assert_eq!(ids.iter().filter_map(Item::text).collect::<Vec<_>>(), ["org", "ada"]);
}

/// The type of the element at a path of a structure; `None` for choices.
fn type_at(shapes: &dyn Shapes, path: &str) -> Option<TypeId> {
    let mut names = path.split('.');
    let root = shapes.named(Name::of(names.next()?)?)?;
    names.try_fold(root, |ty, name| Some(shapes.child(ty, Name::of(name)?)?.ty)).filter(|ty| *ty != TypeId::UNKNOWN)
}

#[test]
fn every_invariant_that_is_built_in_compiles() {
    let catalog: &Catalog = &CATALOG;
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for resource in catalog.resources("StructureDefinition") {
        let Ok(structure) = catalog.structure(resource.url()) else { continue };
        for element in structure.elements() {
            let context = type_at(catalog, &element.path);
            for text in element.constraints.iter().filter_map(|constraint| constraint.expression.as_deref()) {
                if seen.insert((context, text.to_owned()))
                    && let Err(error) = Expression::compile(text, catalog, context)
                {
                    wrong.push(format!("{} {text}: {error}", element.path));
                }
            }
        }
    }
    assert!(seen.len() > 500, "only {}", seen.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_search_parameter_that_is_built_in_compiles() {
    let catalog: &Catalog = &CATALOG;
    let mut wrong = Vec::new();
    for parameter in catalog.search_parameters() {
        for base in &parameter.base {
            let Some(text) = &parameter.expression else { continue };
            if let Err(error) = Expression::compile(text, catalog, type_at(catalog, base)) {
                wrong.push(format!("{} {text}: {error}", parameter.url));
            }
        }
    }
    assert!(catalog.search_parameters().len() > 1000);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
