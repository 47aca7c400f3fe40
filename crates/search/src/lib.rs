//! Search: resource to index keys, query to plan over a view of the store.
mod context;
mod course;
mod expressed;
mod fold;
mod index;
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
mod walk;

pub use context::Context;
pub use index::Index;
pub use param::ParameterType;
pub use parameter::Parameter;
pub use parameters::TypeParameters;
pub use plan::{Answer, Continuation, ContinuationError, Explained, Hit, Limits, Search, SearchError, Sight};
pub use query::{Clause, Include, Prefix, Query, QueryError, Sort, Step, Summary, Total};
