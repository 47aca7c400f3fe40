//! `_filter` answers what its parts answer by themselves, joined as it says; and each operator does what its name says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod naive;
mod world;

use std::collections::BTreeSet;

use naive::Naive;
use naive::generate::{self, Dice};
use world::World;

const PATIENTS: usize = 16;

fn built(dice: &mut Dice) -> (World, Naive) {
    let mut world = World::new();
    let mut resources: Vec<_> = (0..PATIENTS).map(|number| generate::patient(dice, number)).collect();
    resources.extend((0..90).map(|number| generate::observation(dice, number, PATIENTS)));
    world.put_trees(&resources);
    (world, Naive { resources })
}

/// A comparison, as a filter and as a clause of a search; `None` where the clause has no filter of the same meaning.
fn leaf(dice: &mut Dice, type_name: &str) -> Option<(String, (String, String))> {
    let (name, value) = generate::clause(dice, type_name, 1);
    if value.contains([',', '$', '\'']) {
        return None;
    }
    let last = name.rsplit(['.']).next()?;
    let own = last.rsplit(':').next()?;
    let is_plain = !last.contains(':') || last.starts_with("_has:") && last.matches(':').count() == 3;
    let comparable = ["date", "birthdate", "value-quantity", "combo-value-quantity", "component-value-quantity"];
    let texts = ["name", "family", "given", "value-string"];
    let prefix =
        value.get(..2).filter(|prefix| ["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"].contains(prefix));
    let filter = if let Some(path) = name.strip_suffix(":contains") {
        format!("{path} co \"{value}\"")
    } else if let Some(path) = name.strip_suffix(":missing") {
        format!("{path} pr {}", value == "false")
    } else if !is_plain || own.starts_with('_') {
        return None;
    } else if texts.contains(&own) {
        format!("{name} sw \"{value}\"")
    } else if comparable.contains(&own) {
        match prefix {
            Some(prefix) => format!("{name} {prefix} {}", &value[2..]),
            None => format!("{name} eq {value}"),
        }
    } else {
        format!("{name} eq {value}")
    };
    Some((filter, (name, value)))
}

/// A filter of some depth, and what it finds.
fn tree(dice: &mut Dice, naive: &Naive, type_name: &str, depth: usize) -> (String, BTreeSet<String>) {
    let kind = if depth == 0 { 9 } else { dice.roll(6) };
    match kind {
        0 | 1 => {
            let (a, left) = tree(dice, naive, type_name, depth - 1);
            let (b, right) = tree(dice, naive, type_name, depth - 1);
            match kind {
                0 => (format!("({a} and {b})"), left.intersection(&right).cloned().collect()),
                _ => (format!("({a} or {b})"), left.union(&right).cloned().collect()),
            }
        }
        2 => {
            let (a, found) = tree(dice, naive, type_name, depth - 1);
            let all: BTreeSet<String> = naive.ids(type_name, &[]).into_iter().collect();
            (format!("not ({a})"), all.difference(&found).cloned().collect())
        }
        _ => loop {
            if let Some((filter, clause)) = leaf(dice, type_name) {
                return (filter, naive.ids(type_name, &[clause]).into_iter().collect());
            }
        },
    }
}

#[test]
fn hundreds_of_filters_answer_as_their_parts() {
    let mut dice = Dice(0xF117E4);
    let (world, naive) = built(&mut dice);
    let mut some = 0;
    for round in 0..600 {
        let type_name = ["Observation", "Patient"][round % 2];
        let (filter, expected) = tree(&mut dice, &naive, type_name, 3);
        let expected: Vec<String> = expected.into_iter().collect();
        some += usize::from(!expected.is_empty());
        assert_eq!(world.ids(&format!("{type_name}?_filter={filter}&_count=9")), expected, "{type_name} {filter}");
    }
    assert!(some > 200, "{some}");
}

#[test]
fn every_operator_does_what_its_name_says() {
    let mut world = World::new();
    world.put(&[
        r#"{"resourceType":"Patient","id":"a","active":true,"name":[{"family":"Rossi","given":["Anna","Maria"]}],"birthDate":"1980-05-01"}"#,
        r#"{"resourceType":"Patient","id":"b","name":[{"family":"De Rossi"}],"birthDate":"1981"}"#,
        r#"{"resourceType":"Patient","id":"c","active":false}"#,
        r#"{"resourceType":"ValueSet","id":"v","url":"http://example.org/fhir/ValueSet/colours","status":"draft"}"#,
        r#"{"resourceType":"Encounter","id":"e","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/a"},"period":{"start":"2020-01-01","end":"2020-03-31"}}"#,
    ]);
    for (query, found) in [
        ("Patient?_filter=family eq rossi", vec!["a"]),
        ("Patient?_filter=given ne anna", vec!["a"]),
        ("Patient?_filter=family ne rossi", vec!["b"]),
        ("Patient?_filter=family co \"ross\"", vec!["a", "b"]),
        ("Patient?_filter=family sw ross", vec!["a"]),
        ("Patient?_filter=family ew ROSSI", vec!["a", "b"]),
        ("Patient?_filter=birthdate lt 1981", vec!["a"]),
        ("Patient?_filter=birthdate sa 1980-05", vec!["b"]),
        ("Patient?_filter=birthdate pr false", vec!["c"]),
        ("Patient?_filter=active ne true", vec!["c"]),
        ("Patient?_filter=not (active eq true)", vec!["b", "c"]),
        ("Patient?_filter=_id eq a or _id eq c", vec!["a", "c"]),
        ("Patient?_filter=_id ne a", vec!["b", "c"]),
        ("Patient?_filter=_lastUpdated gt 2020", vec!["a", "b", "c"]),
        ("Patient?_filter=_has:Encounter:patient:status eq finished", vec!["a"]),
        ("Patient?_filter=_has:Encounter:patient:status eq finished or active pr false", vec!["a", "b"]),
        ("Encounter?_filter=date po 2020-02", vec!["e"]),
        ("Encounter?_filter=date po 2020-04", vec![]),
        ("Encounter?_filter=date eq 2020-02", vec![]),
        ("Encounter?_filter=subject re Patient/a", vec!["e"]),
        ("Encounter?_filter=subject re https://here.example/fhir/Patient/a", vec!["e"]),
        ("Encounter?_filter=subject:Patient[active eq true].family co oss and status eq finished", vec!["e"]),
        ("Encounter?_filter=subject:Patient[active eq false].family co oss", vec![]),
        ("Encounter?_filter=status in http://hl7.org/fhir/ValueSet/encounter-status", vec!["e"]),
        ("Encounter?_filter=status ni http://hl7.org/fhir/ValueSet/encounter-status", vec![]),
        ("ValueSet?_filter=url sw http://example.org/fhir/Val", vec!["v"]),
        ("ValueSet?_filter=url ew colours and url co /fhir/", vec!["v"]),
        ("ValueSet?_filter=url eq http://example.org/fhir/Val", vec![]),
    ] {
        assert_eq!(world.ids(query), found, "{query}");
    }
    for (query, told) in [
        ("Patient?_filter=famly eq x", "did you mean family?"),
        ("Patient?_filter=family gt x", "takes no operator gt"),
        ("Patient?_filter=family is x", "one of eq, ne"),
        ("Patient?_filter=birthdate eq may", "no date"),
        ("Patient?_filter=family.name eq x", "no reference"),
        ("Patient?_filter=active pr maybe", "neither true nor false"),
        ("Patient?_filter:not=active eq true", "takes no modifier"),
    ] {
        assert!(world.refusal(query).contains(told), "{query}: {}", world.refusal(query));
    }
}
