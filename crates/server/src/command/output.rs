//! What the commands say on standard output. A reader that has gone (`passerelle validate … | head -1`) is no failure: the
//! command goes on with its work and keeps its exit code, and says nothing more.

use std::fmt::Arguments;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

static CLOSED: AtomicBool = AtomicBool::new(false);

/// Writes one line.
macro_rules! say {
    ($($text:tt)*) => {
        $crate::command::output::line(format_args!($($text)*))
    };
}
pub(crate) use say;

/// Writes a line, unless nobody reads any more.
pub(crate) fn line(text: Arguments<'_>) {
    if CLOSED.load(Ordering::Relaxed) {
        return;
    }
    let mut output = std::io::stdout().lock();
    if output.write_fmt(format_args!("{text}\n")).and_then(|()| output.flush()).is_err() {
        CLOSED.store(true, Ordering::Relaxed);
    }
}
