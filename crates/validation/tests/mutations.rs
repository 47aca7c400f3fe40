//! A valid European patient summary with one fault at a time: every fault is found, at its place. What counts as a fault
//! is derived from FHIR's types and from the list of what the summary cannot do without, not from the validator.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::{Arc, LazyLock};

use catalog::Catalog;
use model::{Element, ElementId, Instant, Issue, Shapes, Tree, json};
use validation::{Options, Validator};

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| Validator::new(Arc::new(Catalog::built_in())));

fn summary() -> Tree {
    json::read(include_bytes!("fixtures/patient-summary.json"), &Default::default()).unwrap()
}

fn errors(tree: &Tree) -> Vec<Issue> {
    let options = Options { now: Instant(1_790_000_000_000_000_000), ..Options::default() };
    let mut issues = VALIDATOR.validate(tree, &options);
    issues.retain(|issue| issue.severity.is_error());
    issues
}

/// A mutation of the tree, with the path at which its fault must be found.
struct Mutation {
    name: String,
    path: String,
    tree: Tree,
}

fn check(mutations: Vec<Mutation>, at_least: usize) {
    let count = mutations.len();
    let mut missed = Vec::new();
    for Mutation { name, path, tree } in mutations {
        let found = errors(&tree);
        let near = |issue: &Issue| path.starts_with(&issue.path) || issue.path.starts_with(&path);
        if !found.iter().any(near) {
            let paths: Vec<&str> = found.iter().map(|issue| &*issue.path).collect();
            missed.push(format!("{name} at {path}: {paths:?}"));
        }
    }
    assert!(missed.is_empty(), "{} of {count} not found:\n{}", missed.len(), missed.join("\n"));
    assert!(count >= at_least, "only {count} mutations");
}

fn elements(tree: &Tree) -> Vec<(ElementId, String, String)> {
    let catalog = VALIDATOR.catalog();
    let all = tree.root().descendants().into_iter();
    all.map(|element| (element.id(), element.path_in(catalog), type_of(element).to_owned())).collect()
}

fn type_of(element: Element<'_>) -> &str {
    // The name is copied out of the catalog, which outlives every test.
    let catalog = VALIDATOR.catalog();
    catalog.type_name(element.type_in(catalog))
}

fn mutate(change: impl Fn(&Tree, ElementId, &str) -> Option<(String, Tree)>) -> Vec<Mutation> {
    let tree = summary();
    elements(&tree)
        .into_iter()
        .filter_map(|(id, path, ty)| change(&tree, id, &ty).map(|(name, tree)| Mutation { name, path, tree }))
        .collect()
}

#[test]
fn the_summary_itself_is_valid() {
    assert_eq!(errors(&summary()), []);
}

#[test]
fn alien_elements_are_found_wherever_they_stand() {
    let mutations = mutate(|tree, id, _| {
        let mut tree = tree.clone();
        if tree.element(id).is_primitive() {
            return None;
        }
        tree.edit_at(id).set("alien", "x");
        Some(("alien element".into(), tree))
    });
    check(mutations, 130);
}

#[test]
fn values_that_are_none_of_their_type_are_found() {
    let wrong: &[(&str, &[&str])] = &[
        ("date", &["2026-13-01", "yesterday", "2026-1-1", ""]),
        ("dateTime", &["2026-02-30", "2026-11-23T10:00", "2026-11-23T10:00:00", ""]),
        ("instant", &["2026-11-23", "now"]),
        ("id", &["under_score", "a b", ""]),
        ("uri", &["urn:uuid:NO", "a b", ""]),
        ("canonical", &["http://a b", ""]),
        ("code", &[" padded", "two  blanks", ""]),
        ("string", &["", "   "]),
    ];
    let mut mutations = Vec::new();
    for (ty, values) in wrong {
        for value in *values {
            mutations.extend(mutate(|tree, id, found| {
                // System.String ids and urls aside, which are no elements of their own.
                if found != *ty {
                    return None;
                }
                let mut tree = tree.clone();
                tree.edit_at(id).set_value(*value);
                Some((format!("'{value}' as {ty}"), tree))
            }));
        }
    }
    check(mutations, 300);
}

#[test]
fn values_of_another_kind_are_found() {
    let mut mutations = mutate(|tree, id, ty| {
        let text = matches!(ty, "string" | "code" | "uri" | "id" | "date" | "dateTime" | "canonical" | "instant");
        let mut changed = tree.clone();
        if text {
            changed.edit_at(id).set_value(true);
        } else if matches!(ty, "boolean" | "decimal" | "integer" | "positiveInt") {
            changed.edit_at(id).set_value("true");
        } else {
            return None;
        }
        Some((format!("another kind of value as {ty}"), changed))
    });
    mutations.extend(mutate(|tree, id, _| {
        let element = tree.element(id);
        let holds = element.has_children() && element.resource_type().is_none() && !element.is_primitive();
        let mut tree = tree.clone();
        holds.then(|| {
            tree.edit_at(id).set_value("text");
            ("a value in place of an object".into(), tree)
        })
    }));
    check(mutations, 250);
}

#[test]
fn single_elements_that_repeat_are_found() {
    let mutations = mutate(|tree, id, _| {
        let element = tree.element(id);
        let parent = element.parent()?;
        if element.is_list() || matches!(element.name(), "resource") {
            return None;
        }
        let mut changed = tree.clone();
        let mut edit = changed.edit_at(parent.id());
        edit.copy_as(element.name(), element, true);
        Some(("a repeat".into(), changed))
    });
    check(mutations, 240);
}

#[test]
fn codes_outside_required_value_sets_are_found() {
    let bound = [
        "Bundle.type",
        "Bundle.entry[0].resource.status",
        "Bundle.entry[1].resource.gender",
        "Bundle.entry[1].resource.telecom[0].system",
        "Bundle.entry[1].resource.telecom[0].use",
        "Bundle.entry[1].resource.name[0].use",
        "Bundle.entry[1].resource.text.status",
        "Bundle.entry[5].resource.type",
        "Bundle.entry[5].resource.category[0]",
        "Bundle.entry[5].resource.criticality",
        "Bundle.entry[5].resource.reaction[0].severity",
        "Bundle.entry[6].resource.status",
        "Bundle.entry[8].resource.status",
        "Bundle.entry[9].resource.status",
        "Bundle.entry[10].resource.status",
    ];
    let mut mutations = mutate(|tree, id, _| {
        let path = tree.element(id).path();
        let mut tree = tree.clone();
        bound.contains(&path.as_str()).then(|| {
            tree.edit_at(id).set_value("nonsense");
            ("a code outside".into(), tree)
        })
    });
    assert_eq!(mutations.len(), bound.len());
    let clinical = ["clinicalStatus", "verificationStatus"];
    mutations.extend(mutate(|tree, id, _| {
        let element = tree.element(id);
        let holder = element.parent()?.parent()?;
        let mut tree = tree.clone();
        (element.name() == "code" && clinical.contains(&holder.name())).then(|| {
            tree.edit_at(id).set_value("nonsense");
            ("a code outside".into(), tree)
        })
    }));
    mutations.extend(mutate(|tree, id, _| {
        let element = tree.element(id);
        let quantity =
            element.parent().is_some_and(|parent| parent.text_at("system") == Some("http://unitsofmeasure.org"));
        let mut tree = tree.clone();
        (quantity && element.name() == "code").then(|| {
            tree.edit_at(id).set_value("furlongs per fortnight");
            ("no unit".into(), tree)
        })
    }));
    check(mutations, 20);
}

#[test]
fn what_the_summary_cannot_do_without_is_missed() {
    let required = [
        ("Bundle.type", "Bundle"),
        ("Bundle.identifier", "Bundle"),
        ("Bundle.timestamp", "Bundle"),
        ("Bundle.entry[0].resource.status", "Bundle.entry[0].resource"),
        ("Bundle.entry[0].resource.type", "Bundle.entry[0].resource"),
        ("Bundle.entry[0].resource.date", "Bundle.entry[0].resource"),
        ("Bundle.entry[0].resource.title", "Bundle.entry[0].resource"),
        ("Bundle.entry[0].resource.author[0]", "Bundle.entry[0].resource"),
        ("Bundle.entry[0].resource.subject", "Bundle.entry[0].resource"),
        ("Bundle.entry[0].resource.section[0]", "Bundle.entry[0].resource"),
        ("Bundle.entry[0].resource.section[1]", "Bundle.entry[0].resource"),
        ("Bundle.entry[0].resource.section[2]", "Bundle.entry[0].resource"),
        ("Bundle.entry[0].resource.section[5]", "Bundle.entry[0].resource"),
        ("Bundle.entry[0].resource.section[6]", "Bundle.entry[0].resource"),
        ("Bundle.entry[0].resource.section[0].code", "Bundle.entry[0].resource"),
        ("Bundle.entry[0].resource.section[0].title", "Bundle.entry[0].resource.section[0]"),
        ("Bundle.entry[1].resource.name[0]", "Bundle.entry[1].resource"),
        ("Bundle.entry[1].resource.birthDate", "Bundle.entry[1].resource"),
        ("Bundle.entry[4].resource.subject", "Bundle.entry[4].resource"),
        ("Bundle.entry[5].resource.patient", "Bundle.entry[5].resource"),
        ("Bundle.entry[6].resource.status", "Bundle.entry[6].resource"),
        ("Bundle.entry[6].resource.medicationReference", "Bundle.entry[6].resource"),
        ("Bundle.entry[8].resource.code", "Bundle.entry[8].resource"),
        ("Bundle.entry[8].resource.status", "Bundle.entry[8].resource"),
        ("Bundle.entry[9].resource.vaccineCode", "Bundle.entry[9].resource"),
        ("Bundle.entry[9].resource.occurrenceDateTime", "Bundle.entry[9].resource"),
        ("Bundle.entry[10].resource.status", "Bundle.entry[10].resource"),
        ("Bundle.entry[0]", "Bundle"),
        ("Bundle.entry[1]", "Bundle"),
        ("Bundle.entry[4]", "Bundle.entry[0].resource.section[0].entry[0]"),
        ("Bundle.entry[0].fullUrl", "Bundle.entry[0]"),
    ];
    let tree = summary();
    let mutations = required.iter().map(|(path, place)| {
        let found = tree.root().descendants().into_iter().find(|element| element.path() == *path);
        let mut changed = tree.clone();
        changed.edit_at(found.expect(path).id()).detach();
        Mutation { name: format!("without {path}"), path: (*place).to_owned(), tree: changed }
    });
    check(mutations.collect(), required.len());
}

#[test]
fn broken_references_and_forbidden_narrative_are_found() {
    let mut mutations = mutate(|tree, id, _| {
        let element = tree.element(id);
        let mut tree = tree.clone();
        (element.name() == "reference").then(|| {
            tree.edit_at(id).set_value("#nowhere");
            ("a contained resource that is not there".into(), tree)
        })
    });
    mutations.extend(mutate(|tree, id, _| {
        let element = tree.element(id);
        let of_composition = element.path().starts_with("Bundle.entry[0].resource.");
        let mut tree = tree.clone();
        (element.name() == "reference" && of_composition).then(|| {
            tree.edit_at(id).set_value("urn:uuid:0f2c1a10-0000-4000-8000-00000000ffff");
            ("an entry that is not there".into(), tree)
        })
    }));
    // The subject refers to the Practitioner, the author to the Condition.
    mutations.extend(mutate(|tree, id, _| {
        let element = tree.element(id);
        let holder = element.parent()?.name().to_owned();
        let mut tree = tree.clone();
        (element.name() == "reference" && matches!(&*holder, "subject" | "patient" | "author")).then(|| {
            tree.edit_at(id).set_value("urn:uuid:0f2c1a10-0000-4000-8000-000000000008");
            ("a target of another type".into(), tree)
        })
    }));
    for inside in ["<script>x</script>", "<p onclick='x'>a</p>", "<a href='javascript:x'>a</a>", "", "<p>a"] {
        mutations.extend(mutate(|tree, id, ty| {
            let mut tree = tree.clone();
            (ty == "xhtml").then(|| {
                let div = format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{inside}</div>");
                tree.edit_at(id).set_value(&div);
                (format!("narrative {inside}"), tree)
            })
        }));
    }
    check(mutations, 100);
}
