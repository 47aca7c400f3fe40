//! The JSON form of FHIR: <http://hl7.org/fhir/R4/json.html>.
//!
//! Lossless: digits of numbers, order of elements, `_field` siblings and unknown elements survive. What FHIR's JSON
//! forbids but JSON allows (empty arrays, duplicate keys, arrays in arrays) ends in [`Tree::issues`](crate::Tree::issues).

mod pieces;
mod read;
mod scan;
mod sibling;
mod write;

pub use pieces::{items, member};
pub use read::read;
pub use write::{put_string, to_string, write, write_pretty};
