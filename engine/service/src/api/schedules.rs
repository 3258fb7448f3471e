//! Schedules: when each target is synchronised by itself.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::page::Page;
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
    for (name, served) in api.targets.iter().filter(|(name, _)| caller.may_touch(name).is_ok()) {
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
