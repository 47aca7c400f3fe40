//! Issues as a FHIR OperationOutcome: <http://hl7.org/fhir/R4/operationoutcome.html>.

use crate::{Issue, IssueType, Severity, Tree};

const LINE: &str = "http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-line";
const COLUMN: &str = "http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-col";
const SOURCE: &str = "http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-source";

/// One `issue` an issue, in order, with line and column as extensions, the rule as source extension and the path as
/// `expression`; with no issues, one that says that all is well.
pub fn operation_outcome(issues: &[Issue]) -> Tree {
    let mut tree = Tree::new("OperationOutcome");
    let mut root = tree.edit();
    if issues.is_empty() {
        let all_well = Issue::new(Severity::Information, IssueType::Informational, "", "No issues found.");
        write(&mut root.item("issue"), &all_well);
    }
    for issue in issues {
        write(&mut root.item("issue"), issue);
    }
    tree
}

fn write(item: &mut crate::ElementMut<'_>, issue: &Issue) {
    let mut extension = |url: &str, name: &str, value: crate::Primitive<'_>| {
        let mut extension = item.item("extension");
        extension.set("url", url);
        extension.set(name, value);
    };
    if let Some(position) = issue.position {
        extension(LINE, "valueInteger", i64::from(position.line).into());
        // The column is a string by its definition, the line a number.
        extension(COLUMN, "valueString", position.column.to_string().as_str().into());
    }
    if let Some(rule) = &issue.rule {
        extension(SOURCE, "valueString", rule.as_str().into());
    }
    item.set("severity", issue.severity.code());
    item.set("code", issue.code.code());
    item.set("diagnostics", issue.text.as_str());
    if !issue.path.is_empty() {
        item.push("expression", issue.path.as_str());
    }
}
