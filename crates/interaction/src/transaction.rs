//! A transaction Bundle: all of it or nothing, in one commit. <http://hl7.org/fhir/R4/http.html#trules>
//!
//! In the order of the specification: DELETE, POST, PUT, then GET on what was committed. What is deleted meets no condition of the
//! others; of creates with one condition that nothing meets the first is done, and the others find it. Links between entries
//! (`urn:uuid:` or any `fullUrl`) and conditional references lead to the stored resources, wherever a link can stand.

use std::collections::HashMap;

use access::Verb;
use model::Element;
use storage::{Effect, Expect, Method as Came};

use crate::among::Among;
use crate::answer::{Answer, etag};
use crate::batch::{Parts, entry_answer};
use crate::call::Method;
use crate::conditional::{self, Condition, several};
use crate::conditions;
use crate::entries::Entries;
use crate::links::{Behind, Links};
use crate::refusal::{Class, Refusal};
use crate::request::Request;
use crate::target::{Level, Target};
use crate::write::{self, Draft, Lock, Stored, Texts};
use crate::{checked, patch, table};

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

/// Does the transaction; the answers stand in the order of the entries. Each entry is read twice: for the plan, and when all
/// know where they will be, for its content.
///
/// # Errors
/// What the first entry that fails is refused with; nothing is stored.
pub(crate) fn run(request: &Request<'_>, entries: &Entries<'_>) -> Result<Vec<Answer>, Refusal> {
    for _ in 1..ATTEMPTS {
        match attempt(request, entries) {
            Err(refusal) if refusal.class == Class::Busy => {}
            done => return done,
        }
    }
    attempt(request, entries)
}

fn attempt(request: &Request<'_>, entries: &Entries<'_>) -> Result<Vec<Answer>, Refusal> {
    let Plan { steps, writes, locks, mut links, .. } = Plan::of(request, entries)?;
    let view = request.service.store().view(None).map_err(Refusal::fault)?;
    let mut behind = Behind { request, view: &view, among: Among::new(request, entries, &writes) };
    let mut is_drafted = true;
    let drafts = writes.iter().map(|planned| {
        let draft = planned.draft(&mut behind, entries, &mut links);
        is_drafted = draft.is_ok();
        draft
    });
    // What is read behind the commit is read as of it.
    let has_reads = steps.iter().any(|(_, step)| matches!(step, Step::Read | Step::Existing(_)));
    let texts = if wants_texts(request) { Texts::Kept } else { Texts::Dropped };
    let stored = match has_reads {
        true => write::commit_each(request.service, &request.permit, request.call.now, drafts, locks, texts),
        false => write::commit_each_last(request, drafts, locks, texts),
    };
    let is_patch = |planned: &Planned| planned.method == Came::Patch && planned.expect == Expect::Any;
    let stored = stored.map_err(|refusal| match is_drafted && writes.iter().any(is_patch) {
        true => patch::again(refusal, Expect::Any),
        false => refusal,
    })?;
    let answers = steps.iter().map(|(number, step)| match step {
        Step::Write(place) => written(request, stored.get(*place)),
        Step::Existing(name) => existing(request, name),
        Step::Deletes => Answer::empty(204),
        Step::Read => match entries.read(*number) {
            Ok(bundle) => entry_answer(request, &bundle, *number),
            Err(refusal) => request.service.refuse(refusal),
        },
    });
    Ok(answers.collect())
}

/// A write that is not yet a draft: its content still has to be linked.
pub(crate) struct Planned {
    pub(crate) resource_type: String,
    pub(crate) id: String,
    expect: Expect,
    pub(crate) method: Came,
    /// The number of its entry.
    pub(crate) entry: usize,
    /// The `fullUrl` of its entry.
    full_url: Option<String>,
}

impl Planned {
    fn draft(&self, behind: &mut Behind<'_, '_>, entries: &Entries<'_>, links: &mut Links) -> Result<Draft, Refusal> {
        let request = behind.request;
        let (resource_type, id) = (self.resource_type.clone(), self.id.clone());
        if self.method == Came::Delete {
            return Ok(Draft { expect: self.expect, ..Draft::delete(&resource_type, id) });
        }
        let Some(mut resource) = entries.resource(self.entry)? else {
            let text = format!("The entry for {resource_type} has no resource.");
            return Err(named(Refusal::new(Class::Malformed, text), self.entry));
        };
        links.lead(behind, self.full_url.as_deref(), &mut resource)?;
        let named = |refusal| named(refusal, self.entry);
        if self.method == Came::Patch {
            return self.patched(behind, resource.root(), links).map_err(named);
        }
        let checked = checked::check(request.service, request.call.now, resource, &resource_type).map_err(named)?;
        let (expect, method, content) = (self.expect, self.method, Some(checked));
        Ok(Draft { resource_type, id, expect, method, content, exact: false, unless_same: false })
    }

    fn patched(&self, behind: &mut Behind<'_, '_>, resource: Element<'_>, links: &mut Links) -> Result<Draft, Refusal> {
        let (content_type, bytes) = patch::of_entry(resource)?;
        let content = patch::Content { content_type: Some(&content_type), bytes: &bytes };
        let name = (self.resource_type.as_str(), self.id.as_str());
        // What a Binary holds shows its links only when it is done.
        patch::draft_with(behind.request, name, self.expect, content, |tree| links.lead_patched(behind, tree))
    }
}

#[derive(Default)]
struct Plan {
    /// Each with the number of its entry.
    steps: Vec<(usize, Step)>,
    writes: Vec<Planned>,
    locks: Vec<Lock>,
    links: Links,
    /// What comes to be by conditions that nothing met, by the keys of their locks: method and `[type]/[id]`.
    made: HashMap<Vec<u8>, (Came, String)>,
}

impl Plan {
    /// What becomes of all entries: first those that delete, then the others.
    fn of(request: &Request<'_>, entries: &Entries<'_>) -> Result<Plan, Refusal> {
        let mut plan = Plan::default();
        let turns: &[bool] = if entries.mention_delete() { &[true, false] } else { &[false] };
        for deletes in turns {
            for number in 0..entries.len() {
                let bundle = entries.read(number)?;
                for entry in bundle.root().all("entry") {
                    if turns.len() > 1 && (entry.text_at("request.method") == Some("DELETE")) != *deletes {
                        continue;
                    }
                    let step = plan.add(request, number, entry).map_err(|refusal| named(refusal, number))?;
                    plan.steps.push((number, step));
                }
            }
        }
        plan.steps.sort_by_key(|(number, _)| *number);
        Ok(plan)
    }

    /// Looks a condition up in what the transaction leaves.
    fn look_up(&self, request: &Request<'_>, resource_type: &str, query: &str) -> Result<Condition, Refusal> {
        let deletes = |planned: &&Planned| planned.method == Came::Delete && planned.resource_type == resource_type;
        let deleted: Vec<&str> = self.writes.iter().filter(deletes).map(|planned| planned.id.as_str()).collect();
        let mut condition = conditional::look_up(request, resource_type, query, 1 + deleted.len())?;
        condition.ids.retain(|id| !deleted.contains(&id.as_str()));
        Ok(condition)
    }

    fn add(&mut self, request: &Request<'_>, number: usize, entry: Element<'_>) -> Result<Step, Refusal> {
        let parts = Parts::of(entry, request.call.base)?;
        if matches!(parts.method, Method::Get | Method::Head) {
            return Ok(Step::Read);
        }
        let target = Target::of(parts.path)?;
        // An operation that stores nothing is a read, and so is a search that is posted.
        if !target.word.is_empty() && table::find(parts.method, &target).is_ok_and(|row| row.verb != Verb::Write) {
            return Ok(Step::Read);
        }
        if !target.word.is_empty() || target.level == Level::System || target.level == Level::Version {
            return Err(Refusal::new(
                Class::NotSupported,
                "A transaction takes create, update, patch, delete, read, search, and operations that store nothing.",
            ));
        }
        if !request.service.is_resource_type(&target.resource_type) {
            return Err(Refusal::new(Class::Malformed, format!("{} is no resource type.", target.resource_type)));
        }
        match parts.method {
            Method::Post => self.create(request, (number, entry), &target),
            Method::Put => self.update(request, (number, entry), &target, parts.query),
            Method::Delete => self.delete(request, (number, entry), &target, parts.query),
            Method::Patch => self.patch(request, (number, entry), &target, parts.query),
            Method::Get | Method::Head => Ok(Step::Read),
        }
    }

    fn create(
        &mut self,
        request: &Request<'_>,
        (number, entry): (usize, Element<'_>),
        target: &Target,
    ) -> Result<Step, Refusal> {
        let mut made = None;
        if let Some(query) = entry.text_at("request.ifNoneExist") {
            let condition = self.look_up(request, &target.resource_type, query)?;
            match condition.ids.as_slice() {
                [] => match self.made.get(&condition.lock.key) {
                    None => made = Some(self.lock(condition.lock)),
                    Some((Came::Create, name)) => {
                        let name = name.clone();
                        self.links.place(entry, &name)?;
                        return Ok(Step::Existing(name));
                    }
                    Some(_) => return Err(twice()),
                },
                [id] => {
                    let name = format!("{}/{id}", target.resource_type);
                    self.links.place(entry, &name)?;
                    return Ok(Step::Existing(name));
                }
                _ => return Err(several("ifNoneExist")),
            }
        }
        let id = request.call.ids.next(request.call.now);
        self.made.extend(made.map(|key| (key, (Came::Create, format!("{}/{id}", target.resource_type)))));
        self.write((number, entry), &target.resource_type, id, Expect::Never, Came::Create)
    }

    fn update(
        &mut self,
        request: &Request<'_>,
        (number, entry): (usize, Element<'_>),
        target: &Target,
        query: &str,
    ) -> Result<Step, Refusal> {
        let own = entry.text_at("resource.id");
        let asked = expected(entry)?;
        if target.level == Level::Type {
            let condition = self.look_up(request, &target.resource_type, query)?;
            let (id, expect) = conditional::updated(request, &condition.ids, own)?;
            let key = self.lock(condition.lock);
            if condition.ids.is_empty() {
                let made = (Came::Update, format!("{}/{id}", target.resource_type));
                if self.made.insert(key, made).is_some() {
                    return Err(twice());
                }
            }
            let expect = if asked == Expect::Any { expect } else { asked };
            return self.write((number, entry), &target.resource_type, id, expect, Came::Update);
        }
        if own != Some(&target.id) {
            return Err(Refusal::new(
                Class::Malformed,
                format!("The resource's id must be that of the url, {}.", target.id),
            ));
        }
        self.write((number, entry), &target.resource_type, target.id.clone(), asked, Came::Update)
    }

    /// The patch itself is done when all links are known.
    fn patch(
        &mut self,
        request: &Request<'_>,
        (number, entry): (usize, Element<'_>),
        target: &Target,
        query: &str,
    ) -> Result<Step, Refusal> {
        let mut id = target.id.clone();
        if target.level == Level::Type {
            let condition = self.look_up(request, &target.resource_type, query)?;
            id = patch::one(&condition.ids)?.to_owned();
            self.lock(condition.lock);
        }
        self.write((number, entry), &target.resource_type, id, expected(entry)?, Came::Patch)
    }

    fn delete(
        &mut self,
        request: &Request<'_>,
        (number, entry): (usize, Element<'_>),
        target: &Target,
        query: &str,
    ) -> Result<Step, Refusal> {
        let expect = expected(entry)?;
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
            let (resource_type, method) = (target.resource_type.clone(), Came::Delete);
            self.writes.push(Planned { resource_type, id, expect, method, entry: number, full_url: None });
        }
        Ok(Step::Deletes)
    }

    fn write(
        &mut self,
        (number, entry): (usize, Element<'_>),
        resource_type: &str,
        id: String,
        expect: Expect,
        method: Came,
    ) -> Result<Step, Refusal> {
        self.links.place(entry, &format!("{resource_type}/{id}"))?;
        let full_url = entry.text_at("fullUrl").filter(|url| url.starts_with("http")).map(str::to_owned);
        let resource_type = resource_type.to_owned();
        self.writes.push(Planned { resource_type, id, expect, method, entry: number, full_url });
        Ok(Step::Write(self.writes.len() - 1))
    }

    /// Takes a lock, once; its key.
    fn lock(&mut self, lock: Lock) -> Vec<u8> {
        let key = lock.key.clone();
        if !self.locks.iter().any(|known| known.key == lock.key) {
            self.locks.push(lock);
        }
        key
    }
}

/// The refusal where two entries would make one resource.
fn twice() -> Refusal {
    let text = "Another entry has this condition, nothing meets it yet, and both would make what does.";
    Refusal::new(Class::PreconditionFailed, text)
}

/// What an entry's `ifMatch` and `ifNoneMatch` expect.
fn expected(entry: Element<'_>) -> Result<Expect, Refusal> {
    conditions::expected(&crate::call::Headers {
        if_match: entry.text_at("request.ifMatch"),
        if_none_match: entry.text_at("request.ifNoneMatch"),
        ..Default::default()
    })
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
    if wants_texts(request) {
        answer.body = stored.release(&request.permit);
    }
    answer.location = Some(format!("{}/{}/_history/{}", stored.resource_type, stored.id, stored.version));
    answer.etag = Some(etag(stored.version));
    answer.last_modified = Some(stored.instant);
    answer
}

/// Whether the answer is to hold what was stored.
fn wants_texts(request: &Request<'_>) -> bool {
    request.call.headers.prefer.is_some_and(|prefer| prefer.contains("return=representation"))
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
