//! What a FHIR resource is in the European Health Data Space: its category, by profile or by document type.

use model::{Element, Issue, IssueType, Severity, Tree};

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

/// A resource whose category is known.
pub(super) struct Recognised {
    /// Code of the category.
    pub(super) category: String,
    /// Whether it is a patient summary that may lack what the European one asks for.
    pub(super) summary: bool,
}

/// The category of a resource; `Err` says precisely why it has none.
pub(super) fn recognise(tree: &Tree, options: &Options) -> Result<Recognised, Refusal> {
    let root = tree.root();
    let found = match tree.resource_type() {
        "Bundle" if root.text_at("type") == Some("document") => document(root)?,
        "Bundle" => items(root).ok_or_else(|| {
            let kind = root.text_at("type").unwrap_or("no type");
            refuse(
                root,
                format!("A Bundle of type {kind:?} is no document, and holds no prescription or dispensation."),
            )
        })?,
        "MedicationRequest" => Recognised { category: "Electronic-Prescriptions".to_owned(), summary: false },
        "MedicationDispense" => Recognised { category: "Electronic-Dispensations".to_owned(), summary: false },
        "" => return Err(refuse(root, "The text names no resourceType: it is no FHIR resource.".to_owned())),
        other => return Err(refuse(root, format!("A single {other} is no document of an EHDS priority category."))),
    };
    match &options.category {
        Some(wanted) if *wanted != found.category => {
            Err(refuse(root, format!("The document is of the category {}, not {wanted}.", found.category)))
        }
        _ => Ok(found),
    }
}

fn document(root: Element<'_>) -> Result<Recognised, Refusal> {
    let first = root.at("entry.resource");
    let Some(composition) = first.filter(|first| first.resource_type() == Some("Composition")) else {
        let kind = first.and_then(Element::resource_type).unwrap_or("nothing");
        return Err(refuse(root, format!("A document begins with a Composition; this one begins with {kind}.")));
    };
    let profiles = root.every("meta.profile").into_iter().chain(composition.every("meta.profile"));
    let guide = profiles.filter_map(Element::text).find_map(|profile| {
        let guide = profile.strip_prefix("http://hl7.eu/fhir/")?.split('/').next()?;
        GUIDES.iter().find(|(name, _)| *name == guide).map(|(_, category)| *category)
    });
    let codes = composition.every("type.coding");
    let loinc = codes.iter().filter(|coding| coding.text_at("system") == Some("http://loinc.org"));
    let mut codes = loinc.filter_map(|coding| coding.text_at("code"));
    let code = codes.clone().next();
    match guide.or_else(|| codes.find_map(category::of_type)) {
        Some(category) => {
            let summary = category == "Patient-Summaries" && code.is_none_or(|code| code == SUMMARY);
            Ok(Recognised { category: category.to_owned(), summary })
        }
        None => {
            let said = code.map_or("no LOINC code".to_owned(), |code| format!("LOINC {code}"));
            let text = format!(
                "The document's type, {said}, is of no EHDS priority category, and no profile of HL7 Europe is named."
            );
            Err(refuse(composition, text))
        }
    }
}

/// Prescriptions and dispensations are exchanged as resources: a Bundle of them is one of the category.
fn items(root: Element<'_>) -> Option<Recognised> {
    let resources = root.every("entry.resource");
    let has = |kind: &str| resources.iter().any(|resource| resource.resource_type() == Some(kind));
    let category = if has("MedicationDispense") {
        "Electronic-Dispensations"
    } else if has("MedicationRequest") && !has("Composition") {
        "Electronic-Prescriptions"
    } else {
        return None;
    };
    Some(Recognised { category: category.to_owned(), summary: false })
}

fn refuse(element: Element<'_>, text: String) -> Refusal {
    Refusal::new(Issue::new(Severity::Error, IssueType::NotSupported, element.path(), text).at(element.position()))
}
