//! What strict compiling refuses, and lenient compiling notes.

use fhirpath::Expression;
use model::{Name, NoShapes, Shapes, json};

use crate::{CATALOG, evaluate_in, patient};

#[test]
fn what_the_types_rule_out_is_an_error_in_strict_mode_and_a_note_otherwise() {
    let shapes: &dyn Shapes = &*CATALOG;
    let ty = Name::of("Patient").and_then(|name| shapes.named(name));
    for text in [
        "name.nonsense",
        "Observation.status",
        "deceasedBoolean",
        "name.first().upper()",
        "children().first()",
        "descendants()[0]",
        "extension.where(url = 'x').valueString",
        "name.given.family",
        "name.where(nonsense)",
        "contact.name.select(nonsense)",
    ] {
        let strict = Expression::compile_strict(text, shapes, ty);
        let error = strict.err().unwrap_or_else(|| panic!("{text} is let through"));
        let lenient = Expression::compile(text, shapes, ty).unwrap();
        assert_eq!(lenient.notes(), [error], "{text}");
    }
}

#[test]
fn what_may_be_right_is_let_through() {
    let shapes: &dyn Shapes = &*CATALOG;
    for (ty, text) in [
        ("Patient", "name.given.first().upper()"),
        ("Patient", "contained.nonsense"),
        ("Patient", "deceased.ofType(dateTime) > @2020"),
        ("DomainResource", "name.exists()"),
        ("Resource", "Patient.name"),
        ("Questionnaire", "repeat(item).linkId.isDistinct()"),
        ("Bundle", "entry.resource.ofType(Patient).name.family"),
        ("Bundle", "entry.resource.status"),
        ("Extension", "value.coding.code"),
        ("Element", "hasValue() or (children().count() > id.count())"),
        ("Observation", "value.unit | component.value.unit"),
    ] {
        let context = Name::of(ty).and_then(|name| shapes.named(name));
        let compiled = Expression::compile_strict(text, shapes, context);
        assert!(compiled.is_ok(), "{ty} {text}: {}", compiled.err().unwrap());
    }
}

#[test]
fn names_of_json_count_in_lenient_mode_only() {
    assert_eq!(evaluate_in("deceasedBoolean", &patient(), false), "false");
    assert!(evaluate_in("deceasedBoolean", &patient(), true).contains("is written 'deceased'"));
}

#[test]
fn as_of_several_items_is_an_error_in_strict_mode() {
    assert_eq!(evaluate_in("name.as(HumanName).family", &patient(), false), "Example");
    assert!(evaluate_in("name.as(HumanName).family", &patient(), true).contains("several items"));
    assert_eq!(evaluate_in("name.ofType(HumanName).family", &patient(), true), "Example");
}

#[test]
fn an_expression_is_not_applied_to_another_resource_type() {
    let shapes: &dyn Shapes = &*CATALOG;
    let tree = json::read(br#"{"resourceType":"Device","id":"d"}"#, &Default::default()).unwrap();
    let expression = Expression::compile("name", shapes, Name::of("Patient").and_then(|name| shapes.named(name)));
    let prepared = fhirpath::Prepared::new(&tree, shapes);
    let error = expression.unwrap().evaluate(tree.root(), &fhirpath::Environment::new(&prepared)).unwrap_err();
    assert_eq!(error.to_string(), "the expression is for Patient, and is applied to Device");
}

#[test]
fn without_types_an_element_is_what_it_looks_like() {
    let tree = patient();
    let prepared = fhirpath::Prepared::new(&tree, &NoShapes);
    let environment = fhirpath::Environment::new(&prepared);
    for text in [
        "Patient.name.given.first() = 'Ada'",
        "active",
        "multipleBirthInteger = 2",
        "contained.ofType(Organization).exists()",
        "extension.valueQuantity.value > 171",
    ] {
        let expression = Expression::compile(text, &NoShapes, None).unwrap();
        assert_eq!(expression.is_true(tree.root(), &environment), Ok(true), "{text}");
    }
}
