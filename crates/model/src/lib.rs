//! FHIR R4 resources as one element tree, with its JSON and XML text.
//!
//! [`Tree`] holds any resource: elements in order, primitives with their exact digits, positions in the text they
//! were read from. [`Element`] walks it, [`ElementMut`] builds and changes it. [`json`] and [`xml`] read and write
//! it; XML needs [`Shapes`] (which element repeats, which is a number, in what order they stand), which the crate
//! `catalog` supplies. What is wrong with content is a value, [`Issue`].
//!
//! This crate does no I/O, knows no profile and no terminology, and has no clock: see [`Clock`].

pub mod calendar;
mod clock;
mod code;
mod date;
mod decimal;
mod edit;
mod element;
mod issue;
pub mod json;
mod limits;
mod name;
mod outcome;
mod path;
mod shape;
mod tree;
mod uuid;
pub mod xml;

pub use clock::{Clock, Instant};
pub use code::impossible_code;
pub use date::{DatePrecision, PartialDateTime, PartialTime};
pub use decimal::Decimal;
pub use edit::{ElementMut, Primitive};
pub use element::{Children, Element, Named, Value};
pub use issue::{Issue, IssueType, Position, Severity};
pub use limits::Limits;
pub use name::Name;
pub use outcome::operation_outcome;
pub use shape::{Child, Form, NoShapes, Shapes, TypeId};
pub use tree::{ElementId, SyntaxError, Tree};
pub use uuid::uuid_text;
