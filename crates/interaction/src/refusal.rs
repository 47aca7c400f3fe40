//! Why a request is refused, and the one table from the class of a refusal to HTTP status and issue code.
//!
//! <http://hl7.org/fhir/R4/http.html#Status-Codes>. Single requests and batch entries use the same.

use model::{Issue, IssueType};

/// The class of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The request is not understood: syntax, parameters, ids that do not match.
    Malformed,
    /// The caller must authenticate.
    Unauthenticated,
    /// The caller may not.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// The server has no such operation or parameter.
    NotSupported,
    /// Another method is needed; [`Refusal::allow`] names those that there are.
    MethodNotAllowed,
    /// None of the asked forms can be given.
    NotAcceptable,
    /// Another writer was first, or the resource is referred to.
    Conflict,
    /// It was there and is deleted.
    Gone,
    /// `If-Match` or a condition does not hold, or matches several.
    PreconditionFailed,
    /// A limit of size is passed.
    TooLarge,
    /// The body's media type is not read here.
    UnsupportedMediaType,
    /// The content breaks rules of FHIR, of a profile, or of this server.
    Unprocessable,
    /// Too much to do at once.
    Busy,
    /// It takes too long.
    Timeout,
    /// A fault in here.
    Fault,
}

/// The table: class, status, issue code.
const CLASSES: [(Class, u16, IssueType); 16] = [
    (Class::Malformed, 400, IssueType::Invalid),
    (Class::Unauthenticated, 401, IssueType::Login),
    (Class::Forbidden, 403, IssueType::Forbidden),
    (Class::NotFound, 404, IssueType::NotFound),
    (Class::NotSupported, 404, IssueType::NotSupported),
    (Class::MethodNotAllowed, 405, IssueType::NotSupported),
    (Class::NotAcceptable, 406, IssueType::NotSupported),
    (Class::Conflict, 409, IssueType::Conflict),
    (Class::Gone, 410, IssueType::Deleted),
    (Class::PreconditionFailed, 412, IssueType::Conflict),
    (Class::TooLarge, 413, IssueType::TooLong),
    (Class::UnsupportedMediaType, 415, IssueType::NotSupported),
    (Class::Unprocessable, 422, IssueType::Processing),
    (Class::Busy, 503, IssueType::Throttled),
    (Class::Timeout, 503, IssueType::Timeout),
    (Class::Fault, 500, IssueType::Exception),
];

impl Class {
    fn row(self) -> (u16, IssueType) {
        let row = CLASSES.iter().find(|(class, _, _)| *class == self);
        row.map_or((500, IssueType::Exception), |(_, status, code)| (*status, *code))
    }

    /// The HTTP status.
    pub fn status(self) -> u16 {
        self.row().0
    }

    /// The issue code.
    pub fn code(self) -> IssueType {
        self.row().1
    }
}

/// A refusal: nothing was stored.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Its class.
    pub class: Class,
    /// What to tell the caller; at least one.
    pub issues: Vec<Issue>,
    /// The methods that there are, with [`Class::MethodNotAllowed`].
    pub allow: Option<String>,
    /// What to log and not to tell.
    pub internal: Option<String>,
}

impl Refusal {
    /// A refusal with one text.
    pub fn new(class: Class, text: impl Into<String>) -> Refusal {
        Refusal::of(class, vec![Issue::error(class.code(), "", text)])
    }

    /// A refusal with issues.
    pub fn of(class: Class, issues: Vec<Issue>) -> Refusal {
        Refusal { class, issues, allow: None, internal: None }
    }

    /// A fault in here: its text is logged; the caller learns that there is one.
    pub fn fault(internal: impl std::fmt::Display) -> Refusal {
        let mut refusal = Refusal::new(Class::Fault, "The server could not complete the request; the fault is logged.");
        refusal.internal = Some(internal.to_string());
        refusal
    }

    /// The same about an element.
    pub fn at(mut self, path: impl Into<String>) -> Refusal {
        if let Some(issue) = self.issues.first_mut() {
            issue.path = path.into();
        }
        self
    }
}

impl From<access::Denial> for Refusal {
    fn from(denial: access::Denial) -> Refusal {
        match denial {
            access::Denial::Unauthenticated => Refusal::new(Class::Unauthenticated, "The caller must authenticate."),
            access::Denial::Forbidden => Refusal::new(Class::Forbidden, "The caller may not do this."),
        }
    }
}

impl From<model::SyntaxError> for Refusal {
    fn from(error: model::SyntaxError) -> Refusal {
        let (class, code) = match error.limit {
            true => (Class::TooLarge, IssueType::TooLong),
            false => (Class::Malformed, IssueType::Structure),
        };
        Refusal::of(class, vec![Issue::error(code, "", error.message).at(Some(error.position))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_its_row() {
        for (class, status, code) in CLASSES {
            assert_eq!((class.status(), class.code()), (status, code));
        }
        let last = CLASSES.iter().filter(|(class, _, _)| *class == Class::Fault).count();
        assert_eq!(last, 1);
    }

    #[test]
    fn internal_text_is_not_told() {
        let refusal = Refusal::fault("disk /dev/sda is full");
        assert!(refusal.issues.iter().all(|issue| !issue.text.contains("sda")));
        assert_eq!(refusal.class.status(), 500);
    }
}
