//! Chores of the repository. `distil` is the only one: FHIR packages to the facts of `profiles/`.

mod distil;
mod facts;
mod lines;
mod packages;
mod selection;

pub use distil::{DistilError, distil, names};
