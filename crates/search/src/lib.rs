//! Search: resource to index keys, query to plan over a view of the store.
//!
//! [`Index`] holds the search parameters of a catalog and gives each resource the keys by which it is found. [`Query`] is a search taken
//! apart, [`Search`] answers it as of the `t` of a [`storage::View`], page by page ([`Continuation`]). <http://hl7.org/fhir/R4/search.html>;
//! keys byte by byte, choices and plans: `docs/search.md`.
//!
//! It does not: speak HTTP, build Bundles, decide who may see what ([`Sight`] asks), store anything, or read a clock.
//!
//! ```
//! use search::{Index, Query, Search};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let store = storage::Store::open(storage::memory::open(), storage::Options::default())?;
//! let index = Index::new(catalog::Catalog::built_in(), vec!["https://example.org/fhir".to_owned()]);
//! let (query, errors) = Query::parse(&[("birthdate".to_owned(), "ge1980".to_owned())]);
//! let view = store.view(None)?;
//! let search = Search {
//!     index: &index,
//!     view: &view,
//!     now: model::Instant(0),
//!     sight: &(),
//!     limits: search::Limits::default(),
//!     types: vec!["Patient".to_owned()],
//!     compartment: None,
//!     lenient: false,
//! };
//! let answer = search.run(&query, errors, None)?;
//! assert!(answer.matches.is_empty() && answer.next.is_none());
//! # Ok(())
//! # }
//! ```

mod context;
mod course;
mod expressed;
mod fold;
mod index;
mod indexed;
mod key;
mod numbers;
mod param;
mod parameter;
mod parameters;
mod path;
mod plan;
mod query;
mod route;
mod span;
mod ucum;
mod value;
mod value_sets;
mod walk;

pub use context::Context;
pub use index::Index;
pub use indexed::Indexed;
pub use param::ParameterType;
pub use parameter::Parameter;
pub use parameters::TypeParameters;
pub use plan::{Answer, Continuation, ContinuationError, Explained, Hit, Limits, Search, SearchError, Sight};
pub use query::{Clause, Include, Prefix, Query, QueryError, Sort, Step, Summary, Total};
pub use value_sets::ValueSets;
