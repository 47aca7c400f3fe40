//! `passerelle load PATH…`: files, folders and NDJSON into the store.
//!
//! A resource is stored under its id, one without an id under one that follows from its content; a document is converted
//! and stored with all that ITI-105 stores. A file that was loaded completely is marked in the store by its content and is
//! left out the next time, so a run that was stopped goes on where it was; what it repeats changes nothing.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use access::Caller;
use clap::ArgMatches;
use interaction::{Answer, Call, Headers, Ids, Method, Service};
use model::{Clock, Instant, Limits};
use sha2::{Digest, Sha256};
use storage::Transaction;

use super::output::say;
use super::{files, packages, progress, serve};
use crate::configuration::Values;
use crate::{MachineClock, TimeOrderedIds, store};

/// Loads all files: 0 when all of them were, 1 when something was refused.
pub(crate) fn run(matches: &ArgMatches, values: &Values) -> Result<ExitCode, Box<dyn Error>> {
    let files = files::below(matches.get_many::<String>("paths").into_iter().flatten())?;
    let store = store::open(values.text("engine"), Path::new(values.text("data")))?;
    let service = Arc::new(Service::new(store, packages::catalog(values)?, serve::settings(values)));
    let base =
        values.some_text("base-url").map_or_else(|| format!("http://{}/fhir", values.text("listen")), str::to_owned);
    let loader = Loader { service: &service, base: base.trim_end_matches('/'), stored: AtomicU64::new(0) };
    let bar = progress::bar(files.len(), "loading");
    let outcomes = files::in_parallel(&files, |_, file| {
        let outcome = loader.file(&file.path);
        bar.inc(1);
        outcome
    });
    let outcomes = files.into_iter().zip(outcomes);
    let outcomes: Vec<_> =
        outcomes.map(|(file, outcome)| (file.path, outcome.unwrap_or_else(|why| Err(vec![why.to_string()])))).collect();
    bar.finish_and_clear();
    service.store().engine().checkpoint()?;
    Ok(summary(&outcomes, loader.stored.load(Ordering::Relaxed)))
}

fn summary(outcomes: &[(PathBuf, Result<bool, Vec<String>>)], stored: u64) -> ExitCode {
    let (mut loaded, mut known, mut refused) = (0u64, 0u64, 0u64);
    for (file, outcome) in outcomes {
        match outcome {
            Ok(true) => loaded += 1,
            Ok(false) => known += 1,
            Err(reasons) => {
                refused += 1;
                for reason in reasons.iter().take(5) {
                    say!("{}: refused: {reason}", file.display());
                }
                if reasons.len() > 5 {
                    say!("{}: and {} more", file.display(), reasons.len() - 5);
                }
            }
        }
    }
    say!("{loaded} files loaded ({stored} requests stored), {known} were loaded before, {refused} refused");
    if refused == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

/// Loads into a service of this process.
pub(crate) struct Loader<'a> {
    /// The service.
    pub(crate) service: &'a Service,
    /// The base of the URLs that are stored.
    pub(crate) base: &'a str,
    /// How many requests were stored.
    pub(crate) stored: AtomicU64,
}

impl Loader<'_> {
    /// Loads one file; `false` where it was loaded before.
    fn file(&self, path: &Path) -> Result<bool, Vec<String>> {
        let failed = |error: &dyn std::fmt::Display| vec![error.to_string()];
        let bytes = std::fs::read(path).map_err(|error| failed(&error))?;
        let mut mark = b"loaded/".to_vec();
        mark.extend_from_slice(&Sha256::digest(&bytes));
        let view = self.service.store().view(None).map_err(|error| failed(&error))?;
        if view.state(&mark).map_err(|error| failed(&error))?.is_some() {
            return Ok(false);
        }
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
        let lines = matches!(ending.as_deref(), Some("ndjson" | "jsonl"));
        let mut reasons = Vec::new();
        if lines {
            for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
                if !line.trim_ascii().is_empty()
                    && let Err(reason) = self.content(line)
                {
                    reasons.push(format!("line {}: {reason}", number + 1));
                }
            }
        } else if let Err(reason) = self.content(&bytes) {
            reasons.push(reason);
        }
        if !reasons.is_empty() {
            return Err(reasons);
        }
        let mut transaction = Transaction::new(storage::Instant(MachineClock.now().0));
        transaction.set_state(mark, Some(Vec::new()));
        self.service.store().commit(transaction).map_err(|error| failed(&error))?;
        Ok(true)
    }

    /// Loads one resource or document.
    pub(crate) fn content(&self, bytes: &[u8]) -> Result<Answer, String> {
        let catalog = self.service.catalog();
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii();
        let (limits, xml) = (Limits::default(), bytes.first() == Some(&b'<'));
        let tree = match xml {
            true => model::xml::read(bytes, &catalog, &limits).ok(),
            false => model::json::read(bytes, &limits).ok(),
        };
        let resource_type = tree.as_ref().map(|tree| tree.resource_type().to_owned()).unwrap_or_default();
        let bundle = tree.as_ref().and_then(|tree| tree.root().text_at("type")).filter(|_| resource_type == "Bundle");
        let content_type = if xml { "application/fhir+xml" } else { "application/fhir+json" };
        if !self.service.is_resource_type(&resource_type) {
            return self.call(Method::Post, "$convert", "store=true", None, bytes);
        }
        match bundle {
            Some("document") => self.call(Method::Post, "$convert", "store=true", Some(content_type), bytes),
            Some("transaction" | "batch") => self.call(Method::Post, "", "", Some(content_type), bytes),
            _ => self.put(tree, &resource_type),
        }
    }

    fn put(&self, tree: Option<model::Tree>, resource_type: &str) -> Result<Answer, String> {
        let mut tree = tree.ok_or("no resource")?;
        let id = match tree.root().text_at("id") {
            Some(id) => id.to_owned(),
            None => {
                let text = model::json::to_string(tree.root());
                let hash: String = Sha256::digest(text).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
                tree.edit().set("id", hash.as_str());
                hash
            }
        };
        let text = model::json::to_string(tree.root());
        self.call(Method::Put, &format!("{resource_type}/{id}"), "", Some("application/fhir+json"), text.as_bytes())
    }

    fn call(
        &self,
        method: Method,
        path: &str,
        query: &str,
        content_type: Option<&str>,
        body: &[u8],
    ) -> Result<Answer, String> {
        let (now, ids): (Instant, &dyn Ids) = (MachineClock.now(), &TimeOrderedIds);
        let caller = Caller::operator();
        let headers = Headers { content_type, ..Headers::default() };
        let call = Call { caller: &caller, method, path, query, headers, body, base: self.base, now, ids };
        let answer = self.service.answer(&call);
        if answer.status >= 400 {
            return Err(reason(&answer));
        }
        self.stored.fetch_add(1, Ordering::Relaxed);
        Ok(answer)
    }
}

/// The first issue of a refusal, in a line.
pub(crate) fn reason(answer: &Answer) -> String {
    let body = answer.body.as_ref().map(|body| body.bytes()).unwrap_or_default();
    let tree = model::json::read(body, &Limits::default()).ok();
    let issue = tree.as_ref().and_then(|tree| tree.root().get("issue"));
    let text = issue.and_then(|issue| issue.text_at("diagnostics")).unwrap_or_default();
    match issue.and_then(|issue| issue.text_at("expression")) {
        Some(path) => format!("{} {path}: {text}", answer.status),
        None => format!("{} {text}", answer.status),
    }
}
