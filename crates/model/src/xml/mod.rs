//! The XML form of FHIR: <http://hl7.org/fhir/R4/xml.html>.

mod narrative;
mod read;
mod write;

pub use read::read;
pub use write::{WriteError, write};
