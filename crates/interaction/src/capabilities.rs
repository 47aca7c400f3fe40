//! `GET [base]/metadata`: the CapabilityStatement, made of what is registered.
//!
//! <http://hl7.org/fhir/R4/http.html#capabilities>

use access::Released;
use model::{ElementMut, Tree};

use crate::answer::Answer;
use crate::checked::RESOURCE_TYPES;
use crate::refusal::{Class, Refusal};
use crate::render;
use crate::request::Request;
use crate::table::{Declared, ROWS, Row};
use crate::terminology_capabilities;

/// Answers with the statement.
pub(crate) fn run(request: &Request<'_>) -> Result<Answer, Refusal> {
    let mode = request.query.first("mode");
    if mode == Some("terminology") {
        let tree = terminology_capabilities::statement(request);
        let body = Released::statement(render::tree(tree.root(), &request.media, request.shapes()));
        return Ok(Answer::with_body(200, request.media.content_type(), body));
    }
    if let Some(mode) = mode.filter(|mode| !matches!(*mode, "full" | "normative")) {
        return Err(Refusal::new(Class::NotSupported, format!("There is no statement of mode {mode}.")));
    }
    let tree = statement(request);
    let body = Released::statement(render::tree(tree.root(), &request.media, request.shapes()));
    Ok(Answer::with_body(200, request.media.content_type(), body))
}

fn statement(request: &Request<'_>) -> Tree {
    let index = request.service.rules().index;
    let mut tree = Tree::new("CapabilityStatement");
    let mut root = tree.edit();
    root.set("name", "Passerelle").set("status", "active");
    root.set("date", request.service.settings().started.to_fhir().as_str());
    root.set("kind", "instance");
    for actor in ACTORS {
        root.push("instantiates", format!("{HEALTH_DATA_API}/CapabilityStatement/{actor}").as_str());
    }
    root.object("software").set("name", "Passerelle").set("version", env!("CARGO_PKG_VERSION"));
    root.object("implementation").set("description", "Passerelle").set("url", request.call.base);
    root.set("fhirVersion", "4.0.1");
    root.push("format", "application/fhir+json").push("format", "application/fhir+xml");
    root.push("format", "json").push("format", "xml");
    root.push("patchFormat", "application/json-patch+json").push("patchFormat", "application/fhir+json");
    root.push("patchFormat", "application/fhir+xml").push("patchFormat", "application/xml-patch+xml");
    for guide in guides(request) {
        root.push("implementationGuide", guide.as_str());
    }
    let mut rest = root.item("rest");
    rest.set("mode", "server");
    let mut security = rest.object("security");
    security.set("cors", request.service.settings().cors);
    let text = "Callers are not authenticated by tokens; TLS with client certificates is by configuration.";
    security.set("description", text);
    for resource_type in RESOURCE_TYPES {
        resource(&mut rest.item("resource"), resource_type, &index);
    }
    for row in ROWS {
        if let Declared::System(code) = row.declared {
            rest.item("interaction").set("code", code);
        }
    }
    for row in ROWS.iter().filter(|row| row.types.is_empty()) {
        operation(&mut rest, row);
    }
    tree
}

/// The actors of the EU Health Data API that this server plays, in both spellings that are in use (requirement A-02).
const ACTORS: [&str; 6] = [
    "EEHRxF-DocumentAccessProvider",
    "EEHRxF-DocumentAccessProvider-SubmissionOption",
    "EEHRxF-ResourceAccessProvider",
    "document-access-provider-eu-api",
    "document-access-provider-submission-option-eu-api",
    "resource-access-provider-eu-api",
];
const HEALTH_DATA_API: &str = "http://hl7.eu/fhir/health-data-api";

/// The content guides of the priority categories, as loaded: canonical and version (requirement A-03).
fn guides(request: &Request<'_>) -> Vec<String> {
    let categories = request.catalog.categories();
    let packages = request.catalog.packages();
    let named = packages.iter().filter(|package| categories.iter().any(|category| *category.package == *package.name));
    named.filter_map(|package| Some(format!("{}|{}", package.canonical.as_deref()?, package.version))).collect()
}

/// Profiles that resources of a type can be had in (requirement A-05).
const SUPPORTED: [(&str, &str); 3] = [
    ("DocumentReference", "http://hl7.eu/fhir/health-data-api/StructureDefinition/EehrxfMhdDocumentReference"),
    ("DocumentReference", "https://profiles.ihe.net/ITI/MHD/StructureDefinition/IHE.MHD.Minimal.DocumentReference"),
    ("Patient", "http://hl7.eu/fhir/base/StructureDefinition/patient-eu-core"),
];

fn resource(item: &mut ElementMut<'_>, resource_type: &str, index: &search::Index) {
    item.set("type", resource_type);
    for (_, profile) in SUPPORTED.iter().filter(|(of, _)| *of == resource_type) {
        item.push("supportedProfile", *profile);
    }
    let rows = || ROWS.iter().filter(|row| row.types.is_empty() || row.types.contains(&resource_type));
    for row in rows() {
        if let Declared::Interaction(code) = row.declared {
            item.item("interaction").set("code", code);
        }
    }
    item.set("versioning", "versioned-update");
    item.set("readHistory", true);
    item.set("updateCreate", true);
    item.set("conditionalCreate", true);
    item.set("conditionalRead", "full-support");
    item.set("conditionalUpdate", true);
    item.set("conditionalDelete", "multiple");
    search_parameters(item, resource_type, index);
    for row in rows().filter(|row| !row.types.is_empty()) {
        operation(item, row);
    }
}

/// Parameters that every type has and no definition gives an expression for.
const EVERYWHERE: [(&str, &str); 6] = [
    ("_id", "token"),
    ("_lastUpdated", "date"),
    ("_list", "string"),
    ("_text", "string"),
    ("_content", "string"),
    ("_filter", "special"),
];

/// What can be searched by, and what references can be followed from here.
fn search_parameters(item: &mut ElementMut<'_>, resource_type: &str, index: &search::Index) {
    let list = index.parameters(resource_type).map_or(&[][..], |parameters| parameters.list());
    let references = list.iter().filter(|parameter| parameter.of == search::ParameterType::Reference);
    item.push("searchInclude", "*");
    for parameter in references {
        item.push("searchInclude", format!("{resource_type}:{}", parameter.code).as_str());
    }
    for source in includes_back(resource_type, index) {
        item.push("searchRevInclude", source.as_str());
    }
    for (name, of) in EVERYWHERE {
        item.item("searchParam").set("name", name).set("type", of);
    }
    for parameter in list {
        let mut declared = item.item("searchParam");
        declared.set("name", parameter.code.as_str());
        declared.set("definition", parameter.url.as_str()).set("type", parameter.of.code());
    }
}

/// What can be followed back to a type: `*`, and the parameters whose definitions name the type. Those that may refer to anything are not
/// told of every type; where a document came from is what ITI-67 asks for (requirement A-30).
fn includes_back(resource_type: &str, index: &search::Index) -> Vec<String> {
    let mut found = vec!["*".to_owned()];
    for source in RESOURCE_TYPES {
        let list = index.parameters(source).map_or(&[][..], |parameters| parameters.list());
        let names_it = |parameter: &&std::sync::Arc<search::Parameter>| {
            parameter.targets.len() < RESOURCE_TYPES.len() / 2
                && parameter.targets.iter().any(|target| target == resource_type)
        };
        let references = list.iter().filter(|parameter| parameter.of == search::ParameterType::Reference);
        found.extend(references.filter(names_it).map(|parameter| format!("{source}:{}", parameter.code)));
    }
    if resource_type == "DocumentReference" {
        found.push("Provenance:target".to_owned());
    }
    found
}

/// An operation stands once, at the level of its first row.
fn operation(item: &mut ElementMut<'_>, row: &Row) {
    if let Declared::Operation(definition) = row.declared {
        let mut operation = item.item("operation");
        operation.set("name", row.name.trim_start_matches('$'));
        operation.set("definition", definition);
    }
}
