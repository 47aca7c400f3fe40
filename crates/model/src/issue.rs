//! What is wrong with, or worth saying of, content: values, never errors that stop the work.

use std::fmt;

/// Line and column of a character in a text, both from 1; the column counts characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Character in the line, from 1.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// <http://hl7.org/fhir/R4/valueset-issue-severity.html>, most severe first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    /// The content could not be used at all.
    Fatal,
    /// A rule is broken.
    Error,
    /// Worth a look; also what could not be decided.
    Warning,
    /// A fact.
    Information,
}

impl Severity {
    /// The FHIR code.
    pub fn code(self) -> &'static str {
        match self {
            Severity::Fatal => "fatal",
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Information => "information",
        }
    }

    /// Whether content with such an issue is invalid.
    pub fn is_error(self) -> bool {
        matches!(self, Severity::Fatal | Severity::Error)
    }
}

macro_rules! issue_types {
    ($($variant:ident $code:literal $doc:literal),* $(,)?) => {
        /// <http://hl7.org/fhir/R4/valueset-issue-type.html>
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum IssueType { $(#[doc = $doc] $variant),* }

        impl IssueType {
            /// The FHIR code.
            pub fn code(self) -> &'static str {
                match self { $(IssueType::$variant => $code),* }
            }
        }
    };
}

issue_types! {
    Invalid "invalid" "Content that breaks the specification or a profile.",
    Structure "structure" "A structural fault, such as a wrong namespace or an unknown element.",
    Required "required" "A required element is missing.",
    Value "value" "An element's value is invalid.",
    Invariant "invariant" "A rule (a FHIRPath invariant) does not hold.",
    Security "security" "A problem of authentication or authorisation.",
    Login "login" "The caller must authenticate.",
    Unknown "unknown" "The caller could not be identified.",
    Expired "expired" "The session has expired.",
    Forbidden "forbidden" "The caller may not do this.",
    Suppressed "suppressed" "Something was left out.",
    Processing "processing" "Processing failed.",
    NotSupported "not-supported" "Something that is not supported.",
    Duplicate "duplicate" "A duplicate of something that exists.",
    MultipleMatches "multiple-matches" "More than one match where one was wanted.",
    NotFound "not-found" "The thing referred to was not found.",
    Deleted "deleted" "The thing referred to was deleted.",
    TooLong "too-long" "A limit on length or size is passed.",
    CodeInvalid "code-invalid" "A code is not in its value set or code system.",
    Extension "extension" "An extension that is not known or not allowed here.",
    TooCostly "too-costly" "The work would cost too much.",
    BusinessRule "business-rule" "A rule of the business is broken.",
    Conflict "conflict" "A conflict of versions.",
    Transient "transient" "A fault that may pass.",
    LockError "lock-error" "A lock could not be had.",
    NoStore "no-store" "The store is not reachable.",
    Exception "exception" "An unexpected internal fault.",
    Timeout "timeout" "Time ran out.",
    Incomplete "incomplete" "Not all of the answer is here.",
    Throttled "throttled" "Too many requests.",
    Informational "informational" "A fact worth knowing.",
}

/// One finding.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Issue {
    /// How bad it is.
    pub severity: Severity,
    /// What kind it is.
    pub code: IssueType,
    /// FHIRPath of the element, from the root: `Bundle.entry[0].resource.name[1].given[0]`; empty where none applies.
    /// In a conversion report, the path in the source document.
    pub path: String,
    /// What is wrong, for a person.
    pub text: String,
    /// The rule that found it: an invariant key (`bdl-7`), a profile URL, or a name of ours.
    pub rule: Option<String>,
    /// Where the element stands in the text that was read.
    pub position: Option<Position>,
}

impl Issue {
    /// A finding without rule and position.
    pub fn new(severity: Severity, code: IssueType, path: impl Into<String>, text: impl Into<String>) -> Issue {
        Issue { severity, code, path: path.into(), text: text.into(), rule: None, position: None }
    }

    /// An error.
    pub fn error(code: IssueType, path: impl Into<String>, text: impl Into<String>) -> Issue {
        Issue::new(Severity::Error, code, path, text)
    }

    /// A warning.
    pub fn warning(code: IssueType, path: impl Into<String>, text: impl Into<String>) -> Issue {
        Issue::new(Severity::Warning, code, path, text)
    }

    /// A fact.
    pub fn information(code: IssueType, path: impl Into<String>, text: impl Into<String>) -> Issue {
        Issue::new(Severity::Information, code, path, text)
    }

    /// The same with the rule that found it.
    pub fn with_rule(mut self, rule: impl Into<String>) -> Issue {
        self.rule = Some(rule.into());
        self
    }

    /// The same with its place in the text.
    pub fn at(mut self, position: Option<Position>) -> Issue {
        self.position = position;
        self
    }
}

impl fmt::Display for Issue {
    /// `error required Patient.name (3:7): text [rule]`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.severity.code(), self.code.code())?;
        if !self.path.is_empty() {
            write!(f, " {}", self.path)?;
        }
        if let Some(position) = self.position {
            write!(f, " ({position})")?;
        }
        write!(f, ": {}", self.text)?;
        if let Some(rule) = &self.rule {
            write!(f, " [{rule}]")?;
        }
        Ok(())
    }
}
