//! What indexing and searching must know beside the resources: this server's URLs, names of systems, types.

use catalog::Catalog;

use crate::value::System;

/// See the module. The same context must serve indexing and searching: what it says is in the keys.
#[derive(Clone, Default)]
pub struct Context {
    bases: Vec<String>,
    catalog: Option<Catalog>,
}

impl Context {
    /// `bases`: the absolute URLs of this server, without a `/` at the end: what is below them is here.
    pub fn new(bases: Vec<String>) -> Context {
        Context { bases, ..Context::default() }
    }

    /// The same with the names of systems that a catalog has.
    pub fn with_catalog(mut self, catalog: Catalog) -> Context {
        self.catalog = Some(catalog);
        self
    }

    /// The catalog, where there is one.
    pub(crate) fn catalog(&self) -> Option<&Catalog> {
        self.catalog.as_ref()
    }

    /// The one name of a system that has several: its URI where it is met by its OID.
    pub(crate) fn canonical_system<'t>(&'t self, system: &'t str) -> &'t str {
        if !system.starts_with("urn:oid:") {
            return system;
        }
        let known = self.catalog.as_ref().and_then(|catalog| catalog.naming().uri(system));
        known.unwrap_or(system)
    }

    pub(crate) fn system<'t>(&'t self, system: &'t str) -> System<'t> {
        System::Uri(self.canonical_system(system))
    }

    /// What follows this server's URL in a URL.
    pub(crate) fn below_base<'t>(&self, url: &'t str) -> Option<&'t str> {
        self.bases.iter().find_map(|base| url.strip_prefix(base.as_str())?.strip_prefix('/'))
    }
}
