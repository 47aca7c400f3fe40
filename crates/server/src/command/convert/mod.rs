//! `passerelle convert PATH…`: `NAME.json` and `NAME.report.json` for each document, and `NAME.html` with `--explain`.
//!
//! Files, folders, NDJSON (one source a line), batches of HL7 v2 and tar archives, plain or gzipped. One thread finds the sources, the others
//! convert; what is in memory does not grow with their number.

mod messages;
mod sources;
mod tally;

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, sync_channel};

use catalog::Catalog;
use clap::ArgMatches;
use convert::pdf::Metadata;
use convert::{Draft, Knowledge, Options, Source};
use interaction::convert::NamingSystems;
use model::{Clock, Issue, IssueType, Tree};

use super::files;
use super::output::say;
use super::progress;
use crate::MachineClock;
use crate::configuration::Values;
use sources::{Bytes, Task};
use tally::{Line, Tally};

/// How many sources wait for a free thread.
const WAITING: usize = 16;

/// What holds for all sources of a run.
struct Run {
    catalog: Catalog,
    options: Options,
    explain: bool,
}

/// Converts all sources: 0 when all were converted, 1 when some were refused.
pub(crate) fn run(matches: &ArgMatches, values: &Values) -> Result<ExitCode, Box<dyn Error>> {
    let files = files::below(matches.get_many::<String>("paths").into_iter().flatten())?;
    let out = matches.get_one::<String>("out").map(PathBuf::from);
    let mut options = Options::at(MachineClock.now());
    options.category = matches.get_one::<String>("category").cloned();
    options.metadata = Metadata::of_parameters(|name| matches.get_one::<String>(name).cloned())?;
    options.limits.bytes = values.bytes("max-body");
    let most = options.limits.bytes;
    let run = Run { catalog: Catalog::built_in(), options, explain: matches.get_flag("explain") };
    let bar = progress::bar(files.len(), "converting");
    let started = std::time::Instant::now();
    let (sender, receiver) = sync_channel(WAITING);
    let receiver = Mutex::new(receiver);
    let tally = Mutex::new(Tally::default());
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..threads {
            scope.spawn(|| {
                let mut own = Tally::default();
                while let Some(task) = next(&receiver) {
                    own.add(run.one(task));
                }
                if let Ok(mut all) = tally.lock() {
                    all.join(own);
                }
            });
        }
        sources::each(&files, out.as_deref(), most, &bar, &sender);
        // Without this the threads would wait for more.
        drop(sender);
    });
    bar.finish_and_clear();
    let tally = tally.into_inner().map_err(|_| "a conversion broke off")?;
    say!("{}", tally.text(started.elapsed()).trim_end());
    Ok(if tally.refused() == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn next(receiver: &Mutex<Receiver<Task>>) -> Option<Task> {
    receiver.lock().ok()?.recv().ok()
}

impl Run {
    /// Converts one source and writes what came of it.
    fn one(&self, task: Task) -> Line {
        let done = catch_unwind(AssertUnwindSafe(|| self.converted(&task)));
        let result = done.unwrap_or_else(|_| Err(vec![refused("A fault in the converter; nothing was written.")]));
        Line::of(task.place, task.name, result.as_ref())
    }

    fn converted(&self, task: &Task) -> Result<Draft, Vec<Issue>> {
        let failed = |error: std::io::Error| vec![refused(format!("{}: {error}", task.name))];
        let read;
        let bytes = match &task.bytes {
            Bytes::Here(bytes) => bytes.as_slice(),
            Bytes::File(path) => {
                read = std::fs::read(path).map_err(failed)?;
                &read
            }
            Bytes::Not(reason) => return Err(vec![refused(reason.as_str())]),
        };
        if let Some(folder) = task.target.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let name = Path::new(&task.name).file_name().map(|name| name.to_string_lossy().into_owned());
        let source = Source { bytes, content_type: None, name: name.as_deref() };
        let knowledge = Knowledge { shapes: &self.catalog, systems: &NamingSystems(&self.catalog) };
        let write = |ending: &str, text: String| {
            let mut path = task.target.as_os_str().to_owned();
            path.push(ending);
            std::fs::write(PathBuf::from(path), text).map_err(failed)
        };
        match convert::convert(&knowledge, &source, &self.options) {
            Ok(draft) => {
                write(".json", text(&draft.document))?;
                write(".report.json", text(&draft.report.outcome()))?;
                if self.explain {
                    write(".html", convert::explain(&source, &draft))?;
                }
                Ok(draft)
            }
            Err(refusal) => {
                write(".report.json", text(&refusal.outcome()))?;
                if self.explain {
                    write(".html", convert::explain_refusal(&source, &refusal.issues))?;
                }
                Err(refusal.issues)
            }
        }
    }
}

fn text(tree: &Tree) -> String {
    let mut text = String::new();
    model::json::write_pretty(tree.root(), &mut text);
    text.push('\n');
    text
}

fn refused(text: impl Into<String>) -> Issue {
    Issue::error(IssueType::Processing, "", text)
}
