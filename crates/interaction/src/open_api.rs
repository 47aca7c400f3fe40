//! The OpenAPI description of the REST API, made of the rows of the table and of the search parameters in force.
//!
//! <https://spec.openapis.org/oas/v3.0.3.html>. Resources are described as JSON objects with their `resourceType`; what
//! else they must hold, the StructureDefinitions say.

use access::Released;
use search::{Index, ParameterType};

use crate::bundle::quoted;
use crate::call::Method;
use crate::checked::RESOURCE_TYPES;
use crate::service::Service;
use crate::table::{Declared, ROWS, Row};
use crate::target::Level;

/// The description, for a FHIR base at an absolute URL.
pub fn text(service: &Service, base: &str) -> Released {
    let index = service.rules().index;
    let mut out = format!(
        "{{\"openapi\":\"3.0.3\",\"info\":{{\"title\":\"Passerelle\",\"version\":\"{}\",\"description\":\"FHIR R4 REST API.\"}},\
         \"servers\":[{{\"url\":{}}}],\"paths\":{{",
        env!("CARGO_PKG_VERSION"),
        quoted(base)
    );
    let mut first = true;
    for resource_type in std::iter::once("").chain(RESOURCE_TYPES.iter().copied()) {
        for path in paths(resource_type) {
            out.push_str(if std::mem::take(&mut first) { "" } else { "," });
            out.push_str(&format!("{}:{{{}}}", quoted(&path.text), operations(&path, resource_type, &index)));
        }
    }
    out.push_str("},\"components\":{");
    out.push_str(COMPONENTS);
    out.push_str("}}");
    Released::statement(out.into_bytes())
}

/// A path with what is done there.
struct Path {
    text: String,
    rows: Vec<&'static Row>,
}

fn paths(resource_type: &str) -> Vec<Path> {
    let mut paths: Vec<Path> = Vec::new();
    let fits = |row: &&Row| {
        (row.level == Level::System) == resource_type.is_empty()
            && (row.types.is_empty() || row.types.contains(&resource_type))
    };
    for row in ROWS.iter().filter(fits) {
        let head = match row.level {
            Level::System => String::new(),
            Level::Type => format!("/{resource_type}"),
            Level::Instance => format!("/{resource_type}/{{id}}"),
            Level::Version => format!("/{resource_type}/{{id}}/_history/{{vid}}"),
        };
        let text = match row.word {
            "" if head.is_empty() => "/".to_owned(),
            "" => head,
            "[type]" => format!("{head}/{{compartmentType}}"),
            "[type]/_search" => format!("{head}/{{compartmentType}}/_search"),
            word => format!("{head}/{word}"),
        };
        let known = paths.iter_mut().find(|path| path.text == text);
        match known {
            // Transaction and batch are one request.
            Some(path) if path.rows.iter().any(|known| known.method == row.method) => {}
            Some(path) => path.rows.push(row),
            None => paths.push(Path { text, rows: vec![row] }),
        }
    }
    paths
}

fn operations(path: &Path, resource_type: &str, index: &Index) -> String {
    let operations = path.rows.iter().map(|row| {
        let method = row.method.name().to_ascii_lowercase();
        let id = format!("{} {}", row.method.name(), path.text);
        let mut parameters = Vec::new();
        for (name, word) in [("{id}", "id"), ("{vid}", "vid"), ("{compartmentType}", "compartmentType")] {
            if path.text.contains(name) {
                parameters.push(format!("{{\"$ref\":\"#/components/parameters/{word}\"}}"));
            }
        }
        parameters.push("{\"$ref\":\"#/components/parameters/_format\"}".to_owned());
        if row.name == "search-type" && row.method == Method::Get {
            parameters.extend(searched(resource_type, index));
        }
        if row.name.starts_with("history") {
            let names = ["_count", "_since", "_at"];
            parameters.extend(names.iter().map(|name| format!("{{\"$ref\":\"#/components/parameters/{name}\"}}")));
        }
        format!(
            "\"{method}\":{{\"operationId\":{},\"summary\":{},\"tags\":[{}],\"parameters\":[{}]{},\"responses\":{{\
             \"default\":{{\"$ref\":\"#/components/responses/any\"}}}}}}",
            quoted(&id),
            quoted(row.name),
            quoted(if resource_type.is_empty() { "system" } else { resource_type }),
            parameters.join(","),
            body(row, resource_type)
        )
    });
    operations.collect::<Vec<_>>().join(",")
}

/// What is sent with a request.
fn body(row: &Row, resource_type: &str) -> String {
    let content = match (row.method, row.word) {
        (Method::Get | Method::Head | Method::Delete, _) => return String::new(),
        (_, "_search" | "[type]/_search") => {
            "\"application/x-www-form-urlencoded\":{\"schema\":{\"type\":\"object\"}}".to_owned()
        }
        (Method::Patch, _) => {
            "\"application/json-patch+json\":{\"schema\":{\"$ref\":\"#/components/schemas/JsonPatch\"}},\
             \"application/fhir+json\":{\"schema\":{\"$ref\":\"#/components/schemas/Parameters\"}}"
                .to_owned()
        }
        (_, "$import") => "\"application/fhir+ndjson\":{\"schema\":{\"type\":\"string\"}}".to_owned(),
        (_, "$convert") => "\"application/octet-stream\":{\"schema\":{\"type\":\"string\"}}".to_owned(),
        (_, "") => {
            let name = if resource_type.is_empty() { "Bundle" } else { resource_type };
            format!(
                "\"application/fhir+json\":{{\"schema\":{{\"type\":\"object\",\"required\":[\"resourceType\"],\
                 \"properties\":{{\"resourceType\":{{\"type\":\"string\",\"enum\":[\"{name}\"]}},\
                 \"id\":{{\"type\":\"string\",\"pattern\":\"^[A-Za-z0-9.-]{{1,64}}$\"}}}}}}}}"
            )
        }
        _ => "\"application/fhir+json\":{\"schema\":{\"$ref\":\"#/components/schemas/Parameters\"}}".to_owned(),
    };
    let required = row.declared != Declared::Within || row.word.is_empty();
    format!(",\"requestBody\":{{\"required\":{required},\"content\":{{{content}}}}}")
}

/// The search parameters of a type, and those of every search.
fn searched(resource_type: &str, index: &Index) -> Vec<String> {
    let list = index.parameters(resource_type).map_or(&[][..], |parameters| parameters.list());
    let own = list.iter().map(|parameter| {
        let example = match parameter.of {
            ParameterType::Date => "2024-01-01",
            ParameterType::Number | ParameterType::Quantity => "1",
            ParameterType::Uri => "http://example.org",
            _ => "a",
        };
        format!(
            "{{\"name\":{},\"in\":\"query\",\"description\":\"{}\",\"schema\":{{\"type\":\"string\"}},\"example\":\"{example}\"}}",
            quoted(&parameter.code),
            parameter.of.code()
        )
    });
    let every =
        ["_id", "_lastUpdated", "_sort", "_count", "_total", "_summary", "_elements", "_include", "_revinclude"];
    let known: Vec<&str> = list.iter().map(|parameter| parameter.code.as_str()).collect();
    let every = every.iter().filter(|name| !known.contains(name));
    own.chain(every.map(|name| format!("{{\"$ref\":\"#/components/parameters/{name}\"}}"))).collect()
}

const COMPONENTS: &str = concat!(
    "\"parameters\":{",
    "\"id\":{\"name\":\"id\",\"in\":\"path\",\"required\":true,\"schema\":{\"type\":\"string\",\"minLength\":1}},",
    "\"vid\":{\"name\":\"vid\",\"in\":\"path\",\"required\":true,\"schema\":{\"type\":\"string\",\"minLength\":1}},",
    "\"compartmentType\":{\"name\":\"compartmentType\",\"in\":\"path\",\"required\":true,",
    "\"schema\":{\"type\":\"string\",\"minLength\":1}},",
    "\"_format\":{\"name\":\"_format\",\"in\":\"query\",\"schema\":{\"type\":\"string\",\"enum\":[\"json\",\"xml\"]}},",
    "\"_id\":{\"name\":\"_id\",\"in\":\"query\",\"schema\":{\"type\":\"string\"}},",
    "\"_lastUpdated\":{\"name\":\"_lastUpdated\",\"in\":\"query\",\"schema\":{\"type\":\"string\"}},",
    "\"_sort\":{\"name\":\"_sort\",\"in\":\"query\",\"schema\":{\"type\":\"string\"}},",
    "\"_count\":{\"name\":\"_count\",\"in\":\"query\",\"schema\":{\"type\":\"integer\"}},",
    "\"_total\":{\"name\":\"_total\",\"in\":\"query\",\"schema\":{\"type\":\"string\",\"enum\":[\"none\",\"estimate\",\"accurate\"]}},",
    "\"_summary\":{\"name\":\"_summary\",\"in\":\"query\",",
    "\"schema\":{\"type\":\"string\",\"enum\":[\"true\",\"false\",\"text\",\"data\",\"count\"]}},",
    "\"_elements\":{\"name\":\"_elements\",\"in\":\"query\",\"schema\":{\"type\":\"string\"}},",
    "\"_include\":{\"name\":\"_include\",\"in\":\"query\",\"schema\":{\"type\":\"string\"}},",
    "\"_revinclude\":{\"name\":\"_revinclude\",\"in\":\"query\",\"schema\":{\"type\":\"string\"}},",
    "\"_since\":{\"name\":\"_since\",\"in\":\"query\",\"schema\":{\"type\":\"string\"}},",
    "\"_at\":{\"name\":\"_at\",\"in\":\"query\",\"schema\":{\"type\":\"string\"}}},",
    "\"responses\":{\"any\":{\"description\":\"A resource, or an OperationOutcome.\",",
    "\"content\":{\"application/fhir+json\":{\"schema\":{\"type\":\"object\"}},\"application/fhir+xml\":{\"schema\":{}}}}},",
    "\"schemas\":{\"Parameters\":{\"type\":\"object\",\"required\":[\"resourceType\"],\"properties\":{",
    "\"resourceType\":{\"type\":\"string\",\"enum\":[\"Parameters\"]},",
    "\"parameter\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"name\"],",
    "\"properties\":{\"name\":{\"type\":\"string\"}}}}}},",
    "\"JsonPatch\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"op\",\"path\"],\"properties\":{",
    "\"op\":{\"type\":\"string\",\"enum\":[\"add\",\"remove\",\"replace\",\"move\",\"copy\",\"test\"]},",
    "\"path\":{\"type\":\"string\"},\"from\":{\"type\":\"string\"},\"value\":{}}}}}"
);
