//! FHIR interactions and operations, one file each, joined over the crates below; no HTTP types and no async.
//!
//! ```text
//! Call -find-> Row -permit-> Request -run-> Answer
//!                                     \-> Draft -check-> Checked -commit-> Stored -release-> Released
//! ```
//!
//! [`Service::answer`] is the one door: single requests, batch entries and the command line come through it.
//! [`table::ROWS`] lists all that is done. Every write goes through [`write::commit`].
//! <http://hl7.org/fhir/R4/http.html>

mod among;
pub mod answer;
mod batch;
mod binary;
mod body;
mod broad;
pub mod bulk;
pub mod bundle;
pub mod call;
mod capabilities;
mod care_date;
pub mod checked;
mod compartment;
mod composition_document;
mod conditional;
pub mod conditions;
pub mod convert;
mod create;
mod delete;
mod derived;
mod diff;
mod document;
pub mod document_checks;
mod document_reference_create;
mod effect;
mod entries;
mod everything;
pub mod export;
mod gathered;
pub mod held;
mod history;
mod import;
mod indent;
mod lastn;
mod links;
pub mod media;
mod meta;
mod on_demand;
pub mod open_api;
mod operation;
mod page;
pub mod patch;
pub mod query;
mod read;
pub mod refusal;
mod reindex;
mod render;
pub mod request;
pub mod rules;
mod search_type;
pub mod service;
mod stored_text;
mod subset;
pub mod table;
pub mod target;
mod terminology;
mod terminology_capabilities;
mod transaction;
mod update;
mod validate;
mod vread;
pub mod write;
mod written;

pub use answer::Answer;
pub use call::{Call, Headers, Ids, Method};
pub use held::Held;
pub use refusal::{Class, Refusal};
pub use service::{BroadSearch, Service, Settings, TerminologyServer};
