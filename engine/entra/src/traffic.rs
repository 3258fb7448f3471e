//! What went over the wire: counts for reports, and a hook for those who want to see each request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use entrain_model::TRACE;
use tracing::{Span, field, info_span};

/// Counts since the connection was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// HTTP requests to Graph; a batch is one. Tokens are not counted.
    pub requests: u64,
    /// Requests that change something; each part of a batch is one.
    pub writes: u64,
}

/// One request and its answer. It carries no values and no names of people: `path` has ids, and placeholders for the rest.
#[derive(Clone, Debug)]
pub struct Exchange<'a> {
    /// The HTTP method.
    pub method: &'a str,
    /// The path as it may be logged, for instance `/users/{userPrincipalName}`.
    pub path: &'a str,
    /// The properties in the body, without their values.
    pub properties: Vec<&'a str>,
    /// The HTTP status; none if no answer came.
    pub status: Option<u16>,
    /// The directory's id of the request.
    pub request_id: Option<&'a str>,
    /// How long the call took; for a part of a batch, how long the batch took.
    pub elapsed: Duration,
    /// How it was sent.
    pub carriage: Carriage,
}

/// How a request was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carriage {
    /// As an HTTP request of its own.
    Alone,
    /// As one part of a `$batch`.
    InBatch,
}

/// Is told of each request once it was answered or given up. It must return at once.
pub trait Observer: Send + Sync {
    /// Takes one.
    fn seen(&self, exchange: &Exchange<'_>);
}

/// The span of one HTTP request, for traces. It has what an [`Exchange`] has of it.
pub(crate) fn span(method: &str, path: &str, writes: u64) -> Span {
    info_span!(
        target: TRACE, "request", http.request.method = method, url.template = path, request.writes = writes,
        http.response.status_code = field::Empty, request.id = field::Empty
    )
}

/// Says of a request what was answered.
pub(crate) fn answered(span: &Span, status: Option<u16>, request_id: Option<&str>) {
    span.record("http.response.status_code", status).record("request.id", request_id);
}

/// Counts, and tells the observer.
#[derive(Clone, Default)]
pub(crate) struct Meter {
    requests: Arc<AtomicU64>,
    writes: Arc<AtomicU64>,
    observer: Option<Arc<dyn Observer>>,
}

impl Meter {
    pub(crate) fn new(observer: Option<Arc<dyn Observer>>) -> Self {
        Self { observer, ..Self::default() }
    }

    pub(crate) fn sent(&self, writes: u64) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.writes.fetch_add(writes, Ordering::Relaxed);
    }

    pub(crate) fn seen(&self, exchange: &Exchange<'_>) {
        tracing::debug!(
            method = exchange.method,
            path = exchange.path,
            properties = exchange.properties.join(","),
            status = exchange.status,
            request_id = exchange.request_id,
            elapsed_ms = exchange.elapsed.as_millis(),
            "graph"
        );
        if let Some(observer) = &self.observer {
            observer.seen(exchange);
        }
    }

    pub(crate) fn traffic(&self) -> Traffic {
        Traffic { requests: self.requests.load(Ordering::Relaxed), writes: self.writes.load(Ordering::Relaxed) }
    }
}
