//! What one validation is asked for.

use model::{Instant, Severity};

/// What a validation is to check, and how strictly.
#[derive(Clone, Debug)]
pub struct Options {
    /// Profiles to hold the root against, beside its type and those it claims: `url` or `url|version`. One that is not
    /// known is an error.
    pub profiles: Vec<String>,
    /// What the resource is for.
    pub mode: Mode,
    /// How an extension without a known definition is reported; modifier extensions always are errors.
    pub unknown_extensions: Severity,
    /// Whether the profiles of `meta.profile` count.
    pub claimed_profiles: bool,
    /// How an example URL (`example.org`, `acme.com`) is reported; `None` says nothing of them.
    pub example_urls: Option<Severity>,
    /// How text (string, markdown) that looks like HTML is reported; `None` says nothing of it.
    pub markup_in_text: Option<Severity>,
    /// Whether recommendations (`best-practice` invariants) are reported, as warnings.
    pub best_practice: bool,
    /// Whether elements that are not there, though a profile obliges systems to do something with them, are reported, as
    /// information.
    pub obligations: bool,
    /// The moment of `now()` and `today()`.
    pub now: Instant,
}

impl Default for Options {
    /// No profiles but the claimed ones, unknown extensions as warnings, best practice reported, at 1970-01-01.
    fn default() -> Options {
        Options {
            profiles: Vec::new(),
            mode: Mode::Any,
            unknown_extensions: Severity::Warning,
            claimed_profiles: true,
            example_urls: None,
            markup_in_text: None,
            best_practice: true,
            obligations: false,
            now: Instant(0),
        }
    }
}

/// What a resource is for: the `mode` of
/// [`$validate`](http://hl7.org/fhir/R4/resource-operation-validate.html).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Mode {
    /// Its content counts, nothing else.
    #[default]
    Any,
    /// To be created.
    Create,
    /// To replace one that is there: it must have an id.
    Update,
    /// To be deleted: its content does not count.
    Delete,
}

impl Mode {
    /// The mode of a code: `create`, `update`, `delete`, `profile`.
    pub fn of(code: &str) -> Option<Mode> {
        Some(match code {
            "create" => Mode::Create,
            "update" => Mode::Update,
            "delete" => Mode::Delete,
            "profile" => Mode::Any,
            _ => return None,
        })
    }
}
