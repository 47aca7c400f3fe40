//! `GET [base]/metadata?mode=terminology`: the TerminologyCapabilities, made of what is in force
//! (<http://hl7.org/fhir/R4/terminologycapabilities.html>).

use std::collections::BTreeMap;

use model::Tree;

use crate::request::Request;

/// Parameters of `$expand` that are understood.
const EXPANSION: [&str; 20] = [
    "activeOnly",
    "check-system-version",
    "count",
    "default-valueset-version",
    "designation",
    "displayLanguage",
    "excludeNested",
    "filter",
    "force-system-version",
    "includeDefinition",
    "includeDesignations",
    "includeVersions",
    "offset",
    "property",
    "system-version",
    "tx-resource",
    "url",
    "useSupplement",
    "valueSet",
    "valueSetVersion",
];

/// The statement.
pub(crate) fn statement(request: &Request<'_>) -> Tree {
    let mut tree = Tree::new("TerminologyCapabilities");
    let mut root = tree.edit();
    root.set("status", "active");
    root.set("date", request.service.settings().started.to_fhir().as_str());
    root.set("kind", "instance");
    root.object("software").set("name", "Passerelle").set("version", env!("CARGO_PKG_VERSION"));
    root.object("implementation").set("description", "Passerelle").set("url", request.call.base);
    root.set("lockedDate", false);
    let mut systems: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for resource in request.catalog.resources("CodeSystem") {
        let header = resource.header();
        if !matches!(&*header.content, "complete" | "fragment") || header.url.is_empty() {
            continue;
        }
        let versions = systems.entry(header.url.to_string()).or_default();
        versions.extend(resource.version().map(str::to_owned));
    }
    for (url, mut versions) in systems {
        versions.sort_by(|one, other| catalog::compare_versions(one, other));
        versions.dedup();
        let mut system = root.item("codeSystem");
        system.set("uri", url.as_str());
        let latest = versions.last().cloned();
        for version in &versions {
            let mut item = system.item("version");
            item.set("code", version.as_str()).set("isDefault", Some(version) == latest.as_ref());
        }
        system.set("subsumption", true);
    }
    let mut expansion = root.object("expansion");
    expansion.set("hierarchical", true).set("paging", true).set("incomplete", true);
    for name in EXPANSION {
        expansion.item("parameter").set("name", name);
    }
    root.set("codeSearch", "all");
    root.object("validateCode").set("translations", true);
    root.object("translation").set("needsMap", false);
    tree
}
