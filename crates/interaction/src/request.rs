//! A call that is understood and allowed, on its way to the function of its row.

use access::Permit;
use catalog::Catalog;
use model::Shapes;

use crate::call::Call;
use crate::held::Later;
use crate::media::Media;
use crate::query::Query;
use crate::service::Service;
use crate::target::Target;

/// A call with what was found out of it.
pub struct Request<'a> {
    /// The service that answers.
    pub service: &'a Service,
    /// The rules in force for it.
    pub catalog: Catalog,
    /// The call itself.
    pub call: &'a Call<'a>,
    /// Its path.
    pub target: Target,
    /// Its parameters.
    pub query: Query,
    /// The form of the answer.
    pub media: Media,
    /// The caller's leave.
    pub permit: Permit,
    /// Where its commit is left to be waited for.
    pub(crate) later: &'a Later,
}

/// What `Prefer: return=` asks for: <http://hl7.org/fhir/R4/http.html#ops>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    /// No body.
    Minimal,
    /// The resource as stored; also without a preference.
    Representation,
    /// An OperationOutcome.
    OperationOutcome,
}

impl Request<'_> {
    /// The types of FHIR.
    pub fn shapes(&self) -> &dyn Shapes {
        &self.catalog
    }

    /// What to send back of a write.
    pub fn preferred_return(&self) -> Return {
        match preference(self.call.headers.prefer, "return") {
            Some("minimal") => Return::Minimal,
            Some("OperationOutcome") => Return::OperationOutcome,
            _ => Return::Representation,
        }
    }

    /// Whether parameters that are not known are to be ignored: `Prefer: handling=lenient`.
    pub fn is_lenient(&self) -> bool {
        preference(self.call.headers.prefer, "handling") == Some("lenient")
    }
}

fn preference<'a>(prefer: Option<&'a str>, name: &str) -> Option<&'a str> {
    let items = prefer?.split([',', ';']);
    let mut pairs = items.filter_map(|item| item.split_once('='));
    let found = pairs.find(|(key, _)| key.trim().eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preferences_are_found_among_others() {
        let prefer = Some("respond-async, return=minimal; handling=lenient");
        assert_eq!(preference(prefer, "return"), Some("minimal"));
        assert_eq!(preference(prefer, "handling"), Some("lenient"));
        assert_eq!(preference(Some("Return = \"minimal\""), "return"), Some("minimal"));
        assert_eq!(preference(None, "return"), None);
    }
}
