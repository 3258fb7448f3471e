//! Targets and how they stand.

use axum::Json;
use axum::extract::State;

use super::Api;
use super::extract::At;
use super::page::Page;
use crate::http::access::Caller;
use crate::http::problem::Problem;
use crate::view::TargetState;

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
