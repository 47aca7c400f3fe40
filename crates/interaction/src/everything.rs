//! `$everything`: <http://hl7.org/fhir/R4/patient-operation-everything.html> and that of Encounter.
//!
//! The resource itself, its compartment, then what these refer to and no patient has a part in: practitioners,
//! organizations, medications. Pages are as of the first one's `t`, of `_count` entries, or of as many as a page can hold;
//! of a link only the place is taken, each record is asked of the permit anew. Of all patients, what several of them share
//! stands on each page where one of them does, once, as what a search includes.

use std::collections::HashSet;

use access::Item;
use model::{Instant, Limits, PartialDateTime};
use search::Continuation;
use storage::{Bounds, Direction, Method, Number, Position, Scope, View};

use crate::answer::Answer;
use crate::bundle::{Beside, BundleText};
use crate::gathered::{self, Record};
use crate::query::Query;
use crate::refusal::{Class, Refusal};
use crate::request::Request;
use crate::{care_date, operation, page, render};

/// How many records are read at a time.
const CHUNK: usize = 200;
/// Types that stand for no patient: what is referred to of them belongs to everything.
const SHARED: [&str; 14] = [
    "Binary",
    "Device",
    "DeviceDefinition",
    "Endpoint",
    "HealthcareService",
    "InsurancePlan",
    "Location",
    "Medication",
    "MedicationKnowledge",
    "Organization",
    "OrganizationAffiliation",
    "Practitioner",
    "PractitionerRole",
    "Substance",
];

fn is_shared(name: &str) -> bool {
    SHARED.contains(&name)
}

/// Everything about the Patient or Encounter of the path.
pub(crate) fn instance(request: &Request<'_>) -> Result<Answer, Refusal> {
    let wanted = Wanted::of(request)?;
    let view = page::view(request, wanted.t)?;
    let mut page = Page::new(request, &view, &wanted);
    let (of, id) = (request.target.resource_type.as_str(), request.target.id.as_str());
    let version = view.read(of, id).map_err(Refusal::fault)?;
    let version =
        version.filter(|version| request.permit.sees(Item { resource_type: of, id, version: version.version }));
    match version {
        None => return Err(Refusal::new(Class::NotFound, format!("{of}/{id} is not known."))),
        Some(version) if version.is_deleted() => {
            return Err(Refusal::new(Class::Gone, format!("{of}/{id} was deleted.")));
        }
        Some(version) => {
            let next = page.add(of, id, version.number, wanted.after.1)?;
            page.next = next.map(|offset| (None, offset));
        }
    }
    page.answer()
}

/// Everything about every Patient.
pub(crate) fn of_type(request: &Request<'_>) -> Result<Answer, Refusal> {
    let wanted = Wanted::of(request)?;
    let view = page::view(request, wanted.t)?;
    let mut page = Page::new(request, &view, &wanted);
    let (mut skipped, mut offset) = (wanted.after.0, wanted.after.1);
    let from = skipped.map_or(0, |position| position.t);
    let bounds = Bounds { direction: Direction::Forward, from, ..Bounds::default() };
    for change in view.history(&Scope::Type("Patient"), bounds).map_err(Refusal::fault)? {
        let change = change.map_err(Refusal::fault)?;
        if skipped.is_some_and(|position| change.position != position) {
            continue;
        }
        skipped = None;
        let found = view.resource(change.number).map_err(Refusal::fault)?;
        // Each version comes by; the current one stands for the patient.
        let current = found.filter(|(_, version)| version.version == change.version && change.method != Method::Delete);
        let Some((identity, version)) = current else { continue };
        let item = Item { resource_type: "Patient", id: &identity.id, version: version.version };
        if !request.permit.sees(item) {
            continue;
        }
        if page.is_full() {
            page.next = Some((Some(change.position), 0));
            break;
        }
        let start = std::mem::take(&mut offset);
        if let Some(next) = page.add("Patient", &identity.id, version.number, start)? {
            page.next = Some((Some(change.position), next));
            break;
        }
    }
    page.answer()
}

/// What the caller asks for.
struct Wanted {
    query: Query,
    types: Vec<String>,
    since: Option<Instant>,
    start: i128,
    end: i128,
    count: usize,
    /// The `t` of the first page.
    t: Option<u64>,
    /// The patient and the place in its everything at which the page begins.
    after: (Option<Position>, usize),
}

const KNOWN: [&str; 6] = ["start", "end", "_since", "_type", "_count", page::PARAMETER];

impl Wanted {
    fn of(request: &Request<'_>) -> Result<Wanted, Refusal> {
        let query = operation::asked(request)?.query;
        operation::only(request, &query, &KNOWN)?;
        let wrong = |name: &str| Refusal::new(Class::Malformed, format!("{name} has a value that is none."));
        let range = |name: &str| match query.first(name) {
            None => Ok(None),
            Some(text) => PartialDateTime::parse(text).map(|date| Some(date.range(0))).ok_or_else(|| wrong(name)),
        };
        let types: Vec<String> =
            query.all("_type").flat_map(|types| types.split(',')).map(|name| name.trim().to_owned()).collect();
        if let Some(unknown) = types.iter().find(|name| !request.service.is_resource_type(name)) {
            return Err(Refusal::new(Class::Malformed, format!("{unknown} is no resource type.")));
        }
        let longest = request.service.settings().longest_page;
        let count = match query.first("_count") {
            None => longest,
            Some(text) => text.parse::<usize>().map_err(|_| wrong("_count"))?.clamp(1, longest),
        };
        let begun = page::read(request, &query)?;
        let after = match &begun {
            None => (None, 0),
            Some(begun) => place(begun).ok_or_else(|| wrong(page::PARAMETER))?,
        };
        let t = begun.map(|begun| begun.t);
        let millis = |nanos: i128| Instant(i64::try_from(nanos.div_euclid(1_000_000)).unwrap_or(i64::MAX));
        Ok(Wanted {
            types,
            since: range("_since")?.map(|(from, _)| millis(from)),
            start: range("start")?.map_or(i128::MIN, |(from, _)| from),
            end: range("end")?.map_or(i128::MAX, |(_, to)| to),
            count,
            t,
            after,
            query,
        })
    }

    fn takes(&self, record: &Record) -> Result<bool, Refusal> {
        if self.since.is_some_and(|since| record.instant < since) {
            return Ok(false);
        }
        if self.start == i128::MIN && self.end == i128::MAX {
            return Ok(true);
        }
        let tree = model::json::read(&record.text, &Limits::default());
        let tree = tree.map_err(|error| Refusal::fault(error.message))?;
        // What tells of no time, the patient above all, is part of everything.
        Ok(care_date::of(tree.root()).is_none_or(|(from, to)| to > self.start && from < self.end))
    }
}

/// A place as [`named`] wrote it.
fn place(begun: &Continuation) -> Option<(Option<Position>, usize)> {
    let parts: Vec<&str> = begun.place()?.split('.').collect();
    match parts.as_slice() {
        [offset] => Some((None, offset.parse().ok()?)),
        [t, ordinal, offset] => {
            let position = Position { t: t.parse().ok()?, ordinal: ordinal.parse().ok()? };
            Some((Some(position), offset.parse().ok()?))
        }
        _ => None,
    }
}

/// `offset`, or of several patients `t.ordinal.offset`.
fn named((position, offset): (Option<Position>, usize)) -> String {
    match position {
        Some(position) => format!("{}.{}.{offset}", position.t, position.ordinal),
        None => offset.to_string(),
    }
}

/// A page in the making.
struct Page<'p> {
    request: &'p Request<'p>,
    view: &'p View,
    wanted: &'p Wanted,
    records: Vec<(Record, &'static str)>,
    shown: HashSet<(String, String)>,
    /// Where the next page begins.
    next: Option<(Option<Position>, usize)>,
}

impl<'p> Page<'p> {
    fn new(request: &'p Request<'p>, view: &'p View, wanted: &'p Wanted) -> Page<'p> {
        Page { request, view, wanted, records: Vec::new(), shown: HashSet::new(), next: None }
    }

    fn is_full(&self) -> bool {
        self.records.len() >= self.wanted.count
    }

    /// Adds everything about one resource from a place on; the place of what no longer fits.
    fn add(&mut self, of: &str, id: &str, number: Number, offset: usize) -> Result<Option<usize>, Refusal> {
        let index = self.request.service.rules().index;
        let found = index.compartment(self.view, (of, id), &self.wanted.types).map_err(Refusal::fault)?;
        let mut numbers: Vec<Number> = Vec::new();
        if self.wanted.types.is_empty() || self.wanted.types.iter().any(|name| name == of) {
            numbers.push(number);
        }
        numbers.extend(found.into_iter().flat_map(|(_, numbers)| numbers).filter(|found| *found != number));
        let begun = self.records.len();
        let mut place = offset;
        while let Some(rest) = numbers.get(place..).filter(|rest| !rest.is_empty()) {
            let chunk = rest.get(..CHUNK.min(self.wanted.count - self.records.len()).min(rest.len())).unwrap_or(rest);
            if chunk.is_empty() {
                return Ok(Some(place));
            }
            place += chunk.len();
            let records = self.read(chunk)?;
            self.records.extend(records.into_iter().map(|record| (record, "match")));
        }
        let shared = match (offset, self.refers_beyond_its_types()) {
            (0, false) => self.shared(of, self.records.iter().skip(begun).map(|(record, _)| record))?,
            (_, beyond) => {
                let mut from = numbers.clone();
                if beyond {
                    let all = index.compartment(self.view, (of, id), &[]).map_err(Refusal::fault)?;
                    from = all.into_iter().flat_map(|(_, numbers)| numbers).chain([number]).collect();
                    from.sort_unstable();
                    from.dedup();
                }
                let all = from.chunks(CHUNK).map(|chunk| self.read(chunk)).collect::<Result<Vec<_>, _>>()?;
                self.shared(of, all.iter().flatten())?
            }
        };
        for (ordinal, record) in shared.into_iter().enumerate().skip(place.saturating_sub(numbers.len())) {
            if self.is_full() {
                return Ok(Some(numbers.len() + ordinal));
            }
            if self.shown.insert(record.name.clone()) {
                self.records.push((record, "include"));
            }
        }
        Ok(None)
    }

    /// Whether what is asked for by its type is referred to by what is not.
    fn refers_beyond_its_types(&self) -> bool {
        let types = &self.wanted.types;
        !types.is_empty()
            && (self.request.target.resource_type == "Encounter" || types.iter().any(|name| is_shared(name)))
    }

    fn read(&self, numbers: &[Number]) -> Result<Vec<Record>, Refusal> {
        let mut records = Vec::with_capacity(numbers.len());
        for (identity, version) in self.view.resources(numbers).map_err(Refusal::fault)?.into_iter().flatten() {
            if let Some(record) = gathered::of_identity(self.request, &identity, &version)?
                && self.wanted.takes(&record)?
            {
                records.push(record);
            }
        }
        Ok(records)
    }

    /// What records refer to, and what that refers to, of the types that everybody shares; what an Encounter itself refers to is of any
    /// type: its patient, its diagnoses, what it is based on.
    fn shared<'r>(&self, of: &str, records: impl Iterator<Item = &'r Record>) -> Result<Vec<Record>, Refusal> {
        let wanted = |name: &str| self.wanted.types.is_empty() || self.wanted.types.iter().any(|known| known == name);
        let mut own: HashSet<(String, String)> = HashSet::new();
        let mut known: HashSet<(String, String)> = HashSet::new();
        let mut targets: Vec<(String, String)> = Vec::new();
        for record in records {
            known.insert(record.name.clone());
            let references = gathered::references(self.request, &record.text);
            if of == "Encounter" && record.name.0 == of {
                own.extend(references.iter().cloned());
            }
            targets.extend(references);
        }
        targets.sort();
        targets.dedup();
        let mut found = Vec::new();
        while !targets.is_empty() {
            let names = std::mem::take(&mut targets).into_iter();
            for name in names.filter(|name| is_shared(&name.0) || own.contains(name)) {
                if !known.insert(name.clone()) {
                    continue;
                }
                if let Some(record) = gathered::record(self.request, self.view, &name.0, &name.1)? {
                    targets.extend(gathered::references(self.request, &record.text));
                    if wanted(&name.0) {
                        found.push(record);
                    }
                }
            }
        }
        Ok(found)
    }

    fn answer(self) -> Result<Answer, Refusal> {
        let (request, wanted) = (self.request, self.wanted);
        let updated = self.view.instant().map_or(request.call.now, |instant| Instant(instant.0));
        let whole = self.next.is_none() && wanted.after == (None, 0);
        let total = u64::try_from(self.records.len()).ok().filter(|_| whole);
        let pairs = page::without(&wanted.query);
        let mut links = vec![("self", page::url(request, pairs.iter(), wanted.query.first(page::PARAMETER)))];
        if let Some(next) = self.next {
            let token = page::write(request, &Continuation::told(self.view.t(), named(next)), &pairs)?;
            links.push(("next", page::url(request, pairs.iter(), Some(&token))));
        }
        let mut bundle = BundleText::new("searchset", updated, total, &links);
        for (record, mode) in &self.records {
            let (resource_type, id) = &record.name;
            let full_url = format!("{}/{resource_type}/{id}", request.call.base);
            let beside = Beside { search_mode: Some(mode), ..Beside::default() };
            bundle.entry(Some(&full_url), Some(&record.text), &beside);
        }
        let body = request.permit.release_made(bundle.finish());
        let body = render::stored(body, &request.media, request.shapes())?;
        Ok(Answer::with_body(200, request.media.content_type(), body))
    }
}
