//! Whether a document's entries can be found from one another: <http://hl7.org/fhir/R4/bundle.html#references>. What plainly
//! means an entry is led to it; what else breaks the rules of a document is named in the report.

use std::collections::HashMap;

use model::{Element, ElementId, Issue, IssueType, Tree};

use super::pool::base;
use crate::Report;

/// Leads relative references that a reader could not resolve to the one entry with their type and id, and names what is left.
pub(super) fn mend(tree: &mut Tree, report: &mut Report) {
    let mut led: Vec<(ElementId, String)> = Vec::new();
    let root = tree.root();
    let mut warn = |element: Element<'_>, text: String| {
        let issue = Issue::warning(IssueType::Value, element.path(), text);
        report.issues.push(issue.with_rule("document-rules").at(element.position()));
    };
    for name in ["identifier", "timestamp"] {
        if root.get(name).is_none() {
            warn(root, format!("A document has a {name} (bdl-9, bdl-10); the source has none."));
        }
    }
    let mut urls: Vec<&str> = Vec::new();
    let mut by_id: HashMap<String, Option<&str>> = HashMap::new();
    for entry in root.all("entry") {
        let Some(resource) = entry.get("resource") else { continue };
        let Some(url) = entry.text_at("fullUrl") else {
            warn(entry, "The entry has no fullUrl: nothing can lead to it.".to_owned());
            continue;
        };
        if !super::pool::is_absolute(url) {
            warn(entry, format!("The fullUrl {url:?} is no absolute URL."));
        } else if url.strip_prefix("urn:uuid:").is_some_and(|uuid| !is_uuid(uuid)) {
            warn(entry, format!("The fullUrl {url:?} is no UUID."));
        }
        urls.push(url);
        if let (Some(kind), Some(id)) = (resource.resource_type(), resource.text_at("id")) {
            by_id.entry(format!("{kind}/{id}")).and_modify(|known| *known = None).or_insert(Some(url));
        }
    }
    for entry in root.all("entry") {
        let from = entry.text_at("fullUrl").unwrap_or_default();
        let Some(resource) = entry.get("resource") else { continue };
        let is_composition = resource.resource_type() == Some("Composition");
        for element in resource.descendants().into_iter().filter(|element| element.name() == "reference") {
            let Some(text) = element.text().filter(|text| !text.starts_with('#')) else { continue };
            let (plain, _) = text.split_once("/_history/").unwrap_or((text, ""));
            let absolute = base(from).map(|base| format!("{base}/{plain}"));
            if urls.iter().any(|url| *url == plain || Some(*url) == absolute.as_deref()) {
                continue;
            }
            match by_id.get(plain).copied().flatten().filter(|url| super::pool::is_absolute(url)) {
                Some(url) => led.push((element.id(), url.to_owned())),
                None if is_composition || !plain.starts_with("http") => {
                    warn(element, format!("The reference {text:?} leads to no entry of the document."));
                }
                None => {}
            }
        }
    }
    for (id, url) in led {
        let element = tree.element(id);
        let text = format!("The reference {:?} led nowhere; it now is {url}.", element.text().unwrap_or_default());
        let issue = Issue::information(IssueType::Value, element.path(), text).with_rule("document-rules");
        report.issues.push(issue.at(element.position()));
        tree.edit_at(id).set_value(url.as_str());
    }
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<usize> = text.split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12] && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_lead_to_what_they_mean_and_the_rest_is_named() {
        let text = r##"{"resourceType":"Bundle","type":"document","timestamp":"2026-01-01T00:00:00Z","entry":[
            {"fullUrl":"urn:uuid:0000000a-0000-4000-8000-000000000001","resource":{"resourceType":"Composition","subject":{"reference":"Patient/p"},
             "author":[{"reference":"http://other.example/Practitioner/9"}]}},
            {"fullUrl":"urn:uuid:0000000a-0000-4000-8000-000000000002","resource":{"resourceType":"Patient","id":"p"}},
            {"fullUrl":"Condition/c","resource":{"resourceType":"Condition","id":"c","subject":{"reference":"Patient/q"},"asserter":{"reference":"#x"}}}]}"##;
        let mut tree = model::json::read(text.as_bytes(), &Default::default()).unwrap();
        let mut report = Report::default();
        mend(&mut tree, &mut report);
        assert_eq!(
            tree.root().text_at("entry.resource.subject.reference"),
            Some("urn:uuid:0000000a-0000-4000-8000-000000000002")
        );
        let told: Vec<&str> = report.issues.iter().map(|issue| issue.path.as_str()).collect();
        assert_eq!(
            told,
            [
                "Bundle",
                "Bundle.entry[2]",
                "Bundle.entry[0].resource.author[0].reference",
                "Bundle.entry[2].resource.subject.reference",
                "Bundle.entry[0].resource.subject.reference"
            ]
        );
        let mut again = Report::default();
        let before = model::json::to_string(tree.root());
        mend(&mut tree, &mut again);
        assert_eq!(model::json::to_string(tree.root()), before);
    }
}
