//! Documents on demand: put together at the moment of the request from the resources that the caller may see, and stored
//! nowhere. Each has an identifier of its own; a persistent document keeps the one it came with.
//!
//! - `GET|POST [base]/Patient/[id]/$summary`, `GET|POST [base]/Patient/$summary?identifier=system|value`: the European
//!   Patient Summary (<http://hl7.org/fhir/uv/ips/OperationDefinition/summary>). `profile` may name the European or the
//!   International Patient Summary.
//! - `GET|POST [base]/DiagnosticReport/[id]/$report`: the laboratory or imaging report of a DiagnosticReport.
//! - `GET|POST [base]/Encounter/[id]/$discharge-report`: the discharge report of a stay.
//!
//! With `Prefer: return=OperationOutcome` the account of the document comes instead of it: what it leaves out, and why.
//!
//! `language` is the BCP 47 tag for titles and narrative. A section of which nothing may be seen says that nothing is
//! available, as one of which nothing is known does: it never says that there is nothing.

use std::collections::HashSet;

use access::Item;
use convert::fhir::demand::{Demand, Material, on_demand};
use model::Tree;
use storage::{Number, View};

use crate::answer::Answer;
use crate::query::{Query, encode};
use crate::refusal::{Class, Refusal};
use crate::request::{Request, Return};
use crate::target::Level;
use crate::{body, derived, read, render, search_type, stored_text};

/// The most resources that one document is made of.
const MOST: usize = 20_000;
/// How many resources are read at once.
const PAGE: usize = 256;
/// The profiles that a summary is asked for by; it is of the European one, which is of the International one.
const SUMMARIES: [&str; 2] =
    ["http://hl7.eu/fhir/eps/StructureDefinition/", "http://hl7.org/fhir/uv/ips/StructureDefinition/"];
/// Of a stay by their `context`, though not in R4's compartment of the Encounter.
const OF_THE_STAY: [&str; 2] = ["MedicationStatement", "MedicationDispense"];
/// Of a patient, though not in R4's compartment of the Patient.
const OF_THE_PATIENT: [&str; 2] = ["Device", "Task"];
/// Of the patient and not of the stay, but told at the end of every stay.
const TOLD_AT_DISCHARGE: [&str; 2] = ["AllergyIntolerance", "Flag"];

/// The summary of a patient.
pub(crate) fn summary(request: &Request<'_>) -> Result<Answer, Refusal> {
    let parameters = parameters(request)?;
    for profile in parameters.all("profile") {
        if !SUMMARIES.iter().any(|known| profile.starts_with(known)) {
            let text = format!("A summary of the profile {profile} is not made here.");
            return Err(Refusal::new(Class::Unprocessable, text).at("profile"));
        }
    }
    if parameters.first("persist") == Some("true") {
        let text = "A summary is not stored here; post the document to keep it.";
        return Err(Refusal::new(Class::Unprocessable, text).at("persist"));
    }
    let view = view(request)?;
    let id = match request.target.level {
        Level::Type => identified(request, &view, &parameters)?,
        _ => request.target.id.clone(),
    };
    let mut found = Found::new(request, &view);
    found.first("Patient", &id)?;
    found.compartment(("Patient", &id), &[])?;
    for resource_type in OF_THE_PATIENT {
        found.naming(resource_type, &format!("patient=Patient/{id}"))?;
    }
    found.follow()?;
    answer(request, Demand::PatientSummary, &parameters, found)
}

/// The report of a DiagnosticReport.
pub(crate) fn report(request: &Request<'_>) -> Result<Answer, Refusal> {
    let parameters = parameters(request)?;
    let view = view(request)?;
    let mut found = Found::new(request, &view);
    found.first("DiagnosticReport", &request.target.id)?;
    found.follow()?;
    answer(request, Demand::Report, &parameters, found)
}

/// The discharge report of an Encounter.
pub(crate) fn discharge(request: &Request<'_>) -> Result<Answer, Refusal> {
    let parameters = parameters(request)?;
    let view = view(request)?;
    let mut found = Found::new(request, &view);
    found.first("Encounter", &request.target.id)?;
    found.compartment(("Encounter", &request.target.id), &[])?;
    for resource_type in OF_THE_STAY {
        found.naming(resource_type, &format!("context=Encounter/{}", request.target.id))?;
    }
    let stay = found.resources.first().and_then(|(_, stay)| stay.root().text_at("subject.reference"));
    let patient = stay.and_then(|reference| reference.rsplit_once("Patient/")).map(|(_, id)| id.to_owned());
    if let Some(patient) = patient.filter(|id| crate::target::is_id(id)) {
        let types: Vec<String> = TOLD_AT_DISCHARGE.iter().map(|name| (*name).to_owned()).collect();
        found.compartment(("Patient", &patient), &types)?;
    }
    found.follow()?;
    answer(request, Demand::DischargeReport, &parameters, found)
}

fn view(request: &Request<'_>) -> Result<View, Refusal> {
    request.service.store().view(None).map_err(Refusal::fault)
}

/// The parameters of the URL and those of a body of Parameters.
fn parameters(request: &Request<'_>) -> Result<Query, Refusal> {
    let query = request.query.clone();
    if request.call.body.is_empty() {
        return Ok(query);
    }
    let tree = body::resource(request.call, request.shapes(), &request.service.settings().limits)?;
    if tree.resource_type() != "Parameters" {
        return Err(Refusal::new(Class::Malformed, "The operation takes Parameters in its body."));
    }
    let mut text = String::new();
    for parameter in tree.root().all("parameter") {
        let name = parameter.text_at("name").unwrap_or_default();
        let value = parameter.children().find(|child| child.name().starts_with("value"));
        let value = value.and_then(|value| match value.text() {
            Some(text) => Some(text.to_owned()),
            None => Some(format!("{}|{}", value.text_at("system")?, value.text_at("value")?)),
        });
        if let Some(value) = value {
            text.push_str(&format!("{}={}&", encode(name, ""), encode(&value, "")));
        }
    }
    Ok(query.and(Query::parse(&text)))
}

/// The one Patient with the identifier that is asked for.
fn identified(request: &Request<'_>, view: &View, parameters: &Query) -> Result<String, Refusal> {
    let Some(identifier) = parameters.first("identifier") else {
        return Err(Refusal::new(Class::Malformed, "Say whose summary: identifier=system|value.").at("identifier"));
    };
    let query = Query::parse(&format!("identifier={}", encode(identifier, "")));
    let mut found = search_type::matches(request, view, "Patient", &query, 2)?;
    match (found.pop(), found.is_empty()) {
        (Some((id, _)), true) => Ok(id),
        (None, _) => Err(Refusal::new(Class::NotFound, "No Patient has this identifier.").at("identifier")),
        _ => Err(Refusal::new(Class::Unprocessable, "Several Patients have this identifier.").at("identifier")),
    }
}

/// The resources of a document that the caller may see, each once, as of one view.
struct Found<'a> {
    request: &'a Request<'a>,
    view: &'a View,
    seen: HashSet<(String, String)>,
    /// With the URL that each is read under.
    resources: Vec<(String, Tree)>,
}

impl<'a> Found<'a> {
    fn new(request: &'a Request<'a>, view: &'a View) -> Found<'a> {
        Found { request, view, seen: HashSet::new(), resources: Vec::new() }
    }

    /// The one that the document is of.
    fn first(&mut self, resource_type: &str, id: &str) -> Result<(), Refusal> {
        self.one(resource_type, id)?;
        match self.resources.is_empty() {
            // Says whether it is unknown, deleted or hidden, as a read does.
            true => read::current(self.request, resource_type, id).map(|_| ()),
            false => Ok(()),
        }
    }

    /// Everything in a compartment, of some types or of all.
    fn compartment(&mut self, of: (&str, &str), types: &[String]) -> Result<(), Refusal> {
        let index = self.request.service.rules().index;
        let found = index.compartment(self.view, of, types).map_err(Refusal::fault)?;
        for (_, numbers) in found {
            for page in numbers.chunks(PAGE) {
                self.page(page)?;
            }
        }
        Ok(())
    }

    /// What a search finds that no compartment holds.
    fn naming(&mut self, resource_type: &str, query: &str) -> Result<(), Refusal> {
        let query = Query::parse(query);
        for (id, _) in search_type::matches(self.request, self.view, resource_type, &query, MOST)? {
            self.one(resource_type, &id)?;
        }
        Ok(())
    }

    fn page(&mut self, numbers: &[Number]) -> Result<(), Refusal> {
        for (identity, version) in self.view.resources(numbers).map_err(Refusal::fault)?.into_iter().flatten() {
            self.add(&identity.type_name, &identity.id, &version)?;
        }
        Ok(())
    }

    /// What the resources refer to, and what that refers to; but never another patient.
    fn follow(&mut self) -> Result<(), Refusal> {
        let index = self.request.service.rules().index;
        let mut next = 0;
        while let Some((_, resource)) = self.resources.get(next) {
            for (resource_type, id) in index.targets(resource.root()) {
                let patients = self.resources.iter().any(|(_, known)| known.resource_type() == "Patient");
                if resource_type != "Patient" || !patients {
                    self.one(&resource_type, &id)?;
                }
            }
            next += 1;
        }
        Ok(())
    }

    fn one(&mut self, resource_type: &str, id: &str) -> Result<(), Refusal> {
        if self.seen.contains(&(resource_type.to_owned(), id.to_owned())) {
            return Ok(());
        }
        match self.view.read(resource_type, id).map_err(Refusal::fault)? {
            Some(version) => self.add(resource_type, id, &version),
            None => Ok(()),
        }
    }

    fn add(&mut self, resource_type: &str, id: &str, version: &storage::Version) -> Result<(), Refusal> {
        if !self.seen.insert((resource_type.to_owned(), id.to_owned())) {
            return Ok(());
        }
        let Some(text) = version.body().map_err(Refusal::fault)? else { return Ok(()) };
        let item = Item { resource_type, id, version: version.version };
        let text = stored_text::decode(&text, version.mark, version.version, model::Instant(version.instant.0));
        let Some(released) = self.request.permit.release(item, text) else { return Ok(()) };
        if self.resources.len() == MOST {
            let text =
                format!("The record has more than {MOST} resources; the document is not made of a part of them.");
            return Err(Refusal::new(Class::Unprocessable, text));
        }
        let tree = model::json::read(released.bytes(), &self.request.service.settings().limits)?;
        self.resources.push((format!("{}/{resource_type}/{id}", self.request.call.base), tree));
        Ok(())
    }
}

fn answer(request: &Request<'_>, demand: Demand, parameters: &Query, found: Found<'_>) -> Result<Answer, Refusal> {
    let now = request.call.now;
    let seed = derived::id(&[request.call.path, &request.call.ids.next(now)]);
    let material = Material { resources: found.resources, language: parameters.first("language"), seed: &seed, now };
    let made = on_demand(demand, material).map_err(|refusal| Refusal::of(Class::Unprocessable, refusal.issues))?;
    let account = request.preferred_return() == Return::OperationOutcome;
    let tree = if account { made.report.outcome() } else { made.document };
    let text = render::tree(tree.root(), &request.media, request.shapes());
    Ok(Answer::with_body(200, request.media.content_type(), request.permit.release_made(text)))
}
