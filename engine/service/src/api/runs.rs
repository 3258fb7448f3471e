//! Runs: what was done, what is under way, and starting one.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use entrain_model::{Reason, RunId, Scope};
use entrain_store::{LineFilter, RunFilter, RunKind, RunRow, RunState};
use entrain_sync::Ask;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::extract::{Asked, At, Body};
use super::page::{self, Page};
use super::{Api, about};
use crate::http::access::Caller;
use crate::http::problem::Problem;
use crate::jobs::Job;
use crate::view::{Line, Run, Trouble};

/// Which runs.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct RunsAsked {
    /// Only those of this target.
    #[param(pattern = r"^[^\x00]*$")]
    target: Option<String>,
    /// Only those that stand so.
    #[param(value_type = Option<RunStateWord>, inline)]
    state: Option<RunState>,
    /// Only those that do this.
    #[param(value_type = Option<RunKindWord>, inline)]
    kind: Option<RunKind>,
    /// `next` of the page before.
    #[param(pattern = r"^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
    /// How many at most.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u64>,
}

/// Which part of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PageAsked {
    /// `next` of the page before.
    #[param(pattern = r"^[A-Za-z0-9_-]+$")]
    pub(super) cursor: Option<String>,
    /// How many at most.
    #[param(minimum = 1, maximum = 500)]
    pub(super) limit: Option<u64>,
}

/// Which changes of a plan.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ChangesAsked {
    /// `guarded`: only what needs approval.
    #[param(inline)]
    part: Option<Part>,
    /// `next` of the page before.
    #[param(pattern = r"^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
    /// How many at most.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u64>,
}

/// A part of a plan.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Part {
    /// All of it.
    All,
    /// What needs approval.
    Guarded,
}

/// How a run may stand.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "it is the description of `RunState`")]
enum RunStateWord {
    Running,
    Converged,
    Partial,
    Held,
    Halted,
    Planned,
    Rejected,
    Failed,
    Superseded,
}

/// What a run may do.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "it is the description of `RunKind`")]
enum RunKindWord {
    Sync,
    DryRun,
    Plan,
    Apply,
    Undo,
}

/// A run that is to begin.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRun {
    /// The target.
    #[schema(pattern = r"^[^\x00]*$")]
    target: String,
    /// What it does.
    job: Job,
}

/// A run that has begun.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StartedRun {
    /// Its id: `GET /runs/{run}` shows how it goes.
    pub(super) run: String,
}

/// The runs, newest first
#[utoipa::path(get, path = "/runs", tag = "runs", params(RunsAsked), responses((status = 200, body = Page<Run>)))]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Asked(asked): Asked<RunsAsked>,
) -> Result<Json<Page<Run>>, Problem> {
    let filter = RunFilter { target: about(&caller, asked.target)?, state: asked.state, kind: asked.kind };
    let size = page::size(asked.limit)?;
    let after: Option<RunId> = page::place(asked.cursor.as_deref())?;
    let rows = api.engine.store().runs_page(&filter, after.as_ref(), size + 1).await?;
    Ok(Json(Page::of(rows, size, |row| row.id.clone(), |row| Run::of(&row))))
}

/// One run with its report
#[utoipa::path(get, path = "/runs/{run}", tag = "runs", params(("run" = String, Path)), responses((status = 200, body = Run)))]
pub(super) async fn show(State(api): State<Api>, caller: Caller, At(run): At<String>) -> Result<Json<Run>, Problem> {
    Ok(Json(Run::of(&api.run(&caller, &run).await?)))
}

/// What a run did not do, object by object, in words and with what to do about it
#[utoipa::path(get, path = "/runs/{run}/errors", tag = "runs", params(("run" = String, Path), PageAsked),
    responses((status = 200, body = Page<Trouble>)))]
pub(super) async fn errors(
    State(api): State<Api>,
    caller: Caller,
    At(run): At<String>,
    Asked(asked): Asked<PageAsked>,
) -> Result<Json<Page<Trouble>>, Problem> {
    let (run, size) = (api.run(&caller, &run).await?.id, page::size(asked.limit)?);
    let after: i64 = page::place(asked.cursor.as_deref())?.unwrap_or(0);
    let rows = api.engine.store().lines_page(&run, LineFilter::Troubled, after, size + 1).await?;
    Ok(Json(Page::of(rows, size, |line| line.seq, |line| Trouble::of(&line))))
}

/// The plan of a run, change by change
#[utoipa::path(get, path = "/runs/{run}/changes", tag = "runs", params(("run" = String, Path), ChangesAsked),
    responses((status = 200, body = Page<Line>)))]
pub(super) async fn changes(
    State(api): State<Api>,
    caller: Caller,
    At(run): At<String>,
    Asked(asked): Asked<ChangesAsked>,
) -> Result<Json<Page<Line>>, Problem> {
    let (run, size) = (api.run(&caller, &run).await?.id, page::size(asked.limit)?);
    let after: i64 = page::place(asked.cursor.as_deref())?.unwrap_or(0);
    let filter = match asked.part {
        Some(Part::Guarded) => LineFilter::Guarded,
        Some(Part::All) | None => LineFilter::All,
    };
    let rows = api.engine.store().lines_page(&run, filter, after, size + 1).await?;
    Ok(Json(Page::of(rows, size, |line| line.seq, |line| Line::of(&line))))
}

/// Starts a run over everything
///
/// The answer comes when it has begun; it goes on by itself.
#[utoipa::path(post, path = "/runs", tag = "runs", request_body = NewRun, responses((status = 202, body = StartedRun)))]
pub(super) async fn start(
    State(api): State<Api>,
    caller: Caller,
    Body(new): Body<NewRun>,
) -> Result<(StatusCode, Json<StartedRun>), Problem> {
    let target = api.ready(&caller, &new.target)?;
    let engine = api.engine(&caller);
    new.job.prepare(&engine, &target.name).await?;
    let ask = Ask { kind: new.job.kind(), ..Ask::sync(Scope::Everything, Reason::Operator) };
    let going = api.begin(move |began| async move { engine.reconcile(&target, ask, began.as_ref()).await }).await?;
    Ok((StatusCode::ACCEPTED, Json(StartedRun { run: going.run.to_string() })))
}

impl Api {
    /// A run of a target that the caller may see.
    pub(super) async fn run(&self, caller: &Caller, id: &str) -> Result<RunRow, Problem> {
        let row = self.engine.store().run(&RunId::from(id)).await?;
        let row = row.ok_or_else(|| Problem::missing("such run: GET /runs lists them"))?;
        caller.may_touch(&row.target)?;
        Ok(row)
    }
}
