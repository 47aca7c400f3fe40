//! HL7's patch cases: FHIRPath Patch, JSON Patch, XML Patch. DIR holds `fhir-patch-tests.xml`, `json-patch-tests.json` and
//! `xml-patch-tests.xml`. A case that names an error passes where the patch is refused.

use std::path::{Path, PathBuf};

use catalog::Catalog;
use interaction::patch;
use ledger::{Ledger, Report, Tally};
use model::Limits;
use roxmltree::{Document, Node};

use crate::json_text::{Json, Order};
use crate::xml_text;

type Case = (String, Result<(), String>);

pub(super) fn run(paths: &[PathBuf]) -> Result<Report, String> {
    let [folder] = paths else { return Err("one folder is expected".into()) };
    let ledger = Ledger::read(include_str!("../../ledgers/patch.toml")).map_err(|error| error.to_string())?;
    let text = |name: &str| read(&folder.join(name));
    let mut cases = by_fhirpath(&text("fhir-patch-tests.xml")?)?;
    cases.extend(by_json(&text("json-patch-tests.json")?)?);
    cases.extend(by_xml(&text("xml-patch-tests.xml")?)?);
    let mut tally = Tally::new(&ledger);
    for (number, (name, outcome)) in cases.into_iter().enumerate() {
        tally.record(&format!("{number} {name}"), outcome);
    }
    Ok(tally.finish())
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn by_fhirpath(text: &str) -> Result<Vec<Case>, String> {
    let shapes = Catalog::built_in();
    let document = Document::parse(text).map_err(|error| error.to_string())?;
    let resource = |case: Node<'_, '_>, name: &str| {
        let node = case.children().find(|child| child.tag_name().name() == name)?;
        let inner = node.children().find(Node::is_element)?;
        let text = text.get(inner.range())?;
        Some(model::xml::read(text.as_bytes(), &shapes, &Limits::default()).map_err(|error| error.to_string()))
    };
    let judge = |case: Node<'_, '_>| -> Result<(), String> {
        let input = resource(case, "input").ok_or("it has no input")??;
        let patch = resource(case, "diff").ok_or("it has no diff")??;
        let patched = patch::fhirpath::apply(&shapes, &input, &patch);
        let Some(output) = resource(case, "output") else {
            return if patched.is_err() { Ok(()) } else { Err("it was not refused".into()) };
        };
        let patched = patched.map_err(|refusal| format!("refused: {:?}", refusal.issues))?;
        let write = |tree: &model::Tree| model::xml::write(tree.root(), &shapes).map_err(|error| error.to_string());
        xml_text::difference(&write(&output?)?, &write(&patched)?)?.map_or(Ok(()), Err)
    };
    // Ours, applied, must lead there too, and back.
    let difference = |case: Node<'_, '_>| -> Result<(), String> {
        let (Some(input), Some(output)) = (resource(case, "input"), resource(case, "output")) else { return Ok(()) };
        let (input, output) = (input?, output?);
        for (from, to) in [(&input, &output), (&output, &input)] {
            let patch = patch::difference::between(&shapes, from, to);
            let patched = patch::fhirpath::apply(&shapes, from, &patch);
            let patched = patched.map_err(|refusal| format!("refused: {:?}", refusal.issues))?;
            let write = |tree: &model::Tree| model::xml::write(tree.root(), &shapes).map_err(|error| error.to_string());
            xml_text::difference(&write(to)?, &write(&patched)?)?.map_or(Ok(()), Err)?;
        }
        Ok(())
    };
    let mut found: Vec<Case> = Vec::new();
    for case in document.descendants().filter(|node| node.tag_name().name() == "case") {
        let name = case.attribute("name").unwrap_or_default();
        found.push((format!("fhirpath {name}"), judge(case)));
        found.push((format!("difference {name}"), difference(case)));
    }
    Ok(found)
}

fn by_json(text: &str) -> Result<Vec<Case>, String> {
    let judge = |case: &Json| -> Result<(), String> {
        let part = |name: &str| case.get(name).ok_or_else(|| format!("it has no {name}"));
        let patched = patch::json::apply(&part("doc")?.to_text(), part("patch")?.to_text().as_bytes());
        match (case.get("expected"), patched) {
            (None, Err(_)) => Ok(()),
            (None, Ok(text)) => Err(format!("it was not refused: {text}")),
            (Some(_), Err(refusal)) => Err(format!("refused: {:?}", refusal.issues)),
            (Some(expected), Ok(text)) => expected.difference(&Json::read(&text)?, Order::Free).map_or(Ok(()), Err),
        }
    };
    let cases = Json::read(text)?;
    let name = |case: &Json| format!("json {}", case.text("comment").unwrap_or_default());
    Ok(cases.items().iter().map(|case| (name(case), judge(case))).collect())
}

fn by_xml(text: &str) -> Result<Vec<Case>, String> {
    let document = Document::parse(text).map_err(|error| error.to_string())?;
    let of = |node: Option<Node<'_, '_>>| node.and_then(|node| text.get(node.range())).unwrap_or_default();
    let judge = |case: Node<'_, '_>| -> Result<(), String> {
        let inner = |name: &str| of(case.children().find(|child| child.tag_name().name() == name).and_then(first));
        let patch = of(case.children().find(|child| child.tag_name().name() == "patch"));
        let patched = patch::xml::apply(inner("target"), patch.as_bytes());
        if case.children().any(|child| child.tag_name().name() == "error") {
            return if patched.is_err() { Ok(()) } else { Err("it was not refused".into()) };
        }
        let patched = patched.map_err(|refusal| format!("refused: {:?}", refusal.issues))?;
        let declared = |text: &str| text.matches("xmlns:").count();
        if declared(inner("patched")) != declared(&patched) {
            return Err(format!("other namespaces are declared: {patched}"));
        }
        xml_text::difference(inner("patched"), &patched)?.map_or(Ok(()), Err)
    };
    let cases = document.descendants().filter(|node| node.tag_name().name() == "case");
    Ok(cases.map(|case| (format!("xml {}", case.attribute("name").unwrap_or_default()), judge(case))).collect())
}

fn first<'d, 'i>(node: Node<'d, 'i>) -> Option<Node<'d, 'i>> {
    node.children().find(Node::is_element)
}
