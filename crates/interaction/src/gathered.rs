//! Records gathered by following references, for documents and `$everything`.

use access::Item;
use model::Instant;
use storage::{Identity, Version, View};

use crate::refusal::Refusal;
use crate::request::Request;
use crate::service::Service;
use crate::stored_text;

/// A record that the permit lets through.
pub(crate) struct Record {
    /// Type and id.
    pub(crate) name: (String, String),
    /// When it was stored.
    pub(crate) instant: Instant,
    /// Its text as a read gives it.
    pub(crate) text: Vec<u8>,
}

/// The live record of a type and id as of a view; `None` where there is none, or not for this caller.
///
/// # Errors
/// [`crate::Class::Fault`] where the store fails.
pub(crate) fn record(
    request: &Request<'_>,
    view: &View,
    resource_type: &str,
    id: &str,
) -> Result<Option<Record>, Refusal> {
    let version = view.read(resource_type, id).map_err(Refusal::fault)?;
    version.map_or(Ok(None), |version| of_version(request, resource_type, id, &version))
}

/// The same, of what the view gave by number.
///
/// # Errors
/// As [`record`].
pub(crate) fn of_identity(
    request: &Request<'_>,
    identity: &Identity,
    version: &Version,
) -> Result<Option<Record>, Refusal> {
    of_version(request, &identity.type_name, &identity.id, version)
}

fn of_version(
    request: &Request<'_>,
    resource_type: &str,
    id: &str,
    version: &Version,
) -> Result<Option<Record>, Refusal> {
    let item = Item { resource_type, id, version: version.version };
    if version.is_deleted() || !request.permit.sees(item) {
        return Ok(None);
    }
    let Some(body) = version.body().map_err(Refusal::fault)? else { return Ok(None) };
    let instant = Instant(version.instant.0);
    let text = stored_text::decode(&body, version.mark, version.version, instant);
    let released = request.permit.release(item, text);
    let name = (resource_type.to_owned(), id.to_owned());
    Ok(released.map(|released| Record { name, instant, text: released.into_bytes() }))
}

/// What a stored text refers to on this server: type and id, in the order that they stand, each once.
pub(crate) fn references(request: &Request<'_>, text: &[u8]) -> Vec<(String, String)> {
    references_of(request.service, request.call.base, text)
}

/// The same where the caller's base is not known.
pub(crate) fn references_of(service: &Service, base: &str, text: &[u8]) -> Vec<(String, String)> {
    const MARK: &str = "\"reference\":\"";
    let text = String::from_utf8_lossy(text);
    let mut found: Vec<(String, String)> = Vec::new();
    // In compact JSON these letters can stand nowhere else: a quote inside of a string is escaped.
    for rest in text.split(MARK).skip(1) {
        let reference = rest.split('"').next().unwrap_or_default();
        if let Some(name) = local(service, base, reference).filter(|name| !found.contains(name)) {
            found.push(name);
        }
    }
    found
}

/// Type and id of a reference to this server; of a version the current one.
fn local(service: &Service, base: &str, reference: &str) -> Option<(String, String)> {
    let mut bases = service.settings().bases.iter().map(String::as_str).chain([base]);
    let mut relative = reference;
    if reference.contains("://") {
        relative = bases.find_map(|base| reference.strip_prefix(base)?.strip_prefix('/'))?;
    }
    let mut parts = relative.split('/');
    let (resource_type, id) = (parts.next()?, parts.next()?);
    let whole = matches!((parts.next(), parts.next(), parts.next()), (None, _, _) | (Some("_history"), Some(_), None));
    let fits = whole && crate::target::is_id(id) && service.is_resource_type(resource_type);
    fits.then(|| (resource_type.to_owned(), id.to_owned()))
}
