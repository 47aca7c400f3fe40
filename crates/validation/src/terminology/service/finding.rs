//! What a terminology operation has to say: issues with the codes that terminology services use for their kind
//! (<http://hl7.org/fhir/tools/CodeSystem/tx-issue-type>), and the OperationOutcome made of them.

use model::{IssueType, Severity, Tree};

const KINDS: &str = "http://hl7.org/fhir/tools/CodeSystem/tx-issue-type";

const MESSAGE_ID: &str = "http://hl7.org/fhir/StructureDefinition/operationoutcome-message-id";

/// One thing to say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// FHIR's code for its kind.
    pub code: IssueType,
    /// The terminology services' code for its kind: `not-in-vs`, `invalid-code` …
    pub kind: Option<&'static str>,
    /// For a person.
    pub text: String,
    /// What it is about: `Coding.code`; empty where it is about all.
    pub path: String,
    /// Whether the answer's `message` tells it too, as it tells errors.
    pub told: bool,
    /// The name of the message that terminology services agreed on.
    pub message_id: Option<&'static str>,
}

impl Finding {
    pub(super) fn new(
        severity: Severity,
        code: IssueType,
        kind: &'static str,
        path: impl Into<String>,
        text: impl Into<String>,
    ) -> Finding {
        Finding {
            severity,
            code,
            kind: Some(kind),
            text: text.into(),
            path: path.into(),
            told: false,
            message_id: None,
        }
    }

    /// The same, told in the `message` too.
    pub(super) fn told(mut self) -> Finding {
        self.told = true;
        self
    }

    /// The same under the name of its message.
    pub(super) fn id(mut self, id: &'static str) -> Finding {
        self.message_id = Some(id);
        self
    }

    pub(super) fn error(
        code: IssueType,
        kind: &'static str,
        path: impl Into<String>,
        text: impl Into<String>,
    ) -> Finding {
        Finding::new(Severity::Error, code, kind, path, text)
    }

    pub(super) fn warning(
        code: IssueType,
        kind: &'static str,
        path: impl Into<String>,
        text: impl Into<String>,
    ) -> Finding {
        Finding::new(Severity::Warning, code, kind, path, text)
    }

    pub(super) fn information(
        code: IssueType,
        kind: &'static str,
        path: impl Into<String>,
        text: impl Into<String>,
    ) -> Finding {
        Finding::new(Severity::Information, code, kind, path, text)
    }
}

/// What stands for findings in an answer.
pub fn outcome(findings: &[Finding]) -> Tree {
    let mut tree = Tree::new("OperationOutcome");
    let mut root = tree.edit();
    for finding in findings {
        let mut issue = root.item("issue");
        if let Some(id) = finding.message_id {
            issue.item("extension").set("url", MESSAGE_ID).set("valueString", id);
        }
        issue.set("severity", finding.severity.code());
        issue.set("code", finding.code.code());
        let mut details = issue.object("details");
        if let Some(kind) = finding.kind {
            details.item("coding").set("system", KINDS).set("code", kind);
        }
        details.set("text", finding.text.as_str());
        if !finding.path.is_empty() {
            issue.push("location", finding.path.as_str());
            issue.push("expression", finding.path.as_str());
        }
    }
    tree
}

/// What kind of failure stops an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FailureKind {
    /// The request does not say what is needed, or says it wrong.
    Malformed,
    /// What it names is not here.
    NotFound,
    /// It is understood and cannot be done.
    Unprocessable,
}

/// Why an operation has no answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// What kind it is.
    pub kind: FailureKind,
    /// Why.
    pub findings: Vec<Finding>,
}

impl Failure {
    pub(super) fn not_found(kind: &'static str, text: impl Into<String>) -> Failure {
        let finding = Finding::error(IssueType::NotFound, kind, "", text);
        Failure { kind: FailureKind::NotFound, findings: vec![finding] }
    }

    pub(super) fn unprocessable(finding: Finding) -> Failure {
        Failure { kind: FailureKind::Unprocessable, findings: vec![finding] }
    }

    pub(super) fn malformed(text: impl Into<String>) -> Failure {
        let finding = Finding {
            severity: Severity::Error,
            code: IssueType::Invalid,
            kind: None,
            text: text.into(),
            path: String::new(),
            told: false,
            message_id: None,
        };
        Failure { kind: FailureKind::Malformed, findings: vec![finding] }
    }
}
