//! One file of an export, made while it is read: a few hundred records at a time, as of the job's `t`.

use std::collections::{HashSet, VecDeque};

use access::{Item, Permit, Released};
use model::Instant;
use storage::{Identity, Number, Version, View, ViewError};

use super::deletions::Deletions;
use super::{Job, Whole, narrowed};
use crate::refusal::{Class, Refusal};
use crate::service::Service;
use crate::subset::Subset;
use crate::{gathered, search_type, stored_text};

/// How many records are read at a time.
const CHUNK: usize = 200;

/// What a file holds.
#[derive(Clone, Debug)]
pub(crate) enum File {
    /// The resources of a type.
    Resources(String),
    /// What was deleted.
    Deletions(Deletions),
}

/// The lines of a file that are still to come.
#[derive(Clone, Debug)]
pub struct Stream {
    job: Job,
    file: File,
    permit: Permit,
    /// The last resource, or the last patient, that was done.
    after: Option<Number>,
    /// Members of the Group, once they are read.
    members: Option<VecDeque<String>>,
    /// Found in a compartment, not yet read.
    found: VecDeque<Number>,
    /// Those that several patients have a part in.
    shared: HashSet<u64>,
    ended: bool,
}

impl Stream {
    pub(crate) fn new(job: Job, file: File, permit: Permit) -> Stream {
        let members = (!job.patients.is_empty() && job.whole != Whole::System)
            .then(|| job.patients.iter().cloned().collect::<VecDeque<_>>());
        let (found, shared) = (VecDeque::new(), HashSet::new());
        Stream { job, file, permit, after: None, members, found, shared, ended: false }
    }

    /// The next lines; `None` after the last. After an error there are no more.
    pub fn next(&mut self, service: &Service) -> Option<Result<Released, Refusal>> {
        while !self.ended {
            match self.lines(service) {
                Ok(lines) if lines.is_empty() => {}
                Ok(lines) => return Some(Ok(self.permit.release_made(lines))),
                Err(refusal) => {
                    self.ended = true;
                    return Some(Err(refusal));
                }
            }
        }
        None
    }

    fn lines(&mut self, service: &Service) -> Result<Vec<u8>, Refusal> {
        match self.file.clone() {
            File::Resources(type_name) => self.resources(service, &type_name),
            File::Deletions(mut deletions) => {
                let (lines, ended) = deletions.lines(service, &self.job, &self.permit)?;
                (self.file, self.ended) = (File::Deletions(deletions), ended);
                Ok(lines)
            }
        }
    }

    fn resources(&mut self, service: &Service, type_name: &str) -> Result<Vec<u8>, Refusal> {
        let view = view(service, self.job.t)?;
        let numbers = match self.job.whole {
            Whole::System => self.of_all(service, &view, type_name)?,
            Whole::Patients | Whole::Group(_) => self.of_patients(service, &view, type_name)?,
        };
        let found = view.resources(&numbers).map_err(Refusal::fault)?;
        let found: Vec<(Number, Identity, Version)> = numbers
            .into_iter()
            .zip(found)
            .filter_map(|(number, found)| found.map(|(identity, version)| (number, identity, version)))
            .filter(|(_, identity, version)| self.takes(identity, version))
            .collect();
        let (catalog, elements) = (service.catalog(), self.job.elements_of(type_name));
        let subset = if elements.is_empty() { Subset::Whole } else { Subset::Elements(&elements, &catalog) };
        let met = self.met(service, &view, type_name, &found)?;
        let mut lines = Vec::new();
        for (number, identity, version) in &found {
            if met.as_ref().is_some_and(|met| !met.contains(&identity.id)) {
                continue;
            }
            let Some(body) = version.body().map_err(Refusal::fault)? else { continue };
            // A record of several patients comes by with each of them.
            if self.job.whole != Whole::System && patients(&body) > 1 && !self.shared.insert(number.get()) {
                continue;
            }
            let text = stored_text::decode(&body, version.mark, version.version, Instant(version.instant.0));
            let text = subset.apply(text)?;
            let item = Item { resource_type: &identity.type_name, id: &identity.id, version: version.version };
            if let Some(released) = self.permit.release(item, text) {
                lines.extend_from_slice(released.bytes());
                lines.push(b'\n');
            }
        }
        Ok(lines)
    }

    fn takes(&self, identity: &Identity, version: &Version) -> bool {
        let item = Item { resource_type: &identity.type_name, id: &identity.id, version: version.version };
        let is_new = self.job.since.is_none_or(|since| version.instant.0 >= since.0);
        !version.is_deleted() && is_new && self.permit.sees(item)
    }

    fn of_all(&mut self, service: &Service, view: &View, type_name: &str) -> Result<Vec<Number>, Refusal> {
        let index = service.rules().index;
        let numbers = index.of_type(view, type_name, self.after, CHUNK).map_err(Refusal::fault)?;
        self.ended = numbers.len() < CHUNK;
        self.after = numbers.last().copied().or(self.after);
        Ok(numbers)
    }

    fn of_patients(&mut self, service: &Service, view: &View, type_name: &str) -> Result<Vec<Number>, Refusal> {
        let index = service.rules().index;
        if let (Whole::Group(id), None) = (&self.job.whole, &self.members) {
            self.members = Some(members(service, view, &self.permit, id)?);
        }
        while self.found.len() < CHUNK && !self.ended {
            let patients: Vec<String> = match &mut self.members {
                Some(members) => members.pop_front().into_iter().collect(),
                None => {
                    let numbers = index.of_type(view, "Patient", self.after, CHUNK).map_err(Refusal::fault)?;
                    self.after = numbers.last().copied().or(self.after);
                    let identities = view.identities(&numbers).map_err(Refusal::fault)?;
                    identities.into_iter().flatten().map(|identity| identity.id).collect()
                }
            };
            self.ended = patients.is_empty();
            for id in patients {
                let types = [type_name.to_owned()];
                let found = index.compartment(view, ("Patient", &id), &types).map_err(Refusal::fault)?;
                self.found.extend(found.into_iter().flat_map(|(_, numbers)| numbers));
            }
        }
        // What is found is read before the file ends.
        let numbers: Vec<Number> = self.found.drain(..CHUNK.min(self.found.len())).collect();
        self.ended = self.ended && self.found.is_empty();
        Ok(numbers)
    }

    /// Ids of those that meet a filter of their type; `None` where there is none.
    fn met(
        &self,
        service: &Service,
        view: &View,
        type_name: &str,
        found: &[(Number, Identity, Version)],
    ) -> Result<Option<HashSet<String>>, Refusal> {
        let mut filters = self.job.filters.iter().filter(|(name, _)| name == type_name).peekable();
        if filters.peek().is_none() || found.is_empty() {
            return Ok(None);
        }
        let ids: Vec<&str> = found.iter().map(|(_, identity, _)| &*identity.id).collect();
        let mut met = HashSet::new();
        for (_, search) in filters {
            let by = search_type::By { service, permit: &self.permit, now: self.job.begun };
            let query = narrowed(search, &ids);
            let hits = search_type::sorted_by(&by, view, type_name, &query, ids.len())?;
            met.extend(hits.into_iter().map(|(id, _)| id));
        }
        Ok(Some(met))
    }
}

/// How many patients a stored text refers to, as far as it matters: 0, 1 or 2.
fn patients(body: &[u8]) -> usize {
    let text = String::from_utf8_lossy(body);
    let mut ids = text.split("Patient/").skip(1).map(|rest| rest.split(['"', '/']).next().unwrap_or_default());
    match ids.next() {
        None => 0,
        Some(first) => 1 + usize::from(ids.any(|id| id != first)),
    }
}

/// The patients of a Group, those that are no longer in it left out.
pub(super) fn members(service: &Service, view: &View, permit: &Permit, id: &str) -> Result<VecDeque<String>, Refusal> {
    let version = view.read("Group", id).map_err(Refusal::fault)?;
    let version = version.filter(|version| permit.sees(Item { resource_type: "Group", id, version: version.version }));
    let body = version.map(|version| version.body()).transpose().map_err(Refusal::fault)?.flatten();
    let body = body.ok_or_else(|| Refusal::new(Class::NotFound, format!("Group/{id} is not known.")))?;
    let tree = model::json::read(&body, &service.settings().limits).map_err(|error| Refusal::fault(error.message))?;
    let members = tree.root().all("member").filter(|member| member.text_at("inactive") != Some("true"));
    let mut found = VecDeque::new();
    for member in members {
        let entity = member.get("entity").map(model::json::to_string).unwrap_or_default();
        found.extend(
            gathered::references_of(service, "", entity.as_bytes())
                .into_iter()
                .filter(|(name, _)| name == "Patient")
                .map(|(_, id)| id),
        );
    }
    Ok(found)
}

/// The store as of a job.
pub(crate) fn view(service: &Service, t: u64) -> Result<View, Refusal> {
    service.store().view(Some(t)).map_err(|error| match error {
        ViewError::Engine(error) => Refusal::fault(error),
        _ => Refusal::new(Class::Gone, "The export is too old; begin a new one."),
    })
}
