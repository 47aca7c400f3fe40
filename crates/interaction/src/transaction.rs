//! A transaction Bundle: all of it or nothing, in one commit. <http://hl7.org/fhir/R4/http.html#trules>
//!
//! In the order of the specification: DELETE, POST, PUT, then GET on what was committed. Links between entries (`urn:uuid:`
//! or any `fullUrl`) and conditional references lead to the stored resources, wherever a link can stand.

use std::collections::HashMap;

use model::{Element, ElementId, Shapes, Tree};
use storage::{Effect, Expect, Method as Came, View};

use crate::answer::{Answer, etag};
use crate::batch::{Parts, entry_answer};
use crate::call::Method;
use crate::conditional::{self, several};
use crate::conditions;
use crate::refusal::{Class, Refusal};
use crate::request::Request;
use crate::target::{Level, Target};
use crate::write::{self, Draft, Lock, Stored};
use crate::{checked, patch};

/// How often a transaction is planned anew because a condition changed meanwhile.
const ATTEMPTS: usize = 8;

/// What becomes of an entry.
enum Step {
    /// A write: its place among the drafts.
    Write(usize),
    /// A conditional create that found this resource.
    Existing(String),
    /// A conditional delete of several: their places among the drafts.
    Deletes,
    /// A read, done on what was committed.
    Read,
}

/// Does the transaction; the answers stand in the order of the entries.
///
/// # Errors
/// What the first entry that fails is refused with; nothing is stored.
pub(crate) fn run(request: &Request<'_>, tree: Tree) -> Result<Vec<Answer>, Refusal> {
    let attempts = if may_meet_others(&tree) { ATTEMPTS } else { 1 };
    for _ in 1..attempts {
        match attempt(request, tree.clone()) {
            Err(refusal) if refusal.class == Class::Busy => {}
            done => return done,
        }
    }
    attempt(request, tree)
}

/// Whether what is planned depends on what was found before: then another writer can come between.
fn may_meet_others(tree: &Tree) -> bool {
    let conditional = |entry: Element<'_>| {
        let text = |path| entry.text_at(path).unwrap_or_default();
        entry.get("request").is_some_and(|request| request.get("ifNoneExist").is_some())
            || text("request.url").contains('?')
            || text("request.method") == "PATCH"
    };
    tree.root().all("entry").any(conditional)
}

fn attempt(request: &Request<'_>, mut tree: Tree) -> Result<Vec<Answer>, Refusal> {
    let mut plan = Plan::default();
    for (number, entry) in tree.root().all("entry").enumerate() {
        let step = plan.add(request, entry).map_err(|refusal| named(refusal, number))?;
        plan.steps.push(step);
    }
    plan.link(request, &mut tree)?;
    let drafts = plan.drafts(request, &tree)?;
    let locks = std::mem::take(&mut plan.locks);
    // What is read behind the commit is read as of it; else nobody needs the entries any more.
    let has_reads = plan.steps.iter().any(|step| matches!(step, Step::Read | Step::Existing(_)));
    let tree = Some(tree).filter(|_| has_reads);
    let stored = match has_reads {
        true => write::commit_locked(request.service, &request.permit, request.call.now, drafts, locks),
        false => write::commit_last(request, drafts, locks),
    };
    let is_patch = |planned: &Planned| planned.method == Came::Patch && planned.expect == Expect::Any;
    let stored = stored.map_err(|refusal| match plan.writes.iter().any(is_patch) {
        true => patch::again(refusal, Expect::Any),
        false => refusal,
    })?;
    let entries: Vec<Element<'_>> = tree.iter().flat_map(|tree| tree.root().all("entry")).collect();
    let answers = plan.steps.iter().enumerate().map(|(number, step)| match step {
        Step::Write(place) => written(request, stored.get(*place)),
        Step::Existing(name) => existing(request, name),
        Step::Deletes => Answer::empty(204),
        Step::Read => match entries.get(number) {
            Some(entry) => entry_answer(request, *entry),
            None => request.service.refuse(Refusal::fault("a read without its entry")),
        },
    });
    Ok(answers.collect())
}

/// A write that is not yet a draft: its content still has to be linked.
struct Planned {
    resource_type: String,
    id: String,
    expect: Expect,
    method: Came,
    entry: Option<ElementId>,
}

impl Planned {
    fn patched(&self, request: &Request<'_>, entry: Element<'_>) -> Result<Draft, Refusal> {
        let (content_type, bytes) = patch::of_entry(entry)?;
        let content = patch::Content { content_type: Some(&content_type), bytes: &bytes };
        patch::draft(request, &self.resource_type, &self.id, self.expect, content)
    }
}

#[derive(Default)]
struct Plan {
    steps: Vec<Step>,
    writes: Vec<Planned>,
    locks: Vec<Lock>,
    /// Where links lead: `fullUrl` to `[type]/[id]`.
    places: HashMap<String, String>,
}

impl Plan {
    fn add(&mut self, request: &Request<'_>, entry: Element<'_>) -> Result<Step, Refusal> {
        let parts = Parts::of(entry, request.call.base)?;
        if matches!(parts.method, Method::Get | Method::Head) {
            return Ok(Step::Read);
        }
        let target = Target::of(parts.path)?;
        if !target.word.is_empty() || target.level == Level::System || target.level == Level::Version {
            return Err(Refusal::new(
                Class::NotSupported,
                "A transaction takes create, update, delete, read and search.",
            ));
        }
        if !request.service.is_resource_type(&target.resource_type) {
            return Err(Refusal::new(Class::Malformed, format!("{} is no resource type.", target.resource_type)));
        }
        match parts.method {
            Method::Post => self.create(request, entry, &target),
            Method::Put => self.update(request, entry, &target, parts.query),
            Method::Delete => self.delete(request, &target, parts.query),
            Method::Patch => self.patch(request, entry, &target, parts.query),
            Method::Get | Method::Head => Ok(Step::Read),
        }
    }

    fn create(&mut self, request: &Request<'_>, entry: Element<'_>, target: &Target) -> Result<Step, Refusal> {
        let condition = entry.text_at("request.ifNoneExist");
        if let Some(query) = condition {
            let condition = conditional::look_up(request, &target.resource_type, query, 1)?;
            match condition.ids.as_slice() {
                [] => self.lock(condition.lock),
                [id] => {
                    let name = format!("{}/{id}", target.resource_type);
                    self.place(entry, &name);
                    return Ok(Step::Existing(name));
                }
                _ => return Err(several("ifNoneExist")),
            }
        }
        let id = request.call.ids.next(request.call.now);
        Ok(self.write(entry, &target.resource_type, id, Expect::Never, Came::Create))
    }

    fn update(
        &mut self,
        request: &Request<'_>,
        entry: Element<'_>,
        target: &Target,
        query: &str,
    ) -> Result<Step, Refusal> {
        let own = entry.text_at("resource.id");
        if target.level == Level::Type {
            let condition = conditional::look_up(request, &target.resource_type, query, 1)?;
            let (id, expect) = conditional::updated(request, &condition.ids, own)?;
            self.lock(condition.lock);
            return Ok(self.write(entry, &target.resource_type, id, expect, Came::Update));
        }
        if own != Some(&target.id) {
            return Err(Refusal::new(
                Class::Malformed,
                format!("The resource's id must be that of the url, {}.", target.id),
            ));
        }
        let headers = crate::call::Headers {
            if_match: entry.text_at("request.ifMatch"),
            if_none_match: entry.text_at("request.ifNoneMatch"),
            ..Default::default()
        };
        let expect = conditions::expected(&headers)?;
        Ok(self.write(entry, &target.resource_type, target.id.clone(), expect, Came::Update))
    }

    /// The patch itself is done when all links are known.
    fn patch(
        &mut self,
        request: &Request<'_>,
        entry: Element<'_>,
        target: &Target,
        query: &str,
    ) -> Result<Step, Refusal> {
        let mut id = target.id.clone();
        if target.level == Level::Type {
            let condition = conditional::look_up(request, &target.resource_type, query, 1)?;
            id = patch::one(&condition.ids)?.to_owned();
            self.lock(condition.lock);
        }
        let headers = crate::call::Headers { if_match: entry.text_at("request.ifMatch"), ..Default::default() };
        let expect = conditions::expected(&headers)?;
        Ok(self.write(entry, &target.resource_type, id, expect, Came::Patch))
    }

    fn delete(&mut self, request: &Request<'_>, target: &Target, query: &str) -> Result<Step, Refusal> {
        let mut ids = vec![target.id.clone()];
        if target.level == Level::Type {
            let condition = conditional::look_up(request, &target.resource_type, query, conditional::MOST)?;
            if condition.ids.len() > conditional::MOST {
                let text = format!("More than {} resources match; nothing is deleted.", conditional::MOST);
                return Err(Refusal::new(Class::PreconditionFailed, text));
            }
            ids = condition.ids;
            self.lock(condition.lock);
        }
        for id in ids {
            let (resource_type, expect, method) = (target.resource_type.clone(), Expect::Any, Came::Delete);
            self.writes.push(Planned { resource_type, id, expect, method, entry: None });
        }
        Ok(Step::Deletes)
    }

    fn write(&mut self, entry: Element<'_>, resource_type: &str, id: String, expect: Expect, method: Came) -> Step {
        self.place(entry, &format!("{resource_type}/{id}"));
        let (resource_type, entry) = (resource_type.to_owned(), entry.get("resource").map(|resource| resource.id()));
        self.writes.push(Planned { resource_type, id, expect, method, entry });
        Step::Write(self.writes.len() - 1)
    }

    fn place(&mut self, entry: Element<'_>, name: &str) {
        if let Some(url) = entry.text_at("fullUrl") {
            self.places.insert(url.to_owned(), name.to_owned());
            // A relative link to an entry of a server is completed by that server's base.
            if url.starts_with("http")
                && let Some(relative) = last_two(url)
            {
                self.places.entry(relative.to_owned()).or_insert_with(|| name.to_owned());
            }
        }
    }

    fn lock(&mut self, lock: Lock) {
        if !self.locks.iter().any(|known| known.key == lock.key) {
            self.locks.push(lock);
        }
    }

    /// Leads every link of the Bundle to its resource.
    fn link(&mut self, request: &Request<'_>, tree: &mut Tree) -> Result<(), Refusal> {
        let view = request.service.store().view(None).map_err(Refusal::fault)?;
        let mut changes: Vec<(ElementId, String)> = Vec::new();
        for element in tree.root().descendants() {
            let Some(text) = element.text() else {
                continue;
            };
            if element.name() == "div" {
                changes.extend(self.linked_narrative(text).map(|text| (element.id(), text)));
            } else if let Some(place) = self.place_of(text) {
                if is_link(element, request.shapes()) {
                    changes.push((element.id(), place));
                }
            } else if element.name() == "reference" && is_conditional(text) {
                changes.push((element.id(), self.conditional_reference(request, &view, text)?));
            }
        }
        for (id, text) in changes {
            tree.edit_at(id).set_value(text.as_str());
        }
        Ok(())
    }

    fn place_of(&self, text: &str) -> Option<String> {
        if let Some(place) = self.places.get(text) {
            return Some(place.clone());
        }
        let (url, fragment) = text.split_once('#')?;
        self.places.get(url).map(|place| format!("{place}#{fragment}"))
    }

    /// The narrative with the links of its `href` and `src` led to their resources; `None` where none is to be led.
    /// In one pass: a Bundle may have as many narratives as links.
    fn linked_narrative(&self, text: &str) -> Option<String> {
        let (mut linked, mut rest, mut is_changed) = (String::with_capacity(text.len()), text, false);
        while let Some(at) = rest.find("=\"urn:") {
            let (before, after) = rest.split_at(at + 2);
            linked.push_str(before);
            let url = after.split('"').next().unwrap_or_default();
            let is_link = before.ends_with("href=\"") || before.ends_with("src=\"");
            let place = self.places.get(url).filter(|_| is_link);
            is_changed |= place.is_some();
            linked.push_str(place.map_or(url, String::as_str));
            rest = after.get(url.len()..).unwrap_or_default();
        }
        linked.push_str(rest);
        is_changed.then_some(linked)
    }

    /// The resource of `Practitioner?identifier=…`.
    fn conditional_reference(&mut self, request: &Request<'_>, view: &View, text: &str) -> Result<String, Refusal> {
        if let Some(known) = self.places.get(text) {
            return Ok(known.clone());
        }
        let name = conditional::referred(request, view, text)?;
        self.places.insert(text.to_owned(), name.clone());
        Ok(name)
    }

    fn drafts(&self, request: &Request<'_>, tree: &Tree) -> Result<Vec<Draft>, Refusal> {
        let mut drafts = Vec::with_capacity(self.writes.len());
        for (number, planned) in self.writes.iter().enumerate() {
            let content = match (planned.entry, planned.method) {
                (_, Came::Delete) => None,
                (Some(entry), Came::Patch) => {
                    let draft = planned.patched(request, tree.element(entry));
                    drafts.push(draft.map_err(|refusal| named(refusal, number))?);
                    continue;
                }
                (Some(entry), _) => {
                    let resource = Tree::from_element(tree.element(entry));
                    let checked = checked::check(request.service, request.call.now, resource, &planned.resource_type);
                    Some(checked.map_err(|refusal| named(refusal, number))?)
                }
                (None, _) => {
                    let text = format!("The entry for {} has no resource.", planned.resource_type);
                    return Err(Refusal::new(Class::Malformed, text));
                }
            };
            drafts.push(Draft {
                resource_type: planned.resource_type.clone(),
                id: planned.id.clone(),
                expect: planned.expect,
                method: planned.method,
                content,
                exact: false,
                unless_same: false,
            });
        }
        Ok(drafts)
    }
}

/// Whether an element is of a type that can hold a link: <http://hl7.org/fhir/R4/http.html#trules>.
fn is_link(element: Element<'_>, shapes: &dyn Shapes) -> bool {
    if matches!(element.name(), "fullUrl") || element.parent().is_some_and(|parent| parent.name() == "request") {
        return false;
    }
    element.name() == "reference" || matches!(shapes.type_name(element.type_in(shapes)), "uri" | "url" | "oid" | "uuid")
}

/// `Patient/1` of `http://server/fhir/Patient/1`.
fn last_two(url: &str) -> Option<&str> {
    let (before, _) = url.rsplit_once('/')?;
    let (base, _) = before.rsplit_once('/')?;
    url.get(base.len() + 1..)
}

fn named(mut refusal: Refusal, number: usize) -> Refusal {
    for issue in &mut refusal.issues {
        let inside = issue.path.split_once('.').map(|(_, rest)| format!(".resource.{rest}")).unwrap_or_default();
        issue.path = format!("Bundle.entry[{number}]{inside}");
    }
    refusal
}

fn written(request: &Request<'_>, stored: Option<&Stored>) -> Answer {
    let Some(stored) = stored else {
        return request.service.refuse(Refusal::fault("a write without outcome"));
    };
    let status = if stored.effect == Effect::Created { 201 } else { 200 };
    let mut answer = Answer::empty(status);
    let wants = request.call.headers.prefer.is_some_and(|prefer| prefer.contains("return=representation"));
    if wants {
        answer.body = stored.release(&request.permit);
    }
    answer.location = Some(format!("{}/{}/_history/{}", stored.resource_type, stored.id, stored.version));
    answer.etag = Some(etag(stored.version));
    answer.last_modified = Some(stored.instant);
    answer
}

fn existing(request: &Request<'_>, name: &str) -> Answer {
    let (resource_type, id) = name.split_once('/').unwrap_or((name, ""));
    let version = request.service.store().view(None).ok().and_then(|view| view.read(resource_type, id).ok().flatten());
    let mut answer = Answer::empty(200);
    if let Some(version) = version {
        answer.location = Some(format!("{name}/_history/{}", version.version));
        answer.etag = Some(etag(version.version));
        answer.last_modified = Some(model::Instant(version.instant.0));
    }
    answer
}

/// Whether a reference is a search: `Practitioner?identifier=…`.
fn is_conditional(reference: &str) -> bool {
    reference.split_once('?').is_some_and(|(name, _)| crate::checked::RESOURCE_TYPES.binary_search(&name).is_ok())
}
