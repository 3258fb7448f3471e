//! What surrounds every request: an id, a time limit, a size limit, no panic that ends more than itself, safe headers.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use uuid::Uuid;

use super::Http;
use super::problem::Problem;

/// The largest body, in bytes, unless a route says otherwise.
const LARGEST_BODY: usize = 4 << 20;

/// How long a request may take, its body included.
const LONGEST: Duration = Duration::from_secs(60);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Headers that every answer has, unless its route says otherwise.
const SAFE: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// The id of a request, which its answer and the log carry.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub(crate) String);

/// The router with its frame.
pub(super) fn around(router: Router, _http: &Arc<Http>) -> Router {
    router.layer(DefaultBodyLimit::max(LARGEST_BODY)).layer(middleware::from_fn(frame))
}

async fn frame(mut request: Request, next: Next) -> Response {
    let id = RequestId(Uuid::now_v7().to_string());
    let (method, path) = (request.method().clone(), route(&request));
    request.extensions_mut().insert(id.clone());
    let mut response = if is_too_large(&request) {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("a body may have {LARGEST_BODY} bytes")).into_response()
    } else {
        guarded(request, next).await
    };
    let status = response.status().as_u16();
    tracing::debug!(request = id.0, %method, path, status, "answered");
    let headers = response.headers_mut();
    for (name, value) in SAFE {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if let Ok(id) = HeaderValue::from_str(&id.0) {
        headers.insert(REQUEST_ID, id);
    }
    response
}

/// What of the path is worth a line: the rest may hold logins.
fn route(request: &Request) -> String {
    request.uri().path().split('/').take(4).collect::<Vec<_>>().join("/")
}

fn is_too_large(request: &Request) -> bool {
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    length.is_some_and(|length| length > LARGEST_BODY)
}

async fn guarded(request: Request, next: Next) -> Response {
    match tokio::time::timeout(LONGEST, AssertUnwindSafe(next.run(request)).catch_unwind()).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            tracing::error!("a request met a fault of this program; what it had begun to write was not kept");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "a fault of this program; the log has it under the request id")
                .into_response()
        }
        Err(_) => {
            Problem::new(StatusCode::GATEWAY_TIMEOUT, "the request took too long; what it had begun may go on").into_response()
        }
    }
}
