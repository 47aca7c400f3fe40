//! The one function by which anything is stored: single writes, batch entries, conversions and imports.

use std::sync::Arc;

use access::{Item, Permit, Released};
use model::{Instant, Tree};
use storage::{CommitError, Content, Effect, Expect, Found, Method, Transaction, Write};

use crate::checked::Checked;
use crate::held::Submitted;
use crate::refusal::{Class, Refusal};
use crate::request::Request;
use crate::service::Service;
use crate::{compartment, effect, rules, stored_text};

/// One resource to be written.
#[derive(Debug)]
pub struct Draft {
    /// Its type.
    pub resource_type: String,
    /// The id that it is stored under.
    pub id: String,
    /// What must hold before.
    pub expect: Expect,
    /// How the version comes to be.
    pub method: Method,
    /// The new content; `None` deletes.
    pub content: Option<Checked>,
    /// Whether it is a document that is read exactly as it is stored, without version and time in `meta`: its hash stands
    /// in a DocumentReference.
    pub exact: bool,
    /// Whether content that is there already makes no new version.
    pub unless_same: bool,
}

impl Draft {
    /// A new resource under a new id.
    pub fn create(id: String, content: Checked) -> Draft {
        let resource_type = content.resource().resource_type().unwrap_or_default().to_owned();
        let (expect, method) = (Expect::Never, Method::Create);
        Draft { resource_type, id, expect, method, content: Some(content), exact: false, unless_same: false }
    }

    /// The deletion of a resource, where it is there.
    pub fn delete(resource_type: &str, id: String) -> Draft {
        let (resource_type, expect, method) = (resource_type.to_owned(), Expect::Any, Method::Delete);
        Draft { resource_type, id, expect, method, content: None, exact: false, unless_same: false }
    }
}

/// A draft with what the effects put beside it.
pub struct Planned {
    /// The draft.
    pub draft: Draft,
    /// Keys of the index under which the resource is found.
    pub index: Vec<Vec<u8>>,
}

/// What is being planned of one commit: one draft after the other.
#[derive(Default)]
pub struct Plan {
    /// The draft, and what effects add behind it.
    pub writes: Vec<Planned>,
    /// Events of the log.
    pub events: Vec<Vec<u8>>,
    /// What gives the keys, to all drafts the same: held until the commit is done, so that `$reindex` knows when all write by the parameters now in force.
    pub indexed_by: Option<Arc<search::Index>>,
}

/// A row of the store that a commit requires unchanged, and changes: of those who read it before, one can commit.
#[derive(Clone, Debug)]
pub struct Lock {
    /// Its key.
    pub key: Vec<u8>,
    /// Its value when it was read.
    pub before: Option<Vec<u8>>,
}

/// A resource that is durable and visible.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its type.
    pub resource_type: String,
    /// Its id.
    pub id: String,
    /// The version now current; 0 where there is none and never was.
    pub version: u64,
    /// When it was stored.
    pub instant: Instant,
    /// What happened.
    pub effect: Effect,
    text: Option<(Arc<Vec<u8>>, u64)>,
}

impl Stored {
    /// Its text as a read would give it; `None` for a deletion, and where the permit hides it.
    pub fn release(&self, permit: &Permit) -> Option<Released> {
        let (body, mark) = self.text.as_ref()?;
        let item = Item { resource_type: &self.resource_type, id: &self.id, version: self.version };
        permit.release(item, stored_text::decode(body, *mark, self.version, self.instant))
    }
}

/// Whether what was stored is told again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Texts {
    /// [`Stored::release`] gives it.
    Kept,
    /// It does not: many texts are not held until all are stored.
    Dropped,
}

/// Stores all drafts in one commit, durable when it returns; nothing of it is stored where it fails.
///
/// # Errors
/// [`Class::PreconditionFailed`] where what a draft expects does not hold, [`Class::Busy`] where others were faster again
/// and again, [`Class::Fault`] where the engine failed.
pub fn commit(service: &Service, permit: &Permit, now: Instant, drafts: Vec<Draft>) -> Result<Vec<Stored>, Refusal> {
    commit_locked(service, permit, now, drafts, Vec::new())
}

/// The same, where it depends on locks.
///
/// # Errors
/// As [`commit`]; [`Class::Busy`] where a lock was changed since it was read.
pub fn commit_locked(
    service: &Service,
    permit: &Permit,
    now: Instant,
    drafts: Vec<Draft>,
    locks: Vec<Lock>,
) -> Result<Vec<Stored>, Refusal> {
    commit_each(service, permit, now, drafts.into_iter().map(Ok), locks, Texts::Kept)
}

/// The same of drafts that are made one after the other: the tree of each is gone before the next one comes. Where one cannot
/// be made, nothing is stored.
///
/// # Errors
/// As [`commit_locked`], and what a draft was refused with.
pub(crate) fn commit_each(
    service: &Service,
    permit: &Permit,
    now: Instant,
    drafts: impl Iterator<Item = Result<Draft, Refusal>>,
    locks: Vec<Lock>,
    texts: Texts,
) -> Result<Vec<Stored>, Refusal> {
    let (stored, pending) = submit(service, permit, now, drafts, locks, texts)?;
    pending.map_or(Ok(()), Submitted::wait).map_err(Refusal::fault)?;
    Ok(stored)
}

/// The same for a request that has nothing more to do than to tell of it: the answer is held until it is durable.
///
/// # Errors
/// As [`commit_each`].
pub(crate) fn commit_each_last(
    request: &Request<'_>,
    drafts: impl Iterator<Item = Result<Draft, Refusal>>,
    locks: Vec<Lock>,
    texts: Texts,
) -> Result<Vec<Stored>, Refusal> {
    let (stored, pending) = submit(request.service, &request.permit, request.call.now, drafts, locks, texts)?;
    if let Some(pending) = pending {
        request.later.put(pending);
    }
    Ok(stored)
}

/// The same of drafts that are there.
///
/// # Errors
/// As [`commit_locked`].
pub(crate) fn commit_last(request: &Request<'_>, drafts: Vec<Draft>, locks: Vec<Lock>) -> Result<Vec<Stored>, Refusal> {
    commit_each_last(request, drafts.into_iter().map(Ok), locks, Texts::Kept)
}

/// Gives all drafts their place in the order of commits; they are neither durable nor visible before the second is waited
/// for, if there is one.
fn submit(
    service: &Service,
    _permit: &Permit,
    now: Instant,
    drafts: impl Iterator<Item = Result<Draft, Refusal>>,
    locks: Vec<Lock>,
    texts: Texts,
) -> Result<(Vec<Stored>, Option<Submitted>), Refusal> {
    let mut transaction = Transaction::new(storage::Instant(now.0));
    for lock in locks {
        let times = lock.before.as_deref().and_then(|row| row.try_into().ok()).map_or(0, u64::from_be_bytes);
        transaction.require_state(lock.key.clone(), lock.before);
        transaction.set_state(lock.key, Some((times + 1).to_be_bytes().to_vec()));
    }
    let mut plan = Plan::default();
    let (mut stored, mut rules) = (Vec::new(), Vec::new());
    for draft in drafts {
        plan.writes.push(Planned { draft: draft?, index: Vec::new() });
        for effect in effect::EFFECTS {
            (effect.run)(service, &mut plan)?;
        }
        for planned in plan.writes.drain(..) {
            rules.push(rule(&planned.draft));
            stored.push(add(service, &mut transaction, planned, texts)?);
        }
    }
    for event in plan.events {
        transaction.event(event);
    }
    let (committed, pending) = service.store().submit(transaction).map_err(|error| refused(error, &stored))?;
    let pending = Submitted { pending, indexed_by: plan.indexed_by };
    for (stored, outcome) in stored.iter_mut().zip(committed.outcomes) {
        stored.version = outcome.version;
        stored.effect = outcome.effect;
        stored.instant = Instant(committed.instant.0);
    }
    // What is changed was in force before, perhaps under another url: only what is new is added to the rules.
    let changed = rules.into_iter().zip(&stored).filter(|(_, stored)| stored.effect != Effect::Unchanged);
    let rules: Vec<Option<Tree>> =
        changed.filter_map(|(rule, stored)| Some(rule?.filter(|_| stored.effect == Effect::Created))).collect();
    if rules.is_empty() {
        return Ok((stored, Some(pending)));
    }
    // Rules are in force when they are durable.
    pending.wait().map_err(Refusal::fault)?;
    service.learn(committed.t, rules);
    Ok((stored, None))
}

/// The resource of a draft that changes the rules; `None` inside for a deletion.
fn rule(draft: &Draft) -> Option<Option<Tree>> {
    let is_rule = rules::TYPES.contains(&draft.resource_type.as_str());
    is_rule.then(|| draft.content.as_ref().map(|content| Tree::from_element(content.resource())))
}

fn add(service: &Service, transaction: &mut Transaction, planned: Planned, texts: Texts) -> Result<Stored, Refusal> {
    let Planned { draft, index } = planned;
    let bucket = match &draft.content {
        Some(content) => compartment::bucket(content.resource(), &draft.id),
        None => storage::Bucket::of_no_patient(&draft.resource_type, &draft.id),
    };
    let text = draft.content.map(|content| match draft.exact {
        true => (Arc::new(stored_text::encode_exact(content.into_tree(), &draft.id)), stored_text::EXACT),
        false => {
            let (body, mark) = stored_text::encode(content.into_tree(), &draft.id);
            (Arc::new(body), mark)
        }
    });
    let content = text.clone().map(|(body, mark)| Content { body, mark, index });
    let write = Write {
        type_name: draft.resource_type.clone(),
        id: draft.id.clone(),
        bucket,
        expect: draft.expect,
        method: draft.method,
        content,
        unless_same: draft.unless_same,
    };
    let text = text.filter(|_| texts == Texts::Kept);
    let (resource_type, id) = (draft.resource_type, draft.id);
    let stored = Stored { resource_type, id, version: 0, instant: Instant(0), effect: Effect::Unchanged, text };
    let packed = service.store().pack(write).map_err(|error| refused(error, std::slice::from_ref(&stored)))?;
    transaction.packed(packed);
    Ok(stored)
}

fn refused(error: CommitError, stored: &[Stored]) -> Refusal {
    match error {
        CommitError::Conflict { write, found, .. } => {
            let name = stored.get(write).map(|stored| format!("{}/{}", stored.resource_type, stored.id));
            let found = match found {
                Found::Never => "is not there".to_owned(),
                Found::Live(version) => format!("is there in version {version}"),
                Found::Deleted(version) => format!("was deleted by version {version}"),
            };
            let text = format!("The condition does not hold: {} {found}.", name.unwrap_or_default());
            Refusal::new(Class::PreconditionFailed, text)
        }
        CommitError::Unacceptable { write, reason } => {
            let name = stored.get(write).map(|stored| format!("{}/{}", stored.resource_type, stored.id));
            Refusal::new(Class::Unprocessable, format!("{}: {reason}.", name.unwrap_or_default()))
        }
        CommitError::GuardChanged { .. } | CommitError::StateChanged { .. } | CommitError::Busy => {
            Refusal::new(Class::Busy, "Other writers were faster; try again.")
        }
        CommitError::Engine(error) => Refusal::fault(error),
    }
}
