//! FHIRPath over the element tree of `model`: the language of
//! [FHIRPath N1](http://hl7.org/fhirpath/N1/) with the additions of [FHIR R4](http://hl7.org/fhir/R4/fhirpath.html).
//!
//! An [`Expression`] is compiled once against FHIR's types ([`model::Shapes`]) and evaluated any number of times, on any
//! thread. A [`Prepared`] is what evaluations over one tree share, an [`Environment`] what one evaluation may use:
//! variables, the moment of `now()`, and a [`Host`] that knows terminology, profiles and other resources. Nothing of a
//! tree is copied; items of a result point into it.
//!
//! This crate does no I/O and has no clock. It validates nothing and holds no terminology: `memberOf()` and
//! `conformsTo()` ask the host, and are empty where it cannot tell.

mod ast;
mod compile;
mod environment;
mod error;
mod evaluate;
mod expression;
mod function;
mod item;
mod lexer;
mod parser;
mod plan;
mod value;

pub use environment::{Environment, Host, NoHost, Prepared};
pub use error::{CompileError, EvaluationError, Fault};
pub use expression::Expression;
pub use item::{Collection, Item, SystemType, Text, TypeInfo, Typed};
pub use value::{Calendar, Date, DateTime, Quantity, Time, Unit};
