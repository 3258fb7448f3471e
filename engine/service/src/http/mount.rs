//! What is mounted where, and behind which door.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::access::{Caller, Door, Role, guard};
use super::problem::Problem;
use super::{Http, health};
use crate::metrics;

/// The routers of the ways in. Their paths are relative to where they are mounted, and their state is given already.
#[derive(Default)]
pub(crate) struct Mounted {
    /// `/scim/v2`, for SCIM clients; it answers every path itself.
    pub(crate) scim: Router,
    /// `/api/v1`, for API keys.
    pub(crate) api: Router,
    /// `/api/v1/events`, without a door: its requests are signed one by one, and it checks that itself.
    pub(crate) events: Router,
    /// `/auth`, where people sign in; it has no door, since nobody is known there yet.
    pub(crate) auth: Router,
    /// What is open to everybody, such as a description of an interface.
    pub(crate) open: Router,
}

/// Everything that the server answers. What has no answer is a problem too, and behind a door only for those who may enter.
pub(super) fn mount(http: &Arc<Http>, mounted: Mounted) -> Router {
    let scim = guard(mounted.scim, Door::Scim("/scim/v2"), http);
    let api = mounted.api.merge(whoami()).fallback(missing).method_not_allowed_fallback(other_method);
    let figures = Router::new().route("/metrics", get(figures)).with_state(Arc::clone(http));
    Router::new()
        .merge(mounted.open)
        .merge(health::router(http))
        .merge(guard(figures, Door::Api("/metrics"), http))
        .nest("/auth", mounted.auth)
        .nest("/scim/v2", scim)
        .nest("/api/v1/events", mounted.events)
        .nest("/api/v1", guard(api, Door::Api("/api/v1"), http))
        .fallback(missing)
        .method_not_allowed_fallback(other_method)
}

/// `/whoami`: what a credential is good for.
fn whoami() -> Router {
    Router::new().route("/whoami", get(async |caller: Caller| Json(shown(&caller))))
}

fn shown(caller: &Caller) -> Value {
    let Caller { name, role, targets, kind } = caller;
    json!({ "name": name, "role": role, "targets": targets, "kind": kind.as_str() })
}

async fn figures(State(http): State<Arc<Http>>, caller: Caller) -> Result<axum::response::Response, Problem> {
    caller.require(Role::Viewer)?;
    caller.require_all_targets()?;
    Ok(metrics::answer(State(Arc::clone(&http.metrics))).await)
}

async fn missing() -> Problem {
    Problem::not_found()
}

async fn other_method() -> Problem {
    Problem::new(axum::http::StatusCode::METHOD_NOT_ALLOWED, "this address does not know this method")
}
