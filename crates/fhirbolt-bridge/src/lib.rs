//! Our element tree as [fhirbolt](https://docs.rs/fhirbolt/0.4.0)'s typed R4 resources, and back.
//!
//! For Rust programs that are built on fhirbolt's types; Passerelle itself does not use it. Everything is behind the
//! feature `fhirbolt`, which is off by default: without it this crate is empty and compiles nothing.
//!
//! The way is JSON text, in fhirbolt's strict mode: what its types do not know is an error, never dropped. The generic
//! (de)serialisers of fhirbolt are instantiated here, once, and not in each crate that calls.

#[cfg(feature = "fhirbolt")]
mod typed;

#[cfg(feature = "fhirbolt")]
pub use fhirbolt;
#[cfg(feature = "fhirbolt")]
pub use typed::{BridgeError, to_tree, to_typed};
