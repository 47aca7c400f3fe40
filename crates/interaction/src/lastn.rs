//! `Observation/$lastn`: <http://hl7.org/fhir/R4/observation-operation-lastn.html>.
//!
//! The most recent Observations of each kind, `max` of them (1 without it). All other parameters are those of a search of
//! Observations. Two Observations are of a kind where their codes share a coding, or, without codings, the text.

use std::collections::HashMap;

use model::{Instant, Limits, Tree};

use crate::answer::Answer;
use crate::bundle::{Beside, BundleText};
use crate::gathered;
use crate::query::Query;
use crate::refusal::{Class, Refusal};
use crate::request::Request;
use crate::{broad, operation, render, search_type};

/// The most Observations that are looked at.
const MOST: usize = 20_000;
/// The most of a kind.
const LONGEST: usize = 1000;

/// Answers with a searchset, newest first within each kind.
pub(crate) fn run(request: &Request<'_>) -> Result<Answer, Refusal> {
    let asked = operation::asked(request)?.query;
    let max = match asked.first("max") {
        None => 1,
        Some(text) => {
            let number = text.parse::<usize>().ok().filter(|max| (1..=LONGEST).contains(max));
            number.ok_or_else(|| Refusal::new(Class::Malformed, format!("max is a number from 1 to {LONGEST}.")))?
        }
    };
    let query: Query = asked.pairs().iter().filter(|(name, _)| name != "max").cloned().collect();
    broad::check_search(request.service, &["Observation".to_owned()], query.pairs())?;
    let view = request.service.store().view(None).map_err(Refusal::fault)?;
    let newest = Query::parse("_sort=-date");
    let found = search_type::sorted(request, &view, "Observation", &query.clone().and(newest), MOST)?;
    if found.len() > MOST {
        return Err(Refusal::new(Class::TooLarge, format!("More than {MOST} Observations match; name a patient.")));
    }
    let mut kinds = Kinds::default();
    let mut groups: Vec<Vec<gathered::Record>> = Vec::new();
    for (id, _) in found {
        let Some(record) = gathered::record(request, &view, "Observation", &id)? else { continue };
        let tree = model::json::read(&record.text, &Limits::default());
        let kind = kinds.of(&tree.map_err(|error| Refusal::fault(error.message))?);
        if groups.len() <= kind {
            groups.resize_with(kind + 1, Vec::new);
        }
        if let Some(group) = groups.get_mut(kind).filter(|group| group.len() < max) {
            group.push(record);
        }
    }
    let updated = view.instant().map_or(request.call.now, |instant| Instant(instant.0));
    let own = match request.call.query {
        "" => format!("{}/{}", request.call.base, request.call.path),
        query => format!("{}/{}?{query}", request.call.base, request.call.path),
    };
    let total = groups.iter().map(Vec::len).sum::<usize>();
    let mut bundle = BundleText::new("searchset", updated, u64::try_from(total).ok(), &[("self", own)]);
    for record in groups.iter().flatten() {
        let full_url = format!("{}/Observation/{}", request.call.base, record.name.1);
        let beside = Beside { search_mode: Some("match"), ..Beside::default() };
        bundle.entry(Some(&full_url), Some(&record.text), &beside);
    }
    let body = request.permit.release_made(bundle.finish());
    let body = render::stored(body, &request.media, request.shapes())?;
    Ok(Answer::with_body(200, request.media.content_type(), body))
}

/// The kinds so far, by each coding that one of them has.
#[derive(Default)]
struct Kinds {
    known: HashMap<String, usize>,
    count: usize,
}

impl Kinds {
    fn of(&mut self, observation: &Tree) -> usize {
        let codings = observation.root().every("code.coding");
        let part = |coding: &model::Element<'_>, name: &str| coding.text_at(name).unwrap_or_default().to_owned();
        let mut keys: Vec<String> =
            codings.iter().map(|coding| format!("{}|{}", part(coding, "system"), part(coding, "code"))).collect();
        if keys.is_empty() {
            keys.push(observation.root().text_at("code.text").unwrap_or_default().to_owned());
        }
        let known = keys.iter().find_map(|key| self.known.get(key).copied());
        let kind = known.unwrap_or_else(|| {
            self.count += 1;
            self.count - 1
        });
        for key in keys {
            self.known.entry(key).or_insert(kind);
        }
        kind
    }
}
