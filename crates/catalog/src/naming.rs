//! OIDs and URIs of code systems and identifier systems, both ways.
//!
//! From three places, the first of which counts before the others: our own `profiles/naming-systems.toml`; what
//! `distil` found in the built-in packages, `profiles/terminology/naming-systems.toml`; and what was loaded besides
//! (NamingSystem unique ids, `urn:oid:` identifiers of CodeSystems and ValueSets).

use std::collections::HashMap;

use model::{Element, Tree};
use serde::Deserialize;

use crate::Catalog;

/// The table of names.
#[derive(Debug, Default)]
pub struct Naming {
    uris: HashMap<Box<str>, Box<str>>,
    oids: HashMap<Box<str>, Box<str>>,
    /// Value sets' OIDs, which are no systems.
    value_sets: HashMap<Box<str>, Box<str>>,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Table {
    /// URI to OIDs, the preferred one first.
    systems: HashMap<String, Vec<String>>,
    /// URI to OIDs of value sets.
    value_sets: HashMap<String, Vec<String>>,
}

impl Naming {
    pub(crate) fn of(catalog: &Catalog) -> Naming {
        let mut naming = Naming::default();
        let mut tables: Vec<(&str, &str)> =
            catalog.files().filter(|(path, _)| path.ends_with("naming-systems.toml")).collect();
        tables.sort_by_key(|(path, _)| path.contains('/'));
        for (_, text) in tables {
            naming.add_table(text);
        }
        for resource in catalog.resources("NamingSystem") {
            if let Ok(tree) = resource.tree() {
                naming.add_naming_system(&tree);
            }
        }
        for kind in ["CodeSystem", "ValueSet"] {
            let foreign = catalog.resources(kind).into_iter().filter(|resource| !resource.package().built_in);
            for tree in foreign.filter_map(|resource| resource.tree().ok()) {
                naming.add_identifiers(tree.root(), kind == "ValueSet");
            }
        }
        naming
    }

    /// Why a file that should be a table of names is none.
    pub(crate) fn fault(path: &str, text: &str) -> Option<String> {
        let text = Some(text).filter(|_| path.ends_with("naming-systems.toml"))?;
        toml::from_str::<Table>(text).err().map(|error| error.to_string())
    }

    fn add_table(&mut self, text: &str) {
        let table: Table = toml::from_str(text).unwrap_or_default();
        let mut systems: Vec<_> = table.systems.iter().collect();
        systems.sort();
        for (uri, oids) in systems {
            oids.iter().for_each(|oid| self.add(oid, uri));
        }
        let mut sets: Vec<_> = table.value_sets.iter().collect();
        sets.sort();
        for (uri, oids) in sets {
            for oid in oids {
                self.value_sets.entry(oid.as_str().into()).or_insert_with(|| uri.as_str().into());
            }
        }
    }

    fn add(&mut self, oid: &str, uri: &str) {
        let oid = bare(oid);
        self.uris.entry(oid.into()).or_insert_with(|| uri.into());
        self.oids.entry(uri.into()).or_insert_with(|| oid.into());
    }

    fn add_naming_system(&mut self, tree: &Tree) {
        let ids: Vec<Element<'_>> = tree.root().all("uniqueId").collect();
        let of = |kind: &str| {
            let fitting = ids.iter().filter(move |id| id.text_at("type") == Some(kind));
            let preferred = fitting.clone().find(|id| id.text_at("preferred") == Some("true"));
            preferred.or_else(|| fitting.clone().next()).and_then(|id| id.text_at("value"))
        };
        let Some(uri) = of("uri") else { return };
        for id in ids.iter().filter(|id| id.text_at("type") == Some("oid")) {
            if let Some(oid) = id.text_at("value") {
                self.add(oid, uri);
            }
        }
    }

    fn add_identifiers(&mut self, root: Element<'_>, value_set: bool) {
        let Some(uri) = root.text_at("url") else { return };
        for identifier in root.all("identifier") {
            let Some(oid) = identifier.text_at("value").and_then(|value| value.strip_prefix("urn:oid:")) else {
                continue;
            };
            if value_set {
                self.value_sets.entry(oid.into()).or_insert_with(|| uri.into());
            } else {
                self.add(oid, uri);
            }
        }
    }

    /// The URI of a system's OID, with or without `urn:oid:` before it.
    pub fn uri(&self, oid: &str) -> Option<&str> {
        self.uris.get(bare(oid)).map(|uri| &**uri)
    }

    /// The OID of a system's URI, without `urn:oid:`.
    pub fn oid(&self, uri: &str) -> Option<&str> {
        self.oids.get(uri).map(|oid| &**oid)
    }

    /// The canonical url of a value set's OID, with or without `urn:oid:` before it.
    pub fn value_set(&self, oid: &str) -> Option<&str> {
        self.value_sets.get(bare(oid)).map(|uri| &**uri)
    }

    /// What FHIR writes as the system of an OID: the URI where one is known, else `urn:oid:` and the OID.
    pub fn system(&self, oid: &str) -> String {
        self.uri(oid).map_or_else(|| format!("urn:oid:{}", bare(oid)), str::to_owned)
    }

    /// Every spelling under which a system may be met: itself, its URI, its `urn:oid:`.
    pub fn spellings(&self, system: &str) -> Vec<String> {
        let mut found = vec![system.to_owned()];
        found.extend(self.uri(system).filter(|uri| *uri != system).map(str::to_owned));
        found.extend(self.oid(system).map(|oid| format!("urn:oid:{oid}")));
        found
    }

    /// How many systems have a URI and an OID.
    pub fn len(&self) -> usize {
        self.uris.len()
    }

    /// Whether none has.
    pub fn is_empty(&self) -> bool {
        self.uris.is_empty()
    }
}

fn bare(oid: &str) -> &str {
    oid.trim().strip_prefix("urn:oid:").unwrap_or(oid.trim())
}
