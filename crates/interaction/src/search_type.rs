//! Search of a type, of the whole system, of a compartment: <http://hl7.org/fhir/R4/http.html#search>.
//!
//! `GET [base]/Patient?…`, `POST [base]/Patient/_search`, `GET [base]?_type=…`, `GET [base]/Patient/1/Observation?…`. What a
//! parameter means is decided in the crate `search`; here are links, pages and the Bundle.

use access::{Item, Permit};
use model::{Instant, Issue, IssueType};
use search::{Hit, Limits, QueryError, Search, SearchError, Sight, Summary};
use storage::View;

use crate::answer::Answer;
use crate::bundle::{Beside, BundleText};
use crate::media::Media;
use crate::query::Query;
use crate::refusal::{Class, Refusal};
use crate::request::Request;
use crate::service::Service;
use crate::subset::Subset;
use crate::target::Level;
use crate::{page, render, stored_text};

/// Records as a permit shows them.
struct Permitted<'p>(&'p Permit);

impl Sight for Permitted<'_> {
    fn sees(&self, type_name: &str, id: &str, version: u64) -> bool {
        self.0.sees(Item { resource_type: type_name, id, version })
    }

    fn sees_all(&self) -> bool {
        self.0.sees_all()
    }
}

/// Answers with a searchset.
pub(crate) fn run(request: &Request<'_>) -> Result<Answer, Refusal> {
    let parameters = parameters(request)?;
    let own = parameters.first(page::PARAMETER);
    let mut pairs = page::without(&parameters);
    let after = page::read(request, &parameters)?;
    let view = page::view(request, after.as_ref().map(|after| after.t))?;
    let sight = Permitted(&request.permit);
    let index = request.service.rules().index;
    let settings = request.service.settings();
    let (types, compartment) = scope(request)?;
    if compartment.is_none() {
        crate::broad::check_search(request.service, &types, &pairs)?;
    }
    let search = Search {
        index: &index,
        view: &view,
        now: request.call.now,
        sight: &sight,
        limits: Limits { page: settings.page, longest_page: settings.longest_page, ..Limits::default() },
        types,
        compartment,
        lenient: false,
    };
    // What is ignored is as if it had not been there: neither in the links nor in what they are signed for.
    let ignored = if request.is_lenient() { understood(&search, &mut pairs)? } else { Vec::new() };
    let (query, errors) = search::Query::parse(&pairs);
    let found = search.run(&query, errors, after).map_err(refused)?;
    let updated = view.instant().map_or(request.call.now, |instant| Instant(instant.0));
    let mut links = vec![("self", page::url(request, pairs.iter(), own))];
    if let Some(next) = &found.next {
        let token = page::write(request, next, &pairs)?;
        links.push(("next", page::url(request, pairs.iter(), Some(&token))));
    }
    let mut bundle = BundleText::new("searchset", updated, found.total, &links);
    let subset = Subset::of(query.summary, &query.elements, request);
    for (hits, mode) in [(&found.matches, "match"), (&found.included, "include")] {
        for hit in hits {
            add(request, hit, mode, &subset, &mut bundle)?;
        }
    }
    outcome(&found, &ignored, query.explain, &mut bundle);
    // What is posted may name the form too.
    let media = Media::asked(&parameters, request.call.headers.accept)?;
    let body = request.permit.release_made(bundle.finish());
    let body = render::stored(body, &media, request.shapes())?;
    Ok(Answer::with_body(200, media.content_type(), body))
}

/// A query without what is about the form of an answer.
fn without_form(query: &Query) -> (search::Query, Vec<search::QueryError>) {
    let pairs: Vec<(String, String)> =
        query.pairs().iter().filter(|(name, _)| !matches!(name.as_str(), "_format" | "_pretty")).cloned().collect();
    search::Query::parse(&pairs)
}

/// The live resources of a type that meet a query as it stands in a URL or a header (`If-None-Exist`): id and version, at most
/// `most` and one. For conditional interactions: what is not understood is refused, never ignored.
///
/// # Errors
/// [`Class::Malformed`] where a parameter is not understood, or none limits the search; [`Class::Fault`].
pub(crate) fn matches(
    request: &Request<'_>,
    view: &View,
    resource_type: &str,
    query: &Query,
    most: usize,
) -> Result<Vec<(String, u64)>, Refusal> {
    let (mut parsed, errors) = without_form(query);
    if parsed.clauses.is_empty() {
        return Err(Refusal::new(Class::Malformed, "The condition has no search parameter."));
    }
    parsed.sort.clear();
    chosen(request, view, resource_type, (parsed, errors), most)
}

/// The live resources of a type that meet a query, in the order that it asks for: id and version, at most `most` and one.
///
/// # Errors
/// [`Class::Malformed`] where a parameter is not understood; [`Class::Fault`].
pub(crate) fn sorted(
    request: &Request<'_>,
    view: &View,
    resource_type: &str,
    query: &Query,
    most: usize,
) -> Result<Vec<(String, u64)>, Refusal> {
    chosen(request, view, resource_type, without_form(query), most)
}

/// Who searches, where there is no request.
pub(crate) struct By<'b> {
    pub(crate) service: &'b Service,
    pub(crate) permit: &'b Permit,
    pub(crate) now: Instant,
}

/// As [`sorted`].
///
/// # Errors
/// As [`sorted`].
pub(crate) fn sorted_by(
    by: &By<'_>,
    view: &View,
    resource_type: &str,
    query: &Query,
    most: usize,
) -> Result<Vec<(String, u64)>, Refusal> {
    chosen_by(by, view, resource_type, search::Query::parse(query.pairs()), most)
}

fn chosen(
    request: &Request<'_>,
    view: &View,
    resource_type: &str,
    parsed: (search::Query, Vec<search::QueryError>),
    most: usize,
) -> Result<Vec<(String, u64)>, Refusal> {
    let by = By { service: request.service, permit: &request.permit, now: request.call.now };
    chosen_by(&by, view, resource_type, parsed, most)
}

fn chosen_by(
    by: &By<'_>,
    view: &View,
    resource_type: &str,
    (mut parsed, errors): (search::Query, Vec<search::QueryError>),
    most: usize,
) -> Result<Vec<(String, u64)>, Refusal> {
    parsed.count = Some(most + 1);
    let sight = Permitted(by.permit);
    let index = by.service.rules().index;
    let search = Search {
        index: &index,
        view,
        now: by.now,
        sight: &sight,
        limits: Limits { longest_page: most + 1, ..Limits::default() },
        types: vec![resource_type.to_owned()],
        compartment: None,
        lenient: false,
    };
    let found = search.run(&parsed, errors, None).map_err(refused)?;
    Ok(found.matches.into_iter().map(|hit| (hit.identity.id, hit.version.version)).collect())
}

/// Leaves the parameters that are understood, and returns what is wrong with the others. Of the keys of a `_sort` and the types of a
/// `_type` each is looked at by itself.
fn understood(search: &Search<'_>, pairs: &mut Vec<(String, String)>) -> Result<Vec<QueryError>, Refusal> {
    let faults = |pairs: &[(String, String)]| {
        let (query, errors) = search::Query::parse(pairs);
        search.faults(&query, errors).map_err(refused)
    };
    if faults(pairs)?.is_empty() {
        return Ok(Vec::new());
    }
    let is_type = |pair: &&(String, String)| pair.0 == "_type";
    let (mut kept, mut ignored) = (Vec::new(), Vec::new());
    // What the others mean depends on the types that are searched.
    for (name, value) in pairs.iter().filter(is_type).chain(pairs.iter().filter(|pair| !is_type(pair))) {
        let items: Vec<&str> = match name.as_str() {
            "_sort" | "_type" => value.split(',').collect(),
            _ => vec![value],
        };
        let mut understood = Vec::new();
        for item in items {
            let mut tried: Vec<(String, String)> = kept.iter().filter(|pair| is_type(pair)).cloned().collect();
            tried.push((name.clone(), item.to_owned()));
            match faults(&tried)? {
                found if found.is_empty() => understood.push(item),
                found => ignored.extend(found),
            }
        }
        if !understood.is_empty() {
            kept.push((name.clone(), understood.join(",")));
        }
    }
    *pairs = kept;
    Ok(ignored)
}

/// Those of the URL and, with `POST`, those of the form in the body.
fn parameters(request: &Request<'_>) -> Result<Query, Refusal> {
    let query = request.query.clone();
    if request.call.body.is_empty() {
        return Ok(query);
    }
    let content_type = request.call.headers.content_type.unwrap_or("application/x-www-form-urlencoded");
    if !content_type.trim_start().to_ascii_lowercase().starts_with("application/x-www-form-urlencoded") {
        let text = "A search is posted as application/x-www-form-urlencoded.";
        return Err(Refusal::new(Class::UnsupportedMediaType, text));
    }
    let body = std::str::from_utf8(request.call.body);
    let body = body.map_err(|_| Refusal::new(Class::Malformed, "The body is not UTF-8."))?;
    Ok(query.and(Query::parse(body.trim())))
}

/// Type and id of the resource that a compartment is of.
type Of = (String, String);

/// The types to search, and the compartment.
///
/// # Errors
/// [`Class::NotSupported`] where there is no such compartment, or nothing of the type can be in it: none found would say that there is
/// none.
fn scope(request: &Request<'_>) -> Result<(Vec<String>, Option<Of>), Refusal> {
    let target = &request.target;
    let of = target.resource_type.as_str();
    Ok(match target.level {
        Level::System | Level::Version => (Vec::new(), None),
        Level::Type => (vec![of.to_owned()], None),
        Level::Instance => {
            let word = target.word.trim_end_matches("/_search");
            let no = |text: String| Refusal::new(Class::NotSupported, text);
            let definition = request.catalog.compartment(of);
            let definition = definition.ok_or_else(|| no(format!("There is no compartment of {of}.")))?;
            if word != "*" && word != of && definition.parameters(word).is_empty() {
                return Err(no(format!("Nothing of type {word} is in the compartment of {of}.")));
            }
            let types = if word == "*" { Vec::new() } else { vec![word.to_owned()] };
            (types, Some((of.to_owned(), target.id.clone())))
        }
    })
}

fn refused(error: SearchError) -> Refusal {
    match error {
        SearchError::Query(errors) => {
            Refusal::of(Class::Malformed, errors.iter().map(search::QueryError::issue).collect())
        }
        SearchError::Engine(error) => Refusal::fault(error),
    }
}

fn add(
    request: &Request<'_>,
    hit: &Hit,
    mode: &str,
    subset: &Subset<'_>,
    bundle: &mut BundleText,
) -> Result<(), Refusal> {
    let version = &hit.version;
    let item = Item { resource_type: &hit.identity.type_name, id: &hit.identity.id, version: version.version };
    let Some(body) = version.body().map_err(Refusal::fault)? else { return Ok(()) };
    let text = stored_text::decode(&body, version.mark, version.version, Instant(version.instant.0));
    let Some(released) = request.permit.release(item, subset.apply(text)?) else { return Ok(()) };
    let full_url = format!("{}/{}/{}", request.call.base, hit.identity.type_name, hit.identity.id);
    let beside = Beside { search_mode: Some(mode), ..Beside::default() };
    bundle.entry(Some(&full_url), Some(released.bytes()), &beside);
    Ok(())
}

/// What there is to say beside the matches: parameters ignored, includes left out, the plan.
fn outcome(found: &search::Answer, ignored: &[QueryError], explain: bool, bundle: &mut BundleText) {
    let mut issues: Vec<Issue> = Vec::new();
    for error in ignored {
        issues.push(Issue { severity: model::Severity::Warning, ..error.issue() });
    }
    if found.truncated {
        let text = "More resources would be included than one answer holds: some are left out.";
        issues.push(Issue::warning(IssueType::Incomplete, "", text));
    }
    if explain {
        let explained = &found.explained;
        let fact = |text: String| Issue::information(IssueType::Informational, "", text);
        issues.extend(explained.steps.iter().cloned().map(fact));
        let cost = format!(
            "{} index rows, {} resources, {} contents read",
            explained.rows, explained.resources, explained.bodies
        );
        issues.push(fact(cost));
    }
    if issues.is_empty() {
        return;
    }
    let tree = model::operation_outcome(&issues);
    let text = model::json::to_string(tree.root());
    bundle.entry(None, Some(text.as_bytes()), &Beside { search_mode: Some("outcome"), ..Beside::default() });
}

/// `_summary` and `_elements` of a request that is no search.
///
/// # Errors
/// [`Class::Malformed`] where they have values that are none, or ask for a count.
pub(crate) fn part(request: &Request<'_>) -> Result<search::Query, Refusal> {
    let is_part = |pair: &&(String, String)| matches!(pair.0.as_str(), "_summary" | "_elements");
    let pairs: Vec<(String, String)> = request.query.pairs().iter().filter(is_part).cloned().collect();
    let (query, errors) = search::Query::parse(&pairs);
    if !errors.is_empty() {
        return Err(refused(SearchError::Query(errors)));
    }
    match query.summary {
        Summary::Count => Err(Refusal::new(Class::Malformed, "Only a search has a count.").at("_summary")),
        _ => Ok(query),
    }
}

impl Subset<'_> {
    /// What the parameters of a search ask for.
    pub(crate) fn of<'e>(summary: Summary, elements: &'e [String], request: &'e Request<'_>) -> Subset<'e> {
        match (summary, elements) {
            (Summary::False | Summary::Count, []) => Subset::Whole,
            (Summary::False | Summary::Count, elements) => Subset::Elements(elements, &request.catalog),
            (Summary::True, _) => Subset::Summary(&request.catalog),
            (Summary::Text, _) => Subset::Text(&request.catalog),
            (Summary::Data, _) => Subset::Data,
        }
    }
}
