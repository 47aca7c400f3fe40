//! The list of a suite's cases that do not pass, each with its reason, and the tally that holds a run to it.
//!
//! A suite runs as data through one adapter; what it cannot pass stands in a ledger, a TOML file:
//!
//! ```toml
//! [[case]]
//! id = "testPlus6"             # or ids = ["a", "b"] where one reason serves several
//! verdict = "fails"            # or "out of scope"
//! reason = "The suite expects the answer of R5."
//! ```
//!
//! A run is at fault where a case fails that no row names, where a row's case passes, where a row's case is gone, and
//! a row without a reason is no ledger at all. "out of scope" is counted apart, and is held to the same rules: such a
//! case runs too.
//!
//! Never shipped: other crates use it as a dev-dependency. It reads no file; the caller brings the text.

mod read;
mod tally;

pub use read::{Ledger, LedgerError, Row, Verdict};
pub use tally::{Report, Tally};
