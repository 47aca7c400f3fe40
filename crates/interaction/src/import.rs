//! `POST [base]/$import` with NDJSON: resources by the thousand, a line each.
//!
//! The body is `application/fhir+ndjson`, or a manifest as the draft of Bulk Data Import has it: Parameters with `input` parts, whose
//! `url` is that of a Binary here or a `data:` URL, and whose `type` all resources of the file must have. Each resource is stored under its
//! own id, or under a new one, checked like any other write; some hundred of them are one commit. A line that is refused is named in the
//! answer and stops none of the others. Files at other servers are not fetched: a request must not make this server call another.

use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::{Issue, Tree};
use storage::{Expect, Method};

use crate::answer::Answer;
use crate::media::Format;
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
    let media = request.call.headers.content_type.unwrap_or_default();
    let mut tally = Tally::default();
    if is_ndjson(media) {
        lines(request, &Source { name: "", of: None, bytes: request.call.body }, &mut tally)?;
    } else if Format::of(media).is_some() {
        manifest(request, &mut tally)?;
    } else {
        let text = "An import is application/fhir+ndjson, or Parameters with inputs.";
        return Err(Refusal::new(Class::UnsupportedMediaType, text));
    }
    Ok(operation::answer(request, &tally.parameters()))
}

/// A file of lines.
struct Source<'s> {
    /// What stands before `Line` where a line is refused.
    name: &'s str,
    /// The type that its resources must have.
    of: Option<&'s str>,
    bytes: &'s [u8],
}

fn is_ndjson(media: &str) -> bool {
    let name = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    matches!(name.as_str(), "application/fhir+ndjson" | "application/ndjson" | "application/x-ndjson")
}

/// All files of a manifest, each looked at before the first is stored.
fn manifest(request: &Request<'_>, tally: &mut Tally) -> Result<(), Refusal> {
    let malformed = |text: String| Refusal::new(Class::Malformed, text);
    let asked = operation::asked(request)?;
    operation::only(request, &asked.query, &["inputFormat", "inputSource"])?;
    if let Some(format) = asked.query.first("inputFormat").filter(|format| !is_ndjson(&format.replace(' ', "+"))) {
        return Err(malformed(format!("inputFormat is application/fhir+ndjson, not {format}.")));
    }
    let parameters = asked.parameters.iter().flat_map(|tree| tree.root().all("parameter"));
    let mut files = Vec::new();
    for input in parameters.filter(|parameter| parameter.text_at("name") == Some("input")) {
        let part = |name: &str| {
            let part = input.all("part").find(|part| part.text_at("name") == Some(name))?;
            operation::value(part)?.text().map(str::to_owned)
        };
        let number = files.len() + 1;
        let url = part("url").ok_or_else(|| malformed(format!("Input {number} has no url.")))?;
        let of = part("type");
        if let Some(of) = of.as_deref().filter(|of| !request.service.is_resource_type(of)) {
            return Err(malformed(format!("Input {number}: {of} is no resource type.")));
        }
        files.push((format!("Input {number}: "), of, content(request, &url)?));
    }
    if files.is_empty() {
        return Err(malformed("The manifest has no input.".to_owned()));
    }
    for (name, of, bytes) in &files {
        lines(request, &Source { name, of: of.as_deref(), bytes }, tally)?;
    }
    Ok(())
}

/// What a `data:` URL or a Binary of this server holds.
fn content(request: &Request<'_>, url: &str) -> Result<Vec<u8>, Refusal> {
    let malformed = |text: &str| Refusal::new(Class::Malformed, text.to_owned());
    let decoded = |data: &str| {
        let data: String = data.split_ascii_whitespace().collect();
        STANDARD.decode(data).map_err(|_| malformed("An input is no base64."))
    };
    if let Some((_, data)) = url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,")) {
        return decoded(data);
    }
    let relative = url.strip_prefix(request.call.base).map_or(url, |rest| rest.trim_start_matches('/'));
    let id = relative.strip_prefix("Binary/").filter(|id| crate::target::is_id(id));
    let text = "An input is at a data: URL or a Binary of this server; files at other servers are not fetched.";
    let tree = crate::read::current(request, "Binary", id.ok_or_else(|| malformed(text))?)?;
    decoded(tree.root().text_at("data").unwrap_or_default())
}

fn lines(request: &Request<'_>, source: &Source<'_>, tally: &mut Tally) -> Result<(), Refusal> {
    let mut drafts: Vec<(usize, Draft)> = Vec::new();
    let mut names: HashSet<(String, String)> = HashSet::new();
    for (number, line) in source.bytes.split(|byte| *byte == b'\n').enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let draft = match draft(request, line, source.of) {
            Ok(draft) => draft,
            Err(refusal) => {
                tally.refused(source.name, number, refusal);
                continue;
            }
        };
        // A resource can be written once in a commit.
        if drafts.len() >= CHUNK || !names.insert((draft.resource_type.clone(), draft.id.clone())) {
            store(request, std::mem::take(&mut drafts), tally)?;
            names.clear();
            names.insert((draft.resource_type.clone(), draft.id.clone()));
        }
        drafts.push((number, draft));
    }
    store(request, drafts, tally)
}

fn draft(request: &Request<'_>, line: &[u8], of: Option<&str>) -> Result<Draft, Refusal> {
    let tree = model::json::read(line, &request.service.settings().limits)?;
    if tree.issues().iter().any(|issue| issue.severity.is_error()) {
        return Err(Refusal::of(Class::Malformed, tree.issues().to_vec()));
    }
    let resource_type = tree.resource_type().to_owned();
    if !request.service.is_resource_type(&resource_type) {
        return Err(Refusal::new(Class::Malformed, format!("{resource_type} is no resource type.")));
    }
    if let Some(of) = of.filter(|of| *of != resource_type) {
        return Err(Refusal::new(Class::Malformed, format!("It is a {resource_type}, the input is of {of}.")));
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
    fn refused(&mut self, source: &str, number: usize, refusal: Refusal) {
        self.refused += 1;
        let room = SHOWN.saturating_sub(self.issues.len());
        let line = number + 1;
        self.issues.extend(refusal.issues.into_iter().take(room).map(|mut issue| {
            issue.text = format!("{source}Line {line}: {}", issue.text);
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
