//! Traces over OTLP: a span for each run, its pages, its batches and its requests. They have ids, counts and durations, and nothing that
//! says who somebody is. Nobody waits for them: what a collector does not take in time is dropped.

mod carrier;

use std::collections::HashMap;
use std::time::Duration;

use entrain_model::TRACE;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider};
use secrecy::ExposeSecret as _;
use tracing::{Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;

use crate::config::{SourcedError, TracesConfig};
use carrier::Carrier;

/// So many spans wait for the collector; what comes when there are more is dropped.
const WAITING: usize = 16_384;

/// How long one message to the collector may take, and the last ones when the process ends.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why there are no traces.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// A header is not where the configuration says.
    #[error("traces.headers: {0}")]
    Header(#[from] SourcedError),
    /// The collector's address or a header cannot be used.
    #[error("traces: {0}")]
    Exporter(#[from] ExporterBuildError),
    /// The HTTP client cannot be made.
    #[error("traces: {0}")]
    Client(#[from] reqwest::Error),
}

/// Traces under way.
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Begins, if the configuration names a collector. It is not asked whether it is there.
    ///
    /// # Errors
    /// The configuration cannot be used.
    pub fn begin(config: &TracesConfig) -> Result<Option<Self>, TracesError> {
        let Some(endpoint) = &config.endpoint else { return Ok(None) };
        let mut headers = HashMap::new();
        for (name, value) in &config.headers {
            headers.insert(name.clone(), value.read("a header for the collector of traces")?.expose_secret().to_owned());
        }
        let exporter = SpanExporter::builder().with_http().with_http_client(Carrier::new(PATIENCE)?);
        let exporter = exporter.with_endpoint(endpoint).with_headers(headers).with_timeout(PATIENCE).build()?;
        let batches =
            BatchConfigBuilder::default().with_max_queue_size(WAITING).with_scheduled_delay(Duration::from_secs(1)).build();
        let processor = BatchSpanProcessor::builder(exporter).with_batch_config(batches).build();
        let resource = Resource::builder().with_service_name("entrain").build();
        Ok(Some(Self(SdkTracerProvider::builder().with_span_processor(processor).with_resource(resource).build())))
    }

    /// What takes the spans of a subscriber.
    pub fn layer<S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync>(&self) -> impl Layer<S> + Send + Sync + use<S> {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("entrain"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(Targets::new().with_target(TRACE, Level::INFO))
    }

    /// Sends what is still waiting. A collector that is not there is not waited for longer than a few seconds.
    pub async fn end(self) {
        let ended = tokio::task::spawn_blocking(move || self.0.shutdown_with_timeout(PATIENCE)).await;
        if let Ok(Err(error)) = ended {
            tracing::warn!("the last traces did not reach their collector: {error}");
        }
    }
}
