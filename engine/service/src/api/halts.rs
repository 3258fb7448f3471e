//! Halts: targets that are stopped, stopping one on purpose, and letting one go on.

use axum::Json;
use axum::extract::State;
use entrain_sync::Resumed;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Api;
use super::extract::{At, Body};
use super::holds::Because;
use super::page::Page;
use crate::http::access::Caller;
use crate::http::problem::Problem;
use crate::view::{HaltedTarget, ObjectName, TargetState};
use crate::wiring::connect_in_force;

/// How a target is resumed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Resuming {
    /// Park this object first.
    hold: Option<ObjectName>,
}

/// What came of it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Resumption {
    /// `released`: it goes on. `not_halted`: it was not halted.
    resumed: &'static str,
}

/// The targets that are stopped, and why
#[utoipa::path(get, path = "/halts", tag = "targets", responses((status = 200, body = Page<HaltedTarget>)))]
pub(super) async fn list(State(api): State<Api>, caller: Caller) -> Result<Json<Page<HaltedTarget>>, Problem> {
    let targets = api.engine.store().targets().await?.into_iter().filter(|row| caller.may_touch(&row.name).is_ok());
    let halted = targets.filter_map(|row| Some(HaltedTarget { target: row.name.to_string(), halt: row.halt? }));
    Ok(Json(Page::whole(halted.collect())))
}

/// Stops a target until it is resumed
///
/// Calls on the wire finish and are recorded; the queue keeps collecting.
#[utoipa::path(post, path = "/targets/{target}/pause", tag = "targets", params(("target" = String, Path)), request_body = Because,
    responses((status = 200, body = TargetState)))]
pub(super) async fn pause(
    State(api): State<Api>,
    caller: Caller,
    At(target): At<String>,
    Body(because): Body<Because>,
) -> Result<Json<TargetState>, Problem> {
    let config = api.served(&caller, &target)?.config();
    api.engine(&caller).pause(&config.name, because.reason()?).await?;
    Ok(Json(TargetState::of(api.engine.store(), &config).await?))
}

/// Tries again what stopped a target, and lets it go on if that passes
#[utoipa::path(post, path = "/targets/{target}/resume", tag = "targets", params(("target" = String, Path)),
    request_body = Resuming, responses((status = 200, body = Resumption)))]
pub(super) async fn resume(
    State(api): State<Api>,
    caller: Caller,
    At(target): At<String>,
    Body(asked): Body<Resuming>,
) -> Result<Json<Resumption>, Problem> {
    let config = api.served(&caller, &target)?.config();
    let target = connect_in_force(&api.store(&caller), &config, api.clock.clone(), None).await?.target;
    let hold = asked.hold.map(|object| object.object());
    let hold = hold.as_ref().map(|object| (object, "parked when the target was resumed"));
    let resumed = match api.engine(&caller).resume(&target, hold).await? {
        Resumed::NotHalted => "not_halted",
        Resumed::Released => "released",
        Resumed::StillHalted(halt) => return Err(super::start::halted(&format!("it fails again: {}", halt.message))),
    };
    Ok(Json(Resumption { resumed }))
}
