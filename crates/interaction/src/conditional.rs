//! Conditional create, update and delete: <http://hl7.org/fhir/R4/http.html#ccreate>, [`cond-update`], [`3.1.0.7.1`].
//!
//! Two writers with the same condition at the same time cannot both find nothing: each condition has a row in the store
//! that the commit requires unchanged since the search and sets anew.
//!
//! [`cond-update`]: http://hl7.org/fhir/R4/http.html#cond-update
//! [`3.1.0.7.1`]: http://hl7.org/fhir/R4/http.html#3.1.0.7.1

use storage::{Expect, Method, Transaction};

use crate::answer::Answer;
use crate::checked::Checked;
use crate::query::Query;
use crate::refusal::{Class, Refusal};
use crate::request::{Request, Return};
use crate::write::{self, Draft, Lock};
use crate::{body, checked, conditions, derived, search_type, written};

/// How often a conditional write is tried anew because another one with its condition was faster.
const ATTEMPTS: usize = 16;
/// The most resources that one conditional delete removes.
pub(crate) const MOST: usize = 1000;

/// A condition that was looked up.
pub(crate) struct Condition {
    /// Ids of the live resources that meet it.
    pub(crate) ids: Vec<String>,
    /// What the commit must require.
    pub(crate) lock: Lock,
}

/// Looks a condition up: the query of a URL or of `If-None-Exist`, at most `most` resources and one.
///
/// # Errors
/// [`Class::Malformed`] where the query is not understood or limits nothing.
pub(crate) fn look_up(
    request: &Request<'_>,
    resource_type: &str,
    query: &str,
    most: usize,
) -> Result<Condition, Refusal> {
    let parsed = Query::parse(query.trim_start_matches('?'));
    let mut pairs: Vec<String> = parsed.pairs().iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.sort();
    let key = format!("condition/{}", derived::id(&[resource_type, &pairs.join("&")])).into_bytes();
    let store = request.service.store();
    // The row is read before the search: what is written between the two makes the commit fail.
    let before = store.view(None).and_then(|view| Ok(view.state(&key)?)).map_err(Refusal::fault)?;
    let before = before.map(|row| row.to_vec());
    if before.is_some() {
        // Its writer's commit may not be visible yet; behind a commit of our own it is.
        let mut behind = Transaction::new(storage::Instant(request.call.now.0));
        behind.set_state(b"condition", Some(Vec::new()));
        store.commit(behind).map_err(Refusal::fault)?;
    }
    let view = store.view(None).map_err(Refusal::fault)?;
    let found = search_type::matches(request, &view, resource_type, &parsed, most)?;
    Ok(Condition { ids: found.into_iter().map(|(id, _)| id).collect(), lock: Lock { key, before } })
}

/// Tries a conditional write until no other one with its condition comes between.
pub(crate) fn until_unchanged(mut attempt: impl FnMut() -> Result<Answer, Refusal>) -> Result<Answer, Refusal> {
    for _ in 1..ATTEMPTS {
        match attempt() {
            Err(refusal) if refusal.class == Class::Busy => {}
            done => return done,
        }
    }
    attempt()
}

/// `POST [type]` with `If-None-Exist`.
pub(crate) fn create(request: &Request<'_>, content: &Checked, query: &str) -> Result<Answer, Refusal> {
    let resource_type = &request.target.resource_type;
    until_unchanged(|| {
        let condition = look_up(request, resource_type, query, 1)?;
        match condition.ids.as_slice() {
            [] => {
                let draft = Draft::create(request.call.ids.next(request.call.now), content.clone());
                let stored = commit(request, vec![draft], condition.lock)?;
                written::answer(request, stored.first())
            }
            [id] => written::existing(request, resource_type, id),
            _ => Err(several("If-None-Exist")),
        }
    })
}

/// `PUT [type]?…`
pub(crate) fn update(request: &Request<'_>) -> Result<Answer, Refusal> {
    let (service, resource_type) = (request.service, &request.target.resource_type);
    let tree = body::resource(request.call, request.shapes(), &service.settings().limits)?;
    let own = tree.root().text_at("id").map(str::to_owned);
    let expected = conditions::expected(&request.call.headers)?;
    let content = checked::check(service, request.call.now, tree, resource_type)?;
    until_unchanged(|| {
        let condition = look_up(request, resource_type, request.call.query, 1)?;
        let (id, expect) = updated(request, &condition.ids, own.as_deref())?;
        let mut draft = Draft::create(id, content.clone());
        draft.expect = if expected == Expect::Any { expect } else { expected };
        draft.method = Method::Update;
        let stored = commit(request, vec![draft], condition.lock)?;
        written::answer(request, stored.first())
    })
}

/// The id that a conditional update writes to, and what must hold of it.
pub(crate) fn updated(request: &Request<'_>, found: &[String], own: Option<&str>) -> Result<(String, Expect), Refusal> {
    match (found, own) {
        ([], None) => Ok((request.call.ids.next(request.call.now), Expect::Never)),
        ([], Some(own)) => Ok((own.to_owned(), Expect::Absent)),
        ([id], None) => Ok((id.clone(), Expect::Present)),
        ([id], Some(own)) if id == own => Ok((id.clone(), Expect::Present)),
        ([id], Some(own)) => {
            Err(Refusal::new(Class::Malformed, format!("The condition leads to {id}, the body has the id {own}.")))
        }
        _ => Err(several("The condition")),
    }
}

/// `DELETE [type]?…`: all that meet the condition, in one commit.
pub(crate) fn delete(request: &Request<'_>) -> Result<Answer, Refusal> {
    let resource_type = &request.target.resource_type;
    until_unchanged(|| {
        let condition = look_up(request, resource_type, request.call.query, MOST)?;
        if condition.ids.len() > MOST {
            return Err(Refusal::new(
                Class::PreconditionFailed,
                format!("More than {MOST} resources match; nothing is deleted."),
            ));
        }
        let count = condition.ids.len();
        let drafts = condition.ids.into_iter().map(|id| Draft::delete(resource_type, id)).collect();
        commit(request, drafts, condition.lock)?;
        Ok(match request.preferred_return() {
            Return::OperationOutcome => written::outcome(request, 200, &format!("{count} resources are deleted.")),
            Return::Minimal | Return::Representation => Answer::empty(204),
        })
    })
}

fn commit(request: &Request<'_>, drafts: Vec<Draft>, lock: Lock) -> Result<Vec<write::Stored>, Refusal> {
    write::commit_locked(request.service, &request.permit, request.call.now, drafts, vec![lock])
}

/// The refusal where one match was wanted.
pub(crate) fn several(what: &str) -> Refusal {
    let mut refusal = Refusal::new(Class::PreconditionFailed, format!("{what} matches several resources."));
    refusal.issues.iter_mut().for_each(|issue| issue.code = model::IssueType::MultipleMatches);
    refusal
}
