//! HTTP: requests to calls, answers to responses.

mod call;
mod cors;
mod listen;
mod respond;
mod state;
mod stream_body;
pub(crate) mod tls;

pub use listen::{HttpError, Running, start};
pub use state::State;
pub use tls::TlsError;
