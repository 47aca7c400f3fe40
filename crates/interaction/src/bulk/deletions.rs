//! What was deleted since `_since`: a line is a Bundle of type transaction with a deletion each, as the specification of Bulk Data
//! wants it. What was stored anew afterwards is not deleted.
//!
//! Of patients and groups: the deletions of what referred to one of the patients when it was last there.

use std::collections::HashSet;

use access::{Item, Permit};
use storage::{Bounds, Direction, Identity, Method, Position, Scope, View};

use super::{Job, Whole, stream};
use crate::bundle::{Beside, BundleText};
use crate::gathered;
use crate::refusal::Refusal;
use crate::service::Service;

/// How many changes are read at a time.
const CHUNK: usize = 1_000;

/// The deletions that are still to come.
#[derive(Clone, Debug)]
pub(crate) struct Deletions {
    /// The last change that was looked at.
    after: Option<Position>,
    /// The patients that count, once they are read; `None`: all.
    patients: Option<Option<HashSet<String>>>,
}

impl Deletions {
    /// All of a job.
    pub(crate) fn new() -> Deletions {
        Deletions { after: None, patients: None }
    }

    /// The next lines, and whether they are the last.
    pub(crate) fn lines(&mut self, service: &Service, job: &Job, permit: &Permit) -> Result<(Vec<u8>, bool), Refusal> {
        let Some(since) = job.since else { return Ok((Vec::new(), true)) };
        let view = stream::view(service, job.t)?;
        let from = view.t_at(storage::Instant(since.0.saturating_sub(1))).map_err(Refusal::fault)? + 1;
        let bounds = Bounds { from, after: self.after, direction: Direction::Forward, ..Bounds::default() };
        let mut lines = Vec::new();
        let mut read = 0;
        for change in view.history(&Scope::System, bounds).map_err(Refusal::fault)? {
            if read == CHUNK {
                return Ok((lines, false));
            }
            let change = change.map_err(Refusal::fault)?;
            (read, self.after) = (read + 1, Some(change.position));
            if change.method != Method::Delete {
                continue;
            }
            let Some(identity) = view.identity(change.number).map_err(Refusal::fault)? else { continue };
            let item = Item { resource_type: &identity.type_name, id: &identity.id, version: change.version };
            let wanted = job.types.is_empty() || job.types.iter().any(|name| **name == *identity.type_name);
            if wanted
                && permit.sees(item)
                && is_last(&view, &identity, change.version)?
                && self.concerns(service, &view, job, permit, &identity, change.version)?
            {
                let mut bundle = BundleText::new("transaction", job.begun, None, &[]);
                let url = format!("{}/{}", identity.type_name, identity.id);
                bundle.entry(None, None, &Beside { request: Some(("DELETE", &url)), ..Beside::default() });
                lines.extend_from_slice(&bundle.finish());
                lines.push(b'\n');
            }
        }
        Ok((lines, true))
    }

    /// Whether the export is about what was deleted.
    fn concerns(
        &mut self,
        service: &Service,
        view: &View,
        job: &Job,
        permit: &Permit,
        identity: &Identity,
        version: u64,
    ) -> Result<bool, Refusal> {
        if job.whole == Whole::System {
            return Ok(true);
        }
        let known = match self.patients.take() {
            Some(known) => known,
            None => match &job.whole {
                _ if !job.patients.is_empty() => Some(job.patients.iter().cloned().collect()),
                Whole::Group(id) => Some(stream::members(service, view, permit, id)?.into_iter().collect()),
                _ => None,
            },
        };
        let counts = |id: &str| known.as_ref().is_none_or(|known| known.contains(id));
        let concerns = match &*identity.type_name {
            "Patient" => counts(&identity.id),
            of => {
                let before = view.vread(of, &identity.id, version.saturating_sub(1)).map_err(Refusal::fault)?;
                let body = before.map(|before| before.body()).transpose().map_err(Refusal::fault)?.flatten();
                let named = gathered::references_of(service, "", &body.unwrap_or_default());
                named.iter().any(|(name, id)| name == "Patient" && counts(id))
            }
        };
        self.patients = Some(known);
        Ok(concerns)
    }
}

/// Whether a deletion is what holds.
fn is_last(view: &View, identity: &Identity, version: u64) -> Result<bool, Refusal> {
    let current = view.read(&identity.type_name, &identity.id).map_err(Refusal::fault)?;
    Ok(current.is_some_and(|current| current.version == version && current.is_deleted()))
}
