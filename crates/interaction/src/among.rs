//! What a transaction makes of the store before it is committed, to be searched: a conditional reference is resolved behind the
//! writes of its transaction, <http://hl7.org/fhir/R4/http.html#trules>.
//!
//! What is deleted meets no condition. What is created or updated is looked at as it came, in a store in memory that is made of the
//! type in question when it is first asked for. It does not lead chains from one to another, and knows no patched content.

use std::collections::{HashMap, HashSet};

use storage::{Bucket, Content, Expect, Method, Options, Store, Transaction, View, Write};

use crate::conditional::several;
use crate::entries::Entries;
use crate::query::Query;
use crate::refusal::{Class, Refusal};
use crate::request::Request;
use crate::search_type;
use crate::transaction::Planned;

/// See the module.
pub(crate) struct Among<'t, 'r> {
    request: &'t Request<'r>,
    entries: &'t Entries<'r>,
    writes: &'t [Planned],
    stores: HashMap<&'t str, Store>,
}

impl<'t, 'r> Among<'t, 'r> {
    /// `writes`: all that the transaction writes, by the numbers of its entries.
    pub(crate) fn new(request: &'t Request<'r>, entries: &'t Entries<'r>, writes: &'t [Planned]) -> Among<'t, 'r> {
        Among { request, entries, writes, stores: HashMap::new() }
    }

    /// Whether a resource, `[type]/[id]`, comes to be by the transaction.
    pub(crate) fn is_created(&self, name: &str) -> bool {
        let (resource_type, id) = name.split_once('/').unwrap_or((name, ""));
        self.of_type(resource_type).any(|planned| planned.method == Method::Create && planned.id == id)
    }

    /// The one resource that a conditional reference means: `[type]/[id]`.
    ///
    /// # Errors
    /// [`Class::PreconditionFailed`] where there is none or several.
    pub(crate) fn referred(&mut self, view: &View, reference: &str) -> Result<String, Refusal> {
        let (resource_type, query) = reference.split_once('?').unwrap_or((reference, ""));
        let query = Query::parse(query);
        // What is updated is looked at as it will be, what is deleted no more.
        let of_type = self.of_type(resource_type);
        let changed: HashSet<&str> =
            of_type.filter(|planned| planned.method != Method::Patch).map(|planned| planned.id.as_str()).collect();
        let found = search_type::matches(self.request, view, resource_type, &query, 1 + changed.len())?;
        let mut found: Vec<String> =
            found.into_iter().map(|(id, _)| id).filter(|id| !changed.contains(id.as_str())).collect();
        if let Some(store) = self.store(resource_type)? {
            let view = store.view(None).map_err(Refusal::fault)?;
            let made = search_type::matches(self.request, &view, resource_type, &query, 1)?;
            found.extend(made.into_iter().map(|(id, _)| id));
        }
        match found.as_slice() {
            [id] => Ok(format!("{resource_type}/{id}")),
            [] => {
                let text = format!("The conditional reference {reference} matches nothing.");
                Err(Refusal::new(Class::PreconditionFailed, text))
            }
            _ => Err(several("The conditional reference")),
        }
    }

    fn of_type(&self, resource_type: &str) -> impl Iterator<Item = &'t Planned> {
        self.writes.iter().filter(move |planned| planned.resource_type == resource_type)
    }

    /// What the transaction makes of a type; `None` for nothing.
    fn store(&mut self, resource_type: &str) -> Result<Option<&Store>, Refusal> {
        let made: Vec<&Planned> = self
            .of_type(resource_type)
            .filter(|planned| matches!(planned.method, Method::Create | Method::Update))
            .collect();
        let Some(first) = made.first() else { return Ok(None) };
        let type_name = first.resource_type.as_str();
        if !self.stores.contains_key(type_name) {
            let options = Options { dictionary: None, ..Options::default() };
            let store = Store::open(storage::memory::open(), options).map_err(Refusal::fault)?;
            let index = self.request.service.rules().index;
            let mut transaction = Transaction::new(storage::Instant(self.request.call.now.0));
            for planned in made {
                let Some(resource) = self.entries.resource(planned.entry)? else { continue };
                let body = model::json::to_string(resource.root()).into_bytes().into();
                transaction.write(Write {
                    type_name: type_name.to_owned(),
                    id: planned.id.clone(),
                    bucket: Bucket::of_no_patient(type_name, &planned.id),
                    expect: Expect::Any,
                    method: Method::Create,
                    content: Some(Content { body, mark: 0, index: index.keys(resource.root()) }),
                    unless_same: false,
                });
            }
            store.commit(transaction).map_err(Refusal::fault)?;
            self.stores.insert(type_name, store);
        }
        Ok(self.stores.get(type_name))
    }
}
