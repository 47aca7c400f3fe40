//! `$meta`, `$meta-add`, `$meta-delete`: <http://hl7.org/fhir/R4/resource-operation-meta.html>.
//!
//! Of a type and of the system `$meta` says which profiles, tags and labels are in use, by a walk over all of it. What is
//! added or deleted makes a new version, so that the history stays what it was.

use std::collections::BTreeSet;

use access::Item;
use model::{Element, Limits, Tree};
use storage::{Expect, Method};

use crate::answer::{Answer, etag};
use crate::refusal::{Class, Refusal};
use crate::request::Request;
use crate::write::{self, Draft};
use crate::{checked, export, operation, read, stored_text};

/// How often a change is done anew because another writer was faster.
const ATTEMPTS: usize = 16;
/// The lists of a Meta.
const LISTS: [&str; 3] = ["profile", "security", "tag"];

/// The `meta` of a resource.
pub(crate) fn instance(request: &Request<'_>) -> Result<Answer, Refusal> {
    nothing(request)?;
    let tree = read::current(request, &request.target.resource_type, &request.target.id)?;
    Ok(answer(request, tree.root().get("meta")))
}

/// The `meta` of a version.
pub(crate) fn version(request: &Request<'_>) -> Result<Answer, Refusal> {
    nothing(request)?;
    let target = &request.target;
    let number = read::version_number(&target.version).ok_or_else(|| read::not_found(request))?;
    let view = request.service.store().view(None).map_err(Refusal::fault)?;
    let version = view.vread(&target.resource_type, &target.id, number).map_err(Refusal::fault)?;
    let version = version.ok_or_else(|| read::not_found(request))?;
    let item = Item { resource_type: &target.resource_type, id: &target.id, version: version.version };
    if !request.permit.sees(item) {
        return Err(read::not_found(request));
    }
    let Some(body) = version.body().map_err(Refusal::fault)? else {
        return Err(Refusal::new(Class::Gone, "This version is a deletion."));
    };
    let text = stored_text::decode(&body, version.mark, version.version, model::Instant(version.instant.0));
    let tree = model::json::read(&text, &Limits::default()).map_err(|error| Refusal::fault(error.message))?;
    Ok(answer(request, tree.root().get("meta")))
}

/// The profiles, tags and labels that are in use.
pub(crate) fn in_use(request: &Request<'_>) -> Result<Answer, Refusal> {
    nothing(request)?;
    let view = request.service.store().view(None).map_err(Refusal::fault)?;
    let types = match request.target.resource_type.as_str() {
        "" => request.service.store().type_names().iter().map(|name| name.to_string()).collect(),
        name => vec![name.to_owned()],
    };
    let mut found: [BTreeSet<String>; 3] = Default::default();
    for type_name in &types {
        for text in export::resources(&view, &request.permit, type_name) {
            let text = text.map_err(Refusal::fault)?;
            let tree =
                stored_text::meta(text.bytes()).and_then(|meta| model::json::read(&meta, &Limits::default()).ok());
            for (list, name) in found.iter_mut().zip(LISTS) {
                let items = tree.as_ref().map(|tree| tree.root().every(&format!("meta.{name}"))).unwrap_or_default();
                list.extend(items.into_iter().map(model::json::to_string));
            }
        }
    }
    let lists: Vec<String> = found
        .into_iter()
        .zip(LISTS)
        .filter(|(list, _)| !list.is_empty())
        .map(|(list, name)| format!("\"{name}\":[{}]", list.into_iter().collect::<Vec<_>>().join(",")))
        .collect();
    let text = format!("{{\"resourceType\":\"Basic\",\"meta\":{{{}}}}}", lists.join(","));
    let tree = model::json::read(text.as_bytes(), &Limits::default()).map_err(|error| Refusal::fault(error.message))?;
    Ok(answer(request, tree.root().get("meta")))
}

/// `$meta` takes no parameters.
fn nothing(request: &Request<'_>) -> Result<(), Refusal> {
    operation::only(request, &operation::asked(request)?.query, &[])
}

fn answer(request: &Request<'_>, meta: Option<Element<'_>>) -> Answer {
    let mut tree = Tree::new("Parameters");
    let mut root = tree.edit();
    let mut parameter = root.item("parameter");
    parameter.set("name", "return");
    match meta.filter(|meta| meta.has_children()) {
        Some(meta) => drop(parameter.copy_as("valueMeta", meta, false)),
        // No tag, no label, no profile: a Meta must not be empty.
        None => drop(tree.edit().remove("parameter")),
    }
    operation::answer(request, &tree)
}

/// Adds profiles, tags and labels.
pub(crate) fn add(request: &Request<'_>) -> Result<Answer, Refusal> {
    change(request, |tree, given| {
        for name in LISTS {
            for item in given.all(name) {
                if !tree.root().every(&format!("meta.{name}")).iter().any(|known| is_same(*known, item)) {
                    tree.edit().object("meta").copy_as(name, item, true);
                }
            }
        }
    })
}

/// Takes profiles, tags and labels away; what is not there is as good as gone.
pub(crate) fn delete(request: &Request<'_>) -> Result<Answer, Refusal> {
    change(request, |tree, given| {
        for name in LISTS {
            for item in given.all(name) {
                let known = tree.root().every(&format!("meta.{name}")).into_iter();
                let gone: Vec<_> = known.filter(|known| is_same(*known, item)).map(|known| known.id()).collect();
                gone.into_iter().for_each(|id| tree.edit_at(id).detach());
            }
        }
    })
}

/// Codings by system and code, profiles by their URL.
fn is_same(one: Element<'_>, other: Element<'_>) -> bool {
    match one.is_primitive() {
        true => one.text() == other.text(),
        false => ["system", "code"].iter().all(|name| one.text_at(name) == other.text_at(name)),
    }
}

fn change(request: &Request<'_>, change: impl Fn(&mut Tree, Element<'_>)) -> Result<Answer, Refusal> {
    let asked = operation::asked(request)?;
    let given = asked.parameters.as_ref().and_then(|tree| {
        tree.root()
            .all("parameter")
            .find_map(|parameter| parameter.get("valueMeta").filter(|_| parameter.text_at("name") == Some("meta")))
    });
    let given = given.ok_or_else(|| Refusal::new(Class::Malformed, "A parameter meta with a valueMeta is needed."))?;
    let attempt = || -> Result<Answer, Refusal> {
        let (resource_type, id) = (&request.target.resource_type, &request.target.id);
        let mut tree = read::current(request, resource_type, id)?;
        let version = tree.root().text_at("meta.versionId").and_then(|version| version.parse().ok()).unwrap_or(0);
        change(&mut tree, given);
        let content = checked::check(request.service, request.call.now, tree.clone(), resource_type)?;
        let mut draft = Draft::create(id.clone(), content);
        (draft.expect, draft.method, draft.unless_same) = (Expect::Version(version), Method::Update, true);
        let stored = write::commit(request.service, &request.permit, request.call.now, vec![draft])?;
        let stored = stored.first().ok_or_else(|| Refusal::fault("a write without outcome"))?;
        let mut meta = Tree::new("Basic");
        if let Some(known) = tree.root().get("meta") {
            meta.edit().copy(known);
        }
        let mut edit = meta.edit();
        edit.object("meta").set("versionId", stored.version.to_string().as_str());
        edit.object("meta").set("lastUpdated", stored.instant.to_fhir().as_str());
        let mut answer = answer(request, meta.root().get("meta"));
        answer.etag = Some(etag(stored.version));
        Ok(answer)
    };
    for _ in 1..ATTEMPTS {
        match attempt() {
            Err(refusal) if refusal.class == Class::PreconditionFailed => {}
            done => return done,
        }
    }
    attempt()
}
