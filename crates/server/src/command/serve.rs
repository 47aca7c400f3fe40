//! `passerelle serve`: the FHIR API under `/fhir`, until SIGTERM or SIGINT.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use actix_web::rt::System;
use actix_web::web::Data;
use catalog::Catalog;
use interaction::checked::{DocumentCheck, ResourceCheck};
use interaction::document_checks::DocumentChecks;
use interaction::{BroadSearch, Service, Settings};
use model::{Clock, Limits, Severity};

use super::demo::{self, Folder};
use super::output::say;
use super::packages;
use crate::configuration::Values;
use crate::http::{HttpError, Running, State, start, tls};
use crate::{MachineClock, TimeOrderedIds, store};

/// Serves until it is told to stop, then lets requests under way end and shortens the journal.
pub(crate) fn run(values: &Values) -> Result<ExitCode, Box<dyn Error>> {
    let fresh = if values.switch("demo") { Some(Folder::fresh()?) } else { None };
    let folder = fresh.as_ref().map_or_else(|| Path::new(values.text("data")), Folder::path);
    let store = store::open(values.text("engine"), folder)?;
    let service = Arc::new(Service::new(store, packages::catalog(values)?, settings(values)));
    System::new().block_on(async {
        let running = serve(service.clone(), values)?;
        say!("Passerelle serves {}", running.base());
        if !running.address.ip().is_loopback() && service.settings().broad_search == BroadSearch::Allow {
            tracing::warn!(
                "callers are not told apart: whoever reaches the port may search all patients; see --broad-search"
            );
        }
        if fresh.is_some() {
            demo::fill(&service, &running.base())?;
        }
        let handle = running.handle();
        actix_web::rt::spawn(async move {
            stop_signal().await;
            tracing::info!("stopping");
            handle.stop(true).await;
        });
        running.server.await?;
        Ok::<(), Box<dyn Error>>(())
    })?;
    service.store().engine().checkpoint()?;
    Ok(ExitCode::SUCCESS)
}

/// Begins to listen with a service, as the configuration says.
///
/// # Errors
/// Where the address or the TLS files cannot be used.
pub fn serve(service: Arc<Service>, values: &Values) -> Result<Running, HttpError> {
    let state = Data::new(State::new(service, Arc::new(MachineClock), Arc::new(TimeOrderedIds), values));
    let mut running = start(state.clone(), values)?;
    if let Some(address) = values.some_text("mllp") {
        let base =
            values.some_text("base-url").map_or_else(|| running.base(), |url| url.trim_end_matches('/').to_owned());
        let tls = tls::configuration(values)?;
        running.mllp = Some(crate::mllp::start(state, address, base, tls)?);
    }
    Ok(running)
}

/// What the configuration says of the service.
pub fn settings(values: &Values) -> Settings {
    let depth = usize::try_from(values.number("max-depth")).unwrap_or(usize::MAX);
    let limits = Limits { bytes: values.bytes("max-body"), depth, ..Limits::default() };
    Settings {
        started: MachineClock.now(),
        limits,
        bases: bases(values),
        broad_search: match values.text("broad-search") {
            "refuse" => BroadSearch::Refuse,
            _ => BroadSearch::Allow,
        },
        cors: values.some_text("cors-origins").is_some(),
        resources: match values.text("validate-resources") {
            "text" => ResourceCheck::Text,
            "profiles" => ResourceCheck::Profiles,
            _ => ResourceCheck::Structure,
        },
        documents: document_checks(values.text("validate-documents")),
        conversions: document_checks(values.text("validate-conversions")),
        example_urls: said_of(values.text("example-urls")),
        markup_in_text: said_of(values.text("markup-in-text")),
        unknown_extensions: unknown_extensions(values),
        terminology: crate::terminology_server::configured(values.some_text("terminology-server")),
        ..Settings::default()
    }
}

/// The URLs below which a reference is to a resource here: the public one; without it those by which this machine reaches itself.
fn bases(values: &Values) -> Vec<String> {
    if let Some(url) = values.some_text("base-url") {
        return vec![url.trim_end_matches('/').to_owned()];
    }
    let listen = values.text("listen");
    let scheme = if values.some_text("tls-certificate").is_some() { "https" } else { "http" };
    let port = listen.rsplit_once(':').map_or("", |(_, port)| port);
    let hosts = [listen.to_owned(), format!("localhost:{port}"), format!("127.0.0.1:{port}")];
    let mut found: Vec<String> = Vec::new();
    for host in hosts {
        let url = format!("{scheme}://{host}/fhir");
        if !found.contains(&url) {
            found.push(url);
        }
    }
    found
}

/// What the configuration says of extensions whose definition is not known.
pub(crate) fn unknown_extensions(values: &Values) -> Severity {
    match values.text("unknown-extensions") {
        "error" => Severity::Error,
        _ => Severity::Warning,
    }
}

fn document_checks(text: &str) -> DocumentChecks {
    // A text that cannot be read ended the program before.
    DocumentChecks::parse(text, &Catalog::built_in()).unwrap_or(DocumentCheck::Enforce.into())
}

/// What is said of something doubtful.
pub(crate) fn said_of(level: &str) -> Option<Severity> {
    match level {
        "error" => Some(Severity::Error),
        "warning" => Some(Severity::Warning),
        _ => None,
    }
}

async fn stop_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => return,
                _ = tokio::signal::ctrl_c() => return,
            }
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
