//! `passerelle serve`: the FHIR API under `/fhir`, until SIGTERM or SIGINT.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use actix_web::rt::System;
use actix_web::web::Data;
use interaction::{Service, Settings};
use model::{Clock, Limits};
use storage::Store;

use crate::configuration::Values;
use crate::http::{HttpError, Running, State, start};
use crate::{MachineClock, TimeOrderedIds, store};

/// Serves until it is told to stop, then lets requests under way end and shortens the journal.
pub(crate) fn run(values: &Values) -> Result<ExitCode, Box<dyn Error>> {
    let store = store::open(values.text("engine"), Path::new(values.text("data")))?;
    let kept = store.clone();
    System::new().block_on(async {
        let running = serve(store, values)?;
        println!("Passerelle serves {}", running.base());
        let handle = running.handle();
        actix_web::rt::spawn(async move {
            stop_signal().await;
            tracing::info!("stopping");
            handle.stop(true).await;
        });
        running.server.await?;
        Ok::<(), Box<dyn Error>>(())
    })?;
    kept.engine().checkpoint()?;
    Ok(ExitCode::SUCCESS)
}

/// Begins to listen over a store, as the configuration says.
///
/// # Errors
/// Where the address or the TLS files cannot be used.
pub fn serve(store: Store, values: &Values) -> Result<Running, HttpError> {
    let service = Arc::new(Service::new(store, settings(values)));
    let state = State::new(service, Arc::new(MachineClock), Arc::new(TimeOrderedIds), values);
    start(Data::new(state), values)
}

/// What the configuration says of the service.
pub(crate) fn settings(values: &Values) -> Settings {
    let depth = usize::try_from(values.number("max-depth")).unwrap_or(usize::MAX);
    let limits = Limits { bytes: values.bytes("max-body"), depth, ..Limits::default() };
    Settings { started: MachineClock.now(), limits, ..Settings::default() }
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
