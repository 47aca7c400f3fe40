//! Configuration: one table of settings, read from flags, the environment and a file.

mod setting;
mod values;

pub use setting::{Kind, SETTINGS, Setting};
pub use values::{ConfigurationError, Source, Values, to_markdown};
