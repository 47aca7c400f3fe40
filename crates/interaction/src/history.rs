//! `_history` of an instance, a type, the system: <http://hl7.org/fhir/R4/http.html#history>.
//!
//! Newest first. A page's `next` link carries the `t` of the first page and the place of the last change, so pages agree
//! with each other whatever is written meanwhile.

use access::Item;
use model::{Instant, PartialDateTime};
use search::Continuation;
use storage::{Bounds, Change, Direction, Method, Position, Scope, View};

use crate::answer::{Answer, etag};
use crate::bundle::{Beside, BundleText};
use crate::refusal::{Class, Refusal};
use crate::request::Request;
use crate::subset::Subset;
use crate::{operation, page, read, render, search_type, stored_text};

/// The history of one resource.
pub(crate) fn instance(request: &Request<'_>) -> Result<Answer, Refusal> {
    run(request, &Scope::Instance(&request.target.resource_type, &request.target.id))
}

/// The history of all resources of a type.
pub(crate) fn of_type(request: &Request<'_>) -> Result<Answer, Refusal> {
    run(request, &Scope::Type(&request.target.resource_type))
}

/// The history of everything.
pub(crate) fn system(request: &Request<'_>) -> Result<Answer, Refusal> {
    run(request, &Scope::System)
}

/// Parameters of a history.
const KNOWN: [&str; 6] = ["_since", "_at", "_count", "_summary", "_elements", page::PARAMETER];

fn run(request: &Request<'_>, scope: &Scope<'_>) -> Result<Answer, Refusal> {
    operation::only(request, &request.query, &KNOWN)?;
    if let Some(name) = KNOWN.iter().find(|name| request.query.all(name).count() > 1) {
        return Err(Refusal::new(Class::Malformed, format!("{name} is asked for more than once.")));
    }
    let after = page::read(request, &request.query)?;
    let view = page::view(request, after.as_ref().map(|after| after.t))?;
    if let Scope::Instance(resource_type, id) = scope
        && view.read(resource_type, id).map_err(Refusal::fault)?.is_none()
    {
        return Err(read::not_found(request));
    }
    let bounds = Bounds { after: after.as_ref().map(place).transpose()?, ..bounds(request, &view)? };
    let count = count(request)?;
    let mut changes = Vec::new();
    for change in view.history(scope, bounds).map_err(Refusal::fault)? {
        let change = change.map_err(Refusal::fault)?;
        // One more than fits tells whether there is another page.
        let full = changes.len() > count;
        if full {
            break;
        }
        changes.push(change);
    }
    let more = changes.len() > count;
    changes.truncate(count);
    let links = links(request, &view, changes.last().filter(|_| more))?;
    let updated = view.instant().map_or(request.call.now, |instant| Instant(instant.0));
    let part = search_type::part(request)?;
    let subset = Subset::of(part.summary, &part.elements, request);
    // How many there are in all is known where they are all here.
    let whole = !more && after.is_none() && request.permit.sees_all();
    let total = u64::try_from(changes.len()).ok().filter(|_| whole);
    let mut bundle = BundleText::new("history", updated, total, &links);
    for change in &changes {
        add(request, &view, change, &subset, &mut bundle)?;
    }
    let body = request.permit.release_made(bundle.finish());
    let body = render::stored(body, &request.media, request.shapes())?;
    let mut answer = Answer::with_body(200, request.media.content_type(), body);
    answer.last_modified = Some(updated);
    Ok(answer)
}

fn add(
    request: &Request<'_>,
    view: &View,
    change: &Change,
    subset: &Subset<'_>,
    bundle: &mut BundleText,
) -> Result<(), Refusal> {
    let identity = view.identity(change.number).map_err(Refusal::fault)?;
    let identity = identity.ok_or_else(|| Refusal::fault("a change of no resource"))?;
    let item = Item { resource_type: &identity.type_name, id: &identity.id, version: change.version };
    if !request.permit.sees(item) {
        return Ok(());
    }
    let instant = Instant(change.instant.0);
    let version = view.version_of(change).map_err(Refusal::fault)?;
    let body = version.body().map_err(Refusal::fault)?;
    let text = body.map(|body| subset.apply(stored_text::decode(&body, version.mark, version.version, instant)));
    let text = text.transpose()?;
    let name = format!("{}/{}", identity.type_name, identity.id);
    let (method, url, status) = match change.method {
        Method::Create => ("POST", &*identity.type_name, "201"),
        Method::Update if change.version == 1 => ("PUT", name.as_str(), "201"),
        Method::Update => ("PUT", name.as_str(), "200"),
        Method::Patch => ("PATCH", name.as_str(), "200"),
        Method::Delete => ("DELETE", name.as_str(), "204"),
    };
    let tag = etag(change.version);
    let (request_line, modified) = (Some((method, url)), Some(instant));
    let beside =
        Beside { request: request_line, status: Some(status), etag: Some(&tag), modified, ..Beside::default() };
    let full_url = format!("{}/{name}", request.call.base);
    bundle.entry(Some(&full_url), text.as_deref(), &beside);
    Ok(())
}

/// The last change of the page before.
fn place(after: &Continuation) -> Result<Position, Refusal> {
    let parts = after.place().and_then(|place| place.split_once('.'));
    let position = parts.and_then(|(t, ordinal)| Some(Position { t: t.parse().ok()?, ordinal: ordinal.parse().ok()? }));
    position.ok_or_else(|| wrong(page::PARAMETER))
}

fn bounds(request: &Request<'_>, view: &View) -> Result<Bounds, Refusal> {
    let mut bounds = Bounds { direction: Direction::Backward, ..Bounds::default() };
    let millis = |nanos: i128| storage::Instant(i64::try_from(nanos.div_euclid(1_000_000)).unwrap_or(i64::MAX));
    if let Some(since) = request.query.first("_since") {
        let since = PartialDateTime::parse(since).ok_or_else(|| wrong("_since"))?;
        let before = storage::Instant(millis(since.range(0).0).0.saturating_sub(1));
        bounds.from = view.t_at(before).map_err(Refusal::fault)? + 1;
    }
    if let Some(at) = request.query.first("_at") {
        let (start, end) = period(at).ok_or_else(|| wrong("_at"))?;
        // What was current at some time of the period: from the last change before it to the last within it.
        bounds.from = bounds.from.max(view.t_at(millis(start)).map_err(Refusal::fault)?);
        let last = storage::Instant(millis(end).0.saturating_sub(1).max(millis(start).0));
        bounds.to = view.t_at(last).map_err(Refusal::fault)?;
    }
    Ok(bounds)
}

/// The time that `_at` means, from its first nanosecond to before its end; with a prefix as in a search by date.
fn period(text: &str) -> Option<(i128, i128)> {
    const EVER: (i128, i128) = (0, i64::MAX as i128 * 1_000_000);
    let (prefix, date) = match text.get(..2).filter(|prefix| prefix.bytes().all(|byte| byte.is_ascii_lowercase())) {
        Some(prefix) => (prefix, text.get(2..)?),
        None => ("eq", text),
    };
    let (start, end) = PartialDateTime::parse(&date.replace(' ', "+"))?.range(0);
    Some(match prefix {
        "eq" => (start, end),
        "ge" => (start, EVER.1),
        "gt" | "sa" => (end, EVER.1),
        "le" => (EVER.0, end),
        "lt" | "eb" => (EVER.0, start),
        _ => return None,
    })
}

fn count(request: &Request<'_>) -> Result<usize, Refusal> {
    let settings = request.service.settings();
    match request.query.first("_count") {
        None => Ok(settings.page),
        Some(text) => {
            text.parse().map(|count: usize| count.clamp(1, settings.longest_page)).map_err(|_| wrong("_count"))
        }
    }
}

fn links(request: &Request<'_>, view: &View, last: Option<&Change>) -> Result<Vec<(&'static str, String)>, Refusal> {
    let pairs = page::without(&request.query);
    let mut links = vec![("self", page::url(request, pairs.iter(), request.query.first(page::PARAMETER)))];
    if let Some(Change { position, .. }) = last {
        let next = Continuation::told(view.t(), format!("{}.{}", position.t, position.ordinal));
        let token = page::write(request, &next, &pairs)?;
        links.push(("next", page::url(request, pairs.iter(), Some(&token))));
    }
    Ok(links)
}

fn wrong(parameter: &str) -> Refusal {
    Refusal::new(Class::Malformed, format!("{parameter} has a value that is none."))
}
