//! `POST [base]/$import` with NDJSON: resources by the thousand, a line each.
//!
//! The body is `application/fhir+ndjson`. Each resource is stored under its own id, or under a new one, checked like any
//! other write; some hundred of them are one commit. A line that is refused is named in the answer and stops none of the
//! others. No standard defines it; files at other servers are not fetched.

use std::collections::HashSet;

use model::{Issue, Tree};
use storage::{Expect, Method};

use crate::answer::Answer;
use crate::refusal::{Class, Refusal};
use crate::request::Request;
use crate::write::{self, Draft};
use crate::{checked, operation};

/// Lines of one commit.
const CHUNK: usize = 500;
/// Issues that are told; the count is of all.
const SHOWN: usize = 100;

/// Stores the lines.
pub(crate) fn run(request: &Request<'_>) -> Result<Answer, Refusal> {
    let media = request.call.headers.content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !matches!(
        media.to_ascii_lowercase().as_str(),
        "application/fhir+ndjson" | "application/ndjson" | "application/x-ndjson"
    ) {
        return Err(Refusal::new(Class::UnsupportedMediaType, "An import is application/fhir+ndjson."));
    }
    let mut tally = Tally::default();
    let mut drafts: Vec<(usize, Draft)> = Vec::new();
    let mut names: HashSet<(String, String)> = HashSet::new();
    for (number, line) in request.call.body.split(|byte| *byte == b'\n').enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let draft = match draft(request, line) {
            Ok(draft) => draft,
            Err(refusal) => {
                tally.refused(number, refusal);
                continue;
            }
        };
        // A resource can be written once in a commit.
        if drafts.len() >= CHUNK || !names.insert((draft.resource_type.clone(), draft.id.clone())) {
            store(request, std::mem::take(&mut drafts), &mut tally)?;
            names.clear();
            names.insert((draft.resource_type.clone(), draft.id.clone()));
        }
        drafts.push((number, draft));
    }
    store(request, drafts, &mut tally)?;
    Ok(operation::answer(request, &tally.parameters()))
}

fn draft(request: &Request<'_>, line: &[u8]) -> Result<Draft, Refusal> {
    let tree = model::json::read(line, &request.service.settings().limits)?;
    if tree.issues().iter().any(|issue| issue.severity.is_error()) {
        return Err(Refusal::of(Class::Malformed, tree.issues().to_vec()));
    }
    let resource_type = tree.resource_type().to_owned();
    if !request.service.is_resource_type(&resource_type) {
        return Err(Refusal::new(Class::Malformed, format!("{resource_type} is no resource type.")));
    }
    let id = tree.root().text_at("id").map(str::to_owned);
    let content = checked::check(request.service, request.call.now, tree, &resource_type)?;
    let Some(id) = id else {
        return Ok(Draft::create(request.call.ids.next(request.call.now), content));
    };
    let mut draft = Draft::create(id, content);
    (draft.expect, draft.method) = (Expect::Any, Method::Update);
    Ok(draft)
}

fn store(request: &Request<'_>, drafts: Vec<(usize, Draft)>, tally: &mut Tally) -> Result<(), Refusal> {
    if drafts.is_empty() {
        return Ok(());
    }
    let count = drafts.len();
    let drafts = drafts.into_iter().map(|(_, draft)| draft).collect();
    write::commit(request.service, &request.permit, request.call.now, drafts)?;
    tally.stored += count;
    Ok(())
}

#[derive(Default)]
struct Tally {
    stored: usize,
    refused: usize,
    issues: Vec<Issue>,
}

impl Tally {
    fn refused(&mut self, number: usize, refusal: Refusal) {
        self.refused += 1;
        let room = SHOWN.saturating_sub(self.issues.len());
        let line = number + 1;
        self.issues.extend(refusal.issues.into_iter().take(room).map(|mut issue| {
            issue.text = format!("Line {line}: {}", issue.text);
            issue
        }));
    }

    fn parameters(&self) -> Tree {
        let mut tree = Tree::new("Parameters");
        let mut root = tree.edit();
        for (name, count) in [("stored", self.stored), ("refused", self.refused)] {
            root.item("parameter").set("name", name).set("valueInteger", i64::try_from(count).unwrap_or(i64::MAX));
        }
        if !self.issues.is_empty() {
            let outcome = model::operation_outcome(&self.issues);
            let mut parameter = root.item("parameter");
            parameter.set("name", "outcome");
            parameter.object("resource").fill(outcome.root());
        }
        tree
    }
}
