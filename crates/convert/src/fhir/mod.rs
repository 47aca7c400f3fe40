//! FHIR R4 in JSON and XML: what already is European passes unharmed, an International Patient Summary becomes a European
//! one, prescriptions and dispensations become items of the European profiles, collections, transactions and search
//! results become the document that they hold. What is covered stands in `README.md`.

pub(crate) mod compose;
pub mod demand;
mod items;
mod kind;
mod links;
pub(crate) mod pool;
mod recognise;
mod summary;
mod version;

use model::{Issue, IssueType, Severity, SyntaxError, Tree, json, xml};

use crate::{Draft, Format, Knowledge, Options, Refusal, Report, Source, identity, provenance};
use compose::Order;
use pool::Pool;
use recognise::{Recognised, Way};

/// The row of the table of formats.
pub(crate) const FORMAT: Format = Format { name: "fhir", title: "FHIR R4 (JSON, XML)", sniff, convert };

fn sniff(bytes: &[u8], _: Option<&str>) -> bool {
    let head = crate::encoding::head(bytes);
    let head = head.trim_start_matches('\u{feff}').trim_start();
    if head.starts_with('{') {
        return head.contains("\"resourceType\"") || bytes.len() > head.len();
    }
    head.starts_with('<') && head.contains("http://hl7.org/fhir\"") | head.contains("http://hl7.org/fhir'")
}

fn convert(knowledge: &Knowledge<'_>, source: &Source<'_>, options: &Options) -> Result<Draft, Refusal> {
    let mut tree = read(knowledge, source, options).map_err(|error| {
        let code = if error.limit { IssueType::TooLong } else { IssueType::Structure };
        let text = format!("The FHIR text cannot be read: {}.", error.message);
        Refusal::new(Issue::new(Severity::Fatal, code, "", text).at(Some(error.position)))
    })?;
    version::check(&tree, source.content_type).map_err(|refusal| with_defects(refusal, &tree))?;
    let Recognised { mut category, way } =
        recognise::recognise(&tree, options).map_err(|refusal| with_defects(refusal, &tree))?;
    let hash = identity::hash(source.bytes);
    let mut report = Report { mapped: Vec::new(), issues: tree.issues().to_vec() };
    let unchanged = match way {
        Way::Pass => true,
        Way::Europeanise => !summary::europeanise(&mut tree, &mut report),
        Way::Items => !items::hold(&mut tree, &mut report),
        Way::Compose => {
            let (document, of) = composed(&tree, &hash, options, &mut report)?;
            tree = document;
            category = of.to_owned();
            false
        }
    };
    if unchanged {
        report.issues.push(taken_over(&tree, &category));
    }
    let id = match tree.root().text_at("id") {
        Some(id) => id.to_owned(),
        None => identity::uuid(&hash, "Bundle"),
    };
    let provenance = provenance::provenance(&id, source, &hash, FORMAT.name, options.now);
    Ok(Draft { document: tree, category, format: FORMAT.name, report, provenance, source_hash: hash, unchanged })
}

/// What a resource that passes says of itself.
fn taken_over(tree: &Tree, category: &str) -> Issue {
    let path = tree.resource_type();
    if names_europe(tree) {
        let text = "The document names a profile of HL7 Europe: it was taken over as it came.";
        return Issue::information(IssueType::Informational, path, text);
    }
    let text = match category {
        "" => {
            "No document was made: these are resources without a record that a document of a priority category could be made of, or without their Patient. They were taken over as they came, and whether they conform to a profile of HL7 Europe is open."
        }
        _ => {
            "No profile of HL7 Europe is named: the resources were taken over as they came, and whether they conform is open."
        }
    };
    Issue::warning(IssueType::Incomplete, path, text)
}

/// The document that the resources of a Bundle make, and its category.
fn composed(
    tree: &Tree,
    hash: &[u8; 32],
    options: &Options,
    report: &mut Report,
) -> Result<(Tree, &'static str), Refusal> {
    let root = tree.root();
    let pool = Pool::of_bundle(root, hash, report);
    let patient = pool.patient().map_err(|patients| {
        let who = patients.join(", ");
        recognise::refuse(root, format!("The Bundle is about several patients ({who}); a document is about one."))
    })?;
    let goal = recognise::goal(&pool, options.category.as_deref()).map_err(|why| {
        let wanted = options.category.as_deref().unwrap_or_default();
        recognise::refuse(root, format!("No document of the category {wanted} can be made: {why}."))
    })?;
    let order = Order { goal, patient, language: None, now: options.now, seed: *hash };
    let document = compose::compose(pool, &order, report);
    Ok((document, goal.category()))
}

/// A refusal that also names what is wrong with the text.
fn with_defects(mut refusal: Refusal, tree: &Tree) -> Refusal {
    refusal.issues.extend(tree.issues().iter().cloned());
    refusal
}

fn names_europe(tree: &Tree) -> bool {
    let resources = tree.root().every("entry.resource");
    let profiles = std::iter::once(tree.root()).chain(resources).flat_map(|resource| resource.every("meta.profile"));
    profiles.filter_map(model::Element::text).any(|profile| profile.starts_with("http://hl7.eu/fhir/"))
}

fn read(knowledge: &Knowledge<'_>, source: &Source<'_>, options: &Options) -> Result<Tree, SyntaxError> {
    let start = source.bytes.iter().find(|byte| !byte.is_ascii_whitespace() && !matches!(byte, 0xef | 0xbb | 0xbf));
    match start {
        Some(b'<') => xml::read(source.bytes, knowledge.shapes, &options.limits),
        _ => json::read(source.bytes, &options.limits),
    }
}
