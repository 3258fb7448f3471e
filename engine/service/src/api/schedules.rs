//! Schedules: when each target is synchronised by itself. They are a part of its settings.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json_;
use utoipa::ToSchema;

use super::Api;
use super::extract::{At, Body};
use super::page::Page;
use super::settings::Tagged;
use crate::cli::utc;
use crate::http::access::Caller;
use crate::http::problem::Problem;
use crate::jobs::Job;
use crate::wiring;

/// When a job of a target is due.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Scheduled {
    target: String,
    job: Job,
    /// Second, minute, hour, day of month, month, day of week; `null` where none is set.
    cron: Option<String>,
    /// The time zone in which it is read.
    time_zone: String,
    /// When it is due next.
    #[schema(format = DateTime)]
    next_due_at: Option<String>,
    /// When it was last done: for `full-sync`, when all of the tenant was last read; for `delta-sync`, when the last
    /// successful sync ended.
    #[schema(format = DateTime)]
    last_at: Option<String>,
}

/// What is scheduled, target by target
#[utoipa::path(get, path = "/schedules", tag = "targets", responses((status = 200, body = Page<Scheduled>)))]
pub(super) async fn list(State(api): State<Api>, caller: Caller) -> Result<Json<Page<Scheduled>>, Problem> {
    let mut scheduled = Vec::new();
    for (name, served) in &api.targets.all() {
        if caller.may_touch(name).is_err() {
            continue;
        }
        let (store, schedule) = (api.engine.store(), served.config().schedule);
        let row = store.target(name).await?;
        let zone = schedule.time_zone.name().to_owned();
        scheduled.push(Scheduled {
            target: name.to_string(),
            job: Job::DeltaSync,
            cron: Some(schedule.expression.clone()),
            time_zone: zone.clone(),
            next_due_at: row.as_ref().and_then(|row| row.next_due_at).map(utc),
            last_at: row.as_ref().and_then(|row| row.last_full_at).map(utc),
        });
        let read = wiring::last_read(store, name).await?;
        scheduled.push(Scheduled {
            target: name.to_string(),
            job: Job::FullSync,
            cron: schedule.full.as_ref().map(|full| full.expression.clone()),
            time_zone: zone,
            next_due_at: wiring::next_full(&schedule, store.now()).map(utc),
            last_at: read.map(utc),
        });
    }
    Ok(Json(Page::whole(scheduled)))
}

/// When a target is synchronised by itself.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Times {
    /// Second, minute, hour, day of month, month, day of week; without it every four hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    cron: Option<String>,
    /// When all of the tenant is read anew; without it every seven days.
    #[serde(skip_serializing_if = "Option::is_none")]
    full_cron: Option<String>,
    /// The time zone in which both are read; without it UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    time_zone: Option<String>,
    /// Each start is later by up to this, as in `5m`.
    #[serde(skip_serializing_if = "Option::is_none")]
    jitter: Option<String>,
}

/// When a target is synchronised by itself, as it is set
#[utoipa::path(get, path = "/targets/{target}/schedule", operation_id = "show_schedule", tag = "targets",
    params(("target" = String, Path)),
    responses((status = 200, body = Times, headers(("ETag" = String, description = "The revision of the settings")))))]
pub(super) async fn show(State(api): State<Api>, caller: Caller, At(target): At<String>) -> Result<Tagged<Times>, Problem> {
    let row = api.row(&caller, &target).await?;
    let times = row.body.get("schedule").cloned().unwrap_or_else(|| Json_::Object(serde_json::Map::new()));
    let times = serde_json::from_value(times);
    let times = times.map_err(|error| Problem::conflict(format!("the schedule of target `{target}`: {error}")))?;
    Ok(Tagged::ok(times, row.revision))
}

/// Sets when a target is synchronised by itself; runs that are under way go on
#[utoipa::path(put, path = "/targets/{target}/schedule", operation_id = "put_schedule", tag = "targets",
    params(("target" = String, Path), ("If-Match" = Option<String>, Header, description = "The revision that was read, as its ETag")),
    request_body = Times,
    responses((status = 200, body = Times, headers(("ETag" = String, description = "The revision of the settings")))))]
pub(super) async fn put(
    State(api): State<Api>,
    caller: Caller,
    At(target): At<String>,
    headers: HeaderMap,
    Body(times): Body<Times>,
) -> Result<Tagged<Times>, Problem> {
    let row = api.row(&caller, &target).await?;
    let schedule = serde_json::to_value(&times).map_err(|error| Problem::refused(error.to_string()))?;
    let mut body = row.body.clone();
    body.insert("schedule".to_owned(), schedule);
    let row = api.make_so(&caller, &row, &headers, body).await?;
    Ok(Tagged::ok(times, row.revision))
}
