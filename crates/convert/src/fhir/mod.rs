//! FHIR R4 in JSON and XML: what already is European passes unharmed, an International Patient Summary becomes a European
//! one, all else is refused by name. What is covered stands in `README.md`.

mod recognise;
mod summary;

use model::{Issue, IssueType, Severity, SyntaxError, Tree, json, xml};

use crate::{Draft, Format, Knowledge, Options, Refusal, Report, Source, identity, provenance};
use recognise::Recognised;

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
    let Recognised { category, summary } = recognise::recognise(&tree, options)?;
    let hash = identity::hash(source.bytes);
    let mut report = Report { mapped: Vec::new(), issues: tree.issues().to_vec() };
    let unchanged = match summary {
        true => !summary::europeanise(&mut tree, &mut report),
        false => true,
    };
    if unchanged {
        report.issues.push(match names_europe(&tree) {
            true => Issue::information(
                IssueType::Informational,
                tree.resource_type(),
                "The document names a profile of HL7 Europe: it was taken over as it came.",
            ),
            false => Issue::warning(
                IssueType::Incomplete,
                tree.resource_type(),
                "No profile of HL7 Europe is named: the resources were taken over as they came, and whether they conform is open.",
            ),
        });
    }
    let id = match tree.root().text_at("id") {
        Some(id) => id.to_owned(),
        None => identity::uuid(&hash, "Bundle"),
    };
    let provenance = provenance::provenance(&id, source, &hash, FORMAT.name, options.now);
    Ok(Draft { document: tree, category, format: FORMAT.name, report, provenance, source_hash: hash, unchanged })
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
