//! A collector of traces: it reads what it is sent as OTLP writes it, or does not answer at all.

#![expect(clippy::unwrap_used, reason = "for tests alone, where a failure is a panic")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use prost::Message as _;
use tokio::net::TcpListener;

/// A span, as it was sent.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: Vec<u8>,
    /// The id of the span that it is part of; empty for none.
    pub parent: Vec<u8>,
    /// What it says.
    pub attributes: BTreeMap<String, String>,
    /// What stands beside it: events and links.
    pub beside: usize,
}

/// The collector.
#[derive(Clone)]
pub struct Collector {
    /// Where it takes traces.
    pub endpoint: String,
    /// It takes a message and says nothing.
    pub is_silent: Arc<AtomicBool>,
    /// What came in, as bytes.
    pub bytes: Arc<Mutex<Vec<u8>>>,
    /// The spans.
    pub spans: Arc<Mutex<Vec<Seen>>>,
    /// The headers of the last message.
    pub headers: Arc<Mutex<HeaderMap>>,
}

impl Collector {
    /// Begins to listen.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}/v1/traces", listener.local_addr().unwrap());
        let (is_silent, bytes, spans, headers) = Default::default();
        let collector = Self { endpoint, is_silent, bytes, spans, headers };
        let router = Router::new().route("/v1/traces", post(take)).with_state(collector.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        collector
    }

    /// The spans of that name.
    pub fn named(&self, name: &str) -> Vec<Seen> {
        self.spans.lock().unwrap().iter().filter(|span| span.name == name).cloned().collect()
    }
}

async fn take(State(collector): State<Collector>, headers: HeaderMap, body: Bytes) -> StatusCode {
    if collector.is_silent.load(Ordering::SeqCst) {
        std::future::pending::<()>().await;
    }
    let request = ExportTraceServiceRequest::decode(body.clone()).unwrap();
    collector.bytes.lock().unwrap().extend_from_slice(&body);
    *collector.headers.lock().unwrap() = headers;
    for span in request.resource_spans.into_iter().flat_map(|of| of.scope_spans).flat_map(|of| of.spans) {
        let attributes = span.attributes.into_iter().map(|pair| {
            let value = match pair.value.and_then(|value| value.value) {
                Some(Value::StringValue(text)) => text,
                Some(Value::IntValue(number)) => number.to_string(),
                other => format!("{other:?}"),
            };
            (pair.key, value)
        });
        collector.spans.lock().unwrap().push(Seen {
            name: span.name,
            id: span.span_id,
            parent: span.parent_span_id,
            attributes: attributes.collect(),
            beside: span.events.len() + span.links.len(),
        });
    }
    StatusCode::OK
}
