//! Links from page to page: the place where the next page begins stands in the link, signed, with the `t` of the first page.
//!
//! A changed link, or one of another request, is refused. The form of the token is that of [`search::Continuation`].

use search::Continuation;
use storage::{Transaction, View, ViewError};

use crate::query::{Query, encode};
use crate::refusal::{Class, Refusal};
use crate::request::Request;

/// The parameter that carries the place of the next page.
pub(crate) const PARAMETER: &str = "_page";
/// The row of the store that holds the secret which signs links.
const SECRET: &[u8] = b"search/secret";
/// What decides nothing about the content of pages.
const FORMS: [&str; 3] = ["_format", "_pretty", "_explain"];

/// All parameters but the place.
pub(crate) fn without(query: &Query) -> Vec<(String, String)> {
    query.pairs().iter().filter(|(name, _)| name != PARAMETER).cloned().collect()
}

/// The place that a request begins at; `None`: at the first page.
///
/// # Errors
/// [`Class::Malformed`] where the link was not made by this server for these parameters.
pub(crate) fn read(request: &Request<'_>, query: &Query) -> Result<Option<Continuation>, Refusal> {
    let Some(token) = query.first(PARAMETER) else { return Ok(None) };
    let found = Continuation::decode(token, &secret(request)?, &signed(request, &without(query)));
    found.map(Some).map_err(|error| Refusal::new(Class::Malformed, format!("{PARAMETER}: {error}.")))
}

/// The token of a place, for a request with these parameters.
///
/// # Errors
/// [`Class::Fault`] where the store fails.
pub(crate) fn write(request: &Request<'_>, next: &Continuation, pairs: &[(String, String)]) -> Result<String, Refusal> {
    Ok(next.encode(&secret(request)?, &signed(request, pairs)))
}

/// The URL of a request with these parameters, at a place.
pub(crate) fn url<'p>(
    request: &Request<'_>,
    pairs: impl Iterator<Item = &'p (String, String)>,
    page: Option<&'p str>,
) -> String {
    let path = request.call.path.trim_end_matches("_search").trim_matches('/');
    let mut url = request.call.base.to_owned();
    if !path.is_empty() {
        url.push('/');
        url.push_str(path);
    }
    let pairs = pairs.map(|(name, value)| (name.as_str(), value.as_str()));
    for (number, (name, value)) in pairs.chain(page.map(|page| (PARAMETER, page))).enumerate() {
        url.push(if number == 0 { '?' } else { '&' });
        url.push_str(&format!("{}={}", encode(name, ":"), encode(value, ":/,|$")));
    }
    url
}

/// The store as of a page's `t`; `None`: now.
///
/// # Errors
/// [`Class::Gone`] where the store no longer knows that `t`.
pub(crate) fn view(request: &Request<'_>, t: Option<storage::T>) -> Result<View, Refusal> {
    request.service.store().view(t).map_err(|error| match error {
        ViewError::Engine(error) => Refusal::fault(error),
        ViewError::Future { .. } => Refusal::new(Class::Malformed, "The link was not made by this server."),
        ViewError::Forgotten { .. } => Refusal::new(Class::Gone, "The link is too old; begin again."),
    })
}

/// The whole request, as far as it decides about what is on its pages.
fn signed(request: &Request<'_>, pairs: &[(String, String)]) -> String {
    let mut text =
        request.call.path.trim_end_matches("/_search").trim_end_matches("_search").trim_matches('/').to_owned();
    for (name, value) in pairs.iter().filter(|(name, _)| !FORMS.contains(&name.as_str())) {
        text.push_str(&format!("&{}={}", encode(name, ""), encode(value, "")));
    }
    text
}

/// The secret that signs links: made once per store, so that every process over it reads every link.
fn secret(request: &Request<'_>) -> Result<Vec<u8>, Refusal> {
    let store = request.service.store();
    let known = || -> Result<Option<Vec<u8>>, Refusal> {
        let view = store.view(None).map_err(Refusal::fault)?;
        Ok(view.state(SECRET).map_err(Refusal::fault)?.map(|secret| secret.to_vec()))
    };
    if let Some(secret) = known()? {
        return Ok(secret);
    }
    let fresh = format!("{}{}", request.call.ids.next(request.call.now), request.call.ids.next(request.call.now));
    let mut transaction = Transaction::new(storage::Instant(request.call.now.0));
    transaction.require_state(SECRET, None).set_state(SECRET, Some(fresh.into_bytes()));
    match store.commit(transaction) {
        // Where another request was faster, its secret counts.
        Ok(_) | Err(storage::CommitError::StateChanged { .. }) => {}
        Err(error) => return Err(Refusal::fault(error)),
    }
    known()?.ok_or_else(|| Refusal::fault("the secret of links was not kept"))
}
