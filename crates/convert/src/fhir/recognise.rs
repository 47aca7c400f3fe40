//! What a FHIR resource is in the European Health Data Space: its category, by profile or by document type, and what has to
//! be done with it.

use model::{Element, Issue, IssueType, Severity, Tree};

use super::compose::Goal;
use super::kind::{self, Kind};
use super::pool::Pool;
use crate::{Options, Refusal, category};

/// The guides of HL7 Europe, by what follows `http://hl7.eu/fhir/`, and their categories.
const GUIDES: [(&str, &str); 5] = [
    ("eps", "Patient-Summaries"),
    ("laboratory", "Laboratory-Reports"),
    ("hdr", "Discharge-Reports"),
    ("imaging", "Medical-Imaging"),
    ("imaging-manifest", "Medical-Imaging"),
];
const SUMMARY: &str = "60591-5";
/// Types that stand beside prescriptions without making them anything else.
const BESIDE_ITEMS: [&str; 9] = [
    "MedicationRequest",
    "MedicationDispense",
    "RequestGroup",
    "List",
    "CareTeam",
    "Composition",
    "DocumentReference",
    "Communication",
    "CarePlan",
];
/// Types that stand beside a laboratory or imaging report without making the collection anything else.
const BESIDE_REPORT: [&str; 10] = [
    "DiagnosticReport",
    "Observation",
    "Specimen",
    "ServiceRequest",
    "BodyStructure",
    "Media",
    "ImagingStudy",
    "Procedure",
    "Encounter",
    "DocumentReference",
];

/// What is done with a resource whose category is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It is taken over as it came.
    Pass,
    /// It is a patient summary that may lack what the European one asks for.
    Europeanise,
    /// Its prescriptions and dispensations are held against the European profiles.
    Items,
    /// A document is made of it.
    Compose,
}

/// A resource whose category is known.
pub(super) struct Recognised {
    /// Code of the category; empty for a resource that is of no category by itself.
    pub(super) category: String,
    /// What is done with it.
    pub(super) way: Way,
}

/// The category of a resource; `Err` says precisely why it has none.
pub(super) fn recognise(tree: &Tree, options: &Options) -> Result<Recognised, Refusal> {
    let root = tree.root();
    let found = match tree.resource_type() {
        "Bundle" if root.text_at("type") == Some("document") => document(root)?,
        "Bundle" => bundle(root)?,
        "MedicationRequest" => Recognised { category: "Electronic-Prescriptions".to_owned(), way: Way::Items },
        "MedicationDispense" => Recognised { category: "Electronic-Dispensations".to_owned(), way: Way::Items },
        "" => return Err(refuse(root, "The text names no resourceType: it is no FHIR resource.".to_owned())),
        other => single(root, other)?,
    };
    match &options.category {
        Some(wanted) if *wanted != found.category && found.way != Way::Compose => {
            let text = match found.category.as_str() {
                "" => format!("A single {} is no document of the category {wanted}.", tree.resource_type()),
                known => format!("The document is of the category {known}, not {wanted}."),
            };
            Err(refuse(root, text))
        }
        _ => Ok(found),
    }
}

/// A resource by itself: what is of a person's health is taken over, the rest is no source.
fn single(root: Element<'_>, name: &str) -> Result<Recognised, Refusal> {
    let text = match kind::of(name) {
        Some(Kind::Record | Kind::Beside | Kind::Office) => {
            let category = guide(root).unwrap_or_default().to_owned();
            return Ok(Recognised { category, way: Way::Pass });
        }
        Some(Kind::Message) => format!("A {name} is a message of an exchange; it holds no record to convert."),
        Some(Kind::Rules) => {
            format!("A {name} is one of FHIR's rules, or knowledge of no person; there is no record in it.")
        }
        None => format!("{name} is no resource type of FHIR R4."),
    };
    Err(refuse(root, text))
}

fn document(root: Element<'_>) -> Result<Recognised, Refusal> {
    let first = root.at("entry.resource");
    let Some(composition) = first.filter(|first| first.resource_type() == Some("Composition")) else {
        let kind = first.and_then(Element::resource_type).unwrap_or("nothing");
        return Err(refuse(root, format!("A document begins with a Composition; this one begins with {kind}.")));
    };
    let codes = composition.every("type.coding");
    let loinc = codes.iter().filter(|coding| coding.text_at("system") == Some("http://loinc.org"));
    let mut codes = loinc.filter_map(|coding| coding.text_at("code"));
    let code = codes.clone().next();
    match guide(root).or_else(|| guide(composition)).or_else(|| codes.find_map(category::of_type)) {
        Some(category) => {
            let summary = category == "Patient-Summaries" && code.is_none_or(|code| code == SUMMARY);
            let way = if summary { Way::Europeanise } else { Way::Pass };
            Ok(Recognised { category: category.to_owned(), way })
        }
        // National prescriptions and dispensations come as documents of national types.
        None if items(root).is_some() => {
            Ok(Recognised { category: items(root).unwrap_or_default().to_owned(), way: Way::Items })
        }
        // A document of another kind, that says which, passes as what it is.
        None if codes_of(composition) => Ok(Recognised { category: crate::OTHER_DOCUMENTS.to_owned(), way: Way::Pass }),
        None => {
            let text = "The document's type has neither code nor text, and no profile of HL7 Europe is named.";
            Err(refuse(composition, text.to_owned()))
        }
    }
}

/// Whether a Composition's type says anything.
fn codes_of(composition: Element<'_>) -> bool {
    composition.text_at("type.text").is_some()
        || composition.every("type.coding.code").iter().any(|code| code.text().is_some())
}

/// The category of the first profile of HL7 Europe that a resource names.
fn guide(resource: Element<'_>) -> Option<&'static str> {
    resource.every("meta.profile").into_iter().filter_map(Element::text).find_map(|profile| {
        let guide = profile.strip_prefix("http://hl7.eu/fhir/")?.split('/').next()?;
        GUIDES.iter().find(|(name, _)| *name == guide).map(|(_, category)| *category)
    })
}

/// A Bundle that is no document.
fn bundle(root: Element<'_>) -> Result<Recognised, Refusal> {
    let of = |category: &str, way: Way| Ok(Recognised { category: category.to_owned(), way });
    if let Some(category) = guide(root) {
        return of(category, Way::Pass);
    }
    let kind = root.text_at("type").unwrap_or("no type");
    if matches!(kind, "transaction-response" | "batch-response" | "message") {
        return Err(refuse(
            root,
            format!("A Bundle of type {kind:?} is a message of an exchange; it holds no record to convert."),
        ));
    }
    let types = types(root);
    let inner = types.iter().filter(|name| **name == "Bundle").count();
    if inner > 0 {
        let text = format!("The Bundle holds {inner} Bundles as entries; each document is converted by itself.");
        return Err(refuse(root, text));
    }
    if let Some(name) = types.iter().find(|name| kind::of(name).is_none()) {
        return Err(refuse(root, format!("{name} is no resource type of FHIR R4.")));
    }
    if let Some(category) = items(root) {
        return of(category, Way::Items);
    }
    let record = |name: &&&str| kind::of(name) == Some(Kind::Record);
    match types.iter().filter(record).count() {
        0 if types.iter().any(|name| matches!(kind::of(name), Some(Kind::Beside | Kind::Office))) => of("", Way::Pass),
        0 => {
            Err(refuse(root, format!("A Bundle of type {kind:?} without a record of a person's health is no source.")))
        }
        // Documents are published beside what describes them; there is nothing else in the Bundle.
        _ if types.iter().all(|name| {
            matches!(*name, "DocumentReference" | "DocumentManifest" | "List" | "Binary" | "Patient" | "Parameters")
        }) =>
        {
            of("", Way::Pass)
        }
        _ if !types.contains(&"Patient") => of("", Way::Pass),
        _ => of("", Way::Compose),
    }
}

fn types<'t>(root: Element<'t>) -> Vec<&'t str> {
    let resources = root.every("entry.resource").into_iter().filter_map(Element::resource_type);
    resources.filter(|name| *name != "OperationOutcome").collect()
}

/// Prescriptions and dispensations are exchanged as resources: a Bundle of them, and of nothing else clinical, is one of
/// the category.
fn items(root: Element<'_>) -> Option<&'static str> {
    let types = types(root);
    let other = |name: &&&str| kind::of(name) == Some(Kind::Record) && !BESIDE_ITEMS.contains(name);
    if types.iter().any(|name| other(&name)) {
        return None;
    }
    if types.contains(&"MedicationDispense") {
        Some("Electronic-Dispensations")
    } else {
        types.contains(&"MedicationRequest").then_some("Electronic-Prescriptions")
    }
}

/// Which document the resources of a Bundle make: the wanted one, else the one that they are plainly of.
pub(super) fn goal(pool: &Pool, wanted: Option<&str>) -> Result<Goal, String> {
    let of = |kind: &str| -> Vec<usize> {
        let all = pool.members.iter().enumerate().filter(|(_, member)| member.kind() == kind);
        all.map(|(place, _)| place).collect()
    };
    let (reports, stays, studies) = (of("DiagnosticReport"), of("Encounter"), of("ImagingStudy"));
    let one = |places: &[usize], what: &str| match places {
        [place] => Ok(*place),
        others => Err(format!("it is made of one {what}, and the Bundle holds {}", others.len())),
    };
    match wanted {
        Some("Patient-Summaries") => return Ok(Goal::Summary),
        Some("Laboratory-Reports") => return one(&reports, "DiagnosticReport").map(Goal::Laboratory),
        Some("Discharge-Reports") => return one(&stays, "Encounter").map(Goal::Discharge),
        Some("Medical-Imaging") if reports.is_empty() && !studies.is_empty() => return Ok(Goal::Imaging(None)),
        Some("Medical-Imaging") => return one(&reports, "DiagnosticReport").map(|place| Goal::Imaging(Some(place))),
        Some(_) => return Err("it is exchanged as resources, and the Bundle holds others".to_owned()),
        None => {}
    }
    let only_report = pool
        .members
        .iter()
        .all(|member| kind::of(member.kind()) != Some(Kind::Record) || BESIDE_REPORT.contains(&member.kind()));
    let imaging = !studies.is_empty() || reports.first().is_some_and(|place| is_imaging(pool, *place));
    match reports.as_slice() {
        [] if only_report && !studies.is_empty() => Ok(Goal::Imaging(None)),
        [report] if only_report && imaging => Ok(Goal::Imaging(Some(*report))),
        [report] if only_report && is_laboratory(pool, *report) => Ok(Goal::Laboratory(*report)),
        _ => match stays.as_slice() {
            [stay] if is_closed_stay(pool, *stay) => Ok(Goal::Discharge(*stay)),
            _ => Ok(Goal::Summary),
        },
    }
}

fn has_code(pool: &Pool, place: usize, path: &str, codes: &[&str]) -> bool {
    let found = pool.members.get(place).map(|member| member.root().every(path)).unwrap_or_default();
    found.iter().any(|code| code.text().is_some_and(|code| codes.contains(&code)))
}

pub(super) fn is_imaging(pool: &Pool, report: usize) -> bool {
    has_code(
        pool,
        report,
        "category.coding.code",
        &["RAD", "RX", "CT", "NMR", "RUS", "NMS", "LP29684-5", "Medical-Imaging"],
    )
}

fn is_laboratory(pool: &Pool, report: usize) -> bool {
    has_code(
        pool,
        report,
        "category.coding.code",
        &["LAB", "HM", "CH", "MB", "laboratory", "26436-6", "18725-2", "18719-5"],
    ) || has_code(pool, report, "code.coding.code", &["11502-2"])
        || pool.members.iter().any(|member| {
            let codes = member.root().every("category.coding.code");
            member.kind() == "Observation" && codes.iter().any(|code| code.text() == Some("laboratory"))
        })
}

/// A stay in hospital that is over, with where the patient went: a discharge.
fn is_closed_stay(pool: &Pool, stay: usize) -> bool {
    let Some(member) = pool.members.get(stay) else { return false };
    let root = member.root();
    root.text_at("class.code") == Some("IMP")
        && root.text_at("status") == Some("finished")
        && root.at("hospitalization.dischargeDisposition").is_some()
}

pub(super) fn refuse(element: Element<'_>, text: String) -> Refusal {
    Refusal::new(Issue::new(Severity::Error, IssueType::NotSupported, element.path(), text).at(element.position()))
}
