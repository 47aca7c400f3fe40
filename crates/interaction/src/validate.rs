//! `$validate`: <http://hl7.org/fhir/R4/resource-operation-validate.html>.
//!
//! The body is the resource, or Parameters with `resource`, `mode`, `profile` and `obligations` (of ours: whether obligations of
//! profiles that concern what is not there are told, as information); all but the first may stand in the URL. The answer is 200 with an OperationOutcome, whatever is found; text that does not parse is a finding too. Nothing is stored.

use model::{Issue, IssueType, Severity, Tree};
use validation::{Mode, Options};

use crate::answer::Answer;
use crate::body;
use crate::read;
use crate::refusal::{Class, Refusal};
use crate::render;
use crate::request::Request;

/// Validates the body.
pub(crate) fn run(request: &Request<'_>) -> Result<Answer, Refusal> {
    let mut asked = Asked::of(request)?;
    if asked.mode == Mode::Delete && request.call.body.is_empty() && !request.target.id.is_empty() {
        return stored(request);
    }
    let body = body::text(request.call, request.shapes(), &request.service.settings().limits);
    let tree = match body {
        Ok(tree) => tree,
        Err(refusal) if refusal.class == Class::UnsupportedMediaType => return Err(refusal),
        Err(refusal) if request.call.body.is_empty() => return Err(refusal),
        Err(mut refusal) => {
            refusal.issues.iter_mut().for_each(|issue| issue.severity = Severity::Fatal);
            return Ok(answer(request, &refusal.issues));
        }
    };
    let tree = match tree.resource_type() == "Parameters" && request.target.resource_type != "Parameters" {
        true => asked.take(request, &tree)?,
        false => tree,
    };
    let mut issues = asked.validate(request, &tree);
    let expected = request.target.resource_type.as_str();
    if !expected.is_empty() && !tree.resource_type().is_empty() && tree.resource_type() != expected {
        let text = format!("This is a {}, not a {expected}.", tree.resource_type());
        issues.insert(0, Issue::error(IssueType::Invalid, "", text));
    }
    Ok(answer(request, &issues))
}

/// Validates the current version of a stored resource.
pub(crate) fn stored(request: &Request<'_>) -> Result<Answer, Refusal> {
    let asked = Asked::of(request)?;
    let tree = read::current(request, &request.target.resource_type, &request.target.id)?;
    Ok(answer(request, &asked.validate(request, &tree)))
}

/// What the caller asks for beside the resource.
struct Asked {
    profiles: Vec<String>,
    mode: Mode,
    obligations: bool,
}

impl Asked {
    fn of(request: &Request<'_>) -> Result<Asked, Refusal> {
        let profiles = request.query.all("profile").map(str::to_owned).collect();
        let obligations = request.query.first("obligations") == Some("true");
        Ok(Asked { profiles, mode: mode(request.query.first("mode"))?, obligations })
    }

    /// Takes profile and mode out of Parameters, and the resource.
    fn take(&mut self, request: &Request<'_>, parameters: &Tree) -> Result<Tree, Refusal> {
        let mut resource = None;
        for parameter in parameters.root().all("parameter") {
            let value = ["valueUri", "valueCanonical", "valueCode", "valueString"];
            let value = value.iter().find_map(|name| parameter.text_at(name));
            match parameter.text_at("name") {
                Some("resource") => resource = parameter.get("resource"),
                Some("profile") => self.profiles.extend(value.map(str::to_owned)),
                Some("mode") => self.mode = mode(value)?,
                Some("obligations") => self.obligations = parameter.text_at("valueBoolean") == Some("true"),
                _ => {}
            }
        }
        match resource {
            Some(resource) => Ok(Tree::part(resource)),
            None if !request.target.id.is_empty() => {
                read::current(request, &request.target.resource_type, &request.target.id)
            }
            None => Err(Refusal::new(Class::Malformed, "The Parameters have no resource to validate.")),
        }
    }

    fn validate(&self, request: &Request<'_>, tree: &Tree) -> Vec<Issue> {
        let (profiles, mode, now) = (self.profiles.clone(), self.mode, request.call.now);
        let settings = request.service.settings();
        let options = Options {
            profiles,
            mode,
            now,
            obligations: self.obligations,
            unknown_extensions: settings.unknown_extensions,
            example_urls: settings.example_urls,
            markup_in_text: settings.markup_in_text,
            ..Options::default()
        };
        request.service.validate(tree, &options)
    }
}

fn mode(text: Option<&str>) -> Result<Mode, Refusal> {
    Ok(match text {
        None | Some("" | "profile") => Mode::Any,
        Some("create") => Mode::Create,
        Some("update") => Mode::Update,
        Some("delete") => Mode::Delete,
        Some(other) => return Err(Refusal::new(Class::Malformed, format!("There is no mode {other}."))),
    })
}

fn answer(request: &Request<'_>, issues: &[Issue]) -> Answer {
    let tree = model::operation_outcome(issues);
    let text = render::tree(tree.root(), &request.media, request.shapes());
    Answer::with_body(200, request.media.content_type(), request.permit.release_made(text))
}
