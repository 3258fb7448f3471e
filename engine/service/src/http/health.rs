//! Whether the process lives, and whether it can be asked.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use entrain_store::StoreError;
use serde_json::json;

use super::Http;

/// `/health/live` and `/health/ready`, for everybody.
pub(super) fn router(http: &Arc<Http>) -> Router {
    let live = get(async || Json(json!({ "live": true })));
    Router::new().route("/health/live", live).route("/health/ready", get(ready)).with_state(Arc::clone(http))
}

/// A halted target, and one of which the file says something else, is shown and does not make the process unready: another one would be halted just so.
async fn ready(State(http): State<Arc<Http>>) -> Response {
    let stopping = http.stopping.load(Ordering::SeqCst);
    let (database, halted) = match database(&http).await {
        Ok((true, halted)) => ("ready", halted),
        Ok((false, halted)) => ("of another schema", halted),
        Err(error) => {
            tracing::warn!("not ready: {error}");
            ("unreachable", Vec::new())
        }
    };
    let ready = database == "ready" && !stopping;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({ "ready": ready, "database": database, "stopping": stopping, "halted": halted,
        "config_differs": http.metrics.targets.differing() });
    (status, Json(body)).into_response()
}

async fn database(http: &Http) -> Result<(bool, Vec<String>), StoreError> {
    let targets = http.store.targets().await?;
    let halted = targets.into_iter().filter(|target| target.halt.is_some()).map(|target| target.name.to_string());
    Ok((http.store.is_ready().await?, halted.collect()))
}
