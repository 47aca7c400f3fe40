//! There and back again. `xml/PATH`: what a source becomes is the same through XML and back. `store/PATH`: what a document
//! says is said again by the document on demand (`Patient/$summary`, `DiagnosticReport/$report`, `Encounter/$discharge-report`)
//! after the store took it apart into resources, or its account names the resource that it leaves out.
//!
//! DIR is the corpus; a case is a file below it that is converted, for `store/` into a document with such an operation. Each is
//! stored alone, in memory, behind the same door as over HTTP. Compared are the facts of every resource (see
//! [`crate::facts`]) that the document on demand is about: all but ids, versions and to which id a reference leads.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use access::Caller;
use catalog::Catalog;
use convert::{BuiltIn, Knowledge, Options, Source, convert};
use interaction::{Call, Headers, Ids, Method, Service, Settings};
use ledger::{Ledger, Report, Tally};
use model::{Instant, Limits, Tree, json};
use storage::Store;

use super::identity::{Case, json_cases};
use crate::documents::{Document, below, each};
use crate::facts::{self, Fact, Targets, missing};

const BASE: &str = "https://here.example/fhir";
const NOW: Instant = Instant(1_790_000_000_000);
/// What stands in the document only, and what the server says of resources.
const OF_THE_DOCUMENT: [&str; 5] = ["Bundle", "Composition", "DocumentReference", "Provenance", "OperationOutcome"];
/// Types of which the store keeps one where they say the same.
const SHARED: [&str; 3] = ["Organization", "Practitioner", "Location"];

pub(super) fn run(paths: &[PathBuf]) -> Result<Report, String> {
    let [corpus] = paths else { return Err("one folder is expected".into()) };
    let ledger = Ledger::read(include_str!("../../ledgers/round-trips.toml")).map_err(|error| error.to_string())?;
    let mut documents = below(corpus, &[])?;
    documents.retain(|document| super::conversion::is_source(&document.id));
    let catalog = Catalog::built_in();
    let outcomes = each(&documents, |document, bytes| cases(document, bytes, &catalog));
    let mut tally = Tally::new(&ledger);
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (document, outcome) in documents.iter().zip(outcomes) {
        match outcome {
            Ok((cases, category)) => {
                for (way, case) in cases {
                    *counts.entry(format!("{way} {category}")).or_default() += 1;
                    tally.record(&format!("{way}/{}", document.id), case);
                }
            }
            Err(fault) => tally.record(&document.id, Err(fault)),
        }
    }
    for (what, count) in counts {
        println!("  {count:>5} {what}");
    }
    Ok(tally.finish())
}

fn cases(_: &Document, bytes: &[u8], catalog: &Catalog) -> (Vec<Case>, String) {
    let knowledge = Knowledge { shapes: catalog, systems: &BuiltIn };
    let Ok(draft) = convert(&knowledge, &Source::new(bytes), &Options::at(NOW)) else {
        return (Vec::new(), String::new());
    };
    let text = json::to_string(draft.document.root());
    // A source that passes with faults in its text is the business of `json-corpus`.
    let has_faults = draft.unchanged && !draft.document.issues().is_empty();
    let mut cases: Vec<Case> = match has_faults {
        true => Vec::new(),
        false => json_cases(&text, text.as_bytes(), catalog).into_iter().filter(|(way, _)| *way == "xml").collect(),
    };
    let operation = match draft.category.as_str() {
        "Patient-Summaries" => Some(("Patient", "$summary")),
        "Laboratory-Reports" | "Medical-Imaging" => Some(("DiagnosticReport", "$report")),
        "Discharge-Reports" => Some(("Encounter", "$discharge-report")),
        _ => None,
    };
    let is_document = draft.document.root().text_at("type") == Some("document");
    if let Some(operation) = operation.filter(|_| is_document)
        && let Some(case) = again(bytes, operation, catalog).transpose()
    {
        cases.push(("store", case));
    }
    (cases, draft.category)
}

/// A server in memory that counts its ids.
struct Server {
    service: Service,
    count: AtomicU64,
}

impl Ids for Server {
    fn next(&self, _: Instant) -> String {
        format!("id-{}", self.count.fetch_add(1, Ordering::Relaxed))
    }
}

impl Server {
    fn ask(&self, method: Method, target: &str, prefer: Option<&str>, body: &[u8]) -> Result<(u16, Vec<u8>), String> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let headers = Headers { prefer, ..Headers::default() };
        let caller = Caller::operator();
        let call = Call { caller: &caller, method, path, query, headers, body, base: BASE, now: NOW, ids: self };
        let answer = self.service.answer(&call);
        Ok((answer.status, answer.body.map(|body| body.bytes().to_vec()).unwrap_or_default()))
    }

    fn get(&self, target: &str, prefer: Option<&str>) -> Result<String, String> {
        let (status, body) = self.ask(Method::Get, target, prefer, b"")?;
        let text = String::from_utf8_lossy(&body).into_owned();
        let start: String = text.chars().take(300).collect();
        if status == 200 { Ok(text) } else { Err(format!("GET {target}: {status} {start}")) }
    }
}

/// Stores the source and asks for its document again; `None` where the server does not take it, or there is nothing to ask
/// the operation of.
fn again(bytes: &[u8], (kind, operation): (&str, &str), catalog: &Catalog) -> Result<Option<()>, String> {
    let store = Store::open(storage::memory::open(), storage::Options::default()).map_err(|error| error.to_string())?;
    let settings = Settings { bases: vec![BASE.to_owned()], ..Settings::default() };
    let server = Server { service: Service::new(store, catalog.clone(), settings), count: AtomicU64::new(0) };
    if server.ask(Method::Post, "$convert?store=true", None, bytes)?.0 != 201 {
        return Ok(None);
    }
    let bundle = read(&server.get("Bundle", None)?)?;
    let bundle = bundle.root().at("entry.resource").map(Tree::from_element).ok_or("no Bundle is stored")?;
    let found = read(&server.get(kind, None)?)?;
    let found: Vec<&str> = found.root().every("entry.resource.id").into_iter().filter_map(|id| id.text()).collect();
    let [id] = found.as_slice() else { return Ok(None) };
    let target = format!("{kind}/{id}/{operation}");
    let (document, account) = (server.get(&target, None)?, server.get(&target, Some("return=OperationOutcome"))?);
    let (before, _) = facts::of_text(&json::to_string(bundle.root()), &Targets::new())?;
    let (mut after, _) = facts::of_text(&document, &Targets::new())?;
    // What the account leaves out, and what only that names.
    let account = read(&account)?;
    let places = account.root().every("issue.expression");
    let mut open: Vec<String> = places.iter().filter_map(|place| place.text()).map(str::to_owned).collect();
    let mut seen: HashSet<String> = HashSet::from([format!("{kind}/{id}")]);
    while let Some(place) = open.pop() {
        let is_resource = place.split('/').count() == 2 && !place.contains(['.', ':', '#', ' ']);
        if !is_resource || !seen.insert(place.clone()) {
            continue;
        }
        if let Ok(text) = server.get(&place, None) {
            let (left_out, _) = facts::of_text(&text, &Targets::new())?;
            let named = left_out.iter().flat_map(|fact| &fact.values).filter(|(name, _)| name == "reference");
            open.extend(named.map(|(_, to)| to.clone()));
            after.extend(left_out);
        }
    }
    let before = record(&before, kind);
    let after: Vec<Fact> = after.iter().map(bare).collect();
    let lost: Vec<String> =
        missing(&before, &after).iter().map(|fact| format!("{} {:?}", fact.path, fact.values)).collect();
    match lost.as_slice() {
        [] => Ok(Some(())),
        lost => Err(format!("{} facts do not come back: {}", lost.len(), lost.get(..3).unwrap_or(lost).join("; "))),
    }
}

fn read(text: &str) -> Result<Tree, String> {
    json::read(text.as_bytes(), &Limits::default()).map_err(|error| error.to_string())
}

/// The facts of a document that one on demand is about: its Patient, DiagnosticReport or Encounter, what refers to the Patient or
/// Encounter, and what any of these names, through any number of steps.
fn record(facts: &[Fact], kind: &str) -> Vec<Fact> {
    let entry = |fact: &Fact| fact.path.split(".resource").next().unwrap_or_default().to_owned();
    let mut resources: HashMap<String, (String, String)> = HashMap::new();
    for fact in facts.iter().filter(|fact| fact.path == format!("{}.resource", entry(fact))) {
        let id = fact.values.iter().find(|(name, _)| name == "id").map(|(_, id)| id.as_str()).unwrap_or_default();
        resources.insert(entry(fact), (fact.place.clone(), format!("{}/{id}", fact.place)));
    }
    let of_document =
        |entry: &str| resources.get(entry).is_none_or(|(kind, _)| OF_THE_DOCUMENT.contains(&kind.as_str()));
    let links: Vec<(String, &str)> = facts
        .iter()
        .filter(|fact| !of_document(&entry(fact)))
        .flat_map(|fact| {
            fact.values.iter().filter(|(name, _)| name == "reference").map(|(_, to)| (entry(fact), to.as_str()))
        })
        .collect();
    let mut kept: HashSet<&str> = HashSet::new();
    for (entry, (name, label)) in &resources {
        let leads_to_head = || links.iter().any(|(from, to)| from == entry && to.starts_with(&format!("{kind}/")));
        let is_kept = match kind {
            "Patient" | "Encounter" => name == kind || leads_to_head(),
            _ => name == kind,
        };
        if is_kept && !of_document(entry) {
            kept.insert(label);
        }
    }
    // What the kept ones name, through any number of steps.
    loop {
        let more: Vec<&str> = links
            .iter()
            .filter(|(from, _)| resources.get(from).is_some_and(|(_, label)| kept.contains(label.as_str())))
            .map(|(_, to)| *to)
            .filter(|to| !kept.contains(to) && resources.iter().any(|(at, (_, label))| label == to && !of_document(at)))
            .collect();
        if more.is_empty() {
            break;
        }
        kept.extend(more);
    }
    let is_kept = |fact: &&Fact| resources.get(&entry(fact)).is_some_and(|(_, label)| kept.contains(label.as_str()));
    let mut facts: Vec<Fact> = facts.iter().filter(is_kept).map(bare).filter(|fact| !fact.values.is_empty()).collect();
    // People and organisations that say the same are stored once.
    let mut once: HashSet<(String, Vec<(String, String)>)> = HashSet::new();
    facts.retain(|fact| {
        let is_shared = SHARED.contains(&fact.place.split('.').next().unwrap_or_default());
        !is_shared || once.insert((fact.place.clone(), fact.values.clone()))
    });
    facts
}

/// A fact without what a store gives: ids, versions, the id in a reference.
fn bare(fact: &Fact) -> Fact {
    let mut values: Vec<(String, String)> = fact.values.clone();
    values.retain(|(name, _)| !matches!(name.as_str(), "id" | "versionId" | "lastUpdated"));
    for (name, value) in &mut values {
        if name == "reference" && !value.starts_with('#') {
            *value = match value.starts_with("http") {
                true => value.rsplit('/').nth(1).unwrap_or_default().to_owned(),
                false => value.split(['/', ' ']).next().unwrap_or_default().to_owned(),
            };
        }
    }
    Fact { values, ..fact.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_examples_come_back() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
        let catalog = Catalog::built_in();
        let mut count = 0;
        for document in below(&folder, &["json", "xml"]).unwrap() {
            let bytes = std::fs::read(&document.path).unwrap();
            for (way, case) in cases(&document, &bytes, &catalog).0 {
                assert_eq!(case, Ok(()), "{way}/{}", document.id);
                count += 1;
            }
        }
        assert!(count >= 9, "only {count} cases");
    }

    #[test]
    fn what_the_patient_names_comes_back_and_a_placeholder_merges_nobody() {
        let text = r#"{"resourceType":"Bundle","type":"collection","entry":[
            {"fullUrl":"urn:uuid:0000000a-0000-4000-8000-000000000001","resource":{"resourceType":"Patient","id":"p","name":[{"family":"Rossi"}],"birthDate":"1980-01-01",
             "identifier":[{"system":"urn:oid:2.999.1","value":"7"}],"generalPractitioner":[{"reference":"urn:uuid:0000000a-0000-4000-8000-000000000002"}]}},
            {"fullUrl":"urn:uuid:0000000a-0000-4000-8000-000000000002","resource":{"resourceType":"Practitioner","id":"d",
             "identifier":[{"system":"urn:oid:2.999.2","value":"UNK"}],"name":[{"family":"Bianchi"}]}},
            {"fullUrl":"urn:uuid:0000000a-0000-4000-8000-000000000003","resource":{"resourceType":"Practitioner","id":"e",
             "identifier":[{"system":"urn:oid:2.999.2","value":"UNK"}],"name":[{"family":"Verdi"}]}},
            {"fullUrl":"urn:uuid:0000000a-0000-4000-8000-000000000004","resource":{"resourceType":"Condition","id":"c","code":{"text":"Asthma"},
             "clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]},
             "subject":{"reference":"urn:uuid:0000000a-0000-4000-8000-000000000001"},"asserter":{"reference":"urn:uuid:0000000a-0000-4000-8000-000000000003"}}}]}"#;
        assert_eq!(again(text.as_bytes(), ("Patient", "$summary"), &Catalog::built_in()), Ok(Some(())));
    }
}
