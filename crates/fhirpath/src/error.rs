//! What stops compiling and evaluating.

/// The text is no FHIRPath, or (in strict mode) cannot mean anything for the types it is compiled for. Nothing was kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} (at {offset})")]
pub struct CompileError {
    /// What is wrong, for a person.
    pub message: String,
    /// The byte of the expression's text at which it is wrong.
    pub offset: usize,
}

/// Why an evaluation stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A collection of several items stands where one is wanted.
    Several,
    /// An operand has a type that the operator or function does not take.
    Type,
    /// The value of an operand cannot be used: a broken regular expression, a unit that no calendar has.
    Value,
    /// A variable has no value in this [`Environment`](crate::Environment).
    Variable,
    /// What is asked for is not supported, or not by this [`Host`](crate::Host).
    Unsupported,
    /// The evaluation passed its step limit.
    Limit,
}

/// The evaluation stopped; there is no result. Neither tree nor environment has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EvaluationError {
    /// Which class of fault.
    pub fault: Fault,
    /// What happened, for a person.
    pub message: String,
}

impl EvaluationError {
    pub(crate) fn new(fault: Fault, message: impl Into<String>) -> EvaluationError {
        EvaluationError { fault, message: message.into() }
    }
}
