//! Bulk Data Export: <http://hl7.org/fhir/uv/bulkdata/STU2/export.html>.
//!
//! `$export` of the system, of all patients, of a Group. Nothing is copied: a job is one row of the store with the `t` of
//! its beginning and what was asked, so it is complete at once, survives a restart, and each of its files is made while it
//! is read, as of that `t`. `$export-status?job=…` is the place to ask and, with `DELETE`, to end it;
//! `$export-output?job=…&type=…` is a file, `$export-output?job=…&deleted=true` the file of deletions.
//!
//! It does not: `organizeOutputBy`, `includeAssociatedData`.

mod deletions;
mod stream;

use deletions::Deletions;
use stream::File;
pub use stream::Stream;

use access::Released;
use model::{Instant, PartialDateTime};
use storage::{Bounds, Direction, Scope, Transaction, View};

use crate::answer::Answer;
use crate::operation;
use crate::query::{Query, encode};
use crate::refusal::{Class, Refusal};
use crate::request::Request;

/// Where the files are.
pub(crate) const OUTPUT: &str = "$export-output";
/// The media type of the files.
const NDJSON: &str = "application/fhir+ndjson";
/// Parameters of a kick-off.
const KNOWN: [&str; 6] = ["_since", "_type", "_typeFilter", "_elements", "_outputFormat", "patient"];
/// Before the elements in the row of a job: no type of resource.
const ELEMENTS: &str = "_elements";

/// What of the store is exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Whole {
    /// Everything.
    System,
    /// The compartments of all patients.
    Patients,
    /// The compartments of the members of a Group.
    Group(String),
}

/// A job, as its row holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) whole: Whole,
    pub(crate) t: u64,
    pub(crate) begun: Instant,
    pub(crate) since: Option<Instant>,
    pub(crate) types: Vec<String>,
    /// Searches, each of a type; a resource of that type must meet one of them.
    pub(crate) filters: Vec<(String, String)>,
    /// Only these elements, `Patient.name` or of all types `name`; empty for all.
    pub(crate) elements: Vec<String>,
    /// Only these patients; empty for all.
    pub(crate) patients: Vec<String>,
    /// The URL of the kick-off.
    request: String,
}

impl Job {
    /// Lines: what, `t`, instants, types, patients, the request; then a filter each, and the elements.
    fn encode(&self) -> Vec<u8> {
        let whole = match &self.whole {
            Whole::System => "system".to_owned(),
            Whole::Patients => "patients".to_owned(),
            Whole::Group(id) => format!("group {id}"),
        };
        let since = self.since.map(|since| since.0.to_string()).unwrap_or_default();
        let (types, patients) = (self.types.join(" "), self.patients.join(" "));
        let mut lines =
            vec![whole, self.t.to_string(), self.begun.0.to_string(), since, types, patients, self.request.clone()];
        lines.extend(self.filters.iter().map(|(name, query)| format!("{name}?{query}")));
        lines.extend((!self.elements.is_empty()).then(|| format!("{ELEMENTS}?{}", self.elements.join(","))));
        lines.join("\n").into_bytes()
    }

    fn decode(row: &[u8]) -> Option<Job> {
        let mut lines = std::str::from_utf8(row).ok()?.split('\n');
        let mut next = || lines.next();
        let whole = match next()?.split_once(' ') {
            Some(("group", id)) => Whole::Group(id.to_owned()),
            Some(_) => return None,
            None => Whole::Patients,
        };
        let whole = if row.starts_with(b"system\n") { Whole::System } else { whole };
        let words = |text: &str| text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
        let (t, begun) = (next()?.parse().ok()?, Instant(next()?.parse().ok()?));
        let since = next()?.parse().ok().map(Instant);
        let (types, patients, request) = (words(next()?), words(next()?), next()?.to_owned());
        let rest = lines.filter_map(|line| line.split_once('?'));
        let (elements, filters): (Vec<_>, Vec<_>) = rest.partition(|(name, _)| *name == ELEMENTS);
        let elements = elements.iter().flat_map(|(_, names)| names.split(',')).map(str::to_owned).collect();
        let filters = filters.into_iter().map(|(name, query)| (name.to_owned(), query.to_owned())).collect();
        Some(Job { whole, t, begun, since, types, filters, elements, patients, request })
    }

    /// The elements that are asked for of a type; empty for all.
    pub(crate) fn elements_of(&self, type_name: &str) -> Vec<String> {
        let element = |name: &String| match name.split_once('.') {
            Some((of, element)) => (of == type_name).then(|| element.to_owned()),
            None => Some(name.clone()),
        };
        self.elements.iter().filter_map(element).collect()
    }

    /// The types of which there is a file.
    fn files(&self, request: &Request<'_>) -> Result<Vec<String>, Refusal> {
        let view = stream::view(request.service, self.t)?;
        let names = request.service.store().type_names();
        let mut files = Vec::new();
        for name in names.iter().map(|name| name.to_string()) {
            let wanted = self.types.is_empty() || self.types.contains(&name);
            if wanted
                && request.service.is_resource_type(&name)
                && view.count(&name).map_err(Refusal::fault)? > 0
                && self.is_changed(&view, &name)?
            {
                files.push(name);
            }
        }
        if self.whole == Whole::System {
            return Ok(files);
        }
        // Of compartments the first line shows whether there is a file: most types have none.
        let mut filled = Vec::new();
        for name in files {
            if self.has_lines(request, File::Resources(name.clone()))? {
                filled.push(name);
            }
        }
        Ok(filled)
    }

    /// Whether anything of a type was changed since the moment that is asked for.
    fn is_changed(&self, view: &View, name: &str) -> Result<bool, Refusal> {
        let Some(since) = self.since else { return Ok(true) };
        let before = storage::Instant(since.0.saturating_sub(1));
        let from = view.t_at(before).map_err(Refusal::fault)? + 1;
        let bounds = Bounds { direction: Direction::Forward, from, ..Bounds::default() };
        let mut changes = view.history(&Scope::Type(name), bounds).map_err(Refusal::fault)?;
        Ok(changes.next().transpose().map_err(Refusal::fault)?.is_some())
    }

    fn has_lines(&self, request: &Request<'_>, file: File) -> Result<bool, Refusal> {
        let mut stream = Stream::new(self.clone(), file, request.permit.clone());
        Ok(stream.next(request.service).transpose()?.is_some())
    }
}

/// `$export` of the system.
pub(crate) fn system(request: &Request<'_>) -> Result<Answer, Refusal> {
    begin(request, Whole::System)
}

/// `Patient/$export`.
pub(crate) fn patients(request: &Request<'_>) -> Result<Answer, Refusal> {
    begin(request, Whole::Patients)
}

/// `Group/[id]/$export`.
pub(crate) fn group(request: &Request<'_>) -> Result<Answer, Refusal> {
    crate::read::current(request, "Group", &request.target.id)?;
    begin(request, Whole::Group(request.target.id.clone()))
}

fn begin(request: &Request<'_>, whole: Whole) -> Result<Answer, Refusal> {
    let asked = operation::asked(request)?;
    let query = asked.query;
    let malformed = |text: String| Refusal::new(Class::Malformed, text);
    operation::only(request, &query, &KNOWN)?;
    let format = query.first("_outputFormat").unwrap_or(NDJSON).replace(' ', "+");
    if !matches!(format.as_str(), NDJSON | "application/ndjson" | "ndjson") {
        return Err(malformed(format!("_outputFormat is {NDJSON}.")));
    }
    let since = match query.first("_since") {
        None => None,
        Some(text) => {
            let since = PartialDateTime::parse(text).ok_or_else(|| malformed("_since is no instant.".to_owned()))?;
            Some(Instant(i64::try_from(since.range(0).0.div_euclid(1_000_000)).unwrap_or(i64::MAX)))
        }
    };
    let types: Vec<String> =
        query.all("_type").flat_map(|types| types.split(',')).map(|name| name.trim().to_owned()).collect();
    if let Some(unknown) = types.iter().find(|name| !request.service.is_resource_type(name)) {
        return Err(malformed(format!("_type: {unknown} is no resource type.")));
    }
    let elements = elements(request, &query)?;
    let view = request.service.store().view(None).map_err(Refusal::fault)?;
    let filters = filters(request, &view, &query)?;
    let named = asked.parameters.iter().flat_map(|tree| tree.root().all("parameter"));
    let named = named.filter(|parameter| parameter.text_at("name") == Some("patient"));
    let named = named.filter_map(|parameter| parameter.text_at("valueReference.reference")).chain(query.all("patient"));
    let patients: Vec<String> = named.filter_map(|name| name.rsplit('/').next()).map(str::to_owned).collect();
    if patients.iter().any(|id| !crate::target::is_id(id)) {
        return Err(malformed("patient is a reference to a Patient.".to_owned()));
    }
    let mark = if request.call.query.is_empty() { "" } else { "?" };
    let url = format!("{}/{}{mark}{}", request.call.base, request.call.path, request.call.query).replace('\n', "");
    let job =
        Job { whole, t: view.t(), begun: request.call.now, since, types, filters, elements, patients, request: url };
    let id = request.call.ids.next(request.call.now);
    let mut transaction = Transaction::new(storage::Instant(request.call.now.0));
    transaction.set_state(key(&id), Some(job.encode()));
    request.service.store().commit(transaction).map_err(Refusal::fault)?;
    let mut answer = Answer::empty(202);
    answer.content_location = Some(format!("{}/$export-status?job={id}", request.call.base));
    Ok(answer)
}

/// `_elements`: names of elements, the type before them where they are of one type only.
fn elements(request: &Request<'_>, query: &Query) -> Result<Vec<String>, Refusal> {
    let names = query.all(ELEMENTS).flat_map(|names| names.split(',')).map(str::trim);
    let names: Vec<String> = names.filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let fits = |name: &String| match name.split_once('.') {
        Some((of, element)) => request.service.is_resource_type(of) && is_name(element),
        None => is_name(name),
    };
    match names.iter().find(|name| !fits(name)) {
        Some(name) => Err(Refusal::new(Class::Malformed, format!("_elements: {name} is no element of a resource."))),
        None => Ok(names),
    }
}

/// `_typeFilter`: searches, each tried once so that what is not understood is refused now and not in the files.
fn filters(request: &Request<'_>, view: &storage::View, query: &Query) -> Result<Vec<(String, String)>, Refusal> {
    let mut filters = Vec::new();
    // A line of a job's row is a filter: none has a line break in it.
    let given = query.all("_typeFilter").map(|filters| filters.replace(['\n', '\r'], "")).collect::<Vec<_>>();
    for filter in given.iter().flat_map(|filters| filters.split(',')) {
        // A comma within a search is not told from one between searches: what has no type goes on with the one before.
        match filter.split_once('?').filter(|(name, _)| request.service.is_resource_type(name)) {
            Some((name, search)) => filters.push((name.to_owned(), search.to_owned())),
            None => match filters.last_mut() {
                Some((_, search)) => search.push_str(&format!(",{filter}")),
                None => {
                    return Err(Refusal::new(Class::Malformed, "_typeFilter is a search such as Patient?active=true."));
                }
            },
        }
    }
    for (name, search) in &filters {
        crate::search_type::matches(request, view, name, &Query::parse(search), 0)?;
    }
    Ok(filters)
}

fn key(id: &str) -> Vec<u8> {
    format!("export/{id}").into_bytes()
}

fn job(request: &Request<'_>) -> Result<(String, Job), Refusal> {
    let unknown = || Refusal::new(Class::NotFound, "There is no such export.");
    let id = request.query.first("job").ok_or_else(unknown)?;
    let view = request.service.store().view(None).map_err(Refusal::fault)?;
    let row = view.state(&key(id)).map_err(Refusal::fault)?;
    let job = row.and_then(|row| Job::decode(&row)).ok_or_else(unknown)?;
    Ok((id.to_owned(), job))
}

/// The manifest.
pub(crate) fn status(request: &Request<'_>) -> Result<Answer, Refusal> {
    let (id, job) = job(request)?;
    let quoted = crate::bundle::quoted;
    let files = job.files(request)?.into_iter().map(|name| {
        let url = format!("{}/$export-output?job={id}&type={name}", request.call.base);
        format!("{{\"type\":{},\"url\":{}}}", quoted(&name), quoted(&url))
    });
    let deleted = match job.since.is_some() && job.has_lines(request, File::Deletions(Deletions::new()))? {
        true => {
            let url = format!("{}/$export-output?job={id}&deleted=true", request.call.base);
            format!("{{\"type\":\"Bundle\",\"url\":{}}}", quoted(&url))
        }
        false => String::new(),
    };
    let text = format!(
        "{{\"transactionTime\":\"{}\",\"request\":{},\"requiresAccessToken\":false,\"output\":[{}],\"deleted\":[{deleted}],\"error\":[]}}",
        job.begun.to_fhir(),
        quoted(&job.request),
        files.collect::<Vec<_>>().join(",")
    );
    Ok(Answer::with_body(200, "application/json", Released::statement(text.into_bytes())))
}

/// Ends a job: its files are gone.
pub(crate) fn cancel(request: &Request<'_>) -> Result<Answer, Refusal> {
    let (id, _) = job(request)?;
    let mut transaction = Transaction::new(storage::Instant(request.call.now.0));
    transaction.set_state(key(&id), None);
    request.service.store().commit(transaction).map_err(Refusal::fault)?;
    Ok(Answer::empty(202))
}

/// A file.
pub(crate) fn output(request: &Request<'_>) -> Result<Answer, Refusal> {
    let (_, job) = job(request)?;
    let file = match (request.query.first("type"), request.query.first("deleted")) {
        (Some(name), None) if request.service.is_resource_type(name) => File::Resources(name.to_owned()),
        (None, Some("true")) => File::Deletions(Deletions::new()),
        _ => return Err(Refusal::new(Class::NotFound, "There is no such file.")),
    };
    stream::view(request.service, job.t)?;
    let mut answer = Answer::empty(200);
    answer.content_type = NDJSON.to_owned();
    answer.stream = Some(Stream::new(job, file, request.permit.clone()));
    Ok(answer)
}

/// The search that finds only some resources: a filter, and their ids.
pub(crate) fn narrowed(search: &str, ids: &[&str]) -> Query {
    Query::parse(&format!("{search}&_id={}", encode(&ids.join(","), ",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_read_as_it_was_written() {
        for whole in [Whole::System, Whole::Patients, Whole::Group("g".to_owned())] {
            let job = Job {
                whole,
                t: 7,
                begun: Instant(5),
                since: Some(Instant(3)),
                types: vec!["Patient".to_owned(), "Observation".to_owned()],
                filters: vec![("Patient".to_owned(), "name=a?b".to_owned())],
                elements: vec!["Patient.name".to_owned(), "status".to_owned()],
                patients: vec!["p".to_owned()],
                request: "http://localhost/fhir/$export".to_owned(),
            };
            assert_eq!(Job::decode(&job.encode()), Some(job));
        }
        assert_eq!(Job::decode(b"nonsense"), None);
    }
}
