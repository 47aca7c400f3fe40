//! Query to answer: the query becomes sets of resources, sets become streams of numbers, streams a page.

#[cfg(test)]
mod agreement;
mod candidate;
mod canonical;
mod compartment;
mod criteria;
mod filter;
mod hierarchy;
mod include;
mod latest;
mod matches;
mod ordered;
mod page;
mod resolve;
mod run;
mod set;
mod sort;
pub(crate) mod special;
mod stream;
mod terminology;

pub use page::{Continuation, ContinuationError};
pub use run::{Answer, Explained, Hit, Limits, Search, SearchError, Sight};
