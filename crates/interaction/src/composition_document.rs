//! `Composition/[id]/$document`: <http://hl7.org/fhir/R4/composition-operation-document.html>.
//!
//! A Bundle of the Composition and of everything on this server that it refers to, directly or through others, as of one
//! moment. What the Composition itself refers to must be there, or there is no document.

use std::collections::HashSet;

use model::{Issue, IssueType, Limits, Tree};

use crate::answer::{Answer, etag};
use crate::call::Method;
use crate::gathered::{self, Record};
use crate::refusal::{Class, Refusal};
use crate::request::Request;
use crate::write::{self, Draft};
use crate::{checked, operation};

/// The most resources of one document.
const MOST: usize = 10_000;

/// Makes the document; `persist=true` stores it too.
pub(crate) fn run(request: &Request<'_>) -> Result<Answer, Refusal> {
    let asked = operation::asked(request)?.query;
    operation::only(request, &asked, &["persist", "id", "graph"])?;
    if asked.first("graph").is_some() {
        return Err(Refusal::new(Class::NotSupported, "GraphDefinitions are not followed; leave graph out."));
    }
    let persist = asked.first("persist") == Some("true");
    if persist && request.call.method != Method::Post {
        return Err(Refusal::new(Class::Malformed, "A document is stored with POST only."));
    }
    let id = match (request.target.id.as_str(), asked.first("id")) {
        ("", Some(id)) => id.rsplit('/').next().unwrap_or(id),
        ("", None) => return Err(Refusal::new(Class::Malformed, "The parameter id names the Composition.")),
        (id, _) => id,
    };
    let records = gather(request, id)?;
    let tree = document(request, &records)?;
    if !persist {
        return Ok(operation::answer(request, &tree));
    }
    let content = checked::part(tree, "Bundle")?;
    let draft = Draft::create(request.call.ids.next(request.call.now), content);
    let stored = write::commit(request.service, &request.permit, request.call.now, vec![draft])?;
    let stored = stored.first().ok_or_else(|| Refusal::fault("a write without outcome"))?;
    let text = stored.release(&request.permit).ok_or_else(|| Refusal::fault("a document that may not be seen"))?;
    let body = crate::render::stored(text, &request.media, request.shapes())?;
    let mut answer = Answer::with_body(201, request.media.content_type(), body);
    answer.location = Some(format!("{}/Bundle/{}/_history/{}", request.call.base, stored.id, stored.version));
    answer.etag = Some(etag(stored.version));
    Ok(answer)
}

fn gather(request: &Request<'_>, id: &str) -> Result<Vec<Record>, Refusal> {
    let view = request.service.store().view(None).map_err(Refusal::fault)?;
    let composition = gathered::record(request, &view, "Composition", id)?;
    let composition =
        composition.ok_or_else(|| Refusal::new(Class::NotFound, format!("Composition/{id} is not known.")))?;
    let mut known: HashSet<(String, String)> = HashSet::from([composition.name.clone()]);
    let mut missing = Vec::new();
    let mut records = vec![composition];
    let mut next = 0;
    while let Some(record) = records.get(next) {
        for name in gathered::references(request, &record.text) {
            if !known.insert(name.clone()) {
                continue;
            }
            match gathered::record(request, &view, &name.0, &name.1)? {
                Some(record) => records.push(record),
                None if next == 0 => missing.push(format!("{}/{}", name.0, name.1)),
                None => {}
            }
        }
        next += 1;
        if records.len() > MOST {
            return Err(Refusal::new(Class::TooLarge, format!("The document has more than {MOST} resources.")));
        }
    }
    if missing.is_empty() {
        return Ok(records);
    }
    let issue = |name: &String| {
        Issue::error(IssueType::NotFound, "Composition", format!("It refers to {name}, which is not there."))
    };
    Err(Refusal::of(Class::Unprocessable, missing.iter().map(issue).collect()))
}

fn document(request: &Request<'_>, records: &[Record]) -> Result<Tree, Refusal> {
    let mut tree = Tree::new("Bundle");
    let mut root = tree.edit();
    let identifier = format!("urn:uuid:{}", request.call.ids.next(request.call.now));
    root.object("identifier").set("system", "urn:ietf:rfc:3986").set("value", identifier.as_str());
    root.set("type", "document").set("timestamp", request.call.now.to_fhir().as_str());
    for record in records {
        let resource = model::json::read(&record.text, &Limits::default());
        let resource = resource.map_err(|error| Refusal::fault(error.message))?;
        let mut entry = root.item("entry");
        let (resource_type, id) = &record.name;
        entry.set("fullUrl", format!("{}/{resource_type}/{id}", request.call.base).as_str());
        entry.object("resource").fill(resource.root());
    }
    Ok(tree)
}
