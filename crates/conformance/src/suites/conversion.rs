//! Conversion of a whole corpus: every file ends in a document or in a refusal that says why; nothing panics.
//!
//! A case is a file, its id the path below the corpus. It passes where it is converted into a Bundle with a report that
//! says what was done, into a prescription or dispensation that names its European profile, passes unchanged, or is refused
//! with an error in words. MyHealth@EU pivot documents of level 3 (patient summary, ePrescription, eDispensation in
//! `cda-ps` and `cda-ep`) must be converted. The counts of each folder are printed.

use std::collections::BTreeMap;
use std::path::PathBuf;

use catalog::Catalog;
use convert::{BuiltIn, Draft, Knowledge, Options, Refusal, Source, convert};
use ledger::{Ledger, Report, Tally};
use model::{Element, Instant, Severity};

use crate::documents::{Document, below, each};

/// Folders of documents as they come; the others hold suites of other kinds.
const FOLDERS: [&str; 12] = [
    "cda-ps",
    "cda-ep",
    "cda-lab",
    "cda-imaging",
    "cda-hdr",
    "cda-other",
    "hl7v2",
    "dicom",
    "eu-examples",
    "ips-bundles",
    "national-fhir",
    "pairs",
];

/// The document templates of MyHealth@EU: <https://art-decor.ehdsi.eu/>.
const PIVOT: &str = "1.3.6.1.4.1.12559.11.10.1.3.1.1.";

/// The profiles of prescriptions and dispensations: <http://hl7.eu/fhir/mpd>.
const ITEMS: &str = "http://hl7.eu/fhir/mpd/StructureDefinition/";

/// Links from an element to its words in the narrative: <http://hl7.org/fhir/R4/extension-narrativelink.html>.
const NARRATIVE_LINK: &str = "http://hl7.org/fhir/StructureDefinition/narrativeLink";

#[derive(Default)]
struct Counts {
    converted: usize,
    refused: usize,
    pivot: usize,
}

pub(super) fn run(paths: &[PathBuf]) -> Result<Report, String> {
    let [corpus] = paths else { return Err("one folder is expected".into()) };
    let ledger = Ledger::read(include_str!("../../ledgers/conversion.toml")).map_err(|error| error.to_string())?;
    let mut documents = below(corpus, &[])?;
    documents.retain(|document| is_source(&document.id));
    let catalog = Catalog::built_in();
    let outcomes = each(&documents, |document, bytes| case(document, bytes, &catalog));
    let mut tally = Tally::new(&ledger);
    let mut folders: BTreeMap<&str, Counts> = BTreeMap::new();
    for (document, outcome) in documents.iter().zip(outcomes) {
        let counts = folders.entry(document.id.split('/').next().unwrap_or_default()).or_default();
        let outcome = outcome.flatten().map(|(converted, pivot)| {
            *(if converted { &mut counts.converted } else { &mut counts.refused }) += 1;
            counts.pivot += usize::from(pivot);
        });
        tally.record(&document.id, outcome);
    }
    for (folder, Counts { converted, refused, pivot }) in folders {
        println!("  {folder:<14} {converted:>4} converted, {refused:>4} refused; {pivot} of level 3 of MyHealth@EU");
    }
    Ok(tally.finish())
}

/// Whether a file of the corpus is a document as it comes.
pub(super) fn is_source(id: &str) -> bool {
    FOLDERS.iter().any(|folder| id.split('/').next() == Some(folder))
}

/// Whether a file was converted, and whether it had to be; an error where that is wrong.
fn case(document: &Document, bytes: &[u8], catalog: &Catalog) -> Result<(bool, bool), String> {
    let knowledge = Knowledge { shapes: catalog, systems: &BuiltIn };
    let source = Source { name: Some(&document.id), ..Source::new(bytes) };
    let options = Options::at(Instant(1_767_225_600_000));
    let pivot = is_pivot_level_3(&document.id, bytes);
    match convert(&knowledge, &source, &options) {
        Ok(draft) => whole(&draft).map(|()| (true, pivot)),
        Err(refusal) if pivot => Err(format!("must be converted, and is refused: {refusal}")),
        Err(refusal) => reasoned(&refusal).map(|()| (false, false)),
    }
}

fn whole(draft: &Draft) -> Result<(), String> {
    let root = draft.document.root();
    // What already is European passes as it came, also a prescription that is one resource.
    if draft.unchanged {
        return if root.resource_type().is_some() { Ok(()) } else { Err("the document is no resource".into()) };
    }
    // A prescription or dispensation is exchanged as one resource: held against the European profile, it stays one.
    if matches!(root.resource_type(), Some("MedicationRequest" | "MedicationDispense")) {
        let mut profiles = root.every("meta.profile").into_iter().filter_map(Element::text);
        if !profiles.any(|profile| profile.starts_with(ITEMS)) {
            return Err("the item names no European profile".into());
        }
    } else if root.resource_type() != Some("Bundle") || root.get("entry").is_none() {
        return Err("the document is no Bundle with entries".into());
    }
    if draft.report.mapped.is_empty() && draft.report.issues.is_empty() {
        return Err("the report is empty".into());
    }
    if draft.format == "cda" { linked(root) } else { Ok(()) }
}

/// Each link into the narrative leads to an id that stands there.
fn linked(root: Element<'_>) -> Result<(), String> {
    for link in root.descendants().into_iter().filter(|element| element.text() == Some(NARRATIVE_LINK)) {
        let Some(target) = link.parent().and_then(|extension| extension.text_at("valueUrl")) else { continue };
        let Some((resource, id)) = target.split_once('#') else { continue };
        let holder = root.all("entry").find(|entry| entry.text_at("fullUrl") == Some(resource));
        let id = format!("id=\"{}\"", id.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;"));
        let divs = holder.into_iter().flat_map(|entry| entry.descendants()).filter(|element| element.name() == "div");
        if !divs.filter_map(Element::text).any(|div| div.contains(&id)) {
            return Err(format!("a link leads nowhere: {target}"));
        }
    }
    Ok(())
}

fn reasoned(refusal: &Refusal) -> Result<(), String> {
    let stops = |severity| matches!(severity, Severity::Error | Severity::Fatal);
    let said = refusal.issues.iter().any(|issue| stops(issue.severity) && issue.text.len() > 10);
    if said { Ok(()) } else { Err(format!("refused without a reason: {:?}", refusal.issues)) }
}

/// Level 3 has entries that a machine reads; level 1 carries a PDF.
pub(super) fn is_pivot_level_3(id: &str, bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let entry = ["<entry>", "<entry ", ":entry>", ":entry "].iter().any(|tag| text.contains(tag));
    (id.starts_with("cda-ps/") || id.starts_with("cda-ep/"))
        && text.contains("ClinicalDocument")
        && text.contains(PIVOT)
        && text.contains("structuredBody")
        && entry
}
