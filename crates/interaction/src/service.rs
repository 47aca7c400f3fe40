//! What all requests share, and the one door to everything that is done.

use std::sync::Arc;

use access::{Action, Policy};
use catalog::Catalog;
use model::{Instant, Issue, Limits, Severity, Tree};
use storage::Store;
use validation::Options;
use validation::terminology::{Answers, Question};

use crate::answer::Answer;
use crate::call::{Call, Method};
use crate::checked::{DocumentCheck, ResourceCheck};
use crate::document_checks::DocumentChecks;
use crate::held::{Held, Later};
use crate::media::Media;
use crate::query::Query;
use crate::refusal::{Class, Refusal};
use crate::reindex::Worker;
use crate::request::Request;
use crate::rules::{RuleBook, Rules};
use crate::target::Target;
use crate::{broad, bulk, table};

/// What is done about a search that names neither a patient nor a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BroadSearch {
    /// It is answered.
    #[default]
    Allow,
    /// It is refused with 403, and so is what goes over all patients by its nature.
    Refuse,
}

/// Somebody who knows of codes what this server does not. Asked on the thread of the request; it may block.
pub trait TerminologyServer: Send + Sync + std::fmt::Debug {
    /// Answers to all questions; one that it cannot answer is [`validation::terminology::Told::Silent`].
    fn ask(&self, questions: &[Question]) -> Answers;
}

/// Validations of one resource until nothing more is asked: answers may bring up further questions.
pub(crate) const ROUNDS: usize = 3;

/// What an operator decides about a service.
#[derive(Clone, Debug)]
pub struct Settings {
    /// When this process began: the date of its CapabilityStatement.
    pub started: Instant,
    /// Bounds on one input.
    pub limits: Limits,
    /// Who may do what.
    pub policy: Policy,
    /// What is checked of a resource before it is stored.
    pub resources: ResourceCheck,
    /// What is done about a pushed FHIR document that breaks the rules of its European profile.
    pub documents: DocumentChecks,
    /// The same for a document that was converted here.
    pub conversions: DocumentChecks,
    /// What `$validate` says of an extension whose definition is not known.
    pub unknown_extensions: Severity,
    /// What `$validate` says of a URL that is made for examples, such as those of `example.org`; `None`: nothing.
    pub example_urls: Option<Severity>,
    /// What `$validate` says of a text that looks like markup; `None`: nothing.
    pub markup_in_text: Option<Severity>,
    /// Who is asked of codes that cannot be decided here, if anybody.
    pub terminology: Option<Arc<dyn TerminologyServer>>,
    /// Entries on a page where the request asks for no number.
    pub page: usize,
    /// The most entries on a page.
    pub longest_page: usize,
    /// What is done about searches over all patients.
    pub broad_search: BroadSearch,
    /// Whether pages of other origins may call, as the CapabilityStatement says it.
    pub cors: bool,
    /// Absolute URLs of this server's FHIR base without a trailing `/`: references below them are local.
    pub bases: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            started: Instant(0),
            limits: Limits::default(),
            policy: Policy::default(),
            resources: ResourceCheck::default(),
            documents: DocumentCheck::Enforce.into(),
            conversions: DocumentCheck::Report.into(),
            unknown_extensions: Severity::Warning,
            example_urls: None,
            markup_in_text: None,
            terminology: None,
            page: 20,
            longest_page: 1000,
            broad_search: BroadSearch::default(),
            cors: false,
            bases: Vec::new(),
        }
    }
}

/// The server without its transport. Shared by all threads; its calls block.
pub struct Service {
    store: Store,
    rules: Arc<RuleBook>,
    reindexing: Worker,
    settings: Settings,
}

impl Service {
    /// A service over a store, by the rules of a catalog.
    pub fn new(store: Store, catalog: Catalog, settings: Settings) -> Service {
        let rules = Arc::new(RuleBook::new(catalog, settings.bases.clone(), store.clone()));
        let service = Service { store, rules, reindexing: Worker::default(), settings };
        service.rules.learn_all(&service.store);
        service.reindex();
        service
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What the operator decided.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The rules in force now.
    pub fn rules(&self) -> Rules {
        self.rules.now()
    }

    /// Holds a resource against its rules; what cannot be decided here is asked of the terminology server, where there is
    /// one.
    pub fn validate(&self, tree: &Tree, options: &Options) -> Vec<Issue> {
        let validator = self.rules().validator;
        let Some(server) = &self.settings.terminology else {
            return validator.validate(tree, options);
        };
        let mut answers = Answers::new();
        let (mut issues, mut questions) = validator.validate_with(tree, options, answers.clone());
        for _ in 0..ROUNDS {
            if questions.is_empty() {
                break;
            }
            answers.extend(server.ask(&questions));
            (issues, questions) = validator.validate_with(tree, options, answers.clone());
        }
        issues
    }

    /// Takes in what a commit changed of the rules themselves.
    pub(crate) fn learn(&self, t: storage::T, written: Vec<Option<Tree>>) {
        self.rules.learn(&self.store, t, written);
    }

    /// Goes on with `$reindex`, where there is something left to do.
    pub(crate) fn reindex(&self) {
        self.reindexing.begin(&self.store, &self.rules);
    }

    /// The types, profiles and terminology in force now.
    pub fn catalog(&self) -> Catalog {
        self.rules().catalog
    }

    /// Answers a call. Every failure is an answer too: an OperationOutcome in the form that was asked for. What it tells is
    /// durable.
    pub fn answer(&self, call: &Call<'_>) -> Answer {
        self.begin(call).wait()
    }

    /// The same, where somebody else waits for the disk.
    pub fn begin(&self, call: &Call<'_>) -> Held {
        let later = Later::default();
        let answer = self.answer_now(call, &later);
        Held::new(answer, later, || self.catalog())
    }

    fn answer_now(&self, call: &Call<'_>, later: &Later) -> Answer {
        let query = Query::parse(call.query);
        let media = Media::asked(&query, call.headers.accept);
        let form = media.as_ref().copied().unwrap_or(Media::JSON);
        let mut name = "";
        let done = self.request(call, query, media, (&mut name, later));
        let mut answer = done.unwrap_or_else(|refusal| Answer::refusal(refusal, &form, &self.catalog()));
        answer.interaction = name;
        answer
    }

    /// The answer to what is refused before it is a call.
    pub fn refuse(&self, refusal: Refusal) -> Answer {
        Answer::refusal(refusal, &Media::JSON, &self.catalog())
    }

    /// Whether a call is a read of one resource or version by its id: it takes microseconds and may be answered without
    /// leaving the thread. A guess by the form of the path, at no cost.
    pub fn is_point_read(call: &Call<'_>) -> bool {
        let known = matches!(call.method, Method::Get | Method::Head);
        let mut parts = call.path.split('/');
        let is_type = parts.next().is_some_and(|name| name.starts_with(|first: char| first.is_ascii_uppercase()));
        let is_id = |part: Option<&str>| part.is_some_and(|part| !part.is_empty() && !part.starts_with(['_', '$']));
        let rest = known && is_type && is_id(parts.next());
        rest && match parts.next() {
            None => true,
            Some(word) => word == "_history" && is_id(parts.next()) && parts.next().is_none(),
        }
    }

    fn request(
        &self,
        call: &Call<'_>,
        query: Query,
        media: Result<Media, Refusal>,
        (name, later): (&mut &'static str, &Later),
    ) -> Result<Answer, Refusal> {
        let target = Target::of(call.path)?;
        self.check_type(&target)?;
        let row = table::find(call.method, &target)?;
        *name = row.name;
        broad::check_row(self, row, &target)?;
        // A Binary is read in its own form, whatever that is: the function of its row looks at Accept itself. So is a file of an export.
        let has_own_form = target.resource_type == "Binary" || target.word == bulk::OUTPUT;
        let media = if has_own_form { media.unwrap_or(Media::JSON) } else { media? };
        let action = Action {
            verb: row.verb,
            resource_type: Some(target.resource_type.as_str()).filter(|name| !name.is_empty()),
            id: Some(target.id.as_str()).filter(|id| !id.is_empty()),
        };
        let permit = self.settings.policy.permit(call.caller, &action)?;
        let request = Request { service: self, catalog: self.catalog(), call, target, query, media, permit, later };
        (row.run)(&request)
    }

    fn check_type(&self, target: &Target) -> Result<(), Refusal> {
        let name = target.resource_type.as_str();
        if name.is_empty() || self.is_resource_type(name) {
            return Ok(());
        }
        Err(Refusal::new(Class::NotFound, format!("{name} is not a resource type of FHIR R4.")))
    }

    /// The methods that a path below the base takes, as `Allow` lists them; `None` where there is nothing under it.
    pub fn methods(&self, path: &str) -> Option<String> {
        let target = Target::of(path).ok().filter(|target| self.check_type(target).is_ok())?;
        let methods = table::methods(&target);
        (!methods.is_empty()).then(|| methods.join(", "))
    }

    /// Whether a name is that of a concrete resource type.
    pub fn is_resource_type(&self, name: &str) -> bool {
        crate::checked::RESOURCE_TYPES.binary_search(&name).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use access::Caller;

    use super::*;
    use crate::call::{Headers, Ids};

    struct NoIds;

    impl Ids for NoIds {
        fn next(&self, _: Instant) -> String {
            String::new()
        }
    }

    #[test]
    fn point_reads_are_told_by_their_path() {
        let caller = Caller::operator();
        let is = |method, path| {
            let (query, base) = ("", "http://localhost/fhir");
            let headers = Headers::default();
            let call =
                Call { caller: &caller, method, path, query, headers, body: b"", base, now: Instant(0), ids: &NoIds };
            Service::is_point_read(&call)
        };
        assert!(is(Method::Get, "Patient/a") && is(Method::Head, "Patient/a/_history/1"));
        for path in [
            "",
            "metadata",
            "Patient",
            "Patient/",
            "Patient/_search",
            "Patient/a/_history",
            "Patient/a/$validate",
            "Patient/a/Observation",
        ] {
            assert!(!is(Method::Get, path), "{path}");
        }
        assert!(!is(Method::Put, "Patient/a"));
    }
}
