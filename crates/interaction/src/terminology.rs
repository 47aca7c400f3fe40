//! The operations of a terminology service over REST: `ValueSet/$expand`, `ValueSet/$validate-code`,
//! `CodeSystem/$validate-code`, `CodeSystem/$lookup`, `CodeSystem/$subsumes`, `ConceptMap/$translate` and
//! `$batch-validate-code` (<http://hl7.org/fhir/R4/terminology-service.html>).
//!
//! Each takes Parameters in the body, or its parameters in the URL; on an instance the stored resource is what it is about.
//! What is in force counts: what is built in, loaded, and stored through REST; `ValueSet/$validate-code` asks a terminology
//! server elsewhere of the rest, where one is configured.

use model::{Element, Tree};
use validation::terminology::service::{Expanding, Failure, FailureKind, Service, batch_validate_code, outcome};
use validation::terminology::{Answers, Terminology};

use crate::answer::Answer;
use crate::body;
use crate::read;
use crate::refusal::{Class, Refusal};
use crate::render;
use crate::request::Request;
use crate::service::ROUNDS;
use crate::target::Level;

/// Codes of an expansion that is not asked for in pages.
const MOST: usize = 1000;

type Operation = fn(&mut Service, Element<'_>, &Expanding) -> Result<Tree, Failure>;

/// `ValueSet/$expand`
pub(crate) fn expand(request: &Request<'_>) -> Result<Answer, Refusal> {
    run(request, "valueSet", |service, asked, expanding| service.expand(asked, expanding))
}

/// `ValueSet/$validate-code`
pub(crate) fn validate_code(request: &Request<'_>) -> Result<Answer, Refusal> {
    run(request, "valueSet", |service, asked, _| service.validate_code(asked))
}

/// `CodeSystem/$validate-code`
pub(crate) fn validate_code_in_system(request: &Request<'_>) -> Result<Answer, Refusal> {
    run(request, "url", |service, asked, _| service.validate_code_in_system(asked))
}

/// `CodeSystem/$lookup`
pub(crate) fn lookup(request: &Request<'_>) -> Result<Answer, Refusal> {
    run(request, "system", |service, asked, _| service.lookup(asked))
}

/// `CodeSystem/$subsumes`
pub(crate) fn subsumes(request: &Request<'_>) -> Result<Answer, Refusal> {
    run(request, "system", |service, asked, _| service.subsumes(asked))
}

/// `ConceptMap/$translate`
pub(crate) fn translate(request: &Request<'_>) -> Result<Answer, Refusal> {
    run(request, "conceptMap", |service, asked, _| service.translate(asked))
}

/// `$batch-validate-code`
pub(crate) fn batch(request: &Request<'_>) -> Result<Answer, Refusal> {
    let asked = parameters(request)?;
    let rules = request.service.rules();
    let done = batch_validate_code(rules.validator.terminology(), asked.root(), request.call.headers.accept_language);
    Ok(answer(request, done))
}

/// Asks a service for this request; on an instance the stored resource is the parameter `own`.
fn run(request: &Request<'_>, own: &str, operation: Operation) -> Result<Answer, Refusal> {
    let mut asked = parameters(request)?;
    if request.target.level == Level::Instance {
        add_own(request, own, &mut asked)?;
    }
    let expanding = Expanding {
        now: request.call.now,
        identifier: format!("urn:uuid:{}", request.call.ids.next(request.call.now)),
        most: MOST,
    };
    Ok(answer(request, asking(request, &asked, operation, &expanding)))
}

/// Runs an operation; where a terminology server is configured it is asked what could not be decided here, and the operation
/// runs again with its answers.
fn asking(request: &Request<'_>, asked: &Tree, operation: Operation, expanding: &Expanding) -> Result<Tree, Failure> {
    let rules = request.service.rules();
    let language = request.call.headers.accept_language;
    let run = |terms: &Terminology| {
        let service = Service::new(terms, asked.root(), language);
        service.and_then(|mut service| operation(&mut service, asked.root(), expanding))
    };
    let Some(server) = &request.service.settings().terminology else {
        return run(rules.validator.terminology());
    };
    let mut answers = Answers::new();
    for _ in 0..ROUNDS {
        let terms = rules.validator.terminology().asking(answers.clone());
        let done = run(&terms);
        let questions = terms.questions();
        if questions.is_empty() {
            return done;
        }
        answers.extend(server.ask(&questions));
    }
    run(&rules.validator.terminology().asking(answers))
}

fn add_own(request: &Request<'_>, own: &str, asked: &mut Tree) -> Result<(), Refusal> {
    let stored = read::current(request, &request.target.resource_type, &request.target.id)?;
    let mut root = asked.edit();
    if matches!(own, "url" | "system") {
        let Some(url) = stored.root().text_at("url") else {
            return Err(Refusal::new(Class::Unprocessable, "The code system has no url."));
        };
        root.item("parameter").set("name", own).set("valueUri", url);
        if let Some(version) = stored.root().text_at("version") {
            root.item("parameter").set("name", "version").set("valueString", version);
        }
        return Ok(());
    }
    let mut item = root.item("parameter");
    item.set("name", own).copy_as("resource", stored.root(), false);
    Ok(())
}

/// The Parameters of a request: those of its body, and those of its URL.
///
/// # Errors
/// [`Class::Malformed`] where the body is something else than Parameters.
fn parameters(request: &Request<'_>) -> Result<Tree, Refusal> {
    let mut tree = match request.call.body.is_empty() {
        true => Tree::new("Parameters"),
        false => body::resource(request.call, request.shapes(), &request.service.settings().limits)?,
    };
    if tree.resource_type() != "Parameters" {
        let text = format!("The body is a {}; the operation takes Parameters.", tree.resource_type());
        return Err(Refusal::new(Class::Malformed, text));
    }
    for (name, value) in request.query.pairs().iter().filter(|(name, _)| !name.starts_with('_')) {
        let mut root = tree.edit();
        let mut item = root.item("parameter");
        item.set("name", name.as_str());
        let coding = matches!(name.as_str(), "coding" | "codingA" | "codingB" | "sourceCoding" | "targetCoding");
        match value.rsplit_once('|').filter(|_| coding) {
            // A Coding of a URL is a token: system|code.
            Some((system, code)) => {
                item.object("valueCoding").set("system", system).set("code", code);
            }
            None => {
                item.set("valueString", value.as_str());
            }
        }
    }
    Ok(tree)
}

fn answer(request: &Request<'_>, done: Result<Tree, Failure>) -> Answer {
    let (status, tree) = match done {
        Ok(tree) => (200, tree),
        Err(failure) => {
            let class = match failure.kind {
                FailureKind::Malformed => Class::Malformed,
                FailureKind::NotFound => Class::NotFound,
                FailureKind::Unprocessable => Class::Unprocessable,
            };
            (class.status(), outcome(&failure.findings))
        }
    };
    let text = render::tree(tree.root(), &request.media, request.shapes());
    Answer::with_body(status, request.media.content_type(), request.permit.release_made(text))
}
