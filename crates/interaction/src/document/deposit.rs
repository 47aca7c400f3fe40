//! Everything that one document puts into the store, for one commit.

use model::{Instant, PartialDateTime, Tree};
use storage::{Expect, Method};

use super::apart::{self, Places};
use super::describe::{self, Facts};
use super::patient;
use crate::checked::{Checked, check_document, part};
use crate::refusal::{Class, Refusal};
use crate::request::Request;
use crate::write::{self, Draft, Stored};
use crate::{binary, derived, stored_text};

/// The source that a document was converted from.
pub(crate) struct Original<'a> {
    /// Its media type.
    pub(crate) content_type: &'a str,
    /// Its bytes, kept as they are.
    pub(crate) bytes: &'a [u8],
}

/// How often a deposit is planned anew because another one stored the same patient or practitioner meanwhile.
const ATTEMPTS: usize = 8;

/// Stores a document: its Bundle, DocumentReference, parts, source and Provenance, in one commit. The DocumentReference
/// comes first, the Bundle second. The same document again gives the same ids, so that pushing twice makes no second one.
///
/// # Errors
/// [`Class::Unprocessable`] where it is no document, where a part cannot be stored or a Patient is named that is not there; what
/// [`write::commit`] refuses. Nothing is stored then.
pub(crate) fn deposit(
    request: &Request<'_>,
    converted: &convert::Draft,
    original: Option<&Original<'_>>,
    reference: Option<&Tree>,
) -> Result<Vec<Stored>, Refusal> {
    if converted.category.is_empty() {
        let text =
            "The source holds no document of a priority category; its resources are stored by create or transaction.";
        return Err(Refusal::new(Class::Unprocessable, text));
    }
    let mut attempt = 1;
    loop {
        let drafts = plan(request, converted, original, reference)?;
        match write::commit(request.service, &request.permit, request.call.now, drafts) {
            Err(refusal) if refusal.class == Class::PreconditionFailed && attempt < ATTEMPTS => attempt += 1,
            done => return done,
        }
    }
}

fn plan(
    request: &Request<'_>,
    converted: &convert::Draft,
    original: Option<&Original<'_>>,
    reference: Option<&Tree>,
) -> Result<Vec<Draft>, Refusal> {
    let document = &converted.document;
    let id = bundle_id(converted);
    let subject = patient::subject(request, document, reference)?;
    let patient = subject.url.as_deref().zip(subject.id.as_deref());
    let places = Places::of(document, &id, patient);
    let known = stored(request, "Provenance", &derived::id(&["Provenance of parts", &id]))?;
    let reference_id = derived::id(&["DocumentReference", &id]);
    let mut drafts = Vec::new();

    let bytes = stored_text::encode_exact(document.clone(), &id);
    let made = made(request, converted, &id, &bytes, known.as_ref())?;
    let mut described = reference.cloned().unwrap_or_else(|| Tree::new("DocumentReference"));
    let category = request
        .catalog
        .categories()
        .iter()
        .find(|category| category.class.as_ref().is_some_and(|class| *class.code == *converted.category));
    let settings = request.service.settings();
    let checks = if converted.unchanged { &settings.documents } else { &settings.conversions };
    let level = checks.level(&converted.category, request.permit.caller());
    let profile = category.filter(|_| document.root().text_at("type") == Some("document"));
    let profile = profile.map(|category| &*category.root_profile);
    let (content, issues) = check_document(request.service, request.call.now, document.clone(), profile, level)?;
    let facts = Facts {
        url: format!("{}/Bundle/{id}", request.call.base),
        bytes: &bytes,
        category_code: &converted.category,
        category,
        patient: subject.id.as_ref().map(|id| format!("Patient/{id}")),
        places: &places,
        now: made,
    };
    describe::describe(&mut described, document, &facts);
    let replaced = replaced(request, &described)?;
    drafts.push(put("DocumentReference", &reference_id, described)?);
    let mut bundle = over(&id, content);
    bundle.exact = true;
    drafts.push(bundle);
    if !issues.is_empty() {
        let outcome = model::operation_outcome(&issues);
        drafts.push(put("OperationOutcome", &derived::id(&["OperationOutcome", &id]), outcome)?);
    }
    let patient_url = subject.url.clone();
    if let (Some(id), Some(mut tree)) = (subject.id, subject.new) {
        let root = tree.root().id();
        places.redirect(&mut tree, root, patient_url.as_deref().unwrap_or_default());
        let mut draft = Draft::create(id, part(tree, "Patient")?);
        draft.expect = Expect::Absent;
        drafts.push(draft);
    }
    drafts.extend(replaced);

    let targets = add_parts(request, &mut drafts, converted, (&places, patient_url.as_deref()), known.as_ref())?;
    let source = original.map(|original| add_original(&mut drafts, &id, original)).transpose()?;
    if !converted.unchanged {
        let provenance = conversion_provenance(converted.provenance.clone(), (&id, &reference_id), source.as_deref());
        let provenance_id = derived::id(&["Provenance", &id]);
        drafts.push(put("Provenance", &provenance_id, provenance)?);
    }
    if !targets.is_empty() {
        let provenance = extraction_provenance(&targets, &reference_id, made);
        let provenance_id = derived::id(&["Provenance of parts", &id]);
        drafts.push(put("Provenance", &provenance_id, provenance)?);
    }
    Ok(drafts)
}

fn bundle_id(converted: &convert::Draft) -> String {
    let root = converted.document.root();
    let own = root.text_at("id").filter(|id| !converted.unchanged && crate::target::is_id(id));
    let identifier = root.text_at("identifier.system").zip(root.text_at("identifier.value"));
    match (own, identifier) {
        (Some(id), _) => id.to_owned(),
        (None, Some((system, value))) => derived::id(&["Bundle", system, value]),
        (None, None) => {
            let hash: String = converted.source_hash.iter().map(|byte| format!("{byte:02x}")).collect();
            derived::id(&["Bundle", &hash])
        }
    }
}

fn put(resource_type: &str, id: &str, tree: Tree) -> Result<Draft, Refusal> {
    Ok(over(id, part(tree, resource_type)?))
}

fn over(id: &str, content: Checked) -> Draft {
    let mut draft = Draft::create(id.to_owned(), content);
    draft.expect = Expect::Any;
    draft.method = Method::Update;
    draft.unless_same = true;
    draft
}

/// A resource as it is stored now; `None` where it is not there.
pub(crate) fn stored(request: &Request<'_>, resource_type: &str, id: &str) -> Result<Option<Tree>, Refusal> {
    let view = request.service.store().view(None).map_err(Refusal::fault)?;
    let version = view.read(resource_type, id).map_err(Refusal::fault)?;
    let body = version.map(|version| version.body()).transpose().map_err(Refusal::fault)?.flatten();
    Ok(body.map(|body| model::json::read(&body, &request.service.settings().limits)).transpose()?)
}

/// When these very bytes were converted first, where that document was stored: converting them again gives the same.
pub(crate) fn first_time(request: &Request<'_>, converted: &convert::Draft) -> Result<Option<Instant>, Refusal> {
    if converted.unchanged {
        return Ok(None);
    }
    let known = stored(request, "Provenance", &derived::id(&["Provenance", &bundle_id(converted)]))?;
    let hash = "entity.what.identifier.value";
    let of_these_bytes = |known: &Tree| {
        known.root().text_at(hash).is_some() && known.root().text_at(hash) == converted.provenance.root().text_at(hash)
    };
    Ok(known.filter(of_these_bytes).and_then(|known| recorded(&known)))
}

fn recorded(provenance: &Tree) -> Option<Instant> {
    let text = provenance.root().text_at("recorded")?;
    let (from, _) = PartialDateTime::parse(text)?.range(0);
    let instant = i64::try_from(from.div_euclid(1_000_000)).ok().map(Instant);
    instant.filter(|instant| instant.to_fhir() == text)
}

/// The time of the document's deposit: that of the first one, where it is there already.
fn made(
    request: &Request<'_>,
    converted: &convert::Draft,
    id: &str,
    bytes: &[u8],
    known: Option<&Tree>,
) -> Result<Instant, Refusal> {
    if !converted.unchanged {
        return Ok(recorded(&converted.provenance).unwrap_or(request.call.now));
    }
    let view = request.service.store().view(None).map_err(Refusal::fault)?;
    let version = view.read("Bundle", id).map_err(Refusal::fault)?;
    let body = version.map(|version| version.body()).transpose().map_err(Refusal::fault)?.flatten();
    let same = body.is_some_and(|body| body == bytes);
    Ok(known.filter(|_| same).and_then(recorded).unwrap_or(request.call.now))
}

/// Adds the parts; the references to those that the document is the source of, by `known` already or now.
fn add_parts(
    request: &Request<'_>,
    drafts: &mut Vec<Draft>,
    converted: &convert::Draft,
    (places, patient_url): (&Places, Option<&str>),
    known: Option<&Tree>,
) -> Result<Vec<String>, Refusal> {
    let document = &converted.document;
    let known = known.map(|known| known.root().every("target.reference")).unwrap_or_default();
    let known: Vec<&str> = known.into_iter().filter_map(model::Element::text).collect();
    let view = request.service.store().view(None).map_err(Refusal::fault)?;
    let mut targets = Vec::new();
    for part in apart::parts(document, places, patient_url) {
        let resource_type = part.resource.resource_type().to_owned();
        let name = format!("{resource_type}/{}", part.id);
        if drafts.iter().any(|draft| draft.id == part.id && draft.resource_type == resource_type) {
            continue;
        }
        if part.shared {
            let there = view.read(&resource_type, &part.id).map_err(Refusal::fault)?;
            if there.is_some_and(|version| !version.is_deleted()) {
                if known.contains(&name.as_str()) {
                    targets.push(name);
                }
                continue;
            }
        }
        let mut draft = put(&resource_type, &part.id, part.resource)?;
        if part.shared {
            draft.expect = Expect::Absent;
        }
        drafts.push(draft);
        targets.push(name);
    }
    Ok(targets)
}

fn add_original(drafts: &mut Vec<Draft>, id: &str, original: &Original<'_>) -> Result<String, Refusal> {
    let binary_id = derived::id(&["Binary", id]);
    let tree = binary::of(original.content_type, original.bytes);
    drafts.push(put("Binary", &binary_id, tree)?);
    Ok(format!("Binary/{binary_id}"))
}

/// Both the document and its DocumentReference are what became of the source: `_revinclude=Provenance:target` finds it.
fn conversion_provenance(mut provenance: Tree, (id, reference_id): (&str, &str), source: Option<&str>) -> Tree {
    let target = provenance.root().get("target").map(|target| target.id());
    if let Some(target) = target {
        provenance.edit_at(target).set("reference", format!("Bundle/{id}").as_str());
    }
    provenance.edit().item("target").set("reference", format!("DocumentReference/{reference_id}").as_str());
    let what = provenance.root().at("entity.what").map(|what| what.id());
    if let (Some(what), Some(source)) = (what, source) {
        provenance.edit_at(what).set("reference", source);
    }
    provenance
}

/// Requirement A-54: what was taken out of a document names it.
fn extraction_provenance(targets: &[String], reference_id: &str, now: Instant) -> Tree {
    let mut tree = Tree::new("Provenance");
    let mut root = tree.edit();
    for target in targets {
        root.item("target").set("reference", target.as_str());
    }
    root.set("recorded", now.to_fhir().as_str());
    let mut agent = root.item("agent");
    let system = "http://terminology.hl7.org/CodeSystem/provenance-participant-type";
    agent.object("type").item("coding").set("system", system).set("code", "assembler");
    agent.object("who").set("display", concat!("Passerelle ", env!("CARGO_PKG_VERSION")));
    let mut entity = root.item("entity");
    entity.set("role", "source");
    entity.object("what").set("reference", format!("DocumentReference/{reference_id}").as_str());
    tree
}

/// Requirement A-36: a DocumentReference that is replaced is superseded, in the same commit.
pub(crate) fn replaced(request: &Request<'_>, reference: &Tree) -> Result<Vec<Draft>, Refusal> {
    let mut drafts = Vec::new();
    for relation in reference.root().all("relatesTo") {
        let target = relation.text_at("target.reference").unwrap_or_default();
        if relation.text_at("code") != Some("replaces") {
            continue;
        }
        let Some(id) = target.rsplit_once("DocumentReference/").map(|(_, id)| id) else {
            continue;
        };
        let view = request.service.store().view(None).map_err(Refusal::fault)?;
        let version = view.read("DocumentReference", id).map_err(Refusal::fault)?;
        let body = match &version {
            Some(version) => version.body().map_err(Refusal::fault)?,
            None => None,
        };
        let (Some(version), Some(body)) = (version, body) else {
            let text = format!("The document to replace, {target}, is not known.");
            return Err(Refusal::new(Class::Unprocessable, text).at("DocumentReference.relatesTo.target"));
        };
        let mut tree = model::json::read(&body, &request.service.settings().limits)?;
        tree.edit().set("status", "superseded");
        let mut draft = put("DocumentReference", id, tree)?;
        draft.expect = Expect::Version(version.version);
        drafts.push(draft);
    }
    Ok(drafts)
}
