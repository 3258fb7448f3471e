//! The log: always on the standard error, as the configuration says.

use std::io::IsTerminal as _;

use anyhow::anyhow;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use super::session::Usage;
use crate::config::{LogConfig, LogFormat};
use crate::telemetry::Traces;

/// How much of the log a command wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Volume {
    /// What the configuration says: for a service.
    Full,
    /// Warnings and errors, unless `RUST_LOG` says otherwise: for a command that gives an answer.
    Quiet,
}

/// Libraries that tell of every request and tick at level `info`, and of whole statements at `warn`. What the operator's own
/// directives say of them wins.
const LIBRARIES: &str = "azure_core=warn,azure_identity=warn,sqlx=error,typespec_client_core=warn,tokio_cron_scheduler=warn,\
                         opentelemetry=warn,opentelemetry_sdk=warn,opentelemetry_otlp=warn,entrain_trace=off";

/// Starts the log of this process. A second start does nothing.
pub(super) fn start(config: &LogConfig, volume: Volume, traces: Option<&Traces>) -> anyhow::Result<()> {
    let level = match volume {
        Volume::Full => config.level.clone(),
        Volume::Quiet => std::env::var("RUST_LOG").unwrap_or_else(|_| "warn".to_owned()),
    };
    let filter = EnvFilter::try_new(format!("{LIBRARIES},{level}"));
    let filter = filter.map_err(|error| anyhow!(Usage(format!("log.level: `{level}`: {error}"))))?;
    let terminal = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(terminal);
    let lines = match config.format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    // The only error is that this process has a log already.
    let _ = tracing_subscriber::registry().with(lines.with_filter(filter)).with(traces.map(Traces::layer)).try_init();
    Ok(())
}
