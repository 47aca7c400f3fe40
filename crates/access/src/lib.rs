//! Who calls, what they may do, and what of it may leave.
//!
//! ```text
//! Evidence -identify-> Caller -permit-> Permit -release-> Released
//! ```
//!
//! Each type can be made only here, so nothing is done without a [`Permit`] and no byte of a record leaves without having
//! become [`Released`]. The one policy so far is [`Policy::AllowAll`]; tokens, restrictions and the access log join behind
//! the same functions.
//!
//! A hidden record must be invisible: [`Permit::release`] answers `None` for it, which callers treat exactly as a record
//! that was never there.

mod caller;
mod permit;
mod policy;
mod released;

pub use caller::{Caller, Evidence};
pub use permit::{Action, Item, Permit, Verb};
pub use policy::{Denial, Policy};
pub use released::Released;
