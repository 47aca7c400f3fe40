//! XML and JSON are two texts of one tree, given the shapes of the types in play.

#![allow(clippy::unwrap_used, clippy::type_complexity)]

use std::collections::HashMap;

use model::{Child, Form, Limits, Name, Shapes, Tree, TypeId, json, xml};

/// A handful of types: `owner.element` with its form, and whether it repeats.
struct Handful {
    types: Vec<&'static str>,
    children: HashMap<u16, Vec<(Name, Child)>>,
}

const TYPES: [&str; 8] =
    ["Patient", "HumanName", "Extension", "Narrative", "Organization", "Observation", "Quantity", "string"];

fn shapes() -> Handful {
    use Form::*;
    let rows: [(&str, &[(&str, &str, Form, bool)]); 7] = [
        (
            "Patient",
            &[
                ("id", "string", String, false),
                ("text", "Narrative", Complex, false),
                ("contained", "", Resource, true),
                ("extension", "Extension", Complex, true),
                ("active", "string", Boolean, false),
                ("name", "HumanName", Complex, true),
                ("gender", "string", String, false),
                ("birthDate", "string", String, false),
                ("multipleBirthInteger", "string", Number, false),
            ],
        ),
        ("HumanName", &[("family", "string", String, false), ("given", "string", String, true)]),
        (
            "Extension",
            &[
                ("extension", "Extension", Complex, true),
                ("url", "string", String, false),
                ("valueCode", "string", String, false),
            ],
        ),
        ("Narrative", &[("status", "string", String, false), ("div", "", Xhtml, false)]),
        ("Organization", &[("id", "string", String, false), ("name", "string", String, false)]),
        ("Observation", &[("valueQuantity", "Quantity", Complex, false)]),
        ("string", &[("extension", "Extension", Complex, true)]),
    ];
    let id = |name: &str| TYPES.iter().position(|known| *known == name).map_or(TypeId::UNKNOWN, |at| TypeId(at as u16));
    let mut children: HashMap<u16, Vec<(Name, Child)>> = HashMap::new();
    for (owner, elements) in rows {
        for (order, (name, ty, form, list)) in elements.iter().enumerate() {
            let child = Child { ty: id(ty), list: *list, order: order as u16, form: *form, choice: None };
            children.entry(id(owner).0).or_default().push((Name::of(name).unwrap(), child));
        }
    }
    let decimal = Child { ty: id("string"), list: false, order: 0, form: Number, choice: None };
    children.insert(id("Quantity").0, vec![(Name::of("value").unwrap(), decimal)]);
    Handful { types: TYPES.to_vec(), children }
}

impl Shapes for Handful {
    fn named(&self, name: Name) -> Option<TypeId> {
        self.types.iter().position(|known| Some(*known) == name.known()).map(|at| TypeId(at as u16))
    }
    fn child(&self, parent: TypeId, name: Name) -> Option<Child> {
        self.children(parent).iter().find(|(known, _)| *known == name).map(|(_, child)| *child)
    }
    fn children(&self, parent: TypeId) -> &[(Name, Child)] {
        self.children.get(&parent.0).map_or(&[], Vec::as_slice)
    }
    fn type_name(&self, ty: TypeId) -> &str {
        self.types.get(usize::from(ty.0)).copied().unwrap_or_default()
    }
    fn base(&self, _: TypeId) -> Option<TypeId> {
        None
    }
}

fn read_xml(text: &str) -> Tree {
    xml::read(text.as_bytes(), &shapes(), &Limits::default()).unwrap()
}

#[test]
fn json_through_xml_is_the_same_json() {
    for text in [
        r#"{"resourceType":"Patient","id":"p","active":true,"name":[{"family":"Martin","given":["Zoé","<&>\"\n\t\r"]},{"family":"x"}],"multipleBirthInteger":2}"#,
        r#"{"resourceType":"Patient","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\" xml:lang=\"fr\"> <p>a  <b>b</b>&#160;&lt; </p>\n</div>"},"contained":[{"resourceType":"Organization","id":"o","name":"O"}]}"#,
        r#"{"resourceType":"Patient","_gender":{"id":"g","extension":[{"url":"http://example.org/x","valueCode":"unknown"}]},"birthDate":"1970","_birthDate":{"extension":[{"url":"u","extension":[{"url":"a","valueCode":"b"}]}]}}"#,
        r#"{"resourceType":"Patient","name":[{"id":"n","given":["a",null,"b"],"_given":[null,{"extension":[{"url":"u","valueCode":"unknown"}]},{"id":"q"}]}]}"#,
        r#"{"resourceType":"Observation","valueQuantity":{"value":1.50}}"#,
        r#"{"resourceType":"Observation","valueQuantity":{"value":-0.0e-7}}"#,
    ] {
        let tree = json::read(text.as_bytes(), &Limits::default()).unwrap();
        let written = xml::write(tree.root(), &shapes()).unwrap();
        let again = read_xml(&written);
        assert_eq!(again.issues(), [], "{written}");
        assert_eq!(json::to_string(again.root()), text, "{written}");
    }
}

#[test]
fn a_narrative_under_a_prefix_gets_the_default_namespace() {
    let tree = read_xml(
        r#"<f:Patient xmlns:f="http://hl7.org/fhir" xmlns:h="http://www.w3.org/1999/xhtml"><f:text><f:status value="generated"/><h:div><h:p title="a">x</h:p></h:div></f:text></f:Patient>"#,
    );
    assert_eq!(tree.issues(), []);
    assert_eq!(
        tree.root().text_at("text.div"),
        Some(r#"<div xmlns="http://www.w3.org/1999/xhtml"><p title="a">x</p></div>"#)
    );
}

#[test]
fn what_is_unknown_is_kept_and_what_is_forbidden_is_an_issue_at_its_line() {
    for (inner, line, kept) in [
        ("\n<colour value=\"red\"/>", None, r#""colour":"red""#),
        ("\n<active value=\"yes\"/>", None, r#""active":"yes""#),
        ("\n text", Some(1), r#"{"resourceType":"Patient"}"#),
        ("\n<active value=\"true\" shade=\"x\"/>", Some(2), r#""active":true"#),
        ("<gender value=\"male\"/>\n<active value=\"true\"/>", Some(2), r#""active":true"#),
        ("\n<active xmlns=\"urn:other\" value=\"true\"/>", Some(2), r#""active":true"#),
        ("\n<active/>", Some(2), r#""active":null"#),
        ("\n<gender value=\"a\"/><gender value=\"b\"/>", None, r#""gender":["a","b"]"#),
    ] {
        let tree = read_xml(&format!("<Patient xmlns=\"http://hl7.org/fhir\">{inner}</Patient>"));
        let found = tree.issues().first().and_then(|issue| issue.position).map(|position| position.line);
        assert_eq!(found, line, "{inner}: {:?}", tree.issues());
        assert!(json::to_string(tree.root()).contains(kept), "{inner}: {}", json::to_string(tree.root()));
    }
}

#[test]
fn hostile_text_is_refused() {
    let deep = format!("<Patient xmlns=\"http://hl7.org/fhir\">{}", "<extension>".repeat(1_000));
    for text in [
        "",
        "<Patient/>",
        "<Patient xmlns=\"http://hl7.org/fhir\">",
        "<Patient xmlns=\"http://hl7.org/fhir\"><name></Patient>",
        "<!DOCTYPE Patient [<!ENTITY a \"b\">]><Patient xmlns=\"http://hl7.org/fhir\"/>",
        "<Patient xmlns=\"http://hl7.org/fhir\"><gender value=\"&a;\"/></Patient>",
        "<Patient xmlns=\"http://hl7.org/fhir\"/><Patient xmlns=\"http://hl7.org/fhir\"/>",
        "<x:Patient xmlns=\"http://hl7.org/fhir\"/>",
        deep.as_str(),
    ] {
        assert!(xml::read(text.as_bytes(), &shapes(), &Limits::default()).is_err(), "{text}");
    }
}

#[test]
fn what_xml_cannot_hold_is_not_written() {
    for text in [
        r#"{"resourceType":"Patient","gender":"a\u0001"}"#,
        r#"{"resourceType":"Patient","a b":"x"}"#,
        r#"{"resourceType":"Patient","text":{"div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p></div>"}}"#,
        r#"{"resourceType":"Patient","text":{"div":"<div>&nbsp;</div>"}}"#,
        r#"{"resourceType":"Patient","text":{"div":"<div/><active value=\"false\"/>"}}"#,
    ] {
        let tree = json::read(text.as_bytes(), &Limits::default()).unwrap();
        assert!(xml::write(tree.root(), &shapes()).is_err(), "{text}");
    }
}

#[test]
fn a_carriage_return_in_a_narrative_survives_xml() {
    let text = r#"{"resourceType":"Patient","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p title=\"a\rb\">c\r\nd</p></div>"}}"#;
    let tree = json::read(text.as_bytes(), &Limits::default()).unwrap();
    let written = xml::write(tree.root(), &shapes()).unwrap();
    assert!(written.contains("a&#xD;b") && written.contains("c&#xD;\nd") && !written.contains('\r'), "{written}");
    assert_eq!(json::to_string(read_xml(&written).root()), text);
}
