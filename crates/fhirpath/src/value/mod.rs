//! System values that the language computes with: dates and times, decimals, quantities.

mod date_time;
pub(crate) mod number;
mod quantity;
mod shift;
mod unit;

pub use date_time::{Date, DateTime, Time};
pub use quantity::Quantity;
pub use unit::{Calendar, Unit};
