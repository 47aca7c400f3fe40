//! What a European profile demands and a source does not say: the element is there and says that it is unknown.
//! <http://hl7.org/fhir/R4/extension-data-absent-reason.html>

use model::{Issue, IssueType, Tree};

use crate::Report;

const ABSENT: &str = "http://hl7.org/fhir/StructureDefinition/data-absent-reason";

/// Completes a resource by the rows of `complete.tsv`; each addition is in the report, under the resource's `path`.
pub(super) fn complete(tree: &mut Tree, path: &str, report: &mut Report) {
    let rows = include_str!("complete.tsv").lines().filter(|line| !line.starts_with('#'));
    for row in rows {
        let mut cells = row.split('\t');
        let (Some(kind), Some(stem), Some(name), Some(form)) = (cells.next(), cells.next(), cells.next(), cells.next())
        else {
            continue;
        };
        if kind != tree.resource_type() || tree.root().children().any(|child| is(child.name(), stem)) {
            continue;
        }
        let mut to = tree.edit();
        let mut element = match form {
            "primitive" => to.primitive(name),
            "item" => to.item(name),
            _ => to.object(name),
        };
        element.item("extension").set("url", ABSENT).set("valueCode", "unknown");
        let text =
            format!("The source does not give {stem}, which the European profile demands: it is said to be unknown.");
        report.issues.push(Issue::information(IssueType::Incomplete, path, text));
    }
}

/// Whether a child is the element, or one form of the choice of it.
fn is(name: &str, stem: &str) -> bool {
    name.strip_prefix(stem).is_some_and(|rest| rest.is_empty() || rest.starts_with(|c: char| c.is_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_unknown_and_what_is_there_stays() {
        let read = |text: &str| model::json::read(text.as_bytes(), &Default::default()).unwrap();
        let mut report = Report::default();
        let mut procedure = read(r#"{"resourceType":"Procedure","status":"completed","code":{"text":"x"}}"#);
        complete(&mut procedure, "Bundle.entry[1].resource", &mut report);
        let text = model::json::to_string(procedure.root());
        assert!(text.contains(r#""_performedDateTime":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"unknown"}]}"#), "{text}");
        assert_eq!(report.issues.len(), 1);
        let mut dated = read(r#"{"resourceType":"Procedure","code":{"text":"x"},"performedPeriod":{"start":"2020"}}"#);
        let before = model::json::to_string(dated.root());
        complete(&mut dated, "", &mut report);
        assert_eq!(model::json::to_string(dated.root()), before);
    }
}
