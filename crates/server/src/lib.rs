//! The program `passerelle`: HTTP, TLS, configuration, command line.
//!
//! The only crate that knows HTTP and async, and the only one that reads a clock or draws randomness. What is done stands
//! in the crate `interaction`; here a request becomes a [`interaction::Call`] and an [`interaction::Answer`] becomes a
//! response. The only bodies it can write are [`access::Released`].

pub mod command;
pub mod configuration;
pub mod http;
mod ids;
mod mllp;
pub mod store;
pub mod terminology_server;

pub use ids::{MachineClock, TimeOrderedIds};
