//! A remote terminology server (<http://hl7.org/fhir/R4/terminology-service.html>): asked, when it is configured, whether
//! codes are in value sets that cannot be decided here. Only codes leave: value set, system, version, code.
//!
//! Answers are kept for an hour, 100,000 of them at most. A request may take 5 seconds, all of one validation 15. After 5
//! failures in a row (no answer, a fault, no Parameters) nothing is asked for 30 seconds; then one request tries. While
//! there is no answer, validation says so in a warning.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use interaction::TerminologyServer;
use model::{Element, Limits, Tree};
use reqwest::blocking::Client;
use validation::terminology::{Answers, Question, Told};

/// How patient and how forgetful this is.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For one request.
    pub request: Duration,
    /// For all questions of one validation.
    pub validation: Duration,
    /// How long an answer counts.
    pub keep: Duration,
    /// How many answers are kept.
    pub most: usize,
    /// Failures in a row after which nothing is asked.
    pub failures: u32,
    /// For how long then.
    pub rest: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            request: Duration::from_secs(5),
            validation: Duration::from_secs(15),
            keep: Duration::from_secs(3600),
            most: 100_000,
            failures: 5,
            rest: Duration::from_secs(30),
        }
    }
}

/// A terminology server somewhere.
#[derive(Debug)]
pub struct RemoteTerminology {
    base: String,
    patience: Patience,
    client: OnceLock<Option<Client>>,
    kept: Mutex<HashMap<Question, (Told, Instant)>>,
    circuit: Mutex<Circuit>,
}

/// Closed as long as `open_until` is none. Half open while one request tries.
#[derive(Debug, Default)]
struct Circuit {
    failures: u32,
    open_until: Option<Instant>,
}

/// What came of a request.
enum Reply {
    Told(Told),
    /// The server failed, not the question; why.
    Failed(String),
}

impl RemoteTerminology {
    /// The server at a FHIR base URL.
    pub fn new(base: &str, patience: Patience) -> RemoteTerminology {
        RemoteTerminology {
            base: base.trim_end_matches('/').to_owned(),
            patience,
            client: OnceLock::new(),
            kept: Mutex::default(),
            circuit: Mutex::default(),
        }
    }

    fn known(&self, question: &Question) -> Option<Told> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(question).filter(|(_, at)| at.elapsed() < self.patience.keep).map(|(told, _)| told.clone())
    }

    fn keep(&self, question: &Question, told: &Told) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= self.patience.most {
            let keep = self.patience.keep;
            kept.retain(|_, (_, at)| at.elapsed() < keep);
            if kept.len() >= self.patience.most {
                kept.clear();
            }
        }
        kept.insert(question.clone(), (told.clone(), Instant::now()));
    }

    /// Whether a request may go out now; of those who come when the rest is over, one.
    fn may_ask(&self) -> bool {
        let mut circuit = self.circuit.lock().unwrap_or_else(PoisonError::into_inner);
        match circuit.open_until {
            None => true,
            Some(until) if Instant::now() < until => false,
            Some(_) => {
                circuit.open_until = Some(Instant::now() + self.patience.rest);
                true
            }
        }
    }

    fn note(&self, failed: bool) {
        let mut circuit = self.circuit.lock().unwrap_or_else(PoisonError::into_inner);
        if !failed {
            *circuit = Circuit::default();
            return;
        }
        circuit.failures = circuit.failures.saturating_add(1);
        if circuit.failures >= self.patience.failures {
            circuit.open_until = Some(Instant::now() + self.patience.rest);
        }
    }

    fn one(&self, question: &Question) -> Told {
        if let Some(told) = self.known(question) {
            return told;
        }
        if !self.may_ask() {
            return silent("the terminology server does not answer at present");
        }
        match self.request(question) {
            Reply::Told(told) => {
                self.note(false);
                self.keep(question, &told);
                told
            }
            Reply::Failed(why) => {
                self.note(true);
                tracing::warn!(server = %self.base, %why, "the terminology server failed");
                silent("the terminology server did not answer")
            }
        }
    }

    fn request(&self, question: &Question) -> Reply {
        let client = self.client.get_or_init(|| {
            let _ = rustls::crypto::ring::default_provider().install_default();
            let builder = Client::builder().timeout(self.patience.request).connect_timeout(self.patience.request);
            builder.build().ok()
        });
        let Some(client) = client else { return Reply::Failed("no client can be made".to_owned()) };
        let url = format!("{}/ValueSet/$validate-code", self.base);
        let request = client
            .post(url)
            .header("Content-Type", "application/fhir+json")
            .header("Accept", "application/fhir+json")
            .body(model::json::to_string(parameters(question).root()));
        let response = match request.send() {
            Ok(response) => response,
            Err(error) => return Reply::Failed(error.to_string()),
        };
        let status = response.status();
        let body = match response.bytes() {
            Ok(body) if !status.is_server_error() => body,
            Ok(_) => return Reply::Failed(format!("status {status}")),
            Err(error) => return Reply::Failed(error.to_string()),
        };
        let limits = Limits { bytes: 1 << 20, ..Limits::default() };
        match model::json::read(&body, &limits) {
            Ok(tree) => read(&tree, status.is_success()),
            Err(error) => Reply::Failed(format!("status {status}, no FHIR: {error}")),
        }
    }
}

impl TerminologyServer for RemoteTerminology {
    fn ask(&self, questions: &[Question]) -> Answers {
        let started = Instant::now();
        let answer = |question: &Question| {
            let told = match started.elapsed() < self.patience.validation {
                true => self.one(question),
                false => self.known(question).unwrap_or_else(|| silent("the terminology server is too slow")),
            };
            (question.clone(), told)
        };
        questions.iter().map(answer).collect()
    }
}

fn silent(why: &str) -> Told {
    Told::Silent(why.into())
}

fn parameters(question: &Question) -> Tree {
    let mut tree = Tree::new("Parameters");
    let mut root = tree.edit();
    let (url, version) = match question.value_set.split_once('|') {
        Some((url, version)) => (url, Some(version)),
        None => (question.value_set.as_str(), None),
    };
    root.item("parameter").set("name", "url").set("valueUri", url);
    if let Some(version) = version {
        root.item("parameter").set("name", "valueSetVersion").set("valueString", version);
    }
    match &question.system {
        Some(system) => {
            let mut item = root.item("parameter");
            item.set("name", "coding");
            let mut coding = item.object("valueCoding");
            coding.set("system", system.as_str()).set_some("version", question.version.as_deref());
            coding.set("code", question.code.as_str());
        }
        None => {
            root.item("parameter").set("name", "code").set("valueCode", question.code.as_str());
            root.item("parameter").set("name", "inferSystem").set("valueBoolean", true);
        }
    }
    tree
}

/// What an answer means. A code system or value set that the server does not have either leaves the question open.
fn read(tree: &Tree, success: bool) -> Reply {
    let parameter = |name: &str| {
        let named = |one: &Element<'_>| one.text_at("name") == Some(name);
        tree.root().all("parameter").find(named)
    };
    match (tree.resource_type(), success) {
        ("Parameters", true) => {}
        ("OperationOutcome", false) => return Reply::Told(silent("the terminology server cannot tell either")),
        (other, _) => return Reply::Failed(format!("it answered with {other}")),
    }
    let lacks = ["x-caused-by-unknown-system", "x-unknown-system"].iter().any(|name| parameter(name).is_some());
    let issues = parameter("issues").map(|issues| issues.every("resource.issue.code")).unwrap_or_default();
    let lacks = lacks || issues.iter().any(|code| code.text() == Some("not-found"));
    Reply::Told(match parameter("result").and_then(|one| one.text_at("valueBoolean")) {
        Some("true") => Told::In,
        Some("false") if lacks => silent("the terminology server does not have it either"),
        Some("false") => Told::Out,
        _ => return Reply::Failed("its answer has no result".to_owned()),
    })
}

/// What is configured, if anything.
pub fn configured(url: Option<&str>) -> Option<Arc<dyn TerminologyServer>> {
    Some(Arc::new(RemoteTerminology::new(url?, Patience::default())))
}
