//! `entrain serve`: every target is kept in step until the process is told to stop.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Context as _;
use entrain_model::ObjectRef;
use entrain_sync::{Direct, Report, SyncError};
use tokio::signal::unix::{SignalKind, signal};

use super::args::Global;
use super::session::{Usage, clock, store};
use super::{Exit, logging};
use crate::config::Config;
use crate::telemetry::Traces;
use crate::vault;
use crate::wiring::Service;

pub(super) async fn run(global: &Global) -> anyhow::Result<Exit> {
    let mut config = Config::load(&global.config)?;
    if config.targets.is_empty() {
        return Err(Usage(format!("{} has no [[target]] block, so there is nothing to serve", global.config.display())).into());
    }
    let traces = Traces::begin(&config.traces)?;
    logging::start(&config.log, logging::Volume::Full, traces.as_ref())?;
    let clock = clock(global, &config)?;
    let store = store(&config, Arc::clone(&clock)).await?.acting_as("entrain serve");
    vault::unseal(&mut config, &store).await;
    let service = Service::start(&config, Some(&global.config), store, clock, Arc::new(Log), None).await?;
    tracing::info!(targets = config.targets.len(), "serving");
    stopped().await?;
    tracing::info!("stopping: what is on the wire is finished first; a second signal ends at once");
    tokio::select! {
        () = service.stop() => {}
        again = stopped() => {
            again?;
            tracing::warn!("ended at once; what was on the wire is looked for at the next start");
            return Ok(Exit::Failure);
        }
    }
    if let Some(traces) = traces {
        traces.end().await;
    }
    Ok(Exit::Converged)
}

/// Returns when the process is told to stop.
async fn stopped() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("signals cannot be received")?;
    tokio::select! {
        interrupt = tokio::signal::ctrl_c() => interrupt.context("signals cannot be received"),
        _ = terminate.recv() => Ok(()),
    }
}

/// Direct syncs go to the log: ids and counts, never values.
struct Log;

impl Direct for Log {
    fn synced(&self, objects: &BTreeSet<ObjectRef>, result: &Result<Report, SyncError>) {
        let one = objects.first().map(ToString::to_string);
        match result {
            Ok(report) => tracing::info!(
                target = %report.target, objects = objects.len(), first = one, state = report.state.as_str(),
                done = ?report.done, held = ?report.held, "direct sync"
            ),
            Err(error) => tracing::warn!(objects = objects.len(), first = one, "direct sync is tried again: {error}"),
        }
    }
}
