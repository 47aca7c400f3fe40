//! Nothing is dropped silently: every code, value, identifier and text of a source stands in the document or in the
//! report. Found here by an independent walk over the XML, not by the converter's own account.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::path::Path;

use model::json;
use roxmltree::{Document, Node};

/// Elements that say which template holds or how a statement is built, not what holds for the patient.
const STRUCTURE: [&str; 8] = [
    "templateId",
    "typeId",
    "realmCode",
    "statusCode",
    "confidentialityCode",
    "languageCode",
    "signatureCode",
    "reference",
];
/// Codes that FHIR expresses by a resource type, a field or a mapped code.
const EXPRESSED: [&str; 34] = [
    "CONC",
    "SEV",
    "SUBST",
    "IMMUNIZ",
    "82606-5",
    "66455-7",
    "33999-4",
    "30973-2",
    "55607006",
    "64572001",
    "282291009",
    "404684003",
    "418799008",
    "419199007",
    "416098002",
    "235719002",
    "46680005",
    "55561003",
    "113014",
    "113015",
    "121139",
    "F",
    "M",
    "true",
    "false",
    "PINSTRUCT",
    "FINSTRUCT",
    "high",
    "272741003",
    "7771000",
    "16982005",
    "confirmed",
    "48767-8",
    "1",
];

fn leaves<'d>(node: Node<'d, 'd>, found: &mut Vec<(String, String)>) {
    let name = node.tag_name().name();
    if STRUCTURE.contains(&name) {
        return;
    }
    for attribute in ["code", "value", "extension", "displayName"] {
        if let Some(value) = node.attribute(attribute) {
            found.push((format!("{name}@{attribute}"), value.to_owned()));
        }
    }
    for text in node.children().filter_map(|child| if child.is_text() { child.text() } else { None }) {
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if !words.is_empty() {
            found.push((name.to_owned(), words));
        }
    }
    for child in node.children().filter(Node::is_element) {
        leaves(child, found);
    }
}

/// How the converter writes a value: dates with hyphens, telecoms without their scheme.
fn spellings(text: &str) -> Vec<String> {
    let mut forms = vec![text.to_owned(), text.replace('"', "\\\"")];
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    if digits.len() >= 4 && digits.len().is_multiple_of(2) {
        let part = |from: usize, to: usize| digits.get(from..to).map(|part| format!("-{part}")).unwrap_or_default();
        forms.push(format!("{}{}{}", &digits[..4], part(4, 6), part(6, 8)));
    }
    if let Some((_, rest)) = text.split_once(':') {
        forms.push(rest.to_owned());
    }
    forms
}

#[test]
fn every_leaf_of_the_examples_is_in_the_document_or_in_the_report() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut documents = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "xml") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let Ok(draft) = support::convert_bytes(text.as_bytes()) else { continue };
        let written = json::to_string(draft.document.root()) + &json::to_string(draft.report.outcome().root());
        let source = Document::parse(&text).unwrap();
        let mut found = Vec::new();
        leaves(source.root_element(), &mut found);
        assert!(found.len() > 50);
        for (place, value) in found {
            let expressed = EXPRESSED.contains(&value.as_str()) || place.ends_with("displayName");
            let there = spellings(&value).iter().any(|form| written.contains(form.as_str()));
            assert!(expressed || there, "{}: {place} {value:?} is lost", path.display());
        }
        documents += 1;
    }
    assert!(documents >= 3);
}

#[test]
fn what_no_map_knows_is_named_with_its_place() {
    let text = support::summary(
        "11450-4",
        "<entry><act classCode='ACT' moodCode='EVN'><code code='CONC' codeSystem='2.16.840.1.113883.5.6'/>\n<entryRelationship \
         typeCode='SUBJ'><observation classCode='OBS' moodCode='EVN'><code code='55607006' codeSystem='2.16.840.1.113883.6.96'/>\
         <value xsi:type='CD' code='J45' codeSystem='2.16.840.1.113883.6.3'/><strange code='Z9'>odd</strange></observation>\
         </entryRelationship></act></entry>",
    );
    let draft = support::converted(&text);
    let loss = draft.report.losses().find(|issue| issue.text.contains("Z9")).expect("the strange element is reported");
    assert!(loss.path.ends_with("/observation/strange"), "{}", loss.path);
    assert_eq!(loss.position.map(|position| position.line), Some(2));
    assert!(loss.text.contains("odd"), "{}", loss.text);
}
