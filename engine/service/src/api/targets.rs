//! Targets and how they stand.

use axum::Json;
use axum::extract::State;

use super::Api;
use super::extract::At;
use super::page::Page;
use crate::http::access::Caller;
use crate::http::problem::Problem;
use crate::view::{TargetCheckup, TargetState};
use crate::wiring::checkup;

/// The targets and how they stand
#[utoipa::path(get, path = "/targets", tag = "targets", responses((status = 200, body = Page<TargetState>)))]
pub(super) async fn list(State(api): State<Api>, caller: Caller) -> Result<Json<Page<TargetState>>, Problem> {
    let mut targets = Vec::new();
    for (name, served) in api.targets.all() {
        if caller.may_touch(&name).is_ok() {
            targets.push(TargetState::of(api.engine.store(), &served.config()).await?);
        }
    }
    Ok(Json(Page::whole(targets)))
}

/// One target and how it stands
#[utoipa::path(get, path = "/targets/{target}", tag = "targets", params(("target" = String, Path)),
    responses((status = 200, body = TargetState)))]
pub(super) async fn show(State(api): State<Api>, caller: Caller, At(target): At<String>) -> Result<Json<TargetState>, Problem> {
    let config = api.served(&caller, &target)?.config();
    Ok(Json(TargetState::of(api.engine.store(), &config).await?))
}

/// Signs in and looks at everything that a run needs; changes nothing
///
/// Permissions that are missing or more than is needed, domains, size, quota, the end of the credential.
#[utoipa::path(post, path = "/targets/{target}/test", tag = "targets", params(("target" = String, Path)),
    responses((status = 200, body = TargetCheckup)))]
pub(super) async fn test(State(api): State<Api>, caller: Caller, At(target): At<String>) -> Result<Json<TargetCheckup>, Problem> {
    let config = api.served(&caller, &target)?.config();
    let found = checkup(&config, api.clock.clone()).await?;
    Ok(Json(TargetCheckup::of(config.name.as_str(), &found)))
}
