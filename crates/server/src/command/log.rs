//! Structured logs to standard error.

use tracing::Level;
use tracing_subscriber::filter::LevelFilter;

use crate::configuration::Values;

/// Begins to log as the configuration says. A second call changes nothing.
pub(crate) fn start(values: &Values) {
    let level = match values.text("log-level") {
        "error" => Level::ERROR,
        "warn" => Level::WARN,
        "debug" => Level::DEBUG,
        "trace" => Level::TRACE,
        _ => Level::INFO,
    };
    let builder = tracing_subscriber::fmt().with_max_level(LevelFilter::from_level(level)).with_writer(std::io::stderr);
    let _ = match values.text("log-format") {
        "json" => builder.json().flatten_event(true).try_init(),
        _ => builder.with_ansi(false).try_init(),
    };
}
