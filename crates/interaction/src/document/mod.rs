//! Documents on their way into the store: the Bundle, its DocumentReference, the resources in it, its source.

mod apart;
mod deposit;
mod describe;
mod patient;

pub(crate) use deposit::{Original, deposit, first_time, replaced, stored};
pub(crate) use describe::{attach, hash};
